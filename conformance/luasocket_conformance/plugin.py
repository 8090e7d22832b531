"""The pytest plugin: the options, and the hooks that hang the suite into a collection.

What lives here: what pytest has to know at its start, in every project where this distribution is installed. So it
costs nothing and does nothing until the suite is named: the specification and the runners are imported only then. What
may not: collecting and playing (:mod:`luasocket_conformance.suite`).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from luasocket_conformance.suite import Suite

#: The file under which pytest shows the behaviours; naming it, or the package around it, selects the suite.
SUITE = Path(__file__).with_name("suite.py")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options."""
    group = parser.getgroup("luasocket", "conformance to the LuaSocket API (pytest --pyargs luasocket_conformance)")
    group.addoption(
        "--luasocket-port",
        action="append",
        default=[],
        metavar="PORT",
        help="the port to test, as in `luasocket-conformance run --port`; can be given again. Default: reference",
    )
    group.addoption(
        "--luasocket-dialect",
        choices=["defold", "luasocket-3"],
        help="the dialect that the port is held to. Default: the one that it says it speaks",
    )
    group.addoption(
        "--luasocket-authority",
        choices=["documented", "observed"],
        help="where documentation and real library disagree, the side that the port is held to. Default: either",
    )
    group.addoption(
        "--luasocket-known",
        type=Path,
        metavar="FILE",
        help="the port's known deviations, lines of `ID: reason, link`: each is an xfail, strictly",
    )
    group.addoption(
        "--luasocket-flaky",
        type=Path,
        metavar="FILE",
        help="what the port does only now and then, lines of `ID: reason, link`: each may pass or is an xfail",
    )
    group.addoption(
        "--luasocket-lanes",
        type=_lanes,
        metavar="N",
        help="behaviours in flight at once, as in `luasocket-conformance run --lanes`, with the same default; with "
        "pytest-xdist, each of its processes has one, so that `-n 8` has eight",
    )


def _lanes(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!a} is not a number from 1 on")
    return int(text)


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a wrong option before anything is collected."""
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
    # A file that is named itself comes through pytest_pycollect_makemodule.
    if file_path != SUITE or parent.session.isinitpath(file_path):
        return None
    return _suite(parent)


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> Suite | None:
    """Collect the suite where its file is named: it is no module of tests."""
    return _suite(parent) if module_path == SUITE else None


def _suite(parent: pytest.Collector) -> Suite:
    from luasocket_conformance.suite import Suite

    # Named as a package, ids are the same wherever the package lies, so that reports can be compared.
    nodeid = "luasocket_conformance/suite.py" if parent.config.getoption("pyargs") else None
    suite: Suite = Suite.from_parent(parent, path=SUITE, nodeid=nodeid)
    return suite
