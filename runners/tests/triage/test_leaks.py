"""Rules for descriptors that stay open, proposed from how many stay open in which behaviours."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from luasocket_runners.quirks.writing import render
from luasocket_runners.result import Result, Verdict
from luasocket_runners.triage.leaks import propose_leaks
from luasocket_spec.model import Behaviour

Results = Callable[..., list[Result]]

CONNECT = "{call: socket.connect, with: [h, 1], returns: [{type: object}]}"
REFUSED = '{call: socket.connect, with: [h, 2], returns: [null, "connection refused"]}'
UNKNOWN = '{call: socket.connect, with: [h, 3], returns: [null, "no such host"]}'
UDP = "{call: socket.udp, returns: [{type: object}]}"


@pytest.fixture
def results(behaviours: Callable[[str], list[Behaviour]]) -> Results:
    """Makes results of behaviours, each given by its steps, and the number of descriptors that stayed open."""

    def make(*cases: tuple[list[str], int | None]) -> list[Result]:
        text = "".join(
            f"  - id: b{number}\n    says: S.\n    authority: observed\n    steps:\n"
            + "".join(f"      - {one}\n" for one in steps)
            for number, (steps, _) in enumerate(cases)
        )
        return [
            Result(behaviour, Verdict.FAILED if leaked else Verdict.PASSED, leaked=leaked)
            for behaviour, (_, leaked) in zip(behaviours(text), cases, strict=True)
        ]

    return make


def test_calls_that_fail_with_one_text_may_leak(results: Results) -> None:
    found = results(([UNKNOWN], 2), ([UNKNOWN, UDP], 2), ([UNKNOWN, UNKNOWN], 4), ([CONNECT], 0), ([REFUSED], 0))
    (rule,) = propose_leaks(found, 3)
    assert (rule.id, rule.on, rule.leaks, rule.always) == ("socket-connect-leaks", ("socket.connect",), 2, True)
    assert rule.says == "socket.connect: a call that fails with 'no such host' leaves 2 descriptors open."
    assert rule.why == "UNEXPLAINED: 3 behaviours, such as test/b0."
    assert '    expected: {message: "no such host"}\n    returned: {leaks: 2}\n' in render([rule])


def test_several_functions_may_leak(results: Results) -> None:
    found = results(([UDP], 1), ([UDP, UDP], 2), ([UDP, REFUSED], 2), ([REFUSED], 1), ([REFUSED, UNKNOWN], 2))
    rules = propose_leaks(found, 3)
    assert [(rule.on, rule.expected, rule.leaks) for rule in rules] == [
        (("socket.connect",), None, 1),
        (("socket.udp",), None, 1),
    ]


def test_a_rule_that_does_not_hold_in_a_few_behaviours_holds_sometimes(results: Results) -> None:
    (rule,) = propose_leaks(results(*[([UDP], 1)] * 19, ([UDP], 0)), 3)
    assert rule.says == "socket.udp: each call may leave 1 descriptor open."
    assert not rule.always


@pytest.mark.parametrize(
    "cases", [[([UDP], 1), ([UDP], 0), ([UDP], 1), ([UDP], 1)], [([UDP], 1)] * 2, [([UDP], None)] * 3]
)
def test_what_no_call_explains_is_no_rule(results: Results, cases: list[tuple[list[str], int | None]]) -> None:
    assert propose_leaks(results(*cases), 3) == []


def test_an_object_may_leak_until_it_is_closed(results: Results) -> None:
    made, close = "{call: socket.udp, returns: [{type: object}], as: u}", '{call: "u:close", returns: [1]}'
    (rule,) = propose_leaks(results(*[([made], 1)] * 3, *[([made, close], 0)] * 3), 3)
    assert (rule.until, rule.expected, rule.always) == ((":close",), None, True)
    assert rule.says == "socket.udp: each call leaves 1 descriptor open, until close is called on the object."


def test_other_methods_may_end_what_an_object_has(results: Results) -> None:
    made, call = "{call: socket.udp, returns: [{type: object}], as: u}", "{call: u:%s, returns: [1]}"
    cases = [([made], 1), ([made, call % "send"], 1), ([made, call % "receive"], 1), ([made, call % "close"], 0)]
    freed = [([made, call % "send", call % "setpeername"], 0)] * 3
    (rule,) = propose_leaks(results(*cases, *freed), 3)
    assert (rule.until, rule.always) == ((":close", ":setpeername"), True)
    assert rule.says.endswith("leaves 1 descriptor open, until close or setpeername is called on the object.")


def test_objects_that_are_always_closed_do_not_leak(results: Results) -> None:
    steps = [UDP.replace("}]}", "}], as: u}"), '{call: "u:close", returns: [1]}', UNKNOWN]
    (rule,) = propose_leaks(results(*[(steps, 1)] * 3, ([UDP], 0)), 3)
    assert rule.on == ("socket.connect",)
