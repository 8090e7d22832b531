"""Writes the pages about ports and releases: marks by function, a port's differences, and what changed in a release."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Sequence

from luasocket_spec import model
from luasocket_spec.api import Function
from luasocket_spec.situations import SITUATIONS
from luasocket_spec.versions import load_versions

from luasocket_runners.lookup import Index
from luasocket_runners.lookup.compatibility import RELEASES, Compatibility, Mark
from luasocket_runners.notation import counted
from luasocket_runners.site.markdown import (
    behaviour_link,
    behaviour_links,
    cell,
    code,
    function_link,
    function_slug,
    linked,
    prose,
    row,
    table,
    toctree,
)

__all__ = ["changes", "compatibility", "port_slug", "ports_pages", "versions_page"]

_MARKS = (
    "● nothing differs, ◐ some behaviours differ, ○ absent or all differ, – not run. "
    "Hover over a mark, or follow it, to see why."
)


def port_slug(port: Compatibility) -> str:
    """Return the name of a port's page."""
    return "".join(letter if letter.isalnum() or letter in "-._" else "-" for letter in port.name)


def _short(port: Compatibility) -> str:
    return RELEASES.get(port.name, port.name)


def _mark(mark: Mark, port: Compatibility, function: Function, up: str) -> str:
    """Return a mark as a link to the port's page, with its explanation as the title."""
    why = " ".join(text if text.endswith(".") else f"{text}." for text in mark.why)
    title = html.escape(f"{port.title}: {why or 'nothing differs.'}", quote=True).replace("|", "&#124;")
    target = (
        f"{up}ports/{port_slug(port)}.html#p-{function_slug(function.id)}"
        if mark.why
        else f"{up}ports/{port_slug(port)}.html"
    )
    return f'<a class="mark" href="{target}" title="{title}">{mark.sign}</a>'


def compatibility(index: Index, function: Function, ports: Sequence[Compatibility]) -> Iterator[str]:
    """Yield the section of a function's page: situations × ports, and the rules by which ports differ."""
    if not ports:
        return
    yield from ("## Compatibility", "", _MARKS, "")
    yield from table("situation", *(f"[{prose(_short(port))}](#port-{port_slug(port)})" for port in ports))
    everything = [behaviour.entry for behaviour in index.behaviours(function)]
    yield row("**all behaviours**", *(_mark(port.mark(function, everything), port, function, "../") for port in ports))
    for situation, entries in _by_situation(index, function).items():
        marks = (_mark(port.mark(function, entries), port, function, "../") for port in ports)
        yield row(cell(prose(SITUATIONS[situation])), *marks)
    yield ""
    for port in ports:
        reason, rules = port.missing(function), port.quirks_of(function, everything)
        if reason is not None:
            yield f"- **{prose(port.title)}**: absent; {linked(reason)}"
        elif rules:
            yield f"- **{prose(port.title)}**: {' '.join(prose(rule.says) for rule in rules)}"
    yield ""


def _by_situation(index: Index, function: Function) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for behaviour in index.behaviours(function):
        main = index.main_function(behaviour)
        if behaviour.situation is not None and main == function:
            found.setdefault(behaviour.situation, []).append(behaviour.entry)
    return {name: found[name] for name in SITUATIONS if name in found}


def ports_pages(index: Index, ports: Sequence[Compatibility]) -> Iterator[tuple[str, str]]:
    """Yield the pages by path: the table of all ports, and one page a port."""
    yield "ports/index.md", "\n".join(_overview(index, ports))
    for port in ports:
        yield f"ports/{port_slug(port)}.md", "\n".join(_port(index, port))


def _overview(index: Index, ports: Sequence[Compatibility]) -> Iterator[str]:
    yield from ("# Ports and releases", "")
    if not ports:
        yield from ("No report was given to this build.", "")
        return
    yield from (
        "The releases of LuaSocket, and implementations of its API by other projects, on which the suite has run.",
        "",
    )
    yield from table("name", "implementation", "rules", "deviations", "absent", "date")
    for port in ports:
        deviating = sum(found.verdict in ("known deviation", "flaky", "failed") for found in port.differs.values())
        absent = sum(port.missing(function) is not None for function in index.api.functions.values())
        yield row(
            f"[{prose(_short(port))}](#port-{port_slug(port)})", cell(prose(f"{port.title}: {port.about}")),
            str(len(port.quirks)), str(deviating), f"{absent} functions" if absent else "–", port.date,
        )  # fmt: skip
    yield from (
        "",
        _MARKS,
        "",
        *table("function", *(f"[{prose(_short(port))}](#port-{port_slug(port)})" for port in ports)),
    )
    for function in index.api.functions.values():
        entries = [behaviour.entry for behaviour in index.behaviours(function)]
        yield row(
            function_link(function.id), *(_mark(port.mark(function, entries), port, function, "../") for port in ports)
        )
    yield ""
    yield from toctree(map(port_slug, ports), hidden=True)


def _port(index: Index, port: Compatibility) -> Iterator[str]:
    entries = dict.fromkeys(
        behaviour.entry for behaviour in index.spec.behaviours if port.dialect in behaviour.dialects
    )
    of_luasocket = port.name in RELEASES or port.title.startswith("LuaSocket ")
    title = port.title if of_luasocket else f"LuaSocket on {port.title}"
    yield from (
        f"(port-{port_slug(port)})=",
        f"# {prose(title)}",
        "",
        f"{prose(port.about)}, checked against the dialect",
    )
    yield from (f"`{port.dialect}` of specification {port.spec} on {port.date}.", "")
    passed = sum(name in port.passed for name in entries)
    differing = sum(name in port.differs for name in entries)
    yield f"Of {len(entries)} behaviours (cases counted once), {passed} pass without a difference, {differing} differ"
    yield f"or need a function that is absent, and {sum(name in port.skipped for name in entries)} were skipped."
    unknown = port.unknown(entries)
    if unknown:
        yield f"{counted(unknown, 'behaviour')} came after this run and {'has' if unknown == 1 else 'have'} no mark."
    yield from ("", "## How to run it", "", "```sh")
    if port.install:
        yield port.install
    yield from (port.start, "```", "")
    if port.quirks:
        yield from ("## Rules by which it differs", "")
        for rule in port.quirks:
            yield from (f"{prose(rule.says)}", f": {linked(rule.why)}\\", f"  On {', '.join(map(code, rule.on))}.", "")
    if port.absent:
        yield from ("## Absent functions", "", *table("function", "reason"))
        for name, reason in port.absent.items():
            yield row(code(name), cell(linked(reason)))
        yield ""
    yield from _deviations(port)
    yield from _by_function(index, port)


def _deviations(port: Compatibility) -> Iterator[str]:
    """Yield the deviations that no rule explains, by their cause."""
    causes: dict[tuple[str, str], list[str]] = {}
    for name, found in port.differs.items():
        if found.verdict in ("known deviation", "flaky", "failed", "not implemented"):
            for reason in found.reasons or ("not explained",):
                causes.setdefault((found.verdict, reason), []).append(name)
    if causes:
        yield from ("## Single deviations", "", *table("cause", "verdict", "behaviours"))
    for (verdict, reason), names in causes.items():
        yield row(cell(linked(reason)), verdict, behaviour_links(names))
    if causes:
        yield ""


def _by_function(index: Index, port: Compatibility) -> Iterator[str]:
    yield from ("## By function", "")
    for function in index.api.functions.values():
        mark = port.mark(function, [behaviour.entry for behaviour in index.behaviours(function)])
        yield from (f"(p-{port_slug(port)}-{function_slug(function.id)})=", "")
        yield from (f'<span id="p-{function_slug(function.id)}"></span>', "")
        yield from (f"{mark.sign} {function_link(function.id)}", "")
        yield from (f"- {linked(text)}" for text in mark.why)
        if mark.differs:
            yield f"- Behaviours: {behaviour_links(mark.differs)}"
        yield ""


# -- releases


def changes(function: Function) -> Iterator[str]:
    """Yield the section of a function's page about releases."""
    found = load_versions().of(function.id)
    if function.since is None and not found:
        return
    yield from ("## Releases", "")
    if function.since is not None:
        yield f"- Since **{function.since}**."
    for change in found:
        links = f" ({', '.join(map(behaviour_link, change.behaviours))})" if change.behaviours else ""
        yield f"- **{change.release}**: {prose(change.says)}{links}"
    yield ""


def versions_page(index: Index, noted: Iterable[tuple[str, model.Behaviour]]) -> Iterator[str]:
    """Yield the page about releases; ``noted`` has behaviours that do not hold in all of them, each with a remark."""
    versions = load_versions()
    yield from ("# Releases of LuaSocket", "", *table("release", "date", "about"))
    for release in versions.releases:
        link = next((name for name, found in RELEASES.items() if found == release.name), None)
        yield row(f"[{release.name}](#port-{link})" if link else release.name, release.date, cell(prose(release.says)))
    yield from (
        "",
        "Defold's engine carries 3.0-rc1 with the clock fixed: the dialect `defold`. LÖVE 11 and TeX Live have",
    )
    yield from (
        "snapshots between 3.0-rc1 and 3.0.0.",
        "",
        "## What changed",
        "",
        *table("release", "change", "functions", "behaviours"),
    )
    for change in versions.changes:
        yield row(
            change.release, cell(prose(change.says)), ", ".join(map(function_link, change.functions)),
            ", ".join(map(behaviour_link, change.behaviours)) or "–",
        )  # fmt: skip
    yield from ("", "## Functions, constants and options by release", "", *table("since", "name"))
    for release in versions.releases[1:]:
        names = [function_link(item.id) for item in index.api.functions.values() if item.since == release.name]
        names += [code(item.id) for item in index.api.constants.values() if item.since == release.name]
        for kind, options in index.api.options.items():
            names += [f"{code(item.name)} ({kind})" for item in options.values() if item.since == release.name]
        yield row(release.name, ", ".join(names))
    yield from ("", "## Behaviours that came with a release", "")
    yield from (
        "Found by running the behaviours on builds of the releases: those of `defold` on 2.0.2 and 3.0-rc1, those of",
        "`luasocket-3` on 3.0.0 and 3.1.0.",
        "",
    )
    yield from table("behaviour", "holds")
    yield from (row(behaviour_link(behaviour.entry), note) for note, behaviour in noted)
    yield ""
