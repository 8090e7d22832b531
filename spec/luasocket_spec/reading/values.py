"""Reads values and matchers, and checks the names that they use.

Binding names is left to ``steps``, which reads the keys around the values: ``with``, ``returns``, ``is`` and so on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, Literal, cast

from luasocket_spec import model as m
from luasocket_spec.reading.forms import Reader, in_lua, listed
from luasocket_spec.reading.nodes import REFUSED, Mapping, Node, Scalar, Sequence
from luasocket_spec.reading.problems import nearest

NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
DOTTED: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
#: Names that a handle cannot have, because they have another meaning in a step.
RESERVED: Final = frozenset({"self", "socket", "coroutine", "tostring", "type", "rawequal", "host"})
#: Names that the runner binds before the first step.
KNOWN: Final = frozenset({
    "host.name", "host.flood", "host.flood.size", "host.flood.most", "host.dual", "host.pair", "host.official",
    "host.alias", "host.group", "host.group6",
})  # fmt: skip
#: The name of the handle that a fixture makes.
SELF: Final = "self"
VALUE_KEYS: Final = (
    "table", "repeat", "concat", "type", "between", "pattern", "one_of", "fields", "keyed", "length", "list_of",
    *m.SUBTYPES,
)  # fmt: skip
#: Syntax of Python's regular expressions that ECMAScript or RE2 lack or read differently.
_UNSHARED: Final = re.compile(r"(?<!\\)(?:\\\\)*(\(\?(?!:)|\\[1-9AZzGK]|[*+?}]\+)")


@dataclass(slots=True)
class Scope:
    """The names and peers that the steps read so far have made."""

    place: Literal["behaviour", "fixture", "function"]
    names: set[str] = field(default_factory=set)
    functions: frozenset[str] = frozenset()
    used: set[str] = field(default_factory=set)  #: functions that a value names
    columns: frozenset[str] = frozenset()
    peers: dict[str, frozenset[str]] = field(default_factory=dict)  #: the possible kinds of each; empty: unknown
    dialects: tuple[m.Dialect, ...] = m.DIALECTS
    forked: bool = False  #: a step has readings `documented` and `observed`
    checks: bool = False  #: a step checks a result of the port
    inspects: int | None = None  #: the line of the first step with `system`
    keeps: int | None = None  #: the line of the first call with `keep`
    interrupts: int | None = None  #: the line of the first `interrupt`
    calls: int | None = None  #: the line of the first `make` with `calls`
    inherits: int | None = None  #: the line of the first `make` with `inherits`
    subtypes: int | None = None  #: the line of the first matcher of a subtype
    unsure: bool = False  #: a step or fixture was unreadable: it may have bound an unknown name
    bound: set[str] = field(default_factory=set)  #: every name ever made, even if dropped


class ValueReader(Reader):
    """Reads values in a scope."""

    def value(self, node: Node, scope: Scope, *, expected: bool) -> m.SpecValue:
        """Read a value; matchers are allowed only where one is expected."""
        if isinstance(node, Scalar):
            return self._scalar_value(node, scope)
        if isinstance(node, Sequence):
            items = [self.value(item, scope, expected=expected) for item in node.items]
            for item, written in zip(items, node.items, strict=True):
                self._no_nil(item, written)
            return m.TableSpec(tuple(enumerate(items, 1)))
        return self._tagged(node, scope, expected=expected)

    def _no_nil(self, value: m.SpecValue, node: Node) -> None:
        if value is None and isinstance(node, Scalar) and node.value is None:
            self.report(node.line, "A Lua table cannot hold nil: leave the entry out, or write {table: [[2, v]]}.")

    def _scalar_value(self, node: Scalar, scope: Scope) -> m.SpecValue:
        value = node.value
        if not isinstance(value, str):
            return None if value is REFUSED else cast(m.SpecValue, value)
        if not value.startswith("$"):
            return self.encoded(node, value)
        if value.startswith("$$"):
            return self.encoded(node, value[1:])
        name = value[1:]
        if name == "...":
            self.report(
                node.line, "`$...` stands for the arguments of a function: use it only in the lists of `functions`."
            )
            return None
        if name in scope.functions:
            scope.used.add(name)
        else:
            self.bound(node, name, scope, written=value)
        return m.Ref(name)

    def bound(self, node: Scalar, name: str, scope: Scope, written: str) -> None:
        """Report a name that no earlier step has bound."""
        if name in scope.names or name in KNOWN or scope.unsure:
            return
        if not DOTTED.fullmatch(name):
            self.report(node.line, f'`{written}` is not a name: write "${written}" for the string `{written}`.')
        elif name in scope.bound:
            self.report(node.line, f"`{name}` has been dropped before: use it earlier, or bind it again.")
        else:
            hint = nearest(name, sorted(scope.names | scope.functions | scope.columns))
            if not hint and f"{name}.port" in scope.names:
                hint = f" It has the fields `${name}.ip` and `${name}.port`."
            literal = f' (The string is written "${written}".)' if written.startswith("$") else ""
            self.report(
                node.line, f"Nothing is bound to `{name}` before this: bind it with `as` or `given`.{hint}{literal}"
            )

    def arguments(self, node: Node, scope: Scope, what: str, *, expected: bool) -> tuple[m.SpecValue, ...]:
        """Read a list of arguments or results."""
        values: list[m.SpecValue] = []
        for item in self.items(node, what, "[1, text]"):
            if isinstance(item, Scalar) and item.value == "$..." and scope.place == "function":
                values.append(m.Splice())
            else:
                values.append(self.value(item, scope, expected=expected))
        return tuple(values)

    def _entries(
        self, node: Node, scope: Scope, what: str, *, expected: bool
    ) -> tuple[tuple[m.SpecValue, m.SpecValue], ...]:
        """Read a table: a map, or a list of pairs. In ``fields``, nil means that the field is absent."""
        pairs: list[tuple[Node, Node]] = []
        if isinstance(node, Mapping):
            pairs.extend(node.pairs.values())
        elif isinstance(node, Sequence):
            for item in node.items:
                if isinstance(item, Sequence) and len(item.items) == 2:
                    pairs.append((item.items[0], item.items[1]))
                else:
                    self.wrong(item, f"An entry of `{what}` is a pair", "`[key, value]`")
        else:
            self.wrong(node, f"`{what}` is a map or a list of pairs", "`{name: value}` or `[[key, value]]`")
        entries: dict[object, tuple[m.SpecValue, m.SpecValue]] = {}
        for key_node, value_node in pairs:
            key = self.value(key_node, scope, expected=False)
            if isinstance(key_node, Scalar) and (key_node.value is None or key_node.value != key_node.value):
                self.report(key_node.line, f"A Lua table cannot have the key {in_lua(key_node)}: choose another.")
            identity = ("boolean", key) if isinstance(key, bool) else key
            if identity in entries:
                self.report(key_node.line, f"The key {in_lua(key_node)} is here twice: remove one.")
            value = self.value(value_node, scope, expected=expected)
            if what == "table":
                self._no_nil(value, value_node)
            entries[identity] = (key, value)
        return tuple(entries.values())

    def _tagged(self, node: Mapping, scope: Scope, *, expected: bool) -> m.SpecValue:
        """Read a map with a tag: a table, a built string, or a matcher."""
        keys = [str(key.value) for key, _ in node.pairs.values()]
        tags = [key for key in keys if key in VALUE_KEYS]
        if len(tags) != 1:
            hint = nearest(keys[0], VALUE_KEYS) if keys and not tags else ""
            written = f"has {listed(tags)}" if tags else f"has {listed(keys)}" if keys else "is empty"
            hint = hint or " A plain table is written {table: {name: value}}."
            self.report(node.line, f"A map among values has one of {listed(VALUE_KEYS)}; this one {written}.{hint}")
            return None
        tag = tags[0]
        known = ("repeat", "times") if tag == "repeat" else (tag,)
        given = self.map(node, f"A value with `{tag}`", known, known)
        if len(given) < len(known):
            return None
        if tag in {"table", "repeat", "concat"}:
            return self._built(tag, given, scope, expected=expected)
        if not expected:
            self.report(
                node.line, f"`{tag}` is a matcher, but a value is given here, not expected: write the value itself."
            )
            return None
        return self._matcher(tag, given[tag], scope)

    def _built(self, tag: str, given: dict[str, Node], scope: Scope, *, expected: bool) -> m.SpecValue:
        node = given[tag]
        if tag == "table":
            return m.TableSpec(self._entries(node, scope, tag, expected=expected))
        if tag == "repeat":
            text = self.value(node, scope, expected=False)
            if not isinstance(text, bytes):
                self.wrong(node, "`repeat` is a string", '{repeat: "x", times: 100}')
                text = b""
            return m.Repeat(text, self.integer(given["times"], "`times`"))
        parts = []
        for item in self.items(node, "`concat`", '[a, {repeat: "x", times: 100}]'):
            part = self.value(item, scope, expected=False)
            if not isinstance(part, (bytes, m.Ref, m.Repeat, m.Concat)):
                self.wrong(item, "A part of `concat` is a string", '"text"')
            parts.append(part)
        return m.Concat(tuple(parts))

    def _matcher(self, tag: str, node: Node, scope: Scope) -> m.SpecValue:
        if tag == "type":
            if isinstance(node, Sequence):
                return m.OfType(self.words(node, "`type`", m.TYPES))
            return m.OfType((self.word(node, "The type", m.TYPES) or "any",))
        if tag == "between":
            return self._between(node, scope)
        if tag == "pattern":
            return self._pattern(node)
        if tag == "fields":
            return m.Fields(self._entries(node, scope, tag, expected=True))
        if tag == "length":
            return m.Length(self.integer(node, "`length`"))
        if tag in m.SUBTYPES:
            if scope.subtypes is None:
                scope.subtypes = node.line
            number = self.value(node, scope, expected=True)
            if isinstance(number, bool) or not isinstance(number, (int, float, m.Ref, m.OfType, m.Between)):
                self.wrong(node, f"`{tag}` has a number, or a matcher of numbers", "{float: 5}")
            return m.Subtype(tag, number)
        if tag == "list_of":
            return m.ListOf(self.value(node, scope, expected=True))
        items = self.items(node, f"`{tag}`")
        if not items and isinstance(node, Sequence) and tag == "one_of":
            self.report(node.line, "`one_of` is empty, so that no value meets it: write the choices.")
        values = tuple(self.value(item, scope, expected=True) for item in items)
        return m.OneOf(values) if tag == "one_of" else m.Keyed(values)

    def _between(self, node: Node, scope: Scope) -> m.Between:
        items = self.items(node, "`between`", "[0, 1]")
        if len(items) != 2:
            if isinstance(node, Sequence):
                self.report(node.line, f"`between` has two bounds, not {len(items)}: write [low, high].")
            return m.Between(0, 0)
        low, high = (self.value(item, scope, expected=False) for item in items)
        for value, item in ((low, items[0]), (high, items[1])):
            if isinstance(value, bool) or not isinstance(value, (int, float, m.Ref)):
                self.wrong(item, "A bound of `between` is a number", "[0, 1]")
        if isinstance(low, (int, float)) and isinstance(high, (int, float)) and not low <= high:
            self.report(node.line, f"No number is between {low} and {high}: write the lower bound first.")
        return m.Between(low, high)

    def _pattern(self, node: Node) -> m.Pattern:
        regex = self.text(node, "`pattern`")
        try:
            re.compile(regex)
        except re.error as error:
            self.report(node.line, f"The pattern `{regex}` is not a regular expression ({error}): correct it.")
        else:
            unshared = _UNSHARED.search(regex)
            if unshared:
                self.report(
                    node.line,
                    f"The pattern has `{unshared[1]}`, which ECMAScript, Python and RE2 do not share: avoid it.",
                )
        return m.Pattern(regex)

    # -- names

    def name(self, node: Node, scope: Scope, what: str) -> str | None:
        """Read a name that is being bound."""
        name = self.text(node, what)
        if not isinstance(node, Scalar) or not name:
            return None
        clash = name in scope.functions or name in scope.columns
        if not NAME.fullmatch(name):
            self.report(node.line, f"{what} `{name}` is not a name: use letters, digits and `_`, without `$`.")
        elif name in RESERVED and not (name == SELF and scope.place == "fixture"):
            self.report(
                node.line, f"{what} cannot be `{name}`, which has a meaning of its own here: choose another name."
            )
        elif clash:
            kind = "a function" if name in scope.functions else "a column of `cases`"
            self.report(node.line, f"{what} cannot be `{name}`, which is {kind}: choose another name.")
        else:
            return name
        return None

    def bind(self, name: str, scope: Scope) -> None:
        """Make a name known to the steps that follow."""
        scope.names.add(name)
        scope.bound.add(name)
