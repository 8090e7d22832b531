"""What porters get wrong below the functions: descriptors, several addresses, the errors of the system, wide numbers.

What lives here: mistakes that show only where the system is asked in an unusual way. What may not: mistakes in what a
function takes and returns (the modules named for subjects).
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
import weakref
from typing import Any

from luasocket_conformance.wrong.factories import argument, failed, is_number, only, result, then
from luasocket_conformance.wrong.mechanism import Chapter, Mistake, Right, Values

_ALSO = ("tcp", "udp", "select", "connect", "helper", "sink", "source", "except", "module")
#: Seconds. Mistakes here make calls hang; what they should have waited for is over in half of this.
_CHAPTER = Chapter(__name__, _ALSO, 1.0)
_add, _wrong = _CHAPTER.add, _CHAPTER.wrong


# -- descriptors


def _without(right: Right, table: Any, descriptor: float) -> Any:
    """Return a list without the objects that have this descriptor."""
    if not isinstance(table, dict):
        return table

    def told(thing: Any) -> Any:
        getfd = right.api.index(thing, "getfd") if not isinstance(thing, bytes | int | float) else None
        return (*getfd(thing), None)[0] if callable(getfd) else None

    kept = [table[key] for key in sorted(filter(is_number, table)) if told(table[key]) != descriptor]
    return dict(enumerate(kept, 1))


@_wrong("socket.select", caught_by=("select/descriptor-zero",))
def select_takes_zero_for_none(right: Right, reading: Any = None, writing: Any = None, *rest: Any) -> Values:
    """The descriptor 0 is taken for none."""
    return right(_without(right, reading, 0), _without(right, writing, 0), *rest)


@_wrong("socket.select", caught_by=("select/descriptor-that-is-not-open",))
def select_takes_a_failure_for_a_timeout(right: Right, *args: Any) -> Values:
    """Where the system refuses, it is as if the time were over."""
    try:
        return right(*args)
    except right.api.LuaError as error:
        if str(error) != "select failed":
            raise
        return (right.api.Table(), right.api.Table(), b"timeout")


def _block(right: Right, thing: Any) -> None:
    (descriptor,) = right.method(thing, "getfd")
    if descriptor >= 0:
        os.set_blocking(descriptor, True)


_add(
    "fresh-descriptors-block",
    "The descriptor of a fresh object is a blocking one.",
    ("socket.tcp4", "socket.tcp6", "socket.udp4", "socket.udp6"),
    then(lambda right, results, *_args: _block(right, results[0])),
    caught_by=("tcp/system-options/non-blocking-at-once", "udp/system-options/non-blocking-at-once", "tcp/timeout"),
)


@_wrong("tcp:bind", "udp:setsockname", caught_by=("tcp/timeout/zero-after-a-failed-bind", "udp/timeout"))
def failed_bind_leaves_a_blocking_descriptor(right: Right, thing: Any, *args: Any) -> Values:
    """After a bind that has failed, the descriptor is a blocking one."""
    results = right(thing, *args)
    if failed(results):
        _block(right, thing)
    return results


@_wrong("tcp:connect", caught_by=("tcp/connect/again-leaves-nothing-behind",))
def connect_again_leaves_the_old_descriptor_open(right: Right, thing: Any, *args: Any) -> Values:
    """A connect after one that has failed leaves the descriptor of that one open."""
    if right.memory.pop(thing, None) == "failed":
        (descriptor,) = right.method(thing, "getfd")
        right.method(thing, "setfd", -1)
        weakref.finalize(thing, os.close, descriptor)  # ours until the object is gone
    results = right(thing, *args)
    if failed(results):
        right.memory[thing] = "failed"
    return results


# -- addresses


def _star(address: bytes) -> Mistake:
    """The local address ``*`` is another."""
    return argument(2, lambda host: address if host == b"*" else host)


_add(
    "star-is-ipv4",
    'The local address "*" is that of IPv4, and only that.',
    ("tcp:bind", "udp:setsockname"),
    _star(b"0.0.0.0"),
    caught_by=("tcp/bind/star-in-use", "udp/setsockname/star-in-use"),
)
_add(
    "connect-from-star-is-ipv6",
    'The local address "*" of connect is that of IPv6.',
    "socket.connect",
    argument(3, lambda host: b"::" if host == b"*" else host),
    caught_by=("connect/any-local-address",),
)
_add(
    "connect6-loses-the-local-port",
    "The local port is not handed on.",
    "socket.connect6",
    only(3),
    caught_by=("helper/connect6-local-port",),
)


_NAMED: tuple[tuple[str, int, tuple[str, ...]], ...] = (
    ("tcp:getpeername", 2, ("tcp/names/port-that-has-a-name",)),
    ("tcp:getsockname", 2, ("tcp/names/port-that-has-a-name",)),
    ("udp:receivefrom", 3, ("udp/receivefrom/port-that-has-a-name",)),
)
for _target, _position, _caught in _NAMED:
    _add(
        f"{_target.replace(':', '-')}-asks-for-the-name-of-the-port",
        "A port that has a name is 0, for that is no number.",
        _target,
        result(_position, lambda port: 0 if port in (2628, b"2628") else port),
        caught_by=_caught,
    )


def _at_loopback(right: Right, thing: Any, name: Any = None, value: Any = None, *rest: Any) -> Values:
    if name == b"ip-add-membership" and isinstance(value, dict) and value.get(b"interface") == b"*":
        value = {**value, b"interface": b"127.0.0.1"}
    return right(thing, name, value, *rest)


_add(
    "membership-of-any-interface-is-at-the-loopback",
    'The interface "*" is that of the loopback address.',
    "udp:setoption",
    _at_loopback,
    caught_by=("udp/multicast/drop-where-it-was-joined",),
)


@_wrong("udp:setpeername", caught_by=("udp/setpeername/star-lets-strangers-in",))
def setpeername_star_keeps_the_peer_of_the_system(right: Right, thing: Any, *args: Any) -> Values:
    """The object becomes an unconnected one, but the system's socket keeps its peer."""
    with contextlib.ExitStack() as kept:
        peer = None
        if args[:1] == (b"*",) and (descriptor := right.method(thing, "getfd")[0]) >= 0:
            same = kept.enter_context(socket.socket(fileno=os.dup(descriptor)))
            with contextlib.suppress(OSError):
                peer = same.getpeername()
        results = right(thing, *args)
        if peer is not None:
            same.connect(peer)
    return results


# -- errors


_add(
    "errors-without-a-word-of-ours-are-unknown",
    "The pending error is told only where LuaSocket has a word of its own for it.",
    "tcp:getoption",
    result(1, lambda message: b"unknown error" if message == b"Broken pipe" else message),
    caught_by=("tcp/options/error-after-end-and-reset",),
)


# -- time


def _wrapped(seconds: Any) -> Any:
    """Return a number of seconds that has been milliseconds in 32 bits."""
    large = is_number(seconds) and 1e6 < seconds < float("inf")
    return int(seconds * 1000) % 2**32 / 1000 if large else seconds


_LONG: tuple[tuple[str, int, tuple[str, ...]], ...] = (
    ("*:settimeout", 2, ("tcp/timeout/long", "udp/timeout/long")),
    ("socket.select", 3, ("select/long-timeout",)),
)
for _target, _position, _caught in _LONG:
    _add(
        f"{_target.rpartition(':')[2].removeprefix('socket.')}-counts-milliseconds-in-32-bits",
        "A long time wraps around.",
        _target,
        argument(_position, _wrapped),
        caught_by=_caught,
    )


@_wrong("tcp:send", caught_by=("tcp/timeout/send-deadline-is-per-call",))
def send_has_no_time_of_its_own(right: Right, thing: Any, *args: Any) -> Values:
    """The time of a send counts from the first one."""
    block, total = right.method(thing, "gettimeout")
    now = time.monotonic()
    began = right.memory.setdefault(thing, now)
    if block > 0:
        right.method(thing, "settimeout", max(block - (now - began), 0))
    try:
        return right(thing, *args)
    finally:
        right.method(thing, "settimeout", block)
        right.method(thing, "settimeout", total, b"t")


# -- arguments


@_wrong("tcp:receive", caught_by=("tcp/receive-prefix/once-before-pieces",))
def prefix_comes_again_after_each_wait(
    right: Right, thing: Any, pattern: Any = None, prefix: Any = None, *_rest: Any
) -> Values:
    """Whoever waits for more data puts the prefix before what is there already, again and again."""
    if not isinstance(prefix, bytes) or not prefix:
        return right(thing, pattern, prefix)
    block, _total = right.method(thing, "gettimeout")
    end = time.monotonic() + (block if block >= 0 else _CHAPTER.deadline)
    held = prefix
    right.method(thing, "settimeout", 0)
    try:
        while True:
            results = right(thing, pattern, held)
            if not failed(results) or results[1] != b"timeout" or time.monotonic() > end:
                return results
            if results[2] != held:
                held = prefix + results[2]
            time.sleep(0.001)  # the system is asked again, as often as not to be late
    finally:
        right.method(thing, "settimeout", block)


_add(
    "newtry-takes-the-last-argument",
    "The finalizer is the last argument, not the first.",
    "socket.newtry",
    lambda right, *args: right(*args[-1:]),
    caught_by=("except/newtry-of-two-functions",),
)
