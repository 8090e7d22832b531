"""What porters get wrong in ``socket.select``.

What lives here: mistakes of that function. What may not: how they are put in place (``mechanism``).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from luasocket_conformance.wrong.factories import (
    argument,
    instead,
    is_number,
    no_more_than,
    refuses,
    result,
    success,
)
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


def _raising_for(right: Right, tables: tuple[Any, ...], test: Callable[[Any], bool], message: bytes) -> bool:
    if any(test(thing) for table in tables for thing in _listed(table)):
        raise right.api.LuaError(message)
    return False


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

# -- more of lists ----------------------------------------------------------------------------------------------------


def _lists(change: Callable[[Right, Any], Any]) -> Mistake:
    """Both lists are changed."""
    return lambda right, first=None, second=None, *rest: right(change(right, first), change(right, second), *rest)


def _numbered(values: list[Any]) -> dict[Any, Any]:
    return dict(enumerate(values, 1))


def _ready(change: Callable[[Right, list[Any]], list[Any]]) -> Mistake:
    """The lists of what is ready are changed."""

    def mistake(right: Right, *args: Any) -> Values:
        results = right(*args)
        tables = []
        for values in results[:2]:
            table = right.api.Table()
            for number, thing in enumerate(change(right, _listed(values)), 1):
                table[number] = thing
                table[thing] = number
            tables.append(table)
        return (*tables, *results[2:])

    return mistake


_add(
    "takes-the-first-three",
    "Only three objects of a list are looked at.",
    _lists(lambda right, table: _numbered(_listed(table)[:3]) if isinstance(table, dict) else table),
    caught_by=("select/keys-outside-of-the-sequence",),
)
_add(
    "takes-the-first",
    "Only the first object of a list is looked at.",
    _lists(lambda right, table: _numbered(_listed(table)[:1]) if isinstance(table, dict) else table),
    caught_by=("select/values-that-are-ignored",),
)
_add(
    "leaves-the-last-out",
    "The last object of a list is not looked at.",
    _lists(lambda right, table: _numbered(_listed(table)[:-1]) if isinstance(table, dict) else table),
    caught_by=("select/wakes-before-the-timeout",),
)
_add(
    "looks-behind-holes",
    "What stands behind a hole in a list is looked at, too.",
    _lists(lambda right, table: _numbered(_listed(table)) if isinstance(table, dict) else table),
    caught_by=("select/keys-outside-of-the-sequence",),
)
_add(
    "looks-at-keys",
    "An object that is a key is looked at, too.",
    _lists(
        lambda right, table: (
            _numbered(_listed(table) + [key for key in table if not isinstance(key, bytes | int | float | dict)])
            if isinstance(table, dict)
            else table
        )
    ),
    caught_by=("select/keys-that-are-ignored",),
)
_add(
    "tells-one",
    "Only one of the ready objects is told.",
    _ready(lambda right, ready: ready[:1]),
    caught_by=("select/three-readable",),
)
_add(
    "tells-the-last-first",
    "The ready objects come in the opposite order.",
    _ready(lambda right, ready: ready[::-1]),
    caught_by=("select/buffered-data-in-order-of-the-list",),
)
_add(
    "tells-each-once",
    "An object that stands in a list twice is told once.",
    _ready(
        lambda right, ready: (
            list(dict.fromkeys(ready, True)) if not any(isinstance(one, dict) for one in ready) else ready
        )
    ),
    caught_by=("select/buffered-data-twice-in-a-list",),
)
_add(
    "has-the-position-in-the-list",
    "Under the object is its position in the list that was given.",
    lambda right, *args: _with_positions(right, *args),
    caught_by=("select/indices-without-gaps",),
)


def _with_positions(right: Right, *args: Any) -> Values:
    results = right(*args)
    for table, given in zip(results, map(_listed, (*args, None, None)[:2]), strict=False):
        for number, thing in enumerate(given, 1):
            if thing in table:
                table[thing] = number
    return results


_add(
    "has-true-under-the-object",
    "Under the object is true.",
    lambda right, *args: _with_true(right, *args),
    caught_by=("select/wakes-before-the-timeout",),
)


def _with_true(right: Right, *args: Any) -> Values:
    results = right(*args)
    for table in results[:2]:
        for thing in _listed(table):
            table[thing] = True
    return results


_add(
    "returns-the-lists",
    "The tables that were given are changed and returned.",
    lambda right, *args: _in_place(right, *args),
    caught_by=("select/list-is-left-alone",),
)


def _in_place(right: Right, *args: Any) -> Values:
    results = right(*args)
    for table, given in zip(results, args, strict=False):
        if isinstance(given, dict):
            given.clear()
            given.update(table.items())
    return (
        *(
            given if isinstance(given, dict) else table
            for table, given in zip(results[:2], (*args, None, None), strict=False)
        ),
        *results[2:],
    )


_add(
    "refuses-both-nil",
    "Without a list it raises.",
    lambda right, first=None, second=None, *rest: (
        _raise(right) if first is None and second is None else right(first, second, *rest)
    ),
    caught_by=("select/nothing-to-watch",),
)


def _raise(right: Right) -> Values:
    raise right.api.LuaError(b"bad argument #1 to 'select' (table expected, got nil)")


_add(
    "takes-an-object-for-a-list",
    "An object in place of a list is a list of one.",
    _lists(
        lambda right, table: (
            {1: table}
            if table is not None and not isinstance(table, dict | bytes | int | float | bool) and not callable(table)
            else table
        )
    ),
    caught_by=("select/list-of-a-wrong-type",),
)
_add(
    "takes-anything-for-a-list",
    "What is no table is an empty list.",
    _lists(lambda right, table: table if isinstance(table, dict) else None),
    caught_by=("select/list-of-a-wrong-type",),
)
_add(
    "timeout-wants-a-number",
    "A timeout that is a string raises.",
    refuses(3, lambda seconds: isinstance(seconds, bytes)),
    caught_by=("select/timeout-as-numeric-string",),
)
_add(
    "timeout-takes-anything",
    "A timeout that is no number is none.",
    argument(3, lambda seconds: seconds if is_number(seconds) or isinstance(seconds, bytes) else None),
    caught_by=("select/timeout-of-a-wrong-type",),
)
_add(
    "timeout-is-whole",
    "The fraction of a timeout is lost.",
    argument(3, lambda seconds: int(seconds) if is_number(seconds) and abs(seconds) < 1e9 else seconds),
    caught_by=("select/timeout-in-seconds",),
)
_add(
    "timeout-is-told-always",
    'The third result is always "timeout".',
    success(lambda results: (*results[:2], b"timeout")),
    caught_by=("select/wakes-before-the-timeout",),
)
_add(
    "success-has-three-results",
    "A third result, nil, follows.",
    success(lambda results: (*results, None)[:3]),
    caught_by=("select/wakes-before-the-timeout",),
)
_add(
    "waits-for-the-dirty",
    "An object that has data in its buffer is told when the time is over.",
    lambda right, first=None, second=None, seconds=None, *rest: _sleeping(right, first, second, seconds, *rest),
    caught_by=("select/descriptor-zero",),
)


def _sleeping(right: Right, first: Any, second: Any, seconds: Any, *rest: Any) -> Values:
    if any(_answer(right, thing, "dirty") for thing in _listed(first) if not isinstance(thing, bytes | bool)):
        right.module[b"sleep"](min(seconds, 2) if is_number(seconds) and seconds > 0 else 2)
    return right(first, second, seconds, *rest)


_add(
    "tells-only-the-dirty",
    "Where an object has data in its buffer, no other is told.",
    lambda right, first=None, second=None, *rest: _only_dirty(right, first, second, *rest),
    caught_by=("select/foreign-object-gets-itself",),
)


def _only_dirty(right: Right, first: Any, second: Any, *rest: Any) -> Values:
    results = right(first, second, *rest)
    dirty = [thing for thing in _listed(results[0]) if _answer(right, thing, "dirty")]
    return (
        _ready(lambda right, ready: dirty if ready == _listed(results[0]) else [])(
            Right(lambda *args: results, right.name, right.api, right.module, right.memory)
        )
        if dirty
        else results
    )


_add(
    "asks-writers-for-the-dirty",
    "What has data in its buffer can be written to.",
    lambda right, first=None, second=None, *rest: _writers(right, first, second, *rest),
    caught_by=("select/dirty-is-not-asked-for-writing",),
)


def _writers(right: Right, first: Any, second: Any, *rest: Any) -> Values:
    results = right(first, second, *rest)
    for thing in _listed(second):
        if _answer(right, thing, "dirty") and thing not in results[1]:
            results[1][len(_listed(results[1])) + 1] = thing
            results[1][thing] = len(_listed(results[1]))
    return results


_add(
    "passes-over-tables-without-getfd",
    "A table without getfd raises.",
    lambda right, *args: (
        _raising_for(
            right,
            args[:2],
            lambda thing: isinstance(thing, dict) and right.api.index(thing, "getfd") is None,
            b"no socket",
        ),
        right(*args),
    )[1],
    caught_by=("select/values-that-are-ignored",),
)
_add(
    "asks-for-a-descriptor-by-field",
    "The getfd of a foreign object has to be a number.",
    _lists(
        lambda right, table: _filtered(
            table, lambda thing: not isinstance(thing, dict) or is_number(right.api.index(thing, "getfd"))
        )
    ),
    caught_by=("select/foreign-object",),
)
_add(
    "ignores-strings-in-lists",
    "Numbers in a list are passed over.",
    _lists(lambda right, table: _filtered(table, lambda thing: not is_number(thing))),
    caught_by=("select/keys-outside-of-the-sequence",),
)
_add(
    "raises-for-strings-in-lists",
    "Strings in a list raise.",
    lambda right, *args: (
        _raising_for(right, args[:2], lambda thing: isinstance(thing, bytes), b"no socket"),
        right(*args),
    )[1],
    caught_by=("select/values-that-are-ignored",),
)
_add(
    "knows-no-servers",
    "A server is never ready.",
    _lists(
        lambda right, table: _filtered(
            table,
            lambda thing: (
                isinstance(thing, dict | bytes | int | float | bool)
                or right.api.index(thing, "class") != b"tcp{server}"
            ),
        )
    ),
    caught_by=("select/server-with-pending-connection",),
)
_add(
    "knows-no-udp",
    "A UDP object is never ready.",
    _lists(
        lambda right, table: _filtered(
            table,
            lambda thing: (
                isinstance(thing, dict | bytes | int | float | bool)
                or not str(right.api.index(thing, "class")).startswith("b'udp")
            ),
        )
    ),
    caught_by=("udp/select/woken",),
)
_add(
    "knows-no-masters",
    "A master is never ready.",
    _lists(
        lambda right, table: _filtered(
            table,
            lambda thing: (
                isinstance(thing, dict | bytes | int | float | bool)
                or right.api.index(thing, "class") != b"tcp{master}"
            ),
        )
    ),
    caught_by=("select/keys-outside-of-the-sequence",),
)
_add(
    "sees-an-object-in-one-list",
    "An object that stands in both lists is looked at for reading only.",
    lambda right, first=None, second=None, *rest: right(
        first, _filtered(second, lambda thing: all(thing is not one for one in _listed(first))), *rest
    ),
    caught_by=("select/closed-socket",),
)
_add("takes-no-more-arguments", "A fourth argument raises.", no_more_than(3), caught_by=("select/extra-arguments",))
_add(
    "limit-is-a-count",
    "The limit is how many there are, not the number of a descriptor.",
    lambda right, *args: (
        (
            _raising_for(
                right, args[:2], lambda thing: len(_listed(args[0])) > 100 or len(_listed(args[1])) > 100, b"too many"
            ),
            right(*args),
        )[1]
        if len(args) > 1
        else right(*args)
    ),
    caught_by=("select/more-than-a-hundred",),
)
