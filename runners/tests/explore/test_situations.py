"""Situations are drawn often enough, run on the reference, and bring objects into the states that they are for."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from luasocket_spec.model import Repeat

pytest.importorskip("hypothesis")

from luasocket_runners.capabilities import machine
from luasocket_runners.explore.draw import Drawer
from luasocket_runners.explore.lockstep import Lockstep
from luasocket_runners.explore.search import DRAWS
from luasocket_runners.explore.side import Side
from luasocket_runners.explore.steps import Call, PeerAct
from luasocket_runners.ports import resolve

#: Programs that are drawn: each kind of situation is in many of them.
PROGRAMS = 40


def test_situations_are_drawn_and_run() -> None:
    """What only situations bring is there: floods, functions that fail inside, long data, objects that are closed."""
    seen: Counter[str] = Counter()
    with Side(resolve("reference"), "luasocket-3") as reference, Side(resolve("reference"), "luasocket-3") as port:
        lockstep = Lockstep(reference, port, "luasocket-3")
        for number in range(PROGRAMS):
            lockstep.reset()
            drawer = Drawer(Random(number), lockstep.state, lockstep.abilities, "everything")
            # a difference is no mistake here: the system may give an object the number that another one had
            drawn = (step for _ in range(DRAWS[-1]) for step in drawer.steps())
            next(filter(None, map(lockstep.run, drawn)), None)
            for step, outcome in zip(lockstep.steps, lockstep.outcomes, strict=True):
                seen["failed inside"] += any(inner.kind == "raised" for _, inner in outcome.inner)
                if isinstance(step, PeerAct):
                    seen[step.verb] += 1
                elif isinstance(step, Call):
                    seen["flood"] += any(isinstance(value, Repeat) for value in step.args)
                    seen["half-way"] += step.path == "send" and outcome.values[1:2] == (b"timeout",)
                    long = [value for value in outcome.values if isinstance(value, bytes) and len(value) > 1 << 13]
                    seen["long result"] += step.path == "receive" and bool(long)
                    seen["closed"] += outcome.values[:2] == (None, b"closed")
    wanted = ["failed inside", "long result", "closed", "reset", "shutdown", "collect"]
    if machine.flood_size():
        wanted += ["flood", "half-way"]
    assert {name: seen[name] for name in wanted if seen[name] < 3} == {}
