"""The outcomes that a port may have by its quirks, where the reference has another one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from luasocket_spec import model

from luasocket_runners.explore.state import Object
from luasocket_runners.explore.steps import Call, Outcome
from luasocket_runners.quirks.classes import FUNCTION_VALUE
from luasocket_runners.quirks.model import HANGS, Quirks
from luasocket_runners.quirks.rewriting import Alternative, bound_results, pass_arguments, rewrite
from luasocket_runners.values import LuaValue


class QuirkedCall:
    """One call, as the quirks of a port change it.

    Parameters
    ----------
    item
        The object of a method, if it is known.
    args
        The arguments, as run-time values of the port.
    """

    def __init__(self, quirks: Quirks, step: Call, item: Object | None, args: tuple[LuaValue, ...]) -> None:
        # what an object has gone through is not followed here: what comes after it may be so, or not
        rules = quirks.of(_function(step, item))
        self._rules = [replace(rule, always=False) if rule.after or rule.before else rule for rule in rules]
        self._args = args

    @property
    def concerned(self) -> bool:
        """Whether a quirk is about the function."""
        return bool(self._rules)

    def passed(self) -> tuple[LuaValue, ...]:
        """Return the arguments that the port gets."""
        return pass_arguments(self._rules, self._args, (), _itself)[0]

    def alternatives(self, expected: Outcome) -> Sequence[tuple[Outcome, Alternative]]:
        """Return the outcomes that the port may have instead of the reference's; none if a quirk has no say in it."""
        found = self._rewritten(expected)
        return [(_from_spec(one.outcome, expected), one) for one in found if one.outcome != HANGS]

    def may_hang(self, expected: Outcome) -> bool:
        """Tell whether, by a quirk, the port may not return where the reference has this outcome."""
        return any(one.outcome == HANGS for one in self._rewritten(expected))

    def _rewritten(self, expected: Outcome) -> Sequence[Alternative]:
        if expected.kind not in ("returned", "raised"):
            return ()
        found = rewrite(self._rules, self._args, _to_spec(expected), _itself)
        return [one for one in found if one.quirks]

    @staticmethod
    def bound(expected: Outcome, alternative: Alternative, actual: Outcome) -> tuple[LuaValue, ...]:
        """Return the port's results at the places where the reference has them."""
        return bound_results(_to_spec(expected), alternative, actual.values, _itself)  # type: ignore[arg-type]


def _function(step: Call, item: Object | None) -> str:
    """Return the name of a function as quirks write it: ``client:receive``."""
    if step.object is None:
        return step.path
    if not step.path:
        return FUNCTION_VALUE
    return f"{item.klass.partition('{')[2].rstrip('}') if item is not None else ''}:{step.path}"


def _itself(value: model.SpecValue) -> LuaValue:
    if isinstance(value, model.Value):
        raise LookupError("a matcher has no value")
    return value


def _to_spec(outcome: Outcome) -> model.Outcome:
    if outcome.kind == "raised":
        return model.Raises(None, outcome.values[0])  # type: ignore[arg-type]  # run-time values stand for themselves
    return model.Returns(outcome.values)  # type: ignore[arg-type]


def _from_spec(outcome: model.Outcome, expected: Outcome) -> Outcome:
    if isinstance(outcome, model.Returns):
        return Outcome("returned", outcome.values, expected.calls)
    if isinstance(outcome, model.Raises):
        text = None if outcome.part is None else model.Pattern(re.escape(outcome.part.decode("latin-1")))
        return Outcome("raised", (outcome.value if text is None else text,), expected.calls)
    return expected
