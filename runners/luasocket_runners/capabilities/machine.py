"""Probes the machine for the capabilities of ``luasocket_spec.capabilities`` that belong to it, each once.

Capabilities of a port are left to ``probes``.
"""

from __future__ import annotations

import contextlib
import os
import resource
import select
import socket
import struct
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Final

from luasocket_runners.capabilities import names
from luasocket_runners.values import LuaValue

#: Seconds that a probe waits for its own data. On a working loopback it arrives at once; a loaded machine needs more.
PROBE: Final = 5.0
#: Descriptors that a process must be allowed for "many-descriptors": more than select's set has room for.
MANY_DESCRIPTORS: Final = 1100
#: Descriptors that one behaviour may need at once, with the runner's own: below, the runner could not do its part.
MIN_DESCRIPTORS: Final = 128
#: An address that no machine has (RFC 5737).
_FOREIGN: Final = "192.0.2.1"
#: Connections that behaviours have waiting to be accepted, at most; the system shortens longer queues.
_LONG_QUEUE: Final = 64
#: Bytes that behaviours send at least to fill a connection's buffers.
_FLOOD: Final = 6_000_000
#: Bytes beyond which no more is sent to fill them: as text, the message to the port stays below its limit.
_FLOOD_LIMIT: Final = 40_000_000
#: Buffers may grow while they are full: the margin is this share of the bytes that a connection took, and this number.
_GROWTH: Final = 0.25
_MARGIN: Final = 1_000_000
#: Bytes that behaviours send to a peer that does not read yet.
_UNREAD: Final = 65536
#: Linux's number of an option that Python has no name for.
_TCP_FASTOPEN_CONNECT: Final = 30


class UnfitMachine(Exception):
    """No behaviour can be run on this machine: the reason and a remedy, in a sentence."""


def check() -> None:
    """Check that this machine can run behaviours at all.

    Raises
    ------
    UnfitMachine
        It has no loopback interface, or allows a process too few descriptors.
    """
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit != resource.RLIM_INFINITY and limit < MIN_DESCRIPTORS:
        raise UnfitMachine(
            f"This machine allows a process {limit} descriptors; a run needs {MIN_DESCRIPTORS}. "
            f"Allow more: ulimit -n {MANY_DESCRIPTORS + 100}."
        )
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(PROBE)
            with socket.create_connection(listener.getsockname(), PROBE) as client, listener.accept()[0] as server:
                client.sendall(b"x")
                server.settimeout(PROBE)
                server.recv(1)
        with _datagrams(socket.AF_INET) as receiver, _datagrams(socket.AF_INET) as sender:
            receiver.bind(("127.0.0.1", 0))
            _arrives(sender, receiver.getsockname(), receiver)
    except OSError as error:
        raise UnfitMachine(
            f"This machine has no working loopback: a connection to 127.0.0.1 gives {error.strerror or error!s}. "
            "Every behaviour needs it; bring it up: ip link set lo up."
        ) from None


def _ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _loopback_network() -> bool:
    """Return whether datagrams reach another address of 127.0.0.0/8, and its broadcast address."""
    try:
        with _datagrams(socket.AF_INET) as receiver, _datagrams(socket.AF_INET) as sender:
            receiver.bind(("0.0.0.0", 0))
            port = receiver.getsockname()[1]
            sender.bind(("127.0.0.2", 0))
            sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            return all(_arrives(sender, (ip, port), receiver) for ip in ("127.0.0.2", "127.255.255.255"))
    except OSError:
        return False


def _multicast() -> bool:
    """Return whether a datagram to an IPv4 multicast group, sent over the loopback interface, comes back."""
    group = "239.255.73.7"
    try:
        with _datagrams(socket.AF_INET) as receiver, _datagrams(socket.AF_INET) as sender:
            receiver.bind(("0.0.0.0", 0))
            receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, _membership(group, "127.0.0.1"))
            sender.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
            return _arrives(sender, (group, receiver.getsockname()[1]), receiver)
    except OSError:
        return False


def _multicast6() -> bool:
    """Return whether a datagram to an IPv6 multicast group, sent over the loopback interface, comes back."""
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


def _default_multicast_interface() -> bool:
    """Return whether the system chooses an interface for a membership on any, and it is not the loopback."""
    group = "239.255.73.8"
    with _datagrams(socket.AF_INET) as receiver:
        try:
            receiver.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, _membership(group, "0.0.0.0"))
        except OSError:
            return False
        try:
            receiver.setsockopt(socket.IPPROTO_IP, socket.IP_DROP_MEMBERSHIP, _membership(group, "127.0.0.1"))
        except OSError:
            return True
        return False


def _membership(group: str, interface: str) -> bytes:
    return socket.inet_aton(group) + socket.inet_aton(interface)


def _datagrams(family: socket.AddressFamily) -> socket.socket:
    return socket.socket(family, socket.SOCK_DGRAM)


def _arrives(sender: socket.socket, address: tuple[str, int], receiver: socket.socket) -> bool:
    sender.sendto(b"probe", address)
    receiver.settimeout(PROBE)
    return receiver.recv(16) == b"probe"


def _many_descriptors() -> bool:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return limit == resource.RLIM_INFINITY or limit > MANY_DESCRIPTORS


def _root() -> bool:
    return os.geteuid() == 0


def _localhost_is_ipv4() -> bool:
    try:
        return any(item[4][0] == "127.0.0.1" for item in socket.getaddrinfo("localhost", None, socket.AF_INET))
    except OSError:
        return False


def _localhost_has_ipv6_name() -> bool:
    """Return whether the table of hosts names ::1; a look-up would ask a name server where it does not."""
    try:
        lines = Path("/etc/hosts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    return any(words[0] == "::1" and len(words) > 1 for line in lines if (words := line.partition("#")[0].split()))


def _refuses_foreign_addresses() -> bool:
    """Return whether an address of another machine cannot be bound (Linux: ``ip_nonlocal_bind`` is 0)."""
    with _datagrams(socket.AF_INET) as probe:
        try:
            probe.bind((_FOREIGN, 0))
        except OSError:
            return True
    return False


def _fastopen_connect() -> bool:
    """Return whether a client may ask for TCP Fast Open (Linux: bit 0 of ``tcp_fastopen``)."""
    with socket.socket() as probe:
        try:
            probe.setsockopt(socket.IPPROTO_TCP, _TCP_FASTOPEN_CONNECT, 1)
        except OSError:
            return False
    return True


def _defer_accept() -> bool:
    """Return whether a connection without data waits behind a later one with data (not with ``tcp_syncookies`` 2)."""
    with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 30)
        listener.settimeout(PROBE)
        address = listener.getsockname()
        with socket.create_connection(address, PROBE), socket.create_connection(address, PROBE) as later:
            later.sendall(b"x")
            accepted, visitor = listener.accept()
            accepted.close()
            return bool(visitor == later.getsockname())
    return False


def _long_accept_queue() -> bool:
    try:
        return int(Path("/proc/sys/net/core/somaxconn").read_text(encoding="ascii")) >= _LONG_QUEUE
    except (OSError, ValueError):
        return True  # not Linux, or hidden: the usual value is 128 or more


def _connected(receive_buffer: int = 0) -> tuple[socket.socket, socket.socket]:
    """Return the two ends of a connection over the loopback; the second one has the receive buffer, if it is given."""
    with socket.socket() as listener:
        if receive_buffer:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        client = socket.create_connection(listener.getsockname(), PROBE)
        return client, listener.accept()[0]


def _accepted_bytes(limit: int, receive_buffer: int = 0) -> int:
    """Return how many bytes a connection takes, up to a limit, while the other end does not read."""
    client, server = _connected(receive_buffer)
    with client, server:
        client.setblocking(False)
        block, sent = bytes(1 << 16), 0
        while sent < limit:
            try:
                sent += client.send(block[: limit - sent])
            except BlockingIOError:
                # The other end may not have seen all of it yet: full is a connection that stays full for a moment.
                if not select.select([], [client], [], 0.1)[1]:
                    break
        return sent


@cache
def flood_size() -> int:
    """Return more bytes than a connection to a peer with small buffers takes while that does not read.

    The system is asked by sending until it takes no more. 0: it takes too much.
    """
    with contextlib.suppress(OSError):
        taken = _accepted_bytes(_FLOOD_LIMIT, receive_buffer=4096)
        if taken < _FLOOD_LIMIT:
            return max(_FLOOD, int(taken * (1 + _GROWTH)) + _MARGIN)
    return 0


@cache
def flood() -> bytes:
    """Return as many bytes as `flood_size` says: kept, because to fill megabytes takes longer than most calls."""
    return b"x" * flood_size()


def _buffers_take_64k() -> bool:
    with contextlib.suppress(OSError):
        return _accepted_bytes(_UNREAD) >= _UNREAD
    return False


def _large_receive_buffers() -> bool:
    with contextlib.suppress(OSError):
        client, server = _connected()
        with client, server:
            return all(end.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= _UNREAD for end in (client, server))
    return False


_PROBES: Final[Mapping[str, Callable[[], bool]]] = {
    "ipv6": _ipv6,
    "loopback-network": _loopback_network,
    "multicast": _multicast,
    "multicast6": _multicast6,
    "default-multicast-interface": _default_multicast_interface,
    "many-descriptors": _many_descriptors,
    "root": _root,
    "unprivileged": lambda: not _root(),
    "linux": lambda: sys.platform == "linux",
    "reuseport": lambda: hasattr(socket, "SO_REUSEPORT"),
    "dns-localhost": _localhost_is_ipv4,
    "dns-localhost6": _localhost_has_ipv6_name,
    "foreign-address-refused": _refuses_foreign_addresses,
    "fastopen-connect": _fastopen_connect,
    "defer-accept": lambda: hasattr(socket, "TCP_DEFER_ACCEPT") and _defer_accept(),
    "long-accept-queue": _long_accept_queue,
    "buffers-fill": lambda: flood_size() > 0,
    "buffers-take-64k": _buffers_take_64k,
    "large-receive-buffers": _large_receive_buffers,
}


@cache
def name() -> bytes:
    """Return the name of the machine."""
    return socket.gethostname().encode("latin-1", "replace")


@cache
def names_of_hosts() -> dict[str, LuaValue]:
    """Return the names with several addresses, and those that stand for others, by their names in behaviours."""
    return {
        "host.dual": names.DUAL.encode() if names.are_known() else b"localhost",
        "host.pair": names.PAIR.encode(),
        "host.official": names.OFFICIAL.encode(),
        "host.alias": names.ALIAS.encode(),
    }


def groups() -> dict[str, LuaValue]:
    """Return multicast groups by their names in behaviours, others each time.

    Linux gives a socket the datagrams of groups that others on the machine have joined, unless it is told otherwise.
    """
    one, two = os.urandom(3), os.urandom(4).hex()
    return {
        "host.group": b"239.%d.%d.%d" % tuple(one),
        "host.group6": f"ff01::{two[:4]}:{two[4:]}".encode(),
    }


@cache
def has(capability: str) -> bool | None:
    """Return whether the machine has a capability; None: the capability is not one of a machine."""
    probe = _PROBES.get(capability)
    return None if probe is None else probe()


def capabilities() -> tuple[str, ...]:
    """Return the names of all capabilities of this machine."""
    return tuple(capability for capability in _PROBES if has(capability))
