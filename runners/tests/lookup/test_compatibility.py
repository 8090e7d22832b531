"""Tests condensed reports, the marks that they give, and what they tell about releases."""

from __future__ import annotations

import json
from pathlib import Path

import luasocket_spec
import pytest
from luasocket_runners.cli.main import main
from luasocket_runners.lookup import Index, entries, versions
from luasocket_runners.lookup.compatibility import (
    ALL,
    NONE,
    RELEASES,
    SOME,
    UNKNOWN,
    Compatibility,
    Difference,
    Rule,
    read,
    shipped,
)
from luasocket_spec.manual import load_manual
from luasocket_spec.versions import load_versions

INDEX = Index(luasocket_spec.load())
RECEIVE = INDEX.api.functions["client:receive"]
SEND = INDEX.api.functions["client:send"]
ENTRIES = {entry.id: entry for entry in entries(INDEX.spec.behaviours)}


def port(
    *, passed: tuple[str, ...] = (), differs: dict[str, Difference] | None = None, absent: dict[str, str] | None = None
) -> Compatibility:
    rules = (
        Rule("one-value", "receive returns one value.", "why", ("client:receive",)),
        Rule("other", "send returns one value.", "why", ("client:send",)),
    )
    return Compatibility(
        "p", "A port", "p 1", "luasocket-3", "0.1.0", "2026-11-28", "run", "", rules, absent or {}, frozenset(passed),
        frozenset(), differs or {},
    )  # fmt: skip


def test_a_function_is_marked_by_the_behaviours_that_differ() -> None:
    one, two = "tcp/receive-line/partial-on-timeout", "tcp/receive-line/nothing-at-timeout"
    quirk, failure = Difference("passed with quirks", ("one-value",)), Difference("known deviation", (), ("a reason",))
    assert port(passed=(one, two)).mark(RECEIVE, [one, two]).sign == ALL
    assert port().mark(RECEIVE, [one, two]).sign == UNKNOWN
    some = port(passed=(one,), differs={two: failure}).mark(RECEIVE, [one, two])
    assert (some.sign, some.why, some.differs) == (SOME, ("a reason",), (two,))
    assert port(differs={one: failure, two: failure}).mark(RECEIVE, [one, two]).sign == NONE
    ruled = port(differs={one: quirk, two: quirk}).mark(RECEIVE, [one, two])
    assert (ruled.sign, ruled.why) == (SOME, ("receive returns one value.",))
    assert port(passed=(one,), absent={":receive": "no such method"}).mark(RECEIVE, [one]).why == (
        "Absent: no such method.",
    )


def test_a_difference_counts_for_the_function_that_it_concerns() -> None:
    one = "tcp/receive-line/partial-on-timeout"
    of_send = port(differs={one: Difference("passed with quirks", ("other",))})
    assert (of_send.mark(RECEIVE, [one]).sign, of_send.mark(SEND, [one]).sign) == (ALL, SOME)
    ended_early = port(differs={one: Difference("known deviation", (), ("a reason",), ("send",))})
    assert (ended_early.mark(RECEIVE, [one]).sign, ended_early.mark(SEND, [one]).sign) == (UNKNOWN, NONE)


def test_a_function_of_the_other_dialect_is_absent() -> None:
    assert port().mark(INDEX.api.functions["socket.tcp4"], []).sign == UNKNOWN
    of_defold = Compatibility.from_json({**port().as_json(), "dialect": "defold"})
    assert of_defold.mark(INDEX.api.functions["socket.tcp4"], []).sign == NONE


def test_a_report_is_condensed(tmp_path: Path) -> None:
    (tmp_path / "known.txt").write_text("tcp/receive-line/empty-line/lf: a reason\n")
    report = tmp_path / "mine.json"
    assert main(["run", "tcp/receive-line", "--known", str(tmp_path / "known.txt"), "--json", str(report)]) == 1
    found = read(report)
    assert (found.name, found.dialect) == ("mine", "luasocket-3")
    assert found.differs["tcp/receive-line/empty-line"].verdict == "failed"
    assert found.differs["tcp/receive-line/empty-line"].cases == ("lf",)
    assert "tcp/receive-line/partial-on-timeout" in found.passed
    assert main(["report", str(report), "--compatibility", str(tmp_path / "out")]) == 0
    assert read(tmp_path / "out" / "mine.json") == found


def test_a_port_in_a_directory_brings_its_title_and_its_rules(tmp_path: Path) -> None:
    directory = tmp_path / "toy"
    directory.mkdir()
    (directory / "port.toml").write_text(
        'name = "A toy"\ncommand = ["toy"]\ninstall = "pip install toy"\n'
        'known = "known.txt"\n[absent]\n"socket.nothing" = "no reason"\n'
    )
    (directory / "known.txt").write_text("")
    report = tmp_path / "toy.json"
    assert main(["run", "module/skip", "--json", str(report)]) == 0
    of_the_reference = json.loads(report.read_text())
    of_the_reference["port"]["name"] = str(directory)  # its adapter need not run to be described
    report.write_text(json.dumps(of_the_reference))
    assert main(["report", str(report), "--compatibility", str(tmp_path / "out")]) == 0
    data = json.loads((tmp_path / "out" / "toy.json").read_text())
    assert (data["title"], data["install"]) == ("A toy", "pip install toy")
    assert data["absent"] == {"socket.nothing": "no reason"}


@pytest.mark.parametrize("report", shipped(), ids=lambda report: report.name)
def test_a_shipped_report_is_of_this_specification(report: Compatibility) -> None:
    """A report that names behaviours that are gone is too old: run the port again (``docs/compatibility.md``)."""
    named = {*report.passed, *report.skipped, *report.differs}
    gone = sorted(named - set(ENTRIES))
    assert not gone, f"{report.name}: these behaviours are gone; make the report again: {gone[:5]}"
    of_its_dialect = [entry.id for entry in ENTRIES.values() if report.dialect in entry.first.dialects]
    share = report.unknown(of_its_dialect) / len(of_its_dialect)
    assert share < 0.1, f"{report.name}: {share:.0%} of the behaviours came later; make the report again"
    for found in report.differs.values():
        assert set(found.quirks) <= set(report.rules)


def test_there_is_a_report_of_each_release() -> None:
    assert [name for name, _ in versions.releases()] == list(RELEASES.values())


# -- releases


def test_a_change_is_what_the_runs_of_the_releases_show() -> None:
    """Before its release, a behaviour that shows a change does not hold, and since then it does."""
    releases = [release.name for release in load_versions().releases]
    reports = dict(versions.releases())
    wrong = []
    for change in load_versions().changes:
        before = releases[releases.index(change.release) - 1]
        for name in change.behaviours:
            if name in reports[change.release].skipped:
                continue  # it needs a later Lua than that of the builds
            cases = ENTRIES[name].cases
            function = INDEX.main_function(cases[0])
            assert function is not None
            by_dialect = change.release == "3.0.0" and any(
                len(case.dialects) == 1 or case.dialects != cases[0].dialects or _reads_dialects(case) for case in cases
            )
            after = _holds(reports[change.release], name)
            if not after or (_holds(reports[before], name) and not by_dialect):
                wrong.append(f"{change.release}: {name}")
    assert not wrong, wrong


def _reads_dialects(case: luasocket_spec.Behaviour) -> bool:
    calls = [step for step in case.steps if hasattr(step, "expect")]
    return any(reading.dialect for step in calls for reading, _ in step.expect.by_reading)


def _holds(report: Compatibility, name: str) -> bool:
    return name in report.passed


def test_functions_of_changes_and_of_the_manual_exist() -> None:
    for entry in (*load_versions().changes, *load_manual()):
        assert set(entry.functions) <= set(INDEX.api.functions), entry
        assert set(entry.behaviours) <= set(ENTRIES), entry
    assert all(entry.behaviours for entry in load_manual())


def test_a_function_is_absent_before_its_release() -> None:
    releases = [release.name for release in load_versions().releases]
    for release, report in versions.releases():
        for function in INDEX.api.functions.values():
            there = releases.index(function.since or releases[0]) <= releases.index(release)
            absent = report.missing(function) is not None or report.dialect not in function.dialects
            assert there != absent, f"{function.id} in {release}"


def test_a_remark_on_releases_is_made_from_their_runs() -> None:
    def note(name: str) -> str | None:
        return versions.note(INDEX.main_function(ENTRIES[name].first), ENTRIES[name].cases)

    assert note("udp/receive/empty-datagram") == "since 3.0-rc1"
    assert note("tcp/timeout/deadline-is-per-call") == "not in 3.0-rc1"
    assert note("tcp/options/defer-accept-waits-for-data") == "since 3.1.0"
    assert note("tcp/receive-line/partial-on-timeout") is None
