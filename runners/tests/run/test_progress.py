"""Progress of a run: results in order and early, the counter of a terminal, the lines of a log."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from luasocket_runners.cli.main import main
from luasocket_runners.result import Result, Verdict
from luasocket_runners.run.progress import Progress
from luasocket_spec.model import Behaviour

#: Seconds for what happens at once; longer is a failure, not a wait.
SOON = 10.0


@pytest.fixture
def results(behaviours: Callable[[str], list[Behaviour]]) -> list[Result]:
    """Four results: the second and the last one are failures."""
    made = behaviours(
        "".join(f"  - {{id: n{number}, steps: [{{call: socket.skip, returns: []}}]}}\n" for number in range(4))
    )
    return [Result(item, Verdict.FAILED if place % 2 else Verdict.PASSED) for place, item in enumerate(made)]


def identity(result: Result) -> str:
    return result.behaviour.id if result.verdict is Verdict.FAILED else ""


def test_each_result_is_printed_as_soon_as_all_before_it_are_known(
    results: list[Result], capsys: pytest.CaptureFixture[str]
) -> None:
    with Progress([result.behaviour for result in results], identity) as progress:
        out = []
        for place in (1, 3, 0, 2):
            progress.add(results[place])
            out.append(capsys.readouterr().out)
        assert progress.status() == "4/4 done, 2 failed"
    assert out == ["", "", "test/n1\n", "test/n3\n"]
    assert capsys.readouterr().err == ""


def test_an_interrupted_run_prints_the_known_results(results: list[Result], capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> None:
        with Progress([result.behaviour for result in results], identity) as progress:
            for place in (3, 1):
                progress.add(results[place])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert capsys.readouterr().out == "test/n1\ntest/n3\n"


def test_a_closed_output_is_not_written_to_again(results: list[Result]) -> None:
    asked: list[str] = []

    def gone(result: Result) -> str:
        asked.append(result.behaviour.id)
        raise BrokenPipeError

    def run() -> None:
        with Progress([result.behaviour for result in results], gone) as progress:
            progress.add(results[1])
            progress.add(results[0])

    with pytest.raises(BrokenPipeError):
        run()
    assert asked == ["test/n0"]


def test_a_log_has_lines_about_the_progress(results: list[Result], monkeypatch: pytest.MonkeyPatch) -> None:
    beaten = threading.Event()
    lines: list[str] = []

    class Log:
        def isatty(self) -> bool:
            return False

        def write(self, text: str) -> None:
            lines.append(text)

        def flush(self) -> None:
            if any("1/4" in line for line in lines):
                beaten.set()

    monkeypatch.setattr("sys.stderr", Log())
    with Progress([result.behaviour for result in results], identity, heartbeat=0.01) as progress:
        progress.add(results[1])
        assert beaten.wait(SOON)
    assert "running: 1/4 done, 1 failed" in lines
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
    with Progress([result.behaviour for result in results], identity) as progress:
        for result in results[:2]:
            progress.add(result)
    clear = "\r\x1b[K"
    assert lines == ["\r1/4 done, 0 failed ", clear, "test/n1", "\n", "\r2/4 done, 1 failed ", clear]


def test_a_run_prints_failures_before_its_end(
    make_data: Callable[[str], Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first failure is printed while the second behaviour runs."""
    monkeypatch.setattr("luasocket_runners.run.session.ROUND", 0.0)
    data = make_data(
        "about: test\nbehaviours:\n"
        "  - {id: bad, says: S., authority: observed, steps: [{call: socket.skip, with: [0], returns: [1]}]}\n"
        "  - {id: good, says: S., authority: observed, steps: [{call: socket.skip, with: [0], returns: []}]}\n"
    )
    seen: list[str] = []
    add = Progress.add

    def watched(self: Progress, result: Result) -> None:
        add(self, result)
        seen.append(capsys.readouterr().out)

    monkeypatch.setattr(Progress, "add", watched)
    assert main(["--spec", str(data), "run", "--workers", "1"]) == 1
    assert "FAILED test/bad" in seen[0]
    assert "1 failed" not in seen[0]
