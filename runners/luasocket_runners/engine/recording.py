"""Records the calls of a behaviour as data, for quirks that are found later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from luasocket_spec import model
from luasocket_spec.model import Outcome, Raises, Returns, SpecValue

from luasocket_runners.engine.bindings import Scope
from luasocket_runners.engine.readings import Outcomes
from luasocket_runners.engine.requests import Reply
from luasocket_runners.result import Recorded
from luasocket_runners.scoping import Unbound
from luasocket_runners.values import LuaTable, LuaValue

__all__ = ["Recording", "resolved"]

#: Bytes of the longest string that is kept as it is: data of behaviours about buffers have megabytes.
_WHOLE: Final = 4096


class Recording:
    """The calls of one behaviour, in the order in which they began; without ``records``, none."""

    def __init__(self, *, records: bool) -> None:
        self._records = records
        self.calls: list[Recorded] = []

    def begin(
        self,
        function: str,
        args: tuple[LuaValue, ...],
        outcomes: Outcomes,
        scope: Scope,
        past: Mapping[str, int],
        passed: tuple[LuaValue, ...] | None,
    ) -> int:
        """Record a call that is made now, or is not made; return its number."""
        if not self._records or not function:
            return -1
        known = tuple((resolved(outcome, scope), authorities) for outcome, authorities in outcomes)
        whole = all(map(_is_whole, (*args, *(passed or ()), *(v for one, _ in known for v in _values(one)))))
        passed = None if passed is None else _cut(passed)
        self.calls.append(Recorded(function, _cut(args), known, dict(past), passed, is_whole=whole))
        return len(self.calls) - 1

    def end(self, number: int, reply: Reply) -> None:
        """Record the reply to a call."""
        if number < 0:
            return
        call = self.calls[number]
        returns = None if reply.returns is None else _cut(reply.returns)
        whole = call.is_whole and all(map(_is_whole, (reply.raises, *(reply.returns or ()))))
        self.calls[number] = replace(
            call, returns=returns, raises=_cut((reply.raises,))[0], hangs=False, is_whole=whole
        )


def resolved(outcome: Outcome, scope: Scope) -> Outcome:
    """Return an outcome with names replaced by their values."""
    if isinstance(outcome, Returns):
        return Returns(tuple(_value(value, scope) for value in outcome.values))
    if isinstance(outcome, Raises) and outcome.part is None:
        return Raises(None, _value(outcome.value, scope))
    return outcome


def _value(value: SpecValue, scope: Scope) -> SpecValue:
    if isinstance(value, model.Ref | model.Repeat | model.Concat):
        try:
            return scope.resolve(value)  # type: ignore[return-value]
        except Unbound:
            return value
    if isinstance(value, model.Keyed):
        return model.Keyed(tuple(_value(item, scope) for item in value.items))
    if isinstance(value, model.OneOf):
        return model.OneOf(tuple(_value(choice, scope) for choice in value.choices))
    if isinstance(value, model.Between):
        return model.Between(_value(value.low, scope), _value(value.high, scope))
    if isinstance(value, model.Subtype):
        return model.Subtype(value.name, _value(value.number, scope))
    if isinstance(value, model.TableSpec | model.Fields):
        return type(value)(tuple((_value(key, scope), _value(item, scope)) for key, item in value.entries))
    return value


def _values(outcome: Outcome) -> tuple[object, ...]:
    if isinstance(outcome, Returns):
        return outcome.values
    return (outcome.value,) if isinstance(outcome, Raises) else ()


def _is_whole(value: object) -> bool:
    if isinstance(value, LuaTable):
        return all(_is_whole(item) for entry in value.entries for item in entry)
    return not isinstance(value, bytes) or len(value) <= _WHOLE


def _cut(values: tuple[LuaValue, ...]) -> tuple[LuaValue, ...]:
    return tuple(value[:_WHOLE] if isinstance(value, bytes) else value for value in values)
