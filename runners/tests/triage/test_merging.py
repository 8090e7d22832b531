"""Rules that are merged into wider ones."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from luasocket_runners.quirks.model import Quirk
from luasocket_runners.quirks.reading import parse_quirks
from luasocket_runners.quirks.writing import render
from luasocket_runners.triage.merging import merges_of, with_merges
from luasocket_spec.model import Behaviour

Read = Callable[..., list[Quirk]]

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
    (merge,) = merges_of(rules, set())
    assert merge.members == ("rule-1", "rule-2")
    assert merge.quirk.says == "socket.f: returns instead of raising 'number expected, got *'."
    assert merge.quirk.why == "UNEXPLAINED: 2 rules in one, such as test/one."
    assert '    expected: {raises: "number expected, got *"}\n' in render([merge.quirk])
    assert with_merges(rules, [merge]) == [merge.quirk]


def test_errors_without_a_common_text_are_any_error(read: Read) -> None:
    rules = read(("socket.f", raising("number expected, got string")), ("socket.f", raising("invalid mode")))
    (merge,) = merges_of(rules, set())
    assert merge.quirk.says == "socket.f: returns instead of raising an error."


def test_values_are_merged_into_their_type_and_functions_into_one_list(read: Read) -> None:
    (merge,) = merges_of(read(("socket.g", returning("0")), ("socket.h", returning("{type: string}"))), set())
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
    assert merges_of(read(one, other), set()) == []


def test_a_merge_that_was_refused_is_taken_apart_by_functions(read: Read) -> None:
    rules = read(
        ("socket.f", raising("number expected, got string")),
        ("socket.f", raising("invalid mode")),
        ("socket.f*", raising("number expected, got boolean")),
    )
    (whole,) = merges_of(rules, set())
    (part,) = merges_of(rules, {whole.members})
    assert part.members == ("rule-1", "rule-2")
    assert [rule.id for rule in with_merges(rules, [part])] == ["rule-1", "rule-3"]
    assert merges_of(rules, {whole.members, part.members}) == []
