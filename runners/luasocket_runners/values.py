"""Run-time values, and their JSON form in the messages of ``PROTOCOL.md``.

Values of the spec are in ``luasocket_spec.model``, values as text in ``notation``.

Run-time values are ``None``, ``bool``, ``int``, ``float``, ``bytes`` (every Lua string), :class:`Handle`,
:class:`FunctionRef` and :class:`LuaTable`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Handle:
    """An object or a function that lives in the port. Equal handles are the same object."""

    number: int
    type: str  #: Lua's type: ``userdata``, ``table``, ``function``, ``thread``


@dataclass(frozen=True, slots=True)
class FunctionRef:
    """A function of the behaviour, which lives in the runner."""

    number: int


@dataclass(frozen=True, slots=True)
class LuaTable:
    """A table of plain data, its entries in the order in which they came."""

    entries: tuple[tuple[LuaValue, LuaValue], ...]


LuaValue: TypeAlias = None | bool | int | float | bytes | Handle | FunctionRef | LuaTable


#: The types of values that are themselves both in the spec and at run time: a look-up is the fastest test.
LITERALS = frozenset({type(None), bool, int, float, bytes})


def is_failure(results: Sequence[object]) -> bool:
    """Tell whether a call with these results has failed: the first is nil or false, but not 0."""
    return bool(results) and (results[0] is None or results[0] is False)


class BadMessage(Exception):
    """A message that breaks the protocol; the text says how."""


#: The highest number of a handle: it has to be exact as a double, which is all that some adapters have.
_LAST_HANDLE = 1 << 53
#: Lua's names for the types of values with handles (``cdata`` is LuaJIT's).
_HANDLE_TYPES = frozenset({"userdata", "table", "function", "thread", "cdata"})
#: Levels of nested tables that a port may send. Real ones have two; more must not exhaust the stack.
_DEPTH = 50
#: Characters of an invalid message that are quoted.
_QUOTED = 80
#: Bytes from which on a string is sent as a repetition, and the longest unit that is looked for.
_LONG = 1 << 16
_UNIT = 16
#: Bytes of the strings that a port may send as repetitions in one message: as many as fit into one line.
_REPEATED = 64 * 1024 * 1024

_NUMBERS = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


def repetition(data: bytes) -> tuple[bytes, int] | None:
    """Return the unit that a long string repeats, and how often; None if it is short, or repeats nothing."""
    if len(data) < _LONG:
        return None
    for length in range(1, _UNIT + 1):
        # the beginning excludes most strings, without comparing the whole
        if len(data) % length == 0 and data[length:_LONG] == data[: _LONG - length]:
            unit, times = data[:length], len(data) // length
            if unit * times == data:
                return unit, times
    return None


def encode(value: LuaValue, *, repeats: bool = False) -> Any:
    """Return the JSON form of a run-time value; ``repeats``: for a port that understands repetitions."""
    if value is None or isinstance(value, int):  # a boolean is one, too
        return value
    if isinstance(value, bytes):
        if repeats and len(value) >= _LONG and (found := repetition(value)):
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


class _Budget:
    """The bytes that the repetitions of one message may still have: a short line could ask for gigabytes."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = _REPEATED

    def take(self, unit: str, times: int) -> None:
        """Take the bytes of a repetition."""
        self.left -= len(unit) * times
        if times < 0 or self.left < 0:
            raise BadMessage(
                f"repetitions exceed {_REPEATED} bytes in one message, with {len(unit)} bytes {times} times"
            )


def decode(form: Any) -> LuaValue:
    """Return the run-time value of a JSON form.

    Raises
    ------
    BadMessage
        When the form is not one of the protocol.
    """
    return _decode(form, 0, _Budget())


def _decode(form: Any, depth: int, budget: _Budget) -> LuaValue:
    if type(form) in LITERALS:
        return form  # type: ignore[no-any-return]  # a message has no bytes
    if isinstance(form, str):
        try:
            return form.encode("latin-1")
        except UnicodeEncodeError:
            wide = next(character for character in form if ord(character) > 0xFF)
            raise BadMessage(f"a string contains the character {wide!a}, which is not a byte") from None
    match form:
        case {"handle": int(number), "type": str(kind)} if kind in _HANDLE_TYPES and 1 <= number <= _LAST_HANDLE:
            return Handle(number, kind)
        case {"function": int(number)}:
            return FunctionRef(number)
        case {"number": str(word)} if word in _NUMBERS:
            return _NUMBERS[word]
        case {"repeat": str(unit), "times": int(times)} if times >= 0:
            budget.take(unit, times)
            data = _decode(unit, depth, budget)
            assert isinstance(data, bytes)
            return data * times if data else b""  # the number may be larger than any length
        case {"table": list(pairs)}:
            if depth >= _DEPTH:
                raise BadMessage(f"tables are nested more than {_DEPTH} deep")
            if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
                raise BadMessage("the entries of a table are not pairs")
            return LuaTable(
                tuple((_decode(key, depth + 1, budget), _decode(item, depth + 1, budget)) for key, item in pairs)
            )
    raise BadMessage(f"{quoted(form)} is not a value of the protocol")


def decode_list(form: Any, what: str) -> tuple[LuaValue, ...]:
    """Return the values of a JSON array, which the error calls ``what``."""
    if not isinstance(form, list):
        raise BadMessage(f"{what} is not a list")
    budget = _Budget()
    return tuple([item if type(item) in LITERALS else _decode(item, 0, budget) for item in form])


def quoted(form: Any) -> str:
    """Return a part of a message for a sentence: printable ASCII, cut where it is long."""
    shown = ascii(form)
    return shown if len(shown) <= _QUOTED else f"{shown[:_QUOTED]}…"
