"""The situation of a behaviour suits the outcome of its last checked call, so that `explain` lists it in its place."""

from __future__ import annotations

from collections.abc import Iterable

import luasocket_spec
import pytest
from luasocket_runners.lookup.index import Index, Observation
from luasocket_spec.model import Behaviour, Raises, Returns

INDEX = Index(luasocket_spec.load())
#: Situations in which a call does what it is for.
GOOD = frozenset({"available", "arrives", "succeeds", "ready", "buffered", "ended-all"})
#: Functions that return values of the program, nil among them.
PASS_VALUES_ON = frozenset({"socket.skip", "socket.choose", "socket.protect", "socket.try"})


def fails(observation: Observation) -> bool:
    """Tell whether the outcome is an error: one that is raised, or nil and a message, or a timeout of select."""
    outcome = observation.outcome
    if isinstance(outcome, Raises):
        return True
    if not isinstance(outcome, Returns):
        return False
    first, second, third = (*outcome.values, None, None, None)[:3]
    return (first is None and second is not None) or third == b"timeout"


def suits(situation: str, observations: Iterable[Observation]) -> bool:
    """Tell whether a call may have its outcome, in one reading at least, in a situation."""
    outcomes = {fails(observation) for observation in observations}
    if situation in GOOD:
        return False in outcomes
    if situation.startswith("timeout-"):
        return True in outcomes
    # a wrong argument that the library accepts is one of the call all the same
    return situation != "bad-argument" or True in outcomes or any(item.call.args for item in observations)


@pytest.mark.parametrize("subject", sorted({behaviour.subject for behaviour in INDEX.spec.behaviours}))
def test_the_situation_suits_the_outcome(subject: str) -> None:
    def misplaced(behaviour: Behaviour) -> bool:
        observations = INDEX.last_observations(behaviour)
        passes_on = any(item.function.id in PASS_VALUES_ON for item in observations)
        return bool(observations) and not passes_on and not suits(behaviour.situation or "", observations)

    behaviours = [item for item in INDEX.spec.behaviours if item.subject == subject and item.situation is not None]
    assert [behaviour.id for behaviour in behaviours if misplaced(behaviour)] == []
