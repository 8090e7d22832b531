"""Writes the page of a function: signature, parameters, results by situation, example, messages, and so on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from luasocket_spec import model
from luasocket_spec.api import Function
from luasocket_spec.manual import load_manual
from luasocket_spec.situations import SITUATIONS

from luasocket_runners.coverage import Coverage
from luasocket_runners.lookup import Index, Observation
from luasocket_runners.lookup.compatibility import Compatibility
from luasocket_runners.lookup.terminal import shape
from luasocket_runners.site.examples import Example
from luasocket_runners.site.markdown import (
    behaviour_link,
    behaviour_links,
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
from luasocket_runners.site.ports import changes, compatibility

__all__ = ["disagreement", "function_index", "function_page"]

#: Results of a situation that a table shows, and characters of a result in the table at a glance.
_ROWS, _GLANCE = 12, 70
_BAD_ARGUMENT: Final = "bad-argument"


def function_index(index: Index) -> Iterator[str]:
    """Yield the page with all functions, constants, and the table of contents."""
    yield from ("# Functions", "", *table("function", "purpose", "since"))
    for function in index.api.functions.values():
        yield row(function_link(function.id), cell(prose(function.says)), function.since or "–")
    yield from ("", "## Constants", "", *table("constant", "type", "meaning", "since"))
    for constant in index.api.constants.values():
        yield row(code(constant.id), code(constant.type), cell(prose(constant.says)), constant.since or "–")
    yield ""
    yield from toctree(map(function_slug, index.api.functions), hidden=True)


def function_page(
    index: Index,
    function: Function,
    example: Example | None,
    ports: Sequence[Compatibility],
    source: tuple[str, str] | None,
) -> Iterator[str]:
    """Yield the page of a function; ``source`` is the file of the reference and the code in it."""
    yield from (f"(f-{function_slug(function.id)})=", f"# {prose(function.id)}", "", "```lua", function.signature())
    yield from (f"  --> {shape(results)}" for results in function.returns)
    yield from ("```", "", prose(function.says), "")
    if function.is_method:
        others = [name for name in index.api.classes if name not in function.on and name.startswith(function.kind)]
        raises = f" On {', '.join(map(code, others))} it **raises** an error." if others else ""
        yield from (f"Works on {', '.join(map(code, function.on))}.{raises}", "")
    if len(function.dialects) == 1:
        yield from (f"Only in the dialect `{function.dialects[0]}`.", "")
    if function.parameters:
        yield from table("parameter", "type", "default", "meaning", "raises")
        for item in function.parameters:
            default = code(item.default) if item.default else "optional" if item.optional else "required"
            raises = prose(item.raises) if item.raises else _see_arguments(index, function)
            yield row(code(item.name), cell(code(item.type)), cell(default), cell(prose(item.says)), cell(raises))
        yield ""
    yield from _options(index, function)
    yield from _glance(index, function)
    yield from _example(example)
    yield from _messages(index, function)
    yield from _disagreements(index, function)
    yield from _situations(index, function)
    yield from changes(function)
    yield from compatibility(index, function, ports)
    yield from _statements(index, function)
    if source is not None:
        yield from ("## In the reference", "", f"`luasocket_reference/{source[0]}`:", "")
        yield from ("````python", source[1].rstrip(), "````", "")


def _options(index: Index, function: Function) -> Iterator[str]:
    if function.name in ("setoption", "getoption"):
        yield from ("## Options", "", *table("option", "type", "dialects", "since", "meaning"))
        for option in index.api.options[function.kind].values():
            dialects = option.set_in if function.name == "setoption" else option.get_in
            if dialects:
                since = option.since or function.since or "–"
                names = ", ".join(dialects)
                yield row(code(option.name), cell(code(option.type)), names, since, cell(prose(option.says)))
        yield ""


# -- results


def _glance(index: Index, function: Function) -> Iterator[str]:
    """Yield a table of situations and results: a column for each form of the arguments, or one with the call."""
    found = index.situations(function)
    if not found:
        return
    yield from ("## At a glance", "")
    if not function.columns:
        yield from table("situation", "call and results")
        for situation, observations in found.items():
            ordered = _observed_first(observations)
            yield row(cell(prose(SITUATIONS[situation])), _in_dialects(ordered[0], ordered, call=True))
        yield ""
        return
    yield from table("situation", *(head for head, _ in function.columns))
    for situation, observations in found.items():
        cells = dict.fromkeys((head for head, _ in function.columns), "")
        ordered = _observed_first(observations)
        for observation in ordered:
            heads = (head for head, form in function.columns if re.match(form, observation.arguments))
            head = next(heads, None)
            if head is not None and not cells[head]:
                cells[head] = _in_dialects(observation, ordered)
        if any(cells.values()):
            yield row(cell(prose(SITUATIONS[situation])), *(text or "–" for text in cells.values()))
    yield ""


def _observed_first(observations: Sequence[Observation]) -> list[Observation]:
    """Return typical calls, with the library's results before those that are only documented."""
    return sorted(observations, key=lambda item: item.reading.authority == "documented")


def _in_dialects(observation: Observation, others: Sequence[Observation], *, call: bool = False) -> str:
    """Return the results of a call; of one whose results depend on the dialect, those in each."""
    same = [
        item
        for item in others
        if item.call is observation.call
        and item.behaviour.id == observation.behaviour.id
        and item.reading.authority == observation.reading.authority
    ]
    texts = [_shown(item, call=call and not number) for number, item in enumerate(same)]
    return ", ".join(dict.fromkeys(texts))


def _shown(observation: Observation, *, call: bool = False) -> str:
    """Return the results of a call as code that leads to the behaviour."""
    text = observation.results
    text = text if len(text) <= _GLANCE else f"{text[:_GLANCE]}…"
    before = f"{code(observation.text)} → " if call else ""
    note = f" ({observation.reading.dialect})" if observation.reading.dialect else ""
    return cell(f"{before}[{code(text)}](#{label(observation.behaviour.entry)}){note}")


def _see_arguments(index: Index, function: Function) -> str:
    """Return a link to the results for arguments of a wrong type, if a behaviour shows some."""
    return f"[see below](#{_arguments(function)})" if _BAD_ARGUMENT in index.situations(function) else "–"


def _arguments(function: Function) -> str:
    """Return the label of the section about arguments of a wrong type."""
    return f"arguments-{function_slug(function.id)}"


def _situations(index: Index, function: Function) -> Iterator[str]:
    found = index.situations(function)
    if not found:
        return
    yield from ("## Situations and results", "")
    for situation, observations in found.items():
        if situation == _BAD_ARGUMENT:
            yield from (f"({_arguments(function)})=", "")
        yield from (f"### {SITUATIONS[situation].capitalize()}", "", *table("call", "results", "behaviour"))
        for item in observations[:_ROWS]:
            reading = ", ".join(filter(None, [item.reading.dialect, item.reading.authority]))
            note = f" ({reading})" if reading else ""
            yield row(cell(code(item.text)), cell(code(item.results)) + note, behaviour_link(item.behaviour.entry))
        yield ""
        if len(observations) > _ROWS:
            rest = f"luasocket-conformance list --function {function.id}"
            yield from (f"… and {len(observations) - _ROWS} more: {code(rest)}", "")


def _example(example: Example | None) -> Iterator[str]:
    if example is None:
        return
    checked = (
        "This build did not run it, because lupa is not installed."
        if example.problems is None
        else "Its results were checked on the reference when this page was built."
    )
    yield from ("## Run it", "", "```lua", example.text.rstrip(), "```", "", checked, "")


def _messages(index: Index, function: Function) -> Iterator[str]:
    found = index.messages(function)
    if found:
        yield from ("## Messages", "", *table("message", "behaviours"))
        for message, ids in found.items():
            yield row(cell(code(message)), behaviour_links(ids))
        yield ""


def _disagreements(index: Index, function: Function) -> Iterator[str]:
    found = index.disagreements(function)
    manual = [entry for entry in load_manual() if function.id in entry.functions]
    if found or manual:
        yield from ("## Documentation and library disagree", "")
    for item, ids in found.items():
        yield from disagreement(item, ids)
    for entry in manual:
        yield f"- **LuaSocket's manual**: {prose(entry.manual)}\\"
        yield f"  **observed**: {prose(entry.observed)}\\"
        yield from (f"  {', '.join(map(behaviour_link, entry.behaviours))}", "")


def disagreement(item: model.Disagreement, ids: Sequence[str]) -> Iterator[str]:
    """Yield a disagreement as an item of a list."""
    yield f"- **documented**: {prose(item.documented)}\\"
    yield f"  **observed**: {prose(item.observed)}\\"
    if item.since is not None:
        yield f"  since {item.since}\\"
    if item.issues:
        base = "https://github.com/lunarmodules/luasocket/issues"
        yield f"  issues: {', '.join(f'[#{number}]({base}/{number})' for number in item.issues)}\\"
    yield from (f"  {', '.join(map(behaviour_link, ids))}", "")


def _statements(index: Index, function: Function) -> Iterator[str]:
    statements = index.statements(function)
    if not statements:
        return
    covered = Coverage.of(index.spec).covered_by
    yield from ("## What the documentation says", "", *table("statement", "behaviours"))
    for statement in statements:
        ids = list(dict.fromkeys(index.by_id[name].entry for name in covered[statement.id]))
        waived = f"*waived: {prose(statement.waived)}*" if statement.waived else "–"
        yield row(f"{code(statement.id)} {cell(prose(statement.says))}", behaviour_links(ids) or cell(waived))
    yield ""
