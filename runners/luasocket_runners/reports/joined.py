"""Several reports side by side: ports × behaviours.

What lives here: which behaviours there are in all, in which order, and what each column is called. What may not:
layout.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from luasocket_runners.reports.data import Entry, Report


@dataclass(frozen=True, slots=True)
class Row:
    """A behaviour as the newest specification among the runs tells it, and each column's result; None: not played.

    ``report`` is the one that ``told`` is from: it has the parts of the Lua script.
    """

    told: Entry
    report: Report
    entries: tuple[Entry | None, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A run. ``label`` is unlike every other column's."""

    label: str
    report: Report


@dataclass(frozen=True, slots=True)
class Joined:
    """All of it."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    @property
    def specs(self) -> list[str]:
        """The versions of the specification that were played, the oldest first."""
        return sorted({column.report.run.spec for column in self.columns}, key=_version)


#: What tells runs of one port apart, the most telling first.
_FACETS: Final[tuple[Callable[[Report], str], ...]] = (
    lambda report: report.run.port.version,
    lambda report: report.run.port.host,
    lambda report: report.run.dialect,
    lambda report: report.run.authority or "either",
    lambda report: f"{report.run.machine.system} {report.run.machine.machine}",
    lambda report: f"spec {report.run.spec}",
    lambda report: report.run.started,
)


def join(reports: Sequence[Report]) -> Joined:
    """Put reports side by side, at least one, in the order in which they are given."""
    # each behaviour and the one that follows it; what earlier runs lack stands behind what it follows in its own run
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
    """Return what each column is called: the port's name, and what tells it from others of that name."""
    names = [report.run.port.name for report in reports]
    short = {name: _short(name) for name in names}
    # the short names must not make one of two ports
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
    """Return the name of a port with no more of each path than its end: the rest is somebody's machine."""
    return re.sub(r"(?<![^\s@:])(?:[\w.~+-]*/)+([\w.~+-]+)/?", r"\1", name)


def _version(text: str) -> tuple[tuple[int, str], ...]:
    """Return a version as a key for sorting: numbers by value; a word (1.0-dev) comes before the end (1.0)."""
    pieces = re.split(r"[.+-]", text)
    # a number longer than that is none of ours; Python refuses to read one of thousands of digits
    numbered = [(int(piece), "") if re.fullmatch("[0-9]{1,9}", piece) else (-1, piece) for piece in pieces]
    return (*numbered, (0, ""))
