"""What is wrong with the data, as sentences that have a place.

What lives here: a problem and the exception that carries all problems of a load. What may not: finding them (``nodes``
and ``loader`` do).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake: the file (relative to the data directory), the line (from 1), what is wrong and what to do."""

    file: str
    line: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.sentence}"


class SpecError(Exception):
    """The data could not be loaded.

    ``problems`` holds every mistake found, by file and line; ``str()`` has one a line.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def nearest(word: str, known: Iterable[str]) -> str:
    """Return `` Did you mean `x`?`` for the known word that is most like this one, or nothing when none is."""
    import difflib  # only where something is wrong

    found = difflib.get_close_matches(word, list(known), n=1)
    return f" Did you mean `{found[0]}`?" if found else ""
