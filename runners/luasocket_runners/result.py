"""The result of running one behaviour: a closed set of verdicts, and all that a report needs to explain them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Literal

from luasocket_spec.model import Authority, Behaviour, Call, Drop, Get, Make, Outcome, Set, Succeeds, Takes

from luasocket_runners.values import LuaValue

__all__ = [
    "CONFORMING", "DECLARED", "PASSING", "RAISED", "SEEN", "Conclusion", "Listed", "Observation", "Recorded", "Result",
    "Use", "Verdict", "conclude", "outcome_label",
]  # fmt: skip


class Verdict(Enum):
    """The verdict on a behaviour. The value is the word for people."""

    PASSED = "passed"
    QUIRKS = "passed with quirks"  #: where the port differs, it does so by the rules that it declares
    FAILED = "failed"
    NOT_IMPLEMENTED = "not implemented"
    ERRORED = "errored"  #: an error of the suite itself: no verdict about the port
    SKIPPED = "skipped"  #: a capability that it needs is not available
    KNOWN = "known deviation"
    ABSENT = "absent"  #: not implemented, and declared so
    FLAKY = "flaky"  #: the port is known to pass it only sometimes
    NOT_TRIED = "not tried"  #: it calls a function that has hung everywhere else


#: The verdicts that a port has for something it declares.
DECLARED: Final = (Verdict.QUIRKS, Verdict.KNOWN, Verdict.ABSENT, Verdict.FLAKY)
#: The verdicts of a behaviour that passes.
PASSING: Final = frozenset({Verdict.PASSED, Verdict.QUIRKS})
#: The verdicts of a port without undeclared differences.
CONFORMING: Final = frozenset({Verdict.PASSED, Verdict.SKIPPED, *DECLARED})


class Conclusion(Enum):
    """The conclusion of a run. The value is the word for people."""

    CONFORMS = "conforms"
    AS_DECLARED = "as declared"  #: differs from LuaSocket only where the port declares it
    FAILS = "fails"
    INCOMPLETE = "incomplete"  #: the run ended early, or skipped every behaviour; there is no failure so far


def conclude(
    counts: Mapping[Verdict, int], quirks: int = 0, *, complete: bool = True, unneeded: int = 0
) -> tuple[Conclusion, str]:
    """Return the conclusion of a run, and a phrase that says it with its numbers.

    Parameters
    ----------
    counts
        The number of results of each verdict.
    quirks
        The number of different quirks that were applied.
    complete
        Whether every behaviour of the run has a result.
    unneeded
        The number of declared quirks that no behaviour needs.
    """
    failures = sum(count for verdict, count in counts.items() if verdict not in CONFORMING)
    errors = counts.get(Verdict.ERRORED, 0)
    if not complete and failures == errors > 0 and not unneeded:
        return Conclusion.INCOMPLETE, f"incomplete: {errors} without a verdict"
    wrong = [
        phrase
        for number, phrase in (
            (failures, f"{failures} undeclared {'failure' if failures == 1 else 'failures'}"),
            (unneeded, f"{unneeded} {'quirk that is' if unneeded == 1 else 'quirks that are'} not needed"),
        )
        if number
    ]
    if wrong:
        return Conclusion.FAILS, f"fails: {', '.join(wrong)}"
    if not complete:
        return Conclusion.INCOMPLETE, "incomplete: the run ended early"
    known, absent, flaky = (counts.get(verdict, 0) for verdict in (Verdict.KNOWN, Verdict.ABSENT, Verdict.FLAKY))
    declared = [
        phrase
        for number, phrase in (
            (quirks, f"{quirks} {'quirk' if quirks == 1 else 'quirks'}"),
            (known, f"{known} known {'deviation' if known == 1 else 'deviations'}"),
            (absent, f"{absent} not implemented"),
            (flaky, f"{flaky} flaky"),
        )
        if number
    ]
    if declared:
        return Conclusion.AS_DECLARED, f"as declared: {', '.join(declared)}"
    if not counts.get(Verdict.PASSED):
        return Conclusion.INCOMPLETE, "incomplete: no behaviour was judged"
    return Conclusion.CONFORMS, "conforms"


#: The beginning of a result's ``returned`` that was not returned by a call: an error raised, or seen by a peer.
RAISED: Final = "error: "
SEEN: Final = "seen: "


def outcome_label(returned: str) -> tuple[str, str]:
    """Return the label (returned, raised, seen) of a result's ``returned``, and the text without its mark."""
    for mark, word in ((RAISED, "raised"), (SEEN, "seen")):
        if returned.startswith(mark):
            return word, returned[len(mark) :]
    return "returned", returned


@dataclass(frozen=True, slots=True)
class Listed:
    """The entry of a port's list that names a behaviour.

    Attributes
    ----------
    kind
        The list: known deviations, flaky behaviours, or absent functions.
    entry
        The selector of the entry: an id, the beginning of ids, a pattern, or a function or method that is absent.
    reason
        The reason that the entry gives.
    file, line
        Its place; lines count from 1.
    explained
        Whether a person has written the reason; False if ``--update-deviations`` wrote the entry.
    passed
        Whether the behaviour passed all the same.
    """

    kind: Literal["known", "flaky", "absent"]
    entry: str
    reason: str
    file: str
    line: int
    explained: bool
    passed: bool


@dataclass(frozen=True, slots=True)
class Observation:
    """The call at which a behaviour failed, or that the port does not have, as data, from which rules can be made.

    Attributes
    ----------
    function
        The name of the function: ``socket.select``, ``client:receive``, ``:receive`` if the class is not known.
    args
        The arguments of the behaviour.
    expected
        The outcome that was expected, by the quirks of the port, and in the observed reading if there are two; names
        are replaced by their values.
    returns, raises
        The reply; ``returns`` is None if an error was raised.
    broken_quirks
        The ids of quirks that do not hold here: the port does as LuaSocket does, or raises an error where the quirk
        says that it returns, or the reverse.
    hangs
        Whether the call did not return: then there is no reply.
    past
        The functions that were called on the object of a method, or have returned it, and the quirks needed there.
    spec
        LuaSocket's own outcome, where quirks made ``expected`` of it; otherwise None.
    applied
        The ids of those quirks.
    """

    function: str
    args: tuple[LuaValue, ...]
    expected: Outcome
    returns: tuple[LuaValue, ...] | None
    raises: LuaValue = None
    broken_quirks: tuple[str, ...] = ()
    hangs: bool = False
    past: frozenset[str] = frozenset()
    spec: Outcome | None = None
    applied: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Use:
    """A call that would have failed without quirks, as data; what tells it from others can narrow them.

    Attributes
    ----------
    quirks
        The ids of the quirks.
    function, args, past
        As in an observation.
    spec
        LuaSocket's own outcome.
    """

    quirks: tuple[str, ...]
    function: str
    args: tuple[LuaValue, ...]
    past: frozenset[str]
    spec: Outcome


@dataclass(frozen=True, slots=True)
class Recorded:
    """A call of a behaviour as data, so that other quirks can judge it without the port.

    Attributes
    ----------
    function, args, returns, raises
        As in an observation, but whole.
    outcomes
        LuaSocket's own outcomes, each with the readings that expect it.
    past
        The functions that were called on the object, and the quirks needed there, with the numbers of their last calls.
    hangs
        Whether there was no reply.
    passed
        The arguments that the port got; None: the call was not made, since it would not return by a quirk.
    is_whole
        Whether all values are as they were; very long strings are cut.
    """

    function: str
    args: tuple[LuaValue, ...]
    outcomes: tuple[tuple[Outcome, frozenset[Authority]], ...]
    past: Mapping[str, int]
    passed: tuple[LuaValue, ...] | None
    returns: tuple[LuaValue, ...] | None = None
    raises: LuaValue = None
    hangs: bool = True
    is_whole: bool = True
    key: int = field(init=False, repr=False, compare=False)  #: equal for calls that differ in their past only

    def __post_init__(self) -> None:
        same = self.function, self.args, self.outcomes, self.passed, self.returns, self.raises, self.hangs
        object.__setattr__(self, "key", hash(repr(same)))


@dataclass(frozen=True, slots=True)
class Result:
    """The verdict on one behaviour.

    Attributes
    ----------
    reason
        The first difference, the missing function, or the missing capability, as a phrase. Empty if it passed.
    call
        The step in Lua's notation: ``client:receive("*l")``; empty where no step is to blame.
    expected, returned
        In Lua's notation; None where the step has none. :func:`outcome_label` names the kind of ``returned``.
    at
        ``file:line`` of the step in the spec at which it ended before its last one: by a failure, or by a quirk that
        says that a call does not return.
    fixture
        The fixture that was being set up, if any.
    follows
        The reading of a disagreement that the port follows: ``documented``, ``observed``, or None.
    duration
        Seconds.
    note
        A remark: that the result was another one when other behaviours ran at the same time.
    hung
        Whether it took all the time there was: a call did not return, or a peer waited in vain.
    printed
        The last lines that the port wrote to its standard error, if they may explain the result.
    listed
        The entry of the port's lists that names the behaviour, if any.
    after
        The ids of the last behaviours that ran before it in the same process of the port, in order; empty unless it
        failed.
    flaky_under_load
        Whether it failed beside other behaviours and passed when it was rerun alone.
    missing
        The function that is not implemented, if any: ``socket.udp``, or a method as ``:getstats``.
    quirks
        The ids of the quirks without which the port would have failed, in the order of their first use.
    uses
        The calls that would have failed without one of these quirks.
    function
        The function that was called when it failed: ``client:receive``; empty if none was.
    observation
        The call at which it failed, if it is one whose reply differs.
    leaked
        The number of descriptors that stayed open in the port's process, if that is known and all else was as expected.
    calls
        All calls up to its end, if the engine records them; the last one may be the one at which it failed.
    """

    behaviour: Behaviour
    verdict: Verdict
    reason: str = ""
    call: str = ""
    expected: str | None = None
    returned: str | None = None
    at: str = ""
    fixture: str | None = None
    follows: Authority | None = None
    duration: float = 0.0
    note: str = ""
    hung: bool = False
    printed: str = ""
    listed: Listed | None = None
    after: tuple[str, ...] = ()
    flaky_under_load: bool = False
    missing: str | None = None
    quirks: tuple[str, ...] = ()
    uses: tuple[Use, ...] = ()
    function: str = ""
    observation: Observation | None = None
    leaked: int | None = None
    calls: tuple[Recorded, ...] = ()

    @property
    def hint(self) -> str | None:
        """The behaviour's hint, unless it failed at a step that the hint does not belong to.

        A hint is about the results that the behaviour checks. It does not help where a fixture or a step that only
        prepares has failed, or where the port died, hung or broke the protocol after the last step.
        """
        failed = self.verdict not in CONFORMING
        return None if failed and (self.fixture is not None or not self._checks()) else self.behaviour.hint

    def _checks(self) -> bool:
        """Return whether the step at which the behaviour failed checks anything but success."""
        step = next((step for step in self.behaviour.steps if str(step.source) == self.at), None)
        if step is None:
            return bool(self.at)  # an action of a peer during a call, or a step of a function
        if isinstance(step, Call) and (step.takes != Takes() or step.meanwhile):
            return True
        if isinstance(step, Call | Get):
            return not all(isinstance(outcome, Succeeds) for _, outcome in step.expect.by_reading)
        return not isinstance(step, Set | Make | Drop)
