"""Condenses reports of runs, and tells from them how a port does in a function.

``reports/`` has the condensed reports of LuaSocket's releases and of the ports of this project; ``report
--compatibility`` writes them. A report names the behaviours that were run: those that came later have no mark. Its
keys:

    name, title, about     the name in tables ("haproxy"), a title, and what the adapter reports of itself
    dialect, spec, date    what it was checked against, and when
    start, install         the command that runs the port, and how to install it; empty if unknown
    quirks                 the rules by which it differs: id, says, why, on
    absent                 functions that it does not have, each with the reason
    passed                 behaviours in which nothing differs, by the file that has them
    skipped                behaviours that were not run, because a capability is missing
    differs                the other behaviours, each with its verdict; ``cases`` has the cases, where not all differ
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

from luasocket_spec import model, versions
from luasocket_spec.api import Function

from luasocket_runners.function_names import concerns

__all__ = [
    "ALL", "NONE", "RELEASES", "SOME", "UNKNOWN", "Compatibility", "Difference", "Mark", "Rule", "condense",
    "function_names", "read", "shipped",
]  # fmt: skip

#: The marks of a table: nothing differs; some behaviours differ; absent, or everything differs; not run.
ALL, SOME, NONE, UNKNOWN = "●", "◐", "○", "–"

#: The releases of LuaSocket in their order, by the names of their reports.
RELEASES: Final[Mapping[str, str]] = {f"luasocket-{release}": release for release in versions.RELEASES}

#: The verdicts that say nothing about the port.
_SILENT: Final = frozenset({"skipped", "errored", "not tried"})
#: The other verdicts, the gravest last; a behaviour has the gravest of its cases.
_ORDER: Final = ("passed with quirks", "flaky", "absent", "not implemented", "known deviation", "failed")
#: The function in the call of a result: ``client:receive("*l")``, ``socket.dns.toip("x")``.
_CALLED: Final = re.compile(r"[\w.]*?(?::(\w+)|(socket(?:\.\w+)+))\(")
#: The names of classes in quirks.
_CLASS: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Rule:
    """A quirk: its sentence, the reason with a link, and the functions that it concerns."""

    id: str
    says: str
    why: str
    on: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """How the behaviours of an entry differ: the verdict, quirks, reasons, and the functions whose results differ.

    ``cases`` is empty if all cases differ.
    """

    verdict: str
    quirks: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark of a table, with the sentences that explain it, and the behaviours that differ."""

    sign: str
    why: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Compatibility:
    """A condensed report; see the module for its parts."""

    name: str
    title: str
    about: str
    dialect: str
    spec: str
    date: str
    start: str
    install: str
    quirks: tuple[Rule, ...]
    absent: Mapping[str, str]
    passed: frozenset[str]
    skipped: frozenset[str]
    differs: Mapping[str, Difference]
    rules: Mapping[str, Rule] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rules", {rule.id: rule for rule in self.quirks})

    # -- what a table needs

    def missing(self, function: Function) -> str | None:
        """Return why a function is absent, None if neither it nor all that makes its objects is declared absent."""
        found = self._declared(f":{function.name}" if function.is_method else function.id)
        if found is None and function.is_method and function.kind == "udp":
            reasons = [self._declared(name) for name in _UDP_MAKERS]
            found = reasons[0] if None not in reasons else None
        return found

    def _declared(self, name: str) -> str | None:
        return next((reason for glob, reason in self.absent.items() if fnmatch.fnmatchcase(name, glob)), None)

    def mark(self, function: Function, entries: Iterable[str]) -> Mark:
        """Return the mark of a function for these behaviours; those that were not run do not count."""
        if self.dialect not in function.dialects:
            return Mark(NONE, (f"Not in {self.title}.",))
        reason = self.missing(function)
        if reason is not None:
            return Mark(NONE, (f"Absent: {reason}.",))
        conforming, differing, why = 0, [], dict[str, None]()
        for entry in dict.fromkeys(entries):
            found = self.differs.get(entry)
            if entry in self.passed:
                conforming += 1
            elif found is not None and self._concerns(found, function):
                differing.append(entry)
                why |= dict.fromkeys(self._sentences(found, function))
            elif found is not None and found.verdict == "passed with quirks":
                conforming += 1
        if not differing:
            return Mark(ALL if conforming else UNKNOWN)
        everything = not conforming and not any(self.differs[entry].quirks for entry in differing)
        return Mark(NONE if everything else SOME, tuple(why), tuple(differing))

    def holds(self, function: Function, entry: str, case: str = "") -> bool | None:
        """Return whether a function does what a behaviour says; None if that is not known."""
        found = self.differs.get(entry)
        if self.missing(function) is not None:
            return False
        if found is None or (found.cases and case not in found.cases):
            return True if found is not None or entry in self.passed else None
        if self._concerns(found, function):
            return False
        return True if found.verdict == "passed with quirks" else None

    def quirks_of(self, function: Function, entries: Iterable[str]) -> list[Rule]:
        """Return the quirks that concern a function and apply to one of these behaviours."""
        applied = {name for entry in entries if entry in self.differs for name in self.differs[entry].quirks}
        return [rule for rule in self.quirks if rule.id in applied and _concerns(rule, function)]

    def unknown(self, entries: Iterable[str]) -> int:
        """Return how many behaviours are younger than the report."""
        return sum(
            name not in self.passed and name not in self.differs and name not in self.skipped for name in entries
        )

    def _concerns(self, difference: Difference, function: Function) -> bool:
        """Tell whether a difference is one of the results of a function."""
        if any(_concerns(self.rules[name], function) for name in difference.quirks if name in self.rules):
            return True
        if difference.verdict in ("passed with quirks", "absent"):
            return False
        names = (function.name, function.id)
        return not difference.calls or any(call in names for call in difference.calls)

    def _sentences(self, difference: Difference, function: Function) -> list[str]:
        rules = [self.rules[name] for name in difference.quirks if name in self.rules]
        return [*(rule.says for rule in rules if _concerns(rule, function)), *difference.reasons]

    # -- files

    def as_json(self) -> dict[str, Any]:
        """Return the document for a file."""
        return {
            "name": self.name,
            "title": self.title,
            "about": self.about,
            "dialect": self.dialect,
            "spec": self.spec,
            "date": self.date,
            "start": self.start,
            "install": self.install,
            "quirks": [asdict(rule) for rule in self.quirks],
            "absent": dict(self.absent),
            "passed": _by_file(self.passed),
            "skipped": _by_file(self.skipped),
            "differs": {
                name: {key: value for key, value in asdict(found).items() if value}
                for name, found in sorted(self.differs.items())
            },
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Compatibility:
        """Read a document. Raises KeyError, TypeError or ValueError if it is none."""
        texts = {
            key: str(data[key]) for key in ("name", "title", "about", "dialect", "spec", "date", "start", "install")
        }
        return cls(
            **texts,
            quirks=tuple(Rule(**{**rule, "on": tuple(rule["on"])}) for rule in data["quirks"]),
            absent=dict(data["absent"]),
            passed=_joined(data["passed"]),
            skipped=_joined(data["skipped"]),
            differs={name: _read_difference(found) for name, found in data["differs"].items()},
        )


def _read_difference(data: Mapping[str, Any]) -> Difference:
    lists = {key: tuple(value) for key, value in data.items() if key != "verdict"}
    return Difference(data["verdict"], **lists)


def function_names(function: Function) -> list[str]:
    """Return the names of a function in quirks: ``client:receive``; those of ``tcp:close`` are three."""
    if not function.is_method:
        return [function.id]
    return [f"{found[1]}:{function.name}" for name in function.on if (found := _CLASS.search(name))]


@cache
def _concerns(rule: Rule, function: Function) -> bool:
    names = [*function_names(function), *(["function"] if function.id in _MAKERS else [])]
    return any(concerns(on, name) for on in rule.on for name in names) or (
        "function" in rule.on and "function" in names
    )


#: The functions that make objects of UDP.
_UDP_MAKERS: Final = ("socket.udp", "socket.udp4", "socket.udp6")

#: The functions that return functions, whose results a quirk calls "function".
_MAKERS: Final = ("socket.newtry", "socket.protect", "socket.choose", "socket.sink", "socket.source")


def condense(
    report: Mapping[str, Any],
    *,
    name: str,
    title: str | None = None,
    install: str = "",
    on: Mapping[str, Sequence[str]] | None = None,
    absent: Mapping[str, str] | None = None,
) -> Compatibility:
    """Return the condensed form of a report of ``run --json``.

    Parameters
    ----------
    report
        The JSON of the report.
    name, title, install
        The name of the port in tables, its title (default: what its adapter reports), and how to install it.
    on
        The functions that each quirk concerns, which the report does not have; default: all.
    absent
        What the port declares absent, with reasons; default: what the report has of it.
    """
    port = report["port"]
    version = port["version"]
    about = " ".join(filter(None, ["" if version.startswith(port["calls_itself"]) else port["calls_itself"], version]))
    rules = tuple(
        Rule(rule["id"], rule["says"], rule["why"], tuple((on or {}).get(rule["id"], ("*", "socket.*", "function"))))
        for rule in report["declared_quirks"]
    )
    passed, skipped, differs = _results(report["results"])
    seen = {
        item["listed"]["entry"]: item["listed"]["reason"] for item in report["results"] if item["verdict"] == "absent"
    }
    return Compatibility(
        name=name,
        title=title or about,
        about=" ".join(filter(None, [about, port["runtime"]])),
        dialect=report["dialect"],
        spec=report["spec"],
        date=report["started"][:10],
        start=f"luasocket-conformance run --port {port['name']}",
        install=install,
        quirks=rules,
        absent=dict(seen if absent is None else absent),
        passed=passed,
        skipped=skipped,
        differs=differs,
    )


def _results(results: Sequence[Mapping[str, Any]]) -> tuple[frozenset[str], frozenset[str], dict[str, Difference]]:
    """Return the entries that passed, those that were skipped, and those that differ."""
    cases: dict[str, list[Mapping[str, Any]]] = {}
    for result in results:
        subject = model.subject_of(result["source"].partition(":")[0])
        entry = f"{subject}/{result['id'].removeprefix(f'{subject}/').partition('/')[0]}"
        cases.setdefault(entry, []).append(result)
    passed, skipped, differs = set[str](), set[str](), dict[str, Difference]()
    for entry, found in cases.items():
        judged = [item for item in found if item["verdict"] not in _SILENT]
        wrong = [item for item in judged if item["verdict"] != "passed"]
        if not judged:
            skipped.add(entry)
        elif not wrong:
            passed.add(entry)
        else:
            differs[entry] = _difference(entry, wrong, everything=len(wrong) == len(judged))
    return frozenset(passed), frozenset(skipped), differs


def _difference(entry: str, wrong: Sequence[Mapping[str, Any]], *, everything: bool) -> Difference:
    calls = [match[1] or match[2] for item in wrong if (match := _CALLED.match(item["call"]))]
    has_all_calls = len(calls) == sum(item["verdict"] != "passed with quirks" for item in wrong)
    reasons = [item["listed"]["reason"] for item in wrong if item["listed"] and item["verdict"] != "absent"]
    return Difference(
        max((item["verdict"] for item in wrong), key=_ORDER.index),
        tuple(dict.fromkeys(name for item in wrong for name in item["quirks"])),
        tuple(dict.fromkeys(reasons)),
        tuple(dict.fromkeys(calls)) if has_all_calls else (),
        () if everything else tuple(item["id"].removeprefix(f"{entry}/") for item in wrong),
    )


def _by_file(entries: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for entry in sorted(entries):
        subject, _, name = entry.rpartition("/")
        found.setdefault(subject, []).append(name)
    return found


def _joined(data: Mapping[str, Sequence[str]]) -> frozenset[str]:
    return frozenset(f"{subject}/{name}" for subject, names in data.items() for name in names)


def read(path: Path) -> Compatibility:
    """Read a report of ``run --json``, or a condensed one. Raises OSError, ValueError, KeyError or TypeError."""
    data = json.loads(path.read_text(encoding="utf-8"))
    return Compatibility.from_json(data) if "differs" in data else condense(data, name=path.stem)


@cache
def shipped() -> tuple[Compatibility, ...]:
    """Return the reports of this distribution: the releases in their order, then the ports by name."""
    places = resources.files("luasocket_runners").joinpath("lookup/reports").iterdir()
    found = [
        Compatibility.from_json(json.loads(place.read_text(encoding="utf-8")))
        for place in places
        if place.name.endswith(".json")
    ]
    order = list(RELEASES)
    return tuple(
        sorted(found, key=lambda item: (order.index(item.name) if item.name in order else len(order), item.name))
    )
