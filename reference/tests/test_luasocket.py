"""The Python API: attributes, index, setindex, tostring, and what strings may be."""

import re

import luasocket_reference
import pytest
from luasocket_reference import LuaError, index, setindex, tostring


def test_dialects_are_found_by_name():
    assert luasocket_reference.open("defold")._VERSION == b"LuaSocket 3.0-rc1"
    with pytest.raises(ValueError, match=r"no dialect 'lua': there are defold, luasocket-3"):
        luasocket_reference.open("lua")


def test_fields_are_attributes_and_indices(socket):
    assert index(socket, "tcp") is socket.tcp
    assert index(socket, "try") is socket.try_
    assert index(socket.dns, "toip") is socket.dns.toip
    assert index(socket, "nothing") is None
    with pytest.raises(AttributeError, match="no field 'nothing'"):
        _ = socket.nothing


def test_what_a_dialect_lacks_is_absent():
    defold, upstream = (luasocket_reference.open(name) for name in ("defold", "luasocket-3"))
    assert set(upstream) - set(defold) == {b"tcp4", b"udp4", b"_DATAGRAMSIZE", b"_SOCKETINVALID"}
    (master,) = defold.tcp()
    assert index(master, "gettimeout") is None
    with pytest.raises(AttributeError, match="the dialect defold has no method gettimeout"):
        master.gettimeout()


def test_a_method_by_index_is_not_bound(socket):
    (master,), (other,) = socket.tcp(), socket.udp()
    assert index(master, "class") == b"tcp{master}"
    assert index(master, "close") is index(socket.tcp()[0], "close")
    assert index(master, "close")(master) == (1,)
    with pytest.raises(LuaError, match=r"bad argument #1 to 'close' \(tcp\{any\} expected\)"):
        index(master, "close")(other)


def test_numbers_and_true_cannot_be_indexed():
    with pytest.raises(LuaError, match="attempt to index a number value"):
        index(1, "x")
    assert index(b"text", "getfd") is None
    assert index({b"a": b"b"}, "a") == index({"a": "b"}, "a") == b"b"


def test_setindex_changes_the_module_and_no_other(socket):
    setindex(socket, "BLOCKSIZE", 16)
    assert socket.BLOCKSIZE == 16
    assert luasocket_reference.open().BLOCKSIZE == 2048
    setindex(socket, "BLOCKSIZE", None)
    assert index(socket, "BLOCKSIZE") is None


def test_tostring(socket):
    (master,) = socket.tcp()
    assert re.fullmatch(rb"tcp\{master\}: 0x[0-9a-f]+", tostring(master))
    assert repr(master).encode() == tostring(master)
    assert tostring(socket.tcp()[0]) != tostring(master)
    assert [tostring(value) for value in (None, True, 2, 2.0, b"\xff", "\xff")] == [
        b"nil", b"true", b"2", b"2.0", b"\xff", b"\xff",
    ]  # fmt: skip
    assert tostring({}).startswith(b"table: 0x")
    assert tostring(print).startswith(b"function: 0x")


def test_str_arguments_are_latin_1(connection):
    assert connection.client.send("\xff\n") == (2, None, None)
    assert connection.accepted.receive("*l", "p") == (b"p\xff", None, None)


def test_the_value_of_an_error(socket):
    with pytest.raises(LuaError) as caught:
        socket.sleep("x")
    assert caught.value.value == b"bad argument #1 to 'sleep' (number expected, got string)"
    assert str(caught.value) == caught.value.value.decode()
    assert LuaError({1: 2}).value == {1: 2}


def test_skip_with_a_negative_count_keeps_the_count(socket):
    assert socket.skip(-1, 5) == (-1, 5)
