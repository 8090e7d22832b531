"""Faulty ports that the behaviours of ``udp/system-options.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import changes_argument, changes_result, failed, is_closed
from luasocket_conformance.faults.factories.options import (
    add_ignored_options,
    add_inverted_options,
    add_options_that_set_another,
)
from luasocket_conformance.faults.mechanism import Faults, Mistake, Original, Values

FAULTS = Faults(
    __name__,
    also_fails=("udp", "select", "helper", "module", "tcp/options", "tcp/states", "tcp", "connect"),
    deadline=1.0,
)


@FAULTS.fault("udp:getfd", detected_by="udp/system-options/setfd")
@changes_result(1)
def udp_getfd_is_a_number_of_its_own(number: Any) -> Any:
    """The descriptor is not the one of the system."""
    if number == -1:
        return number
    return number + 1000


@FAULTS.fault("socket.udp6", detected_by="udp/system-options/udp6-is-v6only", also_fails=("descriptors", "subtypes"))
def udp6_sends_over_ipv4(original: Original, *args: Any) -> Values:
    """An object of udp6 has no family yet."""
    return original.call("udp", *args)


@FAULTS.fault("*:setoption", "*:getoption", detected_by="udp/system-options/get")
@changes_argument(2)
def reuseport_is_reuseaddr(name: Any) -> Any:
    """The two options are confused."""
    if name == b"reuseport":
        return b"reuseaddr"
    return name


add_ignored_options(FAULTS, {"ip-multicast-loop": ("ip-multicast-loop",)})
add_inverted_options(FAULTS, "ip-multicast-loop")


@FAULTS.fault("udp:setoption", "udp:getoption", detected_by="udp/system-options/of-udp6/dontroute")
def udp6_keeps_dontroute_to_itself(original: Original, obj: Any, name: Any = None, *args: Any) -> Values:
    """For an object of udp6, dontroute is stored and does not reach the system."""
    if name != b"dontroute" or original.method(obj, "getfamily") != (b"inet6",):
        return original(obj, name, *args)
    if original.name == "getoption":
        return (original.memory.get(obj, False),)
    original.memory[obj] = bool(args and args[0])
    return (1,)


add_options_that_set_another(
    FAULTS,
    "udp{unconnected}",
    "udp/system-options/sets-no-other",
    ("broadcast", "dontroute"),
    ("reuseaddr", "reuseport"),
    ("dontroute", "ip-multicast-ttl", 0),
    ("ip-multicast-ttl", "ip-multicast-loop", False),
    ("ip-add-membership", "ip-multicast-if", b"127.0.0.1"),
)
add_options_that_set_another(
    FAULTS, "udp{connected}", "udp/system-options/sets-no-other", ("ip-multicast-loop", "ip-multicast-ttl", 0)
)
add_options_that_set_another(
    FAULTS,
    "udp{connected}",
    "udp/system-options/keeps-the-others",
    ("ip-multicast-if", "ip-multicast-ttl", 1),
    ("broadcast", "reuseaddr", False),
)
add_options_that_set_another(
    FAULTS,
    "udp*",
    "udp/system-options/sets-no-other-of-udp6",
    ("ip-multicast-loop", "ipv6-multicast-loop"),
    ("ipv6-unicast-hops", "ip-multicast-ttl"),
)
add_options_that_set_another(
    FAULTS, "udp*", "udp/system-options/keeps-the-others-of-udp6", ("ip-multicast-if", "ipv6-unicast-hops", 1)
)
add_options_that_set_another(
    FAULTS,
    "udp*",
    "udp/system-options/buffers-keep-the-others",
    ("recv-buffer-size", "send-buffer-size"),
    ("send-buffer-size", "recv-buffer-size", 9000),
    ("broadcast", "send-buffer-size", 9000),
)


def _first_use_sets(option: str) -> Mistake:
    """Set a boolean option when a call has made the socket of an object."""

    def mistake(original: Original, obj: Any, *args: Any) -> Values:
        fresh = is_closed(original, obj)
        results = original(obj, *args)
        if fresh and not failed(results):
            original.method(obj, "setoption", option.encode(), True)
        return results

    return mistake


for _method, _option in (("setsockname", "reuseaddr"), ("setpeername", "dontroute"), ("sendto", "broadcast")):
    FAULTS.add(
        f"first-{_method}-sets-{_option}",
        f'A {_method} that makes the socket sets "{_option}".',
        f"udp:{_method}",
        _first_use_sets(_option),
        detected_by=(
            "udp/system-options/untouched-by-the-first-use",
            "udp/system-options/udp6-untouched-by-the-first-use",
        ),
    )


@FAULTS.fault("udp:setoption", detected_by="udp/system-options/on-off-and-on")
def option_is_turned_on_once(original: Original, obj: Any, name: Any = None, value: Any = None, *rest: Any) -> Values:
    """A boolean option that was turned off is not turned on again."""
    if name != b"broadcast" or not isinstance(value, bool):
        return original(obj, name, value, *rest)
    if value and original.memory.get(obj):
        return (1,)
    original.memory[obj] = not value
    return original(obj, name, value, *rest)


@FAULTS.fault("udp:setoption", detected_by="udp/system-options/set-after-an-error")
def option_that_raised_is_ignored_once(original: Original, obj: Any, name: Any = None, *rest: Any) -> Values:
    """After a setoption that raised, the next one of the same option does nothing."""
    if original.memory.pop(obj, None) == name and name is not None:
        return (1,)
    try:
        return original(obj, name, *rest)
    except original.api.LuaError:
        original.memory[obj] = name
        raise
