"""Faulty ports that the behaviours of ``tcp/sequences.yaml`` detect."""

from __future__ import annotations

import math
import time
from typing import Any

from luasocket_conformance.faults.factories import (
    STREAMS,
    after_success,
    changes_argument,
    failed,
    fails_after_the_end,
    is_closed,
    is_number,
    keeps_its_number_after,
)
from luasocket_conformance.faults.factories.objects import drop_buffer
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(__name__, also_fails=(*STREAMS, "udp"))


@FAULTS.fault("tcp:setfd", detected_by="tcp/sequences/client-keeps-its-timeouts/setfd")
def setfd_drops_the_total_timeout(original: Original, obj: Any, *args: Any) -> Values:
    """The method setfd removes the total timeout."""
    original.method(obj, "settimeout", None, b"t")
    return original(obj, *args)


@FAULTS.fault("tcp:shutdown", detected_by="tcp/sequences/client-keeps-its-timeouts/shutdown")
@after_success
def shutdown_drops_the_timeouts(original: Original, _results: Values, obj: Any, *_args: Any) -> None:
    """The method shutdown removes both timeouts."""
    original.method(obj, "settimeout", None, b"b")
    original.method(obj, "settimeout", None, b"t")


@FAULTS.fault("tcp:bind", detected_by="tcp/sequences/master-keeps-its-timeouts/bind")
@after_success
def bind_drops_the_total_timeout(original: Original, _results: Values, obj: Any, *_args: Any) -> None:
    """The method bind removes the total timeout."""
    original.method(obj, "settimeout", None, b"t")


@FAULTS.fault("tcp:accept", detected_by="tcp/sequences/server-keeps-its-timeouts")
def accept_uses_the_timeout_up(original: Original, obj: Any, *args: Any) -> Values:
    """The timeout of a server is for one accept."""
    results = original(obj, *args)
    original.method(obj, "settimeout", None)
    return results


@FAULTS.fault("tcp{client}:setoption", "tcp{client}:send", detected_by="tcp/sequences/buffer-stays")
def other_calls_drop_the_buffer(original: Original, obj: Any, *args: Any) -> Values:
    """The methods setoption and send drop buffered data."""
    drop_buffer(original, obj)
    return original(obj, *args)


@FAULTS.fault("tcp{client}:receive", detected_by="tcp/sequences/buffer-stays-after-an-error/receive")
def wrong_pattern_drops_the_buffer(original: Original, obj: Any, *args: Any) -> Values:
    """A receive that raises drops buffered data."""
    try:
        return original(obj, *args)
    except original.api.LuaError:
        while original.method(obj, "dirty") == (True,):
            original(obj, 1)
        raise


@FAULTS.fault("*:settimeout", detected_by="tcp/sequences/timeouts-after-a-wrong-argument/mode")
def settimeout_sets_before_it_checks(original: Original, obj: Any, *args: Any) -> Values:
    """The time is set before a wrong mode raises."""
    if args and is_number(args[0]) and args[1:2] not in ((b"t",), (b"r",)):
        original(obj, args[0])
    return original(obj, *args)


@FAULTS.fault("tcp:setoption", detected_by="tcp/sequences/option-after-a-wrong-value/keepalive")
def wrong_value_clears_the_option(original: Original, obj: Any, name: Any = None, *rest: Any) -> Values:
    """A value of a wrong type sets a boolean option to false, and raises."""
    try:
        return original(obj, name, *rest)
    except original.api.LuaError:
        if name in (b"keepalive", b"tcp-nodelay"):
            original(obj, name, False)
        raise


@FAULTS.fault("tcp{client}:shutdown", detected_by="tcp/sequences/shutdown-of-nonsense-shuts-nothing")
def wrong_mode_shuts_down(original: Original, obj: Any, *args: Any) -> Values:
    """A mode that does not exist shuts both directions down, and raises."""
    try:
        return original(obj, *args)
    except original.api.LuaError:
        original(obj, b"both")
        raise


@FAULTS.fault("tcp{client}:receive", "tcp{client}:send", detected_by="tcp/sequences/send-after-a-timed-out-receive")
def deadline_stays_on_the_connection(original: Original, obj: Any, *args: Any) -> Values:
    """After a receive that has timed out, send times out at once."""
    if original.name == "send":
        return (None, b"timeout", 0) if original.memory.get(obj) else original(obj, *args)
    results = original(obj, *args)
    original.memory[obj] = failed(results) and results[1] == b"timeout"
    return results


@FAULTS.fault("tcp{client}:send", "tcp{client}:receive", detected_by="tcp/sequences/receive-after-a-timed-out-send")
def deadline_of_send_stays(original: Original, obj: Any, *args: Any) -> Values:
    """After a send that has timed out, receive times out at once."""
    if original.name == "receive":
        return (None, b"timeout", b"") if original.memory.get(obj) else original(obj, *args)
    results = original(obj, *args)
    original.memory[obj] = failed(results) and results[1] == b"timeout"
    return results


def _second_wait_is_short(original: Original, obj: Any, *args: Any) -> Values:
    """Do not wait in the call after one that has timed out."""
    block, total = original.method(obj, "gettimeout")
    if original.memory.pop(obj, False):
        original.method(obj, "settimeout", 0)
    results = original(obj, *args)
    original.memory[obj] = failed(results) and results[1] == b"timeout"
    original.method(obj, "settimeout", block)
    original.method(obj, "settimeout", total, b"t")
    return results


FAULTS.add(
    "receive-waits-once",
    "After a receive that has timed out, the next one does not wait.",
    "tcp{client}:receive",
    _second_wait_is_short,
    detected_by="tcp/sequences/receive-after-a-timed-out-receive",
)
FAULTS.add(
    "accept-waits-once",
    "After an accept that has timed out, the next one does not wait.",
    "tcp{server}:accept",
    _second_wait_is_short,
    detected_by="tcp/sequences/accept-after-a-timed-out-accept",
)


@FAULTS.fault(
    "*:settimeout",
    detected_by=(
        "tcp/sequences/short-timeout-of-receive",
        "tcp/sequences/short-timeout-of-accept",
        "tcp/sequences/short-timeout-of-send",
        "tcp/timeout/milliseconds",
        "tcp/timeout/accept-milliseconds",
        "udp/sequences/short-timeout",
    ),
)
@changes_argument(2)
def timeouts_are_rounded_up(seconds: Any) -> Any:
    """Timeouts are rounded up to whole seconds."""
    return math.ceil(seconds) if is_number(seconds) and 0 < seconds < 1e6 else seconds


@FAULTS.fault(
    "tcp:receive",
    "tcp:send",
    "tcp:accept",
    detected_by=("tcp/sequences/closed-does-not-wait", "tcp/sequences/closed-server-does-not-wait"),
    deadline=1.0,
)
def closed_objects_wait(original: Original, obj: Any, *args: Any) -> Values:
    """On a closed object the timeout passes before the call fails."""
    block = original.method(obj, "gettimeout")[0]
    if is_closed(original, obj) and block > 0:
        time.sleep(min(block, 2))
    return original(obj, *args)


@FAULTS.fault(
    "tcp:receive",
    "tcp:send",
    "tcp:accept",
    "udp:receive",
    detected_by=(
        "tcp/sequences/closed-does-not-wait",
        "tcp/sequences/closed-server-does-not-wait",
        "udp/receive/closed",
    ),
)
def closed_objects_wait_for_short_timeouts(original: Original, obj: Any, *args: Any) -> Values:
    """On a closed object a timeout of less than two seconds passes before the call fails."""
    block = original.method(obj, "gettimeout")[0]
    if is_closed(original, obj) and 1 < block < 2:
        time.sleep(block)
    return original(obj, *args)


@FAULTS.fault("tcp{client}:getpeername", detected_by="tcp/sequences/connected-again-has-the-new-names")
def getpeername_is_the_first_one(original: Original, obj: Any, *args: Any) -> Values:
    """A connected client keeps the name of its first peer."""
    results = original(obj, *args)
    return results if failed(results) else original.memory.setdefault(obj, results)


@FAULTS.fault("tcp{server}:accept", "tcp{client}:getsockname", detected_by="tcp/sequences/accepted-on-any-address")
def accepted_clients_have_the_name_of_the_server(original: Original, obj: Any, *args: Any) -> Values:
    """The name of an accepted client is that of its server."""
    if original.name == "getsockname":
        return original.memory.get(obj) or original(obj, *args)
    results = original(obj, *args)
    if not failed(results):
        original.memory[results[0]] = original.method(obj, "getsockname")
    return results


@FAULTS.fault("tcp:getoption", "tcp:setoption", "tcp:getfd", "tcp:getsockname", detected_by="tcp/sequences/error-stays")
def every_call_clears_the_error(original: Original, obj: Any, *args: Any) -> Values:
    """Other calls clear the pending error of an object, too."""
    if args[:1] != (b"error",) and not is_closed(original, obj):
        original.method(obj, "getoption", b"error")
    return original(obj, *args)


@FAULTS.fault("tcp:connect", "tcp:bind", detected_by="tcp/sequences/master-keeps-its-timeouts-when-it-fails")
def failed_masters_lose_their_timeouts(original: Original, obj: Any, *args: Any) -> Values:
    """A connect or bind that fails takes the timeouts away."""
    results = original(obj, *args)
    if failed(results) and results[1] != b"timeout":
        original.method(obj, "settimeout", None)
        original.method(obj, "settimeout", None, b"t")
    return results


FAULTS.add(
    "closed-server-keeps-its-number",
    "A server that has accepted a client still has the number of its descriptor when it is closed.",
    ("tcp{server}:accept", "tcp:getfd"),
    keeps_its_number_after("accept"),
    detected_by="tcp/sequences/descriptor-of-a-used-object-that-is-closed/server",
)


@FAULTS.fault("tcp{server}:accept", detected_by="tcp/sequences/server-accepts-several")
def accepted_clients_are_one(original: Original, obj: Any, *args: Any) -> Values:
    """A second accept returns the client of the first one."""
    results = original(obj, *args)
    if failed(results):
        return results
    client = original.memory.setdefault(obj, results[0])
    return (client, *results[1:])


@FAULTS.fault("tcp{server}:accept", detected_by="tcp/sequences/server-keeps-its-options")
def accept_resets_the_servers_options(original: Original, obj: Any, *args: Any) -> Values:
    """A server that accepts a client loses tcp-nodelay."""
    results = original(obj, *args)
    original.method(obj, "setoption", b"tcp-nodelay", False)
    return results


FAULTS.add(
    "no-peer-after-the-end",
    "After the end of its peer's data, a client has no peer.",
    ("tcp{client}:receive", "tcp:getpeername"),
    fails_after_the_end(None, b"closed"),
    detected_by="tcp/sequences/names-of-a-half-closed-client",
)


FAULTS.add(
    "end-of-one-direction-is-the-end",
    "After the end of its peer's data, a client does not send.",
    ("tcp{client}:receive", "tcp{client}:send"),
    fails_after_the_end(None, b"closed", 0),
    detected_by="tcp/sequences/half-closed-by-the-peer",
)


@FAULTS.fault("tcp{client}:shutdown", "tcp{client}:receive", detected_by="tcp/sequences/half-closed-here")
def no_receive_after_a_shutdown(original: Original, obj: Any, *args: Any) -> Values:
    """A client that has shut its sending down receives nothing."""
    if original.name == "receive":
        return (None, b"closed", b"") if original.memory.get(obj) else original(obj, *args)
    original.memory[obj] = True
    return original(obj, *args)
