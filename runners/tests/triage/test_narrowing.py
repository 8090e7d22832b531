"""How quirks that do not hold everywhere are narrowed: by functions, arguments, outcomes, and the past of objects."""

from __future__ import annotations

from typing import Any

import pytest
from luasocket_runners.quirks.model import Quirk
from luasocket_runners.quirks.writing import changes
from luasocket_runners.result import Use
from luasocket_runners.triage.narrowing import narrowed
from luasocket_spec.model import Outcome, Ref, Returns, Source

RULE = Quirk(
    "rule", "It drops nil.", "W.", (":receive", ":send"), None, Returns((Ref("value"), None)), None,
    Returns((Ref("value"),)), True, Source("q.yaml", 3),
)  # fmt: skip
MADE = "socket.tcp"


def call(function: str = "client:receive", *args: Any, past: tuple[str, ...] = (MADE,), value: Any = b"ab") -> Use:
    spec: Outcome = Returns((value, None))
    return Use(("rule",), function, args, frozenset(past), spec)


@pytest.mark.parametrize(
    ("held", "broken", "lines"),
    [
        ([call()], [call("client:send")], ['on: ["client:receive"]']),
        (
            [call("client:receive", b"*l"), call("client:receive", b"*a")], [call("client:receive", 3)],
            ['expected: {with: [{one_of: ["*l", "*a"]}], returns: [$value, null]}'],
        ),
        (  # one function less is not enough
            [call("client:receive", b"*l")], [call("client:receive", 3), call("client:send", b"x")],
            ['on: ["client:receive"]', 'expected: {with: ["*l"], returns: [$value, null]}'],
        ),
        (
            [call(value=b""), call(value=None)], [call()],
            ['expected: {where: {$value: {one_of: ["", null]}}, returns: [$value, null]}'],
        ),
        ([call(past=(MADE, ":close"))], [call()], ['after: [":close"]']),
        ([call()], [call(past=(MADE, ":close", "other-rule"))], ['before: [":close"]']),
        ([call()], [call()], ["always: false"]),
        ([], [call()], ["always: false"]),
        # more values than a rule can name
        ([call(value=b"%d" % number) for number in range(9)], [call(value=b"x")], ["always: false"]),
    ],
)  # fmt: skip
def test_the_lines_that_narrow_a_quirk(held: list[Use], broken: list[Use], lines: list[str]) -> None:
    assert changes(RULE, narrowed(RULE, held, broken)) == lines


def test_an_object_that_a_rule_is_about_may_leave_its_state() -> None:
    rule = Quirk(
        "rule", "It drops nil.", "W.", (":receive",), None, RULE.expected, None, RULE.returned, True,
        Source("q.yaml", 3), after=(":close",),
    )  # fmt: skip
    closed = MADE, "client:close"
    lines = changes(rule, narrowed(rule, [call(past=closed)], [call(past=(*closed, "client:connect"))]))
    assert lines == ['until: ["client:connect"]']
