"""Annotations for GitHub Actions, to the letter, and with hostile output of a port."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from luasocket_runners.reports import github
from luasocket_runners.reports.github import commands_stopped
from luasocket_runners.result import Result, Verdict


def commands(results: list[Result], tmp_path: Path, known: str = "") -> list[str]:
    return github.render(results, known=known, spec=None, workspace=tmp_path).splitlines()


def test_annotations(results: list[Result], tmp_path: Path) -> None:
    listed = results[4].listed
    assert listed is not None
    results[4] = replace(results[4], listed=replace(listed, file=str(tmp_path / "ports" / "known.txt")))
    lines = commands(results, tmp_path)
    assert lines[0] == (
        "::error title=failed%3A tcp/receive/partial::A line that times out is partial.%0A"
        'client:receive("*l")%0Aexpected: nil, "timeout", "hel"%0Areturned: nil, "timeout"%0A'
        "difference: 2 values instead of 3"
    )
    assert [line.partition(" ")[0] for line in lines] == ["::error"] * 3 + ["::warning"]
    assert lines[3].startswith("::warning file=ports/known.txt,line=4,title=known deviation%3A tcp/receive/new::")


def test_an_annotation_points_at_the_behaviour_in_its_repository(results: list[Result], tmp_path: Path) -> None:
    line = github.render(results[:1], known="", spec=tmp_path / "spec", workspace=tmp_path)
    assert line.startswith("::error file=spec/behaviours/tcp/receive.yaml,line=7,title=")


def test_an_annotation_points_at_the_list_where_the_behaviour_is_elsewhere(
    results: list[Result], tmp_path: Path
) -> None:
    assert commands(results[:1], tmp_path, str(tmp_path / "known.txt"))[0].startswith("::error file=known.txt,line=1,")


def test_annotations_beyond_the_limit_of_github_are_counted(results: list[Result], tmp_path: Path) -> None:
    lines = commands(results[:1] * 12, tmp_path)
    assert len(lines) == github.KEPT
    assert lines[-1] == "::error title=luasocket-conformance::and 3 more, see the log"


def test_hostile_text_in_an_annotation(results: list[Result], tmp_path: Path, hostile: str) -> None:
    said = hostile.replace("\udcff", "")
    result = replace(
        results[0], reason=said, returned=said, behaviour=replace(results[0].behaviour, id="a,file=x::b\r\n::error::c")
    )
    text = github.render([result], known="", spec=None, workspace=tmp_path)
    assert text.count("\n") == 1
    assert "\r" not in text
    title, _, message = text.removeprefix("::error ").partition("::")
    assert title == "title=failed%3A a%2Cfile=x%3A%3Ab%0D%0A%3A%3Aerror%3A%3Ac"
    assert "%250A" in message


def test_workflow_commands_are_stopped_with_a_random_token(capsys: pytest.CaptureFixture[str]) -> None:
    def fails() -> None:
        with commands_stopped():
            print("::error::owned")
            raise ValueError("x")

    words = set()
    for _ in range(2):
        with pytest.raises(ValueError, match="x"):
            fails()
        first, printed, last = capsys.readouterr().out.splitlines()
        assert first == f"::stop-commands::{last.strip(':')}"
        assert printed == "::error::owned"
        words.add(last)
    assert len(words) == 2


def test_only_deviations_are_annotated(results: list[Result], tmp_path: Path) -> None:
    kept = [result for result in results if result.verdict in (Verdict.PASSED, Verdict.SKIPPED, Verdict.FLAKY)]
    assert commands(kept, tmp_path) == []
