"""Faulty ports that the behaviours of ``udp/sequences.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import (
    STREAMS,
    after_success,
    failed,
    is_closed,
    is_number,
    keeps_its_number_after,
    refuses_argument,
)
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(__name__, also_fails=(*STREAMS, "udp"), deadline=1.0)


@FAULTS.fault(
    "udp:receive",
    "udp:receivefrom",
    detected_by=("udp/sequences/size-is-for-one-call", "udp/sequences/size-is-for-one-call-when-connected"),
)
def size_stays(original: Original, obj: Any, size: Any = None, *rest: Any) -> Values:
    """The size of one call is the default of the next."""
    if is_number(size) and size > 0:
        original.memory[obj] = size
    return original(obj, original.memory.get(obj) if size is None else size, *rest)


@FAULTS.fault("udp{connected}:getpeername", detected_by="udp/sequences/another-peer")
def getpeername_keeps_the_first_address(original: Original, obj: Any, *args: Any) -> Values:
    """The address of the first peer is returned, whatever the peer is."""
    results = original(obj, *args)
    return results if failed(results) else (original.memory.setdefault(obj, results[0]), *results[1:])


@FAULTS.fault("udp:setpeername", detected_by="udp/sequences/sends-to-another-peer")
def second_peer_is_ignored(original: Original, obj: Any, host: Any = None, *rest: Any) -> Values:
    """A second peer is ignored."""
    if host == b"*":
        original.memory.pop(obj, None)
    elif original.memory.get(obj):
        return (1,)
    results = original(obj, host, *rest)
    original.memory[obj] = host != b"*" and not failed(results)
    return results


@FAULTS.fault("udp{unconnected}:sendto", detected_by="udp/sequences/sendto-to-several")
def sendto_keeps_the_first_destination(original: Original, obj: Any, data: Any = None, *destination: Any) -> Values:
    """Every datagram goes to the first destination."""
    results = original(obj, data, *original.memory.get(obj, destination))
    if not failed(results):
        original.memory.setdefault(obj, destination)
    return results


@FAULTS.fault("udp:receivefrom", detected_by="udp/sequences/receivefrom-several")
def receivefrom_keeps_the_first_port(original: Original, obj: Any, *args: Any) -> Values:
    """The port of the first sender is returned for all senders."""
    results = original(obj, *args)
    return results if failed(results) else (*results[:2], original.memory.setdefault(obj, results[2]))


@FAULTS.fault("udp:setpeername", "udp:setsockname", detected_by="udp/sequences/keeps-its-timeouts")
@after_success
def names_drop_the_total_timeout(original: Original, _results: Values, obj: Any, *_args: Any) -> None:
    """The methods setpeername and setsockname remove the total timeout."""
    original.method(obj, "settimeout", None, b"t")


@FAULTS.fault("udp:setpeername", detected_by="udp/sequences/keeps-its-options")
@after_success
def setpeername_clears_options(original: Original, _results: Values, obj: Any, *_args: Any) -> None:
    """The method setpeername clears options."""
    for option in (b"broadcast", b"dontroute", b"reuseaddr"):
        original.method(obj, "setoption", option, False)


@FAULTS.fault("udp:setpeername", detected_by="udp/sequences/keeps-its-address")
def setpeername_takes_another_address(original: Original, obj: Any, host: Any = None, *rest: Any) -> Values:
    """The method setpeername makes another socket, with another local port."""
    if host != b"*" and not is_closed(original, obj) and original.memory.get(obj):
        original.method(obj, "close")
    original.memory[obj] = True
    return original(obj, host, *rest)


@FAULTS.fault("udp{connected}:setpeername", detected_by="udp/sequences/keeps-its-peer-after-a-failure")
def failure_changes_the_peer(original: Original, obj: Any, *args: Any) -> Values:
    """A call of setpeername that raises disconnects first."""
    try:
        return original(obj, *args)
    except original.api.LuaError:
        original(obj, b"*")
        raise


@FAULTS.fault("udp:receive", "udp:receivefrom", detected_by="udp/sequences/datagram-stays-after-an-error")
def wrong_size_drops_the_datagram(original: Original, obj: Any, *args: Any) -> Values:
    """A call with a wrong size takes the datagram, and raises."""
    try:
        return original(obj, *args)
    except original.api.LuaError:
        original(obj)
        raise


@FAULTS.fault("udp:receive", "udp:receivefrom", detected_by="udp/sequences/after-a-timed-out-receive")
def second_wait_is_short(original: Original, obj: Any, *args: Any) -> Values:
    """After a call that has timed out, the next one does not wait."""
    block = original.method(obj, "gettimeout")[0]
    if original.memory.pop(obj, False):
        original.method(obj, "settimeout", 0)
    results = original(obj, *args)
    original.memory[obj] = failed(results) and results[1] == b"timeout"
    original.method(obj, "settimeout", block)
    return results


@FAULTS.fault(
    "udp{connected}:receive", "udp{connected}:send", detected_by="udp/sequences/send-after-a-timed-out-receive"
)
def deadline_stays_on_the_socket(original: Original, obj: Any, *args: Any) -> Values:
    """After a receive that has timed out, send times out at once."""
    if original.name == "send":
        return (None, b"timeout") if original.memory.get(obj) else original(obj, *args)
    results = original(obj, *args)
    original.memory[obj] = failed(results) and results[1] == b"timeout"
    return results


@FAULTS.fault("udp:sendto", detected_by="udp/sequences/port-modulo")
@refuses_argument(4)
def sendto_refuses_ports_beyond_65535(port: Any) -> object:
    """A port beyond 65535 is refused."""
    return is_number(port) and port > 65535


@FAULTS.fault("udp:setsockname", detected_by="udp/sequences/bound-to-a-group")
@refuses_argument(2)
def setsockname_refuses_groups(address: Any) -> object:
    """The address of a multicast group is refused."""
    return isinstance(address, bytes) and address.startswith(b"239.")


@FAULTS.fault("udp:send", "udp:sendto", detected_by="udp/sequences/sends-with-any-timeout")
def sends_time_out(original: Original, obj: Any, *args: Any) -> Values:
    """With a total timeout of 0, nothing is sent."""
    if original.method(obj, "gettimeout")[1] == 0:
        return (None, b"timeout")
    return original(obj, *args)


@FAULTS.fault(
    "udp:receive", "udp:receivefrom", "udp:sendto", "udp:setpeername", detected_by="udp/sequences/sends-after-a-timeout"
)
def total_timeout_stays_over(original: Original, obj: Any, *args: Any) -> Values:
    """After a receive whose total timeout is over, the next call times out, too."""
    if original.name in ("sendto", "setpeername"):
        return (None, b"timeout") if original.memory.pop(obj, False) else original(obj, *args)
    results = original(obj, *args)
    if results[:2] == (None, b"timeout") and original.method(obj, "gettimeout")[1] > 0:
        original.memory[obj] = True
    return results


@FAULTS.fault("udp:setpeername", detected_by="udp/sequences/keeps-its-multicast-options")
def a_peer_resets_multicast_options(original: Original, obj: Any, *args: Any) -> Values:
    """Another peer resets the interface and the loop of multicast datagrams."""
    results = original(obj, *args)
    if not failed(results) and original.method(obj, "getfamily") == (b"inet4",):
        original.method(obj, "setoption", b"ip-multicast-if", b"*")
        original.method(obj, "setoption", b"ip-multicast-loop", True)
    return results


FAULTS.add(
    "closed-udp-object-keeps-its-number",
    "An object that has received still has the number of its descriptor when it is closed.",
    ("udp:receive", "udp:getfd"),
    keeps_its_number_after("receive"),
    detected_by="udp/sequences/descriptor-of-a-used-object-that-is-closed",
)


@FAULTS.fault("udp{connected}:setpeername", detected_by="udp/sequences/connected-keeps-its-timeouts/setpeername")
def another_peer_takes_the_timeouts(original: Original, obj: Any, *args: Any) -> Values:
    """Another peer of a connected object takes its timeouts away."""
    results = original(obj, *args)
    original.method(obj, "settimeout", None)
    return results


@FAULTS.fault("udp:close", detected_by="udp/sequences/close-with-a-waiting-datagram")
def close_leaves_objects_with_datagrams_open(original: Original, obj: Any, *args: Any) -> Values:
    """An object with a waiting datagram stays open in the system when it is closed."""
    if not is_closed(original, obj):
        ready = original.call("select", original.api.Table({1: obj}), None, 0)
        if ready[0]:
            original.method(obj, "setfd", -1)
            return (1,)
    return original(obj, *args)


@FAULTS.fault("udp:receive*", detected_by="udp/sequences/size-of-the-other-method")
def size_of_receivefrom_is_that_of_receive(original: Original, obj: Any, size: Any = None, *rest: Any) -> Values:
    """The size of a receivefrom is the default of the next receive."""
    if original.name == "receivefrom":
        original.memory[obj] = size
        return original(obj, size, *rest)
    return original(obj, original.memory.get(obj) if size is None else size, *rest)


@FAULTS.fault("udp:receive", detected_by="udp/sequences/after-an-empty-datagram")
def empty_datagram_comes_again(original: Original, obj: Any, *args: Any) -> Values:
    """After an empty datagram, a receive that times out returns it again."""
    results = original(obj, *args)
    if failed(results) and original.memory.pop(obj, None):
        return (b"",)
    original.memory[obj] = results == (b"",)
    return results


@FAULTS.fault("udp{connected}:setpeername", detected_by="udp/sequences/keeps-its-buffer-sizes")
@after_success
def losing_the_peer_resets_a_buffer(original: Original, _results: Values, obj: Any, host: Any, *_rest: Any) -> None:
    """An object that loses its peer has a send buffer of another size."""
    if host == b"*":
        original.method(obj, "setoption", b"send-buffer-size", 9000)


@FAULTS.fault("udp{connected}:setpeername", detected_by="udp/sequences/refusal-outlives-the-peer")
def another_peer_takes_the_refusal(original: Original, obj: Any, *args: Any) -> Values:
    """A call of setpeername takes the refusal of the peer before."""
    original.method(obj, "getoption", b"error")
    return original(obj, *args)


@FAULTS.fault("udp:sendto", "udp:send", detected_by="udp/sequences/sends-with-any-timeout")
def fraction_below_zero_is_over(original: Original, obj: Any, *args: Any) -> Values:
    """With a timeout between -1 and 0, sending times out."""
    return (None, b"timeout") if -1 < original.method(obj, "gettimeout")[0] < 0 else original(obj, *args)


@FAULTS.fault("udp:setpeername", detected_by="udp/sequences/family-after-a-failure")
def failed_setpeername_makes_a_socket(original: Original, obj: Any, *args: Any) -> Values:
    """A setpeername that fails leaves an IPv4 socket behind."""
    fresh = is_closed(original, obj)
    results = original(obj, *args)
    if fresh and failed(results):
        original.method(obj, "sendto", b"", b"127.0.0.1", 9)
    return results


@FAULTS.fault("udp:getfamily", detected_by="udp/sequences/family-after-a-failure")
def family_is_remembered(original: Original, obj: Any, *args: Any) -> Values:
    """The family is that of the first call of getfamily."""
    family: Values = original.memory.setdefault(obj, original(obj, *args))
    return family


@FAULTS.fault("udp:setfd", detected_by="udp/sequences/setfd-keeps-the-timeouts-of-a-connected-object")
def setfd_removes_the_total_timeout(original: Original, obj: Any, *args: Any) -> Values:
    """The method setfd of a connected object removes its total timeout."""
    if original.api.index(obj, "class") == b"udp{connected}":
        original.method(obj, "settimeout", None, b"t")
    return original(obj, *args)


@FAULTS.fault("udp:send", "udp:sendto", detected_by="udp/sequences/number-after-a-string")
def number_after_a_string_is_cut(original: Original, obj: Any, data: Any = None, *args: Any) -> Values:
    """After a string, a number is sent without its fraction."""
    if is_number(data) and original.memory.get(obj):
        data = int(data)
    original.memory[obj] = isinstance(data, bytes)
    return original(obj, data, *args)


@FAULTS.fault("udp{connected}:getsockname", detected_by="udp/sequences/names-after-each-change")
def connected_object_keeps_its_first_port(original: Original, obj: Any, *args: Any) -> Values:
    """The local port of a connected object is the one that was asked for first."""
    results = original(obj, *args)
    return results if failed(results) else (results[0], original.memory.setdefault(obj, results[1]), *results[2:])


@FAULTS.fault("udp:receive", "udp:send", detected_by="udp/sequences/refused-again")
def second_refusal_is_closed(original: Original, obj: Any, *args: Any) -> Values:
    """The second refusal of an object is "closed"."""
    results = original(obj, *args)
    if results[1:2] != (b"connection refused",):
        return results
    again = original.memory.get(obj)
    original.memory[obj] = True
    return (None, b"closed") if again else results


@FAULTS.fault("udp:receive*", "udp:setpeername", detected_by="udp/sequences/total-after-losing-the-peer", deadline=4.0)
def total_timeout_goes_with_the_peer(original: Original, obj: Any, *args: Any) -> Values:
    """An object that has lost its peer waits three seconds instead of its total timeout."""
    if original.name == "setpeername":
        original.memory[obj] = args[:1] == (b"*",)
        return original(obj, *args)
    total = original.method(obj, "gettimeout")[1]
    if not original.memory.get(obj) or total < 0:
        return original(obj, *args)
    original.method(obj, "settimeout", 3, b"t")
    try:
        return original(obj, *args)
    finally:
        original.method(obj, "settimeout", total, b"t")


@FAULTS.fault("udp:receivefrom", "udp:getsockname", detected_by="udp/sequences/any-address-stays")
def name_is_the_senders_address(original: Original, obj: Any, *args: Any) -> Values:
    """Once an object has received, the address in its name is that of the sender."""
    results = original(obj, *args)
    if original.name == "receivefrom":
        original.memory[obj] = results[1:2]
        return results
    received = original.memory.get(obj)
    return (*received, *results[1:]) if received and results[0] == b"0.0.0.0" else results
