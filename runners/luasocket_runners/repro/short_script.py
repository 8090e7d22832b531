"""Writes a behaviour as a short Lua script, whose peer is made with LuaSocket, for people who look up a call.

It prints the results and shows the expected ones in comments; ``lua_script`` writes the long form, for bug reports.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from importlib import resources
from typing import Final

from luasocket_spec import model

from luasocket_runners import notation
from luasocket_runners.repro.expressions import NO_NAMES, expression
from luasocket_runners.repro.lua_script import MOST_VALUES, definitions, needs_peer_program
from luasocket_runners.scoping import full_name, peer_name

__all__ = ["LINES", "NoShortScript", "checked", "mismatches", "script"]

#: Lines of the longest script that is still short.
LINES: Final = 25

_KEYWORDS: Final = frozenset({"socket", "print", "assert", "pcall", "end", "local", "function", "repeat", "in", "not"})


class NoShortScript(Exception):
    """The behaviour has no short script; the message says why, and what to do."""


def script(behaviour: model.Behaviour, dialect: model.Dialect) -> str:
    """Return the script, of at most :data:`LINES` lines. Raises :class:`NoShortScript`."""
    if "interruption" in behaviour.needs:
        raise NoShortScript(f"A call of {behaviour.id} is interrupted by signals. {_LONG}")
    if needs_peer_program(behaviour):
        reason = "acts while a call blocks, or does what LuaSocket cannot"
        raise NoShortScript(f"A peer of {behaviour.id} {reason}. {_LONG}")
    lines = list(_Writer(behaviour, dialect).lines())
    if len(lines) > LINES:
        raise NoShortScript(f"A script of {behaviour.id} would have {len(lines)} lines. {_LONG}")
    return "\n".join(lines) + "\n"


_LONG: Final = "Use --as lua."
#: An expected value that is a literal: nil, a boolean, a number or a string.
_LITERAL: Final = re.compile(r'nil|true|false|-?[0-9.e+-]+|"(?:[^"\\]|\\.)*"')
_ESCAPES: Final = {"n": 10, "r": 13, "t": 9, '"': 34, "\\": 92}


def checked(text: str) -> str:
    """Return a script that prints its results in a form that :func:`mismatches` understands."""
    prelude = resources.files(__package__).joinpath("lua/checked.lua").read_text(encoding="utf-8")
    return f"{prelude}\n{text}"


def mismatches(text: str, output: str) -> list[str]:
    """Return the lines of a script whose printed results are not those of its comments.

    ``output`` is that of :func:`checked`. An expected value that is no literal is not compared.
    """
    expected = [line for line in text.splitlines() if re.match(r"print\(.*\) --> ", line)]
    printed = output.splitlines()
    found = []
    if len(printed) != len(expected):
        found.append(f"{len(printed)} results were printed, {len(expected)} were expected")
    for line, shown in zip(expected, printed, strict=False):
        wanted = line.rpartition(" --> ")[2]
        literals = re.fullmatch(rf"(?:{_LITERAL.pattern})(?:, (?:{_LITERAL.pattern}))*", wanted)
        if literals and _canonical(wanted) != shown:
            found.append(f"{line}\n    printed {shown}")
    return found


def _canonical(literals: str) -> str:
    """Return literals as ``checked.lua`` prints them: each special byte is three digits."""

    def escape(match: re.Match[str]) -> str:
        code = match[1]
        return f"\\{int(code) if code.isdigit() else _ESCAPES[code]:03d}"

    return re.sub(r'\\(\d{1,3}|[nrt"\\])', escape, literals)


class _Writer:
    def __init__(self, behaviour: model.Behaviour, dialect: model.Dialect) -> None:
        self._behaviour = behaviour
        self._dialect = dialect
        self._declared: set[str] = set()
        self._peers = {
            peer_name(prefix, step.action.who)
            for prefix, steps in [*((name, fixture.steps) for name, fixture in behaviour.given), ("", behaviour.steps)]
            for step in steps
            if isinstance(step, model.PeerStep)
        }

    def lines(self) -> Iterator[str]:
        behaviour = self._behaviour
        yield f"-- {behaviour.id}: {' '.join(behaviour.says.split())}"
        yield 'local socket = require "socket"'
        if behaviour.functions:
            raise NoShortScript(f"{behaviour.id} passes functions to the library. {_LONG}")
        yield from definitions(behaviour)
        for name, fixture in behaviour.given:
            for step in fixture.steps:
                yield from self._step(step, name)
        for step in behaviour.steps:
            yield from self._step(step, "")

    def _name(self, prefix: str, name: str) -> str:
        made = re.sub(r"\W", "_", full_name(prefix, name))
        return made + "_" if made in _KEYWORDS else made

    def _value(self, value: model.SpecValue, prefix: str) -> str:
        return expression(value, lambda name: self._name(prefix, name))

    def _step(self, step: model.Step, prefix: str) -> Iterator[str]:
        match step:
            case model.Call():
                yield from self._call(step, prefix)
            case model.Get():
                field = step.field if step.name is None else f"{self._name(prefix, step.name)}.{step.field}"
                yield from self._shown(field, step.expect, (step.bind,), prefix)
            case model.Set():
                yield f"{step.path} = {self._value(step.value, prefix)}"
            case model.Make():
                inherits = None if step.inherits is None else self._value(step.inherits, prefix)
                table = notation.with_metatable(self._value(step.value, prefix), None, inherits)
                yield self._assigned([self._name(prefix, step.name)], table)
            case model.PeerStep():
                yield from self._peer(step.action, prefix)
            case _:
                raise NoShortScript(f"A step of {self._behaviour.id} needs more than Lua and LuaSocket. {_LONG}")

    def _call(self, step: model.Call, prefix: str) -> Iterator[str]:
        args = ", ".join(self._value(value, prefix) for value in step.args)
        if len(step.args) > MOST_VALUES:
            args = f"(unpack or table.unpack)({{{args}}})"
        match step.target:
            case model.MethodTarget(name, method):
                code = f"{self._name(prefix, name)}:{method}({args})"
            case model.PathTarget(path):
                code = f"{path}({args})"
            case model.ValueTarget(name):
                code = f"{self._name(prefix, name)}({args})"
        yield from self._shown(code, step.expect, step.binds, prefix)

    def _shown(self, code: str, expect: model.Expectation, binds: Sequence[str | None], prefix: str) -> Iterator[str]:
        outcome = self._outcome(expect)
        names = ["_" if name is None else self._name(prefix, name) for name in binds]
        if isinstance(outcome, model.Succeeds):
            is_call = code.endswith(")")
            yield self._assigned(names, f"assert({code})" if is_call and len(names) == 1 else code) if names else code
        elif isinstance(outcome, model.Raises):
            call, _, args = code.partition("(")
            head, colon, method = call.partition(":")
            args = args.removesuffix(")")
            target = f"{head}.{method}, {head}" if colon else call
            run = f"pcall({target}{', ' + args if args else ''})"
            yield f"print({run}) --> false, {notation.show_outcome(outcome, NO_NAMES)}"
        else:
            if names:
                yield self._assigned(names, code)
                code = ", ".join(names)
            yield f"print({code}) --> {notation.show_outcome(outcome, NO_NAMES)}"

    def _assigned(self, names: Sequence[str], code: str) -> str:
        fresh = [name for name in names if name not in self._declared]
        self._declared.update(names)
        local = "local " if fresh == list(names) else ""
        if fresh and not local:
            return f"local {', '.join(fresh)}; {', '.join(names)} = {code}"
        return f"{local}{', '.join(names)} = {code}"

    def _outcome(self, expect: model.Expectation) -> model.Outcome:
        """Return the outcome of this dialect, the observed one where the documentation says something else."""
        fitting = [
            (reading, outcome)
            for reading, outcome in expect.by_reading
            if reading.dialect in (None, self._dialect) and reading.authority in (None, "observed")
        ]
        return fitting[0][1]

    def _peer(self, action: model.PeerAction, prefix: str) -> Iterator[str]:
        name = re.sub(r"\W", "_", peer_name(prefix, action.who))
        name = "peer" if len(self._peers) == 1 else f"{name}_peer"
        value = self._value(action.value, prefix)
        address = self._address(action, prefix)
        match action.verb:
            case "listen":
                yield self._assigned([f"{name}_server"], f"assert(socket.bind({value}, 0))")
                yield self._assigned(address, f"{name}_server:getsockname()")
            case "accept":
                yield self._assigned([name], f"assert({name}_server:accept())")
            case "connect":
                to = self._value(action.options.get("to", b"127.0.0.1"), prefix)
                yield self._assigned([name], f"assert(socket.connect({to}, {value}))")
            case "udp":
                yield self._assigned([name], "socket.udp()")
                yield f"{name}:setsockname({value}, 0)"
                yield self._assigned(address, f"{name}:getsockname()")
            case "refuse":
                yield self._assigned([f"{name}_held"], "socket.tcp()")
                yield f"{name}_held:bind({value}, 0)"
                yield self._assigned(address, f"{name}_held:getsockname()")
            case "send" if "to" in action.options:
                ip = self._value(action.options.get("ip", b"127.0.0.1"), prefix)
                yield f"{name}:sendto({value}, {ip}, {self._value(action.options['to'], prefix)})"
            case "send":
                yield f"{name}:send({value})"
            case "receive" if action.bind is None:
                yield f"print(({name}:receive(#{value if value.isidentifier() else f'({value})'}))) --> {value}"
            case "shutdown":
                yield f"{name}:shutdown({value})"
            case "close":
                yield f"{name}:close()"
            case "reset":
                yield f'{name}:setoption("linger", {{on = true, timeout = 0}}); {name}:close()'
            case _:
                raise NoShortScript(f"A peer of {self._behaviour.id} does what LuaSocket cannot. {_LONG}")

    def _address(self, action: model.PeerAction, prefix: str) -> list[str]:
        bind = action.bind if action.bind is not None else "address"
        return [self._name(prefix, f"{bind}.ip"), self._name(prefix, f"{bind}.port")]
