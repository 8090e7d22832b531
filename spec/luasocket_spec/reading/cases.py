"""Expands `cases`: reads a table of rows or a product of columns, and fills each row into its behaviour."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from luasocket_spec.reading.forms import Reader, in_lua
from luasocket_spec.reading.nodes import Mapping, Node, Scalar, Sequence
from luasocket_spec.reading.prose import fill_name, fill_sentence
from luasocket_spec.reading.values import NAME

ID: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
#: The keys of a behaviour that a row may have, beside its columns.
ROW_KEYS: Final = ("says", "hint", "situation", "covers", "dialects", "needs")
#: Those that replace the behaviour's, and those that are added to them.
_REPLACED: Final = ("says", "hint", "situation", "dialects")
_ADDED: Final = ("covers", "needs")
#: The keys of steps with names or messages, in which `{column}` is replaced.
_NAMING: Final = frozenset({"call", "get", "set", "system", "raises"})


@dataclass(slots=True)
class Row:
    """One case: the values of the columns, and the keys of the behaviour that it replaces or extends."""

    place: Node
    columns: dict[str, Node] = field(default_factory=dict)
    own: dict[str, Node] = field(default_factory=dict)


def read_rows(file: Reader, node: Node) -> tuple[dict[str, Row], dict[str, int]]:
    """Read `cases`; return the rows by id, and the first line of each column."""
    lines: dict[str, int] = {}
    if isinstance(node, Mapping) and any(isinstance(value, Sequence) for _, value in node.pairs.values()):
        return _product(file, node, lines), lines
    rows: dict[str, Row] = {}
    for name, key, cells in file.named(node, "`cases`", "case-id: {column: value}"):
        if not ID.fullmatch(name):
            file.report(key.line, f"The case `{name}` is not made of lower-case words joined by `-`: rename it.")
        rows[name] = _row(file, key, file.named(cells, f"The case `{name}`", "{column: value}"), lines)
    if not rows and isinstance(node, Mapping):
        file.report(node.line, "`cases` has no rows: write one, or remove the key.")
    return rows, lines


def _row(file: Reader, place: Node, cells: Iterable[tuple[str, Scalar, Node]], lines: dict[str, int]) -> Row:
    row = Row(place)
    for column, key, value in cells:
        if column in ROW_KEYS:
            row.own[column] = value
        elif NAME.fullmatch(column):
            row.columns[column] = value
            lines.setdefault(column, key.line)
        else:
            file.report(key.line, f"The column `{column}` is not a name: use letters, digits and `_`.")
    return row


def _product(file: Reader, node: Mapping, lines: dict[str, int]) -> dict[str, Row]:
    """Combine each item of each column with each item of the others."""
    factors = []
    for column, key, items in file.named(node, "`cases`", "column: [value, value]"):
        if not isinstance(items, Sequence):
            file.report(
                key.line,
                f"`{column}` is a row of a table, but other entries of `cases` are columns of a product:"
                " write all as maps, or all as lists.",
            )
            return {}
        lines.setdefault(column, key.line)
        if not items.items:
            file.report(items.line, f"The column `{column}` is empty: write its values.")
        factors.append([_item(file, column, item, lines) for item in items.items])
    rows: dict[str, Row] = {}
    for combination in itertools.product(*factors):
        if any(word is None for word, _ in combination):
            continue  # already reported
        name = "-".join(word for word, _ in combination if word)
        if name in rows:
            file.report(node.line, f"Two combinations have the id `{name}`: give one of their values another `id`.")
        rows[name] = _combined(file, name, node, [row for _, row in combination])
    return rows


def _item(file: Reader, column: str, node: Node, lines: dict[str, int]) -> tuple[str | None, Row]:
    """Read one item of a column: a value, or a row with `id`; return its word in the ids of the cases."""
    if not isinstance(node, Mapping):
        return _word(file, column, node), Row(node, {column: node})
    cells = list(file.named(node, f"An item of `{column}`", "{id: word, column: value}"))
    if column not in (name for name, _, _ in cells):
        file.report(node.line, f"This item of the column `{column}` does not say what `{column}` is: add the key.")
        return None, Row(node)
    row = _row(file, node, (cell for cell in cells if cell[0] != "id"), lines)
    return _word(file, column, next((value for name, _, value in cells if name == "id"), row.columns[column])), row


def _word(file: Reader, column: str, node: Node) -> str | None:
    if isinstance(node, Scalar) and ID.fullmatch(node.text):
        return node.text
    written = in_lua(node) if isinstance(node, Scalar) else "a list or map"
    file.report(
        node.line,
        f"An id cannot be made of {written}, an item of the column `{column}`:"
        f" write it as {{id: word, {column}: value}}, with a lower-case word.",
    )
    return None


def _combined(file: Reader, name: str, place: Node, rows: list[Row]) -> Row:
    """Join the items of a combination: add up `covers` and `needs`, and intersect `dialects`."""
    combined = Row(place)
    for row in rows:
        for column, value in row.columns.items():
            if column in combined.columns:
                file.report(row.place.line, f"The column `{column}` has two values in the case `{name}`: remove one.")
            combined.columns[column] = value
        for key, value in row.own.items():
            earlier = combined.own.get(key)
            if earlier is None:
                combined.own[key] = value
            elif key in _ADDED:
                combined.own[key] = _joined(earlier, value)
            elif key == "dialects" and isinstance(earlier, Sequence) and isinstance(value, Sequence):
                shared = {item.value for item in value.items if isinstance(item, Scalar)}
                both = [item for item in earlier.items if isinstance(item, Scalar) and item.value in shared]
                if not both:
                    file.report(value.line, f"The case `{name}` is for no dialect: let its columns share one.")
                combined.own[key] = Sequence(value.line, list(both))
            else:
                file.report(value.line, f"The case `{name}` gets `{key}` from two columns: remove one.")
    return combined


def fill_in(template: dict[str, Node], row: Row, used: set[str]) -> dict[str, Node]:
    """Return the keys of the behaviour with the row filled in, and note the columns that it uses.

    A column's value may contain other columns, which are replaced first.
    """
    columns = {name: _put_in(value, row.columns, used) for name, value in row.columns.items()}
    joined = dict(template)
    for key in _REPLACED:
        if key in row.own:
            joined[key] = row.own[key]
    for key in _ADDED:
        if key in row.own:
            joined[key] = _joined(template.get(key), row.own[key])
    put: dict[str, Node] = {}
    for key, value in joined.items():
        if key in ("says", "hint"):
            put[key] = _prose(value, columns, used)
        elif key == "id":
            put[key] = value
        else:
            naming = key in ("covers", "given")
            put[key] = _put_in(value, columns, used, naming=naming, sentences=key == "disagrees")
    return put


def _put_in(
    node: Node, columns: dict[str, Node], used: set[str], *, naming: bool = False, sentences: bool = False
) -> Node:
    """Replace `$column` everywhere and `{column}` in names; return the same node if nothing changes."""
    if isinstance(node, Scalar):
        if not isinstance(node.value, str):
            return node
        if node.value.startswith("$") and node.value[1:] in columns:
            used.add(node.value[1:])
            return columns[node.value[1:]]
        if sentences:
            return _prose(node, columns, used)
        if not naming or "{" not in node.value:
            return node
        name = fill_name(node.value, columns, used)
        return Scalar(node.line, name, name)
    if isinstance(node, Sequence):
        items = [_put_in(item, columns, used, naming=naming, sentences=sentences) for item in node.items]
        return node if all(map(_same, items, node.items)) else Sequence(node.line, items)
    pairs = {
        identity: (key, _put_in(value, columns, used, naming=naming or identity in _NAMING, sentences=sentences))
        for identity, (key, value) in node.pairs.items()
    }
    if all(new[1] is old[1] for new, old in zip(pairs.values(), node.pairs.values(), strict=True)):
        return node
    return Mapping(node.line, pairs)


def _same(one: object, other: object) -> bool:
    return one is other


def _prose(node: Node, columns: dict[str, Node], used: set[str]) -> Node:
    """Replace `{column}` in a sentence by its value in Lua's notation."""
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        return node
    return Scalar(node.line, node.text, fill_sentence(node.value, columns, used))


def _joined(common: Node | None, own: Node) -> Node:
    """Return the list of a behaviour followed by the list of its row."""
    if isinstance(common, Sequence) and isinstance(own, Sequence):
        return Sequence(own.line, common.items + own.items)
    return own
