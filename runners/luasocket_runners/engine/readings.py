"""The readings of the documentation that a port's replies still allow, where documentation and library disagree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from luasocket_spec import model
from luasocket_spec.model import Authority, Dialect, Outcome

from luasocket_runners import notation
from luasocket_runners.engine.matcher import Matcher
from luasocket_runners.notation import Names
from luasocket_runners.result import RAISED
from luasocket_runners.values import LuaValue

#: The expectations of a step: different outcomes, each with the readings that expect it.
Outcomes: TypeAlias = Sequence[tuple[Outcome, frozenset[Authority]]]


class Readings:
    """The readings that are still open in one behaviour: a port follows one of them in all its steps.

    Parameters
    ----------
    dialect
        The dialect that the port is checked against.
    authority
        The reading that it is checked against; None: either.
    """

    def __init__(self, dialect: Dialect, authority: Authority | None) -> None:
        self._dialect = dialect
        self._open = frozenset(model.AUTHORITIES if authority is None else (authority,))
        self._disagreed = False

    @property
    def followed(self) -> Authority | None:
        """The one reading that the port follows; None: no step has shown that."""
        return next(iter(self._open)) if self._disagreed and len(self._open) == 1 else None

    @property
    def open(self) -> frozenset[Authority]:
        """The readings that the replies so far allow."""
        return self._open

    def outcomes(self, expect: model.Expectation) -> Outcomes:
        """Return the outcomes that the open readings expect of a step."""
        found = []
        for reading, outcome in expect.by_reading:
            if reading.dialect is None or reading.dialect == self._dialect:
                authorities = self._open if reading.authority is None else self._open & {reading.authority}
                if authorities:
                    found.append((outcome, authorities))
        if not found:
            raise LookupError(f"the step expects nothing for the dialect {self._dialect}")
        return found

    def compare(
        self, outcomes: Outcomes, returns: tuple[LuaValue, ...] | None, raises: LuaValue, matcher: Matcher
    ) -> str | None:
        """Compare a reply with the outcomes, and close the readings that it contradicts.

        Return None if a reading allows the reply; otherwise the first difference, in a sentence.
        """
        allowed: frozenset[Authority] = frozenset()
        differences: dict[Authority, str] = {}
        for outcome, authorities in outcomes:
            if returns is None:
                difference = matcher.outcome_raises(outcome, raises)
            else:
                difference = matcher.outcome_returns(outcome, returns)
            if difference is None:
                allowed |= authorities
            else:
                differences.update(dict.fromkeys(authorities, difference))
        if len(outcomes) > 1:
            self._disagreed = True
        if allowed:
            self._open = allowed
            return None
        return differences.get("observed") or next(iter(differences.values()))


def show_outcomes(outcomes: Outcomes, names: Names) -> str:
    """Return the expected outcomes in Lua's notation, the readings on a line each where they differ."""
    shown = {
        authority: notation.show_outcome(outcome, names)
        for outcome, authorities in outcomes
        for authority in authorities
    }
    if len(set(shown.values())) == 1:
        return next(iter(shown.values()))
    return f"{shown['documented']}   (documented), or\n{shown['observed']}   (observed)"


def show_reply(returns: tuple[LuaValue, ...] | None, raises: LuaValue, names: Names) -> str:
    """Return a reply in Lua's notation."""
    if returns is None:
        return f"{RAISED}{notation.show(raises, names)}"
    return notation.show_list(returns, names)
