"""Faulty ports that the behaviours of ``tcp/again.yaml`` detect."""

from __future__ import annotations

import os
import weakref
from typing import Any

from luasocket_conformance.faults.factories import STREAMS, descriptor_number, failed, is_closed, is_ipv6, is_number
from luasocket_conformance.faults.factories.objects import for_option, port_number
from luasocket_conformance.faults.factories.states import after, fails, fails_with, from_call
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(
    __name__,
    also_fails=(*STREAMS, "udp"),
)


# -- receive and send


@FAULTS.fault("tcp:receive", detected_by="tcp/again/receive-after")
def prefix_of_a_timeout_sticks(original: Original, obj: Any, *args: Any) -> Values:
    """The prefix of a receive that timed out stands before the next one without a prefix."""
    prefix = original.memory.pop(obj, None)
    if prefix is not None and len(args) < 2:
        args = (*(args or (b"*l",)), prefix)
    results = original(obj, *args)
    if len(args) > 1 and failed(results) and results[1] == b"timeout":
        original.memory[obj] = args[1]
    return results


@FAULTS.fault("tcp:receive", detected_by="tcp/again/receive-after")
def pattern_of_a_timeout_sticks(original: Original, obj: Any, *args: Any) -> Values:
    """Without a pattern, receive goes on with that of the receive that timed out before."""
    results = original(obj, *(args or original.memory.pop(obj, ())))
    if failed(results) and results[1] == b"timeout":
        original.memory[obj] = args[:1]
    return results


@FAULTS.fault("tcp:receive", detected_by="tcp/again/receive-after")
@from_call(1, fails_with(b"timeout"))
def no_bytes_after_a_timeout_time_out(original: Original, obj: Any, *args: Any) -> Values:
    """Once receive has timed out, one of no bytes times out."""
    return (None, b"timeout", b"") if args == (0,) else original(obj, *args)


@FAULTS.fault("tcp:receive", detected_by="tcp/again/receive-walk")
@from_call(3, lambda results, *_args: results[:1] == (b"",))
def further_empty_lines_are_skipped(original: Original, obj: Any, *args: Any) -> Values:
    """The fourth result that is empty, and any further one, is left out."""
    results = original(obj, *args)
    return original(obj, *args) if results[:1] == (b"",) and args != (0,) else results


@FAULTS.fault("tcp:receive", detected_by="tcp/again/receive-walk")
@from_call(1, fails_with(b"closed"))
def no_bytes_after_the_end_are_a_success(original: Original, obj: Any, *args: Any) -> Values:
    """Once the end was read, a receive of no bytes succeeds."""
    return (b"", None, None) if args == (0,) else original(obj, *args)


@FAULTS.fault("tcp:send", detected_by="tcp/again/send-walk")
def first_position_sticks(original: Original, obj: Any, data: Any = None, *indices: Any) -> Values:
    """Without positions, send begins where the last one with a position did, if the string is that long."""
    if indices and is_number(indices[0]) and indices[0] > 0:
        original.memory[obj] = indices[0]
    elif not indices and isinstance(data, bytes) and len(data) >= original.memory.get(obj, 1):
        indices = (original.memory.get(obj, 1),)
    return original(obj, data, *indices)


@FAULTS.fault("tcp:send", detected_by="tcp/again/send-walk")
def last_position_sticks(original: Original, obj: Any, *args: Any) -> Values:
    """Without a last position, send ends where the last one with both did, if that is behind the first."""
    if len(args) == 3 and is_number(args[2]):
        original.memory[obj] = args[2]
    elif len(args) == 2 and is_number(args[1]) and 0 < args[1] <= original.memory.get(obj, 0):
        args = (*args, original.memory[obj])
    return original(obj, *args)


@FAULTS.fault("tcp:send", detected_by="tcp/again/send-after-a-failure")
def failed_data_are_sent_later(original: Original, obj: Any, *args: Any) -> Values:
    """What a send on a closed client could not send is sent with the next one."""
    lost = original.memory.get(obj)
    results = original(obj, *args)
    if failed(results) and results[1] == b"closed" and results[2] == 0:
        original.memory[obj] = args[0]
    elif lost is not None and not failed(results):
        original(obj, original.memory.pop(obj))
    return results


# -- connect and bind


@FAULTS.fault("tcp:connect", detected_by="tcp/again/connect-after")
@from_call(2, fails)
def connect_after_failures_is_for_ipv4(original: Original, obj: Any, address: Any = None, *rest: Any) -> Values:
    """After two failures, connect takes no IPv6 address."""
    if is_ipv6(address):
        return (None, b"Address family for hostname not supported")
    return original(obj, address, *rest)


@FAULTS.fault("tcp:connect", detected_by="tcp/again/connect-after")
def connect_that_fails_removes_the_timeout(original: Original, obj: Any, *args: Any) -> Values:
    """A connect that fails takes the timeout away."""
    results = original(obj, *args)
    if failed(results):
        original.method(obj, "settimeout", None)
    return results


@FAULTS.fault("tcp:bind", detected_by="tcp/again/bind-after")
@from_call(2, fails)
def bind_after_failures_is_for_one_host(original: Original, obj: Any, address: Any = None, *rest: Any) -> Values:
    """After two failures, bind takes the loopback for all interfaces."""
    return original(obj, b"127.0.0.1" if address == b"0.0.0.0" else address, *rest)


@FAULTS.fault("tcp:bind", "tcp:close", detected_by="tcp/again/own-address-again")
def own_address_stays_in_use(original: Original, obj: Any, *args: Any) -> Values:
    """The address that an object had before it was closed is in use for that object."""
    if original.name == "close":
        name = original.method(obj, "getsockname")
        if not failed(name):
            original.memory[obj] = (name[0], int(name[1]))
    elif (*args[:1], port_number(args[1]) if len(args) > 1 else None) == original.memory.get(obj):
        return (None, b"address already in use")
    return original(obj, *args)


# -- asked, made and set more often than twice


@FAULTS.fault("tcp:getsockname", detected_by="tcp/again/asked-often")
@from_call(6)
def sixth_name_has_no_family(original: Original, obj: Any, *args: Any) -> Values:
    """From the seventh time on, getsockname returns two values."""
    return original(obj, *args)[:2]


@FAULTS.fault("tcp:getoption", detected_by="tcp/again/asked-often")
@from_call(10)
def eleventh_option_is_unknown(original: Original, obj: Any, *args: Any) -> Values:
    """From the eleventh time on, getoption fails."""
    return (None, b"getsockopt failed") if args[:1] == (b"keepalive",) else original(obj, *args)


@FAULTS.fault("socket.tcp", detected_by="tcp/again/masters-made-often")
def every_fifth_object_is_a_client(original: Original, *args: Any) -> Values:
    """Every fifth object is a client from the beginning."""
    counts = original.memory.setdefault(original.api, [])
    counts.append(None)
    results = original(*args)
    if len(counts) % 5 == 0 and not failed(results):
        original.method(results[0], "connect", b"no body", 1)
    return results


@FAULTS.fault("tcp:accept", detected_by="tcp/again/connected-often")
@from_call(4)
def fifth_client_has_counts(original: Original, obj: Any, *args: Any) -> Values:
    """From the fifth client of a server on, each begins with the counts of another one."""
    results = original(obj, *args)
    if not failed(results):
        original.method(results[0], "setstats", 100, 200)
    return results


@FAULTS.fault("tcp:setoption", detected_by="tcp/again/option-walk")
@for_option("tcp-nodelay", "keepalive", "reuseaddr")
def options_that_were_set_thrice_stay(original: Original, obj: Any, name: Any, *values: Any) -> Values:
    """An option that was set to true three times in a row stays set at the next false."""
    names = original.memory.setdefault(obj, {})
    if values[:1] == (True,):
        names[name] = names.get(name, 0) + 1
    elif values[:1] == (False,) and names.pop(name, 0) >= 3:
        return (1,)
    return original(obj, name, *values)


@FAULTS.fault("tcp:setoption", detected_by="tcp/again/linger-walk")
@for_option("linger")
def linger_only_grows(original: Original, obj: Any, name: Any, value: Any = None, *rest: Any) -> Values:
    """Linger that is on does not get shorter, unless it is 0."""
    seconds = value.get(b"timeout") if isinstance(value, dict) and value.get(b"on") is True else None
    if isinstance(seconds, int | float) and seconds > 0:
        original.memory[obj] = max(original.memory.get(obj, 0), seconds)
        value = {b"on": True, b"timeout": original.memory[obj]}
    return original(obj, name, value, *rest)


@FAULTS.fault("tcp:setoption", detected_by="tcp/again/number-walk")
@for_option("tcp-keepidle", "tcp-keepcnt", "tcp-keepintvl")
def numbers_only_grow(original: Original, obj: Any, name: Any, value: Any = None, *rest: Any) -> Values:
    """A number of keepalive does not get less than it was set before."""
    numbers = original.memory.setdefault(obj, {})
    if is_number(value) and value > 0:
        value = numbers[name] = max(numbers.get(name, 0), value)
    return original(obj, name, value, *rest)


@FAULTS.fault("tcp:setstats", "tcp:send", detected_by="tcp/again/stats-walk")
@after("setstats")
def send_after_setstats_begins_anew(original: Original, obj: Any, *args: Any) -> Values:
    """The first send after setstats counts from 0."""
    (sent,) = original.method(obj, "getstats")[1:2]
    del original.memory[obj]
    results = original(obj, *args)
    original.method(obj, "setstats", None, original.method(obj, "getstats")[1] - sent)
    return results


@FAULTS.fault("tcp:shutdown", "tcp:send", detected_by="tcp/again/stats-walk")
@after("shutdown")
def lost_bytes_count(original: Original, obj: Any, *args: Any) -> Values:
    """After a shutdown, bytes that could not be sent count."""
    results = original(obj, *args)
    if failed(results):
        original.method(obj, "setstats", None, original.method(obj, "getstats")[1] + len(args[0]))
    return results


# -- the end of an object


@FAULTS.fault("tcp:setfd", "tcp:close", detected_by="tcp/again/closes-what-it-was-given", alone=True)
@after("setfd")
def given_descriptors_stay_open(original: Original, obj: Any, *args: Any) -> Values:
    """Closing an object leaves the descriptor open that setfd has set, if there are data in the buffer."""
    if not is_closed(original, obj) and original.method(obj, "dirty") == (True,):
        weakref.finalize(obj, os.close, descriptor_number(original, obj))  # ours until the object is gone
        original.method(obj, "setfd", -1)
    return original(obj, *args)


@FAULTS.fault("tcp:class", "tcp:close", detected_by="tcp/again/class-follows-each-change")
def closed_servers_are_masters(original: Original, obj: Any, *_args: Any) -> Values:
    """The class of a server that was closed is that of a master."""
    results = original(obj)
    if original.name == "class" and results == (b"tcp{server}",) and is_closed(original, obj):
        return (b"tcp{master}",)
    return results


# -- what is left over, and what is shared


@FAULTS.fault("tcp:send", "tcp:close", "tcp:receive", detected_by="tcp/again/rest-is-not-sent-later", deadline=5.0)
def the_rest_is_sent_later(original: Original, obj: Any, *args: Any) -> Values:
    """What a send could not send in time is kept, and the next receive or close sends some of it."""
    if original.name != "send":
        if obj in original.memory:
            original.method(obj, "send", original.memory.pop(obj)[:1000])
        return original(obj, *args)
    results = original(obj, *args)
    if failed(results) and results[1] == b"timeout":
        original.memory[obj] = args[0][int(results[2]) :]
    return results


@FAULTS.fault("tcp:receive", "socket.tcp", detected_by="tcp/again/next-object-after/timed-out")
def partial_result_is_for_the_next_object(original: Original, *args: Any) -> Values:
    """What one client has received of a line before the time was over stands before the line of the next client."""
    kept = original.memory.setdefault(original.api, [])
    results = original(*args)
    if original.name == "tcp":
        return results
    if failed(results) and results[1] == b"timeout" and results[2]:
        kept[:] = [args[0], results[2]]
    elif kept and kept[0] is not args[0] and not failed(results):
        return (kept.pop() + results[0], *results[1:]) if len(kept) > 1 else results
    return results


@FAULTS.fault("tcp:setstats", "tcp:connect", detected_by="tcp/again/next-object-after")
def counts_of_one_client_are_those_of_the_next(original: Original, obj: Any, *args: Any) -> Values:
    """A client begins with the counts that were set for another one."""
    kept = original.memory.setdefault(original.api, [])
    results = original(obj, *args)
    if original.name == "setstats":
        kept[:] = args
    elif not failed(results) and kept:
        original.method(obj, "setstats", *kept)
    return results


@FAULTS.fault("tcp:receive", detected_by="tcp/again/two-in-turn")
def no_bytes_are_those_of_another_client(original: Original, obj: Any, *args: Any) -> Values:
    """A receive of no bytes succeeds if another client has data in its buffer."""
    others = original.memory.setdefault(original.api, weakref.WeakSet())
    results = original(obj, *args)
    others.add(obj)
    if args == (0,) and failed(results) and any(original.method(other, "dirty") == (True,) for other in others):
        return (b"", None, None)
    return results
