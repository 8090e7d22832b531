"""Runs the behaviours of a triage with the rules found so far, until nothing new comes.

All calls of a run are recorded, so that new rules can judge them without the port: only the behaviours that go on
behind them, or whose calls get other arguments, run again. At first, calls that hang are put off: each takes the
whole deadline. Then it is tried whether timeouts are in milliseconds, and whether calls wait with one of 0, which
lets many hang; the others become rules. Last come the behaviours that were not tried because they call functions that
hang everywhere. When all rules are known, they become as strict and as few as the calls allow, and are proved by one
more run.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from luasocket_spec.model import Behaviour, Call, Dialect, Get, ValueTarget

from luasocket_runners.engine.engine import DEADLINE
from luasocket_runners.expectations.expectations import Expectations
from luasocket_runners.function_names import concerns
from luasocket_runners.notation import counted
from luasocket_runners.ports import Port
from luasocket_runners.quirks.classes import FUNCTION_VALUE
from luasocket_runners.quirks.model import HANGS, Quirk, Quirks, shape_of
from luasocket_runners.result import CONFORMING, PASSING, Result, Use, Verdict
from luasocket_runners.run.progress import Progress
from luasocket_runners.run.session import RERUNS_OF_HANGS, Session
from luasocket_runners.selection import used_functions
from luasocket_runners.triage import fingerprint
from luasocket_runners.triage.merging import Merge, merges_of, with_merges
from luasocket_runners.triage.replay import Judge, UniqueCalls
from luasocket_runners.triage.rules import Rules, shapes
from luasocket_runners.triage.trials import TRIALS, Trial

__all__ = ["Rounds"]

#: Runs after which nothing new is expected any more: each adds the rules behind those of the one before. Once more as
#: many follow where calls hang.
ROUNDS: Final = 16
#: Runs with the last rules, which prove them.
PROOFS: Final = 2
#: Times that all recorded calls are judged by other rules before the next run.
JUDGEMENTS: Final = 40
#: Behaviours in which a function hangs before it is given up.
PATIENCE: Final = 10
#: Seconds after which a call counts as hanging, until the last run: many calls may hang, and what remains runs again.
QUICK: Final = 3.0
#: Behaviours with which a rule about arguments is tried: calls may hang with it, and take the deadline.
SAMPLE: Final = 24
#: How many times as many workers run behaviours that only wait until a call counts as hanging.
WAITING: Final = 3


class Rounds:
    """The runs of one triage.

    Parameters
    ----------
    options
        Those of the command: ``dialect``, ``workers``, ``at_least``, and ``deadline``, which may be None.
    rules
        The rules, which learn from each run.

    Attributes
    ----------
    hung, waited
        How many calls have hung in all runs, and the seconds that they took.
    """

    def __init__(
        self,
        options: argparse.Namespace,
        port: Port,
        behaviours: Sequence[Behaviour],
        expectations: Expectations,
        rules: Rules,
    ) -> None:
        self._options = options
        self._port = port
        self._behaviours = behaviours
        self._expectations = expectations
        self._rules = rules
        self._results: dict[str, Result] = {}
        self._ran: dict[str, Result] = {}  # those of the last runs, with all calls
        self._ran_with: dict[str, frozenset[str]] = {}  # what the rules did then
        self._judge_of_calls = Judge()
        self._used = {behaviour.id: _used(behaviour) for behaviour in behaviours}
        self._dialect: Dialect = options.dialect or port.config.dialect or "luasocket-3"
        self._due = {behaviour.id for behaviour in behaviours}  # they have not run, or have to run again
        self._quirks = expectations.quirks  # of the last run
        self._tried = shapes(expectations.quirks)  # of the last run that has ended
        self._number = 0
        self._has_settled = False
        self.hung = 0
        self.waited = 0.0
        self._began = time.monotonic()
        self._deadline: float = QUICK if options.deadline is None else options.deadline

    def run(self) -> list[Result]:
        """Run the behaviours until nothing new comes; return the last results."""
        self._repeat(hangs=False, rounds=1)
        self._try_rules()
        self._repeat(hangs=False)
        if self._try_rules():  # other rules have let more calls get there
            self._repeat(hangs=False)
        self._learn(hangs=True)
        self._repeat(hangs=True)
        while self._again(_is_not_tried):
            known = shapes(self._rules.quirks())
            self._repeat(hangs=True, wait=True)
            if shapes(self._rules.quirks()) == known:
                break
        self._rules.find_forms()
        self._learn(hangs=True)
        self._repeat(hangs=True)
        self._find_leaks()
        self._merge()
        self._prove()
        self._confirm()
        return self.found()

    def found(self) -> list[Result]:
        """Return the results so far: of each behaviour, that of the last round in which it ran."""
        return [self._results[one.id] for one in self._behaviours if one.id in self._results]

    def ran(self) -> list[Result]:
        """Return the last results that the port itself has shown."""
        return [self._ran[one.id] for one in self._behaviours if one.id in self._ran]

    @property
    def has_settled(self) -> bool:
        """Whether the last rules are those of a run; otherwise they came up to its end."""
        return self._has_settled

    def has_tried(self, quirk: Quirk) -> bool:
        """Tell whether a rule was there, as it is now, in a run that has ended: only then is it more than a guess."""
        return shapes(Quirks("", (quirk,)))[0] in self._tried

    def _again(self, which: Callable[[Result], bool]) -> bool:
        """Have the behaviours with some results run again; tell whether there are any."""
        due = {identity for identity, result in self._results.items() if which(result)}
        self._due |= due
        return bool(due)

    def _repeat(self, *, hangs: bool, wait: bool = False, rounds: int | None = None) -> None:
        """Run the behaviours that are due, and learn from them, until none is due any more.

        Most of them will ``wait``, so more of them run at the same time.
        """
        for _ in range(ROUNDS if rounds is None else rounds):
            todo = [one for one in self._behaviours if one.id in self._due]
            if not todo:
                break
            self._play(todo, workers=WAITING if wait else 1)
            self._learn(hangs=hangs)
        self._has_settled = not self._due

    def _play(self, todo: Sequence[Behaviour], *, workers: int = 1) -> None:
        """Run behaviours with the rules found so far."""
        self._due -= {one.id for one in todo}
        self._number += 1
        found = {one.behaviour.id: one for one in self._run(todo, self._quirks, workers=workers)}
        self._ran |= found
        self._results |= found
        self._tried = shapes(self._quirks)
        self._ran_with |= dict.fromkeys(found, frozenset(self._tried))
        self._print_round(len(todo))

    def _learn(self, *, hangs: bool) -> None:
        """Find the rules for all calls that were recorded: each is judged by them, until no rule changes.

        Where rules explain the last call of a behaviour, it is due: only the port can tell how it goes on.
        """
        for _ in range(JUDGEMENTS):
            self._rules.learn(self.found(), hangs=hangs)
            if not self._judge(self._rules.quirks()):
                break

    def _judge(self, quirks: Quirks) -> bool:
        """Judge the behaviours that other rules concern by those; tell whether there are other rules."""
        change = _Change(self._quirks, quirks)
        self._quirks = quirks
        shown = frozenset(shapes(quirks))
        for identity, result in self._results.items():
            if not change.concerns(result, self._used[identity]):
                if change.renames:
                    self._results[identity] = change.rename(result)
                continue
            judgement = self._judge_of_calls.judge(self._ran[identity], quirks, self._dialect)
            self._results[identity] = judgement.result
            if judgement.is_open and self._ran_with[identity] != shown:
                self._due.add(identity)
            else:
                self._due.discard(identity)
        return change.is_any

    def _find_leaks(self) -> None:
        """Find the rules for descriptors that stay open; only runs can show whether they hold."""
        before: list[str] = []
        while self._rules.find_leaks(self.found()) and shapes(self._rules.quirks()) != before:
            before = shapes(self._rules.quirks())
            self._judge(self._rules.quirks())
            self._again(lambda result: result.leaked is not None)
            self._repeat(hangs=True)

    def _merge(self) -> None:
        """Put stricter rules, and wider ones, in the place of others, if nothing begins to fail with them."""
        rules = self._rules.proposed(used_only=True)

        def with_all(merges: Sequence[Merge]) -> Quirks:
            return Quirks(self._quirks.file, (*self._expectations.quirks.rules, *with_merges(rules, merges)))

        self._judge(with_all(()))
        before = dict(self._results)
        calls = UniqueCalls(self._ran.values(), self._judge_of_calls, with_all(()))
        merges = merges_of(
            rules,
            self._uses(),
            lambda found: list(calls.failing(with_all(found), found[-1].quirk)),
        )
        while self._judge(with_all(merges)):
            worse = [
                one
                for identity, one in self._results.items()
                if one.verdict not in CONFORMING and before[identity].verdict in CONFORMING
            ]
            wrong = [merge for merge in merges if any(_may_break(merge.quirk, one) for one in worse)]
            if not wrong:
                break
            merges = [merge for merge in merges if merge not in wrong]
        self._rules.settle(with_merges(rules, merges))

    def _uses(self) -> Mapping[str, Sequence[Use]]:
        """Return the calls that needed each rule."""
        found: dict[str, list[Use]] = defaultdict(list)
        for result in self._results.values():
            for use in result.uses:
                for quirk in use.quirks:
                    found[quirk].append(use)
        return found

    def _prove(self) -> None:
        """Run the behaviours that needed rules with the last ones, unless they have; rules that fail hold sometimes."""
        for _ in range(PROOFS):
            known = {quirk.id: shape_of(quirk) for quirk in self._quirks.rules}
            for result in self.found():
                needed = {known[quirk] for quirk in result.quirks if quirk in known}
                if not result.hung and not needed <= self._ran_with[result.behaviour.id]:
                    self._due.add(result.behaviour.id)
            todo = [one for one in self._behaviours if one.id in self._due]
            if not todo:
                break
            self._play(todo)
            seen = [one.observation for one in self.found() if one.observation is not None]
            broken = {quirk for one in seen for quirk in one.broken_quirks}
            proposed = self._rules.proposed()
            self._rules.settle([replace(one, always=one.always and one.id not in broken) for one in proposed])
            self._judge(self._rules.quirks())
        needed = {quirk for result in self.found() for quirk in result.quirks}
        self._rules.settle([one for one in self._rules.proposed() if one.id in needed])

    def _print_round(self, ran: int) -> None:
        found = self.found()
        missing = sum(result.verdict is Verdict.NOT_IMPLEMENTED for result in found)
        failed = sum(result.verdict not in CONFORMING for result in found) - missing
        elapsed = counted(round(time.monotonic() - self._began), "second")
        print(
            f"round {self._number}: {counted(len(self._quirks.rules), 'rule')}, {counted(ran, 'behaviour')} run, "
            f"{_passed(found)} passed, {failed} failed, {missing} not implemented, after {elapsed}",
            flush=True,
        )

    def _confirm(self) -> None:
        """Run the failed behaviours again, with the whole deadline, and alone those that now fail in another way."""
        failed = [result for result in self.found() if result.verdict is Verdict.FAILED]
        before = {result.behaviour.id: fingerprint(result) for result in failed}
        again = self._run(
            [result.behaviour for result in failed],
            self._quirks,
            deadline=self._options.deadline or DEADLINE,
            confirm=before,
        )
        self._results |= {one.behaviour.id: one for one in again if one.verdict is not Verdict.NOT_TRIED}

    def _try_rules(self) -> bool:
        """Try the rules that no reply shows, and that are not known yet; tell whether one of them holds."""
        found = False
        for trial in TRIALS:
            known = (quirk.id for quirk in self._rules.quirks().rules)
            if trial.rule.id not in known and self._holds(trial):
                self._rules.accept(trial.rule)
                self._again(trial.fails_so)
                found = True
        return found

    def _holds(self, trial: Trial) -> bool:
        """Tell whether behaviours stop failing in some way if a rule changes arguments, and others do not begin.

        Some that fail so are tried, and as many of the others.
        """
        declared = self._expectations.quirks.rules
        at_least: int = self._options.at_least
        concerned = [result for result in self.found() if trial.concerns(result.behaviour)]
        wrong = _sample([result.behaviour for result in concerned if trial.fails_so(result)])
        right = _sample([result.behaviour for result in concerned if not trial.fails_so(result)])
        with_it = Quirks(self._quirks.file, (*declared, trial.rule, *self._quirks.rules[len(declared) :]))
        if len(wrong) < at_least:
            return False
        better = self._wrong(trial, wrong, self._quirks) - self._wrong(trial, wrong, with_it)
        worse = self._wrong(trial, right, with_it) if better >= at_least else 0
        if better < worse + at_least:
            return False
        print(
            f"{trial.rule.id}: without this rule, {trial.words} in {better} of {len(wrong)} behaviours, and not with it"
        )
        return True

    def _wrong(self, trial: Trial, behaviours: Sequence[Behaviour], quirks: Quirks) -> int:
        """Run behaviours; return how many fail in the way that a rule explains."""
        return sum(map(trial.fails_so, self._run(behaviours, quirks)))

    def _run(
        self,
        behaviours: Sequence[Behaviour],
        quirks: Quirks,
        *,
        deadline: float | None = None,
        confirm: Mapping[str, str] | None = None,
        workers: int = 1,
    ) -> list[Result]:
        def is_final(result: Result) -> bool:
            if result.verdict in CONFORMING:
                return True
            if confirm is not None:  # it failed in this way before
                return confirm.get(result.behaviour.id) == fingerprint(result)
            # what a rule may explain runs again in rounds, and nothing is learned from other failures, so that it is
            # enough to confirm them at the end
            return not result.hung

        if not behaviours:
            return []
        with Session(
            self._port,
            behaviours,
            self._options.dialect,
            workers=self._options.workers * workers,
            deadline=deadline or self._deadline,
            quirks=quirks,
            expected=is_final,
            patience=PATIENCE,
            reruns_of_hangs=0 if confirm is None else RERUNS_OF_HANGS,
            records=True,
        ) as session:
            self._dialect = session.engine.dialect
            applying = [behaviour for behaviour in behaviours if session.engine.applies(behaviour)]
            with Progress(applying, lambda result: "") as progress:

                def on_result(result: Result) -> None:
                    progress.add(self._expectations.absent.apply(result))

                results = session.run(applying, on_result)
        waited = [result.duration for result in results if result.hung]
        self.hung += len(waited)
        self.waited += sum(waited)
        return [self._expectations.flaky.apply(self._expectations.absent.apply(result)) for result in results]


class _Change:
    """The changes between the quirks of two runs.

    Attributes
    ----------
    renamed
        The new ids of the quirks that are the same but for their ids; None: the quirk is not there any more.
    """

    def __init__(self, before: Quirks, after: Quirks) -> None:
        old, new = _by_shape(before), _by_shape(after)
        self.renamed = {
            quirk.id: new[shape].id if shape in new else None
            for quirk, shape in zip(before.rules, shapes(before), strict=True)
        }
        changed = [old.get(shape) or new[shape] for shape in old.keys() ^ new.keys()]
        self.renames = any(identity != new for identity, new in self.renamed.items())
        self.is_any = bool(changed) or list(old) != list(new)
        self._hanging = {_name(name) for quirk in changed if quirk.returned == HANGS for name in quirk.on}
        self._others = {_name(name) for quirk in changed if quirk.returned != HANGS for name in quirk.on}

    def concerns(self, result: Result, names: frozenset[str]) -> bool:
        """Tell whether a behaviour with this result, that uses these functions, may have another one now."""
        if any(self.renamed[quirk] is None for quirk in result.quirks):
            return True
        # a behaviour that ended because a call hangs by a rule does so whatever other calls hang
        ended = result.verdict is Verdict.QUIRKS and result.at
        return not self._others.isdisjoint(names) or not (ended or self._hanging.isdisjoint(names))

    def rename(self, result: Result) -> Result:
        """Return a result with the new ids of the quirks."""
        seen = result.observation
        if seen is not None and seen.broken_quirks:
            seen = replace(seen, broken_quirks=tuple(filter(None, map(self.renamed.get, seen.broken_quirks))))
        return replace(result, quirks=tuple(filter(None, map(self.renamed.get, result.quirks))), observation=seen)


def _may_break(quirk: Quirk, result: Result) -> bool:
    """Tell whether a rule may be the reason of a failure: it is about the function, or has been applied before."""
    function = result.function
    return quirk.id in result.quirks or not function or any(concerns(name, function) for name in quirk.on)


def _sample(behaviours: Sequence[Behaviour]) -> Sequence[Behaviour]:
    """Return some of many behaviours, from all over the spec."""
    return behaviours[:: -(-len(behaviours) // SAMPLE)] if behaviours else behaviours


def _by_shape(quirks: Quirks) -> dict[str, Quirk]:
    return dict(zip(shapes(quirks), quirks.rules, strict=True))


def _name(name: str) -> str:
    """Return the name in the list of a quirk without the class: ``:receive`` for ``client:receive``, ``.class``."""
    for mark in ":.":
        owner, found, method = name.partition(mark)
        if found and owner != "socket":
            return f"{mark}{method}"
    return name


def _used(behaviour: Behaviour) -> frozenset[str]:
    """Return the subjects of quirks that a behaviour uses, named as by :func:`_name`."""
    steps = list(behaviour.all_steps())
    used = set(used_functions(steps))
    if behaviour.functions or any(isinstance(step, Call) and isinstance(step.target, ValueTarget) for step in steps):
        used.add(FUNCTION_VALUE)
    used.update(f".{step.field}" for step in steps if isinstance(step, Get) and step.name is not None)
    return frozenset(used)


def _hangs(result: Result) -> bool:
    """Tell whether a behaviour has hung, or was not tried because others have."""
    return result.hung or _is_not_tried(result)


def _is_not_tried(result: Result) -> bool:
    return result.verdict is Verdict.NOT_TRIED


def _passed(results: Iterable[Result]) -> int:
    return sum(result.verdict in PASSING for result in results)
