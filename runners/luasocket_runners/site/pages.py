"""Writes the generated pages in MyST Markdown: functions, behaviours, errors, dialects, releases, ports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import luasocket_spec
from luasocket_spec import model
from luasocket_spec.manual import load_manual
from luasocket_spec.situations import SITUATIONS

from luasocket_runners.lookup import Entry, Index, entries, versions
from luasocket_runners.lookup.compatibility import Compatibility
from luasocket_runners.site.examples import Example
from luasocket_runners.site.functions import disagreement, function_index, function_page
from luasocket_runners.site.markdown import (
    behaviour_link,
    cell,
    code,
    function_link,
    function_slug,
    label,
    prose,
    row,
    table,
    toctree,
)
from luasocket_runners.site.ports import ports_pages, versions_page

__all__ = ["generate"]

_BEHAVIOURS = "Each behaviour has an address, which failures print. A page has the behaviours of one file."


def generate(
    index: Index,
    examples: dict[str, Example],
    ports: Sequence[Compatibility],
    sources: dict[str, tuple[str, str]],
) -> dict[str, str]:
    """Return the text of the generated pages by path; ``sources`` has the reference's file and code by function."""
    pages = {"functions/index.md": "\n".join(function_index(index))}
    for function in index.api.functions.values():
        lines = function_page(index, function, examples.get(function.id), ports, sources.get(function.id))
        pages[f"functions/{function_slug(function.id)}.md"] = "\n".join(lines)
    subjects: dict[str, list[model.Behaviour]] = {}
    for behaviour in index.spec.behaviours:
        subjects.setdefault(behaviour.subject, []).append(behaviour)
    for subject, behaviours in subjects.items():
        pages[f"behaviours/{subject}.md"] = "\n".join(_subject(index, subject, behaviours))
    pages["behaviours/index.md"] = "\n".join(["# Behaviours", "", _BEHAVIOURS, "", *toctree(subjects)])
    pages["errors.md"] = "\n".join(_errors(index))
    pages["disagreements.md"] = "\n".join(_disagreement_page(index))
    pages["dialects.md"] = "\n".join(_dialects(index))
    pages["releases.md"] = "\n".join(versions_page(index, _noted(index)))
    pages.update(ports_pages(index, ports))
    return pages


def _noted(index: Index) -> Iterator[tuple[str, model.Behaviour]]:
    """Yield the behaviours that do not hold in every release, with a remark."""
    for entry in entries(index.spec.behaviours):
        note = versions.note(index.main_function(entry.first), entry.cases)
        if note is not None:
            yield note, entry.first


# -- behaviours


def _subject(index: Index, subject: str, behaviours: Sequence[model.Behaviour]) -> Iterator[str]:
    yield from (f"# {prose(subject)}", "", f"{prose(behaviours[0].about)}.", "")
    for entry in entries(behaviours):
        yield from (f"({label(entry.id)})=", f"## {entry.id.rpartition('/')[2]}", "")
        yield from _behaviour(index, entry)


def _behaviour(index: Index, entry: Entry) -> Iterator[str]:
    first = entry.first
    yield from (prose(rule) + "\n" for rule in entry.rules[:8])
    if first.hint:
        yield from (f"*Hint:* {prose(first.hint)}", "")
    main = index.main_function(first)
    if main is not None:
        yield from (f"Read: {function_link(main.id)}.", "")
    facts = [first.authority, *entry.notes()[1:], *([SITUATIONS[first.situation]] if first.situation else [])]
    note = versions.note(main, entry.cases)
    covers = ", ".join(map(code, first.covers))
    facts += [note] if note else []
    yield from ("; ".join(dict.fromkeys(facts)) + (f"; covers {covers}" if covers else "") + ".", "")
    yield from ("```yaml", luasocket_spec.source_text(first), "```", "")


# -- other pages


def _errors(index: Index) -> Iterator[str]:
    yield from (
        "# Errors by message",
        "",
        "Messages that functions return or raise, with behaviours that show them.",
        "",
    )
    by_message: dict[str, dict[str, list[str]]] = {}
    for function in index.api.functions.values():
        for message, ids in index.messages(function).items():
            by_message.setdefault(message, {})[function.id] = ids
    yield from table("message", "function", "behaviours")
    for message, functions in sorted(by_message.items(), key=lambda item: (item[0].startswith("raises"), item[0])):
        for number, (identity, ids) in enumerate(functions.items()):
            shown = cell(code(message)) if not number else ""
            yield row(shown, function_link(identity), ", ".join(map(behaviour_link, ids[:2])))
    yield ""


def _disagreement_page(index: Index) -> Iterator[str]:
    yield from ("# Documentation and library disagree", "")
    yield from ("Where the documentation (Defold's) claims something else than every real LuaSocket does.", "")
    found: dict[model.Disagreement, list[str]] = {}
    for behaviour in index.spec.behaviours:
        if behaviour.disagrees is not None:
            ids = found.setdefault(behaviour.disagrees, [])
            if behaviour.entry not in ids:
                ids.append(behaviour.entry)
    for item, ids in found.items():
        yield from disagreement(item, ids)
    yield from ("## LuaSocket's own manual", "", "Where the manual of 3.1.0 and the library differ.", "")
    yield from table("functions", "manual", "observed", "behaviours")
    for entry in load_manual():
        yield row(
            ", ".join(map(function_link, entry.functions)), cell(prose(entry.manual)), cell(prose(entry.observed)),
            ", ".join(map(behaviour_link, entry.behaviours)),
        )  # fmt: skip
    yield ""


def _dialects(index: Index) -> Iterator[str]:
    yield from ("# Dialects", "", "`defold` is LuaSocket 3.0-rc1 as in Defold; `luasocket-3` is 3.0.0 and later.", "")
    for dialect in model.DIALECTS:
        only = [entry for entry in entries(index.spec.behaviours) if set(entry.first.dialects) == {dialect}]
        names = [f.id for f in index.api.functions.values() if f.dialects == (dialect,)]
        yield from (f"## Only in {dialect}", "")
        if names:
            yield from (f"Functions: {', '.join(map(function_link, names))}.", "")
        yield from table("behaviour", "rule")
        yield from (row(behaviour_link(entry.id), cell(prose(entry.rules[0]))) for entry in only)
        yield ""
    yield from ("## Different results", "", *table("behaviour", "rule"))
    for entry in entries(index.spec.behaviours):
        if any(_differs_by_dialect(case) for case in entry.cases):
            yield row(behaviour_link(entry.id), cell(prose(entry.rules[0])))
    yield ""


def _differs_by_dialect(behaviour: model.Behaviour) -> bool:
    calls = (step for step in behaviour.steps if isinstance(step, model.Call | model.Get | model.System))
    return any(reading.dialect for step in calls for reading, _ in step.expect.by_reading)
