"""The law of the module: what the table ``socket`` of a dialect is made of, and Lua's operations on it.

The functions of the C library come first, those of the helper module are built on top. Here, things are only put
together.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import Any

from luasocket_reference import except_, helpers, inet, select, tcp, timeout, udp
from luasocket_reference.auxiliar import Arguments, Namespace, Values, function
from luasocket_reference.dialect import Dialect, find
from luasocket_reference.socket import SocketObject
from luasocket_reference.usocket import INVALID

__all__ = ["Socket", "open", "setindex"]


class Socket(Namespace):
    """The table ``socket``. Its fields are attributes, too.

    Parameters
    ----------
    dialect
        Which LuaSocket it is.

    References
    ----------
    ``module/*``, ``_VERSION/*``, ``_SETSIZE/*``.
    """

    def __init__(self, dialect: Dialect) -> None:
        fields: dict[str, Any] = {name: function(dialect, name, body) for name, body in _FUNCTIONS.items()}
        fields |= {**_CONSTANTS, "_VERSION": dialect.version}
        fields["dns"] = Namespace({name: function(dialect, name, body) for name, body in inet.DNS.items()})
        super().__init__({name: value for name, value in fields.items() if name not in dialect.absent})
        helpers.install(self, dialect)


def _global_skip(arguments: Arguments) -> Values:
    """Drop arguments: ``socket.skip``.

    Parameters
    ----------
    arguments
        1: how many of the others to drop.

    Returns
    -------
    tuple
        What is left.

    Raises
    ------
    LuaError
        1 is no integer.

    References
    ----------
    ``skip/*``.
    """
    return arguments.values[max(arguments.integer(1) + 1, 0) :]


def _global_unload(_arguments: Arguments) -> Values:
    """Do nothing: ``socket.__unload``."""
    return ()


def _creator(kind: type[SocketObject], family: int) -> Callable[[Arguments], Values]:
    return lambda arguments: kind.create(arguments.dialect, family)


def _late_creator(kind: type[SocketObject]) -> Callable[[Arguments], Values]:
    """Return ``tcp`` or ``udp``: of no family yet where descriptors are made late, else of IPv4."""
    return lambda arguments: kind.create(
        arguments.dialect, socket.AF_UNSPEC if arguments.dialect.late_descriptor else socket.AF_INET
    )


#: The functions of the C library.
_FUNCTIONS: Mapping[str, Callable[[Arguments], Values]] = {
    "__unload": _global_unload,
    "connect": tcp.global_connect,
    "gettime": timeout.global_gettime,
    "newtry": except_.global_newtry,
    "protect": except_.global_protect,
    "select": select.global_select,
    "skip": _global_skip,
    "sleep": timeout.global_sleep,
    "tcp": _late_creator(tcp.Tcp),
    "tcp4": _creator(tcp.Tcp, socket.AF_INET),
    "tcp6": _creator(tcp.Tcp, socket.AF_INET6),
    "udp": _late_creator(udp.Udp),
    "udp4": _creator(udp.Udp, socket.AF_INET),
    "udp6": _creator(udp.Udp, socket.AF_INET6),
}

#: The constants of the C library but the version.
_CONSTANTS: Mapping[str, Any] = {
    "_SETSIZE": select.SETSIZE,
    "_DATAGRAMSIZE": udp.DATAGRAM_SIZE,
    "_SOCKETINVALID": INVALID,
}


def open(dialect: str = "luasocket-3") -> Socket:  # noqa: A001  # as in require, this is what the module is for
    """Return the module ``socket``.

    Parameters
    ----------
    dialect
        "luasocket-3" (upstream's 3.1.0) or "defold" (3.0-rc1 as the engine carries it).

    Returns
    -------
    Socket
        A new one each time.

    Raises
    ------
    ValueError
        There is no such dialect.
    """
    return Socket(find(dialect))


def setindex(table: dict[Any, Any], name: str, value: Any) -> None:
    """Perform ``table.name = value`` for the module, or another table.

    Parameters
    ----------
    table
        The table.
    name
        The name of the field.
    value
        What it becomes; None removes it.
    """
    if value is None:
        table.pop(name.encode("latin-1"), None)
    else:
        table[name.encode("latin-1")] = value.encode("latin-1") if isinstance(value, str) else value
