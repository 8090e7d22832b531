"""Faulty ports that the behaviours of ``udp/names.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import after_success, never_fails, never_raises
from luasocket_conformance.faults.factories.families import (
    add_missing_methods,
    add_more_arguments,
    add_other_names,
    add_uses_after_close,
    add_wrong_classes,
    add_wrong_names,
    other_address,
    other_family,
)
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(
    __name__, also_fails=("udp", "select", "inheritance", "helper", "module", "tcp/options", "tcp/states"), deadline=1.0
)


FAULTS.add(
    "udp-getsockname-never-fails",
    "An object without an address has 0.0.0.0.",
    "udp:getsockname",
    never_fails(b"0.0.0.0", 0, b"inet"),
    violates=("unconnected:getsockname/error", "connected:getsockname/error"),
)

FAULTS.add(
    "udp-getpeername-never-fails",
    "Without a peer the address is 0.0.0.0.",
    "udp:getpeername",
    never_fails(b"0.0.0.0", 0, b"inet"),
    violates=("connected:getpeername/error", "connected:getpeername/not-for-unconnected"),
)


@FAULTS.fault("socket.udp*", violates="unconnected:getsockname/unbound")
@after_success
def udp_objects_are_bound_at_once(original: Original, results: Values, *_args: Any) -> None:
    """A new object has a local address."""
    original.method(results[0], "setsockname", b"*", 0)


@FAULTS.fault("udp:getsockname", detected_by="udp/names/sockname-unbound-with-a-socket")
def udp_getsockname_fails_unbound(original: Original, obj: Any, *args: Any) -> Values:
    """Without an address it fails."""
    if original(obj, *args)[:1] == (b"0.0.0.0",) and original(obj, *args)[1] in (b"0", 0):
        return (None, b"not bound")
    return original(obj, *args)


FAULTS.add(
    "unconnected-getpeername-is-nil",
    "Without a peer it returns nil and a message instead of raising.",
    "udp:getpeername",
    never_raises(None, b"not connected"),
    detected_by="udp/names/peername-after-receiving",
)


@FAULTS.fault("socket.udp", detected_by="udp/names/sockname-unbound")
def udp_has_a_descriptor_at_once(original: Original, *args: Any) -> Values:
    """The function udp makes a socket of IPv4 at once."""
    return original.call("udp4", *args)


add_wrong_names(FAULTS, "udp")
add_wrong_classes(FAULTS, "udp", b"udp{unconnected}")
add_missing_methods(FAULTS, "udp", {"getpeername": "udp/names/peername-closed"})
add_more_arguments(
    FAULTS, "udp", {"getsockname": (1, "udp/names/extra-arguments"), "getpeername": (1, "udp/names/extra-arguments")}
)
add_uses_after_close(FAULTS, "udp", {"getsockname": "udp/names/sockname-closed"})


def _true(_port: Any) -> Any:
    return True


add_other_names(
    FAULTS,
    "udp:getpeername",
    address=(other_address, ("connected:getpeername/address",)),
    port=(_true, ("connected:getpeername/port",)),
    family=(other_family, ("connected:getpeername/family",)),
)
add_other_names(
    FAULTS,
    "udp:getsockname",
    address=(other_address, ("unconnected:getsockname/address", "connected:getsockname/address")),
    port=(
        _true,
        (
            "unconnected:getsockname/port",
            "unconnected:getsockname/port-number",
            "connected:getsockname/port",
            "connected:getsockname/port-number",
        ),
    ),
    family=(other_family, ("unconnected:getsockname/family", "connected:getsockname/family")),
)
