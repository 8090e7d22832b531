"""Lua's notation: Lua reads back each written value, and output of a port is escaped."""

from __future__ import annotations

import math
import random
import re
import shutil
import subprocess
from collections.abc import Callable

import pytest
from luasocket_runners import notation
from luasocket_runners.notation import Names, plain, quote, show, string
from luasocket_runners.reports import terminal
from luasocket_runners.values import BadMessage, FunctionRef, Handle, LuaTable, LuaValue, decode, decode_list, encode
from luasocket_spec import model

LUAS = ("lua5.1", "lua5.2", "lua5.3", "lua5.4", "luajit")

#: Always the same: a test that fails once has to fail again.
RANDOM = random.Random(73)

STRINGS = [
    b"", b"\0", b"\0001", b"\x7f1", b"\n\r\t\\\"'", b"]]--", b"\x1b[31m", bytes(range(256)), bytes(range(256))[::-1],
    b"caf\xc3\xa9", b"\x99" + b"9" * 9,
    *(RANDOM.randbytes(RANDOM.randrange(40)) for _ in range(100)),
    *(bytes(RANDOM.choices(b"\0\1\n019\xff", k=12)) for _ in range(100)),
]  # fmt: skip


def unquote(literal: str) -> bytes:
    """Read a string literal as the manual of Lua says: decimal escapes take up to three digits."""
    escapes = {"n": b"\n", "r": b"\r", "t": b"\t", '"': b'"', "\\": b"\\"}

    def piece(match: re.Match[str]) -> bytes:
        if match[1]:
            return bytes([int(match[1])])
        return escapes[match[2]] if match[2] else match[0].encode("ascii")

    assert re.fullmatch(r'"([^"\\]|\\[0-9]{1,3}|\\[nrt"\\])*"', literal)
    return b"".join(map(piece, re.finditer(r"\\([0-9]{1,3})|\\(.)|[^\\]", literal[1:-1])))


@pytest.mark.parametrize("text", STRINGS)
def test_a_quoted_string_is_read_back(text: bytes) -> None:
    literal = quote(text)
    assert literal.isascii()
    assert literal.isprintable()
    assert unquote(literal) == text


ASCII = bytes(range(32, 112))

#: Strings that repeat themselves, at their beginning, in their middle, at their end.
REPETITIVE = [
    b"".join(RANDOM.randbytes(RANDOM.randrange(6)) * RANDOM.choice((0, 1, 3, 20, 500)) for _ in range(4))
    for _ in range(100)
]


@pytest.mark.parametrize("lua", LUAS)
def test_lua_reads_a_quoted_string_back(lua: str) -> None:
    if shutil.which(lua) is None:
        pytest.skip(f"{lua} is not there")
    literals = {quote(text): text for text in STRINGS}
    shown = {string(text): text for text in REPETITIVE}
    literals |= {literal: text for literal, text in shown.items() if "…" not in literal}
    assert len(literals) > len(STRINGS) + len(REPETITIVE) // 3
    program = "".join(f"do local s = {literal} io.write(#s, ':', s, ',') end\n" for literal in literals)
    done = subprocess.run([lua, "-"], input=program.encode(), capture_output=True, check=True)
    assert done.stdout == b"".join(b"%d:%b," % (len(text), text) for text in literals.values())


def test_a_long_string_is_never_shown_long() -> None:
    long = [RANDOM.randbytes(1000), (b"ab" * 20 + b"!") * 300_000, bytes(range(64)) * 100_000, b"\0" * 10**7]
    assert max(len(string(text)) for text in [*long, *REPETITIVE]) < 800  # a byte has at most four characters


@pytest.mark.parametrize(
    ("expected", "actual", "sentence"),
    [
        (b"a", b"b", '"b" instead of "a"'),
        (b"a", b"A", '"A" instead of "a": upper and lower case differ'),
        (b"a" * 8193, b"a" * 8192, "the first 8192 bytes are right, 8192 bytes instead of 8193"),
        (b"a" * 8193, b"a" * 8192 + b"b", 'the strings differ at byte 8193: "b" instead of "a"'),
    ],
)
def test_the_difference_of_two_strings_is_shown(expected: bytes, actual: bytes, sentence: str) -> None:
    assert notation.difference(expected, actual) == sentence


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "nil"), (True, "true"), (False, "false"), (1, "1"), (1.0, "1"), (-0.5, "-0.5"), (0.1, "0.1"),
        (-(10**39), "-1" + "0" * 39), (-(10**41), "-10000000000000000000… (42 digits)"),
        (2.0**60, "1.152921504606847e+18"), (math.inf, "math.huge"), (-math.inf, "-math.huge"), (math.nan, "0/0"),
        (b"x" * 31, '"' + "x" * 31 + '"'), (b"x" * 32, '("x"):rep(32)'), (b"ab" * 80 + b"a", '("ab"):rep(80) .. "a"'),
        (b"GET " + b"\r\n" * 20 + b"1" + b"\0" * 9000, '"GET " .. ("\\r\\n"):rep(20) .. "1" .. ("\\0"):rep(9000)'),
        (ASCII * 3, f"{quote(ASCII[:60])[:-1]}…{quote(ASCII[60:])[1:]} (240 bytes)"), (ASCII * 2, quote(ASCII * 2)),
        (ASCII[:60] * 4, f"({quote(ASCII[:60])}):rep(4)"),
        (b"".join(bytes([65 + n]) * 40 for n in range(26)), f'"{"A" * 40}{"B" * 20}…{"Z" * 20}" (1040 bytes)'),
        (LuaTable(()), "{}"),
        (LuaTable(((1, b"a"), (2, b"b"), (4, b"d"))), '{"a", "b", [4] = "d"}'),
        (LuaTable(((b"a", 1), (b"end", 2), (b"a b", 3), (True, 4))), '{a = 1, ["end"] = 2, ["a b"] = 3, [true] = 4}'),
        (LuaTable(tuple((n, 0) for n in range(1, 31))), "{" + "0, " * 24 + "… (30 entries)}"),
        (LuaTable(((b"a" * 161, 1),)), '{[("a"):rep(161)] = 1}'),
        (
            LuaTable(tuple((n, ASCII) for n in range(1, 26))),
            ("{" + f"{quote(ASCII)}, " * 24)[:2000] + "… (2080 characters)",
        ),
        (Handle(1, "userdata"), "client"), (Handle(2, "table"), "<another table>"),
        (FunctionRef(1), "fin"), (FunctionRef(2), "<a function of the behaviour>"),
        (model.Concat((b"a", model.Repeat(b"b", 3))), '"a" .. ("b"):rep(3)'),
        (model.Keyed((model.Ref("a"), model.Ref("b"))), "{a, b, [a] = 1, [b] = 2}"),
        (model.Fields(()), "{…}"),
        (model.OfType(("nil", "any")), "<anything>"),
        (model.ListOf(model.OfType(("string",))), "<a list, of any length, of strings>"),
        (model.ListOf(model.OfType(("any",))), "<a list, of any length, of anything>"),
        (model.Subtype("float", 5), "<the float 5.0>"), (model.Subtype("integer", -5), "<the integer -5>"),
        (model.Subtype("float", 0.5), "<the float 0.5>"),
        (model.Subtype("integer", model.OfType(("number",))), "<an integer: <a number>>"),
        (model.ListOf(7), "<a list, of any length, of 7>"),
        (model.Ref("client"), "client"), (model.Ref("fin"), "fin"), (model.Ref("nobody"), "nobody"),
        (model.Ref("name"), '"vm"'),
    ],
)  # fmt: skip
def test_values_in_the_notation_of_lua(value: object, shown: str) -> None:
    client = Handle(1, "userdata")
    bound: dict[str, LuaValue] = {"a.client": client, "client": client, "fin": FunctionRef(1), "name": b"vm"}
    assert show(value, Names(bound)) == shown


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (b"\xff\0", "\xff\0"), (math.inf, {"number": "inf"}), (-math.inf, {"number": "-inf"}), (1.5, 1.5), (None, None),
        (FunctionRef(3), {"function": 3}), (LuaTable(((1, b"a"),)), {"table": [[1, "a"]]}),
    ],
)  # fmt: skip
def test_values_are_encoded_and_decoded(value: LuaValue, form: object) -> None:
    assert encode(value) == form
    assert decode(form) == value


@pytest.mark.parametrize(
    ("data", "form"),
    [
        (b"x" * 100_000, {"repeat": "x", "times": 100_000}),
        (b"ab\xff" * 50_000, {"repeat": "ab\xff", "times": 50_000}),
        (b"ab" * 50_000 + b"a", None), (b"ab" * 50_000 + b"bb", None), (b"x" * 1000, None),
        (b"0123456789abcdefg" * 10_000, None),
    ],
    ids=["one byte", "three", "not to the end", "not at the end", "short", "too much at once"],
)  # fmt: skip
def test_repetitive_strings_are_encoded_as_repetitions(data: bytes, form: object) -> None:
    plain = data.decode("latin-1")
    assert (encode(data), encode(data, repeats=True)) == (plain, form or plain)
    assert decode(encode(data, repeats=True)) == data


@pytest.mark.parametrize(
    "forms",
    [
        [{"repeat": "xx", "times": 1 << 40}],
        [{"repeat": "x", "times": 1 << 25}] * 3,
        [{"table": [[1, {"repeat": "x", "times": 1 << 25}], [2, {"repeat": "x", "times": 1 << 26}]]}],
    ],
)
def test_the_repetitions_of_a_message_have_a_budget(forms: list[object]) -> None:
    with pytest.raises(BadMessage, match="exceed 67108864 bytes in one message"):
        decode_list(forms, "returns")


def test_nothing_may_be_repeated_any_number_of_times() -> None:
    assert decode_list([{"repeat": "", "times": 10**400}], "returns") == (b"",)


def test_a_string_is_not_repeated_less_than_never() -> None:
    with pytest.raises(BadMessage, match="'times': -1} is not a value of the protocol"):
        decode_list([{"repeat": "x", "times": -1}], "returns")


def test_repetitions_within_the_budget_are_values() -> None:
    assert decode_list([{"repeat": "x", "times": 1 << 25}] * 2, "returns") == (b"x" * (1 << 25),) * 2


def test_nan_is_encoded_and_decoded() -> None:
    form = encode(math.nan)
    assert form == {"number": "nan"}
    assert decode(form) != decode(form)


@pytest.mark.parametrize("kind", ["string", "", "user data", None, 7])
def test_the_type_of_a_handle_must_be_one_of_lua(kind: object) -> None:
    with pytest.raises(BadMessage, match="not a value of the protocol"):
        decode({"handle": 1, "type": kind})


HOSTILE = ["\x1b[2J\x1b[H", "\x1b]0;title\a", "a\rb\x08", "\u202eevil", "caf\xe9 \U0001f4a9", "\x9b31m", "\ud800", "\0"]


@pytest.mark.parametrize("escape", [plain, terminal.printable])
@pytest.mark.parametrize("text", HOSTILE)
def test_output_of_a_port_is_escaped(escape: Callable[[str], str], text: str) -> None:
    shown = escape(text)
    assert shown.replace("\n", "").isprintable()
    assert shown.isascii()


def test_escaped_output_keeps_its_lines_and_is_not_escaped_twice() -> None:
    assert terminal.printable("one\ntwo \\x1b\n\tthree") == "one\ntwo \\x1b\n\\tthree"
    assert plain("one\ntwo") == "one\\ntwo"
    assert plain("x" * 301) == "x" * 300 + "…"


@pytest.mark.parametrize("word", ["nil", "goto", "a-b", "1a", "", "\xe9"])
def test_words_that_are_not_a_name(word: str) -> None:
    assert not notation.is_name(word.encode())


def test_a_long_list_is_cut() -> None:
    assert notation.show_list((0,) * 30, Names({})) == "0, " * 24 + "… (30 values)"
    assert notation.show_call(model.PathTarget("f"), (0,) * 25, Names({})) == "f(" + "0, " * 24 + "… (25 values))"
