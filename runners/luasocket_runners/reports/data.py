"""The data of a report, and its JSON.

What lives here: the shape of one run's report, making it from results, writing it, and reading it again. The
dataclasses are the shape; ``schema/report.schema.json`` says the same for others, and a test holds the two together.
What may not: layout, and joining several reports (``joined``).

A report is read strictly: it may come from another machine and from anybody.
"""

from __future__ import annotations

import json
import platform
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from math import isfinite
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from luasocket_spec.model import Authority, Behaviour, Dialect

from luasocket_runners import host, notation
from luasocket_runners.lua_script import script
from luasocket_runners.report import about, printable
from luasocket_runners.result import CONFORMING, Listed, Result, Verdict

#: What every report calls itself.
FORMAT: Final = "luasocket-conformance report"
#: The version of the format: raised when a reader of the old one would misunderstand the new one.
FORMAT_VERSION: Final = 1
#: What a Lua script is cut at. Most of its text is the same in every script, so that the report has each part once.
_SEAM: Final = "\n\n"

class ReportError(Exception):
    """A file is no report that we can read; the text is ``file: place: sentence``."""


@dataclass(frozen=True, slots=True)
class Port:
    """What was tested: its name with us, and what it says of itself."""

    name: str
    calls_itself: str
    version: str
    host: str
    capabilities: tuple[str, ...]

    @property
    def about(self) -> str:
        """What it says of itself, on one line."""
        return about(self.calls_itself, self.version, self.host)


@dataclass(frozen=True, slots=True)
class Machine:
    """Where it was tested. No name of the machine and of no person: reports are shown to others."""

    system: str
    release: str
    machine: str
    python: str
    capabilities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """What the documentation says and what the real library does, since which version, and the issues about it."""

    documented: str
    observed: str
    since: str | None
    issues: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A behaviour, and what came of it.

    The behaviour is told as the specification of that run had it: ``id`` to ``disagrees``. The rest is the result, as
    in :class:`luasocket_runners.result.Result`; ``seconds`` is its duration. ``lua`` is its script, as indices into
    the report's ``lua_parts``, which are joined by an empty line.
    """

    id: str
    about: str
    says: str
    authority: Authority
    cites: tuple[str, ...]
    dialects: tuple[Dialect, ...]
    hint: str | None
    source: str
    disagrees: Disagreement | None
    verdict: Verdict
    reason: str
    preparing: str | None
    doing: str
    expected: str | None
    returned: str | None
    where: str
    follows: Authority | None
    seconds: float
    note: str
    printed: str
    listed: Listed | None
    lua: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """What a run was, apart from its results. ``started``: ISO 8601, UTC, to the second."""

    program: str
    spec: str
    port: Port
    dialect: Dialect
    authority: Authority | None
    machine: Machine
    started: str
    seconds: float

    @classmethod
    def of(
        cls,
        *,
        program: str,
        spec: str,
        port: str,
        description: Mapping[str, Any],
        dialect: Dialect,
        authority: Authority | None,
        started: datetime,
        seconds: float,
    ) -> Run:
        """Put together what is known of a run; ``description`` is the answer to ``describe``, untrusted."""
        told = {key: notation.plain(description.get(key, "")) for key in ("name", "version", "host")}
        return cls(
            program=program,
            spec=spec,
            port=Port(
                port,
                told["name"],
                told["version"],
                told["host"],
                tuple(map(notation.plain, description.get("capabilities", ()))),
            ),
            dialect=dialect,
            authority=authority,
            machine=Machine(
                platform.system(),
                platform.release(),
                platform.machine(),
                f"{platform.python_implementation()} {platform.python_version()}",
                host.capabilities(),
            ),
            started=started.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            seconds=round(seconds, 3),
        )


@dataclass(frozen=True, slots=True)
class Report:
    """A run and its results, in the order of the specification."""

    run: Run
    results: tuple[Entry, ...]
    lua_parts: tuple[str, ...]

    @classmethod
    def of(cls, run: Run, results: Iterable[Result]) -> Report:
        """Make the report of what was seen."""
        parts: dict[str, int] = {}

        def script_of(behaviour: Behaviour) -> tuple[int, ...]:
            pieces = script(behaviour, run.dialect).split(_SEAM)
            return tuple(parts.setdefault(piece, len(parts)) for piece in pieces)

        entries = tuple(_entry(result, script_of(result.behaviour)) for result in results)
        return cls(run, entries, tuple(parts))

    def script(self, entry: Entry) -> str:
        """Return the Lua script of one of this report's entries."""
        return _SEAM.join(self.lua_parts[index] for index in entry.lua)

    def counts(self) -> dict[Verdict, int]:
        """Return how many results there are of each verdict that there is, in the order of the verdicts."""
        counted = Counter(entry.verdict for entry in self.results)
        return {verdict: counted[verdict] for verdict in Verdict if counted[verdict]}

    @property
    def conforms(self) -> bool:
        """Whether the port conforms: that, and no more, to the behaviours that were played."""
        return all(entry.verdict in CONFORMING for entry in self.results)

    def to_json(self) -> str:
        """Return the report as JSON, by the schema that is shipped. It is ASCII: nothing in it can be disguised."""
        head = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            **asdict(self.run),
            "conforms": self.conforms,
            "counts": {verdict.value: count for verdict, count in self.counts().items()},
        }
        members = [f"{json.dumps(key)}: {_json(value)}" for key, value in head.items()]
        for key, items in (("results", map(asdict, self.results)), ("lua_parts", self.lua_parts)):
            # one line each: reports can be compared with the tools that compare lines
            members.append(f'"{key}": [\n' + ",\n".join(map(_json, items)) + "\n]")
        return "{" + ",\n".join(members) + "}\n"

    @classmethod
    def load(cls, path: Path) -> Report:
        """Read a report; raise :class:`ReportError`."""
        try:
            told = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
            return cls._read(told)
        except OSError as error:
            raise ReportError(f"{path}: the report cannot be read: {error.strerror or error}") from None
        except (UnicodeDecodeError, json.JSONDecodeError) as error:
            raise ReportError(f"{path}: this is not JSON: {error}") from None
        except RecursionError:
            raise ReportError(f"{path}: this is no report: it is nested too deeply") from None
        except ValueError as error:
            raise ReportError(f"{path}: {error}") from None

    @classmethod
    def _read(cls, told: object) -> Report:
        if not isinstance(told, dict) or told.get("format") != FORMAT:
            raise ValueError("this is no report of luasocket-conformance: 'run --json FILE' writes one")
        if told.get("format_version") != FORMAT_VERSION:
            raise ValueError(
                f"the report has format version {told.get('format_version')!r}; this program reads {FORMAT_VERSION}"
            )
        names = {field.name for field in fields(Run)}
        run: Run = _value(Run, {key: value for key, value in told.items() if key in names}, "the report")
        results: tuple[Entry, ...] = _value(tuple[Entry, ...], told.get("results"), "results")
        parts: tuple[str, ...] = _value(tuple[str, ...], told.get("lua_parts"), "lua_parts")
        strangers = told.keys() - names - {"format", "format_version", "conforms", "counts", "results", "lua_parts"}
        if strangers:
            raise ValueError(f"the report may not have {_listed(strangers)}")
        seen: set[str] = set()
        for entry in results:
            if entry.id in seen:
                raise ValueError(f"{notation.plain(entry.id)} has two results")
            seen.add(entry.id)
            if not all(0 <= index < len(parts) for index in entry.lua):
                raise ValueError(f"the script of {notation.plain(entry.id)} has a part that is not there")
        return cls(run, results, parts)


def _entry(result: Result, lua: tuple[int, ...]) -> Entry:
    behaviour = result.behaviour
    part = behaviour.disagrees
    return Entry(
        id=behaviour.id,
        about=behaviour.about,
        says=behaviour.says,
        authority=behaviour.authority,
        cites=behaviour.cites,
        dialects=behaviour.dialects,
        hint=behaviour.hint,
        source=str(behaviour.source),
        disagrees=None if part is None else Disagreement(part.documented, part.observed, part.since, part.issues),
        verdict=result.verdict,
        reason=_text(result.reason),
        preparing=result.preparing,
        doing=_text(result.doing),
        expected=None if result.expected is None else _text(result.expected),
        returned=None if result.returned is None else _text(result.returned),
        where=result.where,
        follows=result.follows,
        seconds=round(result.duration, 4),
        note=_text(result.note),
        printed=printable(result.printed),
        listed=result.listed,
        lua=lua,
    )


def _text(text: str) -> str:
    """Return text that can be written as UTF-8: Python keeps bytes that were none as halves of characters."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _json(told: object) -> str:
    return json.dumps(told, default=lambda value: value.value, allow_nan=False)  # only verdicts need the default


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number of JSON")


@cache
def _hints(shape: type) -> dict[str, Any]:
    return get_type_hints(shape)


_WORDS: Final[dict[object, str]] = {
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
}


def _value(shape: Any, value: object, place: str) -> Any:
    """Return JSON as a value of a type of this module; raise ValueError with the place of what does not fit."""
    origin = get_origin(shape)
    if origin in (Union, UnionType):
        (inner,) = (choice for choice in get_args(shape) if choice is not NoneType)
        return None if value is None else _value(inner, value, place)
    if origin is Literal or (isinstance(shape, type) and issubclass(shape, Enum)):
        choices = {choice: choice for choice in get_args(shape)} or {member.value: member for member in shape}
        if not isinstance(value, str) or value not in choices:
            raise ValueError(f"{place} is none of {', '.join(map(repr, choices))}")
        return choices[value]
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ValueError(f"{place} is no list")
        inner = get_args(shape)[0]
        return tuple(_value(inner, item, f"{place}[{index}]") for index, item in enumerate(value))
    if is_dataclass(shape):
        return _fields(shape, value, place)
    if shape is float and type(value) is int:
        return float(value)
    if type(value) is not shape or (isinstance(value, float) and not isfinite(value)):
        raise ValueError(f"{place} is not {_WORDS[shape]}")
    if isinstance(value, str) and _text(value) != value:
        raise ValueError(f"{place} has half a character of UTF-16")
    return value


def _listed(keys: Iterable[str]) -> str:
    return ", ".join(sorted(map(notation.plain, keys)))


def _fields(shape: Any, value: object, place: str) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{place} is no object")
    hints = _hints(shape)
    for problem, keys in (("lacks", hints.keys() - value.keys()), ("may not have", value.keys() - hints.keys())):
        if keys:
            raise ValueError(f"{place} {problem} {_listed(keys)}")
    return shape(**{name: _value(hint, value[name], f"{place}.{name}") for name, hint in hints.items()})
