"""Faulty ports that the behaviours of ``inheritance.yaml`` detect.

A table that inherits is a dict of its own entries, whose ``get`` finds the others in its ``parent``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from luasocket_conformance.faults.factories import changes_argument, replace_at
from luasocket_conformance.faults.factories.closures import changes_protected
from luasocket_conformance.faults.factories.objects import for_option
from luasocket_conformance.faults.factories.select import changes_lists, filtered, first_result, listed, numbered
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(__name__)
_select = partial(FAULTS.fault, "socket.select")


def own(table: Any) -> Any:
    """Return a table with the entries of another one that are its own, as rawget reads it."""
    return dict(table.items()) if hasattr(table, "parent") else table


def parent_of(value: Any) -> Any:
    """Return what a table inherits from; any other value as it is."""
    return getattr(value, "parent", value)


def _all_entries(table: Any) -> dict[Any, Any]:
    """Return the entries of a list that are its own or inherited from a table."""
    parent = parent_of(table)
    inherited = parent.items() if parent is not table and isinstance(parent, dict) else ()
    return {**dict(inherited), **own(table)}


# -- the lists of select


@_select(detected_by="inheritance/list")
@changes_argument(1)
def select_reads_its_first_list_raw(table: Any) -> Any:
    """The first list has the entries that are its own."""
    return own(table)


@_select(detected_by="inheritance/list")
@changes_argument(2)
def select_reads_its_second_list_raw(table: Any) -> Any:
    """The second list has the entries that are its own."""
    return own(table)


@_select(detected_by="inheritance/buffered-data-of-a-list")
def select_looks_for_buffered_data_raw(original: Original, reading: Any = None, *rest: Any) -> Values:
    """Buffered data of an object that the first list inherits do not count."""
    if not hasattr(reading, "parent"):
        return original(reading, *rest)
    objects = listed(own(reading))
    asked = filtered(
        _all_entries(reading), lambda value: value in objects or not first_result(original, value, "dirty")
    )
    return original(asked, *rest)


@_select(detected_by="inheritance/list-of-a-list-of-a-list")
@changes_lists
def select_follows_one_parent(_original: Original, table: Any) -> Any:
    """A list inherits the entries that are its parent's own."""
    return _all_entries(table) if hasattr(parent_of(table), "parent") else table


@_select(detected_by="inheritance/rest-of-a-list")
@changes_lists
def select_inherits_whole_lists(_original: Original, table: Any) -> Any:
    """A list inherits only if it has no entries itself."""
    return own(table) or table


@_select(detected_by="inheritance/rest-of-a-list")
@changes_lists
def select_inherits_behind_its_own_entries(_original: Original, table: Any) -> Any:
    """A list inherits only entries behind the last one that is its own."""
    if not hasattr(table, "parent") or not listed(table):
        return table
    last = max(own(table))
    return {key: value for key, value in _all_entries(table).items() if key in own(table) or key > last}


@_select(detected_by="inheritance/end-of-a-list")
@changes_lists
def select_closes_the_gaps_of_heirs(_original: Original, table: Any) -> Any:
    """A list that inherits goes on behind a gap."""
    entries = _all_entries(table) if hasattr(table, "parent") else table
    return numbered(listed(entries)) if entries is not table else table


@_select(detected_by="inheritance/end-of-a-list")
@changes_lists
def select_prefers_what_is_inherited(_original: Original, table: Any) -> Any:
    """An entry that is inherited hides the list's own."""
    if not hasattr(table, "parent") or not isinstance(table.parent, dict):
        return table
    return {**own(table), **own(table.parent)}


@_select(detected_by="inheritance/list-asks-a-function")
@changes_lists
def select_looks_at_index_zero(_original: Original, table: Any) -> Any:
    """A list is asked for the index 0, too."""
    if hasattr(table, "parent"):
        table.get(0)
    return table


def _without_errors(original: Original, table: Any) -> Any:
    """Return a list that ends where the look-up raises."""
    entries: dict[Any, Any] = {}
    if not hasattr(table, "parent"):
        return table
    try:
        while (value := table.get(len(entries) + 1)) is not None:
            entries[len(entries) + 1] = value
    except original.api.LuaError:
        pass
    return entries


@_select(detected_by="inheritance/list-that-raises")
def select_ends_its_first_list_at_an_error(original: Original, reading: Any = None, *rest: Any) -> Values:
    """The first list ends where its look-up raises."""
    return original(_without_errors(original, reading), *rest)


@_select(detected_by="inheritance/list-that-raises")
def select_ends_its_second_list_at_an_error(
    original: Original, reading: Any = None, writing: Any = None, *rest: Any
) -> Values:
    """The second list ends where its look-up raises."""
    return original(reading, _without_errors(original, writing), *rest)


# -- objects of others


def _changes_objects(change: Callable[[Any], Any]) -> Any:
    """Change the objects of others in both lists that inherit: ``change(object)``; None leaves one out."""

    @changes_lists
    def mistake(_original: Original, table: Any) -> Any:
        if not any(hasattr(obj, "parent") for obj in listed(table)):
            return table
        changed = [change(obj) if hasattr(obj, "parent") else obj for obj in listed(table)]
        return numbered([obj for obj in changed if obj is not None])

    return mistake


FAULTS.add(
    "select-reads-the-methods-of-objects-raw",
    "An object of others whose getfd is inherited is passed over.",
    "socket.select",
    _changes_objects(lambda obj: obj if b"getfd" in obj else None),
    detected_by="inheritance/object-of-a-class",
)

FAULTS.add(
    "select-calls-methods-with-the-class",
    "An inherited getfd is called with the table that it is inherited from.",
    "socket.select",
    _changes_objects(lambda obj: parent_of(obj) if isinstance(parent_of(obj), dict) else obj),
    detected_by="inheritance/object-of-a-class",
)

FAULTS.add(
    "select-takes-heirs-of-sockets",
    "A table that inherits from a TCP object is taken for the object.",
    "socket.select",
    _changes_objects(lambda obj: obj if isinstance(parent_of(obj), dict) else parent_of(obj)),
    detected_by="inheritance/object-that-inherits-from-a-socket",
)


@_select(detected_by="inheritance/object-that-has-no-descriptor-in-its-class")
def select_refuses_objects_without_getfd(original: Original, *args: Any) -> Values:
    """An object that inherits, but no getfd, raises."""
    for obj in (obj for table in args[:2] for obj in listed(table)):
        if hasattr(obj, "parent") and obj.get(b"getfd") is None:
            raise original.api.LuaError(b"attempt to call a nil value")
    return original(*args)


@_select(detected_by="inheritance/object-whose-field-raises")
@changes_lists
def select_passes_objects_that_raise(original: Original, table: Any) -> Any:
    """An object whose look-up of getfd raises is passed over."""
    if not any(hasattr(obj, "parent") for obj in listed(table)):
        return table
    kept = []
    for obj in listed(table):
        try:
            original.api.index(obj, "getfd")
        except original.api.LuaError:
            continue
        kept.append(obj)
    return numbered(kept)


# -- methods


def methods_take_heirs(original: Original, obj: Any, *rest: Any) -> Values:
    """A method that is called with a table that inherits from its object works on the object."""
    return original(parent_of(obj), *rest)


methods_take_heirs.takes_heirs = True  # type: ignore[attr-defined]
FAULTS.add(
    "methods-take-heirs",
    methods_take_heirs.__doc__ or "",
    "*:*",
    methods_take_heirs,
    detected_by="inheritance/self",
    also_fails=("inheritance",),
)


# -- options


@FAULTS.fault("tcp:setoption", detected_by="inheritance/linger")
@for_option("linger")
@changes_argument(3)
def linger_is_read_raw(table: Any) -> Any:
    """The table of linger has the fields that are its own."""
    return own(table)


@FAULTS.fault("udp:setoption", detected_by="inheritance/membership")
@for_option("ip-add-membership")
@changes_argument(3)
def membership_is_read_raw(table: Any) -> Any:
    """The table of ip-add-membership has the fields that are its own."""
    return own(table)


@FAULTS.fault("udp:setoption", detected_by="inheritance/membership-that-ends")
@for_option("ip-drop-membership")
@changes_argument(3)
def end_of_membership_is_read_raw(table: Any) -> Any:
    """The table of ip-drop-membership has the fields that are its own."""
    return own(table)


@FAULTS.fault("udp:setoption", detected_by="inheritance/membership6")
@for_option("ipv6-add-membership")
@changes_argument(3)
def membership6_is_read_raw(table: Any) -> Any:
    """The table of ipv6-add-membership has the fields that are its own."""
    return own(table)


@FAULTS.fault("*:setoption", detected_by="inheritance/option-that-raises")
def setoption_returns_errors_of_tables(original: Original, *args: Any) -> Values:
    """What is raised when the table of an option is read is returned."""
    try:
        return original(*args)
    except original.api.LuaError as error:
        if isinstance(error.args[0], dict):
            return (None, b"setsockopt failed")
        raise


# -- choose, exceptions, sinks and sources


@FAULTS.fault("socket.choose", detected_by="inheritance/entries")
@changes_argument(1)
def choose_reads_entries_raw(table: Any) -> Any:
    """The table has the entries that are its own."""
    return own(table)


@FAULTS.fault("socket.protect", detected_by="inheritance/error-that-inherits-from-an-exception")
@changes_protected
def protect_catches_heirs(original: Original, made: Callable[..., Values], _function: Any, *values: Any) -> Values:
    """A table that inherits from an exception is caught as the exception."""
    try:
        return made(*values)
    except original.api.LuaError as error:
        if hasattr(error.args[0], "parent"):
            return (None, error.args[0].get(1))
        raise


@FAULTS.fault("socket.sink", "socket.source", detected_by=("inheritance/socket-of-a-class/*",))
def streams_use_the_class(original: Original, *args: Any) -> Values:
    """A sink or a source calls the methods of a socket with the table that has them."""
    return original(*replace_at(args, 2, parent_of))
