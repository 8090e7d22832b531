"""Failures and summaries on the terminal, to the letter."""

from __future__ import annotations

from dataclasses import replace

import pytest
from luasocket_runners.reports import terminal
from luasocket_runners.result import Listed, Result, Verdict
from luasocket_spec.model import Behaviour, Disagreement, Source

BEHAVIOUR = Behaviour(
    id="tcp/receive-line/partial-on-timeout", about="client:receive", says="A line that times out is partial.",
    hint="Keep what has arrived.", covers=("client:receive/timeout", "client:receive/partial"), authority="documented",
    dialects=("defold", "luasocket-3"), needs=(), given=(), functions={}, disagrees=None, steps=(),
    source=Source("behaviours/tcp/receive.yaml", 7),
)  # fmt: skip

FAILED = Result(
    BEHAVIOUR,
    Verdict.FAILED,
    "2 values instead of 3",
    call='client:receive("*l")',
    expected='nil, "timeout", "hel"',
    returned='nil, "timeout"',
    at="behaviours/tcp/receive.yaml:12",
)

FACTS = """\
  rule:        A line that times out is partial.
  hint:        Keep what has arrived.
  covers:      client:receive/timeout, client:receive/partial
  at:          tcp/receive.yaml:7 (step at line 12)
  reproduce:   luasocket-conformance show tcp/receive-line/partial-on-timeout --as lua > repro.lua
  read:        luasocket-conformance explain client:receive"""


def test_a_failure() -> None:
    assert (
        terminal.explain(FAILED)
        == f"""\
FAILED tcp/receive-line/partial-on-timeout
  client:receive("*l")
    expected   nil, "timeout", "hel"
    returned   nil, "timeout"                     2 values instead of 3
{FACTS}"""
    )


def test_a_difference_without_room_behind_the_result_has_a_line_of_its_own() -> None:
    long = replace(FAILED, returned='nil, "' + "timeout " * 9 + '"', reason="a reason that needs more room than that")
    assert (
        terminal.explain(long)
        == f"""\
FAILED tcp/receive-line/partial-on-timeout
  client:receive("*l")
    expected   nil, "timeout", "hel"
    returned   {long.returned}
    difference a reason that needs more room than that
{FACTS}"""
    )


def test_a_port_that_died_while_a_fixture_was_set_up() -> None:
    died = replace(
        FAILED, fixture="connected client", returned=None, reason="The port died.", printed="one\n\x1b[31mtwo"
    )
    assert (
        terminal.explain(died)
        == """\
FAILED tcp/receive-line/partial-on-timeout
  while setting up the fixture 'connected client'
  client:receive("*l")
    expected   nil, "timeout", "hel"
    The port died.
  rule:        A line that times out is partial.
  printed:     one
               \\x1b[31mtwo
  covers:      client:receive/timeout, client:receive/partial
  at:          tcp/receive.yaml:7 (step at line 12)
  reproduce:   luasocket-conformance show tcp/receive-line/partial-on-timeout --as lua > repro.lua
  read:        luasocket-conformance explain client:receive"""
    )


def test_two_readings_and_an_error_raised() -> None:
    both = replace(
        FAILED,
        behaviour=replace(BEHAVIOUR, authority="observed", hint=None, covers=()),
        expected="nil   (documented), or\n1   (observed)",
        returned='error: "oops"',
        reason="it raised an error instead of returning",
    )
    assert (
        terminal.explain(both)
        == """\
FAILED tcp/receive-line/partial-on-timeout
  client:receive("*l")
    expected   nil   (documented), or
               1   (observed)
    raised     "oops"                             it raised an error instead of returning
  rule:        A line that times out is partial.
  observed:    every real LuaSocket of this dialect does it
  at:          tcp/receive.yaml:7 (step at line 12)
  reproduce:   luasocket-conformance show tcp/receive-line/partial-on-timeout --as lua > repro.lua"""
    )


def test_a_missing_function_and_an_error_of_the_suite() -> None:
    missing = replace(FAILED, verdict=Verdict.NOT_IMPLEMENTED, returned=None, reason="the port has no tcp")
    assert (
        terminal.explain(missing)
        == """\
NOT IMPLEMENTED tcp/receive-line/partial-on-timeout
  client:receive("*l")
    the port has no tcp
  rule:        A line that times out is partial.
  covers:      client:receive/timeout, client:receive/partial
  at:          tcp/receive.yaml:7 (step at line 12)
  reproduce:   luasocket-conformance show tcp/receive-line/partial-on-timeout --as lua > repro.lua
  read:        luasocket-conformance explain client:receive"""
    )
    errored = Result(BEHAVIOUR, Verdict.ERRORED, "internal error of the runner")
    assert terminal.explain(errored).splitlines()[:2] == [
        "ERRORED tcp/receive-line/partial-on-timeout",
        "  internal error of the runner",
    ]
    assert "reproduce:" not in terminal.explain(errored)


def test_an_observation_of_a_peer() -> None:
    seen = replace(
        FAILED,
        call='peer client: expect "closed"',
        expected="the end of the connection",
        returned="seen: the connection stayed open",
        reason="the peer client waited for the end of the connection, and the connection stayed open",
    )
    assert """
  peer client: expect "closed"
    expected   the end of the connection
    seen       the connection stayed open
    difference the peer client waited for the end of the connection, and the connection stayed open
""" in terminal.explain(seen)


KNOWN = Listed("known", "tcp", "The clock is coarse.", "known.txt", 1, explained=True, passed=False)


@pytest.mark.parametrize(
    ("results", "lines"),
    [
        ([], ["0 behaviours: nothing was run in 1.2 s", "incomplete: no behaviour was judged"]),
        ([Result(BEHAVIOUR, Verdict.PASSED)], ["1 behaviour: 1 passed in 1.2 s", "conforms"]),
        (
            [
                Result(BEHAVIOUR, Verdict.PASSED, follows="observed"),
                Result(BEHAVIOUR, Verdict.PASSED, follows="documented"),
                Result(BEHAVIOUR, Verdict.PASSED, follows="observed"),
                FAILED,
                Result(BEHAVIOUR, Verdict.SKIPPED, "needs ipv6, which is not available"),
                Result(BEHAVIOUR, Verdict.SKIPPED, "needs ipv6, which is not available"),
                Result(BEHAVIOUR, Verdict.KNOWN, "differs", note="issue 7"),
            ],
            [
                "7 behaviours: 3 passed, 1 failed, 2 skipped, 1 known deviation in 1.2 s",
                "  tcp/receive-line/partial-on-timeout: issue 7",
                "  2 skipped: needs ipv6, which is not available",
                "  3 disagreements: follows the documented reading in 1, the observed reading in 2",
                "  judged to the last step: 80.0 % of 5 behaviours whose functions exist",
                "fails: 1 undeclared failure",
            ],
        ),
        (
            [
                Result(BEHAVIOUR, Verdict.QUIRKS, quirks=("a", "b")),
                Result(BEHAVIOUR, Verdict.QUIRKS, quirks=("b",)),
                Result(BEHAVIOUR, Verdict.KNOWN, "differs", listed=KNOWN),
                Result(BEHAVIOUR, Verdict.ABSENT, "gone", listed=replace(KNOWN, kind="absent", entry="socket.udp")),
            ],
            [
                "4 behaviours: 2 passed with quirks, 1 known deviation, 1 absent in 1.2 s",
                "  1 known deviation: tcp: The clock is coarse.",
                "  1 absent: socket.udp: The clock is coarse.",
                "  judged to the last step: 100.0 % of 3 behaviours whose functions exist",
                "as declared: 2 quirks, 1 known deviation, 1 not implemented",
            ],
        ),
    ],
)
def test_the_summary(results: list[Result], lines: list[str]) -> None:
    assert terminal.summary(results, 1.23).splitlines() == lines


def test_an_interrupted_run_does_not_conform() -> None:
    passed = [Result(BEHAVIOUR, Verdict.PASSED)]
    assert terminal.summary(passed, 1.23, complete=False).splitlines()[-1] == "incomplete: the run ended early"


def test_a_step_of_a_fixture_is_in_another_file() -> None:
    assert "\n  at:          tcp/receive.yaml:7 (step at fixtures.yaml:12)\n" in terminal.explain(
        replace(FAILED, at="fixtures.yaml:12")
    )


def test_every_cause_has_a_line_the_most_important_first() -> None:
    failures = [
        *(replace(FAILED, reason="one", function="client:receive") for _ in range(3)),
        *(replace(FAILED, reason="port 40123 instead of 40124") for _ in range(4)),
        replace(FAILED, reason="port 50123 instead of 50124"),
        replace(FAILED, verdict=Verdict.NOT_IMPLEMENTED, reason="the port has no socket.udp", missing="socket.udp"),
    ]
    assert terminal.summary(failures, 1.23).splitlines()[1:-2] == [
        "  3 causes:",
        "      5 failures  port 40123 instead of 40124  (tcp/receive-line/partial-on-timeout)",
        "      3 failures  client:receive: one  (tcp/receive-line/partial-on-timeout)",
        "      1 failure   socket.udp is not implemented  (tcp/receive-line/partial-on-timeout)",
    ]


def test_a_summary_lists_the_first_causes_unless_it_is_verbose() -> None:
    failures = [replace(FAILED, reason="x" * length) for length in range(1, 36)]
    short = terminal.summary(failures, 1.23).splitlines()
    assert sum("failure  " in line for line in short) == 30
    assert "  … and 5 more causes with 5 failures: -v prints them, " in "\n".join(short)
    assert sum("failure  " in line for line in terminal.summary(failures, 1.23, verbose=True).splitlines()) == 35


def test_declared_differences_are_one_line_a_reason() -> None:
    def known(entry: str, reason: str, line: int, *, explained: bool = True, passed: bool = False) -> Result:
        verdict = Verdict.FAILED if passed else Verdict.KNOWN
        return Result(BEHAVIOUR, verdict, listed=Listed("known", entry, reason, "known.txt", line, explained, passed))

    results = [
        *(known("udp", "it has no UDP", 4) for _ in range(1000)),
        known("tcp/a", "it drops CR", 1),
        known("tcp/b", "it drops CR", 2),
        known("tcp/c", "UNEXPLAINED: 1 instead of 2", 7, explained=False),
        known("tcp/d", "UNEXPLAINED: 1 instead of 3", 8, explained=False),
        known("tcp/e", "gone", 9, passed=True),
    ]
    assert terminal.summary(results, 1.23).splitlines() == [
        "1005 behaviours: 1 failed, 1004 known deviation in 1.2 s",
        "  1000 known deviation: udp: it has no UDP",
        "  2 known deviation: tcp/a and 1 more: it drops CR",
        "  2 known deviation: not explained yet, see known.txt:7",
        "  judged to the last step: 100.0 % of 1005 behaviours whose functions exist",
        "fails: 1 undeclared failure",
    ]


def test_disagreements_are_folded_by_behaviour() -> None:
    one = Disagreement("It is nil.", "It raises an error.", "2.0", (391, 392))
    cases = [replace(BEHAVIOUR, id=f"tcp/receive/odd/{case}", disagrees=one) for case in ("a", "b", "c")]
    alone = replace(BEHAVIOUR, id="tcp/receive/even", disagrees=one)
    assert (
        terminal.disagreements([*cases, alone])
        == """\
documented: It is nil.
observed:   It raises an error.
since:      2.0
issues:     lunarmodules/luasocket#391, lunarmodules/luasocket#392
  tcp/receive/odd (3 cases)
  tcp/receive/even

1 disagreement, 4 behaviours.
A port may follow either reading; 'run --authority' accepts one only."""
    )


def test_a_failure_leads_to_the_site_if_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "http" not in terminal.explain(FAILED)
    monkeypatch.setenv("LUASOCKET_CONFORMANCE_DOCS", "https://docs.example.org/luasocket")
    lines = terminal.explain(FAILED).splitlines()
    page = "https://docs.example.org/luasocket/behaviours/tcp/receive.html"
    assert f"{' ' * 15}{page}#b-tcp-receive-line-partial-on-timeout" in lines
    assert lines[-1] == (
        "  read:        luasocket-conformance explain client:receive, "
        "https://docs.example.org/luasocket/functions/client-receive.html"
    )
