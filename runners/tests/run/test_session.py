"""Sessions: results are in order, failures beside others are rerun alone, workers end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from luasocket_runners.capabilities.jitter import Jitter
from luasocket_runners.engine.engine import Engine
from luasocket_runners.ports import PortUnavailable, resolve
from luasocket_runners.ports.inprocess import PythonPort
from luasocket_runners.result import Result, Verdict
from luasocket_runners.run.pool import WORTH_A_PROCESS, Pool
from luasocket_runners.run.session import Session
from luasocket_runners.run.workers import Workers
from luasocket_spec.model import Behaviour

pytestmark = pytest.mark.usefixtures("nothing_left")

Behaviours = Callable[[str], list[Behaviour]]
MakePort = Callable[..., PythonPort]

#: Seconds for what happens at once; longer is a failure, not a wait.
SOON = 10.0

#: Enough for several workers to work at once.
MANY = "".join(
    f"  - {{id: n{number}, steps: [{{call: socket.one, with: [{number}], returns: [1]}}]}}\n" for number in range(40)
)


@pytest.mark.parametrize("workers", [1, 4])
def test_results_are_in_order_and_each_is_seen_once(behaviours: Behaviours, toy_port: MakePort, workers: int) -> None:
    everything = behaviours(MANY)
    seen: list[str] = []
    port = toy_port(one=lambda number: (1 if number % 3 else 2,))
    with Session(port, everything, workers=workers) as session:
        results = session.run(everything, lambda result: seen.append(result.behaviour.id))
    assert [result.behaviour for result in results] == everything
    assert sorted(seen) == sorted(behaviour.id for behaviour in everything)
    wrong = [result.behaviour.id for result in results if result.verdict is Verdict.FAILED]
    assert wrong == [f"test/n{number}" for number in range(0, 40, 3)]
    assert not any(result.note for result in results)


def wrong_once() -> Callable[[int], tuple[int]]:
    """Return the function of a port that is wrong once: the first time that it gets 5."""
    first: list[int] = []

    def one(number: int) -> tuple[int]:
        if number == 5 and not first:
            first.append(number)
            return (2,)
        return (1,)

    return one


def test_a_failure_that_passes_when_rerun_alone_is_noted(behaviours: Behaviours, toy_port: MakePort) -> None:
    everything = behaviours(MANY)
    with Session(toy_port(one=wrong_once()), everything, workers=2) as session:
        results = session.run(everything)
    assert {result.verdict for result in results} == {Verdict.PASSED}
    assert [result.behaviour.id for result in results if result.flaky_under_load] == ["test/n5"]
    notes = {result.behaviour.id: result.note for result in results if result.note}
    assert notes == {"test/n5": "flaky under parallel load: failed (2 instead of 1), passed when rerun alone"}


def test_a_flaky_behaviour_of_a_port_that_must_be_steady_fails(behaviours: Behaviours, toy_port: MakePort) -> None:
    everything = behaviours(MANY)
    port = toy_port(one=wrong_once())
    port.has_to_be_steady = True
    with Session(port, everything, workers=2) as session:
        results = session.run(everything)
    (failed,) = [result for result in results if result.verdict is not Verdict.PASSED]
    assert (failed.behaviour.id, failed.verdict) == ("test/n5", Verdict.FAILED)
    assert failed.reason == "flaky under parallel load: failed (2 instead of 1), passed when rerun alone"
    assert failed.flaky_under_load


def test_a_machine_that_stood_still_explains_any_failure(
    behaviours: Behaviours, toy_port: MakePort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Jitter, "stood_still", True)
    everything = behaviours(MANY)
    port = toy_port(one=wrong_once())
    port.has_to_be_steady = True
    with Session(port, everything, workers=2) as session:
        results = session.run(everything)
    assert {result.verdict for result in results} == {Verdict.PASSED}
    assert [result.behaviour.id for result in results if result.flaky_under_load] == ["test/n5"]


def test_the_reference_must_be_steady() -> None:
    assert resolve("reference").has_to_be_steady
    assert not resolve("lua5.4").has_to_be_steady


def test_a_failure_that_depends_on_the_state_of_the_port_stays_a_failure(
    behaviours: Behaviours, toy_port: MakePort
) -> None:
    """n39 fails right after n38 in the same process of the port; one engine is stuck in n0 until it has."""
    done = threading.Event()

    def load() -> Any:
        previous: list[int] = [0]

        def one(number: int) -> tuple[int]:
            wrong = number == 39 and previous[0] == 38
            previous[0] = number
            if number == 39:
                done.set()
            assert number != 0 or done.wait(SOON)
            return (2 if wrong else 1,)

        return toy_port(one=one)._load()

    everything = behaviours(MANY)
    with Session(PythonPort("toy", load), everything, workers=2) as session:
        results = session.run(everything)
    (failed,) = [result for result in results if result.verdict is not Verdict.PASSED]
    assert (failed.behaviour.id, failed.verdict) == ("test/n39", Verdict.FAILED)
    before = ", ".join(f"test/n{number}" for number in range(29, 39))
    assert failed.note == f"it passes alone, and fails in one process after {before}"


def test_an_interrupted_run_reports_failures_that_were_not_rerun(behaviours: Behaviours, toy_port: MakePort) -> None:
    everything = behaviours(MANY)
    reported: list[Result] = []
    interrupts = [KeyboardInterrupt()]

    def on_result(result: Result) -> None:
        reported.append(result)
        if len(reported) == 20 and interrupts:
            raise interrupts.pop()

    with (
        Session(toy_port(one=lambda number: (2 if number < 5 else 1,)), everything, workers=2) as session,
        pytest.raises(KeyboardInterrupt),
    ):
        session.run(everything, on_result)
    failed = [result for result in reported if result.verdict is Verdict.FAILED]
    assert {result.behaviour.id for result in failed} <= {f"test/n{number}" for number in range(5)}
    assert len(failed) >= 4  # the other worker may be in the middle of the fifth
    assert all(result.note.startswith("not rerun alone, because the run ended early") for result in failed)


@pytest.mark.parametrize("shares", [False, True])
def test_one_worker_reruns_only_if_it_shares_the_machine(
    behaviours: Behaviours, toy_port: MakePort, shares: bool
) -> None:
    everything = behaviours(MANY)[:2]
    played: list[int] = []

    def one(number: int) -> tuple[int]:
        played.append(number)
        return (2 if played == [1] else 1,)

    with Session(toy_port(one=one), [], shares_machine=shares) as session:
        session.start([])
        results = [session.take(behaviour) for behaviour in everything[1:]]
    note = "flaky under parallel load: failed (2 instead of 1), passed when rerun alone"
    assert [(result.verdict, result.note) for result in results] == [
        (Verdict.PASSED, note) if shares else (Verdict.FAILED, "")
    ]
    assert played == ([1, 1] if shares else [1])


@pytest.mark.parametrize("workers", [1, 2])
def test_failures_are_reported_before_the_end(
    behaviours: Behaviours, toy_port: MakePort, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("luasocket_runners.run.session.ROUND", 0.0)
    everything = behaviours(MANY)
    events: list[int | None] = []
    run, pause = Engine.run, Pool.paused
    this_thread, pauses = threading.current_thread(), threading.Event()

    def one(number: int) -> tuple[int]:
        events.append(number)
        return (2,)

    def run_one(engine: Engine, behaviour: Behaviour) -> Result:
        result = run(engine, behaviour)
        if threading.current_thread() is not this_thread:
            assert pauses.wait(SOON)  # another worker may not run everything before this thread has the first failure
        return result

    def paused(pool: Pool, on_result: Callable[[Result], None]) -> AbstractContextManager[None]:
        pauses.set()
        return pause(pool, on_result)

    monkeypatch.setattr(Engine, "run", run_one)
    monkeypatch.setattr(Pool, "paused", paused)
    with Session(toy_port(one=one), everything, workers=workers) as session:
        results = session.run(everything, lambda result: events.append(None))
    assert {result.verdict for result in results} == {Verdict.FAILED}
    assert events.count(None) == len(everything)
    begun = {number: events.index(number) for number in range(40)}
    assert events.index(None) < max(begun.values())


def test_behaviours_with_long_waits_start_first(behaviours: Behaviours, toy_port: MakePort) -> None:
    late = (
        "  - {id: late, steps: [{call: socket.one, with: [7],"
        " while: [{after: 0.5, peer: {listen: 127.0.0.1}}], returns: [1]}]}\n"
    )
    everything = behaviours(MANY + late)
    seen: list[str] = []
    with Session(toy_port(one=lambda number: (1,)), everything) as session:
        session.run(everything, lambda result: seen.append(result.behaviour.id))
    assert seen == ["test/late", *(f"test/n{number}" for number in range(40))]


def test_known_deviations_are_not_rerun(behaviours: Behaviours, toy_port: MakePort) -> None:
    everything = behaviours(MANY)
    played: list[int] = []

    def one(number: int) -> tuple[int]:
        played.append(number)
        return (2 if number in (5, 7) else 1,)

    def expected(result: Result) -> bool:
        return result.verdict is Verdict.PASSED or result.behaviour.id == "test/n5"

    with Session(toy_port(one=one), everything, workers=2, expected=expected) as session:
        results = session.run(everything)
    wrong = [result.behaviour.id for result in results if result.verdict is Verdict.FAILED]
    assert wrong == ["test/n5", "test/n7"]
    assert (played.count(5), played.count(7)) == (1, 2)


@pytest.mark.parametrize("alone", [1, 2], ids=["passes-alone", "fails-alone"])
def test_an_unexpected_pass_is_rerun_alone(behaviours: Behaviours, toy_port: MakePort, alone: int) -> None:
    """A load may also make a known deviation pass: if a port waits for too short a time, say."""
    everything = behaviours(MANY)
    played: list[int] = []

    def one(number: int) -> tuple[int]:
        played.append(number)
        return (alone if number == 5 and played.count(5) > 1 else 1,)

    def expected(result: Result) -> bool:
        return (result.verdict is Verdict.FAILED) is (result.behaviour.id == "test/n5")

    with Session(toy_port(one=one), everything, workers=2, expected=expected) as session:
        results = session.run(everything)
    fifth = next(result for result in results if result.behaviour.id == "test/n5")
    assert played.count(5) == 2
    assert fifth.verdict is (Verdict.PASSED if alone == 1 else Verdict.FAILED)
    assert fifth.flaky_under_load is (alone == 2)
    if alone == 2:
        assert fifth.note == "flaky under parallel load: passed, failed when rerun alone"


def test_missing_functions_are_not_rerun(behaviours: Behaviours, toy_port: MakePort) -> None:
    everything = behaviours(MANY)
    with Session(toy_port(), everything, workers=3) as session:
        results = session.run(everything)
    assert {result.verdict for result in results} == {Verdict.NOT_IMPLEMENTED}


def test_a_port_of_one_connection_has_one_worker(behaviours: Behaviours, toy_port: MakePort) -> None:
    opened: list[str | None] = []
    port = toy_port(one=lambda number: (1,))
    port.one_at_a_time = True
    original = port.open
    port.open = lambda dialect: (opened.append(dialect), original(dialect))[1]  # type: ignore[method-assign,func-returns-value]
    everything = behaviours(MANY)
    with Session(port, everything, workers=8) as session:
        session.run(everything)
    assert opened == [None]


def test_a_worker_that_cannot_be_opened_ends_the_run(behaviours: Behaviours, toy_port: MakePort) -> None:
    tried = threading.Event()

    def one(_number: int) -> tuple[int]:
        assert tried.wait(SOON)  # the first worker must not be done before the second one begins
        return (1,)

    port = toy_port(one=one)
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
    with Session(port, everything, workers=2) as session, pytest.raises(PortUnavailable, match="one only"):
        session.run(everything)


def test_a_run_goes_on_with_as_many_threads_as_there_are(
    behaviours: Behaviours, toy_port: MakePort, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, started = threading.Thread.start, []

    def start_one(thread: threading.Thread) -> None:
        if thread.name == "worker":
            if started:
                raise RuntimeError("can't start new thread")
            started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_one)
    everything = behaviours(MANY)
    with Session(toy_port(one=lambda _number: (1,)), everything, workers=4) as session:
        results = session.run(everything)
    assert {result.verdict for result in results} == {Verdict.PASSED}
    assert len(started) == 1


def test_results_can_be_taken_one_by_one(behaviours: Behaviours, toy_port: MakePort) -> None:
    everything = behaviours(MANY)
    first: list[int] = []

    def one(number: int) -> tuple[int]:
        if number == 5 and not first:
            first.append(number)
            return (2,)
        return (1 if number != 7 else 2,)

    with Session(toy_port(one=one), everything, workers=3) as session:
        session.start(everything)
        backwards = {behaviour.id: session.take(behaviour) for behaviour in reversed(everything)}
        assert session.remaining == 0
        again = session.take(everything[7])
    assert {identity for identity, result in backwards.items() if result.verdict is not Verdict.PASSED} == {"test/n7"}
    assert backwards["test/n5"].note == "flaky under parallel load: failed (2 instead of 1), passed when rerun alone"
    assert again.verdict is Verdict.FAILED


def test_after_a_cancellation_no_behaviour_starts(behaviours: Behaviours, toy_port: MakePort) -> None:
    everything = behaviours(MANY)
    begun: list[int] = []
    began, leaving = threading.Event(), threading.Event()

    def one(number: int) -> tuple[int]:
        begun.append(number)
        began.set()
        assert leaving.wait(SOON)
        return (1,)

    with Session(toy_port(one=one), everything, workers=2) as session:
        session.start(everything)
        assert began.wait(SOON)  # in the worker: this thread has not run any
        session.cancel()  # as the end of the session does first, while the workers are still busy
        leaving.set()
    assert len(begun) == 1


def test_taking_a_result_raises_the_exception_of_a_worker(behaviours: Behaviours, toy_port: MakePort) -> None:
    everything = behaviours(MANY)
    port = toy_port(one=lambda number: (1,))
    with Session(port, everything, workers=2) as session:

        def refuse(_dialect: str | None) -> object:
            raise PortUnavailable("There is one only.")

        port.open = refuse  # type: ignore[method-assign,assignment]
        session.start(everything)

        def take_on() -> None:
            while True:
                session.take(everything[0])

        with pytest.raises(PortUnavailable, match="one only"):
            take_on()


# -- several processes

#: Enough behaviours for each worker of the program to have a process.
PLENTY = "about: test\nbehaviours:\n" + "".join(
    f"  - {{id: n{number}, says: S., authority: observed,"
    f" steps: [{{call: socket.one, with: [{number}], returns: [1]}}]}}\n"
    for number in range(1, 3 * WORTH_A_PROCESS + 1)
)


def run_program(data: Path, scenario: str) -> subprocess.CompletedProcess[str]:
    """Run a scenario, and wait until all its processes have ended: each of them holds the pipes that we read."""
    return subprocess.run(
        [sys.executable, "-W", "error", str(Path(__file__).with_name("session_program.py")), str(data), scenario],
        capture_output=True, text=True, timeout=6 * SOON, start_new_session=True, check=False,
    )  # fmt: skip


@pytest.fixture
def program(make_data: Callable[[str], Path]) -> Callable[[str], dict[str, Any]]:
    """Runs a scenario of ``session_program.py`` and returns its outcome.

    A descriptor, a thread or a process that is left behind fails the test, and any other output.
    """
    data = make_data(PLENTY)

    def run(scenario: str) -> dict[str, Any]:
        done = run_program(data, scenario)
        assert (done.returncode, done.stderr) == (0, "")
        outcome: dict[str, Any] = json.loads(done.stdout)
        assert outcome["processes"] == 3
        assert outcome["after"] == outcome["before"]
        return outcome

    return run


def expected() -> list[list[str]]:
    return [[f"test/n{number}", "passed" if number % 50 else "failed"] for number in range(1, 3 * WORTH_A_PROCESS + 1)]


@pytest.mark.parametrize("scenario", ["run", "take"])
def test_results_of_several_processes_are_in_order(program: Callable[[str], dict[str, Any]], scenario: str) -> None:
    outcome = program(scenario)
    assert outcome["trouble"] is None
    assert outcome["results"] == expected()
    if scenario == "run":
        assert sorted(outcome["seen"]) == sorted(identity for identity, _ in expected())


def test_processes_end_with_a_session_that_is_left_early(program: Callable[[str], dict[str, Any]]) -> None:
    outcome = program("early")
    assert (outcome["trouble"], outcome["results"]) == (None, expected()[:1])


def test_the_behaviour_of_a_killed_worker_runs_in_another_one(program: Callable[[str], dict[str, Any]]) -> None:
    outcome = program("dies once")
    assert (outcome["trouble"], outcome["results"], outcome["errors"]) == (None, expected(), [])


@pytest.mark.parametrize("scenario", ["dies once", "each dies once", "dies"])
def test_killed_workers_are_replaced(program: Callable[[str], dict[str, Any]], scenario: str) -> None:
    assert program(scenario)["workers"] == 3


def test_the_behaviour_of_the_last_worker_that_was_killed_runs_in_a_new_one(
    program: Callable[[str], dict[str, Any]],
) -> None:
    outcome = program("each dies once")
    assert (outcome["trouble"], outcome["results"], outcome["errors"]) == (None, expected(), [])


def test_a_worker_that_breaks_says_why(program: Callable[[str], dict[str, Any]]) -> None:
    outcome = program("no memory")
    assert set(outcome["errors"]) == {"the worker process that ran it broke: MemoryError: in a worker 2 times"}


def test_a_behaviour_that_kills_workers_has_no_verdict_and_the_rest_runs(
    program: Callable[[str], dict[str, Any]],
) -> None:
    outcome = program("dies")
    assert outcome["trouble"] is None
    assert len(outcome["errors"]) == 2
    assert set(outcome["errors"]) == {"the worker process that ran it exited with status 9 2 times"}
    others = [pair for pair in outcome["results"] if pair[1] != "errored"]
    assert len(outcome["results"]) == len(expected()) == len(others) + len(outcome["errors"])
    assert all(pair in expected() for pair in others)


def test_a_behaviour_that_a_worker_took_just_before_it_was_killed_is_found(behaviours: Behaviours) -> None:
    everything = behaviours(MANY)[:3]
    workers = Workers(lambda: None, everything)  # type: ignore[arg-type,return-value]
    try:
        workers.submit([0, 1, 2])
        assert workers._queue.take() == 0  # as a worker did that could not note it any more
        workers._lost_sight = True
        assert workers.results(wait=False) == []
        assert [workers.claim(), workers.claim(), workers.claim()] == [1, 2, None]
        (result,) = workers.results(wait=True)
        assert (result.behaviour, result.verdict) == (everything[0], Verdict.ERRORED)
        assert result.reason == "the worker process that ran it was killed"
        assert not workers.pending
    finally:
        workers.close()


@pytest.mark.parametrize(
    ("scenario", "trouble"),
    [
        ("unavailable", "PortUnavailable: There is one only."),
        ("breaks", "PortUnavailable: The port toy does not start (tried 3 times): it is broken"),
        ("interrupt", "KeyboardInterrupt: "),
    ],
)
def test_an_exception_in_a_worker_process_ends_the_run(
    program: Callable[[str], dict[str, Any]], scenario: str, trouble: str
) -> None:
    outcome = program(scenario)
    assert (outcome["trouble"], outcome["results"]) == (trouble, [])


def test_processes_end_when_the_first_is_killed(make_data: Callable[[str], Path]) -> None:
    assert run_program(make_data(PLENTY), "killed").returncode == -signal.SIGKILL
