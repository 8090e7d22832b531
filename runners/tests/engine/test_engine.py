"""The engine on ports of a few lines: misbehaviour is the result of one behaviour, and the next one runs."""

from __future__ import annotations

import errno
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from luasocket_runners.engine.engine import ATTEMPTS, Engine
from luasocket_runners.engine.port_process import PortProcess
from luasocket_runners.peers import actions
from luasocket_runners.ports import Connection, Port, PortGone, PortUnavailable
from luasocket_runners.ports.inprocess import PythonPort
from luasocket_runners.ports.process import CommandPort
from luasocket_runners.result import Result, Verdict
from luasocket_spec.model import Behaviour

pytestmark = pytest.mark.usefixtures("nothing_left")

Behaviours = Callable[[str], list[Behaviour]]
MakePort = Callable[..., PythonPort]

BAD_PORT = Path(__file__).parents[1] / "ports" / "bad_port.py"

#: Seconds after which a call counts as hanging, where one does.
SHORT = 0.3


class Answers(Connection):
    """A port that answers each call with what a list says, one list of messages a call."""

    def __init__(self, script: list[list[Any]], description: dict[str, Any]) -> None:
        self._script = script
        self._description = description
        self._waiting: list[Any] = []
        self.timeouts: list[float] = []
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
        self.timeouts.append(timeout)
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
        self._description = {"dialect": "luasocket-3", **description}
        self.connections: list[Answers] = []

    def open(self, dialect: str | None) -> Connection:  # noqa: ARG002
        self.connections.append(Answers(self._script, self._description))
        return self.connections[-1]


ONE = "  - {id: one, steps: [{call: socket.one, returns: [1]}]}\n"


def verdict_and_reason(result: Result) -> tuple[Verdict, str]:
    return result.verdict, result.reason


@pytest.mark.parametrize(
    ("answer", "verdict", "sentence"),
    [
        (
            {"id": 77, "returns": [1]},
            Verdict.FAILED,
            "a reply to request 77, which was never sent, while request 2 is in progress",
        ),
        ({"id": "\x1b[2J" * 100, "returns": []}, Verdict.FAILED, r"a reply to request '\x1b[2J\x1b[2J"),
        ({"returns": 1}, Verdict.FAILED, "returns is not a list"),
        ({"returns": [{"what": 1}]}, Verdict.FAILED, "{'what': 1} is not a value of the protocol"),
        (
            {"returns": [{"handle": 1, "type": "\x1b[31m"}]},
            Verdict.FAILED,
            r"'\x1b[31m'} is not a value of the protocol",
        ),
        (
            {"returns": [{"handle": 0, "type": "userdata"}]},
            Verdict.FAILED,
            "'userdata'} is not a value",
        ),
        ({"returns": [{"handle": 10**17, "type": "table"}]}, Verdict.FAILED, "'table'} is not a value of the protocol"),
        ({"returns": [{"repeat": "x", "times": -1}]}, Verdict.FAILED, "'times': -1} is not a value of the protocol"),
        ({"returns": [{"number": []}]}, Verdict.FAILED, "{'number': []} is not a value of the protocol"),
        ({"returns": ["\u20ac"]}, Verdict.FAILED, r"a string contains the character '\u20ac', which is not a byte"),
        ({"returns": [{"table": [[1]]}]}, Verdict.FAILED, "the entries of a table are not pairs"),
        ({"answer": 1}, Verdict.FAILED, "a reply with the keys ['answer', 'id']"),
        ({"callback": 1, "args": []}, Verdict.FAILED, "a callback of function 1, which the runner never passed"),
        ({"callback": 1, "id": 5}, Verdict.FAILED, "a callback of request 5 while request 2 is in progress"),
        ({"fault": "no\x1b[0m idea"}, Verdict.ERRORED, r"the adapter reported a fault: no\x1b[0m idea"),
        ({"missing": "socket.\x1b"}, Verdict.NOT_IMPLEMENTED, r"the port has no socket.\x1b"),
        (PortGone("It died."), Verdict.FAILED, "It died."),
    ],
)
def test_a_reply_that_violates_the_protocol_is_reported(
    behaviours: Behaviours, answer: Any, verdict: Verdict, sentence: str
) -> None:
    (one,) = behaviours(ONE)
    port = Scripted([answer], [{"returns": [1]}])
    with Engine(port) as engine:
        result = engine.run(one)
        assert engine.run(one).verdict is Verdict.PASSED
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
        ("socket._SETSIZE", '{type: ["nil", number]}', [None], Verdict.PASSED, None),
        ("x.class", "{type: string}", [None], Verdict.FAILED, None),
    ],
)
def test_a_missing_method_that_is_read_as_a_field_is_not_implemented(
    behaviours: Behaviours, field: str, wanted: str, answer: list[Any], verdict: Verdict, missing: str | None
) -> None:
    steps = f"{{call: socket.tcp, returns: [{{type: object}}], as: x}}, {{get: {field}, is: {wanted}}}"
    (one,) = behaviours(f"  - {{id: one, steps: [{steps}]}}\n")
    port = Scripted([{"returns": [{"handle": 1, "type": "userdata"}]}], [{"returns": answer}])
    with Engine(port) as engine:
        result = engine.run(one)
    assert (result.verdict, result.missing) == (verdict, missing)


@pytest.mark.parametrize(
    ("steps", "script", "sentence"),
    [
        ("{set: socket.BLOCKSIZE, to: 3}", [[{"returns": [8192]}], [{"returns": [3]}]], "`set` that has values"),
        (
            "{call: socket.tcp, returns: [{type: object}], as: x}, {drop: [x]}",
            [[{"returns": [{"handle": 1, "type": "userdata"}]}], [{"returns": [True]}]],
            "`release` that has values",
        ),
        ("{make: x, of: {table: {}}}", [[{"returns": []}]], "`make` that is not the handle of a table"),
        ("{make: x, of: {table: {}}}", [[{"returns": [1]}]], "`make` that is not the handle of a table"),
        ("{make: x, of: {table: {}}}", [[{"returns": [{"table": []}]}]], "`make` that is not the handle of a table"),
        (
            "{make: x, of: {table: {}}}",
            [[{"returns": [{"handle": 1, "type": "userdata"}]}]],
            "`make` that is not the handle of a table",
        ),
    ],
)
def test_a_reply_that_does_not_have_the_form_of_its_request_is_reported(
    behaviours: Behaviours, steps: str, script: list[list[Any]], sentence: str
) -> None:
    (one,) = behaviours(f"  - {{id: one, steps: [{steps}, {{call: socket.one, returns: [1]}}]}}\n")
    with Engine(Scripted(*script, capabilities=["gc"])) as engine:
        result = engine.run(one)
    assert verdict_and_reason(result) == (
        Verdict.FAILED,
        f"the adapter broke the protocol: a reply to {sentence}",
    )


def test_deeply_nested_tables_are_refused(behaviours: Behaviours) -> None:
    (one,) = behaviours(ONE)
    deep: Any = 1
    for _ in range(400):
        deep = {"table": [[1, deep]]}
    with Engine(Scripted([{"returns": [deep]}])) as engine:
        assert "tables are nested more than" in engine.run(one).reason


@pytest.mark.parametrize("mode", ["exit", "garbage", "hang"])
def test_the_next_behaviour_has_a_fresh_port(behaviours: Behaviours, mode: str) -> None:
    bad, good = behaviours(
        "  - {id: bad, steps: [{call: socket.bad, returns: [1]}]}\n"
        "  - {id: good, steps: [{call: socket.good, returns: [1]}]}\n"
    )
    with Engine(CommandPort("bad", [sys.executable, str(BAD_PORT), mode])) as engine:
        engine.process.deadline = SHORT if mode == "hang" else 10.0
        first = engine.run(bad)
        engine.process.deadline = 10.0
        assert [first.verdict, engine.run(good).verdict] == [Verdict.FAILED, Verdict.PASSED]


def test_a_call_that_hangs(behaviours: Behaviours, toy_port: MakePort) -> None:
    slow, good = behaviours(
        "  - {id: slow, steps: [{call: socket.slow, with: [a], returns: [1]}]}\n"
        "  - {id: good, steps: [{call: socket.good, returns: [1]}]}\n"
    )

    def hang(_text: bytes) -> tuple[int]:
        end = time.monotonic() + 30
        while time.monotonic() < end:  # short sleeps: the thread can be ended in between
            time.sleep(0.01)
        return (1,)

    with Engine(toy_port(slow=hang, good=lambda: (1,))) as engine:
        engine.process.deadline = SHORT
        result = engine.run(slow)
        engine.process.deadline = 60.0  # the machine may be busy
        assert engine.run(good).verdict is Verdict.PASSED
    assert verdict_and_reason(result) == (Verdict.FAILED, "the call hangs: it did not return within 0.3 s")
    assert (result.call, result.expected) == ('socket.slow("a")', "1")


def test_a_long_request_that_hangs_names_the_capability_that_shortens_it(
    behaviours: Behaviours, toy_port: MakePort
) -> None:
    (slow,) = behaviours(
        "  - {id: slow, steps: [{call: socket.slow, with: [{repeat: x, times: 2000000}], returns: [1]}]}\n"
    )

    def hang(_text: bytes) -> tuple[int]:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            time.sleep(0.01)
        return (1,)

    with Engine(toy_port(slow=hang), deadline=SHORT) as engine:
        engine.process.repeats = False
        assert "(the request has 2 MB; with the capability 'repeat' it would be short" in engine.run(slow).reason


def test_a_missing_function_of_lua_is_one_of_the_adapter(behaviours: Behaviours) -> None:
    (asks,) = behaviours("  - {id: asks, steps: [{call: rawequal, with: [1, 1], returns: [true]}]}\n")
    with Engine(Scripted([{"missing": "rawequal"}])) as engine:
        result = engine.run(asks)
    assert verdict_and_reason(result) == (
        Verdict.NOT_IMPLEMENTED,
        "the adapter has no equivalent of Lua's own function rawequal, see PROTOCOL.md under Targets",
    )


def test_a_call_that_calls_back_for_ever_hangs(behaviours: Behaviours, toy_port: MakePort) -> None:
    (forever,) = behaviours(
        "  - {id: forever, functions: {f: {}}, steps: [{call: socket.forever, with: [$f], returns: [1]}]}\n"
    )

    def call_for_ever(function: Callable[[], tuple[Any, ...]]) -> tuple[int]:
        while True:
            function()

    with Engine(toy_port(forever=call_for_ever), deadline=SHORT) as engine:
        assert "the call hangs" in engine.run(forever).reason


def test_functions_that_call_one_another_for_ever_hang(behaviours: Behaviours, toy_port: MakePort) -> None:
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

    with Engine(toy_port(apply=apply), deadline=SHORT) as engine:
        assert "the call hangs" in engine.run(forever).reason


def test_the_deadline_includes_the_waits_of_the_steps(behaviours: Behaviours) -> None:
    (slow,) = behaviours("  - {id: slow, steps: [{call: socket.slow, returns: [], takes: {at_least: 40}}]}\n")
    port = Scripted([{"returns": []}])
    with Engine(port, deadline=3.0) as engine:
        result = engine.run(slow)
    assert 43.0 in map(round, port.connections[0].timeouts)
    assert verdict_and_reason(result) == (Verdict.FAILED, "it returned too early")


def test_a_late_behaviour_is_run_again(
    behaviours: Behaviours, toy_port: MakePort, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The allowance decides what is late, so that the test need not wait, and may be late itself."""
    late, in_time = -1000.0, 0.0
    allowances: list[float] = []
    monkeypatch.setattr(PortProcess, "allowance", lambda self: allowances.pop())
    (quick,) = behaviours("  - {id: quick, steps: [{call: socket.quick, returns: [], takes: {at_most: 900}}]}\n")
    with Engine(toy_port(quick=lambda: ())) as engine:
        allowances[:] = [late] * ATTEMPTS
        result = engine.run(quick)
        assert not allowances
        allowances[:] = [in_time, late]
        assert engine.run(quick).verdict is Verdict.PASSED
    assert verdict_and_reason(result) == (Verdict.FAILED, "it returned too late")
    assert result.expected == "within 900 s"
    assert (result.returned or "").startswith("after ")


def test_an_error_of_the_suite_is_no_failure_of_the_port(
    behaviours: Behaviours, toy_port: MakePort, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(actions.ACTIONS, "listen", lambda *_: 1 / 0)  # type: ignore[arg-type]
    (one,) = behaviours("  - {id: one, steps: [{peer: {listen: '127.0.0.1'}}, {call: socket.one, returns: [1]}]}\n")
    with Engine(toy_port(one=lambda: (1,))) as engine:
        result = engine.run(one)
    assert verdict_and_reason(result) == (
        Verdict.ERRORED, "internal error of the runner: ZeroDivisionError: division by zero",
    )  # fmt: skip
    assert (result.call, result.at) == ('peer: listen "127.0.0.1"', "behaviours/test.yaml:3")


def test_a_result_that_cannot_be_joined_to_a_string_is_a_failure(behaviours: Behaviours, toy_port: MakePort) -> None:
    (one,) = behaviours(
        "  - id: one\n    steps:\n"
        "      - {call: socket.one, succeeds: true, as: name}\n"
        "      - {call: socket.one, with: [{concat: [$name, x]}], returns: [1]}\n"
    )
    with Engine(toy_port(one=lambda *_: (True,))) as engine:
        result = engine.run(one)
    assert verdict_and_reason(result) == (Verdict.FAILED, "name is true instead of a string")
    assert result.at == "behaviours/test.yaml:8"


def test_a_missing_capability_skips_a_behaviour(behaviours: Behaviours) -> None:
    (one,) = behaviours("  - {id: one, needs: [coroutines], steps: [{call: socket.one, returns: [1]}]}\n")
    with Engine(Scripted(capabilities=["gc"])) as engine:
        assert verdict_and_reason(engine.run(one)) == (Verdict.SKIPPED, "needs coroutines, which is not available")


def test_the_description_of_a_port_is_escaped() -> None:
    with Engine(Scripted(version="\x1b]0;pwned\a\n" + "x" * 1000, dialect="defold")) as engine:
        assert engine.dialect == "defold"
        version = engine.description["version"]
    assert version.startswith(r"\x1b]0;pwned\x07\nxxx")
    assert len(version) < 400


@pytest.mark.parametrize(
    ("description", "sentence"),
    [
        ({"protocol": 2}, "speaks protocol 2; the runner speaks 1"),
        ({"protocol": "\x1b" * 500}, r"speaks protocol '\x1b"),
        ({"capabilities": 7}, "capabilities that are not a list"),
        ({"dialect": "lua"}, "names the dialect 'lua'; there are defold and luasocket-3."),
        ({"dialect": ["defold"]}, "names the dialect ['defold']; there are"),
        ({"name": 7}, "expected a reply to `describe` with id 3 and a name; got {'id': 3, "),
        ({"id": 99}, "expected a reply to `describe` with id 3 and a name; got {'id': 99, "),
    ],
)
def test_a_port_with_an_invalid_description_is_unavailable(description: dict[str, Any], sentence: str) -> None:
    port = Scripted(**description)
    with pytest.raises(PortUnavailable) as caught, Engine(port):
        pass
    assert sentence in str(caught.value)
    assert str(caught.value).isprintable()
    assert all(connection.closed for connection in port.connections)


def test_handles_and_peers_are_released_after_a_behaviour(behaviours: Behaviours, toy_port: MakePort) -> None:
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
    with Engine(toy_port(thing=lambda: (Thing(),))) as engine:
        assert engine.run(one).verdict is Verdict.FAILED
        assert closed == ["closed"]


def test_a_changed_field_is_restored(behaviours: Behaviours) -> None:
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
        assert engine.run(one).verdict is Verdict.FAILED
    assert written == ["red", "blue", "green"]


def test_a_problem_of_a_peer_during_a_call_is_not_the_result(behaviours: Behaviours) -> None:
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
        while: [{after: 0, peer: {drip: ab, every: 0.01}}]
        returns: [ab, null, null]
      - {call: client:close, returns: [1]}
"""
    )
    with Engine(resolve("reference")) as engine:
        assert verdict_and_reason(engine.run(one)) == (Verdict.PASSED, "")


@pytest.mark.parametrize("during_a_call", [False, True])
def test_a_peer_that_the_machine_does_not_support_is_no_failure_of_the_port(
    behaviours: Behaviours, toy_port: MakePort, monkeypatch: pytest.MonkeyPatch, during_a_call: bool
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setitem(actions.ACTIONS, "listen", refuse)
    action = "peer: {listen: '127.0.0.1'}"
    waiting = f"{{call: socket.one, while: [{{after: 0, {action}}}], returns: [1]}}"
    steps = waiting if during_a_call else f"{{{action}}}, {{call: socket.one, returns: [1]}}"
    (one,) = behaviours(f"  - {{id: one, steps: [{steps}]}}\n")
    called = threading.Event()

    def wait() -> tuple[int]:
        called.wait(SHORT)
        return (1,)

    with Engine(toy_port(one=wait)) as engine:
        result = engine.run(one)
    reason = "the runner's peer could not act: Too many open files; this says nothing about the port"
    assert verdict_and_reason(result) == (Verdict.ERRORED, reason)
    assert result.call == 'peer: listen "127.0.0.1"'
