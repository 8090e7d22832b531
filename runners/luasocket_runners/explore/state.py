"""The state of a running program: its objects, peers, connections and the names that steps can use.

The classes are those that the reference says; everything else follows from the steps that were run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from luasocket_spec.model import Ref

from luasocket_runners.explore.steps import Call, Function, Step, functions_of, names_in

#: Seconds up to which a wait is short enough to be made in a random program.
SHORT: Final = 0.05
#: Objects and peers of one program that are alive at a time, and all.
_ALIVE: Final = 9
_ALL: Final = 30
#: Methods that can wait.
WAITING: Final = frozenset({"receive", "receivefrom", "send", "sendto", "accept", "connect"})


@dataclass(slots=True)
class Object:
    """An object of the port.

    Attributes
    ----------
    klass
        Its class as the reference says it: ``tcp{client}``.
    waits
        The longest time in seconds that a call on it can wait; None if it may wait for ever.
    connected
        Whether the program has connected it, or accepted it.
    ip, port
        The names of the address and of the number of the port that it is bound to; empty if the program does not know
        them.
    closed
        Whether the program has closed it, or taken its descriptor away.
    foreign
        Whether it has got the descriptor of an object of the other transport.
    peer
        The peer to which it has sent something last; empty if it has sent nothing, or only to an object.
    room
        Bytes that can surely be sent to an object at the other end, were it never to receive any.
    drift
        How many bytes the port has sent more than the reference, since their buffers took more.
    """

    name: str
    klass: str
    waits: float | None = None
    connected: bool = False
    ip: str = ""
    port: str = ""
    closed: bool = False
    foreign: bool = False
    peer: str = ""
    room: int = 40_000
    drift: int = 0

    @property
    def tcp(self) -> bool:
        """Whether it is a TCP object."""
        return self.klass.startswith("tcp")

    @property
    def patient(self) -> bool:
        """Whether a call on it may wait longer than a random program can afford."""
        return self.waits is None or self.waits > SHORT


@dataclass(slots=True)
class PeerState:
    """A peer: its state, and the names of its address and of its port's number.

    ``kind`` is ``listener``, ``connection``, ``udp``, ``refused`` (TCP) or ``refused udp``, ``closed``, or
    ``ended`` if it cannot send any more. ``choked``:
    it has very small buffers; ``sent``: how many bytes it has sent.
    """

    name: str
    kind: str
    ip: str = ""
    port: str = ""
    choked: bool = False
    sent: int = 0


@dataclass(slots=True)
class State:
    """The objects, peers and names of a program.

    Attributes
    ----------
    functions
        Functions and callable tables that calls have returned, each with the object that it uses, if it uses one.
    tables
        Values for the lists of ``select`` that are no objects of the port, each with the object that it stands for.
    descriptors
        Names of descriptors, each with the object that has it; None after that object has given it up with ``setfd``.
    links
        Peers, each with the object at the other end of its connection, as far as that was meant.
    doing
        The calls that functions make when they are called: those of the program and those that have been made of them.
    small_buffers
        Whether the program has asked for smaller buffers than usual.
    """

    objects: dict[str, Object] = field(default_factory=dict)
    peers: dict[str, PeerState] = field(default_factory=dict)
    functions: dict[str, str | None] = field(default_factory=dict)
    tables: dict[str, str | None] = field(default_factory=dict)
    descriptors: dict[str, str | None] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    doing: dict[str, tuple[Call, ...]] = field(default_factory=dict)
    small_buffers: bool = False
    _counts: dict[str, int] = field(default_factory=dict)

    def fresh(self, stem: str) -> str:
        """Return a name that nothing has yet."""
        count = self._counts[stem] = self._counts.get(stem, 0) + 1
        return f"{stem}{count}"

    def with_class(self, *classes: str) -> list[Object]:
        """Return the objects of these classes, oldest first."""
        return [item for item in self.objects.values() if item.klass in classes]

    def peers_of(self, *kinds: str) -> list[PeerState]:
        """Return the peers of these kinds, oldest first."""
        return [peer for peer in self.peers.values() if peer.kind in kinds]

    def peer_of(self, item: Object) -> str | None:
        """Return the peer at the other end of an object's connection; None if there is none, or none any more."""
        connected = {peer.name for peer in self.peers_of("connection")}
        return next((peer for peer, name in self.links.items() if name == item.name and peer in connected), None)

    def has_room(self) -> bool:
        """Tell whether there may be more objects and peers: a few that are alive, so that they meet."""
        alive = [item for item in self.objects.values() if not item.closed]
        peers = [peer for peer in self.peers.values() if peer.kind not in ("closed", "ended")]
        return len(alive) + len(peers) < _ALIVE and len(self.objects) + len(self.peers) < _ALL

    def addresses(self, *, tcp: bool) -> list[tuple[Ref, Ref]]:
        """Return the addresses and numbers of the ports that something of the transport has, or had."""
        kinds = ("listener", "refused") if tcp else ("udp", "refused udp")
        found = [(peer.ip, peer.port) for peer in self.peers_of(*kinds)]
        found += [(item.ip, item.port) for item in self.objects.values() if item.port and item.tcp is tcp]
        return [(Ref(ip), Ref(port)) for ip, port in found]

    def object_behind(self, name: str) -> Object | None:
        """Return the object of a name, or the one that the function or table of that name uses."""
        holder = self.functions.get(name) or self.tables.get(name) or name
        return self.objects.get(holder)

    def done_by(self, step: Step) -> tuple[Call, ...]:
        """Return the calls that functions make in a step, or may make."""
        return self.doing.get(step.object, ()) if isinstance(step, Call) and step.object is not None else ()

    def learn_functions(self, step: Step) -> None:
        """Take note of the functions of the program in a step, and of what is made of them."""
        for function in functions_of(step):
            self.doing[function.name] = self._all_that(function)
        if isinstance(step, Call) and step.path in ("socket.protect", "socket.newtry") and step.binds[:1] != (None,):
            made = [call for name in names_in(step.args) for call in self.doing.get(name, ())]
            for name in step.binds[:1]:
                self.doing[str(name)] = tuple(made)

    def _all_that(self, function: Function) -> tuple[Call, ...]:
        inside = (self.doing.get(call.object or "", ()) for call in function.does)
        return (*function.does, *(call for calls in inside for call in calls))

    def used(self) -> set[str]:
        """Return the names of the objects that functions and tables use."""
        return {name for name in (*self.functions.values(), *self.tables.values()) if name is not None}

    def loose(self) -> list[str]:
        """Return the names of the descriptors that no object has."""
        return [name for name, holder in self.descriptors.items() if holder is None]
