"""Faulty ports that the behaviours of ``dns.yaml`` detect."""

from __future__ import annotations

import os
import socket
import struct
from functools import wraps
from typing import Any

from luasocket_conformance.faults.factories import (
    Change,
    Test,
    changes_argument,
    changes_failure,
    changes_result,
    changes_success,
    failed,
    failure_starts_with_false,
    is_host_name,
    is_ipv4,
    is_ipv6,
    is_number,
    never_raises,
    raises_failures,
    refuses_argument,
    returns_always,
    success_has_empty_error,
)
from luasocket_conformance.faults.mechanism import ABSENT, Faults, Mistake, Original, Values

FAULTS = Faults(__name__, also_fails=("dns",))


def in_each(change: Change) -> Change:
    """Change each table of a list: ``change(table)``."""

    @wraps(change)
    def change_all(found: Any) -> Any:
        return {key: change(entry) for key, entry in found.items()} if isinstance(found, dict) else found

    return change_all


def in_table(change: Change) -> Mistake:
    """Change the table of the resolver, the second result: ``change(table)``."""

    @changes_result(2)
    @wraps(change)
    def mistake(found: Any) -> Any:
        return change(found) if isinstance(found, dict) else found

    return mistake


@FAULTS.fault("socket.dns.tohostname", violates=("dns.tohostname/converts", "dns.tohostname/canonical-name"))
def tohostname_returns_the_argument(original: Original, asked: Any = None, *rest: Any) -> Values:
    """The name is what was asked for."""
    return (asked, *original(asked, *rest)[1:])


@FAULTS.fault("socket.dns.toip", violates=("dns.toip/converts", "dns.toip/first-address"))
def toip_returns_the_argument(original: Original, asked: Any = None, *rest: Any) -> Values:
    """The address is what was asked for."""
    return (asked, *original(asked, *rest)[1:])


@FAULTS.fault("socket.dns.getaddrinfo", violates=("dns.getaddrinfo/list", "dns.getaddrinfo/converts"))
def getaddrinfo_returns_one_address(original: Original, *args: Any) -> Values:
    """The result is the first address, not a list."""
    results = original(*args)
    found = results[0]
    return (found[1][b"addr"],) if isinstance(found, dict) and found else results


@FAULTS.fault("socket.dns.getaddrinfo", violates=("dns.getaddrinfo/addr", "dns.getaddrinfo/converts"))
@changes_result(1)
@in_each
def getaddrinfo_names_addr_ip(entry: Any) -> Any:
    """The field addr is called ip."""
    return {b"ip": entry[b"addr"], b"family": entry[b"family"]}


@FAULTS.fault("socket.dns.getaddrinfo", violates=("dns.getaddrinfo/family-inet", "dns.getaddrinfo/family-inet6"))
@changes_result(1)
@in_each
def getaddrinfo_calls_families_by_number(entry: Any) -> Any:
    """The field family is 4 or 6."""
    return {**entry, b"family": 6 if b":" in entry[b"addr"] else 4}


@FAULTS.fault("socket.dns.getnameinfo", violates=("dns.getnameinfo/list", "dns.getnameinfo/converts"))
@changes_result(1)
def getnameinfo_returns_a_name(found: Any) -> Any:
    """The result is the first name, not a list."""
    if isinstance(found, dict):
        return found.get(1)
    return found


FAULTS.add(
    "gethostname-is-empty",
    "The name of the machine is not told.",
    "socket.dns.gethostname",
    returns_always(b""),
    violates="dns.gethostname/name",
)


@FAULTS.fault("socket.dns.gethostname", violates=("dns.gethostname/string", "dns.gethostname/name"))
@changes_result(1)
def gethostname_returns_a_list(name: Any) -> Any:
    """The result is a table."""
    return {1: name}


@FAULTS.fault("socket.dns.gethostname", detected_by="dns/gethostname-of-the-system")
@changes_result(1)
def gethostname_has_a_domain(name: Any) -> Any:
    """The name of the machine has a domain."""
    return name + b".local"


FAULTS.add(
    "gethostname-is-localhost",
    'The name of the machine is "localhost".',
    "socket.dns.gethostname",
    returns_always(b"localhost"),
    detected_by="dns/gethostname-of-the-system",
)


@FAULTS.fault("socket.dns.getaddrinfo", detected_by="dns/getaddrinfo-address/ipv6")
@changes_result(1)
@in_each
def getaddrinfo_returns_a_number_of_the_family(entry: Any) -> Any:
    """The field family is a number."""
    return {**entry, b"family": 2}


@FAULTS.fault("socket.dns.getaddrinfo", detected_by="dns/number")
@changes_result(1)
@in_each
def getaddrinfo_family_is_inet4(entry: Any) -> Any:
    """The field family is "inet4"."""
    return {**entry, b"family": {b"inet": b"inet4"}.get(entry[b"family"], entry[b"family"])}


@FAULTS.fault("socket.dns.getaddrinfo", detected_by="dns/getaddrinfo-address/ipv6")
@changes_result(1)
def getaddrinfo_returns_each_thrice(found: Any) -> Any:
    """Each address is returned three times, once for each kind of socket."""
    return dict(enumerate([value for value in found.values() for _ in range(3)], 1))


@FAULTS.fault("socket.dns.getaddrinfo", detected_by="dns/getaddrinfo-address/ipv6")
@changes_result(1)
@in_each
def getaddrinfo_has_more_fields(entry: Any) -> Any:
    """There is a field port, too."""
    return {**entry, b"port": 0}


@FAULTS.fault("socket.dns.getaddrinfo", detected_by="dns/argument-of-wrong-type/getaddrinfo-nil")
def getaddrinfo_takes_nil(original: Original, host: Any = None, *rest: Any) -> Values:
    """The value nil is localhost."""
    return original(b"localhost" if host is None else host, *rest)


@FAULTS.fault("socket.dns.getnameinfo", detected_by="dns/getnameinfo-service/alone")
@changes_success
def getnameinfo_has_no_service(results: Values) -> Values:
    """The name of the service is not told."""
    return results[:1]


@FAULTS.fault("socket.dns.getnameinfo", detected_by="dns/getnameinfo-service/number")
def getnameinfo_returns_the_number_of_a_service(
    original: Original, host: Any = None, service: Any = None, *rest: Any
) -> Values:
    """The service is a number."""
    results = original(host, service, *rest)
    if len(results) < 2 or failed(results):
        return results
    return (results[0], service)


@FAULTS.fault("socket.dns.getnameinfo", detected_by="dns/getnameinfo-address")
def getnameinfo_returns_the_address(original: Original, host: Any = None, *rest: Any) -> Values:
    """The names are those that were asked for."""
    if host is None or failed(results := original(host, *rest)):
        return results
    return ({1: host}, *results[1:])


FAULTS.add(
    "getnameinfo-takes-two-nils",
    "Two nils give nil and a message.",
    "socket.dns.getnameinfo",
    never_raises(None, b"host not found"),
    detected_by="dns/getnameinfo-of-nothing",
)


@FAULTS.fault("socket.dns.getnameinfo", detected_by="dns/getnameinfo-service/alone")
@refuses_argument(1)
def getnameinfo_wants_a_host(host: Any) -> object:
    """Without a host it raises."""
    return host is None


FAULTS.add(
    "getnameinfo-refuses-numbers",
    "A service that is a number raises.",
    "socket.dns.getnameinfo",
    refuses_argument(2)(is_number),
    detected_by="dns/getnameinfo-service/number",
)

FAULTS.add("dns-is-missing", "There is no table dns.", "socket.dns.*", ABSENT, detected_by="dns/capitals/toip")


#: By function, and by the statement that it violates: the arguments that a faulty port refuses.
_ARGUMENTS: dict[str, dict[str, Test]] = {
    "tohostname": {"ipv4-address": is_ipv4, "host-name": is_host_name},
    "toip": {"ip-address": is_ipv4, "host-name": is_host_name},
    "getaddrinfo": {"ipv4-address": is_ipv4, "ipv6-address": is_ipv6, "host-name": is_host_name},
    "getnameinfo": {"ipv4-address": is_ipv4, "ipv6-address": is_ipv6, "host-name": is_host_name},
}

for _function, _arguments in _ARGUMENTS.items():
    for _word, _test in _arguments.items():
        FAULTS.add(
            f"{_function}-knows-no-{_word}",
            f"An argument of that kind ({_word}) is refused.",
            f"socket.dns.{_function}",
            refuses_argument(1)(_test),
            violates=f"dns.{_function}/{_word}",
        )


def _first_only(results: Values) -> Values:
    return results[:1]


def _empty(_table: Any) -> Any:
    return {}


def _first_ip_only(found: Any) -> Any:
    return {**found, b"ip": found[b"ip"].get(1)}


def _without(field: bytes) -> Change:
    def change(found: Any) -> Any:
        return {key: value for key, value in found.items() if key != field}

    return change


def _nil_is_localhost(original: Original, host: Any = None, *rest: Any) -> Values:
    return original(b"localhost" if host is None else host, *rest)


def _empty_is_localhost(host: Any) -> Any:
    return b"localhost" if host == b"" else host


def _resolves_ipv6(host: Any) -> Any:
    return b"127.0.0.1" if is_ipv6(host) else host


def _message_of_getaddrinfo(_results: Values) -> Values:
    return (None, b"host or service not provided, or not known")


def _message_of_toip(_results: Values) -> Values:
    return (None, b"host not found")


def _adds_table(results: Values) -> Values:
    return (*results, {})


def _counts_from_zero(found: Any) -> Any:
    return {key - 1: value for key, value in found.items()}


#: Faults of every function: name, sentence, mistake, statement.
_OF_ALL: tuple[tuple[str, str, Mistake, str], ...] = (
    (
        "failure-is-false",
        "The first result of a failure is false.",
        changes_failure(failure_starts_with_false),
        "error",
    ),
    ("failure-raises", "A failure raises its message.", raises_failures, "error"),
)
#: Faults of the functions that return a list.
_OF_LISTS: tuple[tuple[str, str, Mistake, str], ...] = (
    (
        "success-has-an-error",
        "On success an empty message follows.",
        changes_success(success_has_empty_error),
        "no-error",
    ),
)
#: Faults of the functions that return a name or address and a table.
_OF_TABLES: tuple[tuple[str, str, Mistake, str], ...] = (
    (
        "tells-the-first-result-only",
        "There is no table of the resolver's results.",
        changes_success(_first_only),
        "resolved",
    ),
    ("table-is-empty", "The table of the resolver's results is empty.", changes_result(2)(_empty), "resolved"),
)
for _function in _ARGUMENTS:
    _rows = (*_OF_ALL, *(_OF_LISTS if _function.startswith("get") else _OF_TABLES))
    for _name, _says, _mistake, _statement in _rows:
        FAULTS.add(
            f"{_function}-{_name}",
            _says,
            f"socket.dns.{_function}",
            _mistake,
            violates=f"dns.{_function}/{_statement}",
        )

#: Faults of the functions that return a table, with behaviours that detect them; ``{}`` is the function.
_TABLES: tuple[tuple[str, str, Mistake, str], ...] = (
    (
        "has-no-field-name",
        "The field name is missing.",
        in_table(_without(b"name")),
        "dns/resolved-table-fields/{}-name",
    ),
    (
        "has-no-field-alias",
        "The field alias is missing.",
        in_table(_without(b"alias")),
        "dns/resolved-table-fields/{}-name",
    ),
    ("has-no-field-ip", "The field ip is missing.", in_table(_without(b"ip")), "dns/resolved-table-fields/{}-name"),
    ("has-one-ip", "The field ip is a string.", in_table(_first_ip_only), "dns/resolved-table-fields/{}-name"),
    ("takes-nil", "The value nil is localhost.", _nil_is_localhost, "dns/argument-of-wrong-type/{}-nil"),
    (
        "takes-nothing",
        "The empty string is localhost.",
        changes_argument(1)(_empty_is_localhost),
        "dns/empty/{}",
    ),
    (
        "names-another-message",
        "The message is that of getaddrinfo.",
        changes_failure(_message_of_getaddrinfo),
        "dns/host-not-found",
    ),
    ("failure-has-a-table", "A failure has an empty table.", changes_failure(_adds_table), "dns/host-not-found"),
    (
        "knows-ipv6",
        "IPv6 addresses are known.",
        changes_argument(1)(_resolves_ipv6),
        "dns/host-not-found/{}-ipv6",
    ),
)
#: The same for the functions that return a list.
_LISTS: tuple[tuple[str, str, Mistake, str], ...] = (
    ("is-empty", "The list is empty.", changes_result(1)(_empty), "dns/{}-address"),
    ("counts-from-zero", "The list counts from 0.", changes_result(1)(_counts_from_zero), "dns/{}-address"),
    ("names-another-message", "The message is that of toip.", changes_failure(_message_of_toip), "dns/{}-error"),
)
for _functions, _rows in ((("tohostname", "toip"), _TABLES), (("getaddrinfo", "getnameinfo"), _LISTS)):
    for _function in _functions:
        for _name, _says, _mistake, _selector in _rows:
            FAULTS.add(
                f"{_function}-{_name}",
                _says,
                f"socket.dns.{_function}",
                _mistake,
                detected_by=_selector.format(_function),
            )


@FAULTS.fault("socket.dns.*", detected_by="dns", alone=True)
def lookups_leave_a_descriptor_open(original: Original, *args: Any) -> Values:
    """Each look-up of a name leaves a descriptor open."""
    original.memory.setdefault(original.api, []).append(os.open(os.devnull, os.O_RDONLY))
    return original(*args)


@FAULTS.fault("socket.dns.tohostname", detected_by="dns/tohostname-of-a-name-resolves-as-toip")
def tohostname_lists_its_result_as_an_alias(original: Original, *args: Any) -> Values:
    """The canonical name is among the aliases, too."""
    results = original(*args)
    if not failed(results):
        aliases = results[1][b"alias"]
        aliases[len(aliases) + 1] = results[0]
    return results


@FAULTS.fault("socket.dns.getnameinfo", detected_by="dns/getnameinfo-service-name")
def getnameinfo_looks_no_number_up(original: Original, *args: Any) -> Values:
    """A service that is given as a number is returned as it was given."""
    results = original(*args)
    if failed(results) or len(args) < 2:
        return results
    number = args[1] if isinstance(args[1], bytes) else b"%d" % args[1] if is_number(args[1]) else b""
    return (results[0], number) if number.isdigit() else results


@FAULTS.fault("socket.dns.toip", "socket.dns.tohostname", detected_by="dns/resolved-table-fields")
def lookups_list_the_address_as_given(original: Original, *args: Any) -> Values:
    """The list ip has an IPv4 address as the program has written it."""
    results = original(*args)
    if not failed(results) and is_ipv4(args[0]):
        results[1][b"ip"][1] = args[0]
    return results


@FAULTS.fault("socket.dns.getaddrinfo", detected_by="dns/getaddrinfo-writes-ipv6/compatible")
@changes_result(1)
@in_each
def compatible_addresses_are_hexadecimal(entry: Any) -> Any:
    """IPv4-compatible addresses are written in hexadecimal digits."""
    last = entry[b"addr"].rpartition(b":")[2]
    if b"." not in last or not entry[b"addr"].startswith(b"::") or b"ffff" in entry[b"addr"]:
        return entry
    one, two, three, four = map(int, last.split(b"."))
    return {**entry, b"addr": b"::%x:%x" % (one << 8 | two, three << 8 | four)}


@FAULTS.fault("socket.dns.getaddrinfo", detected_by="dns/getaddrinfo-writes-ipv6/zeros-inside")
@changes_result(1)
@in_each
def zeros_are_left_out_in_front_only(entry: Any) -> Any:
    """Zeros inside an IPv6 address are all written."""
    address = entry[b"addr"]
    if b"::" not in address or address.startswith(b"::"):
        return entry
    words = struct.unpack("!8H", socket.inet_pton(socket.AF_INET6, address.decode("ascii")))
    return {**entry, b"addr": b":".join(b"%x" % word for word in words)}


@FAULTS.fault("socket.dns.getnameinfo", detected_by="dns/getnameinfo-service-name")
def getnameinfo_takes_no_name_of_a_service(
    original: Original, host: Any = None, service: Any = None, *rest: Any
) -> Values:
    """The name of a service, without a host, is not known."""
    if host is None and isinstance(service, bytes) and not service.isdigit():
        return (None, b"service not supported for socket type")
    return original(host, service, *rest)
