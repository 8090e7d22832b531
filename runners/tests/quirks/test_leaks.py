"""Quirks by which calls leave descriptors open: how many, until when, and what a port has to do by them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from luasocket_runners.engine.engine import Engine
from luasocket_runners.ports.inprocess import PythonPort
from luasocket_runners.quirks import QuirksError
from luasocket_runners.quirks.model import Quirks
from luasocket_runners.quirks.writing import render
from luasocket_runners.result import Result, Verdict
from luasocket_spec.model import Behaviour

Run = Callable[..., Result]

#: The rule that an object keeps a descriptor until it is freed: the adapter closes it at the end of each behaviour.
UNTIL_FREED = 'on: [socket.tcp], until: [":free"], returned: {leaks: 1}'


@pytest.fixture
def opened() -> Iterator[list[int]]:
    """The descriptors that the port has opened; those that it has not closed are closed at the end."""
    numbers: list[int] = []
    yield numbers
    for number in numbers:
        os.close(number)


@pytest.fixture
def leaky_port(opened: list[int], toy_port: Callable[..., PythonPort]) -> PythonPort:
    """A port whose objects have a descriptor until they are freed, and whose function `lose` loses two."""

    class Master:
        def __init__(self) -> None:
            opened.append(os.dup(2))
            self.number = opened[-1]

        def free(self) -> tuple[Any, ...]:
            opened.remove(self.number)
            os.close(self.number)
            return (1,)

    def lose(name: bytes) -> tuple[Any, ...]:
        if name == b"none":
            return None, b"refused"
        opened.extend((os.dup(2), os.dup(2)))
        return (1,)

    return toy_port(tcp=lambda: (Master(),), lose=lose)


@pytest.fixture
def run(
    with_steps: Callable[[list[str]], list[Behaviour]], leaky_port: PythonPort, read_rules: Callable[..., Quirks]
) -> Run:
    """Runs steps on that port, with rules that are given in YAML."""

    def make(steps: list[str], *rules: str) -> Result:
        found = with_steps(steps)
        with Engine(leaky_port, quirks=read_rules(found, *rules)) as engine:
            return engine.run(found[0])

    return make


TCP = "{call: socket.tcp, returns: [{type: object}], as: one}"
OTHER = "{call: socket.tcp, returns: [{type: object}], as: other}"
FREE = "{call: one:free, returns: [1]}"
LOSE = "{call: socket.lose, with: [name], returns: [1]}"
FAIL = "{call: socket.lose, with: [none], returns: [null, refused]}"


def test_a_call_may_leave_descriptors_open(run: Run) -> None:
    result = run([LOSE, LOSE], "on: [socket.lose], returned: {leaks: 2}")
    assert (result.verdict, result.reason, result.quirks) == (Verdict.QUIRKS, "", ("rule-1",))
    assert [use.function for use in result.uses] == ["socket.lose", "socket.lose"]


@pytest.mark.parametrize(("steps", "quirks"), [([TCP, OTHER, FREE], ("rule-1",)), ([TCP, FREE], ())])
def test_a_descriptor_may_be_open_until_a_call_on_the_object(
    run: Run, steps: list[str], quirks: tuple[str, ...]
) -> None:
    result = run(steps, UNTIL_FREED)
    assert (result.reason, result.quirks) == ("", quirks)


def test_more_descriptors_than_the_rules_say_are_a_failure(run: Run) -> None:
    result = run([TCP, LOSE], UNTIL_FREED)
    assert result.verdict is Verdict.FAILED
    assert result.reason.startswith("3 descriptors stay open in the port's process each time the behaviour runs")
    assert result.reason.endswith(", instead of 1 by the quirks (rule-1)")


def test_fewer_descriptors_than_the_rules_say_are_a_failure(run: Run) -> None:
    result = run([TCP, FREE], "on: [socket.tcp], returned: {leaks: 1}")
    assert (result.verdict, result.function) == (Verdict.FAILED, "socket.tcp")
    assert result.reason == (
        "the quirk rule-1 does not hold here: no descriptors stay open in the port's process each time the behaviour "
        "runs, instead of 1"
    )
    assert result.observation is not None
    assert result.observation.broken_quirks == ("rule-1",)


@pytest.mark.parametrize("steps", [[TCP], [TCP, FREE]])
def test_a_rule_that_holds_sometimes_allows_both(run: Run, steps: list[str]) -> None:
    result = run(steps, "on: [socket.tcp], returned: {leaks: 1}, always: false")
    assert result.verdict is (Verdict.PASSED if FREE in steps else Verdict.QUIRKS)


@pytest.mark.parametrize("expected", ["{with: [name]}", "{succeeds: true}", "{returns: [1]}"])
def test_a_rule_concerns_calls_with_its_arguments_and_outcome(run: Run, expected: str) -> None:
    rule = f"on: [socket.lose], expected: {expected}, returned: {{leaks: 2}}"
    assert run([FAIL, LOSE], rule).quirks == ("rule-1",)


def test_a_rule_about_failures_does_not_concern_successes(run: Run) -> None:
    failing = 'on: [socket.lose], expected: {returns: [null, "$..."]}, returned: {leaks: 2}'
    result = run([FAIL], failing)
    assert result.reason.startswith("the quirk rule-1 does not hold here: no descriptors stay open")


def test_a_rule_may_also_change_the_outcome(run: Run) -> None:
    lose = "{call: socket.lose, with: [name], returns: [2]}"
    rule = "on: [socket.lose], expected: {returns: [2]}, returned: {returns: [1], leaks: 2}"
    assert run([lose], rule).quirks == ("rule-1",)


def test_the_rules_are_written_as_they_are_read(
    behaviours: Callable[[str], list[Behaviour]], read_rules: Callable[..., Quirks]
) -> None:
    found = behaviours(f"  - id: one\n    says: S.\n    authority: observed\n    steps: [{TCP}]\n")
    written = render(read_rules(found, UNTIL_FREED).rules)
    assert '    until: [":free"]\n    returned: {leaks: 1}\n' in written


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (
            "on: [socket.tcp], returned: {leaks: true}",
            "`leaks` is the number of descriptors that each call leaves open",
        ),
        ("on: [socket.tcp], returned: {leaks: 0}", "`leaks` is the number of descriptors that each call leaves open"),
        ('on: [socket.tcp], until: [":free"], returned: {returns: [1]}', "or what `leaks`: write that, too"),
        ("on: [socket.tcp], expected: {raises: x}, returned: {leaks: 1}", "changes nothing that a behaviour expects"),
    ],
)
def test_rules_that_make_no_sense_are_errors(run: Run, rule: str, sentence: str) -> None:
    with pytest.raises(QuirksError, match=sentence):
        run([TCP], rule)
