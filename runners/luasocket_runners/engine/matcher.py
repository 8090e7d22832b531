"""Compares a port's replies with the spec's expectations, and describes the first difference in a sentence.

Numbers compare as in Lua (1 equals 1.0), strings byte by byte, handles by identity.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Final

from luasocket_spec import model

from luasocket_runners.notation import Names, difference, show, subtype
from luasocket_runners.scoping import resolve
from luasocket_runners.values import LITERALS, FunctionRef, Handle, LuaTable, LuaValue

#: How many extra keys of a table are shown.
_KEYS = 3


def lua_type(value: LuaValue) -> str:
    """Return the type of a value in the words of :data:`luasocket_spec.model.TYPES`."""
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, bytes):
        return "string"
    if isinstance(value, LuaTable):
        return "table"
    if isinstance(value, FunctionRef) or value.type == "function":
        return "function"
    return "object"


def same(left: LuaValue, right: LuaValue) -> bool:
    """Compare two run-time values; tables by their entries."""
    kind = lua_type(left)
    if kind != lua_type(right):
        return False
    if isinstance(left, LuaTable) and isinstance(right, LuaTable):
        if len(left.entries) != len(right.entries):
            return False
        return all(
            any(same(key, other) and same(item, thing) for other, thing in right.entries) for key, item in left.entries
        )
    if left != left:  # NaN equals NaN here, unlike in Lua
        return right != right
    return left == right


class Matcher:
    """Compares replies with expectations, under the names bound so far.

    Parameters
    ----------
    look_up
        Returns the value bound to a name; raises :class:`Unbound`.
    names
        Returns the names of handles for the sentences; called only if there is a difference.
    """

    __slots__ = ("_get_names", "_look_up")

    def __init__(self, look_up: Callable[[str], LuaValue], names: Callable[[], Names]) -> None:
        self._look_up = look_up
        self._get_names = names

    @property
    def _names(self) -> Names:
        return self._get_names()

    def results(self, expected: tuple[model.SpecValue, ...], actual: tuple[LuaValue, ...]) -> str | None:
        """Return the first difference between result lists, or None."""
        count = _count(len(actual), len(expected))
        for position, (wanted, got) in enumerate(zip(expected, actual, strict=False), 1):
            found = self.value(wanted, got)
            if found is not None:
                where = "" if len(expected) == 1 else f"value {position}: "
                return where + found + (f"; {count}" if count else "")
        return count

    def value(self, expected: model.SpecValue, actual: LuaValue) -> str | None:
        """Return the difference between a value and the expected one, or None."""
        if type(expected) in LITERALS:
            # equal values of one type are the same; all else is looked at closely
            if type(expected) is type(actual) and expected == actual:
                return None
            return self._literal(expected, actual)  # type: ignore[arg-type]
        if isinstance(expected, model.MatcherSpec):
            return self._MATCHERS[type(expected)](self, expected, actual)
        if isinstance(expected, model.TableSpec):
            return self._entries(expected.entries, actual, others=False)
        return self._literal(resolve(expected, self._look_up), actual)

    def outcome_returns(self, outcome: model.Outcome, actual: tuple[LuaValue, ...]) -> str | None:
        """Return how values returned differ from the outcome, or None."""
        if isinstance(outcome, model.Returns):
            return self.results(outcome.values, actual)
        if isinstance(outcome, model.Raises):
            return "it returned instead of raising an error"
        if actual and (actual[0] is None or actual[0] is False):
            return "the call failed"
        return None

    def outcome_raises(self, outcome: model.Outcome, error: LuaValue) -> str | None:
        """Return how an error raised differs from the outcome, or None."""
        if not isinstance(outcome, model.Raises):
            return "it raised an error instead of returning"
        if outcome.part is None:
            found = self.value(outcome.value, error)
            return None if found is None else f"the error's value: {found}"
        if not isinstance(error, bytes):
            return f"the error's value is a {lua_type(error)} instead of a message"
        if outcome.part in error:
            return None
        if outcome.part.lower() in error.lower():
            return "the message differs in upper and lower case"
        return "a different message"

    # -- one method a kind of value

    def _literal(self, expected: LuaValue, actual: LuaValue) -> str | None:
        if same(expected, actual):
            return None
        if isinstance(expected, bytes) and isinstance(actual, bytes):
            return difference(expected, actual)
        shown = show(actual, self._names)
        wanted = show(expected, self._names)
        if isinstance(expected, bytes) and isinstance(actual, int | float) and not isinstance(actual, bool):
            return f"the number {shown} instead of the string {wanted}"
        if isinstance(actual, bytes) and isinstance(expected, int | float) and not isinstance(expected, bool):
            return f"the string {shown} instead of the number {wanted}"
        if isinstance(expected, Handle) and isinstance(actual, Handle):
            return f"{shown}, which is not the object {wanted}"
        return f"{shown} instead of {wanted}"

    def _of_type(self, expected: model.OfType, actual: LuaValue) -> str | None:
        kind = lua_type(actual)
        # a table with a metatable has a handle, and is of type "table" as well
        kinds = {kind, "any"} | ({"table"} if isinstance(actual, Handle) and actual.type == "table" else set())
        if kinds & set(expected.types):
            return None
        return f"{show(actual, self._names)} instead of {show(expected, self._names)[1:-1]}"

    def _between(self, expected: model.Between, actual: LuaValue) -> str | None:
        low = resolve(expected.low, self._look_up)
        high = resolve(expected.high, self._look_up)
        if not isinstance(low, int | float) or not isinstance(high, int | float):
            raise TypeError("the bounds of between are not numbers")
        if lua_type(actual) != "number":
            return f"{show(actual, self._names)} instead of a number"
        if isinstance(actual, int | float) and low <= actual <= high:
            return None
        return f"{show(actual, self._names)} is not from {show(low, self._names)} to {show(high, self._names)}"

    def _pattern(self, expected: model.Pattern, actual: LuaValue) -> str | None:
        if not isinstance(actual, bytes):
            return f"{show(actual, self._names)} instead of a string"
        if _compiled(expected.regex).search(actual.decode("latin-1")):
            return None
        wanted = f"is not {expected.words}" if expected.words else f"does not match /{expected.regex}/"
        return f"{show(actual, self._names)} {wanted}"

    def _any_of(self, expected: model.OneOf, actual: LuaValue) -> str | None:
        if any(self.value(choice, actual) is None for choice in expected.choices):
            return None
        return f"{show(actual, self._names)} is none of {show(expected, self._names)[1:-1]}"

    def _some_fields(self, expected: model.Fields, actual: LuaValue) -> str | None:
        return self._entries(expected.entries, actual, others=True)

    def _keyed(self, expected: model.Keyed, actual: LuaValue) -> str | None:
        if not isinstance(actual, LuaTable):
            return f"{show(actual, self._names)} instead of a table"
        by_index = tuple((index, item) for index, item in enumerate(expected.items, 1))
        by_item = tuple((item, index) for index, item in by_index)
        found = self._entries(by_index + by_item, actual, others=False)
        if found is None:
            return None
        if expected.items and self._entries(by_index, actual, others=False) is None:
            return "the table is keyed by integers only, not also by the sockets"
        if expected.items and self._entries(by_item, actual, others=False) is None:
            return "the table is keyed by the sockets only, not also by integers"
        return found

    def _length(self, expected: model.Length, actual: LuaValue) -> str | None:
        if not isinstance(actual, bytes):
            return f"{show(actual, self._names)} instead of a string"
        if len(actual) == expected.bytes:
            return None
        return f"a string of {len(actual)} bytes instead of {expected.bytes}"

    def _list_of(self, expected: model.ListOf, actual: LuaValue) -> str | None:
        if not isinstance(actual, LuaTable):
            return f"{show(actual, self._names)} instead of a list"
        items = sorted((key, item) for key, item in actual.entries if isinstance(key, int | float))
        if [key for key, _ in items] != list(range(1, len(actual.entries) + 1)):
            return f"{show(actual, self._names)} is not a list: its keys are not 1, 2, … without a gap"
        for key, item in items:
            found = self.value(expected.item, item)
            if found is not None:
                return f"under {show(key, self._names)}: {found}"
        return None

    def _entries(
        self, expected: tuple[tuple[model.SpecValue, model.SpecValue], ...], actual: LuaValue, *, others: bool
    ) -> str | None:
        if not isinstance(actual, LuaTable):
            return f"{show(actual, self._names)} instead of a table"
        left = list(actual.entries)
        for wanted_key, wanted in expected:
            key = resolve(wanted_key, self._look_up)
            there = next((entry for entry in left if same(entry[0], key)), None)
            shown = show(key, self._names)
            if there is None:
                return f"the table has no key {shown}"
            left.remove(there)
            found = self.value(wanted, there[1])
            if found is not None:
                return f"under {shown}: {found}"
        if left and not others:
            if len(left) == 1:
                return f"the table has an extra key {show(left[0][0], self._names)}"
            keys = ", ".join(show(key, self._names) for key, _ in left[:_KEYS])
            return f"the table has {len(left)} extra keys: {keys}{', …' if len(left) > _KEYS else ''}"
        return None

    def _subtype(self, expected: model.Subtype, actual: LuaValue) -> str | None:
        if isinstance(actual, bool) or not isinstance(actual, int | float):
            return f"{show(actual, self._names)} instead of a number"
        found = self.value(expected.number, actual)
        if found is not None:
            return found
        kind = "integer" if isinstance(actual, int) else "float"
        if kind == expected.name:
            return None
        return f"{subtype(kind, actual, self._names)} instead of the {expected.name}"

    _MATCHERS: Mapping[type, Callable[..., str | None]] = {
        model.OfType: _of_type,
        model.Between: _between,
        model.Pattern: _pattern,
        model.OneOf: _any_of,
        model.Fields: _some_fields,
        model.Keyed: _keyed,
        model.Length: _length,
        model.ListOf: _list_of,
        model.Subtype: _subtype,
    }


#: Matches values outside of a run, where no name is bound.
WITHOUT_NAMES: Final = Matcher(lambda name: None, lambda: Names({}))


def _count(actual: int, expected: int) -> str | None:
    if actual == expected:
        return None
    values = "1 value" if actual == 1 else f"{actual} values" if actual else "no value"
    return f"{values} instead of {expected or 'none'}"


@cache
def _compiled(regex: str) -> re.Pattern[str]:
    if regex.endswith("$") and not regex.endswith("\\$"):
        # Python's $ also meets before a final line feed, that of ECMAScript and RE2 does not
        regex = regex[:-1] + r"\Z"
    return re.compile(regex, re.DOTALL)
