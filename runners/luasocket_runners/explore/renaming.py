"""Renumbers the names of a program, once most of its steps were left out: ``tcp7`` becomes ``tcp1``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from luasocket_spec import model

from luasocket_runners.explore.steps import Call, Drop, Function, Get, Make, PeerAct, Step, StepValue

#: A name: its kind, its number, and the part of it that is meant: ``tcp7_port``, ``peer2.ip``.
_NAME: Final = re.compile(r"([a-z]+)(\d+)(.*)")


def renumbered(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Return the steps with their names numbered from 1 on, in the order in which they come."""
    names = _Names()
    return tuple(names.step(step) for step in steps)


class _Names:
    def __init__(self) -> None:
        self._new: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def name(self, name: str) -> str:
        found = _NAME.fullmatch(name)
        if found is None:
            return name
        stem, number, rest = found.groups()
        if stem + number not in self._new:
            self._counts[stem] = self._counts.get(stem, 0) + 1
            self._new[stem + number] = f"{stem}{self._counts[stem]}"
        return self._new[stem + number] + rest

    def _optional(self, name: str | None) -> str | None:
        return None if name is None else self.name(name)

    def value(self, value: StepValue) -> StepValue:
        if isinstance(value, model.Ref):
            return model.Ref(self.name(value.name))
        if isinstance(value, model.TableSpec):
            return self._table(value)
        return value

    def _table(self, table: model.TableSpec) -> model.TableSpec:
        return model.TableSpec(tuple((self.value(key), self.value(item)) for key, item in table.entries))

    def _values(self, values: tuple[StepValue, ...]) -> tuple[StepValue, ...]:
        return tuple(map(self.value, values))

    def _function(self, function: Function) -> Function:
        asks = function.asks
        return Function(
            self.name(function.name),
            None if function.returns is None else self._values(function.returns),
            self._values(function.raises),
            None if asks is None else (self.name(asks[0]), asks[1]),
            tuple(map(self._call, function.does)),
        )

    def step(self, step: Step) -> Step:
        if isinstance(step, PeerAct):
            options = tuple((key, self.value(value)) for key, value in step.options)
            bind = self._optional(step.bind)
            return replace(step, peer=self.name(step.peer), value=self.value(step.value), options=options, bind=bind)
        if isinstance(step, Get):
            return replace(step, object=self._optional(step.object), bind=self._optional(step.bind))
        if isinstance(step, Drop):
            return Drop(self.name(step.object))
        functions = tuple(map(self._function, step.functions))
        if isinstance(step, Make):
            inherits = None if step.inherits is None else self._table(step.inherits)
            return Make(self.name(step.name), self._table(step.table), functions, inherits)
        return self._call(step)

    def _call(self, call: Call) -> Call:
        functions = tuple(map(self._function, call.functions))
        binds = tuple(map(self._optional, call.binds))
        return Call(self._optional(call.object), call.path, self._values(call.args), binds, functions)
