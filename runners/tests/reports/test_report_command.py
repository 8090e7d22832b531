"""The command `report`: merges the JSON reports of several runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from luasocket_runners.cli.main import main
from luasocket_runners.result import Result


def test_reports_are_joined(saved: Callable[..., Path], results: list[Result], tmp_path: Path) -> None:
    files = [str(saved("a.json", results, port="a")), str(saved("b.json", results, port="b", spec="1.1.0"))]
    page = tmp_path / "all.html"
    assert main(["report", *files, "--html", str(page), "--badge", str(tmp_path / "all.svg")]) == 0
    assert '"label":"b"' in page.read_text()
    assert (tmp_path / "all.svg").exists()


def test_without_a_file_the_summary_is_printed(
    saved: Callable[..., Path], results: list[Result], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(saved("a.json", results))]) == 0
    assert capsys.readouterr().out.startswith("## Conformance to the LuaSocket API\n")


def test_bad_input_is_reported(
    saved: Callable[..., Path], results: list[Result], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text("{}")
    page = tmp_path / "all.html"
    assert main(["report", str(saved("a.json", results)), str(bad), "--html", str(page)]) == 2
    assert capsys.readouterr().err.startswith(f"luasocket-conformance: {bad}: not a report of luasocket-conf")
    assert not page.exists()
