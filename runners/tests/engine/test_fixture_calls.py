"""Fixtures on ports that lack a function, or do it differently; the dialect that is guessed; an unfit machine."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import luasocket_spec
import pytest
from luasocket_runners.capabilities import machine
from luasocket_runners.cli.main import main
from luasocket_runners.engine.engine import Engine
from luasocket_runners.engine.fixture_calls import free_port
from luasocket_runners.ports import Port, PortUnavailable, resolve
from luasocket_runners.result import Result, Verdict

pytestmark = [
    pytest.mark.usefixtures("nothing_left"),
    pytest.mark.skipif(not shutil.which("lua5.4"), reason="lua5.4 is not installed"),
]

#: Begins a module that returns objects of its own, which pass all methods on.
WRAPPER = """
local socket = require "socket"
local copy = {}
for k, v in pairs(socket) do copy[k] = v end
local function wrap(real, change)
    local object = { real = real }
    return setmetatable(object, { __index = function(_, name)
        if change[name] ~= nil then return change[name] or nil end
        if name == "class" then return real.class end
        return real[name] and function(_, ...) return real[name](real, ...) end
    end })
end
"""

WITHOUT_GETSOCKNAME = """
copy.tcp = function() return wrap(socket.tcp(), { getsockname = false }) end
copy.udp = function() return wrap(socket.udp(), { getsockname = false }) end
return copy
"""

CONNECT_RETURNS_A_CLIENT = """
copy.tcp = function()
    return wrap(socket.tcp(), { receive = false, connect = function(_, ...)
        local client = socket.tcp()
        local ok, message = client:connect(...)
        return ok and client, message
    end })
end
return copy
"""


CONNECT_RETURNS_ITS_OBJECT = """
copy.tcp = function()
    return wrap(socket.tcp(), { connect = function(self, ...)
        local ok, message = self.real:connect(...)
        return ok and self, message
    end })
end
return copy
"""


@pytest.fixture
def wrapped(tmp_path: Path) -> Callable[[str], Port]:
    """Makes a port of LuaSocket behind a Lua file."""

    def make(text: str) -> Port:
        module = tmp_path / "wrapped.lua"
        module.write_text(WRAPPER + text)
        return resolve(f"lua5.4@{module}")

    return make


def run(port: Port, *ids: str) -> list[Result]:
    """Run behaviours of the specification."""
    with Engine(port) as engine:
        known = {behaviour.id: behaviour for behaviour in luasocket_spec.load().behaviours}
        return [engine.run(known[identity]) for identity in ids]


def given(*fixtures: str) -> list[str]:
    """Return behaviours that need one of these fixtures and call no `getsockname` themselves."""
    chosen = []
    for behaviour in luasocket_spec.load().behaviours:
        names = {fixture.name for _, fixture in behaviour.given}
        if names & set(fixtures) and behaviour.id.startswith(("tcp/receive-line/", "tcp/accept/", "udp/receive/")):
            chosen.append(behaviour.id)
    return chosen


def test_fixtures_do_without_getsockname(wrapped: Callable[[str], Port]) -> None:
    ids = given("listening server", "accepted client", "bound udp", "connected udp")
    assert len(ids) > 10
    results = run(wrapped(WITHOUT_GETSOCKNAME), *ids)
    assert not [result for result in results if result.fixture and result.verdict is not Verdict.PASSED]
    passed = [result for result in results if result.verdict is Verdict.PASSED]
    assert len(passed) > len(results) / 2


def test_a_fixture_that_binds_to_any_address_does_without_getsockname(wrapped: Callable[[str], Port]) -> None:
    (result,) = run(wrapped(WITHOUT_GETSOCKNAME), "tcp/servers/closing/on-any-address")
    # the fixture is set up; the behaviour asks for the name itself, later
    assert (result.fixture, result.verdict, result.missing) == (None, Verdict.NOT_IMPLEMENTED, ":getsockname")


def test_an_object_that_connect_returned_is_named(wrapped: Callable[[str], Port]) -> None:
    (result,) = run(wrapped(CONNECT_RETURNS_A_CLIENT), given("connected client", "client with timeout")[0])
    assert result.verdict is Verdict.FAILED
    assert result.fixture is not None
    assert result.reason.startswith("connect returned an object (userdata); LuaSocket's returns 1")


def test_a_fixture_is_set_up_where_connect_returns_its_object(wrapped: Callable[[str], Port]) -> None:
    ids = "tcp/receive-line/ends-at-line-feed", "tcp/connect/returns-one"
    received, connected = run(wrapped(CONNECT_RETURNS_ITS_OBJECT), *ids)
    assert received.verdict is Verdict.PASSED
    assert (connected.verdict, connected.fixture) == (Verdict.FAILED, None)


def test_a_chosen_port_is_free() -> None:
    for kind in ("tcp", "udp"):
        assert 20_000 <= free_port("127.0.0.1", kind) < 32_768


def test_the_run_says_that_the_dialect_was_guessed(
    wrapped: Callable[[str], Port], capsys: pytest.CaptureFixture[str]
) -> None:
    name = wrapped("copy.tcp4, copy.udp4 = nil return copy").name
    assert main(["run", "--port", name, "module/skip"]) == 0
    assert "dialect luasocket-3" in (printed := capsys.readouterr().out)
    assert "the dialect was guessed; to set it: --dialect, or" in printed
    assert main(["run", "--port", name, "--dialect", "luasocket-3", "module/skip"]) == 0
    assert "guessed" not in capsys.readouterr().out


def test_an_unfit_machine_is_no_failure_of_the_port(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unfit() -> None:
        raise machine.UnfitMachine("This machine has no working loopback.")

    monkeypatch.setattr(machine, "check", unfit)
    with pytest.raises(PortUnavailable, match="loopback"), Engine(resolve("reference")):
        pass
    assert main(["run"]) == 3
    assert "This machine has no working loopback." in capsys.readouterr().err
