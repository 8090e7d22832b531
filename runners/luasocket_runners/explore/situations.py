"""Draws steps that belong together: a question before and after a change, the end of a connection, datagrams."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from luasocket_spec.model import Ref, TableSpec

from luasocket_runners.explore.arguments import DATA, TIMEOUTS, Args, arguments
from luasocket_runners.explore.context import Context
from luasocket_runners.explore.makers import Makers
from luasocket_runners.explore.state import Object
from luasocket_runners.explore.steps import Call, Get, PeerAct, Step

#: What an object can be asked without being changed.
_LOOKS: Final = (
    "getpeername", "getsockname", "getoption", "getoption", "getstats", "dirty", "getfd", "gettimeout", "getfamily",
)  # fmt: skip
#: Those that UDP objects do not have.
_OF_TCP: Final = ("getstats", "dirty")
#: Bytes that a peer sends before a connection ends: nothing, lines, a part of one.
_LAST: Final[Args] = (b"a line\n", b"two\r\nlines\n", b"no end", b"\n", b"\0", b"0123456789" * 900)
#: Patterns and numbers that read what is left.
_READS: Final[tuple[Args, ...]] = (
    (), (b"*l",), (b"*a",), (b"*a",), (3,), (100,), (0,), (b"*a", b"pre"), (b"*l", b"pre"), (20, b"pre"),
)  # fmt: skip
#: Chunks that a sink gets, and errors beside them.
_CHUNKS: Final[tuple[Args, ...]] = ((b"chunk",), (b"chunk",), (b"",), (None,), (None, b"err"), (b"a", b"err"), ())
#: Datagrams beside 8192 bytes, which LuaSocket receives by itself, and the longest one.
_DATAGRAMS: Final[Args] = (b"d" * 8191, b"d" * 8192, b"d" * 8193, b"0123456789abc" * 800, b"d" * 65507, b"", b"one")
#: Other forms in which each of these is received.
_SIZES: Final[tuple[Args, ...]] = (
    (), (), (8192,), (8193,), (20000,), (100,), (1,), (b"2.9",), (b"0x3",),
)  # fmt: skip


class Situations:
    """Draws situations of objects that are there.

    Parameters
    ----------
    makers
        Draws other objects.
    change
        Draws a call of an object, as it makes sense for its class.
    """

    def __init__(self, context: Context, makers: Makers, change: Callable[[Object], list[Step]]) -> None:
        self._makers = makers
        self._picker = context.picker
        self._pick = context.picker.pick
        self._state = context.state
        self._port = context.port
        self._context = context
        self._change = change

    def ask_again(self, item: Object) -> list[Step]:
        """The same question before a change of an object, and after it."""
        looks = [
            look for look in _LOOKS if self._port.has_method(look, item.klass) and (item.tcp or look not in _OF_TCP)
        ]
        if not looks:
            return []
        look = self._pick(looks)
        asked: list[Step] = [Call(item.name, look, arguments(self._picker, item, look))]
        if self._picker.one_in(8):
            asked = [Call(None, "tostring", (Ref(item.name),)), Get(item.name, "class")]
        elif self._picker.one_in(5) and self._port.has("socket.select"):
            both = TableSpec(((1, Ref(item.name)),))
            asked = [Call(None, "socket.select", (both, both, 0))]
        return [*asked, *self._change(item), *asked]

    def ending(self, item: Object) -> list[Step]:
        """Data, and the end of a connection, by the peer or by the object itself; what is received then."""
        peer = self._state.peer_of(item)
        if peer is None:
            return []
        steps: list[Step] = [PeerAct(peer, "send", self._pick(_LAST)) for _ in range(self._pick(range(3)))]
        reads: list[Step] = [Call(item.name, "receive", self._pick(_READS)) for _ in range(1 + self._pick(range(3)))]
        if self._picker.one_in(4):
            ways: Args = (b"send", b"send", b"receive", b"both")
            steps.insert(self._pick(range(len(steps) + 1)), Call(item.name, "shutdown", (self._pick(ways),)))
        elif self._picker.one_in(4):
            steps += [reads.pop(), Call(item.name, "close"), Call(item.name, "dirty")]
        else:
            verb = self._pick(["close", "close", "reset", "shutdown"])
            steps.append(PeerAct(peer, verb, b"send" if verb == "shutdown" else True))
        if self._picker.one_in(3):
            reads.insert(self._pick(range(len(reads) + 1)), Call(item.name, "send", (self._pick([b"x", b"late\n"]),)))
        looks = [Call(item.name, look) for look in ("dirty", "getpeername", "getsockname", "getstats")]
        return self._had([*steps, *reads, *self._picker.some(looks, 2)], item)

    def closed(self, item: Object, methods: tuple[str, ...]) -> list[Step]:
        """The end of an object, and calls of it afterwards, perhaps when another one has its descriptor's number."""
        names = [name for name in self._picker.some(methods, 5) if name not in ("receivefrom", "setfd")]
        calls: list[Step] = [Call(item.name, name, arguments(self._picker, item, name)) for name in names]
        steps = self._had([Call(item.name, "close"), *calls, Call(item.name, "close")], item)
        if not self._picker.one_in(2):
            return steps
        fresh, made = self._makers.new(self._pick(["socket.tcp", "socket.udp"]))
        bound = [*made, Call(fresh, "bind" if fresh.startswith("tcp") else "setsockname", (self._context.ip(), 0))]
        looks = [Call(fresh, look) for look in ("getsockname", "getpeername", "getfd")]
        return [*steps[:1], *bound, *steps[1:], *looks]

    def piped(self, item: Object) -> list[Step]:
        """A sink or a source of an object, several calls of it, and looks at the object."""
        name = self._state.fresh("s")
        if not self._port.has("socket.sink") or not self._port.has("socket.source"):
            return []
        if self._picker.one_in(2):
            mode = self._pick([b"keep-open", b"close-when-done"])
            steps: list[Step] = [Call(None, "socket.sink", (mode, Ref(item.name)), (name,))]
            calls: list[Step] = [Call(name, "", chunk) for chunk in self._picker.some(_CHUNKS, 4)]
        else:
            peer = self._state.peer_of(item)
            sent = self._pick([b"abc", b"0123456789" * 900])
            steps = [PeerAct(peer, "send", sent)] if peer is not None and not self._picker.one_in(3) else []
            mode = self._pick([b"until-closed", b"by-length"])
            length: Args = (self._pick([3, 2048, 5000]),) if mode == b"by-length" else ()
            steps.append(Call(None, "socket.source", (mode, Ref(item.name), *length), (name,)))
            calls = [Call(name, "")] * (1 + self._pick(range(3)))
        if self._picker.one_in(4):
            calls.insert(self._pick(range(len(calls) + 1)), Call(item.name, self._pick(["close", "shutdown"])))
        return [*steps, *calls, *self._had([Call(item.name, look) for look in ("getfd", "getpeername")], item)]

    def datagrams(self) -> list[Step]:
        """An object that is connected to a UDP peer, which sends it datagrams of any size."""
        peer, name = self._state.fresh("peer"), self._state.fresh("udp")
        makers = [path for path in ("socket.udp", "socket.udp6", "socket.udp4") if self._port.has(path)]
        steps: list[Step] = [
            PeerAct(peer, "udp", self._context.ip(), bind=peer),
            Call(None, self._pick(makers or ["socket.udp"]), (), (name,)),
            Call(name, "settimeout", (self._pick(TIMEOUTS),)),
            Call(name, "setpeername", (Ref(f"{peer}.ip"), Ref(f"{peer}.port"))),
            Call(name, "getsockname", (), (f"{name}_ip", f"{name}_port")),
        ]
        where = (("to", Ref(f"{name}_port")), ("ip", Ref(f"{name}_ip")))
        large = 0
        for _ in range(1 + self._pick(range(3))):
            data = self._pick(_DATAGRAMS)
            large += isinstance(data, bytes) and len(data) > 1 << 15
            if large < 2:  # the buffer of the system holds two or three
                steps.append(PeerAct(peer, "send", data, where))
            method = self._pick(["receive", "receive", "receivefrom", "send"])
            args = (self._pick(DATA),) if method == "send" else self._pick(_SIZES)
            steps.append(Call(name, method, args))
        if self._picker.one_in(3):
            steps += [Call(name, "setpeername", (b"*",)), Call(name, "receive"), Call(name, "getpeername")]
        return steps

    def _had(self, steps: list[Step], item: Object) -> list[Step]:
        """Return the steps without calls of methods that the port does not have."""
        calls = (step for step in steps if not isinstance(step, Call) or self._port.has_method(step.path, item.klass))
        return list(calls)
