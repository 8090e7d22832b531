"""Runs the specification on faulty ports, and says whether it detects them.

What is printed of it is the business of :mod:`.command`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from luasocket_runners.engine.engine import Engine
from luasocket_runners.result import Result, Verdict
from luasocket_runners.selection import names
from luasocket_spec.model import Behaviour, Call, Get, MethodTarget, PathTarget, Spec

from luasocket_conformance.faults import FaultyPort

__all__ = [
    "Judgement",
    "judge",
    "judge_all",
    "subjects_without_fault",
    "violated",
    "violating",
    "without_fault",
]

#: Faulty ports that are run at once. Their behaviours wait more than they work, but all are in one process.
WORKERS: Final = 8

#: The verdicts that detect a faulty port.
_DETECTED: Final = frozenset({Verdict.FAILED, Verdict.NOT_IMPLEMENTED})


@dataclass(frozen=True, slots=True)
class Judgement:
    """The results of the specification on a faulty port.

    Attributes
    ----------
    faulty
        The port.
    failures
        The failed behaviours, of those that were run.
    survived
        Selectors and statements of the catalogue for which nothing failed; empty for a port that is detected.
    unavailable
        Selectors and statements whose behaviours need a capability that this machine lacks.
    errors
        Exceptions of the mistake itself that are not Lua errors, with the behaviours; the mistake has to be corrected.
    unexpected
        Behaviours that failed where the catalogue expects no failure; only looked for by a thorough run.
    """

    faulty: FaultyPort
    failures: tuple[Result, ...]
    survived: tuple[str, ...]
    unavailable: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()


def _used(behaviour: Behaviour) -> frozenset[str]:
    """Return the parts of the API that a behaviour uses: methods as ``:receive``, functions as ``socket.select``."""
    used = set()
    for step in behaviour.all_steps():
        match step:
            case Call(target=MethodTarget(method=method)):
                used.add(f":{method}")
            case Call(target=PathTarget(path=path)):
                used |= {path, f":{path}"}  # tostring is a function, but a mistake in it is one of the object
            case Get(name=None, field=path):
                used.add(path)
            case Get(field=field):
                used.add(f":{field}")
    return frozenset(used)


#: By kind of object: the functions that make them, ``*`` as in file names.
_MAKERS: Final = {"tcp": ("socket.tcp*", "socket.connect*", "socket.bind"), "udp": ("socket.udp*",)}


def _can_detect(faulty: FaultyPort, behaviour: Behaviour) -> bool:
    """Tell whether a behaviour uses a function that has the mistake."""
    used = _used(behaviour)

    def uses(pattern: str) -> bool:
        return any(fnmatchcase(one, pattern) for one in used)

    def reaches(target: str) -> bool:
        owner, colon, name = target.rpartition(":")
        makers = _MAKERS.get(owner.partition("{")[0], ("*",))
        return uses(f"{colon}{name}") and any(map(uses, makers))

    return any(map(reaches, faulty.targets))


def violated(faulty: FaultyPort, spec: Spec) -> list[str]:
    """Return the statements that a faulty port violates; waived ones are left out.

    Raises
    ------
    ValueError
        The port names a statement that does not exist or is waived.
    """
    due = [statement.id for statement in spec.statements.values() if statement.waived is None]
    found = []
    for pattern in faulty.violates:
        hits = [name for name in due if fnmatchcase(name, pattern)]
        if not hits:
            raise ValueError(f"{faulty.name}: no statement is named by {pattern}")
        found += hits
    return found


def violating(statement: str, spec: Spec, catalogue: Iterable[FaultyPort]) -> list[FaultyPort]:
    """Return the faulty ports of a statement: they violate it, or a behaviour that covers it detects them."""
    covering = [behaviour.id for behaviour in spec.behaviours if statement in behaviour.covers]
    return [
        faulty
        for faulty in catalogue
        if statement in violated(faulty, spec)
        or any(names(selector, identity) for selector in faulty.detected_by for identity in covering)
    ]


def without_fault(spec: Spec, catalogue: Iterable[FaultyPort]) -> list[str]:
    """Return the statements that no faulty port violates; waived ones are left out."""
    done = {name for faulty in catalogue for name in violated(faulty, spec)}
    return [
        statement.id for statement in spec.statements.values() if statement.waived is None and statement.id not in done
    ]


def subjects_without_fault(spec: Spec, catalogue: Iterable[FaultyPort]) -> list[str]:
    """Return the subjects, as ``tcp/send``, that no faulty port names among those that detect it."""
    subjects = {behaviour.subject for behaviour in spec.behaviours}
    selectors = {selector for faulty in catalogue for selector in faulty.detected_by}
    return sorted(subject for subject in subjects if not any(names(subject, selector) for selector in selectors))


def _duties(faulty: FaultyPort, spec: Spec) -> dict[str, list[Behaviour]]:
    """Return the selectors and statements of a faulty port, each with the behaviours of which one has to fail.

    Raises
    ------
    ValueError
        A selector names no behaviour.
    """
    due: dict[str, list[Behaviour]] = {}
    applying = [behaviour for behaviour in spec.behaviours if faulty.dialect in behaviour.dialects]
    for selector in faulty.detected_by:
        due[selector] = [behaviour for behaviour in applying if names(selector, behaviour.id)]
        if not due[selector]:
            raise ValueError(f"{faulty.name}: no behaviour is named by {selector}")
    for statement in violated(faulty, spec):
        due[statement] = [behaviour for behaviour in applying if statement in behaviour.covers]
    return due


def judge(faulty: FaultyPort, spec: Spec, *, thoroughly: bool = False) -> Judgement:
    """Run the behaviours that have to detect a faulty port on it.

    Parameters
    ----------
    faulty
        The port.
    spec
        The specification.
    thoroughly
        Run also the behaviours of other subjects that use the mistaken function, to find unexpected failures.

    Raises
    ------
    ValueError
        The port names a behaviour or statement that does not exist.
    """
    duties = _duties(faulty, spec)
    results: dict[str, Result] = {}
    with Engine(faulty.port(), faulty.dialect, deadline=faulty.deadline) as engine:

        def detects(behaviour: Behaviour) -> bool:
            if behaviour.id not in results:
                try:
                    results[behaviour.id] = engine.run(behaviour)
                except OSError as error:
                    # The port lives in this process, and has closed a descriptor of the runner: a failure, too.
                    results[behaviour.id] = Result(behaviour, Verdict.FAILED, f"it broke the runner: {error}")
            return results[behaviour.id].verdict in _DETECTED

        # Behaviours that have run come first, then short ones; any that cannot detect the port is not run.
        survived: list[str] = []
        unavailable: list[str] = []
        for due, behaviours in duties.items():
            able = [behaviour for behaviour in behaviours if _can_detect(faulty, behaviour)]
            able.sort(key=lambda behaviour: (behaviour.id not in results, len(behaviour.steps)))
            if not any(map(detects, able)):
                # On a busy machine an early event may come late, and hide the mistake: run them once more.
                for behaviour in able:
                    del results[behaviour.id]
            if not any(map(detects, able)):
                skipped = [results[behaviour.id].verdict is Verdict.SKIPPED for behaviour in able]
                (unavailable if skipped and all(skipped) else survived).append(due)
        unexpected = []
        if thoroughly:
            home = {behaviour.source.file for behaviours in duties.values() for behaviour in behaviours}
            for behaviour in spec.behaviours:
                expected = behaviour.source.file in home or any(
                    names(selector, behaviour.id) for selector in faulty.also_fails
                )
                concerned = not expected and faulty.dialect in behaviour.dialects and _can_detect(faulty, behaviour)
                if concerned and detects(behaviour):
                    unexpected.append(behaviour.id)
    failures = tuple(result for result in results.values() if result.verdict in _DETECTED)
    errors = tuple(
        f"{result.behaviour.id}: {result.reason}" for result in results.values() if result.verdict is Verdict.ERRORED
    )
    return Judgement(faulty, failures, tuple(survived), tuple(unavailable), errors, tuple(unexpected))


def judge_all(
    catalogue: Sequence[FaultyPort],
    spec: Spec,
    *,
    thoroughly: bool = False,
) -> list[Judgement]:
    """Judge several faulty ports at once; return the judgements in the same order.

    One that is not as the catalogue says is judged once more, alone: the others keep the machine busy, and a port whose
    descriptors are confused may have closed one of its neighbour's.
    """

    def one(faulty: FaultyPort) -> Judgement:
        return judge(faulty, spec, thoroughly=thoroughly)

    # Mistakes in descriptors run alone: in one process, a number that is freed may be taken by another port at once.
    judged = {
        faulty.name: one(faulty)
        for faulty in catalogue
        if faulty.alone or any(target.endswith("fd") for target in faulty.targets)
    }
    with ThreadPoolExecutor(WORKERS) as workers:
        others = {faulty.name: workers.submit(one, faulty) for faulty in catalogue if faulty.name not in judged}
    for faulty in catalogue:
        if faulty.name in others:
            judgement = others[faulty.name].result()
            surprising = judgement.survived or judgement.errors or judgement.unexpected
            judged[faulty.name] = one(faulty) if surprising else judgement
    return [judged[faulty.name] for faulty in catalogue]
