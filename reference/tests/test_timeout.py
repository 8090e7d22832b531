"""The arithmetic of timeouts, without waiting."""

import math

import pytest
from luasocket_reference import timeout as module
from luasocket_reference.timeout import Timeout


@pytest.mark.parametrize(
    ("block", "total", "passed", "remaining"),
    [
        (-1, -1, 5, -1), (2, -1, 0.5, 1.5), (2, -1, 5, 0), (-1, 3, 1, 2), (2, 3, 0, 2), (2, 3, 2, 1), (2, 3, 9, 0),
        (math.nan, -1, 0, 0), (math.inf, -1, 1, math.inf),
    ],
)  # fmt: skip
def test_the_remaining_time(monkeypatch, block, total, passed, remaining):
    timeout = Timeout(block, total)
    monkeypatch.setattr(module.time, "monotonic", lambda: 100.0)
    timeout.mark_start()
    monkeypatch.setattr(module.time, "monotonic", lambda: 100.0 + passed)
    assert timeout.remaining() == remaining


def test_only_the_limit_of_a_wait_forbids_waiting():
    assert Timeout(0, -1).is_zero
    assert not Timeout(-1, 0).is_zero
