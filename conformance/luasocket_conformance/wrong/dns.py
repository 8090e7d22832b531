"""What porters get wrong in ``socket.dns``.

What lives here: mistakes of its functions. What may not: looking anything up; the right functions do that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from luasocket_conformance.wrong.factories import (
    failure,
    instead,
    is_host_name,
    is_ipv4,
    is_ipv6,
    raises,
    refuses,
    result,
    success,
)
from luasocket_conformance.wrong.mechanism import Chapter, Mistake, Right, Values

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
