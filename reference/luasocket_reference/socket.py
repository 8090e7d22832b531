"""The law of socket objects: what TCP and UDP objects have in common, as ``socket.h`` is the one face of all systems.

An object has one end of a connection, which holds its descriptor, and a timeout. Here are the methods that do the same
for every kind of object; which class each works on, the tables of ``tcp`` and ``udp`` say.
"""

from __future__ import annotations

import socket
import weakref
from typing import ClassVar

from luasocket_reference import inet, options
from luasocket_reference.auxiliar import Arguments, Method, Object, Values, answer, as_int
from luasocket_reference.dialect import Dialect
from luasocket_reference.timeout import Timeout
from luasocket_reference.usocket import Descriptor

__all__ = ["SocketObject"]


class SocketObject(Object):
    """A TCP or UDP object.

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

    Attributes
    ----------
    NEW
        The class of a new object.
    KIND
        What the tables of options call it: "tcp" or "udp".
    TYPE
        The system's type of its socket.

    Notes
    -----
    In Python a method is called with Lua's arguments and returns Lua's results: ``client.receive(b"*l")``. The object
    is closed when nobody refers to it any more.
    """

    NEW: ClassVar[str]
    KIND: ClassVar[str]
    TYPE: ClassVar[int]

    def __init__(self, dialect: Dialect, class_name: str, family: int, descriptor: Descriptor | None = None) -> None:
        super().__init__(dialect, class_name)
        self._endpoint = inet.Endpoint(dialect, self.TYPE, family, descriptor)
        self._descriptor = self._endpoint.descriptor
        self._timeout = Timeout()
        weakref.finalize(self, self._descriptor.destroy)

    @classmethod
    def create(cls, dialect: Dialect, family: int) -> Values:
        """Make an object: ``socket.tcp``, ``socket.udp``, and those of one family, as ``socket.tcp6``.

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
        ``tcp/*``, ``tcp6/*``, ``udp/*``, ``udp6/*``.
        """
        made = cls(dialect, cls.NEW, family)
        return answer(None if family == socket.AF_UNSPEC else made._endpoint.create(family, v6only=True), made)

    @Method
    def close(self, _arguments: Arguments) -> Values:
        """Close the socket: ``close``.

        Returns
        -------
        tuple
            1, also if it is closed.

        References
        ----------
        ``master:close/*``, ``client:close/*``, ``server:close/*``, ``unconnected:close/*``, ``connected:close/*``.
        """
        self._descriptor.destroy()
        return (1,)

    @Method
    def dirty(self, _arguments: Arguments) -> Values:
        """Tell whether something was read and not returned: ``dirty``.

        Returns
        -------
        tuple
            False: nothing is, but for a TCP object.

        References
        ----------
        ``master:dirty/*``, ``client:dirty/*``, ``server:dirty/*``.
        """
        return (False,)

    @Method
    def getfamily(self, _arguments: Arguments) -> Values:
        """Return the family: ``getfamily``.

        Returns
        -------
        tuple
            "inet6" or "inet4", the latter also for an object of no family yet.
        """
        return (inet.version(self._endpoint),)

    @Method
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

    @Method
    def getoption(self, arguments: Arguments) -> Values:
        """Return an option: ``getoption``; see `options.getoption`."""
        return options.getoption(self.KIND, self._descriptor, arguments)

    @Method
    def getpeername(self, _arguments: Arguments) -> Values:
        """Return the address of the peer: ``getpeername``; see `inet.getpeername`."""
        return inet.getpeername(self._endpoint)

    @Method
    def getsockname(self, _arguments: Arguments) -> Values:
        """Return the local address: ``getsockname``; see `inet.getsockname`."""
        return inet.getsockname(self._endpoint)

    @Method
    def gettimeout(self, _arguments: Arguments) -> Values:
        """Return both timeouts: ``gettimeout``; see `Timeout.gettimeout`."""
        return self._timeout.gettimeout()

    @Method
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

    @Method
    def setoption(self, arguments: Arguments) -> Values:
        """Set an option: ``setoption``; see `options.setoption`."""
        return options.setoption(self.KIND, self._descriptor, arguments)

    @Method
    def setsockname(self, arguments: Arguments) -> Values:
        """Bind to a local address: ``setsockname``, which TCP objects have as ``bind``, too.

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
        ``master:bind/*``, ``unconnected:setsockname/*``.
        """
        host, service = arguments.text(2), arguments.text(3)
        return answer(self._endpoint.bind(host, service, self._endpoint.family), 1)

    @Method
    def settimeout(self, arguments: Arguments) -> Values:
        """Set a timeout: ``settimeout``; see `Timeout.settimeout`."""
        return self._timeout.settimeout(arguments)

    def _connect(self, host: bytes, service: bytes) -> bytes | None:
        """Connect to a peer of the object's family; return None, or an error."""
        return self._endpoint.connect(host, service, self._endpoint.family, self._timeout)
