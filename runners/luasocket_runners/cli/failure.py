"""The exit statuses of the command, and the exception that ends it with one."""

from __future__ import annotations

from typing import Final

__all__ = [
    "FAILED",
    "INTERNAL_ERROR",
    "INTERRUPTED",
    "LOST",
    "PASSED",
    "PORT_UNAVAILABLE",
    "TERMINATED",
    "UNREAD",
    "USAGE",
    "CommandFailed",
    "Terminated",
]

#: The command did its work and found nothing undeclared.
PASSED: Final = 0
#: The port fails, a statement is not covered, or a fault survived.
FAILED: Final = 1
#: Wrong usage: an option, a file that was given, or the spec.
USAGE: Final = 2
#: The port could not be run.
PORT_UNAVAILABLE: Final = 3
#: EX_SOFTWARE of ``sysexits.h``: an error of the suite itself, which says nothing about the port.
INTERNAL_ERROR: Final = 70
#: EX_OSERR of ``sysexits.h``: the system killed processes of the suite, and some behaviours have no verdict.
LOST: Final = 71
#: The status in a shell of a command that was interrupted (128 + SIGINT).
INTERRUPTED: Final = 130
#: The status in a shell of a command whose reader has gone (128 + SIGPIPE), as in ``| head``.
UNREAD: Final = 141
#: The status in a shell of a command that was terminated (128 + SIGTERM).
TERMINATED: Final = 143


class CommandFailed(Exception):
    """Ends the command with a sentence on standard error and an exit status."""

    def __init__(self, sentence: str, status: int = USAGE) -> None:
        super().__init__(sentence)
        self.status = status


class Terminated(KeyboardInterrupt):
    """SIGTERM: like Ctrl-C, it ends a run early, and the results so far are written."""
