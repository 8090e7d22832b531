"""Faulty ports that the behaviours of ``tcp/receive-arguments.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import STREAMS, changes_argument, is_closed, never_raises, refuses_more_than
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(
    __name__,
    also_fails=(*STREAMS, "udp/names", "udp/options"),
)


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-arguments/unknown-pattern")
@changes_argument(2)
def receive_knows_patterns_without_the_asterisk(pattern: Any) -> Any:
    """The patterns "l" and "a" are known."""
    if pattern in (b"l", b"a"):
        return b"*" + pattern
    return pattern


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-arguments/unknown-pattern")
@changes_argument(2)
def receive_knows_patterns_in_capitals(pattern: Any) -> Any:
    """The patterns "*L" and "*A" are known."""
    if pattern in (b"*L", b"*A"):
        return pattern.lower()
    return pattern


FAULTS.add(
    "receive-returns-an-error-for-a-pattern",
    "A pattern that does not exist gives nil and a message.",
    "tcp:receive",
    never_raises(None, b"invalid receive pattern", b""),
    detected_by="tcp/receive-arguments/on-a-master",
)

FAULTS.add(
    "receive-refuses-more-arguments",
    "A fourth argument raises.",
    "tcp:receive",
    refuses_more_than(4),
    detected_by="tcp/receive-arguments/further-arguments",
)


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-arguments/pattern-of-wrong-type")
@changes_argument(2)
def receive_false_is_no_pattern_at_all(pattern: Any) -> Any:
    """The value false is taken for no pattern."""
    if pattern is False:
        return None
    return pattern


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-arguments/prefix-of-wrong-type")
@changes_argument(3)
def receive_false_is_no_prefix_at_all(prefix: Any) -> Any:
    """The value false is taken for no prefix."""
    if prefix is False:
        return None
    return prefix


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-arguments/on-a-master")
def tcp_closed_receives_no_buffer(original: Original, obj: Any, *args: Any) -> Values:
    """A closed object does not return buffered data."""
    if is_closed(original, obj):
        return (None, b"closed", b"")
    return original(obj, *args)
