"""JSON Lines over two descriptors: what pipes to a child and a TCP connection have in common.

One loop around one selector both writes and reads, so two sides that send each other long messages at once do not block
each other, and no thread is needed. Nothing is read while a whole message is still waiting to be fetched: a port that
floods us is held up by its full pipe. All that a port sends is untrusted: it is bounded, and quoted only escaped and
cut.
"""

from __future__ import annotations

import json
import os
import selectors
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Callable
from typing import NoReturn

from luasocket_runners.ports.connection import Connection, Message, PortGone

__all__ = ["LINE_LIMIT", "StreamConnection", "Tail", "encode", "quoted"]

#: Bytes of one line. The longest strings of the spec have 10 MB, and JSON needs up to six characters for a byte: 60 MB
#: and what is around them must pass. More than this is a flood.
LINE_LIMIT = 64 * 1024 * 1024

#: Bytes of one read: more than most messages have; and where there is more, as much as a pipe holds that we have
#: widened, see `process`. (To make room for a megabyte costs ten times what reading a short message does.)
READ_SIZE, WIDE_READ_SIZE = 64 * 1024, 1024 * 1024

#: Characters of a port's words that are shown in a sentence: enough to recognize them, and still one line or two.
QUOTE_LIMIT = 120

#: Bytes of standard error that are kept: a stack traceback fits in.
TAIL_SIZE = 4096

#: Bytes of it that go into a sentence: the error's message, and a line or two before it.
WORDS_LIMIT = 300


def quoted(data: bytes, limit: int = QUOTE_LIMIT) -> str:
    """Return `data` in double quotes: printable ASCII as it is, all else escaped, cut after `limit` bytes."""
    shown = data[:limit].decode("latin-1").encode("unicode_escape").decode("ascii").replace('"', '\\"')
    rest = len(data) - limit
    return f'"{shown}"' if rest <= 0 else f'"{shown}"… ({rest} more bytes)'


def encode(message: Message) -> bytes:
    """Return the line of a message: ASCII only, ended by LF."""
    return _ENCODER.encode(message).encode("ascii") + b"\n"


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


#: Made once, for there are thousands of messages.
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_DECODER = json.JSONDecoder(parse_constant=_not_json)


def decode(line: bytes) -> Message:
    """Return the message of a line (without its LF).

    Raises
    ------
    PortGone
        When the line is not one JSON object in UTF-8.
    """
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


class Tail:
    """The end of an endless text: keeps the last `TAIL_SIZE` bytes."""

    def __init__(self) -> None:
        self._kept = b""

    def add(self, data: bytes) -> None:
        """Append `data`."""
        self._kept = (self._kept + data)[-TAIL_SIZE:]

    def text(self) -> str:
        """Return it as lines of printable ASCII."""
        lines = self._kept.decode("latin-1").rstrip("\n").split("\n")
        return "\n".join(line.expandtabs().encode("unicode_escape").decode("ascii") for line in lines)

    def last_words(self) -> str:
        """Return a sentence that quotes its very end, with a space before it; or nothing, if nothing was said."""
        words = self._kept.strip()[-WORDS_LIMIT:]
        return f" Its last words: {quoted(words, WORDS_LIMIT)}." if words else ""


class StreamConnection(Connection):
    """A connection over two descriptors, which it owns.

    Parameters
    ----------
    incoming, outgoing
        Two different descriptors: what the port writes, and what it reads.
    """

    #: Seconds between two calls of `_look`, where no descriptor tells what it looks at; None: it need not be called.
    _look_interval: float | None = None

    def __init__(self, incoming: int, outgoing: int) -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._unsent: deque[memoryview] = deque()
        self._waits_for_room = False  # to write more: then the selector tells when there is some
        self._lines: deque[bytes] = deque()
        self._beginning: list[bytes] = []  # of the line whose end has not come yet
        self._beginning_size = 0
        self._read_size = READ_SIZE
        self._ended = False  # nothing more will be read
        self._gone: PortGone | None = None
        self._closed = False
        self._selector = selectors.DefaultSelector()
        os.set_blocking(incoming, False)
        os.set_blocking(outgoing, False)
        self._listen_to(incoming, self._read)

    # What differs between kinds of streams

    @abstractmethod
    def _why_ended(self) -> str:
        """Return the sentence that says why nothing more comes. Called once, at the end of what came."""

    @abstractmethod
    def _end(self) -> None:
        """End the other side, when our side has been closed for writing; give its resources back."""

    def _look(self) -> None:
        """Look for what no descriptor tells; see `_look_interval`."""

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
                self._give_up(PortGone(self._why_ended() + self._unfinished()))
            left = deadline - time.monotonic()
            if looked and left <= 0:
                return None
            self._select(left)
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
    def stderr_tail(self) -> str:
        """See `Connection.stderr_tail`."""
        return ""

    # Inside

    def _listen_to(self, descriptor: int, react: Callable[[], None]) -> None:
        self._selector.register(descriptor, selectors.EVENT_READ, react)

    def _select(self, timeout: float) -> None:
        """React to what happens within `timeout` seconds; return after the first events."""
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
        if not self._beginning:
            return ""
        return f" Its last message was not complete: {quoted(b''.join(self._beginning))}."

    def _write(self) -> None:
        """Write what can be written now."""
        while self._unsent and self._outgoing >= 0:
            try:
                count = os.write(self._outgoing, self._unsent[0])
            except BlockingIOError:
                if not self._waits_for_room:
                    self._waits_for_room = True
                    self._selector.register(self._outgoing, selectors.EVENT_WRITE, self._write)
                return
            except OSError:  # it reads no more. What it still has to say is the better reason: `wait` tells
                self._stop_writing()
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
        """Read once, and cut what came into lines."""
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
