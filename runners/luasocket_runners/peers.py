"""The peers of a behaviour: plain sockets in our hands on the other side of the port's.

What lives here: what a peer can do, each action complete only when its effect has arrived at the other side's system,
so that no behaviour has to wait for time. What may not: anything that speaks to a port, or compares its answers.

Every address is on the loopback, every port ephemeral. A peer that waits for the port in vain raises
:class:`PeerFailure`: the port's failure. Errors of the system on our own side are left as they are: ours.
"""

from __future__ import annotations

import array
import contextlib
import errno
import fcntl
import ipaddress
import select
import socket
import struct
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from luasocket_spec.model import PeerAction

from luasocket_runners.notation import SHORT_STRING, Names, difference, show, string
from luasocket_runners.values import LuaValue

#: Seconds that a peer waits for the port to do its part. A correct port needs milliseconds, under full load a second.
PATIENCE: Final = 5.0
#: Seconds that an action waits for its effect to arrive at the other side's system. It arrives at once on a loopback;
#: the limit only keeps a broken system from hanging us, the behaviour then goes on as it would have without waiting.
ARRIVAL: Final = 1.0
#: Seconds between two looks at something that the system gives no event for.
LOOK: Final = 0.0005
#: Bytes asked for as buffers of a choked connection: small, so that a sender soon fills them (the system rounds up).
SMALL_BUFFER: Final = 4096
#: SO_LINGER, on and for no time: closing resets the connection.
_RESET: Final = struct.pack("ii", 1, 0)
#: Connections that may wait at a peer's listener; more than any behaviour opens.
BACKLOG: Final = 16

_LINUX: Final = sys.platform == "linux"

#: How a connection ends, in words.
_ENDS: Final[Mapping[str | bytes | None, str]] = {
    "closed": "the end of the connection",
    "reset": "a reset of the connection",
}
#: States of a TCP socket as the kernel numbers them.
_CLOSE: Final = 7
_LISTEN: Final = 10
#: Those in which it has not seen the other side's end: established, and both of FIN_WAIT.
_END_UNSEEN: Final = frozenset({1, 4, 5})
#: Numbers of the kernel's socket diagnostics.
_NETLINK_SOCK_DIAG: Final = 4
_SOCK_DIAG_BY_FAMILY: Final = 20
_NLM_F_REQUEST: Final = 1
_ANY: Final = 0xFFFFFFFF


class PeerFailure(Exception):
    """The port did not do what the peer waited for; the text is a sentence about the port.

    ``wanted`` and ``seen`` tell in a word or two what the peer waited for and what came; None: the sentence says all.
    ``waited``: nothing came in all its patience.
    """

    def __init__(
        self, sentence: str, wanted: str | None = None, seen: str | None = None, *, waited: bool = False
    ) -> None:
        super().__init__(sentence)
        self.wanted = wanted
        self.seen = seen
        self.waited = waited


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until the condition holds; tell whether it did within the time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= end:
            return False
        time.sleep(LOOK)
    return True


def _readable(sock: socket.socket, seconds: float | None, wake: socket.socket | None = None) -> bool:
    """Wait until there is something to read, for ever if ``seconds`` is None; False after the time, or when woken."""
    poller = select.poll()
    poller.register(sock, select.POLLIN)
    if wake is not None:
        poller.register(wake, select.POLLIN)
    ready = poller.poll(None if seconds is None else max(0.0, seconds) * 1000)
    return any(descriptor == sock.fileno() for descriptor, _ in ready)


def _family(ip: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in ip else socket.AF_INET


def _unsent(sock: socket.socket) -> int:
    """Return how many bytes the other side has not acknowledged yet."""
    count = array.array("i", [0])
    fcntl.ioctl(sock, termios.TIOCOUTQ, count)
    return count[0]


def _tcp_state(sock: socket.socket) -> int:
    return int(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0])


def _state(local: tuple[str, int], remote: tuple[str, int]) -> int | None:
    """Return the state of the TCP connection with these two ends, as the kernel numbers it; None: there is none.

    Asked of the system's socket diagnostics (``man 7 sock_diag``), which look up one socket; ``/proc/net/tcp`` would
    have to be read whole, with the thousands of connections that linger after a long run.
    """
    family = _family(local[0])
    ends = [socket.inet_pton(family, ip).ljust(16, b"\0") for ip, _ in (local, remote)]
    asked = struct.pack("=BBBBI", family, socket.IPPROTO_TCP, 0, 0, _ANY)
    asked += struct.pack("!HH", local[1], remote[1]) + ends[0] + ends[1] + struct.pack("=III", 0, _ANY, _ANY)
    header = struct.pack("=IHHII", 16 + len(asked), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 0, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as line:
        line.send(header + asked)
        answer = line.recv(4096)
    if struct.unpack_from("=H", answer, 4)[0] != _SOCK_DIAG_BY_FAMILY:
        return None  # an answer of another kind is an error: there is no such socket
    state = answer[17]
    return None if state in (_CLOSE, _LISTEN) else state  # a listener answers for connections that are gone


class Peer:
    """One peer: what it listens on, its connection or its UDP socket."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._called = "the peer" if name == "peer" else f"the peer {name}"
        self._sockets: list[socket.socket] = []
        self._listener: socket.socket | None = None
        self._socket: socket.socket | None = None
        self._datagrams = False
        self._threads: list[threading.Thread] = []
        self._sending: threading.Thread | None = None
        self._draining: tuple[threading.Thread, socket.socket] | None = None  # and what wakes it
        self._was_reset = False  # seen while looking for something else; the system tells a reset only once

    # -- beginnings

    def _new(self, ip: str, kind: socket.SocketKind, *, small_buffers: bool = False) -> socket.socket:
        made = socket.socket(_family(ip), kind)
        self._sockets.append(made)
        if small_buffers:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL_BUFFER)
        return made

    def _bound(self, ip: str, kind: socket.SocketKind, *, small_buffers: bool = False) -> socket.socket:
        made = self._new(ip, kind, small_buffers=small_buffers)
        made.bind((ip, 0))
        return made

    @staticmethod
    def _name_of(sock: socket.socket) -> dict[str, LuaValue]:
        name = sock.getsockname()
        return {"ip": str(name[0]).encode(), "port": int(name[1])}

    def listen(self, ip: str, *, backlog: int = BACKLOG, small_buffers: bool = False) -> dict[str, LuaValue]:
        """Listen on an ephemeral port; return ``ip`` and ``port``."""
        self._listener = self._bound(ip, socket.SOCK_STREAM, small_buffers=small_buffers)
        self._listener.listen(backlog)
        return self._name_of(self._listener)

    def accept(self) -> None:
        """Accept a connection, which the peer is from now on."""
        if self._listener is None:
            raise ValueError(f"{self._called} does not listen")
        if not _readable(self._listener, PATIENCE):
            raise PeerFailure(
                f"nobody connected to {self._called} within {PATIENCE:g} s",
                "a connection",
                "no connection",
                waited=True,
            )
        self._socket, _ = self._listener.accept()
        self._sockets.append(self._socket)
        self._datagrams = False

    def connect(self, port: int, ip: str, *, small_buffers: bool = False) -> dict[str, LuaValue]:
        """Connect to the port; return our own ``ip`` and ``port``."""
        made = self._new(ip, socket.SOCK_STREAM, small_buffers=small_buffers)
        made.settimeout(PATIENCE)
        try:
            made.connect((ip, port))
        except OSError as error:
            reason = error.strerror or error
            raise PeerFailure(f"{self._called} could not connect to {ip}:{port}: {reason}") from None
        made.settimeout(None)
        self._socket = made
        self._datagrams = False
        return self._name_of(made)

    def refuse(self, ip: str) -> dict[str, LuaValue]:
        """Hold a TCP port that nobody listens on; return ``ip`` and ``port``."""
        return self._name_of(self._bound(ip, socket.SOCK_STREAM))

    def udp(self, ip: str) -> dict[str, LuaValue]:
        """Open a UDP socket on an ephemeral port; return ``ip`` and ``port``."""
        self._socket = self._bound(ip, socket.SOCK_DGRAM)
        self._datagrams = True
        return self._name_of(self._socket)

    def refuse_udp(self, ip: str) -> dict[str, LuaValue]:
        """Hold a UDP port at which datagrams are refused; return ``ip`` and ``port``."""
        made = self._bound(ip, socket.SOCK_DGRAM)
        # connected to itself it takes no datagram from anybody else: the system answers that the port is unreachable
        made.connect(made.getsockname())
        return self._name_of(made)

    @property
    def _connection(self) -> socket.socket:
        if self._socket is None:
            raise ValueError(f"{self._called} has no connection")
        return self._socket

    # -- data

    def send(self, data: bytes) -> None:
        """Send the bytes, and return when they have arrived.

        What the system does not take at once, because the port does not read yet, is sent on in the background.
        """
        sock = self._connection
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
            except (BrokenPipeError, ConnectionResetError):
                raise PeerFailure(f"the port closed the connection before {self._called} had sent its bytes") from None
        if _LINUX:
            _until(lambda: _unsent(sock) == 0 or _tcp_state(sock) == _CLOSE, ARRIVAL)

    def send_datagram(self, data: bytes, to: tuple[str, int]) -> None:
        """Send one datagram, and return when it has arrived."""
        sock = self._connection
        sock.sendto(data, to)
        # The loopback keeps datagrams in order: when a second one has come back to us, the first is there.
        ip = sock.getsockname()[0]
        with socket.socket(sock.family, socket.SOCK_DGRAM) as witness:
            witness.bind((ip, 0))
            with socket.socket(sock.family, socket.SOCK_DGRAM) as marker:
                marker.sendto(b"", witness.getsockname())
                _readable(witness, ARRIVAL)

    def _is_sending(self) -> bool:
        """Tell whether bytes that the system did not take at once are still being sent."""
        return self._sending is not None and self._sending.is_alive()

    def _in_order(self, work: Callable[[], object]) -> None:
        """Do the work now, or, where bytes are still being sent, after them."""
        if self._is_sending():
            self._background(work, after=self._sending)
        else:
            work()

    def _background(self, work: Callable[[], object], after: threading.Thread | None = None) -> threading.Thread:
        """Work in a thread of its own, once the thread ``after`` has ended."""

        def run() -> None:
            if after is not None:
                after.join()
            # the port may close, or we do when the behaviour is over: either ends the work
            with contextlib.suppress(OSError):
                work()

        thread = threading.Thread(target=run, name=f"peer {self.name}", daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def drain(self) -> None:
        """Read and forget, in the background, until the port closes its side."""
        sock = self._connection
        # a choked connection would take ten million bytes in thousands of pieces
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        wake, woken = socket.socketpair()
        self._sockets += (wake, woken)

        def work() -> None:
            while _readable(sock, None, woken) and sock.recv(1 << 16):
                pass

        self._draining = self._background(work), wake

    def _stop_draining(self) -> None:
        """End the reading in the background: a socket that somebody waits for is not closed by closing it."""
        if self._draining is not None:
            thread, wake = self._draining
            wake.send(b"x")
            thread.join()
            self._draining = None

    def _receive_some(self, limit: int, got: bytearray, wanted: str) -> bytes:
        if not _readable(self._connection, PATIENCE):
            what = f"only {string(bytes(got))}" if got else "nothing"
            raise PeerFailure(f"{self._called} waited for {wanted} and received {what}", wanted, what, waited=True)
        try:
            data = self._connection.recv(limit)
        except ConnectionResetError:
            seen = f"{string(bytes(got))}, then {_ENDS['reset']}" if got else _ENDS["reset"]
            raise PeerFailure(
                f"the port reset the connection; {self._called} waited for {wanted}", wanted, seen
            ) from None
        if not data:
            what = f"after {string(bytes(got))}" if got else "without sending anything"
            seen = f"{string(bytes(got))}, then {_ENDS['closed']}" if got else _ENDS["closed"]
            raise PeerFailure(
                f"the port closed the connection {what}; {self._called} waited for {wanted}", wanted, seen
            )
        return data

    def receive_bytes(self, count: int, wanted: str | None = None) -> bytes:
        """Receive so many bytes."""
        got = bytearray()
        while len(got) < count:
            # data that flows is no reason to give up: patience is for silence
            got += self._receive_some(count - len(got), got, wanted or f"{count} bytes")
        return bytes(got)

    def receive(self, expected: bytes) -> dict[str, LuaValue] | None:
        """Receive exactly these bytes, or this datagram; return a datagram's sender: ``ip`` and ``port``."""
        if self._datagrams:
            return self._receive_datagram(expected)
        got = self.receive_bytes(len(expected), string(expected))
        if got != expected:
            raise _other_bytes(self._called, "", got, expected)
        extra = self._seen()  # how the connection ends is another question
        if isinstance(extra, bytes):
            raise PeerFailure(
                f"{self._called} received {string(expected)} and then, beyond what was expected, {string(extra)}",
                string(expected),
                f"{string(expected)}, then {string(extra)}",
            )
        return None

    def _receive_datagram(self, expected: bytes) -> dict[str, LuaValue]:
        if not _readable(self._connection, PATIENCE):
            raise PeerFailure(
                f"{self._called} waited for the datagram {string(expected)} and received none",
                string(expected),
                "no datagram",
                waited=True,
            )
        got, sender = self._connection.recvfrom(1 << 16)
        if got != expected:
            raise _other_bytes(self._called, "the datagram ", got, expected)
        return {"ip": str(sender[0]).encode(), "port": int(sender[1])}

    def _peek(self) -> bytes | None:
        """Return what is there to read now: bytes, ``b""`` at the end, None for nothing."""
        try:
            return self._connection.recv(1 << 12, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None

    def nothing_for(self, seconds: float) -> None:
        """See nothing arrive for a while, neither data nor the end."""
        if _readable(self._connection, seconds):
            raise self._surprise(self._seen(), "nothing at all")

    def _seen(self) -> bytes | str | None:
        """Return what is there: bytes, ``closed``, ``reset``, or None."""
        try:
            data = self._peek()
        except ConnectionResetError:
            self._was_reset = True
        if self._was_reset:
            return "reset"
        return "closed" if data == b"" and not self._datagrams else data

    def _surprise(self, seen: bytes | str | None, wanted: str) -> PeerFailure:
        saw = string(seen) if isinstance(seen, bytes) else _ENDS[seen] if seen else "nothing"
        verb = "received" if isinstance(seen, bytes) else "saw"
        return PeerFailure(f"{self._called} {verb} {saw} instead of {wanted}", wanted, saw)

    # -- ends

    def expect(self, state: str) -> None:
        """See the connection ``closed``, ``reset`` or ``open``."""
        if state == "open":
            seen = self._seen()
            if seen in _ENDS:
                raise self._surprise(seen, "an open connection")
            return
        if not _readable(self._connection, PATIENCE):
            raise PeerFailure(
                f"{self._called} waited for {_ENDS[state]}, and the connection stayed open",
                _ENDS[state],
                "the connection stayed open",
                waited=True,
            )
        seen = self._seen()
        if seen != state:
            raise self._surprise(seen, _ENDS[state])

    def shutdown(self, way: str) -> None:
        """Shut down ``send``, ``receive`` or ``both`` ways."""
        ways = {"send": socket.SHUT_WR, "receive": socket.SHUT_RD, "both": socket.SHUT_RDWR}
        self._in_order(partial(self._shutdown, self._connection, ways[way]))

    @staticmethod
    def _shutdown(sock: socket.socket, way: int) -> None:
        try:
            ends = sock.getpeername()[:2], sock.getsockname()[:2]
            sock.shutdown(way)
        except OSError as error:
            if error.errno != errno.ENOTCONN:  # it is gone already: as good as shut down
                raise
            return
        if _LINUX and way != socket.SHUT_RD:
            # the other side's state tells: it acknowledges an end late, up to 40 ms after it has seen it
            _until(lambda: _state(*ends) not in _END_UNSEEN, ARRIVAL)

    def close(self) -> None:
        """Close in an orderly way: read what has come, so that the system does not answer with a reset."""
        sock, self._socket = self._connection, None
        self._stop_draining()
        self._in_order(partial(self._close, sock))

    def _close(self, sock: socket.socket) -> None:
        if not self._datagrams:
            with contextlib.suppress(BlockingIOError, ConnectionResetError):
                while sock.recv(1 << 16, socket.MSG_DONTWAIT):
                    pass
            self._shutdown(sock, socket.SHUT_WR)
        sock.close()

    def reset(self) -> None:
        """Reset the connection, and return when the other side's system has seen it."""
        sock, self._socket = self._connection, None
        self._stop_draining()
        self._in_order(partial(self._reset, sock))

    @staticmethod
    def _reset(sock: socket.socket) -> None:
        ends = None
        with contextlib.suppress(OSError):  # the port has reset it already
            ends = sock.getpeername()[:2], sock.getsockname()[:2]
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        sock.close()
        if _LINUX and ends is not None:
            _until(lambda: _state(*ends) is None, ARRIVAL)

    def end(self) -> None:
        """Close everything and join what works in the background."""
        self._stop_draining()
        for sock in self._sockets:
            if self._threads:
                # closing alone does not wake a thread that is blocked in the socket
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)
        for sock in self._sockets:
            # A connection that ends in order keeps its address for a minute, and after some runs the system searches
            # long for one that is free.
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            sock.close()
        self._sockets.clear()


def _other_bytes(called: str, what: str, got: bytes, expected: bytes) -> PeerFailure:
    """Return the failure of a port that sent other bytes."""
    whole = max(len(got), len(expected)) <= SHORT_STRING
    other = "" if whole else "other bytes: " if not what else "another one: "
    return PeerFailure(
        f"{called} received {what}{other}{difference(expected, got)}", string(expected), string(got)
    )


#: Actions that tell whether the port did its part: done while a call blocks, they can fail, too.
JUDGING: Final = frozenset({"accept", "receive", "receive_bytes", "nothing_for", "expect"})


def rhythm(action: PeerAction) -> tuple[float | None, int | None]:
    """Return after how many seconds an action is done again, and how often in all; None: not, for ever."""
    every, times = action.options.get("every"), action.options.get("times")
    return (
        float(every) if isinstance(every, int | float) else None,
        int(times) if isinstance(times, int | float) else None,
    )


Options = Mapping[str, LuaValue]


def _number(value: LuaValue, what: str) -> float:
    """Return a number; a port may give one as a string."""
    if isinstance(value, int | float | bytes) and not isinstance(value, bool):
        # a string that is no number, a number that is too large
        with contextlib.suppress(ValueError, OverflowError):
            return float(value)
    raise PeerFailure(f"a peer needs {what}, and was given {show(value, Names({}))}")


def _whole(value: LuaValue, what: str) -> int:
    number = _number(value, what)
    if not number.is_integer():
        raise PeerFailure(f"a peer needs {what}, and was given {show(value, Names({}))}")
    return int(number)


def _port(value: LuaValue) -> int:
    number = _whole(value, "the number of a port")
    if not 0 < number < 1 << 16:
        raise PeerFailure(f"a peer needs the number of a port, from 1 to 65535, and was given {number}")
    return number


def _ip(value: LuaValue) -> str:
    """Return an address of this machine: what a port gives must not send us out into the network."""
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(_bytes(value).decode("latin-1"))
        if address.is_loopback or address.is_unspecified:
            return str(address)
    raise PeerFailure(f"a peer needs an address of the loopback, and was given {show(value, Names({}))}")


def _bytes(value: LuaValue) -> bytes:
    if isinstance(value, bytes):
        return value
    raise PeerFailure(f"a peer needs a string, and was given {show(value, Names({}))}")


def _word(value: LuaValue) -> str:
    return _bytes(value).decode("latin-1")


def _send(peer: Peer, value: LuaValue, options: Options) -> None:
    if "to" in options:
        peer.send_datagram(_bytes(value), (_ip(options.get("ip", b"127.0.0.1")), _port(options["to"])))
    else:
        peer.send(_bytes(value))


def _listen(peer: Peer, value: LuaValue, options: Options) -> dict[str, LuaValue]:
    return peer.listen(
        _ip(value),
        backlog=_whole(options.get("backlog", BACKLOG), "a number of connections"),
        small_buffers=bool(options.get("small_buffers")),
    )


def _connect(peer: Peer, value: LuaValue, options: Options) -> dict[str, LuaValue]:
    return peer.connect(
        _port(value), _ip(options.get("to", b"127.0.0.1")), small_buffers=bool(options.get("small_buffers"))
    )


#: The actions of the format. Each takes the peer, its value and its options, and returns what ``as`` binds.
ACTIONS: Final[Mapping[str, Callable[[Peer, LuaValue, Options], dict[str, LuaValue] | bytes | None]]] = {
    "listen": _listen,
    "accept": lambda peer, value, options: peer.accept(),
    "connect": _connect,
    "refuse": lambda peer, value, options: peer.refuse(_ip(value)),
    "udp": lambda peer, value, options: peer.udp(_ip(value)),
    "refuse_udp": lambda peer, value, options: peer.refuse_udp(_ip(value)),
    "send": _send,
    "drip": _send,
    "receive": lambda peer, value, options: peer.receive(_bytes(value)),
    "receive_bytes": lambda peer, value, options: peer.receive_bytes(_whole(value, "a number of bytes")),
    "drain": lambda peer, value, options: peer.drain(),
    "nothing_for": lambda peer, value, options: peer.nothing_for(_number(value, "a number of seconds")),
    "expect": lambda peer, value, options: peer.expect(_word(value)),
    "shutdown": lambda peer, value, options: peer.shutdown(_word(value)),
    "close": lambda peer, value, options: peer.close(),
    "reset": lambda peer, value, options: peer.reset(),
}
