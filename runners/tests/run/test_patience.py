"""A function that hangs in each call is not called again; the behaviours that call it are counted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from luasocket_runners.ports.connection import Message
from luasocket_runners.ports.inprocess import InProcessConnection, PythonPort
from luasocket_runners.result import CONFORMING, Verdict
from luasocket_runners.run.session import Session
from luasocket_spec.model import Behaviour

#: Seconds for what happens at once; longer is a failure, not a wait.
SOON = 60.0
#: Seconds between two looks at an event.
LOOK = 0.01


@pytest.fixture
def every(behaviours: Callable[[str], list[Behaviour]]) -> list[Behaviour]:
    """Eight behaviours that call f, and one that calls g alone."""
    return behaviours(
        "".join(f"  - {{id: f{number}, steps: [{{call: socket.f, returns: []}}]}}\n" for number in range(8))
        + "  - {id: g, steps: [{call: socket.g, returns: []}]}\n"
    )


class Hang:
    """A function that hangs, and the end of the runner's patience with it, which comes by an event, not by the time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._hangs = threading.Event()
        self._given_up = threading.Event()
        wait = InProcessConnection.wait

        def wait_for_event(connection: InProcessConnection, timeout: float) -> Message | None:
            end = time.monotonic() + timeout
            while not self._hangs.is_set():
                if (message := wait(connection, LOOK)) is not None or time.monotonic() >= end:
                    return message
            self._hangs.clear()
            self._given_up.set()
            return None

        monkeypatch.setattr(InProcessConnection, "wait", wait_for_event)

    def __call__(self) -> tuple[()]:
        self._given_up.clear()
        self._hangs.set()
        assert self._given_up.wait(SOON)
        return ()


@pytest.fixture
def hang(monkeypatch: pytest.MonkeyPatch) -> Hang:
    return Hang(monkeypatch)


def verdicts(port: PythonPort, every: list[Behaviour], patience: int | None) -> list[Verdict]:
    with Session(port, every, patience=patience) as session:
        results = session.run(every)
    return [result.verdict for result in results]


def test_a_function_that_hangs_everywhere_is_not_tried_again(
    toy_port: Callable[..., PythonPort], every: list[Behaviour], hang: Hang
) -> None:
    port = toy_port(f=hang, g=lambda: ())
    assert verdicts(port, every, 3) == [Verdict.FAILED] * 3 + [Verdict.NOT_TRIED] * 5 + [Verdict.PASSED]
    assert Verdict.NOT_TRIED not in CONFORMING


def test_a_function_that_has_returned_is_tried_everywhere(
    toy_port: Callable[..., PythonPort], every: list[Behaviour], hang: Hang
) -> None:
    calls: list[None] = []

    def f() -> tuple[()]:
        calls.append(None)
        return hang() if len(calls) > 1 else ()

    assert verdicts(toy_port(f=f, g=lambda: ()), every, 2)[:8] == [Verdict.PASSED] + [Verdict.FAILED] * 7


def test_without_a_limit_everything_is_tried(
    toy_port: Callable[..., PythonPort], every: list[Behaviour], hang: Hang
) -> None:
    assert verdicts(toy_port(f=hang, g=lambda: ()), every, None)[:8] == [Verdict.FAILED] * 8


@pytest.fixture
def timeouts(behaviours: Callable[[str], list[Behaviour]]) -> list[Behaviour]:
    """Six behaviours in which f times out, and one in which it succeeds."""
    return behaviours(
        "".join(
            f"  - {{id: t{n}, steps: [{{call: socket.f, with: [{n}], returns: [null, timeout]}}]}}\n" for n in range(6)
        )
        + "  - {id: s, steps: [{call: socket.f, with: [9], returns: [1]}]}\n"
    )


def test_a_function_may_hang_only_where_it_should_time_out(
    toy_port: Callable[..., PythonPort], timeouts: list[Behaviour], hang: Hang
) -> None:
    port = toy_port(f=lambda number: (1,) if number == 9 else hang())
    with Session(port, [timeouts[-1], *timeouts[:-1]], patience=3) as session:
        results = session.run([timeouts[-1], *timeouts[:-1]])
    assert [result.verdict for result in results] == ([Verdict.PASSED] + [Verdict.FAILED] * 3 + [Verdict.NOT_TRIED] * 3)
    assert results[-1].reason == ("socket.f has hung in all 3 behaviours in which LuaSocket's times out (--patience)")


def test_hangs_that_are_declared_use_up_no_patience(
    toy_port: Callable[..., PythonPort], every: list[Behaviour], hang: Hang
) -> None:
    with Session(toy_port(f=hang, g=lambda: ()), every, patience=3, expected=lambda result: True) as session:
        assert Verdict.NOT_TRIED not in {result.verdict for result in session.run(every)}


def test_behaviours_are_also_skipped_while_the_others_wait_for_a_rerun(
    toy_port: Callable[..., PythonPort], every: list[Behaviour]
) -> None:
    with Session(toy_port(f=lambda: (), g=lambda: ()), every, workers=2) as session:
        pool = session._pool
        pool._workers.submit(range(len(every)))
        skipped: list[str] = []
        with pool.paused(lambda result: None):
            skipped += [behaviour.id for behaviour in pool.skip(frozenset(one.id for one in every))]
        ran: list[str] = []
        while pool._workers.pending:
            pool.step(lambda result: ran.append(result.behaviour.id))
    assert skipped
    assert not set(ran) & set(skipped)
