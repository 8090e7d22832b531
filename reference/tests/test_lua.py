"""Numbers in the forms of Lua and C, and tables."""

import math

import pytest
from luasocket_reference import LUA_VERSIONS, Table
from luasocket_reference.lua.numbers import as_int, as_long, as_size, format_number, to_number


@pytest.mark.parametrize("lua", LUA_VERSIONS.values(), ids=list(LUA_VERSIONS))
@pytest.mark.parametrize(
    ("text", "number"),
    [
        (b" 12\t", 12), (b"-1.5e1", -15.0), (b".5", 0.5), (b"5.", 5.0), (b"0x10", 16), (b"-0xA", -10), (b"+1", 1),
        (b"0x.8p1", 1.0), (b"0x1.8", 1.5), (b"0x1e1", 481), (b"08", 8), (b"9223372036854775808", 2.0**63),
        (b"0x1p99999", math.inf), (b"-0x1p99999", -math.inf), (b"1e999", math.inf), (b"0x1p-2000", 0.0),
        (b"", None), (b"1 2", None), (b"0x", None), (b"0x.", None), (b".", None), (b"1_0", None), (b"1e", None),
        (b"++1", None), (b"0x+1", None), (b"0x1p", None), (b"1f", None), (b"infinit", None), (b"nan(", None),
        (True, None), (None, None), ({}, None), (3, 3), (2**70, 2.0**70),
    ],
)  # fmt: skip
def test_numerals_of_every_lua(text, number, lua):
    assert to_number(text, lua) == number


def test_integers_of_python_that_no_double_holds():
    assert to_number(10**400, LUA_VERSIONS["5.4"]) == math.inf
    assert to_number(-(10**400), LUA_VERSIONS["5.1"]) == -math.inf
    assert format_number(10**400, LUA_VERSIONS["5.4"]) == b"inf"


@pytest.mark.parametrize(
    ("text", "by_version"),
    [
        (b"0xffffffffffffffff", {"5.1": 2.0**64, "5.2": 2.0**64, "luajit": 2.0**64, "5.3": -1, "5.4": -1, "5.5": -1}),
        (b"0x10000000000000000", {"5.1": 2.0**64, "5.4": 0}),
        (b"-0xffffffffffffffff", {"5.2": -(2.0**64), "5.4": 1}),
        (b"0x8000000000000000", {"luajit": 2.0**63, "5.4": -(2**63)}),
        (b"9223372036854775807", {"5.1": 2.0**63, "5.4": 2**63 - 1}),
        (b"-9223372036854775808", {"5.1": -(2.0**63), "5.4": -(2**63)}),
        (b"00000000000000000000000000000007", {"5.1": 7, "5.4": 7}),
        (b"1" * 5000, {"5.1": math.inf, "5.4": math.inf}),
        (b"inf", {"5.1": math.inf, "luajit": math.inf, "5.2": None, "5.3": None, "5.4": None}),
        (b"-INFINITY", {"5.1": -math.inf, "luajit": -math.inf, "5.4": None}),
        (b"nan(1)", {"5.2": None, "5.4": None, "luajit": None}),
        (b"0b11", {"5.1": None, "5.4": None, "luajit": 3}),
        (b"1\0", {"5.1": 1, "5.2": None, "5.4": None, "luajit": None}),
        (b"1\0x", {"5.1": 1, "5.4": None}),
    ],
)
def test_numerals_by_version(text, by_version):
    assert {name: to_number(text, LUA_VERSIONS[name]) for name in by_version} == by_version


def test_nan_as_a_numeral():
    found = {
        name: [text for text in (b"nan", b"-nan", b"nan(1)") if to_number(text, lua) is not None]
        for name, lua in LUA_VERSIONS.items()
    }
    assert found == {
        "5.1": [b"nan", b"-nan", b"nan(1)"], "luajit": [b"nan", b"-nan"], "5.2": [], "5.3": [], "5.4": [], "5.5": [],
    }  # fmt: skip


def test_integers_and_floats_are_told_apart_from_lua_5_3_on():
    assert [type(to_number(text, LUA_VERSIONS["5.4"])) for text in (b"1", b"1.0", b"0x1")] == [int, float, int]
    assert {type(to_number(text, LUA_VERSIONS["5.1"])) for text in (b"1", b"1.0", b"0x1")} == {float}


@pytest.mark.parametrize(
    ("number", "with_integers", "without"),
    [
        (3, b"3", b"3"), (3.0, b"3.0", b"3"), (-0.0, b"-0.0", b"-0"), (0.1, b"0.1", b"0.1"), (1e15, b"1e+15", b"1e+15"),
        (2**53, b"9007199254740992", b"9.007199254741e+15"), (math.inf, b"inf", b"inf"), (math.nan, b"nan", b"nan"),
        (-math.nan, b"-nan", b"-nan"), (2**64, b"1.844674407371e+19", b"1.844674407371e+19"),
    ],
)  # fmt: skip
def test_numbers_as_they_are_written(number, with_integers, without):
    assert format_number(number, LUA_VERSIONS["5.4"]) == with_integers
    assert format_number(number, LUA_VERSIONS["5.1"]) == without


def test_numbers_as_other_versions_write_them():
    assert [format_number(number, LUA_VERSIONS["5.5"]) for number in (0.1, 1 / 3, 3.0)] == [
        b"0.1", b"0.33333333333333331", b"3.0",
    ]  # fmt: skip
    assert format_number(-math.nan, LUA_VERSIONS["luajit"]) == b"nan"


def test_numbers_are_converted_to_integers_of_c():
    assert [as_int(number) for number in (2.9, -2.9, 2**31, math.nan)] == [2, -2, -(2**31), -(2**31)]
    assert [as_long(number) for number in (2.0**62, math.inf)] == [2**62, -(2**63)]
    assert [as_size(number) for number in (-1, 2.0**63, math.inf, math.nan)] == [2**64 - 1, 2**63, 0, 2**63]


def test_a_table_is_a_key_by_identity():
    one, other = {b"a": 1}, {b"a": 1}
    table = Table()
    table[1], table[one] = one, 1
    assert one in table
    assert other not in table
    assert table.get(other) is None
    assert table[one] == 1
    assert list(table.items()) == [(1, one), (one, 1)]
    assert next(key for key in table if key != 1) is one
