"""Faulty ports that the behaviours of ``udp/families.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import (
    STREAMS,
    after_success,
    changes_argument,
    failed,
    is_closed,
    is_number,
    keep,
)
from luasocket_conformance.faults.factories.objects import for_option
from luasocket_conformance.faults.factories.select import changes_lists, filtered
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(__name__, also_fails=(*STREAMS, "udp", "subtypes"), deadline=1.0)


def _is_ipv6(original: Original, obj: Any) -> bool:
    return original.method(obj, "getfamily") == (b"inet6",)


@FAULTS.fault("udp{connected}:receive", detected_by="udp/families/cut/connected-ipv6")
def connected_ipv6_objects_get_whole_datagrams(original: Original, obj: Any, *args: Any) -> Values:
    """A connected IPv6 object ignores the size."""
    return original(obj, 65527) if _is_ipv6(original, obj) and args and is_number(args[0]) else original(obj, *args)


@FAULTS.fault("udp{connected}:receive", detected_by="udp/families/default-size/connected-ipv6")
def connected_ipv6_objects_have_no_default_size(original: Original, obj: Any, size: Any = None, *rest: Any) -> Values:
    """A connected IPv6 object takes datagrams of any size."""
    return original(obj, 65527 if size is None and _is_ipv6(original, obj) else size, *rest)


@FAULTS.fault("udp:receivefrom", detected_by="udp/families/sender-of-what-is-cut/unconnected-ipv6")
def cut_ipv6_datagrams_have_no_sender(original: Original, obj: Any, size: Any = None, *rest: Any) -> Values:
    """A datagram over IPv6 that was cut has no sender."""
    results = original(obj, size, *rest)
    cut = is_number(size) and not failed(results) and len(results[0]) == size
    return results[:1] if cut and _is_ipv6(original, obj) else results


@FAULTS.fault("udp{unconnected}:setpeername", detected_by="udp/families/waiting-before-it-had-a-peer/unconnected-ipv6")
@after_success
def ipv6_peer_drops_what_waits(original: Original, _results: Values, obj: Any, *_args: Any) -> None:
    """A first peer over IPv6 drops the datagrams that wait."""
    if _is_ipv6(original, obj) and original.api.index(obj, "class") == b"udp{connected}":
        times = original.method(obj, "gettimeout")
        original.method(obj, "settimeout", 0)
        while not failed(original.method(obj, "receive")):
            pass
        original.method(obj, "settimeout", times[0])


@FAULTS.fault("udp{connected}:setpeername", detected_by="udp/families/waiting-when-the-peer-changes/connected")
def another_peer_drops_what_waits(original: Original, obj: Any, *args: Any) -> Values:
    """Another peer drops the datagrams that wait."""
    if not is_closed(original, obj):
        times = original.method(obj, "gettimeout")
        original.method(obj, "settimeout", 0)
        while not failed(original.method(obj, "receive")):
            pass
        original.method(obj, "settimeout", times[0])
    return original(obj, *args)


@FAULTS.fault(
    "udp:send",
    "udp:sendto",
    detected_by=("udp/families/largest/connected-ipv6", "udp/families/largest-of-sendto/unconnected-ipv6"),
)
def ipv6_has_the_limit_of_ipv4(original: Original, obj: Any, data: Any = None, *rest: Any) -> Values:
    """A datagram over IPv6 has at most 65507 bytes, as over IPv4."""
    too_long = isinstance(data, bytes) and len(data) > 65507
    return (None, b"Message too long") if too_long else original(obj, data, *rest)


@FAULTS.fault("udp:send", "udp:sendto", detected_by="udp/families/number-sent")
@changes_argument(2, float)
def whole_floats_are_sent_as_integers(value: Any) -> Any:
    """A float without a fraction is sent without its point."""
    return int(value) if value.is_integer() else value


@FAULTS.fault("udp{connected}:setpeername", detected_by="udp/families/port-as-a-string/connected")
def connected_objects_keep_a_port(original: Original, obj: Any, host: Any = None, port: Any = None) -> Values:
    """A port that is a string is not that of another peer."""
    if isinstance(port, bytes) and not is_closed(original, obj):
        port = original.method(obj, "getpeername")[1]
    return original(obj, host, port)


@FAULTS.fault("udp{unconnected}:setpeername", detected_by="udp/families/peer-taken-away-and-given-back")
def peer_is_given_once(original: Original, obj: Any, host: Any = None, *rest: Any) -> Values:
    """An object that has lost its peer twice gets none any more."""
    if original.memory.get(obj, 0) > 1:
        return (None, b"Invalid argument")
    if host != b"*":
        original.memory[obj] = original.memory.get(obj, 0) + 1
    return original(obj, host, *rest)


@FAULTS.fault("udp{connected}:receive", "udp{connected}:send", detected_by="udp/families/refusal-is-reported-once")
def refused_calls_are_made_again(original: Original, obj: Any, *args: Any) -> Values:
    """A call that is refused is made again."""
    results = original(obj, *args)
    return original(obj, *args) if results == (None, b"connection refused") else results


@FAULTS.fault("udp{connected}:getpeername", "udp:setoption", detected_by="udp/families/refusal-stays")
def other_methods_take_the_refusal(original: Original, obj: Any, *args: Any) -> Values:
    """The methods getpeername and setoption take the refusal away."""
    if not is_closed(original, obj):
        original.method(obj, "getoption", b"error")
    return original(obj, *args)


@FAULTS.fault("udp{connected}:settimeout", detected_by="udp/families/timeouts-apart")
def nil_takes_both_timeouts(original: Original, obj: Any, *args: Any) -> Values:
    """The timeout nil of a connected object takes both away."""
    if args == (None,):
        original(obj, None, b"t")
    return original(obj, *args)


@FAULTS.fault("udp{connected}:receive", detected_by="udp/families/shorter-timeout/connected")
def block_comes_before_total(original: Original, obj: Any, *args: Any) -> Values:
    """With both timeouts, a connected object waits for that of a block."""
    block, total = original.method(obj, "gettimeout")
    if block > 0 and total > 0:
        original.method(obj, "settimeout", None, b"t")
    results = original(obj, *args)
    original.method(obj, "settimeout", total, b"t")
    return results


@FAULTS.fault("udp{connected}:settimeout", detected_by="udp/families/limit-taken-away/connected-total-negative")
def negative_total_of_a_peer_is_zero(original: Original, obj: Any, *args: Any) -> Values:
    """A negative total timeout of a connected object is 0."""
    negative = len(args) > 1 and is_number(args[0]) and args[0] < 0 and args[1] == b"t"
    return original(obj, 0, b"t") if negative else original(obj, *args)


@FAULTS.fault("udp{connected}:setoption", detected_by="udp/families/option/connected-dontroute")
@for_option("dontroute")
def unset_option_cannot_be_set(original: Original, obj: Any, name: Any = None, *args: Any) -> Values:
    """Setting dontroute to the value that it has fails."""
    same = original.method(obj, "getoption", name) == args
    return (None, b"setsockopt failed") if same else original(obj, name, *args)


@FAULTS.fault("udp{connected}:getoption", detected_by="udp/families/ipv6-option/connected-ipv6-multicast-loop")
@for_option("ipv6-multicast-loop")
def connected_loop_is_constant(original: Original, obj: Any, name: Any = None, *args: Any) -> Values:
    """The option ipv6-multicast-loop of a connected object is always true."""
    results = original(obj, name, *args)
    return results if failed(results) else (True,)


@FAULTS.fault("udp{connected}:setoption", detected_by="udp/families/ipv6-option-of-ipv4")
def connected_objects_take_options_of_ipv6(original: Original, obj: Any, *args: Any) -> Values:
    """A connected IPv4 object takes options of IPv6, without effect."""
    results = original(obj, *args)
    refused = failed(results) and bool(args) and args[0].startswith(b"ipv6-")
    return (1,) if refused and not is_closed(original, obj) else results


@FAULTS.fault("udp:getsockname", detected_by="udp/families/closed")
def closed_ipv6_objects_are_named(original: Original, obj: Any, *args: Any) -> Values:
    """A closed IPv6 object still has its name."""
    results = original(obj, *args)
    if not failed(results):
        original.memory[obj] = results
    elif obj in original.memory and _is_ipv6(original, obj):
        return original.memory[obj]  # type: ignore[no-any-return]
    return results


@FAULTS.fault("udp:setoption", detected_by="udp/families/collected/bound-setoption")
def options_keep_an_object(original: Original, obj: Any, *args: Any) -> Values:
    """An object whose options were set is not collected."""
    keep(original, obj)
    return original(obj, *args)


@FAULTS.fault("udp{connected}:setpeername", detected_by="udp/families/collected/connected-setpeername")
def another_peer_keeps_an_object(original: Original, obj: Any, *args: Any) -> Values:
    """A connected object that got another peer is not collected."""
    keep(original, obj)
    return original(obj, *args)


@FAULTS.fault("udp:receivefrom", detected_by="udp/families/receivefrom-of-size-zero-waits")
def receivefrom_of_nothing_does_not_wait(original: Original, obj: Any, *args: Any) -> Values:
    """A receivefrom of size 0 returns an empty string at once."""
    if args[:1] == (0,) and not is_closed(original, obj):
        ready = original.call("select", original.api.Table({1: obj}), None, 0)
        return original(obj, *args) if ready[0] else (b"",)
    return original(obj, *args)


@FAULTS.fault("udp{connected}:receive", detected_by="udp/families/size-zero-waits/connected")
def receive_of_nothing_does_not_wait(original: Original, obj: Any, *args: Any) -> Values:
    """A receive of size 0 of a connected object returns an empty string at once."""
    return receivefrom_of_nothing_does_not_wait(original, obj, *args)


@FAULTS.fault("udp{connected}:receive", detected_by="udp/families/tiny-timeout/connected-b")
def tiny_timeouts_are_none(original: Original, obj: Any, *args: Any) -> Values:
    """A timeout of less than a millisecond of a connected object is none."""
    block = original.method(obj, "gettimeout")[0]
    if not 0 < block < 0.001:
        return original(obj, *args)
    original.method(obj, "settimeout", None)
    results = original(obj, *args)
    original.method(obj, "settimeout", block)
    return results


@FAULTS.fault("udp{connected}:getsockname", detected_by="udp/families/family-of-the-first-address")
def late_family_is_not_named(original: Original, obj: Any, *args: Any) -> Values:
    """The name of a connected object has the family "inet", also over IPv6."""
    results = original(obj, *args)
    return results if failed(results) else (*results[:2], b"inet")


@FAULTS.fault("udp{connected}:getpeername", "udp:setpeername", detected_by="udp/families/names-of-a-short-address")
def peer_is_named_as_it_was_given(original: Original, obj: Any, *args: Any) -> Values:
    """The name of the peer is the address that was given."""
    results = original(obj, *args)
    if original.name == "setpeername":
        original.memory[obj] = args[:1]
    elif not failed(results) and obj in original.memory:
        return (*original.memory[obj], *results[1:])
    return results


@FAULTS.fault("udp:close", detected_by="udp/families/given-away", also_fails=("errors",))
def object_without_descriptor_cannot_be_closed(original: Original, obj: Any, *args: Any) -> Values:
    """Closing an object whose descriptor was given away fails."""
    given_away = is_closed(original, obj) and obj not in original.memory
    original.memory[obj] = True
    return (None, b"closed") if given_away else original(obj, *args)


@FAULTS.fault("socket.select", detected_by="udp/families/selected/connected-ipv6")
@changes_lists
def select_passes_over_connected_ipv6_objects(original: Original, table: Any) -> Any:
    """A connected UDP object over IPv6 is not watched."""

    def watched(obj: Any) -> bool:
        described = None if isinstance(obj, dict) else original.api.index(obj, "class")
        return described != b"udp{connected}" or not _is_ipv6(original, obj)

    return filtered(table, watched)


@FAULTS.fault(
    "udp:send",
    "udp:sendto",
    detected_by=("udp/families/sent-twice/connected", "udp/families/sent-twice-by-sendto/unconnected"),
)
def same_datagram_is_sent_once(original: Original, obj: Any, *args: Any) -> Values:
    """A datagram that is the same as the one before is not sent."""
    if args and original.memory.get(obj) == args:
        return (float(len(args[0])),)
    results = original(obj, *args)
    original.memory[obj] = args
    return results


@FAULTS.fault("udp{unconnected}:sendto", detected_by="udp/families/first-datagram")
def first_datagram_is_short(original: Original, obj: Any, data: Any = None, *rest: Any) -> Values:
    """The first datagram of an object has at most 8192 bytes."""
    too_long = is_closed(original, obj) and isinstance(data, bytes) and len(data) > 8192
    return (None, b"Message too long") if too_long else original(obj, data, *rest)
