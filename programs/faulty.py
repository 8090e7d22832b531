"""Runs programs on faulty ports, through the bridge: a process that forks a child for each program.

`faults` starts it and writes its orders.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from luasocket_conformance.faults import FAULTY_PORTS, FaultyPort
from luasocket_conformance.faults.mechanism import FaultyApi, Original
from luasocket_reference import LuaError, Object, classes, core
from luasocket_runners.bridge import program
from luasocket_runners.bridge.core import REFERENCE, HostValue, Library
from luasocket_runners.ports.inprocess import reference_api
from luasocket_runners.recorder import RECORDER, TRACE_VARIABLE

__all__ = ["DIALECT", "Runner", "forker"]

#: Runs a program with arguments and a file for its trace; returns its output and status.
Runner = Callable[[Path, list[str], Path], "tuple[str, int]"]

#: Seconds after which a program counts as hanging; each takes less than one on an idle machine.
LIMIT = 8.0

#: The dialect and the runtime of faulty implementations.
DIALECT, RUNTIME = "luasocket-3", "lua51"

#: Fields of tables that options have.
FIELDS = (b"on", b"timeout", b"multiaddr", b"interface")

#: What an argument that was left out stands for, by the name of the function; the first argument is the object.
DEFAULTS: Mapping[str, Sequence[Any]] = {
    "receive": (None, b"*l", b""),
    "send": (None, None, 1, -1),
    "settimeout": (None, None, b"b"),
    "shutdown": (None, b"both"),
    "listen": (None, 32),
    "udp:receive": (None, 8192),
    "udp:receivefrom": (None, 8192),
}

#: Receives a sentence about the call in which a mistake showed.
Showed = Callable[[str], None]


class WatchedApi(FaultyApi):
    """A faulty API that knows whether a call of the mistake did anything else than the reference would have done."""

    def __init__(self, faulty: FaultyPort) -> None:
        super().__init__(reference_api(), faulty)
        self._calls: list[tuple[tuple[Any, ...], Any]] = []

    def _original(self, function: Callable[..., Any], path: str) -> Original:
        def watched(*args: Any) -> Any:
            try:
                results = function(*args)
            except BaseException as error:
                self._calls.append((args, error))
                raise
            self._calls.append((args, results))
            return results

        return super()._original(watched, path)

    def watch(self, function: Callable[..., Any], name: str, args: tuple[Any, ...], showed: Showed) -> Any:
        """Call a function with the mistake; say if it showed, and where."""
        self._calls = []
        outcome: Any = None
        try:
            outcome = function(*args)
        except BaseException as error:
            outcome = error
            raise
        finally:
            wanted = [(_written_out(name, args), _typed(outcome))]
            if [(_written_out(name, given), _typed(result)) for given, result in self._calls] != wanted:
                showed(f"{name}{args!r:.200} gave {outcome!r:.200}; the reference was asked {self._calls!r:.400}")
        return outcome


def _written_out(name: str, args: tuple[Any, ...]) -> list[Any]:
    """Return arguments with the values that stand for those left out, since a mistake may pass these on."""
    is_udp = bool(args) and isinstance(args[0], Object) and args[0].class_name.startswith("udp")
    defaults = DEFAULTS.get(f"udp:{name}" if is_udp else name, ())
    written = [*args, *[None] * (len(defaults) - len(args))]
    for place, default in enumerate(defaults):
        written[place] = default if written[place] is None else written[place]
    while written and written[-1] is None:
        written.pop()
    return _typed(tuple(written))


def _typed(values: Any) -> Any:
    """Return values so that true differs from 1, as in Lua; of an error, what Lua raises."""
    if isinstance(values, LuaError):
        return [values.value]
    return [(isinstance(value, bool), value) for value in values] if isinstance(values, tuple) else values


def library(faulty: FaultyPort, showed: Showed) -> Library:
    """Return the reference with a mistake, for the bridge."""
    api = WatchedApi(faulty)

    def table(value: Any) -> Any:
        """Return a table of the program as one of Python's, which mistakes can read."""
        if not isinstance(value, HostValue) or value.lua_type != "table":
            return value
        made = reference_api().Table()
        position = 1
        while (entry := value.lua_index(position)) is not None:
            made[position] = entry
            position += 1
        for name in FIELDS:
            if (entry := value.lua_index(name)) is not None:
                made[name] = entry
        return made

    def named(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            return tuple(api.watch(function, name, tuple(map(table, args)), showed))

        call.__name__ = name
        return call

    def replaced(fields: Mapping[bytes, Any], faulty_fields: Mapping[bytes, Any], path: str) -> dict[bytes, Any]:
        made: dict[bytes, Any] = {}
        for key, value in fields.items():
            name = key.decode()
            if isinstance(value, dict):
                made[key] = replaced(value, faulty_fields[key], f"{path}.{name}")
            elif not faulty.targets_path(f"{path}.{name}"):
                made[key] = value
            elif key in faulty_fields:
                other = faulty_fields[key]
                made[key] = named(name, other) if callable(other) else other
        return made

    def faulty_method(value: Object, name: str) -> bool:
        kind = value.class_name.partition("{")[0]
        return any(faulty.targets_path(f"{owner}:{name}") for owner in (kind, value.class_name))

    def method(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            found = api.index(args[0], name) if args and isinstance(args[0], Object) else original
            mistaken = isinstance(args[0] if args else None, Object) and faulty_method(args[0], name)
            if found is None:
                raise LuaError(f"attempt to call method '{name}' (a nil value)".encode())
            given = tuple(map(table, args))
            is_original = found is original or getattr(found, "__func__", found) is original
            return tuple(found(*given) if is_original or not mistaken else api.watch(found, name, given, showed))

        call.__name__ = name
        return call

    def classes_of(dialect: str, version: str) -> dict[str, dict[str, Callable[..., Any]]]:
        return {
            class_name: {
                name: function if name.startswith("__") else method(name, function)
                for name, function in methods.items()
            }
            for class_name, methods in classes(dialect, version).items()
        }

    return Library(lambda dialect, version: replaced(core(dialect, version), api.open(dialect), "socket"), classes_of)


def run_here(order: Mapping[str, Any]) -> NoReturn:
    """Run a program in this process, which is a child."""
    output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for descriptor, number in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(descriptor, number)
    os.environ[TRACE_VARIABLE] = order["trace"]
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    if order["fault"]:
        signal.setitimer(signal.ITIMER_REAL, LIMIT)
    mark = Path(order["trace"]).with_suffix(".showed")

    def showed(words: str) -> None:
        if not mark.exists():
            mark.write_text(words)

    chosen = next((library(f, showed) for f in FAULTY_PORTS if f.name == order["fault"]), REFERENCE)
    program.main([f"--preload={RECORDER}", RUNTIME, DIALECT, "machine", order["file"], *order["arguments"]], chosen)


def serve_orders() -> None:
    """Fork a child for each order, a line of JSON; answer with its status. Everything is loaded before, once."""
    program.load(RUNTIME)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                run_here(json.loads(line))
            except BaseException:
                import traceback

                traceback.print_exc()
            finally:
                os._exit(70)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def forker() -> tuple[subprocess.Popen[str], Callable[[str], Runner]]:
    """Start a process that runs programs; return it, and what makes a runner for a fault."""
    process = subprocess.Popen([sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def for_fault(fault: str) -> Runner:
        def run(file: Path, arguments: list[str], trace: Path) -> tuple[str, int]:
            output = trace.with_suffix(".txt")
            order = {"fault": fault, "file": str(file), "arguments": arguments, "trace": str(trace)}
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(order | {"output": str(output)}) + "\n")
            process.stdin.flush()
            return output.read_text("latin-1") if (status := int(process.stdout.readline())) != 70 else "", status

        return run

    return process, for_fault


if __name__ == "__main__":
    serve_orders()
