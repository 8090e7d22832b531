"""Faulty ports that the behaviours of ``connect.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import (
    STREAMS,
    after_success,
    changes_argument,
    is_ipv6,
    is_one_of,
    never_raises,
    refuses_argument,
    refuses_more_than,
    takes_only,
)
from luasocket_conformance.faults.factories.families import add_missing_fields, add_result_shapes
from luasocket_conformance.faults.factories.refusals import add_refusals
from luasocket_conformance.faults.mechanism import ABSENT, Faults, Original, Values

FAULTS = Faults(
    __name__,
    also_fails=(*STREAMS, "udp"),
)


FAULTS.add(
    "shortcut-is-missing",
    "There is no socket.connect.",
    "socket.connect",
    ABSENT,
    violates=("master:connect/shortcut", "connect/connects"),
)


@FAULTS.fault("socket.connect", violates="connect/connects")
@after_success
def shortcut_returns_a_closed_client(original: Original, results: Values, *_args: Any) -> None:
    """The client of socket.connect is closed."""
    original.method(results[0], "close")


@FAULTS.fault("socket.connect", violates=("connect/locaddr", "connect/locport"))
def shortcut_has_no_local_end(
    original: Original, host: Any = None, port: Any = None, _host: Any = None, _port: Any = None, *rest: Any
) -> Values:
    """Local address and port are ignored."""
    return original(host, port, None, None, *rest)


@FAULTS.fault("socket.connect", violates="connect/locport")
@changes_argument(4)
def shortcut_has_no_local_port(_port: Any) -> Any:
    """The local port is ignored."""
    return None


FAULTS.add(
    "shortcut-wants-a-local-end",
    "Without a local address and port it raises.",
    "socket.connect",
    refuses_argument(3)(is_one_of(None)),
    violates="connect/local-optional",
)

FAULTS.add(
    "shortcut-has-no-family",
    "The family is ignored.",
    "socket.connect",
    takes_only(4),
    violates="connect/family-inet6",
)


@FAULTS.fault("socket.connect", violates=("connect/family-inet", "connect/family-inet6"))
@changes_argument(5)
def shortcut_swaps_families(family: Any) -> Any:
    """The families are swapped."""
    return {b"inet": b"inet6", b"inet6": b"inet"}.get(family, family)


FAULTS.add(
    "shortcut-wants-a-family",
    "Without a family it raises.",
    "socket.connect",
    refuses_argument(5)(is_one_of(None)),
    violates="connect/family-optional",
)


@FAULTS.fault("socket.connect", detected_by="connect/unknown-family")
@changes_argument(5)
def socket_connect_takes_any_family(family: Any) -> Any:
    """A family that does not exist is any."""
    if family in (b"inet", b"inet6", b"unspec", None):
        return family
    return b"unspec"


FAULTS.add(
    "socket-connect-returns-an-error-for-a-family",
    "A family that does not exist gives nil and a message.",
    "socket.connect",
    never_raises(None, b"invalid option"),
    detected_by="connect/unknown-family",
)


FAULTS.add(
    "socket-connect-takes-no-more-arguments",
    "A sixth argument raises.",
    "socket.connect",
    refuses_more_than(5),
    detected_by="connect/extra-arguments",
)


@FAULTS.fault("socket.connect", detected_by="connect/has-no-timeout")
@after_success
def socket_connect_has_a_timeout(original: Original, results: Values, *_args: Any) -> None:
    """The client of socket.connect has a timeout of 0."""
    original.method(results[0], "settimeout", 0)


@FAULTS.fault("socket.connect", detected_by="connect/options-of-the-client")
@after_success
def socket_connect_reuses_addresses(original: Original, results: Values, *_args: Any) -> None:
    """The client of socket.connect has "reuseaddr"."""
    original.method(results[0], "setoption", b"reuseaddr", True)


@FAULTS.fault("socket.connect", detected_by="connect/any-local-address", deadline=1.0)
@changes_argument(3)
def connect_from_star_is_ipv6(host: Any) -> Any:
    """The local address "*" of connect is that of IPv6."""
    if host == b"*":
        return b"::"
    return host


add_result_shapes(FAULTS, "socket.connect", "connect")
add_missing_fields(FAULTS, {"connect": "connect"})
add_refusals(FAULTS, "socket-connect", "socket.connect", at=1, detected_by={"wants-a-number": "connect/port-as-string"})


@FAULTS.fault("socket.connect", detected_by="connect/local-ipv6-address")
def local_address_is_ipv4_without_a_family(
    original: Original, address: Any = None, port: Any = None, local: Any = None, *rest: Any
) -> Values:
    """Without a family, the local address has to be an IPv4 one."""
    if is_ipv6(local) and (not rest[1:] or rest[1] in (None, b"unspec")):
        return (None, b"Address family for hostname not supported")
    return original(address, port, local, *rest)
