"""Counts the open descriptors of processes, and limits how many more they can open.

Both need the system's view of a process (``/proc``, ``prlimit``): on Linux, for processes of the same user.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterable

#: Whether this system can limit the descriptors of another process.
CAN_LIMIT = hasattr(resource, "prlimit")


def count(processes: Iterable[int]) -> int | None:
    """Return the number of open descriptors of some processes; None: it cannot be seen."""
    try:
        return sum(map(_count, processes))
    except OSError:
        return None


def _count(process: int) -> int:
    folder = f"/proc/{process}/fd"
    # since Linux 6.2 the size of the folder is the number of its entries: cheaper than a listing, which is made for
    # every behaviour
    return os.stat(folder).st_size or len(os.listdir(folder))  # noqa: PTH116, PTH208 (numbers, not paths)


def limit_for(process: int, room: int) -> int:
    """Return the limit (RLIMIT_NOFILE) with which a process can open ``room`` more descriptors.

    The limit is above the number of every new descriptor, and each of these has the lowest number that is free.

    Raises
    ------
    OSError
        When the descriptors of the process cannot be seen.
    """
    taken = {int(name) for name in os.listdir(f"/proc/{process}/fd")}  # noqa: PTH208
    if process == os.getpid():
        taken = {number for number in taken if _is_open(number)}  # one was that of the listing itself
    limit = 0
    while room or limit in taken:  # not below what is open: with a limit of 0, poll waits for nothing
        room -= limit not in taken
        limit += 1
    return limit


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def set_limit(process: int, limit: int) -> int:
    """Set the soft limit of a process' descriptors; return the former one.

    Raises
    ------
    OSError, ValueError
        When the system refuses.
    """
    former, hard = resource.prlimit(process, resource.RLIMIT_NOFILE)
    resource.prlimit(process, resource.RLIMIT_NOFILE, (limit, hard))
    return former
