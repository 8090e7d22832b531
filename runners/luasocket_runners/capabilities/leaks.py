"""Recognizes a port that has run out of descriptors, so that a behaviour does not fail for the leaks of earlier ones.

Restarting the port and running the behaviour again is left to ``engine``.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from luasocket_runners.result import Result

#: A port with more open descriptors has leaked: a behaviour opens two dozen at the most, and at 1024 ``select`` ends
#: on most systems, whatever the limit of the process is.
MANY: Final = 768
#: The share of its limit at which a process counts as having no descriptors left: a behaviour may need the rest.
_NEARLY: Final = 0.9

#: The words in which systems and languages report that no descriptor is left.
_REPORTED: Final = re.compile(r"too many open files|no file descriptors available|\bE[MN]FILE\b", re.IGNORECASE)


def leak_note(process: int | None, result: Result) -> str:
    """Return a sentence if the port has no descriptors left, or too many for ``select``; else an empty string.

    Parameters
    ----------
    process
        The port's process on this machine; None: unknown, and only the port's own words count.
    result
        The result of the behaviour.
    """
    count = _open_descriptors(process)
    if count and count >= MANY:
        return f"the port had {count} open descriptors"
    if _REPORTED.search(f"{result.reason}\n{result.returned}"):
        return f"the port had run out of descriptors{f' ({count} open)' if count else ''}"
    limit = _limit(process)
    if count and limit and count >= limit * _NEARLY:
        return f"the port had {count} open descriptors of {limit}"
    return ""


def _open_descriptors(process: int | None) -> int | None:
    """Return the number of open descriptors of a process; None: it cannot be seen."""
    try:
        return None if process is None else len(os.listdir(f"/proc/{process}/fd"))  # noqa: PTH208 (numbers, not paths)
    except OSError:
        return None


def _limit(process: int | None) -> int | None:
    """Return the number of descriptors that a process may open; None: unlimited, or it cannot be seen."""
    try:
        limits = "" if process is None else Path(f"/proc/{process}/limits").read_text(encoding="ascii")
    except OSError:
        return None
    found = re.search(r"^Max open files +([0-9]+)", limits, re.MULTILINE)
    return int(found[1]) if found else None
