"""Faulty ports that the behaviours of ``udp/ahead.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import is_number
from luasocket_conformance.faults.factories.select import listed
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(__name__, also_fails=("udp",))

#: Bytes of the buffer into which datagrams are read ahead.
_BUFFER = 8192


@FAULTS.fault(
    "socket.select",
    "udp:receive",
    "udp:receivefrom",
    detected_by=("udp/ahead/after-select/receive-once-large", "udp/ahead/after-select-from/both-lists-large"),
)
def select_reads_datagrams_ahead(original: Original, *args: Any) -> Values:
    """A datagram is read when select reports it, into a buffer of the default size."""
    reported = original.memory.setdefault(original.api, [])
    if original.name == "select":
        results = original(*args)
        reported[:] = listed(results[0])
        return results
    obj, *size = args
    is_ahead = any(obj is one for one in reported)
    reported[:] = [one for one in reported if one is not obj]
    if is_ahead and size and is_number(size[0]) and size[0] > _BUFFER:
        return original(obj, _BUFFER)
    return original(*args)


@FAULTS.fault("udp:receive", "udp:receivefrom", detected_by="udp/ahead/after-a-wait")
def datagram_goes_to_the_wait_before(original: Original, obj: Any, *args: Any) -> Values:
    """A wait that has timed out stays, so that the next datagram is cut to the size of its request."""
    waiting = original.memory.pop(obj, None)
    size = args[0] if args and is_number(args[0]) else _BUFFER
    results = original(obj, size if waiting is None else min(size, waiting), *args[1:])
    if results[:2] == (None, b"timeout"):
        original.memory[obj] = size if waiting is None else waiting
    return results
