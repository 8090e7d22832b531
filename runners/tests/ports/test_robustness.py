"""Whatever an adapter does, it is that behaviour's result, in a sentence; the run goes on; nothing is left."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from luasocket_runners.engine import Engine
from luasocket_runners.ports import PortUnavailable
from luasocket_runners.ports.process import CommandPort
from luasocket_runners.result import Result, Verdict
from luasocket_spec.model import Behaviour, Call, Expectation, PathTarget, Reading, Returns, Source, Takes

pytestmark = pytest.mark.usefixtures("nothing_left")

BAD_PORT = Path(__file__).with_name("bad_port.py")


def behaviour(name: str) -> Behaviour:
    """Return the behaviour that ``socket.NAME()`` returns 1."""
    source = Source(BAD_PORT.name, 1)
    step = Call(
        PathTarget(f"socket.{name}"), (), Expectation(((Reading(), Returns((1,))),)), (), Takes(), (), source,
    )  # fmt: skip
    return Behaviour(
        id=f"test/{name}", about="", says="", hint=None, cites=(), authority="observed",
        dialects=("defold", "luasocket-3"), needs=(), given=(), functions={}, disagrees=None, steps=(step,),
        source=source,
    )  # fmt: skip


def bad_port(mode: str) -> CommandPort:
    return CommandPort("bad", [sys.executable, str(BAD_PORT), mode])


def play(mode: str, deadline: float = 30.0) -> Result:
    """Play a behaviour that the port spoils between two that it does not; return the spoilt one's result."""
    with Engine(bad_port(mode)) as engine:
        assert engine.play(behaviour("good")).verdict is Verdict.PASSED
        engine.deadline = deadline
        result = engine.play(behaviour("bad"))
        engine.deadline = 30.0
        assert engine.play(behaviour("good")).verdict is Verdict.PASSED
    return result


@pytest.mark.parametrize(
    ("mode", "sentences"),
    [
        ("exit", ["The port died: it exited with status 7.", 'Its last words: "I give up".']),
        ("crash", ["The port died: it was killed by signal 11 (SIGSEGV)."]),
        ("die in a message", ["exited with status 1", r'Its last message was not complete: "{\"id\":".']),
        ("garbage", ["a line that is not JSON", r'"lua: \x1b[31mwarning"']),
        ("no object", ['not a JSON object: "[1]"']),
        ("not UTF-8", ["a line that is not UTF-8", r"\xff\xfe"]),
        ("NaN", ["NaN is not JSON"]),
        ("deep", ["not JSON"]),
        ("long line", ["a line of more than 67108864 bytes", '"xxxx']),
        ("another", ["answer to request 10"]),
        ("close", ["closed its standard output, but it lives on"]),
        ("child keeps the pipe", ["The port died: it exited with status 3."]),
    ],
)
def test_the_misbehaviour_is_told(mode: str, sentences: list[str]) -> None:
    result = play(mode)
    assert result.verdict is Verdict.FAILED
    for sentence in sentences:
        assert sentence in result.reason


@pytest.mark.parametrize("mode", ["hang", "late", "garbage without an end"])
def test_a_port_that_does_not_answer_in_time_hangs(mode: str) -> None:
    result = play(mode, deadline=0.3)
    assert result.verdict is Verdict.FAILED
    assert "hangs" in result.reason


@pytest.mark.parametrize("mode", ["flood of errors", "leaks", "ignores the end", "child ignores the end"])
def test_what_breaks_no_rule_of_the_protocol_does_not_fail(mode: str) -> None:
    assert play(mode, deadline=30.0).verdict is Verdict.PASSED


@pytest.mark.parametrize("mode", ["leaks and tells", "leaks and faults", "leaks and hides it", "leaks and dies"])
def test_a_port_that_leaks_every_socket_does_not_ruin_the_rest(mode: str, groups: list[int]) -> None:
    """Neither ``release`` nor ``reset`` closes anything; every third call would find no descriptor left."""
    with Engine(bad_port(mode)) as engine:
        results = [engine.play(behaviour("good")) for _ in range(20)]
    assert {result.verdict for result in results} == {Verdict.PASSED}
    notes = [result.note for result in results if result.note]
    assert len(notes) == len(groups) - 1
    assert 5 < len(notes) < len(results) / 2
    sentence = r"the port h(eld|ad) .*: it was started anew, and the behaviour played again"
    assert all(re.fullmatch(sentence, note) for note in notes)


@pytest.mark.parametrize("mode", ["twice", "flood of messages"])
def test_an_answer_too_many_does_no_harm_to_others(mode: str) -> None:
    """The first answer is right; the second shows when the port is reset, and it is started again."""
    assert play(mode).verdict is Verdict.PASSED


@pytest.mark.parametrize(
    ("mode", "sentence"), [("die at start", "no licence"), ("garbage at start", "Welcome to Lua!")]
)
def test_a_port_that_never_starts_is_unavailable(mode: str, sentence: str) -> None:
    with pytest.raises(PortUnavailable, match=sentence), Engine(bad_port(mode)):
        pass
