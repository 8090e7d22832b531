"""Faulty ports that the behaviours of ``choose.yaml`` detect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from luasocket_conformance.faults.factories import first, is_number
from luasocket_conformance.faults.factories.closures import changes_choice, entry_of
from luasocket_conformance.faults.mechanism import ABSENT, Faults, Original, Values

FAULTS = Faults(__name__, also_fails=("inheritance", "tcp/collection"))


FAULTS.add("choose-is-missing", "There is no choose.", "socket.choose", ABSENT, detected_by="choose/unknown")


@FAULTS.fault("socket.choose", detected_by="choose/passes-two-arguments")
@changes_choice
def choose_passes_all_arguments(table: Any, chosen: Callable[..., Values], *values: Any) -> Values:
    """The entry gets all arguments, as many as there are."""
    entry: Callable[..., Values] | None = entry_of(table, first(values))
    return entry(*values[1:]) if entry else chosen(*values)


@FAULTS.fault("socket.choose", detected_by="choose/default")
@changes_choice
def choose_passes_one_argument(_table: Any, chosen: Callable[..., Values], *values: Any) -> Values:
    """The entry gets the first argument only."""
    return chosen(*values[:2])


@FAULTS.fault("socket.choose", detected_by="choose/default")
@changes_choice
def choose_passes_one_result(_table: Any, chosen: Callable[..., Values], *values: Any) -> Values:
    """Only the first result of the entry is returned."""
    return chosen(*values)[:1]


@FAULTS.fault("socket.choose", detected_by="choose/unknown")
@changes_choice
def choose_has_no_default(_table: Any, chosen: Callable[..., Values], *values: Any) -> Values:
    """Without a name it raises."""
    if isinstance(first(values), bytes):
        return chosen(*values)
    return chosen(b"", *values)


@FAULTS.fault("socket.choose", detected_by="choose/default")
@changes_choice
def choose_takes_nil_for_the_name(_table: Any, chosen: Callable[..., Values], *values: Any) -> Values:
    """A first argument that is nil is dropped for the default entry."""
    if values[:1] == (None,):
        return chosen(*values[1:])
    return chosen(*values)


@FAULTS.fault("socket.choose", detected_by="choose/default")
@changes_choice
def choose_takes_numbers_for_names(_table: Any, chosen: Callable[..., Values], *values: Any) -> Values:
    """A number is the name of an entry."""
    if values and is_number(values[0]):
        return chosen(str(values[0]).encode(), *values[1:])
    return chosen(*values)


@FAULTS.fault("socket.choose", detected_by="choose/unknown")
@changes_choice
def choose_returns_nil_for_the_unknown(table: Any, chosen: Callable[..., Values], *values: Any) -> Values:
    """An entry that does not exist gives nil."""
    if isinstance(first(values), bytes) and not entry_of(table, values[0]):
        return (None,)
    return chosen(*values)


@FAULTS.fault("socket.choose", detected_by="choose/unknown")
@changes_choice
def choose_falls_back_to_the_default(table: Any, chosen: Callable[..., Values], *values: Any) -> Values:
    """An entry that does not exist is the default one."""
    if isinstance(first(values), bytes) and not entry_of(table, values[0]):
        return chosen(b"default", *values[1:])
    return chosen(*values)


@FAULTS.fault("socket.choose", detected_by="choose/chooses-at-each-call")
def choose_chooses_once(original: Original, table: Any = None, *rest: Any) -> Values:
    """The first name is kept."""
    (chosen,) = original(table, *rest)
    first: list[Any] = []

    def choose(*values: Any) -> Values:
        if values and isinstance(values[0], bytes):
            first.append(values[0])
            values = (first[0], *values[1:])
        results: Values = chosen(*values)
        return results

    return (choose,)


@FAULTS.fault("socket.choose", detected_by="choose/callable-entry")
def entries_are_functions(original: Original, table: Any = None, *rest: Any) -> Values:
    """An entry that is a table is not there."""
    if not isinstance(table, dict):
        return original(table, *rest)
    kept = original.api.Table()
    for key, value in table.items():
        if not isinstance(value, dict):
            kept[key] = value
    return original(kept, *rest)
