"""Faulty ports that the behaviours of ``tcp/bind.yaml`` detect."""

from __future__ import annotations

import socket
from typing import Any

from luasocket_conformance.faults.factories import (
    STREAMS,
    changes_argument,
    changes_result,
    failed,
    is_closed,
    is_ipv4,
    is_ipv6,
    is_number,
    refuses_argument,
)
from luasocket_conformance.faults.factories.families import (
    add_missing_methods,
    add_more_arguments,
    add_result_shapes,
    add_returns_nothing,
    add_returns_true,
    add_uses_after_close,
)
from luasocket_conformance.faults.factories.objects import port_number, replaces_star
from luasocket_conformance.faults.factories.refusals import add_refusals
from luasocket_conformance.faults.factories.states import (
    after,
    digits_of,
    fails,
    fails_with,
    from_call,
    mapped_without_v6only,
    on_another_socket,
    options_belong_to_the_object,
    returns,
    take_descriptor,
    unmapped,
)
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(
    __name__,
    also_fails=(*STREAMS, "udp"),
)


@FAULTS.fault("tcp:bind", violates=("master:bind/binds", "master:bind/error"))
@changes_argument(3)
def bind_takes_any_port(_port: Any) -> Any:
    """Whatever the port, a free one is taken."""
    return 0


@FAULTS.fault("tcp:bind", violates="master:bind/binds")
@changes_argument(2)
def bind_takes_any_address(_address: Any) -> Any:
    """Whatever the address, all interfaces are bound."""
    return b"*"


@FAULTS.fault("tcp:bind", violates="master:bind/port-range")
@refuses_argument(3)
def bind_refuses_large_ports(port: Any) -> object:
    """Ports from 32768 on are refused."""
    return port_number(port) > 32767


@FAULTS.fault("tcp:bind", detected_by="tcp/bind/returns-one")
def bind_returns_the_address(original: Original, obj: Any, *args: Any) -> Values:
    """The results are address and port."""
    results = original(obj, *args)
    if failed(results):
        return results
    return original.method(obj, "getsockname")[:2]


@FAULTS.fault("tcp:bind", detected_by="tcp/bind/twice")
def bind_again_is_fine(original: Original, obj: Any, *args: Any) -> Values:
    """Binding again returns 1."""
    results = original(obj, *args)
    if results[1:] == (b"Invalid argument",):
        return (1,)
    return results


@FAULTS.fault("tcp:bind", detected_by="tcp/bind/arguments-of-a-wrong-type")
def bind_needs_no_port(original: Original, obj: Any, host: Any = None, port: Any = None, *rest: Any) -> Values:
    """Without a port, 0 is taken."""
    return original(obj, host, 0 if port is None else port, *rest)


@FAULTS.fault("tcp:bind", detected_by="tcp/bind/arguments-of-a-wrong-type")
def bind_needs_no_host(original: Original, obj: Any, host: Any = None, *rest: Any) -> Values:
    """Without a host, all interfaces are taken."""
    return original(obj, b"*" if host is None else host, *rest)


@FAULTS.fault("tcp:bind", detected_by="tcp/bind/address-that-cannot-be-resolved")
@changes_argument(2)
def bind_takes_nothing_for_all(host: Any) -> Any:
    """An empty host is every interface."""
    if host == b"":
        return b"*"
    return host


@FAULTS.fault("tcp:listen", detected_by="tcp/bind/any-address-reachable")
def listen_needs_an_address(original: Original, obj: Any, *args: Any) -> Values:
    """An unbound object cannot listen."""
    if failed(original.method(obj, "getsockname")) or original.method(obj, "getsockname")[0] == b"0.0.0.0":
        return (None, b"not bound")
    return original(obj, *args)


@FAULTS.fault("tcp:getsockname", "tcp:getpeername", detected_by="tcp/bind/any-address-of-tcp6")
@changes_result(1)
def tcp_getsockname_has_brackets(host: Any) -> Any:
    """IPv6 addresses are in brackets."""
    if is_ipv6(host):
        return b"[" + host + b"]"
    return host


@FAULTS.fault("tcp:getsockname", "tcp:getpeername", detected_by="tcp/bind/in-use")
@changes_result(1)
def tcp_getsockname_maps_ipv4(host: Any) -> Any:
    """IPv4 addresses are written as IPv6."""
    if is_ipv4(host):
        return b"::ffff:" + host
    return host


FAULTS.add(
    "star-is-ipv4",
    'The local address "*" is the one of IPv4 only.',
    ("tcp:bind", "udp:setsockname"),
    replaces_star(b"0.0.0.0"),
    detected_by=("tcp/bind/star-in-use", "udp/setsockname/star-in-use"),
    deadline=1.0,
)

add_refusals(
    FAULTS,
    "bind",
    "tcp:bind",
    at=2,
    violates={
        "wants-names": "master:bind/ip-address",
        "wants-addresses": "master:bind/host-name",
        "knows-no-asterisk": "master:bind/any",
        "wants-a-port": "master:bind/ephemeral",
    },
    detected_by={
        "wants-a-number": "tcp/bind/failed-stays-master",
        "wants-no-service": "tcp/bind/port-that-does-not-exist",
        "refuses-ports-beyond-65535": "tcp/bind/port-as-string",
    },
)

add_result_shapes(FAULTS, "tcp:bind", "master:bind")
add_returns_true(FAULTS, "tcp:bind", "master:bind/returns")
add_returns_nothing(FAULTS, "tcp:bind", "master:bind/returns")
add_missing_methods(FAULTS, "tcp", {"setsockname": "tcp/bind/setsockname"})
add_more_arguments(FAULTS, "tcp", {"bind": (3, "tcp/bind/extra-arguments")})
add_uses_after_close(FAULTS, "tcp", {"bind": "tcp/bind/closed-master"})


# -- after a failure, after close, and beside the other family


@FAULTS.fault("tcp:bind", detected_by="tcp/bind/fraction-is-no-port")
@changes_argument(3)
def bind_reads_the_digits_of_a_port(port: Any) -> Any:
    """A port is what its first digits say."""
    return digits_of(port)


@FAULTS.fault("tcp:bind", detected_by="tcp/bind/family-stays-after-close")
def bind_of_the_closed_has_any_family(original: Original, obj: Any, *args: Any) -> Values:
    """A closed master is bound to an address of any family."""
    if not is_closed(original, obj):
        return original(obj, *args)
    return on_another_socket(original, obj, "bind", *args)


FAULTS.add(
    "failed-bind-sets-the-family",
    "After a bind that has failed, the family is that of IPv4.",
    ("tcp:bind", "tcp:getfamily"),
    after("bind", fails)(returns(b"inet4")),
    detected_by="tcp/bind/family-of-an-object-of-tcp6-stays",
)


@FAULTS.fault("tcp:bind", "tcp:setsockname", detected_by="tcp/bind/family-of-an-object-of-tcp6-stays")
def failed_bind_closes(original: Original, obj: Any, *args: Any) -> Values:
    """A bind that fails closes the object."""
    results = original(obj, *args)
    if failed(results):
        original.method(obj, "close")
    return results


@FAULTS.fault("tcp:bind", detected_by="tcp/bind/other-family-after-an-address-in-use")
@from_call(1, fails_with(b"address already in use"))
def address_in_use_sets_the_family(original: Original, obj: Any, address: Any = None, *rest: Any) -> Values:
    """An object that found an IPv4 address in use cannot be bound to an IPv6 address."""
    if is_ipv6(address):
        return (None, b"Address family for hostname not supported")
    return original(obj, address, *rest)


@FAULTS.fault("tcp:bind", detected_by="tcp/bind/mapped-address-with-v6only/tcp")
@changes_argument(2)
def bind_unmaps_addresses(address: Any) -> Any:
    """A mapped address is the IPv4 address in it."""
    return unmapped(address)


@FAULTS.fault("tcp:bind", detected_by="tcp/bind/mapped-address-with-v6only/tcp6")
def bind_to_a_mapped_address_is_not_v6only(original: Original, obj: Any, address: Any = None, *rest: Any) -> Values:
    """For a mapped address, "ipv6-v6only" is turned off."""
    if unmapped(address) != address:
        original.method(obj, "setoption", b"ipv6-v6only", False)
    return original(obj, address, *rest)


@FAULTS.fault(
    "tcp{server}:getsockname", "tcp{master}:getsockname", detected_by="tcp/bind/mapped-address-without-v6only"
)
@changes_result(1)
def names_of_masters_are_not_mapped(address: Any) -> Any:
    """A mapped address in the name of a master is the IPv4 address in it."""
    return unmapped(address)


FAULTS.add(
    "bind-maps-ipv4-addresses",
    'Without "ipv6-v6only", an object of tcp6 takes an IPv4 address in its mapped form.',
    "tcp:bind",
    mapped_without_v6only(2),
    detected_by="tcp/bind/ipv4-address-without-v6only",
)


@FAULTS.fault("tcp:bind", "tcp:setoption", detected_by="tcp/bind/v6only-again-after-close")
def v6only_belongs_to_the_object(original: Original, obj: Any, *args: Any) -> Values:
    """The next socket of an object has the same "ipv6-v6only" as the last one."""
    if original.name == "setoption":
        if args[:1] == (b"ipv6-v6only",):
            original.memory[obj] = args
    elif obj in original.memory and is_closed(original, obj):
        take_descriptor(original, obj, original.call("tcp6")[0])
        original.method(obj, "setoption", *original.memory[obj])
    return original(obj, *args)


FAULTS.add(
    "bind-sets-the-options-again",
    "The next socket that an object is bound with has the options of the last one.",
    ("tcp:bind", "tcp:setoption"),
    options_belong_to_the_object,
    detected_by="tcp/bind/after-close-has-no-options",
)


@FAULTS.fault("tcp:bind", detected_by="tcp/bind/after-close-takes-another-address")
def bind_keeps_the_first_address(original: Original, obj: Any, *args: Any) -> Values:
    """An object is bound to the first address that it was bound to, each time."""
    return original(obj, *(original.memory.setdefault(obj, args[:1]) + args[1:]))


@FAULTS.fault("tcp:bind", detected_by="tcp/bind/v6only-stays-after-a-failure")
def failed_bind_sets_v6only(original: Original, obj: Any, *args: Any) -> Values:
    """A bind of an IPv6 object that fails turns "ipv6-v6only" on."""
    results = original(obj, *args)
    if failed(results) and original.method(obj, "getfamily") == (b"inet6",):
        original.method(obj, "setoption", b"ipv6-v6only", True)
    return results


@FAULTS.fault("tcp:bind", detected_by="tcp/bind/each-to-its-own-address/bind-name")
def address_of_a_name_is_that_of_the_next(original: Original, obj: Any, address: Any = None, *rest: Any) -> Values:
    """Once a name was bound, the next object is bound to the address of that name."""
    known = original.memory.setdefault(original.api, [])
    if address == b"localhost":
        known[:] = [b"127.0.0.1"]
    elif known and is_ipv4(address):
        address = known.pop()
    return original(obj, address, *rest)


@FAULTS.fault("tcp:bind", detected_by="tcp/bind/port-of-a-udp-socket")
def bind_minds_ports_of_udp(original: Original, obj: Any, host: Any = None, port: Any = None, *rest: Any) -> Values:
    """A port that is taken for UDP is in use for TCP, too."""
    if host == b"127.0.0.1" and is_number(port) and 0 < port < 65536:
        with socket.socket(type=socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((host.decode(), int(port)))
            except OSError:
                return (None, b"address already in use")
    return original(obj, host, port, *rest)
