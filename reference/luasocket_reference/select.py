"""The law of select: which of several objects can be read from, or written to, without waiting.

An object takes part if it has ``getfd``. One whose ``dirty`` is true is readable without asking the system, and then
nobody waits. The limit is the number of a descriptor, not how many there are.
"""

from __future__ import annotations

import itertools
import os
import select
from typing import Any

from luasocket_reference.auxiliar import Arguments, LuaError, Table, Values, call, index, to_number, truth
from luasocket_reference.timeout import Timeout
from luasocket_reference.usocket import INVALID

__all__ = ["SETSIZE", "global_select"]

#: The first descriptor that is too large; the system's FD_SETSIZE.
SETSIZE = 1024

#: Seconds that the system cannot count any more; LuaSocket keeps them in an int.
_TOO_LONG = 0x8000_0000


def _ask(value: Any, name: str) -> Any:
    """Return the first result of a method; None if there is no such method."""
    method = index(value, name)
    if method is None:
        return None
    results = call(method, value)
    return results[0] if results else None


def _descriptor(value: Any) -> int:
    """Return the number of an object's descriptor, `INVALID` if it has none."""
    number = to_number(_ask(value, "getfd"))
    return int(number) if number is not None and number >= 0 else INVALID


def _members(arguments: Arguments, position: int) -> list[tuple[int, Any]]:
    """Return the objects of a list that take part, each after its descriptor."""
    members: list[tuple[int, Any]] = []
    table = arguments.table(position) if arguments[position] is not None else {}
    for number in itertools.count(1):
        value = table.get(number)
        if value is None:
            break
        descriptor = _descriptor(value)
        if descriptor >= SETSIZE:
            raise arguments.error(position, "descriptor too large for set size")
        if descriptor != INVALID:
            members.append((descriptor, value))
    return members


def _doubly_keyed(values: list[Any]) -> Table:
    """Return a table of values by position, and of positions by value."""
    table = Table()
    for number, value in enumerate(values, 1):
        table[number] = value
        table[value] = number
    return table


def _is_open(descriptor: int) -> bool:
    """Tell whether a descriptor is open.

    Linux looks at no descriptor above those that the process ever had, and Python then takes it for ready.
    """
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def global_select(arguments: Arguments) -> Values:
    """Wait until an object is ready: ``socket.select``.

    Parameters
    ----------
    arguments
        1: the objects to be read from; 2: those to be written to; each nil or a list. 3: seconds to wait; nil or
        negative for no limit.

    Returns
    -------
    tuple
        The objects that can be read from and those that can be written to, each by position, and each position by
        object; and, if there are none, "timeout".

    Raises
    ------
    LuaError
        A list is none, or a value in it cannot be indexed; a descriptor is too large; or the system refuses.

    References
    ----------
    ``select/*``.
    """
    seconds = arguments.number(3, -1)
    readers, writers = _members(arguments, 1), _members(arguments, 2)
    objects = dict(readers + writers)  # of several with one descriptor, the last answers for it
    readable, writable = {number for number, _ in readers}, {number for number, _ in writers}
    dirty = []
    for descriptor, value in readers:
        if truth(_ask(value, "dirty")):
            dirty.append(value)
            readable.discard(descriptor)
    timeout = Timeout(0 if dirty else seconds)
    timeout.mark_start()
    limit = timeout.remaining()
    if limit >= _TOO_LONG:
        raise LuaError(b"select failed")
    try:
        ready = select.select(readable, writable, (), limit if limit >= 0 else None)
        can_read, can_write = set(filter(_is_open, ready[0])), set(filter(_is_open, ready[1]))
    except OSError:
        if not dirty:
            raise LuaError(b"select failed") from None
        can_read, can_write = readable, writable  # the system left the sets as they were
    tables = (
        _doubly_keyed(dirty + [objects[number] for number in sorted(can_read)]),
        _doubly_keyed([objects[number] for number in sorted(can_write)]),
    )
    return tables if any(tables) else (*tables, b"timeout")
