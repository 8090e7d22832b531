"""The suite as pytest sees it: one item for each behaviour and port.

What lives here: collecting behaviours as items, having them played, translating verdicts into pytest's outcomes. What
may not: options (:mod:`luasocket_conformance.plugin`); playing, comparing and wording (the runners). An item's name is
the behaviour's id with the port in brackets; its location is the behaviour's file and line.

What is selected is played ahead in several lanes, and each item takes its result when pytest comes to it: so the order
is pytest's, and a run lasts as long as the slowest, not as all together. A process of pytest-xdist is told what to run
bit by bit, so there nothing can be played ahead: its processes are the lanes.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import luasocket_spec
import pytest
from luasocket_runners import report
from luasocket_runners.deviations import DeviationsError, Lists
from luasocket_runners.ports import PortUnavailable, resolve
from luasocket_runners.result import Result, Verdict
from luasocket_runners.session import LANES, Ahead, Session
from luasocket_spec.model import Behaviour
from luasocket_spec.problems import SpecError

#: The port that is tested where none is named: the one that needs nothing installed.
DEFAULT_PORTS: Final = ("reference",)
#: The directory that the sources of behaviours are relative to.
SPEC_DIRECTORY: Final = Path(luasocket_spec.__file__).parent

_PLAYERS: Final = pytest.StashKey[dict[str, "Player"]]()


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
                player = player_of(self.config, name)
                files = option("--luasocket-known"), option("--luasocket-flaky")
                lists = Lists.load(*files, behaviours, player.port.terms)
                for behaviour in player.applying(behaviours):
                    identity = f"{behaviour.id}[{name}]"
                    yield Item.from_parent(self, name=identity, behaviour=behaviour, player=player, lists=lists)
        except (SpecError, DeviationsError, PortUnavailable) as problem:
            raise self.CollectError(str(problem)) from None


class Item(pytest.Item):
    """One behaviour on one port."""

    def __init__(self, *, behaviour: Behaviour, player: Player, lists: Lists, **kwargs: object) -> None:
        super().__init__(**kwargs)  # type: ignore[arg-type]  # pytest's own constructor arguments
        self.behaviour = behaviour
        self.player = player
        self.lists = lists
        #: What came of it, once it was played.
        self.result: Result | None = None

    def runtest(self) -> None:
        """Take the behaviour's result; its verdict becomes the outcome."""
        self.result = result = self.lists.hold(self.player.play(self))
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


class Player:
    """Plays items on one port, those ahead that pytest is going to run.

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
        self._dialect = config.getoption("--luasocket-dialect")
        self._authority = config.getoption("--luasocket-authority")
        #: Whether pytest tells what it is going to run. Under xdist, the items of the session are those of all workers.
        self._told = not hasattr(config, "workerinput")
        self._lanes: int = (config.getoption("--luasocket-lanes") or LANES) if self._told else 1
        self._others = config.stash[_PLAYERS]
        self._ahead: Ahead | None = None
        self._open = ExitStack()

    def _session(self, behaviours: list[Behaviour], lists: Lists) -> Session:
        return Session(
            self.port,
            behaviours,
            self._dialect,
            self._authority,
            lanes=self._lanes,
            expected=lists.expects,
            company=not self._told,
        )

    def applying(self, behaviours: Iterable[Behaviour]) -> list[Behaviour]:
        """Return the behaviours that are for the dialect that the port is held to."""
        # Ended before anything is played: only a process without threads can be copied, and each lane is such a copy.
        with self._session([], Lists()) as session:
            return [behaviour for behaviour in behaviours if session.engine.applies(behaviour)]

    def play(self, item: Item) -> Result:
        """Return the result of an item; at the first, begin to play all that pytest is going to run."""
        if self._ahead is None:
            for other in self._others.values():
                other.end(early=False)
            mine = [each for each in item.session.items if isinstance(each, Item) and each.player is self]
            behaviours = [each.behaviour for each in mine] if self._told else []
            with ExitStack() as stack:
                session = stack.enter_context(self._session(behaviours, item.lists))
                self._ahead = stack.enter_context(session.ahead(behaviours))
                self._open = stack.pop_all()
        return self._ahead.take(item.behaviour)

    def end(self, *, early: bool = True) -> None:
        """End the port and its lanes; unless ``early`` is wanted, only when every result was taken."""
        if self._ahead is not None and (early or not self._ahead.left):
            self._ahead = None
            self._open.close()


class Durations:
    """Has pytest's reports tell how long a behaviour took, not how long pytest waited for what was played ahead."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Put the duration of the behaviour into the report of its call."""
        report = yield
        if call.when == "call" and isinstance(item, Item) and item.result is not None:
            report.duration = item.result.duration
        return report


def player_of(config: pytest.Config, name: str) -> Player:
    """Return the player of a port. There is one for each port and process; it ends when pytest ends.

    Raises
    ------
    PortUnavailable
        When there is no such port.
    """
    if _PLAYERS not in config.stash:
        config.stash[_PLAYERS] = {}
        config.pluginmanager.register(Durations())
    players = config.stash[_PLAYERS]
    if name not in players:
        players[name] = Player(config, name)
        config.add_cleanup(players[name].end)
    return players[name]


def properties(result: Result) -> Mapping[str, str]:
    """Return what JUnit XML and other reports carry for an item."""
    told = {
        "behaviour": result.behaviour.id,
        "says": result.behaviour.says,
        "citation": report.citation(result),
        "source": str(result.behaviour.source),
        "step": result.where,
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
