"""Rules that are merged into wider ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from luasocket_runners.quirks.model import Message, Quirk
from luasocket_runners.quirks.reading import parse_quirks
from luasocket_runners.quirks.writing import render
from luasocket_runners.result import Use
from luasocket_runners.triage.merging import Merge, merges_of, with_merges
from luasocket_spec.model import Behaviour, Raises

Read = Callable[..., list[Quirk]]

#: A call in which no rule holds.
A_CALL = Use((), "socket.f", (1,), frozenset(), Raises(b"invalid mode"))

BEHAVIOURS = """
  - id: one
    says: S.
    authority: observed
    steps:
      - {call: socket.f, with: [1], raises: "number expected, got string"}
      - {call: socket.f, with: [1], raises: "number expected, got boolean"}
      - {call: socket.f, with: [1], raises: "invalid mode"}
      - {call: socket.g, with: [1], returns: [0]}
      - {call: socket.h, with: [1], returns: [{type: string}]}
      - {call: socket.h, with: [1], returns: [null, a]}
"""


def none(_: Sequence[Merge]) -> list[Use]:
    """Return the calls that begin to fail: none."""
    return []


@pytest.fixture
def read(behaviours: Callable[[str], list[Behaviour]]) -> Read:
    """Reads proposed rules: each is the function, what comes behind `on`, and whether it holds always."""

    def make(*rules: tuple[str, str]) -> list[Quirk]:
        text = "quirks:\n"
        for number, (function, rest) in enumerate(rules, 1):
            text += f"  - id: rule-{number}\n    says: 'F: does it.'\n"
            text += "    why: 'UNEXPLAINED: 3 behaviours, such as test/one.'\n"
            text += f"    on: [{function}]\n    {rest}\n"
        return list(parse_quirks(text.encode(), "q", behaviours(BEHAVIOURS)).rules)

    return make


def raising(text: str, instead: str = "returned: {returns: [1]}") -> str:
    """Return the sides of a rule by which a call returns instead of raising an error."""
    return f'expected: {{raises: "{text}"}}\n    {instead}'


def returning(value: str, instead: str = "[true, null]") -> str:
    """Return the sides of a rule by which a call returns something else."""
    return f"expected: {{returns: [{value}]}}\n    returned: {{returns: {instead}}}"


def test_errors_with_a_common_text_are_one_rule(read: Read) -> None:
    rules = read(
        ("socket.f", raising("number expected, got string")), ("socket.f", raising("number expected, got boolean"))
    )
    (merge,) = merges_of(rules, {}, none)
    assert merge.members == ("rule-1", "rule-2")
    assert merge.quirk.says == "socket.f: returns instead of raising 'number expected, got *'."
    assert merge.quirk.why == "UNEXPLAINED: 2 rules in one, such as test/one."
    assert '    expected: {raises: "number expected, got *"}\n' in render([merge.quirk])
    assert with_merges(rules, [merge]) == [merge.quirk]


def test_errors_without_a_common_text_are_any_error(read: Read) -> None:
    rules = read(("socket.f", raising("number expected, got string")), ("socket.f", raising("invalid mode")))
    (merge,) = merges_of(rules, {}, none)
    assert merge.quirk.says == "socket.f: returns instead of raising an error."


def test_values_are_merged_into_their_type_and_functions_into_one_list(read: Read) -> None:
    (merge,) = merges_of(read(("socket.g", returning("0")), ("socket.h", returning("{type: string}"))), {}, none)
    written = render([merge.quirk])
    assert '    on: ["socket.g", "socket.h"]\n    expected: {returns: [{type: [number, string]}]}\n' in written


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("socket.g", returning("0")), ("socket.h", returning("{type: string}", "[1]"))),  # another outcome
        (("socket.g", returning("0")), ("socket.f", raising("invalid mode", "returned: {returns: [true, null]}"))),
        (("socket.g", returning("0") + "\n    always: false"), ("socket.h", returning("{type: string}"))),
        (
            ("socket.f", raising("number expected, got string") + "\n    always: false"),
            ("socket.f", raising("invalid mode") + "\n    always: false"),
        ),
        (("socket.g", returning("$x")), ("socket.h", returning("{type: string}"))),
    ],
)
def test_rules_that_say_different_things_stay_apart(read: Read, one: tuple[str, str], other: tuple[str, str]) -> None:
    assert merges_of(read(one, other), {}, lambda merges: [A_CALL] if len(merges[-1].members) == 1 else []) == []


def test_rules_that_do_not_hold_together_are_merged_as_far_as_they_do(read: Read) -> None:
    rules = read(
        ("socket.f", raising("number expected, got string")),
        ("socket.f*", raising("number expected, got boolean")),
        ("socket.f", raising("invalid mode")),
    )

    def failing(merges: Sequence[Merge]) -> list[Use]:
        return [A_CALL] if merges[-1].members[:2] == ("rule-1", "rule-2") else []

    (part,) = merges_of(rules, {}, failing)
    assert part.members == ("rule-1", "rule-3")
    assert [rule.id for rule in with_merges(rules, [part])] == ["rule-1", "rule-2"]


def test_a_rule_that_held_sometimes_holds_always_under_a_condition(read: Read) -> None:
    rules = read(("socket.f", raising("invalid mode") + "\n    always: false"))
    held = Use(("rule-1",), "socket.f", (b"x",), frozenset(), Raises(b"invalid mode"))

    def failing(merges: Sequence[Merge]) -> list[Use]:
        return [A_CALL] if merges[-1].quirk.with_ is None else []

    (strict,) = merges_of(rules, {"rule-1": [held]}, failing)
    assert strict.quirk.always
    assert strict.quirk.with_ == (b"x",)
    assert merges_of(rules, {"rule-1": [held]}, lambda _: [A_CALL]) == []


def test_an_error_is_one_rule_whatever_luasocket_does(read: Read) -> None:
    raises = "\n    returned: {raises: never}"
    rules = read(
        ("socket.g", "expected: {with: [1], returns: [$...]}" + raises),
        ("socket.f", "expected: {with: [1], raises: invalid mode}" + raises),
    )
    (merge,) = merges_of(rules, {}, none)
    assert merge.quirk.expected is None
    assert merge.quirk.says == "socket.f, socket.g: raises 'never'."


def test_texts_that_differ_in_a_word_or_a_number_are_one_rule(read: Read) -> None:
    def text(number: int, word: str) -> str:
        returned = f"bad value #{number}: number expected, not {word}"
        return f'expected: {{message: "number expected, got {word}"}}\n    returned: {{message: "{returned}"}}'

    rules = read(
        ("socket.f", text(1, "string")),
        ("socket.f", text(2, "boolean")),
        ("socket.f", "expected: {message: invalid mode}\n    returned: {message: this is no mode}"),
    )
    (merge,) = merges_of(rules, {}, none)
    assert merge.members == ("rule-1", "rule-2")
    assert merge.quirk.returned == Message("bad value #*: number expected, not *")
    assert merge.quirk.says == (
        "socket.f: the error 'number expected, got *' is 'bad value #*: number expected, not *'."
    )


def test_few_calls_are_not_told_apart_by_their_past(read: Read) -> None:
    rules = read(("socket.f", raising("invalid mode") + "\n    always: false"))
    uses = [
        Use(
            ("rule-1",) * held,
            "socket.f",
            (),
            frozenset({"socket.tcp"} if held else {"socket.udp"}),
            Raises(b"invalid mode"),
        )
        for held in (True, False)
    ]

    def strict(calls: int) -> list[Merge]:
        def failing(merges: Sequence[Merge]) -> list[Use]:
            rule = merges[-1].quirk
            return [] if rule.with_ is not None or rule.after else uses[1:] * calls

        return merges_of(rules, {"rule-1": uses[:1] * calls}, failing)

    assert strict(2) == []
    assert [merge.quirk.after for merge in strict(5)] == [("socket.tcp",)]
