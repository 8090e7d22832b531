"""Names and addresses: from a host and a service to a socket that is bound or connected, and back to a name.

The functions of ``socket.dns`` are here, too. No timeout applies to name resolution.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from luasocket_reference.dialect import Dialect
from luasocket_reference.lua.arguments import Arguments
from luasocket_reference.lua.functions import Builtin
from luasocket_reference.lua.values import LuaError, Table, Values
from luasocket_reference.timeout import Timeout
from luasocket_reference.usocket import (
    DONE,
    Address,
    Descriptor,
    describe_error,
    describe_host_error,
    describe_resolver_error,
    describe_system_resolver_error,
    look_up,
)

__all__ = [
    "DNS",
    "FAMILIES",
    "Endpoint",
    "getpeername",
    "getsockname",
    "sender",
    "version",
]

#: What the last argument of ``socket.connect`` can be.
FAMILIES: Mapping[str, int] = {
    "unspec": socket.AF_UNSPEC,
    "inet": socket.AF_INET,  # connect/family-inet
    "inet6": socket.AF_INET6,  # connect/family-inet6
}

#: What a family is called in results.
_FAMILY_NAMES: Mapping[int, bytes] = {socket.AF_INET: b"inet", socket.AF_INET6: b"inet6", socket.AF_UNSPEC: b"unspec"}

_NUMERIC = socket.NI_NUMERICHOST | socket.NI_NUMERICSERV


class Endpoint:
    """One end of a connection to be: a descriptor and the family that it has or will have.

    Parameters
    ----------
    dialect
        Decides when descriptors are made.
    kind
        ``SOCK_STREAM`` or ``SOCK_DGRAM``.
    family
        ``AF_INET``, ``AF_INET6``, or ``AF_UNSPEC`` for either.

    Notes
    -----
    The methods return None on success, and an error message otherwise.
    """

    def __init__(self, dialect: Dialect, kind: int, family: int, descriptor: Descriptor | None = None) -> None:
        self.dialect = dialect
        self.kind = kind
        self.family = family
        self.descriptor = descriptor or Descriptor()

    def create(self, family: int, v6only: bool, protocol: int = 0) -> bytes | None:
        """Make a descriptor of a family.

        Parameters
        ----------
        family
            The family.
        v6only
            Whether, if it is IPv6, it is for IPv6 only.
        protocol
            The protocol, 0 for the usual one.
        """
        outcome = self.descriptor.create(family, self.kind, protocol)
        if outcome != DONE:
            return describe_error(outcome)
        if v6only and family == socket.AF_INET6:
            self.descriptor.attempt(lambda held: held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1))
        return None

    def bind(self, host: bytes, service: bytes, family: int) -> bytes | None:
        """Bind to the first local address that is free.

        Parameters
        ----------
        host
            A name or an address; "*" for every one.
        service
            A name or a number.
        family
            The family of the addresses; ``AF_UNSPEC`` for both.
        """
        host_or_any = None if host == b"*" else host  # master:bind/any, unconnected:setsockname/any
        try:
            found = socket.getaddrinfo(host_or_any, service, family, self.kind, flags=socket.AI_PASSIVE)
        except OSError as error:
            return describe_resolver_error(error)
        current, failure = self.family, None
        for address_family, _, protocol, _, address in found:
            # Without late descriptors, one that is there is bound, even of another family.
            if not self.descriptor.is_open or (self.dialect.late_descriptor and current != address_family):
                failure = self._replace(address_family, protocol)
                if failure is not None:
                    continue
                current = address_family
                made = True
            else:
                made = False
            outcome = self.descriptor.bind(Address(address_family, address))
            if outcome == DONE:
                self.family = current
                return None
            failure = describe_error(outcome)
            if made and not self.dialect.late_descriptor:
                self.descriptor.destroy()
        return failure

    def connect(self, host: bytes, service: bytes, family: int, timeout: Timeout) -> bytes | None:
        """Connect to the first address that answers; each has its own time.

        Parameters
        ----------
        host, service, family
            As in `bind`.
        timeout
            How long each may take.
        """
        try:
            found = socket.getaddrinfo(host, service, family, self.kind)
        except OSError as error:
            return describe_resolver_error(error)
        current, failure = self.family, None
        for address_family, _, protocol, _, address in found:
            timeout.mark_start()
            if current != address_family or (self.dialect.late_descriptor and not self.descriptor.is_open):
                failure = self._replace(address_family, protocol)
                if failure is not None:
                    if self.dialect.late_descriptor:
                        continue
                    return failure
                current = address_family
                if not self.dialect.late_descriptor:
                    self.family = current
            outcome = self.descriptor.connect(Address(address_family, address), timeout)
            failure = None if outcome == DONE else describe_error(outcome)
            if failure is None or (self.dialect.nonblocking_tries_one and timeout.is_zero):
                self.family = current
                break
        return failure

    def _replace(self, family: int, protocol: int) -> bytes | None:
        self.descriptor.destroy()
        return self.create(family, self.dialect.always_v6only, protocol)


def _numeric_name(address: Any, family: int) -> tuple[bytes, bytes]:
    """Return host and port of an address of the system, as numerals; raise OSError for another kind of address."""
    if family not in (socket.AF_INET, socket.AF_INET6):
        raise socket.gaierror(socket.EAI_FAMILY, "")
    host, port = socket.getnameinfo(address, _NUMERIC)
    return os.fsencode(host), os.fsencode(port)


def sender(address: Any) -> Values:
    """Return host and port of a sender, or nil and an error; None as the address stands for no sender."""
    family = (
        socket.AF_UNSPEC if not isinstance(address, tuple) else socket.AF_INET if len(address) == 2 else socket.AF_INET6
    )
    try:
        host, port = _numeric_name(address, family)
    except OSError as error:
        return (None, describe_system_resolver_error(error))
    return (host, int(port))


def _name(endpoint: Endpoint, which: str, port_type: Callable[[bytes], Any]) -> Values:
    """Return the address, the port, as `port_type` makes it, and the family of an end; or nil and an error."""
    outcome, found = endpoint.descriptor.attempt(lambda held: (getattr(held, which)(), held.family))
    if found is None:
        return (None, describe_error(outcome))  # client:getpeername/not-for-servers
    try:
        host, port = _numeric_name(*found)
    except OSError as error:  # the descriptor is no internet socket
        return (None, describe_system_resolver_error(error))
    known = endpoint.family in (socket.AF_INET, socket.AF_INET6)
    # {master,client,server,unconnected,connected}:getsockname/family, {client,connected}:getpeername/family
    family = _FAMILY_NAMES[endpoint.family] if known else endpoint.dialect.unknown_family
    return (host, port_type(port), family)


def version(endpoint: Endpoint) -> bytes:
    """Return which IP an end is for: "inet6", or else "inet4"."""
    return b"inet6" if endpoint.family == socket.AF_INET6 else b"inet4"


def getsockname(endpoint: Endpoint) -> Values:
    """object:getsockname() → address, port, family | nil, error

    Return the local address. Disagreement: by the documentation the port is a number; up to 3.1.0 it is a string.
    """
    # {master,client,server,unconnected,connected}:getsockname/address, unconnected:getsockname/unbound,
    # {master,client,server,unconnected,connected}:getsockname/port, connected:getsockname/error,
    # {master,client,server,unconnected}:getsockname/error
    # Disagreement: {unconnected,connected}:getsockname/port-number
    return _name(endpoint, "getsockname", bytes)


def getpeername(endpoint: Endpoint) -> Values:
    """object:getpeername() → address, port, family | nil, error

    Return the address of the peer. The port is a number.
    """
    # {client,connected}:getpeername/address,
    # {client,connected}:getpeername/port, {client,connected}:getpeername/error
    return _name(endpoint, "getpeername", int)


# socket.dns


def _list(values: Sequence[Any]) -> Table:
    """Return a table of values, by position."""
    return Table(enumerate(values, 1))


def _resolve(args: Arguments, first: int) -> Values:
    """Return the result of `look_up`: name or first address, then a table of everything; or nil and an error."""
    outcome, name, aliases, addresses = look_up(args.text("address"))
    if outcome != DONE:
        return (None, describe_host_error(outcome))
    resolved = Table({b"name": name, b"alias": _list(aliases), b"ip": _list(addresses)})
    return ((name, addresses[0])[first], resolved)


@Builtin("address")
def tohostname(args: Arguments) -> Values:
    """socket.dns.tohostname(address) → name, resolved | nil, error

    Find the canonical name of a host, given as an IPv4 address or as a name. `resolved` is a table with the fields
    name, alias and ip.
    """
    # dns.tohostname/converts, dns.tohostname/ipv4-address, dns.tohostname/host-name, dns.tohostname/canonical-name,
    # dns.tohostname/resolved, dns.tohostname/error
    return _resolve(args, 0)


@Builtin("address")
def toip(args: Arguments) -> Values:
    """socket.dns.toip(address) → ip, resolved | nil, error

    Find the first IPv4 address of a host, given as in `tohostname`. `resolved` is the same table as there.
    """
    # dns.toip/converts, dns.toip/ip-address, dns.toip/host-name, dns.toip/first-address, dns.toip/resolved,
    # dns.toip/error
    return _resolve(args, 1)


@Builtin("address")
def getaddrinfo(args: Arguments) -> Values:
    """socket.dns.getaddrinfo(address) → list | nil, error

    Find all addresses of a host, given as an address or as a name. The list has a table for each address, with the
    fields family and addr.
    """
    # dns.getaddrinfo/ipv4-address, dns.getaddrinfo/ipv6-address, dns.getaddrinfo/host-name
    address = args.text("address")
    try:
        found = socket.getaddrinfo(address, None, type=socket.SOCK_STREAM)
        names = [os.fsencode(socket.getnameinfo(each, _NUMERIC)[0]) for *_, each in found]
    except OSError as error:
        return (None, describe_resolver_error(error))  # dns.getaddrinfo/error
    addresses = [
        # dns.getaddrinfo/family-inet, dns.getaddrinfo/family-inet6, dns.getaddrinfo/addr
        Table({b"family": _FAMILY_NAMES.get(family, b"unknown"), b"addr": name})
        for (family, *_), name in zip(found, names, strict=True)
    ]
    return (_list(addresses),)  # dns.getaddrinfo/converts, dns.getaddrinfo/list, dns.getaddrinfo/no-error


@Builtin("address", "service")
def getnameinfo(args: Arguments) -> Values:
    """socket.dns.getnameinfo([address [, service]]) → list [, service] | nil, error

    Find the names of a host, given as an address or as a name, and of a service, given as a number or as a name. One of
    the two may be nil. The documentation does not have `service`.
    """
    # dns.getnameinfo/ipv4-address, dns.getnameinfo/ipv6-address, dns.getnameinfo/host-name
    address = args.text("address", None)
    service = args.text("service", None)
    if address is None and service is None:
        raise LuaError(b"host and serv cannot be both nil", located=True)
    try:
        found = socket.getaddrinfo(address, service, type=socket.SOCK_STREAM)
    except OSError as error:
        return (None, describe_resolver_error(error))  # dns.getnameinfo/error
    unasked = socket.NI_NUMERICHOST if address is None else 0  # without a host, no name server is asked for its name
    hosts, host, service_name = [], b"", b""
    for *_, each in found:
        with suppress(OSError):  # C ignores errors: its buffers keep the last names, which at first are arbitrary
            host, service_name = map(os.fsencode, socket.getnameinfo(each, unasked))
        hosts.append(host)
    names = _list(hosts if address is not None else [])
    # dns.getnameinfo/converts, dns.getnameinfo/list, dns.getnameinfo/no-error
    return (names,) if service is None else (names, service_name)


@Builtin()
def gethostname(_args: Arguments) -> Values:
    """socket.dns.gethostname() → name

    Return the name of this machine.
    """
    return (os.fsencode(socket.gethostname()),)  # dns.gethostname/name, dns.gethostname/string


#: The functions of ``socket.dns``.
DNS: Mapping[str, Builtin] = {
    "toip": toip,
    "tohostname": tohostname,
    "getaddrinfo": getaddrinfo,
    "getnameinfo": getnameinfo,
    "gethostname": gethostname,
}
