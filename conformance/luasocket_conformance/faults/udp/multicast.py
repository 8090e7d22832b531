"""Faulty ports that the behaviours of ``udp/multicast.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import STREAMS, changes_argument, failed, is_number
from luasocket_conformance.faults.factories.objects import for_option
from luasocket_conformance.faults.factories.options import add_ignored_options
from luasocket_conformance.faults.factories.refusals import add_refusals
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(
    __name__,
    also_fails=(*STREAMS, "udp", "tcp/options", "tcp/states"),
    deadline=1.0,
)


def _on_any_interface(value: dict[Any, Any]) -> dict[Any, Any]:
    """Return a membership that is on any interface if it names none."""
    return {b"interface": b"*", **value}


@FAULTS.fault("*:setoption", detected_by="udp/multicast/membership-of-bad-table")
@for_option("ip-add-membership")
@changes_argument(3, dict)
def membership_needs_no_interface(value: dict[Any, Any]) -> Any:
    """Without the field interface it is any."""
    return _on_any_interface(value)


@FAULTS.fault("*:setoption", detected_by="udp/multicast/drop-twice")
@for_option("ip-add-membership")
@changes_argument(3)
def membership_takes_any_address(value: Any) -> Any:
    """An address that is none is any."""
    if isinstance(value, dict) and b"interface" in value:
        return {**value, b"interface": b"*"}
    return value


@FAULTS.fault("udp:setoption", detected_by="udp/multicast/drop-where-it-was-joined")
def membership_of_any_interface_is_at_the_loopback(
    original: Original, obj: Any, name: Any = None, value: Any = None, *rest: Any
) -> Values:
    """The interface "*" is that of the loopback address."""
    if name == b"ip-add-membership" and isinstance(value, dict) and value.get(b"interface") == b"*":
        value = {**value, b"interface": b"127.0.0.1"}
    return original(obj, name, value, *rest)


@FAULTS.fault("udp{connected}:setoption", detected_by="udp/multicast/left-without-an-interface")
@for_option("ip-drop-membership")
@changes_argument(3, dict)
def connected_objects_leave_any_interface(value: dict[Any, Any]) -> Any:
    """Without the field interface, a connected object leaves the group on any."""
    return _on_any_interface(value)


@FAULTS.fault("udp:setoption", detected_by="udp/multicast/interface-as-a-number")
@for_option("ip-add-membership")
def interface_is_no_number(original: Original, obj: Any, name: Any = None, value: Any = None, *rest: Any) -> Values:
    """An interface that is a number raises an error."""
    if isinstance(value, dict) and is_number(value.get(b"interface")):
        raise original.api.LuaError(b"string 'interface' field expected")
    return original(obj, name, value, *rest)


@FAULTS.fault("udp:setoption", detected_by="udp/multicast/membership6/leave-without-interface")
@for_option("ipv6-drop-membership")
@changes_argument(3, dict)
def ipv6_groups_are_left_on_an_interface_alone(value: dict[Any, Any]) -> Any:
    """Without an interface, no group is left."""
    return {b"interface": 99999, **value}


@FAULTS.fault("udp:setoption", detected_by="udp/multicast/membership6/large-interface")
@for_option("ipv6-add-membership")
@changes_argument(3, dict)
def interface_of_an_ipv6_group_is_a_byte(value: dict[Any, Any]) -> Any:
    """The number of an interface is taken modulo 256."""
    interface: Any = value.get(b"interface")
    return {**value, b"interface": int(interface) % 256} if is_number(interface) else value


@FAULTS.fault("udp{connected}:setoption", detected_by="udp/multicast/each-group-by-itself")
def leaving_one_group_leaves_all(original: Original, obj: Any, name: Any = None, *args: Any) -> Values:
    """A connected object that leaves a group leaves all that it has joined."""
    results = original(obj, name, *args)
    if not failed(results) and name == b"ip-add-membership":
        original.memory.setdefault(obj, []).append(args)
    elif not failed(results) and name == b"ip-drop-membership":
        for group in original.memory.pop(obj, []):
            original(obj, name, *group)
    return results


add_ignored_options(
    FAULTS,
    {
        "ip-add-membership": ("ip-add-membership", "ip-add-membership-table"),
        "ip-drop-membership": ("ip-drop-membership", "ip-drop-membership-table"),
    },
)
add_refusals(FAULTS, "sendto", "udp:sendto", at=3, detected_by={"wants-a-number": "udp/multicast/join-receives"})


@FAULTS.fault("udp:setoption", detected_by=("udp/multicast/joins-each-time", "udp/multicast/connected-joins-each-time"))
def objects_join_once(original: Original, obj: Any, option: Any = None, *args: Any) -> Values:
    """An object that has left a group says that it has joined one, and does not."""
    if option == b"ip-add-membership" and obj in original.memory:
        return (1,)
    results = original(obj, option, *args)
    if option == b"ip-drop-membership" and not failed(results):
        original.memory[obj] = True
    return results


@FAULTS.fault("udp:setoption", detected_by="udp/multicast/joins-each-time")
def objects_leave_once(original: Original, obj: Any, option: Any = None, *args: Any) -> Values:
    """From the third time on, an object says that it has left a group, and stays in it."""
    if option == b"ip-drop-membership" and original.memory.get(obj, 0) >= 2:
        return (1,)
    results = original(obj, option, *args)
    if option == b"ip-drop-membership" and not failed(results):
        original.memory[obj] = original.memory.get(obj, 0) + 1
    return results
