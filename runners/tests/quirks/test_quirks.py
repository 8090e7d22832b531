"""Quirks in a run: the behaviour goes on behind them, and they are strict."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import luasocket_spec
import pytest
from luasocket_runners.cli.main import main
from luasocket_runners.engine.engine import Engine
from luasocket_runners.ports import resolve
from luasocket_runners.ports.inprocess import PythonPort
from luasocket_runners.quirks.patterns import Match, match_args
from luasocket_runners.quirks.reading import parse_quirks
from luasocket_runners.quirks.rewriting import rewrite
from luasocket_runners.result import Result, Verdict
from luasocket_runners.testing import ToyError
from luasocket_spec.model import Behaviour, Between, OfType, Ref, Returns, SpecValue, Subtype

RULE = """
  - id: {id}
    says: It differs.
    why: https://example.org/1
    on: [socket.f]
    expected: {expected}
    returned: {returned}
"""

Run = Callable[..., Result]


@pytest.fixture
def run(with_steps: Callable[[list[str]], list[Behaviour]], toy_port: Callable[..., PythonPort], tmp_path: Path) -> Run:
    """Runs steps on a port that has the functions f and g, with rules of f."""

    def make(steps: list[str], *rules: tuple[str, str], always: bool = True, **functions: Callable[..., Any]) -> Result:
        shutil.rmtree(tmp_path / "data", ignore_errors=True)  # of the run before
        every = with_steps(steps)
        text = "quirks:" + "".join(
            RULE.format(id=f"rule-{number}", expected=expected, returned=returned)
            + ("" if always else "    always: false\n")
            for number, (expected, returned) in enumerate(rules, 1)
        )
        quirks = parse_quirks(text.encode(), "q.yaml", every)
        tuples = {name: lambda *args, inner=inner: tuple(inner(*args)) for name, inner in functions.items()}
        with Engine(toy_port(**tuples), quirks=quirks) as engine:
            return engine.run(every[0])

    return make


def outcome(result: Result) -> tuple[Verdict, str]:
    return result.verdict, result.reason


def passed_with(result: Result) -> tuple[str, ...]:
    assert outcome(result) == (Verdict.QUIRKS, "")
    return result.quirks


F = ["{call: socket.f, returns: [1, null, null]}"]


def test_the_steps_behind_a_quirk_are_judged(run: Run) -> None:
    rule = ("{returns: [$value, null, null]}", "{returns: [$value]}")
    steps = [*F, "{call: socket.g, returns: [2]}"]
    assert passed_with(run(steps, rule, f=lambda: [1], g=lambda: [2])) == ("rule-1",)
    behind = run(steps, rule, f=lambda: [1], g=lambda: [3])
    assert outcome(behind) == (Verdict.FAILED, "3 instead of 2")
    assert behind.quirks == ("rule-1",)


def test_a_quirk_that_does_not_hold_is_a_failure_with_both_outcomes(run: Run) -> None:
    rule = ("{returns: [$value, null, null]}", "{returns: [$value]}")
    result = run(F, rule, f=lambda: [1, None, None])
    assert outcome(result) == (
        Verdict.FAILED,
        "the quirk rule-1 does not hold here: the port does what LuaSocket does",
    )
    assert (result.call, result.expected, result.returned) == ("socket.f()", "1", "1, nil, nil")
    assert result.at == "behaviours/test.yaml:7"
    assert outcome(run(F, rule, f=lambda: [1, None, None], always=False)) == (Verdict.PASSED, "")
    assert passed_with(run(F, rule, f=lambda: [1], always=False)) == ("rule-1",)


def test_a_difference_that_no_quirk_explains_fails(run: Run) -> None:
    rule = ("{returns: [$value, null, null]}", "{returns: [$value]}")
    for always in (True, False):
        result = run(F, rule, f=lambda: [2], always=always)
        assert outcome(result) == (Verdict.FAILED, "2 instead of 1")
        assert result.quirks == ()


def test_rules_are_applied_in_the_order_of_the_file(run: Run) -> None:
    first = ("{returns: [$value, null, null]}", "{returns: [$value, null]}")
    second = ("{returns: [$value, null]}", "{returns: [$value]}")
    assert passed_with(run(F, first, second, f=lambda: [1])) == ("rule-1", "rule-2")
    with pytest.raises(Exception, match="The quirk `rule-1` changes nothing that a behaviour expects"):
        run(F, second, f=lambda: [1])


def test_of_several_rules_the_one_that_does_not_hold_is_named(run: Run) -> None:
    drop = ("{returns: [$value, null, null]}", "{returns: [$value]}")
    other = ("{returns: [1]}", "{returns: [{type: string}]}")
    assert passed_with(run(F, drop, other, f=lambda: [b"x"])) == ("rule-1", "rule-2")
    result = run(F, drop, other, f=lambda: [1])
    assert result.reason == "the quirk rule-2 does not hold here: the port does what LuaSocket does"
    assert result.observation is not None
    assert result.observation.broken_quirks == ("rule-2",)


def test_a_rule_that_wrongly_says_that_an_error_is_raised_is_noted(run: Run) -> None:
    result = run(F, ("{returns: [$...]}", '{raises: "*"}'), f=lambda: [2])
    assert outcome(result) == (Verdict.FAILED, "it returned instead of raising an error")
    assert result.observation is not None
    assert result.observation.broken_quirks == ("rule-1",)


@pytest.mark.parametrize(
    ("step", "expected", "returned", "answer"),
    [
        ("{call: socket.f, returns: [null, timeout, x]}", "{message: timeout}", '{message: "* timed out"}', [
            None, b"Connection timed out", b"x",
        ]),
        ("{call: socket.f, returns: [null, timeout, x]}", '{message: "*"}', "{message: late}", [None, b"late", b"x"]),
        ("{call: socket.f, returns: [1]}", "{returns: [1]}", '{raises: "*"}', ValueError(b"oops")),
        ("{call: socket.f, returns: [1]}", "{returns: [1]}", "{raises: oop}", ValueError(b"oops")),
        ("{call: socket.f, returns: [1]}", "{returns: [1]}", '{raises: "o*s"}', ValueError(b"oops")),
        ("{call: socket.f, raises: bad argument}", '{raises: "b*"}', "{returns: [null, {type: string}]}", [None, b""]),
        ("{call: socket.f, raises: bad argument}", "{message: bad argument}", "{message: none}", ValueError(b"none!")),
        ("{call: socket.f, returns: [{type: string}, 2]}", "{returns: [{type: string}, $x]}", "{returns: [$x]}", [2]),
        ("{call: socket.f, returns: [1, 2, 3]}", "{returns: [$a, $...]}", "{returns: [$..., ]}", [2, 3]),
        ("{call: socket.f, returns: [1]}", "{returns: [$a]}", "{returns: [$a, $a, {type: number}]}", [1, 1, 9]),
        ("{call: socket.f, returns: [{table: {a: 1}}]}", "{returns: [{fields: {a: $v}}]}", "{returns: [$v]}", [1]),
        ("{call: socket.f, with: [x], returns: [1]}", "{with: [x], returns: [1]}", "{returns: [2]}", [2]),
        ("{call: socket.f, with: [x], returns: [1]}", "{with: [$x]}", "{returns: [$x]}", [b"x"]),
    ],
)  # fmt: skip
def test_forms_of_rules(run: Run, step: str, expected: str, returned: str, answer: Any) -> None:
    def f(*_: object) -> Any:
        if isinstance(answer, ValueError):
            raise ToyError(answer.args[0])
        return answer

    assert passed_with(run([step], (expected, returned), f=f)) == ("rule-1",)


@pytest.mark.parametrize(
    ("answer", "passes"), [((2,), True), ((None, b"no"), True), ((1,), False), ((3,), False), ((None, b"oh"), False)]
)
def test_a_rule_may_have_several_outcomes(run: Run, answer: tuple[Any, ...], passes: bool) -> None:
    rule = ("{returns: [1]}", '{returns: [2], or: [{returns: [null, "no"]}]}')
    result = run(["{call: socket.f, returns: [1]}"], rule, f=lambda: answer)
    assert result.verdict is (Verdict.QUIRKS if passes else Verdict.FAILED)


@pytest.mark.parametrize("args", ["[]", "[null]"])
@pytest.mark.parametrize("pattern", ["[null]", "[{one_of: [null, 5]}, $...]"])
def test_a_nil_among_arguments_may_be_missing(run: Run, args: str, pattern: str) -> None:
    rule = (f"{{with: {pattern}, returns: [1]}}", "{returns: [2]}")
    assert passed_with(run([f"{{call: socket.f, with: {args}, returns: [1]}}"], rule, f=lambda *_: (2,)))


@pytest.mark.parametrize("pattern", [(Ref("x"),), (5, None), (None, Ref("x")), (OfType(("any",)),)])
def test_other_arguments_may_not_be_missing(pattern: tuple[SpecValue, ...]) -> None:
    assert not match_args(pattern, (), None, Match())


@pytest.mark.parametrize(("answer", "passes"), [((5, None), True), ((6,), True), ((6, 7, 8), False)])
def test_where_any_value_is_expected_a_rule_may_apply_or_not(run: Run, answer: tuple[Any, ...], passes: bool) -> None:
    result = run(
        ["{call: socket.f, returns: [{type: any}, {type: any}]}"],
        ("{returns: [$value, null]}", "{returns: [$value]}"),
        f=lambda: answer,
    )
    assert (result.verdict is Verdict.FAILED) is not passes


@pytest.mark.parametrize("expected", ["{with: [z], returns: [1]}", "{with: [x, $...], returns: [2]}", "{with: []}"])
def test_rules_of_other_calls_do_not_concern_this_one(run: Run, expected: str) -> None:
    first = "{call: socket.f, with: [x], returns: [1]}"
    others = ["{call: socket.f, with: [z], returns: [1]}", "{call: socket.f, with: [x], returns: [2]}"]
    stop = "{call: socket.g, returns: []}"
    result = run(
        [first, stop, *others, "{call: socket.f, returns: [1]}"],
        (expected, "{returns: [7]}"),
        f=lambda *_: [1],
        g=lambda: [8],
    )
    assert (result.call, result.reason) == ("socket.g()", "1 value instead of none")


def test_arguments_are_rewritten_before_the_call(run: Run) -> None:
    seen: list[tuple[Any, ...]] = []

    def f(*args: Any) -> list[Any]:
        seen.append(args)
        return [1]

    step = "{call: socket.f, with: [2, t], returns: [1]}"
    result = run([step], ("{with: [$seconds, $...]}", "{with: [{product: [$seconds, 1000]}]}"), f=f)
    assert passed_with(result) == ("rule-1",)
    assert seen == [(2000,)]
    assert result.call == ""


@pytest.mark.parametrize(
    ("args", "passed"),
    [
        ("[hello, 2]", (b"ello",)),
        ("[hello, 2, 4]", (b"ell",)),
        ("[hello, -3, -2]", (b"ll",)),
        ("[hello, null, 2]", (b"he",)),
        ('[hello, "2", 3.7]', (b"el",)),
        ("[hello, -99, 99, more]", (b"hello",)),
        ("[hello, -.inf, .inf]", (b"hello",)),
        ("[hello, 4, 2]", (b"",)),
        ("[hello, 0, 0]", (b"",)),
        ("[12345, 2, 3]", (b"23",)),
        ("[hello, x]", (b"hello", b"x")),
        ("[true, 1]", (True, 1)),
    ],
)
def test_a_slice_of_an_argument(run: Run, args: str, passed: tuple[Any, ...]) -> None:
    seen: list[tuple[Any, ...]] = []

    def f(*args: Any) -> list[Any]:
        seen.append(args)
        return [1]

    rule = ("{with: [$data, $i, $...]}", "{with: [{slice: [$data, $i, $...]}]}")
    result = run([f"{{call: socket.f, with: {args}, returns: [1]}}"], rule, f=f)
    assert seen == [passed]
    assert result.quirks == (() if len(passed) > 1 else ("rule-1",))


@pytest.mark.parametrize(
    ("args", "returned", "passes"),
    [("[hello, 2, 4]", 3, True), ("[hello, 2, 4]", 4, False), ("[hello, -2]", 2, True), ("[hello, x]", 99, True)],
)
def test_the_size_of_a_part(run: Run, args: str, returned: int, passes: bool) -> None:
    rule = ("{with: [$data, $i, $...], returns: [$last]}", "{returns: [{size: [$data, $i, $...]}]}")
    result = run([f"{{call: socket.f, with: {args}, returns: [4]}}"], rule, f=lambda *_: [returned])
    # where LuaSocket's own result is returned, the rule does not hold
    assert result.verdict is (Verdict.QUIRKS if passes else Verdict.FAILED)


PREFIXED = (
    "{with: [$count, $prefix], where: {$prefix: {type: [string, number]}}, returns: [$data]}",
    "{returns: [%s]}",
)
BEHIND = "{behind: [$prefix, $data]}"


@pytest.mark.parametrize(
    ("args", "expected", "like", "returned", "passes"),
    [
        ("[null, pre]", "preabc", BEHIND, b"abc", True),
        ("[null, pre]", "preabc", BEHIND, b"bc", False),
        ("[null, pre]", "preabc", BEHIND, b"garbled", False),
        ("[null, 5]", "5abc", BEHIND, b"abc", True),
        # what does not begin with the prefix has nothing behind it that is known
        ("[null, pre]", "abc", BEHIND, b"any", True),
        ("[5, pre]", "preab", f"{{beginning: {BEHIND}, bytes: [$count]}}", b"abcde", True),
        ("[5, pre]", "preab", f"{{beginning: {BEHIND}, bytes: [$count]}}", b"abcd", False),
        ("[5, pre]", "preab", f"{{beginning: {BEHIND}, bytes: [$count]}}", b"axcde", False),
        ("[5.9, pre]", "preab", "{beginning: $data, bytes: [$count, $prefix]}", b"preabcde", True),
        ("['5', pre]", "preab", "{beginning: $data, bytes: [$count, $prefix]}", b"preabcd", False),
        ("[5, pre]", "preab", "{beginning: $data}", b"preabcdefgh", True),
        ("[5, pre]", "preab", "{beginning: $data}", b"prea", False),
    ],
)
def test_what_is_behind_a_prefix(run: Run, args: str, expected: str, like: str, returned: bytes, passes: bool) -> None:
    rule = (PREFIXED[0], PREFIXED[1] % like)
    steps = [f"{{call: socket.f, with: {args}, returns: ['{expected}']}}"]
    result = run(steps, rule, f=lambda *_: [returned])
    assert result.verdict is (Verdict.QUIRKS if passes else Verdict.FAILED)


@pytest.mark.parametrize(
    ("like", "args", "returned", "passes"),
    [
        ("{sum: [$i, {size: [$data, $i, $...]}, -1]}", "[hello, -2, -1]", -1, True),
        ("{sum: [$i, {size: [$data, $i, $...]}, -1]}", "[hello, -2, -1]", 0, False),
        ("{sum: [$i, {size: [$data, $i]}, -1]}", "[hello, '2']", 5, True),
        ("{sum: [$i, 1]}", "[hello, x]", 99, True),  # no number, so that the sum is not known
        ("{between: [1, {size: [$data]}]}", "[hello, 1]", 5, True),
        ("{between: [1, {size: [$data]}]}", "[hello, 1]", 6, False),
        ("{between: [1, {size: [$data]}]}", "[hello, 1]", 0, False),
        ("{between: [1, {size: [$data]}]}", "[true, 1]", 9, True),
    ],
)
def test_numbers_that_are_computed(run: Run, like: str, args: str, returned: int, passes: bool) -> None:
    rule = ("{with: [$data, $i, $...], returns: [$last]}", f"{{returns: [{like}]}}")
    result = run([f"{{call: socket.f, with: {args}, returns: [77]}}"], rule, f=lambda *_: [returned])
    assert result.verdict is (Verdict.QUIRKS if passes else Verdict.FAILED)


@pytest.mark.parametrize(
    ("like", "number"),
    [("{size: [$data, $i]}", 4), ("{sum: [$i, 2]}", 4), ("{between: [1, {size: [$data]}]}", Between(1, 5))],
)
def test_a_computed_number_keeps_the_subtype(
    behaviours: Callable[[str], list[Behaviour]], like: str, number: SpecValue
) -> None:
    call = "{call: socket.f, with: [hello, 2], returns: [77, null]}"
    every = behaviours(f"  - id: one\n    says: S.\n    authority: observed\n    steps: [{call}]\n")
    rule = RULE.format(
        id="rule-1", expected="{with: [$data, $i], returns: [$last, $...]}", returned=f"{{returns: [{like}, $...]}}"
    )
    rules = parse_quirks(("quirks:" + rule).encode(), "q.yaml", every).rules
    (found,) = rewrite(rules, (b"hello", 2), Returns((Subtype("float", 77), None)), None)
    assert found.outcome == Returns((Subtype("float", number), None))


def test_a_behaviour_goes_on_with_the_string_that_has_the_prefix(run: Run) -> None:
    steps = [
        "{call: socket.f, with: [2, pre], returns: [preab], as: part}",
        "{call: socket.g, with: [$part], returns: [preab]}",
    ]
    result = run(steps, (PREFIXED[0], PREFIXED[1] % BEHIND), f=lambda *_: [b"ab"], g=lambda part: [part])
    assert passed_with(result) == ("rule-1",)


@pytest.mark.parametrize(("returned", "passes"), [(b"<a:7>", True), (b"<a:8>", False), (b"a:7", False)])
def test_values_are_joined(run: Run, returned: bytes, passes: bool) -> None:
    rule = ("{returns: [$name, $number, $any]}", '{returns: [{concat: ["<", $name, ":", $number, ">"]}]}')
    steps = ["{call: socket.g, returns: [{type: string}], as: name}"]
    steps.append("{call: socket.f, returns: [$name, 7, {type: string}]}")
    result = run(steps, rule, f=lambda: [returned], g=lambda: [b"a"])
    assert result.verdict is (Verdict.QUIRKS if passes else Verdict.FAILED)


@pytest.mark.parametrize("seconds", ["0.5", '"0.5"', '" 5e-1 "'])
def test_a_product_of_a_number_and_of_a_string_that_is_one(run: Run, seconds: str) -> None:
    rule = ("{with: [$seconds]}", "{with: [{product: [$seconds, 1000]}]}")
    assert passed_with(run([f"{{call: socket.f, with: [{seconds}], returns: [500]}}"], rule, f=lambda *args: [*args]))


@pytest.mark.parametrize(("on", "concerned"), [("master.class", True), (".class", True), ("client.class", False)])
def test_a_rule_may_concern_the_field_of_an_object(on: str, concerned: bool) -> None:
    every = luasocket_spec.load().behaviours
    rule = RULE.format(id="no-class", expected="{returns: [{type: string}]}", returned="{returns: [null]}")
    quirks = parse_quirks(("quirks:" + rule.replace("socket.f", on)).encode(), "q.yaml", every)
    behaviour = next(one for one in every if one.id == "tcp/create/tcp-master")
    with Engine(resolve("reference"), quirks=quirks) as engine:
        result = engine.run(behaviour)
    assert (result.verdict is Verdict.FAILED) is concerned
    assert ("no-class does not hold here" in result.reason) is concerned
    assert result.function == ("master.class" if concerned else "")


def test_names_are_bound_to_the_results_in_the_places_of_the_spec(run: Run) -> None:
    steps = [
        "{call: socket.f, returns: [{type: number}, x, 3], as: [a, b, c]}",
        "{call: socket.g, with: [$a, $b, $c], returns: []}",
    ]
    seen: list[tuple[Any, ...]] = []

    def g(*args: Any) -> list[Any]:
        seen.append(args)
        return []

    rule = ("{returns: [$a, $b, $c]}", "{returns: [$c, $a]}")
    assert passed_with(run(steps, rule, f=lambda: [3, 7], g=g)) == ("rule-1",)
    assert seen == [(7, b"x", 3)]


def test_a_name_for_a_value_that_luasocket_does_not_fix_is_bound_to_that_of_the_port(run: Run) -> None:
    steps = [
        "{call: socket.f, with: [1], returns: [{pattern: ^tcp}], as: shown}",
        "{call: socket.f, with: [1], returns: [$shown]}",
    ]
    rule = ("{returns: [{type: string}]}", "{returns: [{pattern: ^table}]}")
    assert passed_with(run(steps, rule, always=False, f=lambda n: (b"table: 7",))) == ("rule-1",)


def test_a_run_counts_what_passes_with_quirks(
    make_data: Callable[[str], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = make_data(
        "about: test\nbehaviours:\n"
        "  - {id: a, says: S., authority: observed, steps: [{call: socket.skip, with: [0, 1], returns: [2]}]}\n"
        "  - {id: b, says: S., authority: observed, steps: [{call: socket.skip, with: [0, 3], returns: [3]}]}\n"
    )
    quirks = tmp_path / "quirks.yaml"
    rule = RULE.format(id="one", expected="{returns: [2]}", returned="{returns: [1]}").replace(
        "socket.f", "socket.skip"
    )
    quirks.write_text("quirks:" + rule)
    arguments = ["--spec", str(data), "run", "--quirks", str(quirks)]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert "2 behaviours: 1 passed, 1 passed with quirks in " in out
    assert out.endswith("\nas declared: 1 quirk\n")
    other = RULE.format(id="two", expected="{returns: [3]}", returned="{returns: [4]}").replace(
        "socket.f", "socket.skip"
    )
    quirks.write_text(f"quirks:{rule}{other}    always: false\n")
    assert main(arguments) == 1
    out = capsys.readouterr().out
    assert f"\n  {quirks}:9: the quirk two is not needed: remove it\n" in out
    assert out.endswith("\nfails: 1 quirk that is not needed\n")
    assert main([*arguments, "test/a"]) == 0, "of a part of the spec, nothing follows for the other rules"
