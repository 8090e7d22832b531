"""The command ``lua`` is a Lua interpreter: options, standard input, Ctrl-C, exit status; missing parts are named."""

import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from luasocket_runners.bridge.options import UsageError, parse
from luasocket_runners.cli.main import main

COMMAND = [sys.executable, "-P", "-m", "luasocket_runners", "lua"]


def run(*words: str, stdin: str = "") -> tuple[int, str, str]:
    pytest.importorskip("lupa", reason="the command lua needs lupa")
    done = subprocess.run([*COMMAND, *words], input=stdin, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def test_arguments_and_standard_input(tmp_path: Any) -> None:
    script = tmp_path / "script.lua"
    script.write_text("#!/usr/bin/lua\nprint((...), arg[0] == '" + str(script) + "', arg[2], io.read())")
    assert run(str(script), "a", "-e", stdin="line\n") == (0, "a\ttrue\t-e\tline\n", "")


@pytest.mark.parametrize(
    ("words", "stdin", "expected"),
    [
        (["-e", "x = 2", "-e", "print(x)"], "", (0, "2\n", "")),
        (["-l", "socket", "-e", "print(socket._VERSION)"], "", (0, "LuaSocket 3.0.0\n", "")),
        (["-"], "print(1)", (0, "1\n", "")),
        ([], "print(1)", (0, "1\n", "")),
        (["-e", "os.exit(7)"], "", (7, "", "")),
        (["-v"], "", (0, "Lua 5.4, on the reference of luasocket-3\n", "")),
        (["-W", "-e", "warn 'a warning'"], "", (0, "", "Lua warning: a warning\n")),
        (["-e", "print(#arg, arg[0], arg[1])"], "", (0, "2\tlua\t-e\n", "")),
        (["--lua", "lua51", "-e", "print(arg)"], "", (0, "nil\n", "")),
        (["-i"], "1 + 1\n=3\nfor i = 1, 2 do\nprint(i) end\n", (0, "> 2\n> 3\n> >> 1\n2\n> \n", "")),
        (["--dialect", "defold", "-e", "print(socket._VERSION, socket.bind)"], "", (0, "LuaSocket 3.0-rc1\tnil\n", "")),
    ],
)
def test_as_an_interpreter(words: Sequence[str], stdin: str, expected: tuple[int, str, str]) -> None:
    assert run(*words, stdin=stdin) == expected


def test_an_error_has_a_place_and_a_status() -> None:
    status, output, errors = run("-e", "print(1) require('socket').select(5)")
    assert (status, output) == (1, "1\n")
    assert errors.startswith("lua: (command line):1: bad argument #1 to 'select' (table expected, got number)\nstack")


RUNTIMES = ("lua51", "lua52", "lua53", "lua54", "lua55", "luajit21")


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_traceback_has_no_frames_of_ours(tmp_path: Any, runtime: str) -> None:
    pytest.importorskip(f"lupa.{runtime}")
    script = tmp_path / "script.lua"
    script.write_text("local function f() error('boom') end\nf()\n")
    status, _, errors = run("--lua", runtime, str(script))
    assert status == 1
    lines = errors.splitlines()
    assert lines[0].startswith("lua: ")
    assert lines[0].endswith("script.lua:1: boom")
    assert lines[-2].endswith("script.lua:2: in main chunk")
    assert lines[-1] in ("\t[C]: ?", "\t[C]: in ?")


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_an_error_at_the_prompt_has_a_place(runtime: str) -> None:
    pytest.importorskip(f"lupa.{runtime}")
    given = "=1, 2 -- a comment\nmade = require('socket').tcp()\n=made:settimeout('soon')\n=nil\n"
    status, output, errors = run("--lua", runtime, "-i", stdin=given)
    assert (status, output) == (0, "> 1\t2\n> > > nil\n> \n")
    first, _, called, place, last = errors.splitlines()
    assert first == "lua: stdin:1: bad argument #1 to 'settimeout' (number expected, got string)"
    assert "'settimeout'" in called
    assert place == "\tstdin:1: in main chunk"
    assert last in ("\t[C]: ?", "\t[C]: in ?")


@pytest.mark.parametrize("runtime", ["lua52", "lua53", "lua54", "lua55"])
def test_an_error_in_tail_position_has_no_wrong_place(runtime: str) -> None:
    pytest.importorskip(f"lupa.{runtime}")
    code = "made = require('socket').tcp() function f() return made:receive() end print(pcall(function()\nf()\nend))"
    assert run("--lua", runtime, "-e", code)[1] == "false\tcalling 'receive' on bad self (tcp{client} expected)\n"


def test_a_terminal_without_arguments_gets_a_prompt() -> None:
    assert parse([], interactive=True).actions == [("version",), ("prompt",)]
    assert parse(["-i"], interactive=True).actions == [("prompt",)]
    assert parse([], interactive=False).actions == [("stdin",)]


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_missing_part_of_luasocket_is_explained(runtime: str) -> None:
    pytest.importorskip(f"lupa.{runtime}")
    status, output, errors = run("--lua", runtime, "-e", "print(pcall(require, 'socket.missing'))", "-l", "ltn13")
    assert "\tsocket.missing is a part of LuaSocket that the oracle takes from an installed one" in output
    assert status == 1
    assert "part of LuaSocket" not in errors


def test_the_environment_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUA_INIT", "x = 1")
    assert run("-e", "print(x)")[1] == "1\n"
    monkeypatch.setenv("LUA_INIT_5_4", "x = 2")
    assert run("-e", "print(x)")[1] == "2\n"
    assert run("-E", "-e", "print(x)")[1] == "nil\n"
    monkeypatch.setenv("LUA_INIT_5_4", "error 'no'")
    assert run("-e", "print(x)")[:2] == (1, "")


@pytest.mark.parametrize("code", ["require('socket').sleep(50)", "while true do end"])
def test_ctrl_c_ends_a_program(code: str) -> None:
    pytest.importorskip("lupa", reason="the command lua needs lupa")
    program = [*COMMAND, "-e", f"io.stderr:write('begun\\n') {code}"]
    with subprocess.Popen(program, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "begun\n"
        process.send_signal(signal.SIGINT)
        errors = process.stderr.read()
    assert process.returncode == 1
    assert "interrupted!" in errors.splitlines()[0]


def test_without_lupa_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("luasocket_runners.bridge.command.find_spec", lambda _name: None)
    assert main(["lua", "-e", "print(1)"]) == 3
    assert "pip install 'luasocket-conformance[lupa]'" in capsys.readouterr().err


def test_arguments_that_the_interpreter_refuses() -> None:
    with pytest.raises(UsageError, match="'-e' needs argument"):
        parse(["-e"], interactive=False)
    with pytest.raises(UsageError, match="unrecognized option '-x'"):
        parse(["-x"], interactive=False)
    options = parse(["-e", "x", "file", "a"], interactive=True)
    assert options.arguments == {-3: "lua", -2: "-e", -1: "x", 0: "file", 1: "a"}
    assert options.actions == [("execute", "x"), ("file", "file")]


def test_a_trace_without_calls_is_empty(tmp_path: Any) -> None:
    trace = tmp_path / "trace.jsonl"
    trace.write_text("of an earlier run")
    assert run("--trace", str(trace), "-e", "print(1)")[:2] == (0, "1\n")
    assert trace.read_bytes() == b""


#: Functions that return tables, in a coroutine that only the stack refers to, while everything else is collected.
COROUTINES = """
local socket = require "socket"
local function work()
    local _, _, message = socket.select({}, {}, 0)
    local addresses = socket.dns.getaddrinfo("127.0.0.1")
    local made = assert((socket.tcp4 or socket.tcp)())
    local linger = made:getoption("linger")
    local readable = socket.select({ assert(socket.bind("127.0.0.1", 0)) }, { made }, 0)
    collectgarbage()
    collectgarbage()
    return message, addresses[1].addr, linger.on, #readable
end
local function inner()
    return coroutine.resume(coroutine.create(work))
end
for i = 1, 20 do
    local values = { coroutine.resume(coroutine.create(inner), i) }
    if i == 20 then
        print(unpack(values)) -- luacheck: ignore
    end
end
"""


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_tables_are_returned_to_coroutines(tmp_path: Any, runtime: str) -> None:
    pytest.importorskip(f"lupa.{runtime}")
    script = tmp_path / "script.lua"
    script.write_text("local unpack = table.unpack or unpack\n" + COROUTINES)
    assert run("--lua", runtime, str(script)) == (0, "true\ttrue\ttimeout\t127.0.0.1\tfalse\t0\n", "")
