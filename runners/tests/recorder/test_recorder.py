"""The recorder changes nothing that a program sees, and its traces are as their schema says."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from luasocket_runners.cli.main import main
from luasocket_runners.recorder import RECORDER, TRACE_SCHEMA

INTERPRETERS = ("lua5.1", "lua5.2", "lua5.3", "lua5.4", "luajit")
PROGRAMS = Path(__file__).parents[1] / "bridge" / "programs"


def without_numbers(text: str) -> str:
    return re.sub(r"\b[1-9]\d{4}\b", "PORT", re.sub("0x[0-9a-f]+", "ADDRESS", text))


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., tuple[str, list[dict[str, Any]]]]:
    """Run a program with and without the recorder on an interpreter with real LuaSocket; return output and trace."""

    def run(interpreter: str, *words: str) -> tuple[str, list[dict[str, Any]]]:
        if shutil.which(interpreter) is None:
            pytest.skip(f"{interpreter} is not installed")
        outputs = []
        environment = {key: value for key, value in os.environ.items() if not key.startswith("LUA_INIT")}
        trace = tmp_path / "trace.jsonl"
        recording = {"LUA_INIT": f"@{RECORDER}", "LUASOCKET_TRACE": str(trace)}
        for added in ({}, recording):
            done = subprocess.run(
                [interpreter, *words], env=environment | added, capture_output=True, text=True, timeout=60, check=False
            )
            outputs.append(without_numbers(done.stdout + done.stderr))
        if "module 'socket" in outputs[0]:
            pytest.skip(f"LuaSocket is not installed for {interpreter}")
        assert outputs[0] == outputs[1]
        return outputs[1], [json.loads(line) for line in trace.read_text().splitlines()]

    return run


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_records_without_a_trace_in_the_program(run: Callable[..., Any], interpreter: str) -> None:
    output, trace = run(interpreter, str(PROGRAMS / "calls.lua"))
    assert output.endswith("end\n")
    schema = jsonschema.Draft202012Validator(json.loads(TRACE_SCHEMA.read_text()))
    for line in trace:
        schema.validate(line)
    header, *calls = trace
    assert header["trace"] == 1
    assert [call["call"] for call in calls] == list(range(1, len(calls) + 1))
    sent = next(call for call in calls if call["function"] == "send")
    assert (sent["args"], sent["results"]) == (["abc\ndef"], [7, None, None])
    accepted = next(call for call in calls if call["function"] == "accept")
    connected = next(call for call in calls if call["function"] == "connect")
    assert (accepted["local"], accepted["peer"]) == (connected["peer"], connected["local"])
    assert any(call.get("becomes") == "tcp{server}" for call in calls)
    assert any("invalid receive pattern" in str(call.get("error")) for call in calls)


def test_records_bytes_and_coroutines(run: Callable[..., Any]) -> None:
    program = r"""
        local socket = require "socket"
        local server = socket.bind("127.0.0.1", 0)
        local client = socket.connect("127.0.0.1", (select(2, server:getsockname())))
        local accepted = server:accept()
        coroutine.wrap(function() accepted:send("\0\255\"\\\r\n") accepted:close() end)()
        print(#client:receive("*a"), 0/0 ~= 0/0 and client:settimeout(1/0))
    """
    _, trace = run("lua5.4", "-e", program)
    sent = next(line for line in trace if line.get("function") == "send")
    assert sent["args"] == ['\x00\xff"\\\r\n']
    assert sent["thread"] == 1
    assert next(line for line in trace if line.get("function") == "settimeout")["args"] == [{"number": "inf"}]


@pytest.mark.parametrize("interpreter", INTERPRETERS)
def test_records_that_an_object_is_collected(run: Callable[..., Any], interpreter: str) -> None:
    program = r"""
        local socket = require "socket"
        local master = socket.tcp()
        master = nil
        collectgarbage() collectgarbage()
        socket.sleep(0)
    """
    _, trace = run(interpreter, "-e", program)
    assert [line.get("function") for line in trace[1:4]] == ["tcp", "__gc", "sleep"]


def test_records_the_addresses_of_a_client_that_connects_in_the_background(run: Callable[..., Any]) -> None:
    program = r"""
        local socket = require "socket"
        local client, server = socket.tcp(), socket.bind("127.0.0.1", 0)
        client:settimeout(0)
        client:connect(server:getsockname())
        local accepted = server:accept()
        socket.select(nil, { client })
        client:send("x")
        client:send("y")
    """
    _, trace = run("lua5.4", "-e", program)
    (accepted,) = (line for line in trace if line.get("function") == "accept")
    calls = [line for line in trace if line.get("function") in ("connect", "send")]
    known = next(line for line in calls if "peer" in line)
    assert (known["local"], known["peer"]) == (accepted["peer"], accepted["local"])
    assert "peer" not in calls[-1]


def test_the_command_prints_the_recorder(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recorder"]) == 0
    assert capsys.readouterr().out == RECORDER.read_text(encoding="utf-8")
