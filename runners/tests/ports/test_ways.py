"""The ways to a port: names, TCP in both directions, a thread of our own, and what is left when we die."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from luasocket_runners.ports import Connection, PortGone, PortUnavailable, UnknownPort, known_ports, resolve
from luasocket_runners.ports.inprocess import InProcessConnection, reference_api
from luasocket_runners.ports.process import DIALECT_VARIABLE, CommandPort
from luasocket_runners.ports.python_adapter import PythonAdapter
from luasocket_runners.ports.tcp import ListenPort

#: Seconds for any answer.
PATIENCE = 60.0

#: Seconds for what has to happen at once: a hundred times longer than it takes.
SOON = 10.0

DESCRIBE = {"id": 1, "op": "describe", "protocol": 1}


def serve(connected: socket.socket) -> None:
    """Be an adapter that answers each line with a description."""
    with connected, connected.makefile("rwb") as stream:
        for _ in stream:
            stream.write(b'{"id":1,"name":"tcp"}\r\n')
            stream.flush()


def described(connection: Connection) -> dict[str, Any] | None:
    """Ask a connection to describe itself, and close it."""
    try:
        connection.post(DESCRIBE)
        return connection.wait(PATIENCE)
    finally:
        connection.close()


# Names


@pytest.mark.parametrize("name", ["", "nope", "lupa", "lupa:", "lupa:lua50", "lua6.1", "reference@x", "ftp:x"])
def test_an_unknown_name_is_told_with_those_that_are_known(name: str) -> None:
    with pytest.raises(UnknownPort, match="lua54"):
        resolve(name)


@pytest.mark.parametrize("name", ["command:", "command:'x", "lua:", "tcp:", "tcp:localhost", "tcp:h:99999", "tcp:h:x"])
def test_a_name_that_makes_no_sense(name: str) -> None:
    with pytest.raises(PortUnavailable, match=name):
        resolve(name)


def test_known_ports_resolve() -> None:
    names = [name for name in known_ports() if not any(map(str.isupper, name))]
    assert {"reference", "lua5.1", "luajit", "lupa:lua54"} <= set(names)
    assert [resolve(name).name for name in names] == names


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("command:no-such-program x", "there is no program no-such-program"),
        ("lua:no-such-lua", "there is no program no-such-lua"),
        ("lua:true", "exited with status 0"),
        ("lua5.4@no_such_module", "the Lua module 'no_such_module' is not installed for Lua 5.4"),
        ("lupa:lua54@no_such_module", "the Lua module 'no_such_module' is not installed for Lua 5.4"),
        ("lua5.4@/no/such/file.lua", "cannot open /no/such/file.lua"),
        ("tcp:127.0.0.1:1", "Connection refused"),
    ],
)
def test_what_cannot_be_run_is_unavailable(name: str, sentence: str) -> None:
    with pytest.raises(PortUnavailable, match=sentence):
        resolve(name).open(None)


@pytest.mark.usefixtures("nothing_left")
def test_a_program_that_cannot_be_executed_is_unavailable(tmp_path: Path) -> None:
    program = tmp_path / "adapter"
    program.write_bytes(b"\x7fELF nonsense")
    program.chmod(0o755)
    with pytest.raises(PortUnavailable, match="cannot be started"):
        resolve(f"command:{program}").open(None)


@pytest.mark.usefixtures("nothing_left")
def test_lupa_says_when_it_is_not_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "lupa"
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(PortUnavailable, match="this lupa carries no lua54"):
        resolve("lupa:lua54").open(None)
    (package / "__init__.py").write_text("raise ModuleNotFoundError('no lupa', name='lupa')")
    with pytest.raises(PortUnavailable, match="pip install"):
        resolve("lupa:lua54").open(None)


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("dialect", [None, "defold"])
def test_the_dialect_reaches_the_adapter(dialect: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    script = f'read x; echo "{{\\"dialect\\":\\"${DIALECT_VARIABLE}\\"}}"'
    port = CommandPort("sh", ["sh", "-c", script])
    monkeypatch.setenv(DIALECT_VARIABLE, "of somebody else")
    assert described(port.open(dialect)) == {"dialect": dialect or ""}


# TCP


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_dialling_and_being_dialled(host: str) -> None:
    """Both ways: one port listens, and what dials it serves; what it accepts is dialled by the other."""
    bare = host.strip("[]")
    try:
        listener = socket.create_server((bare, 0), family=socket.AF_INET6 if ":" in bare else socket.AF_INET)
    except OSError as error:
        pytest.skip(f"{host}: {error}")
    with listener:
        port = resolve(f"tcp:{host}:{listener.getsockname()[1]}")
        for _ in range(2):
            connection = port.open(None)
            thread = threading.Thread(target=serve, args=[listener.accept()[0]])
            thread.start()
            assert described(connection) == {"id": 1, "name": "tcp"}
            thread.join(SOON)
            assert not thread.is_alive()
    listening = resolve(f"tcp-listen:{host}:0")
    assert isinstance(listening, ListenPort)
    address = listening.listen()
    thread = threading.Thread(target=lambda: serve(socket.create_connection(address)))
    thread.start()
    assert described(listening.open(None)) == {"id": 1, "name": "tcp"}
    thread.join(SOON)
    assert not thread.is_alive()
    del listening  # so that it stops listening


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("end", [socket.socket.close, lambda end: _reset(end)], ids=["closed", "reset"])
def test_a_connection_that_ends(end: Callable[[socket.socket], None]) -> None:
    listening = ListenPort("tcp-listen:127.0.0.1:0", ("127.0.0.1", 0))
    adapter = socket.create_connection(listening.listen())
    connection = listening.open(None)
    adapter.sendall(b'{"id":1}\n{"id"')
    assert connection.wait(PATIENCE) == {"id": 1}
    end(adapter)
    for _ in range(2):
        with pytest.raises(PortGone, match="The port closed the connection"):
            connection.wait(PATIENCE)
    connection.close()
    del listening  # so that it stops listening


def _reset(end: socket.socket) -> None:
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    end.close()


@pytest.mark.usefixtures("nothing_left")
def test_nobody_dials() -> None:
    with pytest.raises(PortUnavailable, match=r"no adapter dialled 127\.0\.0\.1:\d+ within 0\.05 s"):
        ListenPort("tcp-listen:127.0.0.1:0", ("127.0.0.1", 0), limit=0.05).open(None)


# In process


class _Broken(PythonAdapter):
    def _release(self, handles: list[int]) -> None:
        raise RuntimeError(handles)


@pytest.mark.usefixtures("nothing_left")
def test_a_bug_of_the_implementation_is_a_fault(capsys: pytest.CaptureFixture[str]) -> None:
    connection = InProcessConnection(_Broken(reference_api()))
    connection.post({"id": 1, "op": "release", "handles": [5]})
    assert connection.wait(PATIENCE) == {"id": 1, "fault": "reference broke: RuntimeError: [5]"}
    connection.close()
    assert "RuntimeError" in capsys.readouterr().err


@pytest.mark.usefixtures("nothing_left")
def test_a_call_that_hangs_is_abandoned() -> None:
    """A wait for a datagram that never comes ends when the connection is closed; so does the thread."""
    connection = resolve("reference").open(None)
    connection.post({"id": 1, "op": "call", "target": "socket.udp4", "args": []})
    assert connection.wait(PATIENCE) == {"id": 1, "returns": [{"handle": 1, "type": "userdata"}]}
    connection.post({"id": 2, "op": "call", "handle": 1, "method": "receive", "args": []})
    assert connection.wait(0.05) is None
    connection.close()


@pytest.mark.usefixtures("nothing_left")
def test_an_adapter_in_the_middle_of_a_callback_is_closed() -> None:
    connection = resolve("reference").open(None)
    connection.post({"id": 1, "op": "call", "target": "coroutine.wrap", "args": [{"function": 1}]})
    connection.wait(PATIENCE)
    connection.post({"id": 2, "op": "call", "handle": 1, "args": []})
    assert connection.wait(PATIENCE) == {"id": 2, "callback": 1, "args": []}
    connection.close()


# Our own end

_RUNNER = """
import sys, time
from luasocket_runners.ports import resolve
connection = resolve("command:sh -c 'trap \\"\\" HUP INT TERM; sleep 1000 & echo {}; wait'").open(None)
connection.wait(60)
print(connection.pid, flush=True)
time.sleep(1000)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_no_adapter_survives_us(
    number: signal.Signals, members_of: Callable[[int], list[int]], is_gone: Callable[[int], bool]
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _RUNNER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as runner:
        assert runner.stdout is not None
        try:
            group = int(runner.stdout.readline())
            assert len(members_of(group)) == 2
            runner.send_signal(number)
            runner.wait(SOON)
        finally:
            runner.kill()
    assert is_gone(group)
