"""The reference through Lua: the same program gives the same output as with real LuaSocket, and behaviours pass."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from luasocket_runners.bridge.command import RUNTIMES
from luasocket_runners.cli.main import main

pytest.importorskip("lupa", reason="the bridge needs lupa: pip install 'luasocket-conformance[lupa]'")

PROGRAMS = Path(__file__).parent / "programs"

#: The interpreter with real LuaSocket beside each runtime; there is no LuaSocket for Lua 5.5.
INTERPRETERS = {
    "lua51": "lua5.1", "lua52": "lua5.2", "lua53": "lua5.3", "lua54": "lua5.4", "luajit21": "luajit",
}  # fmt: skip


def run_lua(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "luasocket_runners", "lua", *words]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)


def real_lua(interpreter: str, program: Path) -> str:
    if shutil.which(interpreter) is None:
        pytest.skip(f"{interpreter} is not installed")
    done = subprocess.run([interpreter, str(program)], capture_output=True, text=True, timeout=60, check=False)
    if "module 'socket" in done.stderr:
        pytest.skip(f"LuaSocket is not installed for {interpreter}")
    return done.stdout + done.stderr


def without_numbers(text: str) -> str:
    """Replace addresses of objects and ephemeral ports, which differ from run to run."""
    return re.sub(r"\b[1-9]\d{4}\b", "PORT", re.sub("0x[0-9a-f]+", "ADDRESS", text))


@pytest.mark.parametrize("program", sorted(PROGRAMS.glob("*.lua")), ids=lambda path: path.stem)
@pytest.mark.parametrize("runtime", INTERPRETERS)
def test_programs_print_the_same_as_on_real_luasocket(runtime: str, program: Path) -> None:
    expected = real_lua(INTERPRETERS[runtime], program)
    done = run_lua("--lua", runtime, str(program))
    assert without_numbers(done.stdout + done.stderr) == without_numbers(expected)
    assert expected.endswith("end\n")


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_behaviours_pass_through_each_lua(runtime: str, capsys: pytest.CaptureFixture[str]) -> None:
    selectors = ["except", "select/dirty*", "*/*callable*", "inheritance", "tcp/receive-line", "udp/create"]
    assert main(["run", "--port", f"reference:{runtime}", "--workers", "2", *selectors]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("runtime", ["lua51", "luajit21"])
def test_behaviours_of_defold_pass(runtime: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--port", f"reference:{runtime}", "--dialect", "defold", "--workers", "2"]
    assert main(["run", *arguments, "except", "helper", "inheritance", "module"]) == 0, capsys.readouterr().out


def test_objects_are_collected_while_the_program_runs() -> None:
    program = """
        local core = require "socket.core"
        local function descriptors() local s = core.tcp4() local fd = s:getfd() s:close() return fd end
        local first = descriptors()
        for i = 1, 1500 do
            assert(core.tcp4())
            if i % 100 == 0 then collectgarbage() collectgarbage() end
        end
        print(descriptors() <= first)
    """
    for runtime in RUNTIMES:
        done = run_lua("--lua", runtime, "-e", program)
        assert done.stdout + done.stderr == "true\n", runtime


def test_finalizers_use_sockets_when_the_program_ends() -> None:
    program = """
        server = require("socket").bind("127.0.0.1", 0)
        keep = setmetatable({}, {__gc = function() print(server:close(), server:getfd()) end})
    """
    assert run_lua("-e", program).stdout == "1.0\t-1.0\n"
