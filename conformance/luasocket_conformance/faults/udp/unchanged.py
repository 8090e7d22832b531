"""Faulty ports that the behaviours of ``udp/unchanged.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import STREAMS, failed, is_closed
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(__name__, also_fails=(*STREAMS, "udp", "subtypes"), deadline=1.0)


@FAULTS.fault("udp:sendto", detected_by="udp/unchanged/unconnected/ipv4-sendto-too-large")
def failed_sendto_takes_the_timeouts(original: Original, obj: Any, *args: Any) -> Values:
    """A sendto that fails takes the total timeout away."""
    results = original(obj, *args)
    if failed(results):
        original.method(obj, "settimeout", None, b"t")
    return results


@FAULTS.fault("udp{unconnected}:setsockname", detected_by="udp/unchanged/unconnected/ipv6-setsockname")
def failed_setsockname_resets_options(original: Original, obj: Any, *args: Any) -> Values:
    """A setsockname that fails sets the option ip-multicast-loop back."""
    results = original(obj, *args)
    if failed(results) and not is_closed(original, obj):
        original.method(obj, "setoption", b"ip-multicast-loop", True)
    return results


@FAULTS.fault("udp{connected}:send", detected_by="udp/unchanged/connected/ipv4-send-too-large")
def failed_send_drops_what_waits(original: Original, obj: Any, *args: Any) -> Values:
    """A send that fails drops the datagram that waits."""
    results = original(obj, *args)
    if failed(results) and not is_closed(original, obj):
        ready = original.call("select", original.api.Table({1: obj}), None, 0)
        if ready[0]:
            original.method(obj, "receive")
    return results


@FAULTS.fault("udp{unconnected}:setpeername", detected_by="udp/unchanged/unconnected-after-an-error/ipv4-setpeername")
def raised_setpeername_resets_the_timeout(original: Original, obj: Any, *args: Any) -> Values:
    """A setpeername that raises takes the timeout away."""
    try:
        return original(obj, *args)
    except original.api.LuaError:
        original.method(obj, "settimeout", None)
        raise


@FAULTS.fault("udp{connected}:send", detected_by="udp/unchanged/connected-after-an-error/ipv6-send")
def raised_send_disconnects(original: Original, obj: Any, *args: Any) -> Values:
    """A send that raises takes the peer away."""
    try:
        return original(obj, *args)
    except original.api.LuaError:
        original.method(obj, "setpeername", b"*")
        raise


@FAULTS.fault("udp:settimeout", "udp:gettimeout", detected_by="udp/unchanged/another-object/ipv4-settimeout-total")
def total_timeout_is_that_of_all(original: Original, obj: Any, *args: Any) -> Values:
    """All UDP objects have one total timeout."""
    module = original.api
    if original.name == "gettimeout":
        results = original(obj, *args)
        return (results[0], original.memory.get(module, results[1]))
    results = original(obj, *args)
    original.memory[module] = original.method(obj, "gettimeout")[1]
    return results


@FAULTS.fault("udp{connected}:setoption", detected_by="udp/unchanged/connected/ipv4-setoption-reuseport")
def reuseport_of_a_peer_is_reuseaddr_too(original: Original, obj: Any, name: Any = None, *args: Any) -> Values:
    """Setting reuseport of a connected object sets reuseaddr, too."""
    results = original(obj, name, *args)
    if name == b"reuseport" and not failed(results):
        original(obj, b"reuseaddr", *args)
    return results


@FAULTS.fault("udp:setsockname", detected_by="udp/unchanged/unconnected/ipv4-setsockname-as-it-is")
def same_name_can_be_set_again(original: Original, obj: Any, host: Any = None, port: Any = None) -> Values:
    """A second setsockname with the same address and port succeeds."""
    if not is_closed(original, obj):
        name = original.method(obj, "getsockname")
        if not failed(name) and name[0] == host and str(port).encode() in (name[1], str(name[1]).encode()):
            return (1,)
    return original(obj, host, port)
