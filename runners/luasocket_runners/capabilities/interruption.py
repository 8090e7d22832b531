"""Interrupts the calls in which processes wait: stops the processes by a signal and continues them.

Under Linux, a process that is continued finds some calls interrupted (``EINTR``), though it handles no signal:
``epoll_wait``, and those on a socket with a timeout of its own (``SO_RCVTIMEO``). The system itself goes on with
``poll``, ``select``, ``nanosleep`` and the other calls on sockets.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Collection
from pathlib import Path
from typing import Final

#: Seconds within which a process is stopped, or has gone on. It takes a millisecond, and longer on a busy machine.
_PATIENCE: Final = 1.0
#: Seconds within which a process that was continued waits again. One that works takes the whole time.
_SETTLING: Final = 0.05
_LOOK_INTERVAL: Final = 0.001
#: States of a process in ``/proc``: it is stopped; it waits in a call, or has ended.
_STOPPED: Final = "TZX"
_AT_REST: Final = "SDZX"


def can_interrupt(processes: Collection[int]) -> bool:
    """Return whether these processes can be stopped and continued; not if this process is among them."""
    if sys.platform != "linux" or not processes or os.getpid() in processes:
        return False
    try:
        for process in processes:
            os.kill(process, 0)
    except OSError:
        return False
    return all(map(_state, processes))


def interrupt(processes: Collection[int]) -> None:
    """Stop processes, and continue them when all have stopped; return when they wait again, or after a moment."""
    try:
        _send(processes, signal.SIGSTOP)
        _until(processes, _STOPPED, _PATIENCE)
    finally:
        _send(processes, signal.SIGCONT)
    _until(processes, _AT_REST, _SETTLING)


def _send(processes: Collection[int], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)


def _until(processes: Collection[int], states: str, seconds: float) -> None:
    """Wait until each process has one of these states, or the time is over."""
    end = time.monotonic() + seconds
    while not all((_state(process) or "X") in states for process in processes) and time.monotonic() < end:
        time.sleep(_LOOK_INTERVAL)


def _state(process: int) -> str:
    """Return the letter of the state of a process; the empty string if it cannot be seen."""
    try:
        # the name of the program, in parentheses before it, may contain anything
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""
