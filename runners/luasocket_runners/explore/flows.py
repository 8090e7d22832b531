"""Follows the bytes that calls have reported as sent, on both sides: full buffers take another number on each.

Where a peer has not read much, a send may end anywhere, or in time, whatever the implementation. Certain is then that a
call reports a number that is possible, and that its peer gets the bytes that were reported, in order.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import Final

from luasocket_spec.model import TableSpec

from luasocket_runners.explore.side import Side
from luasocket_runners.explore.state import Object, State
from luasocket_runners.explore.steps import Call, Drop, Outcome, PeerAct, Step, StepValue
from luasocket_runners.values import LuaTable, LuaValue

#: Unread bytes that a connection surely takes: a part of the usual buffer of 64 KB or more; less where the program has
#: asked for small buffers; and those of a peer that has asked for very small ones.
ROOM: Final = 40_000
SMALL_ROOM: Final = 12_000
CHOKED_ROOM: Final = 2_000
#: The same where the object has asked for a buffer of this many bytes, twice as much as systems grant without asking.
WIDE_ROOM: Final = 150_000
WIDE: Final = 400_000
#: The option whose small values make small buffers.
_SIZE: Final = b"recv-buffer-size"


@dataclass(frozen=True, slots=True)
class Sending:
    """A call that sends bytes on a connection.

    Attributes
    ----------
    peer
        The name of the peer at the other end; empty if there is none.
    parts
        The bytes that the call asks to send, and the offset of the first of them in its data: for the reference and for
        the port, which may have got other positions from earlier calls.
    uncertain
        Whether the buffers may not take all.
    """

    item: Object
    peer: str
    parts: tuple[tuple[bytes, int], tuple[bytes, int]]
    uncertain: bool


class Flows:
    """Follows the bytes that are sent in one program."""

    def __init__(self, reference: Side, port: Side, state: State) -> None:
        self._reference = reference
        self._port = port
        self._state = state

    # -- before a step

    def sending(self, step: Step) -> Sending | None:
        """Return what a step sends; None if it sends nothing, or nothing that is known beforehand."""
        if not isinstance(step, Call) or step.object is None or step.path not in ("send", ""):
            return None
        item = self._state.object_behind(step.object)
        if item is None or not item.tcp or item.closed:
            return None
        args = step.args if step.path else step.args[:1]
        parts = [_part([side.resolve(value) for value in args]) for side in (self._reference, self._port)]
        if parts[0] is None or parts[1] is None:
            return None
        ends = self._reference.ends_of(item.name)
        if ends is None:  # it fails, or sends nothing
            return Sending(item, "", (parts[0], parts[1]), uncertain=False)
        peer = self._reference.peer_at(ends) or ""
        unread = self._unread(peer)
        room = self._room(peer) if peer else item.room
        return Sending(item, peer, (parts[0], parts[1]), unread + max(len(part[0]) for part in parts if part) > room)

    def is_undefined(self, step: Step, sending: Sending | None) -> bool:
        """Tell whether the outcome of a step depends on what the buffers of the system take."""
        if sending is not None and not sending.peer:
            return sending.uncertain  # the other end is an object: what it can receive would be uncertain, too
        if isinstance(step, PeerAct):
            if step.verb == "close":
                return self._unread(step.peer) > self._room(step.peer)
            return step.verb == "send" and not step.options and self._is_too_much(step)
        if not isinstance(step, Call | Drop):
            return False
        if isinstance(step, Call) and step.path == "socket.select":
            return any(map(self.is_clogged, self._state.objects.values())) and not _is_empty(step.args[1:2])
        item = None if step.object is None else self._state.object_behind(step.object)
        if item is None or not self.is_clogged(item):
            return False
        if isinstance(step, Drop) or step.path == "close":
            return self._lingers(item)
        # of a send that is not plain, the number of bytes is not known
        return not step.path or step.path == "setfd" or (step.path == "send" and sending is None)

    def is_clogged(self, item: Object) -> bool:
        """Tell whether the peer of an object has not read so much that the buffers may be full."""
        return item.peer != "" and not item.closed and self._unread(item.peer) > self._room(item.peer)

    def _is_too_much(self, step: PeerAct) -> bool:
        peer = self._state.peers.get(step.peer)
        value = self._reference.resolve(step.value)
        if peer is None or not isinstance(value, bytes):
            return False
        room = SMALL_ROOM if self._state.small_buffers else ROOM
        if peer.sent + len(value) > room:
            room = WIDE_ROOM if self._is_wide(step.peer) else room
        return peer.sent + len(value) > room

    def _is_wide(self, peer: str) -> bool:
        """Tell whether the object at the other end of a peer's connection has got a large buffer."""
        objects = (item for item in self._state.objects.values() if item.tcp and not item.closed)
        ends = ((item.name, self._reference.ends_of(item.name)) for item in objects)
        name = next((name for name, found in ends if found and self._reference.peer_at(found) == peer), None)
        size = self._reference.ask(name, "getoption", _SIZE)[:1] if name is not None else ()
        return bool(size) and isinstance(size[0], int | float) and size[0] >= WIDE

    def _lingers(self, item: Object) -> bool:
        """Tell whether closing an object waits until its data have arrived."""
        found = self._reference.ask(item.name, "getoption", b"linger")
        entries = dict(found[0].entries) if found and isinstance(found[0], LuaTable) else {}
        return bool(entries.get(b"on")) and entries.get(b"timeout") != 0

    def _room(self, peer: str) -> int:
        known = self._state.peers.get(peer)
        if known is not None and known.choked:
            return CHOKED_ROOM
        return SMALL_ROOM if self._state.small_buffers else ROOM

    def _unread(self, peer: str) -> int:
        return max(len(side.unread.get(peer, b"")) for side in (self._reference, self._port))

    # -- after it

    def alike(self, step: Step, sending: Sending | None, expected: Outcome, actual: Outcome) -> tuple[Outcome, Outcome]:
        """Return two outcomes such that they are the same if they differ only by what the buffers have taken."""
        if isinstance(step, Call) and step.path == "getstats" and step.object in self._state.objects:
            drift = self._state.objects[step.object].drift
            if drift and expected.kind == "returned" and len(expected.values) > 1:
                received, sent, *rest = expected.values
                return replace(expected, values=(received, sent + drift, *rest)), actual  # type: ignore[operator]
        if sending is None:
            return expected, actual
        counts = self._counts(sending, expected, actual)
        if not sending.uncertain or None in counts or any(_ended(outcome) for outcome in (expected, actual)):
            (_, offset), (_, other_offset) = sending.parts
            return _moved(expected, -offset), _moved(actual, -other_offset)
        same_type = type(_number(expected)[1]) is type(_number(actual)[1])  # type: ignore[index]
        return (expected, expected) if same_type else (expected, _moved(expected, 0, type(_number(actual)[1])))  # type: ignore[index]

    def note(self, step: Step, sending: Sending | None, expected: Outcome, actual: Outcome) -> None:
        """Take note of a step that both sides have run, without a difference."""
        if isinstance(step, PeerAct):
            self._note_act(step, expected)
        elif isinstance(step, Call) and step.path == "setstats" and step.object in self._state.objects:
            if expected.kind == "returned" and len(step.args) > 1 and step.args[1] is not None:
                self._state.objects[step.object].drift = 0
        elif isinstance(step, Call) and step.path == "setoption" and expected.values[:1] == (1,):
            size = step.args[1] if step.args[0] == _SIZE and len(step.args) > 1 else WIDE
            self._state.small_buffers |= isinstance(size, int | float | bytes) and size != WIDE
        if sending is None:
            return
        counts = self._counts(sending, expected, actual)
        if counts[0] is None or counts[1] is None:
            return
        item = sending.item
        item.drift += counts[1] - counts[0]
        if not sending.peer:
            item.room -= counts[0]
            return
        item.peer = sending.peer
        for side, (data, _), count in zip((self._reference, self._port), sending.parts, counts, strict=True):
            side.unread.setdefault(sending.peer, bytearray()).extend(data[:count])

    def _note_act(self, step: PeerAct, expected: Outcome) -> None:
        peer = self._state.peers.get(step.peer)
        if step.verb in ("collect", "end", "close", "reset", "accept", "connect"):
            for side in (self._reference, self._port):
                side.unread.pop(step.peer, None)
        if step.verb == "send" and peer is not None and not expected.sentence:
            value = self._reference.resolve(step.value)
            peer.sent += len(value) if isinstance(value, bytes) else 0

    # -- what peers have received

    def differ(self, step: Step) -> bool:
        """Tell whether a step reads what a peer has got, and the two sides have sent it different numbers of bytes."""
        if not isinstance(step, PeerAct) or step.verb not in ("collect", "end"):
            return False
        return self._reference.unread.get(step.peer, b"") != self._port.unread.get(step.peer, b"")

    def compare(self, step: PeerAct, expected: Outcome, actual: Outcome) -> tuple[Outcome, Outcome] | None:
        """Return what a peer has seen on both sides as if the reference had sent what the port has reported.

        None if what the reference's peer has got is not what the reference has reported: then nothing is known.
        """
        mine, theirs = (bytes(side.unread.get(step.peer, b"")) for side in (self._reference, self._port))
        data, end = expected.values
        if data == mine:
            return replace(expected, values=(theirs, end)), actual
        if end == "reset" and isinstance(data, bytes) and mine.startswith(data):
            return replace(expected, values=(theirs, end)), actual
        return None

    @staticmethod
    def _counts(sending: Sending, expected: Outcome, actual: Outcome) -> tuple[int | None, int | None]:
        """Return how many bytes were sent on both sides, as the calls report; None where they report no such number."""
        return _count(expected, sending.parts[0]), _count(actual, sending.parts[1])


def _part(args: list[LuaValue]) -> tuple[bytes, int] | None:
    """Return the bytes that `send` sends with these arguments, and the offset of the first; None if it is not plain."""
    data, *positions = (*args, None, None, None)[:3]
    if isinstance(data, int | float) and not isinstance(data, bool):
        data = str(data).encode() if isinstance(data, int) else b"%.14g" % data
    if not isinstance(data, bytes):
        return None
    numbers = [default if value is None else value for value, default in zip(positions, (1, -1), strict=True)]
    with contextlib.suppress(ValueError):
        numbers = [float(number) if isinstance(number, bytes) else number for number in numbers]
    if not all(type(number) in (int, float) and abs(number) <= 1 << 53 for number in numbers):  # type: ignore[arg-type]
        return None
    begin, end = (int(number) for number in numbers)  # type: ignore[arg-type]
    begin = max(begin + len(data) + 1 if begin < 0 else begin, 1)
    end = min(end + len(data) + 1 if end < 0 else end, len(data))
    return data[begin - 1 : max(end, begin - 1)], begin - 1


def _number(outcome: Outcome) -> tuple[int, int | float] | None:
    """Return the place of the index in the results of `send`, and the index."""
    if outcome.kind != "returned" or len(outcome.values) != 3:
        return None
    place = 2 if outcome.values[0] is None else 0
    value = outcome.values[place]
    return (place, value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _count(outcome: Outcome, part: tuple[bytes, int]) -> int | None:
    """Return how many bytes were sent, as the results of `send` say; None if they say nothing that is possible."""
    found, (data, offset) = _number(outcome), part
    if found is None:
        return None
    place, index = found
    count = index - offset
    possible = count == len(data) if place == 0 else 0 <= count < max(len(data), 1)
    return int(count) if possible and count == int(count) else None


def _ended(outcome: Outcome) -> bool:
    """Tell whether a call failed for any other reason than that it took too long."""
    return outcome.values[0] is None and outcome.values[1] != b"timeout"


def _moved(outcome: Outcome, by: int, kind: type | None = None) -> Outcome:
    """Return the outcome of `send` with another index."""
    found = _number(outcome)
    if found is None or (not by and kind is None):
        return outcome
    place, index = found
    values: list[object] = list(outcome.values)
    values[place] = (kind or type(index))(index + by)
    return replace(outcome, values=tuple(values))


def _is_empty(lists: tuple[StepValue, ...]) -> bool:
    return all(value is None or (isinstance(value, TableSpec) and not value.entries) for value in lists)
