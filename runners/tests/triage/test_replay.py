"""Calls of a run that are judged again by other rules, without the port."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from luasocket_runners.quirks.model import NO_QUIRKS, Quirks
from luasocket_runners.quirks.reading import parse_quirks
from luasocket_runners.result import Observation, Recorded, Result, Verdict
from luasocket_runners.triage.replay import Judge, UniqueCalls
from luasocket_spec.model import Behaviour, Outcome, Raises, Returns

BEHAVIOURS = """
  - id: one
    says: S.
    authority: observed
    steps:
      - {call: socket.f, with: [a], returns: [x, null]}
      - {call: socket.g, with: [], returns: [1]}
"""
ONE = """\
quirks:
  - id: one-value
    says: It drops nil.
    why: https://example.org/1
    on: [socket.f]
    expected: {returns: [$value, null]}
    returned: {returns: [$value]}
"""
F = Returns((b"x", None))


@pytest.fixture
def loaded(behaviours: Callable[[str], list[Behaviour]]) -> list[Behaviour]:
    return behaviours(BEHAVIOURS)


@pytest.fixture
def behaviour(loaded: list[Behaviour]) -> Behaviour:
    return loaded[0]


@pytest.fixture
def quirks(loaded: list[Behaviour]) -> Quirks:
    return parse_quirks(ONE.encode(), "q", loaded)


def call(function: str, outcome: Outcome, *returns: bytes | int | None, hangs: bool = False) -> Recorded:
    outcomes = ((outcome, frozenset({"documented", "observed"})),)
    return Recorded(function, (b"a",), outcomes, {}, (b"a",), None if hangs else returns, hangs=hangs)  # type: ignore[arg-type]


def failed(behaviour: Behaviour, last: Recorded) -> Result:
    """Return the result of a behaviour that has failed at its last call."""
    seen = Observation(last.function, last.args, last.outcomes[0][0], last.returns, hangs=last.hangs)
    return Result(behaviour, Verdict.FAILED, "why", observation=seen, hung=last.hangs, calls=(last,), at="test.yaml:1")


def test_a_behaviour_whose_last_call_a_rule_explains_is_open(behaviour: Behaviour, quirks: Quirks) -> None:
    judgement = Judge().judge(failed(behaviour, call("socket.f", F, b"x")), quirks, "luasocket-3")
    assert judgement.is_open
    assert judgement.result.quirks == ("one-value",)
    assert judgement.result.verdict is Verdict.QUIRKS
    assert judgement.result.at  # it has not come to its end


def test_a_behaviour_that_passed_fails_where_a_rule_does_not_hold(behaviour: Behaviour, quirks: Quirks) -> None:
    passed = Result(
        behaviour, Verdict.PASSED, calls=(call("socket.f", F, b"x", None), call("socket.g", Returns((1,)), 1))
    )
    judge = Judge()
    judgement = judge.judge(passed, quirks, "luasocket-3")
    assert not judgement.is_open
    assert judgement.result.verdict is Verdict.FAILED
    assert judgement.result.observation is not None
    assert judgement.result.observation.broken_quirks == ("one-value",)
    again = judge.judge(passed, NO_QUIRKS, "luasocket-3")
    assert again.result.verdict is Verdict.PASSED


def test_a_call_without_a_reply_hangs_only_where_the_behaviour_has_hung(behaviour: Behaviour) -> None:
    last = call("socket.g", Returns((1,)), hangs=True)
    hung = Judge().judge(failed(behaviour, last), NO_QUIRKS, "luasocket-3").result
    assert hung.observation is not None
    assert hung.observation.hangs
    died = Result(behaviour, Verdict.FAILED, "The port died.", calls=(last,))
    assert Judge().judge(died, NO_QUIRKS, "luasocket-3").result == died


def test_calls_that_begin_to_fail_are_found(behaviour: Behaviour, quirks: Quirks) -> None:
    right = Result(behaviour, Verdict.PASSED, calls=(call("socket.f", F, b"x", None),))
    raising = Result(behaviour, Verdict.PASSED, calls=(call("socket.f", Raises(b"no"), 1),))
    calls = UniqueCalls([right, raising], Judge(), NO_QUIRKS)
    (found,) = calls.failing(quirks, quirks.rules[0])
    assert (found.function, found.spec) == ("socket.f", F)
