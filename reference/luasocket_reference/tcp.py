"""TCP objects: a master becomes a server by ``listen``, or a client by ``connect``, and never a master again.

The table says which class a method works on. A method checks nothing else of the object's state; the system refuses
the impossible.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import ClassVar

from luasocket_reference import inet
from luasocket_reference.auxiliar import Method
from luasocket_reference.buffer import Buffer
from luasocket_reference.dialect import Dialect
from luasocket_reference.lua.arguments import Arguments
from luasocket_reference.lua.functions import Builtin
from luasocket_reference.lua.numbers import as_int
from luasocket_reference.lua.values import Values, results_or_error
from luasocket_reference.socket import SocketObject
from luasocket_reference.usocket import DONE, Descriptor, describe_error

__all__ = ["Tcp", "global_connect"]

_ANY, _MASTER, _CLIENT, _SERVER = "tcp{any}", "tcp{master}", "tcp{client}", "tcp{server}"

#: The directions that ``shutdown`` knows.
_DIRECTIONS: Mapping[str, int] = {
    "receive": socket.SHUT_RD,  # client:shutdown/receive
    "send": socket.SHUT_WR,  # client:shutdown/send
    "both": socket.SHUT_RDWR,  # client:shutdown/both
}

#: How many connections may wait to be accepted, by default.
_BACKLOG = 32


class Tcp(SocketObject):
    """A TCP object: master, client or server."""

    CLASSES: ClassVar[Mapping[str, str]] = {  # {tcp,tcp6}/nothing-else
        "accept": _SERVER,  # master:listen/server-accept
        "bind": _MASTER,
        "close": _ANY,  # master:connect/client-close, master:listen/server-close
        "connect": _ANY,
        "dirty": _ANY,
        "getfamily": _ANY,
        "getfd": _ANY,
        "getoption": _ANY,
        "getpeername": _ANY,  # master:connect/client-getpeername
        "getsockname": _ANY,  # master:connect/client-getsockname, master:listen/server-getsockname
        # Disagreement: {master,server}:getstats/received, {master,server}:getstats/sent, {master,server}:getstats/age
        "getstats": _CLIENT,
        "gettimeout": _ANY,
        "listen": _MASTER,
        "receive": _CLIENT,  # master:connect/client-receive
        "send": _CLIENT,  # master:connect/client-send
        "setfd": _ANY,
        "setoption": _ANY,  # master:listen/server-setoption
        "setpeername": _ANY,
        "setsockname": _MASTER,
        # Disagreement: {master,server}:setstats/received, {master,server}:setstats/sent, {master,server}:setstats/age,
        # {master,server}:setstats/returns
        "setstats": _CLIENT,
        "settimeout": _ANY,  # master:connect/client-settimeout, master:listen/server-settimeout
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

    @Method()
    def accept(self, _args: Arguments) -> Values:
        """server:accept() → client | nil, error

        Wait for a connection, and return a client for it. The client has no timeout, even if the server has one.
        """
        self._timeout.mark_start()
        outcome, descriptor = self._descriptor.accept(self._timeout)  # server:accept/waits, server:accept/may-block
        if descriptor is None:
            # server:accept/error, server:accept/timeout, {master,server}:settimeout/fails-accept
            return (None, describe_error(outcome))
        # server:accept/client, server:accept/no-error
        return (Tcp(self.dialect, _CLIENT, self._endpoint.family, descriptor),)

    bind = SocketObject.setsockname.alias()

    @Method("address", "port")
    def connect(self, args: Arguments) -> Values:
        """master:connect(address, port) → 1 | nil, error

        Connect to a peer. The object becomes a client even if connecting fails.
        """
        address = args.text("address")  # master:connect/ip-address, master:connect/host-name, master:connect/any
        port = args.text("port")  # master:connect/port-range
        failure = self._connect(address, port)  # master:connect/connects
        self.class_name = _CLIENT  # master:connect/becomes-client, {tcp,tcp6}/becomes-client
        return results_or_error(failure, 1.0)  # master:connect/returns, master:connect/no-error, master:connect/error

    setpeername = connect.alias()

    @Method()
    def dirty(self, _args: Arguments) -> Values:
        """object:dirty() → boolean

        Return whether there are bytes in the buffer that were read and not returned yet.
        """
        return (not self._buffer.is_empty,)  # client:dirty/true, {master,client,server}:dirty/false

    @Method()
    def getstats(self, _args: Arguments) -> Values:
        """client:getstats() → received, sent, age

        Return counters; see `Buffer.getstats`.
        """
        return self._buffer.getstats()

    @Method("backlog")
    def listen(self, args: Arguments) -> Values:
        """master:listen([backlog]) → 1 | nil, error

        Become a server. `backlog` is how many connections may wait to be accepted, 32 by default.
        """
        backlog = as_int(args.number("backlog", _BACKLOG))  # master:listen/backlog
        outcome = self._descriptor.listen(backlog)  # master:listen/connectable, master:listen/queue-full
        if outcome != DONE:
            return (None, describe_error(outcome))  # master:listen/error
        self.class_name = _SERVER  # master:listen/becomes-server, {tcp,tcp6}/becomes-server
        return (1.0,)  # master:listen/returns, master:listen/no-error

    @Method("pattern", "prefix")
    def receive(self, args: Arguments) -> Values:
        """client:receive([pattern [, prefix]]) → data, nil, nil | nil, error, partial

        Read from the connection; see `Buffer.receive`.
        """
        return self._buffer.receive(args)

    @Method("data", "i", "j")
    def send(self, args: Arguments) -> Values:
        """client:send(data [, i [, j]]) → index, nil, nil | nil, error, index

        Send a string or a part of it; see `Buffer.send`.
        """
        return self._buffer.send(args)

    @Method("received", "sent", "age")
    def setstats(self, args: Arguments) -> Values:
        """client:setstats([received [, sent [, age]]]) → 1

        Set counters; see `Buffer.setstats`.
        """
        return self._buffer.setstats(args)

    @Method("mode")
    def shutdown(self, args: Arguments) -> Values:
        """client:shutdown([mode]) → 1

        Shut down one direction of the connection, "receive" or "send", or "both" (the default). Errors of the system
        are ignored.
        """
        direction = args.option("mode", "both", _DIRECTIONS)  # client:shutdown/default
        self._descriptor.shutdown(direction)  # client:shutdown/part
        return (1.0,)  # client:shutdown/returns


@Builtin("address", "port", "locaddr", "locport", "family")
def global_connect(args: Arguments) -> Values:
    """socket.connect(address, port [, locaddr [, locport [, family]]]) → client | nil, error

    Make a client and connect it, from the local address `locaddr` and the port `locport` if they are given. `family` is
    "inet", "inet6" or "unspec" (the default).
    """
    peer = args.text("address"), args.text("port")
    locaddr = args.text("locaddr", None)  # connect/locaddr, connect/local-optional
    locport = args.text("locport", b"0")  # connect/locport
    # Disagreement: by the documentation, the family limits the connection (connect/{family-inet,family-inet6}); from
    # 3.0.0 on, it limits the local address only.
    family = args.option("family", "unspec", inet.FAMILIES)  # connect/family-optional
    client = Tcp(args.dialect, _CLIENT, socket.AF_UNSPEC)
    # connect/connects, master:connect/shortcut
    failure = client.connect_from(None if locaddr is None else (locaddr, locport), peer, family)
    return results_or_error(failure, client)  # connect/no-error, connect/error
