"""Puts several reports side by side: ports × behaviours, in one order, with a label for each run."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from luasocket_runners.reports.data import Entry, Report


@dataclass(frozen=True, slots=True)
class Row:
    """A behaviour as the newest specification among the runs has it, and each column's result; None: not run.

    ``report`` is the one that ``newest`` is from: it has the parts of the Lua script.
    """

    newest: Entry
    report: Report
    entries: tuple[Entry | None, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A run. No two columns have the same ``label``."""

    label: str
    report: Report


@dataclass(frozen=True, slots=True)
class Joined:
    """The runs, and the behaviours that any of them has."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    @property
    def specs(self) -> list[str]:
        """The versions of the specification, the oldest first."""
        return sorted({column.report.run.spec for column in self.columns}, key=_version)


#: The properties that distinguish runs of one port, the most important first.
_FACETS: Final[tuple[Callable[[Report], str], ...]] = (
    lambda report: report.run.port.version,
    lambda report: report.run.port.runtime,
    lambda report: report.run.dialect,
    lambda report: report.run.authority or "either",
    lambda report: f"{report.run.machine.system} {report.run.machine.machine}",
    lambda report: f"spec {report.run.spec}",
    lambda report: report.run.started,
)


def join(reports: Sequence[Report]) -> Joined:
    """Put reports side by side, at least one, in the order in which they are given."""
    # each behaviour and the next one; a behaviour that earlier runs lack comes behind its predecessor in its own run
    following: dict[str | None, str | None] = {None: None}
    newest: dict[str, tuple[Entry, Report]] = {}
    for report in reports:
        previous = None
        for entry in report.results:
            if entry.id not in following:
                following[entry.id] = following[previous]
                following[previous] = entry.id
            previous = entry.id
            if entry.id not in newest or _version(report.run.spec) > _version(newest[entry.id][1].run.spec):
                newest[entry.id] = (entry, report)
    order = []
    identity = following[None]
    while identity is not None:
        order.append(identity)
        identity = following[identity]
    found = [{entry.id: entry for entry in report.results} for report in reports]
    rows = tuple(Row(*newest[identity], tuple(column.get(identity) for column in found)) for identity in order)
    return Joined(tuple(map(Column, labels(reports), reports)), rows)


def labels(reports: Sequence[Report]) -> list[str]:
    """Return the label of each column: the port's name, and what distinguishes it from others of that name."""
    names = [report.run.port.name for report in reports]
    short = {name: _short(name) for name in names}
    # two ports must not get the same short name
    made = [short[name] if list(short.values()).count(short[name]) == 1 else name for name in names]
    for facet in _FACETS:
        for label in {label for label in made if made.count(label) > 1}:
            places = [place for place, other in enumerate(made) if other == label]
            values = [facet(reports[place]) for place in places]
            if len(set(values)) > 1:
                for place, value in zip(places, values, strict=True):
                    made[place] = f"{label}, {value}" if value else label
    for label in {label for label in made if made.count(label) > 1}:
        places = [place for place, other in enumerate(made) if other == label]
        for number, place in enumerate(places, 1):
            made[place] = f"{label} ({number})"
    return made


def _short(name: str) -> str:
    """Return the name of a port with the last part of each path only: the rest differs from machine to machine."""
    return re.sub(r"(?<![^\s@:])(?:[\w.~+-]*/)+([\w.~+-]+)/?", r"\1", name)


def _version(text: str) -> tuple[tuple[int, str], ...]:
    """Return a version as a key for sorting: numbers by value; a word (1.0-dev) comes before the end (1.0)."""
    pieces = re.split(r"[.+-]", text)
    # versions have short numbers; Python refuses to read one of thousands of digits
    numbered = [(int(piece), "") if re.fullmatch("[0-9]{1,9}", piece) else (-1, piece) for piece in pieces]
    return (*numbered, (0, ""))
