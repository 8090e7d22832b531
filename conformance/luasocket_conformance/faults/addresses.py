"""Faulty ports that the behaviours of ``addresses.yaml`` detect."""

from __future__ import annotations

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
