"""Tables and objects of Python that ``select`` accepts."""

import pytest
from luasocket_reference import LuaError, Table


@pytest.mark.parametrize("kind", [dict, Table])
def test_a_table_with_getfd_takes_part(connection, socket, kind):
    (number,) = connection.client.getfd()
    asked = []
    stand_in = kind({b"getfd": lambda held: asked.append(held) or (number,)})
    readable, writable = socket.select(None, {1: stand_in})
    assert readable == {}
    assert list(writable.items()) == [(1, stand_in), (stand_in, 1)]
    assert all(held is stand_in for held in asked)
    stand_in[b"dirty"] = lambda held: (True,)
    assert socket.select({1: stand_in})[0][1] is stand_in


def test_an_error_raised_by_getfd_is_raised_by_select(socket):
    def getfd(_held):
        raise LuaError({b"code": 1})

    with pytest.raises(LuaError) as caught:
        socket.select({1: {b"getfd": getfd}})
    assert caught.value.value == {b"code": 1}


def test_a_descriptor_that_is_not_open_fails(socket):
    (made,) = socket.tcp6()
    (number,) = made.getfd()
    made.close()
    with pytest.raises(LuaError, match="select failed"):
        socket.select({1: {b"getfd": lambda _: (number,)}}, None, 0)
