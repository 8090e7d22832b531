"""What porters get wrong in ``socket.dns``.

What lives here: mistakes of its functions. What may not: looking anything up; the right functions do that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from luasocket_conformance.wrong.factories import (
    failed,
    failure,
    instead,
    is_host_name,
    is_ipv4,
    is_ipv6,
    is_number,
    raises,
    refuses,
    result,
    returns_what_raises,
    success,
)
from luasocket_conformance.wrong.mechanism import ABSENT, Chapter, Mistake, Right, Values

_CHAPTER = Chapter(__name__, ("dns",))


def _add(function: str, name: str, says: str, mistake: Mistake, *statements: str) -> None:
    violates = (f"dns.{function}/{one}" for one in statements)
    _CHAPTER.add(f"{function}-{name}", says, f"socket.dns.{function}", mistake, *violates)


def _in_each(change: Callable[[dict[Any, Any]], dict[Any, Any]]) -> Callable[[Any], Any]:
    """Change each table of a list."""
    return lambda found: {key: change(entry) for key, entry in found.items()} if isinstance(found, dict) else found


def _plain_first(right: Right, *args: Any) -> Values:
    results = right(*args)
    found = results[0]
    return (found[1][b"addr"],) if isinstance(found, dict) and found else results


_KNOWN: dict[str, dict[str, Callable[[Any], bool]]] = {
    "tohostname": {"ipv4-address": is_ipv4, "host-name": is_host_name},
    "toip": {"ip-address": is_ipv4, "host-name": is_host_name},
    "getaddrinfo": {"ipv4-address": is_ipv4, "ipv6-address": is_ipv6, "host-name": is_host_name},
    "getnameinfo": {"ipv4-address": is_ipv4, "ipv6-address": is_ipv6, "host-name": is_host_name},
}

for _function, _arguments in _KNOWN.items():
    for _word, _test in _arguments.items():
        _add(
            _function, f"knows-no-{_word}", f"An argument of that kind ({_word}) is refused.", refuses(1, _test), _word
        )
    _add(
        _function,
        "failure-is-false",
        "The first result of a failure is false.",
        failure(lambda results: (False, *results[1:])),
        "error",
    )
    _add(_function, "failure-raises", "A failure raises its message.", raises, "error")

for _function in ("getaddrinfo", "getnameinfo"):
    _add(
        _function,
        "success-has-an-error",
        "On success an empty message follows.",
        success(lambda results: (*results, b"")),
        "no-error",
    )
for _function in ("tohostname", "toip"):
    _add(
        _function,
        "tells-the-first-result-only",
        "There is no table of what the resolver answered.",
        success(lambda results: results[:1]),
        "resolved",
    )
    _add(
        _function,
        "table-is-empty",
        "The table of what the resolver answered is empty.",
        result(2, lambda _table: {}),
        "resolved",
    )

_add(
    "tohostname",
    "returns-the-argument",
    "The name is what was asked for.",
    lambda right, asked=None, *rest: (asked, *right(asked, *rest)[1:]),
    "converts",
    "canonic",
)
_add(
    "toip",
    "returns-the-argument",
    "The address is what was asked for.",
    lambda right, asked=None, *rest: (asked, *right(asked, *rest)[1:]),
    "converts",
    "first-address",
)
_add(
    "getaddrinfo",
    "returns-one-address",
    "The result is the first address, not a list.",
    _plain_first,
    "list",
    "converts",
)
_add(
    "getaddrinfo",
    "names-addr-ip",
    "The field addr is called ip.",
    result(1, _in_each(lambda entry: {b"ip": entry[b"addr"], b"family": entry[b"family"]})),
    "addr",
    "converts",
)
_add(
    "getaddrinfo",
    "calls-families-by-number",
    "The field family is 4 or 6.",
    result(1, _in_each(lambda entry: {**entry, b"family": 6 if b":" in entry[b"addr"] else 4})),
    "family-inet",
    "family-inet6",
)
_add(
    "getnameinfo",
    "returns-a-name",
    "The result is the first name, not a list.",
    result(1, lambda found: found.get(1) if isinstance(found, dict) else found),
    "list",
    "converts",
)
_add("gethostname", "is-empty", "The name of the machine is not told.", instead(b""), "name")
_add("gethostname", "returns-a-list", "The result is a table.", result(1, lambda name: {1: name}), "string", "name")

# -- more of what is told ---------------------------------------------------------------------------------------------


def _resolved(change: Callable[[dict[Any, Any]], dict[Any, Any]]) -> Mistake:
    return result(2, lambda found: change(found) if isinstance(found, dict) else found)


_CHAPTER.add(
    "gethostname-has-a-domain",
    "The name of the machine has a domain.",
    "socket.dns.gethostname",
    result(1, lambda name: name + b".local"),
    caught_by=("dns/gethostname-is-the-systems",),
)
_CHAPTER.add(
    "gethostname-is-localhost",
    'The name of the machine is "localhost".',
    "socket.dns.gethostname",
    instead(b"localhost"),
    caught_by=("dns/gethostname-is-the-systems",),
)


def _without_field(name: bytes) -> Mistake:
    return _resolved(lambda found: {key: value for key, value in found.items() if key != name})


for _function in ("tohostname", "toip"):
    for _field in (b"name", b"alias", b"ip"):
        _CHAPTER.add(
            f"{_function}-has-no-field-{_field.decode()}",
            "A field of the table is not there.",
            f"socket.dns.{_function}",
            _without_field(_field),
            caught_by=(f"dns/resolved/{_function}-name",),
        )
    _CHAPTER.add(
        f"{_function}-has-one-ip",
        "The field ip is a string.",
        f"socket.dns.{_function}",
        _resolved(lambda found: {**found, b"ip": found[b"ip"].get(1)}),
        caught_by=(f"dns/resolved/{_function}-name",),
    )
    _CHAPTER.add(
        f"{_function}-takes-nil",
        "The value nil is localhost.",
        f"socket.dns.{_function}",
        lambda right, host=None, *rest: right(b"localhost" if host is None else host, *rest),
        caught_by=(f"dns/argument-of-wrong-type/{_function}-nil",),
    )
    _CHAPTER.add(
        f"{_function}-takes-nothing",
        "The empty string is localhost.",
        f"socket.dns.{_function}",
        lambda right, host=None, *rest: right(b"localhost" if host == b"" else host, *rest),
        caught_by=(f"dns/empty/{_function}",),
    )
    _CHAPTER.add(
        f"{_function}-names-another-message",
        "The message is that of getaddrinfo.",
        f"socket.dns.{_function}",
        failure(lambda results: (None, b"host or service not provided, or not known")),
        caught_by=("dns/host-not-found",),
    )
    _CHAPTER.add(
        f"{_function}-failure-has-a-table",
        "A failure has an empty table.",
        f"socket.dns.{_function}",
        failure(lambda results: (*results, {})),
        caught_by=("dns/host-not-found",),
    )
    _CHAPTER.add(
        f"{_function}-knows-ipv6",
        "IPv6 addresses are known.",
        f"socket.dns.{_function}",
        lambda right, host=None, *rest: right(b"127.0.0.1" if is_ipv6(host) else host, *rest),
        caught_by=(f"dns/host-not-found/{_function}-ipv6",),
    )
for _function in ("getaddrinfo", "getnameinfo"):
    _CHAPTER.add(
        f"{_function}-is-empty",
        "The list is empty.",
        f"socket.dns.{_function}",
        result(1, lambda found: {}),
        caught_by=(f"dns/{_function}-address",),
    )
    _CHAPTER.add(
        f"{_function}-counts-from-zero",
        "The list counts from 0.",
        f"socket.dns.{_function}",
        result(1, lambda found: {key - 1: value for key, value in found.items()}),
        caught_by=(f"dns/{_function}-address",),
    )
    _CHAPTER.add(
        f"{_function}-names-another-message",
        "The message is that of toip.",
        f"socket.dns.{_function}",
        failure(lambda results: (None, b"host not found")),
        caught_by=(f"dns/{_function}-error",),
    )
_CHAPTER.add(
    "getaddrinfo-tells-a-number-of-the-family",
    "The field family is a number.",
    "socket.dns.getaddrinfo",
    result(1, _in_each(lambda entry: {**entry, b"family": 2})),
    caught_by=("dns/getaddrinfo-address/ipv6",),
)
_CHAPTER.add(
    "getaddrinfo-family-is-inet4",
    'The field family is "inet4".',
    "socket.dns.getaddrinfo",
    result(
        1, _in_each(lambda entry: {**entry, b"family": {b"inet": b"inet4"}.get(entry[b"family"], entry[b"family"])})
    ),
    caught_by=("dns/number",),
)
_CHAPTER.add(
    "getaddrinfo-tells-each-thrice",
    "Each address is told three times, once for each kind of socket.",
    "socket.dns.getaddrinfo",
    result(1, lambda found: dict(enumerate([value for value in found.values() for _ in range(3)], 1))),
    caught_by=("dns/getaddrinfo-address/ipv6",),
)
_CHAPTER.add(
    "getaddrinfo-has-more-fields",
    "There is a field port, too.",
    "socket.dns.getaddrinfo",
    result(1, _in_each(lambda entry: {**entry, b"port": 0})),
    caught_by=("dns/getaddrinfo-address/ipv6",),
)
_CHAPTER.add(
    "getaddrinfo-takes-nil",
    "The value nil is localhost.",
    "socket.dns.getaddrinfo",
    lambda right, host=None, *rest: right(b"localhost" if host is None else host, *rest),
    caught_by=("dns/argument-of-wrong-type/getaddrinfo-nil",),
)
_CHAPTER.add(
    "getnameinfo-has-no-service",
    "The name of the service is not told.",
    "socket.dns.getnameinfo",
    success(lambda results: results[:1]),
    caught_by=("dns/getnameinfo-service/alone",),
)
_CHAPTER.add(
    "getnameinfo-tells-the-number-of-a-service",
    "The service is a number.",
    "socket.dns.getnameinfo",
    lambda right, host=None, service=None, *rest: (
        results if len(results := right(host, service, *rest)) < 2 or failed(results) else (results[0], service)
    ),
    caught_by=("dns/getnameinfo-service/number",),
)
_CHAPTER.add(
    "getnameinfo-tells-the-address",
    "The names are those that were asked for.",
    "socket.dns.getnameinfo",
    lambda right, host=None, *rest: (
        results if host is None or failed(results := right(host, *rest)) else ({1: host}, *results[1:])
    ),
    caught_by=("dns/getnameinfo-address",),
)
_CHAPTER.add(
    "getnameinfo-takes-two-nils",
    "Two nils give nil and a message.",
    "socket.dns.getnameinfo",
    returns_what_raises(None, b"host not found"),
    caught_by=("dns/getnameinfo-of-nothing",),
)
_CHAPTER.add(
    "getnameinfo-wants-a-host",
    "Without a host it raises.",
    "socket.dns.getnameinfo",
    refuses(1, lambda host: host is None),
    caught_by=("dns/getnameinfo-service/alone",),
)
_CHAPTER.add(
    "getnameinfo-refuses-numbers",
    "A service that is a number raises.",
    "socket.dns.getnameinfo",
    refuses(2, is_number),
    caught_by=("dns/getnameinfo-service/number",),
)
_CHAPTER.add("dns-is-missing", "There is no table dns.", "socket.dns.*", ABSENT, caught_by=("dns/capitals/toip",))
