"""Scripts for bug reports: every Lua compiles every one; on real LuaSocket they print what is expected."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import luasocket_spec
import pytest
from luasocket_runners import peer_program
from luasocket_runners.lua_script import needs_peer_program, peer_actions, script
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


def play(lua: str, behaviour: Behaviour, folder: Path) -> str:
    """Run a script, with the program that plays its peers where it needs that; return what it printed."""
    file = folder / "repro.lua"
    file.write_text(script(behaviour, "luasocket-3"), encoding="utf-8")
    command = [lua, str(file)]
    program = None
    listener = peer_program.listen(0)
    with listener:
        if needs_peer_program(behaviour):
            command.append(str(listener.getsockname()[1]))
            program = threading.Thread(target=peer_program.serve, args=(behaviour, listener, lambda text: None, LONG))
            program.start()
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, timeout=LONG)
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
def test_a_fixture_that_is_used_twice(spec: dict[str, Behaviour], tmp_path: Path) -> None:
    lua = interpreter("lua5.1", luasocket=True)
    printed = play(lua, spec["tcp/timeout/objects-have-their-own"], tmp_path)
    assert differences(printed) == []
    assert 'a:receive()\n    expected  "hello", nil, nil\n    returned  "hello", nil, nil\n' in printed


@pytest.mark.parametrize("arguments", [[], ["soon"], ["1"]])
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
def test_nobody_comes(spec: dict[str, Behaviour]) -> None:
    with peer_program.listen(0) as listener, pytest.raises(peer_program.NobodyCame, match=r"came within 0\.05 s"):
        peer_program.serve(spec["tcp/timeout/objects-have-their-own"], listener, lambda text: None, 0.05)


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("goes", ["at once", "in the middle of a line", "with a reset", "while a peer waits"])
def test_the_script_goes_away(spec: dict[str, Behaviour], goes: str) -> None:
    behaviour = spec["tcp/timeout/objects-have-their-own"]
    with peer_program.listen(0) as listener:
        program = threading.Thread(target=peer_program.serve, args=(behaviour, listener, lambda text: None, LONG))
        program.start()
        with socket.create_connection(listener.getsockname()) as control:
            if goes == "in the middle of a line":
                control.sendall(b"1")
            elif goes == "with a reset":
                control.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            elif goes == "while a peer waits":
                control.sendall(b"5\n")  # b sends "hello" later
        program.join(LONG)
        assert not program.is_alive()


@pytest.mark.usefixtures("nothing_left")
def test_lines_that_are_of_no_script(spec: dict[str, Behaviour]) -> None:
    behaviour = spec["tcp/timeout/objects-have-their-own"]
    with peer_program.listen(0) as listener:
        program = threading.Thread(target=peer_program.serve, args=(behaviour, listener, lambda text: None, LONG))
        program.start()
        with socket.create_connection(listener.getsockname()) as control, control.makefile("rwb") as lines:
            for line in (b"GET / HTTP/1.1\n", b"\n", b"99\n", b"-1\n", b"1 x61\n", b"1 zz\n", b"\xff\n"):
                lines.write(line)
                lines.flush()
                assert lines.readline() == b"failed this is no line of the script of this behaviour\n"
            lines.write(b"2\n")  # accept, where nobody listens yet
            lines.flush()
            assert lines.readline() == b"failed the peer a does not listen\n"
        program.join(LONG)
        assert not program.is_alive()
