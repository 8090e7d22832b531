"""The pytest plugin: its options, and the hooks that add the suite to a collection.

Pytest loads it in every project of an environment with this distribution. So it imports the specification and the
runners only when the suite is named; :mod:`luasocket_conformance.suite` collects and runs behaviours.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from luasocket_conformance.crashes import watch

if TYPE_CHECKING:
    from luasocket_conformance.suite import Suite

#: The file under which pytest lists the behaviours; naming it, or its package, selects the suite.
SUITE = Path(__file__).with_name("suite.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("luasocket", "conformance to the LuaSocket API (pytest --pyargs luasocket_conformance)")
    group.addoption(
        "--luasocket-port",
        action="append",
        default=[],
        metavar="PORT",
        help="the port to test, as in `luasocket-conformance run --port`; may be repeated (default: reference)",
    )
    group.addoption(
        "--luasocket-dialect",
        choices=["defold", "luasocket-3"],
        help="the dialect to test (default: the one that the port declares)",
    )
    group.addoption(
        "--luasocket-authority",
        choices=["documented", "observed"],
        help="the reading to require where documentation and real library disagree (default: either)",
    )
    group.addoption(
        "--luasocket-known",
        type=Path,
        metavar="FILE",
        help="the port's known deviations, lines of `ID: reason, link`: each is a strict xfail",
    )
    group.addoption(
        "--luasocket-quirks",
        type=Path,
        metavar="FILE",
        help="rules by which the port differs, in YAML, as in `luasocket-conformance run --quirks`",
    )
    group.addoption(
        "--luasocket-flaky",
        type=Path,
        metavar="FILE",
        help="the port's flaky behaviours, lines of `ID: reason, link`: each may pass or is an xfail",
    )
    group.addoption(
        "--luasocket-workers",
        type=_positive,
        metavar="N",
        help="number of parallel workers, as in `luasocket-conformance run --workers`, with the same default; with "
        "pytest-xdist, each of its processes is one worker, so that `-n 8` has eight",
    )
    group.addoption(
        "--luasocket-explore",
        type=_positive,
        metavar="CALLS",
        help="also run random programs of so many calls on the port and the reference, and compare: one item for each "
        "profile of `luasocket-conformance explore` (needs Hypothesis)",
    )


def _positive(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!a} is not a positive integer")
    return int(text)


def pytest_configure(config: pytest.Config) -> None:
    """Reject an unknown port before anything is collected; be ready for killed processes."""
    watch(config)
    ports: list[str] = config.getoption("--luasocket-port")
    if ports:
        from luasocket_runners.ports import PortUnavailable, resolve

        for name in ports:
            try:
                resolve(name)
            except PortUnavailable as problem:
                raise pytest.UsageError(f"--luasocket-port: {problem}") from None


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Suite | None:
    """Collect the suite where its package is collected."""
    # If the file itself is named, pytest calls pytest_pycollect_makemodule.
    if file_path != SUITE or parent.session.isinitpath(file_path):
        return None
    return _suite(parent)


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> Suite | None:
    """Collect the suite where its file is named, which is not a module of tests."""
    return _suite(parent) if module_path == SUITE else None


def _suite(parent: pytest.Collector) -> Suite:
    from luasocket_conformance.suite import Suite

    # With --pyargs, ids do not depend on the place of the package, so that reports can be compared.
    nodeid = "luasocket_conformance/suite.py" if parent.config.getoption("pyargs") else None
    suite: Suite = Suite.from_parent(parent, path=SUITE, nodeid=nodeid)
    return suite
