"""Case tables: how a row is put into the template that it belongs to.

What lives here: replacing columns by cells, in nodes and in prose. What may not: what the rows and columns have to be
(``loader``).
"""

from __future__ import annotations

import re
from typing import Final

from luasocket_spec.nodes import Mapping, Node, Scalar, Sequence
from luasocket_spec.reading import in_lua

_COLUMN: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def put_in(node: Node, row: dict[str, Node], used: set[str]) -> Node:
    """Replace every string `$column` by the value of the row; what has none is shared."""
    if isinstance(node, Scalar):
        name = node.value[1:] if isinstance(node.value, str) and node.value.startswith("$") else None
        if name is None or name not in row:
            return node
        used.add(name)
        return row[name]
    if isinstance(node, Sequence):
        items = [put_in(item, row, used) for item in node.items]
        return node if all(map(_same, items, node.items)) else Sequence(node.line, items)
    pairs = {identity: (key, put_in(value, row, used)) for identity, (key, value) in node.pairs.items()}
    if all(new[1] is old[1] for new, old in zip(pairs.values(), node.pairs.values(), strict=True)):
        return node
    return Mapping(node.line, pairs)


def _same(one: object, other: object) -> bool:
    return one is other


def prose(text: str, row: dict[str, Node], used: set[str]) -> str:
    """Replace `{column}` by the value of the row, in Lua's notation; a list is written as arguments are."""

    def word(match: re.Match[str]) -> str:
        node = row.get(match[1])
        if node is None:
            return match[0]
        used.add(match[1])
        if isinstance(node, Sequence):
            return ", ".join(map(in_lua, node.items))
        return in_lua(node, quoted=False)

    return _COLUMN.sub(word, text)
