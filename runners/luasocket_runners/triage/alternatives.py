"""Patterns of one argument that has many values: a form that people can read, instead of a list of examples."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final

from luasocket_spec.model import OfType, OneOf, Pattern, SpecValue

from luasocket_runners.engine.matcher import lua_type
from luasocket_runners.quirks.patterns import types_of
from luasocket_runners.triage.values import choices_of
from luasocket_runners.values import LuaValue

__all__ = ["any_of", "any_type_of", "form_of"]

#: Values of one argument that a rule lists; of more, it gives the types, or the form.
READABLE: Final = 8
#: Forms of texts: words, what looks like a pattern of receive, numerals, and what is none, addresses, blanks.
_FORMS: Final = (
    r"^[A-Za-z]", r"^[*]", r"^\s*[-+]?[.]?[0-9]", r"^(?!\s*[-+]?[.]?[0-9])", r"^[A-Za-z*]", r"[.:/]", r"\s", r"[^\s]",
)  # fmt: skip


def any_of(values: Iterable[SpecValue]) -> SpecValue:
    """Return a pattern of values: all of them."""
    choices = choices_of(values)
    return choices[0] if len(choices) == 1 else OneOf(choices)


def form_of(values: Iterable[SpecValue], elsewhere: Collection[LuaValue]) -> tuple[SpecValue, bool]:
    """Return a pattern of values, and whether it stands for others, too.

    Of many values, it is one of their types, or of the form of texts, if none of ``elsewhere`` is like that: the values
    in calls for which the rule does not hold.
    """
    choices = choices_of(values)
    if len(choices) > READABLE:
        types = frozenset[str]().union(*map(types_of, choices))
        if types.isdisjoint(map(lua_type, elsewhere)):
            return any_type_of(choices), True
        texts = [value.decode("latin-1") for value in choices if isinstance(value, bytes)]
        others = tuple(value for value in choices if not isinstance(value, bytes))
        wrong = [value.decode("latin-1") for value in elsewhere if isinstance(value, bytes)]
        for form in _FORMS if len(others) < READABLE else ():
            if all(re.search(form, text) for text in texts) and not any(re.search(form, text) for text in wrong):
                return OneOf((*others, Pattern(form))) if others else Pattern(form), True
    return any_of(choices), False


def any_type_of(values: Iterable[SpecValue]) -> SpecValue:
    """Return a pattern of the types of values, if they are more than people can read."""
    choices = choices_of(values)
    if len(choices) > READABLE:
        return OfType(tuple(sorted(frozenset[str]().union(*map(types_of, choices)))))
    return any_of(choices)
