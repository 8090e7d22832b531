"""Faulty ports that the behaviours of ``tcp/accept.yaml`` detect."""

from __future__ import annotations

import os
import socket
import time
from typing import Any

from luasocket_conformance.faults.factories import (
    STREAMS,
    after_success,
    descriptor_number,
    failed,
    is_closed,
    raises_failures,
    returns_always,
    rewords,
)
from luasocket_conformance.faults.factories.families import add_missing_methods, add_more_arguments, add_result_shapes
from luasocket_conformance.faults.factories.objects import ignores_timeouts, returns_at_timeout
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(
    __name__,
    also_fails=(*STREAMS, "udp"),
)


def _has_connection(original: Original, server: Any) -> bool:
    return len(original.call("select", {1: server}, None, 0)) == 2


@FAULTS.fault(
    "tcp:accept", violates=("server:accept/waits", "server:accept/may-block", "server:settimeout/default-accept")
)
def accept_does_not_wait(original: Original, obj: Any, *_args: Any) -> Values:
    """It returns "timeout" at once if no connection waits."""
    if not _has_connection(original, obj):
        return (None, b"timeout")
    return original(obj)


@FAULTS.fault("tcp:accept", detected_by="tcp/accept", violates="server:accept/client")
def accept_returns_the_server(original: Original, obj: Any, *args: Any) -> Values:
    """The result of accept is the server itself."""
    results = original(obj, *args)
    if failed(results):
        return results
    return (obj, *results[1:])


FAULTS.add(
    "accept-timeout-is-a-sentence",
    'The message is "Connection timed out".',
    "tcp:accept",
    rewords(b"timeout", b"Connection timed out"),
    violates="server:accept/timeout",
)


@FAULTS.fault("tcp{client}:class", detected_by="tcp/accept/waits")
def accepted_clients_are_servers(_original: Original, _obj: Any) -> Values:
    """An accepted client has the class of a server."""
    return (b"tcp{server}",)


@FAULTS.fault("tcp:accept", detected_by="tcp/accept/peer-has-reset")
def accept_skips_closed_connections(original: Original, obj: Any, *args: Any) -> Values:
    """A connection whose peer has already left is skipped."""
    results = original(obj, *args)
    if failed(results):
        return results
    original.method(results[0], "settimeout", 0)
    gone = original.method(results[0], "receive", 0)[1:2] == (b"closed",)
    original.method(results[0], "settimeout", None)
    return original(obj, *args) if gone else results


@FAULTS.fault("tcp:accept", detected_by="tcp/accept/closed-server")
def accept_on_the_closed_raises(original: Original, obj: Any, *args: Any) -> Values:
    """A closed server raises."""
    if is_closed(original, obj):
        return raises_failures(original, obj, *args)
    return original(obj, *args)


FAULTS.add(
    "accept-on-the-closed-is-a-bad-descriptor",
    'A closed server gives "Bad file descriptor".',
    "tcp:accept",
    rewords(b"closed", b"Bad file descriptor"),
    detected_by="tcp/accept/closed-server",
)


@FAULTS.fault("tcp{server}:close", "tcp{server}:accept", detected_by="tcp/accept/client-outlives-server")
def closing_a_server_closes_its_clients(original: Original, obj: Any, *args: Any) -> Values:
    """Closing a server closes the clients that it has accepted."""
    results = original(obj, *args)
    if original.name == "accept":
        if not failed(results):
            original.memory.setdefault(obj, []).append(results[0])
    else:
        for client in original.memory.pop(obj, ()):
            original.method(client, "close")
    return results


@FAULTS.fault("tcp:accept", detected_by="tcp/accept/one-connection-each")
def servers_accept_once(original: Original, obj: Any, *args: Any) -> Values:
    """A server accepts one connection."""
    if original.memory.get(obj):
        return (None, b"closed")
    results = original(obj, *args)
    original.memory[obj] = not failed(results)
    return results


@FAULTS.fault("tcp:accept", detected_by="tcp/accept/own-descriptor")
@after_success
def servers_close_when_they_accept(original: Original, _results: Values, obj: Any, *_args: Any) -> None:
    """A server is closed when it has accepted a connection."""
    original.method(obj, "close")


FAULTS.add(
    "socket-connect-returns-a-master",
    "The result of socket.connect has the class of a master.",
    "tcp{client}:class",
    returns_always(b"tcp{master}"),
    detected_by="tcp/accept/waits",
)

FAULTS.add(
    "accept-succeeds-at-the-timeout",
    "At the timeout, accept returns nil alone.",
    "tcp:accept",
    returns_at_timeout(None),
    violates=("*:settimeout/fails-accept", "server:accept/timeout"),
    deadline=1.0,
)

FAULTS.add(
    "timeout-limits-no-accept",
    "The timeout does not limit accept.",
    "tcp:accept",
    ignores_timeouts,
    detected_by="tcp/accept/timeout",
    deadline=1.0,
)


@FAULTS.fault("tcp{server}:accept", detected_by="tcp/accept/closed-server-does-not-wait", deadline=1.0)
def accept_of_a_closed_server_waits(original: Original, server: Any, *rest: Any) -> Values:
    """On a closed server it waits for its timeout before it fails."""
    results = original(server, *rest)
    if results[1:2] == (b"closed",):
        time.sleep(max(0.0, min(2.0, original.method(server, "gettimeout")[0])))
    return results


add_result_shapes(FAULTS, "tcp:accept", "server:accept")
add_missing_methods(FAULTS, "tcp", {"getfamily": "tcp/accept/family"})
add_more_arguments(FAULTS, "tcp", {"accept": (1, "tcp/accept/extra-arguments")})


def _end(original: Original, client: Any) -> bool:
    """Tell whether the peer has closed the connection, and has sent nothing before."""
    with socket.socket(fileno=os.dup(descriptor_number(original, client))) as system:
        try:
            return system.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except OSError:
            return False


@FAULTS.fault(
    "tcp{server}:accept", detected_by=("tcp/accept/peer-gone-without-a-word", "tcp/accept/peer-gone-before-others")
)
def accept_skips_those_that_have_gone(original: Original, server: Any, *rest: Any) -> Values:
    """A connection that its peer has closed, without sending anything, is dropped, and the next one returned."""
    while not failed(results := original(server, *rest)) and _end(original, results[0]):
        original.method(results[0], "close")
    return results


@FAULTS.fault("tcp{server}:accept", detected_by="tcp/accept/peer-gone-before-others")
def accept_prefers_those_that_are_there(original: Original, server: Any, *rest: Any) -> Values:
    """A connection that its peer has closed is returned after those of other peers."""
    results = original(server, *rest)
    if failed(results) or not _end(original, results[0]) or not _has_connection(original, server):
        return (original.memory.pop(server),) if failed(results) and server in original.memory else results
    original.memory[server] = results[0]
    return original(server, *rest)
