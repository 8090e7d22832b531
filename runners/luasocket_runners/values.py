"""Values as they travel between the engine and a port.

What lives here: the run-time values, and their form in the messages of ``PROTOCOL.md``. What may not: the values of the
spec (``luasocket_spec.model``), matching, any text for people (``notation``).

Run-time values are ``None``, ``bool``, ``int``, ``float``, ``bytes`` (every Lua string), :class:`Handle`,
:class:`FunctionRef` and :class:`LuaTable`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Handle:
    """An object or a function that lives in the port. Equal handles are the same object."""

    number: int
    type: str  #: Lua's type: ``userdata``, ``table``, ``function``, ``thread``


@dataclass(frozen=True, slots=True)
class FunctionRef:
    """A function that lives in the runner."""

    number: int


@dataclass(frozen=True, slots=True)
class LuaTable:
    """A table of plain data, its entries in the order in which they came."""

    entries: tuple[tuple[LuaValue, LuaValue], ...]


LuaValue: TypeAlias = None | bool | int | float | bytes | Handle | FunctionRef | LuaTable


class BadMessage(Exception):
    """A message that is not of the protocol's form; the text says how."""


#: Lua's words for the types of what has a handle (``cdata`` is LuaJIT's).
_HANDLE_TYPES = frozenset({"userdata", "table", "function", "thread", "cdata"})
#: Tables in tables that a port may answer with. Real ones have two levels; a flood must not exhaust our stack.
_DEPTH = 50
#: Characters of what is not of the protocol that are quoted.
_QUOTED = 80
#: Bytes from which on it pays to say that a string repeats itself, and how long at most what it repeats is.
_LONG = 1 << 16
_UNIT = 16
#: Bytes of the longest string that a port may answer with as a repetition: as many as one line has room for.
_LONGEST = 64 * 1024 * 1024

_NUMBERS = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


def repetition(data: bytes) -> tuple[bytes, int] | None:
    """Return the few bytes that a long string repeats, and how often; None: it does not, or is not long."""
    if len(data) < _LONG:
        return None
    for length in range(1, _UNIT + 1):
        # the beginning tells most strings apart without the work of the whole
        if len(data) % length == 0 and data[length:_LONG] == data[: _LONG - length]:
            unit, times = data[:length], len(data) // length
            if unit * times == data:
                return unit, times
    return None


def encode(value: LuaValue, *, repeats: bool = False) -> Any:
    """Return the JSON form of a run-time value; ``repeats``: for a port that can repeat strings."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, bytes):
        if repeats and (found := repetition(value)):
            return {"repeat": found[0].decode("latin-1"), "times": found[1]}
        return value.decode("latin-1")
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return {"number": "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"}
    if isinstance(value, Handle):
        return {"handle": value.number}
    if isinstance(value, FunctionRef):
        return {"function": value.number}
    return {"table": [[encode(key), encode(item)] for key, item in value.entries]}


def decode(form: Any, depth: int = 0) -> LuaValue:
    """Return the run-time value of a JSON form, which stands in ``depth`` tables.

    Raises
    ------
    BadMessage
        Where it has none.
    """
    if form is None or isinstance(form, bool | int | float):
        return form
    if isinstance(form, str):
        try:
            return form.encode("latin-1")
        except UnicodeEncodeError:
            wide = next(character for character in form if ord(character) > 0xFF)
            raise BadMessage(f"a string holds the character {wide!a}, which is no byte") from None
    match form:
        case {"handle": int(number), "type": str(kind)} if kind in _HANDLE_TYPES:
            return Handle(number, kind)
        case {"function": int(number)}:
            return FunctionRef(number)
        case {"number": str(word)} if word in _NUMBERS:
            return _NUMBERS[word]
        case {"repeat": str(unit), "times": int(times)}:
            if times < 0 or len(unit) * times > _LONGEST:
                raise BadMessage(f"a string of {len(unit)} bytes {times} times is beyond {_LONGEST} bytes")
            data = decode(unit)
            assert isinstance(data, bytes)
            return data * times
        case {"table": list(pairs)}:
            if depth >= _DEPTH:
                raise BadMessage(f"a value has more than {_DEPTH} tables in one another")
            if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
                raise BadMessage("the entries of a table are no pairs")
            return LuaTable(tuple((decode(key, depth + 1), decode(item, depth + 1)) for key, item in pairs))
    raise BadMessage(f"{quoted(form)} is no value of the protocol")


def decode_list(form: Any, what: str) -> tuple[LuaValue, ...]:
    """Return the values of a JSON array; ``what`` names it in the error."""
    if not isinstance(form, list):
        raise BadMessage(f"{what} is no list")
    return tuple(decode(item) for item in form)


def quoted(form: Any) -> str:
    """Return what a port sent, for a sentence: printable ASCII, and not too much of it."""
    shown = ascii(form)
    return shown if len(shown) <= _QUOTED else f"{shown[:_QUOTED]}…"
