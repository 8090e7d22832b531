"""Writes a behaviour as a Lua script of its own, for a bug report.

The script needs Lua and the module under test only, and prints each result beside the expected one. If a peer has to
act while a call blocks, or to do something beyond LuaSocket, ``luasocket-conformance peer ID`` runs the peers
(``peer_program``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from importlib import resources
from typing import Final

from luasocket_spec import model

from luasocket_runners import notation
from luasocket_runners.capabilities import names
from luasocket_runners.repro.expressions import NO_NAMES, expression
from luasocket_runners.scoping import full_name, peer_name

#: The actions of peers that LuaSocket itself can do, one after the other (``lua/peers_here.lua``).
_HERE = frozenset(
    {"listen", "accept", "connect", "refuse", "udp", "send", "receive", "expect", "shutdown", "close", "reset"}
)
#: Bytes that any system takes from a sender before the peer reads; more would block a script that is both.
_TAKEN_AT_ONCE = 32768

#: Names that the script itself uses: its own functions, and those of Lua.
_TAKEN = frozenset([
    "arg", "assert", "bound", "collectgarbage", "coroutine", "directory", "error", "forget", "getmetatable", "io",
    "list", "math", "name", "names", "os", "pack", "pairs", "pause", "pcall", "peer", "peers", "print", "quote",
    "rawequal", "replies", "request", "requests", "returned", "select", "show", "socket", "step", "string", "table",
    "the", "tonumber", "tostring", "type", "unpack",
])  # fmt: skip

#: Arguments that a call can have in a script: each takes one of Lua's 250 registers.
_WRITTEN_OUT = 200

#: Lines that define ``$host.flood``, as long as the runner makes it on most machines.
FLOOD: Final = (
    "",
    "-- More than the buffers of the connection take. Where the system has larger ones, make it longer.",
    'local host_flood = ("x"):rep(6000000)',
    "local host_flood_size, host_flood_most = #host_flood, #host_flood - 1",
)

#: Lines that define names of hosts, which behaviours with the capabilities use.
HOSTS: Final[Mapping[str, tuple[str, ...]]] = {
    "several-addresses": (
        "",
        "-- A name of ::1 and, after it, of 127.0.0.1; the runner uses one of its own where it can.",
        'local host_dual = "localhost"',
    ),
    "own-names": (
        "",
        "-- Names that the runner has in a table of hosts of its own. To run this, add to /etc/hosts:",
        f"-- 127.0.0.2 {names.PAIR}",
        f"-- 127.0.0.1 {names.PAIR}",
        f"-- 127.0.0.3 {names.OFFICIAL} {names.ALIAS}",
        f'local host_pair, host_official, host_alias = "{names.PAIR}", "{names.OFFICIAL}", "{names.ALIAS}"',
    ),
}


#: Lines that define multicast groups, by their names in behaviours.
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "host.group": ("", 'local host_group = "239.255.73.14"'),
    "host.group6": ("", 'local host_group6 = "ff01::7312"'),
}


def definitions(behaviour: model.Behaviour) -> Iterator[str]:
    """Return the lines that define the runner's knowledge of its machine, as far as a behaviour uses it."""
    if "buffers-fill" in behaviour.needs:
        yield from FLOOD
    for need in behaviour.needs:
        yield from HOSTS.get(need, ())
    for name, lines in GROUPS.items():
        if _uses(behaviour.steps, name):
            yield from lines


def _uses(part: object, name: str) -> bool:
    """Tell whether a part of a behaviour has ``$name`` in it."""
    if isinstance(part, model.Ref):
        return part.name == name
    if isinstance(part, tuple):
        return any(_uses(each, name) for each in part)
    if is_dataclass(part) and not isinstance(part, type):
        return any(_uses(getattr(part, each.name), name) for each in fields(part))
    return False


#: Values that stand in an expression as they are; more are put into a table first.
MOST_VALUES: Final = 200


def peer_actions(behaviour: model.Behaviour) -> list[tuple[str, model.PeerAction, float | None]]:
    """Return every action of the peers of a behaviour, numbered from 1 by their place in this list.

    Each comes with the name of its fixture's instance (empty: the behaviour itself), and, if it happens while a call
    blocks, the seconds from the beginning of the call (else None).
    """
    found: list[tuple[str, model.PeerAction, float | None]] = []

    def walk(prefix: str, steps: tuple[model.Step, ...]) -> None:
        for step in steps:
            if isinstance(step, model.PeerStep):
                found.append((prefix, step.action, None))
            elif isinstance(step, model.Call):
                found.extend(
                    (prefix, item.action, item.after)
                    for item in step.meanwhile
                    if isinstance(item.action, model.PeerAction)
                )

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


def needs_peer_program(behaviour: model.Behaviour) -> bool:
    """Tell whether the peers need a program of their own, because LuaSocket in the script cannot be them."""
    for _, action, after in peer_actions(behaviour):
        if (
            after is not None
            or _size(action.value) > _TAKEN_AT_ONCE
            or action.verb not in _HERE
            or {"small_buffers", "backlog", "apart"} & set(action.options)
        ):
            return True
    return False


def _size(value: model.SpecValue) -> int:
    """Return the length of a string; that of a name is not known, and short."""
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, model.Repeat):
        return len(value.text) * value.times
    if isinstance(value, model.Concat):
        return sum(map(_size, value.parts))
    return 0


def script(behaviour: model.Behaviour, dialect: model.Dialect, *, module: str = "socket", peer: bool = False) -> str:
    """Return the script, for any Lua from 5.1 on.

    Parameters
    ----------
    module
        The name with which the module under test is required.
    peer
        Whether another program runs the peers in any case: the port may have clients only.
    """
    return "\n".join(_Writer(behaviour, dialect, module, peer=peer).lines()) + "\n"


@cache
def _part(name: str) -> str:
    return resources.files(__package__).joinpath("lua", name).read_text(encoding="utf-8").rstrip("\n")


class _Writer:
    def __init__(self, behaviour: model.Behaviour, dialect: model.Dialect, module: str, *, peer: bool) -> None:
        self._behaviour = behaviour
        self._dialect = dialect
        self._module = module
        self._beside = peer or needs_peer_program(behaviour)
        # a fixture that is used twice has its actions twice
        self._numbers = {
            (prefix, id(action)): number for number, (prefix, action, _) in enumerate(peer_actions(behaviour), 1)
        }
        self._local: frozenset[str] = frozenset()
        self._in_function = False

    def lines(self) -> Iterator[str]:
        behaviour = self._behaviour
        source = (
            "observed on every real LuaSocket"
            if behaviour.authority == "observed"
            else f"documented: {', '.join(behaviour.covers)}"
        )
        yield f"-- {behaviour.id} ({source}; dialect {self._dialect})"
        yield f"-- {' '.join(behaviour.says.split())}"
        if behaviour.needs:
            yield f"-- It needs: {', '.join(behaviour.needs)}."
        yield ""
        yield (
            _part("reproduce.lua")
            .replace("@MODULE@", self._module)
            .replace("@SUBTYPES@", "true" if "subtypes" in self._behaviour.needs else "false")
        )
        if peer_actions(behaviour):
            yield ""
            yield _part("peers_beside.lua" if self._beside else "peers_here.lua").replace("@ID@", behaviour.id)
        yield ""
        bound = {name for prefix, steps in self._blocks() for name in _bound_names(prefix, steps)}
        declared = sorted({self._variable(name) for name in bound | set(behaviour.functions)})
        if declared:
            yield f"local {', '.join(declared)}"
        yield from definitions(behaviour)
        for function in behaviour.functions.values():
            yield from self._function(function)
        for name, fixture in behaviour.given:
            yield ""
            yield f"-- {name}: {' '.join(fixture.says.split())}"
            for item in fixture.steps:
                yield from self._step(item, name)
        if behaviour.given:
            yield ""
        for item in behaviour.steps:
            yield from self._step(item, "")

    def _blocks(self) -> Iterator[tuple[str, tuple[model.Step, ...]]]:
        """Return the steps outside functions, block by block, each with its prefix."""
        for name, fixture in self._behaviour.given:
            yield name, fixture.steps
        yield "", self._behaviour.steps

    @staticmethod
    def _variable(name: str) -> str:
        made = re.sub(r"\W", "_", name)
        return made if notation.is_name(made.encode()) and made not in _TAKEN else made + "_"

    def _name(self, prefix: str, name: str) -> str:
        return self._variable(name if name in self._local else full_name(prefix, name))

    def _value(self, value: model.SpecValue, prefix: str) -> str:
        return expression(value, lambda name: self._name(prefix, name))

    def _values(self, values: tuple[model.SpecValue, ...], prefix: str) -> str:
        listed = ", ".join(self._value(value, prefix) for value in values)
        # Lua has room for some 240 values in an expression, and for any number in a table.
        return listed if len(values) <= MOST_VALUES else f"unpack({{{listed}}}, 1, {len(values)})"

    # -- functions

    def _function(self, function: model.Function) -> Iterator[str]:
        variable = self._variable(function.name)
        yield ""
        yield f"local {variable}_calls = 0"
        yield f"function {variable}(...)"
        yield f"  {variable}_calls = {variable}_calls + 1"
        yield f'  print("{function.name} is called with " .. list(pack(...), 1))'
        if function.params:
            yield f"  local {', '.join(map(self._variable, function.params))} = ..."
        inside = sorted(set(_bound_names("", function.steps)))
        if inside:
            yield f"  local {', '.join(map(self._variable, inside))}"
        self._local = frozenset([*function.params, *inside])
        self._in_function = True
        for item in function.steps:
            for line in self._step(item, ""):
                yield "  " + line
        if function.raises:
            yield f"  error({self._value(function.raises[0], '')}, 0)"
        elif function.returns:
            yield f"  return {self._values(function.returns, '')}"
        self._local = frozenset()
        self._in_function = False
        yield "end"
        yield f"name({variable}, {notation.quote(function.name.encode())})"

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
            value = self._value(step.value, prefix)
            calls = None if step.calls is None else self._value(step.calls, prefix)
            inherits = None if step.inherits is None else self._value(step.inherits, prefix)
            yield f"{name} = {notation.with_metatable(value, calls, inherits)}"
            yield f"names[{name}] = {notation.quote(full_name(prefix, step.name).encode())}"
        elif isinstance(step, model.Drop):
            for name in step.names:
                variable = self._name(prefix, name)
                yield f"forget({variable}); {variable} = nil"
            yield "collectgarbage(); collectgarbage()"
        elif isinstance(step, model.Called):
            yield f'print("how often {step.function} was called")'
            yield f'print("    expected  {step.times}")'
            yield f'print("    was       " .. {self._variable(step.function)}_calls)'
            for number, args in enumerate(step.args or (), 1):
                shown = f"    expected  call {number} with {notation.show_list(args, NO_NAMES)}"
                yield f"print({notation.quote(shown.encode('utf-8'))})"
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
        if len(step.args) > _WRITTEN_OUT:
            args = f"unpack({{{args}}}, 1, {len(step.args)})"
        if isinstance(target, model.MethodTarget):
            code = f"{self._name(prefix, target.name)}:{target.method}({args})"
        elif isinstance(target, model.PathTarget):
            code = f"{target.path}({args})"
        else:
            code = f"{self._name(prefix, target.name)}({args})"
        if isinstance(target, model.PathTarget) and target.path == "coroutine.yield":
            # not through step, for Lua 5.1 cannot yield across pcall
            names = ", ".join("_" if name is None else self._name(prefix, name) for name in step.binds)
            yield f"{names} = {code}" if names else code
            return
        shown = notation.show_call(target, step.args, NO_NAMES)
        for item in step.meanwhile:
            if isinstance(item.action, model.Interruption):
                yield f"-- {item.after:g} s after the next call began: stop and continue this process"
                yield f'os.execute("(sleep {item.after:g}; kill -STOP $PPID; sleep 0.01; kill -CONT $PPID) &")'
                continue
            yield f"-- {item.after:g} s after the next call began: {item.action.verb}"
            yield self._peer(item.action, prefix, meanwhile=True)
        yield from self._shown(shown, code, step.expect, step.binds, prefix)
        if self._beside and step.meanwhile:
            yield "returned()"
        if step.takes.at_least is not None:
            yield f"-- it must not return before {step.takes.at_least:g} s are over"
        if step.takes.at_most is not None:
            yield f"-- it must return within {step.takes.at_most:g} s"

    def _shown(
        self, shown: str, code: str, expect: model.Expectation, binds: tuple[str | None, ...], prefix: str
    ) -> Iterator[str]:
        expected = notation.quote(self._expected(expect).encode("utf-8"))
        # inside a function of the test, the code may use its arguments
        rest = ", ..." if self._in_function else ""
        run = f"step({notation.quote(shown.encode('utf-8'))}, {expected}, function(...) return {code} end{rest})"
        if not any(binds):
            yield run
            return
        yield f"{', '.join('_' if name is None else self._name(prefix, name) for name in binds)} = {run}"
        for name in binds:
            if name is not None:
                yield f"name({self._name(prefix, name)}, {notation.quote(full_name(prefix, name).encode())})"

    def _expected(self, expect: model.Expectation) -> str:
        shown: list[str] = []
        for reading, outcome in expect.by_reading:
            if reading.dialect in (None, self._dialect):
                text = notation.show_outcome(outcome, NO_NAMES)
                shown.append(text if reading.authority is None else f"{text} ({reading.authority})")
        return ", or ".join(shown)

    def _peer(self, action: model.PeerAction, prefix: str, *, meanwhile: bool = False) -> str:
        if self._beside:
            names = [self._name(prefix, name) for name in references(action)]
            code = (
                f"{'request' if meanwhile else 'peer'}({', '.join([str(self._numbers[prefix, id(action)]), *names])})"
            )
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
        if action.verb == "receive_bytes":
            return f"{self._name(prefix, action.bind)} = {code}"
        return f"{self._name(prefix, action.bind + '.ip')}, {self._name(prefix, action.bind + '.port')} = {code}"


def _bound_names(prefix: str, steps: tuple[model.Step, ...]) -> Iterator[str]:
    """Return the names that steps bind, as the behaviour sees them."""
    for step in steps:
        if isinstance(step, model.Call):
            yield from (full_name(prefix, name) for name in step.binds if name is not None)
        elif isinstance(step, model.Get) and step.bind is not None:
            yield full_name(prefix, step.bind)
        elif isinstance(step, model.Make):
            yield full_name(prefix, step.name)
        elif isinstance(step, model.PeerStep) and step.action.bind is not None:
            bind = full_name(prefix, step.action.bind)
            yield from [bind] if step.action.verb == "receive_bytes" else [f"{bind}.ip", f"{bind}.port"]
