"""Select: which of several objects can be read from, or written to, without waiting.

An object takes part if it has ``getfd``. An object whose ``dirty`` is true is readable without a look at the system,
and ends the wait. The limit applies to the value of a descriptor, not to the number of objects.
"""

from __future__ import annotations

import itertools
import os
import select
from collections.abc import Iterator
from typing import Any

from luasocket_reference.lua.arguments import Arguments
from luasocket_reference.lua.functions import Builtin
from luasocket_reference.lua.numbers import to_number
from luasocket_reference.lua.objects import call, index
from luasocket_reference.lua.values import LuaError, Table, Values, field, truth
from luasocket_reference.lua_version import LuaVersion
from luasocket_reference.usocket import INVALID

__all__ = ["SETSIZE", "global_select"]

#: The first descriptor that is too large; the system's FD_SETSIZE.
SETSIZE = 1024  # _SETSIZE/most-for-select, select/limit, select/limit-range

#: The first number of seconds that does not fit into C's int, in which LuaSocket passes them to the system.
_TOO_LONG = 0x8000_0000


def _ask(value: Any, name: str, lua: LuaVersion) -> Any:
    """Return the first result of a method; None if there is no such method."""
    method = index(value, name)
    if method is None:
        return None
    results = call(lua, method, value)
    return results[0] if results else None


def _descriptor(value: Any, lua: LuaVersion) -> int:
    """Return the number of an object's descriptor, `INVALID` if it has none."""
    number = to_number(_ask(value, "getfd", lua), lua)
    if number is None or not number >= 0:
        return INVALID
    # C's conversion of a larger number is not defined; the reference takes it for a descriptor that is too large.
    return int(min(number, _TOO_LONG))


def _items(args: Arguments, name: str) -> Iterator[Any]:
    """Return the values of a list, which is read while one goes through it."""
    if args[name] is None:
        return
    table = args.table(name)  # select/recvt-empty, select/sendt-empty
    for number in itertools.count(1.0):  # select/non-numeric-keys
        value = field(table, number)
        if value is None:
            return
        yield value


def _members(args: Arguments, name: str) -> list[tuple[int, Any]]:
    """Return the objects of a list that take part, each after its descriptor."""
    members: list[tuple[int, Any]] = []
    for value in _items(args, name):
        # select/non-sockets. Disagreement: a value that cannot be indexed, as a number, raises.
        descriptor = _descriptor(value, args.dialect.lua)  # select/foreign-objects
        if descriptor >= SETSIZE:
            raise args.error(name, "descriptor too large for set size")  # select/too-many
        if descriptor != INVALID:  # select/closed-ignored
            members.append((descriptor, value))
    return members


def _dirty(args: Arguments, descriptors: set[int]) -> list[Any]:
    """Return the readers with buffered data, and take their descriptors out of those that the system is asked for.

    Each reader is asked for its descriptor a second time, as in C.
    """
    dirty = []
    for value in _items(args, "recvt"):
        descriptor = _descriptor(value, args.dialect.lua)
        if descriptor != INVALID and truth(_ask(value, "dirty", args.dialect.lua)):
            dirty.append(value)
            descriptors.discard(descriptor)
    return dirty


def _doubly_keyed(values: list[Any]) -> Table:
    """Return a table of values by position, and of positions by value."""
    table = Table()
    for number, value in enumerate(values, 1):
        table[number] = value  # select/keyed-by-integer
        table[value] = float(number)  # select/keyed-by-socket
    return table


def _is_open(descriptor: int) -> bool:
    """Return whether a descriptor is open.

    Linux looks at no descriptor above the highest that the process ever had, and Python then takes it for ready.
    """
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


@Builtin("recvt", "sendt", "timeout")
def global_select(args: Arguments) -> Values:
    """socket.select(recvt, sendt [, timeout]) → readable, writable | readable, writable, "timeout"

    Wait until an object of the list `recvt` can be read from, or an object of the list `sendt` be written to, but at
    most `timeout` seconds; nil or a negative number is no limit. Each result has the objects by position, and each
    position by object. Raises "select failed" if the system refuses.
    """
    # select/timeout-omitted, select/timeout-nil, select/timeout-negative
    seconds = args.number("timeout", -1.0)  # select/timeout
    readers = _members(args, "recvt")  # select/recvt, select/recvt-nil
    writers = _members(args, "sendt")  # select/sendt, select/sendt-nil
    objects = dict(readers + writers)  # the last of several objects with one descriptor stands for all of them
    readable, writable = {number for number, _ in readers}, {number for number, _ in writers}
    dirty = _dirty(args, readable)
    limit: float | None = None
    if dirty or not seconds < 0:
        limit = seconds if seconds > 0 and not dirty else 0.0  # NaN is 0
    if limit is not None and limit >= _TOO_LONG:
        raise LuaError(b"select failed", located=True)
    try:
        ready = select.select(readable, writable, (), limit)
        can_read, can_write = set(filter(_is_open, ready[0])), set(filter(_is_open, ready[1]))
    except OSError:
        if not dirty:
            raise LuaError(b"select failed", located=True) from None
        can_read, can_write = readable, writable  # the system left the sets as they were
    # select/reading, select/ready-for-reading, select/not-ready, select/accept-settimeout
    readable_table = _doubly_keyed(dirty + [objects[number] for number in sorted(can_read)])
    # select/writing, select/ready-for-writing
    writable_table = _doubly_keyed([objects[number] for number in sorted(can_write)])
    if readable_table or writable_table:
        return (readable_table, writable_table)  # select/no-error
    return (readable_table, writable_table, b"timeout")  # select/timeout-error
