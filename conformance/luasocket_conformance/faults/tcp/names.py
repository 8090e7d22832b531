"""Faulty ports that the behaviours of ``tcp/names.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import (
    STREAMS,
    changes_failure,
    changes_result,
    failed,
    is_number,
    never_fails,
)
from luasocket_conformance.faults.factories.families import (
    add_missing_methods,
    add_more_arguments,
    add_named_port_is_zero,
    add_other_names,
    add_uses_after_close,
    add_wrong_classes,
    add_wrong_names,
    other_address,
    other_family,
)
from luasocket_conformance.faults.factories.refusals import add_refusals
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(
    __name__,
    also_fails=(*STREAMS, "udp"),
)


@FAULTS.fault("tcp{master}:getsockname", violates="master:getsockname/port")
@changes_result(2)
def master_getsockname_has_no_port(_port: Any) -> Any:
    """The port of a master is 0."""
    return 0


@FAULTS.fault(
    "tcp:getpeername",
    detected_by=("tcp/names", "tcp/connect/connects-to-that-address"),
    violates="client:getpeername/*",
)
def tcp_getpeername_is_the_own_name(original: Original, obj: Any, *_args: Any) -> Values:
    """The object's own address is returned."""
    return original.method(obj, "getsockname")


FAULTS.add(
    "tcp-getsockname-never-fails",
    "An object without an address has 0.0.0.0.",
    "tcp:getsockname",
    never_fails(b"0.0.0.0", 0, b"inet"),
    violates=("client:getsockname/error", "server:getsockname/error", "master:getsockname/error"),
)


@FAULTS.fault("tcp:getpeername", detected_by="tcp/names/peername-of-a-bound-master")
@changes_failure
def tcp_getpeername_of_the_unconnected_is_nil(_results: Values) -> Values:
    """Without a peer it returns nil alone."""
    return (None,)


@FAULTS.fault("tcp:getpeername", detected_by="tcp/names/peername-of-a-bound-master")
@changes_failure
def tcp_getpeername_message_is_closed(_results: Values) -> Values:
    """Without a peer the message is "closed"."""
    return (None, b"closed")


def _remembers(original: Original, obj: Any, *args: Any) -> Values:
    results = original(obj, *args)
    if not failed(results):
        original.memory[obj] = results
    kept: Values = original.memory.get(obj, results)
    return kept


FAULTS.add(
    "tcp-getpeername-remembers",
    "A client keeps the name of a peer that has left.",
    "tcp:getpeername",
    _remembers,
    detected_by="tcp/names/peername-forgotten-at-close",
)

FAULTS.add(
    "tcp-getsockname-remembers",
    "A closed object keeps its name.",
    "tcp:getsockname",
    _remembers,
    detected_by="tcp/names/sockname-closed",
)


@FAULTS.fault("tcp:getsockname", "tcp:getpeername", detected_by="tcp/names/sockname")
@changes_result(3)
def tcp_family_is_inet4(family: Any) -> Any:
    """The family of a name is "inet4"."""
    return {b"inet": b"inet4"}.get(family, family)


@FAULTS.fault("socket.tcp", detected_by="tcp/names/sockname-fresh-master")
def tcp_has_a_descriptor_at_once(original: Original, *args: Any) -> Values:
    """The function tcp makes a socket of IPv4 at once."""
    return original.call("tcp4", *args)


add_named_port_is_zero(FAULTS, "tcp:getpeername", 2, "tcp/names/port-that-has-a-name")
add_named_port_is_zero(FAULTS, "tcp:getsockname", 2, "tcp/names/port-that-has-a-name")
add_wrong_names(FAULTS, "tcp")
add_wrong_classes(FAULTS, "tcp", b"tcp{master}")
add_missing_methods(FAULTS, "tcp", {"getpeername": "tcp/names/peername-of-a-server"})
add_more_arguments(
    FAULTS, "tcp", {"getsockname": (1, "tcp/names/extra-arguments"), "getpeername": (1, "tcp/names/extra-arguments")}
)
add_uses_after_close(FAULTS, "tcp", {"listen": "tcp/names/class-listen-failed"})


def _previous_port(port: Any) -> Any:
    return port - 1 if is_number(port) else str(int(port) - 1).encode()


add_other_names(
    FAULTS,
    "tcp:getpeername",
    address=(other_address, ("client:getpeername/address",)),
    port=(_previous_port, ("client:getpeername/port",)),
    family=(other_family, ("client:getpeername/family",)),
)
add_other_names(
    FAULTS,
    "tcp:getsockname",
    address=(
        other_address,
        ("client:getsockname/address", "server:getsockname/address", "master:getsockname/address"),
    ),
    port=(_previous_port, ("client:getsockname/port", "server:getsockname/port")),
    family=(other_family, ("client:getsockname/family", "server:getsockname/family", "master:getsockname/family")),
)
add_missing_methods(FAULTS, "tcp", {"getsockname": "tcp/names/sockname"})
add_refusals(FAULTS, "connect", "tcp:connect", at=2, detected_by={"knows-no-ipv6": "tcp/names/peername-inet6"})
add_refusals(FAULTS, "bind", "tcp:bind", at=2, detected_by={"knows-no-ipv6": "tcp/names/sockname-inet6-server"})


@FAULTS.fault("tcp:tostring", detected_by=("tcp/names/address-stays/connects", "tcp/names/address-stays/listens"))
def tostring_shows_the_address_of_the_class(original: Original, obj: Any) -> Values:
    """Another class has another address."""
    (text,) = original(obj)
    return (text if b"{master}" in text else text[:-1] + (b"1" if text.endswith(b"0") else b"0"),)
