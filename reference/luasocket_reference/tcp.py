"""The law of TCP objects: a master becomes a server by ``listen``, or a client by ``connect``, and never goes back.

The table says which class a method works on. A method checks nothing else of the object's state: what cannot be done,
the system says.
"""

from __future__ import annotations

import socket
import weakref
from collections.abc import Mapping

from luasocket_reference import inet, options
from luasocket_reference.auxiliar import Arguments, Object, Values, as_int, methods
from luasocket_reference.buffer import Buffer
from luasocket_reference.dialect import Dialect
from luasocket_reference.timeout import Timeout
from luasocket_reference.usocket import DONE, Descriptor, describe_error

__all__ = ["METHODS", "Tcp", "create", "global_connect"]

_ANY, _MASTER, _CLIENT, _SERVER = "tcp{any}", "tcp{master}", "tcp{client}", "tcp{server}"

#: By method: the class or group of the object that it works on.
METHODS: Mapping[str, str] = {
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

_method = methods(METHODS)

#: The directions that ``shutdown`` knows.
_DIRECTIONS: Mapping[str, int] = {"receive": socket.SHUT_RD, "send": socket.SHUT_WR, "both": socket.SHUT_RDWR}

#: How many connections may wait to be accepted if nobody says.
_BACKLOG = 32


class Tcp(Object):
    """A TCP object: master, client or server.

    Parameters
    ----------
    dialect
        That of the module.
    class_name
        Its class at first.
    family
        Its family; ``AF_UNSPEC`` for one that is still open.
    descriptor
        Its socket; None for none yet.

    Notes
    -----
    In Python a method is called with Lua's arguments and returns Lua's results: ``client.receive(b"*l")``. The object
    is closed when nobody refers to it any more.
    """

    def __init__(self, dialect: Dialect, class_name: str, family: int, descriptor: Descriptor | None = None) -> None:
        super().__init__(dialect, class_name)
        self._endpoint = inet.Endpoint(dialect, socket.SOCK_STREAM, family, descriptor)
        self._descriptor = self._endpoint.descriptor
        self._timeout = Timeout()
        self._buffer = Buffer(self._descriptor, self._timeout)
        weakref.finalize(self, self._descriptor.destroy)

    def open(self) -> bytes | None:
        """Make a descriptor of the object's family; return None, or an error."""
        return self._endpoint.create(self._endpoint.family, v6only=True)

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

    @_method
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

    @_method
    def bind(self, arguments: Arguments) -> Values:
        """Bind to a local address: ``master:bind``.

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
        ``master:bind/*``.
        """
        host, service = arguments.text(2), arguments.text(3)
        failure = self._endpoint.bind(host, service, self._endpoint.family)
        return (1,) if failure is None else (None, failure)

    setsockname = bind.alias()

    @_method
    def close(self, _arguments: Arguments) -> Values:
        """Close the socket: ``close``.

        Returns
        -------
        tuple
            1, also if it is closed.

        References
        ----------
        ``master:close/*``, ``client:close/*``, ``server:close/*``.
        """
        self._descriptor.destroy()
        return (1,)

    @_method
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
        host, service = arguments.text(2), arguments.text(3)
        failure = self._endpoint.connect(host, service, self._endpoint.family, self._timeout)
        self.class_name = _CLIENT
        return (1,) if failure is None else (None, failure)

    setpeername = connect.alias()

    @_method
    def dirty(self, _arguments: Arguments) -> Values:
        """Tell whether something was read and not returned: ``dirty``.

        Returns
        -------
        tuple
            A boolean.

        References
        ----------
        ``master:dirty/*``, ``client:dirty/*``, ``server:dirty/*``.
        """
        return (not self._buffer.is_empty,)

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

        References
        ----------
        ``master:getfd/*``, ``client:getfd/*``, ``server:getfd/*``.
        """
        return (self._descriptor.number,)

    @_method
    def getoption(self, arguments: Arguments) -> Values:
        """Return an option: ``getoption``; see `options.getoption`."""
        return options.getoption(options.TCP_GET, "tcp", self._descriptor, arguments)

    @_method
    def getpeername(self, _arguments: Arguments) -> Values:
        """Return the address of the peer: ``getpeername``; see `inet.getpeername`."""
        return inet.getpeername(self._endpoint)

    @_method
    def getsockname(self, _arguments: Arguments) -> Values:
        """Return the local address: ``getsockname``; see `inet.getsockname`."""
        return inet.getsockname(self._endpoint)

    @_method
    def getstats(self, _arguments: Arguments) -> Values:
        """Return counters: ``client:getstats``; see `Buffer.getstats`."""
        return self._buffer.getstats()

    @_method
    def gettimeout(self, _arguments: Arguments) -> Values:
        """Return both timeouts: ``gettimeout``; see `Timeout.gettimeout`."""
        return self._timeout.gettimeout()

    @_method
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

    @_method
    def receive(self, arguments: Arguments) -> Values:
        """Receive what a pattern asks for: ``client:receive``; see `Buffer.receive`."""
        return self._buffer.receive(arguments)

    @_method
    def send(self, arguments: Arguments) -> Values:
        """Send a string: ``client:send``; see `Buffer.send`."""
        return self._buffer.send(arguments)

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

        References
        ----------
        ``master:setfd/*``, ``client:setfd/*``, ``server:setfd/*``.
        """
        self._descriptor.number = as_int(arguments.number(2))
        return ()

    @_method
    def setoption(self, arguments: Arguments) -> Values:
        """Set an option: ``setoption``; see `options.setoption`."""
        return options.setoption(options.TCP_SET, "tcp", self._descriptor, arguments)

    @_method
    def setstats(self, arguments: Arguments) -> Values:
        """Set counters: ``client:setstats``; see `Buffer.setstats`."""
        return self._buffer.setstats(arguments)

    @_method
    def settimeout(self, arguments: Arguments) -> Values:
        """Set a timeout: ``settimeout``; see `Timeout.settimeout`."""
        return self._timeout.settimeout(arguments)

    @_method
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


def create(dialect: Dialect, family: int) -> Values:
    """Make a master: ``socket.tcp``, ``socket.tcp4``, ``socket.tcp6``.

    Parameters
    ----------
    dialect
        That of the module.
    family
        Its family; ``AF_UNSPEC`` for one without a descriptor.

    Returns
    -------
    tuple
        The master; or nil and an error.

    References
    ----------
    ``tcp/*``, ``tcp6/*``.
    """
    master = Tcp(dialect, _MASTER, family)
    failure = None if family == socket.AF_UNSPEC else master.open()
    return (master,) if failure is None else (None, failure)


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
    return (client,) if failure is None else (None, failure)
