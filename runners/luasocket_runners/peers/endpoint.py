"""The common ground of TCP and UDP peers: the sockets that a peer owns, its patience, and its failures."""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import Final

from luasocket_runners.notation import SHORT_STRING, difference, string
from luasocket_runners.peers import arrival
from luasocket_runners.values import LuaValue

#: Seconds that a peer waits for the port to act. A correct port needs milliseconds, under full load a second.
PATIENCE: Final = 5.0
#: The same where a quirk says that the port does not act.
HURRIED: Final = 1.0
#: SO_LINGER, on and with no time: closing resets the connection.
RESET: Final = struct.pack("ii", 1, 0)


class PeerFailure(Exception):
    """The port did not do its part; the text is a sentence about the port.

    ``wanted`` and ``seen`` name the awaited event and the one that came, in a word or two; None: the sentence says it.
    ``waited``: nothing came within the peer's patience.
    """

    def __init__(
        self, sentence: str, wanted: str | None = None, seen: str | None = None, *, waited: bool = False
    ) -> None:
        super().__init__(sentence)
        self.wanted = wanted
        self.seen = seen
        self.waited = waited


class Endpoint:
    """The sockets of one peer: the one that it uses, and all that it has to close at the end.

    Parameters
    ----------
    called
        The peer's name in sentences: ``the peer client``.
    """

    def __init__(self, called: str) -> None:
        self.called = called
        self.hurried = False  #: a rule says that the port does nothing: a second is enough to see it
        self._sockets: list[socket.socket] = []
        self._socket: socket.socket | None = None

    def _new(self, ip: str, kind: socket.SocketKind) -> socket.socket:
        made = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET, kind)
        self._sockets.append(made)
        return made

    @property
    def _patience(self) -> float:
        return min(PATIENCE, HURRIED) if self.hurried else PATIENCE

    @staticmethod
    def _name_of(sock: socket.socket) -> dict[str, LuaValue]:
        name = sock.getsockname()
        return {"ip": str(name[0]).encode(), "port": int(name[1])}

    @property
    def _used(self) -> socket.socket:
        if self._socket is None:
            raise ValueError(f"{self.called} has no connection")
        return self._socket

    def _seen(self) -> bytes | str | None:
        """Return the bytes that can be read now, and leave them; None: none. A TCP peer also sees ends, as words."""
        try:
            return self._used.recv(1 << 12, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None

    def nothing_for(self, seconds: float) -> None:
        """Check that nothing arrives for a while, neither data nor the end."""
        if arrival.readable(self._used, seconds):
            raise self._surprise(self._seen(), "nothing at all")

    def _surprise(self, seen: bytes | str | None, wanted: str) -> PeerFailure:
        """Return the failure of a port that did something else; ``seen`` is bytes, or words for an end."""
        saw = string(seen) if isinstance(seen, bytes) else seen or "nothing"
        verb = "received" if isinstance(seen, bytes) else "saw"
        return PeerFailure(f"{self.called} {verb} {saw} instead of {wanted}", wanted, saw)

    def _other_bytes(self, kind: str, got: bytes, expected: bytes) -> PeerFailure:
        """Return the failure of a port that sent other bytes; ``kind`` is empty or "the datagram "."""
        whole = max(len(got), len(expected)) <= SHORT_STRING
        other = "" if whole else "other bytes: " if not kind else "another one: "
        sentence = f"{self.called} received {kind}{other}{difference(expected, got)}"
        return PeerFailure(sentence, string(expected), string(got))

    def end(self) -> None:
        """Close everything."""
        for sock in self._sockets:
            # A connection that ends in order occupies its address for a minute; after some runs, the system takes long
            # to find a free one.
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            sock.close()
        self._sockets.clear()
