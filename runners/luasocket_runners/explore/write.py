"""Writes a difference down, as a listing in Lua's notation and as a behaviour in YAML that can be added to the spec."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from textwrap import TextWrapper
from typing import Final

from luasocket_spec import model
from luasocket_spec.model import Dialect

from luasocket_runners.explore.compare import CALLED, error_text, is_port
from luasocket_runners.explore.lockstep import Difference
from luasocket_runners.explore.steps import (
    Call,
    Drop,
    Function,
    Get,
    Make,
    Outcome,
    PeerAct,
    Step,
    StepValue,
    bound_by,
    functions_of,
)
from luasocket_runners.notation import Names, show, show_call, with_metatable
from luasocket_runners.values import FunctionRef, Handle, LuaTable, is_failure

#: The longest line of a file of behaviours.
_WIDTH: Final = 120
#: Plain scalars of the specification's YAML that are read as strings without quotes.
_PLAIN: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]*(?:\.[a-zA-Z][a-zA-Z0-9_-]*)*")
#: Words that some YAML reads as something else.
_WORDS: Final = frozenset(["null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"])
#: More bytes than a step sends that is not to fill buffers.
_MUCH: Final = 200_000
_NO_NAMES: Final = Names({})
#: Bytes of a repetition, at least, that is written as one, and how long at most the repeated string is.
_LONG: Final = 40
_UNIT: Final = 16
#: How lines are broken: YAML reads a break inside a list or a quoted string as one space.
_WRAPPER: Final = TextWrapper(_WIDTH, subsequent_indent=" " * 10, break_long_words=False, break_on_hyphens=False)


# -- Lua


def listing(difference: Difference, port: str) -> str:
    """Return a difference for people: the calls in Lua's notation, and both outcomes below the last one."""
    lines = [f"DIFFERENCE in {difference.key[0]}: {difference.words}"]
    for step in difference.steps:
        lines += (f"  {line}" for line in _lua(step))
    width = max(len("reference"), len(port))
    lines.append(f"    {'reference':<{width}}  {difference.expected}")
    lines.append(f"    {port:<{width}}  {difference.actual}")
    return "\n".join(lines)


def _lua(step: Step) -> Iterable[str]:
    if isinstance(step, PeerAct):
        shown = "" if step.value is True else f" {show(step.value, _NO_NAMES)}"
        options = "".join(f" {key} {show(value, _NO_NAMES)}" for key, value in step.options)
        yield f"-- {step.peer}: {step.verb}{shown}{options}"
        return
    for function in functions_of(step):
        yield f"local function {function.name}(...) {_body(function)} end"
    yield _assignment(step)


def _assignment(step: Call | Get | Make | Drop) -> str:
    names = ", ".join(name or "_" for name in bound_by(step))
    return (f"local {names} = " if names else "") + _expression(step)


def _expression(step: Call | Get | Make | Drop) -> str:
    if isinstance(step, Get):
        return step.path if step.object is None else f"{step.object}.{step.path}"
    if isinstance(step, Make):
        inherits = None if step.inherits is None else show(step.inherits, _NO_NAMES)
        return with_metatable(show(step.table, _NO_NAMES), None, inherits)
    if isinstance(step, Drop):
        return f"{step.object} = nil collectgarbage()"
    return show_call(_target(step), step.args, _NO_NAMES)


def _body(function: Function) -> str:
    if function.asks is not None:
        name, method = function.asks
        return f"return ({name}:{method}())"
    if function.raises:
        return f"error({show(function.raises[0], _NO_NAMES)}, 0)"
    if function.returns is None:
        return "return ..."
    return (
        "".join(f"{_assignment(call)} " for call in function.does)
        + "return "
        + ", ".join(show(value, _NO_NAMES) for value in function.returns)
    )


def _target(step: Call) -> model.Target:
    if step.object is None:
        return model.PathTarget(step.path)
    return model.MethodTarget(step.object, step.path) if step.path else model.ValueTarget(step.object)


# -- YAML


def file_of(differences: Iterable[Difference], dialect: Dialect) -> str:
    """Return a file of behaviours, one for each difference."""
    behaviours = "\n".join(
        behaviour(difference, f"explored-{number}", dialect) for number, difference in enumerate(differences, 1)
    )
    return (
        "# yaml-language-server: $schema=../schema/behaviours.schema.json\n"
        "# Found by exploring: give each behaviour an id, a sentence and, if documented, the statements it covers.\n"
        f"about: what a random program did otherwise than the reference\nbehaviours:\n{behaviours}"
    )


def behaviour(difference: Difference, identity: str, dialect: Dialect) -> str:
    """Return a behaviour that expects of each step the answer of the reference."""
    writer = _Writer(difference)
    lines = [f"  - id: {identity}", f"    says: {writer.sentence()}", "    authority: observed"]
    lines.append(f"    dialects: [{dialect}]")
    needs = ["inheriting-tables"] * any(
        isinstance(step, Make) and step.inherits is not None for step in difference.steps
    )
    needs += ["buffers-fill"] * any(map(_floods, difference.steps))
    if needs:
        lines.append(f"    needs: [{', '.join(needs)}]")
    if difference.leaks:
        lines.append("    leaks: true")
    functions = [function for step in difference.steps for function in functions_of(step)]
    if functions:
        lines.append("    functions:")
        written = (f"      {function.name}: {writer.function(function)}" for function in functions)
        lines += (part for line in written for part in _WRAPPER.wrap(line))
    lines.append("    steps:")
    for number, (step, outcome) in enumerate(zip(difference.steps, difference.outcomes, strict=True), 1):
        last = number == len(difference.steps)
        lines += writer.step(step, outcome, last=last)
    if difference.words.startswith(CALLED):
        lines += (line for function in functions for line in writer.called(function.name))
    return "\n".join(lines) + "\n"


def _floods(step: Step) -> bool:
    """Tell whether a step sends more than buffers take."""
    return isinstance(step, Call) and any(
        isinstance(value, model.Repeat) and len(value.text) * value.times > _MUCH for value in step.args
    )


class _Writer:
    """Writes the steps of one difference; ``names`` are those of the objects that the reference has returned."""

    def __init__(self, difference: Difference) -> None:
        self._difference = difference
        self._names: dict[int, str] = {}

    def sentence(self) -> str:
        step = self._difference.steps[-1]
        words = f"{step.label}, found by exploring: {self._difference.words}."
        return _string(words.encode("latin-1", "replace"))

    def function(self, function: Function) -> str:
        if function.asks is not None:
            name, method = function.asks
            return (
                f"{{does: [{{call: {name}:{method}, returns: [{{type: any}}], as: [{method}]}}], returns: [${method}]}}"
            )
        if function.raises:
            return f"{{raises: {_value(function.raises[0])}}}"
        if function.returns is None:
            return '{returns: ["$..."]}'
        if function.does:
            return self._doing(function)
        return "{}" if not function.returns else f"{{returns: {_list(function.returns)}}}"

    def _doing(self, function: Function) -> str:
        """Return a function with the calls that it made the last time; after the one that raised come no more."""
        inner = [pair for outcome in self._difference.outcomes for pair in outcome.inner]
        last = dict(inner)
        steps: list[str] = []
        missing: set[str | None] = set()  # names of results that there are not
        for call in function.does:
            if (outcome := last.get(call)) is None:
                missing |= {*call.binds}
                continue
            args = [None if isinstance(value, model.Ref) and value.name in missing else value for value in call.args]
            shown = {"call": self._target(call)} | ({"with": _list(args)} if args else {})
            missing |= {*call.binds[len(outcome.values) :]}
            if outcome.kind == "raised":
                name = f"raised_{function.name}"
                steps.append(_map({**shown, "raises": "{value: {type: any}}", "as": name}))
                return f"{{does: [{', '.join(steps)}], raises: ${name}}}"
            several = sum(made == call for made, _ in inner) > 1
            values = ["{type: any}" if several else self._result(call, value) for value in outcome.values]
            names = ", ".join(name or "null" for name in call.binds[: len(values)])
            shown["returns"] = f"[{', '.join(values)}]"
            steps.append(_map({**shown, "as": f"[{names}]"} if names else shown))
        returned = [
            None if isinstance(value, model.Ref) and value.name in missing else value
            for value in function.returns or ()
        ]
        return (
            f"{{does: [{', '.join(steps)}], returns: {_list(returned)}}}"
            if steps
            else f"{{returns: {_list(returned)}}}"
        )

    def called(self, name: str) -> list[str]:
        """Return the lines of a step that checks how often the reference called a function, and with what."""
        calls = [args for outcome in self._difference.outcomes for called, args in outcome.calls if called == name]
        pairs = {"called": name, "times": str(len(calls))}
        if calls:
            look = Get(None, name)
            lists = (f"[{', '.join(self._result(look, value) for value in args)}]" for args in calls)
            pairs["with"] = f"[{', '.join(lists)}]"
        return self._lines(pairs)

    def step(self, step: Step, outcome: Outcome, *, last: bool) -> list[str]:
        """Return the lines of a step; none if it checks nothing."""
        if isinstance(step, PeerAct):
            pairs = self._peer(step, outcome)
            return [] if pairs is None else [f"      - peer: {_map(pairs)}"]
        if not isinstance(step, Call):
            pairs = self._look(step, outcome)
            self._learn(step, outcome)  # a step cannot expect the value that it binds itself
            return self._lines(pairs)
        pairs = {"call": self._target(step)}
        if step.args:
            pairs["with"] = _list(step.args)
        pairs |= self._expectation(step, outcome, last=last)
        self._learn(step, outcome)
        if step.binds and outcome.kind == "returned":
            pairs["as"] = f"[{', '.join(name or 'null' for name in step.binds)}]"
            if len(step.binds) == 1:
                pairs["as"] = pairs["as"][1:-1]
        return self._lines(pairs)

    @staticmethod
    def _lines(pairs: Mapping[str, str]) -> list[str]:
        line = f"      - {_map(pairs)}"
        if len(line) <= _WIDTH:
            return [line]
        lines = [f"      {'-' if not index else ' '} {key}: {text}" for index, (key, text) in enumerate(pairs.items())]
        return [part for line in lines for part in _WRAPPER.wrap(line)]

    def _look(self, step: Get | Make | Drop, outcome: Outcome) -> dict[str, str]:
        """Return the step for an action that is no call."""
        if isinstance(step, Make):
            made = {"make": step.name, "of": _value(step.table)}
            return made if step.inherits is None else {**made, "inherits": _value(step.inherits)}
        if isinstance(step, Drop):
            return {"drop": f"[{step.object}]"}
        pairs = {"get": step.path if step.object is None else f"{step.object}.{step.path}"}
        pairs["is"] = self._result(step, outcome.values[0] if outcome.values else None)
        return pairs if step.bind is None else {**pairs, "as": step.bind}

    @staticmethod
    def _target(step: Call) -> str:
        if step.object is None:
            return step.path
        return (
            f'"{step.object}:{step.path}"'
            if step.path in _WORDS
            else (f"{step.object}:{step.path}" if step.path else f"${step.object}")
        )

    def _learn(self, step: Step, outcome: Outcome) -> None:
        for name, value in zip(bound_by(step), outcome.values, strict=False):
            if name is not None and isinstance(value, Handle):
                self._names[value.number] = name

    def _expectation(self, step: Call, outcome: Outcome, *, last: bool) -> dict[str, str]:
        if outcome.kind == "raised":
            value = outcome.values[0]
            if isinstance(value, bytes):
                # an argument's error without its number: the reason is what every Lua says
                return {"raises": _string(error_text(value).partition(b": ")[2] or error_text(value))}
            return {"raises": f"{{value: {self._result(step, value)}}}"}
        if not last and outcome.values and not is_failure(outcome.values):
            return {"succeeds": "true"}
        if _floods(step) and outcome.values[:2] == (None, b"timeout"):
            return {"returns": "[null, timeout, {type: number}]"}
        return {"returns": f"[{', '.join(self._result(step, value) for value in outcome.values)}]"}

    def _result(self, step: Call | Get, value: object) -> str:
        if isinstance(value, Handle):
            name = self._names.get(value.number)
            kind = "function" if value.type == "function" else "object"
            return f"${name}" if name else f"{{type: {kind}}}"
        if isinstance(value, FunctionRef):
            return "{type: function}"
        if isinstance(value, LuaTable):
            return self._table(step, value)
        if is_port(step, value) or step.path in ("getfd", "socket.gettime"):
            return "{type: any}"
        if isinstance(value, bytes) and (step.path == "tostring" or b": 0x" in value):
            return f"{{pattern: {_string(b'^' + re.escape(value.partition(b': ')[0]) + b': ')}}}"
        return _value(value)  # type: ignore[arg-type]

    def _table(self, step: Call | Get, table: LuaTable) -> str:
        items = dict(table.entries)
        order = [items[index] for index in range(1, len(items) // 2 + 1) if index in items]
        if items and len(order) * 2 == len(items) and all(items.get(value) == n for n, value in enumerate(order, 1)):
            return f"{{keyed: [{', '.join(self._result(step, value) for value in order)}]}}"
        pairs = (f"[{self._result(step, key)}, {self._result(step, value)}]" for key, value in table.entries)
        return f"{{table: [{', '.join(pairs)}]}}"

    @staticmethod
    def _peer(step: PeerAct, outcome: Outcome) -> dict[str, str] | None:
        if outcome.sentence:  # it could do nothing
            return None
        if step.verb not in ("collect", "end"):
            pairs = {step.verb: _value(step.value)}
            pairs |= {key: _value(value) for key, value in step.options}
            pairs["who"] = step.peer
            return pairs if step.bind is None else {**pairs, "as": step.bind}
        data = outcome.values[0] if outcome.values else b""
        if isinstance(data, bytes) and len(data) > _MUCH:  # a part of a flood, whose length is another one each time
            return {"drain": "true", "who": step.peer}
        if isinstance(data, bytes) and data:
            return {"receive": _string(data), "who": step.peer}
        ended = outcome.values[1] if len(outcome.values) > 1 else None
        return {"expect": str(ended), "who": step.peer} if ended else {"nothing_for": "0", "who": step.peer}


def _map(pairs: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{key}: {text}" for key, text in pairs.items()) + "}"


def _list(values: Iterable[StepValue]) -> str:
    return f"[{', '.join(map(_value, values))}]"


def _value(value: StepValue) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return _bytes(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, model.Ref):
        return f"${value.name}"
    if isinstance(value, model.Repeat):
        return f"{{repeat: {_string(value.text)}, times: {value.times}}}"
    if isinstance(value, model.TableSpec):
        return "{table: [" + ", ".join(f"[{_value(key)}, {_value(item)}]" for key, item in value.entries) + "]}"
    raise TypeError(f"a program has no value {value!r}")


def _float(value: float) -> str:
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    text = repr(value)
    return text if "e" not in text or "." in text else text.replace("e", ".0e")


def _bytes(value: bytes) -> str:
    """Return a value for a string; a long one that begins with a repetition is written as one."""
    for unit in range(1, _UNIT + 1):
        times = 1
        while value[unit * times : unit * (times + 1)] == value[:unit] != b"":
            times += 1
        if unit * times >= _LONG:
            repeated, rest = f"{{repeat: {_string(value[:unit])}, times: {times}}}", value[unit * times :]
            return f"{{concat: [{repeated}, {_string(rest)}]}}" if rest else repeated
    return _string(value)


def _string(value: bytes) -> str:
    """Return a YAML string: plain if every YAML reads it as one, else in double quotes, in ASCII."""
    text = value.decode("latin-1")
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}
    quoted = "".join(
        escapes.get(character) or (character if " " <= character <= "~" else f"\\x{ord(character):02x}")
        for character in text
    ).replace("  ", " \\x20")  # a line may be broken at a single space
    return f'"$${quoted[1:]}"' if quoted.startswith("$") else f'"{quoted}"'
