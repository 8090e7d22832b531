"""Draws the steps after which a program has one more object or peer."""

from __future__ import annotations

from collections.abc import Callable

from luasocket_spec.model import Ref

from luasocket_runners.explore.arguments import DATA, ODD, TIMEOUTS, Args, address, arguments
from luasocket_runners.explore.context import Context
from luasocket_runners.explore.state import Object
from luasocket_runners.explore.steps import Call, Drop, Get, PeerAct, Step, StepValue

Draws = Callable[[], list[Step]]


class Makers:
    """Draws the steps that make objects and peers, and those that take them away.

    Parameters
    ----------
    kinds
        The kinds of objects of the program: ``tcp``, ``udp``.
    """

    def __init__(self, context: Context, kinds: frozenset[str]) -> None:
        self._context = context
        self._picker = context.picker
        self._pick = context.picker.pick
        self._state = context.state
        self._port = context.port
        self._kinds = kinds

    def choices(self) -> list[Draws]:
        """Return the objects that can be made."""
        choices: list[Draws] = []
        if "tcp" in self._kinds:
            choices += [self._client_of_peer] * 3 + [self._server] * 2 + [self._tcp, self._refused, self._connected]
            if self.servers():
                choices += [self._client_of_server] * 2 + [self._accepted_from_peer] * 2
        if "udp" in self._kinds:
            choices += [self._udp_bound] * 3 + [self._udp_peer, self._udp, self._refused_udp]
        return choices

    # -- objects

    def settimeout(self, name: str) -> Call:
        """Return a call that gives an object a short timeout."""
        return Call(name, "settimeout", (self._pick(TIMEOUTS),))

    def servers(self) -> list[Object]:
        """Return the listening objects to which something can connect."""
        return [item for item in self._state.with_class("tcp{server}") if item.port and not item.closed]

    def new(self, path: str, *args: StepValue) -> tuple[str, list[Step]]:
        """Return the name of a new object, and the steps that make it."""
        name = self._state.fresh("udp" if "udp" in path else "tcp")
        if not args and self._picker.one_in(25):  # none of them takes any
            args = (*self._picker.some(ODD, 1), self._pick(ODD))
        return name, [Call(None, path, args, (name,)), self.settimeout(name)]

    def _one_of(self, paths: list[str]) -> str:
        return self._pick([path for path in paths if self._port.has(path)] or paths[:1])

    def _fresh(self, kind: str) -> list[Step]:
        """A new object, perhaps with a look at its class, its defaults and the results that it must not have yet."""
        name, steps = self.new(self._one_of([f"socket.{kind}", f"socket.{kind}6", f"socket.{kind}4"]))
        return steps + self._looks(name, "tcp{master}" if kind == "tcp" else "udp{unconnected}", 2)

    def _looks(self, name: str, klass: str, chance: int) -> list[Step]:
        """Draw looks at a new object, one time in ``chance``: at its class, its options, its addresses."""
        steps: list[Step] = []
        if self._picker.one_in(chance):
            item = Object(name, klass)
            looks = ["getoption", "getoption", "getoption", "getsockname", "getpeername", "getfd", "gettimeout"]
            looks += ["getfamily", "getstats"]
            methods = [look for look in self._picker.some(looks, 4) if self._port.has_method(look, klass)]
            steps += [Call(name, method, arguments(self._picker, item, method)) for method in methods]
        if self._picker.one_in(4 * chance):
            steps.append(Get(name, "class"))
        return steps

    def _tcp(self) -> list[Step]:
        return self._fresh("tcp")

    def _udp(self) -> list[Step]:
        return self._fresh("udp")

    def _server(self) -> list[Step]:
        ip = b"*" if self._picker.one_in(5) else self._context.host()
        if self._picker.one_in(3) and self._port.has("socket.bind"):
            name, steps = self.new("socket.bind", ip, 0, *self._pick([(), (), (5,), (5, b"more"), (None, 1)]))
        else:
            name, steps = self.new(self._one_of(["socket.tcp", "socket.tcp", self._of_family("tcp")]))
            steps += [self._bound(name, "bind", ip), Call(name, "listen", self._pick([(), (32,), (5,)]))]
        return [*steps, self._where(name), *self._looks(name, "tcp{server}", 4)]

    def _bound(self, name: str, method: str, ip: StepValue) -> Call:
        """Return a call that binds an object, perhaps to an address in another form."""
        item = Object(name, "tcp{master}" if method == "bind" else "udp{unconnected}")
        return Call(name, method, arguments(self._picker, item, method) if self._picker.one_in(5) else (ip, 0))

    def _of_family(self, kind: str) -> str:
        return f"socket.{kind}{6 if self._context.ipv6 else 4}"

    def _where(self, name: str) -> Call:
        return Call(name, "getsockname", (), (f"{name}_ip", f"{name}_port"))

    def link(self, peer: str, name: str) -> None:
        """Take note that an object is at the other end of a peer's connection."""
        self._state.links[peer] = name

    def _client_of_peer(self) -> list[Step]:
        peer = self._state.fresh("peer")
        act = PeerAct(peer, "listen", self._context.ip(), bind=peer)
        where = (Ref(f"{peer}.ip"), Ref(f"{peer}.port"))
        if self._picker.one_in(3) and self._port.has("socket.connect"):
            name, steps = self.new("socket.connect", *where)
            self.link(peer, name)
            return [act, steps[0], PeerAct(peer, "accept"), steps[1], *self._looks(name, "tcp{client}", 3)]
        name, steps = self.new(self._one_of(["socket.tcp", "socket.tcp", "socket.tcp", self._of_family("tcp")]))
        self.link(peer, name)
        return [act, *steps, Call(name, "connect", where), PeerAct(peer, "accept")]

    def _connected(self) -> list[Step]:
        """A connection by a function of the module, perhaps from a certain address, to any listener."""
        path = self._one_of(["socket.connect", "socket.connect4", "socket.connect6"])
        where = address(self._picker, tcp=True)
        if not where or not self._port.has(path):
            return self._client_of_peer()
        taken = address(self._picker, tcp=True)
        local = self._pick([(), (), (b"127.0.0.1", 0), (b"127.0.0.2", b"0"), (b"*", 0), (b"localhost", 0), taken])
        families: list[Args] = [(), (b"inet",), (b"inet6",), (b"unspec",), (b"unspec", b"more"), (b"x",)]
        family = self._pick(families) if local and path == "socket.connect" else ()
        return self.new(path, *where, *local, *family)[1]

    def _client_of_server(self) -> list[Step]:
        server = self._pick(self.servers())
        name, steps = self.new("socket.tcp")
        accepted = self._state.fresh("tcp")
        return [
            *steps,
            Call(name, "connect", (Ref(server.ip), Ref(server.port))),
            Call(server.name, "accept", (), (accepted,)),
            self.settimeout(accepted),
            *self._looks(accepted, "tcp{client}", 3),
        ]

    def _accepted_from_peer(self) -> list[Step]:
        server = self._pick(self.servers())
        peer, accepted = self._state.fresh("peer"), self._state.fresh("tcp")
        self.link(peer, accepted)
        return [
            PeerAct(peer, "connect", Ref(server.port), (("to", Ref(server.ip)),), bind=peer),
            *self._early(peer),
            Call(server.name, "accept", (), (accepted,)),
            self.settimeout(accepted),
            *self._looks(accepted, "tcp{client}", 3),
        ]

    def _early(self, peer: str) -> list[Step]:
        """Draw what a peer may do before its connection is accepted."""
        if not self._picker.one_in(4):
            return []
        acts = [PeerAct(peer, "send", self._pick(DATA[1:])), PeerAct(peer, "shutdown", b"send")]
        return [self._pick([*acts, PeerAct(peer, "close"), PeerAct(peer, "reset")])]

    def _udp_bound(self) -> list[Step]:
        """A bound object, and a peer that can send to it."""
        name, steps = self.new(self._one_of(["socket.udp", "socket.udp", self._of_family("udp")]))
        ip = b"*" if self._picker.one_in(5) else self._context.host()
        return [
            *([] if self._state.peers_of("udp") else self._udp_peer()),
            *steps,
            self._bound(name, "setsockname", ip),
            self._where(name),
        ]

    # -- peers

    def _new_peer(self, verb: str) -> list[Step]:
        peer = self._state.fresh("peer")
        return [PeerAct(peer, verb, self._context.ip(), bind=peer)]

    def _refused(self) -> list[Step]:
        return self._new_peer("refuse")

    def _refused_udp(self) -> list[Step]:
        return self._new_peer("refuse_udp")

    def _udp_peer(self) -> list[Step]:
        return self._new_peer("udp")

    # -- changes of objects

    def moved(self) -> list[Step]:
        """Draw the steps that give the descriptor of an object to another one; none if there are no two for it."""
        if "descriptors" not in self._port.capabilities or not self._port.has_method("setfd"):
            return []
        givers = [item for item in self._state.objects.values() if not item.closed]
        if not givers:
            return []
        giver = self._pick(givers)
        name = self._state.fresh("fd")
        takers = [item for item in self._state.objects.values() if item.closed]
        steps: list[Step] = []
        buffered = giver.klass == "tcp{client}" and not giver.patient and self._picker.one_in(2)
        if buffered and (peer := self._state.peer_of(giver)):  # it stays in the buffer of the object
            steps += [PeerAct(peer, "send", b"one\ntwo\nthree"), Call(giver.name, "receive")]
        steps += [Call(giver.name, "getfd", (), (name,)), Call(giver.name, "setfd", (-1,))]
        if takers and not self._picker.one_in(3):
            taker = self._pick(takers).name
        elif self._picker.one_in(4):
            taker = giver.name
        else:
            kind = self._pick(["tcp", "tcp", "udp"]) if self._kinds >= {"tcp", "udp"} else giver.klass[:3]
            taker, fresh = self.new(f"socket.{kind}")
            steps += [*fresh, Call(taker, "close")]
        steps.append(Call(taker, "setfd", (Ref(name),)))
        peers = self._state.peers_of("udp")
        if giver.klass == "udp{unconnected}" and giver.port and peers and not self._picker.one_in(3):
            where = (("to", Ref(giver.port)), ("ip", Ref(giver.ip)))
            steps += [PeerAct(self._pick(peers).name, "send", self._pick([b"moved", b""]), where)]
            return [*steps, Call(taker, self._pick(["receive", "receivefrom"])), Call(giver.name, "receive")]
        return (
            [*steps, Call(taker, "receive"), Call(taker, "dirty"), Call(giver.name, "receive")] if buffered else steps
        )

    def dropped(self) -> list[Step]:
        """Draw the end of the last reference to an object; none if each is referred to by something else."""
        if "gc" not in self._port.capabilities:
            return []
        free = sorted(self._state.objects.keys() - self._state.used())
        return [Drop(self._pick(free))] if free else []
