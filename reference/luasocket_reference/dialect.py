"""The dialects: everything in which one LuaSocket differs from another is a field, and a dialect is a value.

A module that behaves differently asks for the field that says how, never for the dialect's name.

- ``defold`` is LuaSocket 3.0-rc1 as the Defold engine carries it: under Lua 5.1, and with a clock that `send` and
  `receive` start themselves. (The release of rc1 did so only when built for debugging; the engine's ``buffer.c`` fixes
  that.)
- ``luasocket-3`` is upstream's 3.1.0, under Lua 5.4 unless another version is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType

from luasocket_reference.lua_version import LUA_VERSIONS, LuaVersion

__all__ = ["DIALECTS", "Dialect", "find"]


@dataclass(frozen=True, eq=False)
class Dialect:
    """How one LuaSocket differs from another.

    Attributes
    ----------
    name
        Its name for `luasocket_reference.open`.
    version
        The constant ``_VERSION``.
    lua
        The version of Lua. The one here is the default.
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
    protects_last_argument
        ``protect`` takes its last argument for the function; else its first.
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
    lua: LuaVersion
    late_descriptor: bool
    nonblocking_tries_one: bool
    always_v6only: bool
    family_limits_connect: bool
    class_error_names_type: bool
    catches_any_table: bool
    protects_last_argument: bool
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
    lua=LUA_VERSIONS["5.1"],
    late_descriptor=False,
    nonblocking_tries_one=False,
    always_v6only=False,
    family_limits_connect=True,
    class_error_names_type=True,
    catches_any_table=True,
    protects_last_argument=True,
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
    lua=LUA_VERSIONS["5.4"],
    late_descriptor=True,
    nonblocking_tries_one=True,
    always_v6only=True,
    family_limits_connect=False,
    class_error_names_type=False,
    catches_any_table=False,
    protects_last_argument=False,
    finalizer_protected=False,
    datagrams_may_grow=True,
    unknown_family=b"unspec",
    ipv4_master="tcp4",
)

#: All dialects by name.
DIALECTS: Mapping[str, Dialect] = MappingProxyType({dialect.name: dialect for dialect in (_DEFOLD, _LUASOCKET_3)})


@cache
def find(name: str, lua: str | None = None) -> Dialect:
    """Return the dialect of a name.

    Parameters
    ----------
    name
        A key of `DIALECTS`.
    lua
        The version of Lua, a key of `LUA_VERSIONS`; None for the dialect's own.

    Returns
    -------
    Dialect
        The value: the same one for the same arguments.

    Raises
    ------
    ValueError
        There is no such dialect, or no such version.
    """
    if name not in DIALECTS:
        raise ValueError(f"there is no dialect {name!r}: there are {', '.join(sorted(DIALECTS))}")
    if lua is None:
        return DIALECTS[name]
    if lua not in LUA_VERSIONS:
        raise ValueError(f"there is no Lua {lua!r}: there are {', '.join(LUA_VERSIONS)}")
    return replace(DIALECTS[name], lua=LUA_VERSIONS[lua])
