"""Faulty ports that the behaviours of ``addresses.yaml`` detect."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from luasocket_conformance.faults.factories import changes_success, failed, is_host_name
from luasocket_conformance.faults.mechanism import Faults, Mistake, Original, Values

FAULTS = Faults(__name__, also_fails=("tcp", "udp", "connect", "helper", "dns", "sequences"))


def _looks_up(position: int, *, last: bool = False) -> Mistake:
    """Replace a name, the argument at a position from 0 on, by its first or last address."""

    def mistake(original: Original, *args: Any) -> Values:
        if len(args) > position and is_host_name(args[position]):
            found, *_ = original.module[b"dns"][b"getaddrinfo"](args[position])
            if isinstance(found, dict):
                address = found[len(found) if last else 1][b"addr"]
                args = (*args[:position], address, *args[position + 1 :])
        return original(*args)

    return mistake


FAULTS.add(
    "connect-tries-the-first-address",
    "Of the addresses of a name, connect tries the first one only.",
    "tcp:connect",
    _looks_up(1),
    detected_by=("addresses/connect/second", "addresses/connect-with-a-timeout"),
)
FAULTS.add(
    "connect-tries-the-last-address",
    "Of the addresses of a name, connect tries the last one only.",
    "tcp:connect",
    _looks_up(1, last=True),
    detected_by="addresses/connect/first",
)


def _addresses(original: Original, host: Any) -> list[Any]:
    """Return the addresses of a name, in the order of the resolver, or the host itself."""
    if is_host_name(host):
        found, *_ = original.module[b"dns"][b"getaddrinfo"](host)
        if isinstance(found, dict):
            return [found[key][b"addr"] for key in sorted(found)]
    return [host]


@FAULTS.fault("tcp:connect", detected_by="addresses/connect-past-an-address-without-a-response")
def connect_gives_up_at_a_timeout(original: Original, obj: Any, host: Any = None, *rest: Any) -> Values:
    """When the timeout of an address expires, connect tries no other one."""
    results: Values = ()
    for address in _addresses(original, host):
        results = original(obj, address, *rest)
        if not failed(results) or results[1] == b"timeout":
            break
    return results


@FAULTS.fault("tcp:connect", detected_by="addresses/timeout-for-each-address")
def connect_shares_its_timeout(original: Original, obj: Any, host: Any = None, *rest: Any) -> Values:
    """The timeout is that of the connect, not of each address."""
    block, total = original.method(obj, "gettimeout")
    began = time.monotonic()
    results: Values = ()
    for address in _addresses(original, host):
        results = original(obj, address, *rest)
        if not failed(results):
            break
        if max(block, total) > 0:
            original.method(obj, "settimeout", max(0, max(block, total) - (time.monotonic() - began)))
    original.method(obj, "settimeout", block)
    return results


FAULTS.add(
    "connect-function-tries-the-first-address",
    "Of the addresses of a name, socket.connect tries the first one only.",
    "socket.connect",
    _looks_up(0),
    detected_by="addresses/connect-function/second",
)
FAULTS.add(
    "connect-function-tries-the-last-address",
    "Of the addresses of a name, socket.connect tries the last one only.",
    "socket.connect",
    _looks_up(0, last=True),
    detected_by="addresses/connect-function/first",
)
FAULTS.add(
    "bind-tries-the-first-address",
    "Of the addresses of a name, bind tries the first one only.",
    "tcp:bind",
    _looks_up(1),
    detected_by="addresses/bind/second",
)
FAULTS.add(
    "bind-tries-the-last-address",
    "Of the addresses of a name, bind tries the last one only.",
    "tcp:bind",
    _looks_up(1, last=True),
    detected_by="addresses/bind/first",
)
FAULTS.add(
    "setpeername-takes-the-last-address",
    "Of the addresses of a name, setpeername takes the last one.",
    "udp:setpeername",
    _looks_up(1, last=True),
    detected_by="addresses/setpeername",
)


@FAULTS.fault("tcp:connect", detected_by="addresses/connect-to-none")
def connect_to_none_names_the_host(original: Original, *args: Any) -> Values:
    """A connect to a name none of whose addresses answers fails as if the name did not exist."""
    results = original(*args)
    if failed(results) and len(args) > 1 and is_host_name(args[1]) and results[1] == b"connection refused":
        return (None, b"host not found")
    return results


@FAULTS.fault("socket.dns.getaddrinfo", detected_by="addresses/getaddrinfo")
@changes_success
def every_address_has_the_family_of_the_first(results: Values) -> Values:
    """The family of each address is that of the first one."""
    found = results[0]
    for entry in found.values():
        entry[b"family"] = found[1][b"family"]
    return results


FAULTS.add(
    "bind-function-tries-one-address",
    "Of the addresses of a name, socket.bind tries the first one only.",
    "socket.bind",
    _looks_up(0),
    detected_by="addresses/bind-function-to-a-pair",
)


def _changes_entry(change: Callable[[dict[bytes, Any], Any], None]) -> Mistake:
    """Return a mistake that changes the table of a look-up; it is handed the argument, too."""

    def mistake(original: Original, *args: Any) -> Values:
        results = original(*args)
        if len(results) > 1 and isinstance(results[1], dict):
            change(results[1], args[0])
        return results

    return mistake


def _drops(field: bytes, beyond: int) -> Callable[[dict[bytes, Any], Any], None]:
    def change(entry: dict[bytes, Any], _asked: Any) -> None:
        for key in [key for key in entry[field] if key > beyond]:
            del entry[field][key]

    return change


def _is_asked(entry: dict[bytes, Any], asked: Any) -> None:
    entry[b"name"] = asked


FAULTS.add(
    "toip-lists-one-address", "The field ip has the first address only.", "socket.dns.toip",
    _changes_entry(_drops(b"ip", 1)), detected_by="addresses/toip-of-a-pair",
)  # fmt: skip
for _name in ("toip", "tohostname"):
    _behaviours = "addresses/toip-of-an-alias" if _name == "toip" else "addresses/tohostname-with-an-alias"
    FAULTS.add(
        f"{_name}-knows-no-aliases", "The field alias is empty.", f"socket.dns.{_name}",
        _changes_entry(_drops(b"alias", 0)), detected_by=_behaviours,
    )  # fmt: skip
    FAULTS.add(
        f"{_name}-names-what-was-asked", "The field name is the argument.", f"socket.dns.{_name}",
        _changes_entry(_is_asked), detected_by=f"{_behaviours}/alias",
    )  # fmt: skip


@FAULTS.fault("socket.dns.tohostname", detected_by="addresses/tohostname-with-an-alias/alias")
def tohostname_returns_a_name_as_it_is(original: Original, asked: Any, *rest: Any) -> Values:
    """A name is returned as it is."""
    results = original(asked, *rest)
    return (asked, *results[1:]) if results[0] is not None and is_host_name(asked) else results


@FAULTS.fault("socket.dns.getaddrinfo", detected_by="addresses/getaddrinfo-of-a-pair")
@changes_success
def getaddrinfo_lists_one_address_of_a_family(results: Values) -> Values:
    """Of the addresses of a family, the list has the first one only."""
    found = results[0]
    families: dict[Any, Any] = {}
    for key in sorted(found):
        families.setdefault(found[key][b"family"], found.pop(key))
    found.update(enumerate(families.values(), 1))
    return results


@FAULTS.fault("socket.dns.getnameinfo", detected_by="addresses/getnameinfo-of-an-official-name")
def getnameinfo_lists_aliases(original: Original, *args: Any) -> Values:
    """The list has all names of an address."""
    results = original(*args)
    if results[0] is not None and args and isinstance(args[0], bytes):
        aliases = original.module[b"dns"][b"tohostname"](args[0])[1]
        if isinstance(aliases, dict):
            results[0].update(enumerate(aliases[b"alias"].values(), len(results[0]) + 1))
    return results


@FAULTS.fault("socket.dns.getaddrinfo", detected_by="addresses/getaddrinfo")
@changes_success
def getaddrinfo_puts_ipv4_first(results: Values) -> Values:
    """The IPv4 addresses come before those of IPv6."""
    found = results[0]
    entries = sorted((found[key] for key in sorted(found)), key=lambda entry: entry[b"family"] != b"inet")
    found.update(enumerate(entries, 1))
    return results


@FAULTS.fault("socket.dns.getaddrinfo", detected_by="addresses/getaddrinfo")
@changes_success
def getaddrinfo_repeats_addresses(results: Values) -> Values:
    """Each address is listed for streams and for datagrams."""
    found = results[0]
    found.update(enumerate([found[key] for key in sorted(found) for _ in range(2)], 1))
    return results


@FAULTS.fault("tcp:connect", detected_by="addresses/zero-for-each-address/total")
def total_of_zero_tries_one_address(original: Original, obj: Any, *args: Any) -> Values:
    """With a total timeout of 0, too, connect tries one address only."""
    block, total = original.method(obj, "gettimeout")
    if total == 0:
        original.method(obj, "settimeout", 0)
    results = original(obj, *args)
    original.method(obj, "settimeout", block)
    return results


@FAULTS.fault("tcp:connect", detected_by="addresses/zero-for-each-address/block")
def timeout_of_zero_tries_each_address(original: Original, obj: Any, *args: Any) -> Values:
    """With a timeout of 0 in mode "b", too, connect tries each address."""
    block, total = original.method(obj, "gettimeout")
    if block == 0 and total < 0:
        original.method(obj, "settimeout", None)
        original.method(obj, "settimeout", 0, b"t")
    results = original(obj, *args)
    original.method(obj, "settimeout", block)
    original.method(obj, "settimeout", total, b"t")
    return results
