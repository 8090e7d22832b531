"""The law of options: an option is a row of a table, which says how it is set and how it is got.

A row names the kind of its value and the option of the system; each kind of value is one pair of functions. What a
dialect lacks is in `Dialect.absent_options`.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Callable, Mapping
from typing import TypeAlias

from luasocket_reference.auxiliar import Arguments, Values, as_int, as_long, field, to_number, to_string
from luasocket_reference.usocket import DONE, Descriptor, describe_error

__all__ = ["OPTIONS", "getoption", "setoption"]

#: Sets an option of a descriptor to argument 3, or returns it: a function of the descriptor, level, name, arguments.
Handler: TypeAlias = Callable[[Descriptor, int, int, Arguments], Values]

#: By the name of the option: how it is handled, level and name.
Options: TypeAlias = Mapping[str, tuple[Handler, int, int]]

_INT, _LINGER = struct.Struct("i"), struct.Struct("ii")


def _set(descriptor: Descriptor, level: int, name: int, value: bytes) -> Values:
    """Give the system the value of an option, as bytes."""
    outcome, _ = descriptor.attempt(lambda held: held.setsockopt(level, name, value))
    return (1,) if outcome == DONE else (None, b"setsockopt failed")


def _get(descriptor: Descriptor, level: int, name: int, layout: struct.Struct) -> tuple[int, ...] | None:
    """Ask the system for the value of an option, as integers; None for an error."""
    _, value = descriptor.attempt(lambda held: held.getsockopt(level, name, layout.size))
    if value is None:
        return None
    return layout.unpack(value.ljust(layout.size, b"\0"))


_GET_FAILED: Values = (None, b"getsockopt failed")


def _set_boolean(descriptor: Descriptor, level: int, name: int, arguments: Arguments) -> Values:
    """Set an option that is true or false."""
    return _set(descriptor, level, name, _INT.pack(arguments.boolean(3)))


def _get_boolean(descriptor: Descriptor, level: int, name: int, _arguments: Arguments) -> Values:
    """Return an option that is true or false."""
    value = _get(descriptor, level, name, _INT)
    return _GET_FAILED if value is None else (any(value),)


def _set_integer(descriptor: Descriptor, level: int, name: int, arguments: Arguments) -> Values:
    """Set an option that is a number. What is no number is 0."""
    return _set(descriptor, level, name, _INT.pack(as_int(to_number(arguments[3]) or 0)))


def _get_integer(descriptor: Descriptor, level: int, name: int, _arguments: Arguments) -> Values:
    """Return an option that is a number."""
    return _get(descriptor, level, name, _INT) or _GET_FAILED


def _set_linger(descriptor: Descriptor, level: int, name: int, arguments: Arguments) -> Values:
    """Set ``linger``: a table with the fields on, a boolean, and timeout, in seconds."""
    table = arguments.table(3)
    on = field(table, "on")
    if not isinstance(on, bool):
        raise arguments.error(3, "boolean 'on' field expected")
    seconds = to_number(field(table, "timeout"))
    if seconds is None:
        raise arguments.error(3, "number 'timeout' field expected")
    return _set(descriptor, level, name, _LINGER.pack(on, as_int(seconds) & 0xFFFF))


def _get_linger(descriptor: Descriptor, level: int, name: int, _arguments: Arguments) -> Values:
    """Return ``linger``, a table as it is set."""
    value = _get(descriptor, level, name, _LINGER)
    if value is None:
        return _GET_FAILED
    on, seconds = value
    return ({b"on": bool(on), b"timeout": seconds},)


def _get_error(descriptor: Descriptor, level: int, name: int, _arguments: Arguments) -> Values:
    """Return the error that is pending, as a message, and forget it; nil for none."""
    value = _get(descriptor, level, name, _INT)
    if value is None:
        return _GET_FAILED
    (pending,) = value
    return (describe_error(pending) if pending else None,)


def _parse_ipv4(text: bytes) -> bytes | None:
    """Return the four bytes of an IPv4 address; None if the text is none."""
    try:
        return socket.inet_aton(text.partition(b"\0")[0].decode("latin-1"))
    except OSError:
        return None


_ANY = socket.inet_aton("0.0.0.0")


def _set_interface(descriptor: Descriptor, level: int, name: int, arguments: Arguments) -> Values:
    """Set an option that is the IPv4 address of an interface; "*" for the system's choice."""
    text = arguments.text(3)
    address = _ANY if text == b"*" else _parse_ipv4(text)
    if address is None:
        raise arguments.error(3, "ip expected")
    return _set(descriptor, level, name, address)


def _get_interface(descriptor: Descriptor, level: int, name: int, _arguments: Arguments) -> Values:
    """Return an option that is an IPv4 address."""
    _, value = descriptor.attempt(lambda held: held.getsockopt(level, name, len(_ANY)))
    return _GET_FAILED if value is None else (socket.inet_ntoa(value).encode("ascii"),)


def _multiaddr(arguments: Arguments) -> tuple[dict[object, object], bytes]:
    """Return the table of a membership, and its field multiaddr."""
    table = arguments.table(3)
    group = to_string(field(table, "multiaddr"), arguments.dialect.has_integers)
    if group is None:
        raise arguments.error(3, "string 'multiaddr' field expected")
    return table, group


def _set_membership(descriptor: Descriptor, level: int, name: int, arguments: Arguments) -> Values:
    """Join or leave an IPv4 group: a table with the fields multiaddr and interface, IPv4 addresses; "*" as above."""
    table, text = _multiaddr(arguments)
    group = _parse_ipv4(text)
    if group is None:
        raise arguments.error(3, "invalid 'multiaddr' ip address")
    named = to_string(field(table, "interface"), arguments.dialect.has_integers)
    if named is None:
        raise arguments.error(3, "string 'interface' field expected")
    interface = _ANY if named.partition(b"\0")[0] == b"*" else _parse_ipv4(named)
    if interface is None:
        raise arguments.error(3, "invalid 'interface' ip address")
    return _set(descriptor, level, name, group + interface)


def _set_membership6(descriptor: Descriptor, level: int, name: int, arguments: Arguments) -> Values:
    """Join or leave an IPv6 group: a table with the fields multiaddr and, perhaps, interface, a number."""
    table, text = _multiaddr(arguments)
    try:
        group = socket.inet_pton(socket.AF_INET6, text.partition(b"\0")[0].decode("latin-1"))
    except OSError:
        raise arguments.error(3, "invalid 'multiaddr' ip address") from None
    named = field(table, "interface")
    interface = 0 if named is None else to_number(named)
    if interface is None:
        raise arguments.error(-1, "number 'interface' field expected")
    return _set(descriptor, level, name, group + struct.pack("I", as_long(interface) & 0xFFFF_FFFF))


_SOCKET, _TCP, _IP, _IPV6 = socket.SOL_SOCKET, socket.IPPROTO_TCP, socket.IPPROTO_IP, socket.IPPROTO_IPV6

#: Numbers that Linux has and Python has no name for.
_NAMELESS: Mapping[str, int] = {"TCP_FASTOPEN_CONNECT": 30} if sys.platform == "linux" else {}


#: How an option is set and how it is got, by the kind of its value.
_BOOLEAN = (_set_boolean, _get_boolean)
_INTEGER = (_set_integer, _get_integer)

#: By the name of the option: how it is set and how it is got, None where it cannot be; level, and the name's constant.
_Rows: TypeAlias = Mapping[str, tuple[Handler | None, Handler | None, int, str]]

_TCP_ROWS: _Rows = {
    "keepalive": (*_BOOLEAN, _SOCKET, "SO_KEEPALIVE"),
    "reuseaddr": (*_BOOLEAN, _SOCKET, "SO_REUSEADDR"),
    "reuseport": (*_BOOLEAN, _SOCKET, "SO_REUSEPORT"),
    "tcp-nodelay": (*_BOOLEAN, _TCP, "TCP_NODELAY"),
    "tcp-keepidle": (*_INTEGER, _TCP, "TCP_KEEPIDLE"),
    "tcp-keepcnt": (*_INTEGER, _TCP, "TCP_KEEPCNT"),
    "tcp-keepintvl": (*_INTEGER, _TCP, "TCP_KEEPINTVL"),
    "tcp-defer-accept": (_set_integer, None, _TCP, "TCP_DEFER_ACCEPT"),
    "tcp-fastopen": (_set_integer, None, _TCP, "TCP_FASTOPEN"),
    "tcp-fastopen-connect": (_set_integer, None, _TCP, "TCP_FASTOPEN_CONNECT"),
    "ipv6-v6only": (_set_boolean, None, _IPV6, "IPV6_V6ONLY"),
    "linger": (_set_linger, _get_linger, _SOCKET, "SO_LINGER"),
    "error": (None, _get_error, _SOCKET, "SO_ERROR"),
    "recv-buffer-size": (*_INTEGER, _SOCKET, "SO_RCVBUF"),
    "send-buffer-size": (*_INTEGER, _SOCKET, "SO_SNDBUF"),
}

# The multicast hops are LuaSocket's slip: they are those of unicast.
_UDP_ROWS: _Rows = {
    "dontroute": (*_BOOLEAN, _SOCKET, "SO_DONTROUTE"),
    "broadcast": (*_BOOLEAN, _SOCKET, "SO_BROADCAST"),
    "reuseaddr": (*_BOOLEAN, _SOCKET, "SO_REUSEADDR"),
    "reuseport": (*_BOOLEAN, _SOCKET, "SO_REUSEPORT"),
    "ip-multicast-if": (_set_interface, _get_interface, _IP, "IP_MULTICAST_IF"),
    "ip-multicast-ttl": (_set_integer, None, _IP, "IP_MULTICAST_TTL"),
    "ip-multicast-loop": (*_BOOLEAN, _IP, "IP_MULTICAST_LOOP"),
    "ip-add-membership": (_set_membership, None, _IP, "IP_ADD_MEMBERSHIP"),
    "ip-drop-membership": (_set_membership, None, _IP, "IP_DROP_MEMBERSHIP"),
    "ipv6-unicast-hops": (*_INTEGER, _IPV6, "IPV6_UNICAST_HOPS"),
    "ipv6-multicast-hops": (*_INTEGER, _IPV6, "IPV6_UNICAST_HOPS"),
    "ipv6-multicast-loop": (*_BOOLEAN, _IPV6, "IPV6_MULTICAST_LOOP"),
    "ipv6-add-membership": (_set_membership6, None, _IPV6, "IPV6_JOIN_GROUP"),
    "ipv6-drop-membership": (_set_membership6, None, _IPV6, "IPV6_LEAVE_GROUP"),
    "ipv6-v6only": (*_BOOLEAN, _IPV6, "IPV6_V6ONLY"),
    "error": (None, _get_error, _SOCKET, "SO_ERROR"),
    "recv-buffer-size": (*_INTEGER, _SOCKET, "SO_RCVBUF"),
    "send-buffer-size": (*_INTEGER, _SOCKET, "SO_SNDBUF"),
}

_SET, _GET = 0, 1


def _known(rows: _Rows, direction: int) -> Options:
    """Return the options that can be set, or got, as far as this system has their constants.

    LuaSocket is compiled with those only.
    """
    numbers = {**vars(socket), **_NAMELESS}
    return {
        name: (handler, level, numbers[constant])
        for name, (*handlers, level, constant) in rows.items()
        if (handler := handlers[direction]) is not None and constant in numbers
    }


#: All options, by what `Dialect.absent_options` calls the direction and the kind of object.
OPTIONS: Mapping[str, Options] = {
    "set tcp": _known(_TCP_ROWS, _SET),
    "get tcp": _known(_TCP_ROWS, _GET),
    "set udp": _known(_UDP_ROWS, _SET),
    "get udp": _known(_UDP_ROWS, _GET),
}


def _handle(which: str, descriptor: Descriptor, arguments: Arguments) -> Values:
    """Set or get an option: `which` is a key of `OPTIONS`."""
    name = arguments.text(2).decode("latin-1")
    if name not in OPTIONS[which] or name in arguments.dialect.absent_options.get(which, ()):
        raise arguments.error(2, f"unsupported option `{name[:35]}'")
    handler, level, number = OPTIONS[which][name]
    return handler(descriptor, level, number, arguments)


def setoption(kind: str, descriptor: Descriptor, arguments: Arguments) -> Values:
    """Set an option: the method ``setoption``.

    Parameters
    ----------
    kind
        The kind of object: "tcp" or "udp".
    descriptor
        Its socket.
    arguments
        2: the option's name; 3: its value.

    Returns
    -------
    tuple
        1; or nil and an error.

    Raises
    ------
    LuaError
        There is no such option, or its value is of a wrong type.

    References
    ----------
    ``client:setoption/*``, ``server:setoption/*``, ``unconnected:setoption/*``, ``connected:setoption/*``.
    """
    return _handle(f"set {kind}", descriptor, arguments)


def getoption(kind: str, descriptor: Descriptor, arguments: Arguments) -> Values:
    """Return an option: the method ``getoption``; as `setoption`.

    Returns
    -------
    tuple
        The value; or nil and an error.

    References
    ----------
    ``client:getoption/*``, ``server:getoption/*``, ``unconnected:getoption/*``, ``connected:getoption/*``.
    """
    return _handle(f"get {kind}", descriptor, arguments)
