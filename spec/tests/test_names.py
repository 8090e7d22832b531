"""No behaviour has a name that a name server would be asked for: a machine without one would wait for it."""

from __future__ import annotations

import re
from pathlib import Path

import luasocket_spec
import pytest

DATA = Path(luasocket_spec.__file__).parent
FILES = sorted([*DATA.glob("behaviours/**/*.yaml"), DATA / "fixtures.yaml"], key=str)
#: The end of a name of the internet, also of those that are kept for examples and tests (RFC 2606).
NAME = re.compile(r"\.(?:invalid|example|test|com|org|net)\b(?!/)")


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(DATA)))
def test_no_name_server_is_asked(file: Path) -> None:
    lines = [line.partition("#")[0] for line in file.read_text(encoding="utf-8").splitlines()]
    assert [line for line in lines if NAME.search(line)] == []
