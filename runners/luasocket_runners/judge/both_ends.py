"""Level 1: the bytes of a connection are known from the calls of its other end, or from a proxy.

A result of receive is allowed if some arrival of those bytes makes the reference's own buffer return it. The position
in the stream after a call need not be certain, since carriage returns leave no trace in a line: all positions that fit
are kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from luasocket_reference import LuaError
from luasocket_reference.buffer import Buffer
from luasocket_reference.dialect import Dialect, find
from luasocket_reference.lua.arguments import Arguments
from luasocket_reference.timeout import Timeout
from luasocket_reference.usocket import CLOSED, DONE, TIMEOUT, Descriptor

from luasocket_runners.judge.ends import End, pairs, sent_part
from luasocket_runners.judge.finding import Finding, Rule
from luasocket_runners.judge.trace import Call, Trace, listed

__all__ = ["RULES", "BothEnds"]

#: Seconds by which the clocks of two traces may differ on one machine: times are read before and after a call.
_SLACK: Final = 0.05

#: Seconds after which bytes have arrived on every machine but a very busy one.
_LATE: Final = 1.5

RULES: Final = {
    "stream": Rule(
        "receive returns the bytes that the other end sent, in order, none twice and none left out.",
        ("client:receive/reads", "client:receive/line", "client:receive/number", "client:receive/all"),
    ),
    "stream-end": Rule(
        "The stream ends after its last byte: receive returns all bytes before the end.",
        ("client:receive/closed", "client:receive/all", "client:receive/partial"),
    ),
    "closed-early": Rule(
        'receive says "closed" when the other end has closed, not before.',
        ("client:receive/closed", "client:receive/all"),
    ),
    "open": Rule(
        'While the other end is open, on the same machine, a receive that fails says "timeout".',
        ("client:receive/timeout",),
    ),
    "sent": Rule(
        "send sends the bytes up to the index that it returns.",
        ("client:send/sends", "client:send/index", "client:send/last-index"),
    ),
    "select-possible": Rule(
        "select returns an object for reading if there is something to read: bytes, or the end of the stream.",
        ("select/ready-for-reading",),
    ),
    "select-late": Rule(
        "select returns every object of the list that has something to read.", ("select/ready-for-reading",)
    ),
}


class _Arrival:
    """Stands for a descriptor: bytes that have arrived, and the outcome after them."""

    def __init__(self, data: bytes, outcome: int) -> None:
        self._data, self._outcome = data, outcome

    def receive(self, size: int, _timeout: Timeout) -> tuple[int, bytes]:
        """Return the next bytes, then the outcome."""
        part, self._data = self._data[:size], self._data[size:]
        return (DONE, part) if part else (self._outcome, b"")


def _run(dialect: Dialect, call: Call, arrived: bytes, outcome: int) -> tuple[tuple[Any, ...], int] | None:
    """Return the results of the reference's buffer when these bytes arrive, and how many of them it takes."""
    buffer = Buffer(cast(Descriptor, _Arrival(arrived, outcome)), Timeout())
    arguments = (None, *call.args)
    try:
        results = buffer.receive(Arguments(dialect, "receive", ("self", "pattern", "prefix"), arguments))
    except LuaError:
        return None
    return results, int(buffer.getstats()[0])


def _is_all(call: Call) -> bool:
    return isinstance(call.arg(1), bytes) and call.arg(1)[:2] == b"*a"


def _says_closed(call: Call) -> bool:
    """Return whether a result of receive says that the stream has ended."""
    data, message, _ = call.results or (None, None, None)
    return message == b"closed" or (data is not None and _is_all(call))


def _arrivals(call: Call, rest: bytes) -> Iterator[tuple[bytes, int]]:
    """Return the arrivals of the rest of a stream that may have led to a result."""
    data, message, partial = call.results or ()
    prefix = call.arg(2) if isinstance(call.arg(2), bytes) else b""
    if data is not None:
        yield (rest[: len(data) - len(prefix)], CLOSED) if _is_all(call) else (rest, TIMEOUT)
        return
    outcome = CLOSED if message == b"closed" else TIMEOUT
    wanted = len(partial) - len(prefix)
    is_line = call.arg(1) is None or (isinstance(call.arg(1), bytes) and call.arg(1)[:2] == b"*l")
    if not is_line:
        yield rest[:wanted], outcome
        return
    taken = kept = 0
    while kept < wanted and taken < len(rest):
        kept += rest[taken] != 13
        taken += 1
    yield rest[:taken], outcome
    while rest[taken : taken + 1] == b"\r":
        taken += 1
        yield rest[:taken], outcome


@dataclass
class _Reading:
    """How far an end has read the stream of the other one.

    Attributes
    ----------
    positions
        Where it may be, in bytes of the stream.
    is_open
        It has not been closed or shut down, nor has a call said that the stream ended.
    cut
        The first call that says the stream ended while bytes of it were left, with these bytes.
    is_known
        All calls were judged; else the positions mean nothing at the end.
    """

    positions: set[int]
    is_open: bool = True
    cut: tuple[Call, bytes] | None = None
    is_known: bool = True


class BothEnds:
    """Judges the connections between the programs of several traces.

    Parameters
    ----------
    traces
        Of programs and proxies.
    dialect
        A name of the reference's dialects.
    suspects
        Files and numbers of objects that had a finding: neither they nor their other ends are judged.
    """

    def __init__(
        self, traces: Sequence[Trace], dialect: str = "luasocket-3", suspects: Collection[tuple[Path, int]] = ()
    ) -> None:
        self._traces = traces
        self._dialect = find(dialect)
        self._suspects = suspects
        self._slack = _SLACK + max((trace.resolution for trace in traces), default=0.0)
        self.judged = 0  #: results that a rule was applied to
        self.connections = 0  #: ends of programs whose other end is known

    def findings(self) -> Iterator[Finding]:
        """Judge all connections."""
        found = list(pairs(self._traces))
        self.connections = sum(not end.is_proxy for end, _ in found)
        readings: dict[End, _Reading] = {}
        results: dict[End, list[Finding]] = {}
        for end, other in found:
            if not end.is_proxy and not self._are_suspect(end, other):
                readings[end] = _Reading({0})
                results[end] = list(self._reading(end, other, readings[end]))
        for end, other in found:
            if end not in results:
                continue
            one = results[end] or [*self._ending(end, other, readings), *self._sending(end, other)]
            yield from one

    def _are_suspect(self, *ends: End) -> bool:
        return any((end.trace.file, end.number) in self._suspects for end in ends if not end.is_proxy)

    def _finding(self, end: End, call: Call, rule: str, expected: str, *, is_remark: bool = False) -> Finding:
        return Finding(end.trace.file, call, 1, RULES[rule], expected, is_remark, end.number)

    def _reading(self, end: End, other: End, reading: _Reading) -> Iterator[Finding]:
        """Judge the data that an end received, up to its first finding."""
        stream = bytes(other.sent)
        for call in end.calls:
            if not other.is_whole:
                reading.is_known = False
                return
            if call.function == "select":
                found = self._select(end, other, call, reading)
            elif call.function == "receive" and call.results is not None and len(call.results) == 3:
                found = self._receive(end, other, call, reading, stream)
            else:
                reading.is_open = reading.is_open and call.function not in ("close", "__gc", "shutdown")
                continue
            if found is not None:
                yield found
            if not reading.is_known or (found is not None and not found.is_remark):
                reading.is_known = False
                return

    def _receive(self, end: End, other: End, call: Call, reading: _Reading, stream: bytes) -> Finding | None:
        self.judged += 1
        fitting: set[int] = set()
        for position in reading.positions:
            for arrived, outcome in _arrivals(call, stream[position:]):
                ran = _run(self._dialect, call, arrived, outcome)
                # the text of an error may be the system's
                if ran is not None and (ran[0] == call.results or _is_same_failure(ran[0], call.results)):
                    fitting.add(position + ran[1])
        if not fitting:
            left = len(stream) - min(reading.positions)
            moment = end.trace.started + call.at + call.took
            is_noted = other.is_proxy or other.trace is end.trace or other.is_known_after(moment)
            if other.ended is None and not is_noted and _length(call) >= left:
                reading.is_known = False  # the other program was ended before it could note its last call
                return None
            rest = stream[min(reading.positions) :][:40]
            expected = f"what follows in the stream, which goes on with {rest!r}" if rest else "no more bytes"
            return self._finding(end, call, "stream", expected)
        reading.positions = fitting
        if call.results is not None and call.results[1] not in (None, b"timeout", b"closed") and reading.is_open:
            moment = end.trace.started + call.at + call.took + self._slack
            if end.is_local and not other.ended_by(moment) and other.is_known_after(moment):
                return self._finding(end, call, "open", 'the message "timeout": the other end is open')
        if _says_closed(call) and reading.is_open:
            moment = end.trace.started + call.at + call.took + self._slack
            if end.is_local and not other.ended_by(moment) and other.is_known_after(moment):
                return self._finding(end, call, "closed-early", "no end of the stream: the other end is still open")
            reading.is_open = False
            if max(fitting) < len(stream):
                reading.cut = (call, stream[max(fitting) :])
        return None

    def _ending(self, end: End, other: End, readings: dict[End, _Reading]) -> Iterator[Finding]:
        """Judge whether the end of a stream came after its last byte.

        Bytes may rightly be lost where the system resets the connection: where the other end closes before it has read
        everything, or asks for it.
        """
        reading = readings[end]
        if reading.cut is None or not reading.is_known or not end.is_local or not end.is_whole:
            return
        if other.is_proxy:
            read_all = other.received is not None and len(other.received) == len(end.sent)
        else:
            opposite = readings.get(other)
            read_all = opposite is not None and opposite.is_known and min(opposite.positions) == len(end.sent)
        if read_all and other.ended is not None and other.ends_orderly:
            call, rest = reading.cut
            yield self._finding(end, call, "stream-end", f"{len(rest)} more bytes, which begin with {rest[:40]!r}")

    def _sending(self, end: End, other: End) -> Iterator[Finding]:
        """Judge the data that an end claims to have sent, by the data that a proxy read."""
        if other.received is None or not end.is_whole:
            return
        position = 0
        last = None
        for call in end.calls:
            part = sent_part(call) if call.function == "send" else None
            if part is None:
                continue
            self.judged += 1
            last = call
            came = other.received[position : position + len(part)]
            if came != part[: len(came)] or (other.has_all and len(came) < len(part)):
                yield self._finding(end, call, "sent", f"that it had sent {came[:40]!r} and no more" if other.has_all
                                    and part.startswith(came) else f"that it had sent {came[:40]!r}")  # fmt: skip
                return
            position += len(part)
        if last is not None and other.has_all and len(other.received) > position:
            extra = other.received[position:][:40]
            yield self._finding(end, last, "sent", f"that it had sent more: {extra!r}")

    def _select(self, end: End, other: End, call: Call, reading: _Reading) -> Finding | None:
        """Judge whether an object that select returned for reading could have had something to read."""
        if call.results is None or len(call.results) < 2 or not reading.is_open or not end.is_local:
            return None
        if end.number not in {ref.number for ref in listed(call.arg(1))}:
            return None
        self.judged += 1
        stop = end.trace.started + call.at + call.took
        if end.number in {ref.number for ref in listed(call.results[0])}:
            moment = stop + self._slack
            if (
                other.sent_by(moment) <= min(reading.positions)
                and not other.ended_by(moment)
                and other.is_known_after(moment)
            ):
                return self._finding(end, call, "select-possible", _without(end))
        elif other.sent_by(stop - _LATE) > max(reading.positions):
            expected = f"also <tcp{{client}} {end.number}>, which had been sent bytes more than {_LATE:g} s before"
            return self._finding(end, call, "select-late", expected, is_remark=True)
        return None


def _without(end: End) -> str:
    return f"a table without <tcp{{client}} {end.number}>, which had nothing to read"


def _length(call: Call) -> int:
    """Return how many bytes of the stream a result has."""
    data, _, partial = call.results or (None, None, b"")
    prefix = call.arg(2) if isinstance(call.arg(2), bytes) else b""
    return len(data if data is not None else partial) - len(prefix)


def _is_same_failure(one: tuple[Any, ...], other: tuple[Any, ...] | None) -> bool:
    return other is not None and one[0] is None and other[0] is None and one[2] == other[2]
