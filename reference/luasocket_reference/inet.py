"""The law of names and addresses: from a host and a service to a socket that is bound or connected, and back to a name.

Everything that resolves is here, the functions of ``socket.dns`` included. Resolving knows no timeout.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from luasocket_reference.auxiliar import Arguments, LuaError, Values
from luasocket_reference.dialect import Dialect
from luasocket_reference.timeout import Timeout
from luasocket_reference.usocket import (
    DONE,
    Descriptor,
    describe_error,
    describe_host_error,
    describe_resolver_error,
)

__all__ = [
    "DNS",
    "FAMILIES",
    "Endpoint",
    "getpeername",
    "getsockname",
    "numeric_name",
    "version",
]

#: What the last argument of ``socket.connect`` can be.
FAMILIES: Mapping[str, int] = {
    "unspec": socket.AF_UNSPEC,
    "inet": socket.AF_INET,
    "inet6": socket.AF_INET6,
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
        ``AF_INET``, ``AF_INET6``, or ``AF_UNSPEC`` for whatever comes.

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
        try:
            found = socket.getaddrinfo(
                None if host == b"*" else host, service, family, self.kind, flags=socket.AI_PASSIVE
            )
        except OSError as error:
            return describe_resolver_error(error)
        current, failure = self.family, None
        for address_family, _, protocol, _, address in found:
            # Without late descriptors, one that is there is bound, whatever its family.
            if not self.descriptor.is_open or (self.dialect.late_descriptor and current != address_family):
                failure = self._replace(address_family, protocol)
                if failure is not None:
                    continue
                current = address_family
                made = True
            else:
                made = False
            outcome = self.descriptor.bind(address)
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
            outcome = self.descriptor.connect(address, timeout)
            failure = None if outcome == DONE else describe_error(outcome)
            if failure is None or (self.dialect.nonblocking_tries_one and timeout.is_zero):
                self.family = current
                break
        return failure

    def _replace(self, family: int, protocol: int) -> bytes | None:
        self.descriptor.destroy()
        return self.create(family, self.dialect.always_v6only, protocol)


def numeric_name(address: Any) -> tuple[bytes, bytes]:
    """Return host and port of an address of the system, as numerals."""
    host, port = socket.getnameinfo(address, _NUMERIC)
    return host.encode("latin-1"), port.encode("latin-1")


def _name_family(endpoint: Endpoint) -> bytes:
    known = endpoint.family in (socket.AF_INET, socket.AF_INET6)
    return _FAMILY_NAMES[endpoint.family] if known else endpoint.dialect.unknown_family


def _name(endpoint: Endpoint, which: str, port_type: Callable[[bytes], Any]) -> Values:
    """Return the address, the port, as `port_type` makes it, and the family of an end; or nil and an error."""
    outcome, address = endpoint.descriptor.attempt(lambda held: getattr(held, which)())
    if outcome != DONE:
        return (None, describe_error(outcome))
    if not isinstance(address, tuple) or len(address) not in (2, 4):  # a descriptor that is no internet socket
        return (None, b"ai_family not supported")
    host, port = numeric_name(address)
    return (host, port_type(port), _name_family(endpoint))


def version(endpoint: Endpoint) -> bytes:
    """Return which IP an end is for: "inet6", or else "inet4"."""
    return b"inet6" if endpoint.family == socket.AF_INET6 else b"inet4"


def getsockname(endpoint: Endpoint) -> Values:
    """Return the local address: the method ``getsockname``.

    Returns
    -------
    tuple
        The address, the port as a string, the family; or nil and an error.

    References
    ----------
    ``master:getsockname/*``, ``client:getsockname/*``, ``server:getsockname/*``, ``unconnected:getsockname/*``,
    ``connected:getsockname/*``.
    """
    return _name(endpoint, "getsockname", bytes)


def getpeername(endpoint: Endpoint) -> Values:
    """Return the peer's address: the method ``getpeername``.

    Returns
    -------
    tuple
        The address, the port as a number, the family; or nil and an error.

    References
    ----------
    ``client:getpeername/*``, ``connected:getpeername/*``.
    """
    return _name(endpoint, "getpeername", int)


# socket.dns


def _look_up(host: bytes) -> tuple[str, Sequence[str], Sequence[str]]:
    """Return name, aliases and IPv4 addresses of a host, given by name or by address."""
    try:
        address = socket.inet_ntoa(socket.inet_aton(host.decode("latin-1")))
    except OSError:
        return socket.gethostbyname_ex(host)  # type: ignore[arg-type]  # bytes are taken as they are, a str as IDNA
    return socket.gethostbyaddr(address)


def _list(values: Sequence[Any]) -> dict[int, Any]:
    """Return a table of values, strings as bytes."""
    return {
        number: value.encode("latin-1") if isinstance(value, str) else value for number, value in enumerate(values, 1)
    }


def _resolve(arguments: Arguments, first: int) -> Values:
    """Return what `_look_up` finds: its name or its first address, then a table of everything; or nil and an error."""
    host = arguments.text(1)
    try:
        name, aliases, addresses = _look_up(host)
    except OSError as error:
        return (None, describe_host_error(error))
    resolved = {b"name": name.encode("latin-1"), b"alias": _list(aliases), b"ip": _list(addresses)}
    return ((name, addresses[0])[first].encode("latin-1"), resolved)


def tohostname(arguments: Arguments) -> Values:
    """Find the name of a host: ``socket.dns.tohostname``.

    Parameters
    ----------
    arguments
        1: an IPv4 address or a host name.

    Returns
    -------
    tuple
        The canonic name, and a table with the fields name, alias and ip; or nil and an error.

    Raises
    ------
    LuaError
        The argument is no string.

    References
    ----------
    ``dns.tohostname/*``.
    """
    return _resolve(arguments, 0)


def toip(arguments: Arguments) -> Values:
    """Find the IPv4 address of a host: ``socket.dns.toip``; as `tohostname`, but the first result is the address.

    References
    ----------
    ``dns.toip/*``.
    """
    return _resolve(arguments, 1)


def getaddrinfo(arguments: Arguments) -> Values:
    """Find the addresses of a host: ``socket.dns.getaddrinfo``.

    Parameters
    ----------
    arguments
        1: an address or a host name.

    Returns
    -------
    tuple
        A list of tables with the fields family and addr; or nil and an error.

    Raises
    ------
    LuaError
        The argument is no string.

    References
    ----------
    ``dns.getaddrinfo/*``.
    """
    host = arguments.text(1)
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        names = [socket.getnameinfo(address, _NUMERIC)[0].encode("latin-1") for *_, address in found]
    except OSError as error:
        return (None, describe_resolver_error(error))
    return (_list([
        {b"family": _FAMILY_NAMES.get(family, b"unknown"), b"addr": name}
        for (family, *_), name in zip(found, names, strict=True)
    ]),)  # fmt: skip


def getnameinfo(arguments: Arguments) -> Values:
    """Find the names of a host and of a service: ``socket.dns.getnameinfo``.

    Parameters
    ----------
    arguments
        1: an address or a host name, or nil; 2: the number or the name of a service, or nil.

    Returns
    -------
    tuple
        A list of the host's names, and, if a service was given, its name; or nil and an error.

    Raises
    ------
    LuaError
        Both are nil, or one is no string.

    References
    ----------
    ``dns.getnameinfo/*``.
    """
    host, service = arguments.text(1, None), arguments.text(2, None)
    if host is None and service is None:
        raise LuaError(b"host and serv cannot be both nil")
    try:
        found = socket.getaddrinfo(host, service, type=socket.SOCK_STREAM)
    except OSError as error:
        return (None, describe_resolver_error(error))
    unasked = socket.NI_NUMERICHOST if host is None else 0  # no host was given: no name server is asked for its name
    names = [socket.getnameinfo(address, unasked) for *_, address in found]
    hosts = _list([name for name, _ in names] if host is not None else [])
    return (hosts,) if service is None else (hosts, names[-1][1].encode("latin-1"))


def gethostname(_arguments: Arguments) -> Values:
    """Return the name of this machine: ``socket.dns.gethostname``.

    Returns
    -------
    tuple
        The name.

    References
    ----------
    ``dns.gethostname/*``.
    """
    return (socket.gethostname().encode("latin-1"),)


#: The functions of ``socket.dns``.
DNS = {
    "toip": toip,
    "tohostname": tohostname,
    "getaddrinfo": getaddrinfo,
    "getnameinfo": getnameinfo,
    "gethostname": gethostname,
}
