"""Fills the variables of patterns in, and computes the values that a rule makes of them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final

from luasocket_spec import model
from luasocket_spec.model import Outcome, Raises, Returns, SpecValue

from luasocket_runners.notation import counted, quote, string
from luasocket_runners.quirks.model import (
    KEPT,
    Beginning,
    Behind,
    Ending,
    Ignoring,
    Kept,
    Listed,
    Message,
    Product,
    Slice,
    Sum,
)  # fmt: skip
from luasocket_runners.quirks.patterns import AnyValue, Match, Matcher, Resolve, regex_of

__all__ = ["NotComputable", "fill_list", "fill_outcome"]

#: Bytes of the longest string that a rule about a part of it is applied to: its regular expression is ten times longer.
_LONGEST: Final = 20_000
#: A string that Lua takes for a decimal number.
_NUMERAL: Final = re.compile(rb"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*")


class NotComputable(Exception):
    """An argument that a rule passes cannot be computed from those of a behaviour, so the rule has no say in them."""


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
            filled.append((_part(item, found, Matcher(resolve)) if item.counted else _slice(item, found), None))
        elif isinstance(item, Ignoring | Ending):
            value, place = found.values[item.value.name]
            filled.append((_string_like(item, value, Matcher(resolve).known(value)), place))
        elif isinstance(item, Kept):
            value, place = found.values[item.value.name]
            filled.append((_kept(item, value, Matcher(resolve)), place))
        elif isinstance(item, Beginning | Behind):
            # more or less than the spec's value: a behaviour goes on with that one
            filled.append((_rest(item, found, Matcher(resolve)), None))
        elif isinstance(item, Sum):
            filled.append((_sum(item, found, Matcher(resolve)), None))
        elif isinstance(item, Listed):
            value, place = found.values[item.value.name]
            filled.append((_listed(value), place))
        elif isinstance(item, model.Concat):
            filled.append((_joined(item, found, Matcher(resolve)), None))
        else:
            filled.append((_fill(item, found, resolve), None))
    return tuple(filled)


def _string_like(item: Ignoring | Ending, written: AnyValue, value: AnyValue) -> AnyValue:
    """Return a matcher for strings that are like a value; the value itself, if it is none or very long."""
    if not isinstance(value, bytes) or len(value) > _LONGEST:
        return written
    text = value.decode("latin-1")
    shown = string(value)
    if isinstance(item, Ending):
        return model.Pattern(rf"{re.escape(text)}\Z", words=f"a string that ends with {shown}")
    others = f"[{re.escape(item.ignored.decode('latin-1'))}]*"
    kept = "".join(f"{re.escape(char)}{others}" for char in text if char.encode("latin-1") not in item.ignored)
    return model.Pattern(rf"\A{others}{kept}\Z", words=f"{shown}, with {quote(item.ignored)} in any places")


def _kept(item: Kept, written: AnyValue, matcher: Matcher) -> AnyValue:
    """Return a string behind what earlier calls have kept back; if that is not known, a string that ends with it."""
    kept = matcher.known(KEPT)
    value = matcher.known(written)
    if isinstance(kept, bytes) and isinstance(value, bytes):
        return kept + value if kept else written
    return written if kept == b"" else _string_like(Ending(item.value), written, value)


def _text(value: AnyValue) -> bytes | None:
    """Return a string, or the text that Lua makes of a number; None for any other value."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:.14g}".encode()
    return value if isinstance(value, bytes) else None


def _rest(item: Beginning | Behind, found: Match, matcher: Matcher) -> AnyValue:
    """Return what is behind a prefix, or a matcher for strings that begin with a value; any string, if it is unknown.

    Where a prefix is longer than the string, nothing is behind it.
    """
    inner = item.value if isinstance(item, Beginning) else item
    known = {name: matcher.known(value) for name, (value, _) in found.values.items()}
    text = _text(known[(inner.value if isinstance(inner, Behind) else inner).name])
    if isinstance(inner, Behind) and text is not None:
        prefix = _text(known[inner.prefix.name])
        text = text[len(prefix) :] if prefix is not None and text.startswith(prefix) else None
    if text is None or (isinstance(item, Beginning) and len(text) > _LONGEST):
        return model.OfType(("string",))
    if isinstance(item, Behind):
        return text
    sizes = [_size(known[size.name]) for size in item.sizes]
    more = sum(size for size in sizes if size is not None) - len(text)
    others, length = ".*", ""
    if sizes and None not in sizes and more >= item.fewer:
        others = f".{{0,{more - 1}}}" if item.fewer else f".{{{more}}}"
        length = f" of {'fewer than ' if item.fewer else ''}{counted(len(text) + more, 'byte')}"
    words = f"a string{length} that begins with {string(text)}"
    return model.Pattern(rf"\A{re.escape(text.decode('latin-1'))}{others}\Z", words=words)


def _size(value: AnyValue) -> int | None:
    """Return a number of bytes as a whole number, or the bytes of a string that is none."""
    number = _number(value)
    if number is None:
        return len(value) if isinstance(value, bytes) else None
    return math.floor(number) if math.isfinite(number) and number >= 0 else None


def _sum(item: Sum, found: Match, matcher: Matcher) -> AnyValue:
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
    matcher = Matcher(resolve)
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


def _joined(item: model.Concat, found: Match, matcher: Matcher) -> AnyValue:
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


def _part(item: Slice, found: Match, matcher: Matcher) -> AnyValue:
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
        return _joined(item, found, Matcher(resolve))  # type: ignore[return-value]
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
