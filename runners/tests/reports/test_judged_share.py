"""The share of the behaviours that ran to their last step, among those whose functions exist."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from luasocket_runners.expectations.absent import AbsentNames
from luasocket_runners.reports.terminal import judged_share
from luasocket_runners.result import Listed, Result, Verdict
from luasocket_spec.model import Behaviour

BEHAVIOURS = """
  - id: closes
    says: S.
    authority: observed
    steps:
      - {call: socket.tcp, succeeds: true, as: one}
      - {call: "one:getstats", returns: [0]}
      - {call: "one:close", returns: [1]}
"""

ABSENT = AbsentNames("port.toml", {":close": "nobody closes"}, {":close": 3})


@pytest.fixture
def closes(behaviours: Callable[[str], list[Behaviour]]) -> Behaviour:
    """A behaviour with three steps, of which the last one calls ``close``."""
    return behaviours(BEHAVIOURS)[0]


def test_what_goes_on_to_an_absent_function_is_not_counted(closes: Behaviour) -> None:
    ended = Result(closes, Verdict.KNOWN, at=str(closes.steps[1].source))
    assert judged_share([ended]) == "judged to the last step: 0.0 % of 1 behaviour whose functions exist"
    assert (
        judged_share([ended], ABSENT.used_by)
        == "judged to the last step: none, because each behaviour needs a function that does not exist"
    )


@pytest.mark.parametrize("verdict", [Verdict.PASSED, Verdict.QUIRKS, Verdict.KNOWN, Verdict.FAILED, Verdict.FLAKY])
@pytest.mark.parametrize(("step", "judged"), [(None, 1), (-1, 1), (1, 0)])
def test_what_counts_is_the_step_at_which_a_behaviour_ended(
    verdict: Verdict, step: int | None, judged: int, closes: Behaviour
) -> None:
    place = "" if step is None else str(closes.steps[step].source)
    assert f" {judged * 100}.0 % of 1 " in judged_share([Result(closes, verdict, at=place)])


def test_a_flaky_behaviour_that_passed_is_judged(closes: Behaviour) -> None:
    listed = Listed("flaky", "test", "now and then", "flaky.txt", 1, explained=True, passed=True)
    flaky = Result(closes, Verdict.FLAKY, "passed this time", listed=listed)
    assert judged_share([flaky]) == "judged to the last step: 100.0 % of 1 behaviour whose functions exist"


@pytest.mark.parametrize("verdict", [Verdict.ERRORED, Verdict.NOT_TRIED])
def test_without_a_verdict_nothing_was_judged(verdict: Verdict, closes: Behaviour) -> None:
    assert " 0.0 % of 1 " in judged_share([Result(closes, verdict)])


def test_a_fixture_is_before_the_first_step(closes: Behaviour) -> None:
    assert " 0.0 % of 1 " in judged_share([Result(closes, Verdict.KNOWN, fixture="connected client")])
