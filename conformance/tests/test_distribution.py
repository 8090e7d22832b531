"""The suite on several interpreters at once, by xdist's own means: each plays everything, results are told apart."""

from __future__ import annotations

import sys

import pytest

pytest_plugins = "pytester"

#: One small behaviour: what is tested is how it gets there.
SELECTED = "success-is-three-values and receive-line"


def test_each_interpreter_plays_everything(pytester: pytest.Pytester) -> None:
    interpreters = ["--tx", "popen//id=first", "--tx", f"popen//id=second//python={sys.executable}"]
    result = pytester.runpytest_subprocess(
        "--pyargs", "luasocket_conformance", "--dist", "each", *interpreters, "-k", SELECTED, "-v"
    )
    result.assert_outcomes(passed=2)
    for name in ("first", "second"):
        result.stdout.fnmatch_lines([f"[[]{name}]*PASSED*receive-line/success-is-three-values*"])
