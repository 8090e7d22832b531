"""Interrupts the calls in which processes wait: stops the processes by a signal and continues them.

Under Linux, a process that is continued finds some calls interrupted (``EINTR``), though it handles no signal:
``epoll_wait``, and those on a socket with a timeout of its own (``SO_RCVTIMEO``). The system itself goes on with
``poll``, ``select``, ``nanosleep`` and the other calls on sockets. A process that handles ``SIGCHLD``, which a process
that does not is not told of, gets that signal too, and finds all of them interrupted.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Collection
from typing import Final

from luasocket_runners import processes

#: Seconds within which a process is stopped, or has gone on. It takes a millisecond, and longer on a busy machine.
_PATIENCE: Final = 1.0
#: Seconds within which a process that was continued waits again. One that works takes the whole time.
_SETTLING: Final = 0.05
_LOOK_INTERVAL: Final = 0.001
#: States of a process in ``/proc``: it is stopped; it waits in a call, or has ended.
_STOPPED: Final = "TZX"
_AT_REST: Final = "SDZX"


def can_interrupt(numbers: Collection[int]) -> bool:
    """Return whether these processes can be stopped and continued; not if this process is among them."""
    if sys.platform != "linux" or not numbers or os.getpid() in numbers:
        return False
    try:
        for process in numbers:
            os.kill(process, 0)
    except OSError:
        return False
    return all(map(processes.read_status, numbers))


def interrupt(numbers: Collection[int]) -> None:
    """Stop processes, and continue them when all have stopped; return when they wait again, or after a moment."""
    try:
        _send(numbers, signal.SIGSTOP)
        _until(numbers, _STOPPED, _PATIENCE)
        _send(numbers, signal.SIGCHLD)
    finally:
        _send(numbers, signal.SIGCONT)
    _until(numbers, _AT_REST, _SETTLING)


def _send(numbers: Collection[int], number: signal.Signals) -> None:
    for process in numbers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)


def _until(numbers: Collection[int], states: str, seconds: float) -> None:
    """Wait until each process has one of these states, or has ended, or the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        seen = map(processes.read_status, numbers)
        if all(status is None or status.state in states for status in seen):
            break
        time.sleep(_LOOK_INTERVAL)
