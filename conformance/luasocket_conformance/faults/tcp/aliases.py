"""Faulty ports that the behaviours of ``tcp/aliases.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import (
    STREAMS,
    after_success,
    failed,
    is_closed,
    raises_failures,
    rewords,
)
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(__name__, also_fails=(*STREAMS, "endpoints"), deadline=1.0)


@FAULTS.fault("tcp:setpeername", detected_by="tcp/aliases/peer-star")
def tcp_setpeername_disconnects(original: Original, obj: Any, address: Any = None, *args: Any) -> Values:
    """For TCP objects, too, setpeername with "*" disconnects."""
    return (1,) if address == b"*" else original(obj, address, *args)


@FAULTS.fault(
    "tcp:setpeername",
    "tcp:connect",
    detected_by=("tcp/aliases/peer-refuses/connect", "tcp/aliases/peer-refuses/setpeername"),
)
def refused_setpeername_is_for_ever(original: Original, obj: Any, *args: Any) -> Values:
    """Nothing can be connected once setpeername was refused."""
    if obj in original.memory:
        return (None, b"connection refused")
    results = original(obj, *args)
    if original.name == "setpeername" and failed(results) and results[1] == b"connection refused":
        original.memory[obj] = True
    return results


@FAULTS.fault("tcp:setpeername", detected_by=("tcp/aliases/peer-refuses", "tcp/aliases/peer-does-not-exist"))
def failed_setpeername_closes(original: Original, obj: Any, *args: Any) -> Values:
    """On an object whose setpeername has failed, the next one fails, too."""
    if obj in original.memory:
        return (None, b"closed")
    results = original(obj, *args)
    if failed(results) and results[1] != b"timeout":
        original.memory[obj] = True
    return results


FAULTS.add(
    "tcp-setpeername-raises",
    "A setpeername of TCP objects that fails raises.",
    "tcp:setpeername",
    raises_failures,
    detected_by=("tcp/aliases/peer-refuses", "tcp/aliases/peer-does-not-exist"),
)
FAULTS.add(
    "tcp-setpeername-in-progress",
    "A setpeername that times out says so in the words of the system.",
    "tcp:setpeername",
    rewords(b"timeout", b"Operation now in progress"),
    detected_by=("tcp/aliases/peer-without-waiting", "tcp/aliases/peer-that-does-not-answer"),
)


@FAULTS.fault("tcp:setpeername", detected_by="tcp/aliases/peer-keeps-the-rest")
@after_success
def tcp_setpeername_ends_the_timeout(original: Original, _results: Values, obj: Any, *_args: Any) -> None:
    """A successful setpeername sets the timeout to 0."""
    original.method(obj, "settimeout", 0)


@FAULTS.fault("tcp:setpeername", detected_by="tcp/aliases/peer-keeps-the-rest")
def tcp_setpeername_makes_a_socket(original: Original, obj: Any, *args: Any) -> Values:
    """Before it connects, setpeername closes the socket that the object has, as if for another peer."""
    if not is_closed(original, obj) and failed(original.method(obj, "getpeername")):
        original.method(obj, "close")
    return original(obj, *args)


FAULTS.add(
    "tcp-setsockname-raises",
    "A setsockname of TCP objects that fails raises.",
    "tcp:setsockname",
    raises_failures,
    detected_by=("tcp/aliases/name-in-use", "tcp/aliases/name-that-does-not-exist"),
)


@FAULTS.fault("tcp:setsockname", detected_by=("tcp/aliases/name-in-use", "tcp/aliases/name-that-does-not-exist"))
def tcp_setsockname_is_for_once(original: Original, obj: Any, *args: Any) -> Values:
    """On an object whose setsockname has failed, the next one fails, too."""
    if obj in original.memory:
        return (None, b"invalid argument")
    results = original(obj, *args)
    if failed(results):
        original.memory[obj] = True
    return results


@FAULTS.fault("tcp:setsockname", detected_by="tcp/aliases/name-of-any-address/star-over-ipv6")
def tcp_setsockname_knows_no_ipv6_star(original: Original, obj: Any, address: Any = None, *args: Any) -> Values:
    """For setsockname, "*" is the IPv4 loopback, or that of IPv6."""
    if address == b"*":
        address = b"::1" if original.method(obj, "getfamily") == (b"inet6",) else b"127.0.0.1"
    return original(obj, address, *args)
