"""Misbehaving adapters: each fails one behaviour with a sentence, the run goes on, and no process is left."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from luasocket_runners.engine.engine import Engine
from luasocket_runners.ports import PortGone, PortUnavailable
from luasocket_runners.ports.process import CommandPort, ProcessConnection
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
        id=f"test/{name}", about="", says="", hint=None, covers=(), authority="observed",
        dialects=("defold", "luasocket-3"), needs=(), given=(), functions={}, disagrees=None, steps=(step,),
        source=source,
    )  # fmt: skip


def bad_port(mode: str) -> CommandPort:
    return CommandPort("bad", [sys.executable, str(BAD_PORT), mode])


def play(mode: str, deadline: float = 30.0) -> Result:
    """Play a behaviour that the port spoils between two that it does not; return the spoilt one's result."""
    with Engine(bad_port(mode)) as engine:
        assert engine.run(behaviour("good")).verdict is Verdict.PASSED
        engine.process.deadline = deadline
        result = engine.run(behaviour("bad"))
        engine.process.deadline = 30.0
        assert engine.run(behaviour("good")).verdict is Verdict.PASSED
    return result


@pytest.mark.parametrize(
    ("mode", "sentences"),
    [
        ("exit", ["The port died: it exited with status 7.", 'Its last words: "I give up".']),
        ("error with a traceback", ['Its last words: "lua: main.lua:3: oops".']),
        ("crash", ["The port died: it was killed by signal 11 (SIGSEGV)."]),
        ("die in a message", ["exited with status 1", r'Its last message was not complete: "{\"id\":".']),
        ("garbage", ["a line that is not JSON", r'"lua: \x1b[31mwarning"']),
        ("no object", ['not a JSON object: "[1]"']),
        ("not UTF-8", ["a line that is not UTF-8", r"\xff\xfe"]),
        ("NaN", ["NaN is not JSON"]),
        ("deep", ["not JSON"]),
        ("long line", ["a line of more than 67108864 bytes", '"xxxx']),
        ("repetitions", ["repetitions exceed 67108864 bytes in one message"]),
        ("many values", ["a line of more than 200000 values"]),
        ("many commas", ["instead of the number 1"]),
        ("another", ["reply to request 10"]),
        ("close", ["closed its standard output, but it lives on"]),
        ("child keeps the pipe", ["The port died: it exited with status 3."]),
    ],
)
def test_the_misbehaviour_is_reported(mode: str, sentences: list[str]) -> None:
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
def test_unusual_replies_that_the_protocol_allows_do_not_fail(mode: str) -> None:
    assert play(mode, deadline=30.0).verdict is Verdict.PASSED


def test_a_leak_is_the_failure_of_the_behaviour_that_leaked() -> None:
    result = play("collects garbage and leaks")
    assert (result.verdict, result.call) == (Verdict.FAILED, "")
    assert result.reason == "2 descriptors stay open in the port's process each time the behaviour runs"


def test_descriptors_that_a_runtime_opens_once_are_no_leak() -> None:
    assert play("opens once and collects garbage").verdict is Verdict.PASSED


def test_a_behaviour_may_declare_that_descriptors_stay_open() -> None:
    with Engine(bad_port("collects garbage and leaks")) as engine:
        allowed = replace(behaviour("bad"), leaks=True)
        assert engine.run(allowed).verdict is Verdict.PASSED
        assert engine.run(behaviour("good")).verdict is Verdict.PASSED


def test_descriptors_of_a_behaviour_are_not_those_of_one_that_is_skipped_after_it() -> None:
    with Engine(bad_port("collects garbage and leaks")) as engine:
        assert engine.run(replace(behaviour("bad"), leaks=True)).verdict is Verdict.PASSED
        assert engine.run(replace(behaviour("good"), needs=("subtypes",))).verdict is Verdict.SKIPPED


@pytest.mark.parametrize("mode", ["leaks and tells", "leaks and faults", "leaks and hides it", "leaks and dies"])
def test_a_port_that_leaks_every_socket_does_not_ruin_the_rest(
    mode: str, groups: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither ``release`` nor ``reset`` closes anything; every third call would find no descriptor left."""
    # a coverage that is measured in the adapter would need a descriptor at its end, and have the last words
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    with Engine(bad_port(mode)) as engine:
        results = [engine.run(behaviour("good")) for _ in range(20)]
    assert {result.verdict for result in results} == {Verdict.PASSED}
    notes = [result.note for result in results if result.note]
    assert len(notes) == len(groups) - 1
    assert 5 < len(notes) < len(results) / 2
    sentence = r"the port had .*: it was restarted, and the behaviour rerun"
    assert all(re.fullmatch(sentence, note) for note in notes)


@pytest.mark.parametrize(
    ("mode", "sentence"),
    [
        ("twice", "a second reply to request 4, while request 5 is in progress (`reset` after the last step)"),
        (
            "flood of messages",
            "a second reply to request 4, while request 5 is in progress (`reset` after the last step)",
        ),
        ("garbage later", "after the last step: The port wrote a line that is not JSON"),
        ("exit later", "after the last step: The port died: it exited with status 7."),
        ("exit at reset", "after the last step: The port died: it exited with status 7."),
        ("garbage at reset", "after the last step: The port wrote a line that is not JSON"),
        ("raise at reset", "it replied to `reset` after the last step with {'id': 5, 'raises': 'oops'}"),
        ("values at reset", "`reset` after the last step with {'id': 5, 'returns': [1, 'closed']} instead of an empty"),
        ("no list at reset", "`reset` after the last step with {'id': 5, 'returns': None} instead of an empty list"),
        ("twice at reset", "a second reply to request 5, after the last step"),
    ],
)
def test_a_problem_after_the_last_step_is_a_failure(mode: str, sentence: str) -> None:
    result = play(mode)
    assert result.verdict is Verdict.FAILED
    assert sentence in result.reason
    assert (result.call, result.at, result.expected) == ("", "", None)


def test_a_hang_after_the_last_step_is_a_failure() -> None:
    result = play("hang at reset", deadline=2.0)
    assert (result.verdict, result.hung) == (Verdict.FAILED, True)
    assert result.reason == "the port hangs: it did not reply to `reset` after the last step within 2 s"


def test_a_fault_after_the_last_step_is_no_failure_of_the_port() -> None:
    result = play("fault at reset")
    reason = "the adapter reported a fault at `reset` after the last step: an object is missing"
    assert (result.verdict, result.reason) == (Verdict.ERRORED, reason)


def test_a_request_that_the_adapter_cannot_read_is_no_failure_of_the_port() -> None:
    result = play("unreadable")
    reason = "the adapter could not read a request: this is not a message"
    assert (result.verdict, result.reason) == (Verdict.ERRORED, reason)


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("exit after reset", "The port died: it exited with status 7."),
        ("stray message after reset", "the adapter broke the protocol: a second reply to request 3, while request 4"),
    ],
)
def test_a_problem_of_an_earlier_behaviour_is_not_the_result_of_a_later_one(mode: str, reason: str) -> None:
    with Engine(bad_port(mode)) as engine:
        assert engine.run(behaviour("bad")).verdict is Verdict.PASSED
        later = engine.run(behaviour("good"))
    assert later.verdict is Verdict.PASSED
    note = "the port was restarted, and the behaviour rerun, because before its first reply: "
    assert later.note.startswith(note + reason)


@pytest.mark.parametrize(
    ("mode", "sentence"), [("die at start", "no licence"), ("garbage at start", "Welcome to Lua!")]
)
def test_a_port_that_never_starts_is_unavailable(mode: str, sentence: str) -> None:
    with pytest.raises(PortUnavailable, match=sentence), Engine(bad_port(mode)):
        pass


def test_a_port_that_closes_its_input_is_named_as_such() -> None:
    """The request after the close cannot be read, so no reply will come."""
    connection = bad_port("close the input").open(None)
    try:
        connection.post({"id": 1, "op": "call", "target": "socket.bad", "args": []})
        with pytest.raises(PortGone, match=r"^The port closed its standard input, but it lives on\."):  # noqa: PT012
            while connection.wait(0.05) is None:
                connection.post({"id": 2, "op": "describe", "protocol": 1})
    finally:
        connection.close()


def test_a_message_without_a_line_feed_can_be_shown() -> None:
    connection = bad_port("no line feed").open(None)
    try:
        connection.post({"id": 1, "op": "call", "target": "socket.bad", "args": []})
        while not connection.unfinished:
            assert connection.wait(0.05) is None
        assert connection.unfinished == r'"{\"id\": 1, \"returns\": [1]}"'
    finally:
        connection.close()


@pytest.mark.parametrize("mode", ["child in a session of its own", "grandchild without a parent"])
def test_processes_that_leave_the_group_are_ended(
    mode: str, carriers_become: Callable[[str, int], bool], is_extinct: Callable[[str], bool]
) -> None:
    connection = bad_port(mode).open(None)
    try:
        assert isinstance(connection, ProcessConnection)
        token = connection.token
        connection.post({"id": 1, "op": "call", "target": "socket.bad", "args": []})
        assert connection.wait(60) == {"id": 1, "returns": [1]}
        assert carriers_become(token, 2)
    finally:
        connection.close()
    assert is_extinct(token)
