"""Faulty ports that the behaviours of ``errors.yaml`` detect."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from luasocket_conformance.faults.factories import STREAMS, descriptor_number, is_closed
from luasocket_conformance.faults.mechanism import Faults, Mistake, Original, Values

FAULTS = Faults(__name__, also_fails=(*STREAMS, "udp", "dns"))

#: The methods and functions of the behaviours.
METHODS = ("tcp:*", "udp:*")
FUNCTIONS = ("socket.connect", "socket.select", "socket.skip", "socket.sleep", "socket.dns.*")

#: Methods whose errors on a closed object are the business of other behaviours.
_LEFT_ALONE = ("receive", "send", "setoption", "getoption", "settimeout", "setfd", "getstats", "setstats", "accept")


def changes_error(change: Callable[[bytes], bytes]) -> Mistake:
    """Return a mistake that changes the message of an error that is raised."""

    @wraps(change)
    def mistake(original: Original, *args: Any) -> Values:
        try:
            return original(*args)
        except original.api.LuaError as error:
            message = error.value  # type: ignore[attr-defined]
            if not isinstance(message, bytes):
                raise
            raise original.api.LuaError(change(message)) from None

    return mistake


def _moved(message: bytes, by: int) -> bytes:
    return re.sub(rb"(?<=bad argument #)\d+", lambda found: b"%d" % (int(found[0]) + by), message)


@FAULTS.fault(*METHODS, detected_by=("errors/argument-of-a-client", "errors/argument-of-a-udp-object"))
@changes_error
def errors_count_the_object(message: bytes) -> bytes:
    """The object is counted among the arguments."""
    return _moved(message, 1)


@FAULTS.fault("tcp:setoption", "udp:setoption", detected_by="errors/field-of-an-option")
@changes_error
def errors_of_fields_blame_the_name_of_the_option(message: bytes) -> bytes:
    """An error of a field, or of an address, is one of the first argument."""
    return _moved(message, -1) if b" field expected" in message or b" ip address" in message else message


@FAULTS.fault(*FUNCTIONS, detected_by="errors/argument-of-a-function")
@changes_error
def errors_of_functions_count_from_0(message: bytes) -> bytes:
    """The first argument of a function is number 0."""
    return _moved(message, -1)


@FAULTS.fault(*METHODS, *FUNCTIONS, detected_by=("errors/argument-of-a-client", "errors/argument-of-a-function"))
@changes_error
def errors_name_no_function(message: bytes) -> bytes:
    """The message has a question mark for the name of the function."""
    return re.sub(rb"(?<= to ')\w+", b"?", message)


@FAULTS.fault(*METHODS, detected_by="errors/argument-of-a-master")
@changes_error
def errors_give_no_reason(message: bytes) -> bytes:
    """The message ends behind the name of the function."""
    return re.sub(rb"(?<=') \((?!\w+\{).*", b"", message)


@FAULTS.fault(*METHODS, detected_by="errors/bad-self")
@changes_error
def a_bad_self_is_an_argument(message: bytes) -> bytes:
    """A bad self is reported as a bad argument."""
    return re.sub(rb"calling ('\w+') on bad self", rb"bad argument #1 to \1", message)


@FAULTS.fault("tcp:*", "udp:*", detected_by="errors/argument-on-a-closed-object")
def closed_objects_check_no_arguments(original: Original, *args: Any) -> Values:
    """On a closed object, a wrong argument is a failure."""
    try:
        return original(*args)
    except original.api.LuaError:
        if original.name in _LEFT_ALONE or original.method(args[0], "getfd") != (-1,):
            raise
        return (None, b"closed")


@FAULTS.fault("tcp{client}:receive", "tcp{client}:send", detected_by="errors/argument-after-a-reset")
def ended_connections_check_no_arguments(original: Original, *args: Any) -> Values:
    """Once the connection has ended, a wrong argument is a failure."""
    try:
        results = original(*args)
    except original.api.LuaError:
        if not original.memory.get(args[0]):
            raise
        return (None, b"closed", b"")
    original.memory[args[0]] = results[1:2] == (b"closed",)
    return results


@FAULTS.fault("socket.select", detected_by="errors/descriptor-too-large-for-select/second*")
@changes_error
def large_descriptors_are_in_the_first_list(message: bytes) -> bytes:
    """A descriptor that is too large is reported for the first list, whichever it is in."""
    return message.replace(b"#2", b"#1") if b"too large" in message else message


@FAULTS.fault("tcp:setpeername", "tcp:setsockname", detected_by="errors/argument-of-another-name")
@changes_error
def other_names_are_those_of_the_first(message: bytes) -> bytes:
    """Errors of setpeername and setsockname of TCP objects name connect and bind."""
    return message.replace(b"'setpeername'", b"'connect'").replace(b"'setsockname'", b"'bind'")


@FAULTS.fault(
    "tcp:connect",
    "tcp:bind",
    "udp:setpeername",
    "udp:setsockname",
    "udp:sendto",
    detected_by="errors/no-descriptor-for-a-wrong-argument",
)
def wrong_arguments_leave_a_descriptor(original: Original, obj: Any, *args: Any) -> Values:
    """An object has its descriptor as soon as a call needs one, before the arguments are checked."""
    if not is_closed(original, obj):
        return original(obj, *args)
    try:
        return original(obj, *args)
    except original.api.LuaError:
        kind = "tcp4" if original.api.tostring(obj).startswith(b"tcp") else "udp4"
        (other,) = original.call(kind)
        number = descriptor_number(original, other)
        original.method(other, "setfd", -1)
        original.method(obj, "setfd", number)
        raise
