"""Prints functions, behaviours and statements for a terminal: ``list``, ``explain`` and ``coverage FUNCTION``."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from luasocket_spec.api import Function, Parameter, Result
from luasocket_spec.manual import load_manual
from luasocket_spec.situations import SITUATIONS
from luasocket_spec.versions import load_versions

from luasocket_runners.coverage import Coverage
from luasocket_runners.lookup import versions
from luasocket_runners.lookup.compatibility import ALL, UNKNOWN, shipped
from luasocket_runners.lookup.index import Entry, Index, Observation, entries
from luasocket_runners.notation import counted

__all__ = ["coverage", "explain", "functions", "listed", "rules"]

#: Columns of running text.
_WIDTH: Final = 100
#: Different rules of one entry, messages, and results of a situation that are printed: more would bury the rest.
_SHOWN: Final = 4
_SHOWN_MESSAGES: Final = 12
#: Characters of the call before its results, in the table of situations.
_CALL_WIDTH: Final = 44


def listed(index: Index, found: Sequence[Entry]) -> Iterator[str]:
    """Yield the lines of a list: each behaviour once, with its number of cases, its rules, and since when it holds."""
    for entry in found:
        notes = entry.notes()
        since = versions.note(index.main_function(entry.first), entry.cases)
        if since is not None:
            notes = (*notes, since)
        if len(entry.cases) > 1:
            notes = (counted(len(entry.cases), "case"), *notes)
        yield entry.id + (f"  ({', '.join(notes)})" if notes else "")
        for rule in entry.rules[:_SHOWN]:
            yield from _wrapped(rule, "    ")
        if len(entry.rules) > _SHOWN:
            yield f"    … {len(entry.rules) - _SHOWN} more: luasocket-conformance show {entry.id}"


def rules(found: Sequence[Entry]) -> Iterator[str]:
    """Yield the first rule of each of the first behaviours, with its id."""
    for entry in found[:_SHOWN]:
        yield from textwrap.wrap(entry.rules[0], _WIDTH, initial_indent="  - ", subsequent_indent="    ")
        yield f"    {entry.id}"


def functions(index: Index) -> Iterator[str]:
    """Yield all functions and constants, one a line."""
    width = max(len(function.signature()) for function in index.api.functions.values())
    for function in index.api.functions.values():
        yield f"{function.signature():<{width}}  {_first_sentence(function.says)}"
    for constant in index.api.constants.values():
        yield f"{constant.id:<{width}}  {_first_sentence(constant.says)}"


def coverage(index: Index, function: Function) -> Iterator[str]:
    """Yield the statements about a function, each with the behaviours that cover it, or the reason of its waiver."""
    covered_by = Coverage.of(index.spec).covered_by
    statements = index.statements(function)
    if not statements:
        yield f"The documentation has no statement about {function.id}; its behaviours are observed:"
        yield from listed(index, entries(index.behaviours(function)))
    for statement in statements:
        yield statement.id
        yield from _wrapped(statement.says, "    ")
        if statement.waived is not None:
            yield from _wrapped(f"waived: {statement.waived}", "      ")
        ids: dict[str, int] = {}
        for identity in covered_by[statement.id]:
            name = index.by_id[identity].entry
            ids[name] = ids.get(name, 0) + 1
        for name, number in ids.items():
            yield f"      {name}" + (f"  ({number} cases)" if number > 1 else "")
        if not ids and statement.waived is None:
            yield "      not covered"


def explain(index: Index, function: Function) -> Iterator[str]:
    """Yield the page of a function: signature, parameters, situations with results, messages, disagreements."""
    yield function.signature()
    yield from (f"    → {shape(results)}" for results in function.returns)
    yield ""
    yield from _wrapped(function.says)
    if function.is_method:
        yield from _wrapped(_classes(index, function))
    if len(function.dialects) == 1:
        yield f"Only in the dialect {function.dialects[0]}."
    if function.since is not None:
        yield f"Since LuaSocket {function.since}."
    if function.parameters:
        yield from ("", "parameters")
        width = max(len(parameter.name) for parameter in function.parameters)
        for parameter in function.parameters:
            yield from _wrapped(_parameter(parameter), f"    {'':<{width}}  ", f"    {parameter.name:<{width}}  ")
    yield from _options(index, function)
    yield from _situations(index, function)
    yield from _messages(index, function)
    yield from _disagreements(index, function)
    yield from _releases(function)
    yield from _compatibility(index, function)
    behaviours, statements = index.behaviours(function), index.statements(function)
    yield ""
    yield f"{counted(len(behaviours), 'behaviour')}: luasocket-conformance list --function {function.id}"
    if statements:
        yield f"{counted(len(statements), 'statement')}: luasocket-conformance coverage {function.id}"


def shape(results: Sequence[Result]) -> str:
    """Return a shape of results: ``data: string, nil, nil``; no results: ``(nothing)``."""
    words = [result.type if result.name is None else f"{result.name}: {result.type}" for result in results]
    return ", ".join(words) if words else "(nothing)"


def _classes(index: Index, function: Function) -> str:
    others = [name for name in index.api.classes if name not in function.on and name.startswith(function.kind)]
    text = f"Works on {', '.join(function.on)}."
    return text + (f" Raises an error on {', '.join(others)}." if others else "")


def _parameter(parameter: Parameter) -> str:
    text = parameter.type
    if parameter.default is not None:
        text += f", default {parameter.default}"
    elif parameter.optional:
        text += ", optional"
    text += f". {parameter.says}"
    return text + (
        f" Raises an error for: {parameter.raises[0].lower()}{parameter.raises[1:]}" if parameter.raises else ""
    )


def _options(index: Index, function: Function) -> Iterator[str]:
    if function.name not in ("setoption", "getoption"):
        return
    sets = function.name == "setoption"
    yield from ("", "options")
    for option in index.api.options[function.kind].values():
        dialects = option.set_in if sets else option.get_in
        if dialects:
            notes = [f"{dialects[0]} only"] if len(dialects) == 1 else []
            notes += [f"since {option.since}"] if option.since is not None else []
            note = f" ({', '.join(notes)})" if notes else ""
            yield f"    {option.name:<22}{option.type:<20}  {option.says}{note}"


def _situations(index: Index, function: Function) -> Iterator[str]:
    found = index.situations(function)
    if found:
        yield from ("", "situations and results")
    for situation, observations in found.items():
        yield f"  {SITUATIONS[situation]}"
        for observation in observations[: 2 * _SHOWN]:
            call = observation.text
            note = f"  [{_reading(observation)}]" if _reading(observation) else ""
            gap = "" if len(call) <= _CALL_WIDTH else f"\n    {'':<{_CALL_WIDTH}}"
            yield f"    {call:<{_CALL_WIDTH}}{gap} → {observation.results}{note}"
            yield f"    {'':<{_CALL_WIDTH}}   {observation.behaviour.entry}"
        if len(observations) > 2 * _SHOWN:
            yield f"    … {len(observations) - 2 * _SHOWN} more"


def _reading(observation: Observation) -> str:
    reading = observation.reading
    return ", ".join(filter(None, [reading.dialect, reading.authority]))


def _messages(index: Index, function: Function) -> Iterator[str]:
    found = index.messages(function)
    if found:
        yield from ("", "messages")
        for message, ids in list(found.items())[:_SHOWN_MESSAGES]:
            more = f" and {len(ids) - 1} more" if len(ids) > 1 else ""
            yield f"    {message:<{_CALL_WIDTH}}   {ids[0]}{more}"
        if len(found) > _SHOWN_MESSAGES:
            yield f"    … {len(found) - _SHOWN_MESSAGES} more"


def _disagreements(index: Index, function: Function) -> Iterator[str]:
    found = index.disagreements(function)
    manual = [entry for entry in load_manual() if function.id in entry.functions]
    if found or manual:
        yield from ("", "documentation and library disagree")
    for disagreement, ids in found.items():
        yield from _wrapped(disagreement.documented, "                ", "    documented  ")
        yield from _wrapped(disagreement.observed, "                ", "    observed    ")
        if disagreement.since is not None:
            yield f"    since       {disagreement.since}"
        for name in ids[:_SHOWN]:
            yield f"                {name}"
    for entry in manual:
        yield from _wrapped(f"(LuaSocket's manual) {entry.manual}", "                ", "    documented  ")
        yield from _wrapped(entry.observed, "                ", "    observed    ")
        yield from (f"                {name}" for name in entry.behaviours[:_SHOWN])


def _releases(function: Function) -> Iterator[str]:
    changes = load_versions().of(function.id)
    if changes:
        yield from ("", "releases")
    for change in changes:
        yield from _wrapped(change.says, f"    {'':<9}", f"    {change.release:<9}")
        yield from (f"             {name}" for name in change.behaviours[:_SHOWN])


def _compatibility(index: Index, function: Function) -> Iterator[str]:
    """Yield a line for each release and port that differs, and one for those that do not."""
    entries_of_it = [behaviour.entry for behaviour in index.behaviours(function)]
    marks = [(report, report.mark(function, entries_of_it)) for report in shipped()]
    if not marks:
        return
    yield from ("", "releases and ports (● nothing differs, ◐ some behaviours differ, ○ absent)")
    same = [report.name for report, mark in marks if mark.sign == ALL]
    if same:
        yield from _wrapped(", ".join(same), "      ", f"    {ALL} ")
    for report, mark in marks:
        if mark.sign not in (ALL, UNKNOWN):
            texts = list(map(_without_address, mark.why[:_SHOWN]))
            more = f" And {len(mark.why) - _SHOWN} more." if len(mark.why) > _SHOWN else ""
            yield from _wrapped(f"{report.name}: {' '.join(texts)}{more}", "      ", f"    {mark.sign} ")


def _without_address(text: str) -> str:
    """Return the reason of a difference as a sentence, without the address that proves it."""
    text = re.sub(r",? *https?://\S+", "", text).strip().rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[.:]) ", text)[0]


def _wrapped(text: str, indent: str = "", first: str | None = None) -> Iterator[str]:
    yield from textwrap.wrap(
        " ".join(text.split()),
        _WIDTH,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
