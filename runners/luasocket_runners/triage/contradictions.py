"""Finds replies that contradict a rule: the port differs from LuaSocket there, but not as the rule says.

A rule made on top of that one would say nothing about LuaSocket.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from luasocket_spec.model import Outcome, Pattern, Raises, Returns

from luasocket_runners.engine.matcher import WITHOUT_NAMES
from luasocket_runners.result import Observation

__all__ = ["COUNT", "Contradiction", "contradiction", "is_failure"]

#: The kinds of rules that say how many values a call returns.
COUNT: Final = ("shape", "data")


@dataclass(frozen=True, slots=True)
class Contradiction:
    """The kinds of the rules that a reply contradicts, and what is expected without them."""

    kinds: tuple[str, ...]
    expected: Outcome


def is_failure(values: Sequence[object]) -> bool:
    """Tell whether a call with these results has failed."""
    return bool(values) and (values[0] is None or values[0] is False)


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
    if is_failure(expected.values) != is_failure(seen.returns):
        return None  # another call has failed, or succeeded, than the rule is about
    count = len(expected.values)
    if count not in (len(spec.values), len(seen.returns)):
        return Contradiction(COUNT, spec)
    if not is_failure(seen.returns) or min(count, len(spec.values), len(seen.returns)) < 2:
        return None
    wanted, text = expected.values[1], seen.returns[1]
    if repr(wanted) == repr(spec.values[1]) or not isinstance(wanted, bytes | Pattern):
        return None
    if WITHOUT_NAMES.value(wanted, text) is None:
        return None
    return Contradiction(("text",), Returns((expected.values[0], spec.values[1], *expected.values[2:])))
