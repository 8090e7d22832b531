"""The functions, constants and options of the API as data, read from ``api.yaml``.

Each has its parameters, the shapes of its results, and the classes that have it. How a call behaves is left to
behaviours and statements.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Final

import yaml

from luasocket_spec.model import DIALECTS, Dialect
from luasocket_spec.versions import RELEASES

__all__ = [
    "Api", "ApiError", "Class", "Constant", "Function", "Option", "Parameter", "Result", "load_api", "split_types",
]  # fmt: skip

#: The classes by the short names that `classes` of a method uses.
SHORT: Final[Mapping[str, str]] = {
    "master": "tcp{master}",
    "client": "tcp{client}",
    "server": "tcp{server}",
    "unconnected": "udp{unconnected}",
    "connected": "udp{connected}",
}

_RESULT: Final = re.compile(r"(?:(?P<name>[a-z]+): )?(?P<type>.+)", re.DOTALL)
_ID: Final = re.compile(r"[a-z]+(\.[a-z]+)*[.:][A-Za-z0-9_]+")


class ApiError(Exception):
    """``api.yaml`` is wrong; the message names the entry and the remedy."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter; ``type`` and ``default`` are in the notation of LuaCATS and Lua."""

    name: str  #: ``...`` for any number of arguments
    type: str
    optional: bool
    default: str | None
    says: str
    raises: str | None  #: the arguments that raise an error


@dataclass(frozen=True, slots=True)
class Result:
    """A result of a shape; ``type`` is in the notation of LuaCATS."""

    name: str | None
    type: str


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the module (``socket.select``) or a method (``client:receive``)."""

    id: str
    says: str
    on: tuple[str, ...]  #: the classes on which a method works, as ``tcp{client}``; empty for a function
    statements: tuple[str, ...]  #: the functions whose statements belong to it
    parameters: tuple[Parameter, ...]
    returns: tuple[tuple[Result, ...], ...]  #: the shapes of the results, success first
    dialects: tuple[Dialect, ...]
    since: str | None = None  #: the release of LuaSocket that has it first; None: 2.0.2 or before
    columns: tuple[tuple[str, str], ...] = ()  #: those of its table: a head, and a regular expression for the arguments

    @property
    def is_method(self) -> bool:
        """Whether it is called on an object."""
        return ":" in self.id

    @property
    def name(self) -> str:
        """The last name of the id: ``receive``, ``toip``."""
        return re.split("[.:]", self.id)[-1]

    @property
    def kind(self) -> str:
        """``tcp`` or ``udp`` for a method, ``socket`` for a function."""
        return self.on[0].partition("{")[0] if self.on else "socket"

    def signature(self) -> str:
        """Return the call in the notation of manuals: ``client:receive([pattern [, prefix]])``."""
        text = ""
        for parameter in reversed(self.parameters):
            comma = "" if parameter is self.parameters[0] else ", "
            if parameter.optional:
                text = f"[{comma}{parameter.name}{text and ' ' if text.startswith('[') else ''}{text}]"
            else:
                text = f"{comma}{parameter.name}{text}"
        return f"{self.id}({text.replace('][', '] [')})"


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant of the module."""

    id: str
    says: str
    type: str
    statements: tuple[str, ...]
    dialects: tuple[Dialect, ...]
    since: str | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """An option of ``setoption`` and ``getoption``, with the dialects in which it can be set and got."""

    name: str
    says: str
    type: str
    set_in: tuple[Dialect, ...]
    get_in: tuple[Dialect, ...]
    since: str | None = None  #: the release in which it can be set first, or be got if it cannot be set


@dataclass(frozen=True, slots=True)
class Class:
    """A class of objects."""

    name: str  #: ``tcp{client}``
    type: str  #: its name in annotations
    says: str


@dataclass(frozen=True, slots=True)
class Api:
    """All classes, functions, constants and options."""

    classes: Mapping[str, Class]
    functions: Mapping[str, Function]
    constants: Mapping[str, Constant]
    options: Mapping[str, Mapping[str, Option]]  #: by ``tcp`` or ``udp``, then by name

    def method(self, kind: str, name: str) -> Function | None:
        """Return the method of TCP or UDP objects with this name, None if there is none."""
        return next((f for f in self.functions.values() if f.is_method and (f.kind, f.name) == (kind, name)), None)


@cache
def load_api() -> Api:
    """Return the API of this package. Raises :class:`ApiError` if the file is wrong."""
    data = yaml.safe_load(resources.files("luasocket_spec").joinpath("api.yaml").read_text(encoding="utf-8"))
    return parse(data)


def parse(data: Mapping[str, Any]) -> Api:
    """Return the API of the parsed file. Raises :class:`ApiError`."""
    _keys("the file", data, {"classes", "functions", "constants", "options"})
    classes = {
        name: Class(name, **_keys(name, entry, {"type", "says"}, {"type", "says"}))
        for name, entry in data["classes"].items()
    }
    return Api(
        classes,
        {name: _function(name, entry) for name, entry in data["functions"].items()},
        {name: _constant(name, entry) for name, entry in data["constants"].items()},
        {
            kind: {name: _option(f"{kind}: {name}", name, entry) for name, entry in options.items()}
            for kind, options in data["options"].items()
        },
    )


def _keys(where: str, entry: Mapping[str, Any], known: set[str], required: set[str] | None = None) -> dict[str, Any]:
    unknown, missing = set(entry) - known, (required or set()) - set(entry)
    if unknown or missing:
        wrong = f"unknown keys {sorted(unknown)}" if unknown else f"missing keys {sorted(missing)}"
        raise ApiError(f"api.yaml: {where}: {wrong}. The keys are {', '.join(sorted(known))}.")
    return dict(entry)


def _dialects(where: str, words: Sequence[Any]) -> tuple[Dialect, ...]:
    found = tuple(dialect for dialect in DIALECTS if dialect in words)
    if len(found) != len(words):
        raise ApiError(f"api.yaml: {where}: `dialects` takes {', '.join(DIALECTS)}.")
    return found


def _since(where: str, entry: Mapping[str, Any]) -> str | None:
    since = entry.get("since")
    if since is not None and since not in RELEASES[1:]:
        raise ApiError(f"api.yaml: {where}: `since` takes {', '.join(RELEASES[1:])}.")
    return since


def _function(name: str, given: Mapping[str, Any]) -> Function:
    known = {"says", "classes", "statements", "parameters", "returns", "dialects", "since", "columns"}
    entry = _keys(name, given, known, {"says", "returns"})
    if not _ID.fullmatch(name):
        raise ApiError(f"api.yaml: {name}: write socket.NAME for a function, or CLASS:NAME for a method.")
    on = entry.get("classes", [])
    if set(on) - set(SHORT) or bool(on) != (":" in name):
        raise ApiError(f"api.yaml: {name}: `classes` lists the classes of a method: {', '.join(SHORT)}.")
    default = [] if name.startswith(("socket.", "tcp:", "udp:")) else [name]
    return Function(
        id=name,
        says=entry["says"],
        on=tuple(SHORT[word] for word in on),
        statements=tuple(entry.get("statements", default)),
        parameters=tuple(_parameter(name, key, value) for key, value in entry.get("parameters", {}).items()),
        returns=tuple(_results(text) for text in entry["returns"]),
        dialects=_dialects(name, entry.get("dialects", DIALECTS)),
        since=_since(name, entry),
        columns=tuple(entry.get("columns", {}).items()),
    )


def _parameter(where: str, name: str, given: Mapping[str, Any]) -> Parameter:
    entry = _keys(f"{where}: {name}", given, {"type", "says", "default", "raises"}, {"type", "says"})
    return Parameter(
        name=name.removesuffix("?"),
        type=entry["type"],
        optional=name.endswith("?"),
        default=entry.get("default"),
        says=entry["says"],
        raises=entry.get("raises"),
    )


def _results(text: str) -> tuple[Result, ...]:
    """Read ``nil, err: "timeout"|string``; commas inside brackets belong to a type."""
    found: list[Result] = []
    for part in split_types(text, ","):
        match = _RESULT.fullmatch(part)
        assert match is not None
        found.append(Result(match["name"], match["type"]))
    return tuple(found)


def split_types(text: str, separator: str) -> list[str]:
    """Return the parts of a type, or of a list of types, separated outside of brackets and quotes."""
    if not text:
        return []
    parts, depth, quoted = [""], 0, False
    for character in text:
        quoted ^= character == '"'
        if not quoted:
            depth += (character in "([{<") - (character in ")]}>")
        if character == separator and depth == 0 and not quoted:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def _constant(name: str, given: Mapping[str, Any]) -> Constant:
    entry = _keys(name, given, {"type", "says", "statements", "dialects", "since"}, {"type", "says"})
    dialects = _dialects(name, entry.get("dialects", DIALECTS))
    statements = tuple(entry.get("statements", ()))
    return Constant(name, entry["says"], entry["type"], statements, dialects, _since(name, entry))


def _option(where: str, name: str, given: Mapping[str, Any]) -> Option:
    known = {"type", "says", "set", "get", "dialects", "get_dialects", "since"}
    entry = _keys(where, given, known, {"type", "says"})
    dialects = entry.get("dialects", DIALECTS)
    set_in = _dialects(where, dialects if entry.get("set", True) else ())
    get_in = _dialects(where, entry.get("get_dialects", dialects) if entry.get("get", True) else ())
    return Option(name, entry["says"], entry["type"], set_in, get_in, _since(where, entry))
