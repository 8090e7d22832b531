"""The steps of a behaviour: one generator for each kind, which yields requests and checks the replies.

Sending the requests is left to ``behaviour_run``, comparison to ``readings`` and ``matcher``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, NoReturn

from luasocket_spec import model
from luasocket_spec.model import Behaviour

from luasocket_runners import notation
from luasocket_runners.capabilities import inspection, machine
from luasocket_runners.engine.bindings import Bindings, Scope
from luasocket_runners.engine.expected import Expected
from luasocket_runners.engine.failure import Failure, Position
from luasocket_runners.engine.fixture_calls import FixtureCalls
from luasocket_runners.engine.leaking import LeakingCalls, Leaks
from luasocket_runners.engine.matcher import WITHOUT_NAMES, Matcher
from luasocket_runners.engine.port_process import PortProcess
from luasocket_runners.engine.readings import Outcomes, Readings, show_reply
from luasocket_runners.engine.recording import Recording
from luasocket_runners.engine.requests import CallGenerator, Reply, Request, StepGenerator
from luasocket_runners.engine.running_peers import RunningPeers
from luasocket_runners.function_names import PEER
from luasocket_runners.peers.endpoint import PeerFailure
from luasocket_runners.quirks.classes import ObjectClasses
from luasocket_runners.quirks.model import Quirk
from luasocket_runners.quirks.rewriting import is_about, omitted_by, pass_arguments
from luasocket_runners.result import RAISED, Listed, Observation, Use, Verdict
from luasocket_runners.values import BadMessage, FunctionRef, Handle, LuaValue, encode


@dataclass(slots=True)
class _Function:
    """A function that the port can call: its data, and the arguments of each call so far."""

    data: model.Function
    calls: list[tuple[LuaValue, ...]] = field(default_factory=list)


class Steps:
    """The steps of one run of a behaviour, and their common state.

    Attributes
    ----------
    bindings
        The values of names.
    changed_fields
        Fields of the module that were set, with their former values: the next behaviour has to find them unchanged.
    functions
        The functions that the port can call; the runner numbers them from 1 on.
    peers
        The peers.
    readings
        The readings that the replies allow.
    quirks_used
        The quirks without which the port would have failed so far, as a set in their order.
    uses
        The calls that needed them.
    """

    def __init__(self, behaviour: Behaviour, process: PortProcess, position: Position) -> None:
        self._behaviour = behaviour
        self._process = process
        self._position = position
        self.functions = [_Function(data) for data in behaviour.functions.values()]
        self.bindings = Bindings({"host.name": machine.name(), **machine.names_of_hosts()})
        if "buffers-fill" in behaviour.needs:
            flood = machine.flood()
            size = len(flood)
            self.bindings.values |= {"host.flood": flood, "host.flood.size": size, "host.flood.most": size - 1}
        if {"multicast", "multicast6"} & set(behaviour.needs):
            self.bindings.values |= machine.groups()
        for index, function in enumerate(self.functions, 1):
            self.bindings.values[function.data.name] = FunctionRef(index)
        self._fixture_calls = FixtureCalls(process)
        self.peers = RunningPeers(position)
        self.readings = Readings(process.dialect, process.authority)
        self.changed_fields: dict[str, LuaValue] = {}
        self.quirks_used: dict[str, None] = {}
        self.uses: list[Use] = []
        self._objects = ObjectClasses()
        self._leaking = LeakingCalls(self._objects)
        self.recording = Recording(records=process.records)

    def leaks(self) -> Leaks:
        """Return the descriptors that the calls so far may have left open, by the quirks."""
        return self._leaking.leaks()

    def everything(self) -> StepGenerator:
        """Run the steps of the fixtures, then those of the behaviour."""
        for name, fixture in self._behaviour.given:
            self._position.fixture = fixture.name
            yield from self._run(fixture.steps, self.bindings.scope(name))
        self._position.fixture = None
        yield from self._run(self._behaviour.steps, self.bindings.scope())

    def function_called(self, index: int, args: tuple[LuaValue, ...]) -> CallGenerator:
        """Run the steps of a function that the port calls; return the message that ends the call."""
        function = self.functions[index - 1]
        function.calls.append(args)
        data = function.data
        params = {name: args[place] if place < len(args) else None for place, name in enumerate(data.params)}
        scope = self.bindings.function_scope(params, args)
        yield from self._run(data.steps, scope)
        if data.raises:
            return {"op": "raise", "value": encode(scope.resolve(data.raises[0]))}
        return {"op": "return", "values": [encode(value) for value in scope.resolve_list(data.returns)]}

    def _run(self, steps: tuple[model.Step, ...], scope: Scope) -> StepGenerator:
        for step in steps:
            self._position.at("", step.source)
            kind = type(step)
            if kind is model.PeerStep:
                self._peer(step, scope)  # type: ignore[arg-type]
            elif kind is model.Called:
                self._called(step, scope)  # type: ignore[arg-type]
            else:
                yield from self._GENERATORS[kind](self, step, scope)

    # -- steps with requests

    def _call(self, step: model.Call, scope: Scope) -> StepGenerator:
        args = scope.resolve_list(step.args)
        in_fixture = self._position.fixture is not None
        if in_fixture:
            args = self._fixture_calls.args(step, args, scope)
        call = partial(_show_call, step, args, scope)
        self._position.call = call
        target = step.target
        message = scope.target(target)
        handle = scope.look_up(target.name) if isinstance(target, model.MethodTarget) else None
        function = self._position.function = self._objects.function(target, handle)
        quirks = self._process.quirks
        if step.meanwhile and quirks.rules:
            self._objects.acted(item.action for item in step.meanwhile)
        rules = quirks.of(function, self._objects.past(handle)) if quirks.rules else ()
        passed, changed = args, ()
        kept = self._objects.kept(handle) if rules else b""
        expected = Expected.of(self.readings.outcomes(step.expect), rules, args, scope, kept)
        if rules:
            outcomes = [outcome for outcome, _ in expected.outcomes]
            passed, changed = pass_arguments(rules, args, outcomes, scope.resolve)  # type: ignore[assignment]
            # a call that would not return is made only where nothing follows, or where a peer may act meanwhile
            if step is not self._behaviour.steps[-1] and not step.meanwhile:
                omitted = omitted_by(rules, args, outcomes, scope.resolve)
                if omitted is not None:
                    self.recording.begin(function, args, expected.outcomes, scope, self._objects.past(handle), None)
                    self._omit(step, omitted, function, handle, expected, scope)
                    return
        past = self._objects.past(handle) if self._process.records else {}
        number = self.recording.begin(function, args, expected.outcomes, scope, past, passed)
        message["op"] = "call"
        if step.keep:
            message["keep"] = True
        message["args"] = [encode(value, repeats=self._process.repeats) for value in passed]
        shown = partial(expected.show, scope)
        waits = _longest_wait(step)
        reply = self._fixture_calls.reply(step, scope) if in_fixture else None
        if reply is None:
            reply = yield Request(
                message, call, step.source, shown, step.meanwhile, scope.prefix, waits, function, expected.hanging,
                quirked=bool(rules), observe=partial(self._unanswered, expected, function, args, scope, handle),
            )  # fmt: skip
        self.recording.end(number, reply)
        self._objects.called(target, handle, args, reply.returns)
        if in_fixture and not rules:
            self._fixture_calls.check(step, reply, handle)
        if reply.missing is not None:
            self._check_missing(expected, reply.missing, reply, scope)
        self._compare(expected, reply, scope, args, handle)
        if changed:
            self.quirks_used.update(dict.fromkeys(changed))
        self._objects.note(handle, reply.returns, function, (*changed, *expected.used))
        if expected.used:
            came = any(rule.returns_kept and rule.id in expected.used for rule in rules)
            self._objects.keep(handle, expected.left_out(args, scope), returned=came)
        if reply.returns is not None and any(rule.leaks for rule in rules):
            self._note_leaks(rules, expected, function, args, reply.returns, scope, handle)
        early = any(rule.early and rule.id in expected.used for rule in rules)
        self._check_duration(step.takes, reply.duration, early=early)
        if step.binds:
            results = expected.results(reply, scope)
            for place, name in enumerate(step.binds):
                if name is not None:
                    scope.bind(name, results[place] if place < len(results) else None)

    def _note_leaks(
        self,
        rules: Iterable[Quirk],
        expected: Expected,
        function: str,
        args: tuple[LuaValue, ...],
        returns: tuple[LuaValue, ...],
        scope: Scope,
        handle: LuaValue,
    ) -> None:
        """Take note of the rules by which a call leaves descriptors open: of those with an outcome, if it had that."""
        outcomes = [outcome for outcome, _ in expected.outcomes]
        for rule in rules:
            concerned = rule.id in expected.used if rule.returned else is_about(rule, args, outcomes, scope.resolve)
            if rule.leaks and concerned:
                use = replace(expected.use(function, args, self._objects.past(handle)), quirks=(rule.id,))
                self._leaking.add(rule, handle, returns, use)

    def _unanswered(
        self,
        expected: Expected,
        function: str,
        args: tuple[LuaValue, ...],
        scope: Scope,
        handle: LuaValue,
        error: bytes | None,
    ) -> Observation:
        return expected.unanswered(function, args, scope, self._objects.past(handle), error)

    def _omit(
        self, step: model.Call, rule: str, function: str, handle: LuaValue, expected: Expected, scope: Scope
    ) -> None:
        """Go on behind a call that is not made, as if it had done what the spec expects."""
        self.quirks_used[rule] = None
        self._objects.note(handle, None, function, (rule,))
        for name, value in zip(step.binds, expected.plain(scope), strict=False):
            if name is not None:
                scope.bind(name, value)

    def _get(self, step: model.Get, scope: Scope) -> StepGenerator:
        if step.name is None:
            call = missing = step.field
            message: dict[str, Any] = {"op": "get", "target": step.field}
            function = step.field
        else:
            call, missing = f"{step.name}.{step.field}", f":{step.field}"
            handle = scope.handle(step.name)
            message = {"op": "get", "handle": handle.number, "field": step.field}
            function = self._objects.field(step.field, handle)
        outcomes = self.readings.outcomes(step.expect)
        self._position.function = function
        past = {} if step.name is None else self._objects.past(scope.handle(step.name))
        expected = Expected.of(outcomes, self._process.quirks.of(function, past), (), scope)
        reply = yield Request(message, call, step.source, partial(expected.show, scope), function=function)
        absent = reply.returns is not None and reply.returns[:1] in ((), (None,))
        if absent and (_expect_functions(outcomes) or (step.name is None and not _allow_nil(outcomes))):
            # a field of the module, or a method that is looked up and not called, is as absent as a called function
            failure = Failure(f"the port has no {missing}", verdict=Verdict.NOT_IMPLEMENTED, missing=missing)
            methods = () if step.name is None else self._process.quirks.of(function.replace(".", ":"), past)
            rule = next((rule for rule in methods if rule.lacks_function and rule.with_ is None), None)
            if rule is not None:
                self._end_without(rule, (rule.id,), failure)
            raise failure
        self.recording.end(self.recording.begin(function, (), outcomes, scope, past, ()), reply)
        self._compare(expected, reply, scope)
        if step.bind is not None and reply.returns:
            scope.bind(step.bind, reply.returns[0])

    def _set(self, step: model.Set, scope: Scope) -> StepGenerator:
        value = scope.resolve(step.value)
        call = f"{step.path} = {notation.show(value, scope.names())}"
        if step.path not in self.changed_fields:
            before = yield Request({"op": "get", "target": step.path}, call, step.source)
            self.changed_fields[step.path] = before.returns[0] if before.returns else None
        message = {"op": "set", "target": step.path, "value": encode(value)}
        self._check_done("set", (yield Request(message, call, step.source)))

    def _make(self, step: model.Make, scope: Scope) -> StepGenerator:
        value = scope.resolve(step.value)
        message = {"op": "make", "value": encode(value)}
        names, shown = scope.names(), {}
        for key, given in (("calls", step.calls), ("inherits", step.inherits)):
            if given is not None:
                resolved = scope.resolve(given)
                message[key], shown[key] = encode(resolved), notation.show(resolved, names)
        table = notation.with_metatable(notation.show(value, names), shown.get("calls"), shown.get("inherits"))
        call = f"{step.name} = {table}"
        reply = yield Request(message, call, step.source)
        match reply.returns:
            case (Handle(type="table") as made,):
                scope.bind(step.name, made)
            case _:
                raise BadMessage("a reply to `make` that is not the handle of a table")

    def _drop(self, step: model.Drop, scope: Scope) -> StepGenerator:
        call = f"{', '.join(step.names)} = nil; collectgarbage()"
        self._position.call = call
        handles = [scope.handle(name).number for name in step.names]
        for name in step.names:
            scope.unbind(name)
        self._check_done("release", (yield Request({"op": "release", "handles": handles}, call, step.source)))

    def _system(self, step: model.System, scope: Scope) -> StepGenerator:
        call = notation.show_system(step)
        self._position.call = call
        outcomes = self.readings.outcomes(step.expect)
        message = {"op": "call", "handle": scope.handle(step.name).number, "method": "getfd", "args": []}
        expected = Expected(outcomes)
        reply = yield Request(message, call, step.source, partial(expected.show, scope))
        descriptor = reply.returns[0] if reply.returns else None
        shown = f"getfd: {show_reply(reply.returns, reply.raises, scope.names())}"
        if not isinstance(descriptor, int | float) or not 0 <= descriptor < inspection.DESCRIPTORS:
            raise Failure("getfd returned no valid descriptor", returned=shown)
        process = self._process.inspected
        assert process is not None, "the loader requires the capability `inspection` for this step"
        try:
            value = inspection.read(inspection.duplicate(process, int(descriptor)), step.option)
        except inspection.NotSeen as unseen:
            raise Failure(str(unseen), returned=shown) from None
        try:
            self._compare(expected, Reply((value,), None, reply.duration), scope)
        except Failure as failure:
            # what a system sets differs from machine to machine; that nobody has set it is the same everywhere
            if inspection.is_untouched(inspection.duplicate(process, int(descriptor)), step.option):
                failure.returned = f"{failure.returned}, as nobody has set it"
            raise

    _GENERATORS: Final[Mapping[type, Callable[..., StepGenerator]]] = {
        model.Call: _call,
        model.Get: _get,
        model.Set: _set,
        model.Make: _make,
        model.Drop: _drop,
        model.System: _system,
    }

    # -- steps without requests

    def _called(self, step: model.Called, scope: Scope) -> None:
        """Check how often, and with which arguments, the port has called a function."""
        function = next(item for item in self.functions if item.data.name == step.function)
        self._position.call = f"{step.function}, a function of the behaviour"
        times = len(function.calls)
        if times != step.times:
            self._position.expected = f"called {_times(step.times)}"
            raise Failure(f"it was called {_times(times)} instead of {_times(step.times)}")
        for number, (expected, actual) in enumerate(zip(step.args or (), function.calls, strict=False), 1):
            difference = Matcher(scope.look_up, scope.names).results(expected, actual)
            if difference is not None:
                names = scope.names()
                self._position.expected = f"call {number} with {notation.show_list(expected, names)}"
                raise Failure(difference, returned=f"call {number} with {notation.show_list(actual, names)}")

    def _peer(self, step: model.PeerStep, scope: Scope) -> None:
        action = step.action
        self._position.call = self.peers.shown(action, scope)
        # a peer belongs to no object, so that the past of all objects counts
        function = f"{PEER}:{action.verb}"
        quirks = self._process.quirks
        rules = quirks.of(function, self._objects.past_of_all()) if quirks.rules else ()
        if not rules:
            try:
                self.peers.act(action, scope)
            except PeerFailure as failure:
                raise self.peers.failure(failure) from None
            if quirks.rules:
                self._objects.acted((action,))
            return
        done: Outcomes = ((model.Succeeds(), self.readings.open),)
        expected = Expected.of(done, rules, (scope.resolve(action.value),), scope)
        try:
            self.peers.act(action, scope, hurried=True)
        except (PeerFailure, ValueError) as trouble:  # a ValueError: there is no connection, because of an earlier rule
            reply = Reply(None, str(trouble).encode("utf-8"), 0.0)
            if expected.compare(self.readings, reply, Matcher(scope.look_up, scope.names)) is not None:
                if isinstance(trouble, PeerFailure):
                    raise self.peers.failure(trouble) from None
                raise
            if action.bind is not None:  # what it would have bound is nil
                for name in ("ip", "port"):
                    scope.bind(f"{action.bind}.{name}", None)
        else:
            reply = Reply((True,), None, 0.0)
            self._position.expected = partial(expected.show, scope)
            self._objects.acted((action,))
        self._compare(expected, reply, scope)
        self._objects.note(None, None, function, expected.used)

    # -- checks

    def _check_missing(self, expected: Expected, failure: Failure, reply: Reply, scope: Scope) -> None:
        """End the behaviour because a function is not there, unless the spec expects an error that quirks rewrite."""
        rules = self._process.quirks.rules
        if expected.compare(self.readings, reply, Matcher(scope.look_up, scope.names)) is not None or not any(
            rule.id in expected.used and rule.lacks_function for rule in rules
        ):
            raise failure
        if not expected.raises:
            rule = next(rule for rule in rules if rule.id in expected.used and rule.lacks_function)
            self._end_without(rule, expected.used, failure)

    def _end_without(self, rule: Quirk, used: Iterable[str], failure: Failure) -> NoReturn:
        """End the behaviour at a function that is not there, as a rule says."""
        self.quirks_used.update(dict.fromkeys(used))
        reason = " ".join((rule.says, rule.why))
        source = rule.source
        listed = Listed("absent", rule.id, reason, source.file, source.line, explained=True, passed=False)
        raise Failure(
            failure.reason,
            verdict=Verdict.ABSENT,
            missing=failure.missing,
            listed=listed,
            observation=failure.observation,
        )

    def _compare(
        self,
        expected: Expected,
        reply: Reply,
        scope: Scope,
        args: tuple[LuaValue, ...] = (),
        handle: LuaValue = None,
    ) -> None:
        matcher = Matcher(scope.look_up, scope.names)
        difference = expected.compare(self.readings, reply, matcher)
        if difference is None:
            if expected.used:
                self.quirks_used.update(dict.fromkeys(expected.used))
                self.uses.append(expected.use(self._position.function, args, self._objects.past(handle)))
            return
        broken = expected.broken_quirks(reply, matcher)
        if broken:
            difference = f"the quirk {', '.join(broken)} does not hold here: the port does what LuaSocket does"
        else:
            broken = expected.overreaching_quirks(reply)
        function = self._position.function
        past = self._objects.past(handle)
        observation = expected.observation(function, args, reply, scope, broken, past) if function else None
        returned = show_reply(reply.returns, reply.raises, scope.names())
        raise Failure(difference, returned=returned, observation=observation)

    def _check_duration(self, takes: model.Takes, duration: float, *, early: bool) -> None:
        if takes.at_least is not None and not early and duration < takes.at_least:
            self._position.expected = f"not before {takes.at_least:g} s"
            raise Failure("it returned too early", returned=f"after {duration:.6f} s")
        if takes.at_most is not None and duration > takes.at_most + self._process.allowance():
            self._position.expected = f"within {takes.at_most:g} s"
            raise Failure("it returned too late", returned=f"after {duration:.3f} s", late=True)

    def _check_done(self, op: str, reply: Reply) -> None:
        """Check the reply to a request that has no results."""
        if reply.returns is None:
            shown = notation.show(reply.raises, self.bindings.names)
            raise Failure("it raised an error", returned=f"{RAISED}{shown}")
        if reply.returns:
            raise BadMessage(f"a reply to `{op}` that has values")


def waiting_time(steps: Iterable[model.Step]) -> float:
    """Return the seconds that the calls among steps have to wait together, on any port."""
    return sum(_longest_wait(step) for step in steps if isinstance(step, model.Call))


def _longest_wait(step: model.Call) -> float:
    """Return the seconds that a call may have to wait."""
    if step.meanwhile:
        return max([step.takes.at_least or 0.0, *(item.after for item in step.meanwhile)])
    return step.takes.at_least or 0.0


def _show_call(step: model.Call, args: tuple[LuaValue, ...], scope: Scope) -> str:
    return notation.show_call(step.target, args, scope.names())


def _expect_functions(outcomes: Outcomes) -> bool:
    """Return whether all outcomes are a function, and nothing else."""
    function = model.OfType(("function",))
    return all(isinstance(outcome, model.Returns) and outcome.values == (function,) for outcome, _ in outcomes)


def _allow_nil(outcomes: Outcomes) -> bool:
    """Return whether any outcome allows nil."""
    return any(WITHOUT_NAMES.outcome_returns(outcome, (None,)) is None for outcome, _ in outcomes)


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
