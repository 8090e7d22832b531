"""The specification tells every wrong port from the right one; and what it tells of strength is so."""

from argparse import Namespace
from typing import Any

import luasocket_spec
import pytest
from luasocket_conformance import strength
from luasocket_conformance.wrong import WRONG_PORTS, Right, WrongPort
from luasocket_conformance.wrong.mechanism import CATALOGUE

SUBJECTS = sorted({wrong.subject for wrong in WRONG_PORTS})


@pytest.mark.parametrize("subject", SUBJECTS)
def test_wrong_ports_are_caught(subject: str) -> None:
    chosen = [wrong for wrong in WRONG_PORTS if wrong.subject == subject]
    judgements = strength.noticed_by(chosen, luasocket_spec.load())
    assert {one.wrong.name: one.missed for one in judgements if one.missed} == {}
    assert {one.wrong.name: one.broken for one in judgements if one.broken} == {}


def test_every_statement_is_violated_by_a_wrong_port() -> None:
    assert strength.uncovered(luasocket_spec.load(), WRONG_PORTS) == []


def test_every_subject_tells_a_wrong_port() -> None:
    assert strength.untold(luasocket_spec.load(), WRONG_PORTS) == []


def right(right: Right, *args: Any) -> tuple[Any, ...]:
    return right(*args)


def nothing(_right: Right, *_args: Any) -> tuple[Any, ...]:
    return ()


def port(mistake: Any, **more: Any) -> WrongPort:
    return WrongPort("sleepless", "It is.", ("socket.sleep",), mistake, subject="module", **more)


def test_what_is_no_mistake_gets_away() -> None:
    judgement = strength.judge(port(right, caught_by=("module",), violates=("sleep/*",)), luasocket_spec.load())
    assert judgement.missed == ("module", "sleep/freezes", "sleep/seconds")
    assert not judgement.noticed


def test_a_mistake_that_shows_elsewhere_is_astray() -> None:
    spec = luasocket_spec.load()
    judgement = strength.judge(port(nothing, violates=("sleep/*",)), spec, thoroughly=True)
    assert not judgement.missed
    assert not judgement.astray
    judgement = strength.judge(port(nothing, caught_by=("select",)), spec, thoroughly=True)
    assert "module/sleep-freezes" in judgement.astray
    judgement = strength.judge(port(nothing, caught_by=("select",), also=("module",)), spec, thoroughly=True)
    assert not judgement.astray


@pytest.mark.parametrize("names", [{"caught_by": ("modul",)}, {"violates": ("sleep/never",)}])
def test_a_name_that_is_not_there(names: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(ValueError, match="sleepless: "):
        strength.judge(port(nothing, **names), luasocket_spec.load())


def test_a_mistake_that_breaks_itself_is_told() -> None:
    judgement = strength.judge(port(lambda _right, *_args: 1 // 0, violates=("sleep/*",)), luasocket_spec.load())
    assert "ZeroDivisionError" in judgement.broken[0]


def run(*selectors: str) -> int:
    return strength.main(Namespace(spec=None, selectors=list(selectors), all=False))


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("module/sleep-returns-*", "exceptions/newtry-returns-nothing") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["exceptions", "1", "1"]
    assert lines[2].split() == ["module", "2", "2"]
    assert lines[3] == "3 of 3 wrong ports are caught (100.0 %)"


def test_the_command_tells_what_got_away(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strength, "WRONG_PORTS", (port(right, violates=("sleep/*",)),))
    assert run() == 1
    out = capsys.readouterr().out
    assert "module/sleepless: It is.\n  got away: sleep/freezes\n  got away: sleep/seconds\n" in out
    assert "no wrong port violates gettime/seconds" in out
    assert "no wrong port is told by tcp/send" in out


def test_the_command_with_a_name_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("nothing") == 2
    assert "no wrong port is named by nothing" in capsys.readouterr().err


def test_names_are_unique() -> None:
    assert len(CATALOGUE) == len(WRONG_PORTS)
