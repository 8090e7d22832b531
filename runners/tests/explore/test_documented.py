"""A port that follows the documentation where LuaSocket does not is not accused; any other one is."""

from __future__ import annotations

import pytest
from luasocket_runners.explore.documented import follows_documentation
from luasocket_runners.explore.steps import Call, Outcome, PeerAct
from luasocket_runners.values import LuaTable


def returned(*values: object) -> Outcome:
    return Outcome("returned", values)


def raised(value: object, *calls: str) -> Outcome:
    return Outcome("raised", (value,), tuple((name, ()) for name in calls))


FAILED = returned(None, b"a message")
EXCEPTION = LuaTable(((1, b"oops"),))


@pytest.mark.parametrize(
    ("label", "expected", "actual", "follows"),
    [
        ("client:setoption", raised(b"unsupported option"), FAILED, True),
        ("client:setoption", raised(b"unsupported option"), returned(1), False),
        ("unconnected:getoption", raised(b"unsupported option"), returned(7), True),
        ("master:getstats", raised(b"bad self"), returned(0, 0, 0), True),
        ("unconnected:getstats", raised(b"bad self"), returned(0, 0, 0), False),
        ("socket.select", raised(b"attempt to index a number value"), returned(LuaTable(()), LuaTable(())), True),
        ("socket.select", raised(b"descriptor too large"), returned(LuaTable(()), LuaTable(())), False),
        ("function", raised(b"oops"), FAILED, True),
        ("function", raised(b"oops"), returned(1), False),
        ("function", raised(b"oops", "finalizer"), raised(EXCEPTION, "finalizer"), True),
        ("function", raised(b"oops", "finalizer"), raised(EXCEPTION), False),
        ("function", raised(b"oops"), raised(b"another"), False),
        ("unconnected:sendto", returned(5), returned(1), True),
        ("unconnected:sendto", returned(5), returned(4), False),
        ("unconnected:receive", returned(b""), FAILED, True),
        ("unconnected:receive", returned(b"data"), FAILED, False),
        ("master:getsockname", returned(b"::1", b"80", b"inet6"), returned(b"::1", 80, b"inet6"), True),
        ("master:getsockname", returned(b"::1", b"80", b"inet6"), returned(b"::1", 80), False),
        ("client:receive", returned(None, b"timeout", b""), returned(b""), True),
        ("client:receive", returned(None, b"timeout", b"a"), returned(b"a"), False),
    ],
)  # fmt: skip
def test_the_documented_outcomes(label: str, expected: Outcome, actual: Outcome, follows: bool) -> None:
    assert follows_documentation(label, Call("object", "method"), expected, actual) is follows


def test_what_a_peer_saw_is_documented_by_nothing() -> None:
    assert not follows_documentation("peer end", PeerAct("peer", "end"), Outcome("saw"), Outcome("saw"))
