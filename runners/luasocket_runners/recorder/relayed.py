"""The parts that both recording proxies share: their addresses, their trace, and a loop that a signal can end."""

from __future__ import annotations

import json
import os
import select
import socket
import time
from abc import ABC, abstractmethod
from typing import Any, Final, TextIO, TypeAlias

__all__ = ["Address", "AddressError", "Relay", "RelayTrace", "resolve"]

#: Host and port.
Address: TypeAlias = tuple[str, int]

#: The version of the format; that of the recorder's traces.
_VERSION: Final = 1


class AddressError(Exception):
    """An address that cannot be used: a sentence with the reason."""

    def __init__(self, address: Address, error: OSError) -> None:
        host, port = address
        # Python adds words to the texts of the system
        text = error.strerror if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        super().__init__(f"{host}:{port} cannot be used: {text}.")


def resolve(address: Address, kind: socket.SocketKind) -> tuple[socket.AddressFamily, tuple[Any, ...]]:
    """Return the family and the first address of a host.

    Raises
    ------
    AddressError
        The host has no address.
    """
    try:
        family, _, _, _, found = socket.getaddrinfo(*address, type=kind)[0]
    except OSError as error:
        raise AddressError(address, error) from None
    return family, found


def _address(name: tuple[Any, ...]) -> list[str]:
    return [str(name[0]), str(name[1])]


class RelayTrace:
    """Writes a trace to a file, line by line: a proxy that is killed leaves what it relayed."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._started = time.time()

    def begin(self, protocol: str, listen: tuple[Any, ...], to: tuple[Any, ...]) -> None:
        """Write the header."""
        header = {"trace": _VERSION, "proxy": protocol, "listen": _address(listen), "to": _address(to)}
        self._write(header | {"started": round(self._started, 6)})

    def addresses(self, connection: int, event: str, own: tuple[Any, ...], peer: tuple[Any, ...]) -> None:
        """Write that the proxy has accepted a client, or has connected to the server."""
        self._event(connection, event, {"local": _address(own), "peer": _address(peer)})

    def event(
        self, connection: int, event: str, *, source: str = "", data: bytes | None = None, reason: str = ""
    ) -> None:
        """Write an event of a connection; `source` is the side that it came from."""
        fields = {"from": source, "bytes": None if data is None else data.decode("latin-1"), "reason": reason}
        self._event(connection, event, {key: value for key, value in fields.items() if value or key == "bytes"})

    def _event(self, connection: int, event: str, fields: dict[str, Any]) -> None:
        at = round(time.time() - self._started, 6)
        known = {key: value for key, value in fields.items() if value is not None}
        self._write({"connection": connection, "at": at, "event": event, **known})

    def _write(self, fields: dict[str, Any]) -> None:
        self._file.write(json.dumps(fields, separators=(",", ":")) + "\n")
        self._file.flush()


class Relay(ABC):
    """The loop of a proxy, which handles events until it is stopped.

    Parameters
    ----------
    listening
        The socket that clients come to.
    trace
        Is written to.

    Attributes
    ----------
    address
        The address that it listens on.
    connections
        Connections so far.
    relayed
        Bytes so far.
    """

    def __init__(self, listening: socket.socket, trace: RelayTrace) -> None:
        listening.setblocking(False)
        self._listening = listening
        self._trace = trace
        self._poll = select.poll()
        self._wakeup, self._waker = os.pipe()
        self.address: Address = listening.getsockname()[:2]
        self.connections = 0
        self.relayed = 0

    def stop(self) -> None:
        """Make `serve` return; may be called in a signal handler, and in any thread."""
        os.write(self._waker, b"x")

    def serve(self) -> None:
        """Relay until `stop` is called; then close everything."""
        self._poll.register(self._wakeup, select.POLLIN)
        self._poll.register(self._listening, select.POLLIN)
        try:
            while not self._step():
                pass
        finally:
            for sock in (*self._sockets(), self._listening):
                sock.close()
            os.close(self._wakeup)
            os.close(self._waker)

    @abstractmethod
    def _step(self) -> bool:
        """Wait for events and handle them; return whether one of them is that of `stop`."""

    @abstractmethod
    def _sockets(self) -> list[socket.socket]:
        """Return the open sockets of all connections."""
