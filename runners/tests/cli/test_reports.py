"""The reports of `run`: each form is written, and a file that cannot be written is reported before the run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from luasocket_runners.cli.main import main
from luasocket_runners.reports import Report

CORPUS = """\
about: test
behaviours:
  - {id: good, says: It is one., authority: observed, steps: [{call: socket.skip, with: [0, 1], returns: [1]}]}
  - {id: bad, says: It is two., authority: observed, steps: [{call: socket.skip, with: [0, 1], returns: [2]}]}
"""


@pytest.fixture
def run(make_data: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs the small spec in an empty directory, with these arguments."""
    spec = str(make_data(CORPUS))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return lambda *arguments: main(["--spec", spec, "run", *arguments])


def test_a_run_writes_every_form(run: Callable[..., int]) -> None:
    assert run("--json", "r.json", "--markdown", "r.md", "--badge", "r.svg", "--html", "r.html") == 1
    report = Report.load(Path("r.json"))
    assert [(entry.id, entry.verdict.value) for entry in report.results] == [
        ("test/good", "passed"),
        ("test/bad", "failed"),
    ]
    assert report.run.port.name == "reference"
    assert report.run.machine.capabilities
    assert Path("r.md").read_text().startswith("## Conformance")
    assert Path("r.svg").read_text().startswith("<svg ")
    assert Path("r.html").read_text().startswith("<!DOCTYPE html>")


def test_a_badge_for_shields(run: Callable[..., int]) -> None:
    assert run("--badge", "badge.json", "test/good") == 0
    assert json.loads(Path("badge.json").read_text())["message"] == "conforms: 1 of 1 passed"


def test_the_summary_of_a_step_is_added_to(run: Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    Path("summary.md").write_text("before\n")
    assert run("--markdown", "summary.md", "test/good") == 0
    assert Path("summary.md").read_text().startswith("before\n## Conformance")


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("nowhere/r.json", "The report nowhere/r.json cannot be written: there is no directory "),
        (".", "The report . is a directory: name a file."),
    ],
)
def test_an_unwritable_file_is_reported_before_the_run(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str], file: str, sentence: str
) -> None:
    assert run("--json", file) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"luasocket-conformance: {sentence}")


def test_two_reports_in_one_file(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--json", "r", "--html", "r") == 2
    assert "Two reports cannot be written to r: name a file for each." in capsys.readouterr().err


def test_a_file_that_becomes_unwritable_during_the_run(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--json", "/dev/full", "test/good") == 2
    assert "cannot be written: No space left on device" in capsys.readouterr().err


def test_new_deviations_are_marked_unexplained(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--known", "known.txt", "--update-deviations") == 0
    out = capsys.readouterr().out
    assert "known.txt: 1 added (reason needed), 0 removed" in out
    assert "  1 known deviation: not explained yet, see known.txt:4\n" in out
    assert run("--known", "known.txt") == 0
    Path("known.txt").write_text("test: all of it\n")
    assert run("--known", "known.txt", "--update-deviations") == 0
    assert Path("known.txt").read_text() == "# removed, it passes: test: all of it\ntest/bad: all of it\n"


def test_an_update_needs_a_file(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--update-deviations") == 2
    assert "--update-deviations needs --known FILE" in capsys.readouterr().err


def test_flaky_behaviours_are_counted(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    Path("flaky.txt").write_text("test: now and then\n")
    assert run("--flaky", "flaky.txt") == 0
    out = capsys.readouterr().out
    assert "2 behaviours: 2 flaky in " in out
    assert "  2 flaky: test: now and then\n" in out


def test_annotations(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--annotations", "github") == 1
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first.startswith("::stop-commands::")
    assert last.startswith("::error title=failed%3A test/bad::It is two.%0Asocket.skip(0, 1)%0A")


@pytest.mark.parametrize(
    ("option", "value", "printed"),
    [("auto", "true", True), ("auto", None, False), ("none", "true", False), ("github", None, True)],
)
def test_annotations_are_for_github(
    run: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    option: str,
    value: str | None,
    printed: bool,
) -> None:
    if value is not None:
        monkeypatch.setenv("GITHUB_ACTIONS", value)
    run("--annotations", option)
    assert ("::error" in capsys.readouterr().out) is printed


def test_an_annotation_points_at_the_line_of_the_list(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("known.txt").write_text("# why\ntest/good: gone\ntest/bad: x\n")
    assert run("--annotations", "github", "--known", "known.txt") == 1
    assert "::error file=known.txt,line=2,title=failed%3A test/good::" in capsys.readouterr().out
