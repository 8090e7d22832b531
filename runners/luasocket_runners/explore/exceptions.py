"""Draws protected functions that use objects, with finalizers, and calls of the same objects after their exceptions."""

from __future__ import annotations

from typing import Final

from luasocket_spec.model import Ref

from luasocket_runners.explore.arguments import TIMEOUTS, arguments
from luasocket_runners.explore.context import Context
from luasocket_runners.explore.state import Object
from luasocket_runners.explore.steps import Call, Function, PeerAct, Step, StepValue

#: The methods of each class that a protected function tries: those that fail in many states.
_TRIED: Final = {
    "tcp{master}": ("connect", "bind", "listen", "send", "getpeername"),
    "tcp{client}": ("receive", "receive", "receive", "send", "send", "connect", "shutdown", "getpeername"),
    "tcp{server}": ("accept", "accept", "getsockname", "getpeername", "send"),
    "udp{unconnected}": ("receive", "sendto", "setpeername", "getpeername", "send"),
    "udp{connected}": ("receive", "send", "setpeername", "sendto", "getpeername"),
}
#: Results of a call that are kept, at most: those of a failure with a partial result.
_RESULTS: Final = 3


class Exceptions:
    """Draws exceptions on the way of what most programs do: try each call, and close the socket if one fails."""

    def __init__(self, context: Context) -> None:
        self._picker = context.picker
        self._pick = context.picker.pick
        self._state = context.state
        self._port = context.port

    @property
    def can_be_drawn(self) -> bool:
        """Whether the port can be asked, and something can be tried."""
        return not self._port.quirks and bool(self._objects())

    def _objects(self) -> list[Object]:
        return [item for item in self._state.objects.values() if not item.patient]

    def protected(self) -> list[Step]:
        """Draw a protected function that tries one or two calls, calls of it, and what comes after an exception."""
        item = self._pick(self._objects())
        attempt, safe = self._state.fresh("try"), self._state.fresh("safe")
        finalizer = self._finalizer(item)
        steps: list[Step] = [
            Call(None, "socket.newtry", () if finalizer is None else (Ref(finalizer.name),), (attempt,),
                 () if finalizer is None else (finalizer,))
        ]  # fmt: skip
        function = self._function(item, attempt)
        steps.append(Call(None, "socket.protect", (Ref(function.name),), (safe,), (function,)))
        for _ in range(1 + self._pick(range(3))):
            steps += self._between(item)
            steps.append(Call(safe, "", ()))
        return steps + self._between(item)

    def _function(self, item: Object, attempt: str) -> Function:
        name = self._state.fresh("f")
        does: list[Call] = []
        kept: list[StepValue] = []
        for place in range(1 + self._pick(range(2))):
            tried = item if not place or self._picker.one_in(2) else self._pick(self._objects())
            methods = [method for method in _TRIED[tried.klass] if self._port.has_method(method, tried.klass)]
            if not methods:
                continue
            results = tuple(self._state.fresh("r") for _ in range(_RESULTS))
            got = tuple(self._state.fresh("v") for _ in range(2))
            method = self._pick(methods)
            does.append(Call(tried.name, method, arguments(self._picker, tried, method), results))
            does.append(Call(attempt, "", tuple(map(Ref, results)), got))
            if method == "accept":
                does.append(Call(got[0], "settimeout", (self._pick(TIMEOUTS),)))
                continue
            kept += map(Ref, got)
        return Function(name, tuple(kept), does=tuple(does)) if does else Function(name, (None, b"nothing"))

    def _finalizer(self, item: Object) -> Function | None:
        """Draw what comes after an exception: mostly the end of the socket, or something else with it."""
        if self._picker.one_in(6):
            return None
        name = self._state.fresh("f")
        method = self._pick(
            ["close", "close", "close", "shutdown", "send", "settimeout", "getsockname", "dirty", "getfd"]
        )
        if not self._port.has_method(method, item.klass):
            return Function(name)
        calls = [Call(item.name, method, arguments(self._picker, item, method))]
        if self._picker.one_in(5):
            calls.append(Call(item.name, "close"))
        return Function(name, does=tuple(calls))

    def _between(self, item: Object) -> list[Step]:
        """Draw what comes between two calls: something to receive, or a call of the object itself."""
        steps: list[Step] = []
        peer = self._state.peer_of(item)
        if peer is not None and self._picker.one_in(2):
            acts: list[tuple[StepValue, str]] = [
                (b"line\n", "send"),
                (b"part", "send"),
                (True, "close"),
                (True, "reset"),
            ]
            acts.append((b"send", "shutdown"))
            value, verb = self._pick(acts[:2] if self._picker.one_in(2) else acts)
            steps.append(PeerAct(peer, verb, value))
        if self._picker.one_in(2):
            method = self._pick([*_TRIED[item.klass], "settimeout", "getsockname", "getstats", "getfd", "dirty"])
            if self._port.has_method(method, item.klass) and method != "accept":
                steps.append(Call(item.name, method, arguments(self._picker, item, method)))
        return steps
