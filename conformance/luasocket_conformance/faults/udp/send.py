"""Faulty ports that the behaviours of ``udp/send.yaml`` detect."""

from __future__ import annotations

import time
from typing import Any

from luasocket_conformance.faults.factories import (
    after_success,
    changes_argument,
    changes_failure,
    failed,
    is_number,
    never_fails,
    refuses_argument,
)
from luasocket_conformance.faults.factories.families import (
    add_missing_methods,
    add_more_arguments,
    add_result_shapes,
    add_returns_true,
)
from luasocket_conformance.faults.factories.objects import disconnect_in_system
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(
    __name__, also_fails=("udp", "select", "inheritance", "helper", "module", "tcp/options", "tcp/states"), deadline=1.0
)


@FAULTS.fault(
    "udp:send",
    "udp:sendto",
    violates=(
        "connected:send/datagram",
        "unconnected:sendto/datagram",
        "connected:send/peer",
        "unconnected:sendto/address",
    ),
)
def udp_sending_does_nothing(original: Original, obj: Any, data: Any = None, *_rest: Any) -> Values:
    """It returns the length, and nothing is sent."""
    if isinstance(data, bytes):
        return (len(data),)
    return original(obj, data, *_rest)


_DEADLINE = 1.0


@FAULTS.fault(
    "udp:send",
    "udp:sendto",
    violates=(
        "connected:send/never-blocks",
        "unconnected:sendto/never-blocks",
        "connected:settimeout/send-never-blocks",
        "connected:settimeout/no-effect-on-send",
        "unconnected:settimeout/sendto-never-blocks",
        "unconnected:settimeout/no-effect-on-sendto",
    ),
)
def udp_sending_takes_its_time(original: Original, *args: Any) -> Values:
    """Sending waits."""
    results = original(*args)
    time.sleep(2 * _DEADLINE)
    return results


def _too_often(original: Original, obj: Any) -> bool:
    original.memory[obj] = original.memory.get(obj, 0) + 1
    return bool(original.memory[obj] > 4)


@FAULTS.fault("udp:send", "udp:sendto", violates=("connected:send/only-failure", "unconnected:sendto/only-failure"))
def udp_sending_waits_for_the_peer(original: Original, obj: Any, data: Any = None, *rest: Any) -> Values:
    """Sending fails if the datagrams are not read."""
    if _too_often(original, obj):
        return (None, b"timeout")
    return original(obj, data, *rest)


@FAULTS.fault("udp:send", "udp:sendto", violates=("connected:send/largest", "unconnected:sendto/largest"))
@refuses_argument(2)
def udp_sending_is_limited_to_8192(data: Any) -> object:
    """Longer datagrams are refused."""
    return isinstance(data, bytes) and len(data) > 8192


FAULTS.add(
    "sendto-failure-succeeds",
    "A failure returns the length.",
    ("udp:send", "udp:sendto"),
    never_fails(0),
    violates=("connected:send/error", "unconnected:sendto/error"),
)


@FAULTS.fault("udp:send", "udp:sendto", detected_by="udp/send/any-bytes")
@changes_argument(2, bytes)
def udp_sends_strings_as_utf8(data: bytes) -> Any:
    """Each byte from 128 on becomes two."""
    return data.decode("latin-1").encode()


FAULTS.add(
    "udp-sends-no-numbers",
    "A datagram that is a number raises.",
    ("udp:send", "udp:sendto"),
    refuses_argument(2)(is_number),
    detected_by="udp/send/number",
)


@FAULTS.fault("udp:receive", "udp:send", "udp:sendto", detected_by="udp/send/closed")
@changes_failure
def udp_refused_is_closed(results: Values) -> Values:
    """A refused datagram is reported as "closed"."""
    if results[1] in (b"refused", b"connection refused"):
        return (None, b"closed")
    return results


@FAULTS.fault("udp:send", "udp:sendto", detected_by="udp/send/too-large")
def udp_splits_large_datagrams(original: Original, obj: Any, data: Any = None, *rest: Any) -> Values:
    """A datagram that is too large is sent in parts."""
    if isinstance(data, bytes) and len(data) > 65507 and original(obj, data[:65507], *rest):
        return (len(data),)
    return original(obj, data, *rest)


@FAULTS.fault("udp:send", "udp:sendto", detected_by="udp/send/too-large")
@changes_argument(2, bytes)
def udp_cuts_large_datagrams(data: bytes) -> Any:
    """A datagram that is too large is cut."""
    return data[:65507]


@FAULTS.fault("udp:send", "udp:sendto", detected_by="udp/send/largest")
@changes_argument(2, bytes)
def udp_sends_8192_bytes_at_most(data: bytes) -> Any:
    """A datagram is cut to 8192 bytes."""
    return data[:8192]


@FAULTS.fault("udp:send", "udp:sendto", detected_by="udp/send/any-bytes")
@changes_argument(2, bytes)
def udp_send_ends_at_nul(data: bytes) -> Any:
    """A datagram ends at its first NUL byte."""
    return data.partition(b"\x00")[0]


@FAULTS.fault("udp:receive", "udp:send", "udp:sendto", detected_by="udp/send/refused-at-receive")
def udp_receive_closes_when_refused(original: Original, obj: Any, *args: Any) -> Values:
    """A refused datagram closes the object."""
    results = original(obj, *args)
    if failed(results) and results[1] in (b"refused", b"connection refused"):
        original.method(obj, "close")
    return results


@FAULTS.fault("udp{connected}:send", detected_by="udp/send/from-the-bound-address")
@after_success
def udp_peers_are_per_datagram(original: Original, results: Values, obj: Any, *_args: Any) -> None:
    """The peer is gone after a datagram was sent."""
    disconnect_in_system(original, results, obj)


add_result_shapes(FAULTS, "udp:send", "connected:send")
add_returns_true(FAULTS, "udp:send", "connected:send/returns")
add_missing_methods(FAULTS, "udp", {"send": "udp/send/wrong-type"})
add_more_arguments(FAULTS, "udp", {"send": (2, "udp/send/no-range")})
