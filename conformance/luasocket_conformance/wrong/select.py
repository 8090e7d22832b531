"""What porters get wrong in ``socket.select``.

What lives here: mistakes of that function. What may not: how they are put in place (``mechanism``).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from luasocket_conformance.wrong.factories import argument, instead, is_number, refuses, result, success
from luasocket_conformance.wrong.mechanism import Chapter, Mistake, Right, Values

_SELECT = "socket.select"
_ALSO = ("tcp", "udp", "select", "connect", "helper", "sink", "source")


_CHAPTER = Chapter(__name__, _ALSO, 1.0)
_in_select = partial(_CHAPTER.wrong, _SELECT)


def _add(name: str, says: str, mistake: Mistake, *statements: str, caught_by: tuple[str, ...] = ()) -> None:
    violates = (f"select/{statement}" for statement in statements)
    _CHAPTER.add(f"select-{name}", says, _SELECT, mistake, *violates, caught_by=caught_by)


def _table_with(right: Right, table: dict[Any, Any], kept: Callable[[Any], bool]) -> dict[Any, Any]:
    """Return a table of the implementation with those keys only that are kept."""
    thin = right.api.Table()
    for key, value in table.items():
        if kept(key):
            thin[key] = value
    return thin


def _keeping(kept: Callable[[Any], bool]) -> Mistake:
    def mistake(right: Right, *args: Any) -> Values:
        return tuple(_table_with(right, value, kept) if isinstance(value, dict) else value for value in right(*args))

    return mistake


def _listed(table: Any) -> list[Any]:
    """Return what is in the list part of a table."""
    return [table[key] for key in sorted(filter(is_number, table))] if isinstance(table, dict) else []


def _is_empty(table: Any) -> bool:
    return isinstance(table, dict) and not table


def _has(test: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """Tell of a table whether a key of it or a value in its list meets a test."""
    return lambda table: isinstance(table, dict) and any(map(test, _listed(table)))


_KEYED = ("select/keyed-by-integer-and-socket", "select/readable-when-data-arrived")

_add(
    "keys-by-integer-only",
    "The tables of ready sockets are plain lists.",
    _keeping(is_number),
    "keyed-by-socket",
    caught_by=_KEYED,
)
_add(
    "keys-by-socket-only",
    "The tables of ready sockets have no list part.",
    _keeping(lambda key: not is_number(key)),
    "keyed-by-integer",
    caught_by=_KEYED,
)
_add(
    "has-no-tables-on-timeout",
    'A timeout is nil, nil, "timeout".',
    success(lambda results: (None, None, results[2]) if len(results) > 2 else results),
    "timeout-error",
    caught_by=("select/timeout-zero", "select/nothing-to-watch"),
)
_add("timeout-has-a-capital", 'The message is "Timeout".', result(3, lambda _message: b"Timeout"), "timeout-error")
_add(
    "success-has-an-error",
    "The third result is the empty string when a socket is ready.",
    success(lambda results: (*results[:2], b"") if len(results) == 2 else results),
    "no-error",
)
_add(
    "waits-in-milliseconds",
    "The timeout is taken as milliseconds.",
    argument(3, lambda seconds: seconds / 1000 if is_number(seconds) else seconds),
    "timeout",
    caught_by=("select/timeout-in-seconds",),
)
_add(
    "polls-without-a-timeout",
    "Without a timeout, or with a negative one, it does not wait.",
    lambda right, first=None, second=None, seconds=None, *_rest: right(
        first, second, seconds if is_number(seconds) and seconds >= 0 else 0
    ),
    "timeout-nil",
    "timeout-negative",
    "timeout-omitted",
)
_add(
    "swaps-the-lists",
    "The first list is watched for writing, the second for reading.",
    lambda right, first=None, second=None, *rest: right(second, first, *rest),
    "reading",
    "writing",
    "recvt",
    "sendt",
    "ready-for-reading",
    "ready-for-writing",
)
_add(
    "swaps-the-results",
    "What can be written to comes first.",
    success(lambda results: (results[1], results[0], *results[2:])),
    "ready-for-reading",
    "ready-for-writing",
    "reading",
    "writing",
)
_add("refuses-an-empty-first-list", "The first list may not be empty.", refuses(1, _is_empty), "recvt-empty")
_add("refuses-an-empty-second-list", "The second list may not be empty.", refuses(2, _is_empty), "sendt-empty")
_add(
    "refuses-nil-as-first-list", "The first list may not be nil.", refuses(1, lambda table: table is None), "recvt-nil"
)
_add(
    "refuses-nil-as-second-list",
    "The second list may not be nil.",
    refuses(2, lambda table: table is None),
    "sendt-nil",
)
_add(
    "refuses-foreign-keys",
    "A key that is no number raises.",
    refuses(1, lambda table: isinstance(table, dict) and not all(map(is_number, table))),
    "non-numeric-keys",
)


@_in_select(violates=("select/reading",))
def select_reads_nothing(right: Right, *args: Any) -> Values:
    """No socket is ever ready for reading."""
    results = right(*args)
    return (right.api.Table(), *results[1:])


@_in_select(violates=("select/writing",))
def select_writes_nothing(right: Right, *args: Any) -> Values:
    """No socket is ever ready for writing."""
    results = right(*args)
    return (results[0], right.api.Table(), *results[2:])


@_in_select(violates=("select/not-ready",))
def select_calls_all_ready(right: Right, *lists: Any) -> Values:
    """Every socket of the lists is ready."""
    right(*lists[:2], 0)
    tables = []
    for listed in map(_listed, (*lists, None, None)[:2]):
        table = right.api.Table()
        for number, thing in enumerate(listed, 1):
            table[number] = thing
            table[thing] = number
        tables.append(table)
    return tuple(tables)


def _filtered(table: Any, kept: Callable[[Any], bool]) -> Any:
    """Return a list with those values only that are kept; what is no table as it is."""
    return dict(enumerate(filter(kept, _listed(table)), 1)) if isinstance(table, dict) else table


@_in_select(caught_by=("select/buffered-data-is-readable", "select/buffered-data-does-not-wait"))
def select_forgets_the_buffer(right: Right, reading: Any = None, *rest: Any) -> Values:
    """Data that is buffered already does not make a socket readable."""

    def is_clean(thing: Any) -> bool:
        return not _answer(right, thing, "dirty")

    return right(_filtered(reading, is_clean), *rest)


@_in_select(violates=("select/foreign-objects",))
def select_knows_its_own_objects_only(right: Right, reading: Any = None, writing: Any = None, *rest: Any) -> Values:
    """Tables with getfd and dirty are passed over."""

    def is_own(thing: Any) -> bool:
        return not isinstance(thing, dict)

    return right(_filtered(reading, is_own), _filtered(writing, is_own), *rest)


def _raising_for(right: Right, tables: tuple[Any, ...], test: Callable[[Any], bool], message: bytes) -> None:
    if any(test(thing) for table in tables for thing in _listed(table)):
        raise right.api.LuaError(message)


@_in_select(violates=("select/non-sockets",))
def select_returns_what_is_no_socket(right: Right, reading: Any = None, *rest: Any) -> Values:
    """A value that is no socket is ready."""
    for thing in _listed(reading):
        if thing is None or isinstance(thing, bytes | int | float | bool):
            return ({1: thing, thing: 1}, right.api.Table())
    return right(reading, *rest)


@_in_select(violates=("select/closed-ignored",))
def select_raises_for_closed_sockets(right: Right, *args: Any) -> Values:
    """A closed socket in a list raises."""

    def is_shut(thing: Any) -> bool:
        return bool(_answer(right, thing, "getfd") == -1)

    _raising_for(right, args[:2], is_shut, b"bad file descriptor")
    return right(*args)


def _answer(right: Right, thing: Any, name: str) -> Any:
    """Return the first result of a method; None if there is none, or no such method."""
    if thing is None or isinstance(thing, bytes | int | float):
        return None
    method = right.api.index(thing, name)
    return (*method(thing), None)[0] if callable(method) else None


def _descriptor(right: Right, thing: Any) -> float:
    number = _answer(right, thing, "getfd")
    return number if is_number(number) else 0


@_in_select(violates=("select/limit",))
def select_knows_no_more_than_64(right: Right, *args: Any) -> Values:
    """Descriptors from 64 on are too many."""
    _raising_for(right, args[:2], lambda thing: _descriptor(right, thing) >= 64, b"too many sockets")
    return right(*args)


@_in_select(violates=("select/too-many",))
def select_passes_over_large_descriptors(right: Right, reading: Any = None, writing: Any = None, *rest: Any) -> Values:
    """Descriptors that are too large are passed over, and nobody is told."""

    def fits(thing: Any) -> bool:
        return _descriptor(right, thing) < 1024

    return right(_filtered(reading, fits), _filtered(writing, fits), *rest)


_CHAPTER.add(
    "server-has-no-timeout",
    "A timeout does not keep accept from waiting for ever.",
    "tcp{server}:settimeout",
    instead(1),
    "select/accept-settimeout",
    "server:settimeout/limits-accept",
)
_CHAPTER.add(
    "select-waits-for-ever",
    "The timeout is not looked at, unless it is 0.",
    _SELECT,
    lambda right, *args: right(*args[:2], *(args[2:] if args[2:3] == (0,) else ())),
    "select/timeout",
)
