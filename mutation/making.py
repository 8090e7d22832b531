"""Makes mutants of the reference's modules, with cosmic-ray's operators."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

from mutation.layout import Layout

HERE: Final = Path(__file__).resolve().parent
PACKAGE: Final = "luasocket_reference"
REFERENCE: Final = HERE.parent / "reference" / PACKAGE

#: A file, an operator of cosmic-ray, and the number of the operator's occurrence in the file.
Place: TypeAlias = tuple[Path, str, int]
#: The file, function, original code and changed code of a mutant: its name in ``equivalent.yaml``. Line numbers and
#: comments are not part of it, so that other changes of the file do not rename it.
Key: TypeAlias = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change.

    Attributes
    ----------
    file
        The module's path below the reference's package: ``lua/numbers.py``.
    line
        The first changed line, from 1.
    where
        The class and function around it; "" outside of both.
    operator
        cosmic-ray's name of the change.
    old, new
        The lines that differ, without indentation and comments.
    code
        The whole module, changed.
    """

    file: str
    line: int
    where: str
    operator: str
    old: str
    new: str
    code: str

    @property
    def key(self) -> Key:
        """The mutant's name in ``equivalent.yaml``."""
        return self.file, self.where, self.old, self.new


def reference_files() -> list[Path]:
    """Return the modules of the reference."""
    return sorted(REFERENCE.rglob("*.py"))


def file_name(path: Path) -> str:
    """Return the path of a module below the reference's package, with slashes."""
    return path.relative_to(REFERENCE).as_posix()


def _annotations(code: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return the beginning and end (line, column) of each annotation; none of them is evaluated."""
    found = []
    for node in ast.walk(ast.parse(code)):
        annotation = getattr(node, "annotation", None) or getattr(node, "returns", None)
        if isinstance(annotation, ast.expr):
            end = annotation.end_lineno or 0, annotation.end_col_offset or 0
            found.append(((annotation.lineno, annotation.col_offset), end))
    return found


def _is_used(name: str) -> bool:
    """Tell whether an operator is used. Those that ask for the identity of equal numbers depend on the interpreter."""
    if get_operator(name).arguments():
        return False
    became = name.rpartition("_")[2]
    return became not in ("Is", "IsNot") or "_Is" in name.removesuffix(f"_{became}")


def _is_same(old: str, new: str) -> bool:
    """Tell whether two versions mean the same: no object of the reference equals None, so identity is equality."""
    return old == re.sub(r"!= None\b", "is not None", re.sub(r"== None\b", "is None", new))


def without_comments(code: str) -> str:
    """Return code without comments; lines stay where they are."""
    lines = code.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip()
    return "\n".join(lines)


def _difference(before: str, after: str) -> tuple[int, str, str]:
    """Return the number of the first line that differs, and both versions of the lines that differ."""
    old, new = before.splitlines(), after.splitlines()
    first = next(index for index, (one, other) in enumerate(zip(old, new, strict=False)) if one != other)
    last = 0
    while last < min(len(old), len(new)) - first - 1 and old[-1 - last] == new[-1 - last]:
        last += 1

    def cut(lines: Iterable[str]) -> str:
        return " ".join(line.strip() for line in lines if line.strip())

    return first + 1, cut(old[first : len(old) - last]), cut(new[first : len(new) - last])


def places_of(path: Path) -> list[Place]:
    """Return the places where a file can be changed; annotations are left out."""
    before = path.read_text(encoding="utf-8")
    annotations = _annotations(before)
    nodes = list(ast_nodes(get_ast(before)))
    places = []
    for name in filter(_is_used, operator_names()):
        operator = get_operator(name)()
        found = [position for node in nodes for position in operator.mutation_positions(node)]
        places += [
            (path, name, occurrence)
            for occurrence, (begin, _end) in enumerate(found)
            if not any(first <= begin < last for first, last in annotations)
        ]
    return places


def _is_code(text: str) -> bool:
    try:
        compile(text, "mutant", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True


def mutant_at(place: Place) -> Mutant | None:
    """Return the mutant of a place; None if the change is not valid code, or means the same."""
    path, name, occurrence = place
    before = path.read_text(encoding="utf-8")
    after = mutate_code(before, get_operator(name)(), occurrence)
    if after is None or after == before or not _is_code(after):
        return None
    line, old, new = _difference(without_comments(before), without_comments(after))
    if _is_same(old, new):
        return None
    where = Layout(before).name_at(line)
    return Mutant(file_name(path), line, where, name.removeprefix("core/"), old, new, after)
