"""Faulty ports that the behaviours of ``tcp/connect.yaml`` detect."""

from __future__ import annotations

import os
import weakref
from typing import Any

from luasocket_conformance.faults.factories import (
    STREAMS,
    after_success,
    changes_argument,
    changes_result,
    changes_success,
    descriptor_number,
    failed,
    is_closed,
    refuses_argument,
    returns_always,
    rewords,
    stays_closed,
)
from luasocket_conformance.faults.factories.families import (
    add_missing_methods,
    add_more_arguments,
    add_result_shapes,
    add_returns_nothing,
    add_returns_true,
    add_uses_after_close,
)
from luasocket_conformance.faults.factories.objects import drop_buffer, ignores_timeouts, port_number
from luasocket_conformance.faults.factories.refusals import add_refusals
from luasocket_conformance.faults.factories.states import (
    after,
    digits_of,
    fails_with,
    from_call,
    mapped_without_v6only,
    on_another_socket,
    returns,
    take_descriptor,
    unmapped,
)
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(
    __name__,
    also_fails=(*STREAMS, "udp"),
)


FAULTS.add(
    "connect-does-nothing",
    "It returns 1, and nothing is connected.",
    "tcp:connect",
    returns_always(1),
    violates=(
        "master:connect/connects",
        "master:connect/becomes-client",
        "master:connect/client-*",
        "tcp/becomes-client",
        "tcp6/becomes-client",
    ),
    deadline=1.0,
)


@FAULTS.fault("tcp:connect", violates="master:connect/port-range")
@refuses_argument(3)
def connect_raises_for_a_bad_port(port: Any) -> object:
    """A negative port raises."""
    return port_number(port) < 0


FAULTS.add(
    "connect-refused-has-a-capital",
    'The message is the system\'s, "Connection refused".',
    "tcp:connect",
    rewords(b"connection refused", b"Connection refused"),
    detected_by="tcp/connect/refused",
)


@FAULTS.fault("tcp:connect", detected_by="tcp/connect")
def connect_needs_no_host(original: Original, obj: Any, host: Any = None, *rest: Any) -> Values:
    """Without a host, it is localhost."""
    return original(obj, b"localhost" if host is None else host, *rest)


@FAULTS.fault("tcp:connect", detected_by="tcp/connect/empty-address-is-not-localhost")
@changes_argument(2)
def connect_takes_nothing_for_localhost(host: Any) -> Any:
    """An empty host is localhost."""
    if host == b"":
        return b"localhost"
    return host


@FAULTS.fault("tcp:connect", detected_by="tcp/connect/brackets-are-no-part-of-an-address")
@changes_argument(2, bytes)
def connect_knows_brackets(host: bytes) -> Any:
    """IPv6 addresses may stand in brackets."""
    return host.strip(b"[]")


@FAULTS.fault("tcp:connect", detected_by="tcp/connect/server-connects")
def connect_twice_is_fine(original: Original, obj: Any, *args: Any) -> Values:
    """A connected object returns 1."""
    results = original(obj, *args)
    if results[1:] == (b"already connected",):
        return (1,)
    return results


@FAULTS.fault("tcp{client}:connect", detected_by="tcp/connect/when-connected")
def connect_reconnects(original: Original, obj: Any, *args: Any) -> Values:
    """A connected object is closed and connected again."""
    original.method(obj, "close")
    return original(obj, *args)


FAULTS.add(
    "connect-later-is-in-progress",
    'With timeout 0, the message is "Operation already in progress".',
    "tcp:connect",
    rewords(b"timeout", b"Operation already in progress"),
    detected_by="tcp/connect/timeout",
)


@FAULTS.fault("tcp:connect", detected_by="tcp/connect/timeout")
def connect_needs_no_answer(original: Original, obj: Any, *args: Any) -> Values:
    """With timeout 0, it returns 1 before there is a connection."""
    results = original(obj, *args)
    if results[1:] == (b"timeout",):
        return (1,)
    return results


@FAULTS.fault("tcp:connect", detected_by="tcp/connect/non-blocking-refused-seen-by-receive")
def connect_waits_in_any_case(original: Original, obj: Any, *args: Any) -> Values:
    """A timeout of 0 is ignored."""
    block, _total = original.method(obj, "gettimeout")
    if block != 0:
        return original(obj, *args)
    original.method(obj, "settimeout", -1)
    try:
        return original(obj, *args)
    finally:
        original.method(obj, "settimeout", block)


@FAULTS.fault("tcp:getpeername", detected_by="tcp/connect/host-name")
@changes_result(2)
def tcp_getpeername_port_is_one_too_high(port: Any) -> Any:
    """The port is one too high."""
    return port + 1


@FAULTS.fault("tcp:getpeername", detected_by="tcp/connect/host-name")
@changes_success
def tcp_getpeername_is_one_string(results: Values) -> Values:
    """Address and port are one string."""
    return (b"%s:%d" % results[:2],)


@FAULTS.fault("tcp:close", detected_by="tcp/connect/client-can-be-closed")
def tcp_close_resets(original: Original, obj: Any, *args: Any) -> Values:
    """Closing resets the connection."""
    original.method(obj, "setoption", b"linger", {b"on": True, b"timeout": 0})
    return original(obj, *args)


@FAULTS.fault("tcp:connect", detected_by="tcp/connect/again-keeps-the-figures")
@after_success
def connecting_resets_the_counts(original: Original, _results: Values, obj: Any, *_args: Any) -> None:
    """Connecting sets the counts to 0."""
    original.method(obj, "setstats", 0, 0)


@FAULTS.fault("tcp{client}:connect", detected_by="tcp/connect/again-keeps-the-buffer")
def connect_drops_the_buffer(original: Original, obj: Any, *args: Any) -> Values:
    """Connecting drops buffered data."""
    drop_buffer(original, obj)
    return original(obj, *args)


FAULTS.add(
    "closed-clients-stay-closed",
    "A closed client cannot connect again.",
    ("tcp:connect", "tcp:close"),
    stays_closed,
    detected_by="tcp/connect/closed-master",
)


@FAULTS.fault("tcp{client}:connect", detected_by="tcp/connect/while-in-progress")
def refused_clients_connect_again(original: Original, obj: Any, *args: Any) -> Values:
    """A client that was refused can connect again at once."""
    if failed(original.method(obj, "getpeername")):
        original.method(obj, "close")
    return original(obj, *args)


FAULTS.add(
    "timeout-limits-no-connect",
    "The timeout does not limit connect.",
    "tcp:connect",
    ignores_timeouts,
    detected_by="tcp/connect/timeout",
    deadline=1.0,
)


@FAULTS.fault("tcp:connect", detected_by="tcp/connect/again-leaves-nothing-behind", deadline=1.0, alone=True)
def connect_again_leaves_the_old_descriptor_open(original: Original, obj: Any, *args: Any) -> Values:
    """A second connect leaves the descriptor of a failed one open."""
    if original.memory.pop(obj, None) == "failed":
        descriptor = descriptor_number(original, obj)
        original.method(obj, "setfd", -1)
        if descriptor != -1:
            weakref.finalize(obj, os.close, descriptor)  # ours until the object is gone
    results = original(obj, *args)
    if failed(results):
        original.memory[obj] = "failed"
    return results


add_refusals(
    FAULTS,
    "connect",
    "tcp:connect",
    at=2,
    violates={
        "wants-names": "master:connect/ip-address",
        "wants-addresses": "master:connect/host-name",
        "knows-no-asterisk": "master:connect/any",
    },
    detected_by={
        "wants-no-service": "tcp/connect/unknown-service-message",
        "refuses-ports-beyond-65535": "tcp/connect/port-zero",
    },
)

add_result_shapes(FAULTS, "tcp:connect", "master:connect")
add_returns_true(FAULTS, "tcp:connect", "master:connect/returns")
add_returns_nothing(FAULTS, "tcp:connect", "master:connect/returns")
add_missing_methods(FAULTS, "tcp", {"setpeername": "tcp/connect/setpeername"})
add_more_arguments(FAULTS, "tcp", {"connect": (3, "tcp/connect/extra-arguments")})
add_uses_after_close(FAULTS, "tcp", {"connect": "tcp/connect/closed-master"})


@FAULTS.fault("tcp{master}:connect", detected_by="tcp/connect/host-name-in-capitals")
@refuses_argument(2)
def host_names_have_no_capitals(address: Any) -> object:
    """A host name with a capital letter is refused."""
    return isinstance(address, bytes) and address != address.lower()


# -- what a connection leaves behind


FAULTS.add(
    "connections-end-once-for-all",
    "A client that has read the end of a connection cannot receive from the next one.",
    "tcp{client}:receive",
    from_call(1, fails_with(b"closed"))(returns(None, b"closed", b"")),
    detected_by="tcp/connect/nothing-of-the-last-connection",
)

FAULTS.add(
    "clients-stay-shut-down",
    "A client that was shut down cannot send over its next connection.",
    ("tcp:shutdown", "tcp:send"),
    after("shutdown")(returns(None, b"closed", 0)),
    detected_by="tcp/connect/nothing-of-the-last-connection",
)

FAULTS.add(
    "refused-twice-is-closed",
    'The second refused connect of an object fails with "closed".',
    "tcp:connect",
    from_call(1, fails_with(b"connection refused"))(rewords(b"connection refused", b"closed")),
    detected_by="tcp/connect/refused-again-and-again",
)


@FAULTS.fault("tcp:connect", detected_by="tcp/connect/fraction-is-no-port")
@changes_argument(3)
def connect_reads_the_digits_of_a_port(port: Any) -> Any:
    """A port is what its first digits say."""
    return digits_of(port)


@FAULTS.fault("tcp:connect", detected_by="tcp/connect/family-stays-after-close")
def connect_of_the_closed_has_any_family(original: Original, obj: Any, *args: Any) -> Values:
    """A closed object is connected to an address of any family."""
    if not is_closed(original, obj):
        return original(obj, *args)
    return on_another_socket(original, obj, "connect", *args)


@FAULTS.fault("tcp:getfamily", detected_by="tcp/connect/family-stays-after-close")
def closed_objects_have_no_family(original: Original, obj: Any, *args: Any) -> Values:
    """The family of a closed object is "inet4"."""
    return (b"inet4",) if is_closed(original, obj) else original(obj, *args)


@FAULTS.fault("tcp:bind", "tcp:connect", detected_by="tcp/connect/local-address-is-not-kept", deadline=1.0)
def connect_binds_to_the_last_address(original: Original, obj: Any, *args: Any) -> Values:
    """A closed object is bound to its last address again, before it is connected."""
    if original.name == "bind":
        original.memory[obj] = args
    elif obj in original.memory and is_closed(original, obj):
        bound = original.call("tcp4")[0]
        original.method(bound, "bind", *original.memory[obj])
        take_descriptor(original, obj, bound)
    return original(obj, *args)


@FAULTS.fault("tcp:connect", detected_by="tcp/connect/mapped-address-with-v6only/tcp")
@changes_argument(2)
def connect_unmaps_addresses(address: Any) -> Any:
    """A mapped address is the IPv4 address in it."""
    return unmapped(address)


@FAULTS.fault("tcp:connect", detected_by="tcp/connect/mapped-address-with-v6only/tcp6")
def connect_to_a_mapped_address_is_not_v6only(original: Original, obj: Any, address: Any = None, *rest: Any) -> Values:
    """For a mapped address, "ipv6-v6only" is turned off."""
    if unmapped(address) != address:
        original.method(obj, "setoption", b"ipv6-v6only", False)
    return original(obj, address, *rest)


@FAULTS.fault("tcp:connect", detected_by="tcp/connect/mapped-address-without-v6only")
def mapped_addresses_are_refused(original: Original, obj: Any, address: Any = None, *rest: Any) -> Values:
    """A mapped address is refused."""
    if unmapped(address) != address:
        return (None, b"Network is unreachable")
    return original(obj, address, *rest)


FAULTS.add(
    "connect-maps-ipv4-addresses",
    'Without "ipv6-v6only", an object of tcp6 takes an IPv4 address in its mapped form.',
    "tcp:connect",
    mapped_without_v6only(2),
    detected_by="tcp/connect/ipv4-address-without-v6only",
)


@FAULTS.fault("tcp{server}:connect", detected_by="tcp/connect/of-a-server-leaves-its-address")
def servers_that_connect_are_closed(original: Original, obj: Any, *args: Any) -> Values:
    """A server that tries to connect is closed."""
    results = original(obj, *args)
    original.method(obj, "close")
    return results


@FAULTS.fault("tcp{client}:connect", detected_by="tcp/connect/refused-twice-with-a-family")
def second_refusal_gives_a_new_socket(original: Original, obj: Any, *args: Any) -> Values:
    """After a refusal that was not the first, the object connects with a new socket."""
    if original.memory.pop(obj, False):
        original.method(obj, "close")
    results = original(obj, *args)
    original.memory[obj] = results[1:2] == (b"connection refused",)
    return results
