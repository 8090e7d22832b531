"""Faulty ports that the behaviours of ``tcp/close.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import (
    STREAMS,
    changes_success,
    is_closed,
    raises_the_second_time,
    returns_always,
)
from luasocket_conformance.faults.factories.families import (
    add_close_returns_true,
    add_more_arguments,
)
from luasocket_conformance.faults.mechanism import ABSENT, Faults, Original, Values

FAULTS = Faults(
    __name__,
    also_fails=(*STREAMS, "udp/names", "udp/options"),
)


FAULTS.add(
    "tcp-close-does-nothing",
    "It returns 1, and the socket stays open.",
    "tcp:close",
    returns_always(1),
    violates=(
        "master:close/closes-socket",
        "master:close/frees-address",
        "master:close/no-operations",
        "client:close/closes-socket",
        "client:close/frees-address",
        "client:close/no-operations",
        "server:close/closes-socket",
        "server:close/frees-address",
        "server:close/no-operations",
    ),
    deadline=1.0,
)

FAULTS.add(
    "masters-cannot-be-closed",
    "A master has no method close.",
    "tcp{master}:close",
    ABSENT,
    violates=("tcp/close", "tcp6/close"),
)


@FAULTS.fault("tcp:close", detected_by=("tcp/close/returns-one", "tcp/close/again"))
@changes_success
def tcp_close_returns_nothing(_results: Values) -> Values:
    """There is no result, instead of 1."""
    return ()


FAULTS.add(
    "tcp-second-close-raises",
    "Closing again raises.",
    "tcp:close",
    raises_the_second_time,
    detected_by="tcp/close/again",
    violates=("master:close/again", "client:close/again", "server:close/again"),
)


@FAULTS.fault("tcp:close", detected_by="tcp/close/keeps-the-class")
def tcp_second_close_fails(original: Original, obj: Any, *args: Any) -> Values:
    """Closing again gives nil and "closed"."""
    if is_closed(original, obj):
        return (None, b"closed")
    return original(obj, *args)


add_close_returns_true(FAULTS, "tcp")
add_more_arguments(FAULTS, "tcp", {"close": (1, "tcp/close/extra-arguments")})
