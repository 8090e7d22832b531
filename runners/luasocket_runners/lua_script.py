"""A behaviour as a Lua script of its own, for a bug report.

What lives here: writing the script. It needs nothing but Lua and LuaSocket and prints what it got beside what was
expected. What may not: playing (``engine``). Where a peer has to act while a call blocks, or to do what
LuaSocket cannot, the script says so and talks to ``luasocket-conformance peer ID`` (``peer_program``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources

from luasocket_spec import model

from luasocket_runners import notation
from luasocket_runners.notation import Names

#: What LuaSocket itself can do as a peer, one thing after the other (``lua/peers_here.lua``).
_HERE = frozenset(
    {"listen", "accept", "connect", "refuse", "udp", "send", "receive", "expect", "shutdown", "close", "reset"}
)
#: Bytes that any system takes from a sender whose peer does not read yet; more would block a script that is both.
_TAKEN_AT_ONCE = 32768

_NO_NAMES = Names({})


def peer_actions(behaviour: model.Behaviour) -> list[tuple[str, model.PeerAction, float | None]]:
    """Return every action of the peers of a behaviour, numbered from 1 by their place in this list.

    Each comes with the name of the fixture's instance that it stands in (empty: the behaviour itself), and, where it is
    done while a call blocks, the seconds from the beginning of the call (else None).
    """
    found: list[tuple[str, model.PeerAction, float | None]] = []

    def walk(prefix: str, steps: tuple[model.Step, ...]) -> None:
        for step in steps:
            if isinstance(step, model.Peer):
                found.append((prefix, step.action, None))
            elif isinstance(step, model.Call):
                found.extend((prefix, item.action, item.after) for item in step.meanwhile)

    for name, fixture in behaviour.given:
        walk(name, fixture.steps)
    for function in behaviour.functions.values():
        walk("", function.steps)
    walk("", behaviour.steps)
    return found


def references(action: model.PeerAction) -> list[str]:
    """Return the names that an action uses, each once, in a fixed order."""
    found: list[str] = []

    def walk(value: model.SpecValue) -> None:
        if isinstance(value, model.Ref) and value.name not in found:
            found.append(value.name)
        elif isinstance(value, model.Concat):
            for part in value.parts:
                walk(part)

    walk(action.value)
    for _, value in sorted(action.options.items()):
        walk(value)
    return found


def peer_name(prefix: str, who: str) -> str:
    """Return the name of a peer; a fixture's own has the name of the fixture's instance."""
    if not prefix:
        return who
    return prefix if who in ("self", "peer") else f"{prefix}.{who}"


def full_name(prefix: str, name: str) -> str:
    """Return a name of a fixture as the behaviour sees it."""
    if not prefix:
        return name
    head, dot, rest = name.partition(".")
    return prefix + dot + rest if head == "self" else f"{prefix}.{name}"


def needs_peer_program(behaviour: model.Behaviour) -> bool:
    """Tell whether LuaSocket in the same script cannot play the peers."""
    for _, action, after in peer_actions(behaviour):
        large = isinstance(action.value, model.Repeat) and len(action.value.text) * action.value.times > _TAKEN_AT_ONCE
        if after is not None or large or action.verb not in _HERE or {"small_buffers", "backlog"} & set(action.options):
            return True
    return False


def script(behaviour: model.Behaviour, dialect: model.Dialect) -> str:
    """Return the script, for any Lua from 5.1 on."""
    return "\n".join(_Writer(behaviour, dialect).lines()) + "\n"


def _part(name: str) -> str:
    return resources.files("luasocket_runners").joinpath("lua", name).read_text(encoding="utf-8").rstrip("\n")


class _Writer:
    def __init__(self, behaviour: model.Behaviour, dialect: model.Dialect) -> None:
        self._behaviour = behaviour
        self._dialect = dialect
        self._beside = needs_peer_program(behaviour)
        self._numbers = {id(action): number for number, (_, action, _) in enumerate(peer_actions(behaviour), 1)}
        self._local: frozenset[str] = frozenset()

    def lines(self) -> Iterator[str]:
        behaviour = self._behaviour
        source = (
            "observed on every real LuaSocket"
            if behaviour.authority == "observed"
            else f"documented: {', '.join(behaviour.cites)}"
        )
        yield f"-- {behaviour.id} ({source}; dialect {self._dialect})"
        yield f"-- {behaviour.says}"
        if behaviour.needs:
            yield f"-- It needs: {', '.join(behaviour.needs)}."
        yield ""
        yield _part("reproduce.lua")
        if peer_actions(behaviour):
            yield ""
            yield _part("peers_beside.lua" if self._beside else "peers_here.lua").replace("@ID@", behaviour.id)
        yield ""
        declared = sorted({self._variable(name) for name in self._bound_names()} | set(behaviour.functions))
        if declared:
            yield f"local {', '.join(declared)}"
        for function in behaviour.functions.values():
            yield from self._function(function)
        for name, fixture in behaviour.given:
            yield ""
            yield f"-- {name}: {fixture.says}"
            for item in fixture.steps:
                yield from self._step(item, name)
        if behaviour.given:
            yield ""
        for item in behaviour.steps:
            yield from self._step(item, "")

    def _bound_names(self) -> Iterator[str]:
        def walk(prefix: str, steps: tuple[model.Step, ...]) -> Iterator[str]:
            for step in steps:
                if isinstance(step, model.Call):
                    yield from (full_name(prefix, name) for name in step.binds if name is not None)
                elif isinstance(step, model.Get) and step.bind is not None:
                    yield full_name(prefix, step.bind)
                elif isinstance(step, model.Make):
                    yield full_name(prefix, step.name)
                elif isinstance(step, model.Peer) and step.action.bind is not None:
                    yield full_name(prefix, step.action.bind + ".ip")
                    yield full_name(prefix, step.action.bind + ".port")

        for name, fixture in self._behaviour.given:
            yield from walk(name, fixture.steps)
        yield from walk("", self._behaviour.steps)

    @staticmethod
    def _variable(name: str) -> str:
        made = re.sub(r"\W", "_", name)
        return made if notation.is_name(made.encode()) else made + "_"

    def _name(self, prefix: str, name: str) -> str:
        return self._variable(name if name in self._local else full_name(prefix, name))

    def _value(self, value: model.SpecValue, prefix: str) -> str:
        if isinstance(value, model.Ref):
            return self._name(prefix, value.name)
        if isinstance(value, model.Repeat):
            return f"({notation.quote(value.text)}):rep({value.times})"
        if isinstance(value, model.Concat):
            return " .. ".join(self._value(part, prefix) for part in value.parts)
        if isinstance(value, model.Table):
            return notation.table(value.entries, lambda item: self._value(item, prefix), limit=None)  # type: ignore[arg-type]
        if isinstance(value, bytes):
            return notation.quote(value)
        return notation.show(value, _NO_NAMES)

    def _values(self, values: tuple[model.SpecValue, ...], prefix: str) -> str:
        return ", ".join(self._value(value, prefix) for value in values)

    # -- functions

    def _function(self, function: model.Function) -> Iterator[str]:
        yield ""
        yield f"local {function.name}_calls = 0"
        yield f"function {function.name}(...)"
        yield f"  {function.name}_calls = {function.name}_calls + 1"
        if function.params:
            yield f"  local {', '.join(map(self._variable, function.params))} = ..."
        self._local = frozenset(function.params)
        for item in function.steps:
            for line in self._step(item, ""):
                yield "  " + line
        if function.raises:
            yield f"  error({self._value(function.raises[0], '')}, 0)"
        elif function.returns:
            yield f"  return {self._values(function.returns, '')}"
        self._local = frozenset()
        yield "end"

    # -- steps

    def _step(self, step: model.Step, prefix: str) -> Iterator[str]:
        if isinstance(step, model.Call):
            yield from self._call(step, prefix)
        elif isinstance(step, model.Get):
            field = step.field if step.name is None else f"{self._name(prefix, step.name)}.{step.field}"
            yield from self._shown(field, field, step.expect, (step.bind,), prefix)
        elif isinstance(step, model.Set):
            yield f"{step.path} = {self._value(step.value, prefix)}"
        elif isinstance(step, model.Make):
            name = self._name(prefix, step.name)
            yield f"{name} = {self._value(step.value, prefix)}"
            yield f"names[{name}] = {notation.quote(step.name.encode())}"
        elif isinstance(step, model.Drop):
            for name in step.names:
                variable = self._name(prefix, name)
                yield f"names[{variable}] = nil; {variable} = nil"
            yield "collectgarbage(); collectgarbage()"
        elif isinstance(step, model.Called):
            yield f'print("{step.function} is called")'
            yield f'print("    expected  {step.times} times")'
            yield f'print("    was       " .. {step.function}_calls .. " times")'
        elif isinstance(step, model.System):
            yield "-- Lua cannot look past LuaSocket: ask the system with getsockopt, in a debugger, say."
            yield f"print({notation.quote(notation.show_system(step).encode())})"
            yield f'print("    expected  " .. {notation.quote(self._expected(step.expect).encode("utf-8"))})'
            yield f'print("    look at   descriptor " .. tostring({self._name(prefix, step.name)}:getfd()))'
        else:
            yield self._peer(step.action, prefix)

    def _call(self, step: model.Call, prefix: str) -> Iterator[str]:
        target = step.target
        args = self._values(step.args, prefix)
        if isinstance(target, model.MethodTarget):
            code = f"{self._name(prefix, target.name)}:{target.method}({args})"
        elif isinstance(target, model.PathTarget):
            code = f"{target.path}({args})"
        else:
            code = f"{self._name(prefix, target.name)}({args})"
        shown = notation.show_call(target, step.args, _NO_NAMES)
        for item in step.meanwhile:
            yield f"-- {item.after:g} s after the next call began: {item.action.verb}"
            yield self._peer(item.action, prefix)
        yield from self._shown(shown, code, step.expect, step.binds, prefix)
        if step.takes.at_least is not None:
            yield f"-- it must not return before {step.takes.at_least:g} s are over"
        if step.takes.at_most is not None:
            yield f"-- it must return within {step.takes.at_most:g} s"

    def _shown(
        self, shown: str, code: str, expect: model.Expectation, binds: tuple[str | None, ...], prefix: str
    ) -> Iterator[str]:
        expected = notation.quote(self._expected(expect).encode("utf-8"))
        run = f"step({notation.quote(shown.encode('utf-8'))}, {expected}, function() return {code} end)"
        if not any(binds):
            yield run
            return
        yield f"{', '.join('_' if name is None else self._name(prefix, name) for name in binds)} = {run}"
        for name in binds:
            if name is not None:
                variable = self._name(prefix, name)
                kind = f"type({variable})"
                yield (
                    f'if {kind} == "userdata" or {kind} == "function" then '
                    f"names[{variable}] = {notation.quote(full_name(prefix, name).encode())} end"
                )

    def _expected(self, expect: model.Expectation) -> str:
        shown: list[str] = []
        for reading, outcome in expect.by_reading:
            if reading.dialect in (None, self._dialect):
                text = notation.show_outcome(outcome, _NO_NAMES)
                shown.append(text if reading.authority is None else f"{text} ({reading.authority})")
        return ", or ".join(shown)

    def _peer(self, action: model.PeerAction, prefix: str) -> str:
        if self._beside:
            names = [self._name(prefix, name) for name in references(action)]
            code = f"peer({', '.join([str(self._numbers[id(action)]), *names])})"
        else:
            words = [notation.quote(peer_name(prefix, action.who).encode())]
            if not isinstance(action.value, bool):
                words.append(self._value(action.value, prefix))
            if action.verb == "connect" and "to" in action.options:
                words.append(self._value(action.options["to"], prefix))
            elif action.verb == "send" and "to" in action.options:
                words.append(self._value(action.options["to"], prefix))
                words.append(self._value(action.options.get("ip"), prefix))
            code = f"peer.{action.verb}({', '.join(words)})"
        if action.bind is None:
            return code
        return f"{self._name(prefix, action.bind + '.ip')}, {self._name(prefix, action.bind + '.port')} = {code}"
