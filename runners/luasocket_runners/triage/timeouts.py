"""The rules about the arguments of settimeout, which no reply shows, only calls that take too long or too short.

Each is tried: the behaviours in which a call waited wrongly run with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from luasocket_spec.model import Behaviour, Call, MethodTarget, Ref, Source, Splice

from luasocket_runners.quirks.model import Product, Quirk
from luasocket_runners.result import Result, Verdict

__all__ = ["TRIALS", "Trial"]


@dataclass(frozen=True, slots=True)
class Trial:
    """A rule, and how it is tried.

    Attributes
    ----------
    concerns
        Whether a behaviour has a timeout that the rule changes.
    waits_wrongly
        Whether a call in a result of such a behaviour has waited too long or too short, perhaps because of the timeout.
    """

    rule: Quirk
    concerns: Callable[[Behaviour], bool]
    waits_wrongly: Callable[[Result], bool]


def _sets_timeout(behaviour: Behaviour, *, to_zero: bool = False) -> bool:
    """Tell whether a behaviour sets a timeout in any case, perhaps one of 0."""
    return any(
        isinstance(step, Call)
        and isinstance(step.target, MethodTarget)
        and step.target.method == "settimeout"
        and (not to_zero or step.args[:1] == (0,))
        for step in behaviour.unconditional_steps()
    )


def _hangs(result: Result) -> bool:
    """Tell whether a call has hung, or the behaviour was left out because others have hung."""
    return result.hung or result.verdict is Verdict.NOT_TRIED


#: LuaSocket takes seconds.
MILLISECONDS: Final = Trial(
    rule=Quirk(
        id="timeouts-are-milliseconds",
        says="settimeout takes milliseconds.",
        why="UNEXPLAINED: fewer calls wait too long or too short when the seconds are multiplied by 1000.",
        on=(":settimeout",),
        with_=(Ref("seconds"), Splice()),
        expected=None,
        passes=(Product(Ref("seconds"), 1000), Splice()),
        returned=None,
        always=True,
        source=Source("(proposed)", 0),
    ),
    concerns=_sets_timeout,
    waits_wrongly=lambda result: _hangs(result) or (result.verdict is Verdict.FAILED and "too " in result.reason),
)

#: In LuaSocket, a call with a timeout of 0 does not wait. The rule comes before the one about milliseconds: the time
#: that it passes is a whole number of them, and over at once.
ZERO: Final = Trial(
    rule=Quirk(
        id="a-timeout-of-0-waits",
        says="With a timeout of 0, calls wait, so the runner passes a very short one.",
        why="UNEXPLAINED: fewer calls hang when 0.01 is passed instead of 0.",
        on=(":settimeout",),
        with_=(0, Splice()),
        expected=None,
        passes=(0.01, Splice()),
        returned=None,
        always=True,
        source=Source("(proposed)", 0),
    ),
    concerns=lambda behaviour: _sets_timeout(behaviour, to_zero=True),
    waits_wrongly=_hangs,
)

#: In the order in which they are tried.
TRIALS: Final = (MILLISECONDS, ZERO)
