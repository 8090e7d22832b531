"""Runs programs step by step on two implementations at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import luasocket_spec
import pytest

pytest.importorskip("hypothesis")

from luasocket_runners.explore import lockstep as lockstep_module
from luasocket_runners.explore import side
from luasocket_runners.explore.lockstep import Lockstep
from luasocket_runners.explore.side import Side
from luasocket_runners.explore.steps import Call
from luasocket_runners.ports import resolve
from luasocket_runners.ports.inprocess import PythonPort
from luasocket_runners.quirks.reading import parse_quirks


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


HANGS = b"""
quirks:
  - id: sleep-hangs
    says: A sleep does not return.
    why: https://example.org
    on: [socket.sleep]
    expected: {returns: []}
    returned: {hangs: true}
    always: false
"""


@pytest.mark.parametrize("hangs", [True, False])
def test_a_call_may_hang_by_a_quirk(
    monkeypatch: pytest.MonkeyPatch, faulty: Callable[..., PythonPort], hangs: bool
) -> None:
    """It is not waited for as long as for another call, and what would come after it is not known."""
    monkeypatch.setattr(lockstep_module, "_HANGING", 0.2)
    quirks = parse_quirks(HANGS, "quirks.yaml", luasocket_spec.load().behaviours)
    never = threading.Event()

    def waits(sleep: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *args: (never.wait(side.CALL_LIMIT) and ()) if hangs else sleep(*args)

    port = faulty(sleep=waits)
    with Side(resolve("reference"), "luasocket-3") as reference, Side(port, "luasocket-3") as other:
        lockstep = Lockstep(reference, other, "luasocket-3", quirks)
        for step in (Call(None, "socket.sleep", (0,)), Call(None, "socket.tcp", (), ("tcp1",))):
            assert lockstep.run(step) is None
        assert len(lockstep.steps) == (1 if hangs else 2)
        never.set()


FAILS = b"""
quirks:
  - id: bind-fails
    says: A bind is refused.
    why: https://example.org
    on: ["master:bind"]
    expected: {returns: [1]}
    returned: {returns: [null, refused]}
"""


def test_nothing_is_run_after_a_call_that_fails_by_a_quirk(faulty: Callable[..., PythonPort]) -> None:
    """All that follows depends on it: a quirk says what the call returns, and not what comes of it."""
    quirks = parse_quirks(FAILS, "quirks.yaml", luasocket_spec.load().behaviours)
    port = faulty(bind=lambda _: lambda *_args: (None, b"refused"))
    with Side(resolve("reference"), "luasocket-3") as reference, Side(port, "luasocket-3") as other:
        lockstep = Lockstep(reference, other, "luasocket-3", quirks)
        bind = Call("tcp1", "bind", (b"127.0.0.1", 0))
        for step in (Call(None, "socket.tcp", (), ("tcp1",)), bind, Call("tcp1", "getsockname")):
            assert lockstep.run(step) is None
        assert [step.label for step in lockstep.steps] == ["socket.tcp", ":bind"]
