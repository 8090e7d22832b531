"""The law of the system: every system call on a socket is made here, and its outcome is a number.

`DONE` is success, `TIMEOUT` and `CLOSED` are ours, all others are the system's ``errno``. The tables say what each is
called. A `Descriptor` is a socket of the system, or none. It waits only as long as the `Timeout` that it is given
allows, and while it waits, other threads run.
"""

from __future__ import annotations

import ctypes
import errno
import os
import select
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

from luasocket_reference.timeout import Timeout

__all__ = [
    "CLOSED",
    "DONE",
    "INVALID",
    "TIMEOUT",
    "Descriptor",
    "describe_error",
    "describe_host_error",
    "describe_resolver_error",
    "describe_system_resolver_error",
]

DONE, TIMEOUT, CLOSED = 0, -1, -2

#: The number of no descriptor.
INVALID = -1

#: The longest wait of ``poll``, which counts milliseconds in an int, in seconds; a longer timeout is none.
_LONGEST_POLL = 2_147_483

#: What LuaSocket calls an outcome; all others have the system's name.
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


def _eai(name: str, message: bytes) -> dict[int, bytes]:
    """Return a row for an error of getaddrinfo, if this system has it."""
    return {vars(socket)[name]: message} if name in vars(socket) else {}


#: What it calls an error of getaddrinfo; all others have the system's name.
_RESOLVER_ERRORS: Mapping[int, bytes] = {
    socket.EAI_AGAIN: b"temporary failure in name resolution",
    socket.EAI_BADFLAGS: b"invalid value for ai_flags",
    socket.EAI_FAIL: b"non-recoverable failure in name resolution",
    socket.EAI_FAMILY: b"ai_family not supported",
    socket.EAI_MEMORY: b"memory allocation failure",
    socket.EAI_NONAME: b"host or service not provided, or not known",
    **_eai("EAI_OVERFLOW", b"argument buffer overflow"),
    socket.EAI_SERVICE: b"service not supported for socket type",
    socket.EAI_SOCKTYPE: b"ai_socktype not supported",
}

#: What it calls the failure of a look-up by gethostbyname or gethostbyaddr. Python reports those of the first as errors
#: of getaddrinfo, which are therefore here, too.
_HOST_ERRORS: Mapping[int, bytes] = {
    1: b"host not found",  # HOST_NOT_FOUND
    2: b"Host name lookup failure",  # TRY_AGAIN
    3: b"Unknown server error",  # NO_RECOVERY
    4: b"No address associated with name",  # NO_DATA
    **_eai("EAI_NONAME", b"host not found"),
    **_eai("EAI_AGAIN", b"Host name lookup failure"),
    **_eai("EAI_FAIL", b"Unknown server error"),
    **_eai("EAI_NODATA", b"No address associated with name"),
    **_eai("EAI_ADDRFAMILY", b"host not found"),
}


def _number(error: OSError) -> int:
    """Return the number of an error, which those of the system and of the resolver have."""
    return error.errno  # type: ignore[return-value]


def describe_error(outcome: int) -> bytes:
    """Return what LuaSocket calls an outcome that is not `DONE`."""
    return _ERRORS.get(outcome) or os.strerror(outcome).encode()


def describe_host_error(error: OSError) -> bytes:
    """Return what LuaSocket calls the failure of a look-up by gethostbyname or gethostbyaddr."""
    return _HOST_ERRORS.get(_number(error)) or str(error.strerror).encode()


def describe_resolver_error(error: OSError) -> bytes:
    """Return what LuaSocket calls an error of getaddrinfo."""
    if not isinstance(error, socket.gaierror):  # the resolver could not reach the system
        return os.strerror(_number(error)).encode()
    return _RESOLVER_ERRORS.get(_number(error)) or str(error.strerror).encode()


def describe_system_resolver_error(error: OSError) -> bytes:
    """Return what the system calls an error of getaddrinfo."""
    return str(error.strerror).encode() if isinstance(error, socket.gaierror) else b"System error"


#: Bytes of an address of the system.
_ADDRESS_SIZES: Mapping[int, int] = {socket.AF_INET: 16, socket.AF_INET6: 28}

_T = TypeVar("_T")

#: Errors after which a call is tried again, once waiting was worthwhile.
_AGAIN = frozenset({errno.EAGAIN, errno.EWOULDBLOCK})
_ACCEPT_AGAIN = _AGAIN | {errno.ECONNABORTED}


class Descriptor:
    """A socket of the system, or none.

    Parameters
    ----------
    opened
        What it holds; None for nothing.

    Notes
    -----
    Waits are rounded up to a millisecond.
    """

    def __init__(self, opened: socket.socket | None = None) -> None:
        self._socket = opened
        self._number = INVALID  # counts only where there is no socket

    @property
    def number(self) -> int:
        """The number of the descriptor; -1 for none."""
        return self._number if self._socket is None else self._socket.fileno()

    @number.setter
    def number(self, number: int) -> None:
        """Hold another descriptor from now on. The one that was held stays open, and its owner is whoever knows it."""
        if self._socket is not None:
            self._socket.detach()
        self._socket, self._number = None, number

    def _hold(self) -> socket.socket:
        """Return the socket of the descriptor.

        Raises
        ------
        OSError
            There is none: ``EBADF`` if the descriptor is not open, ``ENOTSOCK`` if it is something else.
        """
        if self._socket is None:
            if self._number < 0:
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
        with suppress(OSError):  # there is none, or somebody else closed it
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
            The outcome, and what the operation returned.
        """
        try:
            return DONE, operation(self._hold())
        except OSError as error:
            return _number(error), None

    def bind(self, address: Any) -> int:
        """Bind to a local address."""
        return self.attempt(lambda held: held.bind(address))[0]

    def listen(self, backlog: int) -> int:
        """Listen, with a queue of so many connections."""
        return self.attempt(lambda held: held.listen(backlog))[0]

    def shutdown(self, how: int) -> None:
        """Shut down a direction; what comes of it is of no interest."""
        self.attempt(lambda held: held.shutdown(how))

    def disconnect(self, family: int) -> None:
        """Forget the peer of a datagram socket; what comes of it is of no interest."""
        # Python has no word for an address of no family.
        size = _ADDRESS_SIZES[family]
        ctypes.CDLL(None).connect(self.number, bytes(size), size)

    # Calls that wait

    def _wait(self, events: int, timeout: Timeout) -> int:
        """Wait for one of several events."""
        if timeout.is_zero:
            return TIMEOUT
        poll = select.poll()
        poll.register(self.number, events)
        seconds = timeout.remaining()
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

    def connect(self, address: Any, timeout: Timeout) -> int:
        """Connect to an address."""
        if not self.is_open:
            return CLOSED
        outcome, begun = self.attempt(lambda held: held.connect_ex(address))
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

    def sendto(self, data: bytes, address: Any, timeout: Timeout) -> tuple[int, int]:
        """Send a datagram to an address; as `send`."""
        return self._send(lambda held: held.sendto(data, address), timeout)

    def _send(self, operation: Callable[[socket.socket], int], timeout: Timeout) -> tuple[int, int]:
        outcome, sent = self._persist(operation, select.POLLOUT, timeout)
        return CLOSED if outcome == errno.EPIPE else outcome, sent or 0

    def receive(self, size: int, timeout: Timeout) -> tuple[int, bytes]:
        """Receive some bytes, at most `size`; return the outcome and the bytes. No bytes are the end: `CLOSED`."""
        outcome, data = self._persist(lambda held: held.recv(size), select.POLLIN, timeout)
        return (CLOSED if outcome == DONE and not data else outcome), data or b""

    def receive_datagram(self, size: int, timeout: Timeout) -> tuple[int, bytes, Any]:
        """Receive a datagram, cut to `size` bytes; return the outcome, the bytes, and who sent them."""
        # recvmsg, since recv(0) of Python would leave the datagram where it is.
        outcome, message = self._persist(lambda held: held.recvmsg(size), select.POLLIN, timeout)
        return (outcome, b"", None) if message is None else (outcome, message[0], message[3])
