"""What porters get wrong in timeouts, of TCP and of UDP objects.

What lives here: mistakes of ``settimeout`` and of what waits. What may not: ``socket.select``, which has its own.
"""

from __future__ import annotations

from typing import Any

from luasocket_conformance.wrong.factories import (
    STREAMS,
    argument,
    failed,
    instead,
    is_number,
    refuses,
    result,
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
