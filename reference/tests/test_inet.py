"""Names and addresses, with answers of the resolver that the test chooses."""

import socket as system

import pytest
from luasocket_reference import inet


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (system.gaierror(system.EAI_AGAIN, "x"), b"temporary failure in name resolution"),
        (system.gaierror(system.EAI_ADDRFAMILY, "x"), b"Address family for hostname not supported"),
        (OSError(24, "x"), b"Too many open files"),
    ],
)
def test_errors_of_the_resolver(monkeypatch, socket, error, message):
    def fail(*_arguments, **_options):
        raise error

    monkeypatch.setattr(inet.socket, "getaddrinfo", fail)
    assert socket.dns.getaddrinfo("name") == (None, message)
    assert socket.dns.getnameinfo("name") == (None, message)
    assert socket.connect("name", 1) == (None, message)


def test_addresses_of_one_family_share_a_socket(monkeypatch, socket):
    (server,) = socket.bind("127.0.0.1", 0)
    _, port, _ = server.getsockname()
    found = [(system.AF_INET, system.SOCK_STREAM, 0, "", (host, int(port))) for host in ("127.0.0.2", "127.0.0.1")]
    monkeypatch.setattr(inet.socket, "getaddrinfo", lambda *_arguments, **_options: found)
    # The first refuses, and Linux does not connect a socket that was refused.
    assert socket.connect("name", port) == (None, b"closed")
    found.reverse()
    assert len(socket.connect("name", port)) == 1


def test_the_other_family_is_tried(monkeypatch, socket):
    (server,) = socket.bind("127.0.0.1", 0)
    _, port, _ = server.getsockname()
    found = [
        (family, system.SOCK_STREAM, 0, "", (host, int(port)))
        for family, host in ((system.AF_INET6, "::1"), (system.AF_INET, "127.0.0.1"))
    ]
    monkeypatch.setattr(inet.socket, "getaddrinfo", lambda *_arguments, **_options: found)
    (client,) = socket.connect("name", port)
    assert client.getfamily() == (b"inet4",)
    client.close()
    (master,) = socket.tcp()
    assert master.connect("name", port) == (1,)
    master.close()
