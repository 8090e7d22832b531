"""Problems in the data, each with its place, and the exception that carries all problems of a load."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """A problem: file (relative to the data directory), line (from 1), and a sentence with the remedy."""

    file: str
    line: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.sentence}"


class SpecError(Exception):
    """The data could not be loaded.

    ``problems`` has all of them, by file and line; ``str()`` has one a line.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `` Did you mean `x`?`` for the known word most like this one, or an empty string."""
    import difflib  # not needed for valid data

    found = difflib.get_close_matches(word, list(known), n=1)
    return f" Did you mean `{found[0]}`?" if found else ""
