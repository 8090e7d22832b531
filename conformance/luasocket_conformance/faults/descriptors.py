"""Faulty ports that the behaviours of ``descriptors.yaml`` detect."""

from __future__ import annotations

import os
from typing import Any

from luasocket_conformance.faults.factories import STREAMS, failed, keep, raises_failures
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(__name__, also_fails=(*STREAMS, "udp"), alone=True)

_TOO_MANY = b"Too many open files"


def _is_exhausted(results: Values) -> bool:
    return failed(results) and results[1] == _TOO_MANY


FAULTS.add(
    "constructors-raise-without-a-descriptor",
    "Without a free descriptor, tcp4, tcp6, udp4 and udp6 raise.",
    ("socket.tcp4", "socket.tcp6", "socket.udp4", "socket.udp6"),
    raises_failures,
    detected_by=("descriptors/ipv6-constructor", "descriptors/ipv4-constructor"),
    violates=("tcp6/error", "udp6/error"),
)

FAULTS.add(
    "constructors-of-rc1-raise-without-a-descriptor",
    "Without a free descriptor, tcp and udp, which make their sockets at once, raise.",
    ("socket.tcp", "socket.udp"),
    raises_failures,
    detected_by=("descriptors/constructor-with-a-socket",),
    violates=("tcp/error", "udp/error"),
    dialect="defold",
)


@FAULTS.fault("socket.tcp", "socket.udp", detected_by="descriptors/constructor-without-a-socket")
def every_constructor_makes_a_socket(original: Original, *args: Any) -> Values:
    """The functions tcp and udp fail without a free descriptor, though their sockets come later."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        return (None, _TOO_MANY)
    return original(*args)


def _raises_without_a_descriptor(original: Original, *args: Any) -> Values:
    results = original(*args)
    if _is_exhausted(results):
        raise original.api.LuaError(_TOO_MANY)
    return results


FAULTS.add(
    "late-socket-raises-without-a-descriptor",
    "Without a free descriptor, the methods that make a socket raise.",
    ("tcp:bind", "tcp:connect", "udp:setsockname", "udp:setpeername", "udp:sendto"),
    _raises_without_a_descriptor,
    detected_by=("descriptors/late-socket",),
)


@FAULTS.fault("socket.connect", detected_by="descriptors/connect-function")
def failed_connect_is_for_ever(original: Original, *args: Any) -> Values:
    """After a call without a free descriptor, socket.connect fails for ever."""
    if original.memory.get(original.api):
        return (None, _TOO_MANY)
    results = original(*args)
    original.memory[original.api] = _is_exhausted(results)
    return results


@FAULTS.fault("tcp{server}:accept", detected_by="descriptors/accept")
def failed_accept_closes_the_server(original: Original, obj: Any, *args: Any) -> Values:
    """An accept without a free descriptor closes the server."""
    results = original(obj, *args)
    if _is_exhausted(results):
        original.method(obj, "close")
    return results


@FAULTS.fault("tcp{client}:send", "tcp{client}:receive", detected_by="descriptors/connected-objects-go-on")
def each_call_needs_a_descriptor(original: Original, *args: Any) -> Values:
    """Each call of send and receive opens a descriptor."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        return (None, _TOO_MANY, None)
    return original(*args)


@FAULTS.fault("socket.bind", "socket.connect", "socket.connect4", detected_by="descriptors/failure-keeps-no-descriptor")
def failed_calls_leave_the_socket_to_the_collector(original: Original, *args: Any) -> Values:
    """A call of socket.bind or socket.connect that fails leaves its socket to the collection of garbage."""
    results = original(*args)
    if failed(results) and not _is_exhausted(results):
        keep(original, *original.call("tcp4"))
    return results


@FAULTS.fault("udp:sendto", detected_by="descriptors/late-socket")
def sendto_without_a_descriptor_has_sent(original: Original, obj: Any, data: Any = None, *args: Any) -> Values:
    """Without a free descriptor, a sendto that needs a socket returns the length of the datagram."""
    results = original(obj, data, *args)
    return (float(len(data)),) if _is_exhausted(results) else results


FAULTS.add(
    "helpers-raise-without-a-descriptor",
    "Without a free descriptor, socket.bind and socket.connect4 call a method of nil.",
    ("socket.bind", "socket.connect4"),
    _raises_without_a_descriptor,
    detected_by=("descriptors/function-of-the-helper/bind", "descriptors/function-of-the-helper/connect4"),
)
