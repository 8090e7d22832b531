"""Reads the data of the spec into the objects of ``model``, and refuses whatever is not exactly right.

What lives here: what each key of ``spec/FORMAT.md`` means, and every rule that a file has to keep. What may not: the
syntax of YAML (``nodes``), keeping what was read (``cache``), playing or comparing anything.

All problems of a load are reported together. Whatever is wrong is reported where it stands, once, and reading goes on
with a stand-in; so a stand-in may be anything of the right type and never leaves this module.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field, replace
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final, Literal, TypeAlias, TypeVar, cast

from luasocket_spec import model as m
from luasocket_spec.capabilities import CAPABILITIES
from luasocket_spec.nodes import REFUSED, Mapping, Node, Scalar, Sequence, read
from luasocket_spec.problems import Problem, SpecError, nearest

#: The version of the spec, which reports carry: a new behaviour is a minor release; a changed meaning is a new id.
VERSION: Final = "0.1.0"

#: Lua's own functions that a step may call, beside those of the module.
LUA_FUNCTIONS: Final = ("tostring", "type", "rawequal", "coroutine.wrap", "coroutine.yield")

_ID: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_STATEMENT: Final = re.compile(r"[A-Za-z0-9_.:]+/[a-z0-9]+(-[a-z0-9]+)*")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DOTTED: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_METHOD: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*):([A-Za-z_][A-Za-z0-9_]*)")
_COLUMN: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
#: Names that a handle cannot have: they stand for something else where a step is read.
_RESERVED: Final = frozenset({"self", "socket", "coroutine", "tostring", "type", "rawequal"})

_VERBS: Final = ("call", "get", "set", "make", "drop", "called", "peer")
_OUTCOMES: Final = ("returns", "raises", "succeeds")
_ROW_KEYS: Final = ("says", "hint", "needs", "cites", "dialects")
_VALUE_KEYS: Final = ("table", "repeat", "concat", "type", "between", "pattern", "one_of", "fields", "keyed", "length")
#: What Python's regular expressions have and ECMAScript's or RE2's have not, or mean otherwise.
_UNSHARED: Final = re.compile(r"(?<!\\)(?:\\\\)*(\(\?(?!:)|\\[1-9AZzGK]|[*+?}]\+)")

_SELF: Final = "self"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Action:
    """What a peer's action takes, and what the peer is before and after it."""

    argument: Literal["address", "port", "bytes", "count", "seconds", "true", "word"]
    options: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    makes: str | None = None  #: what the peer becomes: a new one, unless ``on`` says otherwise
    on: tuple[str, ...] = ()  #: what the peer must be one of; empty: it is made by this
    bind: Literal["address", "bytes", None] = None
    checks: bool = False  #: whether it can fail through the port's fault


_ACTIONS: Final[dict[str, _Action]] = {
    "listen": _Action("address", ("backlog", "small_buffers"), makes="listener", bind="address"),
    "accept": _Action("true", makes="connection", on=("listener",)),
    "connect": _Action("port", ("to", "small_buffers"), makes="connection", bind="address"),
    "refuse": _Action("address", makes="refuser", bind="address"),
    "udp": _Action("address", makes="udp", bind="address"),
    "refuse_udp": _Action("address", makes="refuser", bind="address"),
    "send": _Action("bytes", ("to", "ip"), on=("connection", "udp")),
    "drip": _Action("bytes", ("every", "times", "to", "ip"), on=("connection", "udp")),
    "receive": _Action("bytes", on=("connection", "udp"), bind="address", checks=True),
    "receive_bytes": _Action("count", on=("connection",), bind="bytes", checks=True),
    "drain": _Action("true", on=("connection",)),
    "nothing_for": _Action("seconds", on=("connection", "udp"), checks=True),
    "expect": _Action("word", words=("closed", "reset", "open"), on=("connection",), checks=True),
    "shutdown": _Action("word", words=("send", "receive", "both"), on=("connection",)),
    "close": _Action("true", makes="closed", on=("listener", "connection", "udp", "refuser")),
    "reset": _Action("true", makes="closed", on=("connection",)),
}
#: What a peer is called in sentences.
_KINDS: Final = {
    "listener": "listens",
    "connection": "has a connection",
    "udp": "has a UDP socket",
    "refuser": "holds a port that refuses",
    "closed": "is closed",
}


@dataclass(slots=True)
class _Scope:
    """What the steps read so far have made."""

    place: Literal["behaviour", "fixture", "function"]
    names: set[str] = field(default_factory=set)
    functions: frozenset[str] = frozenset()
    used: set[str] = field(default_factory=set)  #: functions that a value names
    columns: frozenset[str] = frozenset()
    peers: dict[str, frozenset[str]] = field(default_factory=dict)  #: what each is; empty: cannot be known
    dialects: tuple[m.Dialect, ...] = m.DIALECTS
    forked: bool = False  #: a step has readings `documented` and `observed`
    checks: bool = False  #: a step demands something of the port
    bound: set[str] = field(default_factory=set)  #: every name ever made, even if dropped


class _File:
    """Reads one file; holds where it is and what is wrong with it."""

    def __init__(self, path: str, problems: dict[Problem, None]) -> None:
        self.path = path
        self._problems = problems

    # -- places and problems

    def report(self, line: int, sentence: str) -> None:
        """Note a problem once; a case table reads the same line for each row."""
        self._problems[Problem(self.path, line, sentence)] = None

    def source(self, node: Node) -> m.Source:
        """Return the place of a node."""
        return m.Source(self.path, node.line)

    def wrong(self, node: Node, what: str, example: str) -> None:
        """Report a node of a wrong type, unless it has been reported already."""
        if isinstance(node, Scalar) and node.value is REFUSED:
            return
        self.report(node.line, f"{what}, not {_kind(node)}: write it as {example}.")

    # -- maps with fixed keys

    def map(
        self, node: Node, what: str, known: Iterable[str], required: Iterable[str] = (), example: str = "key: value"
    ) -> dict[str, Node]:
        """Return the values of a map by key; report unknown and missing keys."""
        if not isinstance(node, Mapping):
            self.wrong(node, f"{what} is a map", f"`{example}`")
            return {}
        found: dict[str, Node] = {}
        for key, value in node.pairs.values():
            if isinstance(key.value, str) and key.value in known:
                found[key.value] = value
            else:
                hint = nearest(key.text, known) or f" It knows {_listed(known)}."
                self.report(key.line, f"{what} knows no key `{key.text}`.{hint}")
        for name in required:
            if name not in found:
                self.report(node.line, f"{what} lacks the key `{name}`: add it.")
        return found

    def named(self, node: Node, what: str, example: str) -> Iterator[tuple[str, Scalar, Node]]:
        """Yield the entries of a map whose keys are free strings."""
        if not isinstance(node, Mapping):
            self.wrong(node, f"{what} is a map", f"`{example}`")
            return
        for key, value in node.pairs.values():
            if isinstance(key.value, str):
                yield key.value, key, value
            else:
                self.wrong(key, f"A key of {what} is a string", f'"{key.text}"')

    def items(self, node: Node, what: str, example: str = "[a, b]") -> list[Node]:
        """Return the items of a list."""
        if isinstance(node, Sequence):
            return node.items
        self.wrong(node, f"{what} is a list", f"`{example}`")
        return []

    # -- scalars

    def text(self, node: Node, what: str) -> str:
        """Return a string that is not empty."""
        if isinstance(node, Scalar) and isinstance(node.value, str):
            if not node.value.strip():
                self.report(node.line, f"{what} is empty: write something, or strike the key.")
            return node.value
        self.wrong(node, f"{what} is a string", '"text"')
        return ""

    def word(self, node: Node, what: str, known: Iterable[str]) -> str | None:
        """Return one of the known words, or None after a report."""
        if isinstance(node, Scalar) and isinstance(node.value, str):
            if node.value in known:
                return node.value
            hint = nearest(node.value, known) or f" Known: {_listed(known)}."
            self.report(node.line, f"{what} `{node.value}` is not known.{hint}")
        else:
            self.wrong(node, f"{what} is a word", _listed(known))
        return None

    def number(self, node: Node, what: str, *, above: float = -math.inf) -> float:
        """Return a finite number of seconds or the like, at least zero; more than ``above``."""
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            self.wrong(node, f"{what} is a number", "0.05")
            return 0.0
        if not math.isfinite(value) or value < 0 or value <= above:
            least = "more than 0" if above == 0 else "0 or more"
            self.report(node.line, f"{what} is {least} and finite, not {cast(Scalar, node).text}.")
            return 0.0
        return float(value)

    def integer(self, node: Node, what: str, least: int = 0) -> int:
        """Return a whole number that is at least ``least``."""
        value = node.value if isinstance(node, Scalar) else None
        if isinstance(value, bool) or not isinstance(value, int):
            self.wrong(node, f"{what} is a whole number", "3")
        elif value < least:
            self.report(node.line, f"{what} is {least} or more, not {value}.")
        else:
            return value
        return least

    def yes(self, node: Node, what: str) -> bool:
        """Demand `true`."""
        if not (isinstance(node, Scalar) and node.value is True):
            self.wrong(node, f"{what} can only be true", "`true`, or strike it")
        return True

    def words(self, node: Node, what: str, known: Iterable[str]) -> tuple[str, ...]:
        """Return a list of known words, each once."""
        found: dict[str, None] = {}
        for item in self.items(node, what):
            word = self.word(item, f"{what}:", known)
            if word in found:
                self.report(item.line, f"{what} names `{word}` twice: strike one.")
            if word is not None:
                found[word] = None
        return tuple(found)

    def encoded(self, node: Scalar, text: str) -> bytes:
        """Return the bytes of a string, which is Latin-1."""
        try:
            return text.encode("latin-1")
        except UnicodeEncodeError as error:
            character = text[error.start]
            self.report(
                node.line,
                f"A string is bytes, and {character!r} (U+{ord(character):04X}) is none:"
                f' write the bytes that are meant, as in "\\xe2\\x82\\xac".',
            )
            return b""

    # -- values

    def value(self, node: Node, scope: _Scope, *, expected: bool) -> m.SpecValue:
        """Read a value; matchers and so on may only stand where one is expected."""
        if isinstance(node, Scalar):
            return self._scalar_value(node, scope)
        if isinstance(node, Sequence):
            items = [self.value(item, scope, expected=expected) for item in node.items]
            for item, written in zip(items, node.items, strict=True):
                self._no_nil(item, written)
            return m.Table(tuple(enumerate(items, 1)))
        return self._tagged(node, scope, expected=expected)

    def _no_nil(self, value: m.SpecValue, node: Node) -> None:
        if value is None and isinstance(node, Scalar) and node.value is None:
            self.report(node.line, "A table of Lua's holds no nil: leave the entry out, or write {table: [[2, v]]}.")

    def _scalar_value(self, node: Scalar, scope: _Scope) -> m.SpecValue:
        value = node.value
        if not isinstance(value, str):
            return None if value is REFUSED else cast(m.SpecValue, value)
        if not value.startswith("$"):
            return self.encoded(node, value)
        if value.startswith("$$"):
            return self.encoded(node, value[1:])
        name = value[1:]
        if name == "...":
            self.report(node.line, "`$...` stands for the arguments of a function: it belongs into the lists of `functions`.")
            return None
        if name in scope.functions:
            scope.used.add(name)
        else:
            self.bound(node, name, scope, written=value)
        return m.Ref(name)

    def bound(self, node: Scalar, name: str, scope: _Scope, written: str) -> None:
        """Report a name that no earlier step has made."""
        if name in scope.names:
            return
        if not _DOTTED.fullmatch(name):
            self.report(node.line, f'`{written}` is no name: write "${written}" for the string `{written}`.')
        elif name in scope.bound:
            self.report(node.line, f"`{name}` has been dropped before: use it earlier, or bind it anew.")
        else:
            hint = nearest(name, sorted(scope.names | scope.functions | scope.columns))
            if not hint and f"{name}.port" in scope.names:
                hint = f" It has the fields `${name}.ip` and `${name}.port`."
            literal = f' (The string is written "${written}".)' if written.startswith("$") else ""
            self.report(node.line, f"Nothing is bound to `{name}` before this: bind it with `as` or `given`.{hint}{literal}")

    def arguments(self, node: Node, scope: _Scope, what: str, *, expected: bool) -> tuple[m.SpecValue, ...]:
        """Read a list of arguments or results."""
        values: list[m.SpecValue] = []
        for item in self.items(node, what, "[1, text]"):
            if isinstance(item, Scalar) and item.value == "$..." and scope.place == "function":
                values.append(m.Splice())
            else:
                values.append(self.value(item, scope, expected=expected))
        return tuple(values)

    def _entries(self, node: Node, scope: _Scope, what: str, *, expected: bool) -> tuple[tuple[m.SpecValue, m.SpecValue], ...]:
        """Read a table: a map, or a list of pairs. ``fields`` may hold nil: that field is absent."""
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
                self.report(key_node.line, f"A table of Lua's has no key {_lua(key_node)}: choose another.")
            identity = ("boolean", key) if isinstance(key, bool) else key
            if identity in entries:
                self.report(key_node.line, f"The key {_lua(key_node)} stands here twice: strike one.")
            value = self.value(value_node, scope, expected=expected)
            if what == "table":
                self._no_nil(value, value_node)
            entries[identity] = (key, value)
        return tuple(entries.values())

    def _tagged(self, node: Mapping, scope: _Scope, *, expected: bool) -> m.SpecValue:
        """Read a map with a tag: a table, a built string, or a matcher."""
        keys = [str(key.value) for key, _ in node.pairs.values()]
        tags = [key for key in keys if key in _VALUE_KEYS]
        if len(tags) != 1:
            hint = nearest(keys[0], _VALUE_KEYS) if keys and not tags else ""
            written = f"has {_listed(tags)}" if tags else f"has {_listed(keys)}" if keys else "is empty"
            hint = hint or " A plain table is written {table: {name: value}}."
            self.report(node.line, f"A map among values has one of {_listed(_VALUE_KEYS)}; this one {written}.{hint}")
            return None
        tag = tags[0]
        known = ("repeat", "times") if tag == "repeat" else (tag,)
        given = self.map(node, f"A value with `{tag}`", known, known)
        if len(given) < len(known):
            return None
        if tag in {"table", "repeat", "concat"}:
            return self._built(tag, given, scope, expected=expected)
        if not expected:
            self.report(node.line, f"`{tag}` is a matcher, and here a value is given, not expected: write the very value.")
            return None
        return self._matcher(tag, given[tag], scope)

    def _built(self, tag: str, given: dict[str, Node], scope: _Scope, *, expected: bool) -> m.SpecValue:
        node = given[tag]
        if tag == "table":
            return m.Table(self._entries(node, scope, tag, expected=expected))
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

    def _matcher(self, tag: str, node: Node, scope: _Scope) -> m.SpecValue:
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
        items = self.items(node, f"`{tag}`")
        if not items and isinstance(node, Sequence) and tag == "one_of":
            self.report(node.line, "`one_of` is empty, so nothing meets it: write the choices.")
        values = tuple(self.value(item, scope, expected=True) for item in items)
        return m.OneOf(values) if tag == "one_of" else m.Keyed(values)

    def _between(self, node: Node, scope: _Scope) -> m.Between:
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
            self.report(node.line, f"Nothing is between {low} and {high}: write the lower bound first.")
        return m.Between(low, high)

    def _pattern(self, node: Node) -> m.Pattern:
        regex = self.text(node, "`pattern`")
        try:
            re.compile(regex)
        except re.error as error:
            self.report(node.line, f"The pattern `{regex}` is not a regular expression ({error}): mend it.")
        else:
            unshared = _UNSHARED.search(regex)
            if unshared:
                self.report(
                    node.line,
                    f"The pattern has `{unshared[1]}`, which ECMAScript, Python and RE2 do not share: write it without.",
                )
        return m.Pattern(regex)

    # -- outcomes

    def _outcomes(self, node: Node, reading: m.Reading, scope: _Scope) -> list[tuple[m.Reading, m.Outcome]]:
        """Read what stands under `returns`: a list, `{raises: …}`, or a map of readings to those."""
        if isinstance(node, Sequence):
            return [(reading, m.Returns(self.arguments(node, scope, "`returns`", expected=True)))]
        if not isinstance(node, Mapping):
            self.wrong(node, "`returns` is a list of results", "`[1]`")
            return []
        if [key.value for key, _ in node.pairs.values()] == ["raises"]:
            return [(reading, self._raises(node.pairs["raises"][1], scope))]
        return self._readings(node, reading, scope, self._outcomes)

    def _values_read(self, node: Node, reading: m.Reading, scope: _Scope) -> list[tuple[m.Reading, m.Outcome]]:
        """Read what stands under `is`: a value, or a map of readings to values."""
        if isinstance(node, Mapping) and any(key.value in _READINGS for key, _ in node.pairs.values()):
            return self._readings(node, reading, scope, self._values_read)
        return [(reading, m.Returns((self.value(node, scope, expected=True),)))]

    def _readings(self, node: Mapping, reading: m.Reading, scope: _Scope, leaf: _Leaf) -> list[tuple[m.Reading, m.Outcome]]:
        """Read a map of readings; it has to answer for each value of one axis."""
        found = self.map(node, "A map of readings", (*_READINGS, "raises"))
        axes: list[tuple[str, tuple[str, ...]]] = []
        for axis, names in (("dialect", m.DIALECTS), ("authority", m.AUTHORITIES)):
            if any(name in found for name in names):
                axes.append((axis, names))
        if len(axes) != 1 or "raises" in found:
            if found:
                self.report(
                    node.line,
                    "A map of readings has either `defold` and `luasocket-3`, or `documented` and `observed`: nest one in the other.",
                )
            return []
        axis, names = axes[0]
        if getattr(reading, axis) is not None:
            self.report(node.line, f"The {axis} has been told apart already, outside of this map: write one of the two.")
            return []
        missing = [name for name in names if name not in found]
        if axis == "dialect" and len(scope.dialects) == 1:
            self.report(node.line, f"This is for `{scope.dialects[0]}` only (`dialects`): write its results alone.")
        elif missing:
            self.report(node.line, f"A map of readings lacks `{missing[0]}`: say what it answers there, too.")
        if axis == "authority":
            scope.forked = True
        outcomes = []
        for name, inner in found.items():
            narrowed = replace(reading, dialect=name) if axis == "dialect" else replace(reading, authority=name)
            outcomes.extend(leaf(inner, narrowed, scope))
        return outcomes

    def _raises(self, node: Node, scope: _Scope) -> m.Raises:
        """Read a part of a message, or `{value: V}`."""
        if isinstance(node, Mapping):
            found = self.map(node, "`raises`", ("value",), ("value",))
            return m.Raises(None, self.value(found["value"], scope, expected=True) if found else None)
        text = self.text(node, "`raises`")
        return m.Raises(self.encoded(node, text) if isinstance(node, Scalar) else b"")

    def _expectation(self, node: Node, found: dict[str, Node], scope: _Scope) -> m.Expectation:
        """Read the one of `returns`, `raises`, `succeeds` that a call has."""
        present = [key for key in _OUTCOMES if key in found]
        if len(present) != 1:
            how = f"has {_listed(present)}" if present else "has none"
            self.report(node.line, f"A call has exactly one of {_listed(_OUTCOMES)}; this one {how}.")
        outcomes: list[tuple[m.Reading, m.Outcome]] = []
        if "returns" in found:
            outcomes = self._outcomes(found["returns"], m.Reading(), scope)
        if "raises" in found:
            outcomes = [(m.Reading(), self._raises(found["raises"], scope))]
        if "succeeds" in found:
            self.yes(found["succeeds"], "`succeeds`")
            outcomes = [(m.Reading(), m.Succeeds())]
        else:
            scope.checks = True
        return m.Expectation(tuple(outcomes))

    # -- steps

    def steps(self, node: Node, scope: _Scope) -> tuple[m.Step, ...]:
        """Read steps in order; each sees the names that those before it made."""
        items = self.items(node, "`steps`", "- call: …")
        if not items and isinstance(node, Sequence):
            self.report(node.line, "There are no steps: write what is done.")
        found = [self._step(item, scope) for item in items]
        return tuple(step for step in found if step is not None)

    def _step(self, node: Node, scope: _Scope) -> m.Step | None:
        if not isinstance(node, Mapping):
            self.wrong(node, "A step is a map", "`{call: socket.tcp, returns: […]}`")
            return None
        keys = [str(key.value) for key, _ in node.pairs.values()]
        verbs = [key for key in keys if key in _VERBS]
        if len(verbs) != 1:
            hint = next(filter(None, (nearest(key, _VERBS) for key in keys)), "") if not verbs else ""
            how = f"has {_listed(verbs)}" if verbs else "has none"
            self.report(node.line, f"A step has exactly one verb of {_listed(_VERBS)}; this one {how}.{hint}")
            return None
        return _STEPS[verbs[0]](self, node, scope)

    def _call(self, node: Mapping, scope: _Scope) -> m.Step | None:
        found = self.map(node, "A call", ("call", "with", *_OUTCOMES, "as", "takes", "while"))
        target = self._target(found["call"], scope)
        args = self.arguments(found["with"], scope, "`with`", expected=False) if "with" in found else ()
        # the order is that of time: peers act while the call blocks, its results are compared and bound thereafter
        meanwhile = self._meanwhile(found["while"], scope) if "while" in found else ()
        expect = self._expectation(node, found, scope)
        takes = self._takes(found["takes"], scope) if "takes" in found else _NO_BOUNDS
        binds = self._binds(found["as"], scope, expect) if "as" in found else ()
        return None if target is None else m.Call(target, args, expect, binds, takes, meanwhile, self.source(node))

    def _target(self, node: Node, scope: _Scope) -> m.Target | None:
        text = self.text(node, "`call`")
        if not isinstance(node, Scalar) or not text:
            return None
        if text.startswith("$"):
            self._scalar_value(node, scope)
            return m.ValueTarget(text[1:])
        method = _METHOD.fullmatch(text)
        if method:
            self.bound(node, method[1], scope, written=method[1])
            return m.MethodTarget(method[1], method[2])
        if text in LUA_FUNCTIONS or (text.startswith("socket.") and _DOTTED.fullmatch(text)):
            return m.PathTarget(text)
        hint = nearest(text, LUA_FUNCTIONS) or (f" Did you mean `${text}`?" if text in scope.names | scope.functions else "")
        self.report(
            node.line,
            f"`{text}` cannot be called: write `name:method`, `socket.function`, `$name`, or one of {_listed(LUA_FUNCTIONS)}.{hint}",
        )
        return None

    def _takes(self, node: Node, scope: _Scope) -> m.Takes:
        scope.checks = True
        found = self.map(node, "`takes`", ("at_least", "at_most"), example="{at_least: 0.05}")
        low = self.number(found["at_least"], "`at_least`") if "at_least" in found else None
        high = self.number(found["at_most"], "`at_most`") if "at_most" in found else None
        if low is not None and high is not None and low > high:
            self.report(node.line, f"Nothing takes at least {low:g} and at most {high:g} seconds: mend one of them.")
        if not found and isinstance(node, Mapping) and not node.pairs:
            self.report(node.line, "`takes` has no bound: write `at_least` or `at_most`, in seconds.")
        return m.Takes(low, high)

    def _meanwhile(self, node: Node, scope: _Scope) -> tuple[m.While, ...]:
        moments: list[m.While] = []
        for item in self.items(node, "`while`", "- {after: 0.05, peer: {…}}"):
            found = self.map(item, "An entry of `while`", ("after", "peer"), ("after", "peer"), "{after: 0.05, peer: {…}}")
            after = self.number(found["after"], "`after`") if "after" in found else 0.0
            if moments and after < moments[-1].after:
                self.report(item.line, f"This is done after {after:g} s, before what stands above it: put it in the order of time.")
            action = self._action(found["peer"], scope, meanwhile=True) if "peer" in found else None
            if action is not None:
                moments.append(m.While(after, action))
        return tuple(moments)

    def name(self, node: Node, scope: _Scope, what: str) -> str | None:
        """Read a name that is being bound."""
        name = self.text(node, what)
        if not isinstance(node, Scalar) or not name:
            return None
        clash = name in scope.functions or name in scope.columns
        if not _NAME.fullmatch(name):
            self.report(node.line, f"{what} `{name}` is no name: letters, digits and `_` make one, without `$`.")
        elif name in _RESERVED and not (name == _SELF and scope.place == "fixture"):
            self.report(node.line, f"{what} cannot be `{name}`, which has a meaning of its own here: choose another name.")
        elif clash:
            kind = "a function" if name in scope.functions else "a column of `cases`"
            self.report(node.line, f"{what} cannot be `{name}`, which is {kind}: choose another name.")
        else:
            return name
        return None

    def bind(self, name: str, scope: _Scope) -> None:
        """Make a name known to the steps that follow."""
        scope.names.add(name)
        scope.bound.add(name)

    def _binds(self, node: Node, scope: _Scope, expect: m.Expectation) -> tuple[str | None, ...]:
        items = node.items if isinstance(node, Sequence) else [node]
        binds: list[str | None] = []
        for item in items:
            if isinstance(item, Scalar) and item.value is None and isinstance(node, Sequence):
                binds.append(None)
                continue
            name = self.name(item, scope, "The name in `as`")
            if name is not None:
                self.bind(name, scope)
            binds.append(name)
        returned = [len(outcome.values) for _, outcome in expect.by_reading if isinstance(outcome, m.Returns)]
        succeeds = any(isinstance(outcome, m.Succeeds) for _, outcome in expect.by_reading)
        spliced = any(
            isinstance(value, m.Splice)
            for _, outcome in expect.by_reading
            if isinstance(outcome, m.Returns)
            for value in outcome.values
        )
        if expect.by_reading and not succeeds and not spliced and len(binds) > max(returned, default=0):
            self.report(node.line, f"`as` binds {len(binds)} results of {max(returned, default=0)}: strike what is too much.")
        return tuple(binds)

    def _get(self, node: Mapping, scope: _Scope) -> m.Step | None:
        found = self.map(node, "A step with `get`", ("get", "is", "as"))
        if "is" not in found and "as" not in found:
            self.report(node.line, "A step with `get` lacks `is` (what is expected) or `as` (a name): add one.")
        expect = m.Expectation(((m.Reading(), m.Succeeds()),))
        if "is" in found:
            scope.checks = True
            expect = m.Expectation(tuple(self._values_read(found["is"], m.Reading(), scope)))
        path = self.text(found["get"], "`get`")
        bind = self.name(found["as"], scope, "The name in `as`") if "as" in found else None
        place: tuple[str | None, str] | None = None
        if path.startswith("socket.") and _DOTTED.fullmatch(path):
            place = None, path
        elif path and isinstance(found["get"], Scalar):
            name, _, attribute = path.rpartition(".")
            if not attribute or not name or not _DOTTED.fullmatch(path):
                self.report(found["get"].line, f"`{path}` is no field: write `name.field` or `socket.field`.")
            else:
                self.bound(found["get"], name, scope, written=name)
                place = name, attribute
        if bind is not None:
            self.bind(bind, scope)
        return None if place is None else m.Get(*place, expect, bind, self.source(node))

    def _set(self, node: Mapping, scope: _Scope) -> m.Step | None:
        found = self.map(node, "A step with `set`", ("set", "to"), ("to",))
        path = self.text(found["set"], "`set`")
        if path and not (path.startswith("socket.") and _DOTTED.fullmatch(path)):
            self.report(found["set"].line, f"`{path}` cannot be written: only fields of the module can, as `socket.BLOCKSIZE`.")
        value = self.value(found["to"], scope, expected=False) if "to" in found else None
        return m.Set(path, value, self.source(node))

    def _make(self, node: Mapping, scope: _Scope) -> m.Step | None:
        found = self.map(node, "A step with `make`", ("make", "of"), ("of",))
        value = self.value(found["of"], scope, expected=False) if "of" in found else m.Table(())
        if not isinstance(value, m.Table):
            self.wrong(found["of"], "`make` builds a table", "`of: {table: {name: value}}`")
        name = self.name(found["make"], scope, "The name in `make`")
        if name is None:
            return None
        self.bind(name, scope)
        return m.Make(name, value, self.source(node))

    def _drop(self, node: Mapping, scope: _Scope) -> m.Step | None:
        found = self.map(node, "A step with `drop`", ("drop",))
        names = []
        for item in self.items(found["drop"], "`drop`", "[client]"):
            name = self.text(item, "A name in `drop`")
            if name and isinstance(item, Scalar):
                self.bound(item, name, scope, written=name)
                scope.names.discard(name)
                names.append(name)
        if not names and isinstance(found["drop"], Sequence) and not found["drop"].items:
            self.report(node.line, "`drop` names nothing: write the handles to be forgotten.")
        return m.Drop(tuple(names), self.source(node))

    def _called(self, node: Mapping, scope: _Scope) -> m.Step | None:
        scope.checks = True
        found = self.map(node, "A step with `called`", ("called", "times", "with"))
        function = self.text(found["called"], "`called`")
        if function and function not in scope.functions:
            hint = nearest(function, sorted(scope.functions))
            self.report(found["called"].line, f"`{function}` is not in `functions`: add it there.{hint}")
        args: tuple[tuple[m.SpecValue, ...], ...] | None = None
        if "with" in found:
            args = tuple(
                self.arguments(item, scope, "The arguments of one call", expected=True)
                for item in self.items(found["with"], "`with`", "[[first, call], [second, call]]")
            )
        if "times" in found:
            times = self.integer(found["times"], "`times`")
            if args is not None and times != len(args):
                self.report(node.line, f"`times` says {times}, but `with` has the arguments of {len(args)} calls: mend one of them.")
        elif args is not None:
            times = len(args)
        else:
            self.report(node.line, "A step with `called` lacks `times` or `with`: say how often.")
            times = 0
        return m.Called(function, times, args, self.source(node))

    def _peer(self, node: Mapping, scope: _Scope) -> m.Step | None:
        who = node.pairs.get("who")
        if who is not None:
            self.report(who[0].line, "`who` belongs into the peer's action: write {peer: {…, who: NAME}}.")
        found = self.map(node, "A step with `peer`", ("peer", "who"))
        action = self._action(found["peer"], scope, meanwhile=False)
        return None if action is None else m.Peer(action, self.source(node))

    # -- peers

    def _action(self, node: Node, scope: _Scope, *, meanwhile: bool) -> m.PeerAction | None:
        if not isinstance(node, Mapping):
            self.wrong(node, "A peer's action is a map", "`{send: text}`")
            return None
        keys = [str(key.value) for key, _ in node.pairs.values()]
        verbs = [key for key in keys if key in _ACTIONS]
        if "to" in keys and "connect" in keys:
            verbs = ["connect"]
        if len(verbs) != 1:
            hint = next(filter(None, (nearest(key, _ACTIONS) for key in keys)), "") if not verbs else ""
            how = f"has {_listed(verbs)}" if verbs else "has none"
            self.report(node.line, f"A peer does exactly one of {_listed(_ACTIONS)}; this one {how}.{hint}")
            return None
        verb = verbs[0]
        action = _ACTIONS[verb]
        known = (verb, "who", *action.options, *(("as",) if action.bind else ()))
        found = self.map(node, f"A peer's `{verb}`", known)
        if verb == "drip":
            if not meanwhile:
                self.report(node.line, "`drip` goes on while a call blocks: put it into the `while` of that call.")
            if "every" not in found:
                self.report(node.line, "`drip` lacks the key `every`: add the seconds between two drips.")
        scope.checks = scope.checks or action.checks
        value = self._argument(found[verb], verb, action, scope)
        options = {key: self._option(key, found[key], scope) for key in action.options if key in found}
        who = self._who(node, found.get("who"), verb, action, scope)
        if who is None:
            return None
        self._becomes(node, who, verb, action, options, scope)
        bind = self.name(found["as"], scope, "The name in `as`") if "as" in found else None
        if bind is not None:
            for made in (bind,) if action.bind == "bytes" else (f"{bind}.ip", f"{bind}.port"):
                self.bind(made, scope)
        return m.PeerAction(who, verb, value, options, bind, self.source(node))

    def _argument(self, node: Node, verb: str, action: _Action, scope: _Scope) -> m.SpecValue:
        what = f"`{verb}`"
        if action.argument == "true":
            return self.yes(node, what)
        if action.argument == "word":
            return (self.word(node, what, action.words) or "").encode()
        if action.argument == "seconds":
            return self.number(node, what, above=0)
        if action.argument == "count":
            if isinstance(node, Scalar) and isinstance(node.value, str) and node.value.startswith("$"):
                return self._scalar_value(node, scope)
            return self.integer(node, what, 1)
        value = self.value(node, scope, expected=False)
        if action.argument == "port":
            self._port(node, value, what)
        elif action.argument == "address":
            if not isinstance(value, (bytes, m.Ref)):
                self.wrong(node, f"{what} is an address", '"127.0.0.1"')
        elif not isinstance(value, (bytes, m.Ref, m.Repeat, m.Concat)):
            self.wrong(node, f"{what} is a string", '"text"')
        return value

    def _port(self, node: Node, value: m.SpecValue, what: str) -> None:
        if isinstance(value, bool) or not isinstance(value, (int, m.Ref)):
            self.wrong(node, f"{what} is a port", "`$server.port`")
        elif isinstance(value, int) and not 0 < value < 65536:
            self.report(node.line, f"{what} is a port, from 1 to 65535, not {value}.")

    def _option(self, key: str, node: Node, scope: _Scope) -> m.SpecValue:
        what = f"`{key}`"
        if key == "small_buffers":
            return self.yes(node, what)
        if key in {"backlog", "times"}:
            return self.integer(node, what, 1)
        if key == "every":
            return self.number(node, what, above=0)
        return self.value(node, scope, expected=False)

    def _who(self, node: Mapping, who: Node | None, verb: str, action: _Action, scope: _Scope) -> str | None:
        """Resolve which peer acts: the one that is named, or the only one, or, when it is made, the first one."""
        alone = _SELF if scope.place == "fixture" else "peer"
        if who is not None:
            name = self.text(who, "`who`")
            if not name:
                return None
            if name in scope.peers:
                return name
            if action.on:
                known = _listed(sorted(scope.peers)) if scope.peers else "none has been made"
                hint = nearest(name, sorted(scope.peers)) or f" Peers here: {known}."
                self.report(who.line, f"There is no peer `{name}` yet: have it listen, connect or open a socket first.{hint}")
                return None
            if not _NAME.fullmatch(name):
                self.report(who.line, f"`{name}` is no name for a peer: letters, digits and `_` make one.")
                return None
            return name
        if action.on:
            if len(scope.peers) == 1:
                return next(iter(scope.peers))
            if scope.peers:
                self.report(node.line, f"Which peer is meant? Say `who`: one of {_listed(sorted(scope.peers))}.")
            else:
                self.report(node.line, f"No peer can `{verb}` yet: have one listen, connect or open a socket first.")
            return None
        if scope.peers:
            self.report(
                node.line, f"`{verb}` makes a peer, and there is {_listed(sorted(scope.peers))} already: give the new one a name with `who`."
            )
            return None
        return alone

    def _becomes(
        self, node: Mapping, who: str, verb: str, action: _Action, options: AnyMapping[str, m.SpecValue], scope: _Scope
    ) -> None:
        """Check that the peer can do this in its state, and note the state that follows."""
        before = scope.peers.get(who, frozenset())
        if before and action.on and not before & set(action.on):
            state = " and ".join(_KINDS[kind] for kind in sorted(before))
            self.report(node.line, f"The peer `{who}` {state} here and cannot `{verb}`: that needs one that {_any(action.on)}.")
        if verb in {"send", "drip"} and before:
            if before == {"udp"} and "to" not in options:
                self.report(node.line, f"A UDP peer has to know where to `{verb}`: say `to: $port` (and `ip`).")
            if "connection" in before and options.keys() & {"to", "ip"}:
                self.report(node.line, f"A connection needs no address to `{verb}`: strike `to` and `ip`.")
        if action.makes is None:
            scope.peers.setdefault(who, before)
        elif verb == "accept":
            scope.peers[who] = before | {action.makes} if before else before
        else:
            scope.peers[who] = frozenset({action.makes})

    # -- functions

    def functions(self, node: Node, scope: _Scope) -> dict[str, m.Function]:
        """Read `functions`. They run when the port calls them, so that they may use any name of the behaviour."""
        found: dict[str, m.Function] = {}
        for name, key, body in self.named(node, "`functions`", "finalizer: {}"):
            entries = self.map(body, f"The function `{name}`", ("params", "does", "returns", "raises"), example="{returns: [1]}")
            if "returns" in entries and "raises" in entries:
                self.report(body.line, f"The function `{name}` either returns or raises: strike one of the two.")
            inner = replace(scope, place="function", names=set(scope.bound), bound=set(), peers=dict.fromkeys(scope.peers, frozenset()))
            params = []
            for item in self.items(entries["params"], "`params`") if "params" in entries else ():
                param = self.name(item, scope, "A parameter")
                if param is not None:
                    params.append(param)
                    inner.names.add(param)
            does = self.steps(entries["does"], inner) if "does" in entries else ()
            returns = self.arguments(entries["returns"], inner, "`returns`", expected=False) if "returns" in entries else ()
            raises = (self.value(entries["raises"], inner, expected=False),) if "raises" in entries else ()
            scope.checks = scope.checks or inner.checks
            scope.forked = scope.forked or inner.forked
            found[name] = m.Function(name, tuple(params), does, returns, raises, self.source(key))
        return found


_Leaf: TypeAlias = Callable[[Node, m.Reading, _Scope], list[tuple[m.Reading, m.Outcome]]]
_READINGS: Final = (*m.DIALECTS, *m.AUTHORITIES)
_NO_BOUNDS: Final = m.Takes()
_STEPS: Final[dict[str, Callable[[_File, Mapping, _Scope], m.Step | None]]] = {
    verb: getattr(_File, f"_{verb}") for verb in _VERBS
}


# -- words


def _kind(node: Node) -> str:
    """Name what was written."""
    if isinstance(node, Mapping):
        return "a map"
    if isinstance(node, Sequence):
        return "a list"
    if node.value is None:
        return "null"
    kind = "the string " if isinstance(node.value, str) else ""
    return f"{kind}`{node.text}`"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _any(kinds: Iterable[str]) -> str:
    return " or ".join(_KINDS[kind] for kind in kinds)


def _lua(node: Node, *, quoted: bool = True) -> str:
    """Write a node in Lua's notation, for people."""
    if isinstance(node, Sequence):
        return "{" + ", ".join(map(_lua, node.items)) + "}"
    if isinstance(node, Mapping):
        inner = ", ".join(f"{key.text} = {_lua(value)}" for key, value in node.pairs.values())
        return "{" + inner + "}"
    if isinstance(node.value, str):
        return f'"{node.text}"' if quoted and not node.text.startswith("$") else node.text
    if isinstance(node.value, float) and math.isinf(node.value):
        return "math.huge" if node.value > 0 else "-math.huge"
    return "nil" if node.value is None else node.text


# -- cases


def _put_in(node: Node, row: dict[str, Node], used: set[str]) -> Node:
    """Replace every string `$column` by the value of the row; what has none is shared."""
    if isinstance(node, Scalar):
        name = node.value[1:] if isinstance(node.value, str) and node.value.startswith("$") else None
        if name is None or name not in row:
            return node
        used.add(name)
        return row[name]
    if isinstance(node, Sequence):
        items = [_put_in(item, row, used) for item in node.items]
        return node if all(map(_same, items, node.items)) else Sequence(node.line, items)
    pairs = {identity: (key, _put_in(value, row, used)) for identity, (key, value) in node.pairs.items()}
    if all(new[1] is old[1] for new, old in zip(pairs.values(), node.pairs.values(), strict=True)):
        return node
    return Mapping(node.line, pairs)


def _same(one: object, other: object) -> bool:
    return one is other


def _prose(text: str, row: dict[str, Node], used: set[str]) -> str:
    """Replace `{column}` by the value of the row, in Lua's notation; a list is written as arguments are."""

    def word(match: re.Match[str]) -> str:
        node = row.get(match[1])
        if node is None:
            return match[0]
        used.add(match[1])
        if isinstance(node, Sequence):
            return ", ".join(map(_lua, node.items))
        return _lua(node, quoted=False)

    return _COLUMN.sub(word, text)


# -- files


_BEHAVIOUR: Final = (
    "id", "says", "hint", "cites", "authority", "dialects", "needs", "given", "functions", "disagrees", "cases", "steps",
)  # fmt: skip


@dataclass(slots=True)
class _Loader:
    """Reads a data directory. ``problems`` keeps its order of discovery; a problem is noted once."""

    problems: dict[Problem, None] = field(default_factory=dict)
    statements: dict[str, m.Statement] = field(default_factory=dict)
    fixtures: dict[str, m.Fixture] = field(default_factory=dict)
    scopes: dict[str, _Scope] = field(default_factory=dict)  #: what a fixture's steps have made
    behaviours: dict[str, m.Behaviour] = field(default_factory=dict)
    first: dict[str, m.Source] = field(default_factory=dict)  #: where an identity was first seen

    def load(self, files: AnyMapping[str, bytes]) -> m.Spec:
        """Read the files, by their path relative to the data directory; raise `SpecError` if anything is wrong."""
        roots: list[tuple[_File, Node]] = []
        for name, data in files.items():
            file = _File(name, self.problems)
            root = read(data, file.report)
            if root is not None:
                roots.append((file, root))
        for file, root in roots:
            if file.path.startswith("statements/"):
                self._statements(file, root)
            elif file.path == "fixtures.yaml":
                self._fixtures(file, root)
        for file, root in roots:
            if file.path.startswith("behaviours/"):
                self._behaviours(file, root)
        if not any(name.startswith("behaviours/") for name in files):
            self.problems[Problem("behaviours", 1, "There are no behaviours: write behaviours/SUBJECT.yaml.")] = None
        if self.problems:
            raise SpecError(sorted(self.problems))
        return m.Spec(VERSION, tuple(self.behaviours.values()), self.statements, self.fixtures)

    # -- statements

    def _statements(self, file: _File, root: Node) -> None:
        found = file.map(root, "A file of statements", ("about", "statements"), ("about", "statements"), "statements: …")
        if "about" in found:
            file.text(found["about"], "`about`")
        if "statements" not in found:
            return
        for name, key, node in file.named(found["statements"], "`statements`", "client:receive/timeout: It …"):
            waived: str | None = None
            if isinstance(node, Mapping):
                entry = file.map(node, "A statement", ("says", "waived"), ("says",))
                says = file.text(entry["says"], "`says`") if "says" in entry else ""
                waived = file.text(entry["waived"], "`waived`") if "waived" in entry else None
            else:
                says = file.text(node, "A statement")
            if not _STATEMENT.fullmatch(name):
                file.report(key.line, f"The id `{name}` of a statement is not of the form `function/words-of-lower-case`: mend it.")
            if name in self.statements:
                file.report(key.line, f"The statement `{name}` stands in {self.statements[name].source} already: choose another id.")
            else:
                self.statements[name] = m.Statement(name, name.partition("/")[0], says, waived, file.source(key))

    # -- fixtures

    def _fixtures(self, file: _File, root: Node) -> None:
        found = file.map(root, "The file of fixtures", ("fixtures",), ("fixtures",), "fixtures: …")
        for name, key, node in file.named(found["fixtures"], "`fixtures`", "connected client: …") if found else ():
            entry = file.map(node, f"The fixture `{name}`", ("says", "needs", "steps"), ("says", "steps"))
            scope = _Scope("fixture")
            says = file.text(entry["says"], "`says`") if "says" in entry else ""
            needs = self._needs(file, entry)
            steps = file.steps(entry["steps"], scope) if "steps" in entry else ()
            if steps and _SELF not in scope.names:
                file.report(key.line, f"The fixture `{name}` never binds `self`, the handle that it makes: add `as: self`.")
            if scope.forked:
                file.report(key.line, f"The fixture `{name}` tells `documented` from `observed`: only a behaviour can.")
            self.fixtures[name] = m.Fixture(name, says, needs, steps, file.source(key))
            self.scopes[name] = scope

    @staticmethod
    def _needs(file: _File, entry: dict[str, Node]) -> tuple[str, ...]:
        return file.words(entry["needs"], "`needs`", CAPABILITIES) if "needs" in entry else ()

    # -- behaviours

    def _behaviours(self, file: _File, root: Node) -> None:
        found = file.map(root, "A file of behaviours", ("about", "behaviours"), ("about", "behaviours"), "behaviours: …")
        about = file.text(found["about"], "`about`") if "about" in found else ""
        path = file.path.removeprefix("behaviours/").removesuffix(".yaml")
        for part in path.split("/"):
            if not _ID.fullmatch(part):
                file.report(1, f"The path is part of the identity, and `{part}` is not made of lower-case words joined by `-`: rename it.")
        if "behaviours" not in found:
            return
        items = file.items(found["behaviours"], "`behaviours`", "- id: …")
        if not items and isinstance(found["behaviours"], Sequence):
            file.report(found["behaviours"].line, "The file has no behaviours: write one, or delete it.")
        for node in items:
            entry = file.map(node, "A behaviour", _BEHAVIOUR, ("id",), "{id: …, says: …, steps: […]}")
            if "id" not in entry:
                continue
            name = file.text(entry["id"], "`id`")
            if name and not _ID.fullmatch(name):
                file.report(entry["id"].line, f"The id `{name}` is not made of lower-case words joined by `-`: mend it.")
            identity = f"{path}/{name}"
            if "cases" in entry:
                self._cases(file, about, identity, node, entry)
            else:
                self._used(file, entry, [self._behaviour(file, about, identity, node, entry, frozenset(), node)])

    def _cases(self, file: _File, about: str, identity: str, node: Node, entry: dict[str, Node]) -> None:
        """Make a behaviour of each row."""
        rows: dict[str, tuple[Scalar, dict[str, Node], dict[str, Node]]] = {}
        columns: dict[str, int] = {}
        for name, key, cells in file.named(entry["cases"], "`cases`", "case-id: {column: value}"):
            if not _ID.fullmatch(name):
                file.report(key.line, f"The case `{name}` is not made of lower-case words joined by `-`: mend it.")
            row: dict[str, Node] = {}
            own: dict[str, Node] = {}
            for column, column_key, value in file.named(cells, f"The case `{name}`", "{column: value}"):
                if column in _ROW_KEYS:
                    own[column] = value
                elif _NAME.fullmatch(column):
                    row[column] = value
                    columns.setdefault(column, column_key.line)
                else:
                    file.report(column_key.line, f"The column `{column}` is no name: letters, digits and `_` make one.")
            rows[name] = key, row, own
        if not rows and isinstance(entry["cases"], Mapping):
            file.report(entry["cases"].line, "`cases` has no rows: write one, or strike the key.")
        used: set[str] = set()
        scopes: list[_Scope] = []
        template = {name: value for name, value in entry.items() if name != "cases"}
        for name, (key, row, own) in rows.items():
            missing = [column for column in columns if column not in row]
            for column in missing:
                file.report(key.line, f"The case `{name}` lacks the column `{column}`, which other rows have: add it.")
            if missing:
                used.update(columns)  # nothing can be told about this behaviour until it is mended
                continue
            put = {name: value if name == "id" else _put_in(value, row, used) for name, value in template.items()}
            for text in ("says", "hint"):
                put[text] = own.get(text, put.get(text, _ABSENT))
                prose = put[text]
                if isinstance(prose, Scalar) and isinstance(prose.value, str):
                    put[text] = Scalar(prose.line, prose.text, _prose(prose.value, row, used))
                elif prose is _ABSENT:
                    del put[text]
            put.update({key: own[key] for key in ("cites", "dialects") if key in own})
            if "needs" in own:  # what the steps need they need in every row: the row adds to it
                put["needs"] = _joined(put.get("needs"), own["needs"])
            scopes.append(self._behaviour(file, about, f"{identity}/{name}", node, put, frozenset(columns), key))
        self._used(file, entry, scopes)
        for column, line in columns.items():
            if column not in used:
                file.report(line, f"The column `{column}` is used nowhere: write `${column}` where its value belongs, or strike it.")

    def _behaviour(
        self, file: _File, about: str, identity: str, node: Node, entry: dict[str, Node], columns: frozenset[str], place: Node
    ) -> _Scope:
        """Read one behaviour, its case put in; return what its steps made and used."""
        if identity in self.first:
            file.report(place.line, f"The id `{identity}` stands in {self.first[identity]} already: choose another.")
        else:
            self.first[identity] = file.source(place)
        for key in ("says", "steps"):
            if key not in entry:
                file.report(node.line, f"A behaviour lacks the key `{key}`: add it.")
        says = file.text(entry["says"], "`says`") if "says" in entry else ""
        hint = file.text(entry["hint"], "`hint`") if "hint" in entry else None
        dialects = m.DIALECTS
        if "dialects" in entry:
            dialects = cast(tuple[m.Dialect, ...], file.words(entry["dialects"], "`dialects`", m.DIALECTS)) or m.DIALECTS
        authority, cites = self._authority(file, node, entry)
        scope = _Scope("behaviour", columns=columns, dialects=dialects)
        given = self._given(file, entry, scope)
        functions: list[tuple[str, Scalar, Node]] = []
        if "functions" in entry:
            functions = list(file.named(entry["functions"], "`functions`", "finalizer: {}"))
            for name, key, _ in functions:
                if name in scope.names:
                    file.report(key.line, f"The function `{name}` has the name of a handle: choose another.")
                file.name(key, scope, "The name of a function")
            scope.functions = frozenset(name for name, _, _ in functions)
        steps = file.steps(entry["steps"], scope) if "steps" in entry else ()
        made = file.functions(entry["functions"], scope) if functions else {}
        disagrees = self._disagrees(file, node, entry, scope, authority)
        if steps and not scope.checks:
            file.report(
                place.line, "Every step of the behaviour only prepares: say what the port has to answer, with `returns` or `raises`."
            )
        needs = tuple(dict.fromkeys((*self._needs(file, entry), *(need for _, fixture in given for need in fixture.needs))))
        self.behaviours[identity] = m.Behaviour(
            identity, about, says, hint, cites, authority, dialects, needs, given, made, disagrees, steps, file.source(place)
        )  # fmt: skip
        return scope

    @staticmethod
    def _used(file: _File, entry: dict[str, Node], scopes: list[_Scope]) -> None:
        """Report what no row of a behaviour uses."""
        if "functions" in entry and scopes:
            for name, key, _ in file.named(entry["functions"], "`functions`", "finalizer: {}"):
                if not any(name in scope.used for scope in scopes):
                    file.report(key.line, f"The function `{name}` is used nowhere: write `${name}` where it belongs, or strike it.")
        if "disagrees" in entry and scopes and not any(scope.forked for scope in scopes):
            file.report(
                entry["disagrees"].line,
                "`disagrees` needs a step that tells `documented` from `observed` in its results: write it, or strike the key.",
            )

    def _authority(self, file: _File, node: Node, entry: dict[str, Node]) -> tuple[m.Authority, tuple[str, ...]]:
        authority: m.Authority = "documented"
        if "authority" in entry:
            authority = cast(m.Authority, file.word(entry["authority"], "`authority`", m.AUTHORITIES) or authority)
        cites: dict[str, None] = {}
        for item in file.items(entry["cites"], "`cites`", "[client:receive/timeout]") if "cites" in entry else ():
            name = file.text(item, "A citation")
            statement = self.statements.get(name)
            if not name:
                continue
            if name in cites:
                file.report(item.line, f"`{name}` is cited twice: strike one.")
            cites[name] = None
            if statement is None:
                hint = nearest(name, self.statements)
                file.report(item.line, f"There is no statement `{name}`: cite one that is in statements/.{hint}")
            elif statement.waived is not None:
                file.report(
                    item.line, f"The statement `{name}` is waived in {statement.source}, and so cannot be cited: strike one of the two."
                )
        if authority == "documented" and not cites and "cites" not in entry:
            file.report(node.line, "What is documented cites the statements that say so: add `cites`, or `authority: observed`.")
        elif authority == "documented" and not cites:
            file.report(entry["cites"].line, "`cites` names no statement: add one, or write `authority: observed`.")
        elif authority == "observed" and "cites" in entry:
            file.report(entry["cites"].line, "What is only observed cites nothing: strike `cites` or `authority: observed`.")
        return authority, tuple(cites)

    def _given(self, file: _File, entry: dict[str, Node], scope: _Scope) -> tuple[tuple[str, m.Fixture], ...]:
        """Read `given`: each fixture brings its names and peers, under the name that is given to it."""
        given: list[tuple[str, m.Fixture]] = []
        for name, key, node in file.named(entry["given"], "`given`", "client: connected client") if "given" in entry else ():
            wanted = file.text(node, "A fixture")
            known = file.name(key, scope, "The name in `given`")
            fixture = self.fixtures.get(wanted)
            if fixture is None:
                if wanted:
                    hint = nearest(wanted, self.fixtures)
                    file.report(node.line, f"There is no fixture `{wanted}`: choose one of fixtures.yaml, or add it there.{hint}")
                file.bind(name, scope)
                continue
            inner = self.scopes[wanted]
            for made in inner.bound:
                under = _under(name, made)
                scope.bound.add(under)
                if made in inner.names:
                    scope.names.add(under)
            for peer, kinds in inner.peers.items():
                scope.peers[_under(name, peer)] = kinds
            if known is not None:
                given.append((name, fixture))
        return tuple(given)

    def _disagrees(
        self, file: _File, node: Node, entry: dict[str, Node], scope: _Scope, authority: m.Authority
    ) -> m.Disagreement | None:
        if "disagrees" not in entry:
            if scope.forked:
                file.report(node.line, "A step tells `documented` from `observed`: say with `disagrees` what each of them claims.")
            return None
        where = entry["disagrees"]
        keys = ("documented", "observed")
        found = file.map(where, "`disagrees`", (*keys, "since", "issue"), keys)
        if authority == "observed":
            file.report(where.line, "Nobody disagrees with what is only observed: cite the statement that the library violates.")
        documented, observed = (file.text(found[key], f"`{key}`") if key in found else "" for key in keys)
        since = file.text(found["since"], "`since`") if "since" in found else None
        issues = tuple(file.integer(item, "An issue", 1) for item in file.items(found["issue"], "`issue`", "[123]")) if "issue" in found else ()
        if not scope.forked:  # a row in which both agree
            return None
        return m.Disagreement(documented, observed, since, issues)


#: Stands for a key that is not there.
_ABSENT: Final = Scalar(0, "", None)


def _joined(common: Node | None, own: Node) -> Node:
    """Return the list of a behaviour followed by that of its row."""
    if isinstance(common, Sequence) and isinstance(own, Sequence):
        return Sequence(own.line, common.items + own.items)
    return own


def _under(given: str, name: str) -> str:
    """Return the name in a behaviour of what a fixture calls ``name``."""
    return given if name == _SELF else f"{given}.{name}"


def _files(directory: Traversable, prefix: str = "") -> Iterator[tuple[str, Traversable]]:
    """Yield what lies in a directory and below it, in the order of names."""
    for entry in sorted(directory.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _files(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry


def data_files(directory: Traversable) -> dict[str, bytes]:
    """Return the bytes of all data files by their path relative to the directory, in a fixed order.

    Raises
    ------
    SpecError
        A file among them is not named as one of ours, or could not be read.
    """
    files: dict[str, bytes] = {}
    problems: list[Problem] = []
    found: list[tuple[str, Traversable]] = []
    for part in ("behaviours", "statements"):
        if (directory / part).is_dir():
            found.extend(_files(directory / part, f"{part}/"))
    if (directory / "fixtures.yaml").is_file():
        found.append(("fixtures.yaml", directory / "fixtures.yaml"))
    for name, entry in found:
        if not name.endswith(".yaml"):
            problems.append(Problem(name, 1, "Only files that end in .yaml belong here: rename or remove it."))
            continue
        try:
            files[name] = entry.read_bytes()
        except OSError as error:
            problems.append(Problem(name, 1, f"It cannot be read ({error.strerror}): mend its permissions."))
    if problems:
        raise SpecError(problems)
    return files


def load(path: Path | None = None) -> m.Spec:
    """Load the spec.

    Parameters
    ----------
    path
        A directory with ``behaviours/``, ``statements/`` and ``fixtures.yaml``; None: the data of this package.

    Raises
    ------
    SpecError
        Something in it is wrong. All problems are in it, not only the first.
    """
    directory = path if path is not None else resources.files("luasocket_spec")
    if not directory.is_dir():
        raise SpecError([Problem(str(path), 1, "There is no such directory: name one that holds behaviours/.")])
    return _Loader().load(data_files(directory))
