"""The lists of the ports in ``ports/``: behind each known deviation, another failure is seen."""

from __future__ import annotations

from pathlib import Path

import luasocket_spec
import pytest
from luasocket_runners.expectations.deviations import Deviations

CHECKOUT = Path(__file__).parents[2]
LISTS = sorted((CHECKOUT / "ports").glob("*/known-deviations.txt"))


@pytest.mark.parametrize("file", LISTS, ids=lambda file: file.parent.name)
def test_each_known_deviation_has_a_fingerprint(file: Path) -> None:
    known = Deviations.load(file, luasocket_spec.load().behaviours)
    assert [entry.selector for entry in known.entries if not entry.fingerprints] == []


def test_there_are_lists() -> None:
    assert len(LISTS) > 5
