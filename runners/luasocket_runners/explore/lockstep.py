"""Runs a program on the reference and on a port, step by step, and keeps track of its state."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from luasocket_spec.model import Dialect

from luasocket_runners.explore.compare import CALLED, SUBTYPE, Comparison, error_text
from luasocket_runners.explore.context import Abilities, method_label
from luasocket_runners.explore.documented import follows_documentation
from luasocket_runners.explore.flows import Flows
from luasocket_runners.explore.learning import Learning, is_undefined
from luasocket_runners.explore.quirked import QuirkedCall
from luasocket_runners.explore.side import Side
from luasocket_runners.explore.state import State
from luasocket_runners.explore.steps import FATAL, Call, Get, Outcome, PeerAct, Step
from luasocket_runners.notation import Names, show, show_list
from luasocket_runners.quirks import NO_QUIRKS, Quirks
from luasocket_runners.values import Handle, LuaTable

#: Seconds after which a call that does not return by a quirk has hung.
_HANGING: Final = 0.3
#: Methods that send something to the other end of a connection.
_SEND: Final = frozenset({"send", "shutdown", "close", "connect", "accept"})
#: Functions that change nothing, whether they succeed or not.
_LOOKS: Final = frozenset(
    {":getsockname", ":getpeername", ":getoption", ":getfd", ":gettimeout", ":getstats", ":dirty"}
)


@dataclass(frozen=True, slots=True)
class Difference:
    """The first step of a program that two implementations answer differently.

    Attributes
    ----------
    steps
        The program, this step included.
    outcomes
        The answers of the reference, by step.
    expected, actual
        The answers of the reference and of the port, in Lua's notation.
    words
        The difference, in a few words.
    key
        The features that differences of one kind share: the function, and the forms of both outcomes.
    leaks
        Whether the program leaves a descriptor to no object.
    """

    steps: tuple[Step, ...]
    outcomes: tuple[Outcome, ...]
    expected: str
    actual: str
    words: str
    key: tuple[str, str, str]
    leaks: bool = False


class Lockstep:
    """Runs programs on two implementations.

    Parameters
    ----------
    reference, port
        The two, entered.
    quirks
        The rules by which the port differs.
    in_lua
        See `Comparison`.

    Attributes
    ----------
    calls
        How many steps were run on both, over all programs.
    absent
        The functions and methods that the port does not have; see `Abilities`.
    """

    def __init__(
        self, reference: Side, port: Side, dialect: Dialect, quirks: Quirks = NO_QUIRKS, *, in_lua: bool = True
    ) -> None:
        self._reference = reference
        self._port = port
        self._dialect = dialect
        self._quirks = quirks
        self._comparison = Comparison(
            in_lua=in_lua,
            same_texts=reference.has("strerror-glibc") == port.has("strerror-glibc"),
            subtypes=reference.has("subtypes") and port.has("subtypes"),
        )
        self.state = State()
        self._learning = Learning(self.state, reference, dialect)
        self._flows = Flows(reference, port, self.state)
        self.steps: list[Step] = []
        self.outcomes: list[Outcome] = []
        self.calls = 0
        self.absent: set[str] = set()
        self._over = False  # both have died, or hang, or the port does by a quirk

    @property
    def abilities(self) -> Abilities:
        """The abilities of the port."""
        declared = self._port.description.get("capabilities")
        capabilities = frozenset(map(str, declared)) if isinstance(declared, list) else frozenset()
        return Abilities(self._dialect, frozenset(self.absent), capabilities, bool(self._quirks.rules))

    def reset(self) -> None:
        """Begin a new program."""
        for name in self.state.loose():
            for side in (self._reference, self._port):
                side.adopt(name)
        self._reference.reset()
        self._port.reset()
        self._comparison.reset()
        self.state = State()
        self._learning = Learning(self.state, self._reference, self._dialect)
        self._flows = Flows(self._reference, self._port, self.state)
        self.steps = []
        self.outcomes = []
        self._over = False

    def run(self, step: Step) -> Difference | None:
        """Run a step on both; return the difference, if there is one.

        A step without a defined result is left out, and so are those after a call that returns on neither side.
        """
        if self._over or is_undefined(step, self.state, self._reference):
            return None
        sending = self._flows.sending(step)
        inside = {call: self._flows.sending(call) for call in self.state.done_by(step)}
        if any(self._flows.is_undefined(*pair) for pair in [(step, sending), *inside.items()]):
            return None
        if any(found is not None and found.uncertain for found in inside.values()):
            return None  # what a function does next would depend on it
        self.steps.append(step)
        expected = self._reference.run(step)
        self.outcomes.append(expected)
        self.calls += 1
        if sending is None or not sending.uncertain:
            self._settle(self._reference, step, expected)
        quirked = self._quirked(step)
        may_hang = quirked is not None and quirked.may_hang(expected)
        passed = step if quirked is None or not isinstance(step, Call) else replace(step, args=quirked.passed())  # type: ignore[arg-type]
        self._port.limit = _HANGING if may_hang else None
        differ = self._flows.differ(step)
        # bytes that differ are waited for by their number, as the port has reported it
        awaited = replace(expected, values=(b"", *expected.values[1:])) if differ else expected
        actual = self._port.run(passed, awaited)
        self._port.limit = None
        if may_hang and actual.kind == "hung":
            self._over = True
            return None
        if _is_missing(step, expected, actual):
            self.absent.add(self.label(step))
            return None
        if sending is None or not sending.uncertain:
            self._settle(self._port, step, actual)
        alike: tuple[Outcome, Outcome] | None = self._flows.alike(step, sending, expected, actual)
        if differ and isinstance(step, PeerAct):
            alike = self._flows.compare(step, expected, actual)
        # first what functions did, whose results may be those of the step, too
        inner = self._difference_inside(step, expected, actual)
        words = None if alike is None else self._comparison.difference(step, *alike)
        if words is not None and quirked is not None and self._follows_quirks(quirked, step, expected, actual):
            words = None
            # what only one of the two has done shows in everything that comes after it
            self._over = _succeeded(expected) != _succeeded(actual) and step.label not in _LOOKS
        if words is not None and follows_documentation(self.label(step), step, expected, actual):
            words = None
        if inner is not None:
            return inner
        if words is not None:
            return self._describe(step, expected, actual, words)
        if expected.kind in FATAL:
            self._over = True
            return None
        self._flows.note(step, sending, expected, actual)
        for (call, one), (_, other) in zip(expected.inner, actual.inner, strict=False):
            self._flows.note(call, inside.get(call), one, other)
        self._learning.learn(step, expected)
        return None

    def _difference_inside(self, step: Step, expected: Outcome, actual: Outcome) -> Difference | None:
        """Return how the calls differ that functions of the program have made; None if they do not."""
        for (call, one), (_, other) in zip(expected.inner, actual.inner, strict=False):
            if _is_missing(call, one, other):
                self.absent.add(self.label(call))
                return None
            words = self._comparison.difference(call, one, other)
            if words is not None and not follows_documentation(self.label(call), call, one, other):
                return self._describe(call, one, other, f"{words}, inside a function")
        if len(expected.inner) != len(actual.inner):
            return self._describe(step, expected, actual, f"{CALLED} functions that did not make the same calls")
        return None

    def tolerate(self, difference: Difference) -> None:
        """Overlook from now on a difference that would end every program, once it has been reported."""
        if difference.words == SUBTYPE:
            self._comparison.tolerate_subtypes(difference.key[0])

    def label(self, step: Step) -> str:
        """Return the function that a step calls: ``socket.tcp``, ``client:receive``."""
        item = self.state.objects.get(step.object) if isinstance(step, Call) and step.object is not None else None
        return step.label if item is None or not isinstance(step, Call) else method_label(item.klass, step.path)

    def _settle(self, side: Side, step: Step, outcome: Outcome) -> None:
        """Wait until the data that a call has sent have arrived at the other end, and those that it sent inside."""
        for call in (*(call for call, _ in outcome.inner), step):
            if not isinstance(call, Call) or call.object is None or (call.path and call.path not in _SEND):
                continue
            item = self.state.object_behind(call.object)
            if item is None or item.closed or self._flows.is_clogged(item):
                continue
            ends = side.ends_of(item.name)
            if ends is not None:
                side.settle(ends)

    def _quirked(self, step: Step) -> QuirkedCall | None:
        """Return a call as the port's quirks change it; None if no quirk is about it."""
        if not isinstance(step, Call) or not self._quirks.rules:
            return None
        item = self.state.objects.get(step.object) if step.object is not None else None
        call = QuirkedCall(self._quirks, step, item, tuple(map(self._port.resolve, step.args)))
        return call if call.concerned else None

    def _follows_quirks(self, call: QuirkedCall, step: Step, expected: Outcome, actual: Outcome) -> bool:
        """Tell whether an outcome is one that the quirks allow; bind the names of its results, wherever they are."""
        for allowed, alternative in call.alternatives(expected):
            if self._comparison.difference(step, allowed, actual) is None:
                if isinstance(step, Call) and actual.kind == "returned":
                    self._port.bind(step, call.bound(expected, alternative, actual))
                return True
        return False

    # -- words

    def _describe(self, step: Step, expected: Outcome, actual: Outcome, words: str) -> Difference:
        names = Names(self._reference.bound), Names(self._port.bound)
        return Difference(
            tuple(self.steps),
            tuple(self.outcomes),
            show_outcome(expected, names[0]),
            show_outcome(actual, names[1]),
            words,
            (step.label, form(expected), form(actual)),
            leaks=bool(self.state.loose()),
        )


def _succeeded(outcome: Outcome) -> bool:
    """Tell whether a call did what it is for."""
    return outcome.kind == "returned" and outcome.values[:1] not in ((None,), (False,))


def _is_missing(step: Step, expected: Outcome, actual: Outcome) -> bool:
    """Tell whether the port has not got the function of a step, or the field."""
    if isinstance(step, Get):
        return expected.kind == "returned" and actual.values == (None,) != expected.values
    return isinstance(step, Call) and actual.kind == "missing" and expected.kind != "missing"


def show_outcome(outcome: Outcome, names: Names) -> str:
    """Return the outcome of a step, in Lua's notation."""
    if outcome.kind in FATAL or outcome.sentence:
        return outcome.sentence
    if outcome.kind == "saw":
        if not outcome.values:
            return "the peer did it"
        data, ended = (*outcome.values, None)[:2]
        return f"it received {show(data, names)}" + ("" if ended is None else f"; the connection is {ended}")
    shown = show_list(outcome.values, names)
    if outcome.kind == "raised":
        return f"error: {show(outcome.values[0], names)}"
    called = "".join(f"; called {name}({show_list(args, names)})" for name, args in outcome.calls)
    return shown + called


def form(outcome: Outcome) -> str:
    """Return the kind of an outcome: the types of its values, and the text of its messages."""
    if outcome.kind == "raised":
        value = outcome.values[0]
        return "raised " + (error_text(value).decode("latin-1") if isinstance(value, bytes) else _type(value))
    if outcome.kind == "returned":
        # of a failure, the message counts; of a success, the types
        failed = bool(outcome.values) and outcome.values[0] is None
        words = [
            value.decode("latin-1") if failed and index == 1 and isinstance(value, bytes) else _type(value)
            for index, value in enumerate(outcome.values)
        ]
        return ", ".join(words) or "nothing"
    return outcome.kind


def _type(value: object) -> str:
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, bytes):
        return "string"
    if isinstance(value, Handle):
        return value.type
    return "table" if isinstance(value, LuaTable) else "function"
