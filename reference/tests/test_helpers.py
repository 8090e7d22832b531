"""The helper module calls through the module, and its streams are tables."""

from luasocket_reference import index, setindex
from luasocket_reference.lua.values import type_name


def test_a_replaced_function_is_used(socket):
    heard = []
    setindex(socket, "connect", lambda *arguments: heard.append(arguments) or (None, b"no"))
    assert socket.connect4("host", 1) == (None, b"no")
    assert socket.connect6("host", 1, "local") == (None, b"no")
    assert [arguments[2:] for arguments in heard] == [(None, None, b"inet"), ("local", None, b"inet6")]


def test_block_sizes_are_the_module_s(socket, connection):
    setindex(socket, "BLOCKSIZE", 3)
    (source,) = socket.source("until-closed", connection.client)
    assert type_name(source) == "table"
    assert index(source, "getfd")(source) == connection.client.getfd()
    connection.accepted.send(b"abcd")
    connection.accepted.close()
    assert [source() for _ in range(3)] == [(b"abc",), (b"d",), (None,)]
    assert connection.client.getfd() == (-1,)


def test_a_sink_sends(socket, connection):
    (sink,) = socket.sink("close-when-done", connection.client)
    assert sink(b"abc") == (3, None, None)
    assert socket.select(None, {1: sink})[1][sink] == 1
    assert sink(None) == (1,)
    assert connection.accepted.receive("*a") == (b"abc", None, None)
