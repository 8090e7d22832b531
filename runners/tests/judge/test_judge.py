"""The judge finds faults in traces, and nothing in traces of the reference."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import luasocket_spec
import pytest
from luasocket_runners.cli.main import main
from luasocket_runners.judge import both_ends, datagrams
from luasocket_runners.judge.judging import Judgement, judge
from luasocket_runners.judge.page import page
from luasocket_runners.judge.rules import RULES
from luasocket_runners.judge.trace import TraceError, read
from luasocket_runners.recorder import RECORDER

EXCHANGE = Path(__file__).parent / "exchange.lua"

HEADER = '{"trace":1,"lua":"Lua 5.4","module":"toy","started":0.0}\n'

#: Mistakes of ports, as Lua that edits the methods of a class: `methods`, `original`.
FAULTS = {
    "nil as the partial result": (
        0, "receive", "local a, b, c = original(...) if b then return a, b end return a, b, c",
    ),
    "one value on success": (0, "receive", "local a, b, c = original(...) if a then return a end return a, b, c"),
    "a timeout as a success": (0, "receive", "local a, b, c = original(...) return a or c, nil, nil"),
    "inner carriage returns kept": (
        0, "receive", "local a, b, c = original(...) if a then a = a:gsub('xy$', 'x\\ry') end return a, b, c",
    ),
    "send returns true": (0, "send", "original(...) return true"),
    "send returns a count": (0, "send", "local a = original(...) return a - 1, nil, nil"),
    "a second close returns nothing": (
        0, "close", "if (...):getfd() < 0 then return end return original(...)",
    ),
    "settimeout returns nothing": (0, "settimeout", "original(...)"),
    "a timeout that comes at once": (
        0, "receive",
        "if not (...):dirty() and old_gettimeout(...) > 0 then old_settimeout(..., 0) end return original(...)",
    ),
    "upper case": (1, "receive", "local a, b, c = original(...) return a and (a:gsub('second', 'SECOND')), b, c"),
    "the first byte is lost": (
        1, "receive", "local s = ... if not seen[s] then seen[s] = true original(s, 1) end return original(...)",
    ),
    "the partial result twice": (  # the counts show it, before the bytes of the other end are looked at
        0, "receive",
        "local a, b, c = original(...) if a and kept[1] then a = kept[1] .. a end kept[1] = c return a, b, c",
    ),
}  # fmt: skip

EDIT = """
local methods = debug.getregistry()["tcp{client}"].__index
local original, old_settimeout, old_gettimeout = methods[NAME], methods.settimeout, methods.gettimeout
local seen, kept = {}, {}
methods[NAME] = function(...) BODY end
"""


def record(tmp_path: Path, code: str = "") -> Path:
    pytest.importorskip("lupa", reason="the oracle for programs needs lupa")
    trace = tmp_path / "trace.jsonl"
    load = f'require "socket.core" {code} dofile({str(RECORDER)!r})'
    command = [sys.executable, "-P", "-m", "luasocket_runners", "lua", "-e", load, str(EXCHANGE)]
    subprocess.run(
        command, env=os.environ | {"LUASOCKET_TRACE": str(trace)}, capture_output=True, timeout=60, check=False
    )
    return trace


def judged(*files: Path) -> Judgement:
    return judge([read(file) for file in files], "luasocket-3")


def test_the_reference_has_no_finding(tmp_path: Path) -> None:
    judgement = judged(record(tmp_path))
    assert [finding.text() for finding in judgement.findings] == []
    assert judgement.judged[0] > 30
    assert judgement.judged[1] > 5
    assert judgement.connections == 2


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found(tmp_path: Path, name: str) -> None:
    level, method, body = FAULTS[name]
    trace = record(tmp_path, EDIT.replace("NAME", f"{method!r}").replace("BODY", body))
    findings = [finding for finding in judged(trace).findings if not finding.is_remark]
    assert findings, trace.read_text()
    assert {finding.call.function for finding in findings} == ({"getstats"} if "twice" in name else {method})
    assert findings[0].level == level


def line(**fields: Any) -> str:
    import json

    return json.dumps({"call": 1, "at": 0.0, "took": 0.0, "args": [], **fields}) + "\n"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"function": "select", "args": [None, None, 1], "took": 0.2,
          "results": [{"table": []}, {"table": []}, "timeout"]}, "a call of at least 1 s"),
        ({"function": "select", "args": [None, None, 0], "results": [{"table": []}, {"table": []}]}, '"timeout" if'),
        ({"function": "sleep", "args": [1], "took": 0.5, "results": []}, "no result, after 1 s"),
        ({"function": "gettime", "results": ["12"]}, "a number"),
        ({"function": "tcp", "results": [{"object": 1, "class": "tcp{client}"}]}, "a new tcp{master}"),
        ({"function": "receivefrom", "object": 1, "class": "udp{unconnected}", "results": ["x"]}, "3 values"),
        ({"function": "receive", "object": 1, "class": "udp{connected}", "args": [1], "results": ["xy"]}, "at most 1"),
        ({"function": "receive", "object": 1, "class": "tcp{server}", "results": ["x", None, None]}, "an error with"),
        ({"function": "accept", "object": 1, "class": "tcp{server}", "results": [None, "timeout"]}, "no timeout"),
        ({"function": "connect", "object": 1, "class": "tcp{master}", "results": [1]}, "a client afterwards"),
        ({"function": "receive", "object": 1, "class": "tcp{client}", "error": "a mistake"}, "results"),
        ({"function": "settimeout", "object": 1, "class": "tcp{client}", "results": [True]}, "1"),
        ({"function": "shutdown", "object": 1, "class": "tcp{client}", "results": [True]}, "1"),
        ({"function": "bind", "object": 1, "class": "tcp{master}", "results": [True]}, "1, or nil and a message"),
        ({"function": "dirty", "object": 1, "class": "tcp{client}", "results": [1]}, "true or false"),
        ({"function": "receivefrom", "object": 1, "class": "udp{unconnected}", "results": ["x", "::1", "1"]}, "number"),
    ],
)  # fmt: skip
def test_each_rule_of_one_end(tmp_path: Path, fields: dict[str, Any], expected: str) -> None:
    trace = tmp_path / "trace.jsonl"
    trace.write_text(HEADER + line(**fields))
    (finding,) = judged(trace).findings
    assert expected in finding.expected
    assert f"at:          {trace}:2" in finding.text()


def test_after_a_finding_an_object_is_left_alone(tmp_path: Path) -> None:
    trace = tmp_path / "trace.jsonl"
    wrong = line(function="close", object=1, **{"class": "tcp{client}"}, results=[])
    trace.write_text(HEADER + wrong + wrong + wrong.replace('"object": 1', '"object": 2'))
    assert len(judged(trace).findings) == 2


def test_a_late_call_is_a_remark(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = tmp_path / "trace.jsonl"
    own = {"object": 1, "class": "tcp{server}"}
    late = line(function="accept", **own, took=9.0, results=[None, "timeout"])
    trace.write_text(HEADER + line(function="settimeout", **own, args=[1], results=[1]) + late)
    assert main(["judge", str(trace)]) == 0
    assert "REMARK call 1, level 0" in capsys.readouterr().out


def test_a_datagram_that_was_never_sent(tmp_path: Path) -> None:
    trace = tmp_path / "trace.jsonl"
    one, two = {"object": 1, "class": "udp{unconnected}"}, {"object": 2, "class": "udp{unconnected}"}
    trace.write_text(
        HEADER
        + line(function="setsockname", **one, args=["127.0.0.1", 0], results=[1], local=["127.0.0.1", "5000"])
        + line(function="sendto", **two, args=["abc", "127.0.0.1", 5000], results=[3], local=["0.0.0.0", "6000"])
        + line(function="receivefrom", **one, results=["abd", "127.0.0.1", 6000])
    )
    (finding,) = judged(trace).findings
    assert finding.level == 1


def test_every_statement_of_a_rule_exists() -> None:
    known = luasocket_spec.load().statements
    for rule in [*RULES.values(), *both_ends.RULES.values(), *datagrams.RULES.values()]:
        assert set(rule.covers) <= set(known), rule


@pytest.mark.parametrize(
    ("text", "problem"),
    [("", "the file is empty"), ("{}\n", "not the header"), (HEADER + "x\n" + line(function="tcp"), "not a call")],
)
def test_files_that_are_no_traces(tmp_path: Path, text: str, problem: str, capsys: pytest.CaptureFixture[str]) -> None:
    trace = tmp_path / "trace.jsonl"
    trace.write_text(text)
    with pytest.raises(TraceError, match=problem):
        read(trace)
    assert main(["judge", str(trace)]) == 2
    assert problem in capsys.readouterr().err


def test_the_page_escapes_what_programs_passed(tmp_path: Path) -> None:
    trace = tmp_path / "trace.jsonl"
    own = {"object": 1, "class": "tcp{client}"}
    trace.write_text(HEADER + line(function="send", **own, args=["<script>alert(1)"], results=[True]))
    read_trace = read(trace)
    made = page([read_trace], judge([read_trace], "luasocket-3").findings)
    assert "<script>alert" not in made
    assert re.search('class="call finding" id="trace-1-2"', made)
    assert '<a href="#trace-1-2">' in made


def test_traces_share_a_time_line(tmp_path: Path) -> None:
    calls, relayed = tmp_path / "calls.jsonl", tmp_path / "relayed.jsonl"
    calls.write_text(HEADER + line(function="gettime", results=[1.5], at=1.0))
    relayed.write_text(
        '{"trace":1,"proxy":"tcp","listen":["127.0.0.1","1"],"to":["127.0.0.1","2"],"started":2.0}\n'
        '{"connection":1,"at":2.0,"event":"data","from":"client","bytes":"<b>"}\n'
    )
    made = page([read(calls), read(relayed)], [])
    assert 'style="left:25.0000%' in made
    assert 'style="left:100.0000%' in made
    assert "data from the client &quot;&lt;b&gt;&quot;" in made


def test_the_rules_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["judge", "--rules"]) == 0
    output = capsys.readouterr().out
    assert "not judged:" in output
    assert "client:receive/partial-empty" in output
