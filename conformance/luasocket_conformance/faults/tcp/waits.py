"""Faulty ports that the behaviours of ``tcp/waits.yaml`` detect."""

from __future__ import annotations

import errno
import os
import socket
import time
from typing import Any, Final

from luasocket_conformance.faults.factories import (
    STREAMS,
    after_success,
    descriptor_number,
    failed,
    is_number,
    refuses_argument,
)
from luasocket_conformance.faults.factories.select import listed
from luasocket_conformance.faults.factories.states import after, does_not_wait, fails_with, from_call
from luasocket_conformance.faults.mechanism import Faults, Original, Values

#: Seconds below which a call has not waited. The behaviours' peers act after ten milliseconds.
_NO_WAIT: Final = 0.005

FAULTS = Faults(
    __name__,
    also_fails=(*STREAMS, "udp"),
    deadline=1.0,
)

for _method, _statement in (
    ("receive", "tcp/waits/receive-waits-again"),
    ("accept", "tcp/waits/accept-waits-again"),
    ("send", "tcp/waits/send-waits-again"),
    ("connect", "tcp/waits/connect-waits-again"),
):
    FAULTS.add(
        f"{_method}-waits-no-more",
        f"Once {_method} has timed out, it does not wait any more when the timeout is taken away.",
        f"tcp:{_method}",
        from_call(1, fails_with(b"timeout"))(does_not_wait),
        detected_by=_statement,
    )


@FAULTS.fault("tcp{master}:settimeout", detected_by="tcp/waits/limit-of-a-master-in-receive/r")
@refuses_argument(3)
def masters_know_no_mode_r(mode: Any) -> object:
    """On a master, the old name "r" is not known."""
    return mode == b"r"


@FAULTS.fault("tcp{master}:connect", detected_by="tcp/waits/limit-of-a-master-in-receive/t")
@after_success
def connect_takes_the_total_away(original: Original, _results: Values, obj: Any, *_args: Any) -> None:
    """A master that is connected loses its total timeout."""
    original.method(obj, "settimeout", None, b"t")


@FAULTS.fault("tcp{master}:listen", detected_by="tcp/waits/total-of-a-master")
@after_success
def listen_takes_the_total_away(original: Original, _results: Values, obj: Any, *_args: Any) -> None:
    """A master that listens loses its total timeout."""
    original.method(obj, "settimeout", None, b"t")


@FAULTS.fault("tcp:receive", detected_by="tcp/waits/whole-time-after-a-success")
def success_takes_half_of_the_next_time(original: Original, obj: Any, *args: Any) -> Values:
    """A receive after one that has succeeded has half of the time."""
    limits = original.method(obj, "gettimeout")
    if original.memory.get(obj):
        for limit, mode in zip(limits, (b"b", b"t"), strict=True):
            original.method(obj, "settimeout", limit / 2, mode)
    try:
        results = original(obj, *args)
    finally:
        for limit, mode in zip(limits, (b"b", b"t"), strict=True):
            original.method(obj, "settimeout", limit, mode)
    original.memory[obj] = not failed(results)
    return results


@FAULTS.fault("tcp{server}:settimeout", detected_by="tcp/waits/nil-takes-one-limit-of-a-server-away")
def nil_takes_both_limits_of_a_server(original: Original, obj: Any, seconds: Any = None, *rest: Any) -> Values:
    """On a server, nil takes both limits away."""
    if seconds is None:
        (original(obj, None, b"b"), original(obj, None, b"t"))
    return original(obj, seconds, *rest)


@FAULTS.fault("tcp:settimeout", detected_by="tcp/waits/nil-takes-one-limit-of-a-client-away")
def nil_with_mode_r_is_for_each_wait(
    original: Original, obj: Any, seconds: Any = None, mode: Any = b"b", *_rest: Any
) -> Values:
    """The value nil with the mode "r" takes the limit of each wait away."""
    return original(obj, seconds, b"b" if seconds is None and mode == b"r" else mode)


@FAULTS.fault("tcp:settimeout", detected_by="tcp/waits/get-at-each-step")
def unknown_mode_sets_the_block(original: Original, obj: Any, *args: Any) -> Values:
    """With a mode that does not exist, the limit of each wait is set before the error is raised."""
    try:
        return original(obj, *args)
    except original.api.LuaError:
        if is_number(args[0]):
            original(obj, args[0])
        raise


@FAULTS.fault("tcp:receive", "tcp:settimeout", detected_by="tcp/waits/data-at-an-expired-timeout")
@from_call(1, fails_with(b"timeout"))
def receive_stays_timed_out(original: Original, obj: Any, *args: Any) -> Values:
    """Once receive has timed out, it does so until the next settimeout."""
    if original.name == "settimeout":
        original.memory.pop(obj)
        return original(obj, *args)
    return (None, b"timeout", b"")


@FAULTS.fault("tcp:receive", "tcp:send", "tcp:settimeout", detected_by="tcp/waits/data-at-an-expired-timeout")
@after("receive", fails_with(b"timeout"), forgotten="settimeout")
def send_times_out_after_receive(_original: Original, _obj: Any, *_args: Any) -> Values:
    """Once receive has timed out, send does so, until the next settimeout."""
    return (None, b"timeout", 0)


@FAULTS.fault("tcp:receive", detected_by=("tcp/waits/end-during-receive", "tcp/waits/reset-during-receive"))
def end_in_a_limited_wait_is_a_timeout(original: Original, obj: Any, *args: Any) -> Values:
    """With a total timeout, a receive during which the connection ends reports a timeout."""
    began = time.monotonic()
    results = original(obj, *args)
    waited = time.monotonic() - began > _NO_WAIT
    total = original.method(obj, "gettimeout")[1]
    return (None, b"timeout", results[2]) if waited and total > 0 and fails_with(b"closed")(results) else results


@FAULTS.fault(
    "tcp{server}:accept", "tcp:receive", detected_by=("tcp/waits/end-during-receive", "tcp/waits/reset-during-receive")
)
def accepted_client_loses_what_came_before_the_end(original: Original, obj: Any, *args: Any) -> Values:
    """A receive of an accepted client during which the connection ends returns no partial result."""
    began = time.monotonic()
    results = original(obj, *args)
    if original.name == "accept":
        original.memory[results[0]] = True
    elif obj in original.memory and fails_with(b"closed")(results) and time.monotonic() - began > _NO_WAIT:
        return (None, b"closed", b"")
    return results


@FAULTS.fault("tcp:send", detected_by="tcp/waits/reset-during-send")
def reset_in_a_limited_send_is_a_timeout(original: Original, obj: Any, *args: Any) -> Values:
    """With a total timeout, a send during which the connection is reset reports a timeout."""
    results = original(obj, *args)
    total = original.method(obj, "gettimeout")[1]
    return (None, b"timeout", results[2]) if total > 0 and fails_with(b"closed")(results) else results


def _has_ended(original: Original, obj: Any) -> bool:
    """Tell whether a client's connection has ended or was reset; the error of a reset is taken."""
    with socket.socket(fileno=os.dup(descriptor_number(original, obj))) as held:
        try:
            return not held.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except OSError as error:
            return error.errno == errno.ECONNRESET


@FAULTS.fault("socket.select", detected_by=("tcp/waits/end-during-select", "tcp/waits/reset-during-select"))
def select_waits_for_data_only(original: Original, *args: Any) -> Values:
    """A select that waits notices neither the end of a connection nor a reset."""
    began = time.monotonic()
    results = original(*args)
    if time.monotonic() - began < _NO_WAIT or not any(_has_ended(original, obj) for obj in listed(results[0])):
        return results
    return (original.api.Table(), original.api.Table(), b"timeout")
