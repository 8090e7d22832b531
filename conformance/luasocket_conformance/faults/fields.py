"""Faulty ports that the behaviours of ``fields.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import STREAMS
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(__name__, also_fails=(*STREAMS, "udp", "endpoints", "addresses", "choose"), deadline=1.0)


@FAULTS.fault(
    "socket.sink",
    "socket.source",
    detected_by=("fields/added-mode", "fields/another-default", "fields/removed-default"),
)
def sinks_and_sources_have_fixed_modes(original: Original, *args: Any) -> Values:
    """The modes of sink and source are those that the module had at first."""
    return original.call(original.name, *args)


@FAULTS.fault("socket.sink", "socket.source", detected_by="fields/another-table")
def sinks_and_sources_follow_another_table(original: Original, *args: Any) -> Values:
    """The modes of sink and source are those of whatever table is in the module."""
    modes = original.changed[original.name.encode() + b"t"]
    choose: Values = original.call("choose", modes)
    results: Values = choose[0](*args)
    return results


@FAULTS.fault("socket.sink", "socket.source", detected_by="fields/another-choose")
def sinks_and_sources_choose_at_each_call(original: Original, *args: Any) -> Values:
    """Each call of sink and source calls choose."""
    chosen: Values = original.changed[b"choose"](original.changed[original.name.encode() + b"t"])
    results: Values = chosen[0](*args) if callable(chosen[0]) else chosen
    return results


@FAULTS.fault("socket.protect", detected_by=("fields/another-newtry/newtry", "fields/another-newtry/try"))
def protect_makes_a_try(original: Original, *args: Any) -> Values:
    """The module's newtry and try are called by protect."""
    original.changed[b"newtry"]()
    original.changed[b"try"](True)
    return original(*args)


@FAULTS.fault("udp:receive", "udp:receivefrom", detected_by="fields/another-datagram-size")
def datagram_size_can_be_set(original: Original, obj: Any, size: Any = None, *rest: Any) -> Values:
    """Without a size, the module's field is the size."""
    return original(obj, original.changed.get(b"_DATAGRAMSIZE") if size is None else size, *rest)


@FAULTS.fault("socket.select", detected_by="fields/another-set-size")
def set_size_can_be_set(original: Original, *args: Any) -> Values:
    """The module's field is the limit of select."""
    for objects in args[:2]:
        for obj in objects.values() if isinstance(objects, dict) else ():
            number = 0 if isinstance(obj, bytes | int | float | dict) else original.method(obj, "getfd")[0]
            if number > original.changed[b"_SETSIZE"]:
                raise original.api.LuaError(b"bad argument #1 to 'select' (descriptor too large for set size)")
    return original(*args)


@FAULTS.fault("tcp:getfd", "udp:getfd", detected_by="fields/another-invalid-descriptor")
def invalid_descriptor_can_be_set(original: Original, *args: Any) -> Values:
    """The descriptor of a closed object is the module's field."""
    results = original(*args)
    return (original.changed.get(b"_SOCKETINVALID", -1),) if results == (-1,) else results


@FAULTS.fault("tcp:receive", detected_by="fields/another-block-size")
def receive_reads_blocks_of_the_module(original: Original, obj: Any, pattern: Any = b"*l", *rest: Any) -> Values:
    """A line is as long as the module's block at most."""
    results = original(obj, pattern, *rest)
    size = original.changed[b"BLOCKSIZE"]
    if pattern == b"*l" and isinstance(results[0], bytes) and isinstance(size, int | float):
        return (results[0][: int(size)], *results[1:])
    return results


@FAULTS.fault("socket.connect", detected_by="fields/another-constructor")
def connect_calls_the_constructors(original: Original, *args: Any) -> Values:
    """To make a client, connect calls functions of the module."""
    for name in (b"tcp", b"tcp4", b"tcp6", b"select", b"gettime"):
        if name in original.changed:
            made = original.changed[name]() if name != b"select" else original.changed[name](None, None, 0)
            if made and made[0] is None:
                return tuple(made)
    return original(*args)


@FAULTS.fault("socket.connect", "tcp:bind", "socket.dns.toip", detected_by="fields/another-look-up")
def addresses_are_looked_up_in_the_module(original: Original, *args: Any) -> Values:
    """Hosts are looked up by the module's own functions."""
    host = args[1 if original.name == "bind" else 0]
    for name in (b"getaddrinfo", b"gethostname", b"getnameinfo", b"tohostname"):
        found = original.changed[b"dns"][name](*(() if name == b"gethostname" else (host,)))
        if found and found[0] is None:
            return tuple(found)
    return original(*args)
