"""Where buffers are full, two implementations may send different numbers of bytes; what they report has to arrive."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from luasocket_spec.model import Ref, Repeat

pytest.importorskip("hypothesis")

from luasocket_runners.explore.lockstep import Difference, Lockstep
from luasocket_runners.explore.side import Side
from luasocket_runners.explore.steps import Call, PeerAct, Step
from luasocket_runners.ports import resolve
from luasocket_runners.ports.inprocess import PythonPort

Faulty = Callable[..., PythonPort]

FLOOD = Repeat(b"0123456789abc", 500_000)
CONNECTED: Sequence[Step] = (
    PeerAct("peer1", "listen", b"127.0.0.1", (("small_buffers", True),), bind="peer1"),
    Call(None, "socket.tcp", (), ("tcp1",)),
    Call("tcp1", "settimeout", (0.01,)),
    Call("tcp1", "connect", (Ref("peer1.ip"), Ref("peer1.port"))),
    PeerAct("peer1", "accept"),
)
SENDS: Sequence[Step] = (*CONNECTED, Call("tcp1", "send", (FLOOD,), (None, None, "sent1")))


def limited(report: Callable[[float], float]) -> Callable[..., Any]:
    """Return a `send` that takes 100,000 bytes at most, and what it reports of a number that it has sent."""

    def replaced(send: Callable[..., Any]) -> Callable[..., Any]:
        def send_of_small_buffers(self: Any, data: bytes, first: int = 1, *rest: Any) -> Any:
            last = int(first or 1) + 99_999
            if len(data) <= last:
                return send(self, data, first, *rest)
            index, *_ = send(self, data, first, last)
            return None, b"timeout", report(index)

        return send_of_small_buffers

    return replaced


def run(port: PythonPort, steps: Sequence[Step]) -> tuple[Difference | None, Lockstep]:
    with Side(resolve("reference"), "luasocket-3") as reference, Side(port, "luasocket-3") as other:
        lockstep = Lockstep(reference, other, "luasocket-3")
        return next(filter(None, map(lockstep.run, steps)), None), lockstep


def test_a_port_may_send_less_at_once(faulty: Faulty) -> None:
    more = (
        Call("tcp1", "getstats"),
        PeerAct("peer1", "send", b"hello\n"),
        Call("tcp1", "receive"),
        PeerAct("peer1", "collect"),
        Call("tcp1", "send", (FLOOD, Ref("sent1")), (None, None, "sent2")),
        Call("tcp1", "close"),
        PeerAct("peer1", "end"),
    )
    difference, lockstep = run(faulty(send=limited(lambda index: index)), [*SENDS, *more])
    assert difference is None
    assert len(lockstep.steps) == len(SENDS) + len(more)
    assert lockstep.state.objects["tcp1"].drift < 0


@pytest.mark.parametrize("wrong", [lambda index: index + 1, lambda index: index - 1, lambda index: 0.0])
def test_what_is_reported_has_to_arrive(faulty: Faulty, wrong: Callable[[float], float]) -> None:
    difference, _ = run(faulty(send=limited(wrong)), [*SENDS, PeerAct("peer1", "collect")])
    assert difference is not None
    assert difference.key[0] == "peer collect"
    assert difference.words == "other bytes arrived"


@pytest.mark.parametrize("wrong", [lambda index: -1.0, lambda index: 6_500_000.0, lambda index: index + 0.5])
def test_a_number_has_to_be_possible(faulty: Faulty, wrong: Callable[[float], float]) -> None:
    difference, _ = run(faulty(send=limited(wrong)), SENDS)
    assert difference is not None
    assert difference.key[0] == ":send"


def test_the_statistics_follow_what_was_sent(faulty: Faulty) -> None:
    def one_more(getstats: Callable[..., Any]) -> Callable[..., Any]:
        def getstats_of_a_faulty_port(self: Any, *args: Any) -> Any:
            received, sent, age = getstats(self, *args)
            return received, sent + 1, age

        return getstats_of_a_faulty_port

    for set_first in ((), (Call("tcp1", "setstats", (0, 7)),)):
        port = faulty(send=limited(lambda index: index), getstats=one_more)
        difference, _ = run(port, [*SENDS, *set_first, Call("tcp1", "getstats")])
        assert difference is not None
        assert (difference.key[0], difference.words) == (":getstats", "result 2 differs")


@pytest.mark.parametrize(
    "step",
    [
        Call(None, "socket.select", (None, Ref("list"), 0)),
        Call("tcp1", "setfd", (-1,)),
        PeerAct("peer1", "close"),
        Call("tcp1", "send", (b"x", b"nonsense")),
    ],
)
def test_what_depends_on_full_buffers_is_not_asked(step: Step) -> None:
    _, lockstep = run(resolve("reference"), [*SENDS, Call("tcp1", "getfd", (), ("list",)), step])  # type: ignore[arg-type]
    assert lockstep.steps[-1] != step


def test_a_close_that_waits_for_full_buffers_is_not_asked() -> None:
    from luasocket_spec.model import TableSpec

    lingering = Call("tcp1", "setoption", (b"linger", TableSpec(((b"on", True), (b"timeout", 9)))))
    _, lockstep = run(resolve("reference"), [*SENDS, lingering, Call("tcp1", "close")])  # type: ignore[arg-type]
    assert lockstep.steps[-1] == lingering


def test_bytes_that_a_reset_drops_are_not_missed() -> None:
    """The peer has seen the reset in a send of its own, and afterwards an end like any other."""
    steps = (
        *SENDS,
        PeerAct("peer1", "send", b"unread"),
        Call("tcp1", "close"),
        PeerAct("peer1", "send", b"x"),
        PeerAct("peer1", "end"),
    )
    difference, lockstep = run(resolve("reference"), steps)  # type: ignore[arg-type]
    assert difference is None
    assert lockstep.outcomes[-2].sentence
    assert lockstep.outcomes[-1].values[1] == "reset"
