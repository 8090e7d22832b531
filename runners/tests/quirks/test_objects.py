"""Quirks that depend on what an object has gone through, calls that hang, and methods that are not there."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import luasocket_spec
import pytest
from luasocket_runners.engine.engine import Engine
from luasocket_runners.ports.inprocess import PythonPort
from luasocket_runners.quirks import QuirksError
from luasocket_runners.quirks.model import Quirks
from luasocket_runners.quirks.reading import parse_quirks
from luasocket_runners.quirks.writing import HEADER, render
from luasocket_runners.reports.terminal import judged_share
from luasocket_runners.result import Result, Verdict
from luasocket_runners.testing import ToyError
from luasocket_spec.model import Behaviour

Run = Callable[..., Result]


class Master:
    """An object with two methods, of which one works as LuaSocket's until the object is closed."""

    closed = False

    def settimeout(self, *_: object) -> tuple[Any, ...]:
        return (2,) if self.closed else (1,)

    def close(self) -> tuple[Any, ...]:
        self.closed = True
        return (1,)

    def getfd(self) -> tuple[Any, ...]:
        return (-1,) if self.closed else (3,)


@pytest.fixture
def run(
    with_steps: Callable[[list[str]], list[Behaviour]],
    toy_port: Callable[..., PythonPort],
    read_rules: Callable[..., Quirks],
) -> Run:
    """Runs steps, with an object `one` of `socket.tcp`, on a port with rules that are given in YAML."""

    def make(steps: list[str], *rules: str, **functions: Callable[..., Any]) -> Result:
        found = with_steps(["{call: socket.tcp, succeeds: true, as: one}", *steps])
        quirks = read_rules(found, *rules)
        with Engine(toy_port(**{"tcp": lambda: (Master(),), **functions}), quirks=quirks) as engine:
            return engine.run(found[0])

    return make


TIMEOUT = "{call: one:settimeout, with: [1], returns: [1]}"
CLOSE = "{call: one:close, returns: [1]}"


def two_after(name: str) -> str:
    """Return the rule that settimeout returns 2 after something."""
    return f'on: [":settimeout"], after: [{name}], expected: {{returns: [1]}}, returned: {{returns: [2]}}'


@pytest.mark.parametrize("name", ['":close"', '"tcp:close"', "master:c*"])
def test_a_rule_may_hold_only_after_a_call(run: Run, name: str) -> None:
    result = run([TIMEOUT, CLOSE, TIMEOUT], two_after(name))
    assert (result.verdict, result.reason, result.quirks) == (Verdict.QUIRKS, "", ("rule-1",))


def test_other_objects_have_another_past(run: Run) -> None:
    other = "{call: socket.tcp, succeeds: true, as: other}"
    steps = [other, "{call: other:close, returns: [1]}", TIMEOUT]
    assert run(steps, two_after('":close"')).verdict is Verdict.PASSED


def test_what_a_function_has_returned_comes_after_it(run: Run) -> None:
    result = run([TIMEOUT], two_after("socket.tcp"))
    assert result.reason == "the quirk rule-1 does not hold here: the port does what LuaSocket does"


def test_a_rule_may_hold_only_where_another_one_was_needed(run: Run) -> None:
    close = 'on: [":close"], expected: {returns: [null]}, returned: {returns: [1]}'
    getfd = 'on: [":getfd"], after: [rule-1], expected: {returns: [3]}, returned: {returns: [-1]}'
    fd = "{call: one:getfd, returns: [3]}"
    steps = [fd, "{call: one:close, returns: [null]}", fd]
    result = run(steps, close, getfd)
    assert (result.verdict, result.reason, result.quirks) == (Verdict.QUIRKS, "", ("rule-1", "rule-2"))


@pytest.mark.parametrize("name", ['":close"', "rule-1"])
def test_a_rule_may_hold_only_before_a_call_or_a_rule(run: Run, name: str) -> None:
    close = 'on: [":close"], expected: {returns: [null]}, returned: {returns: [1]}'
    getfd = f'on: [":getfd"], before: [{name}], expected: {{returns: [-1]}}, returned: {{returns: [3]}}'
    fd = "{call: one:getfd, returns: [-1]}"
    result = run([fd, "{call: one:close, returns: [null]}", fd], close, getfd)
    assert (result.verdict, result.reason, result.quirks) == (Verdict.QUIRKS, "", ("rule-2", "rule-1"))


class Sender(Master):
    """An object whose send returns what it is made with, in turn."""

    def __init__(self, replies: Iterator[tuple[Any, ...]]) -> None:
        self._replies = replies

    def send(self, *_: object) -> tuple[Any, ...]:
        return next(self._replies)


class Client(Master):
    """An object whose connect fails at every second call, and whose settimeout returns whether the last one did."""

    calls = 0

    def connect(self, *_: object) -> tuple[Any, ...]:
        self.calls += 1
        return (None, b"refused") if self.calls % 2 else (1,)

    def settimeout(self, *_: object) -> tuple[Any, ...]:
        return (2,) if self.calls % 2 else (1,)


def test_a_rule_may_hold_until_a_call_and_after_failures(run: Run) -> None:
    rule = two_after('":connect failed"').replace("expected:", 'until: [":connect"], expected:')
    failing = '{call: one:connect, with: ["::1", 1], returns: [null, refused]}'
    connect = '{call: one:connect, with: ["::1", 1], returns: [1]}'
    steps = [TIMEOUT, failing, TIMEOUT, TIMEOUT, connect, TIMEOUT, failing, TIMEOUT]
    result = run(steps, rule, tcp=lambda: (Client(),))
    assert (result.verdict, result.reason, result.quirks) == (Verdict.QUIRKS, "", ("rule-1",))


def test_a_call_that_raises_an_error_ends_nothing(run: Run) -> None:
    def connect(*_: object) -> tuple[Any, ...]:
        raise ToyError(b"no address")

    rule = two_after("socket.tcp").replace("expected:", 'until: [":connect"], expected:')
    raising = '{call: one:connect, with: ["::1", 1], raises: no address}'
    client = type("Raising", (), {"connect": connect, "settimeout": lambda *_: (2,)})
    result = run([TIMEOUT, raising, TIMEOUT], rule, tcp=lambda: (client(),))
    assert (result.verdict, result.reason, result.quirks) == (Verdict.QUIRKS, "", ("rule-1",))


@pytest.mark.parametrize("returned", [0, b"", True])
def test_only_nil_and_false_are_failures(run: Run, returned: object) -> None:
    steps = ["{call: one:close, returns: [{type: any}]}", TIMEOUT]
    other = type("Other", (), {"close": lambda _: (returned,), "settimeout": lambda *_: (1,)})
    assert run(steps, two_after('":close failed"'), tcp=lambda: (other(),)).verdict is Verdict.PASSED


def test_until_needs_after(run: Run) -> None:
    with pytest.raises(QuirksError, match="`until` ends what began by `after`"):
        run([TIMEOUT], two_after('":close"').replace("after:", "until:"))


@pytest.mark.parametrize("key", ["after", "before"])
def test_names_of_the_past_are_checked(run: Run, key: str) -> None:
    with pytest.raises(QuirksError, match=f"`other` under `{key}` is neither a quirk nor a function"):
        run([TIMEOUT], two_after("other").replace("after:", f"{key}:"))


def test_an_empty_after_is_an_error(run: Run) -> None:
    with pytest.raises(QuirksError, match="`after` is empty"):
        run([TIMEOUT], two_after(""))


def test_a_behaviour_ends_at_a_call_that_hangs_by_a_rule(run: Run) -> None:
    release = threading.Event()

    def sleep(*_: object) -> tuple[Any, ...]:
        release.wait(30)
        return ()

    hangs = "on: [socket.sleep], returned: {hangs: true}"
    step = "{call: socket.sleep, with: [0], returns: []}"
    try:
        behind = run([step, TIMEOUT], hangs, sleep=sleep)
        assert (behind.verdict, behind.quirks, behind.hung, behind.call) == (
            Verdict.QUIRKS, ("rule-1",), False, "socket.sleep(0)",
        )  # fmt: skip
        assert judged_share([behind]) == "judged to the last step: 0.0 % of 1 behaviour whose functions exist"
    finally:
        release.set()


def test_a_call_that_returns_does_not_hang(run: Run) -> None:
    hangs = "on: [socket.sleep], returned: {hangs: true}"
    step = "{call: socket.sleep, with: [0], returns: []}"
    result = run([step], hangs, sleep=lambda *_: ())
    assert result.reason == "the quirk rule-1 does not hold here: the port does what LuaSocket does"
    assert result.expected == "a call that does not return"


def test_a_call_that_returns_otherwise_does_not_hang_either(run: Run) -> None:
    result = run(
        ["{call: socket.sleep, with: [0], returns: []}"],
        "on: [socket.sleep], returned: {hangs: true}",
        sleep=lambda *_: (1,),
    )
    assert (result.verdict, result.reason) == (Verdict.FAILED, "the call returned")


def test_a_call_that_sometimes_hangs_may_return(run: Run) -> None:
    result = run(
        ["{call: socket.sleep, with: [0], returns: []}"],
        "on: [socket.sleep], returned: {hangs: true}, always: false",
        sleep=lambda *_: (),
    )
    assert result.verdict is Verdict.PASSED


MISSING = "on: [':dirty'], returned: {raises: attempt to call a nil value}"


def test_a_method_that_is_not_there_raises_as_a_rule_says(run: Run) -> None:
    result = run(["{call: one:dirty, raises: expected}", CLOSE], MISSING)
    assert (result.verdict, result.quirks) == (Verdict.QUIRKS, ("rule-1",))


def test_where_no_error_is_expected_it_counts_as_absent(run: Run) -> None:
    result = run(["{call: one:dirty, returns: [true]}", CLOSE], MISSING)
    assert (result.verdict, result.quirks, result.missing) == (Verdict.ABSENT, ("rule-1",), ":dirty")
    assert result.listed is not None
    assert (result.listed.entry, result.listed.reason) == ("rule-1", "S. https://example.org")


def test_a_method_that_is_looked_up_counts_as_absent_too(run: Run) -> None:
    result = run(["{get: one.dirty, is: {type: function}}", "{call: one:dirty, returns: [true]}"], MISSING)
    assert (result.verdict, result.quirks, result.missing) == (Verdict.ABSENT, ("rule-1",), ":dirty")


@pytest.mark.parametrize("raises", ["no such method", "'*'", "{value: {type: string}}"])
def test_without_a_fitting_rule_it_is_not_implemented(run: Run, raises: str) -> None:
    other = f"on: [':dirty'], returned: {{raises: {raises}}}"
    assert run(["{call: one:dirty, returns: [true]}"], other).verdict is Verdict.NOT_IMPLEMENTED


@pytest.mark.parametrize(
    ("like", "expected", "returned", "fits"),
    [
        (r'{ignoring: ["\r", $line]}', "ab", b"a\r\rb\r", True),
        (r'{ignoring: ["\r", $line]}', "ab", b"ab", True),
        (r'{ignoring: ["\r", $line]}', "ab", b"ab\n", False),
        (r'{ignoring: ["\r", $line]}', "ab", b"ba", False),
        (r'{ignoring: ["\r\n", $line]}', "a.b", b"\na.\r\nb", True),
        (r'{ignoring: ["\r\n", $line]}', "a.b", b"axb", False),
        ("{ending: $line}", "ab", b"xab", True),
        ("{ending: $line}", "ab", b"ab", True),
        ("{ending: $line}", "ab", b"abx", False),
        ("{beginning: $line}", "a.", b"a.xy", True),
        ("{beginning: $line}", "a.", b"axy", False),
        ("{beginning: $line, bytes: [$line]}", "a.", b"a.", True),
        ("{beginning: $line, bytes: [$line]}", "a.", b"a.x", False),
        ("{beginning: $line, below: [$line, $line]}", "a.", b"a.x", True),
        ("{beginning: $line, below: [$line, $line]}", "a.", b"a.xy", False),
        ("{behind: [$line, $line]}", "a.", b"", True),
    ],
)
def test_strings_that_are_like_the_expected_one(
    run: Run, like: str, expected: str, returned: bytes, *, fits: bool
) -> None:
    rule = f"on: [socket.sleep], expected: {{returns: [$line, null]}}, returned: {{returns: [{like}]}}"
    result = run([f'{{call: socket.sleep, returns: ["{expected}", null]}}'], rule, sleep=lambda: (returned,))
    assert result.verdict is (Verdict.QUIRKS if fits else Verdict.FAILED)


@pytest.mark.parametrize(
    ("like", "shown"),
    [
        (r'{ignoring: ["\r", $line]}', r'<("ab"):rep(5000), with "\r" in any places>'),
        ("{ending: $line}", '<a string that ends with ("ab"):rep(5000)>'),
        (
            "{beginning: $line, below: [$line, $line]}",
            '<a string of fewer than 20000 bytes that begins with ("ab"):rep(5000)>',
        ),
    ],
)
def test_a_long_string_that_another_one_is_like_is_never_shown_long(run: Run, like: str, shown: str) -> None:
    rule = f"on: [socket.sleep], expected: {{returns: [$line, null]}}, returned: {{returns: [{like}]}}"
    step = "{call: socket.sleep, returns: [{repeat: ab, times: 5000}, null]}"
    result = run([step], rule, sleep=lambda: (b"xy" * 5000,))
    assert (result.verdict, result.expected) == (Verdict.FAILED, shown)
    assert result.reason == f'("xy"):rep(5000) is not {shown[1:-1]}'


@pytest.mark.parametrize(
    ("select", "fits"),
    [
        (lambda sockets: (sockets, {}), True),
        (lambda sockets: ({1: b"x"}, {}), False),
        (lambda sockets: (sockets, sockets), False),
    ],
)
def test_a_list_that_is_keyed_by_integers_only(run: Run, select: Callable[..., Any], *, fits: bool) -> None:
    rule = "on: [socket.select], expected: {returns: [$r, $w]}, returned: {returns: [{listed: $r}, {listed: $w}]}"
    result = run(["{call: socket.select, with: [[$one]], returns: [{keyed: [$one]}, []]}"], rule, select=select)
    assert result.verdict is (Verdict.QUIRKS if fits else Verdict.FAILED)


KEPT = (
    'on: [":send"], expected: {returns: [null, $message, $third]}, returned: {returns: [null, $message]}',
    'on: [":send"], expected: {returns: [$line]}, returned: {returns: [{kept: $line}]}',
)


@pytest.mark.parametrize(
    ("third", "last", "returned", "fits"),
    [
        ("b", "c", b"abc", True),
        ("b", "c", b"c", False),
        ("b", "c", b"bc", False),
        ("b", "c", b"abxc", False),
        ("pb", "c", b"abc", True),  # the prefix p was not received
        # of a string that is not known, nothing is known but the end
        ({"type": "string"}, "c", b"abxc", True),
        ({"type": "string"}, "c", b"cx", False),
    ],
)
def test_what_earlier_calls_kept_back_comes_once(
    run: Run, third: object, last: str, returned: bytes, *, fits: bool
) -> None:
    replies = iter([(None, b"timeout"), (None, b"timeout"), (returned,), (b"d",)])
    failing = "{call: one:send, with: [1, p], returns: [null, timeout, %s]}"
    steps = [failing % json.dumps("a"), failing % json.dumps(third)]
    steps += [f"{{call: one:send, with: [1], returns: [{line}]}}" for line in (last, "d")]
    result = run(steps, *KEPT, tcp=lambda: (Sender(replies),))
    assert result.verdict is (Verdict.QUIRKS if fits else Verdict.FAILED), result.reason


@pytest.mark.parametrize(
    "like",
    ["{ignoring: [$line]}", '{ignoring: ["", $line]}', "{ending: x}", "{kept: x}", "{listed: x}", "{beginning: x}"],
)
def test_a_string_is_like_a_variable(run: Run, like: str) -> None:
    with pytest.raises(QuirksError, match="needs a variable"):
        run([TIMEOUT], f'on: [":settimeout"], expected: {{returns: [$line]}}, returned: {{returns: [{like}]}}')


def test_all_of_this_can_be_written_and_read() -> None:
    rules = """quirks:
  - {id: a, says: S., why: W., on: [":settimeout"], after: [":close", b], until: [":connect failed"],
     returned: {hangs: true, or: [{returns: [2]}, {raises: oh}]}}
  - {id: b, says: S., why: W., on: [client], expected: {returns: [$x]},
     returned: {returns: [{ignoring: ["\\r", $x]}, {ending: $x}, {listed: $x}, {concat: [$x, $x]}, {kept: $x}, []]}}
  - {id: c, says: S., why: W., on: [client], expected: {with: [$i, $x]},
     returned: {returns: [{behind: [$i, $x]}, {beginning: $x}, {beginning: {behind: [$i, $x]}, bytes: [$i, $x]},
       {beginning: $x, below: [$i]},
       {sum: [$i, {size: [$x, $i]}, -1]}, {between: [1, {size: [$x]}]}, {keyed: [$x]}, {list_of: {type: string}}]}}
"""
    every = luasocket_spec.load().behaviours
    read = parse_quirks(rules.encode(), "q", every)
    again = parse_quirks((HEADER.format(schema="s") + render(read.rules)).encode(), "q", every)
    for one, other in zip(read.rules, again.rules, strict=True):
        for key in ("after", "until", "returned", "others", "expected"):
            assert getattr(one, key) == getattr(other, key)
