"""The suite in pytest: one item for each behaviour and port.

It collects behaviours as items, and maps verdicts to pytest's outcomes; the runners run and compare. An item's name is
the behaviour's id with the port in brackets; its location is the behaviour's file and line.

Several workers run the selection ahead, and each item takes its result when pytest reaches it: the order is pytest's,
and the run is as fast as the command's. A process of pytest-xdist receives its items little by little, so nothing can
be run ahead there: its processes are the workers.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import luasocket_spec
import pytest
from luasocket_runners.expectations.deviations import DeviationsError
from luasocket_runners.expectations.expectations import Expectations
from luasocket_runners.explore import PROFILES
from luasocket_runners.ports import PortUnavailable, resolve
from luasocket_runners.quirks import Quirks
from luasocket_runners.reports import terminal
from luasocket_runners.result import Result, Verdict
from luasocket_runners.run.session import WORKERS, Session
from luasocket_spec.model import Behaviour
from luasocket_spec.reading.problems import SpecError

from luasocket_conformance.crashes import note_loss

#: The default port; it needs no installation.
DEFAULT_PORTS: Final = ("reference",)
#: The directory that sources of behaviours are relative to.
SPEC_DIRECTORY: Final = Path(luasocket_spec.__file__).parent

_PORT_RUNS: Final = pytest.StashKey[dict[str, "PortRun"]]()


class BehaviourFailed(Exception):
    """The port fails the behaviour, or lacks a function that it needs."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.reason)
        self.result = result


class BehaviourErrored(Exception):
    """An internal error of the suite or the adapter: this says nothing about the port."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.reason)
        self.result = result


class Suite(pytest.File):
    """All behaviours on all selected ports."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield an item for each behaviour of the port's dialect, port after port.

        Raises
        ------
        pytest.Collector.CollectError
            When the specification or a list of deviations cannot be loaded, or a port cannot be run.
        """
        option = self.config.getoption
        try:
            behaviours = luasocket_spec.load().behaviours
            for name in dict.fromkeys(option("--luasocket-port") or DEFAULT_PORTS):
                port_run = run_of(self.config, name)
                files = option("--luasocket-known"), option("--luasocket-flaky")
                expectations = Expectations.load(
                    *files, behaviours, port_run.port.config, quirks=option("--luasocket-quirks")
                )
                for behaviour in port_run.applying(behaviours):
                    identity = f"{behaviour.id}[{name}]"
                    yield Item.from_parent(
                        self, name=identity, behaviour=behaviour, port_run=port_run, expectations=expectations
                    )
                if calls := option("--luasocket-explore"):
                    for profile in PROFILES:
                        identity = f"explore/{profile}[{name}]"
                        yield Exploration.from_parent(
                            self,
                            name=identity,
                            profile=profile,
                            calls=calls,
                            port_run=port_run,
                            quirks=expectations.quirks,
                        )
        except (SpecError, DeviationsError, PortUnavailable) as problem:
            raise self.CollectError(str(problem)) from None


class Item(pytest.Item):
    """One behaviour on one port."""

    def __init__(
        self, *, behaviour: Behaviour, port_run: PortRun, expectations: Expectations, **kwargs: object
    ) -> None:
        super().__init__(**kwargs)  # type: ignore[arg-type]  # pytest's own constructor arguments
        self.behaviour = behaviour
        self.port_run = port_run
        self.expectations = expectations
        #: The behaviour's result, once it has run.
        self.result: Result | None = None

    def runtest(self) -> None:
        """Map the verdict of the behaviour to pytest's outcome."""
        self.result = result = self.expectations.apply(self.port_run.result_of(self))
        self.user_properties.extend(properties(result).items())
        match result.verdict:
            case Verdict.PASSED | Verdict.QUIRKS:
                return
            case Verdict.SKIPPED:
                pytest.skip(result.reason)
            case Verdict.KNOWN | Verdict.ABSENT | Verdict.FLAKY:
                if result.listed is not None and not result.listed.passed:
                    pytest.xfail(result.listed.reason)
            case Verdict.FAILED | Verdict.NOT_IMPLEMENTED:
                raise BehaviourFailed(result)
            case _:
                raise BehaviourErrored(result)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """Return the runner's report of the failure, without a traceback."""
        match excinfo.value:
            case BehaviourFailed(result=result) | BehaviourErrored(result=result):
                # The first line is what pytest's short summary shows.
                return f"{result.reason}\n{terminal.explain(result)}"
            case PortUnavailable() as problem:
                return str(problem)
            case _:
                return str(super().repr_failure(excinfo, style))

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return the behaviour's file, its line (pytest counts from 0), and the heading of a failure."""
        source = self.behaviour.source
        return SPEC_DIRECTORY / source.file, source.line - 1, self.name


class DifferencesFound(Exception):
    """The port differs from the reference in random programs; the text lists how."""


class Exploration(pytest.Item):
    """Random programs on one port, of one profile."""

    def __init__(self, *, profile: str, calls: int, port_run: PortRun, quirks: Quirks, **kwargs: object) -> None:
        super().__init__(**kwargs)  # type: ignore[arg-type]  # pytest's own constructor arguments
        self.profile = profile
        self.calls = calls
        self.port_run = port_run
        self.quirks = quirks

    def runtest(self) -> None:
        """Compare the port with the reference; a difference fails the item."""
        pytest.importorskip("hypothesis", reason="explore needs Hypothesis: pip install hypothesis")
        from luasocket_runners.explore.search import Limits
        from luasocket_runners.explore.session import search_for
        from luasocket_runners.explore.write import listing

        port = self.port_run.port
        search = search_for(port, self.port_run.dialect, profile=self.profile, quirks=self.quirks)
        found = search.run(Limits(calls=self.calls))
        self.user_properties += [("calls", found.calls), ("programs", found.programs)]
        if found.differences:
            raise DifferencesFound("\n\n".join(listing(difference, port.name) for difference in found.differences))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """Return the differences, without a traceback."""
        if isinstance(excinfo.value, DifferencesFound | PortUnavailable):
            return str(excinfo.value)
        return str(super().repr_failure(excinfo, style))

    def reportinfo(self) -> tuple[Path, None, str]:
        """Return the file of the suite and the heading of a failure."""
        return self.path, None, self.name


class PortRun:
    """Runs items on one port, ahead of pytest where it is known which items pytest will run.

    Parameters
    ----------
    config
        Pytest's options.
    name
        The port.

    Raises
    ------
    PortUnavailable
        When there is no such port; from the methods, when it cannot be run.
    """

    def __init__(self, config: pytest.Config, name: str) -> None:
        self.port = resolve(name)
        self.dialect = config.getoption("--luasocket-dialect")
        self._authority = config.getoption("--luasocket-authority")
        #: Whether all items of this process are known. Under xdist, the session's items are those of all its processes.
        self._knows_items = not hasattr(config, "workerinput")
        self._workers: int = (config.getoption("--luasocket-workers") or WORKERS) if self._knows_items else 1
        self._others = config.stash[_PORT_RUNS]
        self._started: Session | None = None

    def _session(self, behaviours: list[Behaviour], expectations: Expectations) -> Session:
        return Session(
            self.port,
            behaviours,
            self.dialect,
            self._authority,
            workers=self._workers,
            quirks=expectations.quirks,
            expected=expectations.expects,
            shares_machine=not self._knows_items,
        )

    def applying(self, behaviours: Iterable[Behaviour]) -> list[Behaviour]:
        """Return the behaviours of the dialect that the port is tested for."""
        # Closed before anything runs: each worker is a copy of this process, which must not have threads then.
        with self._session([], Expectations()) as session:
            return [behaviour for behaviour in behaviours if session.engine.applies(behaviour)]

    def result_of(self, item: Item) -> Result:
        """Return the result of an item; the first call starts the run of all items that pytest will ask for."""
        if self._started is None:
            for other in self._others.values():
                other.end(early=False)
            mine = [each for each in item.session.items if isinstance(each, Item) and each.port_run is self]
            behaviours = [each.behaviour for each in mine] if self._knows_items else []
            session = self._session(behaviours, item.expectations)
            session.__enter__()
            self._started = session
            session.start(behaviours)
        result = self._started.take(item.behaviour)
        if item.behaviour.id in self._started.given_up:
            note_loss(item.config)
        return result

    def end(self, *, early: bool = True) -> None:
        """End the port and its workers; without `early`, only when every result was taken."""
        session = self._started
        if session is not None and (early or not session.remaining):
            self._started = None
            session.__exit__(None, None, None)


class Durations:
    """Reports the duration of the behaviour, instead of the time that pytest waited for its result."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put the duration of the behaviour into the report of its call."""
        report = yield
        if call.when == "call" and isinstance(item, Item) and item.result is not None:
            report.duration = item.result.duration
        return report


def run_of(config: pytest.Config, name: str) -> PortRun:
    """Return the run on a port. There is one for each port and process; it ends when pytest ends.

    Raises
    ------
    PortUnavailable
        When there is no such port.
    """
    if _PORT_RUNS not in config.stash:
        config.stash[_PORT_RUNS] = {}
        config.pluginmanager.register(Durations())
    runs = config.stash[_PORT_RUNS]
    if name not in runs:
        runs[name] = PortRun(config, name)
        config.add_cleanup(runs[name].end)
    return runs[name]


def properties(result: Result) -> Mapping[str, str]:
    """Return the properties of an item in JUnit XML and other reports."""
    values = {
        "behaviour": result.behaviour.id,
        "rule": result.behaviour.says,
        "covers": ", ".join(result.behaviour.covers),
        "at": str(result.behaviour.source),
        "step": result.at,
        "verdict": result.verdict.value,
        "difference": result.reason,
        "call": result.call,
        "expected": result.expected,
        "returned": result.returned,
        "follows": result.follows,
        "note": result.note,
        "quirks": ", ".join(result.quirks),
        "listed": result.listed and f"{result.listed.kind}: {result.listed.reason}",
    }
    return {name: value for name, value in values.items() if value}
