"""Writes the values of columns into sentences, in Lua's notation and with words for matchers."""

from __future__ import annotations

import re
from typing import Final

from luasocket_spec import model as m
from luasocket_spec.reading.forms import in_lua
from luasocket_spec.reading.nodes import Mapping, Node, Scalar, Sequence

_COLUMN: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_READINGS: Final = (*m.DIALECTS, *m.AUTHORITIES)
_TYPES: Final = {"nil": "nil", "object": "an object", "any": "any value"}


def fill_sentence(text: str, columns: dict[str, Node], used: set[str]) -> str:
    """Replace each `{column}` by its value; a list is written as arguments are."""

    def word(match: re.Match[str]) -> str:
        value = columns.get(match[1])
        if value is None:
            return match[0]
        used.add(match[1])
        if isinstance(value, Scalar):
            return in_lua(value, quoted=False)
        return _results(value)

    return _COLUMN.sub(word, text)


def fill_name(text: str, columns: dict[str, Node], used: set[str]) -> str:
    """Replace each `{column}` by its text; a column that is a list or map stays as it is written."""

    def word(match: re.Match[str]) -> str:
        value = columns.get(match[1])
        if not isinstance(value, Scalar):
            return match[0]
        used.add(match[1])
        return value.text

    return _COLUMN.sub(word, text)


def _results(node: Node) -> str:
    """Write arguments or results: a list, a map of readings, an error, or one value."""
    if isinstance(node, Sequence):
        return ", ".join(map(_value, node.items)) or "nothing"
    if isinstance(node, Mapping):
        values = {key.text: value for key, value in node.pairs.values()}
        if values and all(name in _READINGS for name in values):
            return " and ".join(f"{_results(value)} in {name}" for name, value in values.items())
        if list(values) == ["raises"]:
            return f"the error {_value(values['raises'])}"
    return _value(node)


def _value(node: Node) -> str:
    """Write one value, or a description of the values that a matcher accepts."""
    if isinstance(node, Sequence):
        return "{" + ", ".join(map(_value, node.items)) + "}"
    if not isinstance(node, Mapping):
        return in_lua(node)
    values = {key.text: value for key, value in node.pairs.values()}
    tag = next(iter(values), "")
    inner = values.get(tag)
    if inner is None:
        return in_lua(node)
    if tag == "table":
        return in_lua(inner)
    if tag == "repeat" and "times" in values:
        return f"({in_lua(inner)}):rep({in_lua(values['times'])})"
    if tag == "type":
        return " or ".join(map(_type, inner.items if isinstance(inner, Sequence) else [inner]))
    if tag in _LISTS and isinstance(inner, Sequence):
        before, between = _LISTS[tag]
        return before + between.join(map(_value, inner.items))
    if tag in _DESCRIBED:
        return _DESCRIBED[tag].format(_value(inner))
    return in_lua(node)


#: Descriptions of the values that a matcher with one argument accepts.
_DESCRIBED: Final = {
    "pattern": "a string that matches {}",
    "length": "a string of {} bytes",
    "list_of": "a list of {}",
    "fields": "a table with {}",
    "integer": "the integer {}",
    "float": "the float {}",
}
#: For tags with a list: the text before the items and between them.
_LISTS: Final = {"one_of": ("", " or "), "between": ("a number from ", " to "), "concat": ("", " .. ")}


def _type(node: Node) -> str:
    text = node.text if isinstance(node, Scalar) else ""
    return _TYPES.get(text, f"a {text}")
