"""The pytest plugin: each verdict becomes the right outcome, and a failure has the runner's message.

A toy specification is played on a toy port: nothing here depends on what LuaSocket does.
"""

from __future__ import annotations

import re
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import luasocket_runners.ports
import luasocket_spec
import pytest
from luasocket_conformance import plugin, suite
from luasocket_conformance.crashes import LOST
from luasocket_runners.engine.engine import Engine
from luasocket_runners.ports import Port, PortUnavailable, UnknownPort
from luasocket_runners.ports.inprocess import PythonPort
from luasocket_runners.result import Result
from luasocket_runners.testing import ToyApi
from luasocket_spec.model import Behaviour

pytest_plugins = "pytester"

TOY_SPEC = """\
about: socket.one
behaviours:
  - id: right
    says: One is one.
    authority: observed
    steps:
      - {call: socket.one, returns: [1]}
  - id: wrong
    says: Two is two.
    hint: Count again.
    authority: observed
    steps:
      - {call: socket.two, with: ["*l"], returns: [2, null]}
  - id: absent
    says: There is a three.
    authority: observed
    steps:
      - {call: socket.three, returns: [3]}
  - id: impossible
    says: It cannot be seen here.
    authority: observed
    needs: [unprivileged, root]
    steps:
      - {call: socket.one, returns: [1]}
  - id: other-dialect
    says: It is not for this dialect.
    authority: observed
    dialects: [defold]
    steps:
      - {call: socket.one, returns: [5]}
"""


class Closed(Port):
    """A port that cannot be run."""

    name = "closed"

    def open(self, _dialect: str | None) -> Any:
        raise PortUnavailable("closed: it is closed on Sundays. Come back tomorrow.")


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The plugin sees the toy specification, and the ports `toy` and `closed`; returns the specification's file."""
    file = tmp_path / "spec" / "behaviours" / "toy.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(TOY_SPEC)
    spec = luasocket_spec.load(tmp_path / "spec")
    right_and_wrong = partial(ToyApi, one=lambda: (1,), two=lambda _pattern: (b"two",))
    ports: dict[str, Port] = {name: PythonPort(name, right_and_wrong) for name in ("toy", "reference")}
    ports["closed"] = Closed()

    def resolve(name: str) -> Port:
        if name not in ports:
            raise UnknownPort(f"There is no port {name!r}. The ports are: toy.")
        return ports[name]

    monkeypatch.setattr(luasocket_spec, "load", lambda: spec)
    monkeypatch.setattr(luasocket_runners.ports, "resolve", resolve)
    monkeypatch.setattr(suite, "resolve", resolve)
    monkeypatch.setattr(suite, "SPEC_DIRECTORY", tmp_path / "spec")
    monkeypatch.setenv("COLUMNS", "200")  # pytest cuts its short summary to the width of the terminal
    return file


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_inprocess("--pyargs", "luasocket_conformance", "-p", "no:cacheprovider", *arguments)


@pytest.mark.usefixtures("toy")
def test_each_verdict_has_its_outcome(pytester: pytest.Pytester) -> None:
    result = run(pytester, "-rA", "--luasocket-port", "toy")
    result.assert_outcomes(passed=1, failed=2, skipped=1)
    result.stdout.fnmatch_lines(
        ["PASSED *::toy/right?toy?", "SKIPPED*: needs *, which is not available", "FAILED *::toy/wrong?toy?*"]
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.usefixtures("toy")
def test_a_failure_has_the_message_of_the_runner_and_no_traceback(pytester: pytest.Pytester) -> None:
    result = run(pytester, "-k", "wrong")
    text = result.stdout.str()
    assert re.search(r'socket\.two\("\*l"\)\n +expected +2, nil\n +returned +"two"\n', text), text
    assert "  hint:        Count again." in text
    assert "show toy/wrong --as lua" in text
    assert "Traceback" not in text


@pytest.mark.usefixtures("toy")
def test_a_missing_function_is_reported_as_not_implemented(pytester: pytest.Pytester) -> None:
    run(pytester, "-k", "absent").stdout.fnmatch_lines(["NOT IMPLEMENTED toy/absent"])


@pytest.mark.usefixtures("toy")
def test_the_short_summary_shows_the_difference(pytester: pytest.Pytester) -> None:
    summary = "FAILED luasocket_conformance/suite.py::toy/wrong?reference? - value 1: *"
    run(pytester, "-k", "wrong").stdout.fnmatch_lines([summary])


def test_an_items_location_is_its_yaml_file_and_line(pytester: pytest.Pytester, toy: Path) -> None:
    items, _ = pytester.inline_genitems("--pyargs", "luasocket_conformance")
    item = items[1]
    path, line, heading = item.reportinfo()
    assert path == toy
    assert heading == "toy/wrong[reference]"
    assert line is not None
    assert toy.read_text().splitlines()[line] == "  - id: wrong"


@pytest.mark.usefixtures("toy")
def test_behaviours_of_another_dialect_are_no_items(pytester: pytest.Pytester) -> None:
    run(pytester, "--collect-only", "-q").stdout.no_fnmatch_line("*other-dialect*")
    result = run(pytester, "--collect-only", "-q", "--luasocket-dialect", "defold")
    result.stdout.fnmatch_lines(["*::toy/other-dialect?reference?"])


@pytest.mark.usefixtures("toy")
def test_several_ports_are_tested_one_after_the_other(pytester: pytest.Pytester) -> None:
    result = run(pytester, "--luasocket-port", "toy", "--luasocket-port", "reference", "-k", "right", "-v")
    result.stdout.fnmatch_lines(["*toy/right?toy? PASSED*", "*toy/right?reference? PASSED*"])


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize("named", ["module", "file"])
def test_an_id_selects_behind_the_suites_own_name(pytester: pytest.Pytester, named: str) -> None:
    arguments = ["--pyargs", "luasocket_conformance.suite"] if named == "module" else [str(plugin.SUITE)]
    result = pytester.runpytest_inprocess(*arguments[:-1], f"{arguments[-1]}::toy/right")
    result.assert_outcomes(passed=1)


@pytest.mark.usefixtures("toy")
def test_junit_xml_has_the_result(pytester: pytest.Pytester, tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    run(pytester, "-k", "wrong", f"--junitxml={report}")
    properties = {node.get("name"): node.get("value") for node in ET.parse(report).iter("property")}
    assert properties["behaviour"] == "toy/wrong"
    assert properties["expected"] == "2, nil"
    assert properties["returned"] == '"two"'
    assert properties["at"] == "behaviours/toy.yaml:8"
    assert (properties["step"] or "").startswith("behaviours/toy.yaml:")


@pytest.mark.usefixtures("toy")
def test_a_known_deviation_is_an_expected_failure(pytester: pytest.Pytester, tmp_path: Path) -> None:
    known = tmp_path / "known.txt"
    known.write_text("toy/wrong: the number is spelled out\ntoy/absent: nobody needs it\n")
    result = run(pytester, "-rx", "--luasocket-known", str(known))
    result.assert_outcomes(passed=1, xfailed=2, skipped=1)
    result.stdout.fnmatch_lines(["XFAIL *toy/wrong* the number is spelled out"])
    assert result.ret == pytest.ExitCode.OK


@pytest.mark.usefixtures("toy")
def test_a_known_deviation_that_is_gone_is_a_failure(pytester: pytest.Pytester, tmp_path: Path) -> None:
    known = tmp_path / "known.txt"
    known.write_text("toy/right: it was wrong once\n")
    result = run(pytester, "--luasocket-known", str(known), "-k", "right")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["unexpected pass: remove *known.txt:1"])


@pytest.mark.usefixtures("toy")
def test_a_port_passes_with_its_quirks(pytester: pytest.Pytester, tmp_path: Path) -> None:
    quirks = tmp_path / "quirks.yaml"
    quirks.write_text(
        "quirks:\n  - id: words\n    says: Numbers are words.\n    why: https://example.org/1\n    on: [socket.two]\n"
        "    expected: {returns: [2, null]}\n    returned: {returns: [two]}\n"
    )
    report = tmp_path / "report.xml"
    options = ["--luasocket-quirks", str(quirks), "-k", "wrong or right", f"--junitxml={report}"]
    run(pytester, *options).assert_outcomes(passed=2)
    properties = [(node.get("name"), node.get("value")) for node in ET.parse(report).iter("property")]
    assert ("verdict", "passed with quirks") in properties
    assert ("quirks", "words") in properties
    quirks.write_text(quirks.read_text().replace("socket.two", "socket.six"))
    result = run(pytester, *options)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*quirks.yaml:2: The quirk `words` concerns no function that a behaviour calls*"])


@pytest.mark.usefixtures("toy")
def test_a_flaky_behaviour_passes_or_is_an_expected_failure(pytester: pytest.Pytester, tmp_path: Path) -> None:
    flaky = tmp_path / "flaky.txt"
    flaky.write_text("toy/wrong: now and then\ntoy/right: now and then\n")
    result = run(pytester, "-rx", "--luasocket-flaky", str(flaky), "-k", "wrong or right")
    result.assert_outcomes(passed=1, xfailed=1)
    result.stdout.fnmatch_lines(["XFAIL *toy/wrong* now and then"])


@pytest.mark.usefixtures("toy")
def test_known_deviations_that_name_nothing_are_an_error(pytester: pytest.Pytester, tmp_path: Path) -> None:
    known = tmp_path / "known.txt"
    known.write_text("toy/nonsense: it is not there\n")
    result = run(pytester, "--luasocket-known", str(known))
    result.stdout.fnmatch_lines(["*known.txt:1: no behaviour matches toy/nonsense*"])
    assert result.ret == pytest.ExitCode.INTERRUPTED


def test_exploring_is_one_item_for_each_profile(pytester: pytest.Pytester) -> None:
    pytest.importorskip("hypothesis")
    result = run(pytester, "--luasocket-port", "reference", "--luasocket-explore", "150", "-k", "explore", "-v")
    assert result.parseoutcomes()["passed"] == 4
    result.stdout.fnmatch_lines([f"*::explore/{name}*PASSED*" for name in ("everything", "tcp", "udp", "module")])


@pytest.mark.usefixtures("toy")
def test_an_unknown_port_is_wrong_usage(pytester: pytest.Pytester) -> None:
    result = run(pytester, "--luasocket-port", "typo")
    result.stderr.fnmatch_lines(["ERROR: --luasocket-port: There is no port 'typo'. The ports are: toy."])
    assert result.ret == pytest.ExitCode.USAGE_ERROR


@pytest.mark.usefixtures("toy")
def test_a_port_that_cannot_be_run_is_one_error_with_its_sentence(pytester: pytest.Pytester) -> None:
    result = run(pytester, "--luasocket-port", "closed")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["closed: it is closed on Sundays. Come back tomorrow."])
    result.stdout.no_fnmatch_line("*Traceback*")


@pytest.mark.usefixtures("toy")
def test_selecting_nothing_is_an_error(pytester: pytest.Pytester) -> None:
    assert run(pytester, "-k", "nonsense").ret == pytest.ExitCode.NO_TESTS_COLLECTED


@pytest.mark.usefixtures("toy")
def test_elsewhere_the_plugin_collects_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(): pass")
    pytester.runpytest_inprocess().assert_outcomes(passed=1)


def test_the_plugin_costs_nothing_where_the_suite_is_not_named(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        "import sys\n"
        "def test_it():\n"
        "    late = {'luasocket_spec', 'luasocket_runners', 'luasocket_conformance.suite'}\n"
        "    assert not late & set(sys.modules)\n"
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)


# -- workers


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The ids of what engines play; afterwards, no thread of theirs may be left."""
    ids: list[str] = []
    run_behaviour = Engine.run

    def noted(engine: Engine, behaviour: Behaviour) -> Result:
        ids.append(behaviour.id)
        return run_behaviour(engine, behaviour)

    monkeypatch.setattr(Engine, "run", noted)
    threads = set(threading.enumerate())
    yield ids
    assert set(threading.enumerate()) <= threads


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize("workers", ["1", "3"])
def test_only_selected_behaviours_run(pytester: pytest.Pytester, played: list[str], workers: str) -> None:
    run(pytester, "--luasocket-workers", workers, "-k", "right or absent").assert_outcomes(passed=1, failed=1)
    assert sorted(set(played)) == ["toy/absent", "toy/right"]


@pytest.mark.usefixtures("toy")
def test_collecting_runs_no_behaviour(pytester: pytest.Pytester, played: list[str]) -> None:
    run(pytester, "--collect-only", "-q")
    assert played == []


@pytest.mark.usefixtures("toy", "played")
def test_exitfirst_ends_the_run(pytester: pytest.Pytester) -> None:
    run(pytester, "-x").assert_outcomes(passed=1, failed=1)


@pytest.mark.usefixtures("toy", "played")
def test_an_interrupt_leaves_nothing_behind(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(interrupting="def pytest_runtest_logreport(report):\n    raise KeyboardInterrupt\n")
    pytester.syspathinsert()
    result = pytester.runpytest_inprocess(
        *("--pyargs", "luasocket_conformance", "-p", "no:cacheprovider", "-p", "interrupting"), no_reraise_ctrlc=True
    )
    assert result.ret == pytest.ExitCode.INTERRUPTED


@pytest.mark.usefixtures("toy")
def test_a_behaviour_that_fails_beside_others_is_rerun_alone(pytester: pytest.Pytester, played: list[str]) -> None:
    run(pytester, "--luasocket-workers", "2", "-k", "wrong or right").assert_outcomes(passed=1, failed=1)
    assert sorted(played) == ["toy/right", "toy/wrong", "toy/wrong"]


@pytest.mark.usefixtures("toy")
def test_a_duration_is_that_of_the_behaviour(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run_behaviour = Engine.run
    monkeypatch.setattr(Engine, "run", lambda *given: replace(run_behaviour(*given), duration=1234.5))
    report = tmp_path / "report.xml"
    run(pytester, "-k", "right", f"--junitxml={report}", "-o", "junit_duration_report=call")
    assert [case.get("time") for case in ET.parse(report).iter("testcase")] == ["1234.500"]


@pytest.mark.parametrize("wrong", ["0", "-1", "two", "1.5"])
def test_workers_are_a_positive_integer(pytester: pytest.Pytester, wrong: str) -> None:
    result = run(pytester, f"--luasocket-workers={wrong}")
    result.stderr.fnmatch_lines([f"*--luasocket-workers: '{wrong}' is not a positive integer"])
    assert result.ret == pytest.ExitCode.USAGE_ERROR


def test_the_real_specification_runs_in_several_processes(pytester: pytest.Pytester, tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    result = pytester.runpytest_subprocess(
        "--pyargs", "luasocket_conformance", "-n", "2", "-k", "tcp/close", f"--junitxml={report}", "-rA"
    )
    outcomes = result.parseoutcomes()
    assert outcomes.keys() <= {"passed", "skipped"}, outcomes
    assert outcomes["passed"] > 1
    properties = {node.get("name") for node in ET.parse(report).iter("property")}
    assert {"behaviour", "verdict", "at"} <= properties


KILLING = """
import os, pathlib, signal
def pytest_runtest_call(item):
    mark = pathlib.Path({mark!r})
    if item.name.startswith("tcp/close/") and ({always} or not mark.exists()):
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("distribution", ["load", "worksteal"])
def test_a_behaviour_whose_process_was_killed_runs_in_another(
    pytester: pytest.Pytester, tmp_path: Path, distribution: str
) -> None:
    pytester.makepyfile(killing=KILLING.format(mark=str(tmp_path / "killed"), always=False))
    pytester.syspathinsert()
    result = pytester.runpytest_subprocess(
        *("--pyargs", "luasocket_conformance", "-n", "2", "-p", "killing", "-k", "tcp/close or module/skip"),
        f"--dist={distribution}",
    )
    assert (tmp_path / "killed").exists()
    assert result.ret == pytest.ExitCode.OK
    outcomes = result.parseoutcomes()
    assert outcomes.pop("rerun") == 1
    assert outcomes.keys() <= {"passed", "skipped"}, outcomes


@pytest.mark.parametrize("distribution", ["load", "loadscope"])
def test_a_behaviour_that_has_no_verdict_has_a_status_of_its_own(
    pytester: pytest.Pytester, tmp_path: Path, distribution: str
) -> None:
    """With ``loadscope``, xdist cannot run one again."""
    pytester.makepyfile(killing=KILLING.format(mark=str(tmp_path / "killed"), always=True))
    pytester.syspathinsert()
    result = pytester.runpytest_subprocess(
        *("--pyargs", "luasocket_conformance", "-n", "1", "-p", "killing", "-k", "tcp/close/again"),
        f"--dist={distribution}",
    )
    assert result.ret == LOST
    result.stdout.fnmatch_lines(["no verdict: the process of pytest-xdist that ran it was killed*says nothing about*"])
