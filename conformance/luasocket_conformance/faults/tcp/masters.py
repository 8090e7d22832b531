"""Faulty ports that the behaviours of ``tcp/masters.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import (
    STREAMS,
    changes_argument,
    failed,
    is_closed,
    refuses_argument,
)
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(__name__, also_fails=(*STREAMS, "sequences", "descriptors", "addresses", "errors"), deadline=1.0)


@FAULTS.fault("tcp{master}:settimeout", detected_by="tcp/masters/timeouts/of-tcp")
def mode_r_wants_a_descriptor(original: Original, obj: Any, *args: Any) -> Values:
    """On a master without a descriptor, the mode "r" raises an error."""
    if args[1:2] == (b"r",) and is_closed(original, obj):
        raise original.api.LuaError(b"bad argument #2 to 'settimeout' (invalid timeout mode)")
    return original(obj, *args)


@FAULTS.fault("tcp{master}:settimeout", detected_by="tcp/masters/timeouts")
def mode_cannot_be_nil(original: Original, obj: Any, *args: Any) -> Values:
    """A mode that is nil raises an error."""
    if len(args) > 1 and args[1] is None:
        raise original.api.LuaError(b"bad argument #2 to 'settimeout' (string expected, got nil)")
    return original(obj, *args)


@FAULTS.fault("tcp{master}:listen", detected_by="tcp/masters/becomes-server/listen-failed")
def listen_that_failed_fails_again(original: Original, obj: Any, *args: Any) -> Values:
    """Once listen has failed, it always fails."""
    results = original.memory.get(obj) or original(obj, *args)
    if failed(results):
        original.memory[obj] = results
    return results


@FAULTS.fault("socket.tcp6", detected_by="tcp/masters/made-again-and-again/tcp6")
def second_object_comes_with_nil(original: Original, *args: Any) -> Values:
    """From the second call on there is nil after the object."""
    made = original.memory.get(original.api)
    original.memory[original.api] = True
    results = original(*args)
    return (*results, None) if made and not failed(results) else results


@FAULTS.fault("tcp{master}:bind", "tcp{master}:getsockname", detected_by="tcp/masters/name-after-a-bind-that-failed")
def failed_bind_gives_a_name(original: Original, obj: Any, *args: Any) -> Values:
    """After a bind that has failed, the name is the address that was asked for."""
    results = original(obj, *args)
    if original.name == "bind":
        original.memory[obj] = (*args[:2], b"inet") if failed(results) else None
        return results
    asked = original.memory.get(obj)
    return asked if asked and failed(results) else results


@FAULTS.fault(
    "tcp{master}:bind", "tcp{master}:connect", "socket.connect", detected_by="tcp/masters/blank-before-an-address"
)
def blanks_are_stripped(original: Original, *args: Any) -> Values:
    """Blanks around an address are dropped."""
    return original(*(value.strip() if isinstance(value, bytes) else value for value in args))


@FAULTS.fault("tcp{master}:bind", "tcp{master}:connect", detected_by="tcp/masters/zeros-before-a-port")
@refuses_argument(3)
def port_begins_with_no_zero(port: Any) -> object:
    """A port with a zero in front is refused."""
    return isinstance(port, bytes) and len(port) > 1 and port.startswith(b"0")


@FAULTS.fault("tcp{master}:bind", detected_by="tcp/masters/becomes-server/of-tcp6")
def port_zero_over_ipv6_is_a_number(original: Original, obj: Any, *args: Any) -> Values:
    """For IPv6, the port "0" is refused."""
    if args[1:2] == (b"0",) and original.method(obj, "getfamily") == (b"inet6",):
        return (None, b"Servname not supported for ai_socktype")
    return original(obj, *args)


@FAULTS.fault("tcp{master}:settimeout", detected_by="tcp/masters/timeouts")
@changes_argument(2)
def negative_timeouts_are_minus_one(seconds: Any) -> Any:
    """Each negative timeout becomes -1."""
    return -1 if isinstance(seconds, int | float) and seconds < 0 else seconds


@FAULTS.fault("tcp{master}:bind", detected_by="tcp/masters/zero-is-any-address")
@refuses_argument(2)
def one_number_is_no_address(address: Any) -> object:
    """An address without a point or a colon is refused, if it is a number."""
    return isinstance(address, bytes) and address.isdigit()


@FAULTS.fault("tcp{client}:connect", detected_by="tcp/masters/other-family-after-a-refusal")
def family_stays_after_a_refusal(original: Original, obj: Any, *args: Any) -> Values:
    """After a connect that has failed, an address of the other family is refused."""
    over_ipv6 = original.method(obj, "getfamily") == (b"inet6",)
    if isinstance(args[0], bytes) and (b":" in args[0]) != over_ipv6:
        return (None, b"Address family not supported by protocol")
    return original(obj, *args)


@FAULTS.fault("tcp{master}:connect", detected_by="tcp/masters/any-address-over-ipv6/star")
def star_is_no_address_over_ipv6(original: Original, obj: Any, *args: Any) -> Values:
    """For IPv6, an object cannot connect to "*"."""
    if args[:1] == (b"*",) and original.method(obj, "getfamily") == (b"inet6",):
        return (None, b"host or service not provided, or not known")
    return original(obj, *args)


@FAULTS.fault("tcp{master}:getsockname", detected_by="tcp/masters/name-follows-the-descriptor/master")
def a_master_remembers_its_name(original: Original, obj: Any, *args: Any) -> Values:
    """A master without a descriptor has the name that it had before."""
    results = original(obj, *args)
    if not failed(results):
        original.memory[obj] = results
        return results
    kept: Values = original.memory.get(obj, results)
    return kept
