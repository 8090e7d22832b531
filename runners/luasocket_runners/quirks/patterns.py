"""Matches value patterns against expected values, and fills their variables in.

A pattern is written in the language of the spec's values and matchers. ``$name`` stands for any one value, the same
value at each place; ``$...`` at the end of a list stands for all values that follow.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from luasocket_spec import model
from luasocket_spec.model import Outcome, Raises, Returns, SpecValue, Succeeds

from luasocket_runners.quirks.model import Beginning, Behind, Ending, Ignoring, Listed, Message, Product, Slice, Sum
from luasocket_runners.scoping import Unbound
from luasocket_runners.values import FunctionRef, Handle, LuaTable, LuaValue

__all__ = [
    "REST", "AnyValue", "Match", "NotComputable", "Resolve", "fill_list", "fill_outcome", "holds", "match_args",
    "match_list", "match_outcome", "types_of",
]  # fmt: skip

#: Returns the run-time value of a spec value that is no matcher.
Resolve: TypeAlias = Callable[[SpecValue], LuaValue]
#: A value of the spec, or a run-time value of a port's call.
AnyValue: TypeAlias = object

#: Bytes of the longest string that a rule about a part of it is applied to: its regular expression is ten times longer.
_LONGEST: Final = 20_000

_PYTHON_TYPES: Final[dict[type, str]] = {
    type(None): "nil",
    bool: "boolean",
    int: "number",
    float: "number",
    bytes: "string",
    LuaTable: "table",
    FunctionRef: "function",
    model.TableSpec: "table",
    model.Fields: "table",
    model.Keyed: "table",
    model.ListOf: "table",
    model.Repeat: "string",
    model.Concat: "string",
    model.Pattern: "string",
    model.Length: "string",
    model.Between: "number",
    model.Subtype: "number",
}


#: The name of ``$...`` among the variables.
REST: Final = "..."
#: A string that Lua takes for a decimal number.
_NUMERAL: Final = re.compile(rb"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*")


class NotComputable(Exception):
    """An argument that a rule passes cannot be computed from those of a behaviour, so the rule has no say in them."""


@dataclass(slots=True)
class Match:
    """The values of a pattern's variables; ``rest`` is that of ``$...``.

    Each value comes with its index in the list that was matched, None inside of tables. ``unsure`` is set where the
    spec takes any value and the pattern does not: the port's may be one that the pattern is about, or not.
    """

    values: dict[str, tuple[AnyValue, int | None]] = field(default_factory=dict)
    rest: tuple[tuple[AnyValue, int | None], ...] = ()
    unsure: bool = False


def types_of(value: AnyValue) -> frozenset[str]:
    """Return the types that a value can have: of a matcher, those of all values that meet it."""
    if isinstance(value, model.OfType):
        return frozenset(model.TYPES) if "any" in value.types else frozenset(value.types)
    if isinstance(value, model.OneOf):
        return frozenset().union(*map(types_of, value.choices))
    if isinstance(value, Handle):
        return frozenset({"function" if value.type == "function" else "object"})
    kind = _PYTHON_TYPES.get(type(value))
    # the value of a name is not known before the run
    return frozenset(model.TYPES) if kind is None else frozenset({kind})


class _Matcher:
    def __init__(self, resolve: Resolve | None, *, numerals: bool = False) -> None:
        self._resolve = resolve
        self._numerals = numerals  #: whether a pattern for texts looks at numbers as well

    def known(self, value: AnyValue) -> AnyValue:
        """Return a value with its names replaced by their values, where those are known."""
        if self._resolve is not None and isinstance(value, model.Ref | model.Repeat | model.Concat):
            try:
                return self._resolve(value)
            except Unbound:
                return value
        if isinstance(value, model.Repeat):
            return value.text * value.times
        if isinstance(value, model.Subtype):
            return self.known(value.number)  # a pattern covers a number of either subtype
        return value

    def value(self, pattern: SpecValue, value: AnyValue, found: Match, index: int | None) -> bool:
        """Tell whether a pattern covers a value; note the variables, as the spec has them."""
        written, value = value, self.known(value)
        if isinstance(pattern, model.Ref):
            if pattern.name in found.values:
                return same(self.known(found.values[pattern.name][0]), value)
            found.values[pattern.name] = (written, index)
            return True
        if self._resolve is None and isinstance(value, model.Ref | model.Concat):
            return True  # before the run, it may be anything
        if isinstance(pattern, model.OneOf):
            return any(self.value(choice, value, found, index) for choice in pattern.choices)
        if isinstance(value, model.OneOf) and not isinstance(pattern, model.OfType):
            return all(self.value(pattern, choice, found, index) for choice in value.choices)
        if isinstance(value, model.OfType) and "any" in value.types:
            found.unsure = not (isinstance(pattern, model.OfType) and "any" in pattern.types) or found.unsure
            return True
        if isinstance(pattern, model.OfType):
            return "any" in pattern.types or types_of(value) <= frozenset(pattern.types)
        if isinstance(pattern, model.Pattern):
            if self._numerals and isinstance(value, int | float) and not isinstance(value, bool):
                value = f"{value:.14g}".encode()
            if isinstance(value, bytes):
                return re.search(pattern.regex, value.decode("latin-1"), re.DOTALL) is not None
            return pattern == value
        if isinstance(pattern, model.Between):
            return self._between(pattern, value)
        if isinstance(pattern, model.Length):
            return len(value) == pattern.bytes if isinstance(value, bytes) else pattern == value
        if isinstance(pattern, model.TableSpec | model.Fields):
            return self._table(pattern, value, found)
        return same(self.known(pattern), value)

    @staticmethod
    def _between(pattern: model.Between, value: AnyValue) -> bool:
        low, high = pattern.low, pattern.high
        if not isinstance(low, int | float) or not isinstance(high, int | float):
            return pattern == value
        if isinstance(value, model.Between):
            inner = value.low, value.high
            return all(isinstance(bound, int | float) and low <= bound <= high for bound in inner)
        return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high

    def _table(self, pattern: model.TableSpec | model.Fields, value: AnyValue, found: Match) -> bool:
        if not isinstance(value, LuaTable | model.TableSpec | model.Fields):
            return False
        if isinstance(pattern, model.TableSpec) and (
            isinstance(value, model.Fields) or len(pattern.entries) != len(value.entries)
        ):
            return False
        left = list(value.entries)
        for key, wanted in pattern.entries:
            entry = next((entry for entry in left if same(self.known(entry[0]), self.known(key))), None)
            if entry is None or not self.value(wanted, entry[1], found, None):
                return False
            left.remove(entry)
        return True


def same(one: AnyValue, other: AnyValue) -> bool:
    """Tell whether two values are the same to Lua; matchers are if they are written alike."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return one == other


def match_list(pattern: Sequence[SpecValue], values: Sequence[AnyValue], resolve: Resolve | None, found: Match) -> bool:
    """Match a list of values; ``resolve`` is None before the run, when names may be bound to anything."""
    return _match_list(_Matcher(resolve), pattern, values, found)


def match_args(pattern: Sequence[SpecValue], args: Sequence[AnyValue], resolve: Resolve | None, found: Match) -> bool:
    """Match the arguments of a call: like ``match_list``, but a nil of the pattern may also be missing."""
    present = len(args)
    while present < len(pattern) and _allows_nil(pattern[present]):
        present += 1
    return _match_list(_Matcher(resolve), pattern, (*args, *[None] * (present - len(args))), found)


def _allows_nil(pattern: SpecValue) -> bool:
    return pattern is None or (isinstance(pattern, model.OneOf) and any(map(_allows_nil, pattern.choices)))


def _match_list(matcher: _Matcher, pattern: Sequence[SpecValue], values: Sequence[AnyValue], found: Match) -> bool:
    if pattern and isinstance(pattern[-1], model.Splice):
        fixed = pattern[:-1]
        if len(values) < len(fixed):
            return False
        found.rest = tuple((value, index) for index, value in enumerate(values) if index >= len(fixed))
    elif len(pattern) != len(values):
        return False
    else:
        fixed = pattern
    return all(
        matcher.value(wanted, value, found, index)
        for index, (wanted, value) in enumerate(zip(fixed, values, strict=False))
    )


def holds(where: Iterable[tuple[str, SpecValue]], found: Match, resolve: Resolve | None) -> bool:
    """Tell whether the values of variables are as a rule wants them: of ``$...``, one of the values that follow."""
    matcher = _Matcher(resolve, numerals=True)
    for name, pattern in where:
        if name != REST and name not in found.values:
            continue  # a variable of the outcome, which is matched later
        values = [value for value, _ in found.rest] if name == REST else [found.values[name][0]]
        if not any(matcher.value(pattern, value, Match(), None) for value in values):
            return False
    return True


def match_outcome(pattern: Outcome | Message, outcome: Outcome, resolve: Resolve | None, found: Match) -> bool:
    """Tell whether a pattern covers the outcome that the spec expects; note the variables."""
    if isinstance(pattern, Message):
        text = _message_of(outcome, _Matcher(resolve))
        return text is not None and _glob(pattern.glob, text)
    if isinstance(pattern, Returns):
        if isinstance(outcome, Succeeds):  # its results are not known
            return pattern.values == (model.Splice(),)
        return isinstance(outcome, Returns) and match_list(pattern.values, outcome.values, resolve, found)
    if isinstance(pattern, Succeeds):
        return isinstance(outcome, Succeeds)
    if not isinstance(outcome, Raises):
        return False
    if pattern.part is not None:
        if outcome.part is not None:
            return _glob(pattern.part.decode("latin-1"), outcome.part)
        value = outcome.value
        return pattern.part == b"*" or (isinstance(value, bytes) and _glob(pattern.part.decode("latin-1"), value))
    if outcome.part is not None:
        return isinstance(pattern.value, model.Ref)
    return _Matcher(resolve).value(pattern.value, outcome.value, found, 0)


def _message_of(outcome: Outcome, matcher: _Matcher) -> bytes | None:
    """Return the text of the error that an outcome expects, if it is known."""
    if isinstance(outcome, Raises):
        text = outcome.part if outcome.part is not None else matcher.known(outcome.value)
        return text if isinstance(text, bytes) else None
    if isinstance(outcome, Returns) and len(outcome.values) > 1 and outcome.values[0] in (None, False):
        text = matcher.known(outcome.values[1])
        return text if isinstance(text, bytes) else None
    return None


def _glob(glob: str, text: bytes) -> bool:
    """Match a text in which ``*`` stands for any text, and nothing else is special."""
    return re.fullmatch(regex_of(glob), text.decode("latin-1"), re.DOTALL) is not None


def regex_of(glob: str) -> str:
    """Return the regular expression of a text with ``*``."""
    return ".*".join(map(re.escape, glob.split("*")))


def fill_list(
    pattern: Sequence[SpecValue], found: Match, resolve: Resolve | None = None
) -> tuple[tuple[AnyValue, int | None], ...]:
    """Return the values of a list with its variables filled in, each with its index in the list that was matched."""
    filled: list[tuple[AnyValue, int | None]] = []
    for item in pattern:
        if isinstance(item, model.Splice):
            filled.extend(found.rest)
        elif isinstance(item, model.Ref):
            filled.append(found.values[item.name])
        elif isinstance(item, Product):
            filled.append((_product(item, found), None))
        elif isinstance(item, Slice):
            filled.append((_part(item, found, _Matcher(resolve)) if item.counted else _slice(item, found), None))
        elif isinstance(item, Ignoring | Ending):
            value, place = found.values[item.value.name]
            filled.append((_string_like(item, value, _Matcher(resolve).known(value)), place))
        elif isinstance(item, Beginning | Behind):
            # more or less than the spec's value: a behaviour goes on with that one
            filled.append((_rest(item, found, _Matcher(resolve)), None))
        elif isinstance(item, Sum):
            filled.append((_sum(item, found, _Matcher(resolve)), None))
        elif isinstance(item, Listed):
            value, place = found.values[item.value.name]
            filled.append((_listed(value), place))
        elif isinstance(item, model.Concat):
            filled.append((_joined(item, found, _Matcher(resolve)), None))
        else:
            filled.append((_fill(item, found, resolve), None))
    return tuple(filled)


def _string_like(item: Ignoring | Ending, written: AnyValue, value: AnyValue) -> AnyValue:
    """Return a matcher for strings that are like a value; the value itself, if it is none or very long."""
    if not isinstance(value, bytes) or len(value) > _LONGEST:
        return written
    text = value.decode("latin-1")
    if isinstance(item, Ending):
        return model.Pattern(rf"{re.escape(text)}\Z")
    others = f"[{re.escape(item.ignored.decode('latin-1'))}]*"
    kept = "".join(f"{re.escape(char)}{others}" for char in text if char.encode("latin-1") not in item.ignored)
    return model.Pattern(rf"\A{others}{kept}\Z")


def _text(value: AnyValue) -> bytes | None:
    """Return a string, or the text that Lua makes of a number; None for any other value."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:.14g}".encode()
    return value if isinstance(value, bytes) and len(value) <= _LONGEST else None


def _rest(item: Beginning | Behind, found: Match, matcher: _Matcher) -> AnyValue:
    """Return what is behind a prefix, or a matcher for strings that begin with a value; any string, if it is unknown.

    Where a prefix is longer than the string, nothing is behind it.
    """
    inner = item.value if isinstance(item, Beginning) else item
    known = {name: matcher.known(value) for name, (value, _) in found.values.items()}
    text = _text(known[(inner.value if isinstance(inner, Behind) else inner).name])
    if isinstance(inner, Behind) and text is not None:
        prefix = _text(known[inner.prefix.name])
        text = text[len(prefix) :] if prefix is not None and text.startswith(prefix) else None
    if text is None:
        return model.OfType(("string",))
    if isinstance(item, Behind):
        return text
    sizes = [_size(known[size.name]) for size in item.sizes]
    more = sum(size for size in sizes if size is not None) - len(text)
    exact = bool(sizes) and None not in sizes and more >= 0
    return model.Pattern(rf"\A{re.escape(text.decode('latin-1'))}{f'.{{{more}}}' if exact else '.*'}\Z")


def _size(value: AnyValue) -> int | None:
    """Return a number of bytes as a whole number, or the bytes of a string that is none."""
    number = _number(value)
    if number is None:
        return len(value) if isinstance(value, bytes) else None
    return math.floor(number) if math.isfinite(number) and number >= 0 else None


def _sum(item: Sum, found: Match, matcher: _Matcher) -> AnyValue:
    """Return a sum; any number, if a part of it is not known."""
    total: float = 0
    for part in item.parts:
        value = part
        if isinstance(part, Slice):
            value = _part(part, found, matcher)  # type: ignore[assignment]
        elif isinstance(part, model.Ref):
            value = matcher.known(found.values[part.name][0])  # type: ignore[assignment]
        number = _number(value)
        if number is None:
            return model.OfType(("number",))
        total += number
    return total


def _bounds(item: model.Between, found: Match, resolve: Resolve | None) -> SpecValue:
    """Return a matcher whose bounds are numbers of bytes; any number, if one of them is not known."""
    matcher = _Matcher(resolve)
    bounds = [_part(one, found, matcher) if isinstance(one, Slice) else one for one in (item.low, item.high)]
    if any(isinstance(one, model.OfType) for one in bounds):
        return model.OfType(("number",))
    return model.Between(*bounds)  # type: ignore[arg-type]


def _listed(value: AnyValue) -> AnyValue:
    """Return a list without the keys that are its items; any other value as it is."""
    if isinstance(value, model.OneOf):
        return model.OneOf(tuple(map(_listed, value.choices)))  # type: ignore[arg-type]
    if isinstance(value, model.Keyed):
        return model.TableSpec(tuple(enumerate(value.items, 1)))
    return value


def _joined(item: model.Concat, found: Match, matcher: _Matcher) -> AnyValue:
    """Return a matcher for texts and variables in a row; a variable whose value is not known may be any text."""
    known = [matcher.known(found.values[part.name][0] if isinstance(part, model.Ref) else part) for part in item.parts]
    if all(isinstance(value, bytes) for value in known):
        return b"".join(value for value in known if isinstance(value, bytes))
    regex = ""
    for value in known:
        if isinstance(value, bytes):
            regex += re.escape(value.decode("latin-1"))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            regex += re.escape(f"{value:.14g}")
        else:
            regex += ".*"
    return model.Pattern(rf"\A{regex}\Z")


def _product(item: Product, found: Match) -> AnyValue:
    value = found.values[item.value.name][0] if isinstance(item.value, model.Ref) else item.value
    number = _number(value)
    if number is None:
        return value  # nothing to multiply: the port gets what the behaviour passes
    made = number * item.factor
    return int(made) if isinstance(number, int) and made == int(made) else made


def _part(item: Slice, found: Match, matcher: _Matcher) -> AnyValue:
    """Return the number of bytes of a part of a string; any number, if it cannot be computed."""
    known = {name: (matcher.known(value), place) for name, (value, place) in found.values.items()}
    rest = tuple((matcher.known(value), place) for value, place in found.rest)
    try:
        return len(_slice(item, Match(known, rest)))  # type: ignore[arg-type]
    except NotComputable:
        return model.OfType(("number",))


def _slice(item: Slice, found: Match) -> AnyValue:
    text = found.values[item.value.name][0]
    text = str(text).encode() if isinstance(text, int) and not isinstance(text, bool) else text
    positions: list[AnyValue] = []
    for position in item.positions:
        if isinstance(position, model.Ref):
            positions.append(found.values[position.name][0])
        else:
            positions += [value for value, _ in found.rest]
    numbers = [default if one is None else _number(one) for one, default in zip(positions, (1, -1), strict=False)]
    if not isinstance(text, bytes) or any(one is None or one != one for one in numbers):
        raise NotComputable
    size = len(text)
    # positions far outside of the string, even infinite ones, are at its ends
    first, last = (int(max(-size - 1, min(one or 0, size + 1))) for one in (*numbers, *(1, -1)[len(numbers) :])[:2])
    first = max(first + size + 1 if first < 0 else first, 1)
    return text[first - 1 : max(last + size + 1 if last < 0 else last, 0)]


def _number(value: AnyValue) -> int | float | None:
    """Return a value as the number that Lua takes it for, or None."""
    if isinstance(value, int | float):
        return None if isinstance(value, bool) else value
    if isinstance(value, bytes) and _NUMERAL.fullmatch(value):
        number = float(value)
        return int(number) if number.is_integer() else number
    return None


def _fill(item: SpecValue, found: Match, resolve: Resolve | None) -> SpecValue:
    """Fill variables in that stand inside of a table or of a matcher."""
    if isinstance(item, model.Concat):
        return _joined(item, found, _Matcher(resolve))  # type: ignore[return-value]
    if isinstance(item, model.Ref):
        return found.values[item.name][0]  # type: ignore[return-value]
    if isinstance(item, model.OneOf):
        return model.OneOf(tuple(_fill(choice, found, resolve) for choice in item.choices))
    if isinstance(item, model.Between):
        return _bounds(item, found, resolve)
    if isinstance(item, model.TableSpec):
        return model.TableSpec(tuple((key, _fill(value, found, resolve)) for key, value in item.entries))
    if isinstance(item, model.Fields):
        return model.Fields(tuple((key, _fill(value, found, resolve)) for key, value in item.entries))
    return item


def fill_outcome(
    returned: Outcome | Message, expected: Outcome, found: Match, resolve: Resolve | None
) -> tuple[Outcome, tuple[int | None, ...] | None]:
    """Return the port's outcome, and for each value that it returns its index among the expected values.

    The indices are None for an error.
    """
    if isinstance(returned, Message):
        return _with_message(returned, expected)
    if isinstance(returned, Returns):
        filled = fill_list(returned.values, found, resolve)
        values = _with_subtypes(returned.values, tuple(value for value, _ in filled), expected)
        return Returns(values), tuple(index for _, index in filled)  # type: ignore[arg-type]
    if isinstance(returned, Raises):
        if returned.part is not None and b"*" in returned.part:
            return Raises(None, _any_text(returned.part.decode("latin-1"))), None
        if returned.part is None:
            return Raises(None, _fill(returned.value, found, resolve)), None
    return returned, None


def _with_subtypes(
    pattern: Sequence[SpecValue], values: tuple[AnyValue, ...], expected: Outcome
) -> tuple[AnyValue, ...]:
    """Return results of which those that are computed have the subtypes of the numbers in whose places they are."""
    places = expected.values if isinstance(expected, Returns) else ()
    kept = list(values)
    for index, (item, place) in enumerate(zip(pattern, places, strict=False)):
        if isinstance(place, model.Subtype) and isinstance(item, Slice | Sum | model.Between):
            kept[index] = model.Subtype(place.name, kept[index])  # type: ignore[arg-type]
    return tuple(kept)


def _any_text(glob: str) -> SpecValue:
    return model.OfType(("any",)) if glob == "*" else model.Pattern(regex_of(glob))


def _with_message(message: Message, expected: Outcome) -> tuple[Outcome, tuple[int | None, ...] | None]:
    """Return an outcome with another text of its error."""
    has_star = "*" in message.glob
    if isinstance(expected, Raises):
        if has_star:
            return Raises(None, model.Pattern(regex_of(message.glob))), None
        return Raises(message.glob.encode("latin-1")), None
    assert isinstance(expected, Returns)
    text = model.Pattern(f"^{regex_of(message.glob)}$") if has_star else message.glob.encode("latin-1")
    values = (expected.values[0], text, *expected.values[2:])
    return Returns(values), (0, 1, *range(2, len(values)))
