"""The rules about arguments that no reply shows: calls take too long or too short, or peers receive something else.

Each is tried: behaviours that fail so run with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from luasocket_spec.model import Behaviour, Call, MethodTarget, Ref, Source, SpecValue, Splice

from luasocket_runners.quirks.model import Product, Quirk, Slice
from luasocket_runners.result import Result, Verdict

__all__ = ["TRIALS", "Trial"]


@dataclass(frozen=True, slots=True)
class Trial:
    """A rule, and how it is tried.

    Attributes
    ----------
    concerns
        Whether a behaviour has a call whose arguments the rule changes.
    fails_so
        Whether such a behaviour has failed in the way that the rule explains.
    words
        That way, as a phrase.
    """

    rule: Quirk
    concerns: Callable[[Behaviour], bool]
    fails_so: Callable[[Result], bool]
    words: str


def _calls(behaviour: Behaviour, method: str, with_: Callable[[tuple[SpecValue, ...]], bool]) -> bool:
    """Tell whether a behaviour calls a method with such arguments, whatever the port does."""
    return any(
        isinstance(step, Call)
        and isinstance(step.target, MethodTarget)
        and step.target.method == method
        and with_(step.args)
        for step in behaviour.unconditional_steps()
    )


def _hangs(result: Result) -> bool:
    """Tell whether a call has hung, or the behaviour was left out because others have hung."""
    return result.hung or result.verdict is Verdict.NOT_TRIED


def _passing(
    identity: str,
    says: str,
    why: str,
    on: tuple[str, ...],
    with_: tuple[SpecValue, ...],
    passes: tuple[SpecValue, ...],
) -> Quirk:
    """Return a rule by which the port gets other arguments, and that changes nothing else."""
    source = Source("(proposed)", 0)
    return Quirk(
        identity, says, why, on, with_, expected=None, passes=passes, returned=None, always=True, source=source
    )


#: LuaSocket takes seconds.
MILLISECONDS: Final = Trial(
    rule=_passing(
        identity="timeouts-are-milliseconds",
        says="settimeout takes milliseconds.",
        why="UNEXPLAINED: fewer calls wait too long or too short when the seconds are multiplied by 1000.",
        on=(":settimeout",),
        with_=(Ref("seconds"), Splice()),
        passes=(Product(Ref("seconds"), 1000), Splice()),
    ),
    concerns=lambda behaviour: _calls(behaviour, "settimeout", lambda args: len(args) > 0),
    fails_so=lambda result: _hangs(result) or (result.verdict is Verdict.FAILED and "too " in result.reason),
    words="calls wait too long or too short",
)

#: In LuaSocket, a call with a timeout of 0 does not wait. The rule comes before the one about milliseconds: the time
#: that it passes is a whole number of them, and over at once.
ZERO: Final = Trial(
    rule=_passing(
        identity="a-timeout-of-0-waits",
        says="With a timeout of 0, calls wait, so the runner passes a very short one.",
        why="UNEXPLAINED: fewer calls hang when 0.01 is passed instead of 0.",
        on=(":settimeout",),
        with_=(0, Splice()),
        passes=(0.01, Splice()),
    ),
    concerns=lambda behaviour: _calls(behaviour, "settimeout", lambda args: args[:1] == (0,)),
    fails_so=_hangs,
    words="calls hang",
)

#: In LuaSocket, send takes the positions of the part to send.
WHOLE: Final = Trial(
    rule=_passing(
        identity="send-takes-no-positions",
        says="send sends the whole string whatever the positions are, so the runner passes the part alone.",
        why="UNEXPLAINED: fewer peers receive something else when the part alone is passed.",
        on=("client:send",),
        with_=(Ref("data"), Ref("first"), Splice()),
        passes=(Slice(Ref("data"), (Ref("first"), Splice())),),
    ),
    concerns=lambda behaviour: _calls(behaviour, "send", lambda args: len(args) > 1),
    fails_so=lambda result: result.verdict is Verdict.FAILED and result.reason.startswith("the peer "),
    words="peers receive something else",
)

#: In the order in which they are tried.
TRIALS: Final = (MILLISECONDS, ZERO, WHOLE)
