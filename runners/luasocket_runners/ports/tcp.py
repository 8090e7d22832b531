"""Ports over TCP, for programs that own their standard input: HAProxy, nginx, a game engine, a program in a debugger.

``tcp:HOST:PORT`` connects to an adapter that listens; ``tcp-listen:HOST:PORT`` waits for one that connects. Each
connection is a fresh adapter: the other end begins it without handles and functions. The runner did not start the
program, so it does not end it: closing the connection says that the run is over.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import selectors
import socket
import threading
import time
import weakref
from typing import Final

from luasocket_runners.ports.admission import Admission
from luasocket_runners.ports.connection import Connection, Port, PortGone, PortUnavailable
from luasocket_runners.ports.descendants import TOKEN_VARIABLE
from luasocket_runners.ports.stream import StreamConnection

__all__ = ["DialPort", "ListenPort", "SocketConnection", "parse_address"]

#: Seconds to wait for a connection to an adapter: one that drops packets is not there.
DIAL_LIMIT: Final = 10.0

#: Seconds to wait for an adapter that connects: a person may be starting it by hand.
ACCEPT_LIMIT: Final = 60.0

_ADDRESS: Final = re.compile(r"(?:\[(?P<ipv6>[^\[\]]+)\]|(?P<host>[^:\[\]]+)):(?P<port>[0-9]{1,5})", re.ASCII)


class SocketConnection(StreamConnection):
    """A connection over a connected socket, which it takes over."""

    def __init__(self, connected: socket.socket) -> None:
        with contextlib.suppress(OSError):  # it may be reset already, which `wait` reports
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        descriptor = connected.detach()
        super().__init__(descriptor, os.dup(descriptor))

    def _why_ended(self, unfinished: str) -> PortGone:
        return PortGone(f"The port closed the connection.{unfinished}")

    def _end(self) -> None:
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self._incoming)) as double:
            double.shutdown(socket.SHUT_RDWR)


def parse_address(name: str, words: str) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT`` or ``[IPV6]:PORT``.

    Raises
    ------
    PortUnavailable
        It is neither.
    """
    found = _ADDRESS.fullmatch(words)
    if found is None or int(found["port"]) > 65535 or not _is_host(found["ipv6"], found["host"]):
        form = "a host and a port have to follow the colon, as in tcp:127.0.0.1:4000 or tcp:[::1]:4000"
        raise PortUnavailable(f"{name}: {form}.")
    return found["ipv6"] or found["host"], int(found["port"])


def _is_host(ipv6: str | None, host: str | None) -> bool:
    """Return whether a name can be looked up at all."""
    try:
        if ipv6 is not None:
            ipaddress.IPv6Address(ipv6)
        elif host is not None:
            host.encode("idna")
    except ValueError:  # UnicodeError, too
        return False
    return "\0" not in (ipv6 or host or "\0")


class DialPort(Port):
    """An adapter that listens at an address."""

    one_at_a_time = True  # an adapter need not serve several, see PROTOCOL.md

    def __init__(self, name: str, address: tuple[str, int]) -> None:
        self.name = name
        self.address = address

    @classmethod
    def parse(cls, name: str, words: str) -> DialPort:
        """Return the port of ``tcp:HOST:PORT``."""
        return cls(name, parse_address(name, words))

    def open(self, dialect: str | None) -> Connection:  # noqa: ARG002 (the adapter was started with its dialect)
        """Connect to it."""
        try:
            return SocketConnection(socket.create_connection(self.address, DIAL_LIMIT))
        except OSError as error:
            raise PortUnavailable(f"{self.name}: {error.strerror or error}. Start the adapter first.") from None


class ListenPort(Port):
    """An adapter that connects to an address of the runner, which listens from the first `open` on.

    Where the runner's environment has a token, only an adapter with the same token is admitted.
    """

    one_at_a_time = True  # likewise

    def __init__(self, name: str, address: tuple[str, int], limit: float = ACCEPT_LIMIT) -> None:
        self.name = name
        self._address = address
        self._limit = limit
        self._listener: socket.socket | None = None
        self._lock = threading.Lock()

    @classmethod
    def parse(cls, name: str, words: str) -> ListenPort:
        """Return the port of ``tcp-listen:HOST:PORT``."""
        return cls(name, parse_address(name, words))

    def listen(self) -> tuple[str, int]:
        """Listen, if that was not done yet; return the address, with the port that the system chose instead of 0."""
        with self._lock:
            if self._listener is None:
                try:
                    family = socket.getaddrinfo(*self._address, type=socket.SOCK_STREAM)[0][0]
                    listener = socket.create_server(self._address, family=family)
                except OSError as error:
                    reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or error
                    raise PortUnavailable(f"{self.name}: cannot listen: {reason}.") from None
                weakref.finalize(self, listener.close)
                listener.setblocking(False)
                self._listener = listener
            host, port = self._listener.getsockname()[:2]
            return host, port

    def open(self, dialect: str | None) -> Connection:  # noqa: ARG002 (the adapter is started with its dialect)
        """Wait for the adapter to connect."""
        host, port = self.listen()
        assert self._listener is not None
        connected = self._accept(self._listener, os.environ.get(TOKEN_VARIABLE))
        if connected is None:
            reason = f"no adapter dialled {host}:{port} within {self._limit:g} s"
            advice = "Start it, and have it dial again when a connection ends."
            raise PortUnavailable(f"{self.name}: {reason}. {advice}")
        return SocketConnection(connected)

    def _accept(self, listener: socket.socket, token: str | None) -> socket.socket | None:
        """Return the first connection, or the first one with the token; None: none came in time."""
        deadline = time.monotonic() + self._limit
        with selectors.DefaultSelector() as selector:
            if token is None:
                selector.register(listener, selectors.EVENT_READ)
                while selector.select(max(deadline - time.monotonic(), 0)):
                    with contextlib.suppress(BlockingIOError, ConnectionAbortedError):  # it has gone again
                        return listener.accept()[0]
                return None
            with Admission(listener, token, selector) as admission:
                while admission.admitted is None and (ready := selector.select(max(deadline - time.monotonic(), 0))):
                    for key, _ in ready:
                        key.data()
                return admission.admitted
