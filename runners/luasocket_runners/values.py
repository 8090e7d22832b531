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


_NUMBERS = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}


def encode(value: LuaValue) -> Any:
    """Return the JSON form of a run-time value."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, bytes):
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


def decode(form: Any) -> LuaValue:
    """Return the run-time value of a JSON form; raise :class:`BadMessage` where it has none."""
    if form is None or isinstance(form, bool | int | float):
        return form
    if isinstance(form, str):
        try:
            return form.encode("latin-1")
        except UnicodeEncodeError:
            raise BadMessage(f"a string holds the character {_first_wide(form)!r}, which is no byte") from None
    if isinstance(form, dict):
        if isinstance(form.get("handle"), int):
            return Handle(form["handle"], str(form.get("type", "userdata")))
        if isinstance(form.get("function"), int):
            return FunctionRef(form["function"])
        if form.get("number") in _NUMBERS:
            return _NUMBERS[form["number"]]
        if isinstance(form.get("table"), list):
            try:
                return LuaTable(tuple((decode(key), decode(item)) for key, item in form["table"]))
            except (TypeError, ValueError):
                raise BadMessage("the entries of a table are no pairs") from None
    raise BadMessage(f"{str(form)[:80]!r} is no value of the protocol")


def decode_list(form: Any, what: str) -> tuple[LuaValue, ...]:
    """Return the values of a JSON array; ``what`` names it in the error."""
    if not isinstance(form, list):
        raise BadMessage(f"{what} is no list")
    return tuple(decode(item) for item in form)


def _first_wide(text: str) -> str:
    return next(character for character in text if ord(character) > 0xFF)
