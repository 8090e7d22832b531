"""The command `triage`: rules are found, validated and written, and the rest becomes known deviations."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from luasocket_runners.cli.main import main
from luasocket_runners.ports import PortConfig
from luasocket_runners.quirks.reading import parse_quirks
from luasocket_runners.testing import ToyError

CORPUS = "about: test\nbehaviours:\n" + "".join(
    f"  - id: {identity}\n    says: S.\n    authority: observed\n    steps: [{steps}]\n"
    for identity, steps in {
        **{f"drop{n}": f"{{call: socket.f, with: [{n}], returns: [{n}, null]}}" for n in range(4)},
        "behind": "{call: socket.f, with: [7], returns: [7, null]}, {call: socket.g, returns: [7]}",
        **{f"raise{n}": f"{{call: socket.h, with: [x, {n}], returns: [1]}}" for n in range(3)},
        "good": "{call: socket.h, with: [z, 1], returns: [1]}",
        "late": "{call: socket.g, returns: [null, timeout, text]}",
    }.items()
)


@pytest.fixture
def port(
    triage_arguments: Callable[..., list[str]],
) -> list[str]:
    """The arguments for a port that drops nil, and raises an error for "x"."""

    def h(mode: bytes, number: int) -> tuple[Any, ...]:
        if mode == b"x":
            raise ToyError(b"mode 'x' is unknown at 0x7f00%d" % number)
        return (1,)

    return triage_arguments(CORPUS, f=lambda value: (value,), g=lambda: (8,), h=h)


def test_rules_are_found_and_the_rest_is_listed_by_cause(
    port: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(port) == 0
    out = capsys.readouterr().out
    assert "quirks.yaml: 2 proposed quirks\n" in out
    assert "known-deviations.txt: 2 known deviations\n" in out
    assert "judged to the last step: 100.0 % of 10 behaviours whose functions exist\n" in out
    text = (tmp_path / "quirks.yaml").read_text()
    assert "    expected: {returns: [$first, null]}\n    returned: {returns: [$first]}\n" in text
    assert '    expected: {with: ["x", {type: number}], returns: [$...]}\n' in text
    assert "    returned: {raises: \"mode '*' is unknown at *\"}\n" in text
    assert text.count("UNEXPLAINED: ") == 2
    known = (tmp_path / "known-deviations.txt").read_text().splitlines()
    entries = [line.partition(" ")[0] for line in known if line and not line.startswith("#")]
    assert sorted(entries) == ["test/behind", "test/late"]
    assert all(" @" in line for line in known if line.startswith("test/"))


def test_the_files_make_the_port_as_declared(
    port: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(port) == 0
    from luasocket_runners.cli import triage

    monkeypatch.setattr("luasocket_runners.cli.run.resolve", triage.resolve)
    files = ["--quirks", str(tmp_path / "quirks.yaml"), "--known", str(tmp_path / "known-deviations.txt")]
    assert main([*port[:2], "run", *files]) == 0
    assert capsys.readouterr().out.endswith("as declared: 2 quirks, 2 known deviations\n")


@pytest.mark.parametrize("rounds", [0, 1])
def test_an_interrupted_triage_writes_what_it_has_found(
    port: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], rounds: int
) -> None:
    done: list[object] = []

    def print_round(*_: object) -> None:
        done.append(None)
        if len(done) > rounds:
            raise KeyboardInterrupt

    monkeypatch.setattr("luasocket_runners.cli.triage_rounds.Rounds._print_round", print_round)
    assert main(port) == 130
    captured = capsys.readouterr()
    assert (
        "interrupted: the files have all that was found so far; the same command continues from there" in captured.err
    )
    assert (tmp_path / "known-deviations.txt").read_text().count("UNEXPLAINED") > 1
    assert ("{returns: [$first]}" in (tmp_path / "quirks.yaml").read_text()) is (rounds > 0)


def test_an_interrupted_triage_writes_no_rule_that_was_not_tried(
    port: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from luasocket_runners.cli.triage_rounds import Rounds

    run = Rounds._run
    done: list[object] = []

    def interrupted(self: Rounds, *args: Any, **more: Any) -> Any:
        done.append(None)
        if len(done) > 1:
            raise KeyboardInterrupt
        return run(self, *args, **more)

    monkeypatch.setattr(Rounds, "_run", interrupted)
    assert main(port) == 130
    assert (tmp_path / "quirks.yaml").read_text().endswith("quirks: []\n")
    assert (tmp_path / "known-deviations.txt").read_text().count("UNEXPLAINED") > 1


def test_a_triage_that_does_not_settle_writes_no_rule_that_was_not_tried(
    port: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("luasocket_runners.cli.triage_rounds.ROUNDS", 0)
    monkeypatch.setattr("luasocket_runners.cli.triage_rounds.PROOFS", 0)
    assert main(port) == 0
    assert (tmp_path / "quirks.yaml").read_text().endswith("quirks: []\n")


def test_behaviours_that_come_to_a_missing_function_run_again_at_the_end(
    triage_arguments: Callable[..., list[str]], tmp_path: Path
) -> None:
    corpus = CORPUS + "".join(
        f"  - id: gone{number}\n    says: S.\n    authority: observed\n"
        "    steps: [{call: socket.f, with: [gone], returns: [gone, null]}, {call: socket.nowhere, returns: []}]\n"
        for number in range(2)
    )
    calls = []

    def f(value: object) -> tuple[object]:
        calls.append(value)
        return (value,)

    def h(mode: bytes, number: int) -> tuple[Any, ...]:
        if mode == b"x" or number == 2:
            raise ToyError(b"no")
        return (1,)

    assert main(triage_arguments(corpus, f=f, g=lambda: (8,), h=h)) == 0
    assert calls.count(b"gone") == 4
    assert calls.count(7) > 2
    assert "test/gone" not in (tmp_path / "quirks.yaml").read_text()
    assert (tmp_path / "known-deviations.txt").read_text().count("\ntest/gone") == 2


def test_declared_quirks_stay(port: list[str], tmp_path: Path) -> None:
    quirks = tmp_path / "quirks.yaml"
    quirks.write_text(
        "# mine\nquirks:\n  - id: mine\n    says: It drops nil.\n    why: https://example.org/1\n    on: [socket.f]\n"
        "    expected: {returns: [$value, null]}\n    returned: {returns: [$value]}\n"
    )
    from luasocket_runners.cli import triage

    made = triage.resolve("toy")
    made.config = PortConfig(quirks=quirks, file=tmp_path / "port.toml")
    (tmp_path / "port.toml").touch()
    assert main([word for word in port if word not in ("--output", str(tmp_path))]) == 0
    text = quirks.read_text()
    assert text.startswith("# mine\nquirks:\n  - id: mine\n")
    assert text.count("  - id: ") == 2


def test_declared_quirks_that_do_not_hold_everywhere_are_named_with_their_lines(
    port: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    quirks = tmp_path / "quirks.yaml"
    quirks.write_text(
        "quirks:\n  - id: mine\n    says: It returns nil.\n    why: https://example.org/1\n    on: [socket.f]\n"
        "    expected: {returns: [$value, null]}\n    returned: {returns: [$value]}\n"
        "  - id: wrong\n    says: It returns 2.\n    why: https://example.org/1\n    on: [socket.h]\n"
        "    expected: {with: [z, 1], returns: [1]}\n    returned: {returns: [2]}\n"
    )
    from luasocket_runners.cli import triage

    made = triage.resolve("toy")
    made.config = PortConfig(quirks=quirks, file=tmp_path / "port.toml")
    (tmp_path / "port.toml").touch()
    assert main([word for word in port if word not in ("--output", str(tmp_path))]) == 0
    out = capsys.readouterr().out
    assert (
        "These quirks do not hold everywhere. With the lines below each, they do, as far as these calls tell:\n"
        f"  {quirks}:8: wrong explains 0 behaviours, but does not hold for\n"
        "    socket.h, 1 behaviour, such as test/good\n"
        "      remove it: it holds nowhere\n"
    ) in out
    assert ": mine explains" not in out


def test_other_files_are_not_overwritten(port: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "quirks.yaml").write_text("precious")
    assert main(port) == 2
    assert "quirks.yaml exists and is not among the port's files" in capsys.readouterr().err
    assert (tmp_path / "quirks.yaml").read_text() == "precious"


def test_a_port_without_a_directory_needs_one(port: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(port[:-2]) == 2
    assert "Name the directory for the files with --output DIR" in capsys.readouterr().err


def test_the_proposals_can_be_read(port: list[str], tmp_path: Path) -> None:
    import luasocket_spec

    assert main(port) == 0
    behaviours = luasocket_spec.load(Path(port[1])).behaviours
    assert len(parse_quirks((tmp_path / "quirks.yaml").read_bytes(), "q.yaml", behaviours).rules) == 2


def test_a_mode_that_a_port_does_not_take_is_left_out(
    triage_arguments: Callable[..., list[str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Master:
        def settimeout(self, *values: object) -> tuple[Any, ...]:
            if len(values) != 1:
                raise ToyError(b"settimeout: expecting 2 arguments (including the object) but seen 3")
            return (1,)

    steps = "{call: socket.tcp, succeeds: true, as: one}, {call: one:settimeout, with: [%d, %s], returns: [1]}"
    corpus = "about: test\nbehaviours:\n" + "".join(
        f"  - id: {mode}{number}\n    says: S.\n    authority: observed\n    steps: [{steps % (number, mode)}]\n"
        for number in range(3)
        for mode in "bt"
    )
    arguments = triage_arguments(corpus, tcp=lambda: (Master(),))
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "quirks.yaml: 1 proposed quirk\n" in out
    assert "known-deviations.txt: 0 known deviations\n" in out
    text = (tmp_path / "quirks.yaml").read_text()
    assert '    on: ["master:settimeout"]\n' in text
    assert "    expected: {with: [$time, $mode, $...]}\n    returned: {with: [$time]}\n" in text


class Waits:
    """An object whose `receive` does not return where LuaSocket's does, or returns what is expected."""

    def __init__(self, hanging: Callable[[object], bool]) -> None:
        self.hanging = hanging

    def receive(self, pattern: object) -> tuple[Any, ...]:
        end = time.monotonic() + 30
        while self.hanging(pattern) and time.monotonic() < end:  # short sleeps: the thread can be ended in between
            time.sleep(0.01)
        return (None, b"timeout", b"") if pattern == b"t" else (b"x", None, None)


WAITING = "about: test\nbehaviours:\n" + "".join(
    f"  - id: {identity}{number}\n    says: S.\n    authority: observed\n    steps:\n"
    "      - {call: socket.udp, succeeds: true, as: one}\n"
    f"      - {{call: one:receive, with: [{pattern}], returns: {returns}}}\n"
    for number in range(2)
    for identity, pattern, returns in (
        ("timeout", "t", '[null, timeout, ""]'),
        ("one", number + 1, '["x", null, null]'),
        ("line", '"*l"', '["x", null, null]'),
    )
)


@pytest.mark.parametrize(
    ("hanging", "rules", "left"),
    [
        (
            lambda pattern: pattern == b"t",
            ['expected: {returns: [null, "timeout", $...]}\n    returned: {hangs: true}\n\n'],
            0,
        ),
        (
            lambda pattern: pattern != b"t",
            ["expected: {returns: [{type: string}, null, null]}\n    returned: {hangs: true}\n\n"],
            0,
        ),
        (
            lambda pattern: pattern == b"*l",
            ['expected: {with: ["*l"], returns: [{type: string}, null, null]}\n    returned: {hangs: true}\n\n'],
            0,
        ),
        (lambda pattern: True, ['on: ["unconnected:receive"]\n    returned: {hangs: true}\n\n'], 0),  # one for all
        (lambda pattern: pattern == 1, [], 1),  # one failure is no rule
    ],
)
def test_calls_that_hang_become_rules(
    triage_arguments: Callable[..., list[str]],
    tmp_path: Path,
    hanging: Callable[[object], bool],
    rules: list[str],
    left: int,
) -> None:
    arguments = triage_arguments(WAITING, udp=lambda: (Waits(hanging),))
    assert main([*arguments, "--deadline", "1", "--at-least", "2"]) == 0
    text = (tmp_path / "quirks.yaml").read_text() + "\n"
    assert text.count("  - id: ") == len(rules)
    assert all(rule in text for rule in rules)
    assert "always: false" not in text
    known = (tmp_path / "known-deviations.txt").read_text()
    assert known.count("\ntest/") == left


def test_a_call_that_only_waits_is_left_out(
    triage_arguments: Callable[..., list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    waits = "{call: one:receive, with: [t], returns: [null, timeout]}"
    corpus = "about: test\nbehaviours:\n" + "".join(
        f"  - id: {identity}{number}\n    says: S.\n    authority: observed\n    steps:\n"
        f"      - {{call: socket.udp, succeeds: true, as: one}}\n{behind}"
        for number in range(2)
        for identity, behind in (
            ("last", f"      - {waits}\n"),
            ("first", f"      - {waits}\n      - {{call: one:receive, with: [1], returns: [z, null, null]}}\n"),
            ("good", "      - {call: one:receive, with: [2], returns: [x, null, null]}\n"),
        )
    )
    arguments = triage_arguments(corpus, udp=lambda: (Waits(lambda pattern: pattern == b"t"),))
    assert main([*arguments, "--deadline", "1.2", "--at-least", "2"]) == 0
    text = (tmp_path / "quirks.yaml").read_text()
    assert 'expected: {returns: [null, "timeout"]}\n    returned: {hangs: true, omitted: true}\n' in text
    known = (tmp_path / "known-deviations.txt").read_text()
    assert known.count("\ntest/first") == known.count("\ntest/") == 2  # what is behind it is judged
    assert re.search(r"^\d+ calls hung, and took \d+ s of the workers' time; with --deadline 1, \d+ s$",
                     capsys.readouterr().out, re.MULTILINE)  # fmt: skip


def test_a_call_that_hangs_at_random_is_no_rule(
    triage_arguments: Callable[..., list[str]],
    tmp_path: Path,
) -> None:
    corpus = "about: test\nbehaviours:\n" + "".join(
        f"  - id: {identity}{number}\n    says: S.\n    authority: observed\n    steps:\n"
        f"      - {{call: socket.udp, with: [{identity}], succeeds: true, as: one}}\n"
        "      - {call: one:receive, with: [1], returns: [x, null, null]}\n"
        for identity, count in (("bad", 2), ("good", 3))
        for number in range(count)
    )
    arguments = triage_arguments(corpus, udp=lambda mode: (Waits(lambda _: mode == b"bad"),))
    assert main([*arguments, "--deadline", "1", "--at-least", "2"]) == 0
    assert (tmp_path / "quirks.yaml").read_text().endswith("quirks: []\n")
    known = (tmp_path / "known-deviations.txt").read_text()
    assert [line.partition(" ")[0] for line in known.splitlines() if line.startswith("test/")] == [
        "test/bad0",
        "test/bad1",
    ]


class Fresh:
    """An object that `tcp` made: it lacks `dirty`, also when it is connected."""

    def connect(self) -> tuple[int]:
        return (1,)

    def send(self) -> tuple[int]:
        return (1,)


class Connected(Fresh):
    """An object that `connect` made."""

    def dirty(self) -> tuple[bool]:
        return (False,)


MISSING = "about: test\nbehaviours:\n" + "".join(
    f"  - id: {identity}{number}\n    says: S.\n    authority: observed\n    steps:\n"
    + "".join(f"      - {step}\n" for step in steps)
    for number in range(3)
    for identity, steps in {
        "master": ("{call: socket.tcp, succeeds: true, as: a}", "{call: a:dirty, returns: [false]}"),
        "later": (
            "{call: socket.tcp, succeeds: true, as: a}", "{call: a:connect, returns: [1]}",
            "{call: a:dirty, returns: [false]}",
        ),
        "error": (
            "{call: socket.tcp, succeeds: true, as: a}", "{call: a:dirty, raises: x}", "{call: a:send, returns: [1]}",
        ),
        "there": ("{call: socket.connect, succeeds: true, as: a}", "{call: a:dirty, returns: [false]}"),
        "nowhere": ("{call: socket.connect, succeeds: true, as: a}", "{call: a:getfd, returns: [1]}"),
    }.items()
)  # fmt: skip


def test_methods_that_some_objects_lack_become_rules(
    triage_arguments: Callable[..., list[str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = triage_arguments(MISSING, tcp=lambda: (Fresh(),), connect=lambda: (Connected(),))
    assert main(arguments) == 0
    text = (tmp_path / "quirks.yaml").read_text()
    assert text.count("  - id: ") == 2
    assert '    on: ["master:dirty"]\n    returned: {raises: "attempt to call a nil value"}\n' in text
    after = (
        '    on: ["client:dirty"]\n    after: ["socket.tcp"]\n    returned: {raises: "attempt to call a nil value"}\n'
    )
    assert after in text
    assert "always: false" not in text
    known = (tmp_path / "known-deviations.txt").read_text()
    assert known.count("\ntest/") == known.count("\ntest/nowhere") == 3
    # what no object has is absent, and no rule
    out = capsys.readouterr().out
    assert '[absent]\n":getfd" = "…"\n' in out
    assert ":dirty" not in out.partition("[absent]")[2]


def test_a_behaviour_that_no_new_rule_concerns_runs_once(port: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(port) == 0
    rounds = [line for line in capsys.readouterr().out.splitlines() if line.startswith("round ")]
    # the call of `late` was judged already
    assert rounds[0].startswith("round 1: 0 rules, 10 behaviours run, ")
    assert rounds[1].startswith("round 2: 2 rules, 8 behaviours run, ")


#: Functions that return instead of raising errors: f always, whatever the error is; g raises one of them.
RETURNING = "about: test\nbehaviours:\n" + "".join(
    f"  - id: {function}{text[0]}{number}\n    says: S.\n    authority: observed\n"
    f'    steps: [{{call: socket.{function}, with: [{text}, {number}], raises: "{text}"}}]\n'
    for function in "fg"
    for text in ("bad number", "no mode", "other")
    for number in range(3)
)


def test_rules_are_merged_as_far_as_they_hold(
    triage_arguments: Callable[..., list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def g(text: bytes, _: int) -> tuple[Any, ...]:
        if text == b"other":
            raise ToyError(text)
        return (2,)

    assert main(triage_arguments(RETURNING, f=lambda *_: (1,), g=g)) == 0
    assert "quirks.yaml: 3 proposed quirks\n" in capsys.readouterr().out
    text = (tmp_path / "quirks.yaml").read_text()
    assert '    on: ["socket.f"]\n    expected: {raises: "*"}\n' in text
    assert text.count('    on: ["socket.g"]\n') == 2
