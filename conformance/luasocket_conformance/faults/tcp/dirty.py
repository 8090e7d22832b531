"""Faulty ports that the behaviours of ``tcp/dirty.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import STREAMS, is_closed, returns_always
from luasocket_conformance.faults.factories.select import listed
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(
    __name__,
    also_fails=(*STREAMS, "udp/names", "udp/options"),
)


FAULTS.add(
    "dirty-is-never-true",
    "It is always false.",
    "tcp:dirty",
    returns_always(False),
    violates="client:dirty/true",
)

FAULTS.add(
    "dirty-is-always-true",
    "It is always true.",
    "tcp:dirty",
    returns_always(True),
    violates=("client:dirty/false", "master:dirty/false", "server:dirty/false"),
)


@FAULTS.fault("tcp:dirty", detected_by="tcp/dirty/server")
def dirty_is_of_the_system(original: Original, obj: Any, *args: Any) -> Values:
    """Data that waits in the system makes an object dirty."""
    if not is_closed(original, obj):
        return (len(original.call("select", {1: obj}, None, 0)) == 2,)
    return original(obj, *args)


@FAULTS.fault("tcp:receive", "tcp:dirty", detected_by="tcp/dirty/after-a-whole-block")
def whole_blocks_stay_dirty(original: Original, obj: Any, *args: Any) -> Values:
    """After a block of 8192 bytes, an object is dirty, though all of it was received."""
    results = original(obj, *args)
    if original.name == "receive":
        original.memory[obj] = isinstance(results[0], bytes) and len(results[0]) == 8192
    elif original.memory.get(obj):
        return (True,)
    return results


@FAULTS.fault(
    "socket.select",
    "tcp:receive",
    "tcp:dirty",
    detected_by="tcp/dirty/select-fills-no-buffer",
)
def select_fills_buffers(original: Original, *args: Any) -> Values:
    """The data that select reports are in the read buffer."""
    filled = original.memory.setdefault(original.api, [])
    results = original(*args)
    if original.name == "select":
        filled += listed(results[0])
    elif any(args[0] is one for one in filled):
        if original.name == "dirty":
            return (True,)
        filled[:] = [one for one in filled if one is not args[0]]
    return results
