"""Faulty ports that the behaviours of ``errors.yaml`` detect."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from luasocket_conformance.faults.factories import STREAMS, descriptor_number, is_closed, is_number
from luasocket_conformance.faults.mechanism import Faults, Mistake, Original, Values

FAULTS = Faults(__name__, also_fails=(*STREAMS, "udp", "dns", "numerals", "texts", "readiness"))

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


@FAULTS.fault("tcp{client}:receive", detected_by="errors/several-wrong-arguments-of-a-client/receive-*-and-prefix")
def receive_checks_its_pattern_first(original: Original, obj: Any, pattern: Any = None, *rest: Any) -> Values:
    """A wrong pattern is blamed before a wrong prefix."""
    if pattern[:1].isalpha() if isinstance(pattern, bytes) else is_number(pattern) and pattern < 0:
        raise original.api.LuaError(b"bad argument #1 to 'receive' (invalid receive pattern)")
    return original(obj, pattern, *rest)


def _blames_the_last(original: Original, *args: Any) -> Values:
    """Raise for the last argument that is wrong, as a port does that checks them from the end."""
    try:
        return original(*args)
    except original.api.LuaError as error:
        found = re.search(rb"bad argument #(\d+)( to '\w+' )", error.value)  # type: ignore[attr-defined]
        last = len(args) - (0 if original.name in _FUNCTION_NAMES else 1)
        if found is None or not isinstance(args[-1], dict | bool) or int(found[1]) == last:
            raise
        kind = b"table" if isinstance(args[-1], dict) else b"boolean"
        text = b"bad argument #%d%s(number expected, got %s)" % (last, found[2], kind)
        raise original.api.LuaError(text) from None


_FUNCTION_NAMES = ("connect", "getnameinfo")


FAULTS.add(
    "methods-blame-the-last-argument",
    "Of several wrong arguments of a method, the last one is blamed.",
    ("tcp:send", "tcp:settimeout", "tcp:setstats", "tcp:setpeername", "tcp:bind", "udp:sendto", "udp:set*name"),
    _blames_the_last,
    detected_by=(
        "errors/several-wrong-arguments-of-a-client/send-*",
        "errors/several-wrong-arguments-of-another-object/sendto-*",
        "errors/several-wrong-arguments-of-another-object/bind",
    ),
)

FAULTS.add(
    "functions-blame-the-last-argument",
    "Of several wrong arguments of a function, the last one is blamed.",
    ("socket.connect", "socket.dns.getnameinfo"),
    _blames_the_last,
    detected_by=(
        "errors/several-wrong-arguments-of-a-function/connect-all",
        "errors/several-wrong-arguments-of-a-function/getnameinfo",
    ),
)


@FAULTS.fault("tcp:setoption", "udp:setoption", detected_by="errors/several-wrong-fields")
def the_second_field_is_checked_first(original: Original, obj: Any, name: Any, value: Any, *rest: Any) -> Values:
    """A wrong timeout of linger, or interface of a membership, is blamed before the other field."""
    if isinstance(value, dict):
        if name == b"linger" and value.get(b"timeout") in (None, b"x"):
            raise original.api.LuaError(b"bad argument #2 to 'setoption' (number 'timeout' field expected)")
        if name in (b"ip-add-membership", b"ip-drop-membership") and value.get(b"interface") != b"*":
            _check_interface(original, value.get(b"interface"))
    return original(obj, name, value, *rest)


def _check_interface(original: Original, interface: Any) -> None:
    if not isinstance(interface, bytes):
        raise original.api.LuaError(b"bad argument #2 to 'setoption' (string 'interface' field expected)")
    if b"." not in interface:
        raise original.api.LuaError(b"bad argument #2 to 'setoption' (invalid 'interface' ip address)")


@FAULTS.fault("socket.select", detected_by="errors/several-wrong-arguments-of-a-function/select-*")
def select_checks_its_lists_first(original: Original, *args: Any) -> Values:
    """A list of select is blamed before its timeout."""
    try:
        return original(*args)
    except original.api.LuaError:
        if len(args) > 2:
            original(*args[:2], 0)
        raise


@FAULTS.fault("tcp:*", "udp:*", detected_by="errors/bad-self-and-wrong-arguments")
def arguments_are_checked_before_the_object(original: Original, obj: Any, *args: Any) -> Values:
    """A wrong argument is blamed before the class of the object."""
    try:
        return original(obj, *args)
    except original.api.LuaError as error:
        if b"bad self" not in error.value or not args:  # type: ignore[attr-defined]
            raise
        text = f"bad argument #1 to '{original.name}' (string expected, got {type(args[0]).__name__})"
        raise original.api.LuaError(text.encode()) from None
