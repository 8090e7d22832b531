"""Fingerprints: equal for the same failure in another run, different for other failures."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from luasocket_runners.result import Observation, Result, Verdict
from luasocket_runners.triage import fingerprint
from luasocket_runners.values import LuaTable, LuaValue
from luasocket_spec.model import Behaviour, OfType, Raises, Returns, SpecValue, Subtype


@pytest.fixture
def failed(behaviours: Callable[[str], list[Behaviour]]) -> Result:
    (one,) = behaviours("  - {id: one, steps: [{call: socket.skip, with: [0], returns: []}]}")
    return Result(
        one,
        Verdict.FAILED,
        "1 instead of 2",
        call='client:connect("127.0.0.1", 40123)',
        returned='nil, "at 0x7f00beef"',
    )


def test_addresses_and_ports_do_not_change_the_fingerprint(failed: Result) -> None:
    other = replace(
        failed,
        call='client:connect("127.0.0.1", 50999)',
        returned='nil, "at 0x55aa0001"',
        reason="another sentence",
        at="behaviours/test.yaml:99",
        duration=1.0,
    )
    assert fingerprint(other) == fingerprint(failed)
    assert len(fingerprint(failed)) == 8


@pytest.mark.parametrize(
    "outcome",
    [
        'nil, "at 0x55aa0001 in /usr/lib/other.lua:77"',
        'nil, "at 10.1.2.3"',
        'nil, "at fe80::a8c1:20ff:fe1b:2"',
        'nil, "at port 99"',
        'nil, "at fd 12"',
        'nil, "at 40123"',
        'nil, "at 0.125 s"',
        'nil, "at 7 seconds"',
        'nil, "at 1e-05"',
    ],
)
def test_a_number_that_varies_does_not_change_the_fingerprint(failed: Result, outcome: str) -> None:
    text = re.sub(r"\d+(?!x)", lambda number: str(int(number[0]) + 1), outcome)
    assert fingerprint(replace(failed, returned=text)) == fingerprint(replace(failed, returned=outcome))


@pytest.mark.parametrize(
    "changes",
    [
        {"call": "client:receive(6)"},
        {"returned": 'error: "bad argument #2"'},
        {"returned": 'seen: "127.0.0.2"'},
        {"returned": None, "reason": "it was called 3 times instead of 5"},
    ],
)
def test_another_small_number_changes_the_fingerprint(failed: Result, changes: dict[str, object]) -> None:
    one = replace(failed, **changes)  # type: ignore[arg-type]
    (name,) = (name for name in ("call", "returned", "reason") if changes.get(name))
    text = getattr(one, name)
    other = replace(one, **{name: re.sub(r"\d\b", lambda digit: str(9 - int(digit[0])), text)})
    assert fingerprint(other) != fingerprint(one)


def replied(failed: Result, expected: SpecValue, value: LuaValue, function: str = "client:send") -> Result:
    """The failure of a call that returned a value beside another one."""
    seen = Observation(function, (), Returns((OfType(("object",)), expected)), (None, value))
    return replace(failed, returned=f"nil, {value}", function=function, observation=seen)


@pytest.mark.parametrize(
    ("expected", "value", "other"),
    [
        (6, 7, 8),
        (6, 7.0, 8),
        (2048, 1024, 4096),
        (b"text", 7, 8),
        (None, 0, 1),
        (Subtype("float", 6), 7, 8),
        (True, b"7", b"8"),
        (True, LuaTable(((b"timeout", 5),)), LuaTable(((b"timeout", 0),))),
    ],
)
def test_another_count_changes_the_fingerprint(
    failed: Result, expected: SpecValue, value: LuaValue, other: LuaValue
) -> None:
    assert fingerprint(replied(failed, expected, value)) != fingerprint(replied(failed, expected, other))


@pytest.mark.parametrize(
    ("expected", "value", "other", "function"),
    [
        (40123, 40124, 50999, "client:send"),  # a port
        (80, 81, 82, "client:getpeername"),
        (80, 81, 82, "unconnected:receivefrom"),
        (3, 4, 5, "client:getfd"),
        (1, 0.25, 0.5, "client:send"),  # a time
        (OfType(("number",)), 1, 2, "client:getstats"),
        (Subtype("float", OfType(("number",))), 1, 2, "client:getstats"),
        (True, float("inf"), float("nan"), "client:send"),
        (True, b"x" * 180, b"x" * 190, "client:receive"),  # what a peer sent that never ends
        (True, LuaTable(((1, 40123),)), LuaTable(((1, 40124),)), "client:send"),
    ],
)
def test_a_value_that_varies_does_not_change_the_fingerprint(
    failed: Result, expected: SpecValue, value: LuaValue, other: LuaValue, function: str
) -> None:
    one, two = (replied(failed, expected, item, function) for item in (value, other))
    assert fingerprint(replace(one, returned="x")) == fingerprint(replace(two, returned="x"))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("212992, as nobody has set it", "131072, as nobody has set it", True),
        ("9, as nobody has set it", "8, as nobody has set it", True),
        ("212992, as nobody has set it", "212992", False),
        ("10000", "20000", False),
        ("getfd: 1000", "getfd: 2000", True),
    ],
)
def test_an_option_that_a_port_has_set_changes_the_fingerprint(
    failed: Result, one: str, other: str, *, same: bool
) -> None:
    first, second = (
        fingerprint(replace(failed, call="the system's SO_SNDBUF of udp", returned=returned, observation=None))
        for returned in (one, other)
    )
    assert (first == second) is same


def test_a_number_behind_the_expected_values_may_be_a_time(failed: Result) -> None:
    one, two = (
        replace(failed, observation=Observation("client:send", (), Returns((5,)), (6, time)), returned=f"6, {time}")
        for time in (0, 1)
    )
    assert fingerprint(one) == fingerprint(two)


def test_the_number_of_an_argument_in_an_error_matters(failed: Result) -> None:
    one, two = (
        replace(
            failed,
            returned=f'error: "main.lua:{line}: bad argument #{place}"',
            observation=Observation(
                "client:send", (), Raises(b"x"), None, b"main.lua:%d: bad argument #%d" % (line, place)
            ),
        )
        for line, place in ((3, 1), (4, 2))
    )
    assert fingerprint(one) != fingerprint(two)
    assert fingerprint(one) == fingerprint(replace(one, returned='error: "main.lua:9: bad argument #1"'))


def test_a_call_without_a_reply_is_described_by_its_reason(failed: Result) -> None:
    seen = Observation("client:receive", (), Returns((5,)), None, hangs=True)
    one = replace(failed, returned=None, reason="the call hangs: it did not return within 10 s", observation=seen)
    assert fingerprint(one) == fingerprint(replace(one, reason="the call hangs: it did not return within 2 s"))
    assert fingerprint(one) != fingerprint(replace(one, reason="it returned too late"))


@pytest.mark.parametrize(
    "changes",
    [
        {"call": 'client:bind("127.0.0.1", 40123)'},
        {"returned": 'nil, "at 0x7f00beef", 1'},
        {"returned": 'error: "at 0x7f00beef"'},
        {"returned": None, "reason": "the port died"},
        {"fixture": "connected client"},
        {"verdict": Verdict.NOT_IMPLEMENTED},
    ],
)
def test_another_step_or_outcome_changes_the_fingerprint(failed: Result, changes: dict[str, object]) -> None:
    assert fingerprint(replace(failed, **changes)) != fingerprint(failed)  # type: ignore[arg-type]
