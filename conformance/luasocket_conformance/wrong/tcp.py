"""What porters get wrong in the life of TCP objects, from making and binding to shutting down and closing.

What lives here: mistakes of those methods, and of ``socket.connect``. What may not: timeouts, options, ``receive`` and
``send``, which have modules of their own.
"""

from __future__ import annotations

from typing import Any

from luasocket_conformance.wrong.factories import (
    STREAMS,
    add_absences,
    add_answers,
    add_looks,
    add_more_arguments,
    add_shapes,
    add_uses_after_close,
    argument,
    failed,
    failure,
    instead,
    is_closed,
    is_host_name,
    is_ipv4,
    is_ipv6,
    is_number,
    is_one_of,
    never_forgets,
    no_more_than,
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

#: Where TCP objects are used beside their own subjects.
_ALSO = (*STREAMS, "udp/names", "udp/options")

_CHAPTER = Chapter(__name__, _ALSO)
_add, _here = _CHAPTER.add, _CHAPTER.wrong


def _number(value: Any) -> float:
    """Return the number that a port is, as one or as digits; 0 for any other value."""
    if isinstance(value, bytes) and value.isdigit():
        return int(value)
    return value if is_number(value) else 0


# -- what every function has ------------------------------------------------------------------------------------------

#: By function: the statements of its results, without what follows the slash.
_FUNCTIONS = {
    "socket.tcp": ("tcp",),
    "socket.tcp6": ("tcp6",),
    "socket.connect": ("connect",),
    "tcp:bind": ("master:bind",),
    "tcp:connect": ("master:connect",),
    "tcp:listen": ("master:listen",),
    "tcp:accept": ("server:accept",),
}
#: Those that return 1.
_ONES = {
    "tcp:bind": ("master:bind/returns",),
    "tcp:connect": ("master:connect/returns",),
    "tcp:listen": ("master:listen/returns",),
    "tcp:setstats": ("client:setstats/returns",),
    "tcp:shutdown": ("client:shutdown/returns",),
}


add_shapes(_CHAPTER, _FUNCTIONS, cannot_fail=("socket.tcp", "socket.tcp6"))
for _target, _statements in _ONES.items():
    _add(
        f"{short_name(_target)}-returns-true",
        "The result is true instead of 1.",
        _target,
        result(1, lambda _one: True),
        *_statements,
    )
    _add(
        f"{short_name(_target)}-returns-nothing",
        "There is no result instead of 1.",
        _target,
        success(lambda _results: ()),
        *_statements,
    )

# -- making -----------------------------------------------------------------------------------------------------------

_add(
    "tcp-makes-udp",
    "The function tcp makes a UDP object.",
    "socket.tcp",
    lambda right, *_args: right.module[b"udp"](),
    "tcp/creates",
)
_add(
    "tcp6-makes-udp",
    "The function tcp6 makes a UDP object.",
    "socket.tcp6",
    lambda right, *_args: right.module[b"udp6"](),
    "tcp6/creates",
)
_add(
    "tcp-is-ipv6",
    "The function tcp makes an IPv6 object.",
    "socket.tcp",
    lambda right, *_args: right.module[b"tcp6"](),
    "tcp/ipv4",
)
_add(
    "tcp6-is-ipv4",
    "The function tcp6 makes an IPv4 object.",
    "socket.tcp6",
    lambda right, *_args: right.module[b"tcp4"](),
    "tcp6/ipv6",
    "tcp6/v6only",
)
_add(
    "tcp6-takes-ipv4",
    'An object of tcp6 does not have "ipv6-v6only".',
    "socket.tcp6",
    then(lambda right, results, *_args: right.method(results[0], "setoption", b"ipv6-v6only", False)),
    "tcp6/v6only",
)
_add(
    "masters-work",
    "Of a master, methods of clients and servers return an error instead of raising.",
    ("tcp{master}:send", "tcp{master}:receive", "tcp{master}:accept"),
    without_error(None, b"not connected"),
    "tcp/nothing-else",
    "tcp6/nothing-else",
)

# -- bind -------------------------------------------------------------------------------------------------------------

_add(
    "bind-takes-any-port",
    "Whatever the port, a free one is taken.",
    "tcp:bind",
    argument(3, lambda _port: 0),
    "master:bind/binds",
    "master:bind/error",
)
_add(
    "bind-takes-any-address",
    "Whatever the address, all interfaces are bound.",
    "tcp:bind",
    argument(2, lambda _address: b"*"),
    "master:bind/binds",
)
_add("bind-wants-names", "An IP address is refused.", "tcp:bind", refuses(2, is_ipv4), "master:bind/ip-address")
_add("bind-wants-addresses", "A host name is refused.", "tcp:bind", refuses(2, is_host_name), "master:bind/host-name")
_add(
    "bind-knows-no-asterisk", 'The address "*" is refused.', "tcp:bind", refuses(2, is_one_of(b"*")), "master:bind/any"
)
_add(
    "bind-refuses-large-ports",
    "Ports from 32768 on are refused.",
    "tcp:bind",
    refuses(3, lambda port: _number(port) > 32767),
    "master:bind/port-range",
)
_add("bind-wants-a-port", "Port 0 is refused.", "tcp:bind", refuses(3, is_one_of(0)), "master:bind/ephemeral")

# -- connect ----------------------------------------------------------------------------------------------------------

_add(
    "connect-does-nothing",
    "It says 1, and nothing is connected.",
    "tcp:connect",
    instead(1),
    "master:connect/connects",
    "master:connect/becomes-client",
    "master:connect/client-*",
    "tcp/becomes-client",
    "tcp6/becomes-client",
    deadline=1.0,
)
_add(
    "connect-wants-names",
    "An IP address is refused.",
    "tcp:connect",
    refuses(2, is_ipv4),
    "master:connect/ip-address",
)
_add(
    "connect-wants-addresses",
    "A host name is refused.",
    "tcp:connect",
    refuses(2, is_host_name),
    "master:connect/host-name",
)
_add(
    "connect-knows-no-asterisk",
    'The address "*" is no address.',
    "tcp:connect",
    refuses(2, is_one_of(b"*")),
    "master:connect/any",
)
_add(
    "connect-raises-for-a-bad-port",
    "A negative port raises.",
    "tcp:connect",
    refuses(3, lambda port: _number(port) < 0),
    "master:connect/port-range",
)
_add(
    "connect-refused-has-a-capital",
    'The message is the system\'s, "Connection refused".',
    "tcp:connect",
    reworded(b"connection refused", b"Connection refused"),
    caught_by=("tcp/connect/refused",),
)
_add(
    "shortcut-is-missing",
    "There is no socket.connect.",
    "socket.connect",
    ABSENT,
    "master:connect/shortcut",
    "connect/connects",
)
_add(
    "shortcut-returns-a-closed-client",
    "The client of socket.connect is closed.",
    "socket.connect",
    then(lambda right, results, *_args: right.method(results[0], "close")),
    "connect/connects",
)
_add(
    "shortcut-has-no-local-end",
    "Local address and port are not looked at.",
    "socket.connect",
    lambda right, host=None, port=None, _host=None, _port=None, *rest: right(host, port, None, None, *rest),
    "connect/locaddr",
    "connect/locport",
)
_add(
    "shortcut-has-no-local-port",
    "The local port is not looked at.",
    "socket.connect",
    argument(4, lambda _port: None),
    "connect/locport",
)
_add(
    "shortcut-wants-a-local-end",
    "Without a local address and port it raises.",
    "socket.connect",
    refuses(3, is_one_of(None)),
    "connect/local-optional",
)
_add("shortcut-has-no-family", "The family is not looked at.", "socket.connect", only(4), "connect/family-inet6")
_add(
    "shortcut-swaps-families",
    "The families are the wrong way round.",
    "socket.connect",
    argument(5, lambda family: {b"inet": b"inet6", b"inet6": b"inet"}.get(family, family)),
    "connect/family-inet",
    "connect/family-inet6",
)
_add(
    "shortcut-wants-a-family",
    "Without a family it raises.",
    "socket.connect",
    refuses(5, is_one_of(None)),
    "connect/family-optional",
)

# -- listen, accept ---------------------------------------------------------------------------------------------------

_add(
    "listen-does-nothing",
    "It says 1, and nobody listens.",
    "tcp:listen",
    instead(1),
    "master:listen/willing",
    "master:listen/becomes-server",
    "master:listen/server-accept",
    "tcp/becomes-server",
    "tcp6/becomes-server",
)
_add(
    "servers-have-few-methods",
    "A server has no methods but accept.",
    ("tcp{server}:getsockname", "tcp{server}:setoption", "tcp{server}:settimeout", "tcp{server}:close"),
    ABSENT,
    "master:listen/server-getsockname",
    "master:listen/server-setoption",
    "master:listen/server-settimeout",
    "master:listen/server-close",
)
_add(
    "listen-ignores-the-backlog",
    "However many connections wait, more can come.",
    "tcp:listen",
    lambda right, thing, *_backlog: right(thing, 4096),
    "master:listen/backlog",
    "master:listen/queue-full",
    deadline=1.0,
)
_add(
    "listen-has-a-backlog-of-one",
    "Only one connection can wait.",
    "tcp:listen",
    lambda right, thing, *_backlog: right(thing, 0),
    "master:listen/backlog",
)
_add(
    "accept-does-not-wait",
    'It says "timeout" when nobody is there.',
    "tcp:accept",
    lambda right, thing, *_args: (None, b"timeout") if not _has_guests(right, thing) else right(thing),
    "server:accept/waits",
    "server:accept/may-block",
    "server:settimeout/default-accept",
)
_add(
    "accept-returns-the-server",
    "The result of accept is the server itself.",
    "tcp:accept",
    lambda right, thing, *args: results if failed(results := right(thing, *args)) else (thing, *results[1:]),
    "server:accept/client",
    caught_by=("tcp/accept",),
)
_add(
    "accept-timeout-is-a-sentence",
    'The message is "Connection timed out".',
    "tcp:accept",
    reworded(b"timeout", b"Connection timed out"),
    "server:accept/timeout",
)


def _has_guests(right: Right, server: Any) -> bool:
    return len(right.module[b"select"]({1: server}, None, 0)) == 2


# -- names ------------------------------------------------------------------------------------------------------------

_OWN = ("client:getsockname", "server:getsockname", "master:getsockname")


def _name(position: int, word: str, changed: Any) -> None:
    for method, functions in (("getpeername", ("client:getpeername",)), ("getsockname", _OWN)):
        _add(
            f"tcp-{method}-tells-another-{word}",
            f"The {word} is not that of the socket.",
            f"tcp:{method}",
            result(position, changed),
            *(f"{one}/{word}" for one in functions if (one, word) != ("master:getsockname", "port")),
        )


_name(1, "address", lambda _address: b"10.0.0.1")
_name(2, "port", lambda port: port - 1 if is_number(port) else str(int(port) - 1).encode())
_add(
    "master-getsockname-has-no-port",
    "The port of a master is 0.",
    "tcp{master}:getsockname",
    result(2, lambda _port: 0),
    "master:getsockname/port",
)
_name(3, "family", lambda _family: b"ipv4")

_add(
    "tcp-getpeername-is-our-own-name",
    "The address of our own side is returned.",
    "tcp:getpeername",
    lambda right, thing, *_args: right.method(thing, "getsockname"),
    "client:getpeername/*",
    caught_by=("tcp/names", "tcp/connect/connects-to-that-address"),
)
_add(
    "tcp-getsockname-never-fails",
    "What has no address has 0.0.0.0.",
    "tcp:getsockname",
    without_error(b"0.0.0.0", 0, b"inet"),
    *(f"{one}/error" for one in _OWN),
)

# -- shutting and closing ---------------------------------------------------------------------------------------------

_add(
    "shutdown-is-always-both",
    "Both directions are shut down, whichever was asked for.",
    "tcp:shutdown",
    only(1),
    "client:shutdown/part",
    "client:shutdown/send",
    "client:shutdown/receive",
    caught_by=("tcp/shutdown",),
)
_add(
    "shutdown-does-nothing",
    "Nothing is shut down.",
    "tcp:shutdown",
    instead(1),
    "client:shutdown/both",
    "client:shutdown/default",
    "client:shutdown/send",
    "client:shutdown/receive",
    deadline=1.0,
)
_add(
    "shutdown-is-of-sending-by-default",
    "Without a mode only sending ends.",
    "tcp:shutdown",
    lambda right, thing, mode=b"send", *_rest: right(thing, mode),
    "client:shutdown/default",
)
_add(
    "shutdown-ends-receiving-only",
    "Both directions: only receiving is shut down.",
    "tcp:shutdown",
    lambda right, thing, mode=b"both", *_rest: right(thing, b"receive" if mode == b"both" else mode),
    "client:shutdown/both",
    deadline=1.0,
)

_CLOSES = ("master:close", "client:close", "server:close")

_add(
    "tcp-close-does-nothing",
    "It says 1, and the socket stays open.",
    "tcp:close",
    instead(1),
    *(f"{one}/{word}" for one in _CLOSES for word in ("closes-socket", "frees-address", "no-operations")),
    deadline=1.0,
)
_add(
    "masters-cannot-be-closed",
    "A master has no method close.",
    "tcp{master}:close",
    ABSENT,
    "tcp/close",
    "tcp6/close",
    also=("udp/names",),
)
_add(
    "tcp-close-returns-nothing",
    "There is no result, instead of 1.",
    "tcp:close",
    success(lambda _results: ()),
    caught_by=("tcp/close/returns-one", "tcp/close/again"),
)


_add(
    "tcp-objects-are-kept-for-ever",
    "What nobody refers to is not collected.",
    ("socket.tcp*", "socket.connect", "tcp:accept"),
    never_forgets,
    *(f"{one}/collected" for one in _CLOSES),
    deadline=1.0,
)


_add(
    "tcp-second-close-raises",
    "What is closed cannot be closed again.",
    "tcp:close",
    only_once,
    *(f"{one}/again" for one in _CLOSES),
    caught_by=("tcp/close/again",),
)


@_here(
    "tcp:receive",
    "tcp:send",
    violates=("client:close/no-operations",),
    caught_by=("tcp/receive/on-a-closed-object", "tcp/send/on-a-closed-client"),
)
def tcp_use_after_close_raises(right: Right, thing: Any, *args: Any) -> Values:
    """What is closed raises, instead of returning "closed"."""
    if is_closed(right, thing):
        raise right.api.LuaError(b"attempt to use a closed socket")
    return right(thing, *args)


# -- figures, read buffer, descriptor ---------------------------------------------------------------------------------

_add(
    "stats-are-swapped",
    "Bytes sent come before bytes received.",
    "tcp:getstats",
    success(lambda results: (results[1], results[0], *results[2:])),
    "client:getstats/received",
    "client:getstats/sent",
    caught_by=("tcp/stats",),
)
_add(
    "stats-count-calls",
    "One more byte was received, and one more sent, than there were.",
    "tcp:getstats",
    success(lambda results: (results[0] + 1, results[1] + 1, *results[2:])),
    "client:getstats/received",
    "client:getstats/sent",
)
_add(
    "stats-age-is-the-time",
    "The age is the time of day.",
    "tcp:getstats",
    result(3, lambda age: age + 1_700_000_000),
    "client:getstats/age",
)
_add(
    "stats-are-not-set",
    "It says 1, and sets nothing.",
    "tcp:setstats",
    instead(1),
    "client:setstats/received",
    "client:setstats/sent",
    "client:setstats/age",
)
for _class in ("master", "server"):
    _add(
        f"stats-of-a-{_class}-are-nil",
        f"Of a {_class}, the figures are nil.",
        f"tcp{{{_class}}}:getstats",
        instead(None, None, None),
        f"{_class}:getstats/*",
    )
    _add(
        f"stats-of-a-{_class}-are-lost",
        f"Of a {_class}, no figures can be set.",
        f"tcp{{{_class}}}:setstats",
        instead(None, b"not supported"),
        f"{_class}:setstats/*",
    )

_add("dirty-is-never-true", "Nothing is ever said to be buffered.", "tcp:dirty", instead(False), "client:dirty/true")
_add(
    "dirty-is-always-true",
    "Something is always said to be buffered.",
    "tcp:dirty",
    instead(True),
    "client:dirty/false",
    "master:dirty/false",
    "server:dirty/false",
)

_HELD = ("master", "client", "server")

_add(
    "tcp-getfd-is-a-number-of-its-own",
    "The descriptor is not that of the system.",
    "tcp:getfd",
    result(1, lambda number: number if number == -1 else number + 1000),
    "client:getfd/descriptor",
)
_add(
    "tcp-getfd-is-negative",
    "The descriptor is less than 0.",
    "tcp:getfd",
    result(1, lambda number: -1 - abs(number)),
    *(f"{one}:getfd/descriptor" for one in _HELD),
)
_add(
    "tcp-getfd-of-the-closed-is-zero",
    "Closed, an object has descriptor 0.",
    "tcp:getfd",
    result(1, lambda number: max(number, 0)),
    *(f"{one}:getfd/closed" for one in _HELD),
)
_add(
    "tcp-setfd-does-nothing",
    "The descriptor stays.",
    "tcp:setfd",
    instead(),
    *(f"{one}:setfd/sets" for one in _HELD),
    deadline=1.0,
)


@_here("tcp:setfd", violates=tuple(f"{one}:setfd/not-closed" for one in _HELD))
def tcp_setfd_closes_the_old_one(right: Right, thing: Any, *args: Any) -> Values:
    """The descriptor that was there before is closed."""
    if not is_closed(right, thing):
        right.method(thing, "close")
    return right(thing, *args)


@_here("tcp:setfd", violates=tuple(f"{one}:setfd/nothing-else" for one in _HELD), deadline=1.0)
def tcp_setfd_begins_anew(right: Right, thing: Any, *args: Any) -> Values:
    """The timeout is taken away."""
    right.method(thing, "settimeout", None)
    return right(thing, *args)


# -- more of making and binding ---------------------------------------------------------------------------------------

add_answers(_CHAPTER, "tcp")
add_looks(_CHAPTER, "tcp", b"tcp{master}")
add_absences(
    _CHAPTER,
    "tcp",
    {
        "setpeername": "tcp/connect/setpeername",
        "setsockname": "tcp/bind/setsockname",
        "dirty": "tcp/create/dirty",
        "getfamily": "tcp/accept/family",
        "getstats": "tcp/stats/of-a-master",
        "setstats": "tcp/stats/set-returns-one",
        "gettimeout": "tcp/timeout/get-default",
        "setfd": "tcp/states/method-of-any-with-udp",
        "getfd": "tcp/descriptor/of-a-client",
        "getoption": "tcp/options/default",
        "shutdown": "tcp/shutdown/returns-one",
        "getpeername": "tcp/names/peername-of-a-server",
        "getsockname": "tcp/close/returns-one",
    },
)
add_more_arguments(
    _CHAPTER,
    "tcp",
    {
        "bind": (3, "tcp/bind/extra-arguments"),
        "connect": (3, "tcp/connect/extra-arguments"),
        "settimeout": (3, "tcp/timeout/values"),
        "listen": (2, "tcp/listen/extra-arguments"),
        "shutdown": (2, "tcp/shutdown/extra-arguments"),
        "close": (1, "tcp/close/extra-arguments"),
        "getsockname": (1, "tcp/names/extra-arguments"),
        "getpeername": (1, "tcp/names/extra-arguments"),
        "accept": (1, "tcp/accept/extra-arguments"),
    },
)
_add(
    "bind-wants-a-number",
    "A port that is a string is refused.",
    "tcp:bind",
    refuses(3, lambda port: isinstance(port, bytes)),
    caught_by=("tcp/bind/failed-stays-master",),
)
_add(
    "connect-wants-a-number",
    "A port that is a string is refused.",
    "tcp:connect",
    refuses(3, lambda port: isinstance(port, bytes)),
    caught_by=("tcp/listen/willing",),
)
_add(
    "bind-wants-no-service",
    "The name of a service is refused.",
    "tcp:bind",
    refuses(3, lambda port: isinstance(port, bytes) and not port.isdigit()),
    caught_by=("tcp/bind/port-that-does-not-exist",),
)
_add(
    "connect-wants-no-service",
    "The name of a service is refused.",
    "tcp:connect",
    refuses(3, lambda port: isinstance(port, bytes) and not port.isdigit()),
    caught_by=("tcp/connect/unknown-service-message",),
)
_add(
    "bind-refuses-ports-beyond-65535",
    "A port from 65536 on raises.",
    "tcp:bind",
    refuses(3, lambda port: _number(port) > 65535),
    caught_by=("tcp/bind/port-as-string",),
)
_add(
    "connect-refuses-ports-beyond-65535",
    "A port from 65536 on raises.",
    "tcp:connect",
    refuses(3, lambda port: _number(port) > 65535),
    caught_by=("tcp/connect/port-zero",),
)
_add(
    "bind-in-use-has-a-capital",
    "The message is the system's.",
    "tcp:bind",
    reworded(b"address already in use", b"Address already in use"),
    caught_by=("tcp/options/v6only-off-meets-ipv4",),
)
_add(
    "bind-shares-addresses",
    "Every address can be bound twice.",
    "tcp:bind",
    lambda right, thing, *args: (right.method(thing, "setoption", b"reuseport", True), right(thing, *args))[1],
    caught_by=("tcp/options/without-reuseaddr-no-bind",),
)
_add(
    "bind-returns-the-address",
    "The results are address and port.",
    "tcp:bind",
    lambda right, thing, *args: (
        results if failed(results := right(thing, *args)) else right.method(thing, "getsockname")[:2]
    ),
    caught_by=("tcp/bind/returns-one",),
)
_add(
    "bind-again-is-fine",
    "What is bound already is bound again, it says.",
    "tcp:bind",
    lambda right, thing, *args: (1,) if (results := right(thing, *args))[1:] == (b"Invalid argument",) else results,
    caught_by=("tcp/bind/twice",),
)
_add(
    "bind-needs-no-port",
    "Without a port, 0 is taken.",
    "tcp:bind",
    lambda right, thing, host=None, port=None, *rest: right(thing, host, 0 if port is None else port, *rest),
    caught_by=("tcp/bind/arguments-of-a-wrong-type",),
)
_add(
    "bind-needs-no-host",
    "Without a host, all interfaces are taken.",
    "tcp:bind",
    lambda right, thing, host=None, *rest: right(thing, b"*" if host is None else host, *rest),
    caught_by=("tcp/bind/arguments-of-a-wrong-type",),
)
_add(
    "connect-needs-no-host",
    "Without a host, it is localhost.",
    "tcp:connect",
    lambda right, thing, host=None, *rest: right(thing, b"localhost" if host is None else host, *rest),
    caught_by=("tcp/connect",),
)
_add(
    "connect-takes-nothing-for-localhost",
    "An empty host is localhost.",
    "tcp:connect",
    argument(2, lambda host: b"localhost" if host == b"" else host),
    caught_by=("tcp/connect/empty-address-is-not-localhost",),
)
_add(
    "bind-takes-nothing-for-all",
    "An empty host is every interface.",
    "tcp:bind",
    argument(2, lambda host: b"*" if host == b"" else host),
    caught_by=("tcp/bind/address-that-cannot-be-resolved",),
)
_add(
    "connect-knows-no-ipv6",
    "IPv6 addresses are refused.",
    "tcp:connect",
    refuses(2, is_ipv6),
    caught_by=("tcp/names/peername-inet6",),
)
_add(
    "bind-knows-no-ipv6",
    "IPv6 addresses are refused.",
    "tcp:bind",
    refuses(2, is_ipv6),
    caught_by=("tcp/names/sockname-inet6-server",),
)
_add(
    "connect-knows-brackets",
    "IPv6 addresses may stand in brackets.",
    "tcp:connect",
    argument(2, lambda host: host.strip(b"[]") if isinstance(host, bytes) else host),
    caught_by=("tcp/connect/brackets-are-no-part-of-an-address",),
)
_add(
    "connect-twice-is-fine",
    "What is connected already says 1.",
    "tcp:connect",
    lambda right, thing, *args: (1,) if (results := right(thing, *args))[1:] == (b"already connected",) else results,
    caught_by=("tcp/connect/server-connects",),
)
_add(
    "connect-begins-anew",
    "What is connected already is closed, and connected anew.",
    "tcp{client}:connect",
    lambda right, thing, *args: (right.method(thing, "close"), right(thing, *args))[1],
    caught_by=("tcp/connect/when-connected",),
)
_add(
    "connect-closes-on-failure",
    "Where connecting fails, the object is closed.",
    "tcp:connect",
    lambda right, thing, *args: (
        (results, right.method(thing, "close") if failed(results) else None)[0]
        if (results := right(thing, *args))
        else ()
    ),
    caught_by=("tcp/states/refused-client",),
)
_add(
    "connect-failure-leaves-a-master",
    "Where connecting fails, methods of clients raise.",
    ("tcp{client}:receive", "tcp{client}:send"),
    lambda right, thing, *args: _raise_unconnected(right, thing, *args),
    caught_by=("tcp/send/peer-has-reset",),
)


def _raise_unconnected(right: Right, thing: Any, *args: Any) -> Values:
    if failed(right.method(thing, "getpeername")) and not is_closed(right, thing):
        raise right.api.LuaError(b"bad argument #1 to 'receive' (tcp{client} expected)")
    return right(thing, *args)


_add(
    "connect-later-is-in-progress",
    'Without time, the message is "Operation already in progress".',
    "tcp:connect",
    reworded(b"timeout", b"Operation already in progress"),
    caught_by=("tcp/connect/timeout",),
)
_add(
    "connect-needs-no-answer",
    "Without time, it says 1 before there is a connection.",
    "tcp:connect",
    lambda right, thing, *args: (1,) if (results := right(thing, *args))[1:] == (b"timeout",) else results,
    caught_by=("tcp/connect/timeout",),
)
_add(
    "connect-waits-in-any-case",
    "A timeout of 0 is not heeded.",
    "tcp:connect",
    lambda right, thing, *args: _patient(right, thing, *args),
    caught_by=("tcp/connect/non-blocking-refused-seen-by-receive",),
)


def _patient(right: Right, thing: Any, *args: Any) -> Values:
    block, _total = right.method(thing, "gettimeout")
    if block != 0:
        return right(thing, *args)
    right.method(thing, "settimeout", -1)
    try:
        return right(thing, *args)
    finally:
        right.method(thing, "settimeout", block)


_add(
    "connect-sends-at-once",
    'A client has "tcp-nodelay".',
    ("tcp:connect", "tcp:accept"),
    then(
        lambda right, results, thing, *args: right.method(
            results[0] if right.name == "accept" else thing, "setoption", b"tcp-nodelay", True
        )
    ),
    caught_by=("tcp/options/independent",),
)
_add(
    "connect-keeps-alive",
    'A client has "keepalive".',
    ("tcp:connect",),
    then(lambda right, results, thing, *args: right.method(thing, "setoption", b"keepalive", True)),
    caught_by=("tcp/options/per-object",),
)
_add(
    "servers-reuse-addresses",
    'A master has "reuseaddr" when it listens.',
    "tcp:listen",
    lambda right, thing, *args: (right.method(thing, "setoption", b"reuseaddr", True), right(thing, *args))[1],
    caught_by=("tcp/system-options/untouched",),
)
_add(
    "binding-reuses-addresses",
    'A master has "reuseaddr" when it is bound.',
    "tcp:bind",
    lambda right, thing, *args: (right.method(thing, "setoption", b"reuseaddr", True), right(thing, *args))[1],
    caught_by=("tcp/options/without-reuseaddr-no-bind",),
)

# -- more of listening and accepting ----------------------------------------------------------------------------------

_add(
    "listen-wants-a-backlog",
    "Without a backlog it raises.",
    "tcp:listen",
    refuses(2, is_one_of(None)),
    caught_by=("tcp/listen/not-a-master",),
)
_add(
    "listen-wants-a-number",
    "A backlog that is a string raises.",
    "tcp:listen",
    refuses(2, lambda backlog: isinstance(backlog, bytes)),
    caught_by=("tcp/listen/backlog",),
)
_add(
    "listen-refuses-negatives",
    "A negative backlog raises.",
    "tcp:listen",
    refuses(2, lambda backlog: _number(backlog) < 0),
    caught_by=("tcp/listen/backlog",),
)
_add(
    "listen-needs-an-address",
    "What is not bound cannot listen.",
    "tcp:listen",
    lambda right, thing, *args: (
        (None, b"not bound")
        if failed(right.method(thing, "getsockname")) or right.method(thing, "getsockname")[0] == b"0.0.0.0"
        else right(thing, *args)
    ),
    caught_by=("tcp/bind/any-address-reachable",),
)
_add(
    "listen-binds-first",
    "What is not bound is bound first.",
    "tcp:listen",
    lambda right, thing, *args: (
        failed(right.method(thing, "getsockname")) and right.method(thing, "bind", b"*", 0),
        right(thing, *args),
    )[1],
    caught_by=("tcp/states/master",),
)
_add(
    "accept-returns-the-address-too",
    "The address of the peer follows.",
    "tcp:accept",
    lambda right, thing, *args: (
        results if failed(results := right(thing, *args)) else (*results, *right.method(results[0], "getpeername")[:2])
    ),
    caught_by=("tcp/descriptor/set-on-a-server",),
)
_add(
    "accepted-clients-are-servers",
    "An accepted client has the class of a server.",
    "tcp{client}:class",
    lambda right, thing: (b"tcp{server}",),
    caught_by=("tcp/accept/waits",),
)
_add(
    "accept-hides-those-who-left",
    "A connection whose peer has left already is passed over.",
    "tcp:accept",
    lambda right, thing, *args: _without_dead(right, thing, *args),
    caught_by=("tcp/accept/peer-has-reset",),
)


def _without_dead(right: Right, thing: Any, *args: Any) -> Values:
    results = right(thing, *args)
    if failed(results):
        return results
    right.method(results[0], "settimeout", 0)
    gone = right.method(results[0], "receive", 0)[1:2] == (b"closed",)
    right.method(results[0], "settimeout", None)
    return right(thing, *args) if gone else results


_add(
    "accept-on-the-closed-raises",
    "A closed server raises.",
    "tcp:accept",
    lambda right, thing, *args: raises(right, thing, *args) if is_closed(right, thing) else right(thing, *args),
    caught_by=("tcp/accept/closed-server",),
)
_add(
    "accept-on-the-closed-is-a-bad-descriptor",
    'A closed server gives "Bad file descriptor".',
    "tcp:accept",
    reworded(b"closed", b"Bad file descriptor"),
    caught_by=("tcp/accept/closed-server",),
)
_add(
    "accept-takes-options-along",
    "An accepted client has the timeout 0.",
    "tcp:accept",
    then(lambda right, results, *args: right.method(results[0], "settimeout", 0)),
    caught_by=("tcp/timeout/accepted-client-has-none",),
)
_add(
    "closing-a-server-closes-its-clients",
    "When a server is closed, so are the clients that it has accepted.",
    ("tcp{server}:close", "tcp{server}:accept"),
    lambda right, thing, *args: _closes_clients(right, thing, *args),
    caught_by=("tcp/accept/client-outlives-server",),
)


def _closes_clients(right: Right, thing: Any, *args: Any) -> Values:
    results = right(thing, *args)
    if right.name == "accept":
        if not failed(results):
            right.memory.setdefault(thing, []).append(results[0])
    else:
        for client in right.memory.pop(thing, ()):
            right.method(client, "close")
    return results


# -- more of names ----------------------------------------------------------------------------------------------------

_add(
    "tcp-getsockname-ports-are-numbered",
    "The port is a number too far.",
    "tcp:getpeername",
    result(2, lambda port: port + 1),
    caught_by=("tcp/connect/host-name",),
)
_add(
    "tcp-getpeername-is-one-string",
    "Address and port are one string.",
    "tcp:getpeername",
    success(lambda results: (b"%s:%d" % results[:2],)),
    caught_by=("tcp/connect/host-name",),
)
_add(
    "tcp-getsockname-of-the-unbound-is-nil",
    "What is not bound has no address: nil alone.",
    "tcp:getsockname",
    failure(lambda results: (None,)),
    caught_by=("tcp/states/master",),
)
_add(
    "tcp-getpeername-of-the-unconnected-is-nil",
    "What is not connected has no peer: nil alone.",
    "tcp:getpeername",
    failure(lambda results: (None,)),
    caught_by=("tcp/names/peername-of-a-bound-master",),
)
_add(
    "tcp-getpeername-message-is-closed",
    'What has no peer is "closed".',
    "tcp:getpeername",
    failure(lambda results: (None, b"closed")),
    caught_by=("tcp/names/peername-of-a-bound-master",),
)
_add(
    "tcp-getsockname-message-is-closed",
    'What is closed is "closed".',
    "tcp:getsockname",
    failure(lambda results: (None, b"closed")),
    caught_by=("tcp/states/master",),
)
_add(
    "tcp-getsockname-has-brackets",
    "IPv6 addresses are in brackets.",
    ("tcp:getsockname", "tcp:getpeername"),
    result(1, lambda host: b"[" + host + b"]" if is_ipv6(host) else host),
    caught_by=("tcp/bind/any-address-of-tcp6",),
)
_add(
    "tcp-getsockname-maps-ipv4",
    "IPv4 addresses are written as IPv6.",
    ("tcp:getsockname", "tcp:getpeername"),
    result(1, lambda host: b"::ffff:" + host if is_ipv4(host) else host),
    caught_by=("tcp/bind/in-use",),
)
_add(
    "tcp-getpeername-remembers",
    "A client whose peer has left still has its name.",
    "tcp:getpeername",
    lambda right, thing, *args: _remembers(right, thing, *args),
    caught_by=("tcp/names/peername-forgotten-at-close",),
)
_add(
    "tcp-getsockname-remembers",
    "What is closed still has its name.",
    ("tcp:getsockname",),
    lambda right, thing, *args: _remembers(right, thing, *args),
    caught_by=("tcp/names/sockname-closed",),
)


def _remembers(right: Right, thing: Any, *args: Any) -> Values:
    results = right(thing, *args)
    if not failed(results):
        right.memory[thing] = results
    kept: Values = right.memory.get(thing, results)
    return kept


_add(
    "tcp-family-is-inet4",
    'The family of a name is "inet4".',
    ("tcp:getsockname", "tcp:getpeername"),
    result(3, lambda family: {b"inet": b"inet4"}.get(family, family)),
    caught_by=("tcp/names/sockname",),
)

# -- more of shutting and closing -------------------------------------------------------------------------------------

_add(
    "shutdown-takes-any-mode",
    "A mode that does not exist is taken for both.",
    "tcp:shutdown",
    argument(2, lambda mode: mode if mode in (None, b"send", b"receive", b"both") else b"both"),
    caught_by=("tcp/shutdown/bad-mode",),
)
_add(
    "shutdown-returns-an-error-for-a-mode",
    "A mode that does not exist gives nil and a message.",
    "tcp:shutdown",
    returns_what_raises(None, b"unsupported mode"),
    caught_by=("tcp/shutdown/bad-mode",),
)
_add(
    "shutdown-fails-when-closed",
    'On a closed client it gives nil and "closed".',
    "tcp:shutdown",
    lambda right, thing, *args: (None, b"closed") if is_closed(right, thing) else right(thing, *args),
    caught_by=("tcp/states/closed-client",),
)
_add(
    "shutdown-fails-when-unconnected",
    "On a client without a connection it gives nil and a message.",
    "tcp:shutdown",
    lambda right, thing, *args: (
        (None, b"Transport endpoint is not connected")
        if failed(right.method(thing, "getpeername"))
        else right(thing, *args)
    ),
    caught_by=("tcp/shutdown/without-a-connection",),
)
_add(
    "shutdown-closes",
    "It closes the socket.",
    "tcp:shutdown",
    then(lambda right, results, thing, *args: right.method(thing, "close")),
    caught_by=("tcp/states/client-shut-down",),
)
_add(
    "shutdown-both-closes",
    "Shutting both directions closes the socket.",
    "tcp:shutdown",
    then(lambda right, results, thing, mode=b"both", *args: mode == b"both" and right.method(thing, "close")),
    caught_by=("tcp/shutdown/keeps-the-socket",),
)
_add(
    "shutdown-drops-the-buffer",
    "Shutting the receiving direction drops what is buffered.",
    "tcp:shutdown",
    lambda right, thing, mode=b"both", *args: (
        mode != b"send" and _drop_buffer(right, thing),
        right(thing, mode, *args),
    )[1],
    caught_by=("tcp/shutdown/buffered-data-stays",),
)
_add(
    "shutdown-works-on-masters",
    "A master can be shut down.",
    "tcp{master}:shutdown",
    without_error(1),
    caught_by=("tcp/create/no-work-of-clients-and-servers",),
)


def _drop_buffer(right: Right, thing: Any) -> bool:
    while right.method(thing, "dirty") == (True,):
        right.method(thing, "receive", 1)
    return True


_add(
    "tcp-second-close-fails",
    'Closing again gives nil and "closed".',
    "tcp:close",
    lambda right, thing, *args: (None, b"closed") if is_closed(right, thing) else right(thing, *args),
    caught_by=("tcp/close/keeps-the-class",),
)
_add(
    "tcp-close-resets",
    "Closing resets the connection.",
    "tcp:close",
    lambda right, thing, *args: (
        right.method(thing, "setoption", b"linger", {b"on": True, b"timeout": 0}),
        right(thing, *args),
    )[1],
    caught_by=("tcp/connect/client-can-be-closed",),
)
_add(
    "tcp-close-shuts-down-only",
    "Closing only shuts down both directions.",
    "tcp{client}:close",
    lambda right, thing, *args: right.method(thing, "shutdown"),
    caught_by=("tcp/options/set-on-a-closed-client",),
)
_add(
    "tcp-close-drops-the-buffer",
    "What is buffered is lost when the object is closed.",
    "tcp{client}:close",
    lambda right, thing, *args: (_drop_buffer(right, thing), right(thing, *args))[1],
    caught_by=("tcp/receive/closing-keeps-the-buffer",),
)
_add(
    "tcp-close-keeps-what-is-dirty",
    "A closed object is dirty no more.",
    "tcp:dirty",
    lambda right, thing, *args: (False,) if is_closed(right, thing) else right(thing, *args),
    caught_by=("tcp/descriptor/set-keeps-the-buffer",),
)
_add(
    "tcp-closed-receives-no-buffer",
    "From a closed object nothing is received, even if it was buffered.",
    "tcp:receive",
    lambda right, thing, *args: (None, b"closed", b"") if is_closed(right, thing) else right(thing, *args),
    caught_by=("tcp/receive-arguments/on-a-master",),
)
add_uses_after_close(
    _CHAPTER,
    "tcp",
    {
        "settimeout": "tcp/timeout/returns-one",
        "setoption": "tcp/options/unknown-on-a-closed-client",
        "getoption": "tcp/options/unknown-on-a-closed-client",
        "getstats": "tcp/states/closed-master-stats",
        "setstats": "tcp/states/closed-client",
        "getsockname": "tcp/states/closed-master",
        "getpeername": "tcp/states/closed-master",
        "getfd": "tcp/shutdown/then-close",
        "shutdown": "tcp/states/closed-client",
        "dirty": "tcp/states/closed-master",
        "getfamily": "tcp/states/closed-master",
        "connect": "tcp/connect/closed-master",
        "bind": "tcp/bind/closed-master",
        "listen": "tcp/names/class-listen-failed",
        "gettimeout": "tcp/states/closed-client-gettimeout",
    },
)
_add(
    "tcp-close-forgets-the-timeouts",
    "Closing takes the timeouts away.",
    "tcp:close",
    then(
        lambda right, results, thing, *args: (
            right.method(thing, "settimeout", None, b"b"),
            right.method(thing, "settimeout", None, b"t"),
        )
    ),
    caught_by=("tcp/timeout/get-after-close",),
)
_add(
    "tcp-close-forgets-the-figures",
    "Closing sets the figures to 0.",
    "tcp{client}:close",
    then(lambda right, results, thing, *args: right.method(thing, "setstats", 0, 0, 0)),
    caught_by=("tcp/stats/of-a-closed-client",),
)
_add(
    "tcp-getfd-after-close-is-nil",
    "The descriptor of the closed is nil.",
    "tcp:getfd",
    result(1, lambda number: None if number == -1 else number),
    caught_by=("tcp/states/master",),
)
_add(
    "tcp-setfd-drops-the-buffer",
    "What was buffered of the old descriptor is lost.",
    "tcp{client}:setfd",
    lambda right, thing, *args: (_drop_buffer(right, thing), right(thing, *args))[1],
    caught_by=("tcp/descriptor/set-keeps-the-buffer",),
)
_add(
    "tcp-setfd-wants-a-number",
    "A string that holds a number raises.",
    "tcp:setfd",
    refuses(2, lambda number: isinstance(number, bytes)),
    caught_by=("tcp/descriptor/set-wrong-type-raises",),
)

# -- more of the figures ----------------------------------------------------------------------------------------------

_add(
    "stats-count-what-is-buffered",
    "Bytes in the buffer count as received.",
    "tcp:getstats",
    lambda right, thing, *args: _with_buffered(right, thing, *args),
    caught_by=("tcp/stats/received-counts-bytes",),
)


def _with_buffered(right: Right, thing: Any, *args: Any) -> Values:
    results = right(thing, *args)
    more = 1 if right.method(thing, "dirty") == (True,) else 0
    return (results[0] + more, *results[1:])


_add(
    "stats-tell-two",
    "The age is missing.",
    "tcp:getstats",
    success(lambda results: results[:2]),
    caught_by=("tcp/stats/set-large",),
)
_add(
    "stats-are-strings",
    "The figures are strings.",
    "tcp:getstats",
    success(lambda results: tuple(str(value).encode() for value in results)),
    caught_by=("tcp/stats/set-large",),
)
_add(
    "stats-age-is-in-milliseconds",
    "The age is in milliseconds.",
    "tcp:getstats",
    result(3, lambda age: age * 1000),
    caught_by=("tcp/stats/set-some",),
)
_add(
    "stats-age-is-whole",
    "The age is in whole seconds.",
    "tcp:getstats",
    result(3, lambda age: float(int(age))),
    caught_by=("tcp/stats/age-grows",),
)
_add(
    "stats-age-is-negative",
    "The age has the other sign.",
    "tcp:getstats",
    result(3, lambda age: -age),
    caught_by=("tcp/states/refused-client",),
)
_add(
    "stats-begin-anew-when-read",
    "Reading the figures sets them to 0.",
    "tcp:getstats",
    then(lambda right, results, thing, *args: right.method(thing, "setstats", 0, 0)),
    caught_by=("tcp/stats/asking-changes-nothing",),
)
_add(
    "stats-nil-is-zero",
    "A figure that is not given is set to 0.",
    "tcp:setstats",
    lambda right, thing, *values: right(
        thing, *((0 if value is None else value) for value in (*values, None, None, None)[:3])
    ),
    caught_by=("tcp/stats/set-some",),
)
_add(
    "stats-want-numbers",
    "A figure that is a string raises.",
    "tcp:setstats",
    refuses(2, lambda value: isinstance(value, bytes)),
    caught_by=("tcp/stats/set-wrong-bytes-raises",),
)
_add("stats-age-cannot-be-set", "The age is not looked at.", "tcp:setstats", only(3), caught_by=("tcp/stats/set-some",))
_add(
    "stats-are-swapped-when-set",
    "The two figures are swapped.",
    "tcp:setstats",
    lambda right, thing, one=None, two=None, *rest: right(thing, two, one, *rest),
    caught_by=("tcp/stats/set-large",),
)
_add(
    "stats-are-added",
    "A figure that is set is added.",
    "tcp:setstats",
    lambda right, thing, one=None, *rest: right(
        thing, one + right.method(thing, "getstats")[0] if is_number(one) else one, *rest
    ),
    caught_by=("tcp/stats/set-back",),
)
_add(
    "dirty-is-of-the-system",
    "What waits in the system makes an object dirty.",
    "tcp:dirty",
    lambda right, thing, *args: (
        (len(right.module[b"select"]({1: thing}, None, 0)) == 2,)
        if not is_closed(right, thing)
        else right(thing, *args)
    ),
    caught_by=("tcp/dirty/server",),
)
_add("dirty-is-a-number", "The result is 0 or 1.", "tcp:dirty", result(1, int), caught_by=("tcp/create/dirty",))

# -- what lasts -------------------------------------------------------------------------------------------------------

_add(
    "stats-count-what-was-to-be-sent",
    "What was to be sent counts as sent, even if it was not.",
    "tcp:send",
    lambda right, thing, data=None, *places: _counts_all(right, thing, data, *places),
    caught_by=("tcp/stats/sent-counts-until-the-timeout",),
)
_add(
    "stats-begin-anew-with-a-connection",
    "Connecting sets the figures to 0.",
    "tcp:connect",
    then(lambda right, results, thing, *args: right.method(thing, "setstats", 0, 0)),
    caught_by=("tcp/connect/again-keeps-the-figures",),
)
_add(
    "connect-drops-the-buffer",
    "Connecting drops what is buffered.",
    "tcp{client}:connect",
    lambda right, thing, *args: (_drop_buffer(right, thing), right(thing, *args))[1],
    caught_by=("tcp/connect/again-keeps-the-buffer",),
)
_add(
    "connect-takes-the-timeout-away",
    "Connecting takes the timeout away.",
    "tcp:connect",
    then(lambda right, results, thing, *args: right.method(thing, "settimeout", None)),
    caught_by=("tcp/timeout/master-modes-together",),
)
_add(
    "connect-forgets-the-local-address",
    "Connecting does not heed an address that was bound.",
    "tcp{master}:connect",
    lambda right, thing, *args: (right.method(thing, "close"), right(thing, *args))[1],
    caught_by=("tcp/options/before-connect-lasts",),
)
_add(
    "closed-clients-stay-closed",
    "A closed client cannot connect again.",
    ("tcp:connect", "tcp:close"),
    stays_closed,
    caught_by=("tcp/connect/closed-master",),
)
_add(
    "refused-clients-connect-again",
    "A client that was refused can connect at once.",
    "tcp{client}:connect",
    lambda right, thing, *args: (
        failed(right.method(thing, "getpeername")) and right.method(thing, "close"),
        right(thing, *args),
    )[1],
    caught_by=("tcp/connect/while-in-progress",),
)
_add(
    "tcp-has-a-descriptor-at-once",
    "The function tcp makes a socket of IPv4 at once.",
    "socket.tcp",
    lambda right, *args: right.module[b"tcp4"](*args),
    caught_by=("tcp/names/sockname-fresh-master",),
)
_add(
    "tcp6-connects-over-ipv4",
    "An object of tcp6 has no family yet.",
    "socket.tcp6",
    lambda right, *args: right.module[b"tcp"](*args),
    caught_by=("tcp/system-options/non-blocking-at-once",),
)
_add(
    "listen-again-fails",
    "What listens cannot listen again.",
    "tcp:listen",
    lambda right, thing, *args: (
        (None, b"Invalid argument")
        if right.memory.setdefault(thing, 0)
        else (right.memory.__setitem__(thing, 1), right(thing, *args))[1]
    ),
    caught_by=("tcp/listen/not-a-master",),
)
_add(
    "servers-accept-once",
    "A server accepts one connection.",
    "tcp:accept",
    lambda right, thing, *args: (
        (None, b"closed")
        if right.memory.get(thing)
        else (results := right(thing, *args), right.memory.__setitem__(thing, not failed(results)))[0]
    ),
    caught_by=("tcp/accept/one-connection-each",),
)
_add(
    "servers-close-when-they-accept",
    "A server is closed when it has accepted a connection.",
    "tcp:accept",
    then(lambda right, results, thing, *args: right.method(thing, "close")),
    caught_by=("tcp/accept/own-descriptor",),
)
_add(
    "listening-makes-a-client",
    "What listens has the class of a client.",
    "tcp{server}:class",
    instead(b"tcp{client}"),
    caught_by=("tcp/listen/unbound-tcp6",),
)
_add(
    "shutdown-is-remembered-as-closed",
    'After shutting the sending side, receive says "closed".',
    ("tcp:shutdown", "tcp:receive"),
    lambda right, thing, *args: _remembers_shutdown(right, thing, *args),
    caught_by=("tcp/shutdown/send-then-read-all",),
)
_add(
    "shutdown-of-receiving-keeps-the-peer-out",
    "After shutting the receiving side, send fails.",
    ("tcp:shutdown", "tcp:send"),
    lambda right, thing, *args: _remembers_shutdown(right, thing, *args),
    caught_by=("tcp/shutdown/receive-leaves-sending",),
)
_add(
    "half-closed-clients-are-closed",
    "When the peer has ended its side, the client cannot send.",
    ("tcp:receive", "tcp:send"),
    lambda right, thing, *args: _remembers_the_end(right, thing, *args),
    caught_by=("tcp/send/half-closed-peer",),
)
_add(
    "setfd-takes-what-is-there",
    "A descriptor below 0 is not taken.",
    "tcp:setfd",
    lambda right, thing, number=None, *rest: () if is_number(number) and number < 0 else right(thing, number, *rest),
    caught_by=("tcp/descriptor/set-is-what-get-tells",),
)
_add(
    "tcp-getsockname-is-any-address",
    "The address of a client is 0.0.0.0.",
    "tcp{client}:getsockname",
    result(1, lambda _host: b"0.0.0.0"),
    caught_by=("tcp/states/client",),
)
_add(
    "socket-connect-returns-a-master",
    "The class of what socket.connect returns is that of a master.",
    "tcp{client}:class",
    instead(b"tcp{master}"),
    caught_by=("tcp/accept/waits",),
)
_add(
    "socket-connect-takes-any-family",
    "A family that does not exist is any.",
    "socket.connect",
    argument(5, lambda family: family if family in (b"inet", b"inet6", b"unspec", None) else b"unspec"),
    caught_by=("connect/unknown-family",),
)
_add(
    "socket-connect-returns-an-error-for-a-family",
    "A family that does not exist gives nil and a message.",
    "socket.connect",
    returns_what_raises(None, b"invalid option"),
    caught_by=("connect/unknown-family",),
)
_add(
    "socket-connect-wants-a-number",
    "A port that is a string is refused.",
    "socket.connect",
    refuses(2, lambda port: isinstance(port, bytes)),
    caught_by=("connect/port-as-string",),
)
_add(
    "socket-connect-takes-no-more-arguments",
    "A sixth argument raises.",
    "socket.connect",
    no_more_than(5),
    caught_by=("connect/extra-arguments",),
)
_add(
    "socket-connect-has-a-timeout",
    "The client of socket.connect has a timeout of 0.",
    "socket.connect",
    then(lambda right, results, *args: right.method(results[0], "settimeout", 0)),
    caught_by=("connect/has-no-timeout",),
)
_add(
    "socket-connect-reuses-addresses",
    'The client of socket.connect has "reuseaddr".',
    "socket.connect",
    then(lambda right, results, *args: right.method(results[0], "setoption", b"reuseaddr", True)),
    caught_by=("connect/options-of-the-client",),
)


def _counts_all(right: Right, thing: Any, data: Any, *places: Any) -> Values:
    before = right.method(thing, "getstats")[1]
    results = right(thing, data, *places)
    if failed(results) and isinstance(data, bytes) and not places:
        right.method(thing, "setstats", None, before + len(data))
    return results


def _remembers_shutdown(right: Right, thing: Any, *args: Any) -> Values:
    if right.name == "shutdown":
        right.memory[thing] = args[0] if args else b"both"
        return right(thing, *args)
    other = {"receive": b"send", "send": b"receive"}[right.name]
    return (
        (None, b"closed", b"" if right.name == "receive" else 0)
        if right.memory.get(thing) == other
        else right(thing, *args)
    )


def _remembers_the_end(right: Right, thing: Any, *args: Any) -> Values:
    if right.name == "send" and right.memory.get(thing):
        return (None, b"closed", 0)
    results = right(thing, *args)
    if right.name == "receive" and failed(results) and results[1] == b"closed":
        right.memory[thing] = True
    return results
