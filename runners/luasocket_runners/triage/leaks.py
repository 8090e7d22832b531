"""Proposes quirks for descriptors that stay open: the calls that explain how many, in all behaviours at once."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from luasocket_spec.model import Outcome, Raises, Returns, Source, Splice, Succeeds

from luasocket_runners.notation import counted
from luasocket_runners.quirks.called import calls_of
from luasocket_runners.quirks.model import Message, Quirk
from luasocket_runners.result import Result
from luasocket_runners.triage.fingerprints import without_varying_numbers
from luasocket_runners.triage.rule import free_identity, shown_function
from luasocket_runners.values import is_failure

__all__ = ["propose_leaks"]

#: The method that ends what an object has, in any class.
_CLOSE: Final = ":close"
#: The share of the behaviours with such calls in which a rule may explain too much: then it holds only sometimes.
_EXCEPTIONS: Final = 0.1


@dataclass(frozen=True, slots=True)
class _Kind:
    """Calls that may leave a descriptor open: of a function, and with an outcome, of which ``words`` tell; "": any.

    With ``until``, it is open until one of these methods is called on the object.
    """

    function: str
    words: str = ""
    text: str = ""
    until: tuple[str, ...] = ()

    @property
    def expected(self) -> Outcome | Message | None:
        """The pattern of the outcome in a rule."""
        if self.text:
            return Message(self.text)
        if not self.words:
            return None
        return Succeeds() if self.words == "succeeds" else Returns((None, Splice()))


def propose_leaks(results: Iterable[Result], at_least: int) -> list[Quirk]:
    """Return rules for the descriptors that stay open in behaviours that pass but for them.

    The kind of calls that explains the most behaviours comes first, if it explains no more descriptors than stay open.
    What it leaves, others explain. A rule explains at least so many behaviours.
    """
    measured = [one for one in results if one.leaked is not None and not one.behaviour.leaks]
    ends = _ends(measured, at_least)
    calls = {result.behaviour.id: _kinds(result, ends) for result in measured}
    left = {result.behaviour.id: result.leaked or 0 for result in measured}
    found: dict[str, Quirk] = {}
    while any(left.values()):
        best = max(_candidates(calls, left, at_least), key=lambda one: one.explained, default=None)
        if best is None:
            break
        example = next(identity for identity, count in left.items() if count and best.kind in calls[identity])
        quirk = best.quirk(free_identity(best.identity, found), example)
        found[quirk.id] = quirk
        for identity in left:
            left[identity] = max(0, left[identity] - calls[identity][best.kind] * best.each)
    return list(found.values())


@dataclass(frozen=True, slots=True)
class _Candidate:
    kind: _Kind
    each: int  #: the descriptors that each call leaves open
    explained: int  #: the behaviours in which that many, or more, stay open
    always: bool

    @property
    def identity(self) -> str:
        """The id of the rule, if no other one has it."""
        return "-".join([*re.findall("[a-z0-9]+", self.kind.function.lower()), "leaks"])

    def quirk(self, identity: str, example: str) -> Quirk:
        """Return the rule."""
        words = f" a call that {self.kind.words}" if self.kind.words else " each call"
        methods = " or ".join(name.removeprefix(":") for name in self.kind.until)
        until = f", until {methods} is called on the object" if methods else ""
        function = shown_function(self.kind.function)
        return Quirk(
            id=identity,
            says=f"{function}:{words}{'' if self.always else ' may'} leave{'s' if self.always else ''} "
            f"{counted(self.each, 'descriptor')} open{until}.",
            why=f"UNEXPLAINED: {counted(self.explained, 'behaviour')}, such as {example}.",
            on=(self.kind.function,),
            with_=None,
            expected=self.kind.expected,
            passes=None,
            returned=None,
            always=self.always,
            source=Source("(proposed)", 0),
            until=self.kind.until,
            leaks=self.each,
        )


def _candidates(calls: Mapping[str, Counter[_Kind]], left: Mapping[str, int], at_least: int) -> Iterable[_Candidate]:
    """Yield the kinds of calls that may explain what is left, those with any outcome first."""
    behaviours: dict[_Kind, list[str]] = {}
    for identity, kinds in calls.items():
        for kind in kinds:
            behaviours.setdefault(kind, []).append(identity)
    for kind in sorted(behaviours, key=lambda one: (one.until, one.words, one.text, ":" in one.function, one.function)):
        each = [left[identity] // calls[identity][kind] for identity in behaviours[kind]]
        explaining = [number for number in each if number]
        wrong = len(each) - len(explaining)
        if len(explaining) >= at_least and wrong <= _EXCEPTIONS * len(each):
            yield _Candidate(kind, min(explaining), len(explaining), always=not wrong)


def _objects(result: Result) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the calls that leave an object, each with the methods that are called on that later: ``:close``."""
    calls = list(calls_of(result.behaviour))
    for number, call in enumerate(calls):
        failed = isinstance(call.outcome, Returns) and is_failure(call.outcome.values)
        if call.holder is not None and not failed and not isinstance(call.outcome, Raises):
            later = (one.function for one in calls[number + 1 :] if one.on == call.holder)
            yield call.function, frozenset(f":{name.rpartition(':')[2]}" for name in later)


def _ends(results: Sequence[Result], at_least: int) -> Mapping[str, tuple[str, ...]]:
    """Return the methods after which no descriptor of an object stays open, by the functions that have made them.

    Close is one. The others are called only where none stays open, in at least so many behaviours.
    """
    stay: dict[str, set[str]] = defaultdict(set)
    free: dict[str, list[frozenset[str]]] = defaultdict(list)
    for result in results:
        for function, later in _objects(result):
            if _CLOSE in later:
                continue
            if result.leaked:
                stay[function] |= later
            else:
                free[function].append(later)
    ends = {function: [_CLOSE] for function in (*stay, *free)}
    for function, found in free.items():
        while found:
            often = Counter(name for later in found for name in sorted(later - stay[function]))
            name, count = max(often.items(), key=lambda pair: pair[1], default=("", 0))
            if count < at_least:
                break
            ends[function].append(name)
            found = [later for later in found if name not in later]
    return {function: tuple(names) for function, names in ends.items()}


def _kinds(result: Result, ends: Mapping[str, tuple[str, ...]]) -> Counter[_Kind]:
    """Count the calls of each kind that a behaviour makes."""
    found: Counter[_Kind] = Counter()
    for call in calls_of(result.behaviour):
        outcome = call.outcome
        if isinstance(outcome, Raises):
            continue
        found[_Kind(call.function)] += 1
        if isinstance(outcome, Returns) and is_failure(outcome.values):
            found[_Kind(call.function, "fails")] += 1
            text = outcome.values[1] if len(outcome.values) > 1 else None
            if isinstance(text, bytes) and without_varying_numbers(text.decode("latin-1")) == text.decode("latin-1"):
                found[_Kind(call.function, f"fails with {text.decode('latin-1')!a}", text.decode("latin-1"))] += 1
        else:
            found[_Kind(call.function, "succeeds")] += 1
    for function, later in _objects(result):
        for until in {(_CLOSE,), ends.get(function, (_CLOSE,))}:
            if later.isdisjoint(until):
                found[_Kind(function, until=until)] += 1
    return found
