"""Compares and describes single values, as far as that is known without the names that a behaviour has bound."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from luasocket_spec import model
from luasocket_spec.model import SpecValue

from luasocket_runners.engine.matcher import WITHOUT_NAMES, lua_type, same
from luasocket_runners.quirks.patterns import types_of
from luasocket_runners.triage.fingerprints import without_numbers
from luasocket_runners.values import Handle, LuaTable, LuaValue, is_failure

__all__ = ["choices_of", "described", "differ_in_shape", "fits", "is_empty_list", "is_number"]

_TEXT: Final = model.OfType(("string",))


def choices_of(values: Iterable[SpecValue]) -> tuple[SpecValue, ...]:
    """Return values without those that occur before, or that a type among them stands for."""
    different = {repr(value): value for value in values}.values()  # to Python, true equals 1
    covered = frozenset[str]().union(*(value.types for value in different if isinstance(value, model.OfType)))
    return tuple(value for value in different if isinstance(value, model.OfType) or not types_of(value) <= covered)


def is_empty_list(value: SpecValue) -> bool:
    """Tell whether a value is a list without items."""
    return isinstance(value, model.TableSpec | LuaTable) and not value.entries


def is_number(value: object) -> bool:
    """Tell whether a value is a number, and not a boolean, which Python takes for one."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def fits(want: SpecValue, got: LuaValue) -> bool:
    """Tell whether a value is as expected."""
    if isinstance(want, model.Between) and isinstance(want.low, model.Ref) | isinstance(want.high, model.Ref):
        return lua_type(got) == "number"
    if isinstance(want, LuaTable | Handle):
        return same(want, got)  # a name of the behaviour, as its value was
    return WITHOUT_NAMES.value(want, got) is None


def differ_in_shape(want: SpecValue, got: LuaValue) -> bool:
    """Tell whether two values differ in their type, or are two different constants; other numbers are data."""
    if lua_type(got) not in types_of(want):
        return True
    if not all(value is None or isinstance(value, bool | int) for value in (want, got)):
        return False
    return not isinstance(got, int) or abs(got) <= 1


def described(value: object, place: int, values: Sequence[object]) -> SpecValue:
    """Return a value as a pattern: constants and the texts of errors as they are, everything else by its type."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, bytes):
        if place == 1 and is_failure(values):
            return value if without_numbers(value.decode("latin-1")) == value.decode("latin-1") else _TEXT
        return value if value == b"" else _TEXT
    if isinstance(value, LuaTable | model.TableSpec | model.Fields | model.Keyed | model.ListOf):
        return model.OfType(("table",))
    if isinstance(value, int) and abs(value) <= 1:
        return value
    return model.OfType(tuple(sorted(types_of(value))))
