"""The commands about ports: ``ports``, ``adapter`` and ``init``."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from luasocket_spec.model import DIALECTS, Behaviour, Dialect

from luasocket_runners.cli import specification
from luasocket_runners.cli.failure import FAILED, PASSED, PORT_UNAVAILABLE, CommandFailed
from luasocket_runners.cli.init_port import LANGUAGES, InitError, init
from luasocket_runners.cli.parser import AddCommand, count
from luasocket_runners.engine.engine import Engine
from luasocket_runners.expectations.deviations import DeviationsError
from luasocket_runners.expectations.expectations import Expectations
from luasocket_runners.notation import counted
from luasocket_runners.ports import Port, PortUnavailable, known_ports, resolve
from luasocket_runners.ports.lua_interpreter import ADAPTER
from luasocket_runners.reports import terminal
from luasocket_runners.result import Conclusion, Result, conclude
from luasocket_runners.run.session import WORKERS, Session

__all__ = ["about_engine", "add_commands"]

_PORTS: Final = """\
examples:
  luasocket-conformance ports
  luasocket-conformance ports --names                the names alone; nothing is started
  luasocket-conformance ports ports/*/               run each of these, and print a line with its numbers

exit status: 0; with ports that are run: 1 something undeclared was found, 3 a port could not be run.
"""
_ADAPTER: Final = """\
examples:
  luasocket-conformance adapter > adapter.lua
  luasocket-conformance run --port 'command:my-lua adapter.lua'

exit status: 0.
"""
_INIT: Final = """\
examples:
  luasocket-conformance init my-port                 with an adapter in Lua, for programs that embed Lua
  luasocket-conformance init my-port --language python
  luasocket-conformance run --port ./my-port tcp/create

exit status: 0 the directory is written, 2 it exists already, or it cannot be written.
"""


def add_commands(add: AddCommand) -> None:
    """Add the commands of this module."""
    ports = add("ports", _ports, "List the ports that 'run' accepts, or run some and print a line for each.", _PORTS)
    ports.add_argument("ports", nargs="*", metavar="PORT", help="the ports to run (default: list all, run none)")
    ports.add_argument(
        "--workers", type=count, default=WORKERS, help=f"number of parallel workers (default: {WORKERS})"
    )
    ports.add_argument("--names", action="store_true", help="print the names only; start nothing")

    add("adapter", _adapter, "Print the adapter in plain Lua, for ports that can run Lua.", _ADAPTER)

    new = add("init", _init, "Write a directory for a new port: description, adapter, known deviations.", _INIT)
    new.add_argument("directory", type=_directory, metavar="NAME", help="the directory; its name becomes the port's")
    new.add_argument(
        "--language", choices=tuple(LANGUAGES), default="lua", help="the language of the adapter (default: lua)"
    )
    new.add_argument(
        "--dialect",
        choices=DIALECTS,
        help="the port's dialect (default: asked for at a terminal, else guessed)",
    )


def _directory(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("the name is empty; . is this directory")
    return Path(text)


def about_engine(engine: Engine) -> str:
    """Return the name, version and runtime that the port of an engine reports, on one line."""
    return terminal.about(*(str(engine.description.get(key) or "") for key in ("name", "version", "runtime")))


def _ports(options: argparse.Namespace) -> int:
    if options.ports:
        return _run_ports(options)
    names = known_ports()
    if options.names:
        print("\n".join(names))
        return PASSED
    width = max(map(len, names))
    from concurrent.futures import ThreadPoolExecutor  # slow to import

    # in parallel, because most of the time is waiting for them to start
    with ThreadPoolExecutor(max_workers=WORKERS) as workers:
        for name, about in zip(names, workers.map(_about_port, names), strict=True):
            print(f"{name:<{width}}  {about}".rstrip(), flush=True)
    return PASSED


def _run_ports(options: argparse.Namespace) -> int:
    """Run the whole specification on some ports; print a line for each as soon as it has ended."""
    behaviours = specification.load(options).behaviours
    status = PASSED
    width = max(map(len, options.ports))
    for name in options.ports:
        try:
            port = resolve(name)
            expectations = Expectations.load(None, None, behaviours, port.config)
            results = _results(port, behaviours, expectations, options.workers)
        except (PortUnavailable, DeviationsError) as error:
            print(f"{name:<{width}}  unavailable: {' '.join(str(error).split())}", flush=True)
            status = PORT_UNAVAILABLE
            continue
        used = {quirk for result in results for quirk in result.quirks}
        counts = Counter(result.verdict for result in results)
        unneeded = len(expectations.unneeded_quirks(results))
        conclusion, phrase = conclude(counts, len(used), unneeded=unneeded)
        if conclusion is Conclusion.FAILS and status == PASSED:
            status = FAILED
        lines = len(expectations.known.entries) + len(expectations.flaky.entries)
        declared = f"{counted(len(expectations.quirks.rules), 'quirk')}, {counted(lines, 'line')}"
        share = terminal.judged_share(results, expectations.absent.used_by)
        print(f"{name:<{width}}  {declared}; {share}; {phrase}", flush=True)
    return status


def _results(port: Port, behaviours: Sequence[Behaviour], expectations: Expectations, workers: int) -> list[Result]:
    with Session(
        port, behaviours, workers=workers, quirks=expectations.quirks, expected=expectations.expects
    ) as session:
        applying = [behaviour for behaviour in behaviours if session.engine.applies(behaviour)]
        return [expectations.apply(result) for result in session.run(applying, lambda result: None)]


def _about_port(name: str) -> str:
    """Return a port's description of itself, or why it is unavailable; empty where the user completes the name."""
    if any(map(str.isupper, name)):
        return ""
    try:
        with Engine(resolve(name)) as engine:
            return about_engine(engine)
    except PortUnavailable as error:
        return f"unavailable: {' '.join(str(error).removeprefix(f'{name}: ').split())}"


def _adapter(_options: argparse.Namespace) -> int:
    print(ADAPTER.read_text(encoding="utf-8"), end="")
    return PASSED


def _ask_dialect() -> Dialect | None:
    """Ask for the dialect of a new port, if a terminal is connected; None: it will be guessed."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return None
    print("Which dialect does the port implement?")
    print("  luasocket-3   LuaSocket 3.0.0 and later")
    print("  defold        LuaSocket 3.0-rc1, as in the Defold engine")
    reply = input("dialect (empty: have it guessed at each run): ").strip()
    if reply in DIALECTS:
        return reply
    if reply:
        raise CommandFailed(f"There is no dialect {reply!a}. The dialects are: {', '.join(DIALECTS)}.")
    return None


def _init(options: argparse.Namespace) -> int:
    try:
        written = init(options.directory, options.language, options.dialect or _ask_dialect())
    except InitError as error:
        raise CommandFailed(str(error)) from None
    print("\n".join(map(str, written)))
    name = shlex.quote(str(options.directory))
    print(f"\nNext: luasocket-conformance run --port {name} tcp/receive-line")
    return PASSED
