"""The data of one run's report: made from results, written as JSON, and read again.

The dataclasses define the format; ``schema/report.schema.json`` describes it for other programs, and a test compares
the two. A report is read strictly, because it may come from another machine and from anybody.
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

from luasocket_runners import notation
from luasocket_runners.capabilities import machine
from luasocket_runners.files import BadFile, read_text
from luasocket_runners.quirks import NO_QUIRKS, Quirks
from luasocket_runners.reports.terminal import about, printable
from luasocket_runners.repro.lua_script import script
from luasocket_runners.result import CONFORMING, Conclusion, Listed, Result, Verdict, conclude
from luasocket_runners.triage import causes_of

#: The name of the format, in each report.
FORMAT: Final = "luasocket-conformance report"
#: The version of the format: raised when a reader of the old one would misunderstand the new one.
FORMAT_VERSION: Final = 1
#: The separator at which a Lua script is cut into parts. Most parts are the same in every script; the report has each
#: of them once.
_SEAM: Final = "\n\n"


class ReportError(Exception):
    """A file is not a report, or a report cannot be written; the text is ``file: sentence``."""


@dataclass(frozen=True, slots=True)
class PortInfo:
    """The port under test: its name on the command line, and the description of its adapter."""

    name: str
    calls_itself: str
    version: str
    runtime: str
    capabilities: tuple[str, ...]

    @property
    def about(self) -> str:
        """Its name, version and runtime, on one line."""
        return about(self.calls_itself, self.version, self.runtime)


@dataclass(frozen=True, slots=True)
class MachineInfo:
    """The machine of the run, without its name or any person's: reports are shown to others."""

    system: str
    release: str
    machine: str
    python: str
    capabilities: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DisagreementInfo:
    """The documented and the observed reading, the version that introduced the difference, and issues about it."""

    documented: str
    observed: str
    since: str | None
    issues: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A behaviour and its result.

    ``id`` to ``disagrees`` are the behaviour as the specification of that run had it. The rest is the result, as in
    :class:`luasocket_runners.result.Result`; ``seconds`` is its duration. ``lua`` is its script, as indices into the
    report's ``lua_parts``, which are joined by an empty line.
    """

    id: str
    about: str
    says: str
    authority: Authority
    covers: tuple[str, ...]
    dialects: tuple[Dialect, ...]
    hint: str | None
    source: str
    disagrees: DisagreementInfo | None
    verdict: Verdict
    reason: str
    fixture: str | None
    call: str
    expected: str | None
    returned: str | None
    at: str
    follows: Authority | None
    seconds: float
    note: str
    printed: str
    quirks: tuple[str, ...]
    listed: Listed | None
    lua: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CauseInfo:
    """Failures with one cause: a phrase, and the ids of the behaviours."""

    title: str
    behaviours: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QuirkInfo:
    """A quirk that the port declares."""

    id: str
    says: str
    why: str
    source: str


@dataclass(frozen=True, slots=True)
class Run:
    """A run without its results.

    ``started`` is in ISO 8601, UTC, to the second. ``complete`` is False if the run ended before every behaviour had a
    result. ``unneeded_quirks`` are the ids of declared quirks that no behaviour needs; a run of a part of the
    specification cannot know any.
    """

    program: str
    spec: str
    port: PortInfo
    dialect: Dialect
    authority: Authority | None
    machine: MachineInfo
    started: str
    seconds: float
    complete: bool
    unneeded_quirks: tuple[str, ...]

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
        complete: bool = True,
        unneeded_quirks: tuple[str, ...] = (),
    ) -> Run:
        """Make a run; ``description`` is the port's reply to ``describe``, untrusted."""
        reported = {key: notation.plain(description.get(key, "")) for key in ("name", "version", "runtime")}
        return cls(
            program=program,
            spec=spec,
            port=PortInfo(
                port,
                reported["name"],
                reported["version"],
                reported["runtime"],
                tuple(map(notation.plain, description.get("capabilities", ()))),
            ),
            dialect=dialect,
            authority=authority,
            machine=MachineInfo(
                platform.system(),
                platform.release(),
                platform.machine(),
                f"{platform.python_implementation()} {platform.python_version()}",
                machine.capabilities(),
            ),
            started=started.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            seconds=round(seconds, 3),
            complete=complete,
            unneeded_quirks=unneeded_quirks,
        )


@dataclass(frozen=True, slots=True)
class Report:
    """A run and its results, in the order of the specification; causes of failures, the most important first."""

    run: Run
    causes: tuple[CauseInfo, ...]
    declared_quirks: tuple[QuirkInfo, ...]
    results: tuple[Entry, ...]
    lua_parts: tuple[str, ...]

    @classmethod
    def of(cls, run: Run, results: Iterable[Result], quirks: Quirks = NO_QUIRKS) -> Report:
        """Make the report of a run; ``quirks`` are those that the port declares."""
        results = list(results)
        parts: dict[str, int] = {}

        def script_of(behaviour: Behaviour) -> tuple[int, ...]:
            pieces = script(behaviour, run.dialect).split(_SEAM)
            return tuple(parts.setdefault(piece, len(parts)) for piece in pieces)

        entries = tuple(_entry(result, script_of(result.behaviour)) for result in results)
        causes = tuple(
            CauseInfo(_text(cause.title), tuple(result.behaviour.id for result in cause.results))
            for cause in causes_of(result for result in results if result.verdict not in CONFORMING)
        )
        declared = tuple(QuirkInfo(rule.id, rule.says, rule.why, str(rule.source)) for rule in quirks.rules)
        return cls(run, causes, declared, entries, tuple(parts))

    def script(self, entry: Entry) -> str:
        """Return the Lua script of one of this report's entries."""
        return _SEAM.join(self.lua_parts[index] for index in entry.lua)

    def counts(self) -> dict[Verdict, int]:
        """Return the number of results for each verdict that occurs, in the order of the verdicts."""
        counted = Counter(entry.verdict for entry in self.results)
        return {verdict: counted[verdict] for verdict in Verdict if counted[verdict]}

    @property
    def quirks(self) -> tuple[str, ...]:
        """The ids of the quirks that were applied, each once, in the order of their first use."""
        return tuple(dict.fromkeys(quirk for entry in self.results for quirk in entry.quirks))

    @property
    def conclusion(self) -> Conclusion:
        """The conclusion, as far as the behaviours of this run go."""
        return self._conclude()[0]

    @property
    def conclusion_phrase(self) -> str:
        """The conclusion with its numbers."""
        return self._conclude()[1]

    def _conclude(self) -> tuple[Conclusion, str]:
        unneeded = len(self.run.unneeded_quirks)
        return conclude(self.counts(), len(self.quirks), complete=self.run.complete, unneeded=unneeded)

    def to_json(self) -> str:
        """Return the report as JSON, in ASCII, so that nothing in it can be disguised."""
        head = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            **asdict(self.run),
            "conclusion": self.conclusion,
            "counts": {verdict.value: count for verdict, count in self.counts().items()},
        }
        members = [f"{json.dumps(key)}: {_json(value)}" for key, value in head.items()]
        lists: dict[str, Iterable[object]] = {
            "causes": map(asdict, self.causes),
            "declared_quirks": map(asdict, self.declared_quirks),
            "results": map(asdict, self.results),
            "lua_parts": self.lua_parts,
        }
        for key, items in lists.items():
            # one line for each, so that reports can be compared with diff
            members.append(f'"{key}": [\n' + ",\n".join(map(_json, items)) + "\n]")
        return "{" + ",\n".join(members) + "}\n"

    @classmethod
    def load(cls, path: Path) -> Report:
        """Read a report; raise :class:`ReportError`."""
        try:
            return cls._read(json.loads(read_text(path), parse_constant=_no_number))
        except OSError as error:
            raise ReportError(f"{path}: the report cannot be read: {error.strerror or error}") from None
        except json.JSONDecodeError as error:
            raise ReportError(f"{path}: not JSON: {error}") from None
        except RecursionError:
            raise ReportError(f"{path}: not a report: it is nested too deeply") from None
        except BadFile as error:
            raise ReportError(f"{path}: not a report: {error}") from None
        except ValueError as error:
            raise ReportError(f"{path}: {error}") from None

    @classmethod
    def _read(cls, form: object) -> Report:
        if not isinstance(form, dict) or form.get("format") != FORMAT:
            raise ValueError("not a report of luasocket-conformance, which 'run --json FILE' writes")
        if form.get("format_version") != FORMAT_VERSION:
            version = notation.plain(repr(form.get("format_version")))
            raise ValueError(f"the report has format version {version}; this program reads {FORMAT_VERSION}")
        names = {field.name for field in fields(Run)}
        run: Run = _value(Run, {key: value for key, value in form.items() if key in names}, "the report")
        results: tuple[Entry, ...] = _value(tuple[Entry, ...], form.get("results"), "results")
        parts: tuple[str, ...] = _value(tuple[str, ...], form.get("lua_parts"), "lua_parts")
        causes: tuple[CauseInfo, ...] = _value(tuple[CauseInfo, ...], form.get("causes"), "causes")
        declared: tuple[QuirkInfo, ...] = _value(tuple[QuirkInfo, ...], form.get("declared_quirks"), "declared_quirks")
        unknown = form.keys() - names - {"format", "format_version", "conclusion", "counts", "causes"}
        unknown -= {"declared_quirks", "results", "lua_parts"}
        if unknown:
            raise ValueError(f"the report has unknown keys: {_listed(unknown)}")
        seen: set[str] = set()
        for entry in results:
            if entry.id in seen:
                raise ValueError(f"{notation.plain(entry.id)} has two results")
            seen.add(entry.id)
            if not all(0 <= index < len(parts) for index in entry.lua):
                raise ValueError(f"the script of {notation.plain(entry.id)} refers to a part that does not exist")
        return cls(run, causes, declared, results, parts)


def _entry(result: Result, lua: tuple[int, ...]) -> Entry:
    behaviour = result.behaviour
    disagrees = behaviour.disagrees
    return Entry(
        id=behaviour.id,
        about=behaviour.about,
        says=behaviour.says,
        authority=behaviour.authority,
        covers=behaviour.covers,
        dialects=behaviour.dialects,
        hint=result.hint,
        source=str(behaviour.source),
        disagrees=None
        if disagrees is None
        else DisagreementInfo(disagrees.documented, disagrees.observed, disagrees.since, disagrees.issues),
        verdict=result.verdict,
        reason=_text(result.reason),
        fixture=result.fixture,
        call=_text(result.call),
        expected=None if result.expected is None else _text(result.expected),
        returned=None if result.returned is None else _text(result.returned),
        at=result.at,
        follows=result.follows,
        seconds=round(result.duration, 4),
        note=_text(result.note),
        printed=printable(result.printed),
        quirks=result.quirks,
        listed=result.listed,
        lua=lua,
    )


def _text(text: str) -> str:
    """Return text that can be written as UTF-8: Python keeps invalid bytes as unpaired surrogates."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _json(value: object) -> str:
    return json.dumps(value, default=lambda member: member.value, allow_nan=False)  # only verdicts need the default


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is not a number in JSON")


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
    """Return JSON as a value of a type of this module; raise ValueError with the place that does not fit."""
    origin = get_origin(shape)
    if origin in (Union, UnionType):
        (inner,) = (choice for choice in get_args(shape) if choice is not NoneType)
        return None if value is None else _value(inner, value, place)
    if origin is Literal or (isinstance(shape, type) and issubclass(shape, Enum)):
        choices = {choice: choice for choice in get_args(shape)} or {member.value: member for member in shape}
        if not isinstance(value, str) or value not in choices:
            raise ValueError(f"{place} is not one of {', '.join(map(repr, choices))}")
        return choices[value]
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ValueError(f"{place} is not a list")
        inner = get_args(shape)[0]
        return tuple(_value(inner, item, f"{place}[{index}]") for index, item in enumerate(value))
    if is_dataclass(shape):
        return _fields(shape, value, place)
    if shape is float and type(value) is int:
        return float(value)
    if type(value) is not shape or (isinstance(value, float) and not isfinite(value)):
        raise ValueError(f"{place} is not {_WORDS[shape]}")
    if isinstance(value, str) and _text(value) != value:
        raise ValueError(f"{place} has an unpaired surrogate")
    return value


def _listed(keys: Iterable[str]) -> str:
    return ", ".join(sorted(map(notation.plain, keys)))


def _fields(shape: Any, value: object, place: str) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{place} is not an object")
    hints = _hints(shape)
    for problem, keys in (("lacks", hints.keys() - value.keys()), ("has unknown keys:", value.keys() - hints.keys())):
        if keys:
            raise ValueError(f"{place} {problem} {_listed(keys)}")
    return shape(**{name: _value(hint, value[name], f"{place}.{name}") for name, hint in hints.items()})
