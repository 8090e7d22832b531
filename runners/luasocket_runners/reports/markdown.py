"""A summary in Markdown, for a pull request or a job's summary page on GitHub.

It does not have every result, because GitHub takes a megabyte of summary and readers less; the page (``page``) does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from luasocket_runners.reports.data import Entry
from luasocket_runners.reports.joined import Column, Joined
from luasocket_runners.reports.terminal import OBSERVED, listed_groups
from luasocket_runners.result import CONFORMING, Conclusion, Verdict, outcome_label

#: Failures that are shown in full for each run; the HTML page has all.
SHOWN: Final = 30
#: Characters of a code that are shown, so that the whole stays far below GitHub's megabyte.
_SHOWN_CODE: Final = 600

#: The characters that mean something to Markdown or HTML, or to GitHub (addresses, mentions, references).
_SPECIAL: Final = {ord(character): f"&#{ord(character)};" for character in "\\`*_{}[]()#+-.!|~:@/$^=&<>\"'"}


def text(words: str) -> str:
    """Return untrusted text on one line: no character of it is markup, an address, a mention or a reference."""
    # a character reference is never read as markup; a backslash would not keep GitHub from linking @names and addresses
    return " ".join(words.split()).translate(_SPECIAL)


def code(words: str) -> str:
    """Return untrusted text as code, for HTML inside Markdown; line ends are kept as line breaks."""
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
        conclusion = column.report.conclusion
        word = f"**{conclusion.value}**" if conclusion is Conclusion.FAILS else conclusion.value
        yield _row([port, run.dialect, text(run.spec), *numbers, word])
    if len(joined.specs) > 1:
        yield ""
        yield f"The runs have different versions of the specification: {', '.join(map(text, joined.specs))}."
    for column in joined.columns:
        yield from _column(column, several=len(joined.columns) > 1)


def _column(column: Column, *, several: bool) -> Iterator[str]:
    entries = column.report.results
    on = f" on {text(column.label)}" if several else ""
    bad = [entry for entry in entries if entry.verdict not in CONFORMING]
    if bad:
        yield ""
        yield f"### {_count(bad, 'failure')}{on}"
        yield ""
        for entry in bad[:SHOWN]:
            yield from _failure(entry)
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
        yield f"<details><summary>{len(known)} declared{on}</summary>"
        yield ""
        groups = listed_groups((entry.verdict, entry.listed) for entry in known)
        for group in groups[:SHOWN]:
            yield f"- {group.count} × {group.verdict.value}: {text(group.about)}"
        if len(groups) > SHOWN:
            yield f"- … and {len(groups) - SHOWN} more reasons"
        yield ""
        yield "</details>"


def _failure(entry: Entry) -> Iterator[str]:
    """Yield one failure, folded. It is HTML: an empty line inside would begin Markdown again."""
    yield f"<details><summary><b>{entry.verdict.value}</b> {code(entry.id)}: {text(entry.says)}</summary><table>"
    label, returned = ("returned", None) if entry.returned is None else outcome_label(entry.returned)
    facts = {
        "fixture": (entry.fixture, code),
        "call": (entry.call, code),
        "expected": (entry.expected, code),
        label: (returned, code),
        "difference": (entry.reason, text),
        "hint": (entry.hint, text),
        "quirks": (", ".join(entry.quirks), text),
        "covers": (", ".join(entry.covers), text),
        "observed": ("" if entry.covers else OBSERVED, text),
        "printed": (entry.printed, code),
        "reproduce": (f"luasocket-conformance show {entry.id} --as lua > repro.lua", code),
    }
    for heading, (words, form) in facts.items():
        if words:
            yield f"<tr><th>{heading}</th><td>{form(words)}</td></tr>"
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
