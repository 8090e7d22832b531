"""The recording proxies relay as if they were not there, and write what they relay."""

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from luasocket_runners.cli.main import main
from luasocket_runners.peers.endpoint import RESET
from luasocket_runners.recorder import TRACE_SCHEMA
from luasocket_runners.recorder.datagram_proxy import DatagramProxy
from luasocket_runners.recorder.proxy import Proxy
from luasocket_runners.recorder.relayed import RelayTrace

LOOPBACK = ("127.0.0.1", 0)

#: Seconds after which a read of these tests fails instead of waiting.
PATIENCE = 20


class Recording:
    """A proxy in a thread, before a server of the test."""

    def __init__(self, file: Path, make: Any, kind: socket.SocketKind) -> None:
        self.file = file
        self.server = socket.socket(socket.AF_INET, kind)
        self.server.settimeout(PATIENCE)
        self.server.bind(LOOPBACK)
        if kind == socket.SOCK_STREAM:
            self.server.listen()
        self._stream = file.open("w", encoding="ascii")
        self.target = self.server.getsockname()
        self.proxy = make(LOOPBACK, self.target, RelayTrace(self._stream))
        self._thread = threading.Thread(target=self.proxy.serve, daemon=True)
        self._thread.start()

    def connect(self) -> tuple[socket.socket, socket.socket]:
        """Return both ends of a new connection."""
        client = socket.create_connection(self.proxy.address, PATIENCE)
        accepted, _ = self.server.accept()
        accepted.settimeout(PATIENCE)
        return client, accepted

    def stop(self) -> list[dict[str, Any]]:
        """Stop the proxy; return its events."""
        if self._thread.is_alive():
            self.proxy.stop()
            self._thread.join(PATIENCE)
            assert not self._thread.is_alive()
            self._stream.close()
            self.server.close()
        lines = [json.loads(line) for line in self.file.read_text().splitlines()]
        schema = jsonschema.Draft202012Validator(json.loads(TRACE_SCHEMA.read_text()))
        for line in lines:
            schema.validate(line)
        return lines[1:]


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Callable[..., Recording]]:
    made = []

    def make(kind: Any = Proxy) -> Recording:
        protocol = socket.SOCK_STREAM if kind is Proxy else socket.SOCK_DGRAM
        made.append(Recording(tmp_path / "trace.jsonl", kind, protocol))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def kinds(events: list[dict[str, Any]], connection: int = 1) -> list[tuple[str, str]]:
    return [(e["event"], e.get("from", "")) for e in events if e["connection"] == connection]


def test_half_closed_connections_stay_half_closed(recording: Callable[..., Recording]) -> None:
    record = recording()
    client, server = record.connect()
    with client, server:
        client.sendall(b"question\0\xff")
        client.shutdown(socket.SHUT_WR)
        assert server.makefile("rb").read() == b"question\0\xff"
        server.sendall(b"answer")
        server.shutdown(socket.SHUT_WR)
        assert client.makefile("rb").read() == b"answer"
    events = record.stop()
    # the client may send before the server is reached
    assert sorted(kinds(events)[:4]) == [("accepted", ""), ("connected", ""), ("data", "client"), ("end", "client")]
    assert kinds(events)[4:] == [("data", "server"), ("end", "server")]
    assert [e["bytes"] for e in events if "bytes" in e] == ["question\x00\xff", "answer"]
    assert events[0]["local"] == [str(part) for part in record.proxy.address]
    assert [event["at"] for event in events] == sorted(event["at"] for event in events)


@pytest.mark.parametrize("from_client", [True, False])
def test_resets_are_passed_on_behind_the_bytes(recording: Callable[..., Recording], from_client: bool) -> None:
    record = recording()
    client, server = record.connect()
    one, other = (client, server) if from_client else (server, client)
    with one, other:
        one.sendall(b"last words")
        assert other.recv(4) == b"last"
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        one.close()
        assert other.recv(100) == b" words"
        with pytest.raises(ConnectionResetError):
            other.recv(1)
    assert kinds(record.stop())[-1] == ("reset", "client" if from_client else "server")


def test_a_reset_is_noticed_while_nobody_reads(recording: Callable[..., Recording]) -> None:
    record = recording()
    client, server = record.connect()
    with client, server:
        client.close()  # which ends its stream only, until the server writes
        assert server.recv(1) == b""
        server.sendall(b"x")
        with pytest.raises(OSError, match=r"reset|pipe"):
            server.sendall(b"x" * (1 << 26))
    assert kinds(record.stop())[-1] == ("reset", "client")


def test_a_slow_reader_slows_the_writer(recording: Callable[..., Recording]) -> None:
    record = recording()
    client, server = record.connect()
    data = bytes(range(256)) * 1024 * 64
    with client, server:
        client.setblocking(False)
        sent = 0
        try:
            while sent < len(data):
                sent += client.send(data[sent : sent + 65536])
        except BlockingIOError:
            pass
        assert sent < len(data)  # buffers of the system, but none without limit
        client.settimeout(PATIENCE)
        writer = threading.Thread(target=client.sendall, args=(data[sent:],))
        writer.start()
        got = bytearray()
        while len(got) < len(data):
            got += server.recv(1 << 20)
        writer.join()
    assert got == data
    assert "".join(e["bytes"] for e in record.stop() if e["event"] == "data").encode("latin-1") == data


def test_several_connections_at_once(recording: Callable[..., Recording]) -> None:
    record = recording()
    pairs = [record.connect() for _ in range(30)]
    for number, (client, _) in enumerate(pairs):
        client.sendall(b"%d" % number)
    for number, (client, server) in enumerate(pairs):
        assert server.recv(10) == b"%d" % number
        client.close()
        assert server.recv(10) == b""
        server.close()
    events = record.stop()
    assert {e["connection"] for e in events} == set(range(1, 31))


def test_a_server_that_is_not_there(recording: Callable[..., Recording]) -> None:
    record = recording()
    record.server.close()
    # bound, so that nobody else gets the port, but not listening
    with socket.socket() as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(record.target)
        # the reset may come before create_connection returns
        with pytest.raises(ConnectionResetError), socket.create_connection(record.proxy.address, PATIENCE) as client:
            client.recv(1)
        last = record.stop()[-1]
    assert (last["event"], last["reason"]) == ("refused", "Connection refused")


def test_datagrams(recording: Callable[..., Recording]) -> None:
    record = recording(DatagramProxy)
    clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for client in clients:
        client.settimeout(PATIENCE)
        client.connect(record.proxy.address)
    for client in clients:
        client.send(b"ping\0")
        data, sender = record.server.recvfrom(100)
        record.server.sendto(data + b"pong", sender)
        assert client.recv(100) == b"ping\0pong"
        client.close()
    events = record.stop()
    for number in (1, 2):
        assert kinds(events, number) == [
            ("accepted", ""), ("connected", ""), ("datagram", "client"), ("datagram", "server"),
        ]  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_ends_with_a_whole_trace(tmp_path: Path, number: int) -> None:
    file = tmp_path / "trace.jsonl"
    with closing(socket.create_server(LOOPBACK)) as server:
        command = [
            sys.executable, "-P", "-m", "luasocket_runners", "record", "--listen", "127.0.0.1:0",
            "--to", f"127.0.0.1:{server.getsockname()[1]}", "--trace", str(file),
        ]  # fmt: skip
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert process.stdout is not None
        address = process.stdout.readline().split()[0]
        with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), PATIENCE) as client:
            server.settimeout(PATIENCE)
            accepted, _ = server.accept()
            accepted.sendall(b"abc")
            assert client.recv(10) == b"abc"
            accepted.close()
        process.send_signal(number)
        output, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, errors, output) == (0, "", "1 connection, 3 bytes\n")
    assert "data" in [json.loads(line).get("event") for line in file.read_text().splitlines()]


@pytest.mark.parametrize(
    ("listen", "to", "problem"),
    [
        ("8080", "127.0.0.1:80", "'8080' is not HOST:PORT"),
        ("127.0.0.1:0", "nowhere.invalid:80", "nowhere.invalid:80 cannot be used"),
        ("192.0.2.1:80", "127.0.0.1:80", "192.0.2.1:80 cannot be used"),
    ],
)
def test_addresses_that_cannot_be_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], listen: str, to: str, problem: str
) -> None:
    assert main(["record", "--listen", listen, "--to", to, "--trace", str(tmp_path / "trace")]) == 2
    assert problem in capsys.readouterr().err
