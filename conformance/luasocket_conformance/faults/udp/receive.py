"""Faulty ports that the behaviours of ``udp/receive.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import (
    STREAMS,
    changes_argument,
    changes_result,
    changes_success,
    failed,
    ignores_if,
    is_closed,
    is_number,
    is_one_of,
    refuses_argument,
    takes_only,
)
from luasocket_conformance.faults.factories.families import add_more_arguments, add_result_shapes, add_uses_after_close
from luasocket_conformance.faults.factories.objects import (
    empty_datagram,
    ends_datagram_at_nul,
    fills_datagram,
    keeps_rest_of_datagram,
)
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(
    __name__,
    also_fails=(*STREAMS, "udp", "tcp/options", "tcp/states"),
    deadline=1.0,
)


def _is_unconnected(original: Original, obj: Any) -> bool:
    return bool(original.api.index(obj, "class") == b"udp{unconnected}") and not is_closed(original, obj)


@FAULTS.fault("udp:receive", "udp:receivefrom", violates="unconnected:receive/any-host")
def udp_receive_knows_the_first_sender_only(original: Original, obj: Any, *args: Any) -> Values:
    """Datagrams of other senders than the first are lost."""
    with_sender = original.method(obj, "receivefrom", *args) if _is_unconnected(original, obj) else original(obj, *args)
    if failed(with_sender) or len(with_sender) < 3:
        return with_sender
    first = original.memory.setdefault(obj, with_sender[1:])
    if first != with_sender[1:]:
        return (None, b"timeout")
    return with_sender if original.name == "receivefrom" else with_sender[:1]


@FAULTS.fault("udp:receive", detected_by="udp/receive/waits")
@changes_success
def udp_receive_returns_three(results: Values) -> Values:
    """Two nils follow."""
    return (*results, None, None)


@FAULTS.fault("udp:receive", "udp:receivefrom", detected_by="udp/receive/empty-datagram-with-size")
@changes_success
def udp_empty_datagram_is_closed(results: Values) -> Values:
    """An empty datagram is reported as "closed"."""
    if results[:1] == (b"",):
        return (None, b"closed")
    return results


@FAULTS.fault("udp:receive", "udp:receivefrom", detected_by="udp/receive/before-first-use")
@changes_success
def udp_empty_datagram_is_nil(results: Values) -> Values:
    """An empty datagram is nil."""
    if results[:1] == (b"",):
        return (None, *results[1:])
    return results


@FAULTS.fault("udp:receive", "udp:receivefrom", detected_by="udp/receive/empty-datagram-with-size")
def udp_empty_datagram_is_passed_over(original: Original, *args: Any) -> Values:
    """Empty datagrams are skipped."""
    results = original(*args)
    if results[:1] == (b"",):
        return original(*args)
    return results


@FAULTS.fault("udp:receive", "udp:receivefrom", detected_by="udp/receive/size-between")
@changes_argument(2)
def udp_size_has_a_limit_of_8192(size: Any) -> Any:
    """No more than 8192 bytes are received."""
    if is_number(size):
        return min(size, 8192)
    return size


@FAULTS.fault("udp:receive", "udp:receivefrom", detected_by="udp/receive/size-zero")
@changes_argument(2)
def udp_size_of_zero_is_the_default(size: Any) -> Any:
    """A size of 0 is the default one."""
    if size == 0:
        return None
    return size


@FAULTS.fault("udp:receive", "udp:receivefrom", detected_by="udp/receive/size-zero-waits")
@ignores_if(b"")
def udp_size_of_zero_reads_nothing(_obj: Any, size: Any = None, *_rest: Any) -> object:
    """With a size of 0, the datagram stays."""
    return size == 0 and size is not False


@FAULTS.fault("udp:receive", "udp:receivefrom", detected_by="udp/receive/size")
@refuses_argument(2)
def udp_size_wants_a_number(size: Any) -> object:
    """A size that is a string raises."""
    return isinstance(size, bytes)


@FAULTS.fault("udp:receive", "udp:receivefrom", detected_by="udp/receive/size-of-a-wrong-type")
@changes_argument(2)
def udp_size_takes_patterns(size: Any) -> Any:
    """The size "*l" is a line."""
    if size in (b"*l", b"*a"):
        return None
    return size


@FAULTS.fault("udp:receive", "udp:receivefrom", detected_by="udp/receive/size")
def udp_cut_datagram_is_an_error(original: Original, obj: Any, size: Any = None, *rest: Any) -> Values:
    """A datagram that is longer than the size is an error."""
    results = original(obj, size, *rest)
    if not failed(results) and is_number(size) and (len(results[0]) == size) and size > 0:
        return (None, b"message too long")
    return results


def _others(original: Original, obj: Any) -> list[bytes]:
    block, _total = original.method(obj, "gettimeout")
    original.method(obj, "settimeout", 0)
    found = []
    while not is_closed(original, obj) and not failed(results := original.method(obj, "receive", 65507)):
        found.append(results[0])
    original.method(obj, "settimeout", block)
    return found


@FAULTS.fault("udp:receive", detected_by="udp/receive/one-at-a-time-with-size")
def udp_joins_datagrams(original: Original, obj: Any, *args: Any) -> Values:
    """Datagrams that wait are received as one."""
    results = original(obj, *args)
    return results if failed(results) else (results[0] + b"".join(_others(original, obj)),)


@FAULTS.fault("udp:receive", "udp:receivefrom", detected_by="udp/receive/any-bytes")
@changes_result(1)
def udp_receives_strings_as_utf8(data: Any) -> Any:
    """Each byte from 128 on becomes two."""
    return data.decode("latin-1").encode()


@FAULTS.fault("udp:receive", detected_by="udp/receive/one-at-a-time-with-size")
def udp_receives_the_last_first(original: Original, obj: Any, *args: Any) -> Values:
    """The last of several waiting datagrams comes first."""
    kept = original.memory.setdefault(obj, [])
    if kept:
        return (kept.pop(),)
    results = original(obj, *args)
    if failed(results):
        return results
    kept += [results[0], *_others(original, obj)]
    return (kept.pop(),)


@FAULTS.fault("udp{unconnected}:receive", detected_by="udp/receive/size")
def udp_receive_returns_the_sender(original: Original, obj: Any, *args: Any) -> Values:
    """The sender's address follows."""
    if not is_closed(original, obj):
        return original.method(obj, "receivefrom", *args)
    return original(obj, *args)


@FAULTS.fault("tcp:receive", "udp:receive", detected_by="udp/receive/timeout")
def timeout_is_gone_after_a_call(original: Original, obj: Any, *args: Any) -> Values:
    """The timeout is for the next call only."""
    results = original(obj, *args)
    original.method(obj, "settimeout", None)
    return results


add_result_shapes(FAULTS, "udp:receive", "unconnected:receive", "connected:receive")
add_more_arguments(FAULTS, "udp", {"receive": (2, "udp/receive/extra-arguments")})
add_uses_after_close(FAULTS, "udp", {"receive": "udp/receive/closed"})

FAULTS.add(
    "udp-receive-wants-a-size",
    "Without a size it raises.",
    "udp:receive",
    refuses_argument(2)(is_one_of(None)),
    violates=("unconnected:receive/size-optional", "connected:receive/size-optional"),
)
FAULTS.add(
    "udp-receive-ignores-the-size",
    "The whole datagram is returned.",
    "udp:receive",
    takes_only(1),
    violates=("unconnected:receive/size-cuts", "connected:receive/size-cuts"),
)
FAULTS.add(
    "udp-receive-keeps-the-rest",
    "Bytes beyond the size come with the next call.",
    "udp:receive",
    keeps_rest_of_datagram,
    violates=(
        "unconnected:receive/size-discards",
        "connected:receive/size-discards",
        "unconnected:receive/size-default",
        "connected:receive/size-default",
    ),
)
FAULTS.add(
    "udp-receive-fills-the-size",
    "A short datagram is filled up with NUL bytes.",
    "udp:receive",
    fills_datagram,
    violates=("unconnected:receive/size-shorter", "connected:receive/size-shorter"),
)
FAULTS.add(
    "udp-receive-ends-at-nul",
    "A datagram ends at its first NUL byte.",
    "udp:receive",
    changes_success(ends_datagram_at_nul),
    violates="unconnected:receive/datagram",
)
FAULTS.add(
    "udp-receive-is-always-empty",
    "Every datagram is empty.",
    "udp:receive",
    changes_result(1)(empty_datagram),
    violates=("unconnected:receive/datagram", "connected:receive/datagram"),
)


@FAULTS.fault("udp:receive", detected_by=("udp/receive/empty-datagram-and-size/*-65507",))
def empty_datagrams_of_a_size_are_skipped(original: Original, obj: Any, size: Any = None, *rest: Any) -> Values:
    """With a size, a datagram of no bytes is no datagram, and the next one is returned."""
    results = original(obj, size, *rest)
    return original(obj, size, *rest) if results == (b"",) and is_number(size) and size > 0 else results


@FAULTS.fault("udp:receive", detected_by="udp/receive/empty-datagram-and-size/connected-udp6-*")
def empty_datagrams_of_a_peer_over_ipv6_are_refusals(original: Original, obj: Any, *args: Any) -> Values:
    """Over IPv6, a datagram of no bytes from the peer is a refusal."""
    results = original(obj, *args)
    connected = original.api.index(obj, "class") == b"udp{connected}"
    over_ipv6 = original.method(obj, "getfamily") == (b"inet6",)
    return (None, b"refused") if results == (b"",) and connected and over_ipv6 else results
