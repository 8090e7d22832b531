"""Shows values, calls and expectations in Lua's notation.

Text from a port is untrusted: every byte outside printable ASCII is escaped here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isinf, isnan, log10

from luasocket_spec import model

from luasocket_runners.values import FunctionRef, Handle, LuaTable, LuaValue

#: Bytes up to which a string is shown whole; a longer one would hide the difference that the reader looks for.
SHOWN_BYTES = 160
#: Bytes that are shown of the beginning and of the end of a longer string.
SHOWN_HEAD, SHOWN_TAIL = 60, 20
#: Bytes from which on a repetition is shown as one: a shorter one is as easily read itself.
_LONG_RUN = 32
#: How often a unit has to be repeated at least, and how long it is at most.
_REPEATED, _PERIOD = 4, 64
#: Bytes up to which two strings are shown whole beside each other; for longer ones, the place of the difference is
#: clearer.
SHORT_STRING = 60
#: Bytes that are shown from that place on.
_AROUND = 16
#: Entries of a table, and values of a list, that are shown.
SHOWN_ENTRIES = 24
#: Digits up to which an integer is shown whole, and those that are shown of a longer one.
SHOWN_DIGITS, _HEAD_DIGITS = 40, 20
#: Characters of one value that are shown: tables may be nested.
SHOWN_CHARACTERS = 2000

#: Characters of a port's own text that are shown in one place: a sentence or two.
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
    """Return an expression that every Lua reads as these bytes; a long string without repetitions is cut.

    A cut string has ``…`` in its middle, and its length in bytes behind it.
    """
    pieces = _pieces(text)
    if pieces is not None:
        return " .. ".join(pieces)
    if len(text) <= SHOWN_BYTES:
        return quote(text)
    return f"{quote(text[:SHOWN_HEAD])[:-1]}…{quote(text[-SHOWN_TAIL:])[1:]} ({len(text)} bytes)"


def _pieces(text: bytes) -> list[str] | None:
    """Return the operands of a concatenation with repetitions; None: there are none, or it is too long."""
    pieces: list[str] = []
    start = at = 0  # between them: bytes without a repetition
    plain_bytes = 0
    while at < len(text):
        period, length = _run(text, at)
        if not period:
            at += 1
            plain_bytes += 1
            if plain_bytes > SHOWN_BYTES:
                return None
            continue
        if start < at:
            pieces.append(quote(text[start:at]))
        times = length // period
        pieces.append(f"({quote(text[at : at + period])}):rep({times})")
        start = at = at + times * period
    if not pieces:
        return None
    if start < len(text):
        pieces.append(quote(text[start:]))
    return pieces if sum(map(len, pieces)) <= 2 * SHOWN_BYTES else None


def _regex(regex: str) -> str:
    """Return a regular expression between slashes, and of a long one its beginning."""
    return f"/{regex}/" if len(regex) <= SHOWN_BYTES else f"/{regex[:SHOWN_HEAD]}…/ ({len(regex)} characters)"


def _run(text: bytes, at: int) -> tuple[int, int]:
    """Return the period and the length of a repetition that begins at an index; (0, 0) where none does."""
    for period in range(1, min(_PERIOD, (len(text) - at) // _REPEATED) + 1):
        least = max(_REPEATED * period, _LONG_RUN)
        # the string is periodic as far as it equals itself shifted by the period
        if text[at : at + least - period] == text[at + period : at + least] and at + least <= len(text):
            return period, period + first_difference(text[at:], text[at + period :])
    return 0, 0


def with_metatable(table: str, calls: str | None, inherits: str | None) -> str:
    """Return the expression of a table whose calls call a function, or that has entries from another value."""
    metamethods = {"__call": calls, "__index": inherits}
    fields = ", ".join(f"{name} = {value}" for name, value in metamethods.items() if value is not None)
    return f"setmetatable({table}, {{{fields}}})" if fields else table


def first_difference(left: bytes, right: bytes) -> int:
    """Return the index of the first differing byte of two strings, by halving; at most the length of the shorter."""
    low, high = 0, min(len(left), len(right))
    while low < high:
        middle = (low + high + 1) // 2
        if left[low:middle] == right[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def difference(expected: bytes, actual: bytes) -> str:
    """Return how two strings differ: short ones are shown whole, of long ones the place of the difference."""
    case = ": upper and lower case differ" if expected.lower() == actual.lower() else ""
    if max(len(expected), len(actual)) <= SHORT_STRING:
        return f"{string(actual)} instead of {string(expected)}{case}"
    at = first_difference(expected, actual)
    lengths = "" if len(expected) == len(actual) else f", {len(actual)} bytes instead of {len(expected)}"
    if at == min(len(expected), len(actual)):
        return f"the first {at} bytes are right{lengths}"
    there, due = quote(actual[at : at + _AROUND]), quote(expected[at : at + _AROUND])
    return f"the strings differ at byte {at + 1}: {there} instead of {due}{lengths}{case}"


def number(value: float) -> str:
    """Return a number as Lua writes it; 1.0 is 1."""
    if isinstance(value, int):
        return _integer(value)
    if isnan(value):
        return "0/0"
    if isinf(value):
        return "math.huge" if value > 0 else "-math.huge"
    if value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return repr(value)


def _integer(value: int) -> str:
    """Return an integer; of a long one, the first digits and their number."""
    size = abs(value)
    if size < 10**SHOWN_DIGITS:
        return str(value)
    digits = int(log10(size)) + 1
    return f"{'-' if value < 0 else ''}{size // 10 ** (digits - _HEAD_DIGITS)}… ({digits} digits)"


def plain(words: object) -> str:
    """Return text from a port as one line of printable ASCII, cut where it is long."""
    shown = str(words).encode("unicode_escape").decode("ascii").replace("\\\\", "\\")
    return shown if len(shown) <= SHOWN_WORDS else f"{shown[:SHOWN_WORDS]}…"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 behaviour``, ``2 behaviours``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def is_name(text: bytes) -> bool:
    """Return whether the bytes are a name in Lua's syntax."""
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
        elif isinstance(key, bytes) and len(key) <= SHOWN_BYTES and is_name(key):
            pieces.append(f"{key.decode()} = {show(item)}")
        else:
            pieces.append(f"[{show(key)}] = {show(item)}")
    if limit is not None and len(entries) > limit:
        pieces.append(f"… ({len(entries)} entries)")
    return "{" + ", ".join(pieces) + "}"


class Names:
    """The names of handles and functions, so that a value is shown as the variable it is bound to."""

    def __init__(self, bound: Mapping[str, LuaValue]) -> None:
        self._bound = bound

    def of(self, value: Handle | FunctionRef) -> str:
        """Return the shortest name that is bound to the value, or a description."""
        names = [name for name, other in self._bound.items() if other == value]
        if names:
            return min(names, key=lambda name: (name.count("."), len(name)))
        if isinstance(value, FunctionRef):
            return "<a function of the behaviour>"
        return f"<another {value.type}>"

    def plain(self, name: str) -> str | None:
        """Return the value of a name in Lua's notation; None if it is an object or a function."""
        value = self._bound.get(name)
        return None if value is None or isinstance(value, Handle | FunctionRef) else show(value, self)


def show(value: object, names: Names) -> str:
    """Return the Lua notation of a run-time value or a spec value, cut where it is long."""
    return _cut(_show(value, names))


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}… ({len(text)} characters)"


def _show(value: object, names: Names) -> str:
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
    if isinstance(value, LuaTable | model.TableSpec):
        return table(value.entries, lambda item: _show(item, names))
    return _SPEC_VALUES[type(value)](value, names)


def _one_of(value: model.OneOf, names: Names) -> str:
    return "<" + " or ".join(_show(choice, names) for choice in value.choices) + ">"


def _concat(value: model.Concat, names: Names) -> str:
    return " .. ".join(_show(part, names) for part in value.parts)


def _keyed(value: model.Keyed, names: Names) -> str:
    items = [_show(item, names) for item in value.items]
    return "{" + ", ".join(items + [f"[{item}] = {index}" for index, item in enumerate(items, 1)]) + "}"


def _fields(value: model.Fields, names: Names) -> str:
    inner = table(value.entries, lambda item: _show(item, names))
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

_PLURALS = {"nil": "nils", "any": "anything"}


def _item(value: model.SpecValue, names: Names) -> str:
    """Return the description of a list's items: ``strings``."""
    if isinstance(value, model.OfType):
        words = [_PLURALS.get(name) or _TYPE_WORDS[name].split(" ", 1)[1] + "s" for name in value.types]
        return " or ".join(words)
    return _show(value, names)


def subtype(kind: str, value: object, names: Names) -> str:
    """Return a number with its subtype, in words: ``the float 5.0``."""
    if not isinstance(value, int | float):
        shown = _show(value, names)
        return f"a{'n' * (kind == 'integer')} {kind}: {shown}"
    written = number(value)
    return f"the {kind} {written}{'.0' * (kind == 'float' and written.lstrip('-').isdigit())}"


_SPEC_VALUES: Mapping[type, Callable[..., str]] = {
    # a reader compares the returned value with a value, not with the name of one
    model.Ref: lambda value, names: names.plain(value.name) or value.name,
    model.Splice: lambda value, names: "...",
    model.Repeat: lambda value, names: f"({string(value.text)}):rep({value.times})",
    model.Concat: _concat,
    model.OfType: lambda value, names: (
        "<anything>" if "any" in value.types else "<" + " or ".join(_TYPE_WORDS[name] for name in value.types) + ">"
    ),
    model.Between: lambda value, names: f"<a number from {_show(value.low, names)} to {_show(value.high, names)}>",
    model.Pattern: lambda value, names: f"<{value.words or f'a string that matches {_regex(value.regex)}'}>",
    model.OneOf: _one_of,
    model.Fields: _fields,
    model.Keyed: _keyed,
    model.Length: lambda value, names: f"<a string of {value.bytes} bytes>",
    model.Subtype: lambda value, names: f"<{subtype(value.name, value.number, names)}>",
    model.ListOf: lambda value, names: f"<a list, of any length, of {_item(value.item, names)}>",
}


def show_list(values: tuple[object, ...], names: Names) -> str:
    """Return results as Lua's interpreter shows them; no results: ``(nothing)``."""
    if not values:
        return "(nothing)"
    more = [f"… ({len(values)} values)"] if len(values) > SHOWN_ENTRIES else []
    return _cut(", ".join([*(_show(value, names) for value in values[:SHOWN_ENTRIES]), *more]))


def show_outcome(outcome: model.Outcome, names: Names) -> str:
    """Return the expected outcome of a call."""
    if isinstance(outcome, model.Returns):
        return show_list(outcome.values, names)
    if isinstance(outcome, model.Raises):
        if outcome.part is not None:
            return f"an error with {string(outcome.part)} in its message"
        return f"an error whose value is {show(outcome.value, names)}"
    return "success (neither an error, nor nil, nor false)"


def show_system(step: model.System) -> str:
    """Return the option that a step reads from the system: ``the system's TCP_NODELAY of client``."""
    return f"the system's {step.option} of {step.name}"


def show_call(target: model.Target, args: tuple[object, ...], names: Names) -> str:
    """Return a call: ``client:receive("*l")``."""
    if isinstance(target, model.MethodTarget):
        head = f"{target.name}:{target.method}"
    elif isinstance(target, model.PathTarget):
        head = target.path
    else:
        head = target.name
    return f"{head}({show_list(args, names) if args else ''})"
