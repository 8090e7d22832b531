"""Matches value patterns against expected values.

A pattern is written in the language of the spec's values and matchers. ``$name`` stands for any one value, the same
value at each place; ``$...`` at the end of a list stands for all values that follow.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from luasocket_spec import model
from luasocket_spec.model import Outcome, Raises, Returns, SpecValue, Succeeds

from luasocket_runners.quirks.model import Message
from luasocket_runners.scoping import Unbound
from luasocket_runners.values import FunctionRef, Handle, LuaTable, LuaValue, is_failure

__all__ = [
    "REST", "AnyValue", "Match", "Matcher", "Resolve", "holds", "match_args", "match_list", "match_outcome", "regex_of",
    "types_of",
]  # fmt: skip

#: Returns the run-time value of a spec value that is no matcher.
Resolve: TypeAlias = Callable[[SpecValue], LuaValue]
#: A value of the spec, or a run-time value of a port's call.
AnyValue: TypeAlias = object

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


class Matcher:
    """Compares patterns with values, whose names it resolves."""

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
    return _match_list(Matcher(resolve), pattern, values, found)


def match_args(pattern: Sequence[SpecValue], args: Sequence[AnyValue], resolve: Resolve | None, found: Match) -> bool:
    """Match the arguments of a call: like ``match_list``, but a nil of the pattern may also be missing."""
    present = len(args)
    while present < len(pattern) and _allows_nil(pattern[present]):
        present += 1
    return _match_list(Matcher(resolve), pattern, (*args, *[None] * (present - len(args))), found)


def _allows_nil(pattern: SpecValue) -> bool:
    return pattern is None or (isinstance(pattern, model.OneOf) and any(map(_allows_nil, pattern.choices)))


def _match_list(matcher: Matcher, pattern: Sequence[SpecValue], values: Sequence[AnyValue], found: Match) -> bool:
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
    matcher = Matcher(resolve, numerals=True)
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
        text = _message_of(outcome, Matcher(resolve))
        return text is not None and _glob(pattern.glob, text)
    if isinstance(pattern, Returns):
        if isinstance(outcome, Succeeds):  # its results are not known
            return pattern.values == (model.Splice(),)
        return isinstance(outcome, Returns) and match_list(pattern.values, outcome.values, resolve, found)
    if isinstance(pattern, Succeeds):
        return isinstance(outcome, Succeeds) or (isinstance(outcome, Returns) and _succeeds(outcome, resolve, found))
    if not isinstance(outcome, Raises):
        return False
    if pattern.part is not None:
        if outcome.part is not None:
            return _glob(pattern.part.decode("latin-1"), outcome.part)
        value = outcome.value
        return pattern.part == b"*" or (isinstance(value, bytes) and _glob(pattern.part.decode("latin-1"), value))
    if outcome.part is not None:
        return isinstance(pattern.value, model.Ref)
    return Matcher(resolve).value(pattern.value, outcome.value, found, 0)


def _succeeds(outcome: Returns, resolve: Resolve | None, found: Match) -> bool:
    """Tell whether an outcome is a success: its first value is neither nil nor false; note if that is not known."""
    first = Matcher(resolve).known(outcome.values[0]) if outcome.values else None
    types = types_of(first)
    if isinstance(first, model.MatcherSpec) and types & {"nil", "boolean"}:
        found.unsure = True
        return True
    return first is not None and first is not False


def _message_of(outcome: Outcome, matcher: Matcher) -> bytes | None:
    """Return the text of the error that an outcome expects, if it is known."""
    if isinstance(outcome, Raises):
        text = outcome.part if outcome.part is not None else matcher.known(outcome.value)
        return text if isinstance(text, bytes) else None
    if isinstance(outcome, Returns) and len(outcome.values) > 1 and is_failure(outcome.values):
        text = matcher.known(outcome.values[1])
        return text if isinstance(text, bytes) else None
    return None


def _glob(glob: str, text: bytes) -> bool:
    """Match a text in which ``*`` stands for any text, and nothing else is special."""
    return re.fullmatch(regex_of(glob), text.decode("latin-1"), re.DOTALL) is not None


def regex_of(glob: str) -> str:
    """Return the regular expression of a text with ``*``."""
    return ".*".join(map(re.escape, glob.split("*")))
