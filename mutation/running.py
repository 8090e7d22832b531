"""Runs the specification on mutants, each in a fork, several at once."""

from __future__ import annotations

import gc
import importlib.abc
import importlib.machinery
import importlib.util
import json
import math
import os
import resource
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import ModuleType
from typing import Final, Literal, TypeAlias

import luasocket_spec
from luasocket_runners.engine.engine import Engine
from luasocket_runners.ports.inprocess import use_alarm
from luasocket_runners.result import Result, Verdict
from luasocket_spec.model import DIALECTS, Behaviour, Call, Dialect, Takes

from mutation.choosing import CoverageIndex
from mutation.forking import DEADLINE, ERRORED, Case, engine_on_reference, fork
from mutation.making import PACKAGE, REFERENCE, Mutant

#: Seconds that a mutant may take. Every behaviour without a failure takes two minutes, and ten times that on a busy
#: machine; a mutant that spins between calls needs an end.
LIMIT: Final = 1200.0
#: Bytes of memory that a mutant may take: more than all behaviours together need, less than stops the machine.
MEMORY: Final = 4 << 30
#: Number of time-dependent behaviours that have to fail before a mutant is killed; if fewer fail, one has to fail again
#: in the end. All of them together are not late on a busy machine.
DOUBTS: Final = 3

#: The outcome for a mutant. ``timed out`` (LIMIT was over before a failure) and ``errored`` (an internal error) count
#: as survived.
Fate: TypeAlias = Literal["killed", "survived", "timed out", "errored"]
_KILLED, _SURVIVED = 0, 1
#: The fates by exit status of a mutant's process.
_FATES: Final[Mapping[int, Fate]] = {_KILLED: "killed", _SURVIVED: "survived", ERRORED: "errored"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """The fate of a mutant, and the behaviour that killed it, if one did."""

    mutant: Mutant
    fate: Fate
    killer: Case | None = None


def _module_of(file: str) -> str:
    parts = PurePosixPath(file).with_suffix("").parts
    return ".".join([PACKAGE, *(part for part in parts if part != "__init__")])


class _MutantImporter(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Imports the changed module from its text."""

    def __init__(self, mutant: Mutant) -> None:
        self._name = _module_of(mutant.file)
        self._mutant = mutant

    def find_spec(
        self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the specification of the changed module; None for all others."""
        if name != self._name:
            return None
        package = self._mutant.file.endswith("__init__.py")
        spec = importlib.util.spec_from_loader(
            name, self, origin=str(REFERENCE / self._mutant.file), is_package=package
        )
        if spec is not None and package:
            spec.submodule_search_locations = [str((REFERENCE / self._mutant.file).parent)]
        return spec

    def get_source(self, _name: str) -> str:
        """Return the changed text."""
        return self._mutant.code


def _depends_on_time(behaviour: Behaviour) -> bool:
    """Tell whether a busy machine may fail a behaviour: it times a call, or a peer acts during one."""
    calls = [step for step in behaviour.all_steps() if isinstance(step, Call)]
    return any(step.takes != Takes() or step.meanwhile for step in calls)


def _run_mutant(mutant: Mutant, order: Iterable[Case], behaviours: Mapping[Case, Behaviour], out: int) -> int:
    """Run behaviours on a mutant until one fails, or several that depend on time; write its name."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    use_alarm()
    sys.meta_path.insert(0, _MutantImporter(mutant))
    engines: dict[Dialect, Engine] = {}
    doubtful: list[Case] = []

    def failure(case: Case) -> Result | None:
        """Return the result of a behaviour that fails twice; once, a busy machine may be the reason."""
        dialect, _identity = case
        if dialect not in engines:
            engines[dialect] = engine_on_reference(dialect, DEADLINE).__enter__()
        for _ in range(2):
            result = engines[dialect].run(behaviours[case])
            if result.verdict in (Verdict.PASSED, Verdict.SKIPPED):
                return None
        return result

    def killed(case: Case) -> int:
        os.write(out, json.dumps(case).encode())
        return _KILLED

    try:
        for case in order:
            result = failure(case)
            if result is None:
                continue
            if result.hung or _depends_on_time(behaviours[case]):
                doubtful.append(case)
                if len(doubtful) < DOUBTS:
                    continue
            return killed(case)
        for case in doubtful:
            if failure(case) is not None:
                return killed(case)
    except Exception:  # it cannot be imported, or does not start: every run would fail
        return _KILLED
    return _SURVIVED


def run_mutants(mutants: Iterator[Mutant], workers: int, until: float = math.inf) -> Iterator[Outcome]:
    """Run the specification on mutants, several at once; start none after `until`. Yield the outcomes."""
    spec = luasocket_spec.load()
    assert PACKAGE not in sys.modules, "the reference has to be imported after the fork"
    behaviours = {
        (dialect, one.id): one
        for dialect in DIALECTS
        for one in spec.behaviours
        if dialect in one.dialects and one.descriptors is None  # a limit would be that of this program, too
    }
    index = CoverageIndex(behaviours)
    gc.collect()
    gc.freeze()  # else each copy would visit every loaded object, and so copy its memory
    running: dict[int, tuple[Mutant, float, int]] = {}
    more = True
    try:
        while more or running:
            while more and len(running) < workers:
                mutant = next(mutants, None) if time.monotonic() < until else None
                if mutant is None:
                    more = False
                    break
                order = index.order(mutant)
                if not order:
                    yield Outcome(mutant, "survived")
                    continue
                reader, writer = os.pipe()

                def work(mutant: Mutant = mutant, order: list[Case] = order, out: int = writer) -> int:
                    return _run_mutant(mutant, order, behaviours, out)

                running[fork(work)] = mutant, time.monotonic() + LIMIT, reader
                os.close(writer)
            if not running:
                break
            child, status = os.waitpid(-1, os.WNOHANG)
            if child in running:
                outcome = _outcome(*running.pop(child), os.waitstatus_to_exitcode(status))
                if outcome.killer is not None:
                    index.add_killer(outcome.mutant, outcome.killer)
                yield outcome
                continue
            for child, (_mutant, end, _reader) in running.items():
                if time.monotonic() > end:
                    os.killpg(child, signal.SIGKILL)
            time.sleep(0.02)  # no event combines the end of any child with a limit of time
    finally:
        for child in running:
            os.killpg(child, signal.SIGKILL)


def _outcome(mutant: Mutant, end: float, reader: int, status: int) -> Outcome:
    """Return the outcome of a process that has ended with a status, and has written its killer to a pipe."""
    with os.fdopen(reader, "rb") as pipe:
        killer = pipe.read()
    if killer:
        dialect, identity = json.loads(killer)
        return Outcome(mutant, "killed", (dialect, identity))
    if time.monotonic() > end and status < 0:
        return Outcome(mutant, "timed out")
    # A process that dies of its mutant is a kill, too.
    return Outcome(mutant, _FATES.get(status, "killed"))
