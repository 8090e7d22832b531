"""Writes quirks as YAML, in the form in which ``reading`` reads them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Final, TypeAlias

from luasocket_spec import model as m
from luasocket_spec.model import Outcome, Raises, Returns, SpecValue

from luasocket_runners.quirks.model import (
    HANGS,
    Beginning,
    Behind,
    Ending,
    Ignoring,
    Kept,
    Listed,
    Message,
    Product,
    Quirk,
    Slice,
    Sum,
)  # fmt: skip

__all__ = ["HEADER", "changes", "render"]

#: The first line of a file: editors check it by the schema.
HEADER: Final = "# yaml-language-server: $schema={schema}\nquirks:\n"
#: The width of wrapped text, beside the indentation.
_WIDTH: Final = 108


def render(quirks: Iterable[Quirk]) -> str:
    """Return the items of the list ``quirks``."""
    return "\n".join(map(_quirk, quirks))


def changes(before: Quirk, after: Quirk) -> list[str]:
    """Return the lines that a quirk needs instead of its own, or beside them, to become another one."""
    own = _entries(before)
    return [line.removeprefix("    ") for entry in _entries(after) if entry not in own for line in entry]


def _quirk(quirk: Quirk) -> str:
    lines = [f"  - id: {quirk.id}", *_text("says", quirk.says), *_text("why", quirk.why)]
    lines += (line for entry in _entries(quirk) for line in entry)
    return "\n".join(lines) + "\n"


def _entries(quirk: Quirk) -> list[list[str]]:
    """Return the lines of each entry behind the texts, with their indentation."""
    entries = [_entry("on", [_string(name) for name in quirk.on], 4)]
    for key, names in (("after", quirk.after), ("until", quirk.until), ("before", quirk.before)):
        if names:
            entries.append(_entry(key, [_string(name) for name in names], 4))
    if expected := _side(quirk.with_, quirk.expected, quirk.where):
        entries.append(_entry("expected", expected, 4))
    returned = _side(quirk.passes, quirk.returned)
    if quirk.omitted:
        returned["omitted"] = "true"
    if quirk.early:
        returned["early"] = "true"
    if quirk.leaks:
        returned["leaks"] = str(quirk.leaks)
    if quirk.others:
        returned["or"] = [_side(None, other) for other in quirk.others]
    entries.append(_entry("returned", returned, 4))
    if not quirk.always:
        entries.append(["    always: false"])
    return entries


def _text(key: str, text: str) -> list[str]:
    return [f"    {key}: >-", *textwrap.wrap(text, _WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6)]


#: A value as YAML: a scalar as it is written, a list, or a map.
_Node: TypeAlias = "str | list[_Node] | dict[str, _Node]"


def _flow(node: _Node) -> str:
    """Return a value on one line."""
    if isinstance(node, str):
        return node
    if isinstance(node, list):
        return f"[{', '.join(map(_flow, node))}]"
    return f"{{{', '.join(f'{key}: {_flow(value)}' for key, value in node.items())}}}"


def _entry(key: str, node: _Node, indent: int) -> list[str]:
    """Return an entry of a map: on one line if it fits, otherwise its parts on lines of their own."""
    line = f"{' ' * indent}{key}: {_flow(node)}"
    if isinstance(node, str) or not node or len(line) <= _WIDTH:
        return [line]
    lines = [f"{' ' * indent}{key}:"]
    if isinstance(node, dict):
        for inner, value in node.items():
            lines += _entry(inner, value, indent + 2)
        return lines
    for item in node:
        line = f"{' ' * (indent + 2)}- {_flow(item)}"
        if isinstance(item, dict) and len(line) > _WIDTH:
            (first, *others) = (part for inner, value in item.items() for part in _entry(inner, value, indent + 4))
            lines += [f"{' ' * (indent + 2)}- {first.lstrip()}", *others]
        else:
            lines.append(line)
    return lines


def _side(
    args: tuple[SpecValue, ...] | None,
    outcome: Outcome | Message | None,
    where: tuple[tuple[str, SpecValue], ...] = (),
) -> dict[str, _Node]:
    parts: dict[str, _Node] = {} if args is None else {"with": _list(args)}
    if where:
        parts["where"] = {f"${name}": _value(pattern) for name, pattern in where}
    if isinstance(outcome, Returns):
        parts["returns"] = _list(outcome.values)
    elif outcome == HANGS:
        parts["hangs"] = "true"
    elif isinstance(outcome, Raises):
        # "raises" has no dollar to double
        parts["raises"] = (
            {"value": _value(outcome.value)} if outcome.part is None else _string(outcome.part.decode("latin-1"))
        )
    elif isinstance(outcome, Message):
        parts["message"] = _string(outcome.glob)
    elif outcome is not None:
        parts["succeeds"] = "true"
    return parts


def _list(values: Iterable[SpecValue]) -> list[_Node]:
    return [_value(value) for value in values]


def _string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if " " <= c <= "~" else f"\\x{ord(c):02x}" for c in escaped) + '"'


def _value(value: object) -> _Node:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(str(value), str(value))
        case bytes():
            text = value.decode("latin-1")
            return _string("$" + text if text.startswith("$") else text)
        case m.Ref(name=name):
            return f"${name}"
        case m.Splice():
            return "$..."
        case m.OfType(types=types):
            # in a list, YAML would take the word for a string, so the reader wants to see that it is one
            return {"type": types[0] if len(types) == 1 else ['"nil"' if one == "nil" else one for one in types]}
        case m.Pattern(regex=regex):
            return {"pattern": _string(regex)}
        case m.Length(bytes=length):
            return {"length": str(length)}
        case m.Between(low=low, high=high):
            return {"between": [_value(low), _value(high)]}
        case m.OneOf(choices=choices):
            return {"one_of": _list(choices)}
        case Product(value=inner, factor=factor):
            return {"product": [_value(inner), _value(factor)]}
        case Slice(value=inner, positions=positions, counted=counted):
            return {"size" if counted else "slice": _list((inner, *positions))}
        case Ignoring(ignored=ignored, value=inner):
            return {"ignoring": [_value(ignored), _value(inner)]}
        case m.Concat(parts=parts):
            return {"concat": _list(parts)}
        case Ending(value=inner):
            return {"ending": _value(inner)}
        case Kept(value=inner):
            return {"kept": _value(inner)}
        case Behind(prefix=prefix, value=inner):
            return {"behind": [_value(prefix), _value(inner)]}
        case Beginning(value=inner, sizes=sizes, fewer=fewer):
            beginning: dict[str, _Node] = {"beginning": _value(inner)}
            return beginning | {"below" if fewer else "bytes": _list(sizes)} if sizes else beginning
        case Sum(parts=parts):
            return {"sum": _list(parts)}
        case Listed(value=inner):
            return {"listed": _value(inner)}
        case m.Keyed(items=items):
            return {"keyed": _list(items)}
        case m.ListOf(item=inner):
            return {"list_of": _value(inner)}
        case m.TableSpec(entries=()):
            return []
        case m.TableSpec(entries=entries) | m.Fields(entries=entries):
            tag = "table" if isinstance(value, m.TableSpec) else "fields"
            return {tag: [[_value(key), _value(item)] for key, item in entries]}
    raise TypeError(f"{value!r} cannot be part of a quirk")
