"""Faulty ports that the behaviours of ``tcp/receive-all.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import STREAMS, changes_failure, changes_result, failed, rewords
from luasocket_conformance.faults.factories.receive import BLOCK, for_all, is_pattern
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(__name__, also_fails=STREAMS)


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-all/until-closed", violates="client:receive/all")
def receive_ends_all_with_closed(original: Original, obj: Any, pattern: Any = b"*l", *rest: Any) -> Values:
    """The pattern "*a" ends with nil, "closed" and the data, instead of the data."""
    results = original(obj, pattern, *rest)
    ended = is_pattern(pattern, b"*a") and not failed(results)
    return (None, b"closed", results[0]) if ended else results


@FAULTS.fault("tcp:receive", violates="client:receive/all-untranslated")
def receive_translates_all(original: Original, obj: Any, pattern: Any = b"*l", *rest: Any) -> Values:
    """The pattern "*a" converts each CR LF to a line feed."""
    results = original(obj, pattern, *rest)
    ended = is_pattern(pattern, b"*a") and not failed(results)
    return (results[0].replace(b"\r\n", b"\n"), *results[1:]) if ended else results


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-all/nothing-at-close")
def receive_takes_nothing_for_a_success(original: Original, obj: Any, pattern: Any = b"*l", *rest: Any) -> Values:
    """The pattern "*a" returns the empty string if nothing came before the end."""
    results = original(obj, pattern, *rest)
    empty = is_pattern(pattern, b"*a") and results == (None, b"closed", b"")
    return (b"", None, None) if empty else results


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-all/partial-on-poll")
@for_all
def receive_all_is_what_is_there(original: Original, obj: Any, *args: Any) -> Values:
    """The pattern "*a" does not wait for the end."""
    results = original(obj, *args)
    if failed(results) and results[2]:
        return (results[2], None, None)
    return results


FAULTS.add(
    "receive-timeout-is-wantread",
    'The message is "wantread".',
    "tcp:receive",
    rewords(b"timeout", b"wantread"),
    detected_by="tcp/receive-all/nothing-at-timeout",
)


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-all/partial-on-poll")
@for_all
@changes_failure
def receive_partial_of_all_is_empty(results: Values) -> Values:
    """With "*a", the partial result is empty."""
    return (*results[:2], b"")


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-all/partial-on-poll-long")
@changes_failure
def receive_partial_is_of_the_last_block(results: Values) -> Values:
    """A partial result has only the bytes of the last read."""
    return (*results[:2], results[2][-BLOCK:])


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-all/around-the-buffer")
@for_all
@changes_result(1)
def receive_all_is_one_block(data: Any) -> Any:
    """With "*a", no more than a block is returned."""
    return data[:BLOCK]


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-all/partial-taken-before-close")
@for_all
def receive_all_counts_the_prefix_as_data(
    original: Original, obj: Any, pattern: Any, prefix: Any = None, *rest: Any
) -> Values:
    """With "*a" and a prefix, the end without a byte is a success."""
    results = original(obj, pattern, prefix, *rest)
    if failed(results) and isinstance(prefix, bytes) and (results[1:] == (b"closed", prefix)):
        return (prefix, None, None)
    return results


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-all/any-byte")
@for_all
@changes_result(1)
def receive_all_drops_carriage_returns(data: Any) -> Any:
    """With "*a", carriage returns are dropped."""
    return data.replace(b"\r", b"")
