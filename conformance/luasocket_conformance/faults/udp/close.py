"""Faulty ports that the behaviours of ``udp/close.yaml`` detect."""

from __future__ import annotations

from luasocket_conformance.faults.factories import changes_success, raises_the_second_time, returns_always
from luasocket_conformance.faults.factories.families import add_close_returns_true, add_more_arguments
from luasocket_conformance.faults.mechanism import Faults, Values

FAULTS = Faults(__name__, also_fails=("udp", "select", "helper", "module", "tcp/options", "tcp/states"), deadline=1.0)


FAULTS.add(
    "udp-close-does-nothing",
    "It returns 1, and the socket stays open.",
    "udp:close",
    returns_always(1),
    violates=(
        "unconnected:close/closes-socket",
        "unconnected:close/frees-address",
        "unconnected:close/no-operations",
        "connected:close/closes-socket",
        "connected:close/frees-address",
        "connected:close/no-operations",
    ),
)

FAULTS.add(
    "udp-second-close-raises",
    "Closing again raises.",
    "udp:close",
    raises_the_second_time,
    violates=("unconnected:close/again", "connected:close/again"),
)


@FAULTS.fault("udp:close", detected_by="udp/close/again")
@changes_success
def udp_close_returns_nothing(_results: Values) -> Values:
    """There is no result."""
    return ()


add_close_returns_true(FAULTS, "udp")
add_more_arguments(FAULTS, "udp", {"close": (1, "udp/close/arguments")})
