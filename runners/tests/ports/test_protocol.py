"""The transcript of PROTOCOL.md, replayed against each shipped adapter."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from luasocket_runners.ports import Port, PortGone, PortUnavailable, resolve
from luasocket_runners.ports.lua_interpreter import ADAPTER, INTERPRETERS
from luasocket_runners.ports.lupa import RUNTIMES
from luasocket_runners.ports.process import CommandPort

pytestmark = pytest.mark.usefixtures("nothing_left")

PROTOCOL = Path(__file__).parents[3] / "PROTOCOL.md"

#: Seconds for any answer.
PATIENCE = 60.0

REFERENCE_CHILD = "the reference as a child"

PORTS = ["reference", REFERENCE_CHILD, *INTERPRETERS, *(f"lupa:{runtime}" for runtime in RUNTIMES)]


def find(name: str) -> Port:
    """Return a port; skip the test where it is not installed."""
    if name == REFERENCE_CHILD:
        return CommandPort(name, [sys.executable, "-m", "luasocket_runners.ports.adapters.reference"])
    port = resolve(name)
    try:
        port.open(None).close()
    except PortUnavailable as unavailable:
        pytest.skip(str(unavailable))
    return port


@pytest.fixture(params=PORTS)
def port(request: pytest.FixtureRequest) -> Port:
    return find(request.param)


def transcript() -> list[tuple[str, Any]]:
    """Return the lines of the transcript: the direction and the message."""
    blocks = re.findall(r"^```transcript\n(.*?)^```", PROTOCOL.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    return [(line[0], json.loads(line[2:])) for line in lines]


def same(expected: Any, got: Any) -> bool:
    """Compare messages; the entries of a table have no order."""
    if expected == "…":
        return True
    if isinstance(expected, dict) and isinstance(got, dict):
        if expected.keys() == got.keys() == {"table"}:
            wanted = sorted(map(json.dumps, expected["table"]))
            return wanted == sorted(json.dumps(pair).replace("1.0", "1") for pair in got["table"])
        if "protocol" in expected and "token" not in expected:
            got = {key: value for key, value in got.items() if key != "token"}  # of processes only
        return expected.keys() == got.keys() and all(same(value, got[key]) for key, value in expected.items())
    if isinstance(expected, list) and isinstance(got, list):
        return len(expected) == len(got) and all(map(same, expected, got))
    return bool(expected == got)


def test_the_transcript(port: Port) -> None:
    messages = transcript()
    assert len(messages) > 50
    connection = port.open("luasocket-3")
    try:
        for direction, message in messages:
            if direction == ">":
                connection.post(message)
            else:
                got = connection.wait(PATIENCE)
                assert same(message, got), f"expected {message}, got {got}"
        with pytest.raises(PortGone, match=r"exited with status 0|said goodbye"):
            connection.wait(PATIENCE)
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("change", "claimed"),
    [
        ("", True),
        ("local real = collectgarbage; collectgarbage = function() end", False),
        # a runtime without weak tables, and one without finalizers
        ("local real = setmetatable; setmetatable = function(t, m) m.__mode = nil return real(t, m) end", False),
        (
            "local set = setmetatable; setmetatable = function(t, m) m.__gc = nil return set(t, m) end newproxy = nil",
            False,
        ),
    ],
)
@pytest.mark.parametrize("lua", ["lua5.1", "lua5.4", "luajit"])
def test_the_lua_adapter_claims_gc_only_where_it_works(tmp_path: Path, lua: str, change: str, claimed: bool) -> None:
    if not shutil.which(lua):
        pytest.skip(f"{lua} is not installed")
    program = tmp_path / "program.lua"
    program.write_text(f"{change}\nassert(loadfile({str(ADAPTER)!r}))('socket')\n")
    connection = resolve(f"command:{lua} {program}").open(None)
    try:
        connection.post({"id": 1, "op": "describe", "protocol": 1})
        described = connection.wait(PATIENCE)
        assert described is not None
        assert ("gc" in described["capabilities"]) is claimed
    finally:
        connection.close()


@pytest.mark.skipif(not shutil.which("lua5.4"), reason="lua5.4 is not installed")
def test_the_lua_adapter_prints_to_standard_error_only(tmp_path: Path) -> None:
    module = tmp_path / "noisy.lua"
    module.write_text(
        'print("one") io.write("two\\n") io.stdout:write("three\\n")\n'
        'return { _VERSION = "noisy 1", f = function() print("four") return 4 end }\n'
    )
    connection = resolve(f"lua5.4@{module}").open("defold")
    try:
        connection.post({"id": 1, "op": "describe", "protocol": 1})
        described = connection.wait(PATIENCE)
        assert described is not None
        assert (described["version"], described["dialect"]) == ("noisy 1", "defold")
        connection.post({"id": 2, "op": "call", "target": "socket.f", "args": []})
        assert connection.wait(PATIENCE) == {"id": 2, "returns": [4]}
        connection.post({"id": 3, "op": "bye"})
        assert connection.wait(PATIENCE) == {"id": 3, "returns": []}
        with pytest.raises(PortGone):
            connection.wait(PATIENCE)
        assert connection.stderr_tail == "one\ntwo\nthree\nfour"
    finally:
        connection.close()
