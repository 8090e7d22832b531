"""Peers on real sockets: the effect of an action has arrived when it returns, and no descriptor is left open."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from luasocket_runners.peers import endpoint, numbers
from luasocket_runners.peers.actions import Peer
from luasocket_runners.peers.endpoint import PeerFailure
from luasocket_runners.peers.tcp import TcpPeer
from luasocket_runners.peers.udp import UdpPeer

pytestmark = pytest.mark.usefixtures("nothing_left")

#: Seconds for what happens at once; longer is a failure, not a wait.
SOON = 10.0


@pytest.fixture
def peer() -> Iterator[TcpPeer]:
    made = TcpPeer("the peer p")
    yield made
    made.end()


@pytest.fixture
def udp_peer() -> Iterator[UdpPeer]:
    made = UdpPeer("the peer p")
    yield made
    made.end()


@pytest.fixture
def port(peer: TcpPeer) -> Iterator[socket.socket]:
    """A connection to the peer: the port's side."""
    address = peer.listen("127.0.0.1")
    with socket.create_connection(("127.0.0.1", int(str(address["port"])))) as sock:
        sock.settimeout(SOON)
        peer.accept()
        yield sock


def read_all(sock: socket.socket) -> bytes:
    data = bytearray()
    while more := sock.recv(1 << 20):
        data += more
    return bytes(data)


def test_a_port_apart_is_free_at_another_address(peer: TcpPeer) -> None:
    number = int(str(peer.listen("127.0.0.1", apart=True)["port"]))
    low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text(encoding="ascii").split()[0])
    assert numbers._LOWEST <= number < low
    with socket.socket() as other:
        other.bind(("127.0.0.2", number))


def test_a_port_in_use_is_not_apart(peer: TcpPeer, monkeypatch: pytest.MonkeyPatch) -> None:
    number = int(str(peer.listen("127.0.0.1", apart=True)["port"]))
    assert not numbers._is_free(socket.AF_INET, socket.SOCK_STREAM, number)
    monkeypatch.setattr("random.randrange", lambda *_: number)
    with pytest.raises(OSError, match="no free port"):
        numbers.port_apart(socket.SOCK_STREAM)


def test_sent_data_has_arrived(peer: TcpPeer, port: socket.socket) -> None:
    port.setblocking(False)
    for number in range(20):
        peer.send(b"%03d" % number)
        assert port.recv(10) == b"%03d" % number


def test_unread_data_is_sent_in_the_background_in_order(peer: TcpPeer, port: socket.socket) -> None:
    parts = [bytes([65 + number]) * 2_000_000 for number in range(4)]
    for part in parts:
        peer.send(part)
    peer.close()
    assert read_all(port) == b"".join(parts)


def test_a_shutdown_comes_after_what_is_being_sent(peer: TcpPeer, port: socket.socket) -> None:
    peer.send(b"x" * 8_000_000)
    peer.shutdown("send")
    assert len(read_all(port)) == 8_000_000
    port.sendall(b"still open")
    peer.receive(b"still open")


def test_an_end_while_the_port_never_reads(peer: TcpPeer, port: socket.socket) -> None:
    peer.send(b"x" * 50_000_000)
    peer.end()
    assert not [thread for thread in threading.enumerate() if thread.name == "the peer p"]
    assert port.recv(1)


def test_a_reset_is_remembered(peer: TcpPeer, port: socket.socket) -> None:
    """The system reports it once, here to the second send; after that it looks like an end."""
    peer.send(b"unread")
    port.sendall(b"some")
    port.close()
    with pytest.raises(PeerFailure):
        peer.send(b"x")
    assert peer.arrived() == (b"some", "reset")


def test_bytes_are_waited_for(peer: TcpPeer, port: socket.socket) -> None:
    sender = threading.Timer(0.1, port.sendall, [b"late"])
    sender.start()
    assert peer.arrived(4) == (b"late", None)
    sender.join()


@pytest.mark.parametrize("drains", [False, True])
def test_a_reset_has_arrived(peer: TcpPeer, port: socket.socket, drains: bool) -> None:
    if drains:
        peer.drain()
    peer.reset()
    port.setblocking(False)
    with pytest.raises(ConnectionResetError):
        port.recv(1)


@pytest.mark.parametrize("drains", [False, True])
def test_a_close_has_arrived(peer: TcpPeer, port: socket.socket, drains: bool) -> None:
    port.sendall(b"unread")
    if drains:
        peer.drain()
    peer.close()
    port.setblocking(False)
    assert port.recv(1) == b""


def test_a_reset_after_a_reset_by_the_port(peer: TcpPeer, port: socket.socket) -> None:
    port.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    port.close()
    peer.expect("reset")
    peer.reset()


def test_exactly_received_and_then_reset(peer: TcpPeer, port: socket.socket) -> None:
    port.sendall(b"abc")
    peer.receive(b"abc")
    peer.expect("open")
    port.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    port.close()
    with pytest.raises(PeerFailure, match="the peer p saw a reset of the connection instead of an open connection"):
        peer.expect("open")


def test_ten_megabytes_are_received(peer: TcpPeer, port: socket.socket) -> None:
    sender = threading.Thread(target=port.sendall, args=(b"y" * 10_000_000,))
    sender.start()
    assert peer.receive_bytes(10_000_000) == b"y" * 10_000_000
    sender.join()


def test_a_connection_to_a_refusing_peer_is_refused(peer: TcpPeer) -> None:
    address = peer.refuse("127.0.0.1")
    with socket.socket() as sock, pytest.raises(ConnectionRefusedError):
        sock.connect(("127.0.0.1", address["port"]))


def test_a_datagram_to_a_refusing_peer_is_refused(udp_peer: UdpPeer) -> None:
    address = udp_peer.refuse_udp("127.0.0.1")
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", address["port"]))
        sock.settimeout(SOON)
        sock.send(b"x")
        with pytest.raises(ConnectionRefusedError):
            sock.recv(1)


def test_datagrams_arrive_in_order_and_at_once(udp_peer: UdpPeer) -> None:
    udp_peer.udp("127.0.0.1")
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        for number in range(50):
            udp_peer.send_datagram(b"%d" % number, sock.getsockname())
        assert [sock.recv(10) for _ in range(50)] == [b"%d" % number for number in range(50)]


def test_an_empty_datagram_is_received(udp_peer: UdpPeer) -> None:
    address = udp_peer.udp("127.0.0.1")
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.sendto(b"", ("127.0.0.1", address["port"]))
        sock.sendto(b"", ("127.0.0.1", address["port"]))
    udp_peer.receive(b"")
    with pytest.raises(PeerFailure, match='the peer p received "" instead of nothing at all'):
        udp_peer.nothing_for(SOON)


@pytest.mark.parametrize(
    ("verb", "value", "options", "sentence"),
    [
        ("connect", b"80 ", {"to": b"example.com"}, 'needs an address of the loopback, and was given "example.com"'),
        ("connect", 80, {"to": b"8.8.8.8"}, 'needs an address of the loopback, and was given "8.8.8.8"'),
        ("connect", 80, {"to": None}, "needs a string, and was given nil"),
        ("connect", 0, {}, "from 1 to 65535, and was given 0"),
        ("connect", 10**400, {}, "needs the number of a port, and was given 1000"),
        ("connect", 80.5, {}, "needs the number of a port, and was given 80.5"),
        ("connect", float("nan"), {}, "needs the number of a port, and was given 0/0"),
        ("connect", True, {}, "needs the number of a port, and was given true"),
        ("connect", b"\x1b[2J", {}, r'needs the number of a port, and was given "\\27\[2J"'),
        ("receive_bytes", b"many", {}, 'needs a number of bytes, and was given "many"'),
    ],
)
def test_invalid_arguments_of_a_peer_are_reported(
    verb: str, value: Any, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(PeerFailure, match=sentence):
        Peer("p").act(verb, value, options)


def test_a_port_number_may_be_a_string() -> None:
    peer = Peer("p")
    with socket.create_server(("127.0.0.1", 0)) as server:
        name = peer.act("connect", str(server.getsockname()[1]).encode(), {})
        accepted, address = server.accept()
        accepted.close()
    peer.end()
    assert name == {"ip": b"127.0.0.1", "port": address[1]}


def test_a_peer_does_not_wait_for_ever(peer: TcpPeer, port: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "PATIENCE", 0.01)
    port.sendall(b"abc")
    with pytest.raises(PeerFailure, match='the peer p waited for "abcd" and received only "abc"'):
        peer.receive(b"abcd")
    with pytest.raises(PeerFailure, match="stayed open"):
        peer.expect("closed")


def test_a_peer_ends_when_the_system_refuses_a_thread(
    peer: TcpPeer, port: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            peer.drain()
    peer.end()
    with pytest.raises(ConnectionResetError):
        port.recv(1)
