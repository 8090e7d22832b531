"""The system: every system call on a socket, with its outcome as a number, and the names of the outcomes.

`DONE` is success, `TIMEOUT` and `CLOSED` are LuaSocket's own, all others are the system's ``errno``. While a call
waits, other threads run.
"""

from __future__ import annotations

import ctypes
import errno
import itertools
import os
import select
import socket
import struct
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, ClassVar, NamedTuple, TypeVar

from luasocket_reference.timeout import Timeout

__all__ = [
    "CLOSED",
    "DONE",
    "INVALID",
    "TIMEOUT",
    "Address",
    "Descriptor",
    "describe_error",
    "describe_host_error",
    "describe_resolver_error",
    "describe_system_resolver_error",
    "look_up",
]

DONE, TIMEOUT, CLOSED = 0, -1, -2

#: The number that stands for no descriptor.
INVALID = -1

#: The longest wait of ``poll``, which counts milliseconds in an int, in seconds; a longer timeout is none.
_LONGEST_POLL = 2_147_483

#: A backlog that is longer than any system allows.
_LONGEST_QUEUE = 0x7FFF_FFFF

#: LuaSocket's names of outcomes; all others have the system's name.
_ERRORS: Mapping[int, bytes] = {
    TIMEOUT: b"timeout",
    CLOSED: b"closed",
    errno.EADDRINUSE: b"address already in use",
    errno.EISCONN: b"already connected",
    errno.EACCES: b"permission denied",
    errno.ECONNREFUSED: b"connection refused",
    errno.ECONNABORTED: b"closed",
    errno.ECONNRESET: b"closed",
    errno.ETIMEDOUT: b"timeout",
}


#: Its names of errors of getaddrinfo; all others have the system's name.
_RESOLVER_ERRORS: Mapping[int, bytes] = {
    socket.EAI_AGAIN: b"temporary failure in name resolution",
    socket.EAI_BADFLAGS: b"invalid value for ai_flags",
    socket.EAI_FAIL: b"non-recoverable failure in name resolution",
    socket.EAI_FAMILY: b"ai_family not supported",
    socket.EAI_MEMORY: b"memory allocation failure",
    socket.EAI_NONAME: b"host or service not provided, or not known",
    **({socket.EAI_OVERFLOW: b"argument buffer overflow"} if hasattr(socket, "EAI_OVERFLOW") else {}),
    socket.EAI_SERVICE: b"service not supported for socket type",
    socket.EAI_SOCKTYPE: b"ai_socktype not supported",
}

#: The error of gethostbyname for a host that does not exist.
_HOST_NOT_FOUND = 1

_libc = ctypes.CDLL(None, use_errno=True)
_libc.gai_strerror.restype = _libc.hstrerror.restype = ctypes.c_char_p


def _number(error: OSError) -> int:
    """Return the number of an error, which errors of the system and of the resolver have."""
    return error.errno  # type: ignore[return-value]


def describe_error(outcome: int) -> bytes:
    """Return LuaSocket's name of an outcome that is not `DONE`."""
    return _ERRORS.get(outcome) or os.strerror(outcome).encode()


def describe_host_error(outcome: int) -> bytes:
    """Return LuaSocket's name of an outcome of `look_up` that is not `DONE`."""
    if outcome <= 0:
        return describe_error(outcome)
    return b"host not found" if outcome == _HOST_NOT_FOUND else bytes(_libc.hstrerror(outcome))


def describe_resolver_error(error: OSError) -> bytes:
    """Return LuaSocket's name of an error of getaddrinfo."""
    if not isinstance(error, socket.gaierror):  # the resolver could not reach the system
        return os.strerror(_number(error)).encode()
    return _RESOLVER_ERRORS.get(_number(error)) or describe_system_resolver_error(error)


def describe_system_resolver_error(error: OSError) -> bytes:
    """Return the system's name of an error of getaddrinfo."""
    return bytes(_libc.gai_strerror(_number(error) if isinstance(error, socket.gaierror) else socket.EAI_SYSTEM))


# The resolver of old, which Python wraps in a call of getaddrinfo that answers differently.


class _HostEntry(ctypes.Structure):
    """C's ``struct hostent``."""

    _fields_: ClassVar = [
        ("name", ctypes.c_char_p),
        ("aliases", ctypes.POINTER(ctypes.c_char_p)),
        ("family", ctypes.c_int),
        ("length", ctypes.c_int),
        ("addresses", ctypes.POINTER(ctypes.c_void_p)),
    ]


_libc.gethostbyname.restype = _libc.gethostbyaddr.restype = ctypes.POINTER(_HostEntry)

#: Both functions return the same memory again and again.
_looking_up = threading.Lock()


def _host_error() -> int:
    """Return C's ``h_errno``."""
    if hasattr(_libc, "__h_errno_location"):
        _libc.__h_errno_location.restype = ctypes.POINTER(ctypes.c_int)
        return int(_libc.__h_errno_location()[0])
    return ctypes.c_int.in_dll(_libc, "h_errno").value


def _all(pointers: Any) -> list[Any]:
    """Return the items of a list of C that ends with NULL."""
    return list(itertools.takewhile(lambda pointer: pointer is not None, pointers)) if pointers else []


def look_up(host: bytes) -> tuple[int, bytes, list[bytes], list[bytes]]:
    """Return the outcome, and name, aliases and IPv4 addresses of a host, which is given by name or by address."""
    try:
        address = socket.inet_aton(host.decode("latin-1"))
    except OSError:
        address = None
    with _looking_up:
        found = _libc.gethostbyname(host) if address is None else _libc.gethostbyaddr(address, 4, socket.AF_INET)
        if not found:
            return _host_error() or ctypes.get_errno() or TIMEOUT, b"", [], []
        entry = found.contents
        addresses = [socket.inet_ntoa(ctypes.string_at(each, 4)).encode("ascii") for each in _all(entry.addresses)]
        return DONE, entry.name, _all(entry.aliases), addresses


class Address(NamedTuple):
    """An address of the system.

    Attributes
    ----------
    family
        ``AF_INET`` or ``AF_INET6``.
    value
        The address as Python's sockets of that family take it.
    """

    family: int
    value: Any

    def pack(self) -> bytes:
        """Return C's ``struct sockaddr``. Python itself passes no address of one family to a socket of another."""
        host, port, *rest = self.value
        if self.family == socket.AF_INET:
            return struct.pack("=H", self.family) + struct.pack("!H4s8x", port, socket.inet_aton(host))
        flow, scope = rest
        packed = socket.inet_pton(self.family, host.partition("%")[0])
        return struct.pack("=H", self.family) + struct.pack("!HI16s", port, flow, packed) + struct.pack("=I", scope)


#: Bytes of an address of the system.
_ADDRESS_SIZES: Mapping[int, int] = {socket.AF_INET: 16, socket.AF_INET6: 28}

_T = TypeVar("_T")

#: Errors after which a call is tried again, once waiting was worthwhile.
_AGAIN = frozenset({errno.EAGAIN, errno.EWOULDBLOCK})
_ACCEPT_AGAIN = _AGAIN | {errno.ECONNABORTED}


def _call(name: str, held: socket.socket, address: Address, *before: Any) -> int:
    """Call a function of C that takes a descriptor, other arguments, and an address; an error is an OSError."""
    packed = address.pack()
    result: int = getattr(_libc, name)(held.fileno(), *before, packed, len(packed))
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
    return result


class Descriptor:
    """A socket of the system, or none.

    Parameters
    ----------
    opened
        The socket; None for none.

    Notes
    -----
    Waits are rounded up to a millisecond.
    """

    def __init__(self, opened: socket.socket | None = None) -> None:
        self._socket = opened
        self._number = INVALID  # valid only without a socket

    @property
    def number(self) -> int:
        """The number of the descriptor; -1 for none."""
        return self._number if self._socket is None else self._socket.fileno()

    @number.setter
    def number(self, number: int) -> None:
        """Use another descriptor from now on. The previous one stays open, and belongs to the caller."""
        if self._socket is not None:
            self._socket.detach()
        self._socket, self._number = None, number

    def _opened(self) -> socket.socket:
        """Return the socket of the descriptor.

        Raises
        ------
        OSError
            There is none: ``EBADF`` if the descriptor is not open, ``ENOTSOCK`` if it is something else.
        """
        if self._socket is None:
            if self._number < 0:
                # {master,client,server,unconnected,connected}:close/no-operations
                raise OSError(errno.EBADF, "")
            self._socket = socket.socket(fileno=self._number)
        return self._socket

    @property
    def is_open(self) -> bool:
        """Whether there is a descriptor."""
        return self.number != INVALID

    def create(self, family: int, kind: int, protocol: int) -> int:
        """Open a new socket, which does not block."""
        try:
            self._socket = socket.socket(family, kind, protocol)
        except OSError as error:
            return _number(error)
        self._socket.setblocking(False)
        return DONE

    def destroy(self) -> None:
        """Close the socket, if there is one."""
        held = self.number
        self.number = INVALID
        if held >= 0:
            with suppress(OSError):  # it was closed elsewhere
                os.close(held)

    # Calls that do not wait

    def attempt(self, operation: Callable[[socket.socket], _T]) -> tuple[int, _T | None]:
        """Do something with the socket.

        Parameters
        ----------
        operation
            What to do.

        Returns
        -------
        tuple
            The outcome, and the result of the operation.
        """
        try:
            return DONE, operation(self._opened())
        except OSError as error:
            return _number(error), None

    def bind(self, address: Address) -> int:
        """Bind to a local address. From then on the descriptor does not block."""

        def operation(held: socket.socket) -> None:
            try:
                if held.family == address.family:
                    held.bind(address.value)
                else:
                    _call("bind", held, address)
            finally:
                held.setblocking(False)

        return self.attempt(operation)[0]

    def listen(self, backlog: int) -> int:
        """Listen, with a queue of so many connections."""
        # Python makes 0 of a negative number, which the system takes for the most that it allows.
        length = backlog if backlog >= 0 else _LONGEST_QUEUE
        return self.attempt(lambda held: held.listen(length))[0]

    def shutdown(self, how: int) -> None:
        """Shut down a direction. An error is ignored."""
        self.attempt(lambda held: held.shutdown(how))

    def disconnect(self, family: int) -> None:
        """Forget the peer of a datagram socket. An error is ignored."""
        # Python has no form for an address of no family.
        size = _ADDRESS_SIZES[family]
        _libc.connect(self.number, bytes(size), size)

    # Calls that wait

    def _wait(self, events: int, timeout: Timeout) -> int:
        """Wait for one of several events."""
        if timeout.is_zero:
            return TIMEOUT
        poll = select.poll()
        poll.register(self.number, events)
        # {client,master}:settimeout/limits-send, {client,master,unconnected,connected}:settimeout/limits-receive,
        # {master,server}:settimeout/limits-accept, unconnected:settimeout/limits-receivefrom
        seconds = timeout.remaining()
        # {client,master,server}:settimeout/milliseconds
        return DONE if poll.poll(seconds * 1000 if seconds <= _LONGEST_POLL else None) else TIMEOUT

    def _persist(
        self,
        operation: Callable[[socket.socket], _T],
        events: int,
        timeout: Timeout,
        again: frozenset[int] = _AGAIN,
    ) -> tuple[int, _T | None]:
        """Try something until it succeeds, fails, or the time is over; as `attempt`."""
        if not self.is_open:
            return CLOSED, None
        while True:
            outcome, result = self.attempt(operation)
            if outcome not in again:
                return outcome, result
            outcome = self._wait(events, timeout)
            if outcome != DONE:
                return outcome, None

    def connect(self, address: Address, timeout: Timeout) -> int:
        """Connect to an address."""
        if not self.is_open:
            return CLOSED

        def operation(held: socket.socket) -> int:
            if held.family == address.family:
                return held.connect_ex(address.value)
            return _call("connect", held, address)

        outcome, begun = self.attempt(operation)
        outcome = outcome or begun or DONE
        if outcome not in (errno.EINPROGRESS, errno.EAGAIN):
            return outcome
        outcome = self._wait(select.POLLOUT, timeout)
        if outcome != DONE:
            return outcome
        outcome, pending = self.attempt(lambda held: held.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))
        return outcome or pending or DONE

    def accept(self, timeout: Timeout) -> tuple[int, Descriptor | None]:
        """Wait for a connection."""
        outcome, accepted = self._persist(lambda held: held.accept()[0], select.POLLIN, timeout, _ACCEPT_AGAIN)
        if accepted is None:
            return outcome, None
        accepted.setblocking(False)
        return outcome, Descriptor(accepted)

    def send(self, data: bytes | memoryview, timeout: Timeout) -> tuple[int, int]:
        """Send some bytes; return the outcome and how many went."""
        return self._send(lambda held: held.send(data), timeout)

    def sendto(self, data: bytes, address: Address, timeout: Timeout) -> tuple[int, int]:
        """Send a datagram to an address; as `send`."""

        def operation(held: socket.socket) -> int:
            if held.family == address.family:
                return held.sendto(data, address.value)
            return _call("sendto", held, address, data, ctypes.c_size_t(len(data)), 0)

        return self._send(operation, timeout)

    def _send(self, operation: Callable[[socket.socket], int], timeout: Timeout) -> tuple[int, int]:
        outcome, sent = self._persist(operation, select.POLLOUT, timeout)
        return CLOSED if outcome == errno.EPIPE else outcome, sent or 0

    def receive(self, size: int, timeout: Timeout) -> tuple[int, bytes]:
        """Receive some bytes, at most `size`; return the outcome and the bytes. No bytes are the end: `CLOSED`."""
        outcome, data = self._persist(lambda held: held.recv(size), select.POLLIN, timeout)
        return (CLOSED if outcome == DONE and not data else outcome), data or b""

    def receive_datagram(self, size: int, timeout: Timeout) -> tuple[int, bytes, Any]:
        """Receive a datagram, cut to `size` bytes; return the outcome, the bytes, and the sender."""
        # recvmsg, since recv(0) of Python would leave the datagram where it is.
        outcome, message = self._persist(lambda held: held.recvmsg(size), select.POLLIN, timeout)
        return (outcome, b"", None) if message is None else (outcome, message[0], message[3])
