"""Reads the corpus of invalid files, which become cases of the tests.

Each file of ``invalid/`` has its expected problems in the comments at its top:

``# kind: statements``
    The kind of file, if it is not one of behaviours.
``# 9: sentence``
    The problem that must be reported, and its line. All of them, in order, and no others. A long sentence goes on in
    lines that begin with ``#    ``.
``# schema: refuses`` or ``# schema: cannot tell``
    The verdict of the JSON Schema. Omitted where the file is not valid YAML of our subset, which no schema sees.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent

#: For fixtures that stand alone: a spec has to have a behaviour.
MINIMAL = """\
about: nothing
behaviours:
  - {id: a, says: A sentence., authority: observed, steps: [{call: socket.tcp, returns: [{type: object}]}]}
"""


@dataclass(frozen=True)
class Case:
    """An invalid file and the problems that it has."""

    path: Path
    kind: str
    problems: tuple[tuple[int, str], ...]
    schema: str | None

    @property
    def place(self) -> str:
        """Its path in a data directory."""
        return "fixtures.yaml" if self.kind == "fixtures" else f"{self.kind}/{self.path.name}"


def _case(path: Path) -> Case:
    kind, problems, schema = "behaviours", [], None
    for line in path.read_text(encoding="utf-8").replace("\n#    ", " ").splitlines():
        comment = re.fullmatch(r"# (kind|schema|\d+): (.*)", line)
        if comment is None:
            break
        if comment[1] == "kind":
            kind = comment[2]
        elif comment[1] == "schema":
            schema = comment[2]
        else:
            problems.append((int(comment[1]), comment[2]))
    return Case(path, kind, tuple(problems), schema)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give each test that asks for a ``case`` every one."""
    if "case" in metafunc.fixturenames:
        cases = [_case(path) for path in sorted((HERE / "invalid").glob("*.yaml"))]
        metafunc.parametrize("case", cases, ids=[case.path.stem for case in cases])


@pytest.fixture
def valid() -> Path:
    """A valid data directory."""
    return HERE / "valid"


@pytest.fixture
def beside(valid: Path, tmp_path: Path) -> Callable[[str, bytes], Path]:
    """Return a function that puts a file beside valid ones, and returns the data directory."""

    def put(place: str, content: bytes) -> Path:
        shutil.copytree(valid, tmp_path, dirs_exist_ok=True)
        if place == "fixtures.yaml":
            shutil.rmtree(tmp_path / "behaviours")
            (tmp_path / "behaviours").mkdir()
            (tmp_path / "behaviours/minimal.yaml").write_text(MINIMAL, encoding="utf-8")
        target = tmp_path / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        return tmp_path

    return put
