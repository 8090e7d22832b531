"""Finds what tells the calls in which a declared quirk holds from those in which it does not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest
from typing import Final

from luasocket_spec.model import OfType, OneOf, SpecValue

from luasocket_runners.function_names import PEER
from luasocket_runners.quirks.model import Quirk, Quirks, is_function
from luasocket_runners.quirks.patterns import Match, holds, match_args, match_outcome, types_of
from luasocket_runners.result import Use
from luasocket_runners.triage.proposals import arguments_pattern
from luasocket_runners.triage.values import choices_of

__all__ = ["concerns_call", "narrowed"]

#: Values in one place of a pattern, above which it is a list of examples, and no rule.
_MOST: Final = 6


def narrowed(quirk: Quirk, held: Sequence[Use], broken: Sequence[Use]) -> Quirk:
    """Return a quirk that concerns the calls in which it was needed, and none in which it does not hold.

    Where nothing tells them apart, it is the same quirk without ``always``.
    """
    if not held:  # calls that do not return are no data
        return replace(quirk, always=False)
    functions = {call.function for call in held}
    if not all(call.function in functions for call in broken):
        quirk = replace(quirk, on=tuple(sorted(functions)))
        broken = [call for call in broken if call.function in functions]
    if not broken:
        return quirk
    candidates = (*_by_arguments(quirk, held), *_by_outcome(quirk, held), *_by_past(quirk, held, broken))
    fitting = (one for one in candidates if not any(concerns_call(one, call) for call in broken))
    return next(fitting, replace(quirk, always=False))


def concerns_call(quirk: Quirk, call: Use) -> bool:
    """Tell whether a quirk concerns a call; the order of its past is not known."""
    found = Match()
    in_any_order = replace(quirk, before=(*quirk.before, *quirk.until), until=())
    return (
        bool(Quirks("", (in_any_order,)).of(call.function, call.past))
        and (quirk.with_ is None or match_args(quirk.with_, call.args, None, found))
        and (quirk.expected is None or match_outcome(quirk.expected, call.spec, None, found))
        and holds(quirk.where, found, None)
    )


def _by_arguments(quirk: Quirk, held: Sequence[Use]) -> Iterator[Quirk]:
    """Yield a quirk for arguments such as those with which it was needed."""
    if quirk.with_ is None:
        patterns = [arguments_pattern(call.args) for call in held]
        places = [_any_of(values) for values in zip_longest(*patterns)]  # a nil at the end may also be missing
        if all(place is not None for place in places):
            yield replace(quirk, with_=tuple(pattern for (pattern,) in filter(None, places)))


def _by_outcome(quirk: Quirk, held: Sequence[Use]) -> Iterator[Quirk]:
    """Yield quirks for the values of one variable with which it was needed."""
    found = []
    for call in held:
        match = Match()
        if quirk.with_ is not None and not match_args(quirk.with_, call.args, None, match):
            return
        if quirk.expected is not None and not match_outcome(quirk.expected, call.spec, None, match):
            return
        found.append(match.values)
    bound = {name for name, _ in quirk.where}
    for name in found[0] if found else ():
        if name not in bound and all(name in values for values in found):
            pattern = _any_of(_described(values[name][0]) for values in found)
            if pattern is not None:
                yield replace(quirk, where=(*quirk.where, (name, *pattern)))


def _by_past(quirk: Quirk, held: Sequence[Use], broken: Sequence[Use]) -> Iterator[Quirk]:
    """Yield quirks for objects with a past such as theirs, or without that of the others."""
    # what peers did is rarely the reason
    both = [
        [name for name in frozenset.intersection(*(call.past for call in calls)) if not name.startswith(f"{PEER}:")]
        for calls in (held, broken)
    ]
    for name in sorted(both[0], key=_makers_first):
        if not quirk.after and not any(name in call.past for call in broken):
            yield replace(quirk, after=(name,))
    for name in sorted(both[1], key=_makers_first):
        if not any(name in call.past for call in held):
            yield replace(quirk, until=(name,)) if quirk.after else replace(quirk, before=(name,))


def _makers_first(name: str) -> tuple[bool, bool, str]:
    """Return a key that sorts the functions of the module first, and quirks last."""
    return not is_function(name), ":" in name, name


def _described(value: object) -> SpecValue:
    if value is None or isinstance(value, bool | bytes):
        return value
    return OfType(tuple(sorted(types_of(value))))


def _any_of(values: Iterable[SpecValue]) -> tuple[SpecValue] | None:
    """Return a pattern of these values, in a tuple; None if they are too many for a rule."""
    choices = choices_of(values)
    if not choices or len(choices) > _MOST:
        return None
    return (choices[0] if len(choices) == 1 else OneOf(choices),)
