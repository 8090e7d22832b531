"""Replies that contradict a rule: the rule proposed for them is about LuaSocket, and not about the other rule."""

from __future__ import annotations

import pytest
from luasocket_runners.result import Observation
from luasocket_runners.triage.contradictions import contradiction
from luasocket_runners.triage.proposals import propose
from luasocket_runners.values import Handle, LuaTable, LuaValue
from luasocket_spec.model import Outcome, Pattern, Raises, Returns, TableSpec

CLOSED = Returns((None, b"closed", b""))
NO_LIST = TableSpec(())
A_LIST = LuaTable(((1, Handle(7, "userdata")),))


@pytest.mark.parametrize(
    ("spec", "expected", "reply", "says"),
    [
        # a rule says that no value is returned
        (Returns((1, b"a")), Returns(()), (1, b"a", b"b"), "returns 3 values instead of 2"),
        # a rule says that a closed connection is called "EOF", and another one that its third value is missing
        (CLOSED, Returns((None, b"EOF")), (None, b"reset"), "the error 'closed' is 'reset'"),
        (CLOSED, Returns((None, Pattern("^E.*$"), b"")), (None, b"reset", b""), "the error 'closed' is 'reset'"),
        (CLOSED, Raises(b"oops"), b"no", "raises 'no' instead of returning"),
        (Raises(b"bad"), Raises(b"worse"), b"no", "the error 'bad' is 'no'"),
        (Raises(b"bad"), Returns((None, b"worse")), (None, b"no"), "returns instead of raising 'bad'"),
        # a rule says that the first value is another one, and the port returns LuaSocket's, and another second value
        (Returns((1, 1)), Returns((True, 1)), (1, None), "returns nil instead of 1 as value 2"),
    ],
)
def test_the_rule_is_about_luasocket(
    spec: Outcome, expected: Outcome, reply: bytes | tuple[LuaValue, ...], says: str
) -> None:
    returns, raises = (reply, None) if isinstance(reply, tuple) else (None, reply)
    seen = Observation("socket.f", (), expected, returns, raises, spec=spec, applied=("rule",))
    assert contradiction(seen) is not None
    proposal = propose(seen)
    assert proposal is not None
    assert proposal.says == says


@pytest.mark.parametrize(
    ("spec", "expected", "reply"),
    [
        # rules say that select returns nil instead of an empty list, and that connect fails the second time
        (Returns((NO_LIST, NO_LIST, b"timeout")), Returns((None, None, b"timeout")), (None, A_LIST, b"timeout")),
        (Returns((1,)), Returns((None, b"Address family not supported")), (None, b"already connected")),
    ],
)
def test_no_rule_is_made_on_top_of_another_one(spec: Outcome, expected: Outcome, reply: tuple[LuaValue, ...]) -> None:
    seen = Observation("socket.f", (), expected, reply, spec=spec, applied=("rule",))
    assert contradiction(seen) is not None
    assert propose(seen) is None


@pytest.mark.parametrize(
    ("spec", "expected", "reply"),
    [
        (CLOSED, Returns((None, b"closed")), (None, b"EOF")),  # a rule about another respect
        (Returns((b"abc", None, None)), Returns((b"abc",)), (None, b"closed", b"")),  # the call fails
        (Returns((b"abc", None)), Returns((b"abc",)), (b"abd",)),  # other data
        (CLOSED, Returns((None, b"EOF", b"")), (None, b"EOF", b"x")),
        (CLOSED, Returns((None, b"EOF", b"")), (None,)),
    ],
)
def test_other_differences_contradict_no_rule(spec: Outcome, expected: Outcome, reply: tuple[LuaValue, ...]) -> None:
    assert contradiction(Observation("socket.f", (), expected, reply, spec=spec, applied=("rule",))) is None
    assert contradiction(Observation("socket.f", (), spec, reply)) is None
