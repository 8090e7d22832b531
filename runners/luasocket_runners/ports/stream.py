"""JSON Lines over two descriptors, for pipes to a child process and for TCP connections.

One loop around one selector both writes and reads, so that two ends that send each other long messages do not block
each other, and no thread is needed. Nothing is read while a whole message waits to be fetched: a port that sends
without end is stopped by its full pipe. Messages of a port are untrusted: their size is bounded, and they are quoted
escaped and cut.
"""

from __future__ import annotations

import json
import os
import re
import selectors
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Final, NoReturn

from luasocket_runners.ports.connection import Connection, Message, PortGone

__all__ = ["LINE_LIMIT", "StreamConnection", "Tail", "encode", "quoted"]

#: Bytes of one line. The longest strings of the spec have 10 MB, and JSON needs up to six characters for a byte: 60 MB
#: and the rest of the message must pass.
LINE_LIMIT = 64 * 1024 * 1024

#: Values of one message. The longest replies of real ports have some thousands; a line of small values would take a
#: hundred times its bytes in memory. They are counted in lines that are long enough to have so many.
VALUES_LIMIT = 200_000

#: Bytes of one read: more than most messages have; and, where there is more, the size of a pipe that `process` has
#: widened. (Allocating a megabyte costs ten times as much as reading a short message.)
READ_SIZE, WIDE_READ_SIZE = 64 * 1024, 1024 * 1024

#: Characters of a port's output that a sentence quotes: enough to recognize it, and still one line or two.
QUOTE_LIMIT = 120

#: Bytes of standard error that are kept of its beginning, and of its end: a stack traceback fits in.
HEAD_SIZE = TAIL_SIZE = 4096

#: Bytes of it that a sentence quotes: the error's message, and a line or two before it.
WORDS_LIMIT = 300

#: Lines of it that are shown when a port does not start: the error's message, and where it came from.
HEAD_LINES = 12

#: Seconds that a port may live after it has closed its standard input, before it counts as broken. A dying process
#: closes it a moment before its end is known; under full load the moment may be long.
CLOSED_GRACE = 1.0


def quoted(data: bytes, limit: int = QUOTE_LIMIT) -> str:
    """Return `data` in double quotes: printable ASCII as it is, everything else escaped, cut after `limit` bytes."""
    shown = data[:limit].decode("latin-1").encode("unicode_escape").decode("ascii").replace('"', '\\"')
    rest = len(data) - limit
    return f'"{shown}"' if rest <= 0 else f'"{shown}"… ({rest} more bytes)'


def encode(message: Message) -> bytes:
    """Return the line of a message: ASCII only, with the LF at its end."""
    return _ENCODER.encode(message).encode("ascii") + b"\n"


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


#: Made once: there are thousands of messages.
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_DECODER = json.JSONDecoder(parse_constant=_not_json)
#: The characters that come with each value in JSON.
_SEPARATORS = (b",", b"[", b"{")
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')


def decode(line: bytes) -> Message:
    """Return the message of a line (without its LF).

    Raises
    ------
    PortGone
        When the line is not one JSON object in UTF-8.
    """
    if _values(line) > VALUES_LIMIT and _values(_STRING.sub(b"", line)) > VALUES_LIMIT:
        raise PortGone(f"The port wrote a line of more than {VALUES_LIMIT} values: {quoted(line)}.")
    try:
        message = _DECODER.decode(line.decode("utf-8"))
    except UnicodeDecodeError:
        raise PortGone(f"The port wrote a line that is not UTF-8: {quoted(line)}.") from None
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error).rstrip(".")
        raise PortGone(f"The port wrote a line that is not JSON ({reason}): {quoted(line)}.") from None
    if not isinstance(message, dict):
        raise PortGone(f"The port wrote a line that is not a JSON object: {quoted(line)}.")
    return message


def _values(line: bytes) -> int:
    """Return the number of values in a line of JSON, at least; separators inside strings count, too."""
    return sum(map(line.count, _SEPARATORS))


#: What Lua and Go print between an error that ends the program and the calls that have led to it.
_TRACEBACKS: Final = (b"\nstack traceback:", b"\n\ngoroutine ")


class Tail:
    """The beginning and the end of a text of any length."""

    def __init__(self) -> None:
        self._head = b""
        self._kept = b""

    def add(self, data: bytes) -> None:
        """Append `data`."""
        self._head += data[: HEAD_SIZE - len(self._head)]
        self._kept = (self._kept + data)[-TAIL_SIZE:]

    def text(self) -> str:
        """Return the end as lines of printable ASCII."""
        return "\n".join(_lines(self._kept))

    def head(self) -> str:
        """Return the first lines, indented and on lines of their own; or nothing, if nothing was written."""
        if not self._head.strip():
            return ""
        lines = _lines(self._head.strip(b"\n"))
        more = ["…"] if len(lines) > HEAD_LINES or len(self._head) == HEAD_SIZE else []
        return "".join(f"\n    {line}" for line in lines[:HEAD_LINES] + more)

    def last_words(self) -> str:
        """Return a sentence that quotes the very end, with a space before it; or nothing, if nothing was written.

        Where a language prints the calls behind the error, the end is the error.
        """
        words = self._kept.strip()
        for mark in _TRACEBACKS:
            words = words.rpartition(mark)[0].strip() or words
        words = words[-WORDS_LIMIT:]
        return f" Its last words: {quoted(words, WORDS_LIMIT)}." if words else ""


def _lines(data: bytes) -> list[str]:
    """Return lines of printable ASCII; everything else is escaped."""
    lines = data.decode("latin-1").rstrip("\n").split("\n")
    return [line.rstrip("\r").expandtabs().encode("unicode_escape").decode("ascii") for line in lines]


class StreamConnection(Connection):
    """A connection over two descriptors, which it owns.

    Parameters
    ----------
    incoming, outgoing
        Two different descriptors: the one that the port writes to, and the one that it reads from.
    """

    #: Seconds between two calls of `_look`, where no descriptor reports the event; None: it need not be called.
    _look_interval: float | None = None

    def __init__(self, incoming: int, outgoing: int) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._unsent: deque[memoryview] = deque()
        self._waits_for_room = False  # to write more; the selector reports it
        self._lines: deque[bytes] = deque()
        self._beginning: list[bytes] = []  # of a line that is not complete yet
        self._beginning_size = 0
        self._read_size = READ_SIZE
        self._ended = False  # nothing more will be read
        self._deaf_until: float | None = None  # the port has closed its input: when it counts as broken
        self._gone: PortGone | None = None
        self._closed = False
        self._selector = selectors.DefaultSelector()
        os.set_blocking(incoming, False)
        os.set_blocking(outgoing, False)
        self._listen_to(incoming, self._read)

    # The differences between kinds of streams

    @abstractmethod
    def _why_ended(self, unfinished: str) -> PortGone:
        """Return the reason why nothing more comes, with a further sentence. Called once, after the last message."""

    @abstractmethod
    def _end(self) -> None:
        """End the other side, after this side has been closed for writing; release its resources."""

    def _look(self) -> None:
        """Look for events that no descriptor reports; see `_look_interval`."""

    # The connection

    def post(self, message: Message) -> None:
        """See `Connection.post`."""
        if self._gone is not None:
            raise self._gone
        if self._outgoing < 0:
            return
        self._unsent.append(memoryview(encode(message)))
        self._write()

    def wait(self, timeout: float) -> Message | None:
        """See `Connection.wait`."""
        deadline = time.monotonic() + timeout
        looked = False
        while True:
            if self._gone is not None:
                raise self._gone
            if self._lines:
                return self._decode(self._lines.popleft())
            if self._ended:
                self._give_up(self._why_ended(self._unfinished()))
            now = time.monotonic()
            if self._deaf_until is not None and now >= self._deaf_until:
                self._give_up(PortGone(f"The port closed its standard input, but it lives on.{self._unfinished()}"))
            left = deadline - now
            if looked and left <= 0:
                return None
            self._select(left if self._deaf_until is None else min(left, self._deaf_until - now))
            looked = True

    def close(self) -> None:
        """See `Connection.close`."""
        if self._closed:
            return
        self._closed = True
        if self._gone is None:
            self._gone = PortGone("The connection to the port is closed.")
        self._stop_writing()
        try:
            self._end()
        finally:
            if self._incoming >= 0:
                os.close(self._incoming)
                self._incoming = -1
            self._selector.close()

    @property
    def unfinished(self) -> str:
        """See `Connection.unfinished`."""
        return quoted(b"".join(self._beginning)) if self._beginning else ""

    @property
    def stderr_tail(self) -> str:
        """See `Connection.stderr_tail`."""
        return ""

    # Inside

    def _listen_to(self, descriptor: int, react: Callable[[], None]) -> None:
        self._selector.register(descriptor, selectors.EVENT_READ, react)

    def _select(self, timeout: float) -> None:
        """React to the events within `timeout` seconds; return after the first ones."""
        if self._look_interval is not None:
            timeout = min(timeout, self._look_interval)
        for key, _ in self._selector.select(max(timeout, 0)):
            key.data()
        if self._look_interval is not None:
            self._look()

    def _decode(self, line: bytes) -> Message:
        try:
            return decode(line)
        except PortGone as error:
            self._give_up(error)

    def _give_up(self, error: PortGone) -> NoReturn:
        self._gone = error
        raise error

    def _unfinished(self) -> str:
        return f" Its last message was not complete: {self.unfinished}." if self._beginning else ""

    def _write(self) -> None:
        """Write as much as the system takes now."""
        while self._unsent and self._outgoing >= 0:
            try:
                count = os.write(self._outgoing, self._unsent[0])
            except BlockingIOError:
                if not self._waits_for_room:
                    self._waits_for_room = True
                    self._selector.register(self._outgoing, selectors.EVENT_WRITE, self._write)
                return
            except OSError:  # the port reads no more; if it ends, its end is the better reason, which `wait` reports
                self._stop_writing()
                self._deaf_until = time.monotonic() + CLOSED_GRACE
                return
            if count == len(self._unsent[0]):
                self._unsent.popleft()
            else:
                self._unsent[0] = self._unsent[0][count:]
        self._need_no_room()

    def _need_no_room(self) -> None:
        if self._waits_for_room:
            self._waits_for_room = False
            self._selector.unregister(self._outgoing)

    def _stop_writing(self) -> None:
        if self._outgoing >= 0:
            self._need_no_room()
            os.close(self._outgoing)
            self._outgoing = -1
        self._unsent.clear()

    def _read(self) -> None:
        """Read once, and cut the data into lines."""
        try:
            data = os.read(self._incoming, self._read_size)
        except BlockingIOError:
            return
        except OSError:  # a connection that was reset
            data = b""
        if not data:
            self._stop_reading()
            return
        self._read_size = WIDE_READ_SIZE if len(data) >= READ_SIZE else READ_SIZE
        *whole, rest = data.split(b"\n")
        for line in whole:
            self._beginning.append(line)
            self._lines.append(b"".join(self._beginning))
            self._beginning, self._beginning_size = [], 0
        if rest:
            self._beginning.append(rest)
            self._beginning_size += len(rest)
            if self._beginning_size > LINE_LIMIT:
                beginning = quoted(b"".join(self._beginning))
                self._give_up(PortGone(f"The port wrote a line of more than {LINE_LIMIT} bytes: {beginning}."))

    def _stop_reading(self) -> None:
        if not self._ended:
            self._ended = True
            self._selector.unregister(self._incoming)
