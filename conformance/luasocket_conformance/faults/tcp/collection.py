"""Faulty ports that the behaviours of ``tcp/collection.yaml`` detect."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from luasocket_conformance.faults.factories import STREAMS, after_success, failed, is_closed, keep
from luasocket_conformance.faults.factories.closures import changes_protected
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(__name__, also_fails=(*STREAMS, "udp"), deadline=1.0)


@FAULTS.fault(
    "tcp{client}:receive",
    detected_by=("tcp/collection/client-with-buffered-data", "tcp/collection/accepted-client-with-buffered-data"),
)
def buffered_data_keeps_a_client(original: Original, obj: Any, *args: Any) -> Values:
    """A client with buffered data is not collected."""
    results = original(obj, *args)
    if original.method(obj, "dirty") == (True,):
        keep(original, obj)
    return results


@FAULTS.fault(
    "tcp{client}:receive",
    detected_by=("tcp/collection/client-whose-peer-has-ended", "tcp/collection/client-after-a-timeout"),
)
def failed_receive_keeps_a_client(original: Original, obj: Any, *args: Any) -> Values:
    """A client is not collected after a receive has failed."""
    results = original(obj, *args)
    if failed(results):
        keep(original, obj)
    return results


@FAULTS.fault(
    "socket.select",
    detected_by=("tcp/collection/client-that-was-selected", "udp/collection/that-was-selected"),
)
def select_keeps_its_objects(original: Original, *args: Any) -> Values:
    """Objects that select was given are not collected."""
    keep(original, args)
    return original(*args)


@FAULTS.fault("socket.source", detected_by="tcp/collection/client-of-a-source")
def sources_keep_their_sockets_for_ever(original: Original, *args: Any) -> Values:
    """The socket of a source is not collected, even when the source is."""
    keep(original, args)
    return original(*args)


@FAULTS.fault("*:setfd", detected_by=("tcp/collection/given-away", "udp/collection/given-away"))
def setfd_closes_the_replaced_descriptor(original: Original, obj: Any, number: Any = None, *rest: Any) -> Values:
    """The descriptor that setfd replaces by -1 is closed."""
    if number == -1 and not is_closed(original, obj):
        original.method(obj, "close")
    return original(obj, number, *rest)


@FAULTS.fault("tcp:setfd", detected_by="tcp/collection/taken-over")
def setfd_keeps_its_object(original: Original, obj: Any, *args: Any) -> Values:
    """An object that has got a descriptor by setfd is not collected."""
    results = original(obj, *args)
    if not is_closed(original, obj):
        keep(original, obj)
    return results


@FAULTS.fault(
    "tcp:listen",
    "tcp:accept",
    detected_by=("tcp/collection/server-with-a-pending-connection", "tcp/collection/server-after-a-timeout"),
)
def servers_are_kept(original: Original, obj: Any, *args: Any) -> Values:
    """A server is not collected."""
    keep(original, obj)
    return original(obj, *args)


@FAULTS.fault("tcp{client}:close", detected_by="tcp/collection/close-with-buffered-data")
def close_with_buffered_data_closes_nothing(original: Original, obj: Any, *args: Any) -> Values:
    """A client with buffered data stays open."""
    if not is_closed(original, obj) and original.method(obj, "dirty") == (True,):
        return (1,)
    return original(obj, *args)


@FAULTS.fault("tcp:send", detected_by="tcp/collection/client-after-use")
@after_success
def send_keeps_its_object(original: Original, _results: Values, obj: Any, *_args: Any) -> None:
    """A client that has sent is not collected."""
    keep(original, obj)


@FAULTS.fault("tcp{server}:accept", detected_by="tcp/collection/server-after-use")
@after_success
def clients_keep_their_server(original: Original, results: Values, obj: Any, *_args: Any) -> None:
    """A server is not collected as long as a client that it has accepted exists."""
    original.memory[results[0]] = obj


# -- tables that were arguments


@FAULTS.fault("socket.select", detected_by="tcp/collection/lists-of-select")
def select_keeps_its_lists(original: Original, *args: Any) -> Values:
    """The lists that select was given are not collected."""
    keep(original, args[:2])
    return original(*args)


@FAULTS.fault("tcp:setoption", detected_by="tcp/collection/table-of-an-option")
def setoption_keeps_its_table(original: Original, *args: Any) -> Values:
    """The table of an option is not collected."""
    keep(original, [value for value in args[2:] if isinstance(value, dict)])
    return original(*args)


@FAULTS.fault("socket.protect", detected_by="tcp/collection/body-of-protect")
def protect_keeps_functions(original: Original, *args: Any) -> Values:
    """A function that was protected is not collected."""
    keep(original, args)
    return original(*args)


@FAULTS.fault("socket.newtry", detected_by="tcp/collection/finalizer-of-newtry")
def newtry_keeps_finalizers(original: Original, *args: Any) -> Values:
    """A finalizer is not collected."""
    keep(original, args)
    return original(*args)


@FAULTS.fault("socket.protect", detected_by="tcp/collection/message-of-an-exception")
@changes_protected
def protect_keeps_messages(original: Original, made: Callable[..., Values], _function: Any, *values: Any) -> Values:
    """The message of an exception is not collected."""
    results = made(*values)
    if failed(results):
        keep(original, results)
    return results


@FAULTS.fault("socket.protect", detected_by="tcp/collection/error-through-protect")
@changes_protected
def protect_keeps_errors(original: Original, made: Callable[..., Values], _function: Any, *values: Any) -> Values:
    """The value of an error is not collected."""
    try:
        return made(*values)
    except original.api.LuaError as error:
        keep(original, error.args)
        raise


@FAULTS.fault("socket.choose", detected_by="tcp/collection/entries-of-choose")
def choose_keeps_its_table(original: Original, *args: Any) -> Values:
    """The table of choose is not collected."""
    keep(original, args)
    return original(*args)


@FAULTS.fault("tcp{server}:accept", detected_by="tcp/collection/clients-outlive-their-server")
@after_success
def accepted_clients_belong_to_their_server(original: Original, results: Values, obj: Any, *_args: Any) -> None:
    """Clients that a server has accepted are closed when it is collected."""
    clients = original.memory.setdefault(obj, [])
    if not clients:
        weakref.finalize(obj, _close_all, original, clients)
    clients.append(weakref.ref(results[0]))


def _close_all(original: Original, clients: list[Any]) -> None:
    """Close clients that are still there."""
    for client in filter(None, (reference() for reference in clients)):
        original.method(client, "close")


@FAULTS.fault("tcp{server}:accept", detected_by="tcp/collection/server-outlives-its-clients")
@after_success
def servers_belong_to_their_clients(original: Original, results: Values, obj: Any, *_args: Any) -> None:
    """A server is closed when a client that it has accepted is collected."""
    weakref.finalize(results[0], _close_all, original, [weakref.ref(obj)])


@FAULTS.fault(
    "socket.source",
    "socket.sink",
    detected_by=(
        "tcp/collection/client-outlives-sink-and-source/by-length",
        "tcp/collection/client-outlives-sink-and-source/keep-open",
    ),
)
@after_success
def streams_own_their_sockets(original: Original, results: Values, *args: Any) -> None:
    """A socket is closed when a source or a sink of it is collected."""
    for obj in args:
        if not isinstance(obj, bytes | int | float | dict) and obj is not None:
            weakref.finalize(results[0], _close_all, original, [weakref.ref(obj)])
