"""Reports side by side: every run has a column of its own, every behaviour one row."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from luasocket_runners.reports import Report, join
from luasocket_runners.result import Result, Verdict
from luasocket_spec.model import Behaviour


def test_different_ports_have_their_names(report: Callable[..., Report], results: list[Result]) -> None:
    joined = join([report(results, port="one"), report(results, port="two")])
    assert [column.label for column in joined.columns] == ["one", "two"]
    assert joined.specs == ["1.0.0"]


def test_two_reports_of_one_port_have_different_labels(report: Callable[..., Report], results: list[Result]) -> None:
    later = datetime(2026, 11, 23, tzinfo=UTC)
    columns = join(
        [report(results), report(results, dialect="defold"), report(results, started=later), report(results, port="b")]
    ).columns
    assert [column.label for column in columns] == [
        "toy, luasocket-3, 2026-11-22T08:41:43Z",
        "toy, defold",
        "toy, luasocket-3, 2026-11-23T00:00:00Z",
        "b",
    ]


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (["/home/anna/ports/perl/"], ["perl"]),
        (["lua5.4@/home/anna/wrapped.lua"], ["lua5.4@wrapped.lua"]),
        (["command:node src/adapter.js --x=1"], ["command:node adapter.js --x=1"]),
        (["a/port", "b/port", "c/other"], ["a/port", "b/port", "other"]),
        (["tcp:127.0.0.1:4000", "reference"], ["tcp:127.0.0.1:4000", "reference"]),
    ],
)
def test_a_path_is_shortened_to_its_end(
    report: Callable[..., Report], results: list[Result], names: list[str], labels: list[str]
) -> None:
    assert [column.label for column in join([report(results, port=name) for name in names]).columns] == labels


def test_the_same_report_twice_is_numbered(report: Callable[..., Report], results: list[Result]) -> None:
    assert [column.label for column in join([report(results)] * 2).columns] == ["toy (1)", "toy (2)"]


def test_rows_are_in_the_order_of_the_specification(
    report: Callable[..., Report], behaviour: Callable[..., Behaviour]
) -> None:
    def passed(*ids: str) -> Report:
        return report([Result(behaviour(identity), Verdict.PASSED) for identity in ids])

    joined = join([passed("b", "d"), passed("a", "b", "c", "d", "e"), passed("d")])
    assert [row.newest.id for row in joined.rows] == ["a", "b", "c", "d", "e"]
    assert ["".join("x" if entry else "-" for entry in row.entries) for row in joined.rows] == [
        "-x-",
        "xx-",
        "-x-",
        "xxx",
        "-x-",
    ]


def test_behaviours_are_described_by_the_newest_specification(
    report: Callable[..., Report], behaviour: Callable[..., Behaviour]
) -> None:
    reports = [
        report([Result(behaviour("a", says=f"As {version} says."), Verdict.PASSED)], spec=version)
        for version in ("1.9.0", "1.10.0", "1.10.0-dev", "1.2.0")
    ]
    joined = join(reports)
    assert joined.rows[0].newest.says == "As 1.10.0 says."
    assert joined.rows[0].report is reports[1]
    assert joined.specs[0] == "1.2.0"
