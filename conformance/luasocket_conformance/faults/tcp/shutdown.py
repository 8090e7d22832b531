"""Faulty ports that the behaviours of ``tcp/shutdown.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import (
    STREAMS,
    after_success,
    changes_argument,
    failed,
    never_raises,
    returns_always,
    takes_only,
)
from luasocket_conformance.faults.factories.families import (
    add_missing_methods,
    add_more_arguments,
    add_returns_nothing,
    add_returns_true,
    add_uses_after_close,
)
from luasocket_conformance.faults.factories.objects import drop_buffer
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(
    __name__,
    also_fails=(*STREAMS, "udp/names", "udp/options"),
)


FAULTS.add(
    "shutdown-is-always-both",
    "The mode is ignored, and both directions are shut down.",
    "tcp:shutdown",
    takes_only(1),
    detected_by="tcp/shutdown",
    violates=("client:shutdown/part", "client:shutdown/send", "client:shutdown/receive"),
)

FAULTS.add(
    "shutdown-does-nothing",
    "Nothing is shut down.",
    "tcp:shutdown",
    returns_always(1),
    violates=("client:shutdown/both", "client:shutdown/default", "client:shutdown/send", "client:shutdown/receive"),
    deadline=1.0,
)


@FAULTS.fault("tcp:shutdown", violates="client:shutdown/default")
def shutdown_is_of_sending_by_default(original: Original, obj: Any, mode: Any = b"send", *_rest: Any) -> Values:
    """Without a mode only the sending direction is shut down."""
    return original(obj, mode)


@FAULTS.fault("tcp:shutdown", violates="client:shutdown/both", deadline=1.0)
def shutdown_ends_receiving_only(original: Original, obj: Any, mode: Any = b"both", *_rest: Any) -> Values:
    """With "both", only the receiving direction is shut down."""
    return original(obj, b"receive" if mode == b"both" else mode)


@FAULTS.fault("tcp:shutdown", detected_by="tcp/shutdown/bad-mode")
@changes_argument(2)
def shutdown_takes_any_mode(mode: Any) -> Any:
    """A mode that does not exist is taken for both."""
    if mode in (None, b"send", b"receive", b"both"):
        return mode
    return b"both"


FAULTS.add(
    "shutdown-returns-an-error-for-a-mode",
    "A mode that does not exist gives nil and a message.",
    "tcp:shutdown",
    never_raises(None, b"unsupported mode"),
    detected_by="tcp/shutdown/bad-mode",
)


@FAULTS.fault("tcp:shutdown", detected_by="tcp/shutdown/without-a-connection")
def shutdown_fails_when_unconnected(original: Original, obj: Any, *args: Any) -> Values:
    """On a client without a connection it gives nil and a message."""
    if failed(original.method(obj, "getpeername")):
        return (None, b"Transport endpoint is not connected")
    return original(obj, *args)


@FAULTS.fault("tcp:shutdown", detected_by="tcp/shutdown/keeps-the-socket")
@after_success
def shutdown_both_closes(original: Original, _results: Values, obj: Any, mode: Any = b"both", *_args: Any) -> None:
    """Shutting down both directions closes the socket."""
    if mode == b"both":
        original.method(obj, "close")


@FAULTS.fault("tcp:shutdown", detected_by="tcp/shutdown/buffered-data-stays")
def shutdown_drops_the_buffer(original: Original, obj: Any, mode: Any = b"both", *args: Any) -> Values:
    """Shutting down the receiving direction drops buffered data."""
    if mode != b"send":
        drop_buffer(original, obj)
    return original(obj, mode, *args)


def _remembers_shutdown(original: Original, obj: Any, *args: Any) -> Values:
    if original.name == "shutdown":
        original.memory[obj] = args[0] if args else b"both"
        return original(obj, *args)
    other = {"receive": b"send", "send": b"receive"}[original.name]
    return (
        (None, b"closed", b"" if original.name == "receive" else 0)
        if original.memory.get(obj) == other
        else original(obj, *args)
    )


FAULTS.add(
    "shutdown-is-remembered-as-closed",
    'After shutting down the sending direction, receive returns "closed".',
    ("tcp:shutdown", "tcp:receive"),
    _remembers_shutdown,
    detected_by="tcp/shutdown/send-then-read-all",
)

FAULTS.add(
    "shutdown-of-receiving-keeps-the-peer-out",
    "After shutting down the receiving direction, send fails.",
    ("tcp:shutdown", "tcp:send"),
    _remembers_shutdown,
    detected_by="tcp/shutdown/receive-leaves-sending",
)

add_returns_true(FAULTS, "tcp:shutdown", "client:shutdown/returns")
add_returns_nothing(FAULTS, "tcp:shutdown", "client:shutdown/returns")
add_missing_methods(FAULTS, "tcp", {"shutdown": "tcp/shutdown/returns-one"})
add_more_arguments(FAULTS, "tcp", {"shutdown": (2, "tcp/shutdown/extra-arguments")})
add_uses_after_close(FAULTS, "tcp", {"getfd": "tcp/shutdown/then-close"})


@FAULTS.fault("tcp:shutdown", "tcp:receive", detected_by="tcp/shutdown/receive-leaves-what-has-arrived")
def shutdown_of_receiving_drops_what_has_arrived(original: Original, obj: Any, *args: Any) -> Values:
    """After a shutdown of receiving, only the read buffer is left."""
    if original.name == "shutdown":
        original.memory[obj] = args[:1] in ((), (b"both",), (b"receive",))
        return original(obj, *args)
    if original.memory.get(obj) and original.method(obj, "dirty") == (False,):
        return (None, b"closed", args[1] if len(args) > 1 else b"")
    return original(obj, *args)
