"""Real LuaSocket inside of the workers: whatever it does to them, the results are those of a process of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from luasocket_runners.ports import PortUnavailable, resolve

#: Seconds after which a call hangs: on a busy machine, any call may take one.
DEADLINE = "3"

#: LuaSocket, of which three functions are replaced.
_MODULE = """
local where = package.path:gsub("^[^;]*;", "", 1)
local socket = assert(loadfile(package.searchpath("socket", where)))("socket")
local gettime, sleep = socket.gettime, socket.sleep
function socket.skip() os.exit(3) end
function socket.gettime() while true do end end
function socket.sleep(...) print("noise") io.stderr:write("noise") io.write("noise") return sleep(...) end
return socket
"""


@pytest.fixture(autouse=True)
def port() -> None:
    """Skip a test where lupa or its LuaSocket is missing."""
    try:
        resolve("lupa:lua54").open(None).close()
    except PortUnavailable as unavailable:
        pytest.skip(str(unavailable))


def run(folder: Path, workers: int, *selectors: str) -> tuple[dict[str, tuple[str, str]], str]:
    """Return the verdict and the reason of each behaviour, and everything that the command prints."""
    report = folder / f"{workers}.json"
    options = ["--port", "lupa:lua54", "--workers", str(workers), "--deadline", DEADLINE, "--json", str(report)]
    done = subprocess.run(
        [sys.executable, "-m", "luasocket_runners", "run", *options, *selectors],
        env={**os.environ, "LUA_PATH": f"{folder}/?.lua;;"}, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode in {0, 1}, done.stderr
    results = json.loads(report.read_text(encoding="utf-8"))["results"]
    return {result["id"]: (result["verdict"], result["reason"]) for result in results}, done.stdout + done.stderr


def test_a_worker_that_dies_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "socket.lua").write_text(_MODULE, encoding="utf-8")
    # of all behaviours of the module, these hang once, and end the process: each hang costs the deadline, three times
    selectors = ("module/extra-arguments", "module/skip", "tcp/create", "tcp/names", "try", "choose", "tcp/shutdown")
    apart, _ = run(tmp_path, 1, *selectors)
    inside, printed = run(tmp_path, 4, *selectors)
    assert inside == apart
    assert {verdict for verdict, _ in apart.values()} == {"passed", "failed"}
    reasons = " ".join(reason for _, reason in apart.values())
    assert "exited with status 3" in reasons
    assert "the call hangs" in reasons
    # A process that slept before it died has the noise as its last words; which one that is, depends on time.
    assert "noise" not in re.sub(r'last\s+words:\s+"[^"]*"', "", printed)


@pytest.mark.skipif(sys.platform != "linux", reason="no process can be interrupted")
def test_a_behaviour_that_stops_the_port_has_a_process_for_it(tmp_path: Path) -> None:
    results, _ = run(tmp_path, 3, "interruptions", "tcp/create", "tcp/connect", "tcp/send", "tcp/receive-line")
    assert any(name.startswith("interruptions/") for name in results)
    assert not [name for name, (_, reason) in results.items() if "interruption" in reason]
