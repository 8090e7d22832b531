"""Ends of TCP connections: the data that each sent and when, from the calls of a program or the events of a proxy."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from luasocket_runners.judge.trace import Address, Call, Event, Ref, Trace, listed

__all__ = ["End", "Intervals", "is_loopback", "pairs", "sent_part"]

#: Calls that end the stream of a client.
_ENDING: Final = ("close", "__gc", "shutdown")

#: Values that begin with these end the stream that is sent; "both" is the default.
_SHUTS_SENDING: Final = (None, b"send", b"both")


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine: nothing gets lost on the way, and both ends have the same clock."""
    return host.removeprefix("::ffff:").startswith("127.") or host == "::1"


@dataclass(eq=False)
class End:
    """One end of a connection.

    Attributes
    ----------
    trace
        Where it is recorded.
    number
        The object's, or that of the proxy's connection.
    address
        Its own address and that of the other end.
    calls
        The calls of the object, and those of select that watch it for reading.
    sent
        The bytes that it sent, as far as `is_whole`.
    is_whole
        Every byte that it sent is known, and nothing else uses its descriptor.
    ended
        When it ended its stream, by closing or by shutdown, in seconds since 1970.
    ends_orderly
        It does not ask the system to drop bytes on closing.
    received
        The bytes that came from the other end; known for a proxy only.
    has_all
        A proxy has seen the end of the other's stream, without a reset before it.
    """

    trace: Trace
    number: int
    address: tuple[Address, Address] | None = None
    calls: list[Call] = field(default_factory=list)
    sent: bytearray = field(default_factory=bytearray)
    is_whole: bool = True
    ended: float | None = None
    ends_orderly: bool = True
    received: bytes | None = None
    has_all: bool = False
    _times: list[float] = field(default_factory=list)
    _totals: list[int] = field(default_factory=list)

    @property
    def is_proxy(self) -> bool:
        """Whether a proxy stands for the end."""
        return bool(self.trace.protocol)

    @property
    def is_local(self) -> bool:
        """Whether the connection is within one machine."""
        return self.address is not None and all(is_loopback(host) for host, _ in self.address)

    def sent_by(self, moment: float) -> int:
        """Return how many bytes it had at most sent at a moment, in seconds since 1970."""
        position = bisect_right(self._times, moment)
        return self._totals[position - 1] if position else 0

    def ended_by(self, moment: float) -> bool:
        """Return whether its stream may have ended at a moment."""
        return self.ended is not None and self.ended <= moment

    def is_known_after(self, moment: float) -> bool:
        """Return whether it certainly existed at a moment: a proxy that goes on, or an object with a later call."""
        if self.is_proxy:
            return self.trace.ended > moment
        return any(self.trace.started + call.at > moment for call in reversed(self.calls) if call.object is not None)

    def add(self, data: bytes, at: float) -> None:
        """Note bytes that it began to send at a moment."""
        self.sent += data
        self._times.append(at)
        self._totals.append(len(self.sent))

    def end(self, at: float) -> None:
        """Note that its stream ended at a moment, unless it had."""
        if self.ended is None:
            self.ended = at

    def note(self, call: Call) -> None:
        """Note a call of its object."""
        self.calls.append(call)
        at = self.trace.started + call.at
        if call.function in _ENDING and (call.function != "shutdown" or call.arg(1) in _SHUTS_SENDING):
            self.end(at)
        elif call.function == "setoption" and call.arg(1) == b"linger":
            self.ends_orderly = False
        elif call.function == "send":
            self._send(call, at)

    def _send(self, call: Call, at: float) -> None:
        part = sent_part(call)
        if part is None:
            self.is_whole = self.is_whole and call.results is None  # an error sends nothing
        else:
            self.add(part, at)


def sent_part(call: Call) -> bytes | None:
    """Return the bytes that a call of send sent, by its own result; None if that is unclear."""
    data = call.arg(1)
    index = None if call.results is None else next((v for v in (call.results[0], *call.results[2:]) if v), 0)
    first = call.arg(2) if isinstance(call.arg(2), int | float) else 1
    if not isinstance(data, bytes) or not isinstance(index, int | float) or isinstance(index, bool):
        return None
    start = max(int(first + len(data) + 1 if first < 0 else first), 1)
    return data[start - 1 : int(index)]


class Intervals:
    """The calls of select of a trace: select itself calls getfd and dirty of the objects in its lists."""

    def __init__(self, trace: Trace) -> None:
        self._spans = [(call.at, call.at + call.took) for call in trace.calls if call.function == "select"]
        self._spans.sort()

    def contain(self, call: Call) -> bool:
        """Return whether a call was made by select."""
        position = bisect_right(self._spans, (call.at, float("inf")))
        return position > 0 and call.at + call.took <= self._spans[position - 1][1]


def pairs(traces: Sequence[Trace]) -> Iterator[tuple[End, End]]:
    """Return each end of a program with the other end of its connection, where that is recorded too."""
    ends = [end for trace in traces for end in (_relayed(trace) if trace.protocol else _called(trace))]
    # a pair of addresses that was used twice may belong to other ends than it seems
    known = Counter(end.address for end in ends)
    by_address = {end.address: end for end in ends if end.address is not None and known[end.address] == 1}
    for (own, peer), end in by_address.items():
        other = by_address.get((peer, own))
        if other is not None and other is not end:
            yield end, other


def _called(trace: Trace) -> list[End]:
    """Return the ends in a program: objects from the call on that connected them."""
    ends: dict[int, End] = {}
    done: list[End] = []
    foreign: set[int] = set()  # objects that were given a descriptor
    by_select = Intervals(trace)
    for call in trace.calls:
        if call.function == "select":
            for ref in listed(call.arg(1)):
                if ref.number in ends:
                    ends[ref.number].calls.append(call)
            continue
        number, addresses = _begun(call)
        begins = number not in ends or (call.function == "connect" and call.results == (1,))
        if number is not None and number not in foreign and begins:
            ends[number] = End(trace, number, addresses)
            done.append(ends[number])
        if call.object is None:
            continue
        if call.function in ("setfd", "getfd") and not by_select.contain(call):
            # something else may read and write
            foreign.add(call.object)
            if call.object in ends:
                ends.pop(call.object).is_whole = False
        elif call.object in ends and call.function not in ("connect", "accept"):
            ends[call.object].note(call)
            if call.function in ("close", "__gc"):
                del ends[call.object]
    return done


def _begun(call: Call) -> tuple[int | None, tuple[Address, Address] | None]:
    """Return the number of the object that is a connected client from this call on, and its addresses if known."""
    addresses = None if call.local is None or call.peer is None else (call.local, call.peer)
    made = call.results[0] if call.results else None
    if call.function in ("accept", "connect") and made is not None:
        return made.number if isinstance(made, Ref) else call.object if call.function == "connect" else None, addresses
    # A connection that came about in the background: its addresses are recorded with connect if that was fast, else
    # with the first send or receive.
    is_connected = call.becomes == "tcp{client}" and addresses is not None
    return (call.object, addresses) if is_connected else (None, None)


def _relayed(trace: Trace) -> Iterator[End]:
    """Return the two ends that a proxy has on each of its connections."""
    connections: dict[int, list[Event]] = {}
    for event in trace.events if trace.protocol == "tcp" else ():
        connections.setdefault(event.connection, []).append(event)
    for number, events in connections.items():
        for kind, sender, receiver in (("accepted", "server", "client"), ("connected", "client", "server")):
            found = next((event for event in events if event.kind == kind), None)
            if found is not None and found.local is not None and found.peer is not None:
                yield _relay(trace, number, (found.local, found.peer), events, sender, receiver)


def _relay(
    trace: Trace, number: int, address: tuple[Address, Address], events: Iterable[Event], sender: str, receiver: str
) -> End:
    end = End(trace, number, address)
    received = bytearray()
    for event in events:
        at = trace.started + event.at
        if event.kind == "data" and event.source == sender:
            end.add(event.data, at)
        elif event.kind == "data":
            received += event.data
        elif event.kind == "end" and event.source == sender:
            end.end(at)
        elif event.kind == "end" and event.source == receiver:
            end.has_all = True
        elif event.kind in ("reset", "refused"):
            end.end(at)
            end.ends_orderly = False
    end.received = bytes(received)
    return end
