"""Faulty ports that the behaviours of ``udp/sendto.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import (
    changes_argument,
    changes_success,
    ignores_if,
    is_number,
    is_one_of,
    raises_failures,
    refuses_argument,
    rewords,
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

FAULTS = Faults(__name__, also_fails=("udp", "select", "helper", "module", "tcp/options", "tcp/states"), deadline=1.0)


@FAULTS.fault("udp:sendto", violates="unconnected:sendto/no-host-names")
def sendto_resolves_names(original: Original, obj: Any, data: Any = None, host: Any = None, *rest: Any) -> Values:
    """A host name is looked up."""
    return original(obj, data, b"127.0.0.1" if host == b"localhost" else host, *rest)


@FAULTS.fault("udp:sendto", violates="unconnected:sendto/address")
@changes_argument(4)
def sendto_goes_elsewhere(port: Any) -> Any:
    """It sends to the next port."""
    if is_number(port) and port < 65535:
        return port + 1
    return port


@FAULTS.fault("udp:send", "udp:sendto", detected_by="udp/sendto/returns")
@changes_success
def udp_send_returns_three(results: Values) -> Values:
    """Two nils follow."""
    return (*results, None, None)


@FAULTS.fault("udp:send", "udp:sendto", detected_by="udp/sendto/each-call-a-datagram")
@ignores_if(0)
def udp_sends_no_empty_datagram(_obj: Any, data: Any = None, *_rest: Any) -> object:
    """An empty datagram is not sent, but 0 is returned."""
    return data == b""


FAULTS.add(
    "udp-refuses-an-empty-datagram",
    "An empty datagram raises.",
    ("udp:send", "udp:sendto"),
    refuses_argument(2)(is_one_of(b"")),
    detected_by="udp/sendto/each-call-a-datagram",
)


@FAULTS.fault("udp{connected}:sendto", detected_by="udp/sendto/not-for-connected")
def sendto_works_when_connected(original: Original, obj: Any, data: Any = None, *_args: Any) -> Values:
    """A connected object has sendto, too."""
    return original.method(obj, "send", data)


FAULTS.add(
    "udp-sendto-raises-for-an-address",
    "What is no address raises.",
    "udp:sendto",
    raises_failures,
    detected_by="udp/sendto/bad-address",
)

FAULTS.add(
    "udp-closed-objects-send-nothing",
    'A closed object that sends gives "closed", and does not open again.',
    ("udp:sendto", "udp:close"),
    stays_closed,
    detected_by="udp/sendto/closed-before-first-use",
)

add_result_shapes(FAULTS, "udp:sendto", "unconnected:sendto")
add_returns_true(FAULTS, "udp:sendto", "unconnected:sendto/returns")
add_more_arguments(FAULTS, "udp", {"sendto": (4, "udp/sendto/extra-arguments")})
add_uses_after_close(FAULTS, "udp", {"sendto": "udp/sendto/closed-before-first-use"})
add_refusals(FAULTS, "sendto", "udp:sendto", at=3, detected_by={"knows-no-ipv6": "udp/sendto/binds-udp6"})

FAULTS.add(
    "sendto-has-its-own-words-for-too-much",
    'The message for a datagram that is too large is "datagram too large".',
    "udp:sendto",
    rewords(b"Message too long", b"datagram too large"),
    detected_by="udp/sendto/too-large-message",
)
