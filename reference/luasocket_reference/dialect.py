"""The law of dialects: whatever differs between two LuaSockets is a field here, and a dialect is a value.

No other module asks for a dialect's name. A module that behaves differently asks for the field that says how. Here are
no functions but the one that finds a dialect.

- ``defold`` is LuaSocket 3.0-rc1 as the Defold engine carries it: Lua 5.1, and `send` and `receive` start their own
  clock. (The release of rc1 forgot that when it was not built for debugging; the engine's ``buffer.c`` mends it.)
- ``luasocket-3`` is upstream's 3.1.0 under Lua 5.4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

__all__ = ["DIALECTS", "Dialect", "find"]


@dataclass(frozen=True, eq=False)
class Dialect:
    """How one LuaSocket differs from another.

    Attributes
    ----------
    name
        What `luasocket_reference.open` calls it.
    version
        The constant ``_VERSION``.
    has_integers
        Lua 5.3 and later: a float is written with a point, and a fraction is no integer.
    late_descriptor
        ``tcp()`` and ``udp()`` are of either family, and get their descriptor when it is needed; a connect or bind that
        fails leaves the family open.
    nonblocking_tries_one
        With a timeout of 0, connect tries the first address only.
    always_v6only
        Every IPv6 socket is made ``ipv6-v6only``; else only those of ``tcp6()`` and ``udp6()``.
    family_limits_connect
        The family given to ``socket.connect`` limits the peer's addresses; else only those of the local end.
    class_error_names_type
        A value of the wrong class is named in the error: "tcp{client} expected, got userdata".
    catches_any_table
        ``protect`` takes every table that is raised for an exception; else only its own.
    finalizer_protected
        An error of a finalizer is dropped; else it replaces the exception.
    datagrams_may_grow
        ``receive(n)`` of UDP can return more than 8192 bytes.
    unknown_family
        The third result of ``getsockname`` where the object is of neither family.
    ipv4_master
        The function with which the helper module makes an IPv4 master.
    absent
        Names of the module that this dialect lacks.
    absent_methods
        Names of methods that it lacks.
    absent_options
        By "set" or "get" and kind of object ("set tcp"): names of options that it lacks.
    """

    name: str
    version: bytes
    has_integers: bool
    late_descriptor: bool
    nonblocking_tries_one: bool
    always_v6only: bool
    family_limits_connect: bool
    class_error_names_type: bool
    catches_any_table: bool
    finalizer_protected: bool
    datagrams_may_grow: bool
    unknown_family: bytes
    ipv4_master: str
    absent: frozenset[str] = frozenset()
    absent_methods: frozenset[str] = frozenset()
    absent_options: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))


_NEW_OPTIONS = frozenset(
    {"reuseport", "tcp-keepidle", "tcp-keepcnt", "tcp-keepintvl", "recv-buffer-size", "send-buffer-size",
     "tcp-defer-accept", "tcp-fastopen", "tcp-fastopen-connect"}
)  # fmt: skip

_DEFOLD = Dialect(
    name="defold",
    version=b"LuaSocket 3.0-rc1",
    has_integers=False,
    late_descriptor=False,
    nonblocking_tries_one=False,
    always_v6only=False,
    family_limits_connect=True,
    class_error_names_type=True,
    catches_any_table=True,
    finalizer_protected=True,
    datagrams_may_grow=False,
    unknown_family=b"uknown family",  # sic
    ipv4_master="tcp",
    absent=frozenset({"tcp4", "udp4", "_DATAGRAMSIZE", "_SOCKETINVALID"}),
    absent_methods=frozenset({"gettimeout"}),
    absent_options=MappingProxyType(
        {
            "set tcp": _NEW_OPTIONS,
            "get tcp": _NEW_OPTIONS,
            "set udp": frozenset({"recv-buffer-size", "send-buffer-size"}),
            "get udp": frozenset(
                {"dontroute", "broadcast", "reuseaddr", "reuseport", "recv-buffer-size", "send-buffer-size"}
            ),
        }
    ),
)

_LUASOCKET_3 = Dialect(
    name="luasocket-3",
    version=b"LuaSocket 3.0.0",  # so says the tag v3.1.0
    has_integers=True,
    late_descriptor=True,
    nonblocking_tries_one=True,
    always_v6only=True,
    family_limits_connect=False,
    class_error_names_type=False,
    catches_any_table=False,
    finalizer_protected=False,
    datagrams_may_grow=True,
    unknown_family=b"unspec",
    ipv4_master="tcp4",
)

#: All dialects by name.
DIALECTS: Mapping[str, Dialect] = MappingProxyType({dialect.name: dialect for dialect in (_DEFOLD, _LUASOCKET_3)})


def find(name: str) -> Dialect:
    """Return the dialect of a name.

    Parameters
    ----------
    name
        A key of `DIALECTS`.

    Returns
    -------
    Dialect
        The value.

    Raises
    ------
    ValueError
        There is no such dialect.
    """
    if name not in DIALECTS:
        raise ValueError(f"there is no dialect {name!r}: there are {', '.join(sorted(DIALECTS))}")
    return DIALECTS[name]
