"""A run: what selectors name, results in order, and what failed in company is played again alone."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from luasocket_runners.ports import PortUnavailable
from luasocket_runners.ports.inprocess import PythonPort
from luasocket_runners.result import Result, Verdict
from luasocket_runners.session import WORTH_A_PROCESS, Session, names, select
from luasocket_spec.model import Behaviour

pytestmark = pytest.mark.usefixtures("nothing_left")

Behaviours = Callable[[str], list[Behaviour]]
MakePort = Callable[..., PythonPort]

#: Seconds for what happens at once; longer is a failure, not a wait.
SOON = 10.0

#: Enough for several lanes to work at once.
MANY = "".join(
    f"  - {{id: n{number}, SO, steps: [{{call: socket.one, with: [{number}], returns: [1]}}]}}\n"
    for number in range(40)
)


@pytest.mark.parametrize(
    ("selector", "identity", "named"),
    [
        ("tcp", "tcp/receive/x", True), ("tcp/", "tcp/receive/x", True), ("tcp/rec", "tcp/receive/x", False),
        ("tcp/receive/x", "tcp/receive/x", True), ("tcp/receive/x", "tcp/receive/x/case", True),
        ("*timeout*", "tcp/receive/timeout", True), ("tcp/*/x", "tcp/receive/x", True), ("TCP", "tcp/x", False),
        ("tcp/[ab]", "tcp/b", True), ("t?p/b", "tcp/b", True), ("udp", "tcp/udp", False),
    ],
)  # fmt: skip
def test_selectors(selector: str, identity: str, named: bool) -> None:
    assert names(selector, identity) is named


def test_a_selection_is_in_the_order_of_the_spec(behaviours: Behaviours) -> None:
    everything = behaviours(MANY)
    chosen, unused = select(everything, ["test/n7", "nothing", "test/n1?", "test/n7", "none"])
    assert [behaviour.id for behaviour in chosen] == ["test/n7", *(f"test/n{number}" for number in range(10, 20))]
    assert unused == ["nothing", "none"]
    assert select(everything, []) == (everything, [])


@pytest.mark.parametrize("lanes", [1, 4])
def test_results_are_in_order_and_each_is_seen_once(behaviours: Behaviours, toy: MakePort, lanes: int) -> None:
    everything = behaviours(MANY)
    seen: list[str] = []
    port = toy(one=lambda number: (1 if number % 3 else 2,))
    with Session(port, everything, lanes=lanes) as session:
        results = session.run(everything, lambda result: seen.append(result.behaviour.id))
    assert [result.behaviour for result in results] == everything
    assert sorted(seen) == sorted(behaviour.id for behaviour in everything)
    wrong = [result.behaviour.id for result in results if result.verdict is Verdict.FAILED]
    assert wrong == [f"test/n{number}" for number in range(0, 40, 3)]
    assert not any(result.note for result in results)


def test_what_fails_in_company_only_is_said_to(behaviours: Behaviours, toy: MakePort) -> None:
    everything = behaviours(MANY)
    first: list[int] = []

    def one(number: int) -> tuple[int]:
        if number == 5 and not first:
            first.append(number)
            return (2,)
        return (1,)

    with Session(toy(one=one), everything, lanes=2) as session:
        results = session.run(everything)
    assert {result.verdict for result in results} == {Verdict.PASSED}
    notes = {result.behaviour.id: result.note for result in results if result.note}
    assert notes == {"test/n5": "failed in company (2 instead of 1), passed alone"}


@pytest.mark.parametrize("company", [False, True])
def test_one_lane_plays_again_only_where_others_play_too(
    behaviours: Behaviours, toy: MakePort, company: bool
) -> None:
    everything = behaviours(MANY)[:2]
    played: list[int] = []

    def one(number: int) -> tuple[int]:
        played.append(number)
        return (2 if played == [1] else 1,)

    with Session(toy(one=one), [], company=company) as session, session.ahead([]) as ahead:
        results = [ahead.take(behaviour) for behaviour in everything[1:]]
    note = "failed in company (2 instead of 1), passed alone"
    assert [(result.verdict, result.note) for result in results] == [
        (Verdict.PASSED, note) if company else (Verdict.FAILED, "")
    ]
    assert played == ([1, 1] if company else [1])


@pytest.mark.parametrize("lanes", [1, 2])
def test_what_fails_is_told_before_the_end(
    behaviours: Behaviours, toy: MakePort, lanes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("luasocket_runners.session.ROUND", 0.0)
    everything = behaviours(MANY)
    told: list[int | None] = []

    def one(number: int) -> tuple[int]:
        told.append(number)
        return (2,)

    with Session(toy(one=one), everything, lanes=lanes) as session:
        results = session.run(everything, lambda result: told.append(None))
    assert {result.verdict for result in results} == {Verdict.FAILED}
    assert told.count(None) == len(everything)
    begun = {number: told.index(number) for number in range(40)}
    assert told.index(None) < max(begun.values())


def test_what_waits_long_begins_first(behaviours: Behaviours, toy: MakePort) -> None:
    late = (
        "  - {id: late, SO, steps: [{call: socket.one, with: [7], returns: [1],"
        " while: [{after: 0.5, peer: {listen: 127.0.0.1}}]}]}\n"
    )
    everything = behaviours(MANY + late)
    seen: list[str] = []
    with Session(toy(one=lambda number: (1,)), everything) as session:
        session.run(everything, lambda result: seen.append(result.behaviour.id))
    assert seen == ["test/late", *(f"test/n{number}" for number in range(40))]


def test_what_is_known_is_not_played_again(behaviours: Behaviours, toy: MakePort) -> None:
    everything = behaviours(MANY)
    played: list[int] = []

    def one(number: int) -> tuple[int]:
        played.append(number)
        return (2 if number in (5, 7) else 1,)

    def known(result: Result) -> bool:
        return result.behaviour.id == "test/n5"

    with Session(toy(one=one), everything, lanes=2, expected=known) as session:
        results = session.run(everything)
    wrong = [result.behaviour.id for result in results if result.verdict is Verdict.FAILED]
    assert wrong == ["test/n5", "test/n7"]
    assert (played.count(5), played.count(7)) == (1, 2)


def test_what_is_not_there_is_not_looked_for_again(behaviours: Behaviours, toy: MakePort) -> None:
    everything = behaviours(MANY)
    with Session(toy(), everything, lanes=3) as session:
        results = session.run(everything)
    assert {result.verdict for result in results} == {Verdict.NOT_IMPLEMENTED}


def test_a_port_of_one_connection_has_one_lane(behaviours: Behaviours, toy: MakePort) -> None:
    opened: list[str | None] = []
    port = toy(one=lambda number: (1,))
    port.one_at_a_time = True
    original = port.open
    port.open = lambda dialect: (opened.append(dialect), original(dialect))[1]  # type: ignore[method-assign,func-returns-value]
    everything = behaviours(MANY)
    with Session(port, everything, lanes=8) as session:
        session.run(everything)
    assert opened == [None]


def test_a_lane_that_cannot_be_opened_ends_the_run(behaviours: Behaviours, toy: MakePort) -> None:
    tried = threading.Event()

    def one(_number: int) -> tuple[int]:
        assert tried.wait(SOON)  # the first lane must not be done before the second one begins
        return (1,)

    port = toy(one=one)
    original = port.open
    opened: list[str | None] = []

    def open_once(dialect: str | None) -> object:
        if opened:
            tried.set()
            raise PortUnavailable("There is one only.")
        opened.append(dialect)
        return original(dialect)

    port.open = open_once  # type: ignore[method-assign,assignment]
    everything = behaviours(MANY)
    with Session(port, everything, lanes=2) as session, pytest.raises(PortUnavailable, match="one only"):
        session.run(everything)


def test_results_can_be_taken_one_by_one(behaviours: Behaviours, toy: MakePort) -> None:
    everything = behaviours(MANY)
    first: list[int] = []

    def one(number: int) -> tuple[int]:
        if number == 5 and not first:
            first.append(number)
            return (2,)
        return (1 if number != 7 else 2,)

    with Session(toy(one=one), everything, lanes=3) as session, session.ahead(everything) as ahead:
        backwards = {behaviour.id: ahead.take(behaviour) for behaviour in reversed(everything)}
        assert ahead.left == 0
        again = ahead.take(everything[7])
    assert {identity for identity, result in backwards.items() if result.verdict is not Verdict.PASSED} == {"test/n7"}
    assert backwards["test/n5"].note == "failed in company (2 instead of 1), passed alone"
    assert again.verdict is Verdict.FAILED


def test_what_nobody_waits_for_any_more_is_not_begun(behaviours: Behaviours, toy: MakePort) -> None:
    everything = behaviours(MANY)
    begun: list[int] = []
    leaving = threading.Event()

    def one(number: int) -> tuple[int]:
        begun.append(number)
        assert number == 0 or leaving.wait(SOON)
        return (1,)

    with Session(toy(one=one), everything, lanes=2) as session, session.ahead(everything) as ahead:
        assert ahead.take(everything[0]).verdict is Verdict.PASSED
        ahead.leave()  # what the end does first: the lanes are still busy
        leaving.set()
    assert len(begun) <= 3


def test_a_lane_that_cannot_be_opened_is_told_to_who_waits(behaviours: Behaviours, toy: MakePort) -> None:
    everything = behaviours(MANY)
    port = toy(one=lambda number: (1,))
    with Session(port, everything, lanes=2) as session:

        def refuse(_dialect: str | None) -> object:
            raise PortUnavailable("There is one only.")

        port.open = refuse  # type: ignore[method-assign,assignment]
        with session.ahead(everything) as ahead:

            def ask_on() -> None:
                while True:
                    ahead.take(everything[0])

            with pytest.raises(PortUnavailable, match="one only"):
                ask_on()


# -- several processes

#: Enough behaviours for each lane of the program to have a process.
PLENTY = "about: test\nbehaviours:\n" + "".join(
    f"  - {{id: n{number}, says: S., authority: observed,"
    f" steps: [{{call: socket.one, with: [{number}], returns: [1]}}]}}\n"
    for number in range(1, 3 * WORTH_A_PROCESS + 1)
)


def play(data: Path, scenario: str) -> subprocess.CompletedProcess[str]:
    """Run a scenario, and wait until all its processes have ended: each of them holds the pipes that we read."""
    return subprocess.run(
        [sys.executable, "-W", "error", str(Path(__file__).with_name("session_program.py")), str(data), scenario],
        capture_output=True, text=True, timeout=6 * SOON, start_new_session=True, check=False,
    )  # fmt: skip


@pytest.fixture
def program(make_data: Callable[[str], Path]) -> Callable[[str], dict[str, Any]]:
    """Runs a scenario of ``session_program.py`` and returns what it tells; nothing may be left behind, or printed."""
    data = make_data(PLENTY)

    def run(scenario: str) -> dict[str, Any]:
        done = play(data, scenario)
        assert (done.returncode, done.stderr) == (0, "")
        told: dict[str, Any] = json.loads(done.stdout)
        assert told["processes"] == 3
        assert told["after"] == told["before"]
        return told

    return run


def expected() -> list[list[str]]:
    return [
        [f"test/n{number}", "passed" if number % 50 else "failed"] for number in range(1, 3 * WORTH_A_PROCESS + 1)
    ]


@pytest.mark.parametrize("scenario", ["run", "ahead"])
def test_results_of_several_processes_are_in_order(
    program: Callable[[str], dict[str, Any]], scenario: str
) -> None:
    told = program(scenario)
    assert told["trouble"] is None
    assert told["results"] == expected()
    if scenario == "run":
        assert sorted(told["seen"]) == sorted(identity for identity, _ in expected())


def test_processes_end_when_nobody_waits_any_more(program: Callable[[str], dict[str, Any]]) -> None:
    told = program("early")
    assert (told["trouble"], told["results"]) == (None, expected()[:1])


@pytest.mark.parametrize(
    ("scenario", "trouble"),
    [
        ("dies", "RuntimeError: a process of the runner has ended before its work was done"),
        ("unavailable", "PortUnavailable: There is one only."),
        ("breaks", "PortUnavailable: The port toy does not start: it is broken (tried 3 times)"),
        ("interrupt", "KeyboardInterrupt: "),
    ],
)
def test_what_ends_a_process_ends_the_run(
    program: Callable[[str], dict[str, Any]], scenario: str, trouble: str
) -> None:
    told = program(scenario)
    assert (told["trouble"], told["results"]) == (trouble, [])


def test_processes_end_when_the_first_is_killed(make_data: Callable[[str], Path]) -> None:
    assert play(make_data(PLENTY), "killed").returncode == -signal.SIGKILL
