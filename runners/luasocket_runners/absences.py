"""What a port does not have at all: whole functions and methods, declared once instead of behaviour by behaviour.

What lives here: checking a declaration against the specification, and holding results against it. What may not: where
it is written (the ``[absent]`` of a port's description), single behaviours (``deviations``).

A name is that of a function or constant of the module, ``socket.udp``, ``socket.BLOCKSIZE``, or of a method of whatever
class, ``:getstats``; it may be a pattern, ``socket.dns.*``. A declaration is strict both ways, and excuses nothing but
absence. A behaviour that ends where the port has no such thing is a known deviation; one that goes wrong in any other
way is none; and one that uses it and passes is a failure, for then the port has it.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from luasocket_spec.model import Behaviour, Call, Get, MethodTarget, PathTarget, Step

from luasocket_runners.result import Listed, Result, Verdict

__all__ = ["Absences", "AbsencesError"]


class AbsencesError(Exception):
    """A declaration cannot be used; the text has a line ``file: sentence`` for each problem."""


@dataclass(frozen=True, slots=True)
class Absences:
    """The names that a description declares absent, each with its reason; without a description, none."""

    file: str = ""
    reasons: Mapping[str, str] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)  #: where in the file each name stands, counted from 1

    @classmethod
    def load(cls, file: Path, reasons: Mapping[str, str], behaviours: Iterable[Behaviour]) -> Absences:
        """Check a declaration against the behaviours; raise :class:`AbsencesError` for names that none uses."""
        used = {name for behaviour in behaviours for name in _names(behaviour.all_steps())}
        unknown = [
            f"{file}: [absent] {name} is the name of nothing that a behaviour uses; write socket.udp, or :getstats"
            for name in reasons
            if not fnmatch.filter(used, name)
        ]
        if unknown:
            raise AbsencesError("\n".join(unknown))
        text = file.read_text(encoding="utf-8").splitlines()
        return cls(str(file), dict(reasons), {name: _line(text, name) for name in reasons})

    def find(self, name: str) -> str | None:
        """Return the entry that speaks of a function, constant or method: the first that names it."""
        return next((entry for entry in self.reasons if fnmatch.fnmatchcase(name, entry)), None)

    def hold(self, result: Result) -> Result:
        """Return the result as it counts in the light of what is declared."""
        if result.verdict is Verdict.NOT_IMPLEMENTED and result.missing is not None:
            entry = self.find(result.missing)
            if entry is not None:
                reason = f"not implemented: {self.reasons[entry]}"
                return replace(result, verdict=Verdict.KNOWN, listed=self._listed(entry, reason, passed=False))
        elif result.verdict is Verdict.PASSED and self.reasons:
            for name in _names(result.behaviour.played_steps()):
                entry = self.find(name)
                if entry is not None:
                    reason = f"it passes with {name}, but {self.file} has {entry} as absent: strike it there"
                    listed = self._listed(entry, self.reasons[entry], passed=True)
                    return replace(result, verdict=Verdict.FAILED, reason=reason, listed=listed)
        return result

    def _listed(self, entry: str, reason: str, *, passed: bool) -> Listed:
        return Listed("known", entry, reason, self.file, self.lines[entry], explained=True, passed=passed)


def _line(text: Sequence[str], name: str) -> int:
    """Return the line of a key in a TOML file, which is quoted: it has a dot, a colon or a pattern."""
    keys = (f'"{name}"', f"'{name}'")
    return next((number for number, line in enumerate(text, 1) if line.lstrip().startswith(keys)), 1)


def _names(steps: Iterable[Step]) -> Iterator[str]:
    """Yield what steps use of a port."""
    for step in steps:
        match step:
            case Call(target=PathTarget(path=path)):
                yield path
            case Call(target=MethodTarget(method=method)):
                yield f":{method}"
            case Get(name=None, field=path):
                yield path
