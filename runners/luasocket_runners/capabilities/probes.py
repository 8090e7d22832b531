"""Probes a port for capabilities: the runner asks it something and looks at the results.

Capabilities of the machine are left to ``machine``, looking into a socket to ``inspection``; messages are sent by the
function that is handed in.

A mistake in one function must not hide itself or what others do: where one answers wrongly, the probe asks another.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, TypeAlias

from luasocket_spec import CAPABILITIES
from luasocket_spec.model import Dialect

from luasocket_runners import processes
from luasocket_runners.capabilities import inspection, machine
from luasocket_runners.values import Handle, LuaTable, LuaValue, encode

#: Sends a request and returns the results of the port; None: it raised an error, or has no such function.
Ask: TypeAlias = Callable[[Mapping[str, Any]], tuple[LuaValue, ...] | None]

#: The prefix of capabilities that stand for an option.
_OPTION: Final = "option-"
#: What bind says of a port that it knows, and cannot have.
_KNOWN: Final = ((b"permission denied",), (b"address already in use",))
#: Bytes that no IPv4 datagram has room for.
_TOO_LONG: Final = 70_000

#: Members of the module that came with LuaSocket 3.0.0; 3.0-rc1, and so Defold's, has none of them.
_LUASOCKET_3: Final = ("tcp4", "udp4", "_DATAGRAMSIZE", "_SOCKETINVALID")
#: Members that both dialects have. A port without one of them is incomplete in any case.
_COMMON: Final = ("tcp6", "udp", "udp6", "bind", "connect", "select", "newtry", "protect", "skip", "dns", "source")
#: So many marks of LuaSocket 3.0.0 are no accident: one may be an addition of the port.
_MARKS: Final = 2


def is_probed(capability: str) -> bool:
    """Return whether a capability is found out here, by asking the port."""
    return capability in _PROBES or CAPABILITIES[capability].of == "probed"


def has(capability: str, ask: Ask) -> bool:
    """Return whether the port has a capability for which `is_probed` is true; ``inspection`` is `inspected_process`.

    The port's objects are left to the next ``reset``.
    """
    if capability.startswith(_OPTION):
        return _has_option(capability.removeprefix(_OPTION), ask)
    return _PROBES[capability](ask)


def is_claimed(capability: str) -> bool:
    """Return whether the port's adapter has to name the capability in its reply to ``describe``."""
    return CAPABILITIES[capability].of == "port"


def _has_option(option: str, ask: Ask) -> bool:
    """Return whether the port's TCP objects know an option.

    An unknown option raises an error. On a fresh object 0 changes nothing: it is the option's value, or there is no
    socket yet, or it is refused; and a refusal is returned.
    """
    master = _first(ask, None, "socket.tcp")
    return isinstance(master, Handle) and _results(ask, master, "setoption", option.encode("ascii"), 0) is not None


def inspected_process(leader: int | None, ask: Ask) -> int | None:
    """Return the process whose descriptors ``getfd`` returns, if the runner may look into it.

    The process is recognized by a socket that the port has bound to an address: a descriptor's number alone exists in
    many processes.

    Parameters
    ----------
    leader
        The process that was started for the port (it may have started the port in turn); None: none on this machine.
    ask
        Asks the port. Its objects are left to the next ``reset``.
    """
    if leader is None:
        return None
    master = _first(ask, None, "socket.tcp")
    if not isinstance(master, Handle) or _first(ask, master, "bind", b"127.0.0.1", 0) != 1:
        return None
    name = _results(ask, master, "getsockname") or ()
    descriptor = _first(ask, master, "getfd")
    if len(name) < 2 or not isinstance(name[1], bytes | int | float) or not isinstance(descriptor, int | float):
        return None
    try:
        address = "127.0.0.1", int(name[1])  # until LuaSocket 3.1, the port was a string
        number = int(descriptor)
    except (ValueError, OverflowError):
        return None
    found = (one for one in processes.with_descendants(leader) if inspection.is_bound_to(one, number, address))
    return next(found, None)


def _udp(ask: Ask) -> Handle | None:
    """Return an UDP object that is bound to the loopback; None: the port cannot make one."""
    made = _first(ask, None, "socket.udp")
    bound = isinstance(made, Handle) and _first(ask, made, "setsockname", b"127.0.0.1", 0) == 1
    return made if isinstance(made, Handle) and bound else None


def _has_texts_of_glibc(ask: Ask) -> bool:
    """Return whether an error has the words of glibc, of a datagram that is too long or of a peer that is not there.

    Other libraries have other words for both.
    """
    udp = _udp(ask)
    results = None if udp is None else _results(ask, udp, "sendto", b"x" * _TOO_LONG, b"127.0.0.1", 9)
    if results is not None and results[1:2] == (b"Message too long",):
        return True
    tcp = _first(ask, None, "socket.tcp")
    if not isinstance(tcp, Handle) or _first(ask, tcp, "bind", b"127.0.0.1", 0) != 1:
        return False
    return (_results(ask, tcp, "getpeername") or ())[1:2] == (b"Transport endpoint is not connected",)


def _looks_up_star(ask: Ask) -> bool:
    """Return whether "*" is looked up as the address of this machine, as glibc does it.

    One function that does it is enough: another one that does not fails by itself.
    """
    udp = _udp(ask)
    with socket.socket(type=socket.SOCK_DGRAM) as peer:
        peer.bind(("127.0.0.1", 0))
        results = None if udp is None else _results(ask, udp, "sendto", b"x", b"*", peer.getsockname()[1])
    if results and results[0] is not None:
        return True
    tcp = _first(ask, None, "socket.tcp")
    with socket.create_server(("127.0.0.1", 0)) as server:
        return isinstance(tcp, Handle) and _first(ask, tcp, "connect", b"*", server.getsockname()[1]) == 1


def _ignores_case_of_hosts(ask: Ask) -> bool:
    """Return whether localhost is found in any case, by one of two functions."""
    functions = "socket.dns.getaddrinfo", "socket.dns.toip"
    return any(_first(ask, None, function, b"LocalHost") is not None for function in functions)


def _wraps_ports(ask: Ask) -> bool:
    """Return whether the look-up takes a port above 65535, modulo 65536.

    One function that takes it is enough: another one that refuses it does so by itself.
    """

    def takes(constructor: str, method: str, *args: LuaValue) -> bool:
        made = _first(ask, None, constructor)
        return isinstance(made, Handle) and _first(ask, made, method, *args) == 1

    return (
        takes("socket.udp", "setsockname", b"127.0.0.1", 65536)
        or takes("socket.udp", "setpeername", b"127.0.0.1", 65545)
        or takes("socket.udp", "sendto", b"x", b"127.0.0.1", 65545)
        or takes("socket.tcp", "bind", b"127.0.0.1", 65536)
    )


def _knows_services(ask: Ask) -> bool:
    """Return whether getnameinfo or bind looks up services by name; their numbers are for the behaviours."""

    def is_known(name: bytes) -> bool:
        tcp = _first(ask, None, "socket.tcp")
        results = _results(ask, tcp, "bind", b"127.0.0.1", name) if isinstance(tcp, Handle) else None
        return results is not None and (results[:1] == (1,) or results[1:2] in _KNOWN)

    names = b"http", b"smtp"
    if all(_first(ask, None, "socket.dns.getnameinfo", None, name) is not None for name in names):
        return True
    return all(is_known(name) for name in names)


def _finds_several_addresses(ask: Ask) -> bool:
    """Return whether a name is the IPv6 loopback first, and then that of IPv4, for getaddrinfo or for connect."""
    name = machine.names_of_hosts()["host.dual"]
    if _addresses(_first(ask, None, "socket.dns.getaddrinfo", name)) == {1: b"::1", 2: b"127.0.0.1"}:
        return True
    with socket.create_server(("127.0.0.1", 0)) as second:
        port = second.getsockname()[1]
        if not _connects(ask, name, second):
            return False
        try:
            first = socket.create_server(("::1", port), family=socket.AF_INET6)
        except OSError:  # there is no IPv6, or another program has the port
            return False
        with first:
            return _connects(ask, name, first)


def _connects(ask: Ask, name: LuaValue, server: socket.socket) -> bool:
    """Return whether socket.connect reaches a server by its port and a name."""
    server.setblocking(False)
    if not isinstance(_first(ask, None, "socket.connect", name, server.getsockname()[1]), Handle):
        return False
    try:
        server.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def _addresses(found: LuaValue) -> dict[LuaValue, LuaValue]:
    """Return the addresses in a result of getaddrinfo, by their numbers."""
    entries = found.entries if isinstance(found, LuaTable) else ()
    return {key: dict(item.entries).get(b"addr") for key, item in entries if isinstance(item, LuaTable)}


def _finds_own_names(ask: Ask) -> bool:
    """Return whether names of the table of hosts are found.

    One function that finds them is enough: another one that does not fails by itself.
    """
    name, address = machine.names_of_hosts()["host.alias"], b"127.0.0.3"
    if _first(ask, None, "socket.dns.toip", name) == address:
        return True
    return _addresses(_first(ask, None, "socket.dns.getaddrinfo", name)) == {1: address}


def _has_subtypes(ask: Ask) -> bool:
    """Return whether the adapter tells 1.0 from 1 in a request, and the port's language shows the difference."""
    return (_first(ask, None, "tostring", 1), _first(ask, None, "tostring", 1.0)) == (b"1", b"1.0")


def guess_dialect(ask: Ask) -> Dialect:
    """Return the dialect of a port whose adapter names none, from several traits.

    Marks of LuaSocket 3.0.0 decide for it. Their absence decides for ``defold`` only where the port is complete in all
    that both dialects share: an incomplete port lacks them for other reasons.
    """
    marks = sum(_there(ask, name) for name in _LUASOCKET_3)
    master = _first(ask, None, "socket.tcp")
    if isinstance(master, Handle):
        marks += bool(_got(ask, {"handle": master.number, "field": "gettimeout"}))
        marks += _first(ask, master, "getfd") == -1  # the descriptor is made late
    # wrappers pass on the version of the LuaSocket inside, and not always its new functions
    version = _first_value(ask, {"target": "socket._VERSION"})
    marks += isinstance(version, bytes) and re.match(rb"LuaSocket 3\.\d+\.\d", version) is not None
    if marks >= _MARKS or not all(_there(ask, name) for name in _COMMON):
        return "luasocket-3"
    return "defold"


def _has_method(constructor: str, method: str, ask: Ask) -> bool:
    made = _first(ask, None, constructor)
    return isinstance(made, Handle) and _got(ask, {"handle": made.number, "field": method})


def _there(ask: Ask, name: str) -> bool:
    return _got(ask, {"target": f"socket.{name}"})


def _got(ask: Ask, of: Mapping[str, Any]) -> bool:
    """Return whether a field is not nil."""
    return _first_value(ask, of) is not None


def _first_value(ask: Ask, of: Mapping[str, Any]) -> LuaValue:
    """Return a field."""
    results = ask({"op": "get", **of})
    return results[0] if results else None


def _results(ask: Ask, handle: Handle | None, name: str, *args: LuaValue) -> tuple[LuaValue, ...] | None:
    """Call a function of the module, or a method of a handle; return its results, None if it did not return."""
    target = {"target": name} if handle is None else {"handle": handle.number, "method": name}
    return ask({"op": "call", **target, "args": [encode(value) for value in args]})


def _first(ask: Ask, handle: Handle | None, name: str, *args: LuaValue) -> LuaValue:
    """Call likewise, and return the first result; nil if there is none."""
    results = _results(ask, handle, name, *args)
    return results[0] if results else None


_PROBES: Final[Mapping[str, Callable[[Ask], bool]]] = {
    "subtypes": _has_subtypes,
    "service-names": _knows_services,
    "several-addresses": _finds_several_addresses,
    "own-names": _finds_own_names,
    "strerror-glibc": _has_texts_of_glibc,
    "lookup-star": _looks_up_star,
    "lookup-any-case": _ignores_case_of_hosts,
    "lookup-port-modulo": _wraps_ports,
    # for fixtures, which can do without
    "getsockname-tcp": partial(_has_method, "socket.tcp", "getsockname"),
    "getsockname-udp": partial(_has_method, "socket.udp", "getsockname"),
}
