"""The law of UDP objects: unconnected until ``setpeername`` gives them a peer, and again when it takes it away.

The table says which class a method works on. A datagram of no bytes is a datagram.
"""

from __future__ import annotations

import socket
import weakref
from collections.abc import Mapping
from typing import Any

from luasocket_reference import inet, options
from luasocket_reference.auxiliar import Arguments, Object, Values, as_int, as_size, methods
from luasocket_reference.dialect import Dialect
from luasocket_reference.timeout import Timeout
from luasocket_reference.usocket import CLOSED, DONE, describe_error, describe_system_resolver_error

__all__ = ["DATAGRAM_SIZE", "METHODS", "Udp", "create"]

_ANY, _CONNECTED, _UNCONNECTED = "udp{any}", "udp{connected}", "udp{unconnected}"

#: By method: the class or group of the object that it works on.
METHODS: Mapping[str, str] = {
    "close": _ANY,
    "dirty": _ANY,
    "getfamily": _ANY,
    "getfd": _ANY,
    "getoption": _ANY,
    "getpeername": _CONNECTED,
    "getsockname": _ANY,
    "gettimeout": _ANY,
    "receive": _ANY,
    "receivefrom": _UNCONNECTED,
    "send": _CONNECTED,
    "sendto": _UNCONNECTED,
    "setfd": _ANY,
    "setoption": _ANY,
    "setpeername": _ANY,
    "setsockname": _UNCONNECTED,
    "settimeout": _ANY,
}

_method = methods(METHODS)

#: Bytes of a datagram that are received if nobody says.
DATAGRAM_SIZE = 8192

#: No datagram has more bytes than that, so nobody needs a larger buffer.
_LARGEST_DATAGRAM = 65535

#: A buffer of so many bytes cannot be had: it is as large as the address space of a process.
_ADDRESS_SPACE = 2**47


def _describe_error(outcome: int) -> bytes:
    """Return what an outcome is called: "closed" here means that the system would not take the address."""
    return b"refused" if outcome == CLOSED else describe_error(outcome)


class Udp(Object):
    """A UDP object, connected or unconnected.

    Parameters
    ----------
    dialect
        That of the module.
    family
        Its family; ``AF_UNSPEC`` for one that is still open.

    Notes
    -----
    As `tcp.Tcp`.
    """

    def __init__(self, dialect: Dialect, family: int) -> None:
        super().__init__(dialect, _UNCONNECTED)
        self._endpoint = inet.Endpoint(dialect, socket.SOCK_DGRAM, family)
        self._descriptor = self._endpoint.descriptor
        self._timeout = Timeout()
        weakref.finalize(self, self._descriptor.destroy)

    def open(self) -> bytes | None:
        """Make a descriptor of the object's family; return None, or an error."""
        return self._endpoint.create(self._endpoint.family, v6only=True)

    @_method
    def close(self, _arguments: Arguments) -> Values:
        """Close the socket: ``close``.

        Returns
        -------
        tuple
            1, also if it is closed.

        References
        ----------
        ``unconnected:close/*``, ``connected:close/*``.
        """
        self._descriptor.destroy()
        return (1,)

    @_method
    def dirty(self, _arguments: Arguments) -> Values:
        """Tell that nothing is buffered: ``dirty``.

        Returns
        -------
        tuple
            False.
        """
        return (False,)

    @_method
    def getfamily(self, _arguments: Arguments) -> Values:
        """Return the family: ``getfamily``.

        Returns
        -------
        tuple
            "inet6" or "inet4", the latter also for an object of no family yet.
        """
        return (inet.version(self._endpoint),)

    @_method
    def getfd(self, _arguments: Arguments) -> Values:
        """Return the descriptor: ``getfd``.

        Returns
        -------
        tuple
            Its number, -1 for none.
        """
        return (self._descriptor.number,)

    @_method
    def getoption(self, arguments: Arguments) -> Values:
        """Return an option: ``getoption``; see `options.getoption`."""
        return options.getoption(options.UDP_GET, "udp", self._descriptor, arguments)

    @_method
    def getpeername(self, _arguments: Arguments) -> Values:
        """Return the address of the peer: ``connected:getpeername``; see `inet.getpeername`."""
        return inet.getpeername(self._endpoint)

    @_method
    def getsockname(self, _arguments: Arguments) -> Values:
        """Return the local address: ``getsockname``; see `inet.getsockname`."""
        return inet.getsockname(self._endpoint)

    @_method
    def gettimeout(self, _arguments: Arguments) -> Values:
        """Return both timeouts: ``gettimeout``; see `Timeout.gettimeout`."""
        return self._timeout.gettimeout()

    def _receive(self, arguments: Arguments) -> tuple[bytes | None, bytes, Any]:
        """Receive a datagram; return an error or None, the datagram, and its sender."""
        size = as_size(arguments.number(2, DATAGRAM_SIZE))
        self._timeout.mark_start()
        if not self.dialect.datagrams_may_grow:
            size = min(size, DATAGRAM_SIZE)
        elif size >= _ADDRESS_SPACE:
            return b"out of memory", b"", None
        outcome, datagram, sender = self._descriptor.receive_datagram(min(size, _LARGEST_DATAGRAM), self._timeout)
        # No descriptor is taken for a datagram of no bytes.
        return (None if outcome in (DONE, CLOSED) else _describe_error(outcome)), datagram, sender

    @_method
    def receive(self, arguments: Arguments) -> Values:
        """Receive a datagram: ``receive``.

        Parameters
        ----------
        arguments
            2: how many bytes of it, 8192 if it is nil; the rest is lost.

        Returns
        -------
        tuple
            The datagram; or nil and an error. "" also from an object without a descriptor.

        Raises
        ------
        LuaError
            The argument is no number.

        References
        ----------
        ``unconnected:receive/*``, ``connected:receive/*``.
        """
        failure, datagram, _ = self._receive(arguments)
        return (datagram,) if failure is None else (None, failure)

    @_method
    def receivefrom(self, arguments: Arguments) -> Values:
        """Receive a datagram and learn who sent it: ``unconnected:receivefrom``.

        Parameters
        ----------
        arguments
            As for `receive`.

        Returns
        -------
        tuple
            The datagram, the sender's address and port, a number; or nil and an error.

        Raises
        ------
        LuaError
            The argument is no number.

        References
        ----------
        ``unconnected:receivefrom/*``.
        """
        failure, datagram, sender = self._receive(arguments)
        if failure is not None:
            return (None, failure)
        if sender is None:
            return (None, b"ai_family not supported")  # no descriptor, hence no sender
        host, port = inet.numeric_name(sender)
        return (datagram, host, int(port))

    @_method
    def send(self, arguments: Arguments) -> Values:
        """Send a datagram to the peer: ``connected:send``.

        Parameters
        ----------
        arguments
            2: the datagram.

        Returns
        -------
        tuple
            How many bytes it has; or nil and an error.

        Raises
        ------
        LuaError
            The argument is no string.

        References
        ----------
        ``connected:send/*``.
        """
        datagram = arguments.bytes(2)
        self._timeout.mark_start()
        outcome, sent = self._descriptor.send(datagram, self._timeout)
        return (sent,) if outcome == DONE else (None, _describe_error(outcome))

    @_method
    def sendto(self, arguments: Arguments) -> Values:
        """Send a datagram to an address: ``unconnected:sendto``.

        Parameters
        ----------
        arguments
            2: the datagram; 3: an IP address (no name); 4: a port.

        Returns
        -------
        tuple
            How many bytes it has; or nil and an error.

        Raises
        ------
        LuaError
            An argument is of a wrong type.

        References
        ----------
        ``unconnected:sendto/*``.
        """
        datagram, host, service = arguments.bytes(2), arguments.text(3), arguments.text(4)
        flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        try:
            found = socket.getaddrinfo(host, service, self._endpoint.family, socket.SOCK_DGRAM, flags=flags)
        except OSError as error:
            return (None, describe_system_resolver_error(error))
        family, *_, address = found[0]
        if self._endpoint.family == socket.AF_UNSPEC and not self._descriptor.is_open:
            failure = self._endpoint.create(family, v6only=True)
            if failure is not None:
                return (None, failure)
            self._endpoint.family = family
        self._timeout.mark_start()
        outcome, sent = self._descriptor.sendto(datagram, address, self._timeout)
        return (sent,) if outcome == DONE else (None, _describe_error(outcome))

    @_method
    def setfd(self, arguments: Arguments) -> Values:
        """Hold another descriptor: ``setfd``. The old one stays open.

        Parameters
        ----------
        arguments
            2: its number.

        Returns
        -------
        tuple
            Nothing.

        Raises
        ------
        LuaError
            The argument is no number.
        """
        self._descriptor.number = as_int(arguments.number(2))
        return ()

    @_method
    def setoption(self, arguments: Arguments) -> Values:
        """Set an option: ``setoption``; see `options.setoption`."""
        return options.setoption(options.UDP_SET, "udp", self._descriptor, arguments)

    @_method
    def setpeername(self, arguments: Arguments) -> Values:
        """Take a peer, or part from it: ``setpeername``.

        Parameters
        ----------
        arguments
            2: a host, "*" for no peer; 3: a port, not needed for "*".

        Returns
        -------
        tuple
            1; or nil and an error.

        Raises
        ------
        LuaError
            An argument is of a wrong type.

        References
        ----------
        ``unconnected:setpeername/*``, ``connected:setpeername/*``.
        """
        host = arguments.text(2)
        if host == b"*":
            if self._endpoint.family != socket.AF_UNSPEC:
                self._descriptor.disconnect(self._endpoint.family)
            self.class_name = _UNCONNECTED
            return (1,)
        failure = self._endpoint.connect(host, arguments.text(3), self._endpoint.family, self._timeout)
        if failure is not None:
            return (None, failure)
        self.class_name = _CONNECTED
        return (1,)

    @_method
    def setsockname(self, arguments: Arguments) -> Values:
        """Bind to a local address: ``unconnected:setsockname``.

        Parameters
        ----------
        arguments
            2: a host, "*" for every address; 3: a port, 0 for one that is free.

        Returns
        -------
        tuple
            1; or nil and an error.

        Raises
        ------
        LuaError
            An argument is of a wrong type.

        References
        ----------
        ``unconnected:setsockname/*``.
        """
        host, service = arguments.text(2), arguments.text(3)
        failure = self._endpoint.bind(host, service, self._endpoint.family)
        return (1,) if failure is None else (None, failure)

    @_method
    def settimeout(self, arguments: Arguments) -> Values:
        """Set a timeout: ``settimeout``; see `Timeout.settimeout`."""
        return self._timeout.settimeout(arguments)


def create(dialect: Dialect, family: int) -> Values:
    """Make an unconnected object: ``socket.udp``, ``socket.udp4``, ``socket.udp6``.

    Parameters
    ----------
    dialect
        That of the module.
    family
        Its family; ``AF_UNSPEC`` for one without a descriptor.

    Returns
    -------
    tuple
        The object; or nil and an error.

    References
    ----------
    ``udp/*``, ``udp6/*``.
    """
    made = Udp(dialect, family)
    failure = None if family == socket.AF_UNSPEC else made.open()
    return (made,) if failure is None else (None, failure)
