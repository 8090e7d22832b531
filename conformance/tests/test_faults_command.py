"""The specification detects every faulty port, and the command reports those that survive."""

import os
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any

import luasocket_spec
import pytest
from luasocket_conformance.faults import FAULTY_PORTS, FaultyPort, command
from luasocket_conformance.faults import judge as judging
from luasocket_conformance.faults.mechanism import Original
from luasocket_runners.cli.failure import CommandFailed
from luasocket_spec.model import Spec

SUBJECTS = sorted({faulty.subject for faulty in FAULTY_PORTS})


@pytest.mark.parametrize("subject", SUBJECTS)
def test_faulty_ports_are_detected(subject: str) -> None:
    chosen = [faulty for faulty in FAULTY_PORTS if faulty.subject == subject]
    judgements = judging.judge_all(chosen, luasocket_spec.load())
    assert {one.faulty.name: one.survived for one in judgements if one.survived} == {}
    assert {one.faulty.name: one.errors for one in judgements if one.errors} == {}


def test_every_statement_is_violated_by_a_faulty_port() -> None:
    assert judging.without_fault(luasocket_spec.load(), FAULTY_PORTS) == []


def test_every_subject_detects_a_faulty_port() -> None:
    assert judging.subjects_without_fault(luasocket_spec.load(), FAULTY_PORTS) == []


def no_mistake(original: Original, *args: Any) -> tuple[Any, ...]:
    """Do as the reference does."""
    return original(*args)


def nothing(_original: Original, *_args: Any) -> tuple[Any, ...]:
    """Do nothing."""
    return ()


def port(mistake: Any, **more: Any) -> FaultyPort:
    """Return a port with a mistake in ``sleep``."""
    return FaultyPort("sleepless", "It is.", ("socket.sleep",), mistake, subject="module", **more)


def test_a_port_without_a_mistake_survives() -> None:
    faulty = port(no_mistake, detected_by=("module",), violates=("sleep/*",))
    judgement = judging.judge(faulty, luasocket_spec.load())
    assert judgement.survived == ("module", "sleep/freezes", "sleep/seconds")
    assert not judgement.failures


def test_a_failure_elsewhere_is_unexpected() -> None:
    spec = luasocket_spec.load()
    elsewhere = (
        "sequences/short-sleep", "errors/argument-of-a-function/sleep", "numerals/no-numeral-for-the-module/sleep-*",
    )  # fmt: skip
    sleepless = port(nothing, violates=("sleep/*",), also_fails=elsewhere)
    judgement = judging.judge(sleepless, spec, thoroughly=True)
    assert not judgement.survived
    assert not judgement.unexpected
    judgement = judging.judge(port(nothing, detected_by=("select",), also_fails=elsewhere), spec, thoroughly=True)
    assert "module/sleep-freezes" in judgement.unexpected
    sleepless = port(nothing, detected_by=("select",), also_fails=("module", *elsewhere))
    assert not judging.judge(sleepless, spec, thoroughly=True).unexpected


@pytest.mark.parametrize("names", [{"detected_by": ("modul",)}, {"violates": ("sleep/never",)}])
def test_a_name_that_does_not_exist(names: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(ValueError, match="sleepless: "):
        judging.judge(port(nothing, **names), luasocket_spec.load())


def test_an_exception_of_the_mistake_is_reported() -> None:
    judgement = judging.judge(port(lambda _original, *_args: 1 // 0, violates=("sleep/*",)), luasocket_spec.load())
    assert "ZeroDivisionError" in judgement.errors[0]


def test_a_surprise_beside_other_ports_is_judged_again_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[str] = []
    ports = [replace(port(nothing, detected_by=("module",)), name=name) for name in ("calm", "shaken", "broken")]

    def judge(faulty: FaultyPort, _spec: Spec, *, thoroughly: bool) -> judging.Judgement:
        assert thoroughly
        judged.append(faulty.name)
        shaken = faulty.name == "broken" or (faulty.name == "shaken" and judged.count("shaken") == 1)
        return judging.Judgement(faulty, (), (), unexpected=("tcp/create/returns",) if shaken else ())

    monkeypatch.setattr(judging, "judge", judge)
    judgements = judging.judge_all(ports, luasocket_spec.load(), thoroughly=True)
    assert [(one.faulty.name, bool(one.unexpected)) for one in judgements] == [
        ("calm", False), ("shaken", False), ("broken", True),
    ]  # fmt: skip
    assert sorted(judged[:3]) == ["broken", "calm", "shaken"]
    assert judged[3:] == ["shaken", "broken"]


def run(
    *selectors: str,
    spec: Path | None = None,
    covers: str | None = None,
    explore: bool = False,
    calls: int | None = None,
    sample: int | None = None,
) -> int:
    """Run the command."""
    options = {"all": False, "covers": covers, "explore": explore, "calls": calls, "sample": sample, "seed": None}
    return command.main(Namespace(spec=spec, selectors=list(selectors), **options))


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("module/sleep-returns-*", "except/newtry-returns-nothing") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["subject", "detected", "total"]
    assert lines[1].split() == ["except", "1", "1"]
    assert lines[2].split() == ["module", "2", "2"]
    assert lines[3] == "3 of 3 faulty ports are detected (100.0 %)"


def test_the_command_prints_survivors(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "FAULTY_PORTS", (port(no_mistake, violates=("sleep/*",)),))
    assert run() == 1
    out = capsys.readouterr().out
    assert "module/sleepless: It is.\n  survived: sleep/freezes\n  survived: sleep/seconds\n" in out
    assert "no faulty port violates gettime/seconds" in out
    assert "no faulty port is detected by tcp/send" in out


def test_the_command_with_a_name_that_does_not_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("nothing") == 2
    assert "no faulty port matches nothing" in capsys.readouterr().err


def test_the_command_with_a_broken_spec(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="There are no behaviours"):
        run(spec=tmp_path)


def test_the_faults_of_a_statement(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(covers="sleep/freezes") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "sleep/freezes"
    assert "  module/sleep-returns-at-once: It does not wait." in lines
    assert "    in faults/module.py" in lines


def test_the_faults_of_a_statement_that_does_not_exist(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(covers="sleep/never") == 2
    assert "no statement matches sleep/never" in capsys.readouterr().err


def test_exploring_faulty_ports(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("hypothesis")
    # a wrong result of every call, a function that is missing, and a duration, which no random program measures
    two = ("udp/names/udp-getsockname-returns-two-results", "select/select-is-absent")
    assert run(*two, "select/select-drops-the-fraction", explore=True, calls=1200, sample=5) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "2 of 3 faulty ports are detected (66.7 %)" in lines
    assert "by exploring, with seed 0:" in lines
    assert "  within 1200 calls: 2" in lines
    assert lines[-2] == "without a difference:"
    assert lines[-1].startswith("  select/select-drops-the-fraction: ")


def test_a_mistake_that_breaks_the_process_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("hypothesis")
    from luasocket_conformance.faults import exploring

    monkeypatch.setattr(exploring, "_explore", os._exit)
    (exploration,) = exploring.explore_all([port(no_mistake)], 100, 0)
    assert exploration.seen == "the process ended"
    assert exploration.detected


def test_a_sample_is_drawn_from_what_is_selected(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("hypothesis")
    assert run("tcp/send", explore=True, calls=50, sample=2) == 0
    assert " of 2 faulty ports are detected" in capsys.readouterr().out
