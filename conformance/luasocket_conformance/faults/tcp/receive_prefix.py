"""Faulty ports that the behaviours of ``tcp/receive-prefix.yaml`` detect."""

from __future__ import annotations

import time
from typing import Any

from luasocket_conformance.faults.factories import (
    STREAMS,
    changes_argument,
    changes_result,
    failed,
    is_number,
    refuses_argument,
    takes_only,
)
from luasocket_conformance.faults.factories.receive import BLOCK, for_all, for_counts, for_lines
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(__name__, also_fails=(*STREAMS, "udp"))


FAULTS.add(
    "receive-ignores-the-prefix",
    "The prefix is ignored.",
    "tcp:receive",
    takes_only(2),
    violates="client:receive/prefix",
)


@FAULTS.fault(
    "tcp:receive",
    detected_by=("tcp/receive-prefix/before-the-partial", "tcp/receive-prefix/alone-at-timeout"),
    violates="client:receive/prefix",
)
def receive_loses_the_prefix_on_failure(
    original: Original, obj: Any, pattern: Any = b"*l", prefix: bytes = b"", *rest: Any
) -> Values:
    """The partial result lacks the prefix."""
    results = original(obj, pattern, prefix, *rest)
    return (*results[:2], results[2][len(prefix) :]) if failed(results) else results


@FAULTS.fault("tcp:receive", detected_by=("tcp/receive-prefix/counts", "tcp/receive-prefix/fills-the-count"))
def receive_does_not_count_the_prefix(
    original: Original, obj: Any, pattern: Any = b"*l", prefix: bytes = b"", *rest: Any
) -> Values:
    """The count does not include the prefix."""
    counts = isinstance(pattern, int) and isinstance(prefix, bytes)
    return original(obj, pattern + len(prefix) if counts else pattern, prefix, *rest)


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-prefix/long")
@for_lines
@changes_result(1)
def receive_line_has_8192_bytes_at_most(line: Any) -> Any:
    """A line ends after 8192 bytes."""
    return line[:8192]


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-prefix/long")
@for_lines
@changes_result(1)
def receive_line_has_65536_bytes_at_most(line: Any) -> Any:
    """A line ends after 65536 bytes."""
    return line[:65536]


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-prefix/long")
@changes_argument(2)
def receive_counts_up_to_65536(pattern: Any) -> Any:
    """A count is 65536 at most."""
    if is_number(pattern):
        return min(pattern, 65536)
    return pattern


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-prefix/long")
@for_all
@changes_result(1)
def receive_all_has_65536_bytes_at_most(data: Any) -> Any:
    """With "*a", bytes beyond 65536 are lost."""
    return data[:65536]


FAULTS.add(
    "receive-prefix-is-a-pattern-of-its-own",
    "A prefix that is a number raises.",
    "tcp:receive",
    refuses_argument(3)(is_number),
    detected_by="tcp/receive-prefix/number-becomes-string",
)


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-prefix/fills-the-count-without-waiting")
@for_counts
def receive_cuts_the_prefix(original: Original, obj: Any, pattern: Any, *args: Any) -> Values:
    """A prefix that is longer than the count is cut."""
    results = original(obj, pattern, *args)
    return results if failed(results) else (results[0][: int(pattern)], *results[1:])


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-prefix/any-byte")
def receive_prefix_comes_last(
    original: Original, obj: Any, pattern: Any = None, prefix: Any = b"", *rest: Any
) -> Values:
    """The prefix comes behind the data."""
    results = original(obj, pattern, prefix, *rest)
    if failed(results) or not isinstance(prefix, bytes):
        return results
    return (results[0][len(prefix) :] + prefix, *results[1:])


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-prefix/long")
@for_lines
def receive_line_needs_a_line_feed_in_its_block(original: Original, *args: Any) -> Values:
    """A line that is longer than a block is not found."""
    results = original(*args)
    if not failed(results) and len(results[0]) > BLOCK:
        return (None, b"closed", results[0])
    return results


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-prefix/counts")
def receive_keeps_its_prefix(
    original: Original, obj: Any, pattern: Any = None, prefix: Any = None, *rest: Any
) -> Values:
    """The prefix of one call is used for the next one, too."""
    if isinstance(prefix, bytes):
        original.memory[obj] = prefix
    return original(obj, pattern, original.memory.get(obj) if prefix is None else prefix, *rest)


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-prefix/alone-at-timeout")
def receive_timeout_loses_the_prefix(
    original: Original, obj: Any, pattern: Any = None, prefix: Any = None, *rest: Any
) -> Values:
    """At the timeout, the prefix is missing from the partial result."""
    results = original(obj, pattern, prefix, *rest)
    if failed(results) and results[1] == b"timeout" and isinstance(prefix, bytes):
        return (*results[:2], results[2][len(prefix) :])
    return results


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-prefix/alone-at-close")
def receive_closed_loses_the_prefix(
    original: Original, obj: Any, pattern: Any = None, prefix: Any = None, *rest: Any
) -> Values:
    """At the end of the connection, the prefix is missing from the partial result."""
    results = original(obj, pattern, prefix, *rest)
    if failed(results) and results[1] == b"closed" and isinstance(prefix, bytes):
        return (*results[:2], results[2][len(prefix) :])
    return results


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-prefix/fills-the-count-without-waiting")
@for_counts
def receive_count_that_the_prefix_fills_reads(
    original: Original, obj: Any, pattern: Any, prefix: Any = None, *rest: Any
) -> Values:
    """A count that the prefix already reaches reads a byte."""
    if isinstance(prefix, bytes) and prefix and float(pattern) <= len(prefix):
        return original(obj, len(prefix) + 1, prefix, *rest)
    return original(obj, pattern, prefix, *rest)


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-prefix/unchanged-in-a-line")
@for_lines
def receive_carriage_return_of_the_prefix_is_dropped(
    original: Original, obj: Any, pattern: Any, prefix: Any = None, *rest: Any
) -> Values:
    """Carriage returns are also dropped from the prefix."""
    return original(obj, pattern, prefix.replace(b"\r", b"") if isinstance(prefix, bytes) else prefix, *rest)


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-prefix/once-before-pieces", deadline=1.0)
def prefix_comes_again_after_each_wait(
    original: Original, obj: Any, pattern: Any = None, prefix: Any = None, *_rest: Any
) -> Values:
    """After each wait for more data the prefix is added again."""
    if not isinstance(prefix, bytes) or not prefix:
        return original(obj, pattern, prefix)
    block, _total = original.method(obj, "gettimeout")
    end = time.monotonic() + (block if block >= 0 else FAULTS.deadline)
    held = prefix
    original.method(obj, "settimeout", 0)
    try:
        while True:
            results = original(obj, pattern, held)
            if not failed(results) or results[1] != b"timeout" or time.monotonic() > end:
                return results
            if results[2] != held:
                held = prefix + results[2]
            time.sleep(0.001)  # the system is asked again, as often as not to be late
    finally:
        original.method(obj, "settimeout", block)


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-prefix/across-blocks")
def prefix_counts_for_each_block(
    original: Original, obj: Any, pattern: Any = b"*l", prefix: Any = b"", *rest: Any
) -> Values:
    """The prefix is subtracted from the count again for each whole block that is missing."""
    if is_number(pattern) and isinstance(prefix, bytes):
        missing = pattern - len(prefix)
        if missing > BLOCK:
            return original(obj, max(pattern - len(prefix), BLOCK + len(prefix)), prefix, *rest)
    return original(obj, pattern, prefix, *rest)


@FAULTS.fault(
    "tcp:receive",
    detected_by=(
        "tcp/receive-prefix/unchanged-beside-nothing/empty-line-*",
        "tcp/receive-prefix/partial-unchanged-beside-nothing",
    ),
)
@for_lines
def a_carriage_return_before_nothing_is_dropped(
    original: Original, obj: Any, pattern: Any, prefix: Any = None, *rest: Any
) -> Values:
    """Where nothing comes behind the prefix, its carriage return is one of the line."""
    results = original(obj, pattern, prefix, *rest)
    if not isinstance(prefix, bytes) or prefix not in results:
        return results
    return tuple(value.replace(b"\r", b"") if value == prefix else value for value in results)
