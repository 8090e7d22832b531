"""Admits the adapter that has the right token, among all the programs that connect to a listener of the runner."""

from __future__ import annotations

import hmac
import json
import selectors
import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import Final

from luasocket_runners.ports.stream import encode, quoted

__all__ = ["Admission"]

#: Bytes of the reply to `describe` that has the token; ten times more than any needs.
_REPLY_LIMIT: Final = 65536


class Admission:
    """Asks each program that connects to describe itself; one whose reply has the token is admitted.

    Use as a context manager: at the end, all other connections are closed. Each refused one is reported on standard
    error, because another program on this machine must not be able to act as the port.

    Parameters
    ----------
    listener
        The listener, which never blocks; the caller closes it.
    token
        The token that the adapter has in its environment.
    selector
        Its entries for the listener and the connections have a function without arguments as data.

    Attributes
    ----------
    admitted
        The connection of the adapter, once it has come; the caller closes it.
    refused
        The number of connections that were refused.
    """

    def __init__(self, listener: socket.socket, token: str, selector: selectors.BaseSelector) -> None:
        self.admitted: socket.socket | None = None
        self.refused = 0
        self._listener = listener
        self._token = token
        self._selector = selector
        self._replies: dict[socket.socket, bytearray] = {}
        self._listen(listener, self._accept)

    def __enter__(self) -> Admission:
        return self

    def __exit__(self, *exc: object) -> None:
        for waiting in list(self._replies):
            self._drop(waiting)

    def _listen(self, sock: socket.socket, react: Callable[[], None]) -> None:
        self._selector.register(sock, selectors.EVENT_READ, react)

    def _accept(self) -> None:
        try:
            come, _ = self._listener.accept()
            come.setblocking(False)
            come.send(encode({"id": 0, "op": "describe", "protocol": 1}))
        except OSError:  # it has gone again
            return
        self._replies[come] = bytearray()
        self._listen(come, partial(self._read, come))

    def _read(self, sock: socket.socket) -> None:
        reply = self._replies[sock]
        try:
            data = sock.recv(_REPLY_LIMIT)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        reply += data
        if not data:
            self._refuse(sock, "it closed the connection")
        elif reply.endswith(b"\n") or len(reply) > _REPLY_LIMIT:
            if self.admitted is None and self._has_token(bytes(reply)):
                self.admitted = sock
                del self._replies[sock]
                self._selector.unregister(sock)
            else:
                self._refuse(sock, f"its reply to `describe` does not have the token: {quoted(bytes(reply))}")

    def _has_token(self, reply: bytes) -> bool:
        try:
            message = json.loads(reply)
        except (ValueError, RecursionError):
            return False
        token = message.get("token") if isinstance(message, dict) else None
        return isinstance(token, str) and hmac.compare_digest(token.encode("utf-8", "replace"), self._token.encode())

    def _refuse(self, sock: socket.socket, reason: str) -> None:
        self.refused += 1
        try:
            host, port = sock.getpeername()[:2]
            sender = f"{host}:{port}"
        except OSError:
            sender = "a program that has gone"
        print(f"luasocket-conformance: refused a connection from {sender}: {reason}", file=sys.stderr)
        self._drop(sock)

    def _drop(self, sock: socket.socket) -> None:
        del self._replies[sock]
        self._selector.unregister(sock)
        sock.close()
