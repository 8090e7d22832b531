"""Run-time values: what counts as the results of a call that has failed."""

from __future__ import annotations

import pytest
from luasocket_runners.values import LuaValue, is_failure


@pytest.mark.parametrize("results", [(None, b"timeout"), (False, b"closed"), (None,)])
def test_nil_and_false_are_failures(results: tuple[LuaValue, ...]) -> None:
    assert is_failure(results)


@pytest.mark.parametrize("results", [(), (0, b"closed"), (0.0,), (b"",), (True,)])
def test_zero_and_empty_strings_are_none(results: tuple[LuaValue, ...]) -> None:
    assert not is_failure(results)
