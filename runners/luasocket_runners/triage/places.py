"""Compares the values that a call returned with the expected ones, place by place, and makes patterns of both."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto
from typing import Final

from luasocket_spec import model
from luasocket_spec.model import Returns, SpecValue

from luasocket_runners import notation
from luasocket_runners.notation import Names
from luasocket_runners.quirks.model import Beginning, Behind, Ignoring, Listed
from luasocket_runners.quirks.patterns import types_of
from luasocket_runners.triage.values import (
    described,
    differ_in_shape,
    fits,
    is_empty_list,
    is_number,
)
from luasocket_runners.values import LuaTable, LuaValue, is_failure

__all__ = ["PREFIXED", "Difference", "Places", "in_words"]

#: Variables of a pattern, by the places of values.
_VARIABLES: Final = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
#: The pattern of the arguments of a `receive` that has a prefix.
PREFIXED: Final = (model.Ref("pattern"), model.Ref("prefix"))
_NO_NAMES_TO_SHOW: Final = Names({})


class Difference(Enum):
    """How the port differs in one place."""

    NONE = auto()  #: not at all
    MISSING = auto()  #: it returns no value there
    MADE = auto()  #: its value is made of the expected one in a known way
    NO_LIST = auto()  #: nil instead of an empty list
    NUMBER = auto()  #: another number of those that stand for success or failure
    SHAPE = auto()  #: a value of another type, or another constant
    DATA = auto()  #: other data, which no rule describes


class Places:
    """The places of two lists of values.

    Parameters
    ----------
    without_text
        Whether the text of an error counts as right: another rule will say that it differs.
    counted
        The pattern and the prefix of a `receive`, :data:`PREFIXED` in a rule.

    Attributes
    ----------
    alike
        Whether the values are the expected ones, as far as this is known.
    other_text
        The expected text of an error and the port's, if they differ.
    made
        How each value is made of the expected one, where it is in a known way.
    """

    def __init__(
        self,
        expected: Sequence[SpecValue],
        actual: Sequence[LuaValue],
        *,
        without_text: bool = False,
        counted: Sequence[LuaValue] = (),
    ) -> None:
        self._expected = expected
        self._actual = actual
        self._same_count = len(expected) == len(actual)
        self._fits = [fits(want, got) for want, got in zip(expected, actual, strict=False)]
        self.alike = self._same_count and all(self._fits)
        self.other_text = _other_text(expected, actual, self._fits)
        if without_text:
            self._fits[1] = True
        # values that are added are added to all results
        self._added = len(actual) > len(expected) and all(self._fits)
        self.made = [
            None
            if fitting
            else _made_with_prefix(want, got, model.Ref(variable), counted) or _made_of(want, got, model.Ref(variable))
            for want, got, fitting, variable in zip(expected, actual, self._fits, _VARIABLES, strict=False)
        ]
        if not self._same_count:
            # another rule will say that the data differ, where this one holds, too
            for place, one in enumerate(self.made):
                if isinstance(one, Ignoring | model.Concat | Behind | Beginning):
                    self._fits[place] = True
                    self.made[place] = None

    @property
    def differs_once(self) -> bool:
        """Whether there are as many values as expected, and all but one are right."""
        return self._same_count and self._fits.count(False) == 1

    def difference(self, place: int) -> Difference:
        """Return how the port differs in the place of an expected value."""
        if place >= len(self._actual):
            return Difference.MISSING
        if place < len(self.made) and self.made[place] is not None:
            return Difference.MADE
        if self._fits[place]:
            return Difference.NONE
        want, got = self._expected[place], self._actual[place]
        if got is None and is_empty_list(want):
            return Difference.NO_LIST
        if is_number(want) and is_number(got):
            return Difference.NUMBER if self._same_count and differ_in_shape(want, got) else Difference.DATA
        return Difference.SHAPE if differ_in_shape(want, got) else Difference.DATA

    def pattern(self, place: int) -> SpecValue:
        """Return the pattern of what LuaSocket returns in a place."""
        want, difference = self._expected[place], self.difference(place)
        if difference is Difference.NO_LIST:
            return model.TableSpec(())
        if difference is Difference.NUMBER or (difference is Difference.MISSING and is_number(want)):
            # which number LuaSocket returns depends on what the behaviour has done
            return model.OfType(("number",))
        if self._is_no_text(place):
            return model.OfType(("string",))
        return described(want, place, self._expected) if self._is_literal(place) else self._variable(place)

    def shown(self, place: int) -> SpecValue:
        """Return the pattern of what the port returns in a place."""
        if place < len(self._expected):
            difference = self.difference(place)
            if difference is Difference.MADE:
                return self.made[place]
            if difference is Difference.NONE and not self._is_literal(place):
                return self._variable(place)
        return described(self._actual[place], place, self._actual)

    def _is_literal(self, place: int) -> bool:
        """Tell whether the pattern has the value of a place itself, and no variable for it."""
        difference = self.difference(place)
        if difference is Difference.MADE:
            return False
        if difference is not Difference.NONE:
            return True
        # nil tells failure from success
        want = self._expected[place]
        if not self._added and (want is None or isinstance(want, bool)):
            return True
        return place == 1 and is_failure(self._expected) and any(isinstance(one, model.Concat) for one in self.made)

    def _is_no_text(self, place: int) -> bool:
        """Tell whether the port returns something else than a text behind nil: whatever LuaSocket's text is."""
        if place != 1 or not is_failure(self._expected) or place >= len(self._actual):
            return False
        return not isinstance(self._actual[place], bytes) and types_of(self._expected[place]) == {"string"}

    @staticmethod
    def _variable(place: int) -> model.Ref:
        return model.Ref(_VARIABLES[min(place, len(_VARIABLES) - 1)])

    def part(self) -> tuple[Returns, Returns, str] | None:
        """Return one of the differences of lists, as patterns of both sides with its phrase; None: there are none.

        Each holds whatever the other values are, so that a rule for it says nothing of them.
        """
        expected, actual = self._expected, self._actual
        empty = [place for place in range(len(expected)) if self.difference(place) is Difference.NO_LIST]
        keyed = [place for place, one in enumerate(self.made) if isinstance(one, Listed)]
        known = (Difference.NONE, Difference.MADE, Difference.NO_LIST)
        if not (empty or keyed) or any(self.difference(place) not in known for place in range(len(expected))):
            return None
        variables: list[SpecValue] = [self._variable(place) for place in range(len(expected))]
        if len(actual) > len(expected):
            more = [described(actual[place], place, actual) for place in range(len(expected), len(actual))]
            return Returns(tuple(variables)), Returns((*variables, *more)), self._shape_words()
        # the last one first: with nil as its first value, a call would seem to have failed
        place = (keyed or empty)[-1]
        wanted = variables[: place + 1]
        shown = list(wanted)
        if keyed:
            words = f"returns a list that is keyed by integers only as value {place + 1}"
            shown[place] = Listed(self._variable(place))
        else:
            words = f"returns nil instead of an empty list as value {place + 1}"
            wanted[place], shown[place] = model.TableSpec(()), None
        return Returns((*wanted, model.Splice())), Returns((*shown, model.Splice())), words

    @property
    def words(self) -> str:
        """The differences, as a phrase."""
        made = self.made
        words = [
            *["returns the data twice"] * any(isinstance(one, model.Concat) for one in made),
            *["leaves the prefix out"] * any(isinstance(one, Behind) for one in made),
            *[
                "leaves the prefix out, and returns as many bytes more"
                if isinstance(one.value, Behind)
                else "does not count the prefix among the bytes"
                for one in made
                if isinstance(one, Beginning)
            ],
            *["has other carriage returns in the data"] * any(isinstance(one, Ignoring) for one in made),
            *["returns lists that are keyed by integers only"] * any(isinstance(one, Listed) for one in made),
            *["returns nil instead of an empty list"]
            * any(self.difference(place) is Difference.NO_LIST for place in range(len(self._expected))),
        ]
        if not words or not self._same_count:
            words.append(self._shape_words())
        return ", and ".join(words)

    def _shape_words(self) -> str:
        expected, actual = self._expected, self._actual
        if not self._same_count:
            kind = "" if self._added else " on failure" if is_failure(expected) else " on success"
            count = "no value" if not actual else "1 value" if len(actual) == 1 else f"{len(actual)} values"
            return f"returns {count} instead of {len(expected) or 'none'}{kind}"
        others = (place for place, fitting in enumerate(self._fits) if not fitting)
        return f"returns {' and '.join(map(self._other_value, others))}"

    def _other_value(self, place: int) -> str:
        """Return the words for a value that is another one: ``true instead of 1``."""
        lists = (self._actual, self._expected)
        got, want = (in_words(described(values[place], place, values)) for values in lists)
        if self._is_no_text(place):
            want = in_words(self.pattern(place))
        where = f" as value {place + 1}" if len(self._expected) > 1 else ""
        return f"{'another' if got == want else got} instead of {want}{where}"


def _other_text(
    expected: Sequence[SpecValue], actual: Sequence[LuaValue], fitting: Sequence[bool]
) -> tuple[bytes, bytes] | None:
    if not is_failure(expected) or all(fitting[1:2]):
        return None
    want, got = expected[1], actual[1]
    return (want, got) if isinstance(want, bytes) and isinstance(got, bytes) else None


def in_words(value: SpecValue) -> str:
    """Return the words for a pattern: ``a string``, ``1``, ``"closed"``."""
    if isinstance(value, model.OfType):
        return " or ".join(
            "nil" if one == "nil" else f"{'an' if one == 'object' else 'a'} {one}" for one in value.types
        )
    return notation.show(value, _NO_NAMES_TO_SHOW)


def _made_with_prefix(
    want: SpecValue, got: LuaValue, variable: model.Ref, counted: Sequence[LuaValue]
) -> SpecValue | None:
    """Return how a string can be made of the expected one and of a prefix; None: in no known way."""
    if len(counted) < len(PREFIXED) or not isinstance(want, bytes) or not isinstance(got, bytes):
        return None
    count, prefix = counted
    if not isinstance(prefix, bytes) or not prefix:
        return None
    pattern, name = PREFIXED
    rest = want.removeprefix(prefix)
    if not isinstance(count, int | float) or isinstance(count, bool):
        return Behind(name, variable) if want == prefix + got else None
    if got.startswith(want) and len(got) == count + len(prefix):
        return Beginning(variable, (pattern, name))
    if rest != want and got.startswith(rest) and len(got) == count:
        return Beginning(Behind(name, variable), (pattern,))
    return None


def _made_of(want: SpecValue, got: LuaValue, variable: model.Ref) -> SpecValue:
    """Return how a value can be made of the expected one, where both have the same type; None: in no known way."""
    if isinstance(want, bytes) and want and got == want * 2:
        return model.Concat((variable, variable))
    if isinstance(want, bytes) and isinstance(got, bytes) and _without_returns(want) == _without_returns(got):
        return Ignoring(b"\r", variable)
    lists = want.choices if isinstance(want, model.OneOf) else (want,)
    if isinstance(got, LuaTable) and got.entries and all(isinstance(one, model.Keyed) for one in lists):
        plain = [model.TableSpec(tuple(enumerate(one.items, 1))) for one in lists if isinstance(one, model.Keyed)]
        return Listed(variable) if any(fits(one, got) for one in plain) else None
    return None


def _without_returns(text: bytes) -> bytes:
    return text.replace(b"\r", b"")
