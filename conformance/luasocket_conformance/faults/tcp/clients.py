"""Faulty ports that the behaviours of ``tcp/clients.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import (
    STREAMS,
    changes_argument,
    failed,
    first,
    is_closed,
    is_number,
    keeps_its_number_after,
)
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(__name__, also_fails=(*STREAMS, "errors", "sequences", "subtypes"), deadline=1.0)


@FAULTS.fault("tcp{client}:setstats", detected_by="tcp/clients/figures")
@changes_argument(4)
def negative_age_is_none(age: Any) -> Any:
    """A negative age is 0."""
    return 0 if is_number(age) and age < 0 else age


@FAULTS.fault("tcp{client}:close", detected_by="tcp/clients/half-closed")
def closing_again_clears_the_timeouts(original: Original, obj: Any, *args: Any) -> Values:
    """Closing an object that is closed takes its timeouts away."""
    closed = is_closed(original, obj)
    results = original(obj, *args)
    if closed:
        original.method(obj, "settimeout", None, b"b")
        original.method(obj, "settimeout", None, b"t")
    return results


@FAULTS.fault("tcp{client}:send", detected_by="tcp/clients/sending")
def range_ends_at_nul(original: Original, obj: Any, data: Any = None, *rest: Any) -> Values:
    """With a range, data ends at its first NUL."""
    if isinstance(data, bytes) and rest:
        data = data.partition(b"\0")[0]
    return original(obj, data, *rest)


@FAULTS.fault("tcp{client}:receive", "tcp{client}:getfd", detected_by="tcp/clients/half-closed")
def end_of_data_takes_the_descriptor(original: Original, obj: Any, *args: Any) -> Values:
    """Once the peer has ended its data, the descriptor is -1."""
    if original.name == "getfd":
        return (-1,) if original.memory.get(obj) else original(obj, *args)
    results = original(obj, *args)
    original.memory[obj] = results[1:2] == (b"closed",)
    return results


@FAULTS.fault("tcp{client}:setoption", "tcp{client}:getoption", detected_by="tcp/clients/options/accepted-over-ipv6")
def keepalive_is_never_read_over_ipv6(original: Original, obj: Any, name: Any = None, *rest: Any) -> Values:
    """Over IPv6, keepalive reads as false."""
    results = original(obj, name, *rest)
    over_ipv6 = original.method(obj, "getfamily") == (b"inet6",)
    if original.name == "getoption" and name == b"keepalive" and over_ipv6 and not failed(results):
        return (False,)
    return results


def _after(method: str, message: bytes, says: str, *targets: str, detected_by: str) -> None:
    """Add a port in which a failure of a method, with this message, makes the next call of each target fail."""

    def mistake(original: Original, obj: Any, *args: Any) -> Values:
        if original.name == method:
            results = original(obj, *args)
            original.memory[obj] = results[1:2] == (message,)
            return results
        if original.memory.pop(obj, False):
            return (None, message)
        return original(obj, *args)

    name = f"{message.decode()}-of-{method}-fails-{'-'.join(target.rpartition(':')[2] for target in targets)}"
    FAULTS.add(name, says, (f"tcp{{client}}:{method}", *targets), mistake, detected_by=detected_by)


for _method in ("getoption", "getsockname", "getpeername", "shutdown", "setoption"):
    _after(
        "receive",
        b"timeout",
        f"After a receive that has timed out, {_method} fails with a timeout.",
        f"tcp{{client}}:{_method}",
        detected_by="tcp/clients/after-a-call-that-timed-out",
    )
for _method in ("receive", "getoption", "getsockname"):
    _after(
        "send",
        b"timeout",
        f"After a send that has timed out, {_method} fails with a timeout.",
        f"tcp{{client}}:{_method}",
        detected_by="tcp/clients/after-a-send-that-timed-out",
    )


@FAULTS.fault("tcp{client}:*", detected_by="tcp/clients/after-a-call-that-raised")
def an_error_closes_the_client(original: Original, obj: Any, *args: Any) -> Values:
    """A call that raises an error closes the client."""
    try:
        return original(obj, *args)
    except original.api.LuaError:
        original.method(obj, "close")
        raise


@FAULTS.fault("tcp{client}:receive", "tcp{client}:send", detected_by="tcp/clients/after-a-call-that-timed-out")
def a_timeout_is_that_of_every_client(original: Original, obj: Any, *args: Any) -> Values:
    """After a receive that has timed out, the next send of any client fails with a timeout."""
    kept = original.memory.setdefault(original.api, {})
    if original.name == "receive":
        results = original(obj, *args)
        kept["timeout"] = results[1:2] == (b"timeout",)
        return results
    if kept.pop("timeout", False):
        return (None, b"timeout", 0)
    return original(obj, *args)


FAULTS.add(
    "client-keeps-its-descriptor-number",
    "A closed client that has shut down its sending keeps its descriptor number.",
    ("tcp{client}:shutdown", "tcp{client}:getfd"),
    keeps_its_number_after("shutdown"),
    detected_by="tcp/clients/half-closed",
)


@FAULTS.fault("tcp{client}:getpeername", detected_by="tcp/clients/names")
def an_argument_hides_the_port(original: Original, obj: Any, *args: Any) -> Values:
    """With an argument, the port of the peer is 0."""
    results = original(obj, *args)
    return (first(results), 0, *results[2:]) if args and not failed(results) else results


@FAULTS.fault("tcp:getsockname", "tcp:getpeername", detected_by="tcp/clients/names/accepted-from-ipv4")
def mapped_addresses_are_inet(original: Original, obj: Any, *args: Any) -> Values:
    """The family of an IPv4 address that is written as an IPv6 one is "inet"."""
    results = original(obj, *args)
    if isinstance(first(results), bytes) and results[0].startswith(b"::ffff:"):
        return (*results[:2], b"inet")
    return results


@FAULTS.fault("tcp{client}:shutdown", detected_by="tcp/clients/shut-down/accepted")
def shutdown_without_a_mode_ends_sending(original: Original, obj: Any, *args: Any) -> Values:
    """Without a mode, only sending ends."""
    return original(obj, *(args or (b"send",)))


@FAULTS.fault("tcp{client}:receive", "tcp{client}:dirty", detected_by="tcp/clients/half-closed")
def reading_nothing_leaves_something(original: Original, obj: Any, *args: Any) -> Values:
    """After receive(0), there is data in the buffer."""
    if original.name == "receive":
        original.memory[obj] = args[:1] == (0,)
        return original(obj, *args)
    return (True,) if original.memory.get(obj) else original(obj, *args)
