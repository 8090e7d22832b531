"""Faulty ports that the behaviours of ``tcp/receive.yaml`` detect."""

from __future__ import annotations

import time
from typing import Any

from luasocket_conformance.faults.factories import (
    STREAMS,
    after_success,
    changes_argument,
    changes_result,
    failed,
    is_closed,
    is_number,
    replace_at,
    rewords,
)
from luasocket_conformance.faults.factories.objects import drop_buffer, returns_at_timeout
from luasocket_conformance.faults.factories.receive import BLOCK, for_all, for_counts
from luasocket_conformance.faults.mechanism import Faults, Mistake, Original, Values

FAULTS = Faults(
    __name__,
    also_fails=(*STREAMS, "udp"),
)


FAULTS.add(
    "receive-timeout-is-a-sentence",
    'The message is "Connection timed out".',
    "tcp:receive",
    rewords(b"timeout", b"Connection timed out"),
    violates="client:receive/timeout",
)

FAULTS.add(
    "receive-timeout-is-closed",
    'A timeout is reported as "closed".',
    "tcp:receive",
    rewords(b"timeout", b"closed"),
    violates="client:receive/timeout",
)


@FAULTS.fault("tcp:receive", detected_by="tcp/receive/reset-is-closed")
@for_all
def receive_all_has_an_end_of_its_own(original: Original, obj: Any, *args: Any) -> Values:
    """After the end, "*a" returns the empty string, as files do."""
    results = original(obj, *args)
    if failed(results) and results[1:] == (b"closed", b""):
        return (b"", None, None)
    return results


@FAULTS.fault("tcp:receive", detected_by="tcp/receive/data-before-close-are-not-lost")
@for_counts
def receive_count_is_one_block(original: Original, obj: Any, pattern: Any, *rest: Any) -> Values:
    """A count is a block at most."""
    return original(obj, min(float(pattern), BLOCK), *rest)


@FAULTS.fault("tcp:receive", detected_by="tcp/receive/mixed-patterns")
@for_counts
@changes_result(1)
def receive_count_drops_carriage_returns(data: Any) -> Any:
    """With a count, carriage returns are dropped."""
    return data.replace(b"\r", b"")


@FAULTS.fault(
    "tcp:receive",
    "tcp:send",
    detected_by=("tcp/receive/on-a-closed-object", "tcp/send/on-a-closed-client"),
    violates="client:close/no-operations",
)
def tcp_use_after_close_raises(original: Original, obj: Any, *args: Any) -> Values:
    """What is closed raises, instead of returning "closed"."""
    if is_closed(original, obj):
        raise original.api.LuaError(b"attempt to use a closed socket")
    return original(obj, *args)


@FAULTS.fault("tcp{client}:close", detected_by="tcp/receive/closing-keeps-the-buffer")
def tcp_close_drops_the_buffer(original: Original, obj: Any, *args: Any) -> Values:
    """Closing drops buffered data."""
    drop_buffer(original, obj)
    return original(obj, *args)


@FAULTS.fault(
    "*:settimeout",
    detected_by=("tcp/receive/waits-for-the-timeout", "tcp/connect/timeout", "tcp/accept/timeout"),
    deadline=1.0,
)
@changes_argument(2)
def timeout_is_in_milliseconds(seconds: Any) -> Any:
    """The timeout is taken as milliseconds."""
    if is_number(seconds):
        return seconds / 1000
    return seconds


FAULTS.add(
    "receive-succeeds-at-the-timeout",
    "At the timeout, receive returns the empty string.",
    ("tcp:receive", "udp:receive"),
    returns_at_timeout(b"", None, None),
    violates=(
        "*:settimeout/fails-receive",
        "client:receive/timeout",
        "connected:receive/error",
        "unconnected:receive/error",
    ),
    deadline=1.0,
)


@FAULTS.fault("tcp:receive", "tcp:settimeout", detected_by="tcp/receive/each-call-has-its-own-time", deadline=1.0)
def timeout_is_of_the_first_call(original: Original, obj: Any, *args: Any) -> Values:
    """The timeout applies to all calls together."""
    if original.name == "settimeout":
        original.memory.pop(obj, None)
        return original(obj, *args)
    block, _total = original.method(obj, "gettimeout")
    began = time.monotonic()
    if block > 0:
        original.method(obj, "settimeout", max(block - original.memory.get(obj, 0), 0))
    results = original(obj, *args)
    original.method(obj, "settimeout", block)
    original.memory[obj] = original.memory.get(obj, 0) + time.monotonic() - began
    return results


@FAULTS.fault("tcp:connect", detected_by="tcp/receive/blocks-by-default", deadline=1.0)
@after_success
def connected_clients_have_a_timeout(original: Original, _results: Values, obj: Any, *_args: Any) -> None:
    """Connecting sets a timeout."""
    original.method(obj, "settimeout", 0)


@FAULTS.fault("tcp:receive", detected_by="tcp/receive/other-pattern-after-a-partial-result")
def a_partial_line_is_returned_again(original: Original, obj: Any, *args: Any) -> Values:
    """A partial line comes again in the next result for another pattern."""
    results = original(obj, *args)
    partial = original.memory.pop(obj, b"")
    is_line = not args or args[0] in (None, b"*l")
    if is_line and results[1:2] == (b"timeout",):
        original.memory[obj] = results[2]
    elif partial and not is_line:
        return replace_at(results, 3 if failed(results) else 1, lambda data: partial + data)
    return results


def _cuts_partials(message: bytes) -> Mistake:
    """Return at most 32768 bytes behind the prefix as a partial result."""

    def mistake(original: Original, obj: Any, pattern: Any = None, prefix: Any = b"", *rest: Any) -> Values:
        results = original(obj, pattern, prefix, *rest)
        if not failed(results) or results[1] != message or not isinstance(prefix, bytes):
            return results
        return (*results[:2], prefix + results[2][len(prefix) :][-32768:])

    return mistake


for _message, _selector in ((b"closed", "tcp/receive/long-partial-at-the-end"),
                            (b"timeout", "tcp/receive/long-partial-at-timeout")):  # fmt: skip
    FAULTS.add(
        f"partial-of-{_message.decode()}-is-32-KiB",
        f'The partial result of "{_message.decode()}" is the last 32 KiB of it.',
        "tcp:receive",
        _cuts_partials(_message),
        detected_by=_selector,
    )


@FAULTS.fault(
    "tcp:receive",
    detected_by="tcp/receive/time-is-for-the-whole-call",
    deadline=6.0,
)
def each_byte_has_a_time_of_its_own(original: Original, obj: Any, pattern: Any = b"*l", *prefix: Any) -> Values:
    """Each byte that arrives restarts the timeout."""
    if prefix or not (is_number(pattern) or pattern in (b"*l", b"*a")) or pattern == 0:
        return original(obj, pattern, *prefix)
    received = bytearray()
    while not is_number(pattern) or len(received) < pattern:
        results = original(obj, 1)
        if failed(results):
            if results[1] == b"closed" and pattern == b"*a" and received:
                break
            return (None, results[1], bytes(received))
        if pattern == b"*l" and results[0] == b"\n":
            break
        received += b"" if pattern == b"*l" and results[0] == b"\r" else results[0]
    return (bytes(received), None, None)
