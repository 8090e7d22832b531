"""How a behaviour ends before its last step: the failure, and the step that it is reported at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from luasocket_spec import model

from luasocket_runners.result import Listed, Observation, Result, Verdict

#: Text, or a function that renders it: most steps pass, so text is rendered lazily.
LazyText: TypeAlias = str | Callable[[], str]


def render(text: LazyText) -> str:
    """Return the text."""
    return text if isinstance(text, str) else text()


class Failure(Exception):
    """Ends a behaviour at the current step.

    Attributes
    ----------
    reason, returned, verdict, missing, hung, observation, listed
        See :class:`luasocket_runners.result.Result`.
    late
        Whether the only difference is that the call returned too late, which a busy machine may explain.
    restart
        Whether the port is in the middle of something, and has to be restarted.
    """

    def __init__(
        self,
        reason: str,
        *,
        returned: str | None = None,
        verdict: Verdict = Verdict.FAILED,
        missing: str | None = None,
        hung: bool = False,
        late: bool = False,
        restart: bool = False,
        observation: Observation | None = None,
        listed: Listed | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.returned = returned
        self.verdict = verdict
        self.missing = missing
        self.hung = hung
        self.late = late
        self.restart = restart
        self.observation = observation
        self.listed = listed


@dataclass(slots=True)
class Position:
    """The current step of a behaviour, which a failure is reported at."""

    call: LazyText = ""
    source: model.Source | None = None
    expected: LazyText | None = None
    fixture: str | None = None
    function: str = ""  #: the name of the function that the step calls, if any

    def at(
        self, call: LazyText, source: model.Source | None, expected: LazyText | None = None, function: str = ""
    ) -> None:
        """Move to a step."""
        self.call = call
        self.source = source
        self.expected = expected
        self.function = function

    def result(self, behaviour: model.Behaviour, failure: Failure) -> Result:
        """Return the result of a behaviour that ends here."""
        result = Result(
            behaviour,
            failure.verdict,
            failure.reason,
            call=render(self.call),
            expected=None if self.expected is None else render(self.expected),
            returned=failure.returned,
            at="" if self.source is None else str(self.source),
            fixture=self.fixture,
            hung=failure.hung and failure.verdict is not Verdict.QUIRKS,
            missing=failure.missing,
            observation=failure.observation,
            listed=failure.listed,
            function=self.function,
        )
        return replace(result, expected=None) if failure.verdict in (Verdict.ERRORED, Verdict.QUIRKS) else result
