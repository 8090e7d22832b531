"""The law of streams: how bytes are sent, received by patterns, and counted.

Sending is not buffered. Receiving reads blocks; what a call did not ask for stays in the buffer for the next one, and
what a call returns is gone from it, also when the call failed. Here, nothing is known of connections: `Buffer` works
on a `Descriptor`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from luasocket_reference.auxiliar import SIZES, Arguments, Values, as_long, as_size, from_size, to_number
from luasocket_reference.timeout import Timeout, gettime
from luasocket_reference.usocket import CLOSED, DONE, Descriptor, describe_error

__all__ = ["Buffer"]

#: Bytes that are read, or sent, at once.
_BLOCK = 8192


class Buffer:
    """The buffer of one stream.

    Parameters
    ----------
    descriptor
        Where bytes come from and go to.
    timeout
        How long that may take.
    """

    def __init__(self, descriptor: Descriptor, timeout: Timeout) -> None:
        self._descriptor = descriptor
        self._timeout = timeout
        self._data = b""  # bytes that were read
        self._first = 0  # where in them those begin that nobody has got yet
        self._received = 0
        self._sent = 0
        self._birthday = gettime()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing left that was read and not returned."""
        return self._first >= len(self._data)

    def getstats(self) -> Values:
        """Return the counters: ``client:getstats``.

        Returns
        -------
        tuple
            Bytes received (that is, returned), bytes sent, and the age in seconds.

        References
        ----------
        ``master:getstats/*``, ``client:getstats/*``, ``server:getstats/*``.
        """
        return (from_size(self._received), from_size(self._sent), gettime() - self._birthday)

    def setstats(self, arguments: Arguments) -> Values:
        """Set the counters: ``client:setstats``.

        Parameters
        ----------
        arguments
            2: bytes received; 3: bytes sent; 4: age in seconds. Nil leaves a counter as it is. The counters are C's
            ``size_t``: negative numbers wrap around.

        Returns
        -------
        tuple
            1.

        Raises
        ------
        LuaError
            2 or 3 is no number. (4 is then left alone.)

        References
        ----------
        ``master:setstats/*``, ``client:setstats/*``, ``server:setstats/*``.
        """
        self._received = as_long(arguments.number(2, self._received)) % SIZES
        self._sent = as_long(arguments.number(3, self._sent)) % SIZES
        age = to_number(arguments[4])
        if age is not None:
            self._birthday = gettime() - age
        return (1,)

    def send(self, arguments: Arguments) -> Values:
        """Send a string or a part of it: ``client:send``.

        Parameters
        ----------
        arguments
            2: the string; 3 and 4: positions of the first and the last byte, as for ``string.sub``.

        Returns
        -------
        tuple
            The position of the last byte sent, nil, nil; or nil, an error, and that position.

        Raises
        ------
        LuaError
            An argument is of a wrong type.

        References
        ----------
        ``client:send/*``.
        """
        data = arguments.bytes(2)
        first = as_long(arguments.number(3, 1))
        last = as_long(arguments.number(4, -1))
        self._timeout.mark_start()
        first = max(first + len(data) + 1 if first < 0 else first, 1)
        last = min(last + len(data) + 1 if last < 0 else last, len(data))
        outcome, sent = self._send_raw(memoryview(data)[first - 1 : last]) if first <= last else (DONE, 0)
        position = sent + first - 1
        return (position, None, None) if outcome == DONE else (None, describe_error(outcome), position)

    def _send_raw(self, data: memoryview) -> tuple[int, int]:
        """Send bytes block by block; return the outcome and how many went."""
        outcome, total = DONE, 0
        while total < len(data) and outcome == DONE:
            outcome, sent = self._descriptor.send(data[total : total + _BLOCK], self._timeout)
            total += sent
        self._sent += total
        return outcome, total

    def receive(self, arguments: Arguments) -> Values:
        """Receive what a pattern asks for: ``client:receive``.

        Parameters
        ----------
        arguments
            2: "*l", a line (the default); "*a", all until the end; or a number of bytes, the prefix included.
            3: the prefix, which comes first in the result.

        Returns
        -------
        tuple
            The data, nil, nil; or nil, an error, and what had been received.

        Raises
        ------
        LuaError
            The pattern is none, or an argument of a wrong type.

        References
        ----------
        ``client:receive/*``.
        """
        prefix = arguments.bytes(3, b"")
        self._timeout.mark_start()
        received = bytearray(prefix)
        number = to_number(arguments[2])
        if number is None:
            read = self._PATTERNS.get(arguments.bytes(2, b"*l")[:2])
            if read is None:
                raise arguments.error(2, "invalid receive pattern")
            outcome = read(self, received)
        else:
            if not number >= 0:
                raise arguments.error(2, "invalid receive pattern")
            wanted = as_size(number)
            outcome = DONE
            if not prefix or wanted > len(prefix):
                outcome = self._receive_raw(received, wanted - len(prefix))
        if outcome == DONE:
            return (bytes(received), None, None)
        return (None, describe_error(outcome), bytes(received))

    def _receive_raw(self, received: bytearray, wanted: int) -> int:
        """Receive so many bytes. Also for none, something has to arrive.

        References
        ----------
        ``client:receive/number``.
        """
        while True:
            outcome = self._fill()
            part = self._take(self._first + wanted)
            received += part
            wanted -= len(part)
            if outcome != DONE or wanted <= 0:
                return outcome

    def _receive_all(self, received: bytearray) -> int:
        """Receive until the end, which is a success if there was anything before it.

        References
        ----------
        ``client:receive/all``, ``client:receive/all-untranslated``.
        """
        prefix = len(received)
        while True:
            outcome = self._fill()
            received += self._take(len(self._data))
            if outcome != DONE:
                return DONE if outcome == CLOSED and len(received) > prefix else outcome

    def _receive_line(self, received: bytearray) -> int:
        """Receive until a line feed, which is dropped, and so is every carriage return.

        References
        ----------
        ``client:receive/line``, ``client:receive/line-crlf``, ``client:receive/line-end-dropped``,
        ``client:receive/line-cr-dropped``.
        """
        while True:
            outcome = self._fill()
            end = self._data.find(b"\n", self._first) + 1
            received += self._take(end or len(self._data)).removesuffix(b"\n").replace(b"\r", b"")
            if outcome != DONE or end:
                return outcome

    #: By the first two bytes of a pattern: how to read.
    _PATTERNS: Mapping[bytes, Callable[[Buffer, bytearray], int]] = {b"*l": _receive_line, b"*a": _receive_all}

    def _fill(self) -> int:
        """Read a block if there is nothing left of the last one."""
        if self._first < len(self._data):
            return DONE
        self._first = 0
        outcome, self._data = self._descriptor.receive(_BLOCK, self._timeout)
        return outcome

    def _take(self, stop: int) -> bytes:
        """Take the bytes before a position out of the buffer, as far as there are any."""
        part = self._data[self._first : stop]
        self._first += len(part)
        self._received += len(part)
        return part
