"""A proxy for TCP that relays connections and records both directions: bytes, ends and resets, with their times.

The trace stands in for that of the other end where only one end of a connection can be recorded in Lua. The proxy is
transparent: a half-closed connection stays half-closed, a reset is passed on, and it reads no faster than it can
write.
"""

from __future__ import annotations

import errno
import os
import select
import socket
from dataclasses import dataclass, field
from typing import Final

from luasocket_runners.peers.endpoint import RESET
from luasocket_runners.recorder.relayed import Address, AddressError, Relay, RelayTrace, resolve

__all__ = ["Proxy"]

#: Bytes that wait for a slow reader at most; beyond, the proxy does not read, and the writer has to wait, too.
_MOST_PENDING: Final = 1 << 16

#: Bytes that are read at once.
_CHUNK: Final = 1 << 16

#: Connections that wait to be accepted; more than a test opens at once.
_BACKLOG: Final = 128

_TOO_MANY: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


@dataclass(eq=False)
class _Side:
    """One of the two sockets of a connection.

    Attributes
    ----------
    name
        "client" for the program that has connected to the proxy, "server" for the one that the proxy connects to.
    pending
        Bytes that are still to be written to it.
    has_ended
        Its program has ended its stream, and that was read.
    is_shut
        It was told that the stream of the other side has ended.
    """

    socket: socket.socket
    name: str
    connection: int
    is_connecting: bool = False
    pending: bytearray = field(default_factory=bytearray)
    has_ended: bool = False
    is_shut: bool = False
    other: _Side = field(init=False)


class Proxy(Relay):
    """Relays the connections of a TCP address to another one.

    Parameters
    ----------
    listen
        The address to listen on; port 0 stands for a free one.
    to
        The address to connect to.
    trace
        Is written to.

    Raises
    ------
    AddressError
        An address cannot be used.
    """

    def __init__(self, listen: Address, to: Address, trace: RelayTrace) -> None:
        self._family, self._to = resolve(to, socket.SOCK_STREAM)
        listening, own = resolve(listen, socket.SOCK_STREAM)
        try:
            listener = socket.create_server(own[:2], family=listening, backlog=_BACKLOG)
        except OSError as error:
            raise AddressError(listen, error) from None
        super().__init__(listener, trace)
        self._sides: dict[int, _Side] = {}
        trace.begin("tcp", self.address, to)

    def _sockets(self) -> list[socket.socket]:
        return [side.socket for side in self._sides.values()]

    def _step(self) -> bool:
        for descriptor, events in self._poll.poll():
            if descriptor == self._wakeup:
                return True
            if descriptor == self._listening.fileno():
                self._accept()
            elif descriptor in self._sides:  # an event before may have closed it
                self._handle(self._sides[descriptor], events)
        return False

    def _accept(self) -> None:
        try:
            accepted, _ = self._listening.accept()
        except OSError as error:
            if error.errno in _TOO_MANY:
                self._poll.modify(self._listening, 0)  # until a connection is closed
            return
        try:
            outgoing = socket.socket(self._family, socket.SOCK_STREAM)
        except OSError:
            _close(accepted, is_reset=True)
            return
        self.connections += 1
        client = _Side(accepted, "client", self.connections)
        server = _Side(outgoing, "server", self.connections, is_connecting=True)
        client.other, server.other = server, client
        for side in (client, server):
            side.socket.setblocking(False)
            side.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as fast as the program sends
            self._sides[side.socket.fileno()] = side
            self._poll.register(side.socket, 0)
        # only Linux and its like report a connection that is reset before it is accepted here
        try:
            self._trace.addresses(self.connections, "accepted", accepted.getsockname(), accepted.getpeername())
        except OSError:
            self._reset(client, "Connection reset by peer")
            return
        problem = outgoing.connect_ex(self._to)
        if problem == errno.EINPROGRESS:
            self._watch(client)
            self._watch(server)
        else:
            self._connected(server, problem)

    def _connected(self, server: _Side, problem: int) -> None:
        if problem:
            self._trace.event(server.connection, "refused", reason=os.strerror(problem))
            self._close(server, is_reset=True)
            return
        server.is_connecting = False
        self._trace.addresses(server.connection, "connected", server.socket.getsockname(), server.socket.getpeername())
        self._flush(server)

    def _handle(self, side: _Side, events: int) -> None:
        if side.is_connecting:
            self._connected(side, side.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        elif events & select.POLLERR or (events & select.POLLHUP and side.has_ended):
            self._reset(side, os.strerror(side.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or errno.EPIPE))
        elif events & (select.POLLIN | select.POLLHUP):
            self._read(side)
        elif events & select.POLLOUT:
            self._flush(side)

    def _read(self, side: _Side) -> None:
        try:
            data = side.socket.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            self._reset(side, error.strerror or str(error))
            return
        if data:
            self._note(side, data)
        else:
            side.has_ended = True
            self._trace.event(side.connection, "end", source=side.name)
        self._flush(side.other)

    def _note(self, side: _Side, data: bytes) -> None:
        self._trace.event(side.connection, "data", source=side.name, data=data)
        side.other.pending += data
        self.relayed += len(data)

    def _flush(self, side: _Side) -> None:
        """Write the data that wait for a side; after that, pass on the end of the other's stream."""
        if not side.is_connecting:
            try:
                while side.pending:
                    del side.pending[: side.socket.send(side.pending)]
                if side.other.has_ended and not side.is_shut:
                    side.is_shut = True
                    side.socket.shutdown(socket.SHUT_WR)
            except BlockingIOError:
                pass
            except OSError as error:
                self._reset(side, error.strerror or str(error))
                return
        if side.is_shut and side.other.is_shut:
            self._close(side)
            return
        self._watch(side)
        self._watch(side.other)

    def _watch(self, side: _Side) -> None:
        """Say which events of a side matter now. Errors are reported without being asked for."""
        if side.has_ended and side.is_shut:
            events = None  # nothing more can come, but the system would report that again and again
        elif side.is_connecting:
            events = select.POLLOUT
        else:
            reads = not side.has_ended and len(side.other.pending) < _MOST_PENDING
            events = (select.POLLIN if reads else 0) | (select.POLLOUT if side.pending else 0)
        if events is not None:
            self._poll.register(side.socket, events)
        elif side.socket.fileno() in self._sides:
            self._poll.unregister(side.socket)
            del self._sides[side.socket.fileno()]

    def _reset(self, side: _Side, reason: str) -> None:
        """Pass on a reset, behind the bytes that came before it."""
        while not side.has_ended:
            try:
                data = side.socket.recv(_CHUNK)
            except OSError:
                break
            if not data:
                break
            self._note(side, data)
        self._trace.event(side.connection, "reset", source=side.name, reason=reason)
        try:
            if side.other.pending and not side.other.is_connecting:
                side.other.socket.send(side.other.pending)
        except OSError:
            pass  # that side has gone as well
        self._close(side, is_reset=True)

    def _close(self, side: _Side, *, is_reset: bool = False) -> None:
        for each in (side, side.other):
            if self._sides.pop(each.socket.fileno(), None) is not None:
                self._poll.unregister(each.socket)
            _close(each.socket, is_reset=is_reset)
        self._poll.modify(self._listening, select.POLLIN)


def _close(sock: socket.socket, *, is_reset: bool) -> None:
    if is_reset:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    sock.close()
