"""Lua's own notation for values, calls and expectations, for people to read.

What lives here: turning run-time values, spec values and steps into text. What may not: deciding whether they agree
(``matcher``), or where the text goes (``report``, the CLI). What a port printed is untrusted: every byte outside
printable ASCII is escaped here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isinf, isnan

from luasocket_spec import model

from luasocket_runners.values import FunctionRef, Handle, LuaTable, LuaValue

#: Bytes of a string that are shown; more would hide the difference that the reader looks for.
SHOWN_BYTES = 160
#: Entries of a table that are shown, likewise.
SHOWN_ENTRIES = 24

#: Characters of a port's own words that are shown in one place: a sentence or two.
SHOWN_WORDS = 300

_ESCAPES = {0x22: '\\"', 0x5C: "\\\\", 0x0A: "\\n", 0x0D: "\\r", 0x09: "\\t"}

_KEYWORDS = frozenset(
    [
        "and",
        "break",
        "do",
        "else",
        "elseif",
        "end",
        "false",
        "for",
        "function",
        "goto",
        "if",
        "in",
        "local",
        "nil",
        "not",
        "or",
        "repeat",
        "return",
        "then",
        "true",
        "until",
        "while",
    ]
)


def quote(text: bytes) -> str:
    """Return a string literal that every Lua reads as these bytes."""
    pieces = []
    for position, byte in enumerate(text):
        if byte in _ESCAPES:
            pieces.append(_ESCAPES[byte])
        elif 0x20 <= byte < 0x7F:
            pieces.append(chr(byte))
        else:
            # a digit that follows would be read as part of a short escape
            follows = position + 1 < len(text) and 0x30 <= text[position + 1] <= 0x39
            pieces.append(f"\\{byte:03d}" if follows else f"\\{byte}")
    return '"' + "".join(pieces) + '"'


def string(text: bytes) -> str:
    """Return a string literal, cut where it is long, with its length then."""
    if len(text) <= SHOWN_BYTES:
        return quote(text)
    return f"{quote(text[:SHOWN_BYTES])}… ({len(text)} bytes)"


def number(value: float) -> str:
    """Return a number as Lua writes it; 1.0 is 1."""
    if isinstance(value, int):
        return str(value)
    if isnan(value):
        return "0/0"
    if isinf(value):
        return "math.huge" if value > 0 else "-math.huge"
    if value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return repr(value)


def plain(words: object) -> str:
    """Return what a port said of itself as one line of printable ASCII, cut where it is long."""
    shown = str(words).encode("unicode_escape").decode("ascii").replace("\\\\", "\\")
    return shown if len(shown) <= SHOWN_WORDS else f"{shown[:SHOWN_WORDS]}…"


def is_name(text: bytes) -> bool:
    """Tell whether the bytes are a name in Lua's syntax."""
    word = text.decode("latin-1")
    return word.isascii() and word.isidentifier() and word not in _KEYWORDS


def table(
    entries: tuple[tuple[object, object], ...], show: Callable[[object], str], *, limit: int | None = SHOWN_ENTRIES
) -> str:
    """Return a table constructor, of the first ``limit`` entries; the keys 1, 2, … are not written."""
    pieces = []
    following = 1
    for key, item in entries[:limit]:
        if not isinstance(key, bool) and isinstance(key, int | float) and key == following:
            following += 1
            pieces.append(show(item))
        elif isinstance(key, bytes) and is_name(key):
            pieces.append(f"{key.decode()} = {show(item)}")
        else:
            pieces.append(f"[{show(key)}] = {show(item)}")
    if limit is not None and len(entries) > limit:
        pieces.append(f"… ({len(entries)} entries)")
    return "{" + ", ".join(pieces) + "}"


class Names:
    """What handles and functions are called, so that a value reads as the variable it is bound to."""

    def __init__(self, bound: Mapping[str, LuaValue]) -> None:
        self._bound = bound

    def of(self, value: Handle | FunctionRef) -> str:
        """Return the shortest name that is bound to the value, or a description."""
        names = [name for name, other in self._bound.items() if other == value]
        if names:
            return min(names, key=lambda name: (name.count("."), len(name)))
        if isinstance(value, FunctionRef):
            return "<a function of the test>"
        return f"<another {value.type}>"


def show(value: object, names: Names) -> str:
    """Return the Lua notation of a run-time value or a spec value."""
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, bytes):
        return string(value)
    if isinstance(value, Handle | FunctionRef):
        return names.of(value)
    if isinstance(value, LuaTable | model.Table):
        return table(value.entries, lambda item: show(item, names))
    return _SPEC_VALUES[type(value)](value, names)


def _one_of(value: model.OneOf, names: Names) -> str:
    return "<" + " or ".join(show(choice, names) for choice in value.choices) + ">"


def _concat(value: model.Concat, names: Names) -> str:
    return " .. ".join(show(part, names) for part in value.parts)


def _keyed(value: model.Keyed, names: Names) -> str:
    items = [show(item, names) for item in value.items]
    return "{" + ", ".join(items + [f"[{item}] = {index}" for index, item in enumerate(items, 1)]) + "}"


def _fields(value: model.Fields, names: Names) -> str:
    inner = table(value.entries, lambda item: show(item, names))
    return inner[:-1] + (", …}" if value.entries else "…}")


_TYPE_WORDS = {
    "nil": "nil",
    "boolean": "a boolean",
    "number": "a number",
    "string": "a string",
    "table": "a table",
    "function": "a function",
    "object": "an object",
    "any": "anything",
}

_SPEC_VALUES: Mapping[type, Callable[..., str]] = {
    model.Ref: lambda value, names: value.name,
    model.Splice: lambda value, names: "...",
    model.Repeat: lambda value, names: f"({string(value.text)}):rep({value.times})",
    model.Concat: _concat,
    model.OfType: lambda value, names: (
        "<anything>" if "any" in value.types else "<" + " or ".join(_TYPE_WORDS[name] for name in value.types) + ">"
    ),
    model.Between: lambda value, names: f"<a number from {show(value.low, names)} to {show(value.high, names)}>",
    model.Pattern: lambda value, names: f"<a string that matches /{value.regex}/>",
    model.OneOf: _one_of,
    model.Fields: _fields,
    model.Keyed: _keyed,
    model.Length: lambda value, names: f"<a string of {value.bytes} bytes>",
}


def show_list(values: tuple[object, ...], names: Names) -> str:
    """Return results as Lua's interpreter shows them; no results: ``(nothing)``."""
    return ", ".join(show(value, names) for value in values) if values else "(nothing)"


def show_outcome(outcome: model.Outcome, names: Names) -> str:
    """Return what a call has to answer."""
    if isinstance(outcome, model.Returns):
        return show_list(outcome.values, names)
    if isinstance(outcome, model.Raises):
        if outcome.part is not None:
            return f"an error with {string(outcome.part)} in its message"
        return f"an error whose value is {show(outcome.value, names)}"
    return "success (neither an error, nor nil, nor false)"


def show_system(step: model.System) -> str:
    """Return what a step looks at past the port: ``the system's TCP_NODELAY of client``."""
    return f"the system's {step.option} of {step.name}"


def show_call(target: model.Target, args: tuple[object, ...], names: Names) -> str:
    """Return a call: ``client:receive("*l")``."""
    if isinstance(target, model.MethodTarget):
        head = f"{target.name}:{target.method}"
    elif isinstance(target, model.PathTarget):
        head = target.path
    else:
        head = target.name
    return f"{head}({', '.join(show(argument, names) for argument in args)})"
