"""Groups the failures of a run by their causes, the most important cause first.

A cause is a rule that explains several failures: a function, the shape of the expected and of the returned values, and
the text of an error without its numbers. ``proposals`` turns such a cause into a quirk.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from luasocket_spec.model import Raises

from luasocket_runners import notation
from luasocket_runners.result import Result, Verdict
from luasocket_runners.triage.missing import missing_functions, stub
from luasocket_runners.triage.proposals import Proposal, propose
from luasocket_runners.triage.rule import shown_function

__all__ = ["Cause", "Kind", "cause_key", "causes_of"]

#: Addresses, paths, numbers of ports and times; small numbers, such as those of values, matter.
_LONG_NUMBER: Final = re.compile(r"0x[0-9a-fA-F]+|(?:/[^\s:/\"']+){2,}(?::\d+)?|\d+\.\d+|\d{4,}")
#: Data that differ, and the last output of a program that died: other words of the same cause.
_OTHER_TEXT: Final = re.compile(r'"(?:[^"\\]|\\.)*" instead of "(?:[^"\\]|\\.)*"')
_LAST_WORDS: Final = " Its last words"


class Kind(Enum):
    """The kind of a cause; the value is the weight of one of its failures."""

    DATA = 4.0  #: lost or wrong data, a crash, a hang: no rule can describe it
    SHAPE = 2.0  #: another number or type of values
    RAISES = 1.0  #: an error instead of values, or the reverse: mostly wrong arguments
    TEXT = 0.5  #: another text of an error
    ABSENT = 0.25  #: a function that is not implemented, which is mostly known, and may have hundreds of behaviours


@dataclass(slots=True)
class Cause:
    """The failures with one cause, in the order of the specification; ``title`` is a phrase."""

    kind: Kind
    title: str
    results: list[Result] = field(default_factory=list)
    proposal: Proposal | None = None
    functions: list[str] = field(default_factory=list)

    @property
    def example(self) -> Result:
        """The first of the failures."""
        return self.results[0]

    @property
    def weight(self) -> float:
        """How important the cause is."""
        return self.kind.value * len(self.results)


def causes_of(results: Iterable[Result]) -> list[Cause]:
    """Return the causes of failures, by weight."""
    found: dict[object, Cause] = {}
    results = list(results)
    missing = missing_functions(results)
    for result in results:
        key, cause = _cause(result, missing)
        cause = found.setdefault(key, cause)
        cause.results.append(result)
        if result.function and result.function not in cause.functions:
            cause.functions.append(result.function)
    for cause in found.values():
        if cause.functions and cause.kind is not Kind.ABSENT:
            shown = ", ".join(map(shown_function, cause.functions[:3])) + (", …" if len(cause.functions) > 3 else "")
            cause.title = f"{shown}: {cause.title}"
    return sorted(found.values(), key=lambda cause: -cause.weight)


def cause_key(result: Result) -> object:
    """Return a value that is equal for failures with the same cause."""
    return _cause(result)[0]


def _cause(result: Result, missing: Container[str | None] = ()) -> tuple[object, Cause]:
    """Return the key of the cause of a failure, and the cause without results; some functions are missing."""
    if result.verdict is Verdict.NOT_IMPLEMENTED:
        name = result.missing or result.reason
        return ("absent", name), Cause(Kind.ABSENT, f"{name} is not implemented")
    if (said := stub(result)) in missing:
        return ("absent", said), Cause(Kind.ABSENT, f"{said} says that it is not implemented")
    proposal = propose(result.observation) if result.observation is not None else None
    if result.hung:
        return ("hung", result.function), Cause(Kind.DATA, "the call hangs", proposal=proposal)
    if proposal is not None:
        kind = {
            "text": Kind.TEXT,
            "raises": Kind.RAISES,
            "stub": Kind.RAISES,
            "shape": Kind.SHAPE,
            "number": Kind.SHAPE,
            "data": Kind.DATA,
        }[proposal.kind]
        if not isinstance(proposal.expected, Raises) and isinstance(proposal.returned, Raises):
            # one error is one cause, whatever LuaSocket would have returned
            return ("raises", repr(proposal.returned)), Cause(kind, proposal.says, proposal=proposal)
        return ("rule", proposal.key), Cause(kind, proposal.says, proposal=proposal)
    reason = result.reason.partition(_LAST_WORDS)[0]
    key = _OTHER_TEXT.sub("other text", _LONG_NUMBER.sub("#", reason))
    return ("other", result.function, key), Cause(Kind.DATA, notation.plain(reason))
