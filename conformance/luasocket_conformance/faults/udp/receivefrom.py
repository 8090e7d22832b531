"""Faulty ports that the behaviours of ``udp/receivefrom.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import (
    STREAMS,
    changes_argument,
    changes_failure,
    changes_result,
    changes_success,
    failed,
    is_number,
    is_one_of,
    refuses_argument,
    rewords,
    takes_only,
)
from luasocket_conformance.faults.factories.families import add_more_arguments, add_named_port_is_zero
from luasocket_conformance.faults.factories.objects import (
    empty_datagram,
    ends_datagram_at_nul,
    fills_datagram,
    ignores_timeouts,
    keeps_rest_of_datagram,
    returns_at_timeout,
)
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(
    __name__,
    also_fails=(*STREAMS, "udp", "tcp/options", "tcp/states"),
    deadline=1.0,
)


@FAULTS.fault("udp:receivefrom", violates="unconnected:receivefrom/error")
@changes_failure
def udp_receivefrom_failure_is_false(results: Values) -> Values:
    """The first result of a failure is false."""
    return (False, *results[1:])


@FAULTS.fault("udp:receivefrom", violates="unconnected:receivefrom/no-port")
@changes_failure
def udp_receivefrom_failure_has_a_port(results: Values) -> Values:
    """A failure has 0 as its port."""
    return (*results[:2], 0)


@FAULTS.fault("udp:receivefrom", violates=("unconnected:receivefrom/address", "unconnected:receivefrom/port"))
@changes_success
def receivefrom_swaps_address_and_port(results: Values) -> Values:
    """The port comes before the address."""
    return (results[0], *reversed(results[1:]))


@FAULTS.fault("udp:receivefrom", violates=("unconnected:receivefrom/address", "unconnected:receivefrom/port"))
def receivefrom_returns_itself(original: Original, obj: Any, *args: Any) -> Values:
    """The address is that of the receiver."""
    results = original(obj, *args)
    if failed(results):
        return results
    return (results[0], *original.method(obj, "getsockname")[:2])


@FAULTS.fault("udp:receive", "udp:receivefrom", detected_by="udp/receivefrom/default-size")
def udp_size_has_a_default_of_512(original: Original, obj: Any, size: Any = None, *rest: Any) -> Values:
    """Without a size, 512 bytes are received."""
    return original(obj, 512 if size is None else size, *rest)


@FAULTS.fault("udp:receive", "udp:receivefrom", detected_by="udp/receivefrom/default-size")
def udp_size_has_a_default_of_1500(original: Original, obj: Any, size: Any = None, *rest: Any) -> Values:
    """Without a size, 1500 bytes are received."""
    return original(obj, 1500 if size is None else size, *rest)


@FAULTS.fault("udp:receive", "udp:receivefrom", detected_by="udp/receivefrom/default-size")
def udp_size_has_a_default_of_65536(original: Original, obj: Any, size: Any = None, *rest: Any) -> Values:
    """Without a size, a whole datagram is received."""
    return original(obj, 65536 if size is None else size, *rest)


@FAULTS.fault("udp:receive", "udp:receivefrom", detected_by="udp/receivefrom/negative-size")
@changes_argument(2)
def udp_negative_size_is_zero(size: Any) -> Any:
    """A negative size is 0."""
    if is_number(size) and size < 0:
        return 0
    return size


@FAULTS.fault("udp:receivefrom", detected_by="udp/receivefrom/port-is-a-number")
@changes_result(3)
def receivefrom_port_is_a_string(port: Any) -> Any:
    """The port is a string."""
    return str(port).encode()


@FAULTS.fault("udp:receivefrom", detected_by="udp/receivefrom/port-is-a-number")
@changes_success
def receivefrom_returns_the_family(results: Values) -> Values:
    """The family follows."""
    return (*results, b"inet")


@FAULTS.fault("udp:receivefrom", detected_by="udp/receivefrom/port-is-a-number")
@changes_success
def receivefrom_returns_one_string(results: Values) -> Values:
    """Address and port are one string."""
    return (results[0], b"%s:%d" % results[1:])


@FAULTS.fault("udp{connected}:receivefrom", detected_by="udp/receivefrom/not-for-connected")
def receivefrom_works_when_connected(original: Original, obj: Any, *args: Any) -> Values:
    """A connected object has receivefrom, too."""
    return (*original.method(obj, "receive", *args), *original.method(obj, "getpeername")[:2])


FAULTS.add(
    "udp-timeout-has-a-capital",
    'The message is "Timeout".',
    ("udp:receive", "udp:receivefrom"),
    rewords(b"timeout", b"Timeout"),
    detected_by="udp/receivefrom/timeout",
)


@FAULTS.fault("udp:receivefrom", detected_by="udp/receivefrom/size")
@changes_result(3)
def receivefrom_port_is_of_the_network(port: Any) -> Any:
    """The bytes of the port are swapped."""
    return (port & 255) << 8 | port >> 8


FAULTS.add(
    "receivefrom-succeeds-at-the-timeout",
    "At the timeout, receivefrom returns the empty string.",
    "udp:receivefrom",
    returns_at_timeout(b"", b"0.0.0.0", 0),
    violates=("*:settimeout/fails-receivefrom", "unconnected:receivefrom/error", "unconnected:receivefrom/no-port"),
)

FAULTS.add(
    "timeout-limits-no-datagrams",
    "The timeout does not limit receive and receivefrom of UDP.",
    ("udp:receive", "udp:receivefrom"),
    ignores_timeouts,
    detected_by="udp/receivefrom/timeout",
)

add_named_port_is_zero(FAULTS, "udp:receivefrom", 3, "udp/receivefrom/port-that-has-a-name")
add_more_arguments(FAULTS, "udp", {"receivefrom": (2, "udp/receivefrom/extra-arguments")})

FAULTS.add(
    "udp-receivefrom-wants-a-size",
    "Without a size it raises.",
    "udp:receivefrom",
    refuses_argument(2)(is_one_of(None)),
    violates="unconnected:receivefrom/size-optional",
)
FAULTS.add(
    "udp-receivefrom-ignores-the-size",
    "The whole datagram is returned.",
    "udp:receivefrom",
    takes_only(1),
    violates="unconnected:receivefrom/size",
)
FAULTS.add(
    "udp-receivefrom-keeps-the-rest",
    "Bytes beyond the size come with the next call.",
    "udp:receivefrom",
    keeps_rest_of_datagram,
    violates="unconnected:receivefrom/as-receive",
)
FAULTS.add(
    "udp-receivefrom-fills-the-size",
    "A short datagram is filled up with NUL bytes.",
    "udp:receivefrom",
    fills_datagram,
    violates="unconnected:receivefrom/size",
)
FAULTS.add(
    "udp-receivefrom-ends-at-nul",
    "A datagram ends at its first NUL byte.",
    "udp:receivefrom",
    changes_success(ends_datagram_at_nul),
    violates="unconnected:receivefrom/datagram",
)
FAULTS.add(
    "udp-receivefrom-is-always-empty",
    "Every datagram is empty.",
    "udp:receivefrom",
    changes_result(1)(empty_datagram),
    violates=("unconnected:receivefrom/as-receive", "unconnected:receivefrom/datagram"),
)


@FAULTS.fault("udp:receivefrom", detected_by="udp/receivefrom/empty-datagram-and-size/bound-*")
def empty_datagrams_of_a_size_are_timeouts(original: Original, obj: Any, size: Any = None, *rest: Any) -> Values:
    """With a size, a datagram of no bytes is a timeout."""
    results = original(obj, size, *rest)
    return (None, b"timeout") if results[0] == b"" and is_number(size) and size > 0 else results
