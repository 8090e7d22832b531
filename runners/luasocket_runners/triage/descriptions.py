"""The patterns of rules about what an object says of itself: its fields, such as ``class``, and its text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from luasocket_spec import model
from luasocket_spec.model import Returns, SpecValue

from luasocket_runners.quirks.patterns import types_of
from luasocket_runners.triage.fingerprints import without_varying_numbers
from luasocket_runners.triage.values import fits
from luasocket_runners.values import LuaValue

__all__ = ["described_otherwise", "describes_object"]

#: The kind in front of an address: ``table: 0x55e15912d2f0``, ``cdata<struct TTCPStream>: 0x7f30``.
_KIND: Final = re.compile(r"(?s)(.*?: ?)(?:0x)?[0-9A-Fa-f]{4,}")
#: Bytes of the longest text that is a name, such as that of a class.
_LONGEST_NAME: Final = 40


def describes_object(function: str) -> bool:
    """Tell whether a subject is a field of an object, ``client.class``, or Lua's function for its text."""
    owner, dot, _ = function.partition(".")
    return function == "tostring" or (bool(dot) and owner not in ("socket", "coroutine"))


def described_otherwise(expected: Sequence[SpecValue], actual: Sequence[LuaValue]) -> tuple[Returns, Returns] | None:
    """Return the patterns of what LuaSocket returns there, and of what the port does; None if they do not differ."""
    if len(expected) != 1 or len(actual) != 1 or fits(expected[0], actual[0]):
        return None
    want, got = expected[0], actual[0]
    if isinstance(got, bytes) and (found := _KIND.fullmatch(got.decode("latin-1"))) is not None:
        return Returns((model.OfType(("string",)),)), Returns((model.Pattern(f"^{_escaped(found[1])}"),))
    names = isinstance(want, bytes) and isinstance(got, bytes)
    patterns = _pattern(want, named=names), _pattern(got, named=True)
    return None if repr(patterns[0]) == repr(patterns[1]) else (Returns(patterns[:1]), Returns(patterns[1:]))


def _escaped(text: str) -> str:
    """Return the regular expression of a text, as people would write it."""
    return re.sub(
        r"[][.*+?(){}|^$\\]", lambda found: f"[{found[0]}]" if found[0] not in "^\\" else f"\\{found[0]}", text
    )


def _pattern(value: SpecValue | LuaValue, *, named: bool) -> SpecValue:
    """Return the pattern of a value: constants and names as they are, everything else by its type."""
    if value is None or isinstance(value, bool):
        return value
    if named and isinstance(value, bytes) and len(value) <= _LONGEST_NAME:
        text = value.decode("latin-1")
        if without_varying_numbers(text) == text:
            return value
    return model.OfType(tuple(sorted(types_of(value))))
