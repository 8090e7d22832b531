"""The whole specification on the reference in both dialects, and on real LuaSocket.

Where LuaSocket is not installed, its tests are skipped, or fail if LUASOCKET_REQUIRE_REAL is set, as in CI.
"""

import os

import luasocket_spec
import pytest
from luasocket_runners.ports import PortUnavailable, resolve
from luasocket_runners.reports import terminal
from luasocket_runners.result import CONFORMING, Verdict
from luasocket_runners.run.session import Session
from luasocket_spec.model import Dialect

REAL = ("lupa:lua51", "lupa:lua52", "lupa:lua53", "lupa:lua54", "lupa:luajit21")

#: Workers of one run. Tests run beside each other already (pytest -n), and two cores are what CI has.
WORKERS = 4


def deviations(port: str, dialect: Dialect | None) -> list[str]:
    """Play everything on a port and return what deviates, in words."""
    behaviours = luasocket_spec.load().behaviours
    with Session(resolve(port), behaviours, dialect, workers=WORKERS) as session:
        chosen = [behaviour for behaviour in behaviours if session.engine.applies(behaviour)]
        results = session.run(chosen)
    assert len(results) == len(chosen)
    assert any(result.verdict is Verdict.PASSED for result in results)
    return [terminal.explain(result) for result in results if result.verdict not in CONFORMING]


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
