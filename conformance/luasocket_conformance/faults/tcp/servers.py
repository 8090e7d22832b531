"""Faulty ports that the behaviours of ``tcp/servers.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import STREAMS, failed, refuses_more_than
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(__name__, also_fails=(*STREAMS, "sequences", "descriptors"), deadline=1.0)

FAULTS.add(
    "server-getoption-refuses-more-arguments",
    "getoption of a server raises when there are further arguments.",
    "tcp{server}:getoption",
    refuses_more_than(2),
    detected_by="tcp/servers/options",
)


@FAULTS.fault("tcp{server}:accept", detected_by=("tcp/servers/timeouts", "tcp/servers/after-an-accept-that-timed-out"))
def accept_at_once_fails_after_a_wait(original: Original, obj: Any, *args: Any) -> Values:
    """After an accept that has waited in vain, one with a timeout of 0 fails, even if a connection has come."""
    block, _total = original.method(obj, "gettimeout")
    if original.memory.pop(obj, False) and block == 0:
        return (None, b"timeout")
    results = original(obj, *args)
    if results[1:2] == (b"timeout",) and block != 0:
        original.memory[obj] = True
    return results


@FAULTS.fault("tcp{server}:accept", detected_by="tcp/servers/peer-gone")
def accept_drops_what_was_reset(original: Original, obj: Any, *args: Any) -> Values:
    """A connection that its peer has reset is dropped, and the next one is accepted."""
    while True:
        results = original(obj, *args)
        if failed(results) or not failed(original.method(results[0], "getpeername")):
            return results


def _fails_after_a_timeout(original: Original, obj: Any, *args: Any) -> Values:
    if original.name == "accept":
        results = original(obj, *args)
        original.memory[obj] = results[1:2] == (b"timeout",)
        return results
    return (None, b"timeout") if original.memory.pop(obj, False) else original(obj, *args)


for _method in ("getsockname", "getoption", "setoption"):
    FAULTS.add(
        f"timeout-of-accept-fails-{_method}",
        f"After an accept that has timed out, {_method} fails with a timeout.",
        ("tcp{server}:accept", f"tcp{{server}}:{_method}"),
        _fails_after_a_timeout,
        detected_by="tcp/servers/after-an-accept-that-timed-out",
    )


@FAULTS.fault("tcp{server}:accept", "tcp{server}:close", detected_by="tcp/servers/closing")
def closing_a_server_closes_its_last_client(original: Original, obj: Any, *args: Any) -> Values:
    """When a server is closed, the client that it accepted last is closed, too."""
    if original.name == "close":
        client = original.memory.pop(obj, None)
        if client is not None:
            original.method(client, "close")
        return original(obj, *args)
    results = original(obj, *args)
    if not failed(results):
        original.memory[obj] = results[0]
    return results
