"""What porters get wrong in timeouts, of TCP and of UDP objects.

What lives here: mistakes of ``settimeout`` and of what waits. What may not: ``socket.select``, which has its own.
"""

from __future__ import annotations

import time
from typing import Any

from luasocket_conformance.wrong.factories import (
    STREAMS,
    argument,
    failed,
    instead,
    is_number,
    is_one_of,
    no_more_than,
    refuses,
    result,
    returns_what_raises,
    success,
    then,
)
from luasocket_conformance.wrong.mechanism import Chapter, Mistake, Right, Values

_SET = "*:settimeout"
_MAKERS = ("socket.tcp*", "socket.connect", "tcp:accept", "socket.udp*")
#: A timeout is set nearly everywhere.
_ALSO = (*STREAMS, "udp")
#: Seconds. Mistakes here make calls hang; what they should have waited for is over in half of this.
_DEADLINE = 1.0


_CHAPTER = Chapter(__name__, _ALSO, _DEADLINE)


def _add(
    name: str,
    says: str,
    target: str | tuple[str, ...],
    mistake: Mistake,
    *statements: str,
    caught_by: tuple[str, ...] = (),
) -> None:
    violates = (one if ":" in one else f"*:settimeout/{one}" for one in statements)
    _CHAPTER.add(name, says, target, mistake, *violates, caught_by=caught_by)


def _in_place_of_timeout(*instead_of_it: Any) -> Mistake:
    """What times out succeeds with these results."""

    def mistake(right: Right, *args: Any) -> Values:
        results = right(*args)
        return instead_of_it if failed(results) and results[1] == b"timeout" else results

    return mistake


def _clears_the_other(right: Right, thing: Any, seconds: Any = None, mode: Any = b"b", *_rest: Any) -> Values:
    if mode in (b"b", b"t"):
        right(thing, -1, b"t" if mode == b"b" else b"b")
    return right(thing, seconds, mode)


def _forgets_mode(ignored: bytes) -> Mistake:
    return lambda right, thing, seconds=None, mode=b"b", *_rest: (
        (1,) if isinstance(mode, bytes) and mode[:1] == ignored else right(thing, seconds, mode)
    )


def _inherits(right: Right, thing: Any, *args: Any) -> Values:
    results = right(thing, *args)
    if right.name == "settimeout":
        right.memory[thing] = args
    elif not failed(results):
        right.method(results[0], "settimeout", *right.memory.get(thing, ()))
    return results


_add(
    "timeout-is-in-milliseconds",
    "The timeout is taken as milliseconds.",
    _SET,
    argument(2, lambda seconds: seconds / 1000 if is_number(seconds) else seconds),
    caught_by=("tcp/receive/waits-for-the-timeout", "tcp/connect/timeout", "tcp/accept/timeout"),
)
_add(
    "timeout-is-a-thousandfold",
    "The timeout is taken for milliseconds by the caller, and made a thousand times as long.",
    _SET,
    argument(2, lambda seconds: seconds * 1000 if is_number(seconds) else seconds),
    "seconds",
)
_add(
    "timeout-is-in-whole-seconds",
    "The fraction of a timeout is lost.",
    _SET,
    argument(2, lambda seconds: int(seconds) if is_number(seconds) and abs(seconds) < 1e9 else seconds),
    "milliseconds",
)
_add("timeout-is-not-looked-at", "Everything waits for as long as it takes.", _SET, instead(1), "limits-*", "fails-*")
_add(
    "timeout-nil-is-zero",
    "The value nil does not take the limit away, but means not to wait.",
    _SET,
    lambda right, thing, seconds=None, *rest: right(thing, 0 if seconds is None else seconds, *rest),
    "nil",
)
_add(
    "timeout-negative-is-zero",
    "A negative value means not to wait.",
    _SET,
    argument(2, lambda seconds: max(seconds, 0) if is_number(seconds) else seconds),
    "negative",
)
_add("timeout-wants-a-mode", "Without a mode it raises.", _SET, refuses(3, lambda mode: mode is None), "mode-optional")
_add("timeout-mode-b-is-not-looked-at", 'What is set under "b" has no effect.', _SET, _forgets_mode(b"b"), "mode-b")
_add("timeout-mode-t-is-not-looked-at", 'What is set under "t" has no effect.', _SET, _forgets_mode(b"t"), "mode-t")
_add("timeout-has-one-mode", "Setting one mode clears the other.", _SET, _clears_the_other, "modes-together")
_add(
    "settimeout-returns-nothing",
    "There is no result, instead of 1.",
    _SET,
    success(lambda _results: ()),
    caught_by=("tcp/timeout/returns-one",),
)
_add(
    "objects-do-not-wait",
    "Without a timeout, nothing waits.",
    _MAKERS,
    then(lambda right, results, *_args: right.method(results[0], "settimeout", 0)),
    "default-*",
)
_add(
    "accepted-clients-inherit-the-timeout",
    "An accepted client has the timeout of its server.",
    ("tcp:settimeout", "tcp:accept"),
    _inherits,
    caught_by=("tcp/timeout/accepted-client-has-none",),
)
_add(
    "receive-succeeds-at-the-timeout",
    "When the time is over, receive returns the empty string.",
    ("tcp:receive", "udp:receive"),
    _in_place_of_timeout(b"", None, None),
    "fails-receive",
    "client:receive/timeout",
    "connected:receive/error",
    "unconnected:receive/error",
)
_add(
    "receivefrom-succeeds-at-the-timeout",
    "When the time is over, receivefrom returns the empty string.",
    "udp:receivefrom",
    _in_place_of_timeout(b"", b"0.0.0.0", 0),
    "fails-receivefrom",
    "unconnected:receivefrom/error",
    "unconnected:receivefrom/no-port",
)
_add(
    "send-succeeds-at-the-timeout",
    "When the time is over, send returns the number 0.",
    "tcp:send",
    _in_place_of_timeout(0, None, None),
    "fails-send",
    "client:send/timeout",
)
_add(
    "accept-succeeds-at-the-timeout",
    "When the time is over, accept returns nil alone.",
    "tcp:accept",
    _in_place_of_timeout(None),
    "fails-accept",
    "server:accept/timeout",
)
_add(
    "gettimeout-tells-one-limit",
    "Only the limit of a wait is told.",
    "*:gettimeout",
    success(lambda results: results[:1]),
    caught_by=("tcp/timeout",),
)
_add(
    "gettimeout-is-nil-without-a-limit",
    "No limit is nil, instead of -1.",
    "*:gettimeout",
    result(1, lambda limit: None if limit < 0 else limit),
    caught_by=("tcp/timeout",),
)

# -- more of settimeout and gettimeout --------------------------------------------------------------------------------

_GET = "*:gettimeout"

_add(
    "timeout-wants-a-number",
    "A string that holds a number raises.",
    _SET,
    refuses(2, lambda seconds: isinstance(seconds, bytes)),
    caught_by=("udp/timeout/wrong-type",),
)
_add(
    "timeout-takes-anything",
    "What is no number is no limit.",
    _SET,
    argument(2, lambda seconds: seconds if is_number(seconds) or isinstance(seconds, bytes) else None),
    caught_by=("udp/timeout/wrong-type",),
)
_add(
    "timeout-wants-a-value",
    "Without a value it raises.",
    _SET,
    lambda right, thing, *args: right(thing, *args) if args else _raise(right),
    caught_by=("tcp/timeout/without-limit",),
)
_add(
    "timeout-without-a-value-is-zero",
    "Without a value it is 0.",
    _SET,
    lambda right, thing, *args: right(thing, *(args or (0,))),
    caught_by=("tcp/timeout/get",),
)
_add(
    "timeout-without-a-value-does-nothing",
    "Without a value it changes nothing.",
    _SET,
    lambda right, thing, *args: right(thing, *args) if args else (1,),
    caught_by=("tcp/states/method-of-any-with-udp",),
)
_add(
    "timeout-refuses-negatives",
    "A negative value raises.",
    _SET,
    refuses(2, lambda seconds: is_number(seconds) and seconds < 0),
    caught_by=("udp/timeout/values",),
)
_add(
    "timeout-takes-any-mode",
    "A mode that does not exist is the default one.",
    _SET,
    argument(3, lambda mode: mode if isinstance(mode, bytes) and mode[:1] in (b"b", b"t", b"r") else b"b"),
    caught_by=("udp/timeout/wrong-type",),
)
_add(
    "timeout-returns-an-error-for-a-mode",
    "A mode that does not exist gives nil and a message.",
    _SET,
    returns_what_raises(None, b"invalid timeout mode"),
    caught_by=("tcp/timeout/unknown-mode",),
)
_add(
    "timeout-knows-exact-modes-only",
    "A mode has one letter.",
    _SET,
    refuses(3, lambda mode: isinstance(mode, bytes) and len(mode) > 1),
    caught_by=("tcp/timeout/values",),
)
_add(
    "timeout-knows-no-mode-r",
    'The old name "r" is not known.',
    _SET,
    refuses(3, is_one_of(b"r")),
    caught_by=("tcp/timeout/receive",),
)
_add(
    "timeout-knows-capitals",
    'The modes "B" and "T" are known.',
    _SET,
    argument(3, lambda mode: mode.lower() if isinstance(mode, bytes) else mode),
    caught_by=("tcp/timeout/unknown-mode",),
)
_add(
    "timeout-mode-t-by-default",
    'Without a mode it is "t".',
    _SET,
    lambda right, thing, seconds=None, mode=None, *rest: right(thing, seconds, b"t" if mode is None else mode, *rest),
    caught_by=("tcp/timeout/get",),
)
_add(
    "timeout-returns-true", "The result is true.", _SET, result(1, lambda _one: True), caught_by=("tcp/timeout/values",)
)
_add(
    "timeout-returns-the-old-one",
    "The result is the timeout that was set before.",
    _SET,
    lambda right, thing, *args: (
        (old, right(thing, *args))[:1] if (old := right.method(thing, "gettimeout")[0]) is not None else ()
    ),
    caught_by=("tcp/timeout/values",),
)
_add(
    "timeout-clears-both-modes",
    "The value nil takes both limits away.",
    _SET,
    lambda right, thing, seconds=None, *rest: (
        seconds is None and (right(thing, None, b"b"), right(thing, None, b"t")),
        right(thing, seconds, *rest),
    )[1],
    caught_by=("tcp/timeout/get-both",),
)
_add(
    "gettimeout-is-swapped",
    "The limits come in the wrong order.",
    _GET,
    success(lambda results: results[::-1]),
    caught_by=("tcp/timeout/get",),
)
_add(
    "gettimeout-is-nil-without-a-total",
    "No limit of a call is nil.",
    _GET,
    result(2, lambda limit: None if limit < 0 else limit),
    caught_by=("udp/timeout/get-default",),
)
_add(
    "gettimeout-is-minus-one-for-all-negatives",
    "A negative limit is -1.",
    _GET,
    success(lambda results: tuple(-1.0 if limit < 0 else limit for limit in results)),
    caught_by=("udp/timeout/get",),
)
_add(
    "gettimeout-is-in-milliseconds",
    "The limits are in milliseconds.",
    _GET,
    success(lambda results: tuple(limit * 1000 if limit > 0 else limit for limit in results)),
    caught_by=("tcp/timeout/get",),
)
_add(
    "gettimeout-is-whole",
    "The limits are in whole seconds.",
    _GET,
    success(lambda results: tuple(float(int(limit)) for limit in results)),
    caught_by=("tcp/states/client-gettimeout",),
)
_add(
    "gettimeout-takes-an-argument",
    "With an argument it raises.",
    _GET,
    no_more_than(1),
    caught_by=("tcp/timeout/gettimeout-extra-arguments",),
)
_add(
    "timeout-limits-no-connect",
    "The timeout does not limit connect.",
    "tcp:connect",
    lambda right, thing, *args: _untimed(right, thing, *args),
    caught_by=("tcp/connect/timeout",),
)
_add(
    "timeout-limits-no-send",
    "The timeout does not limit send.",
    "tcp:send",
    lambda right, thing, *args: _untimed(right, thing, *args),
    caught_by=("tcp/timeout/send-zero",),
)
_add(
    "timeout-limits-no-accept",
    "The timeout does not limit accept.",
    "tcp:accept",
    lambda right, thing, *args: _untimed(right, thing, *args),
    caught_by=("tcp/accept/timeout",),
)
_add(
    "timeout-limits-no-datagrams",
    "The timeout does not limit receive and receivefrom of UDP.",
    ("udp:receive", "udp:receivefrom"),
    lambda right, thing, *args: _untimed(right, thing, *args),
    caught_by=("udp/receivefrom/timeout",),
)
_add(
    "timeout-is-of-the-first-call",
    "The timeout is for all calls together.",
    ("tcp:receive", "tcp:settimeout"),
    lambda right, thing, *args: _used_up(right, thing, *args),
    caught_by=("tcp/receive/each-call-has-its-own-time",),
)
_add(
    "timeout-is-gone-after-a-call",
    "The timeout is for the next call only.",
    ("tcp:receive", "udp:receive"),
    lambda right, thing, *args: (right(thing, *args), right.method(thing, "settimeout", None))[0],
    caught_by=("udp/receive/timeout",),
)
_add(
    "timeout-is-doubled",
    "Each call waits twice as long.",
    _SET,
    argument(2, lambda seconds: seconds * 2 if is_number(seconds) else seconds),
    caught_by=("tcp/timeout/get",),
)
_add(
    "timeout-is-halved",
    "Each call waits half as long.",
    _SET,
    argument(2, lambda seconds: seconds / 2 if is_number(seconds) else seconds),
    caught_by=("tcp/timeout/receive-waits",),
)
_add(
    "connected-clients-have-a-timeout",
    "A client has a timeout when it has connected.",
    "tcp:connect",
    then(lambda right, results, thing, *args: right.method(thing, "settimeout", 0)),
    caught_by=("tcp/receive/blocks-by-default",),
)


def _raise(right: Right) -> Values:
    raise right.api.LuaError(b"bad argument #2 to 'settimeout' (number expected, got no value)")


def _untimed(right: Right, thing: Any, *args: Any) -> Values:
    block, total = right.method(thing, "gettimeout")
    right.method(thing, "settimeout", None, b"b")
    right.method(thing, "settimeout", None, b"t")
    try:
        return right(thing, *args)
    finally:
        right.method(thing, "settimeout", block, b"b")
        right.method(thing, "settimeout", total, b"t")


def _used_up(right: Right, thing: Any, *args: Any) -> Values:
    if right.name == "settimeout":
        right.memory.pop(thing, None)
        return right(thing, *args)
    block, _total = right.method(thing, "gettimeout")
    began = time.monotonic()
    if block > 0:
        right.method(thing, "settimeout", max(block - right.memory.get(thing, 0), 0))
    results = right(thing, *args)
    right.method(thing, "settimeout", block)
    right.memory[thing] = right.memory.get(thing, 0) + time.monotonic() - began
    return results
