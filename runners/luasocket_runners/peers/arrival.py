"""Looks into the kernel, so that an action of a peer returns only when its effect has arrived at the other end."""

from __future__ import annotations

import array
import fcntl
import select
import socket
import struct
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

#: Seconds that an action waits for its effect to arrive at the other end. On a loopback it arrives at once; the limit
#: keeps a broken system from blocking the run, and the behaviour goes on as it would have without waiting.
ARRIVAL: Final = 1.0
#: Seconds between two looks at a state that the system gives no event for.
LOOK: Final = 0.0005

#: States of a TCP socket, by the kernel's numbers.
CLOSED: Final = 7
_LISTEN: Final = 10
#: The states of an end that has not seen the end of the other direction: established, and both of FIN_WAIT.
END_UNSEEN: Final = frozenset({1, 4, 5})

#: Numbers of the kernel's socket diagnostics.
_NETLINK_SOCK_DIAG: Final = 4
_SOCK_DIAG_BY_FAMILY: Final = 20
_NLM_F_REQUEST: Final = 1
_ANY: Final = 0xFFFFFFFF
#: Where a reply has the state of the socket, and the number of bytes that were not acknowledged.
_STATE_AT: Final = 17
_UNSENT_AT: Final = 76

_LINUX: Final = sys.platform == "linux"

Address = tuple[str, int]


def until(condition: Callable[[], bool], seconds: float = ARRIVAL) -> bool:
    """Wait until the condition holds; return whether it did within the time.

    Only Linux shows the states that are waited for here; on other systems, return at once.
    """
    if not _LINUX:
        return False
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= end:
            return False
        time.sleep(LOOK)
    return True


def readable(sock: socket.socket, seconds: float | None, wake: socket.socket | None = None) -> bool:
    """Wait until there is something to read, without limit if ``seconds`` is None; False at the end, or when woken."""
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    if wake is not None:
        poller.register(wake, select.POLLIN)
    ready = poller.poll(None if seconds is None else max(0.0, seconds) * 1000)
    return any(descriptor == sock.fileno() for descriptor, _ in ready)


def unsent(sock: socket.socket) -> int:
    """Return how many bytes the other end has not acknowledged yet."""
    count = array.array("i", [0])
    fcntl.ioctl(sock, termios.TIOCOUTQ, count)
    return count[0]


def own_state(sock: socket.socket) -> int:
    """Return the state of a TCP socket of this process, as the kernel numbers it."""
    return int(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0])


def state(local: Address, remote: Address) -> int | None:
    """Return the state of the TCP connection with these two ends, as the kernel numbers it; None if there is none."""
    try:
        found = _diagnosed(local, remote)
    except OSError:  # a sandbox without netlink
        found = _tabulated(local, remote)
    return None if found in (CLOSED, _LISTEN) else found  # a listener answers for connections that are gone


def unacknowledged(local: Address, remote: Address) -> int:
    """Return how many bytes the connection's local end has sent that have not arrived yet; 0 if there is none."""
    reply = _diagnostics(local, remote)
    return 0 if reply is None or reply[_STATE_AT] == CLOSED else int(struct.unpack_from("=I", reply, _UNSENT_AT)[0])


def _diagnosed(local: Address, remote: Address) -> int | None:
    reply = _diagnostics(local, remote)
    return None if reply is None else reply[_STATE_AT]


def _diagnostics(local: Address, remote: Address) -> bytes | None:
    """Ask the system's socket diagnostics (``man 7 sock_diag``), which look up one socket; None if there is none.

    ``/proc/net/tcp`` has to be read as a whole, with the thousands of connections that linger after a long run.
    """
    family = socket.AF_INET6 if ":" in local[0] else socket.AF_INET
    ends = [socket.inet_pton(family, ip).ljust(16, b"\0") for ip, _ in (local, remote)]
    asked = struct.pack("=BBBBI", family, socket.IPPROTO_TCP, 0, 0, _ANY)
    asked += struct.pack("!HH", local[1], remote[1]) + ends[0] + ends[1] + struct.pack("=III", 0, _ANY, _ANY)
    header = struct.pack("=IHHII", 16 + len(asked), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 0, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as line:
        line.send(header + asked)
        reply = line.recv(4096)
    if struct.unpack_from("=H", reply, 4)[0] != _SOCK_DIAG_BY_FAMILY:
        return None  # any other kind of reply is an error: there is no such socket
    return reply


def _tabulated(local: Address, remote: Address) -> int | None:
    """Look the connection up in the table that every process can read."""
    table = Path("/proc/net/tcp6" if ":" in local[0] else "/proc/net/tcp")
    wanted = [_in_table(local), _in_table(remote)]
    for line in table.read_text(encoding="ascii").splitlines()[1:]:
        _, *ends, number = line.split()[:4]
        if ends == wanted:
            return int(number, 16)
    return None


def _in_table(address: Address) -> str:
    """Return an address as the table writes it: groups of four bytes as numbers of this machine's byte order."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    packed = socket.inet_pton(family, address[0])
    groups = struct.unpack(f"={len(packed) // 4}I", packed)
    return "".join(f"{group:08X}" for group in groups) + f":{address[1]:04X}"
