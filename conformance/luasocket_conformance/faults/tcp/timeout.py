"""Faulty ports that the behaviours of ``tcp/timeout.yaml`` detect."""

from __future__ import annotations

import struct
import time
from typing import Any

from luasocket_conformance.faults.factories import (
    STREAMS,
    after_success,
    changes_argument,
    changes_result,
    changes_success,
    failed,
    is_number,
    is_one_of,
    never_raises,
    refuses_argument,
    refuses_more_than,
    returns_always,
)
from luasocket_conformance.faults.factories.families import (
    add_milliseconds_wrap,
    add_missing_methods,
    add_more_arguments,
    add_uses_after_close,
)
from luasocket_conformance.faults.factories.objects import ignores_mode, ignores_timeouts, make_blocking
from luasocket_conformance.faults.mechanism import Faults, Original, Values

#: Bytes of a block that is sent.
_SENT_AT_ONCE = 8192

#: Seconds that are more than any behaviour waits.
LONG = 1000.0

FAULTS = Faults(
    __name__,
    also_fails=(*STREAMS, "udp"),
    deadline=1.0,
)


@FAULTS.fault("tcp:accept", detected_by="tcp/timeout/accepted-client-has-none", deadline=3.0)
@after_success
def accept_takes_options_along(original: Original, results: Values, *_args: Any) -> None:
    """An accepted client has the timeout 0."""
    original.method(results[0], "settimeout", 0)


@FAULTS.fault("tcp:close", detected_by="tcp/timeout/get-after-close", deadline=3.0)
@after_success
def tcp_close_forgets_the_timeouts(original: Original, _results: Values, obj: Any, *_args: Any) -> None:
    """Closing removes the timeouts."""
    (original.method(obj, "settimeout", None, b"b"), original.method(obj, "settimeout", None, b"t"))


@FAULTS.fault("tcp:connect", detected_by="tcp/timeout/master-modes-together", deadline=3.0)
@after_success
def connect_takes_the_timeout_away(original: Original, _results: Values, obj: Any, *_args: Any) -> None:
    """Connecting removes the timeout."""
    original.method(obj, "settimeout", None)


@FAULTS.fault("*:settimeout", violates="*:settimeout/seconds")
@changes_argument(2)
def timeout_is_a_thousandfold(seconds: Any) -> Any:
    """The timeout is a thousand times as long."""
    if is_number(seconds):
        return seconds * 1000
    return seconds


@FAULTS.fault("*:settimeout", violates="*:settimeout/milliseconds")
@changes_argument(2)
def timeout_is_in_whole_seconds(seconds: Any) -> Any:
    """The fraction of a timeout is lost."""
    if is_number(seconds) and abs(seconds) < 1e9:
        return int(seconds)
    return seconds


FAULTS.add(
    "timeout-is-ignored",
    "The timeout is ignored.",
    "*:settimeout",
    returns_always(1),
    violates=("*:settimeout/limits-*", "*:settimeout/fails-*"),
)


@FAULTS.fault("*:settimeout", violates="*:settimeout/nil")
def timeout_nil_is_zero(original: Original, obj: Any, seconds: Any = None, *rest: Any) -> Values:
    """The value nil is taken for 0."""
    return original(obj, 0 if seconds is None else seconds, *rest)


@FAULTS.fault("*:settimeout", violates="*:settimeout/negative")
@changes_argument(2)
def timeout_negative_is_zero(seconds: Any) -> Any:
    """A negative value is taken for 0."""
    if is_number(seconds):
        return max(seconds, 0)
    return seconds


@FAULTS.fault("*:settimeout", violates="*:settimeout/mode-optional")
@refuses_argument(3)
def timeout_wants_a_mode(mode: Any) -> object:
    """Without a mode it raises."""
    return mode is None


FAULTS.add(
    "timeout-mode-b-is-ignored",
    'The mode "b" has no effect.',
    "*:settimeout",
    ignores_mode(b"b"),
    violates="*:settimeout/mode-b",
)

FAULTS.add(
    "timeout-mode-t-is-ignored",
    'The mode "t" has no effect.',
    "*:settimeout",
    ignores_mode(b"t"),
    violates="*:settimeout/mode-t",
)


@FAULTS.fault("*:settimeout", violates="*:settimeout/modes-together")
def timeout_has_one_mode(original: Original, obj: Any, seconds: Any = None, mode: Any = b"b", *_rest: Any) -> Values:
    """Setting one mode clears the other."""
    if mode in (b"b", b"t"):
        original(obj, -1, b"t" if mode == b"b" else b"b")
    return original(obj, seconds, mode)


@FAULTS.fault("*:settimeout", detected_by="tcp/timeout/returns-one")
@changes_success
def settimeout_returns_nothing(_results: Values) -> Values:
    """There is no result, instead of 1."""
    return ()


@FAULTS.fault("socket.tcp*", "socket.connect", "tcp:accept", "socket.udp*", violates="*:settimeout/default-*")
@after_success
def objects_do_not_wait(original: Original, results: Values, *_args: Any) -> None:
    """Without a timeout, nothing waits."""
    original.method(results[0], "settimeout", 0)


@FAULTS.fault("tcp:settimeout", "tcp:accept", detected_by="tcp/timeout/accepted-client-has-none")
def accepted_clients_inherit_the_timeout(original: Original, obj: Any, *args: Any) -> Values:
    """An accepted client has the timeout of its server."""
    results = original(obj, *args)
    if original.name == "settimeout":
        original.memory[obj] = args
    elif not failed(results):
        original.method(results[0], "settimeout", *original.memory.get(obj, ()))
    return results


@FAULTS.fault("*:gettimeout", detected_by="tcp/timeout")
@changes_success
def gettimeout_returns_one_limit(results: Values) -> Values:
    """Only the limit of a wait is returned."""
    return results[:1]


@FAULTS.fault("*:gettimeout", detected_by="tcp/timeout")
@changes_result(1)
def gettimeout_is_nil_without_a_limit(limit: Any) -> Any:
    """No limit is nil, instead of -1."""
    if limit < 0:
        return None
    return limit


@FAULTS.fault("*:settimeout", detected_by="tcp/timeout/without-limit")
def timeout_wants_a_value(original: Original, obj: Any, *args: Any) -> Values:
    """Without a value it raises."""
    if not args:
        raise original.api.LuaError(b"bad argument #2 to 'settimeout' (number expected, got no value)")
    return original(obj, *args)


@FAULTS.fault("*:settimeout", detected_by="tcp/timeout/get")
def timeout_without_a_value_is_zero(original: Original, obj: Any, *args: Any) -> Values:
    """Without a value it is 0."""
    return original(obj, *(args or (0,)))


FAULTS.add(
    "timeout-returns-an-error-for-a-mode",
    "A mode that does not exist gives nil and a message.",
    "*:settimeout",
    never_raises(None, b"invalid timeout mode"),
    detected_by="tcp/timeout/unknown-mode",
)


@FAULTS.fault("*:settimeout", detected_by="tcp/timeout/values")
@refuses_argument(3)
def timeout_knows_exact_modes_only(mode: Any) -> object:
    """A mode of more than one letter is refused."""
    return isinstance(mode, bytes) and len(mode) > 1


FAULTS.add(
    "timeout-knows-no-mode-r",
    'The old name "r" is not known.',
    "*:settimeout",
    refuses_argument(3)(is_one_of(b"r")),
    detected_by="tcp/timeout/receive",
)


@FAULTS.fault("*:settimeout", detected_by="tcp/timeout/unknown-mode")
@changes_argument(3, bytes)
def timeout_knows_capitals(mode: bytes) -> Any:
    """The modes "B" and "T" are known."""
    return mode.lower()


@FAULTS.fault("*:settimeout", detected_by="tcp/timeout/get")
def timeout_mode_t_by_default(
    original: Original, obj: Any, seconds: Any = None, mode: Any = None, *rest: Any
) -> Values:
    """Without a mode it is "t"."""
    return original(obj, seconds, b"t" if mode is None else mode, *rest)


@FAULTS.fault("*:settimeout", detected_by="tcp/timeout/values")
@changes_result(1)
def timeout_returns_true(_one: Any) -> Any:
    """The result is true."""
    return True


@FAULTS.fault("*:settimeout", detected_by="tcp/timeout/values")
def timeout_returns_the_old_one(original: Original, obj: Any, *args: Any) -> Values:
    """The result is the timeout that was set before."""
    old = original.method(obj, "gettimeout")[0]
    if old is not None:
        return (old, original(obj, *args))[:1]
    return ()


@FAULTS.fault("*:settimeout", detected_by="tcp/timeout/get-both")
def timeout_clears_both_modes(original: Original, obj: Any, seconds: Any = None, *rest: Any) -> Values:
    """The value nil removes both limits."""
    if seconds is None:
        (original(obj, None, b"b"), original(obj, None, b"t"))
    return original(obj, seconds, *rest)


@FAULTS.fault("*:gettimeout", detected_by="tcp/timeout/get")
@changes_success
def gettimeout_is_swapped(results: Values) -> Values:
    """The limits come in the wrong order."""
    return results[::-1]


@FAULTS.fault("*:gettimeout", detected_by="tcp/timeout/get")
@changes_success
def gettimeout_is_in_milliseconds(results: Values) -> Values:
    """The limits are in milliseconds."""
    return tuple(limit * 1000 if limit > 0 else limit for limit in results)


FAULTS.add(
    "gettimeout-takes-an-argument",
    "With an argument it raises.",
    "*:gettimeout",
    refuses_more_than(1),
    detected_by="tcp/timeout/gettimeout-extra-arguments",
)

FAULTS.add(
    "timeout-limits-no-send",
    "The timeout does not limit send.",
    "tcp:send",
    ignores_timeouts,
    detected_by="tcp/timeout/send-zero",
)


@FAULTS.fault("*:settimeout", detected_by="tcp/timeout/get")
@changes_argument(2)
def timeout_is_doubled(seconds: Any) -> Any:
    """Each call waits twice as long."""
    if is_number(seconds):
        return seconds * 2
    return seconds


@FAULTS.fault("*:settimeout", detected_by="tcp/timeout/receive-waits")
@changes_argument(2)
def timeout_is_halved(seconds: Any) -> Any:
    """Each call waits half as long."""
    if is_number(seconds):
        return seconds / 2
    return seconds


FAULTS.add(
    "server-has-no-timeout",
    "The timeout of a server is ignored.",
    "tcp{server}:settimeout",
    returns_always(1),
    violates=("select/accept-settimeout", "server:settimeout/limits-accept"),
)


@FAULTS.fault("tcp:bind", "udp:setsockname", detected_by=("tcp/timeout/zero-after-a-failed-bind", "udp/timeout"))
def failed_bind_leaves_a_blocking_descriptor(original: Original, obj: Any, *args: Any) -> Values:
    """After a failed bind, the descriptor is blocking."""
    results = original(obj, *args)
    if failed(results):
        make_blocking(original, obj)
    return results


@FAULTS.fault("tcp:send", detected_by="tcp/timeout/send-deadline-is-per-call")
def send_has_no_time_of_its_own(original: Original, obj: Any, *args: Any) -> Values:
    """The time of each send counts from the first one."""
    block, total = original.method(obj, "gettimeout")
    now = time.monotonic()
    began = original.memory.setdefault(obj, now)
    if block > 0:
        original.method(obj, "settimeout", max(block - (now - began), 0))
    try:
        return original(obj, *args)
    finally:
        original.method(obj, "settimeout", block)
        original.method(obj, "settimeout", total, b"t")


add_milliseconds_wrap(FAULTS, "*:settimeout", 2, ("tcp/timeout/long", "udp/timeout/long"))
add_missing_methods(FAULTS, "tcp", {"gettimeout": "tcp/timeout/get-default"})
add_more_arguments(FAULTS, "tcp", {"settimeout": (3, "tcp/timeout/values")})
add_uses_after_close(FAULTS, "tcp", {"settimeout": "tcp/timeout/returns-one"})


@FAULTS.fault("tcp:settimeout", detected_by="tcp/timeout/text-and-extremes")
@changes_argument(2)
def settimeout_takes_text_for_milliseconds(value: Any) -> Any:
    """A timeout that is a string is a number of milliseconds."""
    return float(value) / 1000 if isinstance(value, bytes) and value.replace(b".", b"").isdigit() else value


@FAULTS.fault("tcp{server}:settimeout", detected_by="tcp/timeout/text-and-extremes")
@changes_argument(2)
def infinite_timeout_of_a_server_is_zero(value: Any) -> Any:
    """For a server, the timeout math.huge is 0."""
    return 0 if value == float("inf") else value


@FAULTS.fault("tcp{client}:settimeout", detected_by="tcp/timeout/text-and-extremes")
@changes_argument(2)
def negative_fraction_is_zero(value: Any) -> Any:
    """For a client, a negative fraction is cut to 0."""
    return 0 if is_number(value) and -1 < value < 0 else value


@FAULTS.fault("tcp:settimeout", detected_by="tcp/timeout/without-arguments")
def settimeout_without_arguments_does_nothing(original: Original, obj: Any, *args: Any) -> Values:
    """Without arguments, the timeout stays."""
    return original(obj, *args) if args else (1,)


@FAULTS.fault(
    "tcp{master}:connect",
    "tcp{client}:receive",
    detected_by="tcp/timeout/nil-after-a-connect-that-did-not-wait",
)
def first_receive_does_not_wait(original: Original, obj: Any, *args: Any) -> Values:
    """The first receive after a connect that did not wait does not wait either."""
    if original.name == "connect":
        results = original(obj, *args)
        original.memory[obj] = results[:2] == (None, b"timeout")
        return results
    if not original.memory.pop(obj, False) or original.method(obj, "gettimeout")[0] != -1:
        return original(obj, *args)
    original.method(obj, "settimeout", 0)
    results = original(obj, *args)
    original.method(obj, "settimeout", None)
    return results


@FAULTS.fault("tcp{client}:receive", detected_by="tcp/timeout/both-modes-limit-each-wait")
def block_is_a_deadline_beside_a_total(original: Original, obj: Any, *args: Any) -> Values:
    """With both timeouts, that of mode "b" is a deadline of the whole call."""
    block, total = original.method(obj, "gettimeout")
    if not 0 < block < total:
        return original(obj, *args)
    original.method(obj, "settimeout", None, b"t")
    results = original(obj, *args)
    original.method(obj, "settimeout", total, b"t")
    return results


@FAULTS.fault("tcp:settimeout", detected_by="tcp/timeout/text-and-extremes")
@changes_argument(2)
def timeouts_are_single_precision(value: Any) -> Any:
    """A timeout is kept in a number of single precision."""
    return struct.unpack("f", struct.pack("f", value))[0] if is_number(value) and 0 < value < 1e30 else value


@FAULTS.fault("tcp:send", detected_by="tcp/timeout/limits-a-send-to-a-slow-reader", deadline=6.0)
def each_block_has_the_whole_timeout(original: Original, obj: Any, data: Any = None, *places: Any) -> Values:
    """Data are sent in blocks, and the time begins again with each."""
    if not isinstance(data, bytes) or places:
        return original(obj, data, *places)
    results = original(obj, data, 1, _SENT_AT_ONCE)
    while not failed(results) and results[0] < len(data):
        results = original(obj, data, results[0] + 1, results[0] + _SENT_AT_ONCE)
    return results


@FAULTS.fault(
    "tcp:receive",
    "tcp:send",
    "tcp:accept",
    detected_by=("tcp/timeout/whole-and-fraction/receive-total", "tcp/timeout/whole-and-fraction/accept"),
    deadline=4.0,
)
def fractions_of_longer_times_are_lost(original: Original, obj: Any, *args: Any) -> Values:
    """Of a timeout of more than a second, only the whole seconds count."""
    times = original.method(obj, "gettimeout")
    modes = dict(zip((b"b", b"t"), times, strict=True))
    for mode, seconds in modes.items():
        if 1 < seconds < LONG:
            original.method(obj, "settimeout", int(seconds), mode)
    try:
        return original(obj, *args)
    finally:
        for mode, seconds in modes.items():
            original.method(obj, "settimeout", seconds, mode)
