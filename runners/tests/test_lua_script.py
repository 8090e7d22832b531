"""Scripts for bug reports: each Lua compiles each script; on real LuaSocket they print the expected results."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import luasocket_spec
import pytest
from luasocket_runners.repro import peer_program
from luasocket_runners.repro.lua_script import needs_peer_program, peer_actions, script
from luasocket_spec.model import Behaviour

#: The oldest grammar, the newest one, and a compiler of its own.
LUAS = ("lua5.1", "lua5.4", "luajit")

#: Seconds that a script has; it needs a fraction of one.
LONG = 60.0

#: Compiles the scripts that come on standard input, each after a line with its name and its length.
COMPILE = """
for line in function() return io.read("*l") end do
  local name, length = line:match("(%S+) (%d+)")
  local chunk, message = (loadstring or load)(io.read(tonumber(length)), "=" .. name)
  if not chunk then print(message) end
end
"""


@pytest.fixture(scope="module")
def spec() -> dict[str, Behaviour]:
    return {behaviour.id: behaviour for behaviour in luasocket_spec.load().behaviours}


@pytest.fixture(scope="module")
def scripts(spec: dict[str, Behaviour]) -> bytes:
    """The scripts of all behaviours, in the form that COMPILE reads."""
    texts = {identity: script(behaviour, behaviour.dialects[-1]).encode() for identity, behaviour in spec.items()}
    return b"".join(b"%s %d\n%s" % (identity.encode(), len(text), text) for identity, text in texts.items())


def interpreter(lua: str, *, luasocket: bool = False) -> str:
    """Return the path of an interpreter, or skip."""
    path = shutil.which(lua)
    if path is None:
        pytest.skip(f"{lua} is not there")
    if luasocket and subprocess.run([path, "-e", "require 'socket'"], capture_output=True, check=False).returncode:
        pytest.skip(f"{lua} has no LuaSocket")
    return path


@pytest.mark.parametrize("lua", LUAS)
def test_every_script_compiles(lua: str, scripts: bytes) -> None:
    command = [interpreter(lua), "-e", COMPILE]
    done = subprocess.run(command, input=scripts, capture_output=True, check=True, timeout=LONG)
    assert done.stdout == b""


def differences(printed: str) -> list[str]:
    """Return the steps of a script's output whose literal expectation was not met."""
    found = []
    step = r"(?m)^(\S.*)\n    expected  (.*)\n    (?:returned|raised)    ?(.*)$"
    for text, expected, got in re.findall(step, printed):
        if expected.startswith("success"):
            if got.startswith(("nil", "false")):
                found.append(f"{text}: {got}")
        elif not re.search(r"<|an error|\(documented\)", expected) and got != expected:
            found.append(f"{text}: {got} instead of {expected}")
    return found


def some(spec: dict[str, Behaviour], *, beside: bool) -> Iterator[Behaviour]:
    """Return a few behaviours, from all over the spec, whose peers are played beside the script or in it."""
    seen: set[str] = set()
    for behaviour in spec.values():
        subject = behaviour.id.rpartition("/")[0].split("-")[0]
        if subject in seen or behaviour.needs or behaviour.disagrees or not peer_actions(behaviour):
            continue
        if needs_peer_program(behaviour) is beside and "luasocket-3" in behaviour.dialects:
            seen.add(subject)
            yield behaviour


def play(lua: str, behaviour: Behaviour, folder: Path, *, peer: bool = False, module: str = "socket") -> str:
    """Run a script, with the program that runs its peers where it needs that; return what it printed."""
    file = folder / "repro.lua"
    file.write_text(script(behaviour, "luasocket-3", module=module, peer=peer), encoding="utf-8")
    command = [lua, str(file)]
    environment = {**os.environ, "LUA_PATH": f"{folder}/?.lua;;"}
    program = None
    with peer_program.Pipes() as pipes:
        if peer or needs_peer_program(behaviour):
            command.append(str(pipes.directory))
            program = threading.Thread(target=peer_program.serve, args=(behaviour, pipes, lambda text: None, LONG))
            program.start()
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", check=False, timeout=LONG, env=environment
        )
        if program is not None:
            program.join(LONG)
            assert not program.is_alive()
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("beside", [False, True])
def test_scripts_show_what_is_expected(spec: dict[str, Behaviour], tmp_path: Path, beside: bool) -> None:
    lua = interpreter("lua5.4", luasocket=True)
    chosen = list(some(spec, beside=beside))[:12]
    assert len(chosen) == 12
    for behaviour in chosen:
        printed = play(lua, behaviour, tmp_path)
        assert printed.count("    expected  ") >= 1, behaviour.id
        assert (behaviour.id, differences(printed)) == (behaviour.id, [])
        assert "the peer:" not in printed


@pytest.mark.usefixtures("nothing_left")
def test_a_port_that_has_clients_only_is_asked_for_nothing_else(spec: dict[str, Behaviour], tmp_path: Path) -> None:
    """The module has ``tcp``, and clients that connect, and nothing else that LuaSocket has."""
    (tmp_path / "clients.lua").write_text(
        "local socket = require 'socket'\n"
        "return setmetatable({tcp = socket.tcp}, {__index = function(_, name) error('asked for ' .. name) end})\n"
    )
    lua = interpreter("lua5.4", luasocket=True)
    chosen = [behaviour for behaviour in spec.values() if behaviour.subject == "tcp/receive-line"][:10]
    assert any(not needs_peer_program(behaviour) for behaviour in chosen)
    for behaviour in chosen:
        printed = play(lua, behaviour, tmp_path, peer=True, module="clients")
        assert (behaviour.id, differences(printed)) == (behaviour.id, [])
        assert "asked for" not in printed


def test_a_call_that_ends_the_program_has_its_expectation_in_front_of_it(
    spec: dict[str, Behaviour], tmp_path: Path
) -> None:
    (tmp_path / "fatal.lua").write_text("return {tcp = function() os.execute('kill -KILL $PPID') end}\n")
    file = tmp_path / "repro.lua"
    file.write_text(script(spec["tcp/create/tcp-master"], "luasocket-3", module="fatal"), encoding="utf-8")
    environment = {**os.environ, "LUA_PATH": f"{tmp_path}/?.lua;;"}
    command = [interpreter("lua5.4", luasocket=True), str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=LONG, env=environment)
    assert done.returncode < 0
    assert done.stdout.startswith("socket.tcp()\n    expected  ")


@pytest.mark.usefixtures("nothing_left")
def test_a_program_that_loads_the_script_runs_its_loop_after_each_action(
    spec: dict[str, Behaviour], tmp_path: Path
) -> None:
    behaviour = spec["tcp/timeout/objects-have-their-own"]
    (tmp_path / "repro.lua").write_text(script(behaviour, "luasocket-3", peer=True), encoding="utf-8")
    (tmp_path / "main.lua").write_text(
        "local count = 0\n"
        "assert(loadfile(arg[1]))(arg[2], function() count = count + 1 end)\n"
        "print(count .. ' actions')\n"
    )
    with peer_program.Pipes() as pipes:
        program = threading.Thread(target=peer_program.serve, args=(behaviour, pipes, lambda text: None, LONG))
        program.start()
        command = ["main.lua", "repro.lua", str(pipes.directory)]
        lua = interpreter("lua5.1", luasocket=True)
        done = subprocess.run([lua, *command], capture_output=True, text=True, timeout=LONG, check=True, cwd=tmp_path)
        program.join(LONG)
    assert differences(done.stdout) == []
    before_calls = [action for _, action, after in peer_actions(behaviour) if after is None]
    assert done.stdout.endswith(f"\n{len(before_calls)} actions\n")


@pytest.mark.usefixtures("nothing_left")
def test_a_fixture_that_is_used_twice(spec: dict[str, Behaviour], tmp_path: Path) -> None:
    lua = interpreter("lua5.1", luasocket=True)
    printed = play(lua, spec["tcp/timeout/objects-have-their-own"], tmp_path)
    assert differences(printed) == []
    assert 'a:receive()\n    expected  "hello", nil, nil\n    returned  "hello", nil, nil\n' in printed


@pytest.mark.parametrize("arguments", [[], ["soon"], ["/"]])
def test_a_script_without_its_peers_says_what_to_do(
    spec: dict[str, Behaviour], tmp_path: Path, arguments: list[str]
) -> None:
    lua = interpreter("lua5.4", luasocket=True)
    file = tmp_path / "repro.lua"
    file.write_text(script(spec["tcp/timeout/objects-have-their-own"], "luasocket-3"), encoding="utf-8")
    done = subprocess.run([lua, str(file), *arguments], capture_output=True, text=True, check=False, timeout=LONG)
    assert (done.returncode, done.stdout) == (2, "")
    assert "luasocket-conformance peer tcp/timeout/objects-have-their-own" in done.stderr
    assert "traceback" not in done.stderr


@pytest.mark.usefixtures("nothing_left")
def test_a_script_that_never_starts(spec: dict[str, Behaviour]) -> None:
    with peer_program.Pipes() as pipes, pytest.raises(peer_program.ScriptMissing, match=r"started within 0\.05 s"):
        peer_program.serve(spec["tcp/timeout/objects-have-their-own"], pipes, lambda text: None, 0.05)
    assert not pipes.directory.exists()


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("sent", [b"", b"1", b"5\n"], ids=["nothing", "half a line", "a peer acts later"])
def test_the_script_ends_early(spec: dict[str, Behaviour], sent: bytes) -> None:
    with peer_program.Pipes() as pipes:
        arguments = (spec["tcp/timeout/objects-have-their-own"], pipes, lambda text: None, LONG)
        program = threading.Thread(target=peer_program.serve, args=arguments)
        program.start()
        with (pipes.directory / "requests").open("wb") as requests:
            requests.write(sent)
        program.join(LONG)
        assert not program.is_alive()


@pytest.mark.usefixtures("nothing_left")
def test_requests_that_no_script_sends_are_refused(spec: dict[str, Behaviour]) -> None:
    with peer_program.Pipes() as pipes:
        arguments = (spec["tcp/timeout/objects-have-their-own"], pipes, lambda text: None, LONG)
        program = threading.Thread(target=peer_program.serve, args=arguments)
        program.start()
        with (pipes.directory / "requests").open("wb") as requests, (pipes.directory / "replies").open("rb") as replies:
            for line in (b"GET / HTTP/1.1\n", b"\n", b"99\n", b"-1\n", b"1 x61\n", b"1 zz\n", b"\xff\n"):
                requests.write(line)
                requests.flush()
                assert replies.readline() == b"failed this line is not of the script of this behaviour\n"
            requests.write(b"2\n")  # accept, before anything listens
            requests.flush()
            assert replies.readline() == b"failed the peer a does not listen\n"
        program.join(LONG)
        assert not program.is_alive()
