"""Reads the values of a rule that are computed from its variables: arguments, and results of the port."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from luasocket_spec import model as m
from luasocket_spec.reading.nodes import Mapping, Node, Scalar, Sequence
from luasocket_spec.reading.values import Scope, ValueReader

from luasocket_runners.quirks.model import Beginning, Behind, Ending, Ignoring, Kept, Listed, Product, Slice, Sum

__all__ = ["ComputedReader", "Reader", "below"]

#: Reads a map, with the names that are known there.
Reader: TypeAlias = Callable[[Mapping, Scope], m.SpecValue]


class ComputedReader(ValueReader):
    """Reads maps such as ``{product: [$seconds, 1000]}`` and ``{behind: [$prefix, $data]}``."""

    def reader_of(self, node: Mapping, *, argument: bool) -> Reader | None:
        """Return what reads a node, among the arguments that a rule passes or the results of the port.

        None: it is a value as in behaviours.
        """
        readers: dict[str, Reader] = {"size": partial(self._slice, key="size")}
        if argument:
            readers |= {"product": self._product, "slice": partial(self._slice, key="slice")}
        else:
            readers |= {
                "ignoring": self._string_like,
                "ending": self._string_like,
                "kept": self._string_like,
                "behind": self._behind,
                "beginning": self._beginning,
                "sum": self._sum,
                "listed": self._listed,
            }
            if _has_sizes(node):
                readers["between"] = self._sizes_between
        return next((reader for key, reader in readers.items() if key in node.pairs), None)

    def _product(self, node: Mapping, scope: Scope) -> m.SpecValue:
        found = self.map(node, "A product", ("product",), ("product",))
        items = self.items(found["product"], "`product`", "[$seconds, 1000]") if found else []
        if len(items) == 2:
            value = self.value(items[0], scope, expected=False)
            factor = items[1].value if isinstance(items[1], Scalar) else None
            if isinstance(factor, int | float) and not isinstance(factor, bool) and isinstance(value, m.Ref):
                return Product(value, factor)
        self.wrong(node, "`product` is a variable and a number", "{product: [$seconds, 1000]}")
        return None

    def _slice(self, node: Mapping, scope: Scope, key: str) -> m.SpecValue:
        found = self.map(node, f"A {key}", (key,), (key,))
        items = self.items(found[key], f"`{key}`", "[$data, $i, $j]") if found else []
        values = [
            m.Splice() if isinstance(item, Scalar) and item.value == "$..." else self.value(item, scope, expected=False)
            for item in items
        ]
        least = 1 if key == "size" else 2
        if least <= len(values) <= 3 and all(isinstance(value, m.Ref) for value in (*values[:-1], values[0])):
            text, *positions = values
            if isinstance(text, m.Ref) and isinstance(values[-1], m.Ref | m.Splice):
                return Slice(text, tuple(positions), counted=key == "size")
        self.wrong(node, f"`{key}` is a variable and one or two positions", f"{{{key}: [$data, $i, $j]}}")
        return None

    def _string_like(self, node: Mapping, scope: Scope) -> m.SpecValue:
        key = next(key for key in ("ignoring", "ending", "kept") if key in node.pairs)
        found = self.map(node, f"`{key}`", (key,), (key,))
        if found and key != "ignoring":
            value = self.value(found[key], scope, expected=False)
            if isinstance(value, m.Ref):
                return Ending(value) if key == "ending" else Kept(value)
        elif found:
            items = self.items(found[key], "`ignoring`", r'["\r", $line]')
            values = [self.value(item, scope, expected=False) for item in items]
            if len(values) == 2 and isinstance(values[0], bytes) and values[0] and isinstance(values[1], m.Ref):
                return Ignoring(values[0], values[1])
        self.wrong(node, f"`{key}` needs a variable", r'{ignoring: ["\r", $line]}, {ending: $data}, or {kept: $data}')
        return None

    def _variable(self, node: Node, scope: Scope) -> m.Ref | None:
        """Read a variable; anything else is None."""
        value = None if isinstance(node, Mapping | Sequence) else self.value(node, scope, expected=False)
        return value if isinstance(value, m.Ref) else None

    def _behind(self, node: Mapping, scope: Scope) -> Behind | None:
        found = self.map(node, "`behind`", ("behind",), ("behind",))
        items = self.items(found["behind"], "`behind`", "[$prefix, $data]") if found else []
        variables = [self._variable(item, scope) for item in items]
        if len(variables) == 2 and variables[0] is not None and variables[1] is not None:
            return Behind(variables[0], variables[1])
        self.wrong(node, "`behind` has two variables, the prefix and the string", "{behind: [$prefix, $data]}")
        return None

    def _beginning(self, node: Mapping, scope: Scope) -> m.SpecValue:
        found = self.map(node, "`beginning`", ("beginning", "bytes", "below"), ("beginning",))
        start = found.get("beginning")
        value: m.Ref | Behind | None = None
        if isinstance(start, Mapping) and "behind" in start.pairs:
            value = self._behind(start, scope)
        elif start is not None:
            value = self._variable(start, scope)
        keys = [key for key in ("bytes", "below") if key in found]
        items = self.items(found[keys[0]], f"`{keys[0]}`", "[$count, $prefix]") if keys else []
        sizes = [self._variable(item, scope) for item in items]
        if value is not None and None not in sizes and len(keys) < 2:
            return Beginning(value, tuple(size for size in sizes if size is not None), fewer="below" in keys)
        what = "`beginning` needs a variable, and `bytes` or `below` a list of them"
        self.wrong(node, what, "{beginning: $data, bytes: [$n]}")
        return None

    def _number_or_size(self, node: Node, scope: Scope) -> Slice | float | None:
        """Read a number, or the number of bytes of a part of a string; anything else is None."""
        if isinstance(node, Mapping) and "size" in node.pairs:
            size = self._slice(node, scope, "size")
            return size if isinstance(size, Slice) else None
        value = node.value if isinstance(node, Scalar) else None
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None

    def _sum(self, node: Mapping, scope: Scope) -> m.SpecValue:
        found = self.map(node, "A sum", ("sum",), ("sum",))
        parts: list[m.Ref | Slice | float | None] = []
        for item in self.items(found["sum"], "`sum`", "[$i, {size: [$data, $i]}, -1]") if found else []:
            number = self._number_or_size(item, scope)
            parts.append(self._variable(item, scope) if number is None else number)
        if len(parts) > 1 and None not in parts:
            return Sum(tuple(part for part in parts if part is not None))
        self.wrong(node, "`sum` has variables, sizes and numbers", "{sum: [$i, {size: [$data, $i]}, -1]}")
        return None

    def _sizes_between(self, node: Mapping, scope: Scope) -> m.SpecValue:
        """Read a `between` with a `size` among its bounds."""
        found = self.map(node, "`between`", ("between",), ("between",))
        items = self.items(found["between"], "`between`", "[1, {size: [$data]}]") if found else []
        bounds = [self._number_or_size(item, scope) for item in items]
        if len(bounds) == 2 and None not in bounds:
            return m.Between(bounds[0], bounds[1])
        self.wrong(node, "`between` has two bounds, numbers or sizes", "{between: [1, {size: [$data]}]}")
        return None

    def _listed(self, node: Mapping, scope: Scope) -> m.SpecValue:
        found = self.map(node, "`listed`", ("listed",), ("listed",))
        value = self.value(found["listed"], scope, expected=False) if found else None
        if isinstance(value, m.Ref):
            return Listed(value)
        self.wrong(node, "`listed` needs a variable", "{listed: $ready}")
        return None


def _has_sizes(node: Node) -> bool:
    """Tell whether a node is a `between` with a map among its bounds."""
    bounds = below(node, "between")
    return isinstance(bounds, Sequence) and any(isinstance(item, Mapping) for item in bounds.items)


def below(node: Node | None, key: str) -> Node | None:
    """Return the value of a key of a map, if there is one."""
    pair = node.pairs.get(key) if isinstance(node, Mapping) else None
    return None if pair is None else pair[1]
