"""Follows the descriptors that calls leave open by the quirks of a port, until something on the object closes them."""

from __future__ import annotations

from dataclasses import dataclass

from luasocket_runners.quirks.classes import ObjectClasses
from luasocket_runners.quirks.model import Quirk, last_time
from luasocket_runners.result import Use
from luasocket_runners.values import Handle, LuaValue


@dataclass(frozen=True, slots=True)
class Leaks:
    """The descriptors that may be open at the end of a behaviour.

    Attributes
    ----------
    least, most
        How many, by the rules that always hold, and by all of them.
    uses
        The calls that have left them open.
    always
        The ids of the rules among theirs that always hold.
    """

    least: int = 0
    most: int = 0
    uses: tuple[Use, ...] = ()
    always: frozenset[str] = frozenset()

    def allow(self, leaked: int) -> bool:
        """Tell whether so many descriptors may be open."""
        return self.least <= leaked <= self.most

    def used(self, leaked: int) -> tuple[Use, ...]:
        """Return the calls that explain so many open descriptors."""
        if not leaked:
            return ()
        return tuple(use for use in self.uses if leaked > self.least or self.always.issuperset(use.quirks))


@dataclass(slots=True)
class _Call:
    rule: Quirk
    holder: LuaValue
    number: int
    use: Use


class LeakingCalls:
    """The calls of one run of a behaviour that leave descriptors open."""

    def __init__(self, objects: ObjectClasses) -> None:
        self._objects = objects
        self._calls: list[_Call] = []

    def add(self, rule: Quirk, handle: LuaValue, returns: tuple[LuaValue, ...], use: Use) -> None:
        """Take note of a call that a rule concerns, with the object of a method and the results.

        The descriptor is that of the object that the call has returned, or else of the one that it was made on. A call
        without an object leaves none open that ``until`` could end.
        """
        first = returns[0] if returns else None
        holder = first if isinstance(first, Handle) else handle
        if not rule.until or isinstance(holder, Handle):
            self._calls.append(_Call(rule, holder, self._objects.now(), use))

    def leaks(self) -> Leaks:
        """Return the descriptors that may be open now."""
        if not self._calls:
            return Leaks()
        left = [one for one in self._calls if last_time(one.rule.until, self._objects.past(one.holder)) <= one.number]
        always = [one.rule for one in left if one.rule.always]
        return Leaks(
            sum(rule.leaks for rule in always),
            sum(one.rule.leaks for one in left),
            tuple(one.use for one in left),
            frozenset(rule.id for rule in always),
        )
