"""Level 1: rules about both ends of a connection, with traces that are written by hand, and with the proxy."""

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from luasocket_runners.judge.finding import Finding
from luasocket_runners.judge.judging import Judgement, judge
from luasocket_runners.judge.trace import read
from luasocket_runners.recorder import RECORDER
from luasocket_runners.recorder.proxy import Proxy
from luasocket_runners.recorder.relayed import RelayTrace

#: Seconds that a program may take; it takes half a second on an idle machine.
PATIENCE = 120

ONE, TWO = {"object": 1, "class": "tcp{client}"}, {"object": 2, "class": "tcp{client}"}
NOT_READY = [{"table": []}, {"table": []}, "timeout"]
READY = [{"table": [[1, ONE], [ONE, 1]]}, {"table": []}]
WATCH: dict[str, Any] = {"function": "select", "args": [{"table": [[1, ONE]]}, None, 0]}

#: A connection between the objects 1 and 2.
HERE, THERE = ["127.0.0.1", "4000"], ["127.0.0.1", "5000"]
CONNECT = {"function": "connect", "args": ["127.0.0.1", 5000], "results": [ONE], "local": HERE, "peer": THERE}
ACCEPT = {
    "function": "accept", "object": 3, "class": "tcp{server}", "results": [TWO], "local": THERE, "peer": HERE,
}  # fmt: skip


def call(of: dict[str, Any], function: str, *results: Any, args: tuple[Any, ...] = (), **more: Any) -> dict[str, Any]:
    return {**of, "function": function, "args": list(args), "results": list(results), **more}


def send(of: dict[str, Any], data: str) -> dict[str, Any]:
    return call(of, "send", len(data), None, None, args=(data,))


def write(file: Path, *calls: dict[str, Any]) -> Path:
    """Write a trace in which a call begins every 10 s and takes no time."""
    lines: list[dict[str, Any]] = [{"trace": 1, "lua": "Lua 5.4", "module": "toy", "started": 0}]
    for number, fields in enumerate(calls, 1):
        lines.append({"call": number, "at": 10.0 * number, "took": 0, "args": [], **fields})
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


def found(tmp_path: Path, *calls: dict[str, Any]) -> list[Finding]:
    return list(judge([read(write(tmp_path / "trace.jsonl", *calls))], "luasocket-3").findings)


def test_select_cannot_know_bytes_before_they_are_sent(tmp_path: Path) -> None:
    ready = WATCH | {"results": READY}
    (finding,) = found(tmp_path, CONNECT, ACCEPT, ready, send(TWO, "x"))
    assert (finding.level, finding.call.number) == (1, 3)
    assert "a table without <tcp{client} 1>, which had nothing to read" in finding.text()
    assert found(tmp_path, CONNECT, ACCEPT, send(TWO, "x"), ready, call(TWO, "close", 1)) == []
    assert found(tmp_path, CONNECT, ACCEPT, call(TWO, "close", 1), ready) == []
    # the bytes have been taken
    taken = call(ONE, "receive", "x", None, None, args=(1,))
    assert len(found(tmp_path, CONNECT, ACCEPT, send(TWO, "x"), taken, ready, call(TWO, "close", 1))) == 1
    # nobody knows whether the other end was collected
    assert found(tmp_path, CONNECT, ACCEPT, ready) == []


def test_select_that_leaves_out_an_object_is_a_remark(tmp_path: Path) -> None:
    (remark,) = found(tmp_path, CONNECT, ACCEPT, send(TWO, "x"), WATCH | {"results": NOT_READY})
    assert remark.is_remark
    assert "also <tcp{client} 1>" in remark.expected


def test_closed_before_the_other_end_has_closed(tmp_path: Path) -> None:
    closed = call(ONE, "receive", None, "closed", "")
    (finding,) = found(tmp_path, CONNECT, ACCEPT, closed, call(TWO, "close", 1))
    assert (finding.level, finding.call.number) == (1, 3)
    assert finding.rule.sentence.startswith('receive says "closed" when')
    for ending in ("close", "shutdown", "__gc"):
        assert found(tmp_path, CONNECT, ACCEPT, call(TWO, ending, 1), closed) == []
    assert found(tmp_path, CONNECT, ACCEPT, call(ONE, "shutdown", 1), closed, call(TWO, "close", 1)) == []
    assert found(tmp_path, CONNECT, ACCEPT, closed) == []


def test_a_message_of_its_own_for_a_timeout(tmp_path: Path) -> None:
    limit, odd = call(ONE, "settimeout", 1, args=(0,)), call(ONE, "receive", None, "wantread", "")
    (finding,) = found(tmp_path, CONNECT, ACCEPT, limit, odd, send(TWO, "x"))
    assert (finding.level, finding.call.number) == (1, 4)
    assert '"timeout"' in finding.expected
    # the system words errors, such as those of connections that were reset
    assert found(tmp_path, CONNECT, ACCEPT, limit, call(TWO, "close", 1), odd) == []
    assert found(tmp_path, CONNECT, ACCEPT, limit, odd) == []


def test_the_end_before_the_last_bytes(tmp_path: Path) -> None:
    sent, closed = send(TWO, "abcdef"), call(ONE, "receive", None, "closed", "abc", args=(10,))
    (finding,) = found(tmp_path, CONNECT, ACCEPT, sent, call(TWO, "close", 1), closed)
    assert finding.expected == "3 more bytes, which begin with b'def'"
    everything = call(ONE, "receive", "abc", None, None, args=("*a",))
    assert len(found(tmp_path, CONNECT, ACCEPT, sent, call(TWO, "close", 1), everything)) == 1
    # closing with unread bytes resets the connection, and so does linger
    assert found(tmp_path, CONNECT, ACCEPT, send(ONE, "unread"), sent, call(TWO, "close", 1), closed) == []
    linger = call(TWO, "setoption", 1, args=("linger", {"table": []}))
    assert found(tmp_path, CONNECT, ACCEPT, linger, sent, call(TWO, "close", 1), closed) == []


@pytest.mark.parametrize("host", ["127.0.0.1", "192.0.2.1"])
def test_times_are_compared_on_one_machine_only(tmp_path: Path, host: str) -> None:
    there = [host, "5000"]
    connect, accept = CONNECT | {"peer": there}, ACCEPT | {"local": there}
    calls = (connect, accept, WATCH | {"results": READY}, call(ONE, "receive", None, "closed", ""), send(TWO, "x"))
    assert len(found(tmp_path, *calls)) == (host == "127.0.0.1")


def test_what_is_ready_stays_ready(tmp_path: Path) -> None:
    ready, not_ready = WATCH | {"results": READY}, WATCH | {"results": NOT_READY}
    (finding,) = found(tmp_path, ready, not_ready)
    assert (finding.level, finding.call.number, finding.about) == (0, 2, 1)
    assert len(found(tmp_path, call(ONE, "dirty", True), not_ready)) == 1
    for between in (call(ONE, "receive", "x", None, None, args=(1,)), call(ONE, "setfd"), call(ONE, "getfd", 3)):
        assert found(tmp_path, ready, between, not_ready) == []
    (finding,) = found(tmp_path, call(ONE, "close", 1), ready)
    assert "which is closed" in finding.expected


UDP = {"object": 1, "class": "udp{connected}"}


def test_datagrams(tmp_path: Path) -> None:
    sender = {"object": 2, "class": "udp{connected}"}
    bind = call(UDP | {"class": "udp{unconnected}"}, "setsockname", 1, local=HERE)
    connect = call(sender, "setpeername", 1, local=["127.0.0.1", "6000"], peer=HERE)
    datagram = call(sender, "send", 2, args=("ab",))

    def receive(data: str, size: int | None = None) -> dict[str, Any]:
        args = () if size is None else (size,)
        return call(UDP | {"class": "udp{unconnected}"}, "receivefrom", data, "127.0.0.1", 6000, args=args)

    assert found(tmp_path, bind, connect, datagram, receive("ab")) == []
    assert found(tmp_path, bind, connect, datagram, receive("a", 1)) == []
    for wrong in ((datagram, receive("a")), (receive("ab"), datagram), (datagram, receive("ab"), receive("ab"))):
        (finding,) = found(tmp_path, bind, connect, *wrong)
        assert finding.level == 1
    # the cut datagram was the other one
    other = call(sender, "send", 2, args=("ac",))
    assert found(tmp_path, bind, connect, datagram, other, receive("a", 1), receive("ab")) == []


def test_select_cannot_know_a_datagram_before_it_is_sent(tmp_path: Path) -> None:
    peer = {"object": 2, "class": "udp{unconnected}"}
    bind = call(peer, "setsockname", 1, local=THERE)
    connect = call(UDP, "setpeername", 1, local=HERE, peer=THERE)
    watch = {"function": "select", "args": [{"table": [[1, UDP]]}, None, 0]}
    ready = watch | {"results": [{"table": [[1, UDP], [UDP, 1]]}, {"table": []}]}
    answer = call(peer, "sendto", 1, args=("x", "127.0.0.1", 4000))
    (finding,) = found(tmp_path, bind, connect, ready, answer)
    assert (finding.level, finding.about) == (1, 1)
    assert found(tmp_path, bind, connect, answer, ready, answer) == []


# The proxy


def recorded(tmp_path: Path, code: str, reply: bytes) -> Judgement:
    """Run a client on the oracle, with a mistake, through the proxy to a server that answers a line."""
    pytest.importorskip("lupa", reason="the oracle for programs needs lupa")
    client, relay = tmp_path / "client.jsonl", tmp_path / "proxy.jsonl"
    with relay.open("w") as file, socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(PATIENCE)
        proxy = Proxy(("127.0.0.1", 0), server.getsockname(), RelayTrace(file))
        thread = threading.Thread(target=proxy.serve, daemon=True)
        thread.start()
        program = f"""
            local socket = require "socket"
            {code}
            dofile({str(RECORDER)!r})
            local client = assert(socket.connect("127.0.0.1", {proxy.address[1]}))
            client:send("a question")
            client:send("\\nand more\\n")
            client:receive()
            socket.select({{ client }}, nil, 10)
            client:receive("*a")
            client:close()
        """
        with subprocess.Popen(
            [sys.executable, "-P", "-m", "luasocket_runners", "lua", "-e", program],
            env=os.environ | {"LUASOCKET_TRACE": str(client)},
        ) as process:
            accepted, _ = server.accept()
            with accepted, accepted.makefile("rb") as stream:
                stream.readline()
                stream.readline()
                accepted.sendall(reply)
        assert process.returncode == 0
        proxy.stop()
        thread.join(PATIENCE)
    judgement = judge([read(client), read(relay)], "luasocket-3")
    assert judgement.connections == 1
    return judgement


EDIT = """
    local methods = debug.getregistry()["tcp{client}"].__index
    local original = methods.NAME
    methods.NAME = function(self, ...) BODY end
"""


@pytest.mark.parametrize(
    ("method", "body", "rule"),
    [
        ("send", "local n = original(self, (...):upper()) return n, nil, nil", "send sends the bytes"),
        # What is sent twice shows at the sender or at the receiver, as the pieces arrive.
        (
            "send",
            "if #... == 10 then original(self, ...) end return original(self, ...)",
            ("send sends the bytes", "receive returns the bytes"),
        ),
        ("receive", "local a, b, c = original(self, ...) return a and a:upper(), b, c", "receive returns the bytes"),
        ("receive", "if ... then return nil, 'closed', '' end return original(self)", "The stream ends after"),
    ],
)
def test_one_end_and_a_proxy(tmp_path: Path, method: str, body: str, rule: str | tuple[str, ...]) -> None:
    code = EDIT.replace("NAME", method).replace("BODY", body)
    judgement = recorded(tmp_path, code, b"an answer\nrest")
    (finding,) = (finding for finding in judgement.findings if not finding.is_remark)
    assert finding.rule.sentence.startswith(rule)
    assert (finding.level, finding.call.function) == (1, method)


def test_a_proxy_before_the_reference(tmp_path: Path) -> None:
    judgement = recorded(tmp_path, "", b"an answer\r\nthe rest")
    assert [finding.text() for finding in judgement.findings if not finding.is_remark] == []
    assert judgement.judged[1] == 5  # two of send, two of receive, one of select
