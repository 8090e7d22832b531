"""Faulty ports that the behaviours of ``tcp/listen.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import (
    STREAMS,
    changes_argument,
    is_one_of,
    refuses_argument,
    returns_always,
)
from luasocket_conformance.faults.factories.families import (
    add_more_arguments,
    add_result_shapes,
    add_returns_nothing,
    add_returns_true,
)
from luasocket_conformance.faults.factories.objects import port_number
from luasocket_conformance.faults.factories.refusals import add_refusals
from luasocket_conformance.faults.mechanism import ABSENT, Faults, Original, Values

FAULTS = Faults(
    __name__,
    also_fails=(*STREAMS, "udp/names", "udp/options"),
)


FAULTS.add(
    "listen-does-nothing",
    "It returns 1, and the object does not listen.",
    "tcp:listen",
    returns_always(1),
    violates=(
        "master:listen/connectable",
        "master:listen/becomes-server",
        "master:listen/server-accept",
        "tcp/becomes-server",
        "tcp6/becomes-server",
    ),
)

FAULTS.add(
    "servers-have-few-methods",
    "A server has no methods but accept.",
    ("tcp{server}:getsockname", "tcp{server}:setoption", "tcp{server}:settimeout", "tcp{server}:close"),
    ABSENT,
    violates=(
        "master:listen/server-getsockname",
        "master:listen/server-setoption",
        "master:listen/server-settimeout",
        "master:listen/server-close",
    ),
)


@FAULTS.fault("tcp:listen", violates=("master:listen/backlog", "master:listen/queue-full"), deadline=1.0)
def listen_ignores_the_backlog(original: Original, obj: Any, *_backlog: Any) -> Values:
    """The number of waiting connections is not limited."""
    return original(obj, 4096)


@FAULTS.fault("tcp:listen", violates="master:listen/backlog")
def listen_has_a_backlog_of_one(original: Original, obj: Any, *_backlog: Any) -> Values:
    """Only one connection can wait."""
    return original(obj, 0)


FAULTS.add(
    "listen-wants-a-backlog",
    "Without a backlog it raises.",
    "tcp:listen",
    refuses_argument(2)(is_one_of(None)),
    detected_by="tcp/listen/not-a-master",
)


@FAULTS.fault("tcp:listen", detected_by="tcp/listen/backlog")
@refuses_argument(2)
def listen_wants_a_number(backlog: Any) -> object:
    """A backlog that is a string raises."""
    return isinstance(backlog, bytes)


@FAULTS.fault("tcp:listen", detected_by="tcp/listen/backlog")
@refuses_argument(2)
def listen_refuses_negatives(backlog: Any) -> object:
    """A negative backlog raises."""
    return port_number(backlog) < 0


@FAULTS.fault("tcp:listen", detected_by="tcp/listen/not-a-master")
def listen_again_fails(original: Original, obj: Any, *args: Any) -> Values:
    """Listening again fails."""
    if original.memory.setdefault(obj, 0):
        return (None, b"Invalid argument")
    original.memory[obj] = 1
    return original(obj, *args)


FAULTS.add(
    "listening-makes-a-client",
    "A listening object has the class of a client.",
    "tcp{server}:class",
    returns_always(b"tcp{client}"),
    detected_by="tcp/listen/unbound-tcp6",
)

add_result_shapes(FAULTS, "tcp:listen", "master:listen")
add_returns_true(FAULTS, "tcp:listen", "master:listen/returns")
add_returns_nothing(FAULTS, "tcp:listen", "master:listen/returns")
add_more_arguments(FAULTS, "tcp", {"listen": (2, "tcp/listen/extra-arguments")})
add_refusals(
    FAULTS, "connect", "tcp:connect", at=2, detected_by={"wants-a-number": "tcp/listen/connectable-before-accept"}
)


@FAULTS.fault("tcp{master}:listen", detected_by="tcp/listen/every-backlog-makes-a-server")
def listen_refuses_a_negative_backlog(original: Original, obj: Any, *args: Any) -> Values:
    """A negative backlog is refused."""
    if args and isinstance(args[0], int | float) and args[0] < 0:
        return (None, b"Invalid argument")
    return original(obj, *args)


@FAULTS.fault("tcp{server}:listen", detected_by="tcp/listen/refused-listen-leaves-the-queue", deadline=6.0)
def listening_again_drops_what_waits(original: Original, obj: Any, *args: Any) -> Values:
    """Listening again begins with an empty queue, before it fails."""
    limits = original.method(obj, "gettimeout")
    original.method(obj, "settimeout", 0)
    while (client := original.method(obj, "accept")[0]) is not None:
        original.method(client, "close")
    original.method(obj, "settimeout", limits[0])
    return original(obj, *args)


@FAULTS.fault("tcp:listen", detected_by="tcp/listen/queue-of-a-backlog-of-zero")
@changes_argument(2)
def a_backlog_of_zero_is_none(backlog: Any) -> Any:
    """A backlog of 0 counts as none given, so that it is the default."""
    return None if backlog == 0 else backlog


@FAULTS.fault("tcp:listen", detected_by="tcp/listen/queue-of-a-backlog-that-is-cut/*fraction")
@changes_argument(2)
def backlogs_are_rounded(backlog: Any) -> Any:
    """The fraction of a backlog is rounded."""
    try:
        return round(float(backlog))
    except (TypeError, ValueError, OverflowError):
        return backlog


@FAULTS.fault("tcp:listen", detected_by="tcp/listen/queue-of-a-backlog-that-is-cut/numeral*")
@changes_argument(2, bytes)
def backlogs_that_are_strings_are_ignored(backlog: bytes) -> Any:
    """A numeral counts as no backlog."""
    return None if backlog[:1].isdigit() else backlog


@FAULTS.fault("tcp:listen", detected_by="tcp/listen/queue-of-a-negative-backlog")
@changes_argument(2)
def negative_backlogs_are_zero(backlog: Any) -> Any:
    """A negative backlog counts as 0."""
    return 0 if isinstance(backlog, int | float) and backlog < 0 else backlog
