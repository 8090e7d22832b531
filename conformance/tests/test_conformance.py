"""The whole specification on every port that we vouch for: the reference in both dialects, and real LuaSocket.

Where LuaSocket is not installed, its tests are skipped; with LUASOCKET_REQUIRE_REAL set, as in CI, that is a failure.
"""

import os

import luasocket_spec
import pytest
from luasocket_runners import report
from luasocket_runners.ports import PortUnavailable, resolve
from luasocket_runners.result import CONFORMING, Verdict
from luasocket_runners.session import Session
from luasocket_spec.model import Dialect

REAL = ("lupa:lua51", "lupa:lua52", "lupa:lua53", "lupa:lua54", "lupa:luajit21")

#: Lanes of one run. Tests run beside each other already (pytest -n), and two cores are what CI has.
LANES = 4


def deviations(port: str, dialect: Dialect | None) -> list[str]:
    """Play everything on a port and return what deviates, in words."""
    behaviours = luasocket_spec.load().behaviours
    with Session(resolve(port), behaviours, dialect, lanes=LANES) as session:
        chosen = [behaviour for behaviour in behaviours if session.engine.applies(behaviour)]
        results = session.run(chosen)
    assert len(results) == len(chosen)
    assert any(result.verdict is Verdict.PASSED for result in results)
    return [report.explain(result) for result in results if result.verdict not in CONFORMING]


@pytest.mark.parametrize("dialect", ["defold", "luasocket-3"])
def test_the_reference_conforms(dialect: Dialect) -> None:
    found = deviations("reference", dialect)
    assert not found, "\n\n".join(found)


@pytest.mark.parametrize("port", REAL)
def test_real_luasocket_conforms(port: str) -> None:
    try:
        found = deviations(port, None)
    except PortUnavailable as problem:
        if os.environ.get("LUASOCKET_REQUIRE_REAL"):
            pytest.fail(f"LUASOCKET_REQUIRE_REAL is set, but {problem}")
        pytest.skip(str(problem))
    assert not found, "\n\n".join(found)
