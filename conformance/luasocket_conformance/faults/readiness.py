"""Faulty ports that the behaviours of ``readiness.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import STREAMS
from luasocket_conformance.faults.factories.select import (
    changes_lists,
    drops_class,
    filtered,
    first_result,
    listed,
    ready_table,
)
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(__name__, also_fails=(*STREAMS, "udp", "endpoints"), deadline=1.0)

FAULTS.add(
    "select-passes-over-masters",
    "Masters are ignored, whether they have a descriptor or not.",
    "socket.select",
    drops_class(b"tcp{master}"),
    detected_by=("readiness/state-of-an-object/tcp6-master", "readiness/state-of-an-object/bound-master"),
)


@FAULTS.fault("socket.select", detected_by="readiness/state-of-an-object/refused")
@changes_lists
def select_wants_a_peer(original: Original, table: Any) -> Any:
    """A client is ignored unless it has a peer."""

    def keep(obj: Any) -> bool:
        if isinstance(obj, dict | bytes | int | float) or original.api.index(obj, "class") != b"tcp{client}":
            return True
        return original.method(obj, "getpeername")[0] is not None

    return filtered(table, keep)


@FAULTS.fault(
    "socket.select",
    detected_by=("readiness/buffered-data-beside-nothing-to-write-to", "readiness/buffered-data-beside-full-buffers"),
)
def buffered_data_make_writers_ready(
    original: Original, reading: Any = None, writing: Any = None, *rest: Any
) -> Values:
    """Beside buffered data, every object of the second list is ready, for the system is not asked."""
    results = original(reading, writing, *rest)
    if any(first_result(original, obj, "dirty") for obj in listed(results[0])):
        return (results[0], ready_table(original, listed(writing)), *results[2:])
    return results


@FAULTS.fault("socket.select", detected_by="readiness/state-of-an-idle-object")
def select_takes_servers_for_writable(
    original: Original, reading: Any = None, writing: Any = None, *rest: Any
) -> Values:
    """A server is ready for writing."""
    servers = [obj for obj in listed(writing) if first_class(original, obj) == b"tcp{server}"]
    if not servers:
        return original(reading, writing, *rest)
    results = original(reading, writing, 0)
    return (results[0], ready_table(original, listed(results[1]) + servers))


def first_class(original: Original, obj: Any) -> Any:
    """Return the class of an object; None for anything else."""
    return None if isinstance(obj, dict | bytes | int | float) else original.api.index(obj, "class")
