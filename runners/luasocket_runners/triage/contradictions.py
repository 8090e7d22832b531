"""Finds replies that contradict a rule: the port differs from LuaSocket there, but not as the rule says.

A rule made on top of that one would say nothing about LuaSocket.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from luasocket_spec.model import Outcome, Pattern, Raises, Returns, SpecValue

from luasocket_runners.result import Observation
from luasocket_runners.triage.values import fits, is_empty_list
from luasocket_runners.values import LuaValue, is_failure

__all__ = ["COUNT", "VALUES", "Contradiction", "contradiction"]

#: The kinds of rules that say how many values a call returns, and of those that say which.
COUNT: Final = ("shape", "data")
VALUES: Final = ("shape", "number", "data")


@dataclass(frozen=True, slots=True)
class Contradiction:
    """The kinds of the rules that a reply contradicts, and what is expected without them."""

    kinds: tuple[str, ...]
    expected: Outcome


def contradiction(seen: Observation) -> Contradiction | None:
    """Return how a reply contradicts the quirks by which it was judged; None if it does not."""
    spec, expected = seen.spec, seen.expected
    if spec is None or seen.hangs:
        return None
    if isinstance(spec, Raises) != isinstance(expected, Raises):
        return Contradiction(("raises", "missing"), spec)
    if isinstance(spec, Raises) and isinstance(expected, Raises):
        return Contradiction(("text", "raises"), spec) if seen.returns is None and spec != expected else None
    if not isinstance(spec, Returns) or not isinstance(expected, Returns) or seen.returns is None:
        return None
    is_list = bool(spec.values) and is_empty_list(spec.values[0])  # nil in its place is no failure
    if is_failure(expected.values) != is_failure(seen.returns) and not is_list:
        return None  # another call has failed, or succeeded, than the rule is about
    count = len(expected.values)
    if count not in (len(spec.values), len(seen.returns)):
        return Contradiction(COUNT, spec)
    if is_failure(expected.values) and not is_failure(spec.values) and not is_list:
        # the call fails in another way than the rule says
        as_told = all(fits(want, got) for want, got in zip(expected.values, seen.returns, strict=False))
        return None if as_told else Contradiction((*VALUES, "stub"), spec)
    return _of_values(spec.values, expected.values, seen.returns)


def _of_values(
    spec: Sequence[SpecValue], expected: Sequence[SpecValue], actual: Sequence[LuaValue]
) -> Contradiction | None:
    """Return how single values contradict rules that have changed what is expected in their places."""
    failed = is_failure(actual)
    same_count = len(spec) == len(expected)  # otherwise, a rule may have moved them, but for the text of an error
    places = [
        place
        for place, (want, told, got) in enumerate(zip(spec, expected, actual, strict=False))
        if (same_count or (failed and place == 1)) and repr(told) != repr(want) and not _can_be(told, want, got)
    ]
    if not places:
        return None
    instead = Returns(tuple(spec[place] if place in places else told for place, told in enumerate(expected)))
    return Contradiction(("text",) if failed and places == [1] else VALUES, instead)


def _can_be(told: SpecValue, want: SpecValue, got: LuaValue) -> bool:
    """Tell whether a value is as a rule says, or made of that in another way, as data are."""
    if isinstance(got, bytes) and isinstance(want, bytes) and not isinstance(told, bytes | Pattern):
        return True
    return fits(told, got)
