"""Faulty ports that the behaviours of ``udp/setpeername.yaml`` detect."""

from __future__ import annotations

import contextlib
import os
import socket
from typing import Any

from luasocket_conformance.faults.factories import (
    STREAMS,
    after_success,
    changes_argument,
    descriptor_number,
    failed,
    is_closed,
    is_number,
    refuses_argument,
    returns_always,
)
from luasocket_conformance.faults.factories.families import (
    add_more_arguments,
    add_result_shapes,
    add_returns_true,
    add_uses_after_close,
)
from luasocket_conformance.faults.factories.objects import disconnect_in_system
from luasocket_conformance.faults.factories.refusals import add_refusals
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(
    __name__,
    also_fails=(*STREAMS, "udp", "tcp/options", "tcp/states"),
    deadline=1.0,
)


FAULTS.add(
    "setpeername-does-nothing",
    "It returns 1, and there is no peer.",
    "udp:setpeername",
    returns_always(1),
    violates=(
        "udp/connects",
        "udp6/connects",
        "unconnected:setpeername/changes-peer",
        "unconnected:setpeername/class",
        "unconnected:setpeername/sends-to-peer",
        "unconnected:setpeername/filters",
        "unconnected:setpeername/must-*",
        "connected:setpeername/changes-peer",
        "connected:setpeername/sends-to-peer",
        "connected:setpeername/must-*",
        "connected:send/peer",
    ),
)


@FAULTS.fault(
    "udp:setpeername",
    violates=(
        "unconnected:setpeername/port",
        "unconnected:setpeername/sends-to-peer",
        "connected:setpeername/changes-peer",
    ),
)
@changes_argument(3)
def setpeername_goes_one_port_too_far(port: Any) -> Any:
    """The peer has the next port."""
    if is_number(port) and port < 65535:
        return port + 1
    return port


FAULTS.add(
    "setpeername-keeps-the-first-peer",
    "It returns 1, and the peer does not change.",
    "udp{connected}:setpeername",
    returns_always(1),
    violates=(
        "connected:setpeername/changes-peer",
        "connected:setpeername/disconnects",
        "connected:setpeername/class",
        "connected:setpeername/filters",
    ),
)

FAULTS.add(
    "setpeername-does-not-filter",
    "A connected object receives from every sender.",
    "udp:setpeername",
    after_success(disconnect_in_system),
    violates=("connected:receive/only-peer", "unconnected:setpeername/filters", "connected:setpeername/filters"),
)

FAULTS.add(
    "udp-connected-stays-unconnected",
    "A connected object still has the class of an unconnected one.",
    "udp{connected}:class",
    returns_always(b"udp{unconnected}"),
    detected_by="udp/setpeername/port-zero",
)


@FAULTS.fault("udp{connected}:setpeername", detected_by="udp/setpeername/same-peer-again")
@refuses_argument(2)
def setpeername_twice_fails(host: Any) -> object:
    """A connected object accepts no other peer."""
    return host != b"*"


def _drain(original: Original, obj: Any) -> None:
    block, _total = original.method(obj, "gettimeout")
    original.method(obj, "settimeout", 0)
    while not is_closed(original, obj) and not failed(original.method(obj, "receive")):
        pass
    original.method(obj, "settimeout", block)


@FAULTS.fault("udp:setpeername", detected_by="udp/setpeername/keeps-waiting-datagrams")
def setpeername_drops_what_came(original: Original, obj: Any, *args: Any) -> Values:
    """Datagrams that had arrived are lost."""
    _drain(original, obj)
    return original(obj, *args)


@FAULTS.fault("udp{connected}:setpeername", detected_by="udp/setpeername/unknown-host-keeps-the-peer")
def setpeername_failure_disconnects(original: Original, obj: Any, *args: Any) -> Values:
    """A failure disconnects the object."""
    results = original(obj, *args)
    if failed(results):
        original(obj, b"*")
    return results


@FAULTS.fault("udp:setpeername", detected_by="udp/setpeername/star-receives-from-any-sender")
def setpeername_star_keeps_the_peer_of_the_system(original: Original, obj: Any, *args: Any) -> Values:
    """The object is unconnected, but the system's socket keeps its peer."""
    with contextlib.ExitStack() as kept:
        peer = None
        if args[:1] == (b"*",) and (descriptor := descriptor_number(original, obj)) >= 0:
            same = kept.enter_context(socket.socket(fileno=os.dup(descriptor)))
            with contextlib.suppress(OSError):
                peer = same.getpeername()
        results = original(obj, *args)
        if peer is not None:
            same.connect(peer)
    return results


@FAULTS.fault(
    "udp:setpeername",
    detected_by=("udp/setpeername/disconnected-udp6-loses-its-port", "udp/setpeername/disconnected-udp6-can-be-bound"),
)
def setpeername_star_connects_udp6_to_zeros(original: Original, obj: Any, *args: Any) -> Values:
    """An IPv6 object is disconnected by a connect to ::, which the system takes for the loopback."""
    had = original.method(obj, "getsockname")
    results = original(obj, *args)
    if args[:1] == (b"*",) and not failed(had) and had[2] == b"inet6":
        with socket.socket(fileno=os.dup(descriptor_number(original, obj))) as same:
            same.connect(("::", 0))
    return results


add_refusals(
    FAULTS,
    "setpeername",
    "udp:setpeername",
    at=2,
    violates={
        "wants-names": "unconnected:setpeername/ip-address",
        "wants-addresses": "unconnected:setpeername/host-name",
    },
    detected_by={
        "knows-no-ipv6": "udp/setpeername/other-family",
        "wants-a-number": "udp/setpeername/bad-port",
    },
)

add_result_shapes(FAULTS, "udp:setpeername", "unconnected:setpeername", "connected:setpeername")
add_returns_true(FAULTS, "udp:setpeername", "unconnected:setpeername/returns", "connected:setpeername/returns")
add_more_arguments(FAULTS, "udp", {"setpeername": (3, "udp/setpeername/extra-arguments")})
add_uses_after_close(FAULTS, "udp", {"setpeername": "udp/setpeername/closed"})
