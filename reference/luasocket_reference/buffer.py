"""Streams: bytes are sent, received by patterns, and counted.

Sending is not buffered. Receiving reads blocks. The part of a block for which a call did not ask stays in the buffer
for the next call, and the part that a call returns leaves the buffer, also when the call fails.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from luasocket_reference.lua.arguments import Arguments
from luasocket_reference.lua.numbers import SIZES, as_long, as_size, from_size, to_number
from luasocket_reference.lua.values import Values
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
        self._data = b""  # the block that was read last
        self._first = 0  # the offset of its first byte that was not returned yet
        self._received = 0
        self._sent = 0
        self._birthday = gettime()

    @property
    def is_empty(self) -> bool:
        """Whether every byte that was read was returned."""
        return self._first >= len(self._data)

    def getstats(self) -> Values:
        """client:getstats() → received, sent, age

        Return the number of bytes received (and returned), the number of bytes sent, and the age of the object in
        seconds. Disagreement: the documentation has the method for masters and servers too, where the library raises.
        """
        return (
            from_size(self._received),  # client:getstats/received
            from_size(self._sent),  # client:getstats/sent
            gettime() - self._birthday,  # client:getstats/age
        )

    def setstats(self, args: Arguments) -> Values:
        """client:setstats([received [, sent [, age]]]) → 1

        Set the figures that `getstats` returns; nil leaves one as it is. The counters are C's ``size_t``: negative
        numbers wrap around. An `age` that is not a number is ignored. Disagreement: as with `getstats`.
        """
        self._received = as_long(args.number("received", from_size(self._received))) % SIZES  # client:setstats/received
        self._sent = as_long(args.number("sent", from_size(self._sent))) % SIZES  # client:setstats/sent
        age = to_number(args["age"], args.dialect.lua)
        if age is not None:
            self._birthday = gettime() - float(age)  # client:setstats/age
        return (1.0,)  # client:setstats/returns

    def send(self, args: Arguments) -> Values:
        """client:send(data [, i [, j]]) → index, nil, nil | nil, error, index

        Send the bytes of `data` from position `i` to position `j`, as ``string.sub`` cuts them. `index` is the
        position of the last byte sent, and `i` - 1 if there is none.
        """
        data = args.bytes("data")
        first = as_long(args.number("i", 1))  # client:send/i-optional
        last = as_long(args.number("j", -1))  # client:send/j-optional
        self._timeout.mark_start()
        # client:send/negative, client:send/out-of-range
        first = max(first + len(data) + 1 if first < 0 else first, 1)
        last = min(last + len(data) + 1 if last < 0 else last, len(data))
        # client:send/range, client:send/sends, client:send/unbuffered
        outcome, sent = self._send_raw(memoryview(data)[first - 1 : last]) if first <= last else (DONE, 0)
        index = float(sent + first - 1)
        if outcome == DONE:
            # client:send/index, client:send/total, client:send/no-error, client:send/no-last-index
            return (index, None, None)
        # client:send/error, client:send/closed, client:send/timeout, client:send/last-index,
        # client:send/resume, {client,master}:settimeout/fails-send
        return (None, describe_error(outcome), index)

    def _send_raw(self, data: memoryview) -> tuple[int, int]:
        """Send bytes block by block; return the outcome and how many were sent."""
        outcome, total = DONE, 0
        while total < len(data) and outcome == DONE:  # client:settimeout/default-send
            outcome, sent = self._descriptor.send(data[total : total + _BLOCK], self._timeout)
            total += sent
        self._sent = (self._sent + total) % SIZES
        return outcome, total

    def receive(self, args: Arguments) -> Values:
        """client:receive([pattern [, prefix]]) → data, nil, nil | nil, error, partial

        Read from the connection. `pattern` is "*l" (a line; the default), "*a" (to the end) or a number of bytes that
        includes `prefix`, which comes first in the result. Raises "invalid receive pattern" for anything else, a
        negative number included.
        """
        prefix = args.bytes("prefix", b"")  # client:receive/prefix-optional
        self._timeout.mark_start()
        received = bytearray(prefix)  # client:receive/prefix
        number = to_number(args["pattern"], args.dialect.lua)
        if number is None:
            pattern = args.bytes("pattern", b"*l")  # client:receive/pattern-optional, client:receive/file-format
            read = self._PATTERNS.get(pattern[:2])  # "*lines" is "*l"
            if read is None:
                raise args.error("pattern", "invalid receive pattern")
            outcome = read(self, received)
        else:
            if not number >= 0:
                raise args.error("pattern", "invalid receive pattern")
            wanted = as_size(float(number))  # client:receive/number
            outcome = DONE
            if not prefix or wanted > len(prefix):
                outcome = self._receive_raw(received, wanted - len(prefix))
        if outcome == DONE:
            # client:receive/data, client:receive/no-error, client:receive/no-partial
            return (bytes(received), None, None)
        # client:receive/error, client:receive/closed, client:receive/timeout, client:receive/partial,
        # client:receive/partial-empty, {client,master}:settimeout/fails-receive
        return (None, describe_error(outcome), bytes(received))

    def _receive_raw(self, received: bytearray, wanted: int) -> int:
        """Receive a number of bytes. Even a request for 0 bytes waits until there is one."""
        while True:
            outcome = self._fill()
            part = self._take(self._first + wanted)
            received += part
            wanted -= len(part)
            if outcome != DONE or wanted <= 0:
                return outcome

    def _receive_all(self, received: bytearray) -> int:
        """Receive until the end, which is a success if there was anything before it."""
        prefix = len(received)
        while True:
            outcome = self._fill()
            received += self._take(len(self._data))  # client:receive/all-untranslated
            if outcome != DONE:
                return DONE if outcome == CLOSED and len(received) > prefix else outcome

    def _receive_line(self, received: bytearray) -> int:
        """Receive up to a line feed, which is dropped, as is every carriage return."""
        while True:
            outcome = self._fill()
            end = self._data.find(b"\n", self._first) + 1
            # client:receive/line-crlf, client:receive/line-end-dropped, client:receive/line-cr-dropped
            received += self._take(end or len(self._data)).removesuffix(b"\n").replace(b"\r", b"")
            if outcome != DONE or end:
                return outcome

    #: By the first two bytes of a pattern: how to read.
    _PATTERNS: Mapping[bytes, Callable[[Buffer, bytearray], int]] = {
        b"*l": _receive_line,  # client:receive/line
        b"*a": _receive_all,  # client:receive/all
    }

    def _fill(self) -> int:
        """Read a block if there is nothing left of the last one."""
        if self._first < len(self._data):
            return DONE
        self._first = 0
        outcome, self._data = self._descriptor.receive(_BLOCK, self._timeout)  # client:receive/reads
        return outcome

    def _take(self, stop: int) -> bytes:
        """Take the bytes before an offset out of the buffer, as far as there are any."""
        part = self._data[self._first : stop]
        self._first += len(part)
        self._received = (self._received + len(part)) % SIZES
        return part
