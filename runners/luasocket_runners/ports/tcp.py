"""Ports over TCP, for hosts that own their standard input: HAProxy, nginx, a game engine, a program under a debugger.

``tcp:HOST:PORT`` dials an adapter that listens; ``tcp-listen:HOST:PORT`` waits for one that dials us. Each connection
is a fresh adapter: whoever is at the other end has to begin anew, with no handles, for each. We did not start the
program, so we do not end it: closing the connection tells it that we are done.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import weakref

from luasocket_runners.ports.connection import Connection, Port, PortUnavailable
from luasocket_runners.ports.stream import StreamConnection

__all__ = ["DialPort", "ListenPort", "SocketConnection", "parse_address"]

#: Seconds to wait for a connection that we dial: a host that drops packets is not there.
DIAL_LIMIT = 10.0

#: Seconds to wait for an adapter that dials us: a person may be starting it by hand.
ACCEPT_LIMIT = 60.0


class SocketConnection(StreamConnection):
    """A connection over a connected socket, which it takes over."""

    def __init__(self, connected: socket.socket) -> None:
        with contextlib.suppress(OSError):  # it may be reset already: `wait` will tell
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        descriptor = connected.detach()
        super().__init__(descriptor, os.dup(descriptor))

    def _why_ended(self) -> str:
        return "The port closed the connection."

    def _end(self) -> None:
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self._incoming)) as double:
            double.shutdown(socket.SHUT_RDWR)


def parse_address(name: str, words: str) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT`` or ``[IPV6]:PORT``.

    Raises
    ------
    PortUnavailable
        When it is neither.
    """
    host, colon, port = words.rpartition(":")
    if not (colon and host and port.isdecimal() and int(port) < 65536):
        form = "a host and a port have to follow the colon, as in tcp:127.0.0.1:4000 or tcp:[::1]:4000"
        raise PortUnavailable(f"{name}: {form}.")
    return host.removeprefix("[").removesuffix("]"), int(port)


class DialPort(Port):
    """An adapter that listens at an address."""

    one_at_a_time = True  # an adapter need not serve several, see PROTOCOL.md

    def __init__(self, name: str, address: tuple[str, int]) -> None:
        self.name = name
        self.address = address

    @classmethod
    def parse(cls, name: str, words: str) -> DialPort:
        """Make the port of ``tcp:HOST:PORT``."""
        return cls(name, parse_address(name, words))

    def open(self, dialect: str | None) -> Connection:  # noqa: ARG002 (whoever started the adapter has told it)
        """Dial."""
        try:
            return SocketConnection(socket.create_connection(self.address, DIAL_LIMIT))
        except OSError as error:
            raise PortUnavailable(f"{self.name}: {error.strerror or error}. Start the adapter first.") from None


class ListenPort(Port):
    """An adapter that dials an address of ours. We listen from the first `open` on, as long as the port exists."""

    one_at_a_time = True  # likewise

    def __init__(self, name: str, address: tuple[str, int], limit: float = ACCEPT_LIMIT) -> None:
        self.name = name
        self._address = address
        self._limit = limit
        self._listener: socket.socket | None = None
        self._lock = threading.Lock()

    @classmethod
    def parse(cls, name: str, words: str) -> ListenPort:
        """Make the port of ``tcp-listen:HOST:PORT``."""
        return cls(name, parse_address(name, words))

    def listen(self) -> tuple[str, int]:
        """Listen, if that was not done yet; return the address, with the port that the system chose if ours is 0."""
        with self._lock:
            if self._listener is None:
                try:
                    family = socket.getaddrinfo(*self._address, type=socket.SOCK_STREAM)[0][0]
                    listener = socket.create_server(self._address, family=family)
                except OSError as error:
                    raise PortUnavailable(f"{self.name}: cannot listen: {error.strerror or error}.") from None
                weakref.finalize(self, listener.close)
                listener.settimeout(self._limit)
                self._listener = listener
            host, port = self._listener.getsockname()[:2]
            return host, port

    def open(self, dialect: str | None) -> Connection:  # noqa: ARG002 (whoever starts the adapter tells it)
        """Wait for the adapter to dial."""
        host, port = self.listen()
        assert self._listener is not None
        try:
            connected, _ = self._listener.accept()
        except OSError as error:
            late = f"no adapter dialled {host}:{port} within {self._limit:g} s"
            reason = late if isinstance(error, TimeoutError) else error
            advice = "Start it, and have it dial again when a connection ends."
            raise PortUnavailable(f"{self.name}: {reason}. {advice}") from None
        return SocketConnection(connected)
