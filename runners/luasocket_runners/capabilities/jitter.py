"""Measures how late the machine wakes a sleeping thread, so that upper bounds of durations can be widened by it."""

from __future__ import annotations

import mmap
import struct
import threading
import time
from typing import Final

#: Seconds between two measurements: short beside every bound in the spec, long beside their cost.
BEAT: Final = 0.01
#: A call may be late by this multiple of the worst measured delay: those of the port, the peer and the runner add up.
FACTOR: Final = 4.0
#: Seconds that are always granted: a process start, a garbage collection or a page fault is not the port's fault.
GRANTED: Final = 0.25
#: Seconds of a delay after which even a call that waits for an event may have timed out: their limits are 10 s and
#: more, and a machine may stand still twice.
STANDSTILL: Final = 5.0
_DELAY: Final = struct.Struct("d")


class Jitter:
    """Measures the machine's delays in a thread of its own. Use as a context manager.

    The processes that are forked from this one, before it measures, see the result: all share one machine.
    """

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _DELAY.size)  # the worst delay so far
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._measure, name="jitter", daemon=True)

    def __enter__(self) -> Jitter:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()

    def _measure(self) -> None:
        worst = 0.0
        while True:
            before = time.monotonic()
            if self._stop.wait(BEAT):
                return
            late = time.monotonic() - before - BEAT
            if late > worst:
                worst = late
                _DELAY.pack_into(self._memory, 0, worst)

    def allowance(self) -> float:
        """Return the seconds by which an upper bound is widened, from the worst delay measured so far."""
        return GRANTED + FACTOR * self._worst()

    @property
    def stood_still(self) -> bool:
        """Whether the machine has stood still for so long that any timeout may have been reached."""
        return self._worst() >= STANDSTILL

    def _worst(self) -> float:
        (worst,) = _DELAY.unpack_from(self._memory)
        return float(worst)
