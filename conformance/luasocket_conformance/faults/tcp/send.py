"""Faulty ports that the behaviours of ``tcp/send.yaml`` detect."""

from __future__ import annotations

import math
from typing import Any

from luasocket_conformance.faults.factories import (
    STREAMS,
    changes_argument,
    changes_failure,
    changes_result,
    changes_success,
    failed,
    is_closed,
    is_number,
    raises_failures,
    refuses_argument,
    refuses_more_than,
    rewords,
    takes_only,
)
from luasocket_conformance.faults.factories.objects import changes_indices, returns_at_timeout, starts_at
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(
    __name__,
    also_fails=(*STREAMS, "udp"),
)


@FAULTS.fault("tcp:receive", detected_by="tcp/send/half-closed-peer")
def receive_closes_at_the_end(original: Original, obj: Any, *args: Any) -> Values:
    """When the peer has closed, the socket is closed."""
    results = original(obj, *args)
    if failed(results) and results[1] == b"closed" and not results[2]:
        original.method(obj, "close")
    return results


@FAULTS.fault("tcp:send", detected_by=("tcp/send/range", "tcp/send/bytes"))
@changes_success
def send_success_is_one_value(results: Values) -> Values:
    """The index is the only result, without the two nils."""
    return results[:1]


@FAULTS.fault("tcp:send", violates="client:send/no-error")
@changes_result(2)
def send_success_has_an_error(_nil: Any) -> Any:
    """On success the message is the empty string."""
    return b""


@FAULTS.fault("tcp:send", violates="client:send/no-last-index")
@changes_result(3)
def send_success_has_an_index(_nil: Any) -> Any:
    """On success the third result is 0."""
    return 0


@FAULTS.fault("tcp:send", detected_by="tcp/send/range", violates=("client:send/index", "client:send/range"))
def send_returns_the_count(original: Original, obj: Any, data: Any = None, first: Any = 1, *rest: Any) -> Values:
    """The number of bytes sent is returned, not the index of the last one."""
    results = original(obj, data, first, *rest)
    skipped = first - 1 if isinstance(first, int) and first > 1 else 0
    return results if failed(results) else (results[0] - skipped, *results[1:])


@FAULTS.fault(
    "tcp:send", detected_by=("tcp/send/range", "tcp/send/bytes"), violates=("client:send/index", "client:send/total")
)
@changes_result(1)
def send_returns_one_less(index: Any) -> Any:
    """The index counts from 0."""
    return index - 1


@FAULTS.fault(
    "tcp:send", detected_by=("tcp/send/range", "tcp/send/bytes"), violates=("client:send/index", "client:send/total")
)
@changes_result(1)
def send_returns_true(_index: Any) -> Any:
    """The result of a success is true."""
    return True


FAULTS.add(
    "send-ignores-the-range",
    "The indices are ignored, and the whole string is sent.",
    "tcp:send",
    takes_only(2),
    detected_by=("tcp/send/range", "tcp/send/empty-range"),
    violates=("client:send/range", "client:send/negative", "client:send/out-of-range", "client:send/last-index"),
)

FAULTS.add(
    "send-begins-at-the-second-byte",
    "Without i it begins with the second byte.",
    "tcp:send",
    starts_at(2),
    violates=("client:send/i-optional", "client:send/sends"),
)


@FAULTS.fault("tcp:send", violates=("client:send/j-optional", "client:send/sends"))
def send_leaves_the_last_byte_out(original: Original, obj: Any, data: Any = None, *indices: Any) -> Values:
    """Without j the last byte is not sent."""
    return original(obj, data, *indices) if len(indices) > 1 else original(obj, data, indices[0] if indices else 1, -2)


@FAULTS.fault("tcp:send", violates="client:send/negative")
def send_knows_no_negative(original: Original, obj: Any, data: Any = None, *indices: Any) -> Values:
    """A negative i or j is taken for 1."""
    return original(obj, data, *(1 if is_number(index) and index < 0 else index for index in indices))


@FAULTS.fault("tcp:send", violates="client:send/out-of-range")
def send_refuses_what_is_outside(original: Original, obj: Any, data: Any = None, *indices: Any) -> Values:
    """An i or j outside of the string raises."""
    if isinstance(data, bytes) and any(is_number(index) and abs(index) > len(data) for index in indices):
        raise original.api.LuaError(b"index out of range")
    return original(obj, data, *indices)


@FAULTS.fault("tcp:send", violates=("client:send/unbuffered", "client:send/sends"))
def send_keeps_for_the_next_call(original: Original, obj: Any, data: Any = None, *indices: Any) -> Values:
    """The data stays in a buffer until the next call."""
    if not isinstance(data, bytes) or indices or failed(original.method(obj, "getpeername")):
        return original(obj, data, *indices)
    kept = original.memory.get(obj)
    original.memory[obj] = data
    if kept:
        original(obj, kept)
    return (len(data), None, None)


@FAULTS.fault("tcp:send", violates="client:send/sends")
def send_sends_nothing(original: Original, obj: Any, data: Any = None, *indices: Any) -> Values:
    """It returns the index, and nothing is sent."""
    sends = isinstance(data, bytes) and not indices and not failed(original.method(obj, "getpeername"))
    return (len(data), None, None) if sends else original(obj, data, *indices)


@FAULTS.fault("tcp:send", violates="client:send/error")
@changes_failure
def send_failure_is_false(results: Values) -> Values:
    """The first result of a failure is false."""
    return (False, *results[1:])


FAULTS.add(
    "send-failure-raises",
    "A failure raises its message.",
    "tcp:send",
    raises_failures,
    violates=("client:send/error", "client:send/closed", "client:send/timeout"),
)


@FAULTS.fault(
    "tcp:send",
    detected_by=("tcp/send/timeout-partial", "tcp/send/on-a-closed-client"),
    violates="client:send/last-index",
)
@changes_failure
def send_failure_lacks_the_index(results: Values) -> Values:
    """A failure lacks the index."""
    return results[:2]


@FAULTS.fault("tcp:send", violates=("client:send/last-index", "client:send/resume"))
@changes_failure
def send_failure_returns_the_next_index(results: Values) -> Values:
    """The index of a failure is that of the first byte that was not sent."""
    return (*results[:2], results[2] + 1)


FAULTS.add(
    "send-timeout-has-a-capital",
    'The message is "Timeout".',
    "tcp:send",
    rewords(b"timeout", b"Timeout"),
    violates="client:send/timeout",
)

FAULTS.add(
    "send-closed-is-a-sentence",
    'The message is "Broken pipe".',
    "tcp:send",
    rewords(b"closed", b"Broken pipe"),
    violates="client:send/closed",
)

FAULTS.add(
    "send-wants-a-string",
    "A number as data raises.",
    "tcp:send",
    refuses_argument(2)(is_number),
    detected_by="tcp/send/number-as-data",
)


@FAULTS.fault("tcp:send", detected_by="tcp/send/bad-data")
@changes_argument(2)
def send_takes_tables(data: Any) -> Any:
    """The strings of a table are sent."""
    if isinstance(data, dict) and all(map(is_number, data)) and data:
        return b"".join(data[key] for key in sorted(data))
    return data


@FAULTS.fault("tcp:send", detected_by="tcp/send/bad-data")
def send_takes_nil_for_nothing(original: Original, obj: Any, data: Any = None, *rest: Any) -> Values:
    """The value nil is the empty string."""
    return original(obj, b"" if data is None else data, *rest)


@FAULTS.fault("tcp:send", detected_by="tcp/send/bad-data")
@changes_argument(2)
def send_takes_true_for_text(data: Any) -> Any:
    """A boolean is sent as a word."""
    if data is True:
        return b"true"
    return data


@FAULTS.fault("tcp:send", detected_by="tcp/send/bad-range")
@refuses_argument(3)
def send_indices_want_numbers(index: Any) -> object:
    """An index that is a string raises."""
    return isinstance(index, bytes)


@FAULTS.fault("tcp:send", detected_by="tcp/send/bad-range")
@refuses_argument(4)
def send_last_place_wants_a_number(index: Any) -> object:
    """A last index that is a string raises."""
    return isinstance(index, bytes)


@FAULTS.fault("tcp:send", detected_by="tcp/send/range")
def send_indices_want_no_nil(original: Original, obj: Any, data: Any = None, *indices: Any) -> Values:
    """A first index that is nil raises."""
    if indices[:1] == (None,):
        raise original.api.LuaError(b"bad argument #3 to 'send' (number expected, got nil)")
    return original(obj, data, *indices)


@FAULTS.fault("tcp:send", detected_by="tcp/send/range-of-other-numbers")
@changes_indices
def send_indices_round_up(_data: Any, index: Any) -> Any:
    """An index with a fraction is rounded up."""
    if isinstance(index, float) and abs(index) < 1e9:
        return math.ceil(index)
    return index


@FAULTS.fault("tcp:send", detected_by="tcp/send/range-of-other-numbers")
@refuses_argument(3)
def send_indices_want_whole_numbers(index: Any) -> object:
    """An index with a fraction raises."""
    return isinstance(index, float) and not index.is_integer()


@FAULTS.fault("tcp:send", detected_by="tcp/send/range")
def send_first_place_of_zero_is_the_last(
    original: Original, obj: Any, data: Any = None, first: Any = 1, *rest: Any
) -> Values:
    """A first index of 0 is the last byte."""
    return original(obj, data, -1 if first == 0 and first is not False else first, *rest)


@FAULTS.fault("tcp:send", detected_by="tcp/send/range-of-a-long-string")
def negative_indices_have_sixteen_bits(original: Original, obj: Any, data: Any = None, *indices: Any) -> Values:
    """The index that a negative one stands for is computed with 16 bits."""
    length = len(data) if isinstance(data, bytes) else 0
    chosen = (
        (length + int(index) + 1) % 2**16 if is_number(index) and -length <= index < 0 else index for index in indices
    )
    return original(obj, data, *chosen)


@FAULTS.fault("tcp:send", detected_by="tcp/send/range-of-a-long-string/j-beyond")
def end_of_a_long_string_has_sixteen_bits(
    original: Original, obj: Any, data: Any = None, i: Any = None, j: Any = None, *_rest: Any
) -> Values:
    """A j beyond the end becomes the length in 16 bits."""
    if isinstance(data, bytes) and is_number(j) and j > len(data) > 2**15:
        return original(obj, data, i, len(data) % 2**16)
    return original(obj, data, i, j)


@FAULTS.fault("tcp:send", detected_by="tcp/send/peer-has-reset")
@changes_indices
def send_indices_count_from_zero(_data: Any, index: Any) -> Any:
    """Indices count from 0."""
    if is_number(index) and index >= 0:
        return index + 1
    return index


@FAULTS.fault("tcp:send", detected_by="tcp/send/range")
def send_last_place_is_excluded(original: Original, obj: Any, data: Any = None, first: Any = 1, *last: Any) -> Values:
    """The byte at the last index is not sent."""
    return original(obj, data, first, *(value - 1 if is_number(value) and value > 0 else value for value in last))


@FAULTS.fault("tcp:send", detected_by="tcp/send/range")
def send_last_place_is_a_length(original: Original, obj: Any, data: Any = None, first: Any = 1, *last: Any) -> Values:
    """The last index is taken for a number of bytes."""
    if last and is_number(last[0]) and is_number(first) and last[0] > 0 and first > 0:
        last = (first + last[0] - 1, *last[1:])
    return original(obj, data, first, *last)


@FAULTS.fault("tcp:send", detected_by="tcp/send/empty-range")
def send_empty_string_fails(original: Original, obj: Any, data: Any = None, *indices: Any) -> Values:
    """Sending the empty string fails."""
    if data == b"":
        return (None, b"nothing to send", 0)
    return original(obj, data, *indices)


@FAULTS.fault("tcp:send", detected_by="tcp/send/empty-range")
def send_empty_range_is_zero(original: Original, obj: Any, data: Any = None, *indices: Any) -> Values:
    """The index of an empty range is 0."""
    results = original(obj, data, *indices)
    if failed(results) or not indices or not isinstance(data, bytes) or (results[0] != (indices[0] or 1) - 1):
        return results
    return (0, None, None)


@FAULTS.fault("tcp:send", detected_by="tcp/send/on-a-closed-client")
def send_empty_range_needs_a_connection(original: Original, obj: Any, *args: Any) -> Values:
    """An empty range on a closed client fails."""
    if original.method(obj, "getfd") == (-1,):
        return (None, b"closed", 0)
    return original(obj, *args)


@FAULTS.fault("tcp:send", detected_by="tcp/send/whole-string")
def send_adds_a_line_feed(original: Original, obj: Any, data: Any = None, *indices: Any) -> Values:
    """A line feed follows."""
    return original(obj, data + b"\n" if isinstance(data, bytes) and not indices else data, *indices)


@FAULTS.fault("tcp:send", detected_by="tcp/send/bytes")
@changes_argument(2, bytes)
def send_expands_bytes_to_utf8(data: bytes) -> Any:
    """Each byte from 128 on becomes two."""
    return data.decode("latin-1").encode()


@FAULTS.fault("tcp:send", detected_by="tcp/send/bytes")
@changes_argument(2, bytes)
def send_ends_at_nul(data: bytes) -> Any:
    """Nothing is sent from the first NUL byte on."""
    return data.partition(b"\x00")[0]


@FAULTS.fault("tcp:send", detected_by="tcp/send/ten-megabytes-from-the-middle")
def send_sends_8192_bytes_at_most(original: Original, obj: Any, data: Any = None, *indices: Any) -> Values:
    """No more than 8192 bytes are sent."""
    return original(obj, data[:8192] if isinstance(data, bytes) else data, *indices)


@FAULTS.fault("tcp:send", detected_by="tcp/send/ten-megabytes-from-the-middle")
def send_sends_65536_bytes_at_most(original: Original, obj: Any, data: Any = None, *indices: Any) -> Values:
    """No more than 65536 bytes are sent."""
    return original(obj, data[:65536] if isinstance(data, bytes) else data, *indices)


@FAULTS.fault("tcp:send", detected_by="tcp/send/on-a-closed-client")
@changes_failure
def send_failure_returns_zero(results: Values) -> Values:
    """The index of a failure is 0."""
    return (*results[:2], 0)


@FAULTS.fault("tcp:send", detected_by="tcp/send/after-shutdown-again")
def send_failure_returns_a_count(original: Original, obj: Any, data: Any = None, first: Any = 1, *rest: Any) -> Values:
    """A failure has the number of bytes that were sent instead of an index."""
    results = original(obj, data, first, *rest)
    if failed(results) and is_number(first) and first > 1:
        return (*results[:2], results[2] - first + 1)
    return results


@FAULTS.fault("tcp:send", detected_by="tcp/send/timeout-then-empty")
def send_partial_is_a_success(original: Original, *args: Any) -> Values:
    """A timeout after some bytes is a success."""
    results = original(*args)
    if failed(results) and results[1] == b"timeout" and results[2]:
        return (results[2], None, None)
    return results


@FAULTS.fault("tcp:send", detected_by="tcp/send/after-shutdown")
@changes_failure
def send_reset_has_its_own_message(results: Values) -> Values:
    """The message is "Connection reset by peer"."""
    if results[1] == b"closed":
        return (None, b"Connection reset by peer", *results[2:])
    return results


@FAULTS.fault("tcp:send", detected_by="tcp/send/timeout-then-resumed")
def send_closes_on_failure(original: Original, obj: Any, *args: Any) -> Values:
    """A failure closes the socket."""
    results = original(obj, *args)
    if failed(results):
        original.method(obj, "close")
    return results


FAULTS.add(
    "send-takes-no-more-arguments",
    "An argument too many raises.",
    "tcp:send",
    refuses_more_than(4),
    detected_by="tcp/send/range-of-other-numbers",
)


@FAULTS.fault("tcp{client}:receive", "tcp{client}:send", detected_by="tcp/send/peer-has-reset")
def connect_failure_leaves_a_master(original: Original, obj: Any, *args: Any) -> Values:
    """After a failed connect, methods of clients raise."""
    if failed(original.method(obj, "getpeername")) and not is_closed(original, obj):
        raise original.api.LuaError(b"bad argument #1 to 'receive' (tcp{client} expected)")
    return original(obj, *args)


@FAULTS.fault("tcp:receive", "tcp:send", detected_by="tcp/send/half-closed-peer")
def half_closed_clients_are_closed(original: Original, obj: Any, *args: Any) -> Values:
    """The client cannot send after the peer has shut down its sending direction."""
    if original.name == "send" and original.memory.get(obj):
        return (None, b"closed", 0)
    results = original(obj, *args)
    if original.name == "receive" and failed(results) and results[1] == b"closed":
        original.memory[obj] = True
    return results


FAULTS.add(
    "send-succeeds-at-the-timeout",
    "At the timeout, send returns the number 0.",
    "tcp:send",
    returns_at_timeout(0, None, None),
    violates=("*:settimeout/fails-send", "client:send/timeout"),
    deadline=1.0,
)
