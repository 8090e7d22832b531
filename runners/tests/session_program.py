"""Runs a session that spreads over processes, and prints what came of it as JSON: ``session_program.py DATA SCENARIO``.

It is a program, for a session copies its process only where no other thread is, and pytest-xdist has some. What lives
here: a toy port, and what goes wrong with it in each scenario. What may not: any expectation (``test_session.py``).
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
from luasocket_runners.session import Session

LANES = 3
FIRST = os.getpid()

#: Seconds for what happens at once; longer is a failure, not a wait.
SOON = 10.0
#: Scenarios in which the first process waits until it can hear of another: it must not be done before.
TROUBLES = ("dies", "unavailable", "breaks", "interrupt", "killed")
#: The session that runs.
sessions: list[Session] = []


class ToyError(Exception):
    """What raises in Lua."""

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.value = value


class Toy:
    """An implementation of one function."""

    LuaError: type[Exception] = ToyError
    Table: type[dict[Any, Any]] = dict

    def __init__(self, one: Callable[[int], tuple[int, ...]]) -> None:
        self._module = {b"one": one, b"_VERSION": b"Toy 1"}

    def open(self, _dialect: str) -> Any:
        return self._module

    def index(self, value: Any, name: str) -> Any:
        return value.get(name.encode()) if isinstance(value, dict) else None

    def setindex(self, value: Any, name: str, new: Any) -> None:
        value[name.encode()] = new

    def tostring(self, value: Any) -> bytes:
        return str(value).encode()


class ToyPort(PythonPort):
    """A port that cannot be opened in the other processes, or not again, if so asked."""

    def __init__(self, one: Callable[[int], tuple[int, ...]], scenario: str) -> None:
        super().__init__("toy", lambda: Toy(one))
        self._scenario = scenario
        self._opened = 0

    def open(self, dialect: str | None) -> Connection:
        self._opened += 1
        if os.getpid() != FIRST:
            if self._scenario == "unavailable":
                raise PortUnavailable("There is one only.")
            if self._scenario == "breaks" and self._opened > 1:
                raise PortGone("it is broken")
        return super().open(dialect)


def function(scenario: str) -> Callable[[int], tuple[int, ...]]:
    """Return the port's function."""
    first = multiprocessing.get_context("fork").Lock()

    def one(number: int) -> tuple[int, ...]:
        elsewhere = os.getpid() != FIRST
        if scenario in TROUBLES and not elsewhere:
            sessions[0]._others._heard.select(SOON)
        if scenario == "dies" and elsewhere:
            os._exit(9)
        if scenario == "breaks" and elsewhere:
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
    """Run, and print."""
    behaviours = luasocket_spec.load(Path(data)).behaviours
    port = ToyPort(function(scenario), scenario)
    told: dict[str, Any] = {"trouble": None, "results": [], "seen": []}
    before = held()
    try:
        with Session(port, behaviours, lanes=LANES) as session:
            sessions.append(session)
            told["processes"] = 1 + len(session._others)
            if scenario == "ahead":
                with session.ahead(behaviours) as ahead:
                    results = [ahead.take(behaviour) for behaviour in behaviours]
            elif scenario == "early":
                with session.ahead(behaviours) as ahead:
                    results = [ahead.take(behaviours[0])]
            else:
                results = session.run(behaviours, lambda result: told["seen"].append(result.behaviour.id))
        told["results"] = [[result.behaviour.id, result.verdict.value] for result in results]
    except (Exception, KeyboardInterrupt) as trouble:
        told["trouble"] = f"{type(trouble).__name__}: {trouble}"
    told["before"], told["after"] = before, held()
    print(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
