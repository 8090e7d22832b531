"""Faulty ports that the behaviours of ``udp/setsockname.yaml`` detect."""

from __future__ import annotations

import socket
from typing import Any

from luasocket_conformance.faults.factories import (
    changes_argument,
    is_number,
    never_fails,
    returns_always,
    stays_closed,
)
from luasocket_conformance.faults.factories.families import (
    add_more_arguments,
    add_result_shapes,
    add_returns_true,
    add_uses_after_close,
)
from luasocket_conformance.faults.factories.refusals import add_refusals
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(
    __name__, also_fails=("udp", "select", "inheritance", "helper", "module", "tcp/options", "tcp/states"), deadline=1.0
)


FAULTS.add(
    "udp-objects-stay-unbound",
    "An object that has sent has no address.",
    "udp{unconnected}:getsockname",
    returns_always(b"0.0.0.0", 0, b"inet"),
    violates=(
        "unconnected:getsockname/bound-by-sendto",
        "unconnected:setsockname/automatic",
        "unconnected:setsockname/ephemeral",
        "unconnected:setsockname/any",
    ),
)


@FAULTS.fault("udp:setsockname", violates=("unconnected:setsockname/binds", "unconnected:setsockname/error"))
@changes_argument(3)
def setsockname_takes_any_port(_port: Any) -> Any:
    """Whatever the port, a free one is taken."""
    return 0


FAULTS.add(
    "setsockname-never-fails",
    "It returns 1 even if nothing was bound.",
    "udp:setsockname",
    never_fails(1),
    violates=(
        "unconnected:setsockname/before-sending",
        "unconnected:setsockname/once",
        "unconnected:setsockname/unchangeable",
        "unconnected:setsockname/error",
    ),
)


FAULTS.add(
    "udp-closed-objects-bind-no-more",
    'A closed object that is bound gives "closed".',
    ("udp:setsockname", "udp:close"),
    stays_closed,
    detected_by="udp/setsockname/closed",
)

add_refusals(
    FAULTS,
    "setsockname",
    "udp:setsockname",
    at=2,
    violates={
        "wants-names": "unconnected:setsockname/ip-address",
        "wants-addresses": "unconnected:setsockname/host-name",
        "knows-no-asterisk": "unconnected:setsockname/any",
        "wants-a-port": "unconnected:setsockname/ephemeral",
    },
    detected_by={
        "knows-no-ipv6": "udp/setsockname/other-family",
        "wants-a-number": "udp/setsockname/bad-port",
    },
)

add_result_shapes(FAULTS, "udp:setsockname", "unconnected:setsockname")
add_returns_true(FAULTS, "udp:setsockname", "unconnected:setsockname/returns")
add_more_arguments(FAULTS, "udp", {"setsockname": (3, "udp/setsockname/extra-arguments")})
add_uses_after_close(FAULTS, "udp", {"setsockname": "udp/setsockname/closed"})


@FAULTS.fault("udp:setsockname", detected_by="udp/setsockname/port-of-a-tcp-server")
def setsockname_minds_ports_of_tcp(
    original: Original, obj: Any, host: Any = None, port: Any = None, *rest: Any
) -> Values:
    """A port that is taken for TCP is in use for UDP, too."""
    if host == b"127.0.0.1" and is_number(port) and 0 < port < 65536:
        with socket.socket(type=socket.SOCK_STREAM) as probe:
            try:
                probe.bind((host.decode(), int(port)))
            except OSError:
                return (None, b"address already in use")
    return original(obj, host, port, *rest)
