"""A proxy for UDP that relays datagrams and records them: each client has a socket of its own to the server."""

from __future__ import annotations

import select
import socket
from typing import Final

from luasocket_runners.recorder.relayed import Address, AddressError, Relay, RelayTrace, resolve

__all__ = ["DatagramProxy"]

#: The largest datagram of UDP.
_LARGEST: Final = 1 << 16

#: Clients that are known at once; beyond, the one that has been known for longest is forgotten.
_MOST_CLIENTS: Final = 256


class DatagramProxy(Relay):
    """Relays the datagrams that come to an address to another one, and the answers back.

    Parameters and attributes are those of `luasocket_runners.recorder.proxy.Proxy`; a client's address counts as a
    connection.
    """

    def __init__(self, listen: Address, to: Address, trace: RelayTrace) -> None:
        self._family, self._to = resolve(to, socket.SOCK_DGRAM)
        listening, own = resolve(listen, socket.SOCK_DGRAM)
        own_socket = socket.socket(listening, socket.SOCK_DGRAM)
        try:
            own_socket.bind(own)
        except OSError as error:
            own_socket.close()
            raise AddressError(listen, error) from None
        super().__init__(own_socket, trace)
        self._clients: dict[tuple[str, int], tuple[int, socket.socket]] = {}  # the oldest first
        trace.begin("udp", self.address, to)

    def _sockets(self) -> list[socket.socket]:
        return [sock for _, sock in self._clients.values()]

    def _step(self) -> bool:
        descriptors = {descriptor for descriptor, _ in self._poll.poll()}
        if self._wakeup in descriptors:
            return True
        if self._listening.fileno() in descriptors:
            self._from_client()
        for client, (number, sock) in list(self._clients.items()):
            if sock.fileno() in descriptors:
                self._from_server(client, number, sock)
        return False

    def _from_client(self) -> None:
        try:
            data, client = self._listening.recvfrom(_LARGEST)
        except OSError:
            return  # an answer that could not be delivered
        if client not in self._clients and not self._meet(client):
            return
        number, sock = self._clients[client]
        self._relay(number, "client", data, sock, None)

    def _from_server(self, client: tuple[str, int], number: int, sock: socket.socket) -> None:
        try:
            data = sock.recv(_LARGEST)
        except OSError as error:
            self._trace.event(number, "refused", reason=error.strerror or str(error))
            return
        self._relay(number, "server", data, self._listening, client)

    def _meet(self, client: tuple[str, int]) -> bool:
        """Make the socket of a new client; return whether there was one left."""
        if len(self._clients) >= _MOST_CLIENTS:
            _, oldest = self._clients.pop(next(iter(self._clients)))
            self._poll.unregister(oldest)
            oldest.close()
        try:
            sock = socket.socket(self._family, socket.SOCK_DGRAM)
        except OSError:
            return False
        sock.setblocking(False)
        sock.connect(self._to)
        self.connections += 1
        self._clients[client] = (self.connections, sock)
        self._poll.register(sock, select.POLLIN)
        self._trace.addresses(self.connections, "accepted", self.address, client)
        self._trace.addresses(self.connections, "connected", sock.getsockname(), sock.getpeername())
        return True

    def _relay(self, number: int, source: str, data: bytes, sock: socket.socket, to: tuple[str, int] | None) -> None:
        self._trace.event(number, "datagram", source=source, data=data)
        self.relayed += len(data)
        try:
            if to is None:
                sock.send(data)
            else:
                sock.sendto(data, to)
        except OSError as error:
            self._trace.event(number, "refused", reason=error.strerror or str(error))
