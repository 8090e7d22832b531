"""Faulty ports that the behaviours of ``tcp/descriptor.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import (
    STREAMS,
    changes_result,
    failed,
    is_closed,
    is_number,
    refuses_argument,
    returns_always,
)
from luasocket_conformance.faults.factories.families import add_getfd_is_a_string, add_missing_methods
from luasocket_conformance.faults.factories.objects import (
    drop_buffer,
    family_of_the_address,
    takes_the_family_of_its_descriptor,
)
from luasocket_conformance.faults.factories.states import after, fails_with, from_call
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(
    __name__,
    also_fails=(*STREAMS, "udp/names", "udp/options"),
)


@FAULTS.fault("tcp:getfd", violates="client:getfd/descriptor")
@changes_result(1)
def tcp_getfd_is_a_number_of_its_own(number: Any) -> Any:
    """The descriptor is not the one of the system."""
    if number == -1:
        return number
    return number + 1000


@FAULTS.fault("tcp:getfd", violates=("master:getfd/descriptor", "client:getfd/descriptor", "server:getfd/descriptor"))
@changes_result(1)
def tcp_getfd_is_negative(number: Any) -> Any:
    """The descriptor is less than 0."""
    return -1 - abs(number)


@FAULTS.fault("tcp:getfd", violates=("master:getfd/closed", "client:getfd/closed", "server:getfd/closed"))
@changes_result(1)
def tcp_getfd_of_the_closed_is_zero(number: Any) -> Any:
    """The descriptor of a closed object is 0."""
    return max(number, 0)


FAULTS.add(
    "tcp-setfd-does-nothing",
    "The descriptor stays.",
    "tcp:setfd",
    returns_always(),
    violates=("master:setfd/sets", "client:setfd/sets", "server:setfd/sets"),
    deadline=1.0,
)


_HELD = ("master", "client", "server")


@FAULTS.fault("tcp:setfd", violates=("master:setfd/not-closed", "client:setfd/not-closed", "server:setfd/not-closed"))
def tcp_setfd_closes_the_old_one(original: Original, obj: Any, *args: Any) -> Values:
    """The previous descriptor is closed."""
    if not is_closed(original, obj):
        original.method(obj, "close")
    return original(obj, *args)


@FAULTS.fault(
    "tcp:setfd",
    violates=("master:setfd/nothing-else", "client:setfd/nothing-else", "server:setfd/nothing-else"),
    deadline=1.0,
)
def tcp_setfd_removes_the_timeout(original: Original, obj: Any, *args: Any) -> Values:
    """The timeout is removed."""
    original.method(obj, "settimeout", None)
    return original(obj, *args)


@FAULTS.fault("tcp:accept", detected_by="tcp/descriptor/set-on-a-server")
def accept_returns_the_address_too(original: Original, obj: Any, *args: Any) -> Values:
    """The peer's address follows as further results."""
    results = original(obj, *args)
    if failed(results):
        return results
    return (*results, *original.method(results[0], "getpeername")[:2])


@FAULTS.fault("tcp:dirty", detected_by="tcp/descriptor/set-keeps-the-buffer")
def closed_objects_are_never_dirty(original: Original, obj: Any, *args: Any) -> Values:
    """A closed object is never dirty."""
    if is_closed(original, obj):
        return (False,)
    return original(obj, *args)


@FAULTS.fault("tcp{client}:setfd", detected_by="tcp/descriptor/set-keeps-the-buffer")
def tcp_setfd_drops_the_buffer(original: Original, obj: Any, *args: Any) -> Values:
    """Data buffered from the previous descriptor is lost."""
    drop_buffer(original, obj)
    return original(obj, *args)


@FAULTS.fault("tcp:setfd", detected_by="tcp/descriptor/set-wrong-type-raises")
@refuses_argument(2)
def tcp_setfd_wants_a_number(number: Any) -> object:
    """A string that holds a number raises."""
    return isinstance(number, bytes)


@FAULTS.fault("tcp:setfd", detected_by="tcp/descriptor/set-then-get")
def setfd_ignores_negatives(original: Original, obj: Any, number: Any = None, *rest: Any) -> Values:
    """A descriptor below 0 is ignored."""
    if is_number(number) and number < 0:
        return ()
    return original(obj, number, *rest)


add_getfd_is_a_string(FAULTS, "tcp")
add_missing_methods(FAULTS, "tcp", {"getfd": "tcp/descriptor/of-a-client"})


@FAULTS.fault("tcp:getsockname", "tcp:getpeername", detected_by="tcp/descriptor/names-of-the-descriptor")
def names_have_the_first_port(original: Original, obj: Any, *args: Any) -> Values:
    """A name keeps the port that it had when it was first asked for."""
    results = original(obj, *args)
    if failed(results):
        return results
    ports = original.memory.setdefault(obj, {})
    return (results[0], ports.setdefault(original.name, results[1]), *results[2:])


@FAULTS.fault("tcp:close", "tcp:getfd", detected_by="tcp/descriptor/of-each-connection")
def second_close_leaves_the_number(original: Original, obj: Any, *args: Any) -> Values:
    """The number of an object that was closed twice is that of its last socket."""
    numbers = original.memory.setdefault(obj, [])
    if original.name == "close":
        numbers.extend(number for number in original.method(obj, "getfd") if number != -1)
    results = original(obj, *args)
    return (numbers[-1],) if results == (-1,) and len(numbers) > 1 else results


@FAULTS.fault("tcp:connect", detected_by="tcp/descriptor/after-a-refused-connect")
@from_call(1, fails_with(b"connection refused"))
def second_refusal_closes(original: Original, obj: Any, *args: Any) -> Values:
    """A second connect that is refused leaves no descriptor."""
    results = original(obj, *args)
    if failed(results):
        original.method(obj, "close")
    return results


@FAULTS.fault("tcp:receive", detected_by="tcp/descriptor/stays-after-the-end")
def the_end_closes(original: Original, obj: Any, *args: Any) -> Values:
    """A client that has read the end of its connection is closed."""
    results = original(obj, *args)
    if results[1:2] == (b"closed",):
        original.method(obj, "close")
    return results


@FAULTS.fault("tcp:listen", detected_by="tcp/descriptor/listen-through-another-kind")
def listen_does_not_look(original: Original, obj: Any, *args: Any) -> Values:
    """Listening through a descriptor that cannot listen returns 1."""
    results = original(obj, *args)
    return (1,) if failed(results) and not is_closed(original, obj) else results


@FAULTS.fault("tcp:setfd", "tcp:listen", detected_by="tcp/descriptor/listen-through-a-server")
@after("setfd")
def listen_needs_a_bind_of_its_own(_original: Original, _obj: Any, *_args: Any) -> Values:
    """A master that was given a descriptor cannot listen."""
    return (None, b"Bad file descriptor")


@FAULTS.fault("tcp:setfd", detected_by="tcp/descriptor/set-keeps-both-timeouts")
def setfd_of_nothing_removes_the_total(original: Original, obj: Any, number: Any = None, *rest: Any) -> Values:
    """Without a descriptor, the total timeout is lost."""
    if number == -1:
        original.method(obj, "settimeout", None, b"t")
    return original(obj, number, *rest)


FAULTS.add(
    "setfd-sets-the-family",
    "An object of no family has that of the descriptor that it is given.",
    ("tcp:setfd", "tcp:getsockname"),
    takes_the_family_of_its_descriptor,
    detected_by="tcp/descriptor/set-gives-no-family",
)
FAULTS.add(
    "tcp-peers-have-the-family-of-the-descriptor",
    "The family that getpeername returns is that of the address.",
    "tcp:getpeername",
    family_of_the_address,
    detected_by="tcp/descriptor/set-gives-no-family-to-the-peer",
)
