"""Outcomes are compared exactly, but for ports, descriptors, addresses and the places of errors."""

from __future__ import annotations

import pytest
from luasocket_runners.explore.compare import SUBTYPE, Comparison, error_text
from luasocket_runners.explore.steps import Call, Get, Outcome, PeerAct
from luasocket_runners.values import Handle, LuaTable

ONE, TWO = Handle(1, "userdata"), Handle(2, "userdata")
BOTH = LuaTable(((1, ONE), (2, TWO), (ONE, 1), (TWO, 2)))


def differs(path: str, expected: tuple[object, ...], actual: tuple[object, ...]) -> bool:
    comparison = Comparison()
    for handle in (ONE, TWO):
        comparison.pair(("handle", handle.number), ("handle", handle.number))
    step = Call(None, path) if path.startswith("socket.") else Call("object", path)
    return comparison.difference(step, Outcome("returned", expected), Outcome("returned", actual)) is not None


@pytest.mark.parametrize(
    ("path", "expected", "actual"),
    [
        ("receive", (None, b"timeout", b""), (None, b"timeout", b"")),
        ("send", (1, None, None), (1.0, None, None)),
        ("getfd", (4,), (9,)),
        ("getfd", (-1,), (-1,)),
        ("getsockname", (b"127.0.0.1", 40001, b"inet"), (b"127.0.0.1", 50002, b"inet")),
        ("getsockname", (b"127.0.0.1", b"40001", b"inet"), (b"127.0.0.1", b"50002", b"inet")),
        ("getstats", (0, 0, 0.25), (0, 0, 1.5)),
        ("getstats", (0, 0, float("nan")), (0, 0, float("nan"))),
        ("socket.gettime", (1.0,), (2.0,)),
        ("socket.select", (BOTH,), (LuaTable(((1, TWO), (2, ONE), (TWO, 1), (ONE, 2))),)),
        ("socket.skip", (float("nan"),), (float("nan"),)),
        ("socket.skip", (1,), (1.0,)),
    ],
)  # fmt: skip
def test_equal(path: str, expected: tuple[object, ...], actual: tuple[object, ...]) -> None:
    assert not differs(path, expected, actual)


def test_subtypes_count_where_both_sides_have_them() -> None:
    comparison = Comparison(subtypes=True)
    step = Call(None, "socket.skip")
    integer, real = Outcome("returned", (1,)), Outcome("returned", (1.0,))
    assert comparison.difference(step, integer, real) == SUBTYPE
    assert comparison.difference(step, integer, Outcome("returned", (2.0,))) == "result 1 differs"
    assert comparison.difference(step, real, real) is None
    comparison.tolerate_subtypes("socket.skip")
    assert comparison.difference(step, integer, real) is None
    assert comparison.difference(Call(None, "socket.sleep"), integer, real) == SUBTYPE


@pytest.mark.parametrize(
    ("path", "one", "other"),
    [
        ("getfd", (4.0,), (9,)),
        ("getstats", (0.0, 0.0, 0.25), (0.0, 0.0, 1)),
        ("socket.gettime", (1.5,), (2,)),
    ],
)
def test_subtypes_count_where_values_differ_too(path: str, one: tuple[object, ...], other: tuple[object, ...]) -> None:
    comparison = Comparison(subtypes=True)
    step = Call(None, path) if path.startswith("socket.") else Call("object", path)
    assert comparison.difference(step, Outcome("returned", one), Outcome("returned", other)) == SUBTYPE


def test_the_number_of_an_argument_counts_in_functions_alone() -> None:
    first = Outcome("raised", (b"bad argument #1 to 'select' (descriptor too large for set size)",))
    second = Outcome("raised", (b"x.lua:1: bad argument #2 to '?' (descriptor too large for set size)",))
    function, method = Call(None, "socket.select"), Call("object", "send")
    assert Comparison().difference(function, first, second) == "another argument is blamed"
    assert Comparison().difference(function, second, second) is None
    assert Comparison().difference(method, first, second) is None


@pytest.mark.parametrize(
    ("option", "actual", "equal"),
    [
        (b"recv-buffer-size", 4096, True),
        (b"recv-buffer-size", None, False),
        (b"linger", 4096, False),
    ],
)
def test_sizes_of_buffers_are_up_to_the_system(option: bytes, actual: object, equal: bool) -> None:
    step = Call("object", "getoption", (option,))
    difference = Comparison().difference(step, Outcome("returned", (40000,)), Outcome("returned", (actual,)))
    assert (difference is None) == equal


@pytest.mark.parametrize(("actual", "equal"), [(b"LuaSocket 9", True), (b"", False), (False, False), (None, False)])
def test_versions_may_be_any_text(actual: object, equal: bool) -> None:
    step = Get(None, "socket._VERSION")
    difference = Comparison().difference(step, Outcome("returned", (b"LuaSocket 3",)), Outcome("returned", (actual,)))
    assert (difference is None) == equal


@pytest.mark.parametrize(
    ("path", "expected", "actual"),
    [
        ("receive", (None, b"timeout", b""), (None, b"timeout")),
        ("receive", (None, b"timeout", b""), (None, b"timeout", None)),
        ("receive", (b"a",), (b"b",)),
        ("dirty", (True,), (1,)),
        ("getfd", (4,), (-1,)),
        ("getsockname", (b"127.0.0.1", 40001, b"inet"), (b"127.0.0.1", b"50002", b"inet")),
        ("getsockname", (b"127.0.0.1", 80, b"inet"), (b"127.0.0.1", 81, b"inet")),
        ("getstats", (0, 0, 0.25), (0, 1, 0.25)),
        ("getstats", (0, 0, 0.25), (0, 0, 250)),
        ("getstats", (0, 0, 0.25), (0, 0, True)),
        ("socket.gettime", (1.8e9,), (8.5e8,)),
        ("socket.gettime", (1.8e9,), (b"1.8e9",)),
        ("socket.select", (LuaTable(((1, ONE), (ONE, 1))),), (LuaTable(((1, ONE),)),)),
        ("socket.select", (LuaTable(((1, ONE), (ONE, 1))),), (LuaTable(((1, ONE), (ONE, 2))),)),
        ("socket.select", (LuaTable(((1, ONE), (ONE, 1))),), (LuaTable(((1, TWO), (TWO, 1))),)),
    ],
)  # fmt: skip
def test_different(path: str, expected: tuple[object, ...], actual: tuple[object, ...]) -> None:
    assert differs(path, expected, actual)


def test_a_port_stands_for_the_same_port_from_then_on() -> None:
    comparison = Comparison()
    step = Call("server", "getsockname")

    def outcome(port: int) -> Outcome:
        return Outcome("returned", (b"127.0.0.1", port, b"inet"))

    assert comparison.difference(step, outcome(40001), outcome(50001)) is None
    assert comparison.difference(step, outcome(40001), outcome(50001)) is None
    assert comparison.difference(step, outcome(40001), outcome(50002)) == "result 2 differs"
    assert comparison.difference(step, outcome(40002), outcome(50001)) == "result 2 differs"
    comparison.reset()
    assert comparison.difference(step, outcome(40001), outcome(50002)) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"x.lua:3: invalid receive pattern", b"another/file.lua:77: invalid receive pattern"),
        (b"bad argument #1 to 'send' (string expected, got nil)", b"bad argument #2 to '?' (string expected, got nil)"),
        (b"attempt to index a nil value", b"socket.lua:95: attempt to index upvalue 'sock' (a nil value)"),
        (b"attempt to index a nil value", b"socket.lua:95: attempt to index a nil value (upvalue 'sock')"),
        (b"calling 'send' on bad self (tcp{client} expected)", b"bad argument #1 to 'f' (tcp{client} expected)"),
    ],
)
def test_errors_are_compared_by_their_reason(one: bytes, other: bytes) -> None:
    assert error_text(one) == error_text(other)


def test_errors_with_other_reasons_differ() -> None:
    assert error_text(b"attempt to index a nil value") != error_text(b"attempt to call a nil value")
    assert error_text(b"attempt to index a nil value") != error_text(b"attempt to index a table value")
    assert error_text(b"bad argument #1 to 'f' (a)") != error_text(b"bad argument #1 to 'f' (b)")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Handle(1, "table"), LuaTable(((1, b"oops"),)), True),
        (LuaTable(((1, b"oops"),)), Handle(1, "table"), True),
        (Handle(1, "table"), Handle(1, "userdata"), True),
        (Handle(1, "table"), b"oops", False),
        (ONE, LuaTable(()), False),
        (LuaTable(((b"code", 1),)), LuaTable(((b"code", 1),)), True),
        (LuaTable(((b"code", 1),)), LuaTable(((b"code", 2),)), False),
    ],
)
def test_the_kind_of_an_exception_is_free(one: object, other: object, same: bool) -> None:
    call = Call("g", "")
    found = Comparison().difference(call, Outcome("raised", (one,)), Outcome("raised", (other,)))
    assert (found is None) is same


def test_the_bytes_that_a_peer_saw_are_compared() -> None:
    step = PeerAct("peer", "collect")
    comparison = Comparison()
    assert comparison.difference(step, Outcome("saw", (b"a", None)), Outcome("saw", (b"a", None))) is None
    assert comparison.difference(step, Outcome("saw", (b"a", None)), Outcome("saw", (b"ab", None))) is not None
    assert comparison.difference(step, Outcome("saw"), Outcome("saw", (b"failure",), sentence="x")) is not None


@pytest.mark.parametrize(
    ("data", "ended", "same"),
    [(b"ab", "reset", True), (b"a", "reset", True), (b"b", "reset", False), (b"a", "closed", False)],
)
def test_a_reset_drops_what_has_not_been_read(data: bytes, ended: str, same: bool) -> None:
    step = PeerAct("peer", "end")
    expected, actual = Outcome("saw", (b"ab", "reset")), Outcome("saw", (data, ended))
    assert (Comparison().difference(step, expected, actual) is None) == same
    looks = Outcome("saw", (b"ab", None)), Outcome("saw", (data, ended if ended == "reset" else None))
    assert (Comparison().difference(PeerAct("peer", "collect"), *looks) is None) == same


def test_fractions_are_integers_only_in_some_luas() -> None:
    call = Call(None, "socket.skip", (1.5,))
    refused = Outcome("raised", (b"bad argument #1 to 'skip' (number has no integer representation)",))
    assert Comparison().difference(call, refused, Outcome("returned")) == "returned instead of raised"
    assert Comparison(in_lua=False).difference(call, refused, Outcome("returned")) is None


def test_objects_may_be_tables() -> None:
    call = Call(None, "socket.tcp")
    created = Outcome("returned", (ONE,))
    assert Comparison().difference(call, created, Outcome("returned", (Handle(1, "table"),))) is None
    assert Comparison().difference(call, created, Outcome("returned", (Handle(1, "function"),))) is not None


def test_functions_that_are_called_before_an_error_count() -> None:
    call = Call("g", "")
    raised = Outcome("raised", (b"oops",), (("f", ()),))
    assert Comparison().difference(call, raised, raised) is None
    assert Comparison().difference(call, raised, Outcome("raised", (b"oops",))) is not None


def test_the_order_in_which_select_asks_is_free() -> None:
    asked = (("one", (ONE,)), ("two", (TWO,)), ("one", (ONE,)))
    select = Call(None, "socket.select")
    expected = Outcome("returned", (), asked)
    assert Comparison().difference(select, expected, Outcome("returned", (), (asked[0], asked[0], asked[1]))) is None
    assert Comparison().difference(select, expected, Outcome("returned", (), asked[:2])) is not None
    assert Comparison().difference(Call("g", ""), expected, Outcome("returned", (), asked[::-1])) is None
    assert Comparison().difference(Call("g", ""), expected, Outcome("returned", (), asked[1:])) is not None


@pytest.mark.parametrize(
    ("message", "other", "same"),
    [
        (b"Bad file descriptor", b"bad descriptor", True),
        (b"Bad file descriptor", None, False),
        (b"timeout", b"Connection timed out", False),
        (b"closed", b"timeout", False),
    ],
)
def test_the_wording_of_another_system_is_its_own(message: bytes, other: object, same: bool) -> None:
    call = Call("object", "receive")
    outcomes = Outcome("returned", (None, message)), Outcome("returned", (None, other))
    assert (Comparison(same_texts=False).difference(call, *outcomes) is None) is same
    assert Comparison().difference(call, *outcomes) is not None
