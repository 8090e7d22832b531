"""The HTML page: ports × behaviours, in one file that needs no network.

What lives here: the page's data, and putting its files together. What may not: layout, which is in ``assets``
(``page.html``, ``page.css``, ``page.js``).

Nothing of what a port printed is ever read as HTML. It travels as JSON inside a script element, where ``<`` is escaped,
so that it cannot end the element; the script of the page puts it into text nodes and nowhere else. As a second lock,
the page's content security policy lets only that script and that style sheet work, by their hashes, and no address be
loaded. So there is no template to be escaped, only four slots for texts of our own: a library for templates would have
nothing to do.
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

#: What an entry tells beside its verdict, where there is anything to tell: the names are those of the JSON report.
_DETAILS: Final = ("reason", "preparing", "doing", "expected", "returned", "where", "follows", "note", "printed")
#: Each verdict as a character, in a string that has one for each row.
_CODES: Final = {verdict: str(index) for index, verdict in enumerate(Verdict)}
_NOT_PLAYED: Final = "-"


def render(joined: Joined) -> str:
    """Return the page."""
    script, style = _asset("page.js"), _asset("page.css")
    return Template(_asset("page.html")).substitute(
        script=script, style=style, script_hash=_hash(script), style_hash=_hash(style), data=embedded(data(joined))
    )


def data(joined: Joined) -> dict[str, Any]:
    """Return what the page shows, in the shape that ``page.js`` describes."""
    parts: dict[str, int] = {}
    return {
        "verdicts": [verdict.value for verdict in Verdict],
        "conforming": [index for index, verdict in enumerate(Verdict) if verdict in CONFORMING],
        "specs": joined.specs,
        "columns": [_column(column, place, joined.rows) for place, column in enumerate(joined.columns)],
        "rows": [_row(row, parts) for row in joined.rows],
        "parts": list(parts),  # behind the rows, which fill it
    }


def embedded(told: object) -> str:
    """Return JSON that can stand inside of a script element: nothing in it is a tag or the end of a comment."""
    text = json.dumps(told, separators=(",", ":"), allow_nan=False)  # ASCII: also U+2028 is escaped
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _asset(name: str) -> str:
    return resources.files(__package__).joinpath("assets", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """Return the source expression that lets an element with this text work."""
    return f"sha256-{b64encode(sha256(text.encode('utf-8')).digest()).decode('ascii')}"


def _column(column: Column, place: int, rows: tuple[Row, ...]) -> dict[str, Any]:
    report = column.report
    run = report.run
    entries = [row.entries[place] for row in rows]
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
        "conforms": report.conforms,
        "codes": "".join(_NOT_PLAYED if entry is None else _CODES[entry.verdict] for entry in entries),
        "milliseconds": [None if entry is None else round(entry.seconds * 1000) for entry in entries],
        "details": {index: told for index, entry in enumerate(entries) if entry is not None and (told := _told(entry))},
    }


def _told(entry: Entry) -> dict[str, Any]:
    told: dict[str, Any] = {name: value for name in _DETAILS if (value := getattr(entry, name))}
    if entry.verdict is Verdict.PASSED:
        told.pop("where", None)
    if entry.listed is not None:
        listed = entry.listed
        told["listed"] = {
            "kind": listed.kind,
            "reason": listed.reason,
            "place": f"{listed.file}:{listed.line}",
            "explained": listed.explained,
        }
    return told


def _row(row: Row, parts: dict[str, int]) -> dict[str, Any]:
    told, report = row.told, row.report
    made: dict[str, Any] = {
        "id": told.id,
        "about": told.about,
        "says": told.says,
        "source": told.source,
        "lua": [parts.setdefault(report.lua_parts[index], len(parts)) for index in told.lua],
    }
    if told.authority == "documented":
        made["cites"] = told.cites
    if told.hint:
        made["hint"] = told.hint
    if told.disagrees is not None:
        made["disagrees"] = {
            "documented": told.disagrees.documented,
            "observed": told.disagrees.observed,
            "since": told.disagrees.since,
            "issues": told.disagrees.issues,
        }
    if len(told.dialects) == 1:
        made["dialect"] = told.dialects[0]
    return made
