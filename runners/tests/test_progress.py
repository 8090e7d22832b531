"""What a run tells while it lasts: in order, early, and that it goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from luasocket_runners.cli import main
from luasocket_runners.progress import Progress
from luasocket_runners.result import Result, Verdict
from luasocket_spec.model import Behaviour

#: Seconds for what happens at once; longer is a failure, not a wait.
SOON = 10.0


@pytest.fixture
def results(behaviours: Callable[[str], list[Behaviour]]) -> list[Result]:
    """Four results: the second and the last one deviate."""
    made = behaviours(
        "".join(f"  - {{id: n{number}, SO, steps: [{{call: socket.skip, returns: []}}]}}\n" for number in range(4))
    )
    return [Result(item, Verdict.FAILED if place % 2 else Verdict.PASSED) for place, item in enumerate(made)]


def told(result: Result) -> str:
    return result.behaviour.id if result.verdict is Verdict.FAILED else ""


def test_each_result_is_told_as_soon_as_all_before_it_are_known(
    results: list[Result], capsys: pytest.CaptureFixture[str]
) -> None:
    with Progress([result.behaviour for result in results], told) as progress:
        out = []
        for place in (1, 3, 0, 2):
            progress.step(results[place])
            out.append(capsys.readouterr().out)
        assert progress.words() == "4 of 4 played, 2 deviate so far"
    assert out == ["", "", "test/n1\n", "test/n3\n"]
    assert capsys.readouterr().err == ""


def test_what_is_known_of_a_run_that_breaks_off_is_told(
    results: list[Result], capsys: pytest.CaptureFixture[str]
) -> None:
    def broken_off() -> None:
        with Progress([result.behaviour for result in results], told) as progress:
            for place in (3, 1):
                progress.step(results[place])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken_off()
    assert capsys.readouterr().out == "test/n1\ntest/n3\n"


def test_nobody_reads_any_more(results: list[Result]) -> None:
    asked: list[str] = []

    def gone(result: Result) -> str:
        asked.append(result.behaviour.id)
        raise BrokenPipeError

    def run() -> None:
        with Progress([result.behaviour for result in results], gone) as progress:
            progress.step(results[1])
            progress.step(results[0])

    with pytest.raises(BrokenPipeError):
        run()
    assert asked == ["test/n0"]


def test_a_log_is_told_that_it_goes_on(results: list[Result], monkeypatch: pytest.MonkeyPatch) -> None:
    beaten = threading.Event()
    lines: list[str] = []

    class Log:
        def isatty(self) -> bool:
            return False

        def write(self, text: str) -> None:
            lines.append(text)

        def flush(self) -> None:
            if lines.count("\n") >= 2:
                beaten.set()

    monkeypatch.setattr("sys.stderr", Log())
    with Progress([result.behaviour for result in results], told, heartbeat=0.01) as progress:
        progress.step(results[1])
        assert beaten.wait(SOON)
    assert "still running: 1 of 4 played, 1 deviate so far" in lines
    assert not any(thread.name == "heartbeat" for thread in threading.enumerate())


def test_a_terminal_counts_and_is_cleared_before_a_result(
    results: list[Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []

    class Terminal:
        def isatty(self) -> bool:
            return True

        def write(self, text: str) -> None:
            lines.append(text)

        def flush(self) -> None:
            pass

    monkeypatch.setattr("sys.stderr", Terminal())
    monkeypatch.setattr("sys.stdout", Terminal())
    with Progress([result.behaviour for result in results], told) as progress:
        for result in results[:2]:
            progress.step(result)
    clear = "\r\x1b[K"
    assert lines == ["\r1/4, 0 deviate ", clear, "test/n1", "\n", "\r2/4, 1 deviate ", clear]


def test_a_run_tells_failures_before_its_end(
    make_data: Callable[[str], Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is told of the first one is there while the second one is played."""
    monkeypatch.setattr("luasocket_runners.session.ROUND", 0.0)
    data = make_data(
        "about: test\nbehaviours:\n"
        "  - {id: bad, says: S., authority: observed, steps: [{call: socket.skip, with: [0], returns: [1]}]}\n"
        "  - {id: good, says: S., authority: observed, steps: [{call: socket.skip, with: [0], returns: []}]}\n"
    )
    seen: list[str] = []
    step = Progress.step

    def watched(self: Progress, result: Result) -> None:
        step(self, result)
        seen.append(capsys.readouterr().out)

    monkeypatch.setattr(Progress, "step", watched)
    assert main(["--spec", str(data), "run", "--lanes", "1"]) == 1
    assert "FAILED test/bad" in seen[0]
    assert "1 failed" not in seen[0]
