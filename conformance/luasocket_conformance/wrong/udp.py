"""What porters get wrong in UDP objects.

What lives here: mistakes of their methods. What may not: timeouts and options, which have modules of their own.
"""

from __future__ import annotations

import ctypes
import time
from typing import Any

from luasocket_conformance.wrong.factories import (
    add_absences,
    add_answers,
    add_looks,
    add_more_arguments,
    add_shapes,
    add_uses_after_close,
    argument,
    failed,
    failure,
    ignored_if,
    instead,
    is_closed,
    is_host_name,
    is_ipv4,
    is_ipv6,
    is_number,
    is_one_of,
    never_forgets,
    only,
    only_once,
    raises,
    refuses,
    result,
    returns_what_raises,
    reworded,
    short_name,
    stays_closed,
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

# -- more of what every object has ------------------------------------------------------------------------------------

add_answers(_CHAPTER, "udp")
add_looks(_CHAPTER, "udp", b"udp{unconnected}")
add_absences(
    _CHAPTER,
    "udp",
    {
        "dirty": "udp/states/sent",
        "getfamily": "udp/create/family",
        "gettimeout": "udp/timeout/get",
        "getfd": "udp/descriptor/of-an-open-object",
        "setfd": "udp/states/fresh-setfd",
        "getpeername": "udp/names/peername-closed",
        "getoption": "udp/create/method",
        "send": "udp/send/wrong-type",
    },
)
add_more_arguments(
    _CHAPTER,
    "udp",
    {
        "send": (2, "udp/send/no-range"),
        "sendto": (4, "udp/sendto/extra-arguments"),
        "receive": (2, "udp/receive/extra-arguments"),
        "receivefrom": (2, "udp/receivefrom/extra-arguments"),
        "setpeername": (3, "udp/setpeername/extra-arguments"),
        "setsockname": (3, "udp/setsockname/extra-arguments"),
        "settimeout": (3, "udp/timeout/values"),
        "close": (1, "udp/close/arguments"),
        "getsockname": (1, "udp/names/extra-arguments"),
        "getpeername": (1, "udp/names/extra-arguments"),
    },
)
add_uses_after_close(
    _CHAPTER,
    "udp",
    {
        "send": "udp/states/closed-unconnected-wrong-class",
        "sendto": "udp/sendto/closed-before-first-use",
        "receive": "udp/receive/closed",
        "receivefrom": "udp/states/closed-connected-wrong-class",
        "setpeername": "udp/setpeername/closed",
        "setsockname": "udp/setsockname/closed",
        "settimeout": "udp/timeout/returns-one",
        "setoption": "udp/options/unknown-on-a-closed-object",
        "getoption": "udp/options/unknown-on-a-closed-object",
        "getsockname": "udp/names/sockname-closed",
        "getfd": "udp/states/closed-connected",
        "dirty": "udp/states/closed-connected",
        "getfamily": "udp/states/closed-connected",
        "gettimeout": "udp/timeout/get-both",
        "getpeername": "udp/states/closed-connected",
    },
)

_add(
    "udp-close-returns-nothing",
    "There is no result.",
    "udp:close",
    success(lambda _results: ()),
    caught_by=("udp/close/again",),
)
_add("udp-dirty-is-nil", "The result is nil.", "udp:dirty", instead(None), caught_by=("udp/states/sent",))
_add("udp-dirty-is-true", "The result is true.", "udp:dirty", instead(True), caught_by=("udp/states/sent",))
_add(
    "udp-getfd-is-a-number-of-its-own",
    "The descriptor is not that of the system.",
    "udp:getfd",
    result(1, lambda number: number if number == -1 else number + 1000),
    caught_by=("udp/system-options/setfd",),
)
_add(
    "udp-setfd-does-nothing",
    "The descriptor stays.",
    "udp:setfd",
    instead(),
    caught_by=("udp/descriptor/set-exchanges",),
)
_add(
    "udp-getsockname-fails-unbound",
    "What is not bound has no name.",
    "udp:getsockname",
    lambda right, thing, *args: (
        (None, b"not bound")
        if right(thing, *args)[:1] == (b"0.0.0.0",) and right(thing, *args)[1] in (b"0", 0)
        else right(thing, *args)
    ),
    caught_by=("udp/names/sockname-unbound-with-a-socket",),
)
_add(
    "unconnected-getpeername-is-nil",
    "What has no peer gives nil and a message, and does not raise.",
    "udp:getpeername",
    returns_what_raises(None, b"not connected"),
    caught_by=("udp/names/peername-after-receiving",),
)
_add(
    "udp-connected-stays-unconnected",
    "A connected object still has the class of an unconnected one.",
    "udp{connected}:class",
    instead(b"udp{unconnected}"),
    caught_by=("udp/setpeername/port-zero",),
)

# -- more of peers ----------------------------------------------------------------------------------------------------

_add(
    "setpeername-knows-no-asterisk",
    'The address "*" is refused.',
    _PEER,
    refuses(2, is_one_of(b"*")),
    caught_by=("udp/states/disconnected-no-such-method",),
)
_add(
    "setpeername-asterisk-does-nothing",
    'The address "*" says 1 and leaves the peer.',
    _PEER,
    ignored_if(lambda thing, host=None, *rest: host == b"*", 1),
    caught_by=("udp/states/connected",),
)
_add(
    "setpeername-asterisk-wants-a-port",
    'The address "*" needs a port.',
    _PEER,
    lambda right, thing, host=None, *rest: right(thing, host, *rest) if host != b"*" or rest else _missing(right),
    caught_by=("udp/states/disconnected-no-such-method",),
)
_add(
    "setpeername-asterisk-closes",
    'The address "*" closes the socket.',
    _PEER,
    then(lambda right, results, thing, host=None, *rest: host == b"*" and right.method(thing, "close")),
    caught_by=("udp/states/disconnected",),
)
_add(
    "setpeername-wants-a-number",
    "A port that is a string is refused.",
    _PEER,
    refuses(3, lambda port: isinstance(port, bytes)),
    caught_by=("udp/setpeername/bad-port",),
)
_add(
    "setsockname-wants-a-number",
    "A port that is a string is refused.",
    _BIND,
    refuses(3, lambda port: isinstance(port, bytes)),
    caught_by=("udp/setsockname/bad-port",),
)
_add(
    "sendto-wants-a-number",
    "A port that is a string is refused.",
    "udp:sendto",
    refuses(4, lambda port: isinstance(port, bytes)),
    caught_by=("udp/multicast/join-receives",),
)
_add(
    "setsockname-shares-addresses",
    "Every address can be bound twice.",
    _BIND,
    lambda right, thing, *args: (right.method(thing, "setoption", b"reuseport", True), right(thing, *args))[1],
    caught_by=("udp/options/without-reuse-no-bind",),
)
_add(
    "setsockname-binds-again",
    "What is bound already is bound anew.",
    _BIND,
    lambda right, thing, *args: (1,) if (results := right(thing, *args))[1:] == (b"Invalid argument",) else results,
    caught_by=("udp/states/sent",),
)
_add(
    "setpeername-knows-no-ipv6",
    "IPv6 addresses are refused.",
    _PEER,
    refuses(2, is_ipv6),
    caught_by=("udp/setpeername/other-family",),
)
_add(
    "setsockname-knows-no-ipv6",
    "IPv6 addresses are refused.",
    _BIND,
    refuses(2, is_ipv6),
    caught_by=("udp/setsockname/other-family",),
)
_add(
    "sendto-knows-no-ipv6",
    "IPv6 addresses are refused.",
    "udp:sendto",
    refuses(3, is_ipv6),
    caught_by=("udp/sendto/binds-udp6",),
)
_add(
    "setpeername-twice-fails",
    "A connected object takes no other peer.",
    "udp{connected}:setpeername",
    refuses(2, lambda host: host != b"*"),
    caught_by=("udp/setpeername/same-peer-again",),
)
_add(
    "setpeername-drops-what-came",
    "What arrived before is lost.",
    _PEER,
    lambda right, thing, *args: (_drain(right, thing), right(thing, *args))[1],
    caught_by=("udp/setpeername/keeps-what-had-come",),
)
_add(
    "setpeername-failure-parts",
    "Where it fails, the object has no peer any more.",
    "udp{connected}:setpeername",
    lambda right, thing, *args: (
        (results, failed(results) and right(thing, b"*"))[0] if (results := right(thing, *args)) else ()
    ),
    caught_by=("udp/setpeername/unknown-host-keeps-the-peer",),
)


def _missing(right: Right) -> Values:
    raise right.api.LuaError(b"bad argument #3 to 'setpeername' (string expected, got no value)")


def _drain(right: Right, thing: Any) -> bool:
    block, _total = right.method(thing, "gettimeout")
    right.method(thing, "settimeout", 0)
    while not is_closed(right, thing) and not failed(right.method(thing, "receive")):
        pass
    right.method(thing, "settimeout", block)
    return True


# -- more of datagrams ------------------------------------------------------------------------------------------------

_add(
    "udp-send-returns-three",
    "Two nils follow.",
    _SEND,
    success(lambda results: (*results, None, None)),
    caught_by=("udp/sendto/returns",),
)
_add(
    "udp-receive-returns-three",
    "Two nils follow.",
    _RECEIVE,
    success(lambda results: (*results, None, None)),
    caught_by=("udp/receive/waits",),
)
_add(
    "udp-receive-failure-has-a-partial",
    "A failure has the empty string as its third result.",
    _RECEIVE,
    failure(lambda results: (*results, b"")),
    caught_by=("udp/timeout/limits",),
)
_add(
    "udp-sends-no-empty-datagram",
    "An empty datagram is not sent, but 0 is told.",
    _SEND,
    ignored_if(lambda thing, data=None, *rest: data == b"", 0),
    caught_by=("udp/sendto/each-call-a-datagram",),
)
_add(
    "udp-refuses-an-empty-datagram",
    "An empty datagram raises.",
    _SEND,
    refuses(2, is_one_of(b"")),
    caught_by=("udp/sendto/each-call-a-datagram",),
)
_add(
    "udp-empty-datagram-is-closed",
    'An empty datagram is told as "closed".',
    (_RECEIVE, _FROM),
    success(lambda results: (None, b"closed") if results[:1] == (b"",) else results),
    caught_by=("udp/receive/empty-datagram-with-size",),
)
_add(
    "udp-empty-datagram-is-nil",
    "An empty datagram is nil.",
    (_RECEIVE, _FROM),
    success(lambda results: (None, *results[1:]) if results[:1] == (b"",) else results),
    caught_by=("udp/receive/before-first-use",),
)
_add(
    "udp-empty-datagram-is-passed-over",
    "An empty datagram is passed over.",
    (_RECEIVE, _FROM),
    lambda right, *args: right(*args) if (results := right(*args))[:1] == (b"",) else results,
    caught_by=("udp/receive/empty-datagram-with-size",),
)
_add(
    "udp-size-has-a-default-of-512",
    "Without a size, 512 bytes are received.",
    (_RECEIVE, _FROM),
    lambda right, thing, size=None, *rest: right(thing, 512 if size is None else size, *rest),
    caught_by=("udp/receivefrom/default-size",),
)
_add(
    "udp-size-has-a-default-of-1500",
    "Without a size, 1500 bytes are received.",
    (_RECEIVE, _FROM),
    lambda right, thing, size=None, *rest: right(thing, 1500 if size is None else size, *rest),
    caught_by=("udp/receivefrom/default-size",),
)
_add(
    "udp-size-has-a-default-of-65536",
    "Without a size, a whole datagram is received.",
    (_RECEIVE, _FROM),
    lambda right, thing, size=None, *rest: right(thing, 65536 if size is None else size, *rest),
    caught_by=("udp/receivefrom/default-size",),
)
_add(
    "udp-size-has-a-limit-of-8192",
    "No more than 8192 bytes are received.",
    (_RECEIVE, _FROM),
    argument(2, lambda size: min(size, 8192) if is_number(size) else size),
    caught_by=("udp/receive/size-between",),
)
_add(
    "udp-size-of-zero-is-the-default",
    "A size of 0 is the default one.",
    (_RECEIVE, _FROM),
    argument(2, lambda size: None if size == 0 else size),
    caught_by=("udp/receive/size-zero",),
)
_add(
    "udp-size-of-zero-reads-nothing",
    "With a size of 0, the datagram stays.",
    (_RECEIVE, _FROM),
    ignored_if(lambda thing, size=None, *rest: size == 0 and size is not False, b""),
    caught_by=("udp/receive/size-zero-waits",),
)
_add(
    "udp-size-wants-a-number",
    "A size that is a string raises.",
    (_RECEIVE, _FROM),
    refuses(2, lambda size: isinstance(size, bytes)),
    caught_by=("udp/receive/size",),
)
_add(
    "udp-size-takes-patterns",
    'The size "*l" is a line.',
    (_RECEIVE, _FROM),
    argument(2, lambda size: None if size in (b"*l", b"*a") else size),
    caught_by=("udp/receive/size-of-a-wrong-type",),
)
_add(
    "udp-cut-datagram-is-an-error",
    "A datagram that is longer than the size is an error.",
    (_RECEIVE, _FROM),
    lambda right, thing, size=None, *rest: (
        (None, b"message too long")
        if not failed(results := right(thing, size, *rest)) and is_number(size) and len(results[0]) == size and size > 0
        else results
    ),
    caught_by=("udp/receive/size",),
)
_add(
    "udp-negative-size-is-zero",
    "A negative size is 0.",
    (_RECEIVE, _FROM),
    argument(2, lambda size: 0 if is_number(size) and size < 0 else size),
    caught_by=("udp/receivefrom/negative-size",),
)
_add(
    "udp-joins-datagrams",
    "Datagrams that wait are received as one.",
    _RECEIVE,
    lambda right, thing, *args: _joined(right, thing, *args),
    caught_by=("udp/receive/one-at-a-time-with-size",),
)
_add(
    "udp-sends-strings-as-utf8",
    "Each byte from 128 on becomes two.",
    _SEND,
    argument(2, lambda data: data.decode("latin-1").encode() if isinstance(data, bytes) else data),
    caught_by=("udp/send/any-bytes",),
)
_add(
    "udp-receives-strings-as-utf8",
    "Each byte from 128 on becomes two.",
    (_RECEIVE, _FROM),
    result(1, lambda data: data.decode("latin-1").encode()),
    caught_by=("udp/receive/any-bytes",),
)
_add(
    "udp-sends-no-numbers",
    "A datagram that is a number raises.",
    _SEND,
    refuses(2, is_number),
    caught_by=("udp/send/number",),
)
_add(
    "receivefrom-port-is-a-string",
    "The port is a string.",
    _FROM,
    result(3, lambda port: str(port).encode()),
    caught_by=("udp/receivefrom/port-is-a-number",),
)
_add(
    "receivefrom-tells-the-family",
    "The family follows.",
    _FROM,
    success(lambda results: (*results, b"inet")),
    caught_by=("udp/receivefrom/port-is-a-number",),
)
_add(
    "receivefrom-tells-one-string",
    "Address and port are one string.",
    _FROM,
    success(lambda results: (results[0], b"%s:%d" % results[1:])),
    caught_by=("udp/receivefrom/port-is-a-number",),
)
_add(
    "receivefrom-works-when-connected",
    "A connected object has receivefrom, too.",
    "udp{connected}:receivefrom",
    lambda right, thing, *args: (*right.method(thing, "receive", *args), *right.method(thing, "getpeername")[:2]),
    caught_by=("udp/receivefrom/not-for-connected",),
)
_add(
    "sendto-works-when-connected",
    "A connected object has sendto, too.",
    "udp{connected}:sendto",
    lambda right, thing, data=None, *args: right.method(thing, "send", data),
    caught_by=("udp/sendto/not-for-connected",),
)
_add(
    "send-of-the-unconnected-fails",
    "An unconnected object cannot send: nil and a message.",
    "udp{unconnected}:send",
    returns_what_raises(None, b"not connected"),
    caught_by=("udp/create/no-peer",),
)
_add(
    "udp-refused-is-not-told",
    "That the peer refused is not told.",
    (_RECEIVE, *_SEND),
    lambda right, thing, *args: (
        right(thing, *args)
        if (results := right(thing, *args))[1:2] in ((b"refused",), (b"connection refused",))
        else results
    ),
    caught_by=("udp/select/refused",),
)
_add(
    "udp-refused-is-closed",
    'That the peer refused is told as "closed".',
    (_RECEIVE, *_SEND),
    failure(lambda results: (None, b"closed") if results[1] in (b"refused", b"connection refused") else results),
    caught_by=("udp/send/closed",),
)
_add(
    "udp-timeout-has-a-capital",
    'The message is "Timeout".',
    (_RECEIVE, _FROM),
    reworded(b"timeout", b"Timeout"),
    caught_by=("udp/receivefrom/timeout",),
)
_add(
    "udp-receives-the-last-first",
    "Of datagrams that wait, the last one comes first.",
    _RECEIVE,
    lambda right, thing, *args: _last_first(right, thing, *args),
    caught_by=("udp/receive/one-at-a-time-with-size",),
)
_add(
    "udp-sendto-raises-for-an-address",
    "What is no address raises.",
    "udp:sendto",
    raises,
    caught_by=("udp/sendto/bad-address",),
)
_add(
    "udp-may-broadcast",
    "Every object may broadcast.",
    "socket.udp*",
    then(lambda right, results, *args: right.method(results[0], "setoption", b"broadcast", True)),
    caught_by=("udp/options/independent",),
)
_add(
    "udp-reuses-addresses",
    'Every object has "reuseaddr".',
    _BIND,
    lambda right, thing, *args: (right.method(thing, "setoption", b"reuseaddr", True), right(thing, *args))[1],
    caught_by=("udp/options/without-reuse-no-bind",),
)


def _others(right: Right, thing: Any) -> list[bytes]:
    block, _total = right.method(thing, "gettimeout")
    right.method(thing, "settimeout", 0)
    found = []
    while not is_closed(right, thing) and not failed(results := right.method(thing, "receive", 65507)):
        found.append(results[0])
    right.method(thing, "settimeout", block)
    return found


def _joined(right: Right, thing: Any, *args: Any) -> Values:
    results = right(thing, *args)
    return results if failed(results) else (results[0] + b"".join(_others(right, thing)),)


def _last_first(right: Right, thing: Any, *args: Any) -> Values:
    kept = right.memory.setdefault(thing, [])
    if kept:
        return (kept.pop(),)
    results = right(thing, *args)
    if failed(results):
        return results
    kept += [results[0], *_others(right, thing)]
    return (kept.pop(),)


# -- what lasts -------------------------------------------------------------------------------------------------------

_add(
    "parting-takes-the-address-away",
    "An object that parts from its peer has no local address any more.",
    "udp{connected}:setpeername",
    lambda right, thing, host=None, *rest: (
        right(thing, host, *rest) if host != b"*" else (right(thing, host), _anew(right, thing))[0]
    ),
    caught_by=("udp/states/disconnected",),
)
_add(
    "udp-peers-leave-the-address-open",
    "The local address of a connected object is 0.0.0.0.",
    "udp{connected}:getsockname",
    result(1, lambda host: b"0.0.0.0" if is_ipv4(host) else b"::"),
    caught_by=("udp/states/connected",),
)
_add(
    "udp-splits-large-datagrams",
    "A datagram that is too large is sent in parts.",
    _SEND,
    lambda right, thing, data=None, *rest: (
        (len(data),)
        if isinstance(data, bytes) and len(data) > 65507 and right(thing, data[:65507], *rest)
        else right(thing, data, *rest)
    ),
    caught_by=("udp/send/too-large",),
)
_add(
    "udp-cuts-large-datagrams",
    "A datagram that is too large is cut.",
    _SEND,
    argument(2, lambda data: data[:65507] if isinstance(data, bytes) else data),
    caught_by=("udp/send/too-large",),
)
_add(
    "udp-sends-8192-bytes-at-most",
    "A datagram is cut to 8192 bytes.",
    _SEND,
    argument(2, lambda data: data[:8192] if isinstance(data, bytes) else data),
    caught_by=("udp/send/largest",),
)
_add(
    "udp-send-ends-at-nul",
    "A datagram ends at its first NUL byte.",
    _SEND,
    argument(2, lambda data: data.partition(b"\0")[0] if isinstance(data, bytes) else data),
    caught_by=("udp/send/any-bytes",),
)
_add(
    "udp-receive-closes-when-refused",
    "Where the peer refuses, the object is closed.",
    (_RECEIVE, *_SEND),
    lambda right, thing, *args: (
        (
            results,
            failed(results) and results[1] in (b"refused", b"connection refused") and right.method(thing, "close"),
        )[0]
        if (results := right(thing, *args))
        else ()
    ),
    caught_by=("udp/send/refused-at-receive",),
)
_add(
    "udp-has-a-descriptor-at-once",
    "The function udp makes a socket of IPv4 at once.",
    "socket.udp",
    lambda right, *args: right.module[b"udp4"](*args),
    caught_by=("udp/names/sockname-unbound",),
)
_add(
    "udp6-sends-over-ipv4",
    "An object of udp6 has no family yet.",
    "socket.udp6",
    lambda right, *args: right.module[b"udp"](*args),
    caught_by=("udp/system-options/udp6-is-v6only",),
)
_add(
    "udp-peers-are-per-datagram",
    "The peer is gone after a datagram was sent.",
    "udp{connected}:send",
    then(lambda right, results, thing, *args: _disconnect_below(right, results, thing)),
    caught_by=("udp/send/from-the-bound-address",),
)
_add(
    "udp-closed-objects-send-nothing",
    'A closed object that sends gives "closed", and does not open again.',
    ("udp:sendto", "udp:close"),
    stays_closed,
    caught_by=("udp/sendto/closed-before-first-use",),
)
_add(
    "udp-closed-objects-bind-no-more",
    'A closed object that is bound gives "closed".',
    ("udp:setsockname", "udp:close"),
    stays_closed,
    caught_by=("udp/setsockname/closed",),
)
_add(
    "receivefrom-port-is-of-the-network",
    "The port has its bytes in the order of the network.",
    _FROM,
    result(3, lambda port: (port & 255) << 8 | port >> 8),
    caught_by=("udp/receivefrom/size",),
)
_add(
    "udp-receive-tells-the-sender",
    "The sender's address follows.",
    "udp{unconnected}:receive",
    lambda right, thing, *args: (
        right.method(thing, "receivefrom", *args) if not is_closed(right, thing) else right(thing, *args)
    ),
    caught_by=("udp/receive/size",),
)


def _anew(right: Right, thing: Any) -> bool:
    right.method(thing, "close")
    right.method(thing, "setsockname", b"*", 0)
    return True
