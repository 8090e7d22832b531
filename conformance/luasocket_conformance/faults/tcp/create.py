"""Faulty ports that the behaviours of ``tcp/create.yaml`` detect."""

from __future__ import annotations

from luasocket_conformance.faults.factories import (
    STREAMS,
    changes_result,
    keeps_every_result,
    never_fails,
)
from luasocket_conformance.faults.factories.families import add_missing_fields, add_missing_methods, add_result_shapes
from luasocket_conformance.faults.factories.objects import add_wrong_objects
from luasocket_conformance.faults.mechanism import ABSENT, Faults

FAULTS = Faults(
    __name__,
    also_fails=(*STREAMS, "udp"),
)


FAULTS.add(
    "tcp-objects-are-kept-for-ever",
    "Objects without references are not collected.",
    ("socket.tcp*", "socket.connect", "tcp:accept"),
    keeps_every_result,
    violates=("master:close/collected", "client:close/collected", "server:close/collected"),
    deadline=1.0,
)

FAULTS.add(
    "shutdown-works-on-masters",
    "A master can be shut down.",
    "tcp{master}:shutdown",
    never_fails(1),
    detected_by="tcp/create/methods-of-other-classes-raise",
)

FAULTS.add(
    "dirty-is-a-number", "The result is 0 or 1.", "tcp:dirty", changes_result(1)(int), detected_by="tcp/create/dirty"
)

FAULTS.add("tcp-is-missing", "There is no TCP.", "socket.tcp*", ABSENT, violates=("module/tcp-udp", "module/namespace"))

add_wrong_objects(FAULTS, "tcp", "udp")

add_result_shapes(FAULTS, "socket.tcp", "tcp", can_fail=False)
add_result_shapes(FAULTS, "socket.tcp6", "tcp6", can_fail=False)
add_missing_fields(FAULTS, {"tcp4": "tcp/create", "tcp6": "tcp/create"})
add_missing_methods(FAULTS, "tcp", {"dirty": "tcp/create/dirty"})
