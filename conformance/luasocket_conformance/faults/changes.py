"""Faulty ports that the behaviours of ``changes.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import STREAMS, failed, is_closed
from luasocket_conformance.faults.factories.select import listed, ready_table
from luasocket_conformance.faults.mechanism import Faults, Mistake, Original, Values

FAULTS = Faults(__name__, also_fails=(*STREAMS, "udp", "endpoints", "readiness", "addresses"), deadline=1.0)


@FAULTS.fault(
    "tcp{client}:getpeername",
    detected_by=("changes/peer-of-a-client-acts/connected-reset", "changes/peer-of-a-client-acts/accepted-reset"),
)
def peername_is_remembered(original: Original, obj: Any, *args: Any) -> Values:
    """A client that has said its peer's name says it as long as it is open, also when the connection was reset."""
    if is_closed(original, obj):
        return original(obj, *args)
    number = original.method(obj, "getfd")
    known, results = original.memory.get(obj, (None, ()))
    if known != number:
        results = original(obj, *args)
        if not failed(results):
            original.memory[obj] = number, results
    return tuple(results)


def _stays_ready(position: int, class_name: bytes) -> Mistake:
    """Take an object of a class for ready, in one of the lists, once it was, as long as it is open."""

    def mistake(original: Original, *lists: Any) -> Values:
        watched = lists[position] if len(lists) > position else None
        stale = []
        for obj in listed(watched):
            if isinstance(obj, dict | bytes | int | float) or original.api.index(obj, "class") != class_name:
                continue
            if original.memory.get(obj) and not is_closed(original, obj):
                stale.append(obj)
        results = list(original(*lists[:2], 0) if stale else original(*lists))
        ready = listed(results[position])
        for obj in ready:
            if not isinstance(obj, dict) and original.api.index(obj, "class") == class_name:
                original.memory[obj] = True
        if not stale:
            return tuple(results)
        results[position] = ready_table(original, [*ready, *(obj for obj in stale if obj not in ready)])
        return tuple(results[:2])

    return mistake


for _name, _says, _position, _class, _selector in (
    ("writable-client", "A client that was once ready for writing", 1, b"tcp{client}",
     "changes/buffers-fill-and-empty"),
    ("readable-client", "A client that was once ready for reading", 0, b"tcp{client}",
     "changes/data-come-and-go"),
    ("readable-server", "A server that was once ready for reading", 0, b"tcp{server}",
     "changes/connections-come-and-go"),
    ("readable-connected-udp", "A connected UDP object that was once ready for reading", 0, b"udp{connected}",
     "changes/datagrams-come-and-go/connected"),
    ("readable-unconnected-udp", "An unconnected UDP object that was once ready for reading", 0, b"udp{unconnected}",
     "changes/datagrams-come-and-go/unconnected"),
):  # fmt: skip
    FAULTS.add(
        f"{_name}-stays-ready",
        f"{_says} stays so for select.",
        "socket.select",
        _stays_ready(_position, _class),
        detected_by=_selector,
    )


@FAULTS.fault("tcp{client}:shutdown", "socket.select", detected_by="changes/client-is-shut-down")
def select_knows_no_shutdown(original: Original, *args: Any) -> Values:
    """A client that select has found without data is not ready for reading because the program shuts it down."""
    if original.name == "shutdown":
        if original.memory.get(args[0]) == "idle":
            original.memory[args[0]] = "shut down"
        return original(*args)
    results = original(*args)
    readers = [obj for obj in listed(args[0] if args else None) if not isinstance(obj, dict | bytes | int | float)]
    ready = listed(results[0])
    for obj in readers:
        if original.api.index(obj, "class") == b"tcp{client}" and obj not in ready and not original.memory.get(obj):
            original.memory[obj] = "idle"
    kept = [obj for obj in ready if isinstance(obj, dict) or original.memory.get(obj) != "shut down"]
    if len(kept) == len(ready):
        return results
    timeout = () if kept or listed(results[1]) else (b"timeout",)
    return (ready_table(original, kept), results[1], *timeout)


@FAULTS.fault("tcp:getsockname", detected_by="changes/master-becomes-a-server")
def first_name_of_a_master_stays(original: Original, obj: Any, *args: Any) -> Values:
    """An object that was asked for its name before it had one says the same as long as it is open."""
    if is_closed(original, obj):
        original.memory.pop(obj, None)
        return original(obj, *args)
    results = original(obj, *args)
    unbound = not failed(results) and str(results[1]).strip("b'") in ("0", "0.0")
    return tuple(original.memory.setdefault(obj, results)) if unbound or obj in original.memory else results


@FAULTS.fault("tcp:getpeername", detected_by="changes/master-becomes-a-client")
def missing_peer_of_a_master_stays(original: Original, obj: Any, *args: Any) -> Values:
    """An object that was asked for its peer before it had one has none as long as it is open."""
    results = original(obj, *args)
    if is_closed(original, obj):
        original.memory.pop(obj, None)
        return results
    if failed(results) and original.api.index(obj, "class") == b"tcp{master}":
        original.memory[obj] = results
    return tuple(original.memory.get(obj, results))


@FAULTS.fault("udp:getoption", "udp:receive", detected_by="changes/refusals-come-and-go")
def told_refusal_is_told_again(original: Original, obj: Any, *args: Any) -> Values:
    """An error that getoption has told fails the next receive, too."""
    if original.name == "getoption":
        results = original(obj, *args)
        if args[:1] == (b"error",) and results[:1] not in ((None,), ()):
            original.memory[obj] = results[0]
        return results
    told = original.memory.pop(obj, None)
    return original(obj, *args) if told is None else (None, told)
