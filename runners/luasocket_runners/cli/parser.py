"""Makes the parser of the command line from the commands that the modules of this package add."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NoReturn, Protocol

from luasocket_runners.cli.failure import CommandFailed

__all__ = ["PROGRAM", "SELECTORS_HELP", "AddCommand", "Run", "count", "make_parser", "natural", "seconds"]

PROGRAM: Final = "luasocket-conformance"

#: The end of the help of each command that takes selectors.
SELECTORS_HELP: Final = """
selectors: an id (tcp/receive-line/partial-on-timeout), the beginning of one (tcp, tcp/receive-line),
or a pattern with * ? [ ].
"""

_EPILOG: Final = """\
examples:
  luasocket-conformance run                          the whole spec on the embedded reference
  luasocket-conformance run --port lua5.4 tcp        all behaviours of tcp/, on an interpreter
  luasocket-conformance init my-port                 a directory for a new port
  luasocket-conformance COMMAND --help               options and examples of a command

exit status: 0 nothing undeclared was found; 1 the port fails (of coverage: a statement is not covered; of faults: a
fault survived); 2 wrong usage or a broken spec; 3 the port could not be run; 70 an error of this program itself;
71 some behaviours have no verdict, because processes of the run were killed; 130 and 143 interrupted and terminated.
"""

#: Decimal digits of the longest number that an option takes: more is a typing error, and slow to read.
_DIGITS: Final = 9
#: The most workers: each may have a process, an adapter and a peer, and a system has a limit of about a thousand
#: descriptors and processes for each user.
_MOST_WORKERS: Final = 256
#: Seconds of the longest time limit, a day: the system's timers overflow far above.
_LONGEST: Final = 86400.0
#: The shortest time limit, in seconds: a correct port on a loaded machine may take a tenth of a second for a call.
_SHORTEST: Final = 0.1

#: The function of a command: takes the options, returns the exit status.
Run = Callable[[argparse.Namespace], int]


class AddCommand(Protocol):
    """Adds a command to the parser and returns the command's own parser, for its options."""

    def __call__(self, name: str, run: Run, about: str, epilog: str) -> argparse.ArgumentParser:
        """``about`` is one sentence; ``epilog`` has examples and the exit statuses."""


class _Parser(argparse.ArgumentParser):
    def parse_known_args(  # type: ignore[override]  # a supertype with overloads for other namespaces
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """Parse the arguments; a command itself refuses what it does not know, so that its own usage is printed."""
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return options, unknown

    def error(self, message: str) -> NoReturn:
        raise CommandFailed(f"{message}\n{self.format_usage().strip()}\nTry '{self.prog} --help'.")


def _number(text: str) -> int | None:
    return int(text) if re.fullmatch(f"[0-9]{{1,{_DIGITS}}}", text) else None


def _shown(text: str) -> str:
    return ascii(text if len(text) <= 40 else text[:40] + "…")


def count(text: str) -> int:
    """Read the number of workers, or of anything else that is counted from 1."""
    number = _number(text)
    if number is None or not 1 <= number <= _MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"{_shown(text)} is not a number from 1 to {_MOST_WORKERS}")
    return number


def natural(text: str) -> int:
    """Read a number from 0 on."""
    number = _number(text)
    if number is None:
        raise argparse.ArgumentTypeError(f"{_shown(text)} is not a number from 0 on, of at most {_DIGITS} digits")
    return number


def seconds(text: str) -> float:
    """Read a time limit."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not _SHORTEST <= number <= _LONGEST:
        limits = f"from {_SHORTEST:g} to {_LONGEST:g}"
        raise argparse.ArgumentTypeError(f"{_shown(text)} is not a number of seconds {limits}")
    return number


def make_parser(modules: Sequence[Callable[[AddCommand], None]]) -> argparse.ArgumentParser:
    """Return the parser; ``modules`` are the functions that add the commands."""
    parser = _Parser(
        prog=PROGRAM,
        description="Checks an implementation of the LuaSocket API and reports how it differs from LuaSocket.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="store_true", help="print the versions of the program and of the spec")
    parser.add_argument(
        "--spec", type=Path, metavar="DIR", help="use the spec in DIR instead of the bundled one (for spec authors)"
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", parser_class=_Parser)

    def add(name: str, run: Run, about: str, epilog: str) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name,
            help=about,
            description=about,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        made.set_defaults(run=run, command=name)
        return made

    for add_commands in modules:
        add_commands(add)
    return parser
