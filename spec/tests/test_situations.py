"""Tests the situations of the shipped specification: every behaviour that checks a call names one."""

from __future__ import annotations

from luasocket_spec import Behaviour, load
from luasocket_spec import model as m
from luasocket_spec.situations import SITUATIONS


def checks_a_call(behaviour: Behaviour) -> bool:
    """Tell whether a call of the port, and not of a function of Lua, has a stated outcome."""
    calls = [step for step in behaviour.steps if isinstance(step, m.Call)]
    of_the_port = [c for c in calls if not isinstance(c.target, m.PathTarget) or c.target.path.startswith("socket.")]
    return any(not isinstance(o, m.Succeeds) for call in of_the_port for _, o in call.expect.by_reading)


def test_a_behaviour_that_checks_a_call_names_its_situation() -> None:
    missing = [b for b in load().behaviours if b.situation is None and checks_a_call(b)]
    places = sorted({f"{behaviour.source}: {behaviour.entry}" for behaviour in missing})
    assert not places, "\n".join(["add `situation:` (the words are in situations.py):", *places])


def test_a_call_that_times_out_is_not_in_the_situation_of_a_success() -> None:
    wrong = []
    for behaviour in load().behaviours:
        calls = [s for s in behaviour.steps if isinstance(s, m.Call) and s.expect.by_reading]
        checked = [s for s in calls if any(not isinstance(o, m.Succeeds) for _, o in s.expect.by_reading)]
        if checked and behaviour.situation in ("succeeds", "available", "ready", "arrives"):
            outcomes = [outcome for _, outcome in checked[-1].expect.by_reading]
            if all(isinstance(o, m.Returns) and o.values[:2] == (None, b"timeout") for o in outcomes):
                wrong.append(behaviour.id)
    assert not wrong


def test_every_situation_is_used() -> None:
    used = {behaviour.situation for behaviour in load().behaviours}
    assert set(SITUATIONS) <= used
