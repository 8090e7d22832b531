"""What TCP and UDP objects have in common, as ``socket.h`` has one interface for all systems.

An object is one end of a connection, with a descriptor and a timeout. The methods here do the same for both kinds of
objects; the tables of ``tcp`` and ``udp`` say which class each works on.
"""

from __future__ import annotations

import socket
import weakref
from typing import ClassVar

from luasocket_reference import inet, options
from luasocket_reference.auxiliar import ClassedObject, Method
from luasocket_reference.dialect import Dialect
from luasocket_reference.lua.arguments import Arguments
from luasocket_reference.lua.numbers import as_int
from luasocket_reference.lua.values import Values, results_or_error
from luasocket_reference.timeout import Timeout
from luasocket_reference.usocket import Descriptor

__all__ = ["SocketObject"]


class SocketObject(ClassedObject):
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
        Its name in the tables of options: "tcp" or "udp".
    TYPE
        The system's type of its socket.

    Notes
    -----
    In Python a method is called with Lua's arguments and returns Lua's results: ``client.receive(b"*l")``.
    """

    NEW: ClassVar[str]
    KIND: ClassVar[str]
    TYPE: ClassVar[int]

    def __init__(self, dialect: Dialect, class_name: str, family: int, descriptor: Descriptor | None = None) -> None:
        super().__init__(dialect, class_name)
        self._endpoint = inet.Endpoint(dialect, self.TYPE, family, descriptor)
        self._descriptor = self._endpoint.descriptor
        self._timeout = Timeout()
        weakref.finalize(self, self._descriptor.destroy)  # {master,client,server,unconnected,connected}:close/collected

    @classmethod
    def create(cls, dialect: Dialect, family: int) -> Values:
        """socket.tcp() → master | nil, error; socket.udp() → unconnected | nil, error

        Make an object: of IPv4, of IPv6, or, with ``AF_UNSPEC``, of either, without a descriptor yet.
        """
        made = cls(dialect, cls.NEW, family)
        failure = None
        if family != socket.AF_UNSPEC:  # {tcp,tcp6,udp,udp6}/error
            failure = made._endpoint.create(family, v6only=True)  # {tcp6,udp6}/v6only
        return results_or_error(failure, made)  # {tcp,tcp6,udp,udp6}/creates, {tcp,tcp6,udp,udp6}/no-error

    @Method()
    def close(self, _args: Arguments) -> Values:
        """object:close() → 1

        Close the socket of the system. The object stays, and methods that need a socket fail; some of them, as
        connect, make a new one. A closed object may be closed again.
        """
        # {master,client,server,unconnected,connected}:close/closes-socket,
        # {master,client,server,unconnected,connected}:close/frees-address, {tcp,tcp6}/close
        self._descriptor.destroy()
        return (1.0,)  # {master,client,server,unconnected,connected}:close/again

    @Method()
    def dirty(self, _args: Arguments) -> Values:
        """object:dirty() → boolean

        Return whether there are bytes that were read and not returned yet. Only TCP objects can have any.
        """
        return (False,)

    @Method()
    def getfamily(self, _args: Arguments) -> Values:
        """object:getfamily() → family

        Return "inet6" or "inet4", the latter also for an object of no family yet. The documentation does not have this
        method.
        """
        return (inet.version(self._endpoint),)

    @Method()
    def getfd(self, _args: Arguments) -> Values:
        """object:getfd() → handle

        Return the number of the descriptor, -1 for none.
        """
        # {master,client,server}:getfd/descriptor, {master,client,server}:getfd/closed
        return (float(self._descriptor.number),)

    @Method("option")
    def getoption(self, args: Arguments) -> Values:
        """object:getoption(option) → value | nil, error

        Return an option; see `options.getoption`.
        """
        return options.getoption(self.KIND, self._descriptor, args)

    @Method()
    def getpeername(self, _args: Arguments) -> Values:
        """object:getpeername() → address, port, family | nil, error

        Return the address of the peer; see `inet.getpeername`.
        """
        return inet.getpeername(self._endpoint)

    @Method()
    def getsockname(self, _args: Arguments) -> Values:
        """object:getsockname() → address, port, family | nil, error

        Return the local address; see `inet.getsockname`.
        """
        return inet.getsockname(self._endpoint)

    @Method()
    def gettimeout(self, _args: Arguments) -> Values:
        """object:gettimeout() → block, total

        Return both timeouts; see `Timeout.gettimeout`.
        """
        return self._timeout.gettimeout()

    @Method("fd")
    def setfd(self, args: Arguments) -> Values:
        """object:setfd(fd) → nothing

        Use the descriptor of the number `fd` from now on. The previous one stays open.
        """
        # {master,client,server}:setfd/sets,
        # {master,client,server}:setfd/not-closed, {master,client,server}:setfd/nothing-else
        self._descriptor.number = as_int(args.number("fd"))
        return ()

    @Method("option", "value")
    def setoption(self, args: Arguments) -> Values:
        """object:setoption(option [, value]) → 1 | nil, error

        Set an option; see `options.setoption`.
        """
        return options.setoption(self.KIND, self._descriptor, args)

    @Method("address", "port")
    def setsockname(self, args: Arguments) -> Values:
        """master:bind(address, port) → 1 | nil, error; unconnected:setsockname(address, port) → 1 | nil, error

        Bind to a local address. `address` is an IP address, a host name, or "*" for all interfaces; `port` is 0 for a
        free one. A TCP master has the method under both names.
        """
        # master:bind/ip-address, unconnected:setsockname/ip-address,
        # master:bind/host-name, unconnected:setsockname/host-name
        address = args.text("address")
        port = args.text("port")  # master:bind/port-range, master:bind/ephemeral, unconnected:setsockname/ephemeral
        # master:bind/binds, unconnected:setsockname/binds, unconnected:setsockname/before-sending,
        # unconnected:setsockname/once, unconnected:setsockname/unchangeable
        failure = self._endpoint.bind(address, port, self._endpoint.family)
        # master:bind/returns, unconnected:setsockname/returns, master:bind/no-error,
        # unconnected:setsockname/no-error, master:bind/error, unconnected:setsockname/error
        return results_or_error(failure, 1.0)

    @Method("value", "mode")
    def settimeout(self, args: Arguments) -> Values:
        """object:settimeout([value [, mode]]) → 1

        Limit how long the calls of the object can block; see `Timeout.settimeout`.
        """
        return self._timeout.settimeout(args)

    def _connect(self, host: bytes, service: bytes) -> bytes | None:
        """Connect to a peer of the object's family; return None, or an error."""
        return self._endpoint.connect(host, service, self._endpoint.family, self._timeout)
