"""Tests the measurement of the machine's delays."""

from __future__ import annotations

import multiprocessing

import pytest
from luasocket_runners.capabilities import jitter
from luasocket_runners.capabilities.jitter import GRANTED, STANDSTILL, Jitter


def test_a_forked_process_sees_what_is_measured_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jitter, "BEAT", -1.0)  # each wait ends at once, a second "late"
    context = multiprocessing.get_context("fork")
    measure = Jitter()
    assert measure.allowance() == GRANTED
    order, wait = context.Pipe()
    process = context.Process(target=lambda: wait.send((wait.recv(), measure.allowance())))
    process.start()
    with measure:
        while measure.allowance() == GRANTED:
            pass
    order.send("measured")
    told, allowance = order.recv()
    process.join()
    assert told == "measured"
    assert allowance == measure.allowance() > GRANTED
    process.close()


@pytest.mark.parametrize("delay", [STANDSTILL / 2, STANDSTILL * 2])
def test_a_long_delay_is_a_standstill(delay: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jitter, "BEAT", -delay)
    measure = Jitter()
    assert not measure.stood_still
    with measure:
        while measure.allowance() == GRANTED:
            pass
    assert measure.stood_still is (delay > STANDSTILL)
