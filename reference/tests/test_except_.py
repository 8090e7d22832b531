"""Exceptions of Python and of Lua in ``protect`` and ``newtry``."""

import pytest
from luasocket_reference import LuaError


def test_an_exception_is_a_table_of_its_message(socket):
    with pytest.raises(LuaError) as caught:
        socket.try_(None, "message")
    assert caught.value.value == {1: b"message"}


def test_protect_does_not_catch_other_exceptions(socket):
    def broken():
        raise ZeroDivisionError

    (protected,) = socket.protect(broken)
    with pytest.raises(ZeroDivisionError):
        protected()


def test_python_functions_in_newtry_and_protect(socket, connection):
    closed = []
    (lua_try,) = socket.newtry(lambda: closed.append(connection.client.close()) or ())
    (protected,) = socket.protect(lambda pattern: lua_try(*connection.client.receive(pattern)))
    connection.accepted.send("line\n")
    assert protected("*l") == (b"line", None, None)
    connection.accepted.close()
    assert protected("*l") == (None, b"closed")
    assert closed == [(1,)]
