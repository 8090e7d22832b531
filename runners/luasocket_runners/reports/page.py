"""The HTML page: ports × behaviours, in one file that needs no network.

Makes the page's data and puts its files together; the layout is in ``assets`` (``page.html``, ``page.css``,
``page.js``).

Text that a port printed is never read as HTML. It is JSON inside a script element, where ``<`` is escaped, so that it
cannot end the element; the script of the page puts it into text nodes only. As a second lock, the page's content
security policy allows that script and that style sheet only, by their hashes, and no address to be loaded. So the
template has nothing to escape, and a library for templates would have nothing to do.
"""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from importlib import resources
from string import Template
from typing import Any, Final

from luasocket_runners.reports.data import Entry
from luasocket_runners.reports.joined import Column, Joined, Row
from luasocket_runners.result import CONFORMING, Verdict

#: The fields of an entry that the page shows beside its verdict, by their names in the JSON report.
_DETAILS: Final = ("reason", "fixture", "call", "expected", "returned", "at", "follows", "note", "printed", "quirks")
#: Each verdict as a character, in a string that has one for each row.
_CODES: Final = {verdict: str(index) for index, verdict in enumerate(Verdict)}
_NOT_RUN: Final = "-"


def render(joined: Joined) -> str:
    """Return the page."""
    script, style = _asset("page.js"), _asset("page.css")
    return Template(_asset("page.html")).substitute(
        script=script, style=style, script_hash=_hash(script), style_hash=_hash(style), data=embedded(data(joined))
    )


def data(joined: Joined) -> dict[str, Any]:
    """Return the data of the page, in the form that ``page.js`` describes."""
    parts: dict[str, int] = {}
    return {
        "verdicts": [verdict.value for verdict in Verdict],
        "conforming": [index for index, verdict in enumerate(Verdict) if verdict in CONFORMING],
        "specs": joined.specs,
        "columns": [_column(column, place, joined.rows) for place, column in enumerate(joined.columns)],
        "rows": [_row(row, parts) for row in joined.rows],
        "parts": list(parts),  # behind the rows, which fill it
    }


def embedded(value: object) -> str:
    """Return JSON for a script element: nothing in it is a tag or the end of a comment."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)  # ASCII: also U+2028 is escaped
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath("assets", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """Return the source expression that allows an element with this text."""
    return f"sha256-{b64encode(sha256(text.encode('utf-8')).digest()).decode('ascii')}"


def _column(column: Column, place: int, rows: tuple[Row, ...]) -> dict[str, Any]:
    report = column.report
    run = report.run
    entries = [row.entries[place] for row in rows]
    places = {row.newest.id: index for index, row in enumerate(rows)}
    return {
        "label": column.label,
        "about": run.port.about,
        "capabilities": run.port.capabilities,
        "dialect": run.dialect,
        "authority": run.authority,
        "spec": run.spec,
        "program": run.program,
        "machine": f"{run.machine.system} {run.machine.release}, {run.machine.machine}, {run.machine.python}",
        "started": run.started,
        "seconds": run.seconds,
        "conclusion": report.conclusion.value,
        "phrase": report.conclusion_phrase,
        "causes": [
            {"title": cause.title, "rows": [places[identity] for identity in cause.behaviours if identity in places]}
            for cause in report.causes
        ],
        "quirks": [
            {
                "id": quirk.id,
                "says": quirk.says,
                "why": quirk.why,
                "rows": [
                    index for index, entry in enumerate(entries) if entry is not None and quirk.id in entry.quirks
                ],
            }
            for quirk in report.declared_quirks
        ],
        "codes": "".join(_NOT_RUN if entry is None else _CODES[entry.verdict] for entry in entries),
        "milliseconds": [None if entry is None else round(entry.seconds * 1000) for entry in entries],
        "details": {
            index: details for index, entry in enumerate(entries) if entry is not None and (details := _details(entry))
        },
    }


def _details(entry: Entry) -> dict[str, Any]:
    details: dict[str, Any] = {name: value for name in _DETAILS if (value := getattr(entry, name))}
    if entry.verdict is Verdict.PASSED:
        details.pop("at", None)
    if entry.listed is not None:
        listed = entry.listed
        details["listed"] = {
            "kind": listed.kind,
            "reason": listed.reason,
            "place": f"{listed.file}:{listed.line}",
            "explained": listed.explained,
        }
    return details


def _row(row: Row, parts: dict[str, int]) -> dict[str, Any]:
    newest, report = row.newest, row.report
    made: dict[str, Any] = {
        "id": newest.id,
        "about": newest.about,
        "says": newest.says,
        "source": newest.source,
        "lua": [parts.setdefault(report.lua_parts[index], len(parts)) for index in newest.lua],
    }
    if newest.authority == "documented":
        made["covers"] = newest.covers
    if newest.hint:
        made["hint"] = newest.hint
    if newest.disagrees is not None:
        made["disagrees"] = {
            "documented": newest.disagrees.documented,
            "observed": newest.disagrees.observed,
            "since": newest.disagrees.since,
            "issues": newest.disagrees.issues,
        }
    if len(newest.dialects) == 1:
        made["dialect"] = newest.dialects[0]
    return made
