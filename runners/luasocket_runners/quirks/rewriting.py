"""Applies the quirks of a port to one call: to its arguments, and to the outcomes that the spec expects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from luasocket_spec.model import OfType, Outcome, Raises, Returns, SpecValue, Succeeds

from luasocket_runners.quirks.filling import NotComputable, fill_list, fill_outcome
from luasocket_runners.quirks.model import HANGS, Message, Quirk
from luasocket_runners.quirks.patterns import (
    AnyValue,
    Match,
    Resolve,
    holds,
    match_args,
    match_outcome,
)
from luasocket_runners.values import LuaValue

__all__ = ["Alternative", "apply_rule", "bound_results", "is_about", "omitted_by", "pass_arguments", "rewrite"]

#: Outcomes that one call may have: rules that do not always hold double them.
_MOST: Final = 32


@dataclass(frozen=True, slots=True)
class Alternative:
    """An outcome that a port may have.

    Attributes
    ----------
    outcome
        The outcome.
    places
        For each value that it returns, its index among the values that the spec expects, None for a new one. None: the
        values are those of the spec.
    quirks
        The rules that lead from the spec's outcome to this one.
    """

    outcome: Outcome
    places: tuple[int | None, ...] | None = None
    quirks: tuple[str, ...] = ()


def pass_arguments(
    rules: Iterable[Quirk], args: tuple[LuaValue, ...], outcomes: Sequence[Outcome], resolve: Resolve
) -> tuple[tuple[LuaValue, ...], tuple[str, ...]]:
    """Return the arguments that a port gets in a call, and the rules that have changed them.

    ``outcomes`` are those that the spec expects: a rule that passes something of a result has to concern all of them.
    """
    used: list[str] = []
    for quirk in rules:
        if quirk.passes is None:
            continue
        found = Match()
        if quirk.with_ is not None and not match_args(quirk.with_, args, resolve, found):
            continue
        if not holds(quirk.where, found, resolve):
            continue
        try:
            filled = _filled(quirk, found, outcomes, resolve)
        except NotComputable:
            continue
        if filled != args and not any(isinstance(value, OfType) for value in filled):
            used.append(quirk.id)
            args = filled  # type: ignore[assignment]
    return args, tuple(used)


def _filled(quirk: Quirk, found: Match, outcomes: Sequence[Outcome], resolve: Resolve) -> tuple[AnyValue, ...]:
    """Return the arguments that a rule passes; raise NotComputable if they depend on results that are others."""
    assert quirk.passes is not None
    try:
        return tuple(value for value, _ in fill_list(quirk.passes, found, resolve))
    except KeyError:  # a variable of the results
        if not outcomes or not _concerns(quirk, outcomes, found, resolve):
            raise NotComputable from None
        return tuple(value for value, _ in fill_list(quirk.passes, found, resolve))


def _concerns(quirk: Quirk, outcomes: Sequence[Outcome], found: Match, resolve: Resolve) -> bool:
    """Tell whether a rule, whose arguments were matched, concerns all outcomes; note the variables."""
    after_args = found.rest
    if quirk.expected is not None:
        if not all(match_outcome(quirk.expected, outcome, resolve, found) for outcome in outcomes):
            return False
        if found.unsure:
            return False
    return holds(quirk.where, Match(found.values, after_args), resolve)


def omitted_by(
    rules: Iterable[Quirk], args: tuple[LuaValue, ...], outcomes: Sequence[Outcome], resolve: Resolve
) -> str | None:
    """Return the rule by which a call is not made, because it would not return."""
    for quirk in rules:
        if quirk.omitted and is_about(quirk, args, outcomes, resolve):
            return quirk.id
    return None


def is_about(quirk: Quirk, args: tuple[LuaValue, ...], outcomes: Sequence[Outcome], resolve: Resolve) -> bool:
    """Tell whether a rule for the function of a call concerns its arguments, and all outcomes that the spec expects."""
    found = Match()
    fits = quirk.with_ is None or match_args(quirk.with_, args, resolve, found)
    return fits and _concerns(quirk, outcomes, found, resolve)


def rewrite(
    rules: Iterable[Quirk], args: tuple[LuaValue, ...], outcome: Outcome, resolve: Resolve | None
) -> Sequence[Alternative]:
    """Return the outcomes that a port may have where the spec expects one; without a rule, the spec's alone.

    Parameters
    ----------
    rules
        The rules that concern the function.
    args
        The arguments of the behaviour, before a rule has changed them.
    outcome
        The outcome that the spec expects.
    resolve
        Returns the values of names.
    """
    alternatives = [Alternative(outcome)]
    for quirk in rules:
        if quirk.returned is None:
            continue
        with_args = Match()
        if quirk.with_ is not None and not match_args(quirk.with_, args, resolve, with_args):
            continue
        alternatives = apply_rule(quirk, with_args, alternatives, resolve)
    return alternatives


def apply_rule(
    quirk: Quirk, with_args: Match, alternatives: list[Alternative], resolve: Resolve | None
) -> list[Alternative]:
    """Return the outcomes by one more rule; ``with_args`` has the variables of its arguments."""
    made: list[Alternative] = []
    for one in alternatives:
        assert quirk.returned is not None
        changed, unsure = [], False
        for returned in (quirk.returned, *quirk.others):
            other, unsure = _changed(quirk, returned, with_args, one, resolve)
            if other is not None:
                changed.append(other)
        # the spec's outcome comes first, so that a rule counts only where it is needed
        made += changed if changed and quirk.always and not unsure else [one, *changed]
    return made if len(made) <= _MOST else made[:_MOST]


def _changed(
    quirk: Quirk, returned: Outcome | Message, with_args: Match, one: Alternative, resolve: Resolve | None
) -> tuple[Alternative | None, bool]:
    """Return the outcome by a rule; None if the rule does not concern this outcome, or changes nothing.

    Also return whether the rule may concern it or not, because the spec takes any value.
    """
    if one.outcome == HANGS:
        return None, False
    found = Match({name: (value, None) for name, (value, _) in with_args.values.items()}, with_args.rest)
    if quirk.expected is not None and not match_outcome(quirk.expected, one.outcome, resolve, found):
        return None, False
    if not holds(quirk.where, Match(found.values, with_args.rest), resolve):
        return None, False
    if isinstance(one.outcome, Succeeds) and isinstance(quirk.expected, Returns) and not isinstance(returned, Raises):
        return None, False  # the results that the rule takes over are not known
    outcome, places = fill_outcome(returned, one.outcome, found, resolve)
    if repr(outcome) == repr(one.outcome):  # to Python, true equals 1
        return None, False
    if places is not None and one.places is not None:
        places = tuple(None if place is None else one.places[place] for place in places)
    return Alternative(outcome, places, (*one.quirks, quirk.id)), found.unsure


def bound_results(
    spec_outcome: Outcome, alternative: Alternative, results: tuple[LuaValue, ...], resolve: Resolve
) -> tuple[LuaValue, ...]:
    """Return the results of a call at the places where the spec expects them, for the names that a step binds.

    A value that the port does not return is the one that the spec expects, if it is a plain value. Otherwise, it is
    what the port returns in its place, if it returns as many values, or nil.
    """
    if not alternative.quirks or not isinstance(spec_outcome, Returns):
        return results
    places = alternative.places if isinstance(alternative.outcome, Returns) else ()
    if places is None:
        return results
    instead = results if len(results) == len(spec_outcome.values) else (None,) * len(spec_outcome.values)
    moved: list[LuaValue] = []
    for index, value in enumerate(spec_outcome.values):
        if index in places and places.index(index) < len(results):
            moved.append(results[places.index(index)])
        else:
            moved.append(_plain(value, resolve, instead[index]))
    return tuple(moved)


def _plain(value: SpecValue, resolve: Resolve, instead: LuaValue) -> LuaValue:
    try:
        return resolve(value)
    except (LookupError, TypeError):  # a matcher has no value of its own
        return instead
