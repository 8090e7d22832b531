"""How results read, to the letter."""

from __future__ import annotations

from dataclasses import replace

import pytest
from luasocket_runners import report
from luasocket_runners.result import Listed, Result, Verdict
from luasocket_spec.model import Behaviour, Disagreement, Source

BEHAVIOUR = Behaviour(
    id="tcp/receive/line-partial-on-timeout", about="client:receive", says="A line that times out is partial.",
    hint="Keep what has arrived.", cites=("client:receive/timeout", "client:receive/partial"), authority="documented",
    dialects=("defold", "luasocket-3"), needs=(), given=(), functions={}, disagrees=None, steps=(),
    source=Source("behaviours/tcp/receive.yaml", 7),
)  # fmt: skip

FAILED = Result(
    BEHAVIOUR,
    Verdict.FAILED,
    "2 values instead of 3",
    doing='client:receive("*l")',
    expected='nil, "timeout", "hel"',
    returned='nil, "timeout"',
    where="behaviours/tcp/receive.yaml:12",
)

CITED = "documented: client:receive/timeout, client:receive/partial"


def test_a_failure() -> None:
    assert report.explain(FAILED) == f"""\
{"FAILED tcp/receive/line-partial-on-timeout":<78} {CITED}
  client:receive("*l")
    expected  nil, "timeout", "hel"
    returned  nil, "timeout"
    because   2 values instead of 3
  so it is: A line that times out is partial.
  hint: Keep what has arrived.
  spec: behaviours/tcp/receive.yaml:7 (the step: line 12)
  reproduce: luasocket-conformance show tcp/receive/line-partial-on-timeout --as lua > repro.lua"""


def test_a_port_that_died_while_a_fixture_was_made() -> None:
    died = replace(
        FAILED, preparing="connected client", returned=None, reason="The port died.", printed="one\n\x1b[31mtwo"
    )
    assert report.explain(died) == f"""\
{"FAILED tcp/receive/line-partial-on-timeout":<78} {CITED}
  while preparing: connected client
  client:receive("*l")
    expected  nil, "timeout", "hel"
    The port died.
  so it is: A line that times out is partial.
  hint: Keep what has arrived.
  the port printed:
    | one
    | \\x1b[31mtwo
  spec: behaviours/tcp/receive.yaml:7 (the step: line 12)
  reproduce: luasocket-conformance show tcp/receive/line-partial-on-timeout --as lua > repro.lua"""


def test_two_readings_and_an_error_raised() -> None:
    both = replace(
        FAILED,
        behaviour=replace(BEHAVIOUR, authority="observed", hint=None),
        expected="nil   (documented), or\n1   (observed)",
        returned='error: "oops"',
        reason="it raised an error instead of returning",
    )
    assert report.explain(both) == f"""\
{"FAILED tcp/receive/line-partial-on-timeout":<78} observed: every real LuaSocket does it
  client:receive("*l")
    expected  nil   (documented), or
              1   (observed)
    raised    "oops"
    because   it raised an error instead of returning
  so it is: A line that times out is partial.
  spec: behaviours/tcp/receive.yaml:7 (the step: line 12)
  reproduce: luasocket-conformance show tcp/receive/line-partial-on-timeout --as lua > repro.lua"""


def test_what_is_missing_and_what_we_could_not_play() -> None:
    missing = replace(FAILED, verdict=Verdict.NOT_IMPLEMENTED, returned=None, reason="the port has no tcp")
    assert report.explain(missing) == f"""\
{"NOT IMPLEMENTED tcp/receive/line-partial-on-timeout":<78} {CITED}
  client:receive("*l")
    the port has no tcp
  spec: behaviours/tcp/receive.yaml:7 (the step: line 12)
  reproduce: luasocket-conformance show tcp/receive/line-partial-on-timeout --as lua > repro.lua"""
    errored = Result(BEHAVIOUR, Verdict.ERRORED, "the runner could not play it")
    assert report.explain(errored) == f"""\
{"ERRORED tcp/receive/line-partial-on-timeout":<78} {CITED}
  the runner could not play it
  spec: behaviours/tcp/receive.yaml:7"""


def test_what_a_peer_saw() -> None:
    seen = replace(
        FAILED,
        doing='peer client: expect "closed"',
        expected="the end of the connection",
        returned="seen: the connection stayed open",
        reason="the peer client waited for the end of the connection, and the connection stayed open",
    )
    assert """
  peer client: expect "closed"
    expected  the end of the connection
    seen      the connection stayed open
    because   the peer client waited for the end of the connection, and the connection stayed open
""" in report.explain(seen)


@pytest.mark.parametrize(
    ("results", "lines"),
    [
        ([], ["0 behaviours: nothing in 1.2 s"]),
        ([Result(BEHAVIOUR, Verdict.PASSED)], ["1 behaviour: 1 passed in 1.2 s"]),
        (
            [
                Result(BEHAVIOUR, Verdict.PASSED, follows="observed"),
                Result(BEHAVIOUR, Verdict.PASSED, follows="documented"),
                Result(BEHAVIOUR, Verdict.PASSED, follows="observed"),
                FAILED,
                Result(BEHAVIOUR, Verdict.SKIPPED, "needs ipv6, which is not there"),
                Result(BEHAVIOUR, Verdict.SKIPPED, "needs ipv6, which is not there"),
                Result(BEHAVIOUR, Verdict.KNOWN, "differs", note="issue 7"),
            ],
            [
                "7 behaviours: 3 passed, 1 failed, 2 skipped, 1 known deviation in 1.2 s",
                "  tcp/receive/line-partial-on-timeout: issue 7",
                "  skipped 2: needs ipv6, which is not there",
                (
                    "  where documentation and library part (3 behaviours) the port follows "
                    "1 time what is documented, 2 times what is observed"
                ),
            ],
        ),
    ],
)
def test_the_summary(results: list[Result], lines: list[str]) -> None:
    assert report.summary(results, 1.23).splitlines() == lines


def test_a_step_of_a_fixture_is_in_another_file() -> None:
    assert "\n  spec: behaviours/tcp/receive.yaml:7 (the step: fixtures.yaml:12)\n" in report.explain(
        replace(FAILED, where="fixtures.yaml:12")
    )


def test_what_deviates_for_one_cause_is_counted() -> None:
    causes = ["one"] * 2 + ["two"] * 3 + ["three"] * 4 + ["four"] * 5 + ["five"] * 6 + ["six"] * 7 + ["seven"] * 8
    assert report.summary([replace(FAILED, reason=cause) for cause in causes], 1.23).splitlines()[1:] == [
        "  deviate 8: seven",
        "  deviate 7: six",
        "  deviate 6: five",
        "  deviate 5: four",
        "  deviate 4: three",
    ]


def test_what_the_lists_say_is_one_line_a_reason() -> None:
    def known(entry: str, reason: str, line: int, *, explained: bool = True, passed: bool = False) -> Result:
        verdict = Verdict.FAILED if passed else Verdict.KNOWN
        return Result(BEHAVIOUR, verdict, listed=Listed("known", entry, reason, "known.txt", line, explained, passed))

    results = [
        *(known("socket.udp*", "not implemented: there is no UDP", 4) for _ in range(1000)),
        known("tcp/a", "it drops CR", 1),
        known("tcp/b", "it drops CR", 2),
        known("tcp/c", "UNEXPLAINED: 1 instead of 2", 7, explained=False),
        known("tcp/d", "UNEXPLAINED: 1 instead of 3", 8, explained=False),
        known("tcp/e", "gone", 9, passed=True),
    ]
    assert report.summary(results, 1.23).splitlines() == [
        "1005 behaviours: 1 failed, 1004 known deviation in 1.2 s",
        "  known deviation 1000: socket.udp*: not implemented: there is no UDP",
        "  known deviation 2: tcp/a and 1 more: it drops CR",
        "  known deviation 2: without an explanation, from known.txt:7 on",
    ]


def test_disagreements_are_folded_by_behaviour() -> None:
    one = Disagreement("It is nil.", "It raises an error.", "2.0", (391, 392))
    cases = [replace(BEHAVIOUR, id=f"tcp/receive/odd/{case}", disagrees=one) for case in ("a", "b", "c")]
    alone = replace(BEHAVIOUR, id="tcp/receive/even", disagrees=one)
    assert report.disagreements([*cases, alone]) == """\
documented: It is nil.
observed:   It raises an error.
since:      2.0
issues:     lunarmodules/luasocket#391, lunarmodules/luasocket#392
  tcp/receive/odd (3 cases)
  tcp/receive/even

1 disagreement, 4 behaviours.
A port may follow either side; 'run --authority' holds it to one."""
