"""A port of Python functions for the tests of the command `triage`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from luasocket_runners.ports import PortConfig
from luasocket_runners.ports.inprocess import PythonPort


@pytest.fixture
def triage_arguments(
    make_data: Callable[[str], Path],
    toy_port: Callable[..., PythonPort],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., list[str]]:
    """Makes a port of functions; returns the arguments with which `triage` runs behaviours on it, into `tmp_path`."""

    def make(corpus: str, **functions: Callable[..., Any]) -> list[str]:
        made = toy_port(**functions)
        made.config = PortConfig()
        monkeypatch.setattr("luasocket_runners.cli.triage.resolve", lambda name: made)
        return ["--spec", str(make_data(corpus)), "triage", "--port", "toy", "--output", str(tmp_path)]

    return make
