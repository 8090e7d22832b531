"""Follows the state of a program through its steps and the reference's outcomes; knows which steps have no result."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from luasocket_spec.model import Dialect, Ref, TableSpec

from luasocket_runners.explore.side import Side
from luasocket_runners.explore.state import WAITING, Object, PeerState, State
from luasocket_runners.explore.steps import Call, Drop, Get, Make, Outcome, PeerAct, Step, StepValue, used_by
from luasocket_runners.values import Handle

#: Functions that create objects, and the class that their objects begin with.
_CREATE: Final = {
    "socket.tcp": "tcp{master}", "socket.tcp4": "tcp{master}", "socket.tcp6": "tcp{master}",
    "socket.udp": "udp{unconnected}", "socket.udp4": "udp{unconnected}", "socket.udp6": "udp{unconnected}",
    "socket.bind": "tcp{server}", "socket.connect": "tcp{client}", "socket.connect4": "tcp{client}",
    "socket.connect6": "tcp{client}",
}  # fmt: skip
#: Methods after which an object may have another class.
_CHANGE_CLASS: Final = frozenset({"connect", "listen", "setpeername", "accept", "bind"})
#: The state of a peer after an action.
_PEER_KINDS: Final = {
    "listen": "listener", "accept": "connection", "connect": "connection", "refuse": "refused", "udp": "udp",
    "refuse_udp": "refused udp", "close": "closed", "reset": "closed",
}  # fmt: skip
#: Seconds that a number of -1, nil or of no meaning stands for as a timeout: for ever.
_FOR_EVER: Final = None


def is_undefined(step: Step, state: State, reference: Side) -> bool:
    """Tell whether a step must not be run: it lacks a name, has no defined result, or waits for what does not come.

    Few steps that are drawn are of these, but what is left of a program without some of its steps may have any.
    """
    if not used_by(step) <= reference.bound.keys():
        return True
    if isinstance(step, PeerAct):
        return step.verb == "accept" and not reference.has_visitor(step.peer)
    inside = state.done_by(step)
    bound = {name for call in inside for name in call.binds}
    if any(call.object not in bound and is_undefined(_without(call, bound), state, reference) for call in inside):
        return True
    if isinstance(step, Make) or step.object is None:
        return False
    if not isinstance(reference.bound[step.object], Handle):
        return True
    item = state.object_behind(step.object)
    if item is None or not isinstance(step, Call):
        return False
    if item.patient and (not step.path or step.path in WAITING):
        return True
    if step.path == "receivefrom":
        # LuaSocket reports success, and as the address whatever is in memory: nothing has written one there.
        return item.foreign or not _has_descriptor(item, reference)
    return step.path == "setfd" and _harms(step, item, state, reference)


def _without(call: Call, names: set[str | None]) -> Call:
    """Return a call inside a function without the arguments that the function itself binds."""
    args = tuple(None if isinstance(value, Ref) and value.name in names else value for value in call.args)
    return replace(call, args=args)


def _has_descriptor(item: Object, reference: Side) -> bool:
    found = reference.ask(item.name, "getfd")
    return not found or not isinstance(found[0], int | float) or found[0] >= 0


def _harms(step: Call, item: Object, state: State, reference: Side) -> bool:
    """Tell whether setfd would lose a descriptor, or let two objects have the same one.

    Once one of the two is closed, the number may stand for anything else in the process.
    """
    value = step.args[0] if step.args else None
    if value == -1:
        return _has_descriptor(item, reference) and item.name not in state.descriptors.values()
    if isinstance(value, Ref):
        return state.descriptors.get(value.name, "") is not None or _has_descriptor(item, reference)
    return False


class Learning:
    """Learns the state of one program."""

    def __init__(self, state: State, reference: Side, dialect: Dialect) -> None:
        self._state = state
        self._reference = reference
        self._dialect = dialect
        self._givers: dict[str, Object] = {}  # by the names of the descriptors that they gave up

    def learn(self, step: Step, outcome: Outcome) -> None:
        """Take note of a step that both sides have run, with the reference's outcome."""
        if isinstance(step, PeerAct):
            self._learn_peer(step, outcome)
            return
        for call, result in outcome.inner:
            self.learn(call, result)
        self._state.learn_functions(step)
        first = outcome.values[0] if outcome.kind == "returned" and outcome.values else None
        if isinstance(step, Make):
            asked = [function.asks[0] for function in step.functions if function.asks is not None]
            if step.functions:  # any other is a list, or the value of an option
                self._state.tables[step.name] = next(iter(asked), None)
        elif isinstance(step, Drop):
            if outcome.kind == "returned":
                self._state.objects.pop(step.object, None)
                self._forget_descriptors(step.object)
        elif isinstance(step, Get):
            pass
        elif step.object is None:
            self._learn_function(step, first)
        elif step.object in self._state.objects:
            self._learn_method(step, self._state.objects[step.object], first)

    def _learn_function(self, step: Call, first: object) -> None:
        if not isinstance(first, Handle) or not step.binds or step.binds[0] is None:
            return
        name = step.binds[0]
        if step.path in _CREATE:
            item = self._state.objects[name] = Object(name, _CREATE[step.path])
            item.connected = step.path.startswith("socket.connect")
        elif first.type in ("function", "table"):
            behind = filter(None, (self._behind(value) for value in step.args))
            self._state.functions[name] = next(behind, None)
            if first.type == "table":
                self._state.tables[name] = self._state.functions[name]

    def _behind(self, value: StepValue) -> str | None:
        """Return the object that an argument is, or uses."""
        if isinstance(value, TableSpec):
            return next(filter(None, (self._behind(item) for _, item in value.entries)), None)
        item = self._state.object_behind(value.name) if isinstance(value, Ref) else None
        return None if item is None else item.name

    def _learn_method(self, step: Call, item: Object, first: object) -> None:
        if step.path == "settimeout" and first is not None:
            item.waits = self._waits(item, step)
        elif step.path in ("bind", "setsockname") and first is not None:
            item.port = ""
        elif step.path == "getsockname" and len(step.binds) > 1 and first is not None:
            item.ip, item.port = (name or "" for name in step.binds[:2])
        elif step.path == "getfd" and step.binds and step.binds[0] is not None:
            if isinstance(first, int | float) and first >= 0:
                self._state.descriptors[step.binds[0]] = item.name
        elif step.path == "setfd":
            self._learn_descriptor(step, item)
        elif step.path == "close":
            item.closed = True
            self._forget_descriptors(item.name)
        elif step.path == "connect" and first is not None:
            item.connected = True
            item.closed = False
        elif step.path == "accept" and isinstance(first, Handle) and step.binds and step.binds[0] is not None:
            self._state.objects[step.binds[0]] = Object(step.binds[0], "tcp{client}", connected=True)
        if step.path in _CHANGE_CLASS:
            item.klass = self._class_of(item)
            self._forget_descriptors(item.name)  # it may have got another one

    def _learn_descriptor(self, step: Call, item: Object) -> None:
        value = step.args[0] if step.args else None
        descriptors = self._state.descriptors
        if value == -1:
            given = [name for name, holder in descriptors.items() if holder == item.name]
            self._forget_descriptors(item.name)
            for name in given[-1:]:
                descriptors[name] = None
                self._givers[name] = item
            item.closed = True
        elif isinstance(value, Ref) and value.name in descriptors:
            giver = self._givers[value.name]
            descriptors[value.name] = item.name
            item.closed = False
            item.connected, item.foreign = giver.connected, giver.foreign != (giver.tcp is not item.tcp)

    def _forget_descriptors(self, holder: str) -> None:
        descriptors = self._state.descriptors
        for name in [name for name, of in descriptors.items() if of == holder]:
            del descriptors[name]

    def _class_of(self, item: Object) -> str:
        shown = self._reference.run(Call(None, "tostring", (Ref(item.name),)))
        text = shown.values[0] if shown.kind == "returned" and shown.values else b""
        return text.partition(b":")[0].decode("latin-1") if isinstance(text, bytes) else item.klass

    def _waits(self, item: Object, step: Call) -> float | None:
        """Return how long a call on an object can wait now, as the reference's timeouts say."""
        if self._dialect != "defold":
            limits = [value for value in self._reference.ask(item.name, "gettimeout") if isinstance(value, int | float)]
            known = [float(limit) for limit in limits if limit >= 0]
            return min(known) if known else _FOR_EVER
        value = step.args[0] if step.args else None
        if len(step.args) > 1 and step.args[1] != b"b":
            return _FOR_EVER
        return float(value) if isinstance(value, int | float) and value >= 0 else _FOR_EVER

    def _learn_peer(self, step: PeerAct, outcome: Outcome) -> None:
        known = self._state.peers.get(step.peer)
        if step.verb == "send" and outcome.sentence and known is not None and known.kind == "connection":
            known.kind = "ended"
        if step.verb not in _PEER_KINDS or outcome.sentence:
            return
        peer = self._state.peers.setdefault(step.peer, PeerState(step.peer, ""))
        peer.kind = _PEER_KINDS[step.verb]
        peer.choked |= dict(step.options).get("small_buffers") is True
        if step.bind is not None:
            peer.ip, peer.port = f"{step.bind}.ip", f"{step.bind}.port"
