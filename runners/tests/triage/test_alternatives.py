"""Patterns of arguments with many values."""

from __future__ import annotations

from luasocket_runners.triage.alternatives import any_of, any_type_of, form_of
from luasocket_runners.triage.values import choices_of
from luasocket_spec.model import OfType, OneOf, Pattern

NUMERALS = [b"%d" % number for number in range(9)]
STRING, NUMBER = OfType(("string",)), OfType(("number",))


def test_a_type_covers_its_values() -> None:
    assert choices_of([b"x", STRING, True, 1, b"x", None]) == (STRING, True, 1, None)
    assert form_of([b"x", STRING], []) == (STRING, False)
    assert any_type_of([b"x", OfType(("string", "table")), None]) == OneOf((OfType(("string", "table")), None))


def test_few_values_are_listed() -> None:
    assert form_of(NUMERALS[:2], []) == (OneOf((b"0", b"1")), False)
    assert form_of([b"x"], [b"y"]) == (b"x", False)


def test_all_values_are_listed() -> None:
    assert any_of([*NUMERALS, b"0"]) == OneOf(tuple(NUMERALS))
    assert any_of([b"x", b"x"]) == b"x"


def test_many_values_are_a_type() -> None:
    assert form_of([*NUMERALS, None], [7, True]) == (OfType(("nil", "string")), True)


def test_many_values_have_a_form_where_the_type_is_too_much() -> None:
    assert form_of([*NUMERALS, NUMBER], [b"text"]) == (OneOf((NUMBER, Pattern(r"^\s*[-+]?[.]?[0-9]"))), True)
    assert form_of([b"w%d" % number for number in range(9)], [b"7"]) == (Pattern("^[A-Za-z]"), True)


def test_values_without_a_form_are_listed() -> None:
    assert form_of(NUMERALS, [b"9"]) == (OneOf(tuple(NUMERALS)), False)
