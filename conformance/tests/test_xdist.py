"""The suite with pytest-xdist on several interpreters: each runs all behaviours, and results are labelled."""

from __future__ import annotations

import sys

import pytest

pytest_plugins = "pytester"

#: One small behaviour: what is tested is how it gets there.
SELECTED = "success-is-three-values and receive-line"


def test_each_interpreter_runs_all_behaviours(pytester: pytest.Pytester) -> None:
    interpreters = ["--tx", "popen//id=first", "--tx", f"popen//id=second//python={sys.executable}"]
    result = pytester.runpytest_subprocess(
        "--pyargs", "luasocket_conformance", "--dist", "each", *interpreters, "-k", SELECTED, "-v"
    )
    result.assert_outcomes(passed=2)
    for name in ("first", "second"):
        result.stdout.fnmatch_lines([f"[[]{name}]*PASSED*receive-line/success-is-three-values*"])
