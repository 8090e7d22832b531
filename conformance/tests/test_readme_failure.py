"""Checks the failure that README.md shows: the command prints it for a port with that mistake."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"
BEHAVIOUR = "tcp/receive-line/nothing-at-timeout"
#: LuaSocket, but for a receive without the third result where nothing has arrived.
BROKEN = """\
local socket = require "socket"
local methods = debug.getregistry()["tcp{client}"].__index
local receive = methods.receive
function methods.receive(...)
    local data, err, partial = receive(...)
    if partial == "" then return data, err end
    return data, err, partial
end
return socket
"""


def without_lines(text: str) -> str:
    """Return a text without numbers of lines, which move with every behaviour above."""
    return re.sub(r"\.yaml:\d+( \(step at line \d+\))?", ".yaml", text)


def test_the_failure_in_the_readme_is_what_the_command_prints(tmp_path: Path) -> None:
    if shutil.which("lua5.4") is None or subprocess.run(["lua5.4", "-e", 'require "socket"']).returncode:
        assert not os.environ.get("LUASOCKET_REQUIRE_REAL"), "LuaSocket for Lua 5.4 is not installed"
        pytest.skip("LuaSocket for Lua 5.4 is not installed here")
    (tmp_path / "broken.lua").write_text(BROKEN)
    command = [sys.executable, "-m", "luasocket_runners"]
    adapter = subprocess.run([*command, "adapter"], capture_output=True, text=True, check=True).stdout
    (tmp_path / "adapter.lua").write_text(adapter)
    done = subprocess.run(
        [*command, "run", "--port", f"command:lua5.4 {tmp_path / 'adapter.lua'} broken", BEHAVIOUR],
        capture_output=True, text=True, env={**os.environ, "LUA_PATH": f"{tmp_path}/?.lua;;"},
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    block = re.search(rf"```\n(FAILED {BEHAVIOUR}\n.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    assert without_lines(block[1].strip()) in without_lines(done.stdout)
