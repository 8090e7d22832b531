"""What the host is like: the capabilities that behaviours need, and how late it wakes us.

What lives here: probes of the machine, each made once. What may not: capabilities of a port (its adapter tells them).
"""

from __future__ import annotations

import os
import resource
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Final

#: Seconds between two measurements of the jitter: short beside every bound in the spec, long beside their cost.
BEAT: Final = 0.01
#: How many times the worst delay that was measured a call may be late: those of the port, the peer and us add up.
FACTOR: Final = 4.0
#: Seconds that are always granted: a process start, a garbage collection or a page fault is no fault of the port.
GRANTED: Final = 0.25

#: Seconds that the probe of multicast waits for its own datagram; a loopback that loops it back does so at once.
PROBE: Final = 1.0
#: Descriptors that a process must be allowed for "many-descriptors": more than select's set holds.
MANY_DESCRIPTORS: Final = 1100


def _ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _multicast() -> bool:
    """Whether a datagram to an IPv4 multicast group, sent over the loopback interface, comes back."""
    group = "239.255.73.7"
    try:
        with _datagrams(socket.AF_INET) as receiver, _datagrams(socket.AF_INET) as sender:
            receiver.bind(("0.0.0.0", 0))
            membership = socket.inet_aton(group) + socket.inet_aton("127.0.0.1")
            receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
            return _arrives(sender, (group, receiver.getsockname()[1]), receiver)
    except OSError:
        return False


def _multicast6() -> bool:
    """Whether a datagram to an IPv6 multicast group, sent over the loopback interface, comes back."""
    group = "ff01::7307"
    try:
        loopback = struct.pack("@I", socket.if_nametoindex("lo"))
        with _datagrams(socket.AF_INET6) as receiver, _datagrams(socket.AF_INET6) as sender:
            receiver.bind(("::", 0))
            membership = socket.inet_pton(socket.AF_INET6, group) + loopback
            receiver.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, membership)
            sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, loopback)
            return _arrives(sender, (group, receiver.getsockname()[1]), receiver)
    except OSError:
        return False


def _datagrams(family: socket.AddressFamily) -> socket.socket:
    return socket.socket(family, socket.SOCK_DGRAM)


def _arrives(sender: socket.socket, address: tuple[str, int], receiver: socket.socket) -> bool:
    sender.sendto(b"probe", address)
    receiver.settimeout(PROBE)
    return receiver.recv(16) == b"probe"


def _many_descriptors() -> bool:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0] > MANY_DESCRIPTORS


def _root() -> bool:
    return os.geteuid() == 0


def _localhost_is_ipv4() -> bool:
    try:
        return any(item[4][0] == "127.0.0.1" for item in socket.getaddrinfo("localhost", None, socket.AF_INET))
    except OSError:
        return False


def _localhost_has_ipv6_name() -> bool:
    """Whether the table of hosts names ::1; a look-up would ask a name server where it does not."""
    try:
        lines = Path("/etc/hosts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    return any(words[0] == "::1" and len(words) > 1 for line in lines if (words := line.partition("#")[0].split()))


_PROBES: Final[Mapping[str, Callable[[], bool]]] = {
    "ipv6": _ipv6,
    "multicast": _multicast,
    "multicast6": _multicast6,
    "many-descriptors": _many_descriptors,
    "root": _root,
    "unprivileged": lambda: not _root(),
    "linux": lambda: sys.platform == "linux",
    "reuseport": lambda: hasattr(socket, "SO_REUSEPORT"),
    "dns-localhost": _localhost_is_ipv4,
    "dns-localhost6": _localhost_has_ipv6_name,
}


@cache
def name() -> bytes:
    """Return the name that the system has."""
    return socket.gethostname().encode("latin-1", "replace")


@cache
def has(capability: str) -> bool | None:
    """Tell whether the host has a capability; None: it is none of the host's (then the port's adapter tells)."""
    probe = _PROBES.get(capability)
    return None if probe is None else probe()


def capabilities() -> tuple[str, ...]:
    """Return the names of all that the host has."""
    return tuple(name for name in _PROBES if has(name))


class Jitter:
    """Measures, in a thread of its own, how late the host wakes a sleeper.

    ``allowance()`` is what an upper bound of a duration is widened by, in seconds. Use as a context manager.
    """

    def __init__(self) -> None:
        self._worst = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._measure, name="jitter", daemon=True)

    def __enter__(self) -> Jitter:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join()

    def _measure(self) -> None:
        while True:
            before = time.monotonic()
            if self._stop.wait(BEAT):
                return
            self._worst = max(self._worst, time.monotonic() - before - BEAT)

    def allowance(self) -> float:
        """Return the seconds by which an upper bound is widened, from the worst that was measured."""
        return GRANTED + FACTOR * self._worst
