"""The law of TCP objects: a master becomes a server by ``listen``, or a client by ``connect``, and never goes back.

The table says which class a method works on. A method checks nothing else of the object's state: what cannot be done,
the system says.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import ClassVar

from luasocket_reference import inet
from luasocket_reference.auxiliar import Arguments, Method, Values, answer, as_int
from luasocket_reference.buffer import Buffer
from luasocket_reference.dialect import Dialect
from luasocket_reference.socket import SocketObject
from luasocket_reference.usocket import DONE, Descriptor, describe_error

__all__ = ["Tcp", "global_connect"]

_ANY, _MASTER, _CLIENT, _SERVER = "tcp{any}", "tcp{master}", "tcp{client}", "tcp{server}"

#: The directions that ``shutdown`` knows.
_DIRECTIONS: Mapping[str, int] = {"receive": socket.SHUT_RD, "send": socket.SHUT_WR, "both": socket.SHUT_RDWR}

#: How many connections may wait to be accepted if nobody says.
_BACKLOG = 32


class Tcp(SocketObject):
    """A TCP object: master, client or server."""

    CLASSES: ClassVar[Mapping[str, str]] = {
        "accept": _SERVER,
        "bind": _MASTER,
        "close": _ANY,
        "connect": _ANY,
        "dirty": _ANY,
        "getfamily": _ANY,
        "getfd": _ANY,
        "getoption": _ANY,
        "getpeername": _ANY,
        "getsockname": _ANY,
        "getstats": _CLIENT,
        "gettimeout": _ANY,
        "listen": _MASTER,
        "receive": _CLIENT,
        "send": _CLIENT,
        "setfd": _ANY,
        "setoption": _ANY,
        "setpeername": _ANY,
        "setsockname": _MASTER,
        "setstats": _CLIENT,
        "settimeout": _ANY,
        "shutdown": _CLIENT,
    }
    NEW = _MASTER
    KIND = "tcp"
    TYPE = socket.SOCK_STREAM

    def __init__(self, dialect: Dialect, class_name: str, family: int, descriptor: Descriptor | None = None) -> None:
        super().__init__(dialect, class_name, family, descriptor)
        self._buffer = Buffer(self._descriptor, self._timeout)

    def connect_from(self, local: tuple[bytes, bytes] | None, peer: tuple[bytes, bytes], family: int) -> bytes | None:
        """Bind, if there is a local address, then connect; return None, or an error.

        Parameters
        ----------
        local, peer
            Host and service.
        family
            The family of the local address, and in some dialects of the peer's.
        """
        failure = None if local is None else self._endpoint.bind(*local, family)
        if failure is None:
            limited = local is None and self.dialect.family_limits_connect
            hint = family if limited else self._endpoint.family
            failure = self._endpoint.connect(*peer, hint, self._timeout)
        if failure is not None:
            self._descriptor.destroy()
        return failure

    @Method
    def accept(self, _arguments: Arguments) -> Values:
        """Wait for a connection: ``server:accept``.

        Returns
        -------
        tuple
            A client, without timeouts; or nil and an error.

        References
        ----------
        ``server:accept/*``.
        """
        self._timeout.mark_start()
        outcome, descriptor = self._descriptor.accept(self._timeout)
        if descriptor is None:
            return (None, describe_error(outcome))
        return (Tcp(self.dialect, _CLIENT, self._endpoint.family, descriptor),)

    bind = SocketObject.setsockname.alias()

    @Method
    def connect(self, arguments: Arguments) -> Values:
        """Connect to a peer, and become a client, whatever comes of it: ``master:connect``.

        Parameters
        ----------
        arguments
            2: a host; 3: a port.

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
        ``master:connect/*``.
        """
        failure = self._connect(arguments.text(2), arguments.text(3))
        self.class_name = _CLIENT
        return answer(failure, 1)

    setpeername = connect.alias()

    @Method
    def dirty(self, _arguments: Arguments) -> Values:
        """Tell whether something is left in the buffer; see `SocketObject.dirty`."""
        return (not self._buffer.is_empty,)

    @Method
    def getstats(self, _arguments: Arguments) -> Values:
        """Return counters: ``client:getstats``; see `Buffer.getstats`."""
        return self._buffer.getstats()

    @Method
    def listen(self, arguments: Arguments) -> Values:
        """Become a server: ``master:listen``.

        Parameters
        ----------
        arguments
            2: how many connections may wait to be accepted, 32 if it is nil.

        Returns
        -------
        tuple
            1; or nil and an error.

        Raises
        ------
        LuaError
            The argument is no number.

        References
        ----------
        ``master:listen/*``.
        """
        outcome = self._descriptor.listen(as_int(arguments.number(2, _BACKLOG)))
        if outcome != DONE:
            return (None, describe_error(outcome))
        self.class_name = _SERVER
        return (1,)

    @Method
    def receive(self, arguments: Arguments) -> Values:
        """Receive what a pattern asks for: ``client:receive``; see `Buffer.receive`."""
        return self._buffer.receive(arguments)

    @Method
    def send(self, arguments: Arguments) -> Values:
        """Send a string: ``client:send``; see `Buffer.send`."""
        return self._buffer.send(arguments)

    @Method
    def setstats(self, arguments: Arguments) -> Values:
        """Set counters: ``client:setstats``; see `Buffer.setstats`."""
        return self._buffer.setstats(arguments)

    @Method
    def shutdown(self, arguments: Arguments) -> Values:
        """Shut down a direction: ``client:shutdown``.

        Parameters
        ----------
        arguments
            2: "receive", "send" or "both" (the default).

        Returns
        -------
        tuple
            1, whatever comes of it.

        Raises
        ------
        LuaError
            There is no such direction.

        References
        ----------
        ``client:shutdown/*``.
        """
        self._descriptor.shutdown(arguments.option(2, "both", _DIRECTIONS))
        return (1,)


def global_connect(arguments: Arguments) -> Values:
    """Make a client and connect it: ``socket.connect``.

    Parameters
    ----------
    arguments
        1, 2: host and port of the peer; 3, 4: the local ones, which may be nil; 5: a family, "inet", "inet6" or
        "unspec" (the default).

    Returns
    -------
    tuple
        The client; or nil and an error.

    Raises
    ------
    LuaError
        An argument is of a wrong type.

    References
    ----------
    ``connect/*``.
    """
    peer = arguments.text(1), arguments.text(2)
    host, service = arguments.text(3, None), arguments.text(4, b"0")
    family = arguments.option(5, "unspec", inet.FAMILIES)
    client = Tcp(arguments.dialect, _CLIENT, socket.AF_UNSPEC)
    failure = client.connect_from(None if host is None else (host, service), peer, family)
    return answer(failure, client)
