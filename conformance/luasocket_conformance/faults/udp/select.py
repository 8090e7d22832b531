"""Faulty ports that the behaviours of ``udp/select.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories.select import changes_lists, filtered, listed, ready_table
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(
    __name__,
    also_fails=(
        "udp",
        "select",
        "inheritance",
        "helper",
        "module",
        "tcp/options",
        "tcp/states",
        "tcp",
        "connect",
        "sink",
        "source",
    ),
    deadline=1.0,
)


@FAULTS.fault("udp:receive", "udp:send", "udp:sendto", detected_by="udp/select/refused")
def udp_refused_is_not_reported(original: Original, obj: Any, *args: Any) -> Values:
    """A refused datagram is not reported."""
    results = original(obj, *args)
    if results[1:2] in ((b"refused",), (b"connection refused",)):
        return original(obj, *args)
    return results


@FAULTS.fault("socket.select", detected_by="udp/select/woken")
@changes_lists
def select_knows_no_udp(original: Original, table: Any) -> Any:
    """A UDP object is never ready."""

    def keep(obj: Any) -> bool:
        plain = isinstance(obj, dict | bytes | int | float | bool)
        return plain or not str(original.api.index(obj, "class")).startswith("b'udp")

    return filtered(table, keep)


@FAULTS.fault(
    "socket.select",
    "tcp{server}:accept",
    "udp:receive",
    "udp:receivefrom",
    detected_by=("udp/select/datagram-stays-ready", "select/connection-stays-ready"),
)
def select_reports_edges(original: Original, *args: Any) -> Values:
    """A server or a UDP object is ready for reading once, and then only after accept or receive was called."""
    reported = original.memory.setdefault(original.api, [])
    if original.name != "select":
        reported[:] = [obj for obj in reported if obj is not args[0]]
        return original(*args)
    readable, writable, *message = original(*args)
    edges = [obj for obj in listed(readable) if all(obj is not one for one in reported)]
    reported += [obj for obj in edges if original.api.index(obj, "class") != b"tcp{client}"]
    tables = ready_table(original, edges), writable
    return (*tables, *message) if any(tables) else (*tables, b"timeout")
