"""Peers with a UDP socket."""

from __future__ import annotations

import socket

from luasocket_runners.notation import string
from luasocket_runners.peers import arrival
from luasocket_runners.peers.endpoint import Endpoint, PeerFailure
from luasocket_runners.peers.numbers import port_apart
from luasocket_runners.values import LuaValue


class UdpPeer(Endpoint):
    """A peer that sends and receives datagrams, or refuses them."""

    def _bound(self, ip: str, port: int = 0) -> socket.socket:
        made = self._new(ip, socket.SOCK_DGRAM)
        made.bind((ip, port))
        return made

    def udp(self, ip: str, *, apart: bool = False) -> dict[str, LuaValue]:
        """Open a socket on an ephemeral port, or ``apart`` from those; return ``ip`` and ``port``."""
        self._socket = self._bound(ip, port_apart(socket.SOCK_DGRAM) if apart else 0)
        return self._name_of(self._socket)

    def refuse_udp(self, ip: str) -> dict[str, LuaValue]:
        """Occupy a port at which datagrams are refused; return ``ip`` and ``port``."""
        made = self._bound(ip)
        # Connected to itself, it accepts no other datagram: the system answers that the port is unreachable.
        made.connect(made.getsockname())
        self._socket = made
        return self._name_of(made)

    def send_datagram(self, data: bytes, to: tuple[str, int]) -> None:
        """Send one datagram, and return when it has arrived."""
        sock = self._used
        sock.sendto(data, to)
        # The loopback keeps the order of datagrams: when a second one has come back, the first has arrived.
        ip = sock.getsockname()[0]
        with socket.socket(sock.family, socket.SOCK_DGRAM) as witness:
            witness.bind((ip, 0))
            with socket.socket(sock.family, socket.SOCK_DGRAM) as marker:
                marker.sendto(b"", witness.getsockname())
                arrival.readable(witness, arrival.ARRIVAL)

    def receive(self, expected: bytes) -> dict[str, LuaValue]:
        """Receive this datagram; return its sender: ``ip`` and ``port``."""
        if not arrival.readable(self._used, self._patience):
            sentence = f"{self.called} waited for the datagram {string(expected)} and received none"
            raise PeerFailure(sentence, string(expected), "no datagram", waited=True)
        got, sender = self._used.recvfrom(1 << 16)
        if got != expected:
            raise self._other_bytes("the datagram ", got, expected)
        return {"ip": str(sender[0]).encode(), "port": int(sender[1])}

    def arrived(self, _least: int = 0) -> tuple[bytes, str | None]:
        """Return the next datagram that has arrived, empty if none has; nothing ends, so the second value is None."""
        if self._socket is None:
            return b"", None
        try:
            return self._socket.recv(1 << 16, socket.MSG_DONTWAIT), None
        except (BlockingIOError, ConnectionError):
            return b"", None

    def close(self) -> None:
        """Close the socket."""
        sock, self._socket = self._used, None
        sock.close()
