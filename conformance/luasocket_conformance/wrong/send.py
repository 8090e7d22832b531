"""What porters get wrong in ``client:send``.

What lives here: mistakes of that method. What may not: how they are put in place (``mechanism``).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from luasocket_conformance.wrong.factories import (
    STREAMS,
    argument,
    failed,
    failure,
    is_number,
    no_more_than,
    only,
    raises,
    refuses,
    result,
    reworded,
    success,
)
from luasocket_conformance.wrong.mechanism import Chapter, Mistake, Right, Values

_SEND = "tcp:send"


_CHAPTER = Chapter(__name__, STREAMS)


def _add(name: str, says: str, mistake: Mistake, *statements: str, caught_by: tuple[str, ...] = ()) -> None:
    violates = (f"client:send/{statement}" for statement in statements)
    _CHAPTER.add(f"send-{name}", says, _SEND, mistake, *violates, caught_by=caught_by)


def _returns_the_count(right: Right, thing: Any, data: Any = None, first: Any = 1, *rest: Any) -> Values:
    results = right(thing, data, first, *rest)
    skipped = first - 1 if isinstance(first, int) and first > 1 else 0
    return results if failed(results) else (results[0] - skipped, *results[1:])


def _knows_no_negative(right: Right, thing: Any, data: Any = None, *places: Any) -> Values:
    return right(thing, data, *(1 if is_number(place) and place < 0 else place for place in places))


def _refuses_what_is_outside(right: Right, thing: Any, data: Any = None, *places: Any) -> Values:
    if isinstance(data, bytes) and any(is_number(place) and abs(place) > len(data) for place in places):
        raise right.api.LuaError(b"index out of range")
    return right(thing, data, *places)


def _keeps_for_the_next_call(right: Right, thing: Any, data: Any = None, *places: Any) -> Values:
    if not isinstance(data, bytes) or places or failed(right.method(thing, "getpeername")):
        return right(thing, data, *places)
    kept = right.memory.get(thing)
    right.memory[thing] = data
    if kept:
        right(thing, kept)
    return (len(data), None, None)


def _begins_at(default: int) -> Mistake:
    def mistake(right: Right, thing: Any, data: Any = None, *places: Any) -> Values:
        return right(thing, data, *((default, *places[1:]) if places[:1] in ((), (None,)) else places))

    return mistake


def _leaves_the_last_out(right: Right, thing: Any, data: Any = None, *places: Any) -> Values:
    return right(thing, data, *places) if len(places) > 1 else right(thing, data, places[0] if places else 1, -2)


def _is_only_told(right: Right, thing: Any, data: Any = None, *places: Any) -> Values:
    sends = isinstance(data, bytes) and not places and not failed(right.method(thing, "getpeername"))
    return (len(data), None, None) if sends else right(thing, data, *places)


_add(
    "success-is-one-value",
    "The index comes alone, without the two nils.",
    success(lambda results: results[:1]),
    caught_by=("tcp/send/range", "tcp/send/bytes"),
)
_add("success-has-an-error", "On success the message is the empty string.", result(2, lambda _nil: b""), "no-error")
_add("success-has-an-index", "On success the third result is 0.", result(3, lambda _nil: 0), "no-last-index")
_add(
    "returns-the-count",
    "The number of bytes sent is returned, not the index of the last one.",
    _returns_the_count,
    "index",
    "range",
    caught_by=("tcp/send/range",),
)
_add(
    "returns-one-less",
    "The index counts from 0.",
    result(1, lambda index: index - 1),
    "index",
    "total",
    caught_by=("tcp/send/range", "tcp/send/bytes"),
)
_add(
    "returns-true",
    "A success is told as true.",
    result(1, lambda _index: True),
    "index",
    "total",
    caught_by=("tcp/send/range", "tcp/send/bytes"),
)
_add(
    "ignores-the-range",
    "The whole string is sent, whatever part of it was asked for.",
    only(2),
    "range",
    "negative",
    "out-of-range",
    "last-index",
    caught_by=("tcp/send/range", "tcp/send/empty-range"),
)
_add("begins-at-the-second-byte", "Without i it begins with the second byte.", _begins_at(2), "i-optional", "sends")
_add("leaves-the-last-byte-out", "Without j the last byte is not sent.", _leaves_the_last_out, "j-optional", "sends")
_add("knows-no-negative", "A negative i or j is taken for 1.", _knows_no_negative, "negative")
_add("refuses-what-is-outside", "An i or j outside of the string raises.", _refuses_what_is_outside, "out-of-range")
_add(
    "keeps-for-the-next-call",
    "What is sent stays in a buffer until the next call.",
    _keeps_for_the_next_call,
    "unbuffered",
    "sends",
)
_add("only-tells", "Nothing goes out, but the index is told.", _is_only_told, "sends")
_add(
    "failure-is-false",
    "The first result of a failure is false.",
    failure(lambda results: (False, *results[1:])),
    "error",
)
_add("failure-raises", "A failure raises its message.", raises, "error", "closed", "timeout")
_add(
    "failure-tells-no-index",
    "A failure does not tell how far it came.",
    failure(lambda results: results[:2]),
    "last-index",
    caught_by=("tcp/send/timeout-partial", "tcp/send/on-a-closed-client"),
)
_add(
    "failure-tells-the-next-index",
    "A failure tells the index of the first byte that was not sent.",
    failure(lambda results: (*results[:2], results[2] + 1)),
    "last-index",
    "resume",
)
_add("timeout-has-a-capital", 'The message is "Timeout".', reworded(b"timeout", b"Timeout"), "timeout")
_add("closed-is-a-sentence", 'The message is "Broken pipe".', reworded(b"closed", b"Broken pipe"), "closed")


def _in_ranges(change: Callable[[bytes, Any], Any]) -> Mistake:
    """Each place of a range is changed: ``change(data, place)``."""
    return lambda right, thing, data=None, *places: right(
        thing, data, *(change(data, place) if isinstance(data, bytes) else place for place in places)
    )


_add("wants-a-string", "A number is no string.", refuses(2, is_number), caught_by=("tcp/send/number-as-data",))
_add(
    "takes-tables",
    "A table of strings is sent as one.",
    argument(
        2,
        lambda data: (
            b"".join(data[key] for key in sorted(data))
            if isinstance(data, dict) and all(map(is_number, data)) and data
            else data
        ),
    ),
    caught_by=("tcp/send/bad-data",),
)
_add(
    "takes-nil-for-nothing",
    "The value nil is the empty string.",
    lambda right, thing, data=None, *rest: right(thing, b"" if data is None else data, *rest),
    caught_by=("tcp/send/bad-data",),
)
_add(
    "takes-true-for-text",
    "A boolean is sent as a word.",
    argument(2, lambda data: b"true" if data is True else data),
    caught_by=("tcp/send/bad-data",),
)
_add(
    "places-want-numbers",
    "A place that is a string raises.",
    lambda right, thing, data=None, *places: refuses(3, lambda place: isinstance(place, bytes))(
        right, thing, data, *places
    ),
    caught_by=("tcp/send/bad-range",),
)
_add(
    "last-place-wants-a-number",
    "A last place that is a string raises.",
    refuses(4, lambda place: isinstance(place, bytes)),
    caught_by=("tcp/send/bad-range",),
)
_add(
    "places-want-no-nil",
    "A first place that is nil raises.",
    lambda right, thing, data=None, *places: right(thing, data, *places) if places[:1] != (None,) else _raise(right),
    caught_by=("tcp/send/range",),
)
_add(
    "places-round-up",
    "The fraction of a place makes it one more.",
    _in_ranges(lambda data, place: math.ceil(place) if isinstance(place, float) and abs(place) < 1e9 else place),
    caught_by=("tcp/send/range-of-other-numbers",),
)
_add(
    "places-want-whole-numbers",
    "A place with a fraction raises.",
    refuses(3, lambda place: isinstance(place, float) and not place.is_integer()),
    caught_by=("tcp/send/range-of-other-numbers",),
)
_add(
    "first-place-of-zero-is-the-last",
    "The first place 0 is the last byte.",
    lambda right, thing, data=None, first=1, *rest: right(
        thing, data, -1 if first == 0 and first is not False else first, *rest
    ),
    caught_by=("tcp/send/range",),
)
_add(
    "places-count-from-zero",
    "Places count from 0.",
    _in_ranges(lambda data, place: place + 1 if is_number(place) and place >= 0 else place),
    caught_by=("tcp/send/peer-has-reset",),
)
_add(
    "last-place-is-excluded",
    "The last place is that behind the last byte.",
    lambda right, thing, data=None, first=1, *last: right(
        thing, data, first, *(value - 1 if is_number(value) and value > 0 else value for value in last)
    ),
    caught_by=("tcp/send/range",),
)
_add(
    "last-place-is-a-length",
    "The last place is a number of bytes.",
    lambda right, thing, data=None, first=1, *last: right(
        thing,
        data,
        first,
        *(
            first + value - 1 if is_number(value) and is_number(first) and value > 0 < first else value
            for value in last
        ),
    ),
    caught_by=("tcp/send/range",),
)
_add(
    "empty-string-fails",
    "The empty string is an error.",
    lambda right, thing, data=None, *places: (
        (None, b"nothing to send", 0) if data == b"" else right(thing, data, *places)
    ),
    caught_by=("tcp/send/empty-range",),
)
_add(
    "empty-range-is-zero",
    "Where the range is empty, the index is 0.",
    lambda right, thing, data=None, *places: (
        results
        if failed(results := right(thing, data, *places))
        or not places
        or not isinstance(data, bytes)
        or results[0] != (places[0] or 1) - 1
        else (0, None, None)
    ),
    caught_by=("tcp/send/empty-range",),
)
_add(
    "empty-range-needs-a-connection",
    'Where the range is empty, a closed client is "closed".',
    lambda right, thing, *args: (None, b"closed", 0) if right.method(thing, "getfd") == (-1,) else right(thing, *args),
    caught_by=("tcp/send/on-a-closed-client",),
)
_add(
    "adds-a-line-feed",
    "A line feed follows.",
    lambda right, thing, data=None, *places: right(
        thing, data + b"\n" if isinstance(data, bytes) and not places else data, *places
    ),
    caught_by=("tcp/send/whole-string",),
)
_add(
    "expands-bytes-to-utf8",
    "Each byte from 128 on becomes two.",
    argument(2, lambda data: data.decode("latin-1").encode() if isinstance(data, bytes) else data),
    caught_by=("tcp/send/bytes",),
)
_add(
    "ends-at-nul",
    "Nothing is sent from the first NUL byte on.",
    argument(2, lambda data: data.partition(b"\0")[0] if isinstance(data, bytes) else data),
    caught_by=("tcp/send/bytes",),
)
_add(
    "sends-8192-bytes-at-most",
    "No more than 8192 bytes are sent.",
    lambda right, thing, data=None, *places: right(thing, data[:8192] if isinstance(data, bytes) else data, *places),
    caught_by=("tcp/send/ten-megabytes-from-the-middle",),
)
_add(
    "sends-65536-bytes-at-most",
    "No more than 65536 bytes are sent.",
    lambda right, thing, data=None, *places: right(thing, data[:65536] if isinstance(data, bytes) else data, *places),
    caught_by=("tcp/send/ten-megabytes-from-the-middle",),
)
_add(
    "failure-tells-zero",
    "A failure tells the index 0.",
    failure(lambda results: (*results[:2], 0)),
    caught_by=("tcp/send/on-a-closed-client",),
)
_add(
    "failure-tells-a-count",
    "A failure tells how many bytes went.",
    lambda right, thing, data=None, first=1, *rest: (
        (*results[:2], results[2] - first + 1)
        if failed(results := right(thing, data, first, *rest)) and is_number(first) and first > 1
        else results
    ),
    caught_by=("tcp/send/after-shutdown-again",),
)
_add(
    "partial-is-a-success",
    "What went before the timeout is a success.",
    lambda right, *args: (
        (results[2], None, None)
        if failed(results := right(*args)) and results[1] == b"timeout" and results[2]
        else results
    ),
    caught_by=("tcp/send/timeout-then-empty",),
)
_add(
    "reset-is-told-as-such",
    'The message is "Connection reset by peer".',
    failure(lambda results: (None, b"Connection reset by peer", *results[2:]) if results[1] == b"closed" else results),
    caught_by=("tcp/send/after-shutdown",),
)
_add(
    "closes-on-failure",
    "Where sending fails, the socket is closed.",
    lambda right, thing, *args: (
        (results, failed(results) and right.method(thing, "close"))[0] if (results := right(thing, *args)) else ()
    ),
    caught_by=("tcp/send/timeout-then-resumed",),
)
_add(
    "takes-no-more-arguments",
    "An argument too many raises.",
    no_more_than(4),
    caught_by=("tcp/send/range-of-other-numbers",),
)


def _raise(right: Right) -> Values:
    raise right.api.LuaError(b"bad argument #3 to 'send' (number expected, got nil)")
