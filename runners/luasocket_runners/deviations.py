"""Known deviations of a port: a commented file that says which behaviours it is known not to have, and why.

What lives here: reading the file, and holding results against it, strictly both ways. What may not: playing.

A line is ``SELECTOR: reason, link``; the selector is one of ``run`` (an id, the beginning of ids up to a slash, or a
pattern). ``#`` begins a comment. A listed behaviour still runs. When it deviates, it is a *known deviation*; when it
passes, that is a failure: the line has to be struck. A line that names no behaviour is an error, so is one without a
reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from luasocket_spec.model import Behaviour

from luasocket_runners.result import Result, Verdict
from luasocket_runners.session import names


class DeviationsError(Exception):
    """The file cannot be used; the text has a line ``file:line: sentence`` for each problem."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """One line of the file."""

    selector: str
    reason: str
    line: int


@dataclass(frozen=True, slots=True)
class Deviations:
    """The lines of a file; without a file, none."""

    file: str = ""
    lines: tuple[Deviation, ...] = ()

    @classmethod
    def load(cls, path: Path, behaviours: Iterable[Behaviour]) -> Deviations:
        """Read a file and check it against the behaviours; raise :class:`DeviationsError`."""
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DeviationsError(f"{path}: the known deviations cannot be read: {error}") from None
        identities = [behaviour.id for behaviour in behaviours]
        found: dict[str, Deviation] = {}
        problems = []
        for number, raw in enumerate(text.splitlines(), 1):
            line = raw.strip()
            if not line or line.startswith("#"):
                continue
            selector, colon, reason = (part.strip() for part in line.partition(":"))
            if not colon or not reason:
                problems.append(f"{path}:{number}: give a reason: 'ID: reason, link'")
            elif selector in found:
                problems.append(f"{path}:{number}: {selector} is listed in line {found[selector].line} already")
            elif not any(names(selector, identity) for identity in identities):
                problems.append(f"{path}:{number}: {selector} names no behaviour; see 'luasocket-conformance list'")
            else:
                found[selector] = Deviation(selector, reason, number)
        if problems:
            raise DeviationsError("\n".join(problems))
        return cls(str(path), tuple(found.values()))

    def hold(self, result: Result) -> Result:
        """Return the result as it counts in the light of what is known."""
        entry = next((line for line in self.lines if names(line.selector, result.behaviour.id)), None)
        if entry is None:
            return result
        if result.verdict is Verdict.PASSED:
            reason = f"it passes, but {self.file}:{entry.line} lists it as a known deviation: strike it from the list"
            return replace(result, verdict=Verdict.FAILED, reason=reason)
        if result.verdict in (Verdict.FAILED, Verdict.NOT_IMPLEMENTED):
            note = f"{entry.reason} ({result.note})" if result.note else entry.reason
            return replace(result, verdict=Verdict.KNOWN, note=note)
        return result
