"""Replies that contradict a rule: the rule proposed for them is about LuaSocket, and not about the other rule."""

from __future__ import annotations

import pytest
from luasocket_runners.result import Observation
from luasocket_runners.triage.contradictions import contradiction
from luasocket_runners.triage.proposals import propose
from luasocket_runners.values import LuaValue
from luasocket_spec.model import OfType, Outcome, Pattern, Raises, Returns

CLOSED = Returns((None, b"closed", b""))
TABLE = OfType(("table",))


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
