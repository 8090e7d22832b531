"""The options of sockets: each is a row of a table, which says how it is set and how it is read.

A row names the kind of its value and the option of the system; each kind of value is one pair of functions. Options
that a dialect lacks are in `Dialect.absent_options`.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from luasocket_reference.lua.arguments import Arguments
from luasocket_reference.lua.numbers import as_int, as_long, to_number
from luasocket_reference.lua.values import Table, Values, field, to_string
from luasocket_reference.usocket import DONE, Descriptor, describe_error

__all__ = ["OPTIONS", "getoption", "setoption"]

#: Sets an option of a descriptor, or returns it: a function of the descriptor, level, name, args.
Handler: TypeAlias = Callable[[Descriptor, int, int, Arguments], Values]

#: By the name of the option: how it is handled, level and name.
Options: TypeAlias = Mapping[str, tuple[Handler, int, int]]

_INT, _LINGER = struct.Struct("i"), struct.Struct("ii")


def _set(descriptor: Descriptor, level: int, name: int, value: bytes) -> Values:
    """Give the system the value of an option, as bytes."""
    outcome, _ = descriptor.attempt(lambda held: held.setsockopt(level, name, value))
    return (1.0,) if outcome == DONE else (None, b"setsockopt failed")


def _get(descriptor: Descriptor, level: int, name: int, layout: struct.Struct) -> tuple[int, ...] | None:
    """Ask the system for the value of an option, as integers; None for an error."""
    _, value = descriptor.attempt(lambda held: held.getsockopt(level, name, layout.size))
    if value is None:
        return None
    return layout.unpack(value.ljust(layout.size, b"\0"))


_GET_FAILED: Values = (None, b"getsockopt failed")


def _set_boolean(descriptor: Descriptor, level: int, name: int, args: Arguments) -> Values:
    """Set an option that is true or false."""
    return _set(descriptor, level, name, _INT.pack(args.boolean("value")))


def _get_boolean(descriptor: Descriptor, level: int, name: int, _args: Arguments) -> Values:
    """Return an option that is true or false."""
    value = _get(descriptor, level, name, _INT)
    return _GET_FAILED if value is None else (any(value),)


def _set_integer(descriptor: Descriptor, level: int, name: int, args: Arguments) -> Values:
    """Set an option that is a number. Any value that is neither a number nor a numeral is 0."""
    number = to_number(args["value"], args.dialect.lua)
    return _set(descriptor, level, name, _INT.pack(as_int(0.0 if number is None else float(number))))


def _get_integer(descriptor: Descriptor, level: int, name: int, _args: Arguments) -> Values:
    """Return an option that is a number."""
    value = _get(descriptor, level, name, _INT)
    return _GET_FAILED if value is None else (float(value[0]),)


def _set_linger(descriptor: Descriptor, level: int, name: int, args: Arguments) -> Values:
    """Set ``linger``: a table with the fields on, a boolean, and timeout, in seconds."""
    table = args.table("value", names_class=False)
    on = field(table, "on")
    if not isinstance(on, bool):
        raise args.error("value", "boolean 'on' field expected")
    seconds = to_number(field(table, "timeout"), args.dialect.lua)
    if seconds is None:
        raise args.error("value", "number 'timeout' field expected")
    return _set(descriptor, level, name, _LINGER.pack(on, as_int(float(seconds)) & 0xFFFF))


def _get_linger(descriptor: Descriptor, level: int, name: int, _args: Arguments) -> Values:
    """Return ``linger``, a table as it is set."""
    value = _get(descriptor, level, name, _LINGER)
    if value is None:
        return _GET_FAILED
    on, seconds = value
    return (Table({b"on": bool(on), b"timeout": seconds}),)


def _get_error(descriptor: Descriptor, level: int, name: int, _args: Arguments) -> Values:
    """Return the error that is pending, as a message, and forget it; nil for none."""
    value = _get(descriptor, level, name, _INT)
    if value is None:
        return _GET_FAILED
    (pending,) = value
    return (describe_error(pending) if pending else None,)


def _parse_ipv4(text: bytes) -> bytes | None:
    """Return the four bytes of an IPv4 address; None if the text is not one."""
    try:
        return socket.inet_aton(text.partition(b"\0")[0].decode("latin-1"))
    except OSError:
        return None


_ANY = socket.inet_aton("0.0.0.0")


def _set_interface(descriptor: Descriptor, level: int, name: int, args: Arguments) -> Values:
    """Set an option that is the IPv4 address of an interface; "*" for the system's choice."""
    text = args.text("value")
    address = _ANY if text == b"*" else _parse_ipv4(text)
    if address is None:
        raise args.error("value", "ip expected")
    return _set(descriptor, level, name, address)


def _get_interface(descriptor: Descriptor, level: int, name: int, _args: Arguments) -> Values:
    """Return an option that is an IPv4 address."""
    _, value = descriptor.attempt(lambda held: held.getsockopt(level, name, len(_ANY)))
    return _GET_FAILED if value is None else (socket.inet_ntoa(value).encode("ascii"),)


def _multiaddr(args: Arguments) -> tuple[Any, bytes]:
    """Return the table of a membership, and its field multiaddr."""
    table = args.table("value", names_class=False)
    group = to_string(field(table, "multiaddr"), args.dialect.lua)
    if group is None:
        raise args.error("value", "string 'multiaddr' field expected")
    return table, group


def _set_membership(descriptor: Descriptor, level: int, name: int, args: Arguments) -> Values:
    """Join or leave an IPv4 group: a table with the fields multiaddr and interface, IPv4 addresses; "*" as above."""
    table, text = _multiaddr(args)
    group = _parse_ipv4(text)
    if group is None:
        raise args.error("value", "invalid 'multiaddr' ip address")
    named = to_string(field(table, "interface"), args.dialect.lua)
    if named is None:
        raise args.error("value", "string 'interface' field expected")
    interface = _ANY if named.partition(b"\0")[0] == b"*" else _parse_ipv4(named)
    if interface is None:
        raise args.error("value", "invalid 'interface' ip address")
    return _set(descriptor, level, name, group + interface)


def _set_membership6(descriptor: Descriptor, level: int, name: int, args: Arguments) -> Values:
    """Join or leave an IPv6 group: a table with the fields multiaddr and, perhaps, interface, a number."""
    table, text = _multiaddr(args)
    try:
        group = socket.inet_pton(socket.AF_INET6, text.partition(b"\0")[0].decode("latin-1"))
    except OSError:
        raise args.error("value", "invalid 'multiaddr' ip address") from None
    named = field(table, "interface")
    interface = 0 if named is None else to_number(named, args.dialect.lua)
    if interface is None:
        # C says "argument -1", which is the top of the stack: object, option, value and two fields.
        position = 5 if args.dialect.lua.resolves_negative_positions else -1
        raise args.error_at(position, "number 'interface' field expected")
    return _set(descriptor, level, name, group + struct.pack("I", as_long(float(interface)) & 0xFFFF_FFFF))


_SOCKET, _TCP, _IP, _IPV6 = socket.SOL_SOCKET, socket.IPPROTO_TCP, socket.IPPROTO_IP, socket.IPPROTO_IPV6

#: Numbers that Linux has and Python has no name for.
_NAMELESS: Mapping[str, int] = {"TCP_FASTOPEN_CONNECT": 30} if sys.platform == "linux" else {}


#: How an option is set and how it is read, by the kind of its value.
_BOOLEAN = (_set_boolean, _get_boolean)
_INTEGER = (_set_integer, _get_integer)

#: By the name of the option: how it is set and how it is read, None where it cannot be; level, and the name's constant.
_Rows: TypeAlias = Mapping[str, tuple[Handler | None, Handler | None, int, str]]

_TCP_ROWS: _Rows = {
    # {client,server}:setoption/keepalive, {client,server}:getoption/keepalive
    "keepalive": (*_BOOLEAN, _SOCKET, "SO_KEEPALIVE"),
    # {client,server}:setoption/reuseaddr, {client,server}:getoption/reuseaddr
    "reuseaddr": (*_BOOLEAN, _SOCKET, "SO_REUSEADDR"),
    "reuseport": (*_BOOLEAN, _SOCKET, "SO_REUSEPORT"),
    # {client,server}:setoption/tcp-nodelay, {client,server}:getoption/tcp-nodelay
    "tcp-nodelay": (*_BOOLEAN, _TCP, "TCP_NODELAY"),
    "tcp-keepidle": (*_INTEGER, _TCP, "TCP_KEEPIDLE"),
    "tcp-keepcnt": (*_INTEGER, _TCP, "TCP_KEEPCNT"),
    "tcp-keepintvl": (*_INTEGER, _TCP, "TCP_KEEPINTVL"),
    "tcp-defer-accept": (_set_integer, None, _TCP, "TCP_DEFER_ACCEPT"),
    "tcp-fastopen": (_set_integer, None, _TCP, "TCP_FASTOPEN"),
    "tcp-fastopen-connect": (_set_integer, None, _TCP, "TCP_FASTOPEN_CONNECT"),
    "ipv6-v6only": (_set_boolean, None, _IPV6, "IPV6_V6ONLY"),  # {client,server}:setoption/ipv6-v6only
    # {client,server}:setoption/linger, {client,server}:setoption/linger-on,
    # {client,server}:setoption/linger-off, {client,server}:getoption/linger
    "linger": (_set_linger, _get_linger, _SOCKET, "SO_LINGER"),
    "error": (None, _get_error, _SOCKET, "SO_ERROR"),
    "recv-buffer-size": (*_INTEGER, _SOCKET, "SO_RCVBUF"),
    "send-buffer-size": (*_INTEGER, _SOCKET, "SO_SNDBUF"),
}

_UDP_ROWS: _Rows = {
    # {unconnected,connected}:setoption/dontroute,
    # {unconnected,connected}:setoption/dontroute-boolean, {unconnected,connected}:getoption/dontroute
    "dontroute": (*_BOOLEAN, _SOCKET, "SO_DONTROUTE"),
    # {unconnected,connected}:setoption/broadcast,
    # {unconnected,connected}:setoption/broadcast-boolean, {unconnected,connected}:getoption/broadcast
    "broadcast": (*_BOOLEAN, _SOCKET, "SO_BROADCAST"),
    # {unconnected,connected}:setoption/reuseaddr,
    # {unconnected,connected}:setoption/reuseaddr-boolean, {unconnected,connected}:getoption/reuseaddr
    "reuseaddr": (*_BOOLEAN, _SOCKET, "SO_REUSEADDR"),
    # {unconnected,connected}:setoption/reuseport,
    # {unconnected,connected}:setoption/reuseport-boolean, {unconnected,connected}:getoption/reuseport
    "reuseport": (*_BOOLEAN, _SOCKET, "SO_REUSEPORT"),
    # {unconnected,connected}:setoption/ip-multicast-if, {unconnected,connected}:getoption/ip-multicast-if
    "ip-multicast-if": (_set_interface, _get_interface, _IP, "IP_MULTICAST_IF"),
    # {unconnected,connected}:setoption/ip-multicast-ttl
    # Disagreement: {unconnected,connected}:getoption/ip-multicast-ttl
    "ip-multicast-ttl": (_set_integer, None, _IP, "IP_MULTICAST_TTL"),
    # {unconnected,connected}:setoption/ip-multicast-loop,
    # {unconnected,connected}:setoption/ip-multicast-loop-boolean
    # {unconnected,connected}:getoption/ip-multicast-loop
    "ip-multicast-loop": (*_BOOLEAN, _IP, "IP_MULTICAST_LOOP"),
    # {unconnected,connected}:setoption/ip-add-membership, {unconnected,connected}:setoption/ip-add-membership-table
    # Disagreement: {unconnected,connected}:getoption/ip-add-membership
    "ip-add-membership": (_set_membership, None, _IP, "IP_ADD_MEMBERSHIP"),
    # {unconnected,connected}:setoption/ip-drop-membership,
    # {unconnected,connected}:setoption/ip-drop-membership-table
    # Disagreement: {unconnected,connected}:getoption/ip-drop-membership
    "ip-drop-membership": (_set_membership, None, _IP, "IP_DROP_MEMBERSHIP"),
    "ipv6-unicast-hops": (*_INTEGER, _IPV6, "IPV6_UNICAST_HOPS"),
    "ipv6-multicast-hops": (*_INTEGER, _IPV6, "IPV6_UNICAST_HOPS"),  # the mistake is LuaSocket's
    "ipv6-multicast-loop": (*_BOOLEAN, _IPV6, "IPV6_MULTICAST_LOOP"),
    "ipv6-add-membership": (_set_membership6, None, _IPV6, "IPV6_JOIN_GROUP"),
    "ipv6-drop-membership": (_set_membership6, None, _IPV6, "IPV6_LEAVE_GROUP"),
    # {unconnected,connected}:setoption/ipv6-v6only,
    # {unconnected,connected}:setoption/ipv6-v6only-boolean, {unconnected,connected}:getoption/ipv6-v6only
    "ipv6-v6only": (*_BOOLEAN, _IPV6, "IPV6_V6ONLY"),
    "error": (None, _get_error, _SOCKET, "SO_ERROR"),
    "recv-buffer-size": (*_INTEGER, _SOCKET, "SO_RCVBUF"),
    "send-buffer-size": (*_INTEGER, _SOCKET, "SO_SNDBUF"),
}

_SET, _GET = 0, 1


def _known(rows: _Rows, direction: int) -> Options:
    """Return the options that can be set, or read, as far as this system has their constants.

    LuaSocket is compiled with those only.
    """
    numbers = {**vars(socket), **_NAMELESS}
    return {
        name: (handler, level, numbers[constant])
        for name, (*handlers, level, constant) in rows.items()
        if (handler := handlers[direction]) is not None and constant in numbers
    }


#: All options, by direction and kind of object, with the keys of `Dialect.absent_options`.
OPTIONS: Mapping[str, Options] = {
    "set tcp": _known(_TCP_ROWS, _SET),
    "get tcp": _known(_TCP_ROWS, _GET),
    "set udp": _known(_UDP_ROWS, _SET),
    "get udp": _known(_UDP_ROWS, _GET),
}


def _handle(which: str, descriptor: Descriptor, args: Arguments) -> Values:
    """Set or get an option: `which` is a key of `OPTIONS`."""
    name = args.text("option").decode("latin-1")
    if name not in OPTIONS[which] or name in args.dialect.absent_options.get(which, ()):
        raise args.error("option", f"unsupported option `{name[:35]}'")
    handler, level, number = OPTIONS[which][name]
    return handler(descriptor, level, number, args)


def setoption(kind: str, descriptor: Descriptor, args: Arguments) -> Values:
    """object:setoption(option [, value]) → 1 | nil, error

    Set the option `option` of an object of a kind, "tcp" or "udp", to `value`. Disagreement: by the documentation, an
    unknown option is an error that is returned; it raises, as does a value of a wrong type.
    """
    # {client,server,unconnected,connected}:setoption/option, {client,server,unconnected,connected}:setoption/returns,
    # {client,server,unconnected,connected}:setoption/no-error, {client,server,unconnected,connected}:setoption/error
    return _handle(f"set {kind}", descriptor, args)


def getoption(kind: str, descriptor: Descriptor, args: Arguments) -> Values:
    """object:getoption(option) → value | nil, error

    Return the value that the option `option` has. Disagreement: as with `setoption`.
    """
    # {client,server,unconnected,connected}:getoption/as-set, {client,server,unconnected,connected}:getoption/returns,
    # {client,server,unconnected,connected}:getoption/no-error, {client,server,unconnected,connected}:getoption/error
    return _handle(f"get {kind}", descriptor, args)
