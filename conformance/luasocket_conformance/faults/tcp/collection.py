"""Faulty ports that the behaviours of ``tcp/collection.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import STREAMS, after_success, failed, is_closed, keep
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
