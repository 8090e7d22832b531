"""Numbers as Lua and C see them, and tables."""

import math

import pytest
from luasocket_reference import Table
from luasocket_reference.auxiliar import as_int, as_long, as_size, format_number, to_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (b" 12\t", 12.0), (b"-1.5e1", -15.0), (b".5", 0.5), (b"5.", 5.0), (b"0x10", 16.0), (b"-0xA", -10.0),
        (b"0x.8p1", 1.0), (b"0xffffffffffffffff", 2.0**64), (b"9223372036854775808", 2.0**63),
        (b"0x1p99999", math.inf), (b"-0x1p99999", -math.inf), (b"1e999", math.inf),
        (b"", None), (b"1 2", None), (b"inf", None), (b"nan", None),
        (b"0x", None), (b"1_0", None), (b"1\0", None), (b"1e", None),
        (True, None), (None, None), ({}, None), (3, 3),
    ],
)  # fmt: skip
def test_numerals(text, number):
    assert to_number(text) == number
    assert type(to_number(text)) is type(number)


@pytest.mark.parametrize(
    ("number", "with_integers", "without"),
    [
        (3, b"3", b"3"), (3.0, b"3.0", b"3"), (-0.0, b"-0.0", b"-0"), (0.1, b"0.1", b"0.1"), (1e15, b"1e+15", b"1e+15"),
        (2**53, b"9007199254740992", b"9.007199254741e+15"), (math.inf, b"inf", b"inf"), (math.nan, b"nan", b"nan"),
    ],
)  # fmt: skip
def test_numbers_as_they_are_written(number, with_integers, without):
    assert format_number(number, True) == with_integers
    assert format_number(number, False) == without


def test_numbers_become_integers_of_c():
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
