"""The law of UDP objects: unconnected until ``setpeername`` gives them a peer, and again when it takes it away.

The table says which class a method works on. A datagram of no bytes is a datagram.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any, ClassVar

from luasocket_reference import inet
from luasocket_reference.auxiliar import Arguments, Method, Values, answer, as_size
from luasocket_reference.socket import SocketObject
from luasocket_reference.usocket import CLOSED, DONE, describe_error, describe_system_resolver_error

__all__ = ["DATAGRAM_SIZE", "Udp"]

_ANY, _CONNECTED, _UNCONNECTED = "udp{any}", "udp{connected}", "udp{unconnected}"

#: Bytes of a datagram that are received if nobody says.
DATAGRAM_SIZE = 8192

#: No datagram has more bytes than that, so nobody needs a larger buffer.
_LARGEST_DATAGRAM = 65535

#: A buffer of so many bytes cannot be had: it is as large as the address space of a process.
_ADDRESS_SPACE = 0x8000_0000_0000


def _describe_error(outcome: int) -> bytes:
    """Return what an outcome is called: "closed" here means that the system would not take the address."""
    return b"refused" if outcome == CLOSED else describe_error(outcome)


class Udp(SocketObject):
    """A UDP object, connected or unconnected."""

    CLASSES: ClassVar[Mapping[str, str]] = {
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
    NEW = _UNCONNECTED
    KIND = "udp"
    TYPE = socket.SOCK_DGRAM

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

    @Method
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
        return answer(failure, datagram)

    @Method
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

    @Method
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

    @Method
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

    @Method
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
        failure = self._connect(host, arguments.text(3))
        if failure is None:
            self.class_name = _CONNECTED
        return answer(failure, 1)
