"""Reads what Linux says of processes in ``/proc``: their state, their start, and their children."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["Status", "children", "descendants", "read_status", "with_descendants"]

#: The flag of a thread of the kernel in ``/proc/PID/stat``.
_KERNEL_THREAD: Final = 0x200000


class Status(NamedTuple):
    """The state of a process, and when it began."""

    #: The letter of ``man 5 proc``: ``R`` for one that runs, ``S`` for one that waits, ``Z`` for one that has ended, …
    state: str
    in_user_space: bool
    #: In ticks of the system's clock since it started.
    began: int

    @property
    def lives(self) -> bool:
        """Whether it is a process in user space that has not ended."""
        return self.in_user_space and self.state not in "ZX"


def read_status(process: int) -> Status | None:
    """Return the status of a process; None if there is none of this number, or this is not Linux."""
    try:
        # the name of the program, in parentheses before the fields, may contain anything
        fields = Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()
        return Status(fields[0].decode("ascii"), not int(fields[6]) & _KERNEL_THREAD, int(fields[19]))
    except (OSError, IndexError):
        return None


def children(process: int) -> Iterator[int]:
    """Return the numbers of the children of a process; none if it has ended, or this is not Linux."""
    for listed in Path(f"/proc/{process}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            yield from map(int, listed.read_text(encoding="ascii").split())


def descendants(process: int) -> Iterator[int]:
    """Return the numbers of the children of a process, and of theirs, each after its parent."""
    for child in children(process):
        yield child
        yield from descendants(child)


def with_descendants(leader: int) -> tuple[int, ...]:
    """Return the numbers of a process and of all its descendants: a port may be started by a script."""
    return (leader, *descendants(leader))
