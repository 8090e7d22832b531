"""Programs go on after exceptions that protected functions have caught, and compare what these have done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from luasocket_spec.model import Ref

pytest.importorskip("hypothesis")

from luasocket_runners.explore.lockstep import Difference, Lockstep
from luasocket_runners.explore.renaming import renumbered
from luasocket_runners.explore.side import Side
from luasocket_runners.explore.steps import Call, Function, PeerAct, Step, used_by
from luasocket_runners.explore.write import file_of, listing
from luasocket_runners.ports import Port, resolve
from luasocket_runners.ports.inprocess import PythonPort

Faulty = Callable[..., PythonPort]

TRIES = Function(
    "f2",
    (Ref("v1"), b"done"),
    does=(
        Call("tcp1", "receive", (), ("r1", "r2", "r3")),
        Call("try1", "", (Ref("r1"), Ref("r2"), Ref("r3")), ("v1",)),
    ),
)
CLOSES = Function("f1", does=(Call("tcp1", "close"),))
STEPS: Sequence[Step] = (
    PeerAct("peer1", "listen", b"127.0.0.1", bind="peer1"),
    Call(None, "socket.tcp", (), ("tcp1",)),
    Call("tcp1", "settimeout", (0,)),
    Call("tcp1", "settimeout", (0.01,)),
    Call("tcp1", "connect", (Ref("peer1.ip"), Ref("peer1.port"))),
    PeerAct("peer1", "accept"),
    Call(None, "socket.newtry", (Ref("f1"),), ("try1",), (CLOSES,)),
    Call(None, "socket.protect", (Ref("f2"),), ("safe1",), (TRIES,)),
    PeerAct("peer1", "send", b"a line\n"),
    Call("safe1", ""),
    Call("safe1", ""),
    Call("tcp1", "getpeername"),
    PeerAct("peer1", "end"),
)


def run(port: Port, steps: Sequence[Step] = STEPS) -> tuple[Difference | None, Lockstep]:
    with Side(resolve("reference"), "luasocket-3") as reference, Side(port, "luasocket-3") as other:
        lockstep = Lockstep(reference, other, "luasocket-3")
        return next(filter(None, map(lockstep.run, steps)), None), lockstep


def test_a_finalizer_acts_on_the_object() -> None:
    difference, lockstep = run(resolve("reference"))
    assert difference is None
    first, second, name, end = lockstep.outcomes[-4:]
    assert first.values == (b"a line", b"done")
    assert second.values[:2] == (None, b"timeout")
    assert [call.label for call, _ in second.inner] == [":receive", ":close", "function"]
    assert name.values[0] is None
    assert end.values == (b"", "closed")
    assert lockstep.state.objects["tcp1"].closed


def test_a_difference_inside_a_function_is_seen_and_written(
    faulty: Faulty, check_written: Callable[[str, Port], None]
) -> None:
    def lacks_the_partial(receive: Callable[..., Any]) -> Callable[..., Any]:
        def receive_of_a_faulty_port(*args: Any) -> Any:
            data, message, partial = receive(*args)
            return data, message, partial and partial[:-1]

        return receive_of_a_faulty_port

    steps = list(STEPS)
    steps[8] = PeerAct("peer1", "send", b"part")
    port = faulty(receive=lacks_the_partial)
    difference, _ = run(port, steps)
    assert difference is not None
    assert (difference.key[0], difference.words) == (":receive", "result 3 differs, inside a function")
    text = listing(difference, "faulty")
    assert 'local r1, r2, r3 = tcp1:receive() local v1 = try1(r1, r2, r3) return v1, "done" end' in text
    check_written(file_of([difference], "luasocket-3"), port)


def test_what_is_not_defined_is_not_done_inside_a_function() -> None:
    """An object that may wait for ever is not made to wait."""
    steps = [step for step in STEPS if not (isinstance(step, Call) and step.path == "settimeout")]
    _, lockstep = run(resolve("reference"), steps)
    assert "function" not in [step.label for step in lockstep.steps]


def test_full_buffers_do_not_decide_what_a_function_does() -> None:
    data = b"x" * 50_000
    sends = Function("f2", does=(Call("tcp1", "send", (data,), ("r1", "r2", "r3")),))
    steps = [step for step in STEPS if not (isinstance(step, Call) and step.path == "socket.protect")]
    steps.insert(-5, Call(None, "socket.protect", (Ref("f2"),), ("safe1",), (sends,)))
    _, lockstep = run(resolve("reference"), steps)
    assert "function" not in [step.label for step in lockstep.steps]


def test_the_names_of_a_function_are_its_own() -> None:
    call = Call(None, "socket.protect", (Ref("f2"),), ("safe1",), (TRIES,))
    assert used_by(call) == {"tcp1", "try1"}
    names = renumbered([Call(None, "socket.tcp", (), ("tcp7",)), Call(None, "x", (), (), (TRIES,))])
    (function,) = names[1].functions  # type: ignore[union-attr]
    assert function.does[1].args == (Ref("r1"), Ref("r2"), Ref("r3"))
