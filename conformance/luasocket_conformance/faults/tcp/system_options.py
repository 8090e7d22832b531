"""Faulty ports that the behaviours of ``tcp/system-options.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import STREAMS, after_success, changes_argument
from luasocket_conformance.faults.factories.objects import make_blocking
from luasocket_conformance.faults.factories.options import add_ignored_numbers, add_options_that_set_another
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(
    __name__,
    also_fails=(*STREAMS, "udp"),
    deadline=1.0,
)


@FAULTS.fault("tcp:listen", detected_by="tcp/system-options/untouched", deadline=3.0)
def servers_reuse_addresses(original: Original, obj: Any, *args: Any) -> Values:
    """A master has "reuseaddr" when it listens."""
    original.method(obj, "setoption", b"reuseaddr", True)
    return original(obj, *args)


@FAULTS.fault("socket.tcp6", detected_by="tcp/system-options/non-blocking-at-once", deadline=3.0)
def tcp6_connects_over_ipv4(original: Original, *args: Any) -> Values:
    """An object of tcp6 connects over either family."""
    return original.call("tcp", *args)


@FAULTS.fault("*:setoption", "*:getoption", detected_by="tcp/system-options/client-number")
@changes_argument(2, bytes)
def buffers_are_swapped(name: bytes) -> Any:
    """The two buffers are swapped."""
    return {b"recv-buffer-size": b"send-buffer-size", b"send-buffer-size": b"recv-buffer-size"}.get(name, name)


@FAULTS.fault("*:setoption", "*:getoption", detected_by="tcp/system-options/client-number")
@changes_argument(2, bytes)
def keep_times_are_swapped(name: bytes) -> Any:
    """The idle time and the interval are swapped."""
    return {b"tcp-keepidle": b"tcp-keepintvl", b"tcp-keepintvl": b"tcp-keepidle"}.get(name, name)


@FAULTS.fault(
    "socket.tcp4",
    "socket.tcp6",
    "socket.udp4",
    "socket.udp6",
    detected_by=("tcp/system-options/non-blocking-at-once", "udp/system-options/non-blocking-at-once", "tcp/timeout"),
)
@after_success
def fresh_descriptors_block(original: Original, results: Values, *_args: Any) -> None:
    """The descriptor of a fresh object is blocking."""
    make_blocking(original, results[0])


add_ignored_numbers(
    FAULTS, "tcp/system-options", "recv-buffer-size", "send-buffer-size", "tcp-defer-accept", "tcp-fastopen"
)


@FAULTS.fault("tcp:setoption", "tcp:getoption", detected_by="tcp/system-options/of-tcp6/keepalive")
def tcp6_keeps_keepalive_to_itself(original: Original, obj: Any, name: Any = None, *args: Any) -> Values:
    """For an object of tcp6, keepalive is stored and does not reach the system."""
    if name != b"keepalive" or original.method(obj, "getfamily") != (b"inet6",):
        return original(obj, name, *args)
    if original.name == "getoption":
        return (original.memory.get(obj, False),)
    original.memory[obj] = bool(args and args[0])
    return (1,)


add_options_that_set_another(
    FAULTS,
    "tcp{client}",
    "tcp/system-options/sets-no-other",
    ("keepalive", "tcp-nodelay"),
    ("tcp-nodelay", "reuseaddr"),
    ("reuseaddr", "reuseport"),
    ("linger", "keepalive", True),
    ("tcp-keepidle", "keepalive", True),
    ("send-buffer-size", "tcp-nodelay", True),
)
add_options_that_set_another(
    FAULTS, "tcp{client}", "tcp/system-options/keeps-the-others", ("keepalive", "linger", {b"on": False, b"timeout": 0})
)
add_options_that_set_another(
    FAULTS,
    "tcp*",
    "tcp/system-options/keeps-the-numbers",
    ("tcp-keepidle", "tcp-keepintvl"),
    ("tcp-keepcnt", "tcp-keepidle"),
    ("keepalive", "tcp-keepidle", 60),
    ("recv-buffer-size", "send-buffer-size"),
    ("tcp-nodelay", "send-buffer-size", 9000),
)
add_options_that_set_another(
    FAULTS, "tcp{server}", "tcp/system-options/sets-no-other/server-keepalive", ("keepalive", "tcp-nodelay")
)
add_options_that_set_another(
    FAULTS, "tcp{master}", "tcp/system-options/sets-no-other-of-tcp6", ("reuseaddr", "ipv6-v6only", False)
)


@FAULTS.fault("socket.connect", detected_by="tcp/system-options/untouched-however-made/of-the-function", deadline=3.0)
@after_success
def connect_turns_nagle_off(original: Original, results: Values, *_args: Any) -> None:
    """A client that socket.connect returns has "tcp-nodelay"."""
    original.method(results[0], "setoption", b"tcp-nodelay", True)


@FAULTS.fault("tcp:bind", detected_by="tcp/system-options/untouched-however-made/bound", deadline=3.0)
@after_success
def bind_keeps_connections_alive(original: Original, _results: Values, obj: Any, *_args: Any) -> None:
    """A bind sets "keepalive"."""
    original.method(obj, "setoption", b"keepalive", True)
