"""Chooses numbers of ports that the system gives to no process by itself."""

from __future__ import annotations

import contextlib
import random
import socket
from pathlib import Path
from typing import Final

#: The range from which Linux chooses, and the lowest number that it may have elsewhere (Windows, old systems apart).
_RANGE: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")
_USUAL: Final = 32768
#: Numbers from here on need no privileges, and few programs listen there.
_LOWEST: Final = 10240
#: How often another number is tried.
_TRIES: Final = 50


def port_apart(kind: socket.SocketKind) -> int:
    """Return a number below the range of the system's own choice that no socket of a kind has in use, at any address.

    Raises
    ------
    OSError
        There is none.
    """
    try:
        first = int(_RANGE.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        first = _USUAL
    for _ in range(_TRIES):
        number = random.randrange(_LOWEST, max(first, _LOWEST + 1000))
        if all(_is_free(family, kind, number) for family in (socket.AF_INET, socket.AF_INET6)):
            return number
    raise OSError("there is no free port outside the range of the system's own choice")


def _is_free(family: socket.AddressFamily, kind: socket.SocketKind, number: int) -> bool:
    try:
        probe = socket.socket(family, kind)
    except OSError:
        return family == socket.AF_INET6  # the system has no IPv6
    with probe, contextlib.suppress(OSError):
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        probe.bind(("", number))
        return True
    return False
