"""Reads maps with fixed keys, lists, words and numbers from nodes, and collects the problems found.

A method that finds a problem reports it and returns a placeholder of the right type, so that reading goes on and all
problems are reported together. Placeholders never leave the package: after a problem, ``load`` raises.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from typing import Final, cast

from luasocket_spec import model as m
from luasocket_spec.reading.nodes import REFUSED, Mapping, Node, Scalar, Sequence
from luasocket_spec.reading.problems import Problem, nearest


def kind_of(node: Node) -> str:
    """Describe a node in a message: "a map", "the string `x`"."""
    if isinstance(node, Mapping):
        return "a map"
    if isinstance(node, Sequence):
        return "a list"
    if node.value is None:
        return "null"
    kind = "the string " if isinstance(node.value, str) else ""
    return f"{kind}`{node.text}`"


def listed(words: Iterable[str]) -> str:
    """Write words as a list in a sentence."""
    return ", ".join(f"`{word}`" for word in words)


_ESCAPES: Final = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\0": "\\0"})


def in_lua(node: Node, *, quoted: bool = True) -> str:
    """Write a node in Lua's notation, for messages."""
    if isinstance(node, Sequence):
        return "{" + ", ".join(map(in_lua, node.items)) + "}"
    if isinstance(node, Mapping):
        inner = ", ".join(f"{key.text} = {in_lua(value)}" for key, value in node.pairs.values())
        return "{" + inner + "}"
    if isinstance(node.value, str):
        escaped = node.text.translate(_ESCAPES)
        return '"' + escaped.replace('"', '\\"') + '"' if quoted and not node.text.startswith("$") else escaped
    if isinstance(node.value, float) and math.isinf(node.value):
        return "math.huge" if node.value > 0 else "-math.huge"
    return "nil" if node.value is None else node.text


class Reader:
    """Reads the nodes of one file and collects its problems."""

    def __init__(self, path: str, problems: dict[Problem, None]) -> None:
        self.path = path
        self._problems = problems

    # -- places and problems

    def report(self, line: int, sentence: str) -> None:
        """Note a problem, once: each case reads the same lines again."""
        self._problems[Problem(self.path, line, sentence)] = None

    def source(self, node: Node) -> m.Source:
        """Return the place of a node."""
        return m.Source(self.path, node.line)

    def wrong(self, node: Node, what: str, example: str) -> None:
        """Report a node of a wrong type, unless it has been reported already."""
        if isinstance(node, Scalar) and node.value is REFUSED:
            return
        if isinstance(node, Scalar) and node.text.startswith("$"):
            self.report(node.line, f"{what}, and `{node.text}` is no column of `cases`: write it as {example}.")
        else:
            self.report(node.line, f"{what}, not {kind_of(node)}: write it as {example}.")

    # -- maps with fixed keys

    def map(
        self, node: Node, what: str, known: Iterable[str], required: Iterable[str] = (), example: str = "key: value"
    ) -> dict[str, Node]:
        """Return the values of a map by key; report unknown and missing keys, and keys out of order."""
        if not isinstance(node, Mapping):
            self.wrong(node, f"{what} is a map", f"`{example}`")
            return {}
        found: dict[str, Node] = {}
        for key, value in node.pairs.values():
            if isinstance(key.value, str) and key.value in known:
                found[key.value] = value
            else:
                hint = nearest(key.text, known) or f" It knows {listed(known)}."
                self.report(key.line, f"{what} knows no key `{key.text}`.{hint}")
        for name in required:
            if name not in found:
                self.report(node.line, f"{what} lacks the key `{name}`: add it.")
        self._in_order(node, what, found, known)
        return found

    def _in_order(self, node: Mapping, what: str, found: dict[str, Node], known: Iterable[str]) -> None:
        """Report the first key that is out of order."""
        ranks = {name: rank for rank, name in enumerate(known)}
        for earlier, later in itertools.pairwise(found):
            if ranks[earlier] > ranks[later]:
                wanted = [name for name in ranks if name in found]
                self.report(
                    node.pairs[later][0].line,
                    f"{what} has `{earlier}` before `{later}`: write its keys in the order {listed(wanted)}.",
                )
                return

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
                self.report(node.line, f"{what} is empty: write something, or remove the key.")
            return node.value
        self.wrong(node, f"{what} is a string", '"text"')
        return ""

    def word(self, node: Node, what: str, known: Iterable[str]) -> str | None:
        """Return one of the known words, or None after a report."""
        if isinstance(node, Scalar) and isinstance(node.value, str):
            if node.value in known:
                return node.value
            hint = nearest(node.value, known) or f" Known: {listed(known)}."
            self.report(node.line, f"{what} `{node.value}` is not known.{hint}")
        else:
            self.wrong(node, f"{what} is a word", listed(known))
        return None

    def number(self, node: Node, what: str, *, above: float = -math.inf) -> float:
        """Return a finite number that is at least zero and more than ``above``."""
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
        """Require `true`."""
        if not (isinstance(node, Scalar) and node.value is True):
            self.wrong(node, f"{what} can only be true", "`true`, or remove it")
        return True

    def words(self, node: Node, what: str, known: Iterable[str]) -> tuple[str, ...]:
        """Return a list of known words, each once."""
        found: dict[str, None] = {}
        for item in self.items(node, what):
            word = self.word(item, f"{what}:", known)
            if word in found:
                self.report(item.line, f"{what} names `{word}` twice: remove one.")
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
                f"A string is bytes, and {character!r} (U+{ord(character):04X}) is not a byte:"
                f' write the bytes that are meant, as in "\\xe2\\x82\\xac".',
            )
            return b""
