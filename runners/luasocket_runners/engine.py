"""Plays behaviours on a port.

What lives here: the order of things. Steps become requests, answers are compared, peers act while a call blocks,
functions of the test are played when the port calls them, everything is cleaned up, and nothing waits for ever. What
may not: the form of messages (``values``), how a port is reached (``ports``), comparison (``matcher``), sockets
(``peers``), layout (``report``).

The steps of a behaviour, and those of a function that the port calls, are generators that yield requests and are sent
the answers. The generators that wait for an answer form a stack, as the calls in the port do. A function that yields
in a coroutine leaves the stack with all that is above it, and comes back when the coroutine is resumed: so the answer
to a request tells which generator goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType, TracebackType
from typing import Any, Final, TypeAlias

from luasocket_spec import model
from luasocket_spec.model import Authority, Behaviour, Dialect

from luasocket_runners import exhaustion, host, inspection, notation, probes
from luasocket_runners.matcher import Matcher, Unbound, resolve
from luasocket_runners.notation import Names
from luasocket_runners.peers import ACTIONS, JUDGING, Peer, PeerFailure, rhythm
from luasocket_runners.ports import Connection, Port, PortGone, PortUnavailable
from luasocket_runners.result import CONFORMING, RAISED, SEEN, Result, Verdict
from luasocket_runners.scoping import full_name, peer_name, visible
from luasocket_runners.values import BadMessage, FunctionRef, Handle, LuaValue, decode, decode_list, encode, quoted

#: Seconds after which a call that should have returned counts as hanging. The longest call of the spec moves 10 MB,
#: which takes less than a second; ten leave room for a machine under full load.
DEADLINE: Final = 10.0
#: How often a port may die without answering a single request before we stop starting it again.
PATIENCE_WITH_STARTS: Final = 3
#: How often a behaviour is played whose only fault was to be late: a busy host is late once, a wrong port always. It
#: is the same where the port had no descriptors left.
CHANCES: Final = 3


class _Stop(Exception):
    """Ends a behaviour with a result.

    ``broken``: the port is in the middle of something and must be started again. ``late``: its only fault was the time.
    """

    def __init__(self, result: Result, *, broken: bool = False, late: bool = False) -> None:
        super().__init__()
        self.result = result
        self.broken = broken
        self.late = late


#: Text for a result; made only where one needs it, for most steps do what they should.
_Words: TypeAlias = str | Callable[[], str]


@dataclass(slots=True)
class _Request:
    """Something asked of the port, with what peers do meanwhile; it may take ``longer`` than the deadline."""

    message: dict[str, Any]
    doing: _Words
    source: model.Source
    expected: _Words | None = None
    meanwhile: tuple[model.While, ...] = ()
    prefix: str = ""
    longer: float = 0.0


@dataclass(slots=True)
class _Answer:
    """What the port said, and after how many seconds."""

    returns: tuple[LuaValue, ...] | None
    raises: LuaValue
    duration: float


_Steps = Generator[_Request, _Answer, None]


@dataclass(slots=True)
class _Due:
    """An action of a peer that is still to come; ``every`` and ``times``: again and again."""

    at: float
    action: model.PeerAction
    prefix: str
    every: float | None
    times: int | None


@dataclass(slots=True)
class _Frame:
    """A generator, and the request whose answer it waits for."""

    steps: Generator[_Request, _Answer, dict[str, Any] | None]
    request: _Request | None = None
    number: int = 0
    began: float = 0.0
    end: float = 0.0  #: when the request counts as hanging
    due: list[_Due] = field(default_factory=list)


@dataclass(slots=True)
class _Function:
    """A function of the test: its data and the calls that came."""

    data: model.Function
    calls: list[tuple[LuaValue, ...]] = field(default_factory=list)


class Engine:
    """Plays behaviours on one port, one at a time, starting it when needed. Use as a context manager.

    Parameters
    ----------
    port
        The port, see :func:`luasocket_runners.ports.resolve`.
    dialect
        The dialect that the port is held to; None: the one of its terms, else the one that it says it has, else
        ``luasocket-3``.
    authority
        Where documentation and library disagree, the side that the port is held to; None: that of its terms, else
        either.

    Raises
    ------
    PortUnavailable
        When the port cannot be run at all: on entering, and when it dies at every start.

    Attributes
    ----------
    deadline
        Seconds after which a call counts as hanging, beyond those that it is to wait.
    dialect
        The dialect that the port is held to.
    description
        What the port says of itself (``describe`` in ``PROTOCOL.md``); strings are escaped.
    """

    def __init__(
        self,
        port: Port,
        dialect: Dialect | None = None,
        authority: Authority | None = None,
        *,
        deadline: float = DEADLINE,
    ) -> None:
        self.port = port
        self._asked_dialect = dialect or port.terms.dialect
        self._authority = authority or port.terms.authority
        self.deadline = deadline
        self._connection: Connection | None = None
        self._probed: dict[str, bool] = {}
        #: Whether the port understands strings that are told as repetitions.
        self.repeats = False
        #: The process whose descriptors steps look at; known once the capability `inspection` was asked for.
        self.inspected: int | None = None
        self._deaths_at_start = 0
        self._request_number = 0
        self.description: Mapping[str, Any] = {}
        self.dialect: Dialect = self._asked_dialect or "luasocket-3"
        self._jitter = host.Jitter()

    def __enter__(self) -> Engine:
        self._jitter.__enter__()
        try:
            self._running()
        except BaseException:
            self._jitter.__exit__()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._end()
        finally:
            self._jitter.__exit__()

    # -- the port's life

    def _start(self) -> Connection:
        connection = self.port.open(self._asked_dialect)
        try:
            number = self._next_number()
            # a short deadline is meant for calls: a port may need its time to start
            patience = max(self.deadline, DEADLINE)
            description = connection.ask({"id": number, "op": "describe", "protocol": 1}, patience)
            if description is None:
                raise PortGone(f"it did not answer describe within {patience:g} s (does it flush what it writes?)")
            if description.get("id") != number or not isinstance(description.get("name"), str):
                wanted = f"which has the id {number} and a name"
                raise PortGone(f"its first message is no answer to describe, {wanted}: {quoted(description)}")
            if "protocol" not in description:
                raise PortUnavailable(f"The adapter of {self.port.name} does not say its protocol; we speak 1.")
            if description["protocol"] != 1:
                theirs = quoted(description["protocol"])
                raise PortUnavailable(f"The adapter of {self.port.name} speaks protocol {theirs}, we speak 1.")
            if not isinstance(description.get("capabilities", []), list):
                raise PortUnavailable(f"The adapter of {self.port.name} gives capabilities that are no list.")
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        self._probed.clear()
        self.inspected = None
        self.description = {
            key: notation.plain(value) if isinstance(value, str) else value for key, value in description.items()
        }
        self.repeats = "repeat" in description.get("capabilities", [])
        told = description.get("dialect")
        if self._asked_dialect is None and told in model.DIALECTS:
            self.dialect = told
        return connection

    def _count_death(self, gone: PortGone) -> None:
        self._deaths_at_start += 1
        if self._deaths_at_start >= PATIENCE_WITH_STARTS:
            raise PortUnavailable(
                f"The port {self.port.name} does not start: {gone} (tried {self._deaths_at_start} times)"
            ) from gone

    def _end(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _next_number(self) -> int:
        self._request_number += 1
        return self._request_number

    def allowance(self) -> float:
        """Return the seconds by which an upper bound is widened on this host now."""
        return self._jitter.allowance()

    # -- one behaviour

    def applies(self, behaviour: Behaviour) -> bool:
        """Tell whether a behaviour is for the dialect that the port is held to."""
        return self.dialect in behaviour.dialects

    def missing_capability(self, behaviour: Behaviour) -> str | None:
        """Return the first capability that a behaviour needs and host or port do not have."""
        told = self.description.get("capabilities") or ()
        for name in behaviour.needs:
            there = host.has(name)
            if there is None:
                there = self._probe(name) if probes.asked(name) else name in told
            if not there:
                return name
        return None

    def _probe(self, capability: str) -> bool:
        """Ask the port for a capability, once for each connection. A port that breaks at the question has it not."""
        connection = self._running()
        if capability not in self._probed:
            try:
                if capability == "inspection":
                    self.inspected = probes.inspected_process(connection.process_id, self._ask)
                    found = self.inspected is not None
                else:
                    found = probes.has_option(capability, self._ask)
            except (PortGone, BadMessage):
                found = False
            if not self._reset(connection):
                found = False
                self._end()
            self._probed[capability] = found
        return self._probed[capability]

    def _ask(self, message: Mapping[str, Any]) -> tuple[LuaValue, ...] | None:
        """Send a request and return what the port returned; None: it did not return, but raised, say."""
        connection = self._running()
        number = self._next_number()
        answer = connection.ask({"id": number, **message}, self.deadline)
        if answer is None:
            raise PortGone(f"it did not answer within {self.deadline:g} s")
        if answer.get("id") != number:
            raise BadMessage(f"an answer to request {quoted(answer.get('id'))}, while {number} is under way")
        return decode_list(answer["returns"], "returns") if "returns" in answer else None

    def play(self, behaviour: Behaviour) -> Result:
        """Play a behaviour and return what came of it.

        Never raises for what the port does, except :class:`PortUnavailable` when it dies at every start.
        """
        began = time.monotonic()
        note = ""
        for _ in range(CHANCES):
            result, again = self._play_once(behaviour)
            if again is None:
                break
            note = again
        return replace(result, duration=time.monotonic() - began, note=note)

    def _running(self) -> Connection:
        """Return the connection to the port, which is started if it is not there."""
        while (connection := self._connection) is None:
            try:
                connection = self._start()
            except PortGone as gone:
                self._count_death(gone)
        return connection

    def _play_once(self, behaviour: Behaviour) -> tuple[Result, str | None]:
        """Return what came of it and, where it is worth another try, what is to be said of that; else None."""
        absent = self.missing_capability(behaviour)
        if absent is not None:
            return Result(behaviour, Verdict.SKIPPED, f"needs {absent}, which is not there"), None
        connection = self._running()
        play = _Play(behaviour, connection, self)
        broken = False
        again = None
        try:
            play.run()
            result = Result(behaviour, Verdict.PASSED, follows=play.follows())
        except _Stop as stop:
            result, broken, again = stop.result, stop.broken, "" if stop.late else None
        except PortGone as gone:
            result, broken = play.failed(str(gone)), True
        except BadMessage as bad:
            result, broken = play.failed(f"the adapter sent something that is not of the protocol: {bad}"), True
        except Exception as error:
            # a mistake of the spec, of ours, or of the system: no verdict about the port, and the run goes on
            reason = f"the runner could not play it: {type(error).__name__}: {notation.plain(error)}"
            result, broken = replace(play.failed(reason), verdict=Verdict.ERRORED, expected=None), True
        finally:
            play.end_peers()
        if result.verdict not in CONFORMING and (leaked := exhaustion.told(connection.process_id, result)):
            broken, again = True, f"{leaked}: it was started anew, and the behaviour played again"
        if broken:
            result = replace(result, printed=connection.stderr_tail)
        if play.answered:
            self._deaths_at_start = 0
        if not broken:
            broken = not self._reset(connection, play.changed)
        if broken:
            self._end()
        return result, again

    def _reset(self, connection: Connection, changed: Mapping[str, LuaValue] = MappingProxyType({})) -> bool:
        """Have the port set back these fields of the module and forget everything; tell whether it did."""
        messages = [{"op": "set", "target": path, "value": encode(value)} for path, value in changed.items()]
        for message in [*messages, {"op": "reset"}]:
            number = self._next_number()
            try:
                answer = connection.ask({"id": number, **message}, self.deadline)
            except PortGone:
                return False
            if answer is None or answer.get("id") != number or "returns" not in answer:
                return False
        return True


class _Play:
    """One playing of one behaviour."""

    def __init__(self, behaviour: Behaviour, connection: Connection, engine: Engine) -> None:
        self._behaviour = behaviour
        self._connection = connection
        self._engine = engine
        self._bound: dict[str, LuaValue] = {"host.name": host.name()}
        self._names = Names(self._bound)
        self._peers: dict[str, Peer] = {}
        self._functions = [_Function(data) for data in behaviour.functions.values()]
        self._stack: list[_Frame] = []
        self._asleep: list[list[_Frame]] = []
        #: The request of the only frame, where there is nothing to do but to wait for its answer.
        self._question: dict[str, Any] | None = None
        self._readings: frozenset[Authority] = (
            frozenset(model.AUTHORITIES) if engine._authority is None else frozenset({engine._authority})
        )
        self._forked = False
        self._doing: _Words = ""
        self._source: model.Source | None = None
        self._expected: _Words | None = None
        self._preparing: str | None = None
        self.answered = False
        #: Fields of the module that were set, with what they were before: another behaviour finds them unchanged.
        self.changed: dict[str, LuaValue] = {}
        #: Seconds that the functions of the test may need together, beyond the deadline of the call that calls them.
        self._in_functions = sum(waits(function.steps) for function in behaviour.functions.values())
        for index, function in enumerate(self._functions, 1):
            self._bound[function.data.name] = FunctionRef(index)

    def follows(self) -> Authority | None:
        """Return the side of a disagreement that the port took, if it took one."""
        return next(iter(self._readings)) if self._forked and len(self._readings) == 1 else None

    def end_peers(self) -> None:
        """Close every peer."""
        for peer in self._peers.values():
            peer.end()

    def failed(self, reason: str, returned: str | None = None) -> Result:
        """Return the result of a port that fails at the step that is being played."""
        return Result(
            self._behaviour,
            Verdict.FAILED,
            reason,
            doing=_said(self._doing),
            expected=None if self._expected is None else _said(self._expected),
            returned=returned,
            where="" if self._source is None else str(self._source),
            preparing=self._preparing,
        )

    def _peer_failed(self, failure: PeerFailure) -> Result:
        """Return the result of a port that does not do what a peer waits for."""
        self._expected = failure.wanted
        seen = None if failure.seen is None else f"{SEEN}{failure.seen}"
        return replace(self.failed(str(failure), seen), hung=failure.waited)

    def _stop(self, reason: str, returned: str | None = None, *, late: bool = False) -> _Stop:
        """Return the end of a behaviour. Inside a function of the test the port is still in the middle of a call."""
        return _Stop(self.failed(reason, returned), broken=len(self._stack) > 1, late=late)

    def _hangs(self, frame: _Frame) -> _Stop:
        self._show(frame)
        reason = f"it did not return within {frame.end - frame.began:g} s: the call hangs"
        return _Stop(replace(self.failed(reason), hung=True), broken=True)

    def no_object(self, name: str, value: LuaValue) -> _Stop:
        """Return the end of a behaviour that would use as an object what the port gave as something else."""
        return self._stop(f"{name} is {notation.show(value, self._names)}, where an object or a function was due")

    # -- the generators

    def run(self) -> None:
        """Play everything; raise :class:`_Stop` at the first difference."""
        self._stack.append(_Frame(self._everything()))
        self._go_on(None)
        while self._stack:
            self._hear()

    def _everything(self) -> Generator[_Request, _Answer, None]:
        for name, fixture in self._behaviour.given:
            self._preparing = fixture.name
            yield from self._play_steps(fixture.steps, _Scope(self, name))
        self._preparing = None
        yield from self._play_steps(self._behaviour.steps, _Scope(self))

    def _function_called(
        self, function: _Function, args: tuple[LuaValue, ...]
    ) -> Generator[_Request, _Answer, dict[str, Any]]:
        function.calls.append(args)
        data = function.data
        local: dict[str, LuaValue] = {
            name: args[index] if index < len(args) else None for index, name in enumerate(data.params)
        }
        scope = _Scope(self, local=local, splice=args)
        yield from self._play_steps(data.steps, scope)
        if data.raises:
            return {"op": "raise", "value": encode(scope.resolve(data.raises[0]))}
        return {"op": "return", "values": [encode(value) for value in scope.resolve_list(data.returns)]}

    def _play_steps(self, steps: tuple[model.Step, ...], scope: _Scope) -> _Steps:
        for step in steps:
            self._source, self._doing, self._expected = step.source, "", None
            yield from self._PLAY[type(step)](self, step, scope)

    # -- talking

    def _go_on(self, answer: _Answer | None) -> None:
        """Run the topmost generator to its next request, and post that; end it where it ends."""
        while self._stack:
            frame = self._stack[-1]
            try:
                request = next(frame.steps) if answer is None else frame.steps.send(answer)
            except StopIteration as end:
                self._stack.pop()
                if end.value is not None:
                    self._connection.post(end.value)
                return
            frame.request = request
            frame.number = self._engine._next_number()
            frame.began = time.monotonic()
            frame.end = frame.began + self._engine.deadline + request.longer + self._in_functions
            frame.due = [self._due(item, frame.began, request.prefix) for item in request.meanwhile]
            self._show(frame)
            message = {"id": frame.number, **request.message}
            if request.meanwhile or self._functions:
                self._connection.post(message)
            else:
                self._question = message
            return

    def _show(self, frame: _Frame) -> None:
        """Have results speak of the request that a frame waits for."""
        request = frame.request
        assert request is not None
        self._doing, self._source, self._expected = request.doing, request.source, request.expected

    @staticmethod
    def _due(item: model.While, began: float, prefix: str) -> _Due:
        every, times = rhythm(item.action)
        return _Due(began + item.after, item.action, prefix, every, times)

    def _hear(self) -> None:
        """Wait for the next message and deal with it; let peers act when their time comes."""
        if self._question is not None:
            question, self._question = self._question, None
            (frame,) = self._stack
            message = self._connection.ask(question, frame.end - frame.began)
            if message is None:
                raise self._hangs(frame)
            self.answered = True
            self._dispatch(message)
            return
        due = min((item for waiting in self._stack for item in waiting.due), key=lambda item: item.at, default=None)
        # a call that calls functions of the test for ever hangs as well, though each of those calls is answered soon
        first = min(self._stack, key=lambda frame: frame.end)
        until = first.end if due is None else min(first.end, due.at)
        message = self._connection.wait(max(0.0, until - time.monotonic()))
        now = time.monotonic()
        if message is not None:
            self.answered = True
            if now >= first.end and "callback" in message:
                raise self._hangs(first)
            self._dispatch(message)
        elif due is not None and now >= due.at:
            self._meanwhile(due)
        elif now >= first.end:
            raise self._hangs(first)

    def _meanwhile(self, due: _Due) -> None:
        scope = _Scope(self, due.prefix)
        try:
            self._act(due.action, scope)
        except (PeerFailure, OSError) as trouble:
            if isinstance(trouble, PeerFailure) and due.action.verb in JUDGING:
                self._doing, self._source = _peer_doing(due.action, scope), due.action.source
                raise _Stop(self._peer_failed(trouble), broken=True) from None
            # the call may have returned and closed in the meantime: its answer, not the peer's trouble, is what counts
            due.every = None
        if due.every is None or due.times == 1:
            for frame in self._stack:
                if due in frame.due:
                    frame.due.remove(due)
        else:
            due.at += due.every
            due.times = None if due.times is None else due.times - 1

    def _dispatch(self, message: dict[str, Any]) -> None:
        number = message.get("id")
        if "callback" in message:
            if number != self._stack[-1].number:
                raise BadMessage(f"a callback of request {quoted(number)} while {self._stack[-1].number} is under way")
            index = message["callback"]
            if not isinstance(index, int) or not 1 <= index <= len(self._functions):
                raise BadMessage(f"a callback of function {quoted(index)}, which was never handed over")
            args = decode_list(message.get("args"), "args")
            self._stack.append(_Frame(self._function_called(self._functions[index - 1], args)))
            self._go_on(None)
            return
        for depth, frame in enumerate(self._stack):
            if frame.number == number:
                if depth + 1 < len(self._stack):
                    # a function has yielded: it and what it called sleep until the coroutine is resumed
                    self._asleep.append(self._stack[depth + 1 :])
                    del self._stack[depth + 1 :]
                break
        else:
            woken = next((frames for frames in self._asleep if frames[-1].number == number), None)
            if woken is None:
                raise BadMessage(f"an answer to request {quoted(number)}, while {self._stack[-1].number} is under way")
            self._asleep.remove(woken)
            self._stack.extend(woken)
            frame = woken[-1]
        self._go_on(self._answer(frame, message))

    def _answer(self, frame: _Frame, message: dict[str, Any]) -> _Answer:
        duration = time.monotonic() - frame.began
        self._show(frame)
        frame.due = []
        if "returns" in message:
            return _Answer(decode_list(message["returns"], "returns"), None, duration)
        if "raises" in message:
            return _Answer(None, decode(message["raises"]), duration)
        if "missing" in message:
            assert frame.request is not None
            called = frame.request.message
            missing = f":{called['method']}" if called.get("method") else called.get("target")
            raise self._not_implemented(notation.plain(message["missing"]), missing)
        if "fault" in message:
            result = self.failed(f"the adapter could not do it: {notation.plain(message['fault'])}")
            raise _Stop(replace(result, verdict=Verdict.ERRORED, expected=None), broken=True)
        raise BadMessage(f"an answer with the keys {quoted(sorted(message))}")

    def _not_implemented(self, told: str, missing: str | None) -> _Stop:
        """Return the end of a play for want of something: as it is told to people, and its name for declarations."""
        stop = self._stop(f"the port has no {told}")
        stop.result = replace(stop.result, verdict=Verdict.NOT_IMPLEMENTED, missing=missing)
        return stop

    # -- the steps

    def _call(self, step: model.Call, scope: _Scope) -> _Steps:
        names = Names(scope.visible())
        args = scope.resolve_list(step.args)
        self._doing = doing = partial(notation.show_call, step.target, args, names)
        outcomes = self._outcomes(step.expect)
        expected = partial(self._show_outcomes, outcomes, names)
        request = _Request(
            {
                "op": "call",
                **scope.target(step.target),
                "args": [encode(value, repeats=self._engine.repeats) for value in args],
            },
            doing,
            step.source,
            expected,
            step.meanwhile,
            scope.prefix,
            _longer(step),
        )
        answer = yield request
        self._compare(outcomes, answer, scope, names)
        self._in_time(step.takes, answer.duration)
        results = (answer.raises,) if answer.returns is None else answer.returns
        for index, name in enumerate(step.binds):
            if name is not None:
                scope.bind(name, results[index] if index < len(results) else None)

    def _get(self, step: model.Get, scope: _Scope) -> _Steps:
        names = Names(scope.visible())
        if step.name is None:
            self._doing = step.field
            message: dict[str, Any] = {"op": "get", "target": step.field}
        else:
            self._doing = f"{step.name}.{step.field}"
            message = {"op": "get", "handle": scope.handle(step.name).number, "field": step.field}
        outcomes = self._outcomes(step.expect)
        answer = yield _Request(message, self._doing, step.source, partial(self._show_outcomes, outcomes, names))
        absent = answer.returns is not None and answer.returns[:1] in ((), (None,))
        if absent and (_are_functions(outcomes.values()) or (step.name is None and not _admit_nil(outcomes.values()))):
            # a field of the module, or a method that is looked up to be called without its object, is as absent as
            # a function that is called
            missing = step.field if step.name is None else f":{step.field}"
            raise self._not_implemented(missing, missing)
        self._compare(outcomes, answer, scope, names)
        if step.bind is not None and answer.returns:
            scope.bind(step.bind, answer.returns[0])

    def _set(self, step: model.Set, scope: _Scope) -> _Steps:
        value = scope.resolve(step.value)
        doing = f"{step.path} = {notation.show(value, Names(scope.visible()))}"
        if step.path not in self.changed:
            before = yield _Request({"op": "get", "target": step.path}, doing, step.source)
            self.changed[step.path] = before.returns[0] if before.returns else None
        yield from self._plainly({"op": "set", "target": step.path, "value": encode(value)}, doing, step)

    def _make(self, step: model.Make, scope: _Scope) -> _Steps:
        value = scope.resolve(step.value)
        doing = f"{step.name} = {notation.show(value, Names(scope.visible()))}"
        answer = yield _Request({"op": "make", "value": encode(value)}, doing, step.source)
        if answer.returns is None or len(answer.returns) != 1:
            raise BadMessage("make was not answered with one value")
        scope.bind(step.name, answer.returns[0])

    def _drop(self, step: model.Drop, scope: _Scope) -> _Steps:
        self._doing = f"{', '.join(step.names)} = nil; collectgarbage()"
        numbers = [scope.handle(name).number for name in step.names]
        for name in step.names:
            scope.unbind(name)
        yield from self._plainly({"op": "release", "handles": numbers}, self._doing, step)

    def _plainly(self, message: dict[str, Any], doing: str, step: model.Set | model.Drop) -> _Steps:
        answer = yield _Request(message, doing, step.source)
        if answer.returns is None:
            shown = notation.show(answer.raises, self._names)
            raise self._stop("it raised an error", returned=f"{RAISED}{shown}")

    def _called(self, step: model.Called, scope: _Scope) -> _Steps:
        function = next(item for item in self._functions if item.data.name == step.function)
        names = Names(scope.visible())
        self._doing = f"{step.function}, a function of the test"
        times = len(function.calls)
        if times != step.times:
            self._expected = f"called {_times(step.times)}"
            raise self._stop(f"it was called {_times(times)} instead of {_times(step.times)}")
        for number, (wanted, got) in enumerate(zip(step.args or (), function.calls, strict=False), 1):
            difference = Matcher(scope.look_up, names).results(wanted, got)
            if difference is not None:
                self._expected = f"call {number} with {notation.show_list(wanted, names)}"
                raise self._stop(difference, returned=f"call {number} with {notation.show_list(got, names)}")
        return
        yield

    def _system(self, step: model.System, scope: _Scope) -> _Steps:
        names = Names(scope.visible())
        self._doing = notation.show_system(step)
        outcomes = self._outcomes(step.expect)
        message = {"op": "call", "handle": scope.handle(step.name).number, "method": "getfd", "args": []}
        answer = yield _Request(message, self._doing, step.source, partial(self._show_outcomes, outcomes, names))
        descriptor = answer.returns[0] if answer.returns else None
        told = self._show_answer(answer, names)
        if not isinstance(descriptor, int | float) or not 0 <= descriptor < inspection.DESCRIPTORS:
            raise self._stop("getfd tells no descriptor to look at", returned=f"getfd: {told}")
        process = self._engine.inspected
        assert process is not None, "the loader demands the capability of whoever looks"
        try:
            value = inspection.read(inspection.duplicate(process, int(descriptor)), step.option)
        except inspection.NotSeen as unseen:
            raise self._stop(str(unseen), returned=f"getfd: {told}") from None
        self._compare(outcomes, replace(answer, returns=(value,)), scope, names)

    def _peer(self, step: model.Peer, scope: _Scope) -> _Steps:
        self._doing = partial(_peer_doing, step.action, scope)
        try:
            self._act(step.action, scope)
        except PeerFailure as failure:
            raise _Stop(self._peer_failed(failure), broken=len(self._stack) > 1) from None
        return
        yield

    _PLAY: Final[Mapping[type, Callable[..., _Steps]]] = {
        model.Call: _call,
        model.Get: _get,
        model.Set: _set,
        model.Make: _make,
        model.Drop: _drop,
        model.Called: _called,
        model.System: _system,
        model.Peer: _peer,
    }

    def _act(self, action: model.PeerAction, scope: _Scope) -> None:
        name = peer_name(scope.prefix, action.who)
        peer = self._peers.setdefault(name, Peer(name))
        options = {key: scope.resolve(value) for key, value in action.options.items()}
        made = ACTIONS[action.verb](peer, scope.resolve(action.value), options)
        if action.bind is None:
            return
        if isinstance(made, bytes):
            scope.bind(action.bind, made)
        elif made is not None:
            for key, value in made.items():
                scope.bind(f"{action.bind}.{key}", value)

    # -- comparing

    def _outcomes(self, expect: model.Expectation) -> dict[Authority, model.Outcome]:
        """Return what each reading that is still open expects."""
        found: dict[Authority, model.Outcome] = {}
        for reading, outcome in expect.by_reading:
            if reading.dialect not in (None, self._engine.dialect):
                continue
            for authority in self._readings:
                if reading.authority in (None, authority):
                    found[authority] = outcome
        if not found:
            raise LookupError(f"nothing is said of the dialect {self._engine.dialect}")
        return found

    @staticmethod
    def _show_outcomes(outcomes: Mapping[Authority, model.Outcome], names: Names) -> str:
        shown = {authority: notation.show_outcome(outcome, names) for authority, outcome in outcomes.items()}
        if len(set(shown.values())) == 1:
            return next(iter(shown.values()))
        return f"{shown['documented']}   (documented), or\n{shown['observed']}   (observed)"

    def _compare(
        self, outcomes: Mapping[Authority, model.Outcome], answer: _Answer, scope: _Scope, names: Names
    ) -> None:
        matcher = Matcher(scope.look_up, names)
        found: dict[int, str | None] = {}  # mostly, both sides expect the very same
        for outcome in outcomes.values():
            if id(outcome) not in found:
                found[id(outcome)] = (
                    matcher.outcome_raises(outcome, answer.raises)
                    if answer.returns is None
                    else matcher.outcome_returns(outcome, answer.returns)
                )
        differences = {authority: found[id(outcome)] for authority, outcome in outcomes.items()}
        fits = frozenset(authority for authority, difference in differences.items() if difference is None)
        if len(found) > 1:
            self._forked = True
        if fits:
            self._readings = fits
            return
        sentence = differences.get("observed") or next(item for item in differences.values() if item)
        raise self._stop(sentence, returned=self._show_answer(answer, names))

    @staticmethod
    def _show_answer(answer: _Answer, names: Names) -> str:
        if answer.returns is None:
            return f"{RAISED}{notation.show(answer.raises, names)}"
        return notation.show_list(answer.returns, names)

    def _in_time(self, takes: model.Takes, duration: float) -> None:
        if takes.at_least is not None and duration < takes.at_least:
            self._expected = f"not before {takes.at_least:g} s were over"
            raise self._stop("it did not wait as long as it had to", returned=f"after {duration:.6f} s")
        if takes.at_most is not None and duration > takes.at_most + self._engine.allowance():
            self._expected = f"within {takes.at_most:g} s"
            raise self._stop("it waited longer than it had to", returned=f"after {duration:.3f} s", late=True)


class _Scope:
    """The names that steps see: of the behaviour, of a fixture (under its given name), of a call of a function."""

    def __init__(
        self,
        play: _Play,
        prefix: str = "",
        *,
        local: dict[str, LuaValue] | None = None,
        splice: tuple[LuaValue, ...] = (),
    ) -> None:
        self._play = play
        self.prefix = prefix
        self._local = local
        self._splice = splice

    def look_up(self, name: str) -> LuaValue:
        """Return what is bound to a name."""
        if self._local is not None and name in self._local:
            return self._local[name]
        try:
            return self._play._bound[full_name(self.prefix, name)]
        except KeyError:
            raise Unbound(f"nothing is bound to ${name}") from None

    def visible(self) -> Mapping[str, LuaValue]:
        """Return all names that steps may use here, as they are written here."""
        own = visible(self.prefix, self._play._bound)
        return own if self._local is None else {**own, **self._local}

    def bind(self, name: str, value: LuaValue) -> None:
        """Bind a name; inside a function's call it stays inside."""
        if self._local is not None:
            self._local[name] = value
        else:
            self._play._bound[full_name(self.prefix, name)] = value

    def unbind(self, name: str) -> None:
        """Forget a name."""
        self._play._bound.pop(full_name(self.prefix, name), None)

    def handle(self, name: str) -> Handle:
        """Return the handle bound to a name."""
        value = self.look_up(name)
        if not isinstance(value, Handle):
            raise self._play.no_object(name, value)
        return value

    def target(self, target: model.Target) -> dict[str, Any]:
        """Return what a call names in its message."""
        if isinstance(target, model.PathTarget):
            return {"target": target.path}
        if isinstance(target, model.ValueTarget):
            return {"handle": self.handle(target.name).number}
        return {"handle": self.handle(target.name).number, "method": target.method}

    def resolve(self, value: model.SpecValue) -> LuaValue:
        """Return the run-time value of a spec value."""
        return resolve(value, self.look_up)

    def resolve_list(self, values: tuple[model.SpecValue, ...]) -> tuple[LuaValue, ...]:
        """Return run-time values; ``$...`` becomes all the arguments of the function."""
        resolved: list[LuaValue] = []
        for value in values:
            if isinstance(value, model.Splice):
                resolved.extend(self._splice)
            else:
                resolved.append(self.resolve(value))
        return tuple(resolved)


def _longer(step: model.Call) -> float:
    """Return the seconds that a call is to wait, at most."""
    return max([step.takes.at_least or 0.0, *(item.after for item in step.meanwhile)])


def waits(steps: Iterable[model.Step]) -> float:
    """Return the seconds that the calls among steps are to wait together, on any port."""
    return sum(_longer(step) for step in steps if isinstance(step, model.Call))


def _are_functions(outcomes: Iterable[model.Outcome]) -> bool:
    """Tell whether nothing but a function is expected."""
    function = model.OfType(("function",))
    return all(isinstance(outcome, model.Returns) and outcome.values == (function,) for outcome in outcomes)


def _admit_nil(outcomes: Iterable[model.Outcome]) -> bool:
    """Tell whether nil is among what is expected."""
    matcher = Matcher(lambda name: None, Names({}))
    return any(matcher.outcome_returns(outcome, (None,)) is None for outcome in outcomes)


def _said(words: _Words) -> str:
    return words if isinstance(words, str) else words()


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _peer_doing(action: model.PeerAction, scope: _Scope) -> str:
    name = peer_name(scope.prefix, action.who)
    told = "" if action.value is True else f" {notation.show(scope.resolve(action.value), Names(scope.visible()))}"
    return f"{'peer' if name == 'peer' else f'peer {name}'}: {action.verb}{told}"
