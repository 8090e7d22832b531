"""Quirks of the actions of peers, of the values of variables, and of the time that a call takes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from luasocket_runners.engine.engine import Engine
from luasocket_runners.peers import endpoint
from luasocket_runners.ports.inprocess import PythonPort
from luasocket_runners.quirks import QuirksError
from luasocket_runners.quirks.model import Quirks
from luasocket_runners.quirks.reading import parse_quirks
from luasocket_runners.quirks.writing import HEADER, render
from luasocket_runners.result import Result, Verdict
from luasocket_spec.model import Behaviour

Run = Callable[..., Result]


@pytest.fixture
def run(
    with_steps: Callable[[list[str]], list[Behaviour]],
    toy_port: Callable[..., PythonPort],
    read_rules: Callable[..., Quirks],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Run:
    """Runs steps on a port with rules that are given in YAML; its function f does nothing, and returns what it gets."""
    monkeypatch.setattr(endpoint, "PATIENCE", 0.01)

    def make(steps: list[str], *rules: str) -> Result:
        shutil.rmtree(tmp_path / "data", ignore_errors=True)  # of the run before
        found = with_steps(steps)
        quirks = read_rules(found, *rules)
        again = parse_quirks((HEADER + render(quirks.rules)).encode(), "q", found)
        assert [repr(rule).split(", source=")[0] for rule in again.rules] == [
            repr(rule).split(", source=")[0] for rule in quirks.rules
        ]

        def echo(*args: Any) -> tuple[Any, ...]:
            return args

        with Engine(toy_port(f=echo), quirks=quirks) as engine:
            return engine.run(found[0])

    return make


LISTEN = 'peer: {listen: "127.0.0.1", as: server}'
ACCEPT = "peer: {accept: true}"
SEND = "peer: {send: x}"
FAILED = "{call: socket.f, with: [2], returns: [1]}"
TWO = "on: [socket.f], expected: {returns: [1]}, returned: {returns: [2]}"


def peers(actions: str, text: str, *, always: bool = True, after: str = "") -> str:
    """Return the rule that actions of peers fail."""
    rule = f'on: [{actions}], {after}returned: {{raises: "{text}"}}'
    return rule if always else f"{rule}, always: false"


def test_behaviours_go_on_behind_an_action_of_a_peer_that_fails_by_a_rule(run: Run) -> None:
    result = run([LISTEN, ACCEPT, SEND, FAILED], peers('"peer:accept"', "none came"), peers('"peer:send"', "no conn"))
    assert (result.call, result.reason) == ("socket.f(2)", "2 instead of 1")
    assert result.quirks == ("rule-1", "rule-2")


def test_an_action_has_to_fail_as_the_rule_says(run: Run) -> None:
    result = run([LISTEN, ACCEPT, FAILED], peers('"peer:accept"', "reset"))
    assert (result.verdict, result.returned) == (Verdict.FAILED, "seen: no connection")
    assert "waited for a connection" in result.reason


@pytest.mark.parametrize("always", [True, False])
def test_a_rule_about_actions_is_strict(run: Run, always: bool) -> None:
    result = run([LISTEN, "{call: socket.f, with: [1], returns: [1]}"], peers('"peer:listen"', "*", always=always))
    assert result.verdict is (Verdict.FAILED if always else Verdict.PASSED)
    assert not always or "rule-1 does not hold here" in result.reason


def test_the_past_of_a_peer_is_that_of_all_calls(run: Run) -> None:
    accept = peers('"peer:accept"', "none came", after="after: [rule-1], ")
    assert run([LISTEN, FAILED, ACCEPT], TWO, accept).quirks == ("rule-1", "rule-2")
    assert run([LISTEN, ACCEPT, FAILED], TWO, accept).verdict is Verdict.FAILED


@pytest.mark.parametrize("key", ["after", "before"])
def test_a_rule_may_hold_only_after_or_before_an_action_of_a_peer(run: Run, key: str) -> None:
    rule = TWO.replace("expected:", f'{key}: ["peer:accept", "peer:listen"], expected:')
    one, two = (f"{{call: socket.f, with: [{number}], returns: [1]}}" for number in (1, 2))
    steps = [one, LISTEN, two] if key == "after" else [two, LISTEN, one]
    result = run(steps, rule)
    assert (result.verdict, result.reason, result.quirks) == (Verdict.QUIRKS, "", ("rule-1",))


def test_what_a_peer_does_meanwhile_counts(run: Run) -> None:
    rule = TWO.replace("expected:", 'after: ["peer:accept"], expected:')
    call = "{call: socket.f, with: [2], while: [{after: 60, peer: {accept: true}}], returns: [1]}"
    result = run([LISTEN, "{call: socket.f, with: [1], returns: [1]}", call], rule)
    assert (result.verdict, result.reason, result.quirks) == (Verdict.QUIRKS, "", ("rule-1",))


def test_an_action_that_is_impossible_stays_an_internal_error(run: Run) -> None:
    rules = peers('"peer:accept"', "none came"), peers('"peer:send"', "reset")
    assert run([LISTEN, ACCEPT, SEND, FAILED], *rules).verdict is Verdict.ERRORED


def test_no_other_name_means_actions_of_peers(run: Run) -> None:
    with pytest.raises(QuirksError, match="concerns no function"):
        run([LISTEN, FAILED], peers('":listen"', "*"))
    with pytest.raises(QuirksError, match="changes nothing"):
        run([LISTEN, FAILED], 'on: ["peer:listen"], expected: {returns: [1]}, returned: {returns: [2]}')


def where(pattern: str) -> str:
    """Return the rule that f returns "x" where one of its arguments but the first is so."""
    condition = f"{{with: [$first, $...], where: {{$...: {pattern}}}, returns: [$any]}}"
    return f"on: [socket.f], expected: {condition}, returned: {{returns: [x, 1, 3.5]}}"


@pytest.mark.parametrize(
    ("pattern", "applies"),
    [("{between: [3, 4]}", True), ('{pattern: "[.]"}', True), ("1", True), ("x", False), ("null", False)],
)
def test_a_rule_may_ask_for_the_value_of_a_variable(run: Run, pattern: str, applies: bool) -> None:
    other = "{call: socket.f, with: [x, null, x], returns: [0]}"  # the rule has to concern some call
    result = run(["{call: socket.f, with: [x, 1, 3.5], returns: [0]}", other], where(pattern))
    assert (result.quirks == ("rule-1",)) is applies


def test_a_condition_counts_for_the_arguments_that_are_passed(run: Run) -> None:
    rule = "on: [socket.f], expected: {with: [$n], where: {$n: {between: [5, 9]}}}, returned: {with: [1]}"
    assert run([f"{{call: socket.f, with: [{n}], returns: [{1 if n == 7 else n}]}}" for n in (4, 7)], rule).quirks


@pytest.mark.parametrize(
    ("expected", "problem"),
    [
        ("{with: [$n], where: {$m: 1}}", r"`\$m` under `where` is not a variable of `expected`"),
        ("{with: [$count], where: {count: 1}}", r"`count` under `where` is not a variable of `expected`"),
        ("{with: [$n], where: {$...: 1}, returns: [$...]}", r"`\$\.\.\.` under `where` is not a variable"),
        ("{with: [$n], where: 1}", "`where` has a pattern for each variable"),
    ],
)
def test_conditions_are_checked(run: Run, expected: str, problem: str) -> None:
    with pytest.raises(QuirksError, match=problem):
        run([FAILED], f"on: [socket.f], expected: {expected}, returned: {{returns: [2]}}")


def test_a_call_may_return_early_by_a_rule(run: Run) -> None:
    step = "{call: socket.f, with: [2], returns: [1], takes: {at_least: 0.05}}"
    assert run([step], TWO).reason == "it returned too early"
    assert run([step], TWO.replace("[2]}", "[2], early: true}")).verdict is Verdict.QUIRKS


def test_early_needs_an_outcome(run: Run) -> None:
    with pytest.raises(QuirksError, match="`early` needs an outcome"):
        run([FAILED], "on: [socket.f], expected: {with: [$n]}, returned: {with: [$n], early: true}")


def hanging(*, omitted: bool) -> str:
    """Return the rule that f does not return where 1 is expected."""
    return f"on: [socket.f], expected: {{returns: [1]}}, returned: {{hangs: true{', omitted: true' * omitted}}}"


def test_a_call_that_would_hang_may_be_omitted_where_steps_follow(run: Run) -> None:
    other = "{call: socket.f, with: [3], returns: [2]}"
    result = run([FAILED.replace("returns: [1]", "returns: [1], as: [one]"), other], hanging(omitted=True))
    assert (result.call, result.reason, result.quirks) == ("socket.f(3)", "3 instead of 2", ("rule-1",))
    assert run([FAILED, other], hanging(omitted=False)).reason == "the call returned"
    assert run([other.replace("[2]", "[3]"), FAILED], hanging(omitted=True)).reason == "the call returned"


def test_an_omitted_call_binds_what_is_expected(run: Run) -> None:
    steps = ["{call: socket.f, with: [2], returns: [1], as: [one]}", "{call: socket.f, with: [$one], returns: [0]}"]
    assert run(steps, hanging(omitted=True)).call == "socket.f(1)"


def test_only_a_call_that_hangs_is_omitted(run: Run) -> None:
    with pytest.raises(QuirksError, match="`omitted` is about a call that hangs"):
        run([FAILED], TWO.replace("[2]}", "[2], omitted: true}"))


def test_an_argument_may_be_made_of_an_expected_result(run: Run) -> None:
    rule = "on: [socket.f], expected: {returns: [null, $text]}, returned: {with: [{size: [$text]}], returns: [3]}"
    assert run(["{call: socket.f, with: [x], returns: [null, abc]}"], rule).quirks == ("rule-1",)
    assert run(["{call: socket.f, with: [x], returns: [null, abcd]}"], rule).reason == "4 instead of 3"
    unconcerned = ["{call: socket.f, with: [x], returns: [x]}", "{call: socket.f, with: [x], returns: [null, abc]}"]
    assert run(unconcerned, rule).verdict is Verdict.QUIRKS


def test_what_a_failed_action_would_bind_is_nil(run: Run) -> None:
    udp = 'peer: {udp: "127.0.0.1", as: own}'
    receive = "peer: {receive: x, as: sender}"
    send = "peer: {send: z, to: $sender.port}"
    result = run([udp, receive, send, FAILED], peers('"peer:receive"', "received none"))
    assert result.reason == "a peer needs the number of a port, and was given nil"
