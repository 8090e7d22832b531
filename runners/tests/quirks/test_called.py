"""The functions that a behaviour calls, with the classes of its objects."""

from __future__ import annotations

from collections.abc import Callable

import luasocket_spec
import pytest
from luasocket_runners.quirks.called import called_functions
from luasocket_spec.model import Behaviour, Raises, Returns


@pytest.mark.parametrize(
    ("steps", "functions"),
    [
        (["{call: socket.tcp, succeeds: true, as: a}", "{call: a:receive, returns: []}"], ["master:receive"]),
        (
            [
                "{call: socket.tcp, succeeds: true, as: a}", "{call: a:connect, with: [h, 1], returns: [1]}",
                "{call: a:receive, returns: []}",
            ],
            ["master:connect", "client:receive"],
        ),
        (
            [
                "{call: socket.bind, with: [h, 1], succeeds: true, as: a}", "{call: a:accept, succeeds: true, as: b}",
                "{call: b:send, with: [x], returns: [1]}",
            ],
            ["socket.bind", "server:accept", "client:send"],
        ),
        (
            [
                "{call: socket.udp, succeeds: true, as: a}", "{call: a:setpeername, with: [h, 1], returns: [1]}",
                '{call: a:setpeername, with: ["*"], returns: [1]}', "{call: a:receive, returns: []}",
            ],
            ["unconnected:setpeername", "connected:setpeername", "unconnected:receive"],
        ),
        (
            [
                "{call: socket.tcp, succeeds: true, as: a}", "{call: a:listen, returns: [null, x]}",
                "{call: a:accept, raises: x}",
            ],
            ["master:listen", "master:accept"],
        ),
    ],
)  # fmt: skip
def test_methods_have_the_classes_of_their_objects(
    with_steps: Callable[[list[str]], list[Behaviour]], steps: list[str], functions: list[str]
) -> None:
    found = with_steps(steps)
    assert [function for function, _ in called_functions(found[0])][-len(functions) :] == functions


def test_fixtures_tell_the_class_and_outcomes_are_the_observed_ones() -> None:
    every = {behaviour.id: behaviour for behaviour in luasocket_spec.load().behaviours}
    calls = list(called_functions(every["tcp/receive-line/partial-on-timeout"]))
    assert [function for function, _ in calls][:2] == ["socket.tcp", "master:connect"]
    assert calls[-1] == ("client:receive", Returns((None, b"timeout", b"hel")))
    assert any(isinstance(outcome, Raises) for _, outcome in called_functions(every["tcp/send/bad-range/i-false"]))
