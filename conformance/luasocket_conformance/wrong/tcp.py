"""What porters get wrong in the life of TCP objects, from making and binding to shutting down and closing.

What lives here: mistakes of those methods, and of ``socket.connect``. What may not: timeouts, options, ``receive`` and
``send``, which have modules of their own.
"""

from __future__ import annotations

from typing import Any

from luasocket_conformance.wrong.factories import (
    STREAMS,
    add_shapes,
    argument,
    failed,
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
    reworded,
    short_name,
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
