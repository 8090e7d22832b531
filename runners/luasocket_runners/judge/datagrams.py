"""Level 1 for UDP: the datagrams of a socket are known from the calls of their senders, or from a proxy."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

from luasocket_runners.judge.ends import Intervals, is_loopback
from luasocket_runners.judge.finding import Finding, Rule
from luasocket_runners.judge.trace import Address, Call, Trace, listed

__all__ = ["RULES", "Datagrams"]

RULES: Final = {
    "datagram": Rule(
        "A datagram is received as it was sent, or cut; not more often than it was sent.",
        ("unconnected:receive/datagram", "unconnected:receive/size-cuts"),
    ),
    "select-datagram": Rule(
        "select returns a connected UDP object for reading if its peer has sent it a datagram.",
        ("select/ready-for-reading", "connected:receive/only-peer"),
    ),
}

#: Seconds by which the clocks of two traces may differ on one machine.
_SLACK: Final = 0.05

#: Results of a successful receivefrom.
_FROM: Final = 3

#: Bytes of a datagram that receive returns if no size is given.
_DEFAULT_SIZE: Final = 8192

#: The ports of sender and receiver.
_Ports: TypeAlias = tuple[str, str]

#: By the place of a datagram in the list of those that were sent: the call that received it.
_Taken: TypeAlias = dict[int, Call]


@dataclass(frozen=True)
class _Sent:
    """A datagram that was sent, by whom, and when at the earliest."""

    at: float
    data: bytes
    host: str


@dataclass
class _Socket:
    """The knowledge about an object.

    Attributes
    ----------
    own, peer
        Its addresses, as far as they are known.
    is_private
        It got its address by setpeername, so that no other address can have sent to it.
    received
        Datagrams that it took, failures included.
    taken
        The calls that received datagrams.
    """

    own: Address | None = None
    peer: Address | None = None
    is_private: bool = False
    received: int = 0
    taken: dict[_Ports, _Taken] = field(default_factory=dict)


def _port(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else f"{value:g}" if value is not None else ""


class Datagrams:
    """Judges the datagrams between the programs of several traces.

    Parameters
    ----------
    traces
        Of programs and proxies.
    suspects
        Files and numbers of objects that had a finding: they are left alone.
    """

    def __init__(self, traces: Sequence[Trace], suspects: Collection[tuple[Path, int]] = ()) -> None:
        self._traces = traces
        self._suspects = suspects
        self._slack = _SLACK + max((trace.resolution for trace in traces), default=0.0)
        self._sent: dict[_Ports, list[_Sent]] = {}
        self._places: dict[tuple[_Ports, bytes], list[int]] = {}  # in these lists, by the datagram
        self._last: dict[str, float] = {}  # the last moment when an object with a port was certainly open
        self.judged = 0  #: results that a rule was applied to

    def findings(self) -> Iterator[Finding]:
        """Judge all datagrams whose sender is recorded."""
        for trace in self._traces:
            if trace.protocol == "udp":
                self._relayed(trace)
            elif not trace.protocol:
                self._sent_by(trace)
        for trace in self._traces:
            if not trace.protocol:
                yield from self._received_by(trace)

    # The first pass: everything that was sent

    def _note(self, ports: _Ports, sent: _Sent) -> None:
        known = self._sent.setdefault(ports, [])
        self._places.setdefault((ports, sent.data), []).append(len(known))
        known.append(sent)

    def _relayed(self, trace: Trace) -> None:
        """Note the datagrams that a proxy sent."""
        sides: dict[tuple[int, str], tuple[Address, Address]] = {}
        for event in trace.events:
            if event.local is not None and event.peer is not None:
                sides[event.connection, "server" if event.kind == "accepted" else "client"] = (event.local, event.peer)
                self._last[event.local[1]] = trace.ended
            elif event.kind == "datagram" and (event.connection, event.source) in sides:
                own, peer = sides[event.connection, event.source]
                self._note((own[1], peer[1]), _Sent(trace.started + event.at, event.data, own[0]))

    def _sent_by(self, trace: Trace) -> None:
        """Note the datagrams that a program sent."""
        sockets: dict[int, _Socket] = {}
        for call in trace.calls:
            if call.object is None or not call.class_name.startswith("udp"):
                continue
            known = _update(sockets, call)
            if known.own is None:
                continue
            at = trace.started + call.at
            self._last[known.own[1]] = max(self._last.get(known.own[1], 0.0), at)
            data = call.arg(1)
            if not isinstance(data, bytes):
                continue
            if call.function == "sendto":
                self._note((known.own[1], _port(call.arg(3))), _Sent(at, data, known.own[0]))
            elif call.function == "send" and known.peer is not None:
                self._note((known.own[1], known.peer[1]), _Sent(at, data, known.own[0]))

    # The second pass: everything that was received

    def _received_by(self, trace: Trace) -> Iterator[Finding]:
        sockets: dict[int, _Socket] = {}
        left_alone = {number for file, number in self._suspects if file == trace.file}
        by_select = Intervals(trace)
        for call in trace.calls:
            if call.function == "select":
                yield from self._select(trace, call, sockets, left_alone)
            if call.object is None or not call.class_name.startswith("udp") or call.object in left_alone:
                continue
            known = _update(sockets, call)
            if call.function in ("setfd", "getfd") and not by_select.contain(call):
                left_alone.add(call.object)  # something else may read and write
            elif call.function in ("receive", "receivefrom"):
                known.received += 1
                found = self._receive(trace, call, known)
                if found is not None:
                    left_alone.add(call.object)
                    yield found

    def _receive(self, trace: Trace, call: Call, known: _Socket) -> Finding | None:
        if known.own is None or not call.results or not isinstance(call.results[0], bytes):
            return None
        if len(call.results) == _FROM:
            host, port = _text(call.results[1]), _port(call.results[2])
        elif known.peer is not None:
            host, port = known.peer
        else:
            return None
        ports = (port, known.own[1])
        if not any(_is_from(one.host, host) for one in self._sent.get(ports, ())):
            return None  # the sender is not recorded
        self.judged += 1

        def places(of: Call) -> list[int]:
            return self._fitting(ports, host, of, trace.started + of.at + of.took + self._slack)

        fitting = places(call)
        if not fitting:
            return self._finding(trace, call, "datagram", "a datagram that was sent to this address")
        # only a network delivers a datagram twice
        if is_loopback(host) and not _place(fitting, known.taken.setdefault(ports, {}), call, places):
            return self._finding(trace, call, "datagram", "a datagram that was not received before")
        return None

    def _fitting(self, ports: _Ports, host: str, call: Call, moment: float) -> list[int]:
        """Return which of the datagrams that were sent before a moment a call may have received."""
        sent = self._sent[ports]
        got = (call.results or (b"",))[0]
        size = call.arg(1)
        is_cut = len(got) == size if isinstance(size, int | float) else len(got) == _DEFAULT_SIZE
        if is_cut:
            fitting = [place for place, one in enumerate(sent) if one.data.startswith(got)]
        else:
            fitting = self._places.get((ports, got), [])
        return [place for place in fitting if sent[place].at <= moment and _is_from(sent[place].host, host)]

    def _select(self, trace: Trace, call: Call, sockets: dict[int, _Socket], left_alone: set[int]) -> Iterator[Finding]:
        if call.results is None or not call.results:
            return
        moment = trace.started + call.at + call.took + self._slack
        for ref in listed(call.results[0]):
            known = sockets.get(ref.number)
            if known is None or ref.number in left_alone or not known.is_private:
                continue
            own, peer = known.own, known.peer
            if own is None or peer is None or not is_loopback(own[0]) or self._last.get(peer[1], 0.0) <= moment:
                continue
            self.judged += 1
            sent = [one for one in self._sent.get((peer[1], own[1]), ()) if one.at <= moment]
            if len(sent) <= known.received:
                left_alone.add(ref.number)
                expected = f"a table without <{ref.class_name} {ref.number}>, to which nothing had been sent"
                yield Finding(trace.file, call, 1, RULES["select-datagram"], expected, about=ref.number)

    def _finding(self, trace: Trace, call: Call, rule: str, expected: str) -> Finding:
        return Finding(trace.file, call, 1, RULES[rule], expected, about=call.object)


def _update(sockets: dict[int, _Socket], call: Call) -> _Socket:
    """Note the addresses that a call gives an object."""
    assert call.object is not None
    known = sockets.setdefault(call.object, _Socket())
    if call.local is not None:
        known.is_private = known.own is None and call.function == "setpeername"
        known.own = call.local
    if call.peer is not None:
        known.peer = call.peer
    elif call.function == "setpeername" and call.results == (1,):
        known.peer, known.is_private = None, False
    return known


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else ""


def _is_from(own: str, host: str) -> bool:
    """Return whether a socket with this address may be the sender with that host."""
    return own == host or (is_loopback(host) and (own in ("0.0.0.0", "::") or is_loopback(own)))


def _place(fitting: Sequence[int], taken: _Taken, received: Call, places: Callable[[Call], Sequence[int]]) -> bool:
    """Give a received datagram one of those that were sent; others move where they fit as well."""
    free = next((place for place in fitting if place not in taken), None)
    if free is not None:
        taken[free] = received
        return True
    visited: set[int] = set()
    # each entry: who looks for a place, where it may go, and the moves that made it look
    queue: deque[tuple[Call, Sequence[int], list[tuple[int, Call]]]] = deque([(received, fitting, [])])
    while queue:
        call, possible, moves = queue.popleft()
        for place in possible:
            if place in visited:
                continue
            visited.add(place)
            made = [*moves, (place, call)]
            if place not in taken:
                taken.update(made)
                return True
            queue.append((taken[place], places(taken[place]), made))
    return False
