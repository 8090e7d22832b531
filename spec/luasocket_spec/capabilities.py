"""What a behaviour may need beyond Linux, a loopback and a port: the closed list that ``needs`` draws from.

What lives here: names and what each stands for. What may not: finding out whether something is there (the runners
probe, once). To add one, add a line here and a probe there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Capability:
    """Something that may be absent.

    ``of``: whether the host has it, or the port's adapter tells that it has it, or the runner asks the port and sees.
    """

    name: str
    of: Literal["host", "port", "runner"]
    says: str


_ALL: Final = (
    Capability("ipv6", "host", "The host has the IPv6 loopback ::1."),
    Capability(
        "multicast", "host", "The host lets a process join an IPv4 multicast group and loops its datagrams back."
    ),
    Capability(
        "multicast6", "host", "The host lets a process join an IPv6 multicast group and loops its datagrams back."
    ),
    Capability(
        "dns-localhost", "host", "The host's resolver knows localhost and 127.0.0.1 without asking the network."
    ),
    Capability("dns-localhost6", "host", "The host's resolver has a name for ::1 without asking the network."),
    Capability("linux", "host", "The host is Linux: the behaviour is that of its TCP/IP, or is seen through /proc."),
    Capability("reuseport", "host", "The host's system has SO_REUSEPORT."),
    Capability("root", "host", "The runner has the privileges of root."),
    Capability("unprivileged", "host", "The runner does not have the privileges of root."),
    Capability("many-descriptors", "host", "The host lets a process open more than 1100 descriptors."),
    Capability("coroutines", "port", "The port's language has coroutines, and functions of the runner may yield."),
    Capability(
        "yield-across-pcall", "port", "A coroutine can yield across socket.protect, C or not: Lua 5.2 and later."
    ),
    Capability(
        "gc", "port", "The port collects garbage when it is asked to, and closes what is no longer referred to."
    ),
    Capability("descriptors", "port", "The port's objects have descriptors of the system, which getfd tells."),
    Capability(
        "inspection", "runner", "The port's process is on this host, and the runner may look at its descriptors."
    ),
    *(
        Capability(f"option-{option}", "runner", f"The port's TCP objects have the option {option}: {since}.")
        for option, since in (
            ("tcp-defer-accept", "LuaSocket 3.1.0 and later"),
            ("tcp-fastopen", "LuaSocket 3.1.0 and later"),
            ("tcp-fastopen-connect", "LuaSocket 3.1.0 and later"),
            ("bindtodevice", "LuaSocket after 3.1.0"),
        )
    ),
)

#: By name, in the order in which they are listed to people.
CAPABILITIES: Final[dict[str, Capability]] = {capability.name: capability for capability in _ALL}
