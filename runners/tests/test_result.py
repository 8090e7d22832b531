"""Results: a hint is shown for the steps that it belongs to, and a run that judged nothing does not conform."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from luasocket_runners.engine.engine import Engine
from luasocket_runners.ports import resolve
from luasocket_runners.ports.inprocess import PythonPort
from luasocket_runners.result import Conclusion, Verdict, conclude
from luasocket_spec.model import Behaviour

Behaviours = Callable[[str], list[Behaviour]]


def hinted(steps: str, given: str = "") -> str:
    return (
        "  - id: one\n    says: S.\n    hint: Count the results.\n    authority: observed\n"
        f"{given}    steps:\n      - {steps}\n      - {{call: socket.skip, with: [0, 1], returns: [1]}}\n"
    )


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (hinted("{call: socket.skip, with: [0, 1], returns: [2]}"), "Count the results."),
        (hinted("{call: socket.skip, with: [0, 1], returns: [1], takes: {at_least: 9}}"), "Count the results."),
        (hinted("{get: socket._VERSION, is: x}"), "Count the results."),
        (hinted("{call: socket.skip, with: [0, null], succeeds: true}"), None),
        (hinted("{call: socket.skip, with: [0, 1], returns: [1]}", "    given: {c: broken fixture}\n"), None),
        (hinted("{call: socket.skip, with: [0, 1], returns: [1]}"), "Count the results."),
    ],
    ids=["results", "duration", "field", "a step that prepares", "fixture", "it passes"],
)
def test_a_hint_belongs_to_steps_that_check(behaviours: Behaviours, text: str, hint: str | None) -> None:
    (one,) = behaviours(text)
    with Engine(resolve("reference")) as engine:
        result = engine.run(one)
    assert result.hint == hint


def test_a_hint_does_not_help_a_port_that_breaks_after_the_last_step(
    behaviours: Behaviours, toy_port: Callable[..., PythonPort]
) -> None:
    class Thing:
        def close(self) -> tuple[int]:
            raise RuntimeError("broken")

    (one,) = behaviours(hinted("{call: socket.thing, returns: [{type: object}]}").replace("socket.skip", "socket.skip"))
    with Engine(toy_port(thing=lambda: (Thing(),), skip=lambda _count, value: (value,))) as engine:
        result = engine.run(one)
    assert (result.verdict, result.at) == (Verdict.ERRORED, "")
    assert result.hint is None


def test_a_run_that_skips_everything_does_not_conform() -> None:
    skipped = {Verdict.SKIPPED: 3}
    assert conclude(skipped) == (Conclusion.INCOMPLETE, "incomplete: no behaviour was judged")
    assert conclude({**skipped, Verdict.PASSED: 1})[0] is Conclusion.CONFORMS
