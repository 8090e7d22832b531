"""The module ``socket``: the functions of the C library, and the helper module on top of them."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

from luasocket_reference import except_, helpers, inet, select, tcp, timeout, udp
from luasocket_reference.auxiliar import metatables
from luasocket_reference.dialect import Dialect, find
from luasocket_reference.lua.arguments import Arguments
from luasocket_reference.lua.functions import Builtin
from luasocket_reference.lua.numbers import to_int
from luasocket_reference.lua.values import Function, Namespace, Values, to_bytes
from luasocket_reference.socket import SocketObject
from luasocket_reference.usocket import INVALID

__all__ = ["Core", "Socket", "classes", "core", "open", "setindex"]


class Core(Namespace):
    """The table that LuaSocket's C library makes, ``socket.core``. Its fields are attributes, too.

    Parameters
    ----------
    dialect
        Which LuaSocket it is.
    """

    def __init__(self, dialect: Dialect) -> None:
        fields: dict[str, Any] = {name: made.of(dialect, name) for name, made in _FUNCTIONS.items()}
        fields |= {**_CONSTANTS, "_VERSION": dialect.version}  # _VERSION/string, _VERSION/current
        fields["dns"] = Namespace({name: made.of(dialect, name) for name, made in inet.DNS.items()})
        super().__init__({name: value for name, value in fields.items() if name not in dialect.absent})


class Socket(Core):
    """The table ``socket``: the core, and the fields that LuaSocket's Lua code adds. Its fields are attributes, too.

    Parameters
    ----------
    dialect
        Which LuaSocket it is.
    """

    def __init__(self, dialect: Dialect) -> None:
        super().__init__(dialect)
        helpers.install(self, dialect)


@Builtin("d")
def _global_skip(args: Arguments) -> Values:
    """socket.skip(d, ...) → ...

    Drop `d` of the other arguments and return the rest. A negative number is out of the documentation's range: with -1,
    `d` is returned, too.
    """
    d = to_int(args.integer("d"))  # skip/count-first
    if d == -0x8000_0000:
        return ()  # the number of results overflows in C
    return args.values[max(d + 1, 0) :]  # skip/drops, skip/returns-rest, skip/example


@Builtin()
def _global_unload(_args: Arguments) -> Values:
    """socket.__unload() → nothing

    Do nothing.
    """
    return ()


def _creator(kind: type[SocketObject], family: int) -> Builtin:
    """Return a function that makes objects of a family."""
    return Builtin()(lambda args: kind.create(args.dialect, family))


def _late_creator(kind: type[SocketObject]) -> Builtin:
    """Return ``tcp`` or ``udp``: of no family yet where descriptors are made late, else of IPv4.

    Disagreement: by the documentation the object is for IPv4 (``tcp/ipv4``, ``udp/ipv4``); in 3.0.0 and later it is for
    either.
    """
    return Builtin()(
        lambda args: kind.create(args.dialect, socket.AF_UNSPEC if args.dialect.late_descriptor else socket.AF_INET)
    )


#: The functions of the C library.
_FUNCTIONS: Mapping[str, Builtin] = {  # module/namespace
    "__unload": _global_unload,
    "connect": tcp.global_connect,
    "gettime": timeout.global_gettime,
    "newtry": except_.global_newtry,
    "protect": except_.global_protect,
    "select": select.global_select,
    "skip": _global_skip,
    "sleep": timeout.global_sleep,
    "tcp": _late_creator(tcp.Tcp),  # module/tcp-udp, tcp/ipv4
    "tcp4": _creator(tcp.Tcp, socket.AF_INET),
    "tcp6": _creator(tcp.Tcp, socket.AF_INET6),  # tcp6/ipv6
    "udp": _late_creator(udp.Udp),  # udp/ipv4
    "udp4": _creator(udp.Udp, socket.AF_INET),
    "udp6": _creator(udp.Udp, socket.AF_INET6),  # udp6/ipv6
}

#: The constants of the C library but the version.
_CONSTANTS: Mapping[str, Any] = {
    "_SETSIZE": select.SETSIZE,
    "_DATAGRAMSIZE": udp.DATAGRAM_SIZE,
    "_SOCKETINVALID": INVALID,
}


def open(dialect: str = "luasocket-3", lua: str | None = None) -> Socket:  # noqa: A001  # as in require, it opens a module
    """Return the module ``socket``.

    Parameters
    ----------
    dialect
        "luasocket-3" (upstream's 3.1.0) or "defold" (3.0-rc1 as the engine carries it).
    lua
        The version of Lua that it is for: "5.1" to "5.5", or "luajit". It decides which strings are numerals, how
        numbers are written, and how errors name objects. None is "5.1" for "defold", else "5.4".

    Returns
    -------
    Socket
        A new one each time.

    Raises
    ------
    ValueError
        There is no such dialect, or no such version of Lua.
    """
    return Socket(find(dialect, lua))


def core(dialect: str = "luasocket-3", lua: str | None = None) -> Core:
    """Return the module ``socket.core``: the functions of the C library, for hosts that have a Lua layer of their own.

    Parameters
    ----------
    dialect, lua
        As in `open`.

    Returns
    -------
    Core
        A new one each time.

    Raises
    ------
    ValueError
        As in `open`.
    """
    return Core(find(dialect, lua))


def classes(dialect: str = "luasocket-3", lua: str | None = None) -> dict[str, dict[str, Function]]:
    """Return the methods of the classes of objects, for hosts that make metatables of them.

    Parameters
    ----------
    dialect, lua
        As in `open`.

    Returns
    -------
    dict
        By the name of a class, as "tcp{master}": its methods by name, functions that take the object first. Two names
        begin with underscores, ``__gc`` and ``__tostring``; they belong into the metatable itself. All classes of a
        kind have the same methods, which check the class of their object.

    Raises
    ------
    ValueError
        As in `open`.
    """
    found = find(dialect, lua)
    return {**metatables(tcp.Tcp, found), **metatables(udp.Udp, found)}


def setindex(table: dict[Any, Any], name: str, value: Any) -> None:
    """Perform ``table.name = value`` for the module, or another table.

    Parameters
    ----------
    table
        The table.
    name
        The name of the field.
    value
        The new value; None removes the field.

    Raises
    ------
    LuaError
        The name or the value is a str that is not in Latin-1.
    """
    if value is None:
        table.pop(to_bytes(name), None)
    else:
        table[to_bytes(name)] = to_bytes(value)
