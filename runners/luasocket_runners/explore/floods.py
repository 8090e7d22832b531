"""Draws what fills buffers: sends that block half-way, and data of many blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Final

from luasocket_spec.model import Ref, Repeat

from luasocket_runners.capabilities import machine
from luasocket_runners.explore.arguments import DATA, Args, arguments
from luasocket_runners.explore.context import Context
from luasocket_runners.explore.flows import WIDE
from luasocket_runners.explore.makers import Makers
from luasocket_runners.explore.state import Object
from luasocket_runners.explore.steps import Call, PeerAct, Step, StepValue

#: What a flood repeats. Its length and that of a block have no common divisor, so that a block that is missing, or sent
#: twice, is seen.
_UNIT: Final = b"0123456789abc"
#: Data of several blocks of 8192 bytes, with ends of lines beside the ends of blocks.
_LONG: Final[Args] = (
    _UNIT * 7693 + b"\n", _UNIT * 7693, b"ab\r\n" * 5000, b"l" * 8191 + b"\r\n" + b"tail\n",
    b"x" * 16383 + b"\n" + b"y" * 20000, b"\r" * 8192 + b"\n" + _UNIT * 1000 + b"\n",
)  # fmt: skip
#: Numbers of bytes at which one block ends, and several.
_COUNTS: Final[Args] = (8191, 8192, 8193, 16383, 16384, 16385, 20000, 50000, 100000)
#: Bytes asked for as a buffer that is soon full.
_LITTLE: Final = 20000


@cache
def flood() -> Repeat | None:
    """Return more bytes than a connection takes whose peer does not read; None if this machine's takes too many."""
    size = machine.flood_size()
    return Repeat(_UNIT, size // len(_UNIT) + 1) if size else None


class Floods:
    """Draws connections whose peers have small buffers, floods on these, and long data on any.

    Parameters
    ----------
    makers
        Draws other objects.
    """

    def __init__(self, context: Context, makers: Makers) -> None:
        self._picker = context.picker
        self._pick = context.picker.pick
        self._state = context.state
        self._port = context.port
        self._context = context
        self._makers = makers
        self._choked: dict[str, str] = {}  # objects, with the names of their peers
        self._sent: dict[str, str] = {}  # the names of the positions at which their last sends have ended

    def choices(self) -> list[Callable[[], list[Step]]]:
        """Return what can be drawn now."""
        few = self._state.has_room()
        choices: list[Callable[[], list[Step]]] = [self._wide_client] * 2 if few else []
        if flood() is None:
            return choices
        usable = self._usable()
        return choices + ([self._flood] * 10 if usable else [self._choked_client] * 3 if few else [])

    def _has_sizes(self) -> bool:
        """Tell whether the sizes of buffers can be set."""
        return self._port.dialect != "defold" and self._port.has_method("setoption", "tcp{master}")

    def _usable(self) -> list[Object]:
        objects = (self._state.objects.get(name) for name in self._choked)
        return [item for item in objects if item is not None and not item.closed and not item.patient]

    def _choked_client(self) -> list[Step]:
        """A connection to a peer with small buffers, made by either end, and the first flood of it."""
        peer = self._state.fresh("peer")
        small: tuple[tuple[str, StepValue], ...] = (("small_buffers", True),)
        servers = self._makers.servers()
        if servers and self._picker.one_in(3):
            server, name = self._pick(servers), self._state.fresh("tcp")
            where = ("to", Ref(server.ip))
            steps: list[Step] = [
                PeerAct(peer, "connect", Ref(server.port), (where, *small), bind=peer),
                Call(server.name, "accept", (), (name,)),
                self._makers.settimeout(name),
            ]
        else:
            name, made = self._makers.new("socket.tcp")
            less = self._has_sizes() and not self._picker.one_in(3)
            steps = [
                PeerAct(peer, "listen", self._context.ip(), small, bind=peer),
                *made,
                *([Call(name, "setoption", (b"send-buffer-size", _LITTLE))] if less else []),
                Call(name, "connect", (Ref(f"{peer}.ip"), Ref(f"{peer}.port"))),
                PeerAct(peer, "accept"),
            ]
        self._choked[name] = peer
        self._makers.link(peer, name)
        return [*steps, *self._send(name)]

    def _flood(self) -> list[Step]:
        """More of a flood, or what may come between two parts of it."""
        item = self._pick(self._usable())
        peer = self._choked[item.name]
        draws: Sequence[Callable[[], list[Step]]] = [
            lambda: self._send(item.name),
            lambda: self._send(item.name),
            lambda: [PeerAct(peer, "collect")],
            lambda: [PeerAct(peer, "collect"), *self._send(item.name)],
            lambda: [PeerAct(peer, "send", self._pick(DATA[1:])), *self._method(item, "receive")],
            lambda: self._method(item, "receive"),
            lambda: [Call(item.name, "getstats"), Call(item.name, "dirty")],
            lambda: self._method(item, "settimeout"),
            lambda: self._method(item, self._pick(["send", "shutdown", "close", "getoption", "setstats"])),
            lambda: [self._pick([PeerAct(peer, "shutdown", b"send"), PeerAct(peer, "reset"), PeerAct(peer, "end")])],
        ]
        return [
            step
            for step in self._pick(draws)()
            if not isinstance(step, Call) or self._port.has_method(step.path, item.klass)
        ]

    def _method(self, item: Object, method: str) -> list[Step]:
        return [Call(item.name, method, arguments(self._picker, item, method))]

    def _send(self, name: str) -> list[Step]:
        """A send of a flood: all of it, a part, or the rest of the last one, beginning with the last byte of that."""
        data = flood()
        last = self._sent.get(name)
        where: Args = self._pick([(), (), (3,), (1, -2), (-5_000_000,), (5, 3_000_000)])
        if last is not None and not self._picker.one_in(3):
            where = (Ref(last),)
        sent = self._sent[name] = self._state.fresh("sent")
        return [Call(name, "send", (data, *where), (None, None, sent))]

    def _wide_client(self) -> list[Step]:
        """A connection of an object with a large buffer, and data of many blocks for it."""
        name, made = self._makers.new("socket.tcp")
        peer = self._state.fresh("peer")
        self._makers.link(peer, name)
        steps: list[Step] = [
            PeerAct(peer, "listen", self._context.ip(), bind=peer),
            *made,
            *([Call(name, "setoption", (b"recv-buffer-size", WIDE))] if self._has_sizes() else []),
            Call(name, "connect", (Ref(f"{peer}.ip"), Ref(f"{peer}.port"))),
            PeerAct(peer, "accept"),
        ]
        for _ in range(2):
            steps += [PeerAct(peer, "send", self._pick(_LONG)), *self._picker.some(self._reads(name), 3)]
        if self._picker.one_in(2):
            steps.append(Call(name, "send", (self._pick(_LONG), *self._picker.some((1, 8192, 8193, 20000, -8193), 2))))
        return steps

    def _reads(self, name: str) -> list[Step]:
        count = Call(name, "receive", (self._pick(_COUNTS),))
        patterns: Args = (b"*l", b"*a", 8193, 20000)
        prefix = Call(name, "receive", (self._pick(patterns), b"prefix"))
        look = [Call(name, "dirty"), Call(name, "getstats")]
        return [count, Call(name, "receive"), Call(name, "receive", (b"*a",)), prefix, count, *look]
