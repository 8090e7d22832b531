"""Reads a small, strict subset of YAML into nodes with line numbers.

Versions of YAML differ in plain scalars: ``on`` is a boolean or a string, ``010`` is eight or ten, ``1:30`` is ninety
or a string. Here a plain scalar is ``null``, ``true``, ``false``, a decimal number or a string. A scalar that a version
of YAML reads otherwise is refused, and the message shows how to write it. Aliases, tags, merge keys, directives and
further documents are refused, too. The meaning of keys is left to ``assembly`` and ``steps``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import yaml

#: The beginning of the comment that names a file's schema to editors.
_MODELINE: Final = "# yaml-language-server: "

Report: TypeAlias = Callable[[int, str], None]
"""Takes a line (from 1) and a sentence."""


class Refused:
    """The type of :data:`REFUSED`."""

    __slots__ = ()


#: Stands for a scalar that has been reported already, so that it is not reported again.
REFUSED: Final = Refused()

Plain: TypeAlias = None | bool | int | float | str | Refused

#: Levels of nesting. The deepest file has about a dozen; the limit keeps a hostile one from exhausting the stack.
DEEPEST: Final = 32
#: Characters in a line: two files fit side by side on a screen.
WIDEST: Final = 120


class Scalar:
    """A word, number or string. ``text`` is the source text, ``value`` its value."""

    __slots__ = ("line", "text", "value")

    def __init__(self, line: int, text: str, value: Plain) -> None:
        self.line = line
        self.text = text
        self.value = value


class Sequence:
    """A list."""

    __slots__ = ("items", "line")

    def __init__(self, line: int, items: list[Node]) -> None:
        self.line = line
        self.items = items


class Mapping:
    """A map: keys in the order of the file. No two are equal in Lua, where 1 equals 1.0."""

    __slots__ = ("line", "pairs")

    def __init__(self, line: int, pairs: dict[object, tuple[Scalar, Node]]) -> None:
        self.line = line
        self.pairs = pairs


Node: TypeAlias = Scalar | Sequence | Mapping

_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]*)")
#: Characters of the longest number: no number of Lua has more digits before the point, and Python refuses 4,300.
_LONGEST_NUMBER: Final = 400
_FLOAT: Final = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+([eE][-+]?[0-9]+)?")
_CONSTANTS: Final[dict[str, Plain]] = {
    "null": None,
    "true": True,
    "false": False,
    ".inf": float("inf"),
    "-.inf": float("-inf"),
    ".nan": float("nan"),
}
#: Plain scalars that some version of YAML does not read as a string, in addition to the spellings of the constants.
_BOOLEANS: Final = frozenset({"yes", "no", "on", "off", "y", "n"})
_SPELLINGS: Final[dict[str, str]] = {
    "null": "null",
    "~": "null",
    "true": "true",
    "false": "false",
    ".inf": ".inf",
    "+.inf": ".inf",
    "-.inf": "-.inf",
    ".nan": ".nan",
}
_NUMBERLIKE: Final = re.compile(
    r"""  [-+]?0b[01_]+                                          # binary
        | [-+]?0[oO]?[0-7_]+                                     # octal
        | [-+]?0x[0-9a-fA-F_]+                                   # hexadecimal
        | [-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?           # sexagesimal
        | [-+]?[0-9][0-9_]*(\.[0-9_]*)?([eE][-+]?[0-9]+)?        # decimal with underscores, a plus, leading zeros
        | [-+]?\.[0-9][0-9_]*([eE][-+]?[0-9]+)?                  # no digit before the point
    """,
    re.VERBOSE,
)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?")


def _plain(text: str) -> Plain | ValueError:
    """Return the value of a plain scalar, or an error with the way to write it."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if len(text) > _LONGEST_NUMBER and (_INTEGER.fullmatch(text) or _NUMBERLIKE.fullmatch(text)):
        return ValueError(
            f"`{text[:20]}…` is too long for a number: write at most {_LONGEST_NUMBER} digits, or {{repeat: …}}"
        )
    if _INTEGER.fullmatch(text):
        return int(text) if text != "-0" else ValueError("`-0` is not an integer in Lua: write 0 or -0.0")
    if _FLOAT.fullmatch(text):
        return float(text)
    lower = text.lower()
    if lower in _BOOLEANS:
        return ValueError(f'`{text}` is a boolean to some YAMLs: write true or false, or "{text}" for the string')
    if lower in _SPELLINGS:
        return ValueError(f'`{text}` is not a string to YAML: write {_SPELLINGS[lower]}, or "{text}" for the string')
    if not text:
        return ValueError(
            'An empty value, which YAML reads as null: write null, "", [] or {}; quote a text with a comma'
        )
    if text in {"=", "<<"}:
        return ValueError(
            f'`{text}` has a meaning of its own in YAML: write "{text}" for the string; merging is not allowed'
        )
    if _NUMBERLIKE.fullmatch(text):
        return ValueError(
            f'YAMLs differ about the number `{text}`: write it in decimal, as 10 or 0.5, or "{text}" for the string'
        )
    if _DATE.fullmatch(text):
        return ValueError(f'`{text}` is a date to some YAMLs: write "{text}" for the string')
    return text


#: First characters of the plain scalars, apart from the words below, that may not be strings.
_SUSPICIOUS: Final = frozenset("0123456789+-.=<~")
_WORDS: Final = _BOOLEANS | {"null", "true", "false", ""}


def _line(event: Any) -> int:
    """Return the line on which the event begins. Parsers always set the mark, although its type lets it be absent."""
    return int(event.start_mark.line) + 1


#: Characters that no parser reads; line separators of Unicode, after which parsers and editors count lines differently;
#: and tabs, which YAML allows in some places only.
_UNPRINTABLE: Final = re.compile("[^\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|\r(?!\n)")


class _Composer:
    """Builds the nodes of one file from the events of a parser."""

    def __init__(self, report: Report, keys: frozenset[str] = frozenset()) -> None:
        self._report = report
        self._allowed_keys = keys
        self._plain: dict[str, Plain | ValueError] = {}
        self._open: list[Sequence | Mapping] = []
        self._keys: list[Scalar | None] = []
        self._root: Node | None = None

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        line = _line(event)
        text: str = event.value
        if event.anchor is not None or event.tag is not None:
            self._check(event, line)
        if event.style:  # quoted, or a block: always a string
            return Scalar(line, text, text)
        if text == "nil" and self._open and isinstance(self._open[-1], Sequence):
            self._report(line, '`nil` is a string to YAML: write null, or "nil" for the string.')
            return Scalar(line, text, REFUSED)
        if text[:1] not in _SUSPICIOUS and text.lower() not in _WORDS:
            return Scalar(line, text, text)
        if text in self._allowed_keys and self._is_key():
            return Scalar(line, text, text)
        try:
            value = self._plain[text]
        except KeyError:
            value = self._plain[text] = _plain(text)
        if isinstance(value, ValueError):
            self._report(line, f"{value}.")
            value = REFUSED
        return Scalar(line, text, value)

    def _is_key(self) -> bool:
        """Return whether the next node is the key of a map."""
        return bool(self._open) and isinstance(self._open[-1], Mapping) and self._keys[-1] is None

    def _check(self, event: yaml.NodeEvent, line: int) -> None:
        """Report an anchor or a tag."""
        if event.anchor is not None:
            self._report(line, f"The anchor `&{event.anchor}` is not allowed: write the value out, or use `cases`.")
        tag = getattr(event, "tag", None)
        if tag is not None:
            short = tag.replace("tag:yaml.org,2002:", "!!")
            self._report(line, f"The tag `{short}` is not allowed: remove it; a string is quoted.")

    def _attach(self, node: Node) -> None:
        """Put a node into the innermost open collection."""
        if not self._open:
            self._root = node
            return
        parent = self._open[-1]
        if isinstance(parent, Sequence):
            parent.items.append(node)
            return
        key = self._keys[-1]
        if key is not None:
            self._keys[-1] = None
            self._pair(parent, key, node)
        elif isinstance(node, Scalar):
            self._keys[-1] = node
        else:
            self._report(node.line, "A list or map cannot be a key: write a table as [[key, value], …].")
            self._keys[-1] = Scalar(node.line, "", REFUSED)

    def _pair(self, parent: Mapping, key: Scalar, node: Node) -> None:
        if key.value is REFUSED:
            return
        identity = ("boolean", key.value) if isinstance(key.value, bool) else key.value
        earlier = parent.pairs.get(identity)
        if earlier is None:
            parent.pairs[identity] = (key, node)
        else:
            self._report(key.line, f"The key `{key.text}` is here twice, first in line {earlier[0].line}: remove one.")

    def compose(self, parser: yaml.SafeLoader) -> Node | None:
        """Read all events; return the root, or None if there is no document or reading had to stop."""
        documents = 0
        while True:
            event: Any = parser.get_event()  # type: ignore[no-untyped-call]
            kind = type(event)
            if kind is yaml.ScalarEvent:
                self._attach(self._scalar(event))
            elif kind is yaml.SequenceStartEvent or kind is yaml.MappingStartEvent:
                line = _line(event)
                if event.anchor is not None or event.tag is not None:
                    self._check(event, line)
                if len(self._open) == DEEPEST:
                    self._report(
                        line, f"Nested more than {DEEPEST} levels deep: flatten it; no behaviour needs so many."
                    )
                    return None
                node: Sequence | Mapping = Sequence(line, []) if kind is yaml.SequenceStartEvent else Mapping(line, {})
                self._attach(node)
                self._open.append(node)
                self._keys.append(None)
            elif kind is yaml.SequenceEndEvent or kind is yaml.MappingEndEvent:
                self._open.pop()
                self._keys.pop()
            elif kind is yaml.AliasEvent:
                line = _line(event)
                self._report(line, f"The alias `*{event.anchor}` is not allowed: write the value out, or use `cases`.")
                self._attach(Scalar(line, "", REFUSED))
            elif kind is yaml.DocumentStartEvent:
                line = _line(event)
                documents += 1
                if event.version or event.tags:
                    self._report(line, "A directive (`%…`) is not allowed: remove it.")
                if documents > 1:
                    self._report(line, "A second document begins here: a file has one; remove the `---`.")
                    return self._root
            elif kind is yaml.StreamEndEvent:
                if documents == 0:
                    self._report(1, "The file is empty: write its content, or delete it.")
                return self._root


def read(data: bytes, report: Report, keys: frozenset[str] = frozenset()) -> Node | None:
    """Read the bytes of a file and report everything that is not allowed.

    ``keys`` are plain words that a map may have as keys though some version of YAML does not read them as strings.

    Returns the root, or None if the file cannot be read any further, which has been reported then.
    """
    if data.startswith(b"\xef\xbb\xbf"):
        report(1, "The file begins with a byte order mark: save it as UTF-8 without one.")
        data = data[3:]
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        report(data.count(b"\n", 0, error.start) + 1, "This is not UTF-8: save the file as UTF-8.")
        return None
    unprintable = _UNPRINTABLE.search(text)
    if unprintable:
        what = 'A tab: write spaces, and "\\t" within a string.'
        if unprintable[0] != "\t":
            what = 'A control character: write it as an escape, such as "\\x00".'
        report(text.count("\n", 0, unprintable.start()) + 1, what)
        return None
    for number, line in enumerate(text.split("\n"), 1):
        # the path of a schema cannot be broken
        if len(line) > WIDEST and not line.startswith(_MODELINE):
            report(number, f"The line has {len(line)} characters: break it, so that none has more than {WIDEST}.")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    parser = loader(text)
    try:
        return _Composer(report, keys).compose(parser)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        report(mark.line + 1 if mark else 1, f"This is not YAML: {error.problem or error.context}.")
        return None
    finally:
        parser.dispose()
