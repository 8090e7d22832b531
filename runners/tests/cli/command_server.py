"""Runs commands as the program does, each in a copy of itself, which saves most of the time of a start.

Each line of standard input is a JSON object: ``arguments``, ``directory``, and the files ``out`` and ``err``. The reply
is the exit status.
"""

from __future__ import annotations

import json
import os
import sys

from luasocket_runners.cli.main import main, parser


def run(arguments: list[str], directory: str, out: str, err: str) -> None:
    """Become the command; the interpreter ends as usual."""
    os.chdir(directory)
    for descriptor, path in ((1, out), (2, err)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, descriptor)
        os.close(file)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.argv[1:] = arguments
    sys.exit(main())


def serve() -> None:
    """Run one command after another."""
    parser()  # imports what every command needs
    while line := sys.stdin.readline():
        request = json.loads(line)
        process = os.fork()
        if not process:
            run(**request)
        _, status = os.waitpid(process, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    serve()
