"""What porters get wrong in UDP objects.

What lives here: mistakes of their methods. What may not: timeouts and options, which have modules of their own.
"""

from __future__ import annotations

import ctypes
import time
from typing import Any

from luasocket_conformance.wrong.factories import (
    add_shapes,
    argument,
    failed,
    failure,
    instead,
    is_closed,
    is_host_name,
    is_ipv4,
    is_number,
    is_one_of,
    never_forgets,
    only,
    only_once,
    refuses,
    result,
    short_name,
    success,
    then,
    without_error,
)
from luasocket_conformance.wrong.mechanism import ABSENT, Chapter, Right, Values

_ALSO = ("udp", "select", "helper", "module", "tcp/options", "tcp/states")

#: Seconds after which a call counts as hanging: some mistakes wait for what does not come.
_DEADLINE = 1.0

_CHAPTER = Chapter(__name__, _ALSO, _DEADLINE)
_add, _here = _CHAPTER.add, _CHAPTER.wrong

# -- what every function has ------------------------------------------------------------------------------------------

_SENDING = {
    "udp:send": ("connected:send",),
    "udp:sendto": ("unconnected:sendto",),
}
_NAMING = {
    "udp:setpeername": ("unconnected:setpeername", "connected:setpeername"),
    "udp:setsockname": ("unconnected:setsockname",),
}
_FUNCTIONS = {
    **_SENDING,
    **_NAMING,
    "udp:receive": ("unconnected:receive", "connected:receive"),
    "socket.udp": ("udp",),
    "socket.udp6": ("udp6",),
}


add_shapes(_CHAPTER, _FUNCTIONS, cannot_fail=("socket.udp", "socket.udp6"))
for _target, _functions in (_SENDING | _NAMING).items():
    _add(
        f"{short_name(_target)}-returns-true",
        "The result of a success is true.",
        _target,
        result(1, lambda _one: True),
        *(f"{one}/returns" for one in _functions),
    )
_add(
    "udp-receivefrom-failure-is-false",
    "The first result of a failure is false.",
    "udp:receivefrom",
    failure(lambda results: (False, *results[1:])),
    "unconnected:receivefrom/error",
)
_add(
    "udp-receivefrom-failure-has-a-port",
    "A failure has 0 as its port.",
    "udp:receivefrom",
    failure(lambda results: (*results[:2], 0)),
    "unconnected:receivefrom/no-port",
)

# -- making -----------------------------------------------------------------------------------------------------------

_METHODS = (
    "sendto",
    "receive",
    "receivefrom",
    "getoption",
    "getsockname",
    "setoption",
    "settimeout",
    "setpeername",
    "setsockname",
    "close",
)

_add(
    "udp-objects-have-no-methods",
    "An object has none of the methods.",
    tuple(f"udp:{method}" for method in _METHODS),
    ABSENT,
    "udp/has-*",
    "udp6/has-*",
)
_add(
    "udp-makes-tcp",
    "The function udp makes a TCP object.",
    "socket.udp",
    lambda right, *_args: right.module[b"tcp"](),
    "udp/creates",
)
_add(
    "udp6-makes-tcp",
    "The function udp6 makes a TCP object.",
    "socket.udp6",
    lambda right, *_args: right.module[b"tcp6"](),
    "udp6/creates",
)
_add(
    "udp-is-ipv6",
    "The function udp makes an IPv6 object.",
    "socket.udp",
    lambda right, *_args: right.module[b"udp6"](),
    "udp/ipv4",
)
_add(
    "udp6-is-ipv4",
    "The function udp6 makes an IPv4 object.",
    "socket.udp6",
    lambda right, *_args: right.module[b"udp4"](),
    "udp6/ipv6",
    "udp6/v6only",
)
_add(
    "udp6-takes-ipv4",
    'An object of udp6 does not have "ipv6-v6only".',
    "socket.udp6",
    then(lambda right, results, *_args: right.method(results[0], "setoption", b"ipv6-v6only", False)),
    "udp6/v6only",
)

# -- closing, names ---------------------------------------------------------------------------------------------------

_KINDS = ("unconnected", "connected")

_add(
    "udp-close-does-nothing",
    "It says 1, and the socket stays open.",
    "udp:close",
    instead(1),
    *(f"{one}:close/{word}" for one in _KINDS for word in ("closes-socket", "frees-address", "no-operations")),
)


_add(
    "udp-objects-are-kept-for-ever",
    "What nobody refers to is not collected.",
    "socket.udp*",
    never_forgets,
    *(f"{one}:close/collected" for one in _KINDS),
)


_add(
    "udp-second-close-raises",
    "What is closed cannot be closed again.",
    "udp:close",
    only_once,
    *(f"{one}:close/again" for one in _KINDS),
)


def _name(position: int, words: tuple[str, ...], changed: Any) -> None:
    for method, functions in (
        ("getpeername", ("connected:getpeername",)),
        ("getsockname", ("unconnected:getsockname", "connected:getsockname")),
    ):
        known = [f"{one}/{word}" for one in functions for word in words]
        _add(
            f"udp-{method}-tells-another-{words[0]}",
            f"The {words[0]} is not that of the socket.",
            f"udp:{method}",
            result(position, changed),
            *(one for one in known if one != "connected:getpeername/port-number"),
        )


_name(1, ("address",), lambda _address: b"10.0.0.1")
_name(2, ("port", "port-number"), lambda _port: True)
_name(3, ("family",), lambda _family: b"ipv4")

_add(
    "udp-getsockname-never-fails",
    "What has no address has 0.0.0.0.",
    "udp:getsockname",
    without_error(b"0.0.0.0", 0, b"inet"),
    *(f"{one}:getsockname/error" for one in _KINDS),
)
_add(
    "udp-getpeername-never-fails",
    "What has no peer has 0.0.0.0.",
    "udp:getpeername",
    without_error(b"0.0.0.0", 0, b"inet"),
    "connected:getpeername/error",
    "connected:getpeername/not-for-unconnected",
)
_add(
    "udp-objects-are-bound-at-once",
    "A new object has a local address.",
    "socket.udp*",
    then(lambda right, results, *_args: right.method(results[0], "setsockname", b"*", 0)),
    "unconnected:getsockname/unbound",
)
_add(
    "udp-objects-stay-unbound",
    "What has sent has no address.",
    "udp{unconnected}:getsockname",
    instead(b"0.0.0.0", 0, b"inet"),
    "unconnected:getsockname/bound-by-sendto",
    "unconnected:setsockname/automatic",
    "unconnected:setsockname/ephemeral",
    "unconnected:setsockname/any",
)

# -- setsockname, setpeername -----------------------------------------------------------------------------------------

_BIND, _PEER = "udp:setsockname", "udp:setpeername"

_add(
    "setsockname-takes-any-port",
    "Whatever the port, a free one is taken.",
    _BIND,
    argument(3, lambda _port: 0),
    "unconnected:setsockname/binds",
    "unconnected:setsockname/error",
)
_add(
    "setsockname-wants-names",
    "An IP address is refused.",
    _BIND,
    refuses(2, is_ipv4),
    "unconnected:setsockname/ip-address",
)
_add(
    "setsockname-wants-addresses",
    "A host name is refused.",
    _BIND,
    refuses(2, is_host_name),
    "unconnected:setsockname/host-name",
)
_add(
    "setsockname-knows-no-asterisk",
    'The address "*" is refused.',
    _BIND,
    refuses(2, is_one_of(b"*")),
    "unconnected:setsockname/any",
)
_add(
    "setsockname-wants-a-port",
    "Port 0 is refused.",
    _BIND,
    refuses(3, is_one_of(0)),
    "unconnected:setsockname/ephemeral",
)
_add(
    "setsockname-never-fails",
    "It says 1, also where nothing was bound.",
    _BIND,
    without_error(1),
    "unconnected:setsockname/before-sending",
    "unconnected:setsockname/once",
    "unconnected:setsockname/unchangeable",
    "unconnected:setsockname/error",
)
_add(
    "setpeername-does-nothing",
    "It says 1, and there is no peer.",
    _PEER,
    instead(1),
    "udp/connects",
    "udp6/connects",
    "unconnected:setpeername/changes-peer",
    "unconnected:setpeername/class",
    "unconnected:setpeername/sends-to-peer",
    "unconnected:setpeername/filters",
    "unconnected:setpeername/must-*",
    "connected:setpeername/changes-peer",
    "connected:setpeername/sends-to-peer",
    "connected:setpeername/must-*",
    "connected:send/peer",
)
_add(
    "setpeername-wants-names",
    "An IP address is refused.",
    _PEER,
    refuses(2, is_ipv4),
    "unconnected:setpeername/ip-address",
)
_add(
    "setpeername-wants-addresses",
    "A host name is refused.",
    _PEER,
    refuses(2, is_host_name),
    "unconnected:setpeername/host-name",
)
_add(
    "setpeername-goes-one-port-too-far",
    "The peer has the next port.",
    _PEER,
    argument(3, lambda port: port + 1 if is_number(port) and port < 65535 else port),
    "unconnected:setpeername/port",
    "unconnected:setpeername/sends-to-peer",
    "connected:setpeername/changes-peer",
)
_add(
    "setpeername-keeps-the-first-peer",
    "It says 1, and the peer stays what it was.",
    "udp{connected}:setpeername",
    instead(1),
    "connected:setpeername/changes-peer",
    "connected:setpeername/disconnects",
    "connected:setpeername/class",
    "connected:setpeername/filters",
)


#: The system's number for no family: a socket that is connected to an address of it has no peer any more.
_NO_FAMILY = bytes(16)


def _disconnect_below(right: Right, _results: Values, thing: Any, address: Any = None, *_rest: Any) -> None:
    """Take the peer away from the socket of the system, so that datagrams come from anybody."""
    if address != b"*":
        descriptor = right.method(thing, "getfd")[0]
        ctypes.CDLL(None).connect(descriptor, _NO_FAMILY, len(_NO_FAMILY))


_add(
    "setpeername-does-not-filter",
    "A connected object takes datagrams from anybody.",
    _PEER,
    then(_disconnect_below),
    "connected:receive/only-peer",
    "unconnected:setpeername/filters",
    "connected:setpeername/filters",
)


# -- sending ----------------------------------------------------------------------------------------------------------

_SEND = ("udp:send", "udp:sendto")
_SENDS = ("connected:send", "unconnected:sendto")


def _takes_its_time(right: Right, *args: Any) -> Values:
    results = right(*args)
    time.sleep(2 * _DEADLINE)
    return results


def _resolves(right: Right, thing: Any, data: Any = None, host: Any = None, *rest: Any) -> Values:
    return right(thing, data, b"127.0.0.1" if host == b"localhost" else host, *rest)


_add(
    "udp-sending-does-nothing",
    "It tells the length, and nothing goes out.",
    _SEND,
    lambda right, thing, data=None, *_rest: (len(data),) if isinstance(data, bytes) else right(thing, data, *_rest),
    "connected:send/datagram",
    "unconnected:sendto/datagram",
    "connected:send/peer",
    "unconnected:sendto/address",
)
_add(
    "udp-sending-takes-its-time",
    "Sending waits.",
    _SEND,
    _takes_its_time,
    "connected:send/never-blocks",
    "unconnected:sendto/never-blocks",
    "connected:settimeout/send-never-blocks",
    "connected:settimeout/no-effect-on-send",
    "unconnected:settimeout/sendto-never-blocks",
    "unconnected:settimeout/no-effect-on-sendto",
)
_add(
    "udp-sending-waits-for-the-peer",
    "Sending fails when nobody reads.",
    _SEND,
    lambda right, thing, data=None, *rest: (
        (None, b"timeout") if _too_often(right, thing) else right(thing, data, *rest)
    ),
    "connected:send/only-failure",
    "unconnected:sendto/only-failure",
)
_add(
    "udp-sending-is-limited-to-8192",
    "Longer datagrams are refused.",
    _SEND,
    refuses(2, lambda data: isinstance(data, bytes) and len(data) > 8192),
    "connected:send/largest",
    "unconnected:sendto/largest",
)
_add("sendto-resolves-names", "A host name is looked up.", "udp:sendto", _resolves, "unconnected:sendto/no-host-names")
_add(
    "sendto-goes-elsewhere",
    "It sends to the next port.",
    "udp:sendto",
    argument(4, lambda port: port + 1 if is_number(port) and port < 65535 else port),
    "unconnected:sendto/address",
)
_add(
    "sendto-failure-succeeds",
    "A failure tells the length.",
    _SEND,
    without_error(0),
    *(f"{one}/error" for one in _SENDS),
)


def _too_often(right: Right, thing: Any) -> bool:
    right.memory[thing] = right.memory.get(thing, 0) + 1
    return bool(right.memory[thing] > 4)


# -- receiving --------------------------------------------------------------------------------------------------------

_RECEIVE, _FROM = "udp:receive", "udp:receivefrom"
_GETS = ("unconnected:receive", "connected:receive")


def _keeps_the_rest(right: Right, thing: Any, size: Any = None, *_rest: Any) -> Values:
    kept = right.memory.pop(thing, None)
    whole = kept or right(thing, 65507)
    if failed(whole) or not is_number(size) or size < 0:
        return whole
    if len(whole[0]) > size:
        right.memory[thing] = (whole[0][int(size) :], *whole[1:])
    return (whole[0][: int(size)], *whole[1:])


def _from_the_first_only(right: Right, thing: Any, *args: Any) -> Values:
    with_sender = right.method(thing, "receivefrom", *args) if _is_unconnected(right, thing) else right(thing, *args)
    if failed(with_sender) or len(with_sender) < 3:
        return with_sender
    first = right.memory.setdefault(thing, with_sender[1:])
    if first != with_sender[1:]:
        return (None, b"timeout")
    return with_sender if right.name == "receivefrom" else with_sender[:1]


def _is_unconnected(right: Right, thing: Any) -> bool:
    return bool(right.api.index(thing, "class") == b"udp{unconnected}") and not is_closed(right, thing)


for _target, _functions in ((_RECEIVE, _GETS), (_FROM, ("unconnected:receivefrom",))):
    _cut = "size" if _target == _FROM else "size-cuts"
    _word = "as-receive" if _target == _FROM else "datagram"
    _add(
        f"udp-{short_name(_target)[4:]}-wants-a-size",
        "Without a size it raises.",
        _target,
        refuses(2, is_one_of(None)),
        *(f"{one}/size-optional" for one in _functions),
    )
    _add(
        f"udp-{short_name(_target)[4:]}-ignores-the-size",
        "The whole datagram is returned.",
        _target,
        only(1),
        *(f"{one}/{_cut}" for one in _functions),
    )
    _add(
        f"udp-{short_name(_target)[4:]}-keeps-the-rest",
        "What is beyond the size comes with the next call.",
        _target,
        _keeps_the_rest,
        *(f"{one}/{'as-receive' if _target == _FROM else 'size-discards'}" for one in _functions),
        *(() if _target == _FROM else (f"{one}/size-default" for one in _functions)),
    )
    _add(
        f"udp-{short_name(_target)[4:]}-fills-the-size",
        "A short datagram is filled up with NUL bytes.",
        _target,
        lambda right, thing, size=None, *rest: (
            results
            if failed(results := right(thing, size, *rest)) or not is_number(size) or size > 10000
            else (results[0].ljust(int(size), b"\0"), *results[1:])
        ),
        *(f"{one}/{'size' if _target == _FROM else 'size-shorter'}" for one in _functions),
    )
    _add(
        f"udp-{short_name(_target)[4:]}-ends-at-nul",
        "A datagram ends at its first NUL byte.",
        _target,
        success(lambda results: (results[0].partition(b"\0")[0][:2000], *results[1:])),
        *(
            f"{one}/datagram"
            for one in ("unconnected:receive", "unconnected:receivefrom")
            if one.endswith(short_name(_target)[4:])
        ),
    )
    _add(
        f"udp-{short_name(_target)[4:]}-is-always-empty",
        "Every datagram is empty.",
        _target,
        result(1, lambda _datagram: b""),
        *(f"{one}/{word}" for one in _functions for word in (_word, "datagram")),
    )

_add(
    "udp-receive-knows-the-first-sender-only",
    "Datagrams of other senders than the first are lost.",
    (_RECEIVE, _FROM),
    _from_the_first_only,
    "unconnected:receive/any-host",
)
_add(
    "receivefrom-swaps-address-and-port",
    "The port comes before the address.",
    _FROM,
    success(lambda results: (results[0], *reversed(results[1:]))),
    "unconnected:receivefrom/address",
    "unconnected:receivefrom/port",
)
_add(
    "receivefrom-tells-itself",
    "The address is that of the receiver.",
    _FROM,
    lambda right, thing, *args: (
        results if failed(results := right(thing, *args)) else (results[0], *right.method(thing, "getsockname")[:2])
    ),
    "unconnected:receivefrom/address",
    "unconnected:receivefrom/port",
)
