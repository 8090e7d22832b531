"""Peers with a TCP connection: each action returns when its effect has arrived at the port's end."""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from luasocket_runners.notation import string
from luasocket_runners.peers import arrival, endpoint
from luasocket_runners.peers.endpoint import RESET, Endpoint, PeerFailure
from luasocket_runners.peers.numbers import port_apart
from luasocket_runners.values import LuaValue

#: Bytes asked for as buffers of a choked connection: small, so that a sender soon fills them (the system rounds up).
SMALL_BUFFER: Final = 4096
#: Bytes asked for as a buffer where millions of bytes come.
WIDE_BUFFER: Final = 1 << 20
#: Connections that may wait at a peer's listener; more than any behaviour opens.
BACKLOG: Final = 16

#: How a connection ends, in words.
_ENDS: Final[Mapping[str, str]] = {"closed": "the end of the connection", "reset": "a reset of the connection"}
_WAYS: Final[Mapping[str, int]] = {
    "send": socket.SHUT_WR, "receive": socket.SHUT_RD, "both": socket.SHUT_RDWR,
}  # fmt: skip


class TcpPeer(Endpoint):
    """A peer that listens, connects, or refuses connections."""

    def __init__(self, called: str) -> None:
        super().__init__(called)
        self._listener: socket.socket | None = None  # or the socket whose port refuses
        self._threads: list[threading.Thread] = []
        self._sending: threading.Thread | None = None
        self._draining: tuple[threading.Thread, socket.socket] | None = None  # and the socket that wakes it
        self._was_reset = False  # seen by any action: the system reports a reset only once, and an end after that

    # -- making a connection

    def _stream(self, ip: str, *, small_buffers: bool) -> socket.socket:
        made = self._new(ip, socket.SOCK_STREAM)
        if small_buffers:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_BUFFER)
        return made

    def listen(
        self, ip: str, *, backlog: int = BACKLOG, small_buffers: bool = False, apart: bool = False
    ) -> dict[str, LuaValue]:
        """Listen on an ephemeral port, or ``apart`` from those; return ``ip`` and ``port``."""
        self._listener = self._stream(ip, small_buffers=small_buffers)
        self._listener.bind((ip, port_apart(socket.SOCK_STREAM) if apart else 0))
        self._listener.listen(backlog)
        return self._name_of(self._listener)

    def refuse(self, ip: str) -> dict[str, LuaValue]:
        """Occupy a TCP port without listening; return ``ip`` and ``port``."""
        self._listener = self._stream(ip, small_buffers=False)
        self._listener.bind((ip, 0))
        return self._name_of(self._listener)

    def has_visitor(self, seconds: float) -> bool:
        """Tell whether a connection waits for `accept`, or comes within some seconds."""
        return self._listener is not None and arrival.readable(self._listener, seconds)

    def accept(self) -> None:
        """Accept a connection, which the following actions use."""
        if self._listener is None:
            raise ValueError(f"{self.called} does not listen")
        if not arrival.readable(self._listener, self._patience):
            sentence = f"{self.called} waited for a connection, and none came within {self._patience:g} s"
            raise PeerFailure(sentence, "a connection", "no connection", waited=True)
        self._socket, _ = self._listener.accept()
        self._sockets.append(self._socket)
        self._was_reset = False

    def connect(self, port: int, ip: str, *, small_buffers: bool = False) -> dict[str, LuaValue]:
        """Connect to the port; return the peer's own ``ip`` and ``port``.

        Raises
        ------
        PeerFailure
            The port does not accept it. What this machine itself cannot do stays an OSError.
        """
        made = self._stream(ip, small_buffers=small_buffers)
        made.settimeout(self._patience)
        try:
            made.connect((ip, port))
        except (ConnectionRefusedError, ConnectionResetError, TimeoutError) as error:
            reason = error.strerror or error
            raise PeerFailure(f"{self.called} could not connect to {ip}:{port}: {reason}") from None
        made.settimeout(None)
        self._socket = made
        self._was_reset = False
        return self._name_of(made)

    # -- data

    def send(self, data: bytes) -> None:
        """Send the bytes, and return when they have arrived.

        Bytes that the system does not accept yet, because the port does not read, are sent in the background.
        """
        sock = self._used
        if self._is_sending():
            self._sending = self._background(partial(sock.sendall, data), after=self._sending)
            return
        sent = 0
        while sent < len(data):
            try:
                sent += sock.send(memoryview(data)[sent:], socket.MSG_DONTWAIT)
            except BlockingIOError:
                self._sending = self._background(partial(sock.sendall, data[sent:]))
                return
            except (BrokenPipeError, ConnectionResetError) as error:
                self._was_reset |= isinstance(error, ConnectionResetError)
                raise PeerFailure(f"the port closed the connection before {self.called} had sent its bytes") from None
        arrival.until(lambda: arrival.unsent(sock) == 0 or arrival.own_state(sock) == arrival.CLOSED)

    def _is_sending(self) -> bool:
        """Return whether bytes that the system did not accept at once are still being sent."""
        return self._sending is not None and self._sending.is_alive()

    def _in_order(self, work: Callable[[], object]) -> None:
        """Do the work now, or, while bytes are being sent, after them."""
        if self._is_sending():
            self._background(work, after=self._sending)
        else:
            work()

    def _background(self, work: Callable[[], object], after: threading.Thread | None = None) -> threading.Thread:
        """Do the work in a thread of its own, once the thread ``after`` has ended."""

        def run() -> None:
            if after is not None:
                after.join()
            # The work ends when the port closes, or when the peer does at the end of the behaviour.
            with contextlib.suppress(OSError):
                try:
                    work()
                except ConnectionResetError:
                    self._was_reset = True

        thread = threading.Thread(target=run, name=self.called, daemon=True)
        thread.start()
        self._threads.append(thread)
        return thread

    def drain(self) -> None:
        """Read and drop data, in the background, until the port closes its side."""
        sock = self._used
        self._widen()
        wake, woken = socket.socketpair()
        self._sockets += (wake, woken)

        def work() -> None:
            while arrival.readable(sock, None, woken) and sock.recv(1 << 16):
                pass

        self._draining = self._background(work), wake

    def _widen(self) -> None:
        """Give up the small buffer of a choked connection: millions of bytes would come in thousands of pieces."""
        self._used.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WIDE_BUFFER)

    def _stop_draining(self) -> None:
        """End the reading in the background: closing a socket does not wake a thread that waits for it."""
        if self._draining is not None:
            thread, wake = self._draining
            wake.send(b"x")
            thread.join()
            self._draining = None

    def _receive_some(self, limit: int, got: bytearray, wanted: str) -> bytes:
        if not arrival.readable(self._used, self._patience):
            seen = f"only {string(bytes(got))}" if got else "nothing"
            raise PeerFailure(f"{self.called} waited for {wanted} and received {seen}", wanted, seen, waited=True)
        try:
            data = self._used.recv(limit)
        except ConnectionResetError:
            seen = f"{string(bytes(got))}, then {_ENDS['reset']}" if got else _ENDS["reset"]
            sentence = f"the port reset the connection; {self.called} waited for {wanted}"
            raise PeerFailure(sentence, wanted, seen) from None
        if not data:
            when = f"after {string(bytes(got))}" if got else "without sending anything"
            seen = f"{string(bytes(got))}, then {_ENDS['closed']}" if got else _ENDS["closed"]
            sentence = f"the port closed the connection {when}; {self.called} waited for {wanted}"
            raise PeerFailure(sentence, wanted, seen)
        return data

    def receive_bytes(self, count: int, wanted: str | None = None) -> bytes:
        """Receive this many bytes. The patience is for silence: data that flows is waited for without limit."""
        got = bytearray()
        if count > WIDE_BUFFER:
            self._widen()
        while len(got) < count:
            got += self._receive_some(count - len(got), got, wanted or f"{count} bytes")
        return bytes(got)

    def receive(self, expected: bytes) -> None:
        """Receive exactly these bytes."""
        got = self.receive_bytes(len(expected), string(expected))
        if got != expected:
            raise self._other_bytes("", got, expected)
        extra = self._peeked()  # how the connection ends is another question
        if isinstance(extra, bytes):
            sentence = f"{self.called} received {string(expected)} and then, beyond what was expected, {string(extra)}"
            raise PeerFailure(sentence, string(expected), f"{string(expected)}, then {string(extra)}")

    @property
    def ends(self) -> tuple[arrival.Address, arrival.Address] | None:
        """The two addresses of the connection, the port's own one first; None if there is none, or none any more."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                return self._socket.getpeername()[:2], self._socket.getsockname()[:2]
        return None

    def arrived(self, least: int = 0, seconds: float = endpoint.HURRIED) -> tuple[bytes, str | None]:
        """Return the bytes that have come so far, and how the connection ended: ``closed``, ``reset``, or None.

        Wait for ``least`` bytes, so many seconds for each: the buffers of the connection may not hold all at once.
        """
        data = bytearray()
        if self._socket is None:
            return b"", None
        while len(data) < least and arrival.readable(self._socket, seconds):
            more, end = self._taken()
            data += more
            if end is not None:
                return bytes(data), end
        if (ends := self.ends) is not None:  # else it is not connected any more: nothing is under way
            arrival.until(lambda: arrival.unacknowledged(*ends) == 0)
        while True:
            more, end = self._taken()
            data += more
            if end is not None or not more:
                return bytes(data), end

    def _taken(self) -> tuple[bytes, str | None]:
        """Take bytes that can be read now, and how the connection ended; neither if nothing is there."""
        try:
            data = self._used.recv(1 << 16, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return b"", None
        except ConnectionError:
            self._was_reset = True
            return b"", "reset"
        return data, None if data else "reset" if self._was_reset else "closed"

    def _peeked(self) -> bytes | str | None:
        """Return the bytes that can be read now, or ``closed`` or ``reset``; None: nothing."""
        try:
            data = super()._seen()
        except ConnectionResetError:
            self._was_reset = True
        if self._was_reset:
            return "reset"
        return "closed" if data == b"" else data

    def _seen(self) -> bytes | str | None:
        """See `Endpoint._seen`; an end in words."""
        peeked = self._peeked()
        return _ENDS[peeked] if isinstance(peeked, str) else peeked

    # -- ends

    def expect(self, state: str) -> None:
        """Check that the connection is ``closed``, ``reset`` or ``open``."""
        if state == "open":
            if isinstance(self._peeked(), str):
                raise self._surprise(self._seen(), "an open connection")
            return
        if not arrival.readable(self._used, self._patience):
            sentence = f"{self.called} waited for {_ENDS[state]}, and the connection stayed open"
            raise PeerFailure(sentence, _ENDS[state], "the connection stayed open", waited=True)
        if self._peeked() != state:
            raise self._surprise(self._seen(), _ENDS[state])

    def shutdown(self, way: str) -> None:
        """Shut down ``send``, ``receive`` or ``both`` ways."""
        self._in_order(partial(self._shutdown, self._used, _WAYS[way]))

    @staticmethod
    def _shutdown(sock: socket.socket, way: int) -> None:
        try:
            ends = sock.getpeername()[:2], sock.getsockname()[:2]
            sock.shutdown(way)
        except OSError as error:
            if error.errno != errno.ENOTCONN:  # the connection is gone: as good as shut down
                raise
            return
        if way != socket.SHUT_RD:
            # The state of the port's end shows it: the acknowledgement comes up to 40 ms after the end has arrived.
            arrival.until(lambda: arrival.state(*ends) not in arrival.END_UNSEEN)

    def close(self) -> None:
        """Close in an orderly way: read pending data first, so that the system does not answer with a reset."""
        if self._socket is None and self._listener is not None:
            self._listener.close()
            self._listener = None
            return
        sock, self._socket = self._used, None
        self._stop_draining()
        self._in_order(partial(self._close, sock))

    @classmethod
    def _close(cls, sock: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionResetError):
            while sock.recv(1 << 16, socket.MSG_DONTWAIT):
                pass
        cls._shutdown(sock, socket.SHUT_WR)
        sock.close()

    def reset(self) -> None:
        """Reset the connection, and return when the reset has arrived at the port's end."""
        sock, self._socket = self._used, None
        self._stop_draining()
        self._in_order(partial(self._reset, sock))

    @staticmethod
    def _reset(sock: socket.socket) -> None:
        ends = None
        with contextlib.suppress(OSError):  # the port has reset it already
            ends = sock.getpeername()[:2], sock.getsockname()[:2]
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        sock.close()
        if ends is not None:
            arrival.until(lambda: arrival.state(*ends) is None)

    def end(self) -> None:
        """Close everything and join the threads in the background."""
        self._stop_draining()
        if self._threads:
            for sock in self._sockets:
                # Closing alone does not wake a thread that is blocked in the socket.
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(endpoint.PATIENCE)
        super().end()
