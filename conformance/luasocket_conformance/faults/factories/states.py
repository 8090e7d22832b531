"""Parts of mistakes that show in a later call: a port remembers what it should forget, or loses what it should keep."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from functools import wraps
from typing import Any

from luasocket_conformance.faults.factories import Decorator, descriptor_number, failed, is_ipv4, is_number
from luasocket_conformance.faults.mechanism import Mistake, Original, Values


def succeeds(results: Values, *_args: Any) -> bool:
    """Tell whether a call has succeeded."""
    return not failed(results)


def fails(results: Values, *_args: Any) -> bool:
    """Tell whether a call has failed."""
    return failed(results)


def fails_with(message: bytes) -> Callable[..., bool]:
    """Return a test for a failure with this message."""
    return lambda results, *_args: failed(results) and results[1] == message


def after(noticed: str, when: Callable[..., object] = succeeds, *, forgotten: str = "") -> Decorator:
    """Make a mistake in a method once another one, which has to be a target, too, was called on the object.

    Parameters
    ----------
    noticed
        The other method.
    when
        Which of its calls count: ``when(results, *args)``. ``original.memory[obj]`` is ``(args, results)`` of the last.
    forgotten
        A method, which has to be a target, too, after whose call everything is right again.
    """

    def decorate(mistake: Mistake) -> Mistake:
        @wraps(mistake)
        def chosen(original: Original, obj: Any, *args: Any) -> Values:
            if original.name not in (noticed, forgotten):
                return mistake(original, obj, *args) if obj in original.memory else original(obj, *args)
            results = original(obj, *args)
            if original.name == forgotten:
                original.memory.pop(obj, None)
            elif when(results, *args):
                original.memory[obj] = (args, results)
            return results

        return chosen

    return decorate


def from_call(number: int, when: Callable[..., object] = succeeds) -> Decorator:
    """Make a mistake after so many calls of the method that count: ``when(results, *args)``."""

    def decorate(mistake: Mistake) -> Mistake:
        @wraps(mistake)
        def chosen(original: Original, obj: Any, *args: Any) -> Values:
            if original.memory.get(obj, 0) >= number:
                return mistake(original, obj, *args)
            results = original(obj, *args)
            if when(results, *args):
                original.memory[obj] = original.memory.get(obj, 0) + 1
            return results

        return chosen

    return decorate


def returns(*results: Any) -> Mistake:
    """Return these results."""
    return lambda _original, *_args: results


def take_descriptor(original: Original, obj: Any, other: Any) -> None:
    """Give an object the descriptor of another, which has none then; its own is closed."""
    descriptor = descriptor_number(original, other)
    original.method(other, "setfd", -1)
    original.method(obj, "close")
    original.method(obj, "setfd", descriptor)


def on_another_socket(original: Original, obj: Any, function: str, *args: Any) -> Values:
    """Call a method on a new socket of any family, which becomes that of the object if the call succeeds."""
    other = original.call("tcp")[0]
    results = original.method(other, function, *args)
    if not failed(results):
        take_descriptor(original, obj, other)
    return results


def options_belong_to_the_object(original: Original, obj: Any, *args: Any) -> Values:
    """Set the options of the last socket on the next one. Put into ``setoption``, too, to notice them."""
    options = original.memory.setdefault(obj, {})
    was_closed = descriptor_number(original, obj) == -1
    results = original(obj, *args)
    if original.name == "setoption":
        options[args[0]] = args
    elif was_closed:
        for option in options.values():
            original.method(obj, "setoption", *option)
    return results


def does_not_wait(original: Original, obj: Any, *args: Any) -> Values:
    """Call the function of an object without a timeout as if its timeout were 0."""
    if original.method(obj, "gettimeout") != (-1, -1):
        return original(obj, *args)
    original.method(obj, "settimeout", 0)
    try:
        return original(obj, *args)
    finally:
        original.method(obj, "settimeout", None)


def digits_of(port: Any) -> Any:
    """Return the digits at the beginning of a port, as C's ``atoi`` reads it."""
    text = b"%d" % int(port) if is_number(port) else port
    if not isinstance(text, bytes):
        return port
    digits = len(text) - len(text.lstrip(b"0123456789"))
    return text[:digits] or port


def unmapped(address: Any) -> Any:
    """Return an IPv4 address without what maps it to IPv6."""
    return address.removeprefix(b"::ffff:") if isinstance(address, bytes) else address


def mapped_without_v6only(position: int) -> Mistake:
    """Map an IPv4 address to IPv6 where the socket takes both; position of the argument, the object being 1."""

    def mistake(original: Original, obj: Any, *args: Any) -> Values:
        at = position - 2
        if len(args) > at and is_ipv4(args[at]) and (descriptor := descriptor_number(original, obj)) >= 0:
            with socket.socket(fileno=os.dup(descriptor)) as same:
                is_ipv6_socket = same.family == socket.AF_INET6
                if is_ipv6_socket and not same.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY):
                    args = (*args[:at], b"::ffff:" + args[at], *args[at + 1 :])
        return original(obj, *args)

    return mistake
