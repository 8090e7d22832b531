"""Applies the functions and methods that a port declares absent to results.

The declaration is the table ``[absent]`` of a port's description. A name is that of a function or constant of the
module, ``socket.udp``, ``socket.BLOCKSIZE``, or of a method of any class, ``:getstats``; it may be a pattern,
``socket.dns.*``. A declaration is strict both ways, and explains nothing but absence: a behaviour that ends because the
port has no such function counts as absent, and so does one in which the function raises or returns "not implemented";
one that fails in another way is a failure; and one that uses the function and passes is an unexpected pass.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from luasocket_spec.model import Behaviour

from luasocket_runners.files import lines_of, read_text
from luasocket_runners.result import PASSING, Listed, Result, Verdict
from luasocket_runners.selection import used_functions
from luasocket_runners.triage.missing import declared_name, stub

__all__ = ["AbsentNames", "AbsentNamesError"]


class AbsentNamesError(Exception):
    """A declaration cannot be used; the text has a line ``file: sentence`` for each problem."""


@dataclass(frozen=True, slots=True)
class AbsentNames:
    """The names that a description declares absent, each with its reason; without a description, none."""

    file: str = ""
    reasons: Mapping[str, str] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)  #: of the file, by name, counted from 1

    @classmethod
    def load(cls, file: Path, reasons: Mapping[str, str], behaviours: Iterable[Behaviour]) -> AbsentNames:
        """Check a declaration against the behaviours; raise :class:`AbsentNamesError` for unused names."""
        used = {name for behaviour in behaviours for name in used_functions(behaviour.all_steps())}
        unknown = [
            f"{file}: [absent] {name!r}: no behaviour uses such a function; write 'socket.udp', or ':getstats'"
            for name in reasons
            if not fnmatch.filter(used, name)
        ]
        if unknown:
            raise AbsentNamesError("\n".join(unknown))
        text = lines_of(read_text(file))
        return cls(str(file), dict(reasons), {name: _line(text, name) for name in reasons})

    def find(self, name: str) -> str | None:
        """Return the entry for a function, constant or method: the first that names it."""
        return next((entry for entry in self.reasons if fnmatch.fnmatchcase(name, entry)), None)

    def used_by(self, behaviour: Behaviour) -> str | None:
        """Return the first function that is declared absent and that the behaviour uses whatever the port does."""
        return next(filter(self.find, used_functions(behaviour.unconditional_steps())), None) if self.reasons else None

    def apply(self, result: Result) -> Result:
        """Return the result with the verdict that it has in view of the declaration."""
        missing = result.missing if result.verdict is Verdict.NOT_IMPLEMENTED else None
        said = stub(result)
        if missing is not None or said is not None:
            entry = self.find(missing or said or "")
            if entry is not None:
                listed = self._listed(entry, self.reasons[entry], passed=False)
                return replace(result, verdict=Verdict.ABSENT, listed=listed)
            return result
        # a behaviour that ended at a call that hangs by a quirk may not have come to the function
        passed = result.verdict in PASSING and not result.at
        name = self.used_by(result.behaviour) if passed else None
        if name is not None and (entry := self.find(name)) is not None:
            reason = f"unexpected pass: {name} is there; remove {entry} from {self.file}:{self.lines[entry]}"
            listed = self._listed(entry, self.reasons[entry], passed=True)
            return replace(result, verdict=Verdict.FAILED, reason=reason, listed=listed)
        if result.verdict is Verdict.FAILED and (entry := self.find(declared_name(result.function))) is not None:
            # a declaration explains nothing but absence; say so, because it was probably meant to explain this
            note = f"{entry} is declared absent in {self.file}, but it is there and does something else"
            return replace(result, note="; ".join(filter(None, (result.note, note))))
        return result

    def _listed(self, entry: str, reason: str, *, passed: bool) -> Listed:
        return Listed("absent", entry, reason, self.file, self.lines[entry], explained=True, passed=passed)


def _line(text: Sequence[str], name: str) -> int:
    """Return the line of a key in a TOML file, which is quoted, because it has a dot, a colon or a pattern."""
    keys = (f'"{name}"', f"'{name}'")
    return next((number for number, line in enumerate(text, 1) if line.lstrip().startswith(keys)), 1)
