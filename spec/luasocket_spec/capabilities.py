"""The capabilities that behaviours may need: the closed list of names for ``needs``, each with its meaning.

Every run has a port and the IPv4 loopback. The runners probe for each capability: a new one needs a probe there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Capability:
    """A property of the machine or the port that a behaviour depends on.

    ``of`` is ``machine``, ``port`` (the adapter claims it in its reply to ``describe``) or ``probed`` (the runner tries
    it out on the port).
    """

    name: str
    of: Literal["machine", "port", "probed"]
    says: str


#: Capabilities of the machine.
_MACHINE: Final = {
    "ipv6": "The machine has the IPv6 loopback ::1.",
    "loopback-network": (
        "Each address from 127.0.0.1 on is one of this machine, and 127.255.255.255 reaches them all, as under Linux."
    ),
    "multicast": "A process can join an IPv4 multicast group on the loopback, and gets the datagrams sent to it.",
    "multicast6": "A process can join an IPv6 multicast group on the loopback, and gets the datagrams sent to it.",
    "default-multicast-interface": "The system has an interface for multicast that is not the loopback.",
    "dns-localhost": "The machine's resolver knows localhost and 127.0.0.1 without asking the network.",
    "dns-localhost6": "The machine's resolver has a name for ::1 without asking the network.",
    "linux": "The machine runs Linux: the behaviour is that of its TCP/IP, or is seen through /proc.",
    "reuseport": "The system has SO_REUSEPORT.",
    "root": "The runner has the privileges of root.",
    "unprivileged": "The runner does not have the privileges of root.",
    "many-descriptors": "A process may open more than 1100 descriptors.",
    "foreign-address-refused": "An address of another machine cannot be bound (ip_nonlocal_bind is off).",
    "fastopen-connect": "Clients may use TCP Fast Open (tcp_fastopen is on).",
    "defer-accept": "The system can keep connections from a server until data come (not with tcp_syncookies 2).",
    "long-accept-queue": "Sixty-four connections can wait to be accepted (somaxconn).",
    "buffers-fill": "Some megabytes, 50 at most, fill the buffers of a connection whose other end has small ones.",
    "buffers-take-64k": "The buffers of a connection have room for 64 kB that the other end does not read.",
    "large-receive-buffers": "A new connection has a receive buffer of 64 kB or more, as under Linux by default.",
}

#: Claimed by the port's adapter.
_PORT: Final = {
    "coroutines": "The port's language has coroutines, and functions of the runner may yield.",
    "yield-across-pcall": "A coroutine can yield across socket.protect, in C or not: Lua 5.2 and later.",
    "gc": "The port collects garbage at a request, and closes objects that are no longer referred to.",
    "descriptors": "The port's objects have descriptors of the system, which getfd returns.",
    "kept-tables": "The port's adapter can keep a table that a call returns, so that it can be compared with another.",
    "callable-tables": "The port's adapter can make tables that can be called like functions.",
    "inheriting-tables": "The port's adapter can make tables that inherit from another value, as Lua's __index says.",
    "subtypes": "The port's numbers are integers or floats, which tostring shows, as in Lua 5.3 and later.",
}

#: Found by probing the port.
_PROBED: Final = {
    "inspection": "The port's process is on this machine, and the runner may look at its descriptors.",
    "descriptor-limit": "The port's process is on this machine, and the runner may limit its descriptors.",
    "interruption": (
        "The port's process was started by the runner under Linux, which may stop and continue it by signals."
    ),
    "strerror-glibc": "The port reports the system's errors in the words of glibc.",
    "lookup-star": "The port's name look-up takes \"*\" for any address, as glibc's does.",
    "lookup-any-case": "The port's name look-up ignores the case of names in the table of hosts, as glibc's does.",
    "lookup-port-modulo": "The port's name look-up takes ports above 65535, modulo 65536, as glibc's does.",
    "service-names": "The port's name look-up knows the services http and smtp, as 80 and 25.",
    "several-addresses": (
        "The port's name look-up knows localhost, or a name of the runner's own, as ::1 and, after it, as 127.0.0.1."
    ),
    "own-names": (
        "The port's name look-up knows the names of the runner's own table of hosts, which needs Linux and root."
    ),
    "option-tcp-keepidle": "The port's TCP objects have the options tcp-keepidle, tcp-keepcnt and tcp-keepintvl.",
    "option-recv-buffer-size": "The port's objects have the options recv-buffer-size and send-buffer-size.",
    "option-tcp-defer-accept": "The port's TCP objects have the option tcp-defer-accept: LuaSocket 3.1.0 and later.",
    "option-tcp-fastopen": "The port's TCP objects have the option tcp-fastopen: LuaSocket 3.1.0 and later.",
    "option-tcp-fastopen-connect": (
        "The port's TCP objects have the option tcp-fastopen-connect: LuaSocket 3.1.0 and later."
    ),
    "option-bindtodevice": "The port's TCP objects have the option bindtodevice: LuaSocket after 3.1.0.",
}

#: All capabilities by name, in the order in which the command lists them.
CAPABILITIES: Final[dict[str, Capability]] = {
    **{name: Capability(name, "machine", says) for name, says in _MACHINE.items()},
    **{name: Capability(name, "port", says) for name, says in _PORT.items()},
    **{name: Capability(name, "probed", says) for name, says in _PROBED.items()},
}
