"""The suite as pytest sees it: one item for each behaviour and port.

What lives here: collecting behaviours as items, playing them, translating verdicts into pytest's outcomes. What may
not: options (:mod:`luasocket_conformance.plugin`); playing, comparing and wording (the runners). An item's name is the
behaviour's id with the port in brackets; its location is the behaviour's file and line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import luasocket_spec
import pytest
from luasocket_runners import report
from luasocket_runners.deviations import DeviationsError, Lists
from luasocket_runners.engine import Engine
from luasocket_runners.ports import PortUnavailable, resolve
from luasocket_runners.result import Result, Verdict
from luasocket_spec.model import Behaviour
from luasocket_spec.problems import SpecError

#: The port that is tested where none is named: the one that needs nothing installed.
DEFAULT_PORTS: Final = ("reference",)
#: The directory that the sources of behaviours are relative to.
SPEC_DIRECTORY: Final = Path(luasocket_spec.__file__).parent

_ENGINES: Final = pytest.StashKey[dict[str, Engine]]()


class DeviatesError(Exception):
    """The port does not do what the behaviour says, or does not have it."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.reason)
        self.result = result


class NotPlayedError(Exception):
    """Our side could not play the behaviour: this says nothing about the port."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.reason)
        self.result = result


class Suite(pytest.File):
    """All behaviours on all ports that were asked for."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield an item for each behaviour that is for the port's dialect, port after port.

        Raises
        ------
        pytest.Collector.CollectError
            When the specification or the known deviations cannot be loaded, or a port cannot be run.
        """
        option = self.config.getoption
        try:
            behaviours = luasocket_spec.load().behaviours
            for name in dict.fromkeys(option("--luasocket-port") or DEFAULT_PORTS):
                engine = open_engine(self.config, name)
                files = option("--luasocket-known"), option("--luasocket-flaky")
                lists = Lists.load(*files, behaviours, engine.port.terms)
                for behaviour in behaviours:
                    if engine.applies(behaviour):
                        identity = f"{behaviour.id}[{name}]"
                        yield Item.from_parent(self, name=identity, behaviour=behaviour, engine=engine, lists=lists)
        except (SpecError, DeviationsError, PortUnavailable) as problem:
            raise self.CollectError(str(problem)) from None


class Item(pytest.Item):
    """One behaviour on one port."""

    def __init__(self, *, behaviour: Behaviour, engine: Engine, lists: Lists, **kwargs: object) -> None:
        super().__init__(**kwargs)  # type: ignore[arg-type]  # pytest's own constructor arguments
        self.behaviour = behaviour
        self.engine = engine
        self.lists = lists

    def runtest(self) -> None:
        """Play the behaviour; its verdict becomes the outcome."""
        result = self.lists.hold(self.engine.play(self.behaviour))
        self.user_properties.extend(properties(result).items())
        match result.verdict:
            case Verdict.PASSED:
                return
            case Verdict.SKIPPED:
                pytest.skip(result.reason)
            case Verdict.KNOWN | Verdict.FLAKY:
                if result.listed is not None and not result.listed.passed:
                    pytest.xfail(result.listed.reason)
            case Verdict.FAILED | Verdict.NOT_IMPLEMENTED:
                raise DeviatesError(result)
            case _:
                raise NotPlayedError(result)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """Return what the porter has to see: the runner's words, no traceback of ours."""
        match excinfo.value:
            case DeviatesError(result=result) | NotPlayedError(result=result):
                # The first line is what pytest's short summary shows.
                return f"{result.reason}\n{report.explain(result)}"
            case PortUnavailable() as problem:
                return str(problem)
            case _:
                return str(super().repr_failure(excinfo, style))

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return the behaviour's file, its line (pytest counts from 0), and the heading of a failure."""
        source = self.behaviour.source
        return SPEC_DIRECTORY / source.file, source.line - 1, self.name


def open_engine(config: pytest.Config, name: str) -> Engine:
    """Return the engine of a port. There is one for each port and process; it is closed when pytest ends.

    Raises
    ------
    PortUnavailable
        When the port cannot be run.
    """
    engines = config.stash.setdefault(_ENGINES, {})
    if name not in engines:
        engine = Engine(
            resolve(name),
            dialect=config.getoption("--luasocket-dialect"),
            authority=config.getoption("--luasocket-authority"),
        )
        with ExitStack() as stack:
            stack.enter_context(engine)
            config.add_cleanup(stack.pop_all().close)
        engines[name] = engine
    return engines[name]


def properties(result: Result) -> Mapping[str, str]:
    """Return what JUnit XML and other reports carry for an item."""
    told = {
        "behaviour": result.behaviour.id,
        "says": result.behaviour.says,
        "citation": report.citation(result),
        "source": str(result.behaviour.source),
        "verdict": result.verdict.value,
        "reason": result.reason,
        "call": result.doing,
        "expected": result.expected,
        "returned": result.returned,
        "follows": result.follows,
        "note": result.note,
        "listed": result.listed and f"{result.listed.kind}: {result.listed.reason}",
    }
    return {name: value for name, value in told.items() if value}
