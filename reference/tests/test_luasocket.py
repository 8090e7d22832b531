"""The Python API: attributes, index, setindex, tostring, and str arguments."""

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


def test_functions_of_other_dialects_are_absent():
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


def test_the_fields_of_a_bad_argument(socket):
    (udp,) = socket.udp()
    with pytest.raises(luasocket_reference.BadArgument) as caught:
        index(udp, "settimeout")(udp, 1, "x")
    error = caught.value
    assert (error.position, error.name, error.reason, error.located) == (3, "settimeout", "invalid timeout mode", True)
    assert error.value == error.message(by_colon=False) == b"bad argument #3 to 'settimeout' (invalid timeout mode)"
    assert error.message(by_colon=True) == b"bad argument #2 to 'settimeout' (invalid timeout mode)"
    with pytest.raises(LuaError, match=r"^bad argument #2 to 'settimeout' \(invalid timeout mode\)$"):
        udp.settimeout(1, "x")
    with pytest.raises(LuaError, match=r"^calling 'send' on bad self \(udp\{connected\} expected"):
        luasocket_reference.invoke(udp, "send", "x")


def test_errors_without_a_place(socket):
    with pytest.raises(LuaError) as caught:
        socket.select({1: 1}, None, 0)
    assert (caught.value.value, caught.value.located) == (b"attempt to index a number value", False)
    with pytest.raises(LuaError) as caught:
        socket.dns.getnameinfo()
    assert caught.value.located


def test_the_core_lacks_only_the_helper_module():
    for name in luasocket_reference.DIALECTS:
        whole, core = luasocket_reference.open(name), luasocket_reference.core(name)
        assert set(whole) - set(core) == {
            b"BLOCKSIZE", b"bind", b"choose", b"connect4", b"connect6", b"sink", b"sinkt", b"source", b"sourcet",
            b"try",
        }  # fmt: skip
        assert set(core) <= set(whole)


def test_classes_are_metatables():
    found = luasocket_reference.classes("luasocket-3", "5.1")
    assert sorted(found) == ["tcp{client}", "tcp{master}", "tcp{server}", "udp{connected}", "udp{unconnected}"]
    (master,) = luasocket_reference.core().tcp6()
    methods = found[master.class_name]
    assert methods["getfamily"](master) == (b"inet6",)
    assert methods["__tostring"](master) == (tostring(master),)
    with pytest.raises(LuaError, match=r"tcp\{client\} expected"):
        methods["receive"](master)
    assert methods["__gc"](master) == (1,)
    assert methods["getfd"](master) == (-1,)
    assert "gettimeout" not in luasocket_reference.classes("defold")["tcp{master}"]


@pytest.mark.parametrize("dialect", sorted(luasocket_reference.DIALECTS))
def test_exceptions_are_unwrapped_for_hosts(dialect):
    with pytest.raises(LuaError) as caught:
        luasocket_reference.open(dialect).try_(None, "message")
    assert luasocket_reference.unwrap(caught.value.value, dialect) == (None, b"message")
    assert isinstance(caught.value.value, luasocket_reference.LuaException) is (dialect == "luasocket-3")
    assert luasocket_reference.unwrap({1: b"plain"}, "defold") == (None, b"plain")
    assert luasocket_reference.unwrap({1: b"plain"}, "luasocket-3") is None
    assert luasocket_reference.unwrap(b"text", "defold") is None


class HostTable:
    """A table of an embedding program."""

    lua_type = "table"
    lua_name = "host"

    def __init__(self, fields):
        self.fields = fields

    def lua_index(self, key):
        return self.fields.get(key)


def test_values_of_a_host_take_part(connection):
    socket = luasocket_reference.open(lua="5.4")
    number = int(connection.client.getfd()[0])
    member = HostTable({b"getfd": lambda _: (number,)})
    readable, writable = socket.select(None, HostTable({1: member}), 0)
    assert (readable, list(writable.items())) == ({}, [(1, member), (member, 1)])
    assert connection.client.setoption("linger", HostTable({b"on": True, b"timeout": 1})) == (1,)
    with pytest.raises(LuaError, match="number expected, got host"):
        socket.sleep(member)
    with pytest.raises(LuaError, match="number expected, got table"):
        luasocket_reference.open(lua="5.1").sleep(member)


def test_errors_name_classes_since_lua_5_3():
    for lua, name in (("5.1", "userdata"), ("5.2", "userdata"), ("luajit", "userdata"), ("5.3", r"tcp\{master\}")):
        socket = luasocket_reference.open("luasocket-3", lua)
        (master,) = socket.tcp()
        with pytest.raises(LuaError, match=f"number expected, got {name}"):
            socket.sleep(master)
        with pytest.raises(LuaError, match="boolean expected, got userdata"):
            master.setoption("keepalive", master)


def test_a_version_of_lua_that_does_not_exist():
    with pytest.raises(ValueError, match=r"no Lua '6.0': there are 5.1, 5.2, 5.3, 5.4, 5.5, luajit"):
        luasocket_reference.open(lua="6.0")


def test_integers_and_floats_are_those_of_c(connection):
    client = connection.client
    floats = [client.send("abc")[0], client.settimeout(1)[0], client.getfd()[0], client.setoption("keepalive", True)[0]]
    assert [type(value) for value in floats] == [float] * 4
    assert type(client.getpeername()[1]) is int
    assert type(client.getoption("linger")[0][b"timeout"]) is int
