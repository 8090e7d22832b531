"""What porters get wrong in ``client:send``.

What lives here: mistakes of that method. What may not: how they are put in place (``mechanism``).
"""

from __future__ import annotations

from typing import Any

from luasocket_conformance.wrong.factories import (
    STREAMS,
    failed,
    failure,
    is_number,
    only,
    raises,
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
