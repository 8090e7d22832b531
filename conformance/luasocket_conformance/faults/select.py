"""Faulty ports that the behaviours of ``select.yaml`` detect."""

from __future__ import annotations

from functools import partial
from typing import Any

from luasocket_conformance.faults.factories import (
    STREAMS,
    Test,
    changes_argument,
    changes_result,
    changes_success,
    is_number,
    refuses_argument,
)
from luasocket_conformance.faults.factories.families import add_milliseconds_wrap, add_missing_fields, add_whole_seconds
from luasocket_conformance.faults.factories.select import (
    changes_lists,
    changes_ready,
    changes_values,
    descriptor_of,
    drops_class,
    filtered,
    first_result,
    is_empty,
    keeps_keys,
    listed,
    numbered,
    raise_for,
    ready_table,
    without_descriptor,
)
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(__name__, also_fails=(*STREAMS, "udp"), deadline=1.0)
_fault = partial(FAULTS.fault, "socket.select")

#: Behaviours that look at every key of a table.
_KEYED = ("select/keyed-by-integer-and-socket", "select/readable-when-data-arrived")


FAULTS.add(
    "select-keys-by-integer-only",
    "The tables of ready sockets are plain lists.",
    "socket.select",
    keeps_keys(is_number),
    detected_by=_KEYED,
    violates="select/keyed-by-socket",
)


@_fault(detected_by=_KEYED, violates="select/keyed-by-integer")
@keeps_keys
def select_keys_by_socket_only(key: Any) -> object:
    """The tables of ready sockets have no list part."""
    return not is_number(key)


@_fault(detected_by=("select/timeout-zero", "select/nothing-to-watch"), violates="select/timeout-error")
@changes_success
def select_has_no_tables_on_timeout(results: Values) -> Values:
    """A timeout is nil, nil, "timeout"."""
    return (None, None, *results[2:]) if len(results) > 2 else results


@_fault(violates="select/timeout-error")
@changes_result(3)
def select_timeout_has_a_capital(_message: Any) -> Any:
    """The message is "Timeout"."""
    return b"Timeout"


@_fault(violates="select/no-error")
@changes_success
def select_success_has_an_error(results: Values) -> Values:
    """The third result is the empty string when a socket is ready."""
    return (*results, b"") if len(results) == 2 else results


@_fault(detected_by="select/timeout-in-seconds", violates="select/timeout")
@changes_argument(3)
def select_waits_in_milliseconds(seconds: Any) -> Any:
    """The timeout is taken as milliseconds."""
    if is_number(seconds):
        return seconds / 1000
    return seconds


@_fault(violates=("select/timeout-nil", "select/timeout-negative", "select/timeout-omitted"))
def select_polls_without_a_timeout(original: Original, one: Any = None, two: Any = None, seconds: Any = None) -> Values:
    """Without a timeout, or with a negative one, it does not wait."""
    return original(one, two, seconds if is_number(seconds) and seconds >= 0 else 0)


@_fault(
    violates=(
        "select/reading",
        "select/writing",
        "select/recvt",
        "select/sendt",
        "select/ready-for-reading",
        "select/ready-for-writing",
    ),
)
def select_swaps_the_lists(original: Original, reading: Any = None, writing: Any = None, *rest: Any) -> Values:
    """The first list is watched for writing, the second for reading."""
    return original(writing, reading, *rest)


@_fault(violates=("select/ready-for-reading", "select/ready-for-writing", "select/reading", "select/writing"))
@changes_success
def select_swaps_the_results(results: Values) -> Values:
    """The writable sockets come first."""
    return (results[1], results[0], *results[2:])


def _is_nil(table: Any) -> object:
    return table is None


_REFUSED: tuple[tuple[str, int, Test, str], ...] = (
    ("an-empty-first-list", 1, is_empty, "select/recvt-empty"),
    ("an-empty-second-list", 2, is_empty, "select/sendt-empty"),
    ("nil-as-first-list", 1, _is_nil, "select/recvt-nil"),
    ("nil-as-second-list", 2, _is_nil, "select/sendt-nil"),
)
for _list, _position, _test, _statement in _REFUSED:
    FAULTS.add(
        f"select-refuses-{_list}",
        f"It raises for {_list.replace('-', ' ')}.",
        "socket.select",
        refuses_argument(_position)(_test),
        violates=_statement,
    )


@_fault(violates="select/non-numeric-keys")
@refuses_argument(1)
def select_refuses_foreign_keys(table: Any) -> object:
    """A key that is not a number raises."""
    return isinstance(table, dict) and (not all(map(is_number, table)))


@_fault(violates="select/reading")
def select_reads_nothing(original: Original, *args: Any) -> Values:
    """No socket is ever ready for reading."""
    results = original(*args)
    return (original.api.Table(), *results[1:])


@_fault(violates="select/writing")
def select_writes_nothing(original: Original, *args: Any) -> Values:
    """No socket is ever ready for writing."""
    readable, _writable, *message = original(*args)
    return (readable, original.api.Table(), *message)


@_fault(violates="select/not-ready")
def select_calls_all_ready(original: Original, *lists: Any) -> Values:
    """Every socket of the lists is ready."""
    original(*lists[:2], 0)
    return tuple(ready_table(original, listed(table)) for table in (*lists, None, None)[:2])


@_fault(detected_by=("select/buffered-data-is-readable", "select/buffered-data-does-not-wait"))
def select_forgets_the_buffer(original: Original, reading: Any = None, *rest: Any) -> Values:
    """Data that is buffered already does not make a socket readable."""
    return original(filtered(reading, lambda obj: not first_result(original, obj, "dirty")), *rest)


@_fault(violates="select/foreign-objects")
@changes_lists
def select_knows_its_own_objects_only(_original: Original, table: Any) -> Any:
    """Tables with getfd and dirty are ignored."""
    return filtered(table, lambda obj: not isinstance(obj, dict))


@_fault(violates="select/non-sockets")
def select_returns_what_is_no_socket(original: Original, reading: Any = None, *rest: Any) -> Values:
    """A value that is not a socket is ready."""
    for obj in listed(reading):
        if obj is None or isinstance(obj, bytes | int | float | bool):
            return ({1: obj, obj: 1}, original.api.Table())
    return original(reading, *rest)


@_fault(violates="select/closed-ignored")
def select_raises_for_closed_sockets(original: Original, *args: Any) -> Values:
    """A closed socket in a list raises."""
    raise_for(original, args[:2], lambda obj: descriptor_of(original, obj) == -1, b"bad file descriptor")
    return original(*args)


@_fault(violates="select/limit")
def select_knows_no_more_than_64(original: Original, *args: Any) -> Values:
    """Descriptors from 64 on are too many."""
    raise_for(original, args[:2], lambda obj: descriptor_of(original, obj) >= 64, b"too many sockets")
    return original(*args)


@_fault(violates="select/too-many")
@changes_lists
def select_ignores_large_descriptors(original: Original, table: Any) -> Any:
    """Descriptors that are too large are silently ignored."""
    return filtered(table, lambda obj: descriptor_of(original, obj) < 1024)


@_fault(violates="select/timeout")
def select_waits_for_ever(original: Original, *args: Any) -> Values:
    """A timeout other than 0 is ignored."""
    return original(*args[:2], *(args[2:] if args[2:3] == (0,) else ()))


@_fault(detected_by="select/keys-outside-of-the-sequence")
@changes_values
def select_takes_the_first_three(values: Any) -> Any:
    """Only the first three objects of a list are watched."""
    return values[:3]


@_fault(detected_by="select/values-that-are-ignored")
@changes_values
def select_takes_the_first(values: Any) -> Any:
    """Only the first object of a list is watched."""
    return values[:1]


@_fault(detected_by="select/wakes-before-the-timeout")
@changes_values
def select_leaves_the_last_out(values: Any) -> Any:
    """The last object of a list is ignored."""
    return values[:-1]


@_fault(detected_by="select/keys-outside-of-the-sequence")
@changes_values
def select_looks_behind_holes(values: Any) -> Any:
    """Objects behind a hole in a list are watched, too."""
    return values


@_fault(detected_by="select/keys-that-are-ignored")
@changes_lists
def select_looks_at_keys(_original: Original, table: Any) -> Any:
    """An object that is a key of a list is watched, too."""
    if isinstance(table, dict):
        return numbered(listed(table) + [key for key in table if not isinstance(key, bytes | int | float | dict)])
    return table


@_fault(detected_by="select/three-readable")
@changes_ready
def select_returns_one(_original: Original, ready: Any) -> Any:
    """Only one of the ready objects is returned."""
    return ready[:1]


@_fault(detected_by="select/buffered-data-in-order-of-the-list")
@changes_ready
def select_reverses_the_order(_original: Original, ready: Any) -> Any:
    """The ready objects come in the opposite order."""
    return ready[::-1]


@_fault(detected_by="select/buffered-data-twice-in-a-list")
@changes_ready
def select_returns_each_once(_original: Original, ready: Any) -> Any:
    """An object that is twice in a list is returned once."""
    if not any(isinstance(one, dict) for one in ready):
        return list(dict.fromkeys(ready, True))
    return ready


@_fault(detected_by="select/indices-without-gaps")
def select_has_the_position_in_the_list(original: Original, *args: Any) -> Values:
    """The value under an object is its position in the given list."""
    results = original(*args)
    for table, given in zip(results, map(listed, (*args, None, None)[:2]), strict=False):
        for number, obj in enumerate(given, 1):
            if obj in table:
                table[obj] = number
    return results


@_fault(detected_by="select/wakes-before-the-timeout")
def select_has_true_under_the_object(original: Original, *args: Any) -> Values:
    """The value under an object is true."""
    results = original(*args)
    for table in results[:2]:
        for obj in listed(table):
            table[obj] = True
    return results


@_fault(detected_by="select/list-is-left-alone")
def select_returns_the_lists(original: Original, *args: Any) -> Values:
    """The given lists are changed and returned."""
    results = original(*args)
    for table, given in zip(results, args, strict=False):
        if isinstance(given, dict):
            given.clear()
            given.update(table.items())
    tables = (
        given if isinstance(given, dict) else table
        for table, given in zip(results[:2], (*args, None, None), strict=False)
    )
    return (*tables, *results[2:])


@_fault(detected_by="select/nothing-to-watch")
def select_refuses_both_nil(original: Original, reading: Any = None, writing: Any = None, *rest: Any) -> Values:
    """Without a list it raises."""
    if reading is None and writing is None:
        raise original.api.LuaError(b"bad argument #1 to 'select' (table expected, got nil)")
    return original(reading, writing, *rest)


@_fault(detected_by="select/list-of-a-wrong-type")
@changes_lists
def select_takes_an_object_for_a_list(_original: Original, table: Any) -> Any:
    """An object is taken for a list with one object."""
    if table is not None and not isinstance(table, dict | bytes | int | float | bool) and not callable(table):
        return {1: table}
    return table


@_fault(detected_by="select/list-of-a-wrong-type")
@changes_lists
def select_takes_anything_for_a_list(_original: Original, table: Any) -> Any:
    """A value that is not a table is taken for an empty list."""
    if isinstance(table, dict):
        return table
    return None


@_fault(detected_by="select/timeout-as-numeric-string")
@refuses_argument(3)
def select_timeout_wants_a_number(seconds: Any) -> object:
    """A timeout that is a string raises."""
    return isinstance(seconds, bytes)


@_fault(detected_by="select/timeout-of-a-wrong-type")
@changes_argument(3)
def select_timeout_takes_anything(seconds: Any) -> Any:
    """A timeout that is not a number is taken for none."""
    if is_number(seconds) or isinstance(seconds, bytes):
        return seconds
    return None


@_fault(detected_by="select/timeout-in-seconds")
@changes_argument(3)
def select_timeout_is_whole(seconds: Any) -> Any:
    """The fraction of a timeout is lost."""
    if is_number(seconds) and abs(seconds) < 1e9:
        return int(seconds)
    return seconds


@_fault(detected_by="select/wakes-before-the-timeout")
@changes_success
def select_always_returns_timeout(results: Values) -> Values:
    """The third result is always "timeout"."""
    return (*results[:2], b"timeout")


@_fault(detected_by="select/wakes-before-the-timeout")
@changes_success
def select_success_has_three_results(results: Values) -> Values:
    """On success nil follows as a third result."""
    return (*results, None)[:3]


@_fault(detected_by="select/descriptor-zero")
def select_waits_for_the_dirty(
    original: Original, reading: Any = None, writing: Any = None, seconds: Any = None, *rest: Any
) -> Values:
    """An object with buffered data is returned only at the timeout."""
    if any(first_result(original, obj, "dirty") for obj in listed(reading) if not isinstance(obj, bytes | bool)):
        original.call("sleep", min(seconds, 2) if is_number(seconds) and seconds > 0 else 2)
    return original(reading, writing, seconds, *rest)


@_fault(detected_by="select/foreign-object-gets-itself")
def select_returns_only_the_dirty(original: Original, reading: Any = None, writing: Any = None, *rest: Any) -> Values:
    """If one object has buffered data, no other is returned."""
    results = original(reading, writing, *rest)
    dirty = [obj for obj in listed(results[0]) if first_result(original, obj, "dirty")]
    if not dirty:
        return results
    return (ready_table(original, dirty), original.api.Table(), *results[2:])


@_fault(detected_by="select/dirty-is-not-asked-for-writing")
def select_asks_writers_for_the_dirty(
    original: Original, reading: Any = None, writing: Any = None, *rest: Any
) -> Values:
    """An object with buffered data is writable."""
    results = original(reading, writing, *rest)
    for obj in listed(writing):
        if first_result(original, obj, "dirty") and obj not in results[1]:
            results[1][len(listed(results[1])) + 1] = obj
            results[1][obj] = len(listed(results[1]))
    return results


@_fault(detected_by="select/values-that-are-ignored")
def select_raises_for_tables_without_getfd(original: Original, *args: Any) -> Values:
    """A table without getfd raises."""

    def lacks_getfd(obj: Any) -> bool:
        return isinstance(obj, dict) and original.api.index(obj, "getfd") is None

    raise_for(original, args[:2], lacks_getfd, b"no socket")
    return original(*args)


@_fault(detected_by="select/foreign-object")
@changes_lists
def select_asks_for_a_descriptor_by_field(original: Original, table: Any) -> Any:
    """The getfd of a foreign object has to be a number."""
    return filtered(table, lambda obj: not isinstance(obj, dict) or is_number(original.api.index(obj, "getfd")))


@_fault(detected_by="select/keys-outside-of-the-sequence")
@changes_lists
def select_ignores_numbers_in_lists(_original: Original, table: Any) -> Any:
    """Numbers in a list are ignored."""
    return filtered(table, lambda obj: not is_number(obj))


@_fault(detected_by="select/lists-are-read-alike")
@changes_argument(2)
def select_ignores_numbers_for_writing(table: Any) -> Any:
    """Numbers in the second list are ignored."""
    return filtered(table, lambda obj: not is_number(obj))


@_fault(detected_by="select/values-that-are-ignored")
def select_raises_for_strings_in_lists(original: Original, *args: Any) -> Values:
    """Strings in a list raise."""
    raise_for(original, args[:2], lambda obj: isinstance(obj, bytes), b"no socket")
    return original(*args)


for _class, _behaviour in (("server", "server-with-pending-connection"), ("master", "keys-outside-of-the-sequence")):
    FAULTS.add(
        f"select-knows-no-{_class}s",
        f"A {_class} is never ready.",
        "socket.select",
        drops_class(f"tcp{{{_class}}}".encode()),
        detected_by=f"select/{_behaviour}",
    )


@_fault(detected_by="select/closed-socket")
def select_sees_an_object_in_one_list(original: Original, one: Any = None, two: Any = None, *rest: Any) -> Values:
    """An object in both lists is watched for reading only."""
    return original(one, filtered(two, lambda obj: all(obj is not other for other in listed(one))), *rest)


@_fault(detected_by="select/extra-arguments")
@refuses_argument(4)
def select_takes_no_more_arguments(argument: Any) -> object:
    """A fourth argument raises."""
    return argument is not None


@_fault(detected_by="select/more-than-a-hundred")
def select_limit_is_a_count(original: Original, *args: Any) -> Values:
    """The limit applies to the count of objects, not to the number of a descriptor."""
    if any(len(listed(table)) > 1024 for table in args[:2]):
        raise original.api.LuaError(b"too many")
    return original(*args)


@_fault(detected_by="select/descriptor-zero")
@changes_lists
def select_takes_zero_for_none(original: Original, table: Any) -> Any:
    """Descriptor 0 is taken for none."""
    return without_descriptor(original, table, 0)


@_fault(detected_by="select/descriptor-that-is-not-open", alone=True)
def select_takes_a_failure_for_a_timeout(original: Original, *args: Any) -> Values:
    """An error of the system is reported as a timeout."""
    try:
        return original(*args)
    except original.api.LuaError as error:
        if str(error) != "select failed":
            raise
        return (original.api.Table(), original.api.Table(), b"timeout")


add_milliseconds_wrap(FAULTS, "socket.select", 3, ("select/long-timeout",))
add_whole_seconds(FAULTS, "socket.select", 3, "select/timeout-of-more-than-a-second")
add_missing_fields(FAULTS, {"select": "select"})
