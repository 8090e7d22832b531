"""Adapters over TCP, in both directions: the runner connects, or the adapter does."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
from luasocket_runners.ports import Connection, PortGone, PortUnavailable, resolve
from luasocket_runners.ports.descendants import TOKEN_VARIABLE
from luasocket_runners.ports.tcp import ListenPort

#: Seconds for any reply.
PATIENCE = 60.0

#: Seconds for an event that comes at once: a hundred times longer than it takes.
SOON = 10.0


def serve(connected: socket.socket) -> None:
    """Be an adapter that answers each line with a description."""
    with connected, connected.makefile("rwb") as stream:
        for _ in stream:
            stream.write(b'{"id":1,"name":"tcp"}\r\n')
            stream.flush()


def described(connection: Connection) -> dict[str, Any] | None:
    """Ask a connection to describe itself, and close it."""
    try:
        connection.post({"id": 1, "op": "describe", "protocol": 1})
        return connection.wait(PATIENCE)
    finally:
        connection.close()


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_the_runner_connects_and_the_adapter_connects(host: str) -> None:
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
def test_with_a_token_in_the_environment_no_other_adapter_is_admitted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "secret")
    listening = ListenPort("tcp-listen:127.0.0.1:0", ("127.0.0.1", 0))
    address = listening.listen()
    with socket.create_connection(address) as stranger, socket.create_connection(address) as adapter:
        stranger.sendall(b'{"id":0,"token":"guessed"}\n')
        adapter.sendall(b'{"id":0,"token":"secret"}\n')
        connection = listening.open(None)
        adapter.sendall(b'{"id":1,"name":"the adapter"}\n')
        assert connection.wait(PATIENCE) == {"id": 1, "name": "the adapter"}
        connection.close()
    assert "refused a connection from 127.0.0.1:" in capsys.readouterr().err
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
def test_no_adapter_connects() -> None:
    with pytest.raises(PortUnavailable, match=r"no adapter dialled 127\.0\.0\.1:\d+ within 0\.05 s"):
        ListenPort("tcp-listen:127.0.0.1:0", ("127.0.0.1", 0), limit=0.05).open(None)
