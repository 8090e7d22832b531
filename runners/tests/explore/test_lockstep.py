"""Runs programs step by step on two implementations at once."""

from __future__ import annotations

import pytest

pytest.importorskip("hypothesis")

from luasocket_runners.explore import side
from luasocket_runners.explore.lockstep import Lockstep
from luasocket_runners.explore.side import Side
from luasocket_runners.explore.steps import Call
from luasocket_runners.ports import resolve


def test_nothing_is_run_after_a_call_that_hangs_on_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its objects have ended with the connection to the port, so later steps have nothing that they could use."""
    monkeypatch.setattr(side, "CALL_LIMIT", 0.2)
    create, hang = Call(None, "socket.tcp", (), ("tcp1",)), Call(None, "socket.sleep", (1000,))
    with Side(resolve("reference"), "luasocket-3") as reference, Side(resolve("reference"), "luasocket-3") as port:
        lockstep = Lockstep(reference, port, "luasocket-3")
        for step in (create, hang, Call("tcp1", "getfd")):
            assert lockstep.run(step) is None
        assert [step.label for step in lockstep.steps] == ["socket.tcp", "socket.sleep"]
        assert [outcome.kind for outcome in lockstep.outcomes] == ["returned", "hung"]
        lockstep.reset()
        assert lockstep.run(create) is None
        assert lockstep.outcomes[0].kind == "returned"
