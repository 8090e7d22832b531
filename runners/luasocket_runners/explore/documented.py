"""The documented outcomes where LuaSocket and the reference do otherwise: a port may follow either.

Each rule is about functions, as the documentation calls them, and tells whether the port's outcome is as documented.
The disagreements themselves are in the specification; `luasocket-conformance disagreements` lists them.
"""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Final

from luasocket_runners.explore.steps import Call, Outcome, Step

Rule = Callable[[Outcome, Outcome], bool]


def follows_documentation(label: str, step: Step, expected: Outcome, actual: Outcome) -> bool:
    """Tell whether a port does what is documented, but not what LuaSocket does.

    Parameters
    ----------
    label
        The function: ``client:receive``, ``socket.select``; ``function`` for one that a call has returned.
    step
        The step that was run, with these outcomes of the reference and of the port.
    """
    if not isinstance(step, Call):
        return False
    return any(fnmatchcase(label, pattern) and rule(expected, actual) for pattern, rule in _RULES)


def _fails(outcome: Outcome) -> bool:
    """Tell whether a call returned nil and a message."""
    return outcome.kind == "returned" and len(outcome.values) >= 2 and outcome.values[0] is None


def _fails_instead_of_raising(expected: Outcome, actual: Outcome) -> bool:
    return expected.kind == "raised" and _fails(actual)


def _returns_instead_of_raising(expected: Outcome, actual: Outcome) -> bool:
    return expected.kind == "raised" and actual.kind == "returned"


def _ignores_what_cannot_be_indexed(expected: Outcome, actual: Outcome) -> bool:
    text = expected.values[0] if expected.kind == "raised" else None
    return isinstance(text, bytes) and b"attempt to index a" in text and actual.kind == "returned"


def _raises_the_exception(expected: Outcome, actual: Outcome) -> bool:
    """Tell whether something was raised on both sides, after the same calls: a finalizer's error, or the exception."""
    return expected.kind == actual.kind == "raised" and bool(expected.calls) and expected.calls == actual.calls


def _returns_one(expected: Outcome, actual: Outcome) -> bool:
    return expected.kind == actual.kind == "returned" and isinstance(expected.values[0], int | float) and _one(actual)


def _one(outcome: Outcome) -> bool:
    return outcome.values == (1,) and outcome.values[0] is not True


def _fails_without_socket(expected: Outcome, actual: Outcome) -> bool:
    return expected.kind == "returned" and expected.values == (b"",) and _fails(actual)


def _gives_a_number(expected: Outcome, actual: Outcome) -> bool:
    if expected.kind != "returned" or actual.kind != "returned" or len(expected.values) != len(actual.values):
        return False
    (ip, port, *rest), (other_ip, number, *others) = expected.values, actual.values
    return ip == other_ip and isinstance(port, bytes) and isinstance(number, int | float) and rest == others


def _needs_no_data(expected: Outcome, actual: Outcome) -> bool:
    return _fails(expected) and expected.values[2:] == (b"",) and actual.values[:1] == (b"",)


_RULES: Final[tuple[tuple[str, Rule], ...]] = (
    ("*:setoption", _fails_instead_of_raising),
    ("*:getoption", _returns_instead_of_raising),
    ("master:?etstats", _returns_instead_of_raising),
    ("server:?etstats", _returns_instead_of_raising),
    ("socket.select", _ignores_what_cannot_be_indexed),
    ("function", _fails_instead_of_raising),
    ("function", _raises_the_exception),
    ("connected:send", _returns_one),
    ("unconnected:sendto", _returns_one),
    ("connected:receive", _fails_without_socket),
    ("unconnected:receive", _fails_without_socket),
    ("*:getsockname", _gives_a_number),
    ("client:receive", _needs_no_data),
)
