"""The command ``python -m luasocket_spec [DIR]``, which checks behaviours, statements and fixtures."""

from __future__ import annotations

import sys
from pathlib import Path

from luasocket_spec import SpecError, load

USAGE = """usage: python -m luasocket_spec [DIR]

Checks the behaviours, statements and fixtures of DIR (default: those of the package).
Exit status: 0 all right, 2 problems, one a line on standard error."""


def main(arguments: list[str]) -> int:
    """Check the directory; return the exit status."""
    if len(arguments) > 1 or any(argument.startswith("-") for argument in arguments):
        helped = arguments in (["-h"], ["--help"])
        print(USAGE, file=sys.stdout if helped else sys.stderr)
        return 0 if helped else 2
    try:
        spec = load(Path(arguments[0]) if arguments else None)
    except SpecError as error:
        print(error, file=sys.stderr)
        count = len(error.problems)
        print(f"{count} problem{'s' * (count != 1)}", file=sys.stderr)
        return 2
    waived = sum(statement.waived is not None for statement in spec.statements.values())
    print(
        f"{len(spec.behaviours)} behaviours, {len(spec.fixtures)} fixtures, "
        f"{len(spec.statements)} statements ({waived} waived)"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
