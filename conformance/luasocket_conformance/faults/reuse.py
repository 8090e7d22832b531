"""Faulty ports that the behaviours of ``reuse.yaml`` detect."""

from __future__ import annotations

import weakref
from typing import Any

from luasocket_conformance.faults.factories import STREAMS, descriptor_number
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(__name__, also_fails=(*STREAMS, "udp", "readiness", "changes", "endpoints"), deadline=1.0)

#: The functions whose objects get the number of a closed one in the behaviours.
_CONSTRUCTORS = ("socket.tcp", "socket.udp")


def _owner(original: Original, number: int) -> Any:
    """Return the object that has a descriptor now; None if there is none."""
    return next((obj for obj in list(original.memory) if descriptor_number(original, obj) == number >= 0), None)


def _close_owner(original: Original, number: int) -> None:
    owner = _owner(original, number)
    if owner is not None:
        original.method(owner, "close")


def _made(original: Original, *args: Any) -> Values:
    """Make an object, and know it from now on."""
    results = original(*args)
    original.memory[results[0]] = -1
    return results


@FAULTS.fault(*_CONSTRUCTORS, "*:close", detected_by="reuse/closed-again")
def close_keeps_the_number(original: Original, *args: Any) -> Values:
    """Closing an object again closes whatever has its number now."""
    if original.name != "close":
        return _made(original, *args)
    obj = args[0]
    number = descriptor_number(original, obj)
    if number < 0:
        _close_owner(original, original.memory.get(obj, -1))
        return (1,)
    original.memory[obj] = number
    return original(*args)


@FAULTS.fault(*_CONSTRUCTORS, "*:close", detected_by="reuse/collected")
def finalizers_keep_the_number(original: Original, *args: Any) -> Values:
    """The finalizer of an object that was closed closes whatever has its number now."""
    if original.name != "close":
        return _made(original, *args)
    number = descriptor_number(original, args[0])
    if number >= 0:
        weakref.finalize(args[0], _close_owner, original, number)
    return original(*args)


def _uses_the_old_number(original: Original, *args: Any) -> Values:
    """Call a method of a closed object on the one that has its number now."""
    if f"socket.{original.name}" in _CONSTRUCTORS:
        return _made(original, *args)
    obj, *rest = args
    number = descriptor_number(original, obj)
    if original.name == "close":
        original.memory[obj] = number
        return original(*args)
    owner = None if number >= 0 else _owner(original, original.memory.get(obj, -1))
    if owner is None or original.api.index(owner, "class") != original.api.index(obj, "class"):
        return original(*args)
    return original(owner, *rest)


for _kind, _method, _detected_by in (
    ("tcp{client}", "receive", "reuse/client"),
    ("tcp{client}", "send", "reuse/client"),
    ("tcp{client}", "shutdown", "reuse/client"),
    ("tcp{client}", "getsockname", "reuse/client"),
    ("tcp", "setoption", ("reuse/client", "reuse/server", "reuse/master")),
    ("tcp{server}", "accept", "reuse/server"),
    ("tcp{master}", "listen", "reuse/master"),
    ("tcp{master}", "getsockname", "reuse/master"),
    ("udp{unconnected}", "receive", "reuse/unconnected-udp"),
    ("udp{unconnected}", "sendto", "reuse/unconnected-udp"),
    ("udp{connected}", "send", "reuse/connected-udp"),
    ("udp{connected}", "receive", "reuse/connected-udp"),
    ("udp{connected}", "setpeername", "reuse/connected-udp"),
    ("udp", "setoption", ("reuse/unconnected-udp", "reuse/connected-udp")),
):
    FAULTS.add(
        f"closed-{_kind.replace('{', '-').rstrip('}')}-uses-its-number-in-{_method}",
        f"On a closed object, {_method} uses the descriptor that has its number now.",
        (*_CONSTRUCTORS, f"{_kind.partition('{')[0]}:close", f"{_kind}:{_method}"),
        _uses_the_old_number,
        detected_by=_detected_by,
    )
