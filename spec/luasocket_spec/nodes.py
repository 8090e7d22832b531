"""A small, strict subset of YAML, read into nodes that know their lines.

What lives here: what YAML may look like in our files. What may not: what a key means (``loader`` knows).

YAML has several versions that read the same plain word differently: ``on`` is a boolean to one and a string to the
next, ``010`` is eight or ten, ``1:30`` is ninety. Here a plain scalar is ``null``, ``true``, ``false``, a decimal
number or a string, and whatever any YAML would read otherwise is refused with the way to write it. Aliases, tags, merge
keys, directives and further documents are refused, too: the files are for people, and an alias can blow up what it
names.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import yaml

Report: TypeAlias = Callable[[int, str], None]
"""Takes a line (from 1) and a sentence."""


class Refused:
    """The type of :data:`REFUSED`."""

    __slots__ = ()


#: Stands for a scalar that has been reported already, so that nobody reports it again.
REFUSED: Final = Refused()

Plain: TypeAlias = None | bool | int | float | str | Refused

#: Levels of nesting. The deepest honest file has about a dozen; the limit keeps hostile ones from exhausting the stack.
DEEPEST: Final = 32


class Scalar:
    """A word, number or string. ``text`` is what was written, ``value`` what it means."""

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
    """A map: keys in the order of the file. No two keys are equal to Lua, to which 1 and 1.0 are."""

    __slots__ = ("line", "pairs")

    def __init__(self, line: int, pairs: dict[object, tuple[Scalar, Node]]) -> None:
        self.line = line
        self.pairs = pairs


Node: TypeAlias = Scalar | Sequence | Mapping

_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]*)")
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
    """Return what a plain scalar means, or an error that tells how to write it."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text) if text != "-0" else ValueError("`-0` is no integer of Lua's: write 0 or -0.0")
    if _FLOAT.fullmatch(text):
        return float(text)
    lower = text.lower()
    if lower in _BOOLEANS:
        return ValueError(f'`{text}` is a boolean to some YAMLs: write true or false, or "{text}" for the string')
    if lower in _SPELLINGS:
        return ValueError(f'`{text}` is not a string to YAML: write {_SPELLINGS[lower]}, or "{text}" for the string')
    if not text:
        return ValueError(
            'Nothing stands here, which YAML reads as null: write null, "", [] or {}; quote a text with a comma'
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


#: What begins a plain scalar that may be something else than a string, if it is not one of the words.
_SUSPICIOUS: Final = frozenset("0123456789+-.=<~")
_WORDS: Final = _BOOLEANS | {"null", "true", "false", ""}


def _line(event: Any) -> int:
    """Return the line on which the event begins. Parsers always set the mark, although its type lets it be absent."""
    return int(event.start_mark.line) + 1


#: What no parser reads, what some take for the end of a line, so that lines would be counted otherwise than an editor
#: does, and tabs, which YAML allows in places that nobody remembers.
_UNPRINTABLE: Final = re.compile("[^\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|\r(?!\n)")


class _Composer:
    """Builds the nodes of one file from the events of a parser."""

    def __init__(self, report: Report) -> None:
        self._report = report
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
        if text[:1] not in _SUSPICIOUS and text.lower() not in _WORDS:
            return Scalar(line, text, text)
        try:
            value = self._plain[text]
        except KeyError:
            value = self._plain[text] = _plain(text)
        if isinstance(value, ValueError):
            self._report(line, f"{value}.")
            value = REFUSED
        return Scalar(line, text, value)

    def _check(self, event: yaml.NodeEvent, line: int) -> None:
        """Report an anchor or a tag."""
        if event.anchor is not None:
            self._report(line, f"The anchor `&{event.anchor}` is not allowed: write the value out, or use `cases`.")
        tag = getattr(event, "tag", None)
        if tag is not None:
            short = tag.replace("tag:yaml.org,2002:", "!!")
            self._report(line, f"The tag `{short}` is not allowed: strike it; a string is quoted.")

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
            self._report(
                key.line, f"The key `{key.text}` stands here twice, first in line {earlier[0].line}: strike one."
            )

    def compose(self, parser: yaml.SafeLoader) -> Node | None:
        """Read all events; return the root, or None when there is no document or it could not be read on."""
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
                    self._report(line, f"Nested more than {DEEPEST} levels deep: no behaviour needs that.")
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
                    self._report(line, "A directive (`%…`) is not allowed: strike it.")
                if documents > 1:
                    self._report(line, "A second document begins here: a file has one; strike the `---`.")
                    return self._root
            elif kind is yaml.StreamEndEvent:
                if documents == 0:
                    self._report(1, "The file is empty: write what belongs here, or delete it.")
                return self._root


def read(data: bytes, report: Report) -> Node | None:
    """Read one file's bytes; report what is not allowed.

    Returns the root, or None when there is nothing that could be looked at further; that has been reported then.
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
        what = 'A tab stands here: write spaces, and "\\t" within a string.'
        if unprintable[0] != "\t":
            what = 'A control character stands here: write it as an escape, such as "\\x00".'
        report(text.count("\n", 0, unprintable.start()) + 1, what)
        return None
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    parser = loader(text)
    try:
        return _Composer(report).compose(parser)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        report(mark.line + 1 if mark else 1, f"This is not YAML: {error.problem or error.context}.")
        return None
    finally:
        parser.dispose()
