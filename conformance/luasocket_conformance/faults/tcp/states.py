"""Faulty ports that the behaviours of ``tcp/states.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import (
    STREAMS,
    after_success,
    changes_failure,
    changes_result,
    changes_success,
    failed,
    is_closed,
    never_fails,
)
from luasocket_conformance.faults.factories.families import (
    add_missing_methods,
    add_setfd_returns_one,
    add_uses_after_close,
)
from luasocket_conformance.faults.factories.states import after, fails_with, take_descriptor
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(
    __name__,
    also_fails=(*STREAMS, "udp"),
)


FAULTS.add(
    "masters-have-all-methods",
    "Methods of clients and servers, called on a master, return an error instead of raising.",
    ("tcp{master}:send", "tcp{master}:receive", "tcp{master}:accept"),
    never_fails(None, b"not connected"),
    violates=("tcp/nothing-else", "tcp6/nothing-else"),
)


@FAULTS.fault("tcp:connect", detected_by="tcp/states/refused-client-returns")
def connect_closes_on_failure(original: Original, obj: Any, *args: Any) -> Values:
    """A failed connect closes the object."""
    results = original(obj, *args)
    if failed(results):
        original.method(obj, "close")
    return results


@FAULTS.fault("tcp:listen", detected_by="tcp/states/master-returns")
def listen_binds_first(original: Original, obj: Any, *args: Any) -> Values:
    """Listening binds an unbound object first."""
    if failed(original.method(obj, "getsockname")):
        original.method(obj, "bind", b"*", 0)
    return original(obj, *args)


@FAULTS.fault("tcp:getsockname", detected_by="tcp/states/master-returns")
@changes_failure
def tcp_getsockname_of_the_unbound_is_nil(_results: Values) -> Values:
    """Without an address it returns nil alone."""
    return (None,)


@FAULTS.fault("tcp:getsockname", detected_by="tcp/states/master-returns")
@changes_failure
def tcp_getsockname_message_is_closed(_results: Values) -> Values:
    """On a closed object the message is "closed"."""
    return (None, b"closed")


@FAULTS.fault("tcp:shutdown", detected_by="tcp/states/closed-client-returns")
def shutdown_fails_when_closed(original: Original, obj: Any, *args: Any) -> Values:
    """On a closed client it gives nil and "closed"."""
    if is_closed(original, obj):
        return (None, b"closed")
    return original(obj, *args)


@FAULTS.fault("tcp:shutdown", detected_by="tcp/states/client-shut-down-returns")
@after_success
def shutdown_closes(original: Original, _results: Values, obj: Any, *_args: Any) -> None:
    """It closes the socket."""
    original.method(obj, "close")


@FAULTS.fault("tcp:getfd", detected_by="tcp/states/master-returns")
@changes_result(1)
def tcp_getfd_after_close_is_nil(number: Any) -> Any:
    """The descriptor of a closed object is nil."""
    if number == -1:
        return None
    return number


@FAULTS.fault("tcp:getstats", detected_by="tcp/states/refused-client-returns")
@changes_result(3)
def stats_age_is_negative(age: Any) -> Any:
    """The age has the other sign."""
    return -age


@FAULTS.fault("tcp{client}:getsockname", detected_by="tcp/states/client-returns")
@changes_result(1)
def tcp_getsockname_is_any_address(_host: Any) -> Any:
    """The address of a client is 0.0.0.0."""
    return b"0.0.0.0"


@FAULTS.fault("*:settimeout", detected_by="tcp/states/method-of-any-with-udp", deadline=1.0)
def timeout_without_a_value_does_nothing(original: Original, obj: Any, *args: Any) -> Values:
    """Without a value it changes nothing."""
    if args:
        return original(obj, *args)
    return (1,)


@FAULTS.fault("*:gettimeout", detected_by="tcp/states/gettimeout/client", deadline=1.0)
@changes_success
def gettimeout_is_whole(results: Values) -> Values:
    """The limits are in whole seconds."""
    return tuple(float(int(limit)) for limit in results)


add_setfd_returns_one(FAULTS, "tcp")
add_missing_methods(FAULTS, "tcp", {"setfd": "tcp/states/method-of-any-with-udp"})
add_uses_after_close(
    FAULTS,
    "tcp",
    {
        "getstats": "tcp/states/stats",
        "setstats": "tcp/states/closed-client-returns",
        "getsockname": "tcp/states/closed-master-returns",
        "getpeername": "tcp/states/closed-master-returns",
        "shutdown": "tcp/states/closed-client-returns",
        "dirty": "tcp/states/closed-master-returns",
        "getfamily": "tcp/states/closed-master-returns",
        "gettimeout": "tcp/states/gettimeout/closed-client",
    },
)


# -- clients that have not got as far as a connection


@FAULTS.fault("tcp{client}:receive", "tcp:connect", detected_by="tcp/states/client-in-progress-returns/receive-all")
@after("connect", fails_with(b"timeout"))
def receive_while_in_progress_has_no_partial(original: Original, obj: Any, *args: Any) -> Values:
    """While a connect is in progress, receive returns the empty string, whatever the prefix."""
    results = original(obj, *args)
    return (*results[:2], b"") if failed(results) else results


@FAULTS.fault("tcp{client}:send", "tcp:connect", detected_by="tcp/states/client-in-progress-returns/send-range")
@after("connect", fails_with(b"timeout"))
def send_while_in_progress_counts_from_zero(original: Original, obj: Any, *args: Any) -> Values:
    """While a connect is in progress, the index of a send that timed out is 0."""
    results = original(obj, *args)
    return (*results[:2], 0) if failed(results) else results


@FAULTS.fault("tcp:getpeername", "tcp:connect", detected_by="tcp/states/client-in-progress-returns/getpeername")
@after("connect", fails_with(b"timeout"))
def peer_is_known_while_in_progress(original: Original, obj: Any, *args: Any) -> Values:
    """While a connect is in progress, getpeername returns the address that was asked for."""
    results = original(obj, *args)
    (address, port), _ = original.memory[obj]
    return (address, int(port), b"inet") if failed(results) else results


@FAULTS.fault("tcp:getoption", "tcp:connect", detected_by="tcp/states/client-in-progress-returns/getoption-error")
@after("connect", fails_with(b"timeout"))
def pending_error_while_in_progress(original: Original, obj: Any, name: Any = None, *rest: Any) -> Values:
    """While a connect is in progress, the pending error is that it is in progress."""
    results = original(obj, name, *rest)
    return (b"Operation now in progress",) if name == b"error" and results == (None,) else results


@FAULTS.fault("tcp:connect", detected_by="tcp/states/client-of-an-unknown-host-returns")
def unknown_hosts_get_a_socket(original: Original, obj: Any, *args: Any) -> Values:
    """An object whose host was not found has a socket."""
    results = original(obj, *args)
    if failed(results) and is_closed(original, obj):
        take_descriptor(original, obj, original.call("tcp4")[0])
    return results


@FAULTS.fault("tcp:receive", "tcp:connect", detected_by="tcp/states/client-of-an-unknown-host-returns")
@after("connect", fails_with(b"host or service not provided, or not known"))
def receive_without_a_host_is_not_connected(_original: Original, _obj: Any, *_args: Any) -> Values:
    """On a client whose host was not found, receive says that it is not connected."""
    return (None, b"Transport endpoint is not connected", b"")
