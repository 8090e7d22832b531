"""The engine on ports of a few lines: what a port does is that behaviour's result, and the next one is played."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from luasocket_runners import peers
from luasocket_runners.engine import CHANCES, Engine
from luasocket_runners.ports import Connection, Port, PortGone, PortUnavailable
from luasocket_runners.ports.inprocess import PythonPort
from luasocket_runners.ports.process import CommandPort
from luasocket_runners.result import Result, Verdict
from luasocket_spec.model import Behaviour

pytestmark = pytest.mark.usefixtures("nothing_left")

Behaviours = Callable[[str], list[Behaviour]]
MakePort = Callable[..., PythonPort]

BAD_PORT = Path(__file__).with_name("ports") / "bad_port.py"

#: Seconds after which a call counts as hanging, where one does.
SHORT = 0.3


class Answers(Connection):
    """A port that answers each call with what a list says, one list of messages a call."""

    def __init__(self, script: list[list[Any]], description: dict[str, Any]) -> None:
        self._script = script
        self._description = description
        self._waiting: list[Any] = []
        self.closed = False

    def post(self, message: dict[str, Any]) -> None:
        number = message.get("id")
        if message.get("op") == "describe":
            self._waiting.append({"id": number, "protocol": 1, "name": "script", **self._description})
        elif message.get("op") == "reset":
            self._waiting.append({"id": number, "returns": []})
        elif "id" in message:
            for answer in self._script.pop(0):
                self._waiting.append({"id": number, **answer} if isinstance(answer, dict) else answer)

    def wait(self, timeout: float) -> dict[str, Any] | None:
        if not self._waiting:
            time.sleep(min(timeout, SHORT))
            return None
        answer = self._waiting.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)

    def close(self) -> None:
        self.closed = True

    @property
    def stderr_tail(self) -> str:
        return "its last words"


class Scripted(Port):
    """Opens connections that answer from one script."""

    name = "scripted"

    def __init__(self, *script: list[Any], **description: Any) -> None:
        self._script = list(script)
        self._description = description
        self.connections: list[Answers] = []

    def open(self, dialect: str | None) -> Connection:  # noqa: ARG002
        self.connections.append(Answers(self._script, self._description))
        return self.connections[-1]


ONE = "  - {id: one, SO, steps: [{call: socket.one, returns: [1]}]}\n"


def told(result: Result) -> tuple[Verdict, str]:
    return result.verdict, result.reason


@pytest.mark.parametrize(
    ("answer", "verdict", "sentence"),
    [
        ({"id": 77, "returns": [1]}, Verdict.FAILED, "an answer to request 77, while 2 is under way"),
        ({"id": "\x1b[2J" * 100, "returns": []}, Verdict.FAILED, r"an answer to request '\x1b[2J\x1b[2J"),
        ({"returns": 1}, Verdict.FAILED, "returns is no list"),
        ({"returns": [{"what": 1}]}, Verdict.FAILED, "{'what': 1} is no value of the protocol"),
        ({"returns": [{"handle": 1, "type": "\x1b[31m"}]}, Verdict.FAILED, r"'\x1b[31m'} is no value of the protocol"),
        ({"returns": [{"number": []}]}, Verdict.FAILED, "{'number': []} is no value of the protocol"),
        ({"returns": ["\u20ac"]}, Verdict.FAILED, r"a string holds the character '\u20ac', which is no byte"),
        ({"returns": [{"table": [[1]]}]}, Verdict.FAILED, "the entries of a table are no pairs"),
        ({"answer": 1}, Verdict.FAILED, "an answer with the keys ['answer', 'id']"),
        ({"callback": 1, "args": []}, Verdict.FAILED, "a callback of function 1, which was never handed over"),
        ({"callback": 1, "id": 5}, Verdict.FAILED, "a callback of request 5 while 2 is under way"),
        ({"fault": "no\x1b[0m idea"}, Verdict.ERRORED, r"the adapter could not do it: no\x1b[0m idea"),
        ({"missing": "socket.\x1b"}, Verdict.NOT_IMPLEMENTED, r"the port has no socket.\x1b"),
        (PortGone("It died."), Verdict.FAILED, "It died."),
    ],
)
def test_what_is_not_of_the_protocol_is_told(
    behaviours: Behaviours, answer: Any, verdict: Verdict, sentence: str
) -> None:
    (one,) = behaviours(ONE)
    port = Scripted([answer], [{"returns": [1]}])
    with Engine(port) as engine:
        result = engine.play(one)
        assert engine.play(one).verdict is Verdict.PASSED
    assert result.verdict is verdict
    assert sentence in result.reason
    assert result.reason.replace("…", "").isascii()
    assert result.reason.isprintable()
    assert len(result.reason) < 400
    fresh = verdict is not Verdict.NOT_IMPLEMENTED
    assert len(port.connections) == 1 + fresh
    assert result.printed == ("its last words" if fresh else "")
    assert all(connection.closed for connection in port.connections)


@pytest.mark.parametrize(
    ("field", "wanted", "answer", "verdict", "missing"),
    [
        ("x.getstats", "{type: function}", [None], Verdict.NOT_IMPLEMENTED, ":getstats"),
        ("x.getstats", "{type: function}", [], Verdict.NOT_IMPLEMENTED, ":getstats"),
        ("socket.udp4", "{type: function}", [None], Verdict.NOT_IMPLEMENTED, "socket.udp4"),
        ("x.getstats", "{type: function}", [1], Verdict.FAILED, None),
        ("socket._SETSIZE", "{type: number}", [None], Verdict.NOT_IMPLEMENTED, "socket._SETSIZE"),
        ("socket._SETSIZE", "{type: number}", [False], Verdict.FAILED, None),
        ("socket._SETSIZE", "{type: [nil, number]}", [None], Verdict.PASSED, None),
        ("x.class", "{type: string}", [None], Verdict.FAILED, None),
    ],
)
def test_a_method_that_is_looked_up_and_not_there_is_not_implemented(
    behaviours: Behaviours, field: str, wanted: str, answer: list[Any], verdict: Verdict, missing: str | None
) -> None:
    steps = f"{{call: socket.tcp, returns: [{{type: object}}], as: x}}, {{get: {field}, is: {wanted}}}"
    (one,) = behaviours(f"  - {{id: one, SO, steps: [{steps}]}}\n")
    port = Scripted([{"returns": [{"handle": 1, "type": "userdata"}]}], [{"returns": answer}])
    with Engine(port) as engine:
        result = engine.play(one)
    assert (result.verdict, result.missing) == (verdict, missing)


def test_tables_in_tables_do_not_exhaust_us(behaviours: Behaviours) -> None:
    (one,) = behaviours(ONE)
    deep: Any = 1
    for _ in range(400):
        deep = {"table": [[1, deep]]}
    with Engine(Scripted([{"returns": [deep]}])) as engine:
        assert "tables in one another" in engine.play(one).reason


@pytest.mark.parametrize("mode", ["exit", "garbage", "hang"])
def test_the_next_behaviour_has_a_fresh_port(behaviours: Behaviours, mode: str) -> None:
    bad, good = behaviours(
        "  - {id: bad, SO, steps: [{call: socket.bad, returns: [1]}]}\n"
        "  - {id: good, SO, steps: [{call: socket.good, returns: [1]}]}\n"
    )
    with Engine(CommandPort("bad", [sys.executable, str(BAD_PORT), mode])) as engine:
        engine.deadline = SHORT if mode == "hang" else 10.0
        first = engine.play(bad)
        engine.deadline = 10.0
        assert [first.verdict, engine.play(good).verdict] == [Verdict.FAILED, Verdict.PASSED]


def test_a_call_that_hangs(behaviours: Behaviours, toy: MakePort) -> None:
    slow, good = behaviours(
        "  - {id: slow, SO, steps: [{call: socket.slow, with: [a], returns: [1]}]}\n"
        "  - {id: good, SO, steps: [{call: socket.good, returns: [1]}]}\n"
    )

    def hang(_text: bytes) -> tuple[int]:
        end = time.monotonic() + 30
        while time.monotonic() < end:  # short sleeps: the thread can be ended in between
            time.sleep(0.01)
        return (1,)

    with Engine(toy(slow=hang, good=lambda: (1,)), deadline=SHORT) as engine:
        result = engine.play(slow)
        assert engine.play(good).verdict is Verdict.PASSED
    assert told(result) == (Verdict.FAILED, "it did not return within 0.3 s: the call hangs")
    assert (result.doing, result.expected) == ('socket.slow("a")', "1")


def test_a_call_that_calls_a_function_for_ever_hangs(behaviours: Behaviours, toy: MakePort) -> None:
    (forever,) = behaviours(
        "  - {id: forever, SO, functions: {f: {}}, steps: [{call: socket.forever, with: [$f], returns: [1]}]}\n"
    )

    def call_for_ever(function: Callable[[], tuple[Any, ...]]) -> tuple[int]:
        while True:
            function()

    with Engine(toy(forever=call_for_ever), deadline=SHORT) as engine:
        assert "the call hangs" in engine.play(forever).reason


def test_functions_that_call_one_another_for_ever_hang(behaviours: Behaviours, toy: MakePort) -> None:
    (forever,) = behaviours(
        """
  - id: forever
    SAYS
    functions: {f: {does: [{call: socket.apply, with: [$f], returns: []}]}}
    steps: [{call: socket.apply, with: [$f], returns: []}]
""".replace("SAYS", "says: S.\n    authority: observed")
    )

    def apply(function: Callable[[], tuple[Any, ...]]) -> tuple[Any, ...]:
        time.sleep(0.02)
        return function()

    with Engine(toy(apply=apply), deadline=SHORT) as engine:
        assert "the call hangs" in engine.play(forever).reason


def test_time_that_the_steps_ask_for_is_no_hang(behaviours: Behaviours, toy: MakePort) -> None:
    (slow,) = behaviours(
        "  - {id: slow, SO, steps: [{call: socket.slow, returns: [], takes: {at_least: 0.4}}]}\n"
    )

    def sleep() -> tuple[()]:
        time.sleep(0.45)
        return ()

    with Engine(toy(slow=sleep), deadline=SHORT) as engine:
        assert engine.play(slow).verdict is Verdict.PASSED


def test_what_is_late_has_another_chance(
    behaviours: Behaviours, toy: MakePort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Engine, "allowance", lambda self: 0.0)
    (quick,) = behaviours("  - {id: quick, SO, steps: [{call: socket.quick, returns: [], takes: {at_most: 0.05}}]}\n")
    delays: list[float] = []

    def sleep() -> tuple[()]:
        time.sleep(delays.pop())
        return ()

    with Engine(toy(quick=sleep)) as engine:
        delays[:] = [0.1] * CHANCES
        result = engine.play(quick)
        assert not delays
        delays[:] = [0.0, 0.1]
        assert engine.play(quick).verdict is Verdict.PASSED
    assert told(result) == (Verdict.FAILED, "it waited longer than it had to")
    assert (result.expected, (result.returned or "")[:8]) == ("within 0.05 s", "after 0.")


def test_an_error_of_ours_is_no_verdict_about_the_port(
    behaviours: Behaviours, toy: MakePort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(peers.ACTIONS, "listen", lambda *_: 1 / 0)  # type: ignore[arg-type]
    (one,) = behaviours(
        "  - {id: one, SO, steps: [{peer: {listen: '127.0.0.1'}}, {call: socket.one, returns: [1]}]}\n"
    )
    with Engine(toy(one=lambda: (1,))) as engine:
        result = engine.play(one)
    assert told(result) == (
        Verdict.ERRORED, "the runner could not play it: ZeroDivisionError: division by zero",
    )  # fmt: skip
    assert (result.doing, result.where) == ('peer: listen "127.0.0.1"', "behaviours/test.yaml:3")


def test_a_capability_that_is_not_there_skips(behaviours: Behaviours) -> None:
    (one,) = behaviours("  - {id: one, SO, needs: [coroutines], steps: [{call: socket.one, returns: [1]}]}\n")
    with Engine(Scripted(capabilities=["gc"])) as engine:
        assert told(engine.play(one)) == (Verdict.SKIPPED, "needs coroutines, which is not there")


def test_what_a_port_says_of_itself_is_escaped() -> None:
    with Engine(Scripted(version="\x1b]0;pwned\a\n" + "x" * 1000, dialect="defold")) as engine:
        assert engine.dialect == "defold"
        version = engine.description["version"]
    assert version.startswith(r"\x1b]0;pwned\x07\nxxx")
    assert len(version) < 400


@pytest.mark.parametrize(
    ("description", "sentence"),
    [
        ({"protocol": 2}, "speaks protocol 2, we speak 1"),
        ({"protocol": "\x1b" * 500}, r"speaks protocol '\x1b"),
        ({"capabilities": 7}, "capabilities that are no list"),
        ({"name": 7}, "no answer to describe, which has the id 3 and a name: {'id': 3, "),
        ({"id": 99}, "no answer to describe, which has the id 3 and a name: {'id': 99, "),
    ],
)
def test_a_port_that_describes_itself_wrongly_cannot_be_run(description: dict[str, Any], sentence: str) -> None:
    port = Scripted(**description)
    with pytest.raises(PortUnavailable) as caught, Engine(port):
        pass
    assert sentence in str(caught.value)
    assert str(caught.value).isprintable()
    assert all(connection.closed for connection in port.connections)


def test_handles_and_peers_are_gone_after_a_behaviour(behaviours: Behaviours, toy: MakePort) -> None:
    closed: list[str] = []

    class Thing:
        def close(self) -> tuple[int]:
            closed.append("closed")
            return (1,)

    (one,) = behaviours(
        """
  - id: one
    says: S.
    authority: observed
    steps:
      - {peer: {listen: "127.0.0.1", as: a}}
      - {peer: {udp: "127.0.0.1", who: other}}
      - {peer: {connect: $a.port, who: client}}
      - {peer: {accept: true, who: peer}}
      - {peer: {drain: true, who: peer}}
      - {call: socket.thing, returns: [2]}
"""
    )
    with Engine(toy(thing=lambda: (Thing(),))) as engine:
        assert engine.play(one).verdict is Verdict.FAILED
        assert closed == ["closed"]


def test_a_field_that_was_set_is_set_back(behaviours: Behaviours) -> None:
    written: list[Any] = []

    class Noted(Answers):
        def post(self, message: dict[str, Any]) -> None:
            if message["op"] == "set":
                written.append(message["value"])
            super().post(message)

    class NotedPort(Scripted):
        def open(self, dialect: str | None) -> Connection:  # noqa: ARG002
            return Noted(self._script, self._description)

    (one,) = behaviours(
        """
  - id: one
    says: S.
    authority: observed
    steps:
      - {set: socket.colour, to: red}
      - {set: socket.colour, to: blue}
      - {call: socket.gettime, returns: [2]}
"""
    )
    done = [{"returns": []}]
    with Engine(NotedPort([{"returns": ["green"]}], done, done, [{"returns": [3]}], done)) as engine:
        assert engine.play(one).verdict is Verdict.FAILED
    assert written == ["red", "blue", "green"]


def test_a_trouble_of_a_peer_while_a_call_blocks_is_not_the_result(behaviours: Behaviours) -> None:
    from luasocket_runners.ports import resolve

    (one,) = behaviours(
        """
  - id: one
    says: S.
    authority: observed
    given: {client: connected client}
    steps:
      - call: client:receive
        with: [2]
        returns: [ab, null, null]
        while: [{after: 0, peer: {drip: ab, every: 0.01}}]
      - {call: client:close, returns: [1]}
"""
    )
    with Engine(resolve("reference")) as engine:
        assert told(engine.play(one)) == (Verdict.PASSED, "")
