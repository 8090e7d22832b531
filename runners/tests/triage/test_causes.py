"""The order of causes: what is lost or wrong comes before what is not there."""

from __future__ import annotations

from collections.abc import Callable

from luasocket_runners.result import Observation, Result, Verdict
from luasocket_runners.triage import causes_of
from luasocket_spec.model import Behaviour, Returns


def test_lost_data_come_before_functions_that_are_not_there(behaviours: Callable[[str], list[Behaviour]]) -> None:
    behaviour = behaviours("  - {id: one, steps: [{call: socket.f, returns: []}]}\n")[0]
    missing = Result(behaviour, Verdict.NOT_IMPLEMENTED, "the port has no socket.udp", missing="socket.udp")
    seen = Observation("client:receive", (), Returns((b"ab",)), (b"a",))
    lost = Result(
        behaviour, Verdict.FAILED, 'value 1: "a" instead of "ab"', function="client:receive", observation=seen
    )
    shape = Observation("client:send", (), Returns((1, None, None)), (1,))
    fewer = Result(behaviour, Verdict.FAILED, "1 value instead of 3", function="client:send", observation=shape)
    causes = causes_of([*[missing] * 40, *[fewer] * 6, *[lost] * 4])
    assert [cause.title.partition(":")[0] for cause in causes] == ["client", "client", "socket.udp is not implemented"]
    assert causes[0].example is lost
