"""Follows the classes and the past of a port's objects through its calls, to find the quirks that concern a call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from luasocket_spec.model import Interruption, MethodTarget, PathTarget, PeerAction, Target

from luasocket_runners.function_names import PEER
from luasocket_runners.values import Handle, LuaValue

__all__ = ["FUNCTION_VALUE", "ObjectClasses"]

#: The name of functions that a call returned or that were bound: sinks, sources, protected functions.
FUNCTION_VALUE: Final = "function"

#: The class of the object that a function of the module returns.
_MAKERS: Final = {
    "socket.tcp": "master",
    "socket.tcp4": "master",
    "socket.tcp6": "master",
    "socket.udp": "unconnected",
    "socket.udp4": "unconnected",
    "socket.udp6": "unconnected",
    "socket.connect": "client",
    "socket.connect4": "client",
    "socket.connect6": "client",
    "socket.bind": "server",
}


class ObjectClasses:
    """The classes of the objects of one run of a behaviour, and what has happened to each, by their handles."""

    __slots__ = ("_acted", "_calls", "_classes", "_kept", "_noted", "_past", "_past_of_all")

    def __init__(self) -> None:
        self._classes: dict[int, str] = {}
        #: calls that are not in the past of any object yet: nobody asks for it in most behaviours
        self._noted: list[tuple[LuaValue, Sequence[LuaValue] | None, str, Iterable[str]]] = []
        self._past: dict[int, dict[str, int]] = {}
        self._past_of_all: dict[str, int] = {}
        self._acted: dict[str, int] = {}
        self._kept: dict[int, bytes | None] = {}
        self._calls = 0

    def function(self, target: Target, handle: LuaValue) -> str:
        """Return the name of the function of a call: ``socket.select``, ``client:receive``.

        ``handle`` is the object of a method. The class is empty if it is not known: ``:receive``.
        """
        if isinstance(target, PathTarget):
            return target.path
        if isinstance(target, MethodTarget):
            return f"{self._class_of(handle)}:{target.method}"
        return FUNCTION_VALUE

    def field(self, name: str, handle: LuaValue) -> str:
        """Return the name of a field of an object: ``client.class``, or ``.class`` if its class is not known."""
        return f"{self._class_of(handle)}.{name}"

    def past(self, handle: LuaValue) -> Mapping[str, int]:
        """Return the functions that were called on an object or have returned it, and the quirks needed there.

        Each has the number of the last call. That of a function that failed is there once more: ``client:send failed``.
        The actions of peers that were noted are part of every past: ``peer:reset``.
        """
        self._add_noted()
        past = self._past.get(handle.number, {}) if isinstance(handle, Handle) else {}
        return {**past, **self._acted} if self._acted else past

    def acted(self, actions: Iterable[PeerAction | Interruption]) -> None:
        """Take note of actions of peers, for rules that hold only thereafter."""
        self._add_noted()
        for action in actions:
            if isinstance(action, PeerAction):
                self._calls += 1
                name = f"{PEER}:{action.verb}"
                self._acted[name] = self._past_of_all[name] = self._calls

    def now(self) -> int:
        """Return the number of the last call, as in the past of its object."""
        self._add_noted()
        return self._calls

    def past_of_all(self) -> Mapping[str, int]:
        """Return the functions and quirks in the past of any object: that of peers, which belong to none."""
        self._add_noted()
        return self._past_of_all

    def kept(self, handle: LuaValue) -> bytes | None:
        """Return what calls on an object have kept back: strings that rules left out; None if that is not known."""
        return self._kept.get(handle.number, b"") if isinstance(handle, Handle) else b""

    def keep(self, handle: LuaValue, data: bytes | None, *, returned: bool) -> None:
        """Take note of what a call has kept back; ``returned`` tells whether it has returned what was kept before."""
        if isinstance(handle, Handle):
            before = b"" if returned else self.kept(handle)
            self._kept[handle.number] = None if before is None or data is None else before + data

    def note(
        self, handle: LuaValue, returns: Sequence[LuaValue] | None, function: str, quirks: Iterable[str] = ()
    ) -> None:
        """Take note of a call and its quirks in the past of an object, and of the one that the call returned."""
        self._noted.append((handle, returns, function, quirks))

    def _add_noted(self) -> None:
        for call in self._noted:
            self._add(*call)
        self._noted.clear()

    def _add(self, handle: LuaValue, returns: Sequence[LuaValue] | None, function: str, quirks: Iterable[str]) -> None:
        self._calls += 1
        first = tuple(returns or ())[:1]
        # 0 equals false to Python
        failed = (f"{function} failed",) if first and (first[0] is None or first[0] is False) else ()
        # a call that raised an error has changed nothing, and ends nothing
        came = () if returns is None else (function, *failed)
        noted = dict.fromkeys((*came, *quirks), self._calls)
        pasts = [self._past.setdefault(item.number, {}) for item in (handle, *first) if isinstance(item, Handle)]
        for past in (self._past_of_all, *pasts):
            past.setdefault(function, 0)
            past.update(noted)

    def _class_of(self, value: LuaValue) -> str:
        return self._classes.get(value.number, "") if isinstance(value, Handle) else ""

    def called(
        self, target: Target, handle: LuaValue, args: Sequence[LuaValue], returns: Sequence[LuaValue] | None
    ) -> None:
        """Take note of a call that returned, or raised an error (``returns`` is None)."""
        if returns is None:
            return
        first = returns[0] if returns else None
        if isinstance(target, PathTarget):
            made = _MAKERS.get(target.path)
            if made is not None and isinstance(first, Handle):
                self._classes[first.number] = made
        elif isinstance(target, MethodTarget) and isinstance(handle, Handle):
            self._method_called(target.method, handle, args, first)

    def _method_called(self, method: str, handle: Handle, args: Sequence[LuaValue], first: LuaValue) -> None:
        failed = first is None or first is False
        if method == "accept" and isinstance(first, Handle):
            self._classes[first.number] = "client"
        elif method in ("connect", "setpeername") and self._classes.get(handle.number) == "master":
            # both are the same; it becomes a client even if connecting fails, for it may go on in the background
            self._classes[handle.number] = "client"
            if isinstance(first, Handle):
                self._classes[first.number] = "client"
        elif method == "listen" and not failed:
            self._classes[handle.number] = "server"
        elif method == "setpeername" and not failed and self._classes.get(handle.number) not in ("client", "server"):
            self._classes[handle.number] = "unconnected" if args[:1] == (b"*",) else "connected"
