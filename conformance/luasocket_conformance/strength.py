"""How many wrong ports the specification tells from right ones.

What lives here: playing the behaviours that should notice a mistake, the judgement about each wrong port, and the
command ``luasocket-conformance strength``, which the runners know only as an entry point: they may not import this
room. What may not: the mistakes (``wrong``), or how a behaviour is played (the runners).
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

import luasocket_spec
from luasocket_runners.engine import Engine
from luasocket_runners.result import Result, Verdict
from luasocket_runners.session import names
from luasocket_spec.model import Behaviour, Call, Dialect, Get, MethodTarget, PathTarget, Spec

from luasocket_conformance.wrong import WRONG_PORTS, WrongPort

__all__ = ["Judgement", "judge", "main", "noticed_by", "uncovered", "untold"]

#: Wrong ports that are played at once. Their behaviours wait more than they work, but all are in one process.
LANES: Final = 8

#: The dialect that wrong ports speak: that of upstream, which has every statement.
DIALECT: Final[Dialect] = "luasocket-3"

#: What tells a wrong port. (What the runner could not play, tells nothing.)
_NOTICED: Final = frozenset({Verdict.FAILED, Verdict.NOT_IMPLEMENTED})


@dataclass(frozen=True, slots=True)
class Judgement:
    """What came of a wrong port.

    Attributes
    ----------
    wrong
        The port.
    noticed
        The behaviours that failed, as far as they were played.
    missed
        Selectors and statements of the catalogue for which nothing failed; empty for a port that is caught.
    unjudged
        Those for which this host has not what the behaviours need.
    broken
        What the mistake itself broke at, which is no way to be wrong: it has to be mended.
    astray
        The behaviours that failed in subjects where the catalogue does not expect it; only known of a thorough look.
    """

    wrong: WrongPort
    noticed: tuple[Result, ...]
    missed: tuple[str, ...]
    unjudged: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    astray: tuple[str, ...] = ()


def _used(behaviour: Behaviour) -> frozenset[str]:
    """Return what a behaviour uses of a port: methods as ``:receive``, functions and fields as ``socket.select``."""
    used = set()
    for step in behaviour.all_steps():
        match step:
            case Call(target=MethodTarget(method=method)):
                used.add(f":{method}")
            case Call(target=PathTarget(path=path)):
                used |= {path, f":{path}"}  # tostring is a function, but what it says is the object's
            case Get(name=None, field=path):
                used.add(path)
            case Get(field=field):
                used.add(f":{field}")
    return frozenset(used)


#: By kind of object: the functions that make them, ``*`` as in file names.
_MAKERS: Final = {"tcp": ("socket.tcp*", "socket.connect*", "socket.bind"), "udp": ("socket.udp*",)}


def _can_notice(wrong: WrongPort, behaviour: Behaviour) -> bool:
    """Tell whether a behaviour uses anything that the mistake is made in."""
    used = _used(behaviour)

    def uses(pattern: str) -> bool:
        return any(fnmatchcase(one, pattern) for one in used)

    def reaches(target: str) -> bool:
        owner, colon, name = target.rpartition(":")
        makers = _MAKERS.get(owner.partition("{")[0], ("*",))
        return uses(f"{colon}{name}") and any(map(uses, makers))

    return any(map(reaches, wrong.targets))


def violated(wrong: WrongPort, spec: Spec) -> list[str]:
    """Return the statements that a wrong port violates: those that it names, but for waived ones.

    Raises
    ------
    ValueError
        It names a statement that is not there, or is waived.
    """
    due = [statement.id for statement in spec.statements.values() if statement.waived is None]
    found = []
    for pattern in wrong.violates:
        hits = [name for name in due if fnmatchcase(name, pattern)]
        if not hits:
            raise ValueError(f"{wrong.name}: no statement is {pattern}")
        found += hits
    return found


def uncovered(spec: Spec, catalogue: Iterable[WrongPort]) -> list[str]:
    """Return the statements, but for waived ones, that no wrong port violates."""
    done = {name for wrong in catalogue for name in violated(wrong, spec)}
    return [
        statement.id for statement in spec.statements.values() if statement.waived is None and statement.id not in done
    ]


def untold(spec: Spec, catalogue: Iterable[WrongPort]) -> list[str]:
    """Return the subjects, as ``tcp/send``, of which no wrong port names a behaviour that has to notice it."""
    subjects = {behaviour.subject for behaviour in spec.behaviours}
    selectors = {selector for wrong in catalogue for selector in wrong.caught_by}
    return sorted(subject for subject in subjects if not any(names(subject, selector) for selector in selectors))


def _duties(wrong: WrongPort, spec: Spec) -> dict[str, list[Behaviour]]:
    """Return the selectors and statements of a wrong port, each with the behaviours of which one has to fail.

    Raises
    ------
    ValueError
        A selector names no behaviour.
    """
    due: dict[str, list[Behaviour]] = {}
    applying = [behaviour for behaviour in spec.behaviours if DIALECT in behaviour.dialects]
    for selector in wrong.caught_by:
        due[selector] = [behaviour for behaviour in applying if names(selector, behaviour.id)]
        if not due[selector]:
            raise ValueError(f"{wrong.name}: {selector} names no behaviour")
    for statement in violated(wrong, spec):
        due[statement] = [behaviour for behaviour in applying if statement in behaviour.cites]
    return due


def judge(wrong: WrongPort, spec: Spec, *, thoroughly: bool = False) -> Judgement:
    """Play on a wrong port what has to notice it.

    Parameters
    ----------
    wrong
        The port.
    spec
        The specification.
    thoroughly
        Play also the behaviours of other subjects that use what the mistake is made in, to see whether it shows where
        it should not.

    Raises
    ------
    ValueError
        The catalogue names something that is not there.
    """
    duties = _duties(wrong, spec)
    played: dict[str, Result] = {}
    with Engine(wrong.port(), DIALECT, deadline=wrong.deadline) as engine:

        def notices(behaviour: Behaviour) -> bool:
            if behaviour.id not in played:
                try:
                    played[behaviour.id] = engine.play(behaviour)
                except OSError as error:
                    # the port lives in our process, and has closed a descriptor that was ours: that is noticed, too
                    played[behaviour.id] = Result(behaviour, Verdict.FAILED, f"it broke the runner: {error}")
            return played[behaviour.id].verdict in _NOTICED

        # What is known to notice comes first; a behaviour that cannot notice need not be played.
        missed: list[str] = []
        unjudged: list[str] = []
        for due, behaviours in duties.items():
            able = [behaviour for behaviour in behaviours if _can_notice(wrong, behaviour)]
            able.sort(key=lambda behaviour: (behaviour.id not in played, len(behaviour.steps)))
            if not any(map(notices, able)):
                # a busy host makes late what should have been early: what got away is played once more
                for behaviour in able:
                    del played[behaviour.id]
            if not any(map(notices, able)):
                skipped = [played[behaviour.id].verdict is Verdict.SKIPPED for behaviour in able]
                (unjudged if skipped and all(skipped) else missed).append(due)
        astray = []
        if thoroughly:
            home = {behaviour.source.file for behaviours in duties.values() for behaviour in behaviours}
            for behaviour in spec.behaviours:
                expected = behaviour.source.file in home or any(names(one, behaviour.id) for one in wrong.also)
                concerned = not expected and DIALECT in behaviour.dialects and _can_notice(wrong, behaviour)
                if concerned and notices(behaviour):
                    astray.append(behaviour.id)
    noticed = tuple(result for result in played.values() if result.verdict in _NOTICED)
    broken = tuple(
        f"{result.behaviour.id}: {result.reason}" for result in played.values() if result.verdict is Verdict.ERRORED
    )
    return Judgement(wrong, noticed, tuple(missed), tuple(unjudged), broken, tuple(astray))


def noticed_by(
    catalogue: Sequence[WrongPort],
    spec: Spec,
    *,
    thoroughly: bool = False,
    seen: Callable[[Judgement], None] = lambda judgement: None,
) -> list[Judgement]:
    """Judge several wrong ports at once; return the judgements in the same order."""

    def one(wrong: WrongPort) -> Judgement:
        judgement = judge(wrong, spec, thoroughly=thoroughly)
        seen(judgement)
        return judgement

    # Who plays with descriptors does it alone: in one process, a number that is freed may be somebody else's at once.
    alone = {wrong.name: one(wrong) for wrong in catalogue if any(target.endswith("fd") for target in wrong.targets)}
    with ThreadPoolExecutor(LANES) as lanes:
        others = {wrong.name: lanes.submit(one, wrong) for wrong in catalogue if wrong.name not in alone}
    return [alone.get(wrong.name) or others[wrong.name].result() for wrong in catalogue]


def main(options: argparse.Namespace) -> int:
    """Run ``luasocket-conformance strength``: print what is caught, and what got away; return the exit status."""
    spec = luasocket_spec.load(options.spec)
    chosen = [
        wrong
        for wrong in WRONG_PORTS
        if not options.selectors
        or any(names(selector, f"{wrong.subject}/{wrong.name}") for selector in options.selectors)
    ]
    if not chosen:
        print(f"luasocket-conformance: no wrong port is named by {', '.join(options.selectors)}", file=sys.stderr)
        return 2
    judgements = noticed_by(chosen, spec, thoroughly=options.all)
    print(_table(judgements))
    away = [judgement for judgement in judgements if judgement.missed or judgement.broken or judgement.astray]
    for judgement in away:
        wrong = judgement.wrong
        print(f"\n{wrong.subject}/{wrong.name}: {wrong.says}")
        for due in judgement.missed:
            print(f"  got away: {due}")
        for reason in judgement.broken:
            print(f"  broken: {reason}")
        for identity in judgement.astray:
            print(f"  astray: {identity}")
    for judgement in judgements:
        for due in judgement.unjudged:
            print(f"\n{judgement.wrong.subject}/{judgement.wrong.name}: {due} cannot be judged on this host")
    bare = [] if options.selectors else uncovered(spec, WRONG_PORTS)
    for statement in bare:
        print(f"\nno wrong port violates {statement}")
    idle = [] if options.selectors else untold(spec, WRONG_PORTS)
    for subject in idle:
        print(f"\nno wrong port is told by {subject}")
    return 1 if away or bare or idle else 0


def _table(judgements: Sequence[Judgement]) -> str:
    """Return caught and total by subject."""
    total: Counter[str] = Counter(judgement.wrong.subject for judgement in judgements)
    caught: Counter[str] = Counter(judgement.wrong.subject for judgement in judgements if not judgement.missed)
    width = max(map(len, total))
    lines = [f"{'subject':<{width}}  caught  total"]
    lines += [f"{subject:<{width}}  {caught[subject]:>6}  {count:>5}" for subject, count in total.items()]
    whole = total.total()
    lines.append(f"{caught.total()} of {whole} wrong ports are caught ({100 * caught.total() / whole:.1f} %)")
    return "\n".join(lines)
