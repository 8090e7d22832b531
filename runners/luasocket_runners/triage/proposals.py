"""Proposes a quirk for one reply that was not expected, general enough to explain others of its kind."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from luasocket_spec import model
from luasocket_spec.model import Outcome, Raises, Returns, SpecValue

from luasocket_runners.engine.matcher import lua_type, same
from luasocket_runners.quirks.model import HANGS, Beginning, Behind, Ignoring, Message
from luasocket_runners.quirks.patterns import types_of
from luasocket_runners.result import Observation
from luasocket_runners.triage.contradictions import contradiction
from luasocket_runners.triage.descriptions import described_otherwise, describes_object
from luasocket_runners.triage.fingerprints import without_numbers, without_varying_numbers
from luasocket_runners.triage.missing import says_not_implemented
from luasocket_runners.triage.places import PREFIXED, Difference, Places, in_words
from luasocket_runners.triage.values import described, is_empty_list
from luasocket_runners.values import LuaValue, is_failure

__all__ = ["MISSING", "Proposal", "arguments_pattern", "propose", "takes_nothing"]

#: A short word, such as a mode or a pattern of receive; not the number of a port, which differs from run to run.
_MODE: Final = re.compile(rb"(?!\d{4,}$)[A-Za-z0-9*_.-]{1,24}")

#: Quoted words in the text of an error, in any of Lua's ways, and the characters of a text that a rule keeps.
_QUOTED: Final = re.compile(r"([`'\"])([^`'\"]{1,60})(['\"])")
_TEXT_LENGTH: Final = 80
#: Bytes of the shortest argument that is looked for in the text of an error.
_WORD_LENGTH: Final = 3
#: Methods that only wait for something, and change nothing until it has come.
_WAITING: Final = ("accept", "receive", "receivefrom")
#: The number of results of a failure with a partial result: nil, the message, and the partial result.
_FAILURE_WITH_PARTIAL: Final = 3


@dataclass(frozen=True, slots=True)
class Proposal:
    """A quirk without its functions: what LuaSocket does, and what the port does instead.

    ``expected`` is None if it does the same whatever LuaSocket does, because it does not have the function.
    ``with_`` is the pattern of the arguments, if the outcome has variables of it, and ``where`` says more of those.
    """

    kind: Literal["text", "raises", "stub", "shape", "number", "data", "hangs", "missing"]
    expected: Outcome | Message | None
    returned: Outcome | Message
    says: str
    with_: tuple[SpecValue, ...] | None = None
    where: tuple[tuple[str, SpecValue], ...] = ()

    @property
    def key(self) -> object:
        """Equal for proposals of the same rule."""
        return self.kind, repr(self.expected), repr(self.returned)  # to Python, true equals 1


#: The rule for a method that some objects do not have: Lua raises this error where it is called.
MISSING: Final = Proposal("missing", None, Raises(b"attempt to call a nil value"), "is not there")


def propose(seen: Observation) -> Proposal | None:
    """Return a rule that explains a reply; None if it is a fault that no rule can describe, such as other data."""
    if seen.broken_quirks:
        return None
    return _proposed(seen if (instead := contradiction(seen)) is None else replace(seen, expected=instead.expected))


def _proposed(seen: Observation) -> Proposal | None:
    if (said := says_not_implemented(seen)) is not None:
        # it says so for some arguments, whatever LuaSocket does with them
        stub = (
            Returns((None, said)) if seen.returns is not None else Raises((_error_text(said) or "*").encode("latin-1"))
        )
        return Proposal("stub", None, stub, "says that it is not implemented")
    if seen.hangs:
        # the rules that changed what is expected are not followed here
        expected = seen.expected if seen.spec is None else seen.spec
        if isinstance(expected, Returns) and any("any" in types_of(value) for value in expected.values):
            return None  # a rule would also be about calls that return
        nothing_came = takes_nothing(seen.function, expected)
        return Proposal("hangs", expected if nothing_came else _hung(expected), HANGS, "does not return")
    if isinstance(seen.expected, Raises) and isinstance(seen.expected.value, model.Pattern):
        return None  # only a quirk expects such an error, and it does not hold here
    if isinstance(seen.expected, Returns):
        if seen.returns is None:
            return _raises_instead(seen.expected, seen.raises, seen.args)
        if describes_object(seen.function):
            return _other_description(seen.expected, seen.returns)
        is_prefixed = seen.function.endswith(":receive") and len(seen.args) == len(PREFIXED)
        return _other_values(seen.expected.values, seen.returns, seen.args if is_prefixed else ())
    if isinstance(seen.expected, Raises):
        if seen.returns is not None:
            shown = tuple(described(value, place, seen.returns) for place, value in enumerate(seen.returns))
            raised = _raised(seen.expected)
            text = _error_text(raised.part) if isinstance(raised, Raises) else None
            error = "an error" if text is None or text == "*" else f"{text!a}"
            return Proposal("raises", raised, Returns(shown), f"returns instead of raising {error}")
        return _other_error(seen.expected, seen.raises, seen.args)
    if seen.returns is not None:
        return None  # a call that fails instead of succeeding
    return _raises_instead(Returns(()), seen.raises, seen.args)


def arguments_pattern(args: Sequence[LuaValue]) -> tuple[SpecValue, ...]:
    """Return a pattern of arguments: their types, and short words such as modes and patterns as they are."""
    return tuple(
        value
        if value is None or isinstance(value, bool) or (isinstance(value, bytes) and _MODE.fullmatch(value))
        else model.OfType((lua_type(value),))
        for value in args
    )


def takes_nothing(function: str, expected: Outcome | Message | None) -> bool:
    """Tell whether a call would only have waited, for something that has not come: it need not be made."""
    if not isinstance(expected, Returns) or expected.values[:2] != (None, b"timeout"):
        return False
    method = function.rpartition(":")[2]
    return expected.values[2:] == ((b"",) if function == "client:receive" else ()) and method in _WAITING


def _hung(expected: Outcome) -> Outcome:
    """Return the pattern of LuaSocket's outcome where a call does not return."""
    if isinstance(expected, Raises):
        return _raised(expected)
    if not isinstance(expected, Returns):
        return expected
    values = expected.values
    if is_failure(values):
        return Returns((*(described(value, place, values) for place, value in enumerate(values[:2])), model.Splice()))
    return Returns(tuple(value if value is None else model.OfType(tuple(sorted(types_of(value)))) for value in values))


def _raised(expected: Raises) -> Outcome:
    if expected.part is None:
        return expected
    return Raises((_error_text(expected.part) or "*").encode("latin-1"))


def _with_numbers(value: LuaValue, *, names: bool) -> str:
    """Return the text of an error with its small numbers, and perhaps with its quoted words."""
    assert isinstance(value, bytes)
    text = re.sub(r"^[^\s:]*:\d+: ", "*", value.decode("latin-1"))
    if not names:
        text = _QUOTED.sub(r"\1*\3", text)
    return re.sub(r"\*+", "*", without_varying_numbers(text, "*"))


def _error_text(value: LuaValue, args: Sequence[LuaValue] = ()) -> str | None:
    """Return the text of an error, ``*`` in the place of varying parts; None if it is no text.

    The words of arguments are among them.
    """
    if not isinstance(value, bytes):
        return None
    for word in args:
        if isinstance(word, bytes) and len(word) >= _WORD_LENGTH:
            value = re.sub(rb"(?<!\w)" + re.escape(word) + rb"(?!\w)", b"*", value)
    # a position in front of a message depends on the adapter, and quoted words on the arguments
    text = re.sub(r"^[^\s:]*:\d+: ", "*", value.decode("latin-1"))
    text = without_numbers(_QUOTED.sub(lambda found: f"{found[1]}*{found[3]}", text), "*")
    return re.sub(r"\*+", "*", text if len(text) <= _TEXT_LENGTH else f"{text[:_TEXT_LENGTH]}*")


def _raises_instead(expected: Returns, error: LuaValue, args: Sequence[LuaValue]) -> Proposal | None:
    text = _error_text(error, args)
    outcome = Raises(None, model.OfType((lua_type(error),))) if text is None else Raises(text.encode("latin-1"))
    first = expected.values[0] if expected.values else None
    pattern = (None, model.Splice()) if expected.values and first is None else (model.Splice(),)
    shown = f" {text!a}" if text is not None else ""
    return Proposal("raises", Returns(pattern), outcome, f"raises{shown} instead of returning")


def _other_error(expected: Raises, error: LuaValue, args: Sequence[LuaValue]) -> Proposal | None:
    text = _error_text(error, args)
    if expected.part is None:
        if text is None:
            return None
        return Proposal("raises", expected, Raises(text.encode("latin-1")), "raises an error with another value")
    if text is None:
        outcome = Raises(None, model.OfType((lua_type(error),)))
        return Proposal("raises", _raised(expected), outcome, "raises an error whose value is not a text")
    wanted = _error_text(expected.part) or "*"
    for names in (False, True):
        if wanted in text:
            # the difference is in what these texts leave out: the number of an argument, or a name
            wanted, text = _with_numbers(expected.part, names=names), _with_numbers(error, names=names)
    return Proposal("text", Message(wanted), Message(text), f"the error {wanted!a} is {text!a}")


def _other_values(
    expected: Sequence[SpecValue], actual: Sequence[LuaValue], counted: Sequence[LuaValue]
) -> Proposal | None:
    """Return the rule for other values than expected; None where data differ, or a call failed that should not.

    ``counted`` are the pattern and the prefix of a `receive`, if it has one.
    """
    if is_failure(expected) != is_failure(actual) and expected and actual:
        if is_failure(expected):
            return _success_with_partial(expected, actual)
        if not is_empty_list(expected[0]):
            return None
    places = Places(expected, actual, counted=counted)
    if places.alike:
        return None  # the difference is in what the behaviour has bound
    if (texts := places.other_text) is not None:
        if places.differs_once:
            wanted, text = texts[0].decode("latin-1"), _error_text(texts[1])
            return Proposal("text", Message(wanted), Message(text or "*"), f"the error {wanted!a} is {text!a}")
        places = Places(expected, actual, without_text=True, counted=counted)
    differences = {places.difference(place) for place in range(len(expected))}
    if Difference.DATA in differences:
        return None
    if (part := places.part()) is not None:
        return Proposal("shape", *part)
    changed = any(isinstance(one, Ignoring | model.Concat | Behind | Beginning) for one in places.made)
    by_prefix = next((one for one in places.made if isinstance(one, Behind | Beginning)), None)
    # the sizes are those of a number of bytes
    types = ("number",) if isinstance(by_prefix, Beginning) else ("nil", "string")
    return Proposal(
        "data" if changed else "number" if Difference.NUMBER in differences else "shape",
        Returns(tuple(map(places.pattern, range(len(expected))))),
        Returns(tuple(map(places.shown, range(len(actual))))),
        places.words,
        PREFIXED if by_prefix else None,
        ((PREFIXED[0].name, model.OfType(types)),) if by_prefix else (),
    )


def _other_description(expected: Returns, actual: Sequence[LuaValue]) -> Proposal | None:
    """Return the rule for another field, or another text, of an object."""
    if (patterns := described_otherwise(expected.values, actual)) is None:
        return None
    (want,), (got,) = (one.values for one in patterns)
    words = (
        f"matches /{got.regex}/"
        if isinstance(got, model.Pattern)
        else f"is {in_words(got)} instead of {in_words(want)}"
    )
    return Proposal("shape", *patterns, words)


def _success_with_partial(expected: Sequence[SpecValue], actual: Sequence[LuaValue]) -> Proposal | None:
    """Return the rule for a call that returns the partial result of its failure as that of a success."""
    if len(expected) != _FAILURE_WITH_PARTIAL or not isinstance(expected[2], bytes) or not same(expected[2], actual[0]):
        return None
    message = described(expected[1], 1, expected)
    shown = (model.Ref("partial"), *(described(got, place, actual) for place, got in enumerate(actual) if place))
    text = f"{expected[1].decode('latin-1')!a}" if isinstance(expected[1], bytes) else "an error"
    words = f"returns the data received so far as a success, where LuaSocket returns nil and {text}"
    return Proposal("data", Returns((None, message, model.Ref("partial"))), Returns(shown), words)
