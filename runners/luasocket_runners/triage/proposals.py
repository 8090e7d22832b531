"""Proposes a quirk for one reply that was not expected, general enough to explain others of its kind."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from luasocket_spec import model
from luasocket_spec.model import Outcome, Raises, Returns, SpecValue

from luasocket_runners import notation
from luasocket_runners.engine.matcher import WITHOUT_NAMES, lua_type, same
from luasocket_runners.notation import Names
from luasocket_runners.quirks.model import HANGS, Ignoring, Listed, Message
from luasocket_runners.quirks.patterns import types_of
from luasocket_runners.result import Observation
from luasocket_runners.triage.contradictions import contradiction, is_failure
from luasocket_runners.triage.fingerprints import without_numbers, without_varying_numbers
from luasocket_runners.triage.missing import says_not_implemented
from luasocket_runners.values import Handle, LuaTable, LuaValue

__all__ = ["MISSING", "Proposal", "arguments_pattern", "propose"]

#: Variables of a pattern, by the places of values.
_VARIABLES: Final = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
#: A short word, such as a mode or a pattern of receive.
_MODE: Final = re.compile(rb"[A-Za-z0-9*_.-]{1,24}")

#: Quoted words in the text of an error, in any of Lua's ways, and the characters of a text that a rule keeps.
_QUOTED: Final = re.compile(r"([`'\"])([^`'\"]{1,60})(['\"])")
_TEXT_LENGTH: Final = 80
#: The number of results of a failure with a partial result: nil, the message, and the partial result.
_FAILURE_WITH_PARTIAL: Final = 3

_NO_NAMES_TO_SHOW: Final = Names({})


@dataclass(frozen=True, slots=True)
class Proposal:
    """A quirk without its functions: what LuaSocket does, and what the port does instead.

    ``expected`` is None if it does the same whatever LuaSocket does, because it does not have the function.
    """

    kind: Literal["text", "raises", "stub", "shape", "number", "data", "hangs", "missing"]
    expected: Outcome | Message | None
    returned: Outcome | Message
    says: str

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
        return Proposal("hangs", _hung(seen.expected), HANGS, "does not return")
    if isinstance(seen.expected, Raises) and isinstance(seen.expected.value, model.Pattern):
        return None  # only a quirk expects such an error, and it does not hold here
    if isinstance(seen.expected, Returns):
        if seen.returns is None:
            return _raises_instead(seen.expected, seen.raises)
        return _other_values(seen.expected.values, seen.returns)
    if isinstance(seen.expected, Raises):
        if seen.returns is not None:
            shown = tuple(_described(value, place, seen.returns) for place, value in enumerate(seen.returns))
            raised = _raised(seen.expected)
            text = _error_text(raised.part) if isinstance(raised, Raises) else None
            error = "an error" if text is None or text == "*" else f"{text!a}"
            return Proposal("raises", raised, Returns(shown), f"returns instead of raising {error}")
        return _other_error(seen.expected, seen.raises)
    if seen.returns is not None:
        return None  # a call that fails instead of succeeding
    return _raises_instead(Returns(()), seen.raises)


def arguments_pattern(args: Sequence[LuaValue]) -> tuple[SpecValue, ...]:
    """Return a pattern of arguments: their types, and short words such as modes and patterns as they are."""
    return tuple(
        value
        if value is None or isinstance(value, bool) or (isinstance(value, bytes) and _MODE.fullmatch(value))
        else model.OfType((lua_type(value),))
        for value in args
    )


def _hung(expected: Outcome) -> Outcome:
    """Return the pattern of LuaSocket's outcome where a call does not return."""
    if isinstance(expected, Raises):
        return _raised(expected)
    if not isinstance(expected, Returns):
        return expected
    values = expected.values
    if is_failure(values):
        return Returns((*(_described(value, place, values) for place, value in enumerate(values[:2])), model.Splice()))
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


def _error_text(value: LuaValue) -> str | None:
    """Return the text of an error, ``*`` in the place of varying parts; None if it is no text."""
    if not isinstance(value, bytes):
        return None
    # a position in front of a message depends on the adapter, and quoted words on the arguments
    text = re.sub(r"^[^\s:]*:\d+: ", "*", value.decode("latin-1"))
    text = without_numbers(_QUOTED.sub(lambda found: f"{found[1]}*{found[3]}", text), "*")
    return re.sub(r"\*+", "*", text if len(text) <= _TEXT_LENGTH else f"{text[:_TEXT_LENGTH]}*")


def _raises_instead(expected: Returns, error: LuaValue) -> Proposal | None:
    text = _error_text(error)
    outcome = Raises(None, model.OfType((lua_type(error),))) if text is None else Raises(text.encode("latin-1"))
    first = expected.values[0] if expected.values else None
    pattern = (None, model.Splice()) if expected.values and first is None else (model.Splice(),)
    shown = f" {text!a}" if text is not None else ""
    return Proposal("raises", Returns(pattern), outcome, f"raises{shown} instead of returning")


def _other_error(expected: Raises, error: LuaValue) -> Proposal | None:
    text = _error_text(error)
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


def _fits(want: SpecValue, got: LuaValue) -> bool:
    """Tell whether a value is as expected, as far as this is known without the names that the behaviour has bound."""
    if isinstance(want, model.Between) and isinstance(want.low, model.Ref) | isinstance(want.high, model.Ref):
        return lua_type(got) == "number"
    if isinstance(want, LuaTable | Handle):
        return same(want, got)  # a name of the behaviour, as its value was
    return WITHOUT_NAMES.value(want, got) is None


def _other_values(expected: Sequence[SpecValue], actual: Sequence[LuaValue]) -> Proposal | None:
    """Return the rule for other values than expected; None where data differ, or a call failed that should not."""
    if is_failure(expected) != is_failure(actual) and expected and actual:
        if is_failure(expected):
            return _success_with_partial(expected, actual)
        if not _is_empty_list(expected[0]):
            return None
    fits = [_fits(want, got) for want, got in zip(expected, actual, strict=False)]
    if len(expected) == len(actual) and all(fits):
        return None  # the difference is in what the behaviour has bound
    if is_failure(expected) and len(fits) > 1 and not fits[1]:
        want, got = expected[1], actual[1]
        if isinstance(want, bytes) and isinstance(got, bytes):
            if len(expected) == len(actual) and fits.count(False) == 1:
                text = _error_text(got)
                wanted = want.decode("latin-1")
                return Proposal("text", Message(wanted), Message(text or "*"), f"the error {wanted!a} is {text!a}")
            fits[1] = True  # another rule will say that the text differs
    added = len(actual) > len(expected) and all(fits)
    made = [
        None if fitting else _made_of(want, got, model.Ref(variable))
        for want, got, fitting, variable in zip(expected, actual, fits, _VARIABLES, strict=False)
    ]
    if len(expected) != len(actual):
        # another rule will say that the data differ, where this one holds, too
        fits = [fitting or isinstance(one, Ignoring | model.Concat) for fitting, one in zip(fits, made, strict=True)]
        made = [None if isinstance(one, Ignoring | model.Concat) else one for one in made]
    twice = any(isinstance(one, model.Concat) for one in made)
    returns = any(isinstance(one, Ignoring) for one in made)
    empty = number = False
    pattern: list[SpecValue] = []
    shown: list[SpecValue] = []
    for place, want in enumerate(expected):
        fitting = place < len(actual) and fits[place]
        # values that are added are added to all results; otherwise, nil tells failure from success
        literal = not fitting or (not added and (want is None or isinstance(want, bool)))
        literal |= twice and place == 1 and is_failure(expected)
        variable = _VARIABLES[min(place, len(_VARIABLES) - 1)]
        if place < len(made) and made[place] is not None:
            pattern.append(model.Ref(variable))
            shown.append(made[place])
            continue
        if place < len(actual) and not fitting and actual[place] is None and _is_empty_list(want):
            empty = True
            pattern.append(model.TableSpec(()))
            shown.append(None)
            continue
        if place < len(actual) and not fitting and _is_number(want) and _is_number(actual[place]):
            if len(expected) != len(actual) or not _differ_in_shape(want, actual[place]):
                return None
            # which number LuaSocket returns depends on what the behaviour has done
            number = True
            pattern.append(model.OfType(("number",)))
            shown.append(_described(actual[place], place, actual))
            continue
        # a count that is missing is missing whatever it is
        is_missing = place >= len(actual) and _is_number(want)
        described = model.OfType(("number",)) if is_missing else _described(want, place, expected)
        pattern.append(described if literal else model.Ref(variable))
        if place < len(actual):
            got = actual[place]
            if not fitting and not _differ_in_shape(want, got):
                return None
            shown.append(model.Ref(variable) if fitting and not literal else _described(got, place, actual))
    shown.extend(_described(got, place, actual) for place, got in enumerate(actual) if place >= len(expected))
    words = [
        *["returns the data twice"] * twice,
        *["has other carriage returns in the data"] * returns,
        *["returns lists that are keyed by integers only"] * any(isinstance(one, Listed) for one in made),
        *["returns nil instead of an empty list"] * empty,
    ]
    if not words or len(expected) != len(actual):
        words.append(_shape_words(expected, actual, fits, added=added))
    return Proposal(
        "data" if twice or returns else "number" if number else "shape",
        Returns(tuple(pattern)),
        Returns(tuple(shown)),
        ", and ".join(words),
    )


def _success_with_partial(expected: Sequence[SpecValue], actual: Sequence[LuaValue]) -> Proposal | None:
    """Return the rule for a call that returns the partial result of its failure as that of a success."""
    if len(expected) != _FAILURE_WITH_PARTIAL or not isinstance(expected[2], bytes) or not same(expected[2], actual[0]):
        return None
    message = _described(expected[1], 1, expected)
    shown = (model.Ref("partial"), *(_described(got, place, actual) for place, got in enumerate(actual) if place))
    text = f"{expected[1].decode('latin-1')!a}" if isinstance(expected[1], bytes) else "an error"
    words = f"returns the data received so far as a success, where LuaSocket returns nil and {text}"
    return Proposal("data", Returns((None, message, model.Ref("partial"))), Returns(shown), words)


def _without_returns(text: bytes) -> bytes:
    return text.replace(b"\r", b"")


def _is_empty_list(value: SpecValue) -> bool:
    return isinstance(value, model.TableSpec | LuaTable) and not value.entries


def _made_of(want: SpecValue, got: LuaValue, variable: model.Ref) -> SpecValue:
    """Return how a value can be made of the expected one, where both have the same type; None: in no known way."""
    if isinstance(want, bytes) and want and got == want * 2:
        return model.Concat((variable, variable))
    if isinstance(want, bytes) and isinstance(got, bytes) and _without_returns(want) == _without_returns(got):
        return Ignoring(b"\r", variable)
    lists = want.choices if isinstance(want, model.OneOf) else (want,)
    if isinstance(got, LuaTable) and got.entries and all(isinstance(one, model.Keyed) for one in lists):
        plain = [model.TableSpec(tuple(enumerate(one.items, 1))) for one in lists if isinstance(one, model.Keyed)]
        return Listed(variable) if any(_fits(one, got) for one in plain) else None
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _differ_in_shape(want: SpecValue, got: LuaValue) -> bool:
    """Tell whether two values differ in their type, or are two different constants; other numbers are data."""
    if lua_type(got) not in types_of(want):
        return True
    if not all(value is None or isinstance(value, bool | int) for value in (want, got)):
        return False
    return not isinstance(got, int) or abs(got) <= 1


def _described(value: object, place: int, values: Sequence[object]) -> SpecValue:
    """Return a value as a pattern: constants and the texts of errors as they are, everything else by its type."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, bytes):
        if place == 1 and is_failure(values):
            return value if without_numbers(value.decode("latin-1")) == value.decode("latin-1") else _TEXT
        return value if value == b"" else _TEXT
    if isinstance(value, LuaTable | model.TableSpec | model.Fields | model.Keyed | model.ListOf):
        return model.OfType(("table",))
    if isinstance(value, int) and abs(value) <= 1:
        return value
    return model.OfType(tuple(sorted(types_of(value))))


_TEXT: Final = model.OfType(("string",))


def _shape_words(
    expected: Sequence[SpecValue], actual: Sequence[LuaValue], fits: Sequence[bool], *, added: bool
) -> str:
    kind = "" if added else " on failure" if is_failure(expected) else " on success"
    if len(expected) != len(actual):
        count = "no value" if not actual else "1 value" if len(actual) == 1 else f"{len(actual)} values"
        return f"returns {count} instead of {len(expected) or 'none'}{kind}"
    others = (place for place, fitting in enumerate(fits) if not fitting)
    return f"returns {' and '.join(_other_value(place, expected, actual) for place in others)}"


def _other_value(place: int, expected: Sequence[SpecValue], actual: Sequence[LuaValue]) -> str:
    """Return the words for a value that is another one: ``true instead of 1``."""
    got, want = (_words(_described(values[place], place, values)) for values in (actual, expected))
    where = f" as value {place + 1}" if len(expected) > 1 else ""
    return f"{'another' if got == want else got} instead of {want}{where}"


def _words(value: SpecValue) -> str:
    if isinstance(value, model.OfType):
        return " or ".join(
            "nil" if one == "nil" else f"{'an' if one == 'object' else 'a'} {one}" for one in value.types
        )
    return notation.show(value, _NO_NAMES_TO_SHOW)
