"""What porters get wrong in the functions that the helper module adds: ``bind``, ``connect4`` and ``connect6``.

What lives here: mistakes of those three. What may not: sources and sinks (``streams``), and the sockets below.
"""

from __future__ import annotations

from typing import Any

from luasocket_conformance.wrong.factories import (
    argument,
    failed,
    failure,
    instead,
    is_host_name,
    is_ipv6,
    is_one_of,
    no_more_than,
    only,
    raises,
    refuses,
    success,
    then,
)
from luasocket_conformance.wrong.mechanism import Chapter, Right, Values

_CHAPTER = Chapter(__name__, ("helper", "tcp", "select", "except", "udp"), 1.0)
_add = _CHAPTER.add

_BIND, _CONNECTS = "socket.bind", "socket.connect?"

_add(
    "helper-bind-makes-a-master",
    "The result is a master that does not listen.",
    _BIND,
    lambda right, host=None, port=None, *rest: _bound(right, host, port),
    caught_by=("helper/bind-backlog",),
)
_add(
    "helper-bind-does-not-reuse",
    'The server does not have "reuseaddr".',
    _BIND,
    then(lambda right, results, *args: right.method(results[0], "setoption", b"reuseaddr", False)),
    caught_by=("helper/bind-again-after-connections",),
)
_add(
    "helper-bind-ignores-the-backlog",
    "The backlog is not looked at.",
    _BIND,
    only(2),
    caught_by=("helper/bind-backlog",),
)
_add(
    "helper-bind-has-a-small-backlog",
    "Without a backlog, one connection can wait.",
    _BIND,
    lambda right, host=None, port=None, backlog=None, *rest: right(
        host, port, 0 if backlog is None else backlog, *rest
    ),
    caught_by=("helper/bind-backlog",),
)
_add(
    "helper-bind-knows-no-names",
    "A host name is refused.",
    _BIND,
    refuses(1, lambda host: is_host_name(host) and host != b"*"),
    caught_by=("helper/bind-next-address",),
)
_add(
    "helper-bind-knows-no-asterisk",
    'The address "*" is refused.',
    _BIND,
    refuses(1, is_one_of(b"*")),
    caught_by=("helper/bind-any-address",),
)
_add(
    "helper-bind-asterisk-is-local",
    'The address "*" is 127.0.0.1.',
    _BIND,
    argument(1, lambda host: b"127.0.0.1" if host == b"*" else host),
    caught_by=("helper/bind-any-address",),
)
_add(
    "helper-bind-asterisk-is-ipv6",
    'The address "*" is ::.',
    _BIND,
    argument(1, lambda host: b"::" if host == b"*" else host),
    caught_by=("helper/bind-any-address",),
)
_add(
    "helper-bind-knows-no-ipv6",
    "IPv6 addresses are refused.",
    _BIND,
    refuses(1, is_ipv6),
    caught_by=("helper/bind-ipv6",),
)
_add(
    "helper-bind-has-a-timeout",
    "The server has a timeout of 0.",
    _BIND,
    then(lambda right, results, *args: right.method(results[0], "settimeout", 0)),
    caught_by=("helper/bind-has-no-timeout",),
)
_add(
    "helper-bind-tells-its-port",
    "The port follows.",
    _BIND,
    success(lambda results: (*results, 0)),
    caught_by=("helper/bind-extra-arguments",),
)
_add(
    "helper-bind-failure-is-false",
    "The first result of a failure is false.",
    _BIND,
    failure(lambda results: (False, *results[1:])),
    caught_by=("helper/bind-fails",),
)
_add("helper-bind-failure-raises", "A failure raises.", _BIND, raises, caught_by=("helper/bind-fails",))
_add(
    "helper-bind-failure-is-nil-alone",
    "A failure has no message.",
    _BIND,
    failure(lambda results: results[:1]),
    caught_by=("helper/bind-fails",),
)
_add(
    "helper-bind-needs-no-port",
    "Without a port, 0 is taken.",
    _BIND,
    lambda right, host=None, port=None, *rest: right(host, 0 if port is None else port, *rest),
    caught_by=("helper/bind-arguments-of-a-wrong-type",),
)
_add(
    "helper-bind-wants-a-number",
    "A port that is a string is refused.",
    _BIND,
    refuses(2, lambda port: isinstance(port, bytes)),
    caught_by=("helper/bind-again-after-connections",),
)
_add(
    "helper-bind-takes-another-port",
    "When the port is in use, another one is taken.",
    _BIND,
    lambda right, host=None, port=None, *rest: (
        right(host, 0, *rest) if (results := right(host, port, *rest))[1:] == (b"address already in use",) else results
    ),
    caught_by=("helper/bind-in-use",),
)
_add(
    "helper-bind-takes-no-more-arguments",
    "A fourth argument raises.",
    _BIND,
    no_more_than(3),
    caught_by=("helper/bind-extra-arguments",),
)
_add(
    "connects-are-swapped",
    "The two functions are swapped.",
    _CONNECTS,
    lambda right, *args: right.module[b"connect6" if right.name == "connect4" else b"connect4"](*args),
    caught_by=("helper/connect6-local",),
)
_add(
    "connects-have-no-local-end",
    "Local address and port are not looked at.",
    _CONNECTS,
    only(2),
    caught_by=("helper/connect4-local",),
)
_add(
    "connects-have-no-local-port",
    "The local port is not looked at.",
    _CONNECTS,
    only(3),
    caught_by=("helper/connect4-local",),
)
_add(
    "connects-limit-the-peer",
    "The address of the peer has to be of the family.",
    _CONNECTS,
    lambda right, host=None, *rest: (
        (None, b"not supported") if is_ipv6(host) != (right.name == "connect6") else right(host, *rest)
    ),
    caught_by=("helper/connect4-with-an-ipv6-address",),
)
_add(
    "connects-fail-with-false",
    "The first result of a failure is false.",
    _CONNECTS,
    failure(lambda results: (False, *results[1:])),
    caught_by=("helper/connect4-refused",),
)
_add("connects-raise", "A failure raises.", _CONNECTS, raises, caught_by=("helper/connect4-refused",))
_add(
    "connects-tell-more",
    "The host follows.",
    _CONNECTS,
    success(lambda results: (*results, b"")),
    caught_by=("helper/connect4",),
)
_add(
    "connects-do-nothing",
    "There is no connection.",
    _CONNECTS,
    instead(None, b"not supported"),
    caught_by=("helper/connect4-refused",),
)


def _bound(right: Right, host: Any, port: Any) -> Values:
    (master,) = right.module[b"tcp"]()
    results = right.method(master, "bind", host, port)
    return results if failed(results) else (master,)
