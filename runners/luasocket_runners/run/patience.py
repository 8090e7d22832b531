"""Finds functions that hang in every call, so that the behaviours that call them need not be tried."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from luasocket_spec.model import Behaviour

from luasocket_runners.result import Result, Verdict
from luasocket_runners.selection import used_functions

__all__ = ["Patience"]


class Patience:
    """The functions that hang, as far as known.

    Parameters
    ----------
    behaviours
        All behaviours that may run.
    limit
        The number of behaviours in which a function has to hang; None: all behaviours are tried.
    """

    def __init__(self, behaviours: Sequence[Behaviour], limit: int | None) -> None:
        self._behaviours = behaviours
        self._limit = limit
        self._hung: Counter[str] = Counter()
        self._passed: list[Behaviour] = []

    def see(self, result: Result) -> tuple[str, Sequence[str]] | None:
        """Take a result; return a function that has hung everywhere now, and the behaviours that call it, or None."""
        if self._limit is None:
            return None
        if result.verdict in (Verdict.PASSED, Verdict.QUIRKS):
            self._passed.append(result.behaviour)
            return None
        if not result.hung or not result.function:
            return None
        owner, colon, method = result.function.partition(":")
        function = f":{method}" if colon else owner
        self._hung[function] += 1
        if self._hung[function] != self._limit or any(_uses(behaviour, function) for behaviour in self._passed):
            return None
        return function, [behaviour.id for behaviour in self._behaviours if _uses(behaviour, function)]

    def not_tried(self, behaviour: Behaviour, function: str) -> Result:
        """Return the result of a behaviour that is not tried because of a function."""
        reason = f"{function} has hung in all {self._limit} behaviours that called it so far (--patience)"
        return Result(behaviour, Verdict.NOT_TRIED, reason, function=function)


def _uses(behaviour: Behaviour, function: str) -> bool:
    return function in used_functions(behaviour.unconditional_steps())
