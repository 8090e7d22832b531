"""Names the functions that a behaviour calls, with the classes of its objects, as LuaSocket would run it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from luasocket_spec.model import Behaviour, Call, Expectation, MethodTarget, Outcome, Raises, Returns, Step

from luasocket_runners.quirks.classes import ObjectClasses
from luasocket_runners.values import Handle, is_failure

__all__ = ["CalledFunction", "called_functions", "calls_of"]


@dataclass(frozen=True, slots=True)
class CalledFunction:
    """A call that a behaviour makes in any case.

    Attributes
    ----------
    function
        A method has the class of its object, ``client:receive``; none if that is not known, ``:receive``.
    outcome
        The expected outcome, in the observed reading.
    on
        The object of a method, by a number; None if it is not known.
    holder
        The object that a descriptor of the call would belong to: the one that it returns, or else the same.
    """

    function: str
    outcome: Outcome
    on: int | None
    holder: int | None


def called_functions(behaviour: Behaviour) -> Iterator[tuple[str, Outcome]]:
    """Yield the function of each call that is made in any case, and its expected outcome, in the observed reading."""
    for call in calls_of(behaviour):
        yield call.function, call.outcome


def calls_of(behaviour: Behaviour) -> Iterator[CalledFunction]:
    """Yield the calls that are made in any case."""
    called = _Called()
    bound: dict[str, Handle] = {}
    for name, fixture in behaviour.given:
        inside: dict[str, Handle] = {}
        yield from called.by(fixture.steps, inside)
        if "self" in inside:
            bound[name] = inside["self"]
    yield from called.by(behaviour.steps, bound)


class _Called:
    def __init__(self) -> None:
        self._objects = ObjectClasses()
        self._numbers = itertools.count(1)

    def by(self, steps: Iterable[Step], bound: dict[str, Handle]) -> Iterator[CalledFunction]:
        for step in steps:
            if not isinstance(step, Call):
                continue
            handle = bound.get(step.target.name) if isinstance(step.target, MethodTarget) else None
            outcome = _observed(step.expect)
            failed = isinstance(outcome, Returns) and (not outcome.values or is_failure(outcome.values))
            first = None if failed or isinstance(outcome, Raises) else Handle(next(self._numbers), "userdata")
            name = step.binds[0] if step.binds else None
            on = None if handle is None else handle.number
            holder = first.number if first is not None and name is not None else on
            yield CalledFunction(self._objects.function(step.target, handle), outcome, on, holder)
            if isinstance(outcome, Raises):
                continue
            # no value of the spec but "*" tells a class
            args = tuple(value if isinstance(value, bytes) else None for value in step.args)
            self._objects.called(step.target, handle, args, (first,))
            if first is not None and name is not None:
                bound[name] = first


def _observed(expect: Expectation) -> Outcome:
    return max(expect.by_reading, key=lambda pair: pair[0].authority == "observed")[1]
