"""Whether a port has run out of descriptors: what it leaked in earlier behaviours is not the fault of this one.

What lives here: looking, where a behaviour has failed, at how many descriptors the port's process holds, and at what it
said. What may not: ending the port and playing again (``engine``).
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from luasocket_runners.result import Result

#: Descriptors that a port never needs at once; beyond, it has leaked. A behaviour opens two dozen at the most, and at
#: 1024 ``select`` ends on most systems, whatever the limit of the process is.
MANY: Final = 768
#: The part of what a process may hold that is as good as all of it: a behaviour may need the rest.
_NEARLY: Final = 0.9

#: How systems and languages say that a process, or the system, has no descriptor left.
_SAYS: Final = re.compile(r"too many open files|no file descriptors available|\bE[MN]FILE\b", re.IGNORECASE)


def told(process: int | None, result: Result) -> str:
    """Return a sentence where a port has no descriptors left, or too many for ``select``; else an empty text.

    Parameters
    ----------
    process
        The port's process on this machine; None: not known, and only what the port said can tell.
    result
        What came of the behaviour.
    """
    held = _held(process)
    if held and held >= MANY:
        return f"the port held {held} descriptors"
    if _SAYS.search(f"{result.reason}\n{result.returned}"):
        return f"the port had no descriptor left{f', it held {held}' if held else ''}"
    limit = _limit(process)
    if held and limit and held >= limit * _NEARLY:
        return f"the port held {held} descriptors of {limit}"
    return ""


def _held(process: int | None) -> int | None:
    """Return how many descriptors a process holds; None: it cannot be seen."""
    try:
        return None if process is None else len(os.listdir(f"/proc/{process}/fd"))  # noqa: PTH208 (numbers, not paths)
    except OSError:
        return None


def _limit(process: int | None) -> int | None:
    """Return how many descriptors a process may hold; None: as many as it likes, or it cannot be seen."""
    try:
        limits = "" if process is None else Path(f"/proc/{process}/limits").read_text(encoding="ascii")
    except OSError:
        return None
    found = re.search(r"^Max open files +([0-9]+)", limits, re.MULTILINE)
    return int(found[1]) if found else None
