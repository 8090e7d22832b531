"""Draws the next steps of a random program: mostly steps that make sense in its state, any others now and then.

Every wait is short and certain: objects get a short timeout as soon as they exist, and an object that may wait longer
is only asked, not made to wait. Everything is on the loopback.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from luasocket_spec.model import Ref, TableSpec

from luasocket_runners.explore import PROFILES
from luasocket_runners.explore.arguments import ARGUMENTS, DATA, NEVER_ODD, ODD, OPTIONS, Picker, arguments, options_of
from luasocket_runners.explore.context import Abilities, Context
from luasocket_runners.explore.exceptions import Exceptions
from luasocket_runners.explore.floods import Floods
from luasocket_runners.explore.makers import Makers
from luasocket_runners.explore.module_calls import ModuleCalls, inheriting
from luasocket_runners.explore.situations import Situations
from luasocket_runners.explore.state import WAITING, Object, State
from luasocket_runners.explore.steps import Call, Get, PeerAct, Step, StepValue

#: Methods that neither wait nor send, of every class.
_QUIET: Final = (
    "getsockname", "getpeername", "getfd", "dirty", "gettimeout", "getoption", "setoption", "getfamily", "getstats",
    "setstats", "setfd",
)  # fmt: skip
#: The methods that each class is for; those that are named twice are drawn more often.
_METHODS: Final[Mapping[str, tuple[str, ...]]] = {
    "tcp{master}": ("bind", "connect", "connect", "listen", "settimeout", "close"),
    "tcp{client}": (*["receive"] * 8, *["send"] * 5, "shutdown", "connect", "settimeout", "close"),
    "tcp{server}": ("accept", "accept", "accept", "listen", "settimeout", "close"),
    "udp{unconnected}": (
        *["sendto", "receive", "receivefrom"] * 3, "setpeername", "setpeername", "setsockname", "settimeout", "close",
    ),
    "udp{connected}": (*["send", "receive", "receivefrom"] * 3, "setpeername", "setpeername", "settimeout", "close"),
}  # fmt: skip
#: The calls that show the effect of a method.
_SEEN_BY: Final[Mapping[str, str]] = {
    "setoption": "getoption", "setpeername": "getpeername", "connect": "getpeername", "bind": "getsockname",
    "setsockname": "getsockname", "settimeout": "gettimeout", "setstats": "getstats", "listen": "getsockname",
    "sendto": "getsockname", "setfd": "getfd",
}  # fmt: skip
_ALL_METHODS: Final = tuple(sorted({*_QUIET, *ARGUMENTS, "accept", "close"}))
#: Functions and methods that only `luasocket-3` has.
_LATER: Final = frozenset({"gettimeout", "socket.tcp4", "socket.udp4", "socket.dns.getaddrinfo"})
#: Tables and functions of one program: a few, so that they are used more than once.
_MANY: Final = 9

#: The subjects of the programs of a profile.
_KINDS: Final[Mapping[str, frozenset[str]]] = {
    name: frozenset({"tcp", "udp", "module"}) if name == "everything" else frozenset({name}) for name in PROFILES
}
#: The themes of the programs of `everything`, beside itself: those with most states are drawn most often.
_THEMES: Final = tuple(_KINDS[name] for name in ("tcp", "tcp", "tcp", "udp", "udp", "module"))


@dataclass(frozen=True, slots=True)
class Theme:
    """The part of the API that one program is about.

    A program that does a little of everything seldom comes far with anything: each draws the kinds of objects that it
    has, some methods that it leaves alone ("swarm testing", Groce and others, 2012), and some methods and options that
    it prefers, so that these meet in many states.
    """

    kinds: frozenset[str]
    muted: frozenset[str]
    favoured: frozenset[str]
    options: frozenset[str]
    floods: bool

    @classmethod
    def drawn(cls, picker: Picker, profile: str) -> Theme:
        """Draw a theme from a profile."""
        kinds = _KINDS[profile]
        if len(kinds) > 1:
            kinds = picker.pick([*_THEMES, kinds, kinds])
        favoured = frozenset(picker.some(_ALL_METHODS, 3))
        muted = frozenset(picker.some(_ALL_METHODS, 6)) - favoured
        floods = "tcp" in kinds and picker.one_in(2)
        return cls(kinds, muted, favoured, frozenset(picker.some(OPTIONS, 4)), floods)


class Drawer:
    """Draws steps for the state of one program.

    Parameters
    ----------
    port
        The abilities of the port.
    profile
        One of `PROFILES`.
    source
        Chooses the steps.
    """

    def __init__(self, source: Random, state: State, port: Abilities, profile: str) -> None:
        if port.dialect == "defold":
            port = replace(port, absent=port.absent | _LATER | {f":{name}" for name in _LATER})
        self._picker = Picker(source, state)
        self._pick = self._picker.pick
        self._state = state
        self._port = port
        theme = Theme.drawn(self._picker, profile)
        self._kinds = theme.kinds
        self._muted = theme.muted
        self._favoured = theme.favoured
        self._picker.options = theme.options
        context = Context.drawn(self._picker, state, port)
        self._makers = Makers(context, theme.kinds)
        self._floods = Floods(context, self._makers) if theme.floods else None
        self._calls = ModuleCalls(context)
        self._exceptions = Exceptions(context)
        self._situations = Situations(context, self._makers, self._method_of)
        self._focus = ""  # the object that a call was drawn for last
        self._last: list[Step] = []

    def steps(self) -> list[Step]:
        """Return the next steps: one, or a few that belong together; none if nothing can be done."""
        state = self._state
        if self._last and self._picker.one_in(12):
            steps, self._last = self._last, []
            return steps
        choices: list[Callable[[], list[Step]]] = []
        if state.objects:
            choices += [self._method] * 24 + [self._strange_method] * 2 + [self._tostring]
            choices += [self._ask_again] * 4 + [self._ending] * 2 + [self._piped, self._closed]
            choices += [*[self._option] * 4, *[self._options] * 2] if self._port.has_method("getoption") else []
            if self._port.has("socket.select"):
                choices += [self._calls.select] * 4
                choices += [self._calls.table] if len(state.tables) < _MANY else []
            if self._port.has("socket.sink") and len(state.functions) < _MANY:
                choices += [self._calls.stream]
            choices += [self._makers.moved, self._makers.dropped]
        if state.peers_of("connection"):
            choices += [self._peer_acts] * 12
        if state.peers_of("udp"):
            choices += [self._udp_peer_acts] * 10
        if state.has_room():
            choices += self._makers.choices()
            choices += [self._situations.datagrams] * 2 if "udp" in self._kinds else []
        if self._floods is not None:
            choices += self._floods.choices()
        if self._exceptions.can_be_drawn:
            choices += [self._exceptions.protected]
        if "module" in self._kinds:
            choices += self._calls.choices()
        steps = self._pick(choices)() if choices else []  # a port without objects has nothing but peers
        again = len(steps) == 1 and isinstance(steps[0], Call) and not steps[0].binds and not steps[0].functions
        self._last = steps if again else []
        return steps

    def final_steps(self) -> list[Step]:
        """Return the steps that end a program: they ask for each object's state and options, and each peer's data."""
        steps: list[Step] = []
        for item in self._state.objects.values():
            methods = ["dirty", "getstats", "gettimeout"] if item.klass == "tcp{client}" else ["getfd", "gettimeout"]
            steps += [Call(item.name, method) for method in methods if self._port.has_method(method, item.klass)]
            if not item.closed and self._has(item, "getoption"):
                steps += [Call(item.name, "getoption", (name.encode(),)) for name in sorted(self._picker.options)[:2]]
        opened = [item for item in self._state.objects.values() if not item.closed and self._has(item, "getoption")]
        if opened and self._picker.one_in(3):  # of one, all options: each may have been spoilt by another one
            item = self._pick(opened)
            steps += [Call(item.name, "getoption", (name.encode(),)) for name in options_of(item)]
        steps += [PeerAct(peer.name, "end") for peer in self._state.peers_of("connection", "ended")]
        return steps + [PeerAct(peer.name, "collect") for peer in self._state.peers_of("udp")]

    def _has(self, item: Object, method: str) -> bool:
        return self._port.has_method(method, item.klass)

    # -- calls

    def _any_object(self) -> Object:
        """Draw an object: mostly one that is open, if there is any, and often the last one again."""
        objects = list(self._state.objects.values())
        if self._focus in self._state.objects and self._picker.one_in(2):
            return self._state.objects[self._focus]
        opened = [item for item in objects if not item.closed]
        item = self._pick(objects if not opened or self._picker.one_in(5) else opened)
        self._focus = item.name
        return item

    def _method(self) -> list[Step]:
        return self._method_of(self._any_object())

    def _method_of(self, item: Object) -> list[Step]:
        methods = _QUIET if self._picker.one_in(4) else _METHODS[item.klass]
        names = [name for name in methods if self._has(item, name) and name not in self._muted] or ["getfd"]
        favoured = [name for name in sorted(self._favoured & {*_QUIET, *_METHODS[item.klass]}) if self._has(item, name)]
        if favoured and self._picker.one_in(3):
            names = favoured
        if item.patient:
            names = [name for name in names if name not in WAITING] + ["settimeout"] * 6
        method = self._pick(names)
        binds = (self._state.fresh("tcp"),) if method == "accept" else ()
        call = Call(item.name, method, arguments(self._picker, item, method), binds)
        look = _SEEN_BY.get(method)
        if look is not None and self._has(item, look) and self._picker.one_in(3):
            return [call, Call(item.name, look, call.args[:1] if look == "getoption" else ())]
        if not binds and self._picker.one_in(6):  # the same with other arguments
            return [call, Call(item.name, method, arguments(self._picker, item, method))]
        return [call, self._makers.settimeout(binds[0])] if binds and not self._picker.one_in(8) else [call]

    def _ask_again(self) -> list[Step]:
        return self._situations.ask_again(self._any_object())

    def _ending(self) -> list[Step]:
        clients = [item for item in self._state.with_class("tcp{client}") if not item.closed and not item.patient]
        return self._situations.ending(self._pick(clients)) if clients else []

    def _closed(self) -> list[Step]:
        return self._situations.closed(self._any_object(), _ALL_METHODS)

    def _piped(self) -> list[Step]:
        clients = [item for item in self._state.with_class("tcp{client}") if not item.patient]
        return self._situations.piped(self._pick(clients)) if clients else []

    def _option(self) -> list[Step]:
        """A look at an option; perhaps it is set before, and another one, or another object, is looked at behind it."""
        item = self._any_object()
        name, *value = arguments(self._picker, item, "setoption")
        steps: list[Step] = [Call(item.name, "getoption", (name,))]
        if self._picker.one_in(2) and self._has(item, "setoption"):
            made: list[Step] = []
            if value and isinstance(value[0], TableSpec) and self._port.has_inheritance and self._picker.one_in(2):
                value[0], step = inheriting(self._picker, value[0])
                made.append(step)
            steps = [*made, Call(item.name, "setoption", (name, *value)), *steps]
        if self._picker.one_in(3):
            other = self._any_object()
            steps.append(Call(other.name, "getoption", arguments(self._picker, other, "getoption")))
        return [step for step in steps if not isinstance(step, Call) or step.path not in self._muted]

    def _options(self) -> list[Step]:
        """Several options of an object, which are set and then read, so that one may spoil another."""
        item = self._any_object()
        sets = [arguments(self._picker, item, "setoption") for _ in range(2 + self._pick(range(2)))]
        steps: list[Step] = [Call(item.name, "setoption", args) for args in sets if self._has(item, "setoption")]
        names = [args[0] for args in sets if args] + [arguments(self._picker, item, "getoption")[0]]
        return [*steps, *(Call(item.name, "getoption", (name,)) for name in names)]

    def _strange_method(self) -> list[Step]:
        """A method that the class does not have, with any arguments."""
        item = self._any_object()
        strange = [
            name
            for name in _ALL_METHODS
            if self._has(item, name) and name not in (*_METHODS[item.klass], *_QUIET, *NEVER_ODD)
        ]
        return [Call(item.name, self._pick(strange), tuple(self._picker.some(ODD, 2)))] if strange else []

    def _tostring(self) -> list[Step]:
        if self._picker.one_in(3):
            return [Get(self._any_object().name, "class")]
        return [Call(None, "tostring", (Ref(self._any_object().name),))]

    # -- peers

    def _peer_acts(self) -> list[Step]:
        peer = self._pick(self._state.peers_of("connection"))
        verb = self._pick(["send"] * 12 + ["collect"] * 4 + ["end", "end", "shutdown", "close", "reset"])
        value: StepValue = True
        if verb == "send":
            value = self._pick(DATA[1:])
        elif verb == "shutdown":
            value = b"send"
        steps: list[Step] = [PeerAct(peer.name, verb, value)]
        item = self._state.objects.get(self._state.links.get(peer.name, ""))
        if verb == "send" and item is not None and not item.patient and not item.closed and self._picker.one_in(2):
            steps.append(Call(item.name, "receive", arguments(self._picker, item, "receive")))  # now there is something
        return steps

    def _udp_peer_acts(self) -> list[Step]:
        peer = self._pick(self._state.peers_of("udp"))
        bound = [item for item in self._state.objects.values() if item.port and not item.tcp]
        if not bound or self._picker.one_in(3):
            return [PeerAct(peer.name, "collect")]
        item = self._pick(bound)
        where = (("to", Ref(item.port)), ("ip", Ref(item.ip)))
        steps: list[Step] = [PeerAct(peer.name, "send", self._pick(DATA), where)]
        if not item.patient and not item.closed and self._picker.one_in(2):  # now there is something to receive
            method = self._pick([name for name in ("receive", "receivefrom") if self._has(item, name)] or ["getfd"])
            steps.append(Call(item.name, method, arguments(self._picker, item, method)))
        return steps
