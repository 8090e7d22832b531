"""The command ``explore``: runs random programs on a port and on the reference, and prints where they differ."""

from __future__ import annotations

import argparse
import math
import os
import shlex
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Final

from luasocket_spec.model import DIALECTS

from luasocket_runners.cli import specification
from luasocket_runners.cli.failure import FAILED, PASSED, PORT_UNAVAILABLE, USAGE, CommandFailed
from luasocket_runners.cli.parser import PROGRAM, AddCommand, natural
from luasocket_runners.explore import PROFILES
from luasocket_runners.files import problem_with_output, write_text
from luasocket_runners.ports import Port, PortUnavailable, UnknownPort, known_ports, resolve
from luasocket_runners.quirks import NO_QUIRKS, Quirks, QuirksError, load_quirks

if TYPE_CHECKING:
    from luasocket_runners.explore.search import Found

__all__ = ["add_commands"]

#: Calls of a search without any limit: a quarter of a minute, more on a busy machine.
CALLS: Final = 8000
#: Seconds between two updates of the counter on a terminal.
_BEAT: Final = 0.2
#: The longest line of a list.
_WIDTH: Final = 100
#: Seconds of the longest search, a day.
_LONGEST: Final = 86400.0

_EPILOG: Final = """\
examples:
  luasocket-conformance explore --port lua5.4                    about 8,000 calls, in less than a minute
  luasocket-conformance explore --port ./my-port --minutes 5 --seed 7
  luasocket-conformance explore --port ./my-port --profile udp --write found/behaviours/mine.yaml

It needs Hypothesis (pip install hypothesis), the extra 'explore' of this distribution.

exit status: 0 no difference was found, 1 at least one; 2 wrong usage, or Hypothesis is not installed; 3 the port could
not be run.
"""


def add_commands(add: AddCommand) -> None:
    """Add the command of this module."""
    explore = add("explore", _explore, "Compare a port with the reference in random programs.", _EPILOG)
    explore.add_argument("--port", required=True, help=f"the port under test: {', '.join(known_ports())}")
    explore.add_argument("--dialect", choices=DIALECTS, help="the dialect to compare in (default: the port's own)")
    explore.add_argument("--profile", choices=PROFILES, default=PROFILES[0], help="the part of the API to explore")
    explore.add_argument("--quirks", type=Path, metavar="FILE", help="rules by which the port differs, in YAML")
    explore.add_argument(
        "--seed", type=natural, default=0, metavar="N", help="the seed of the random programs (default: 0)"
    )
    explore.add_argument("--calls", type=natural, metavar="N", help=f"end after N calls (default: {CALLS})")
    explore.add_argument("--examples", type=natural, metavar="N", help="end after N programs")
    explore.add_argument("--minutes", type=_minutes, metavar="M", help="end after M minutes")
    explore.add_argument(
        "--differences", type=natural, default=10, metavar="N", help="end after N kinds of differences (default: 10)"
    )
    explore.add_argument(
        "--write", type=Path, metavar="FILE", help="write each difference as a behaviour into a YAML file"
    )
    explore.add_argument(
        "--database", type=Path, metavar="DIR", help="keep programs that differed in DIR, and try them first"
    )


def _minutes(text: str) -> float:
    """Read a number of minutes; return the seconds."""
    try:
        number = 60 * float(text)
    except ValueError:
        number = math.nan
    if not 0 < number <= _LONGEST:
        raise argparse.ArgumentTypeError(f"{text!a} is not a number of minutes, up to a day")
    return number


def _explore(options: argparse.Namespace) -> int:
    if find_spec("hypothesis") is None:
        raise CommandFailed("explore needs Hypothesis: pip install hypothesis", USAGE)
    if options.write is not None and (problem := problem_with_output(options.write)):
        raise CommandFailed(problem)
    try:
        port = resolve(options.port)
    except UnknownPort as error:
        raise CommandFailed(str(error)) from None
    try:
        return _search(options, port)
    except PortUnavailable as error:
        raise CommandFailed(str(error), PORT_UNAVAILABLE) from None


def _search(options: argparse.Namespace, port: Port) -> int:
    from luasocket_runners.explore.search import Limits
    from luasocket_runners.explore.session import search_for
    from luasocket_runners.explore.write import file_of

    if options.write is not None and (problem := problem_with_output(options.write)):
        raise CommandFailed(problem)
    if options.database is not None:
        try:
            options.database.mkdir(parents=True, exist_ok=True)  # Hypothesis itself would go on without it
        except OSError as error:
            raise CommandFailed(f"--database: {options.database} cannot be made: {error.strerror}.") from None
    search = search_for(
        port,
        options.dialect,
        seed=options.seed,
        profile=options.profile,
        quirks=_quirks(options, port),
        database=options.database,
        progress=_progress(port.name),
    )
    print(f"port {port.name}, dialect {search.dialect}, seed {options.seed}, profile {options.profile}", flush=True)
    unlimited = options.examples is None and options.minutes is None
    limits = Limits(
        options.calls or (CALLS if unlimited else None),
        options.examples,
        options.minutes,
        options.differences,
    )
    try:
        search.run(limits)
    finally:  # an interrupt loses no difference
        found = search.found
        if options.write is not None and found.differences:
            write_text(options.write, file_of(found.differences, search.dialect))
            print(f"\nwritten to {options.write}{_how_to_run(options.write, port)}")
        print(f"\n{_summary(found)}", flush=True)
    return FAILED if found.differences else PASSED


def _how_to_run(path: Path, port: Port) -> str:
    """Return the command that runs a file of behaviours, where it lies as in a spec; else the empty string."""
    directory = path.absolute().parent
    if directory.name != "behaviours":
        return ""
    return f"; to run it: {PROGRAM} --spec {shlex.quote(str(directory.parent))} run --port {shlex.quote(port.name)}"


def _quirks(options: argparse.Namespace, port: Port) -> Quirks:
    path = options.quirks or port.config.quirks
    if path is None:
        return NO_QUIRKS
    try:
        return load_quirks(path, specification.load(options).behaviours)
    except QuirksError as error:
        raise CommandFailed(str(error)) from None


def _summary(found: Found) -> str:
    count = len(found.differences)
    kinds = "1 kind of difference" if count == 1 else f"{count} kinds of differences"
    words = [f"{found.calls} calls in {found.programs} programs: {kinds}"]
    if found.unconfirmed:
        words.append(f"{found.unconfirmed} more did not show again, and do not count (is the machine very busy?)")
    if found.absent:
        left_out = f"not implemented, and left out: {', '.join(sorted(found.absent))}"
        words += wrap(left_out, _WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return "\n".join(words)


def _progress(port: str) -> Callable[[Found], None]:
    """Return a function that prints each difference when it is found, and keeps a counter on a terminal."""
    from luasocket_runners.explore.write import listing

    printed = 0
    shown = 0.0

    def show(found: Found) -> None:
        nonlocal printed, shown
        for difference in found.differences[printed:]:
            if sys.stderr.isatty():
                sys.stderr.write("\r\x1b[K")
            print(f"\n{listing(difference, port)}", flush=True)
        printed = len(found.differences)
        if sys.stderr.isatty() and time.monotonic() - shown >= _BEAT:
            shown = time.monotonic()
            text = f"{found.calls} calls, {found.programs} programs, {len(found.differences)} differences"
            sys.stderr.write(f"\r{text[: os.get_terminal_size(2).columns - 1]}\x1b[K\r")
            sys.stderr.flush()

    return show
