"""The order of causes: what is lost or wrong comes before what is not there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from luasocket_runners.result import Observation, Result, Verdict
from luasocket_runners.triage import Kind, causes_of
from luasocket_runners.triage.missing import deadly_functions, missing_functions
from luasocket_spec.model import Behaviour, Raises, Returns


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


def failed(
    behaviour: Behaviour, function: str, expected: Returns | Raises, *, raises: bytes = b"", **more: Any
) -> Result:
    seen = Observation(function, (), expected, more.get("returns"), raises or None)
    return Result(behaviour, Verdict.FAILED, "it differs", function=function, observation=seen)


def test_an_error_is_one_cause_whatever_was_expected(behaviours: Callable[[str], list[Behaviour]]) -> None:
    behaviour = behaviours("  - {id: one, steps: [{call: socket.f, returns: []}]}\n")[0]
    outcomes = Returns((b"ab", None, None)), Returns((None, b"timeout", b""))
    raised = [failed(behaviour, "client:receive", outcome, raises=b"x.lua:3: oops") for outcome in outcomes]
    (cause,) = causes_of(raised)
    assert cause.title == "client:receive: raises '*oops' instead of returning"


def test_a_function_that_says_so_each_time_is_not_implemented(behaviours: Callable[[str], list[Behaviour]]) -> None:
    behaviour = behaviours("  - {id: one, steps: [{call: socket.f, returns: []}]}\n")[0]
    text = b"socket.f is not implemented yet"
    stubs = [
        failed(behaviour, "socket.f", Returns((1,)), raises=text),
        failed(behaviour, "socket.f", Raises(b"number expected"), raises=text),
        failed(behaviour, "socket.f", Returns((1,)), returns=(None, text)),
    ]
    (cause,) = causes_of(stubs)
    assert (cause.kind, cause.title) == (Kind.ABSENT, "socket.f says that it is not implemented")
    assert set(missing_functions(stubs)) == {"socket.f"}
    # where it does something else, too, it is there
    works = failed(behaviour, "socket.f", Returns((1,)), returns=(2,))
    assert len(causes_of([*stubs, works])) > 1
    assert not missing_functions([*stubs, works])
    # these are LuaSocket's own words about an option
    option = failed(behaviour, "client:setoption", Returns((1,)), raises=b"unsupported option `x'")
    assert not missing_functions([option])
    # and these are the system's, about an address
    family = failed(
        behaviour, "client:connect", Returns((1,)), returns=(None, b"Address family for hostname not supported")
    )
    assert not missing_functions([family])


def test_a_function_that_ends_the_port_wherever_it_is_called_is_named(
    behaviours: Callable[[str], list[Behaviour]],
) -> None:
    behaviour = behaviours("  - {id: one, steps: [{call: socket.f, returns: []}]}\n")[0]
    died = [
        Result(behaviour, Verdict.FAILED, "The port died: it exited with status 1.", function=function)
        for function in ("client:getsockname", "client:getsockname", "socket.select")
    ]
    works = failed(behaviour, "socket.select", Returns((1,)), returns=(2,))
    assert deadly_functions([*died, works]) == {":getsockname": 2}


def test_a_cause_is_one_line(behaviours: Callable[[str], list[Behaviour]]) -> None:
    behaviour = behaviours("  - {id: one, steps: [{call: socket.f, returns: []}]}\n")[0]
    (cause,) = causes_of([Result(behaviour, Verdict.FAILED, '"x" does not match /a\nb/')])
    assert cause.title == r'"x" does not match /a\nb/'
