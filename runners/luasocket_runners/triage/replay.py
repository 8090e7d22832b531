"""Judges the recorded calls of a behaviour by other quirks than those of its run, without the port."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from luasocket_spec.model import Dialect, Raises

from luasocket_runners.engine.bindings import Bindings
from luasocket_runners.engine.expected import Expected
from luasocket_runners.engine.matcher import Matcher
from luasocket_runners.engine.readings import Readings, show_reply
from luasocket_runners.engine.requests import Reply
from luasocket_runners.notation import Names
from luasocket_runners.quirks.model import NO_QUIRKS, Quirk, Quirks, concerns, shape_of
from luasocket_runners.quirks.patterns import Match, match_args
from luasocket_runners.quirks.rewriting import omitted_by, pass_arguments
from luasocket_runners.result import PASSING, Observation, Recorded, Result, Use, Verdict
from luasocket_runners.triage.narrowing import concerns_call

__all__ = ["Judge", "Judgement", "UniqueCalls"]

#: Names cannot be bound here: the recorded values have none.
_SCOPE = Bindings({}).scope()
_NAMES = Names({})
_MATCHER = Matcher(_SCOPE.look_up, _SCOPE.names)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The result of a behaviour by other quirks.

    Attributes
    ----------
    result
        The result, as far as the recorded calls go.
    is_open
        Whether only another run can show what comes then: the behaviour goes on behind the last call, or a call gets
        other arguments.
    """

    result: Result
    is_open: bool


class Judge:
    """Judges behaviours that have run; it remembers the calls, many of which are the same."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[str, ...] | None] = {}
        self._quirks = NO_QUIRKS
        self._shapes: dict[str, int] = {}

    def judge(self, ran: Result, quirks: Quirks, dialect: Dialect) -> Judgement:
        """Judge a behaviour whose calls were recorded."""
        if ran.verdict not in (*PASSING, Verdict.FAILED, Verdict.NOT_IMPLEMENTED, Verdict.ABSENT):
            return Judgement(ran, is_open=False)
        self._use(quirks)
        seen = ran.observation
        # one that has leaked has come to its end
        ended_there = ran.verdict is Verdict.FAILED and seen is not None and not seen.hangs and ran.leaked is None
        hung = ran.hung or ran.verdict is Verdict.QUIRKS
        readings = Readings(dialect, None)
        uses: list[Use] = []
        for number, call in enumerate(ran.calls):
            is_last = number == len(ran.calls) - 1
            rules = quirks.of(call.function, call.past)
            if not call.is_whole:
                if rules:
                    return _with(Judgement(_going_on(ran), is_open=True), uses)
                if is_last and ended_there:
                    return _with(Judgement(ran, is_open=False), uses)
                continue
            if rules and (used := self._needed(call, rules)) is not None:
                if used:
                    uses.append(Use(used, call.function, call.args, frozenset(call.past), call.outcomes[0][0]))
                continue
            expected = Expected.of(call.outcomes, rules, call.args, _SCOPE)
            if _passes_others(call, rules):
                return _with(Judgement(_going_on(ran), is_open=True), uses)
            if call.passed is None:
                continue
            if call.hangs and not (is_last and hung):
                continue  # there was no reply because the behaviour has ended in another way
            if call.hangs:
                return _with(_hanging(ran, call, expected, rules), uses)
            reply = Reply(call.returns, call.raises, 0.0)
            if expected.compare(readings, reply, _MATCHER) is not None:
                return _with(Judgement(_differing(ran, call, expected, reply), is_open=False), uses)
            if expected.used:
                uses.append(expected.use(call.function, call.args, call.past))
        if ended_there and ran.calls:
            return _with(Judgement(_going_on(ran), is_open=True), uses)
        if ran.verdict in PASSING:
            passed = ran if ran.verdict is Verdict.PASSED else replace(ran, verdict=Verdict.PASSED)
            return _with(Judgement(passed, is_open=False), uses)
        if ran.missing is not None:
            return _with(_without_function(ran, quirks), uses)
        return _with(Judgement(ran, is_open=False), uses)

    def fits(self, call: Recorded, quirks: Quirks) -> bool:
        """Tell whether a call is as expected by quirks; also where that is not known."""
        self._use(quirks)
        rules = quirks.of(call.function, call.past)
        return not call.is_whole or len(call.outcomes) > 1 or self._needed(call, rules) is not None

    def _use(self, quirks: Quirks) -> None:
        if quirks is not self._quirks:
            self._quirks, self._shapes = quirks, {rule.id: hash((rule.id, shape_of(rule))) for rule in quirks.rules}

    def _needed(self, call: Recorded, rules: tuple[Quirk, ...]) -> tuple[str, ...] | None:
        """Return the rules that a call needed, if it is as expected; None if it is not, or if that is not known."""
        if call.hangs or call.passed is None or len(call.outcomes) > 1:
            return None
        of_rules = hash(tuple(self._shapes[rule.id] for rule in rules))
        key = of_rules, call.key
        if key not in self._known:
            self._known[key] = _judged_alone(call, rules)
        return self._known[key]


class UniqueCalls:
    """The different calls of behaviours that are as expected by some quirks."""

    def __init__(self, ran: Iterable[Result], judge: Judge, quirks: Quirks) -> None:
        self._judge = judge
        self._calls: dict[str, list[Recorded]] = defaultdict(list)
        ran = list(ran)
        self._hanging = [_use(one.calls[-1]) for one in ran if one.hung and one.calls and one.calls[-1].hangs]
        found = {(call.key, frozenset(call.past)): call for one in ran for call in one.calls if not call.hangs}
        for call in found.values():
            if judge.fits(call, quirks):
                self._calls[call.function].append(call)

    def failing(self, quirks: Quirks, changed: Quirk) -> Iterator[Use]:
        """Yield those that are not as expected by other quirks, of which one has changed, and those that hang."""
        for function, calls in self._calls.items():
            if any(concerns(name, function) for name in changed.on):
                for call in calls:
                    about = changed.with_ is None or match_args(changed.with_, call.args, None, Match())
                    if about and not self._judge.fits(call, quirks):
                        yield _use(call)
        if changed.always:
            yield from (use for use in self._hanging if concerns_call(changed, use))


def _use(call: Recorded) -> Use:
    return Use((), call.function, call.args, frozenset(call.past), call.outcomes[0][0])


def _judged_alone(call: Recorded, rules: tuple[Quirk, ...]) -> tuple[str, ...] | None:
    if _passes_others(call, rules):
        return None
    expected = Expected.of(call.outcomes, rules, call.args, _SCOPE)
    reply = Reply(call.returns, call.raises, 0.0)
    fits = expected.compare(Readings("luasocket-3", None), reply, _MATCHER) is None
    return expected.used if fits else None


def _with(judgement: Judgement, uses: Sequence[Use]) -> Judgement:
    """Return a judgement with the quirks that were needed."""
    used = dict.fromkeys(quirk for use in uses for quirk in use.quirks)
    result = judgement.result
    if not used and result.verdict is Verdict.PASSED and not result.quirks:
        return judgement
    if result.verdict in (Verdict.QUIRKS, Verdict.ABSENT):  # that of the call at which it has ended
        used |= dict.fromkeys(result.quirks)
    verdict = Verdict.QUIRKS if result.verdict is Verdict.PASSED and used else result.verdict
    return replace(judgement, result=replace(result, verdict=verdict, quirks=tuple(used), uses=tuple(uses)))


def _going_on(ran: Result) -> Result:
    """Return the result of a behaviour that has not failed yet, and has not come to its end."""
    at = ran.at or "the last recorded call"
    going_on = replace(ran, verdict=Verdict.PASSED, at=at, reason="", observation=None, missing=None, hung=False)
    return replace(going_on, returned=None, expected=None)


def _passes_others(call: Recorded, rules: tuple[Quirk, ...]) -> bool:
    """Tell whether the port would get other arguments by the rules than it got, or the call would not be made."""
    if not rules:
        return call.passed != call.args
    outcomes = [outcome for outcome, _ in call.outcomes]
    if (omitted_by(rules, call.args, outcomes, _SCOPE.resolve) is None) is (call.passed is None):
        return call.passed is None  # made where it need not be: that is judged as it is
    return call.passed is not None and pass_arguments(rules, call.args, outcomes, _SCOPE.resolve)[0] != call.passed


def _hanging(ran: Result, call: Recorded, expected: Expected, rules: tuple[Quirk, ...]) -> Judgement:
    """Judge a behaviour that has ended because a call did not return."""
    if expected.hanging:
        ended = replace(_going_on(ran), verdict=Verdict.QUIRKS, quirks=expected.hanging, function=call.function)
        outcomes = [outcome for outcome, _ in call.outcomes]
        omitted = omitted_by(rules, call.args, outcomes, _SCOPE.resolve)
        return Judgement(ended, is_open=omitted is not None)
    seen = expected.unanswered(call.function, call.args, _SCOPE, call.past, None)
    return Judgement(_failing(ran, call, "the call hangs", seen), is_open=False)


def _differing(ran: Result, call: Recorded, expected: Expected, reply: Reply) -> Result:
    """Return the result of a behaviour that fails at a call."""
    difference = expected.compare(Readings("luasocket-3", None), reply, _MATCHER) or ""
    broken = expected.broken_quirks(reply, _MATCHER)
    if broken:
        difference = f"the quirk {', '.join(broken)} does not hold here: the port does what LuaSocket does"
    else:
        broken = expected.overreaching_quirks(reply)
    seen = expected.observation(call.function, call.args, reply, _SCOPE, broken, call.past)
    shown = show_reply(call.returns, call.raises, _NAMES)
    return replace(_failing(ran, call, difference, seen), returned=shown)


def _failing(ran: Result, call: Recorded, reason: str, seen: Observation) -> Result:
    failing = replace(ran, verdict=Verdict.FAILED, reason=reason, function=call.function, hung=seen.hangs)
    return replace(failing, observation=seen, returned=None, missing=None)


def _without_function(ran: Result, quirks: Quirks) -> Judgement:
    """Judge a behaviour that has ended at a function that is not there; a rule may say so."""
    seen = ran.observation
    if seen is None:
        return Judgement(ran, is_open=False)
    said = next((rule.id for rule in quirks.of(seen.function, seen.past) if rule.lacks_function), None)
    if said is None:
        return Judgement(replace(ran, verdict=Verdict.NOT_IMPLEMENTED, listed=None), is_open=False)
    raises = isinstance(seen.spec or seen.expected, Raises)
    return Judgement(replace(ran, verdict=Verdict.ABSENT, quirks=(said,)), is_open=raises)
