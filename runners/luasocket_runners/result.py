"""What came of playing a behaviour.

What lives here: the closed set of verdicts, and the result that carries one with all that a report needs. What may not:
how it is found out (``engine``), or how it is shown (``report``, ``reports``).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

from luasocket_spec.model import Authority, Behaviour


class Verdict(Enum):
    """What a behaviour says of a port. The value is the word for people."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_IMPLEMENTED = "not implemented"
    ERRORED = "errored"  #: our side could not play it: no verdict about the port
    SKIPPED = "skipped"  #: a capability that it needs is not there
    KNOWN = "known deviation"
    FLAKY = "flaky"  #: the port is known to do it only now and then


#: The verdicts that a conforming port has.
CONFORMING = frozenset({Verdict.PASSED, Verdict.SKIPPED, Verdict.KNOWN, Verdict.FLAKY})


#: What the ``returned`` of a result begins with where it was no result of a call: an error raised, or what a peer saw.
RAISED: Final = "error: "
SEEN: Final = "seen: "


def answer(returned: str) -> tuple[str, str]:
    """Return what came in place of what was expected: a word for it (returned, raised, seen), and itself."""
    for mark, word in ((RAISED, "raised"), (SEEN, "seen")):
        if returned.startswith(mark):
            return word, returned[len(mark) :]
    return "returned", returned


@dataclass(frozen=True, slots=True)
class Listed:
    """The line of a port's list that speaks of a behaviour.

    Attributes
    ----------
    kind
        Which list: that of known deviations, or that of what is flaky.
    entry
        What the line names: an id, the beginning of ids, a pattern, or a function or method that is absent.
    reason
        What the line says of it.
    file, line
        Where it stands; lines count from 1.
    explained
        Whether a person has said why; False for what ``--update-deviations`` wrote.
    passed
        Whether the behaviour passed all the same.
    """

    kind: Literal["known", "flaky"]
    entry: str
    reason: str
    file: str
    line: int
    explained: bool
    passed: bool


@dataclass(frozen=True, slots=True)
class Result:
    """The verdict on one behaviour.

    Attributes
    ----------
    reason
        A sentence: the first difference, what is missing, which capability is absent. Empty where it passed.
    doing
        The step in Lua's notation: ``client:receive("*l")``; empty where no step is to blame.
    expected, returned
        In Lua's notation; None where the step has none. See :func:`answer` for what was raised, or seen by a peer.
    where
        ``file:line`` of the step in the spec.
    preparing
        The fixture that was being made, if any.
    follows
        Which side of a disagreement the port takes: ``documented``, ``observed``, or None.
    duration
        Seconds.
    note
        What else is to be said: that the result was another one when other behaviours ran at the same time.
    hung
        Whether it took all the time there was: a call did not return, or a peer waited in vain.
    printed
        The last lines that the port wrote to its standard error, where that may explain the result.
    listed
        The line of the port's lists that names the behaviour, if any.
    missing
        Where something is not implemented, what: ``socket.udp``, or a method as ``:getstats``.
    """

    behaviour: Behaviour
    verdict: Verdict
    reason: str = ""
    doing: str = ""
    expected: str | None = None
    returned: str | None = None
    where: str = ""
    preparing: str | None = None
    follows: Authority | None = None
    duration: float = 0.0
    note: str = ""
    hung: bool = False
    printed: str = ""
    listed: Listed | None = None
    missing: str | None = None
