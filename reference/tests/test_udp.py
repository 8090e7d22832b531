"""Datagrams of Python's own sockets."""

from socket import AF_INET, SOCK_DGRAM
from socket import socket as system_socket


def test_an_unconnected_socket_receives_from_a_foreign_socket(socket):
    (receiver,) = socket.udp()
    assert receiver.setsockname("127.0.0.1", 0) == (1,)
    host, port, family = receiver.getsockname()
    assert (host, family) == (b"127.0.0.1", b"inet")
    with system_socket(AF_INET, SOCK_DGRAM) as sender:
        sender.bind(("127.0.0.1", 0))
        sender.sendto(b"\0\xff", ("127.0.0.1", int(port)))
        assert receiver.receivefrom() == (b"\0\xff", b"127.0.0.1", sender.getsockname()[1])


def test_a_connected_socket_can_be_disconnected(socket):
    (one,) = socket.udp()
    for peer in ("127.0.0.1", "*", "127.0.0.1"):
        assert one.setpeername(peer, 9) == (1,)
    assert one.getpeername() == (b"127.0.0.1", 9, b"inet")
    one.setpeername("*")
    assert one.getoption("error") == (None,)
    assert one.sendto(b"", "127.0.0.1", 9) == (0,)
