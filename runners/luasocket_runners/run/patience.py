"""Finds functions that hang in every call, so that the behaviours that call them need not be tried.

A function may also hang only where LuaSocket would time out, or fail, or raise an error: then the behaviours with such
calls are not tried.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from luasocket_spec.model import Behaviour, Outcome, Raises, Returns

from luasocket_runners.quirks.called import called_functions
from luasocket_runners.result import PASSING, Result, Verdict

__all__ = ["Hopeless", "Patience"]

#: A function, or its calls with one kind of outcome.
_Key: TypeAlias = tuple[str, str]

#: The kind of all calls of a function.
_ANY: Final = ""


@dataclass(frozen=True, slots=True)
class Hopeless:
    """Calls that hung in each behaviour that was tried: ``users`` are the ids of all behaviours that make them."""

    function: str
    reason: str
    users: frozenset[str]

    def not_tried(self, behaviour: Behaviour) -> Result:
        """Return the result of a behaviour that is not tried because of them."""
        return Result(behaviour, Verdict.NOT_TRIED, self.reason, function=self.function)


class Patience:
    """The calls that hang, as far as known.

    Parameters
    ----------
    behaviours
        All behaviours that may run.
    limit
        The number of behaviours in which a call has to hang; None: all behaviours are tried.
    """

    def __init__(self, behaviours: Sequence[Behaviour], limit: int | None) -> None:
        self._behaviours = behaviours
        self._limit = limit
        self._hung: Counter[_Key] = Counter()
        self._passed: list[Behaviour] = []
        self._returned: set[_Key] = set()

    def see(self, result: Result) -> Hopeless | None:
        """Take a result; return calls that have hung everywhere now, or None."""
        if self._limit is None:
            return None
        if result.verdict in PASSING and not result.at:
            self._passed.append(result.behaviour)
        if not result.function or result.verdict is not Verdict.FAILED:
            return None
        keys = [(result.function, _ANY)]
        if result.observation is not None:
            keys.append((result.function, _kind(result.observation.expected)))
        if not result.hung:
            self._returned.update(keys)
            return None
        self._hung.update(keys)
        hopeless = [key for key in keys if self._hung[key] == self._limit and not self._returns(key)]
        return self._hopeless(hopeless[0]) if hopeless else None

    def _returns(self, key: _Key) -> bool:
        return key in self._returned or any(key in _keys(behaviour) for behaviour in self._passed)

    def _hopeless(self, key: _Key) -> Hopeless:
        function, kind = key
        where = f"in which LuaSocket's {kind}" if kind else "that called it so far"
        reason = f"{function} has hung in all {self._limit} behaviours {where} (--patience)"
        users = frozenset(one.id for one in self._behaviours if key in _keys(one))
        return Hopeless(function, reason, users)


def _keys(behaviour: Behaviour) -> set[_Key]:
    return {(function, kind) for function, outcome in called_functions(behaviour) for kind in (_ANY, _kind(outcome))}


def _kind(outcome: Outcome) -> str:
    """Return the verb for a function with this outcome."""
    if isinstance(outcome, Raises):
        return "raises an error"
    if not isinstance(outcome, Returns) or not outcome.values or outcome.values[0] is not None:
        return "succeeds"
    return "times out" if outcome.values[1:2] == (b"timeout",) else "fails"
