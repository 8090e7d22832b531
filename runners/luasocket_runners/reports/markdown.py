"""A summary in Markdown, for a pull request or a job's summary page on GitHub.

What lives here: its layout, and escaping: text is put where no character of it means anything to Markdown or HTML. What
may not: every result; GitHub takes a megabyte of summary and readers less. The page (``page``) has everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import escape
from typing import Final

from luasocket_runners.report import listed_groups
from luasocket_runners.reports.data import Entry
from luasocket_runners.reports.joined import Column, Joined
from luasocket_runners.result import CONFORMING, Verdict, answer

#: Deviations that are shown in full for each run: more than that is read on the page.
SHOWN: Final = 30
#: Characters of a code that are shown, so that the whole stays far below GitHub's megabyte.
_SHOWN_CODE: Final = 600

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]()#+\-.!|~:@/$^=])")


def text(words: str) -> str:
    """Return text of others on one line: no character of it is markup, an address, a mention or a reference."""
    line = " ".join(words.split())
    # a character reference is never read as markup; a backslash would not keep GitHub from linking @names and addresses
    return "".join(f"&#{ord(piece)};" if _SPECIAL.fullmatch(piece) else piece for piece in escape(line))


def code(words: str) -> str:
    """Return text of others as code, for HTML inside of Markdown; line ends are kept as line breaks."""
    shown = words if len(words) <= _SHOWN_CODE else words[:_SHOWN_CODE] + "…"
    return "<code>" + "<br>".join(map(text, shown.splitlines())) + "</code>"


def render(joined: Joined) -> str:
    """Return the summary; its first line is a heading."""
    return "\n".join(_lines(joined)) + "\n"


def _lines(joined: Joined) -> Iterator[str]:
    yield "## Conformance to the LuaSocket API"
    yield ""
    verdicts = [verdict for verdict in Verdict if any(verdict in column.report.counts() for column in joined.columns)]
    head = ["port", "dialect", "specification", *(verdict.value for verdict in verdicts), "result"]
    yield _row(head)
    yield _row(["---"] * 3 + ["---:"] * len(verdicts) + ["---"])
    for column in joined.columns:
        run, counts = column.report.run, column.report.counts()
        port = text(column.label) + (f" ({text(run.port.about)})" if run.port.about else "")
        numbers = [str(counts.get(verdict, 0)) for verdict in verdicts]
        verdict = "conforms" if column.report.conforms else "**deviates**"
        yield _row([port, run.dialect, text(run.spec), *numbers, verdict])
    if len(joined.specs) > 1:
        yield ""
        yield f"The runs played different versions of the specification: {', '.join(map(text, joined.specs))}."
    for column in joined.columns:
        yield from _column(column, several=len(joined.columns) > 1)


def _column(column: Column, *, several: bool) -> Iterator[str]:
    entries = column.report.results
    on = f" on {text(column.label)}" if several else ""
    bad = [entry for entry in entries if entry.verdict not in CONFORMING]
    if bad:
        yield ""
        yield f"### {_count(bad, 'deviation')}{on}"
        yield ""
        for entry in bad[:SHOWN]:
            yield from _deviation(entry)
        if len(bad) > SHOWN:
            yield ""
            yield f"… and {len(bad) - SHOWN} more."
    unexplained = [entry for entry in entries if entry.listed is not None and not entry.listed.explained]
    if unexplained:
        yield ""
        yield f"### {_count(unexplained, 'known deviation')} without an explanation{on}"
        yield ""
        yield from _listing(unexplained)
    known = [entry for entry in entries if entry.listed is not None and entry.listed.explained and entry not in bad]
    if known:
        yield ""
        yield f"<details><summary>{len(known)} known{on}</summary>"
        yield ""
        groups = listed_groups((entry.verdict, entry.listed) for entry in known)
        for group in groups[:SHOWN]:
            yield f"- {group.count} × {group.verdict.value}: {text(group.about)}"
        if len(groups) > SHOWN:
            yield f"- … and {len(groups) - SHOWN} more reasons"
        yield ""
        yield "</details>"


def _deviation(entry: Entry) -> Iterator[str]:
    """Yield one deviation, folded. It is HTML: inside of it, an empty line would begin Markdown again."""
    yield f"<details><summary><b>{entry.verdict.value}</b> {code(entry.id)}: {text(entry.says)}</summary><table>"
    source = ", ".join(entry.cites) if entry.authority == "documented" else "every real LuaSocket does it"
    came, what = ("returned", None) if entry.returned is None else answer(entry.returned)
    told = {
        "while preparing": (entry.preparing, code),
        "call": (entry.doing, code),
        "expected": (entry.expected, code),
        came: (what, code),
        "because": (entry.reason, text),
        "hint": (entry.hint, text),
        entry.authority: (source, text),
        "the port printed": (entry.printed, code),
        "reproduce": (f"luasocket-conformance show {entry.id} --as lua > repro.lua", code),
    }
    for label, (words, form) in told.items():
        if words:
            yield f"<tr><th>{label}</th><td>{form(words)}</td></tr>"
    yield "</table></details>"


def _listing(entries: list[Entry]) -> Iterator[str]:
    for entry in entries[:SHOWN]:
        assert entry.listed is not None
        yield f"- {code(entry.id)} ({entry.verdict.value}): {text(entry.listed.reason)}"
    if len(entries) > SHOWN:
        yield f"- … and {len(entries) - SHOWN} more"


def _count(entries: list[Entry], what: str) -> str:
    return f"{len(entries)} {what}" + ("s" if len(entries) != 1 else "")


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
