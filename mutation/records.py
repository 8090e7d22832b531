"""Keeps outcomes of mutants in a file, so that a later run can go on from there."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from mutation.making import Mutant, Place, file_name, reference_files
from mutation.running import Outcome


class Record:
    """The outcomes of mutants, kept as JSON lines; without a file, in memory only.

    An outcome counts while its module is the same: killed mutants are not run again, survivors are.

    Parameters
    ----------
    path
        The file; None for none.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.outcomes: dict[tuple[str, str, int], Outcome] = {}
        self._digests = {
            file_name(module): hashlib.sha256(module.read_bytes()).hexdigest()[:16] for module in reference_files()
        }
        for line in path.read_text(encoding="utf-8").splitlines() if path is not None and path.exists() else ():
            entry = json.loads(line)
            if self._digests.get(entry["mutant"]["file"]) == entry["digest"]:
                mutant = Mutant(**entry["mutant"], code="")
                killer = tuple(entry["killer"]) if entry["killer"] else None
                self.outcomes[tuple(entry["place"])] = Outcome(mutant, entry["fate"], killer)

    @staticmethod
    def _key(place: Place) -> tuple[str, str, int]:
        path, operator, occurrence = place
        return file_name(path), operator, occurrence

    def __contains__(self, place: Place) -> bool:
        """Tell whether the mutant of a place has an outcome."""
        return self._key(place) in self.outcomes

    def is_killed(self, place: Place) -> bool:
        """Tell whether the mutant of a place is known to be killed."""
        outcome = self.outcomes.get(self._key(place))
        return outcome is not None and outcome.fate == "killed"

    def add(self, place: Place, outcome: Outcome) -> None:
        """Keep the outcome of the mutant of a place."""
        self.outcomes[self._key(place)] = outcome
        if self._path is not None:
            mutant = asdict(outcome.mutant)
            del mutant["code"]
            entry = {
                "place": self._key(place),
                "digest": self._digests[outcome.mutant.file],
                "mutant": mutant,
                "fate": outcome.fate,
                "killer": outcome.killer,
            }
            with self._path.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(entry) + "\n")
