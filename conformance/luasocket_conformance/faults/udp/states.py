"""Faulty ports that the behaviours of ``udp/states.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import (
    after_success,
    changes_result,
    ignores_if,
    is_ipv4,
    is_one_of,
    refuses_argument,
    returns_always,
)
from luasocket_conformance.faults.factories.families import (
    add_missing_methods,
    add_setfd_returns_one,
    add_uses_after_close,
)
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(__name__, also_fails=("udp", "select", "helper", "module", "tcp/options", "tcp/states"), deadline=1.0)


FAULTS.add(
    "udp-dirty-is-nil", "The result is nil.", "udp:dirty", returns_always(None), detected_by="udp/states/sent-returns"
)

FAULTS.add(
    "udp-dirty-is-true", "The result is true.", "udp:dirty", returns_always(True), detected_by="udp/states/sent-returns"
)

FAULTS.add(
    "setpeername-knows-no-asterisk",
    'The address "*" is refused.',
    "udp:setpeername",
    refuses_argument(2)(is_one_of(b"*")),
    detected_by="udp/states/no-such-method",
)


@FAULTS.fault("udp:setpeername", detected_by="udp/states/connected-returns")
@ignores_if(1)
def setpeername_asterisk_does_nothing(_obj: Any, host: Any = None, *_rest: Any) -> object:
    """The address "*" returns 1 and does not disconnect."""
    return host == b"*"


def _missing(original: Original) -> Values:
    raise original.api.LuaError(b"bad argument #3 to 'setpeername' (string expected, got no value)")


@FAULTS.fault("udp:setpeername", detected_by="udp/states/no-such-method")
def setpeername_asterisk_wants_a_port(original: Original, obj: Any, host: Any = None, *rest: Any) -> Values:
    """The address "*" needs a port."""
    if host != b"*" or rest:
        return original(obj, host, *rest)
    return _missing(original)


@FAULTS.fault("udp:setpeername", detected_by="udp/states/disconnected-returns")
@after_success
def setpeername_asterisk_closes(original: Original, _results: Values, obj: Any, host: Any = None, *_rest: Any) -> None:
    """The address "*" closes the socket."""
    if host == b"*":
        original.method(obj, "close")


@FAULTS.fault("udp:setsockname", detected_by="udp/states/sent-returns")
def setsockname_binds_again(original: Original, obj: Any, *args: Any) -> Values:
    """Binding again returns 1."""
    results = original(obj, *args)
    if results[1:] == (b"Invalid argument",):
        return (1,)
    return results


@FAULTS.fault("udp{connected}:setpeername", detected_by="udp/states/disconnected-returns")
def disconnecting_takes_the_address_away(original: Original, obj: Any, host: Any = None, *rest: Any) -> Values:
    """Disconnecting loses the local address."""
    results = original(obj, host, *rest)
    if host == b"*":
        original.method(obj, "close")
        original.method(obj, "setsockname", b"*", 0)
    return results


@FAULTS.fault("udp{connected}:getsockname", detected_by="udp/states/connected-returns")
@changes_result(1)
def udp_peers_leave_the_address_open(host: Any) -> Any:
    """The local address of a connected object is 0.0.0.0."""
    if is_ipv4(host):
        return b"0.0.0.0"
    return b"::"


add_setfd_returns_one(FAULTS, "udp")
add_missing_methods(FAULTS, "udp", {"dirty": "udp/states/sent-returns", "setfd": "udp/states/setfd/fresh"})
add_uses_after_close(
    FAULTS,
    "udp",
    {
        "send": "udp/states/method-for-connected",
        "receivefrom": "udp/states/method-for-unconnected",
        "getfd": "udp/states/closed-connected-returns",
        "dirty": "udp/states/closed-connected-returns",
        "getfamily": "udp/states/closed-connected-returns",
        "getpeername": "udp/states/closed-connected-returns",
    },
)
