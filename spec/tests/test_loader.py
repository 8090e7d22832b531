"""Tests the loader: the behaviours that it makes of valid files, and its messages for invalid ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from luasocket_spec import CAPABILITIES, Behaviour, Spec, SpecError, load
from luasocket_spec import model as m
from luasocket_spec.__main__ import main
from luasocket_spec.reading.loader import SUBJECTS

Beside = Callable[[str, bytes], Path]


def problems(path: Path) -> list[str]:
    with pytest.raises(SpecError) as caught:
        load(path)
    assert str(caught.value) == "\n".join(map(str, caught.value.problems))
    return [str(problem) for problem in caught.value.problems]


# -- invalid files


def test_invalid(case: Any, beside: Beside) -> None:
    expected = [f"{case.place}:{line}: {sentence}" for line, sentence in case.problems]
    assert expected, "the case names no problem"
    assert problems(beside(case.place, case.path.read_bytes())) == expected


def test_invalid_without_libyaml(case: Any, beside: Beside, monkeypatch: pytest.MonkeyPatch) -> None:
    """The parser in Python gives the same messages, except for the wording of syntax errors."""
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    expected = [f"{case.place}:{line}: {sentence}" for line, sentence in case.problems]
    found = problems(beside(case.place, case.path.read_bytes()))
    if "This is not YAML" in expected[0]:
        assert [line.partition(" YAML: ")[0] for line in found] == [line.partition(" YAML: ")[0] for line in expected]
    else:
        assert found == expected


@pytest.mark.parametrize(
    ("place", "content", "expected"),
    [
        ("behaviours/a.yaml", b"", "behaviours/a.yaml:1: The file is empty: write its content, or delete it."),
        (
            "behaviours/a.yaml",
            b"about: a\nbehaviours: \xff\n",
            "behaviours/a.yaml:2: This is not UTF-8: save the file as UTF-8.",
        ),
        (
            "behaviours/a.yml",
            b"",
            "behaviours/a.yml:1: Only files that end in .yaml belong here: rename or remove it.",
        ),
        (
            "statements/z.yaml",
            b"\xef\xbb\xbfabout: a\nstatements: {a/b: It is so.}\n",
            "statements/z.yaml:1: The file begins with a byte order mark: save it as UTF-8 without one.",
        ),
        (
            "statements/z.yaml",
            b"about: a\nstatements: {client:receive/timeout: It is late.}\n",
            (
                "statements/z.yaml:2: The statement `client:receive/timeout` is in statements/client.yaml:5"
                " already: choose another id."
            ),
        ),
    ],
)
def test_invalid_bytes(place: str, content: bytes, expected: str, beside: Beside) -> None:
    assert problems(beside(place, content)) == [expected]


ONE = b"""about: a
behaviours:
  - {id: c, says: A., authority: observed, steps: [{call: socket.tcp, returns: []}]}
"""

ROW = b"""about: a
behaviours:
  - id: b
    says: A.
    authority: observed
    cases:
      c: {x: 1}
    steps: [{call: socket.skip, with: [$x], returns: []}]
"""


def test_path_is_part_of_the_identity(beside: Beside) -> None:
    assert "\n".join(problems(beside("behaviours/Tcp/a.yaml", ONE))) == (
        "behaviours/Tcp/a.yaml:1: The path is part of the identity, and `Tcp` is not made of lower-case words joined"
        " by `-`: rename it."
    )


def test_identity_twice_through_a_case(beside: Beside) -> None:
    """The row of one file and the behaviour of another can have one identity."""
    beside("behaviours/a.yaml", ROW)
    # behaviours/a/b.yaml is read first: directories and files go by their names
    assert problems(beside("behaviours/a/b.yaml", ONE)) == [
        "behaviours/a.yaml:7: The id `a/b/c` is in behaviours/a/b.yaml:3 already: choose another."
    ]


def test_problems_of_all_files_are_reported_in_order(beside: Beside) -> None:
    beside("behaviours/z.yaml", b"about: a\n")
    assert [line.partition(": ")[0] for line in problems(beside("behaviours/b.yaml", b"\nabout: 1\nabout: b\n"))] == [
        "behaviours/b.yaml:2",
        "behaviours/b.yaml:2",
        "behaviours/b.yaml:3",
        "behaviours/z.yaml:1",
    ]


def test_no_directory(tmp_path: Path) -> None:
    assert problems(tmp_path / "gone") == [
        f"{tmp_path / 'gone'}:1: There is no such directory: name one that contains behaviours/."
    ]


def test_no_behaviours(tmp_path: Path) -> None:
    assert problems(tmp_path) == ["behaviours:1: There are no behaviours: write behaviours/SUBJECT.yaml."]


# -- valid files


@pytest.fixture
def spec(valid: Path) -> Spec:
    return load(valid)


@pytest.fixture
def behaviours(spec: Spec) -> Mapping[str, Behaviour]:
    return {behaviour.id.removeprefix("everything/"): behaviour for behaviour in spec.behaviours}


def call(behaviour: Behaviour, number: int) -> m.Call:
    step = behaviour.steps[number]
    assert isinstance(step, m.Call)
    return step


def test_every_subject_that_is_shipped_has_its_place() -> None:
    files = dict.fromkeys(behaviour.source.file for behaviour in load().behaviours)
    assert list(files) == [f"behaviours/{subject}.yaml" for subject in SUBJECTS]


def test_identities_are_in_the_order_of_the_files(behaviours: Mapping[str, Behaviour]) -> None:
    assert list(behaviours) == [
        "plain",
        "values",
        "functions",
        "callable",
        "inheriting",
        "system",
        "peers",
        "readings",
        "cases/first",
        "cases/second",
        "product/one-true",
        "product/one-2",
        "product/one-all",
        "product/two-true",
        "product/two-2",
        "product/two-all",
    ]


def test_behaviour(behaviours: Mapping[str, Behaviour], spec: Spec) -> None:
    plain = behaviours["plain"]
    assert plain.about == "the format"
    assert plain.says == "A line read that times out returns what had arrived."
    assert plain.hint == "Keep it."
    assert plain.covers == ("client:receive/timeout", "client:receive/partial")
    assert plain.authority == "documented"
    assert plain.dialects == m.DIALECTS
    assert plain.needs == ("linux", "descriptors"), "its own, then those of its fixtures"
    assert plain.source == m.Source("behaviours/everything.yaml", 5)
    assert plain.disagrees is None
    assert [name for name, _ in plain.given] == ["client", "master"]
    assert plain.given[0][1] is spec.fixtures["client"], "fixtures are shared"


def test_steps(behaviours: Mapping[str, Behaviour]) -> None:
    send, settimeout, receive, get, read, assign, make, rawequal, drop = behaviours["plain"].steps
    assert isinstance(send, m.PeerStep)
    assert (send.action.who, send.action.verb, send.action.value) == ("client", "send", b"hel")
    assert isinstance(settimeout, m.Call)
    assert settimeout.expect == m.Expectation(((m.Reading(), m.Succeeds()),))
    assert isinstance(receive, m.Call)
    assert receive.target == m.MethodTarget("client", "receive")
    assert receive.args == (b"*l",)
    assert receive.expect == m.Expectation(((m.Reading(), m.Returns((None, b"timeout", b"hel"))),))
    assert receive.takes == m.Takes(0.05, 5.0)
    assert receive.binds == (None, "message")
    assert receive.source == m.Source("behaviours/everything.yaml", 14)
    assert isinstance(get, m.Get)
    assert (get.name, get.field, get.bind) == ("client", "class", "class")
    assert get.expect == m.Expectation(((m.Reading(), m.Returns((m.Pattern("^tcp"),))),))
    assert isinstance(read, m.Get)
    assert (read.name, read.field, read.expect.by_reading) == (None, "socket._VERSION", ((m.Reading(), m.Succeeds()),))
    assert isinstance(assign, m.Set)
    assert (assign.path, assign.value) == ("socket.BLOCKSIZE", 16)
    assert isinstance(make, m.Make)
    assert make.value == m.TableSpec(
        ((b"message", m.Ref("message")), (b"list", m.TableSpec(((1, 1), (2, 2)))), (5, b"$5")),
    )
    assert make.calls is None
    table = behaviours["callable"].steps[0]
    assert isinstance(table, m.Make)
    assert table.calls == m.Ref("one")
    inheriting = [step for step in behaviours["inheriting"].steps if isinstance(step, m.Make)]
    assert [step.inherits for step in inheriting] == [
        m.TableSpec(((b"b", 2),)),
        m.Ref("first"),
        m.Ref("client"),
        m.Ref("one"),
    ]
    assert isinstance(rawequal, m.Call)
    assert rawequal.target == m.PathTarget("rawequal")
    assert isinstance(drop, m.Drop)
    assert drop.names == ("master",)


def test_values_in_the_notation_of_lua(behaviours: Mapping[str, Behaviour]) -> None:
    step = call(behaviours["values"], 0)
    assert step.args == (
        0,
        None,
        -1.5,
        float("inf"),
        b"\xff",
        m.TableSpec(((1, b"a"), (2, m.TableSpec(((1, b"b"),))))),
        m.TableSpec(((1, b"a"), (True, b"b"))),
        m.Repeat(b"x", 3),
        m.Concat((b"a", m.Repeat(b"b", 2))),
    )
    assert step.expect.by_reading == (
        (
            m.Reading(),
            m.Returns(
                (
                    m.OfType(("nil",)),
                    m.OfType(("number", "string")),
                    m.Between(0, 1),
                    m.OneOf((1, m.Length(3))),
                    m.Fields(((b"ip", m.OfType(("string",))), (b"gone", None))),
                    m.Keyed((b"a", b"b")),
                    m.ListOf(m.OfType(("string",))),
                    m.TableSpec(((b"x", m.OfType(("any",))),)),
                )
            ),
        ),
    )


def test_functions(behaviours: Mapping[str, Behaviour]) -> None:
    behaviour = behaviours["functions"]
    nothing, oops, passing, everything = behaviour.functions.values()
    assert (nothing.params, nothing.steps, nothing.returns, nothing.raises) == ((), (), (), ())
    assert oops.raises == (m.TableSpec(((b"code", 7),)),)
    assert passing.params == ("a",)
    assert passing.returns == (m.Ref("a"),)
    inner = passing.steps[0]
    assert isinstance(inner, m.Call)
    assert inner.target == m.ValueTarget("try")
    assert everything.returns == (1, m.Splice())
    raised = call(behaviour, 2).expect.by_reading[0][1]
    assert raised == m.Raises(None, m.TableSpec(((b"code", 7),)))
    called, never = behaviour.steps[3:]
    assert isinstance(called, m.Called)
    assert (called.function, called.times, called.args) == ("nothing", 2, ((None, b"oops"), ()))
    assert isinstance(never, m.Called)
    assert (never.times, never.args) == (0, None)


def test_peers(behaviours: Mapping[str, Behaviour]) -> None:
    behaviour = behaviours["peers"]
    *moments, last = call(behaviour, 0).meanwhile
    assert (last.after, type(last.action)) == (0.02, m.Interruption)
    assert [(moment.after, moment.action.who, moment.action.verb) for moment in moments] == [
        (0.0, "one", "send"),
        (0.01, "one", "drip"),
        (0.01, "third", "udp"),
    ]
    assert moments[1].action.options == {"every": 0.01}
    assert moments[2].action.bind == "third"
    send = behaviour.steps[1]
    assert isinstance(send, m.PeerStep)
    assert send.action.options == {"to": m.Ref("two.address.port")}


def test_system(behaviours: Mapping[str, Behaviour]) -> None:
    linger, nodelay = behaviours["system"].steps
    assert isinstance(linger, m.System)
    assert (linger.name, linger.option) == ("client", "SO_LINGER")
    assert linger.expect.by_reading == ((m.Reading(), m.Returns((m.TableSpec(((b"onoff", 0), (b"linger", 0))),))),)
    assert isinstance(nodelay, m.System)
    assert [reading.dialect for reading, _ in nodelay.expect.by_reading] == ["defold", "luasocket-3"]


def test_fixture_names_stay_as_written(spec: Spec) -> None:
    listen, tcp, connect, accept = spec.fixtures["client"].steps
    assert isinstance(listen, m.PeerStep)
    assert (listen.action.who, listen.action.bind) == ("self", "address")
    assert isinstance(tcp, m.Call)
    assert tcp.binds == ("self",)
    assert isinstance(connect, m.Call)
    assert connect.args == (m.Ref("address.ip"), m.Ref("address.port"))
    assert isinstance(accept, m.PeerStep)
    assert accept.action.who == "self"


def test_readings(behaviours: Mapping[str, Behaviour]) -> None:
    behaviour = behaviours["readings"]
    assert behaviour.disagrees == m.Disagreement("It returns nil.", "It raises an error.", "2.0", (123,))
    assert call(behaviour, 0).expect.by_reading == (
        (m.Reading(authority="documented"), m.Returns((None, m.OfType(("string",))))),
        (m.Reading("defold", "observed"), m.Raises(b"bad")),
        (m.Reading("luasocket-3", "observed"), m.Returns((None, b"bad"))),
    )
    get = behaviour.steps[1]
    assert isinstance(get, m.Get)
    assert get.expect.by_reading == (
        (m.Reading("defold"), m.Returns((b"a",))),
        (m.Reading("luasocket-3"), m.Returns((b"b",))),
    )


def test_cases(behaviours: Mapping[str, Behaviour]) -> None:
    first, second = behaviours["cases/first"], behaviours["cases/second"]
    assert first.says == "The first."
    assert first.hint == 'Take 1, "*a" and answer nil, "bad"; tcp{client} stays.'
    assert call(first, 0).target == m.MethodTarget("client", "receive")
    assert call(first, 0).args == (1, b"*a")
    assert call(first, 0).expect.by_reading[0][1] == m.Returns((None, b"bad"))
    assert first.source.line + 1 == second.source.line, "the line of a row is where the row is"
    assert (first.covers, first.needs, first.dialects) == (("client:receive/timeout",), ("linux",), m.DIALECTS)
    assert call(second, 0).args == (m.Ref("nothing"),)
    assert call(second, 0).expect.by_reading[0][1] == m.Raises(b"bad")
    assert second.covers == ("client:receive/timeout", "client:receive/partial"), "covers of a row are added"
    assert second.needs == ("linux", "ipv6"), "needs of a row are added"
    assert second.dialects == ("defold",)


def test_product(behaviours: Mapping[str, Behaviour]) -> None:
    first, last = behaviours["product/one-true"], behaviours["product/two-all"]
    assert first.says == "The one object takes true."
    assert last.says == "The two object takes *a."
    assert call(first, 0).target == m.MethodTarget("one", "receive")
    assert call(last, 0).args == (b"*a",)
    assert call(last, 0).expect.by_reading[0][1] == m.Returns((b"two",))
    assert (first.covers, first.needs, first.dialects) == (("client:receive/timeout",), (), m.DIALECTS)
    assert last.covers == ("client:receive/timeout", "client:receive/partial")
    assert last.needs == ("linux",)
    assert last.dialects == ("defold",)
    assert first.source == last.source, "the place of a combination is the behaviour"


def test_statements(spec: Spec) -> None:
    statement = spec.statements["client:receive/speed"]
    assert statement.function == "client:receive"
    assert statement.waived == "A remark on performance without any bound."
    assert spec.statements["client:receive/timeout"].waived is None


def test_capabilities_are_described() -> None:
    assert all(name == capability.name and capability.says for name, capability in CAPABILITIES.items())


# -- the data of the package, and the command


def test_shipped_data_load() -> None:
    spec = load()
    assert spec.behaviours
    assert spec.statements


def test_command(valid: Path, beside: Beside, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(valid)]) == 0
    assert capsys.readouterr().out == "16 behaviours, 2 fixtures, 3 statements (1 waived)\n"
    assert main([str(beside("behaviours/a.yaml", b""))]) == 2
    assert capsys.readouterr().err == (
        "behaviours/a.yaml:1: The file is empty: write its content, or delete it.\n1 problem\n"
    )
    assert main(["a", "b"]) == 2
    assert main(["--help"]) == 0
