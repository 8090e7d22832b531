"""Faulty ports that the behaviours of ``tcp/receive-number.yaml`` detect."""

from __future__ import annotations

import math
from typing import Any

from luasocket_conformance.faults.factories import (
    STREAMS,
    changes_argument,
    changes_failure,
    failed,
    is_number,
    refuses_argument,
)
from luasocket_conformance.faults.factories.receive import BLOCK, changes_long_data, for_counts, is_count
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(__name__, also_fails=STREAMS)


@FAULTS.fault("tcp:receive", violates="client:receive/number")
@changes_argument(2)
def receive_number_is_one_less(pattern: Any) -> Any:
    """One byte fewer is read."""
    if is_number(pattern) and pattern > 1:
        return pattern - 1
    return pattern


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-number/numeric-string")
@refuses_argument(2, b"invalid receive pattern")
def receive_wants_a_number_that_is_none(pattern: Any) -> object:
    """A string that holds a number is not a count."""
    return isinstance(pattern, bytes) and pattern.isdigit()


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-number/fraction-is-cut")
@changes_argument(2)
def receive_rounds_counts_up(pattern: Any) -> Any:
    """A count with a fraction is rounded up."""
    if isinstance(pattern, float) and abs(pattern) < 1e9:
        return math.ceil(pattern)
    return pattern


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-number/negative-raises")
@refuses_argument(2)
def receive_refuses_fractions(pattern: Any) -> object:
    """A count with a fraction raises."""
    return isinstance(pattern, float) and not pattern.is_integer()


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-number/negative-raises")
@changes_argument(2)
def receive_takes_negative_counts(pattern: Any) -> Any:
    """A negative count is 0."""
    if is_number(pattern) and pattern < 0:
        return 0
    return pattern


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-number/negative-raises")
@changes_argument(2)
def receive_negative_count_is_all(pattern: Any) -> Any:
    """A negative count reads until the end."""
    if is_number(pattern) and pattern < 0:
        return b"*a"
    return pattern


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-number/numeric-string")
@changes_argument(2)
def receive_takes_any_pattern_for_a_line(pattern: Any) -> Any:
    """A pattern that does not exist is a line."""
    if isinstance(pattern, bytes) and pattern[:2] not in (b"*l", b"*a") and not is_count(pattern):
        return b"*l"
    return pattern


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-number/partial-on-poll")
@for_counts
def receive_returns_what_is_there(original: Original, obj: Any, *args: Any) -> Values:
    """Fewer bytes than the count are a success."""
    results = original(obj, *args)
    if failed(results) and results[2]:
        return (results[2], None, None)
    return results


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-number/fraction-is-cut")
@for_counts
def each_received_byte_restarts_the_timeout(
    original: Original, obj: Any, pattern: Any, prefix: Any = None, *rest: Any
) -> Values:
    """Each byte that arrives restarts the timeout."""
    data, wanted = b"", float(pattern)
    if prefix is not None or not 1 <= wanted < 1e7:
        return original(obj, pattern, prefix, *rest)
    while len(data) < wanted:
        results = original(obj, 1)
        if failed(results):
            return (*results[:2], data)
        data += results[0]
    return data, None, None


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-number/partial-on-poll")
@for_counts
@changes_failure
def receive_partial_of_a_count_is_empty(results: Values) -> Values:
    """With a count, the partial result is empty."""
    return (*results[:2], b"")


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-number/zero")
@changes_argument(2)
def receive_count_of_zero_is_a_line(pattern: Any) -> Any:
    """A count of 0 reads a line."""
    if pattern == 0 and is_number(pattern):
        return b"*l"
    return pattern


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-number/around-the-buffer")
@changes_long_data
def receive_loses_a_byte_between_blocks(data: bytes) -> bytes:
    """Between two blocks a byte is lost."""
    return data[:BLOCK] + data[BLOCK + 1 :]


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-number/around-the-buffer")
@changes_long_data
def receive_repeats_a_byte_between_blocks(data: bytes) -> bytes:
    """Between two blocks a byte comes twice."""
    return data[:BLOCK] + data[BLOCK - 1 :]


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-number/partial-only-once")
def receive_ends_with_a_timeout(original: Original, obj: Any, *args: Any) -> Values:
    """After a timeout nothing is received."""
    if original.memory.get(obj):
        return (None, b"closed", b"")
    results = original(obj, *args)
    original.memory[obj] = failed(results) and results[1] == b"timeout"
    return results
