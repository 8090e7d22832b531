"""Runs a session with several processes on a toy port: ``session_program.py DATA SCENARIO``. Prints JSON.

The scenario says what goes wrong. ``test_session.py`` starts this program, because a session forks its worker processes
only where no other thread runs, and pytest-xdist has threads.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import luasocket_spec
from luasocket_runners.ports import Connection, PortGone, PortUnavailable
from luasocket_runners.ports.inprocess import PythonPort
from luasocket_runners.result import Verdict
from luasocket_runners.run.session import Session
from luasocket_runners.testing import ToyApi

WORKERS = 3
FIRST = os.getpid()

#: Seconds until an event that comes at once has to be there.
SOON = 10.0
#: Scenarios in which the first process waits until another has sent something: otherwise it could finish alone.
TROUBLES = ("dies", "dies once", "each dies once", "no memory", "unavailable", "breaks", "interrupt", "killed")
#: The session that runs.
sessions: list[Session] = []


def is_suspect() -> bool:
    """Tell whether this process runs the behaviour of a worker that was killed."""
    return multiprocessing.current_process().name == "suspect"


class ToyPort(PythonPort):
    """A port that cannot be opened in other processes, or not a second time, if the scenario says so."""

    def __init__(self, one: Callable[[int], tuple[int, ...]], scenario: str) -> None:
        super().__init__("toy", lambda: ToyApi(one=one))
        self._scenario = scenario
        self._opened = 0

    def open(self, dialect: str | None) -> Connection:
        self._opened += 1
        if os.getpid() != FIRST:
            if self._scenario == "unavailable":
                raise PortUnavailable("There is one only.")
            if self._scenario == "breaks" and self._opened > 1:
                raise PortGone("it is broken")
            if self._scenario == "no memory" and (self._opened > 1 or is_suspect()):
                raise MemoryError("in a worker")
        return super().open(dialect)


def function(scenario: str) -> Callable[[int], tuple[int, ...]]:
    """Return the port's function."""
    waited: list[bool] = []
    first = multiprocessing.get_context("fork").Lock()
    deaths = multiprocessing.get_context("fork").Semaphore(WORKERS - 1)

    def one(number: int) -> tuple[int, ...]:
        elsewhere = os.getpid() != FIRST
        if scenario in TROUBLES and not elsewhere and not waited:
            waited.append(True)
            workers = sessions[0]._pool._workers
            workers._selector.select(SOON)
            if scenario in ("dies", "each dies once"):  # a worker that starts late finds nothing left to die of
                for worker in workers._workers.values():
                    assert worker.process is not None
                    worker.process.join(SOON)
        if scenario == "dies" and elsewhere:
            os._exit(9)
        if scenario == "dies once" and elsewhere and first.acquire(block=False):
            os.kill(os.getpid(), signal.SIGKILL)
        if scenario == "each dies once" and elsewhere and not is_suspect() and deaths.acquire(block=False):
            os.kill(os.getpid(), signal.SIGKILL)
        if scenario in ("breaks", "no memory") and elsewhere:
            raise SystemExit
        if scenario == "interrupt" and elsewhere and first.acquire(block=False):
            os.killpg(0, signal.SIGINT)
        if scenario == "killed" and elsewhere and first.acquire(block=False):
            os.kill(FIRST, signal.SIGKILL)
        return (1 if number % 50 else 2,)

    return one


def held() -> tuple[int, int, int]:
    """Count descriptors, threads and child processes."""
    gc.collect()
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    return descriptors, threading.active_count(), len(multiprocessing.active_children())


def main(data: str, scenario: str) -> None:
    """Run a scenario, and print its outcome."""
    behaviours = luasocket_spec.load(Path(data)).behaviours
    port = ToyPort(function(scenario), scenario)
    outcome: dict[str, Any] = {"trouble": None, "results": [], "seen": []}
    before = held()
    try:
        with Session(port, behaviours, workers=WORKERS) as session:
            sessions.append(session)
            outcome["processes"] = len(session)
            if scenario == "take":
                session.start(behaviours)
                results = [session.take(behaviour) for behaviour in behaviours]
            elif scenario == "early":
                session.start(behaviours)
                results = [session.take(behaviours[0])]
            else:
                results = session.run(behaviours, lambda result: outcome["seen"].append(result.behaviour.id))
            outcome["workers"] = len(session)
        outcome["results"] = [[result.behaviour.id, result.verdict.value] for result in results]
        outcome["errors"] = [result.reason for result in results if result.verdict is Verdict.ERRORED]
    except (Exception, KeyboardInterrupt) as trouble:
        outcome["trouble"] = f"{type(trouble).__name__}: {trouble}"
    outcome["before"], outcome["after"] = before, held()
    print(json.dumps(outcome))


if __name__ == "__main__":
    main(*sys.argv[1:])
