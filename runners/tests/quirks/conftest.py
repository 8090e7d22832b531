"""Rules in short form, and behaviours of given steps, for the tests of quirks."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import pytest
from luasocket_runners.quirks.model import Quirks
from luasocket_runners.quirks.reading import parse_quirks
from luasocket_spec.model import Behaviour

#: What comes before each key of a rule that is given in one line.
_KEY: Final = re.compile(", (?=(?:after|until|before|expected|returned|always):)")


@pytest.fixture
def with_steps(behaviours: Callable[[str], list[Behaviour]]) -> Callable[[list[str]], list[Behaviour]]:
    """Loads one behaviour of steps that are given in YAML; returns it in a list."""

    def make(steps: list[str]) -> list[Behaviour]:
        listed = "".join(f"      - {step}\n" for step in steps)
        return behaviours(f"  - id: one\n    says: S.\n    authority: observed\n    steps:\n{listed}")

    return make


@pytest.fixture
def read_rules() -> Callable[..., Quirks]:
    """Reads rules for behaviours, each given in one line: ``on: [socket.f], returned: {returns: [1]}``."""

    def read(behaviours: list[Behaviour], *rules: str) -> Quirks:
        text = "quirks:"
        for number, rule in enumerate(rules, 1):
            text += f"\n  - id: rule-{number}\n    says: S.\n    why: https://example.org\n    "
            text += _KEY.sub("\n    ", rule)
        return parse_quirks(text.encode(), "q", behaviours)

    return read
