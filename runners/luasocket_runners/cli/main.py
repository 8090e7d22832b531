"""The command ``luasocket-conformance``: starts the requested command and turns every way to end into a status.

Everything else is imported only when it is needed, so that an interrupt or a failure at the start is reported like any
other.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import io
import os
import re
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Final

from luasocket_runners.cli.failure import (
    INTERNAL_ERROR,
    INTERRUPTED,
    PASSED,
    PORT_UNAVAILABLE,
    TERMINATED,
    UNREAD,
    USAGE,
    CommandFailed,
    Terminated,
)

__all__ = ["main", "parser"]

#: A word that would hide the sentence around it, and the characters of it that are shown at each end.
_LONG_WORD: Final = re.compile(r"\S{400,}")
_SHOWN: Final = 100

#: The commands that run behaviours, for which the process gets names with several addresses.
_LOOK_UP: Final = frozenset({"run", "triage", "faults"})
#: The modules with the commands, in the order of the help.
_MODULES: Final = ("run", "triage", "explore", "reports", "lookup", "specification", "ports", "oracle")

#: The words of Python's RuntimeError for a thread that the system refuses.
_NO_THREAD: Final = "can't start new thread"
#: Errors of the system that mean: the limit of open files is too low.
_TOO_FEW_DESCRIPTORS: Final = frozenset({errno.EMFILE, errno.ENFILE})


def parser(arguments: Sequence[str] = ()) -> argparse.ArgumentParser:
    """Return the parser of the command line; of one that begins with ``run``, which users wait for, only that part."""
    from luasocket_runners.cli.parser import make_parser

    names = ("run",) if arguments[:1] == ["run"] else _MODULES
    modules = [importlib.import_module(f"luasocket_runners.cli.{name}") for name in names]
    return make_parser([module.add_commands for module in modules])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status; None: the arguments of the process, which then belongs to it."""
    try:
        if arguments is None:
            _take_process()
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")  # a terminal may not be able to show every character
        status = _command(arguments)
        _flush()
        return status
    except CommandFailed as failure:
        return _end(str(failure), failure.status)
    except BrokenPipeError:
        # the reader of the output has gone (head, less): no explanation would reach anyone
        _discard_output()
        return UNREAD
    except Terminated as interrupt:
        return _end(f"terminated{_details(interrupt)}", TERMINATED)
    except KeyboardInterrupt as interrupt:
        return _end(f"interrupted{_details(interrupt)}", INTERRUPTED)
    except OSError as error:
        return _end(*_system_error(error))
    except MemoryError:
        return _end("Out of memory.", PORT_UNAVAILABLE)
    except Exception as error:
        if str(error) == _NO_THREAD:
            return _end(
                "The system allows no further thread: it lacks memory, or a limit is too low.", PORT_UNAVAILABLE
            )
        return _end(_internal_error(error), INTERNAL_ERROR)


def _command(arguments: Sequence[str] | None) -> int:
    words = sys.argv[1:] if arguments is None else list(arguments)
    options = parser(words).parse_args(words)
    if options.version:
        import luasocket_spec

        from luasocket_runners import __version__

        print(f"luasocket-conformance {__version__}, spec {luasocket_spec.__version__}")
        return PASSED
    if not hasattr(options, "run"):
        raise CommandFailed("Give a command, such as 'run'. Try 'luasocket-conformance --help'.")
    if arguments is None and options.command in _LOOK_UP:
        from luasocket_runners.capabilities import names

        names.install()
    run: Callable[[argparse.Namespace], int] = options.run
    return run(options)


def _take_process() -> None:
    """Take the signals and the standard streams of the process."""
    signal.signal(signal.SIGTERM, _terminate)
    if sys.stdout is None:
        # the next file or socket would become standard output
        raise CommandFailed("Standard output is closed. To discard the output, redirect it: > /dev/null.")
    # for the same reason; messages that cannot be read are not worth a refusal
    _open_if_closed(0, os.O_RDONLY)
    _open_if_closed(2, os.O_WRONLY)
    if sys.stderr is None:
        sys.stderr = os.fdopen(2, "w", closefd=False)
    from luasocket_runners.ports.descendants import own_process
    from luasocket_runners.ports.inprocess import use_alarm

    own_process()
    use_alarm()


def _open_if_closed(number: int, mode: int) -> None:
    """Open the null device as a standard stream that is closed."""
    try:
        os.fstat(number)
    except OSError:
        opened = os.open(os.devnull, mode)
        if opened == number:
            os.set_inheritable(number, True)
        else:
            os.dup2(opened, number)
            os.close(opened)


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    raise Terminated


def _flush() -> None:
    if sys.stdout is not None:
        sys.stdout.flush()


def _discard_output() -> None:
    """Keep the interpreter from writing the rest of the output when it ends."""
    try:
        descriptor = sys.stdout.fileno()
    except (AttributeError, OSError, ValueError):
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _end(sentence: str, status: int) -> int:
    """Print why the command ends, behind its output, and return the status."""
    try:
        _flush()
    except OSError:
        _discard_output()
    if sys.stderr is not None:
        print(f"luasocket-conformance: {_LONG_WORD.sub(_abbreviated, sentence)}", file=sys.stderr)
    return status


def _abbreviated(word: re.Match[str]) -> str:
    return f"{word[0][:_SHOWN]}…{word[0][-_SHOWN:]}"


def _details(interrupt: KeyboardInterrupt) -> str:
    return f": {interrupt}" if str(interrupt) else ""


def _system_error(error: OSError) -> tuple[str, int]:
    """Return the sentence and the status for an error of the system that no command has handled."""
    reason = error.strerror or str(error)
    if error.errno in _TOO_FEW_DESCRIPTORS:
        return f"{reason}. Raise the limit, with 'ulimit -n 4096' for example, or lower --workers.", PORT_UNAVAILABLE
    if error.filename is not None:
        return f"{os.fsdecode(error.filename)}: {reason}.", USAGE
    return f"The output cannot be written, or the system refused something: {reason}.", USAGE


def _internal_error(error: Exception) -> str:
    frames = []
    trace = error.__traceback__
    while trace is not None:
        frames.append(f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return (
        f"Internal error: {type(error).__name__}: {error} ({' < '.join(reversed(frames[-3:]))}). "
        "This says nothing about the port; please report it with the command that you ran."
    )


if __name__ == "__main__":
    sys.exit(main())
