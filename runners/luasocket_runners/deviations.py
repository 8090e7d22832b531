"""What is known of a port: commented files that say which behaviours it is known not to have, or not always, and why.

What lives here: reading the files, holding results against them, and bringing the known deviations up to date. What may
not: playing, showing.

A line is ``SELECTOR: reason, link``; the selector is one of ``run`` (an id, the beginning of ids up to a slash, or a
pattern). ``#`` at its beginning makes a line a comment. Where several lines name a behaviour, the first one counts. A
listed behaviour still runs.

The *known deviations* are strict both ways: what deviates is a known deviation; what passes is a failure, until the
line is struck. What is *flaky* may pass or fail. In both, a line that names no behaviour is an error, and so is one
without a reason; a behaviour is in one of the lists at most.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal, Self

from luasocket_spec.model import Behaviour

from luasocket_runners import notation
from luasocket_runners.absences import Absences, AbsencesError
from luasocket_runners.ports import Terms
from luasocket_runners.result import CONFORMING, Listed, Result, Verdict
from luasocket_runners.session import is_pattern, names

#: The word that the reason begins with in a line that ``--update-deviations`` wrote and nobody has explained yet.
UNEXPLAINED: Final = "UNEXPLAINED"

_DEVIATING: Final = frozenset({Verdict.FAILED, Verdict.NOT_IMPLEMENTED})
#: What an error message calls each list.
_TITLES: Final = {"known": "known deviations", "flaky": "list of what is flaky"}


class DeviationsError(Exception):
    """A file cannot be used; the text has a line ``file:line: sentence`` for each problem."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """One line of a file."""

    selector: str
    reason: str
    line: int

    @property
    def explained(self) -> bool:
        """Whether a person has said why."""
        return not self.reason.startswith(UNEXPLAINED)


def _places(identity: str) -> Iterator[str]:
    """Yield what names a behaviour without being a pattern: its id, and each beginning of it up to a slash."""
    while identity:
        yield identity
        identity = identity.rpartition("/")[0]


@dataclass(frozen=True, slots=True)
class Deviations:
    """The lines of a file; without a file, none."""

    file: str = ""
    lines: tuple[Deviation, ...] = ()
    kind: Literal["known", "flaky"] = "known"
    #: The lines by their selectors, and those that have patterns: a thousand are asked for thousands of behaviours.
    _plain: dict[str, Deviation] = field(default_factory=dict, init=False, repr=False, compare=False)
    _patterns: list[Deviation] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for line in self.lines:
            if is_pattern(line.selector):
                self._patterns.append(line)
            else:
                self._plain.setdefault(line.selector.rstrip("/"), line)

    @classmethod
    def load(
        cls, path: Path, behaviours: Iterable[Behaviour], kind: Literal["known", "flaky"] = "known"
    ) -> Deviations:
        """Read a file and check it against the behaviours; raise :class:`DeviationsError`."""
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DeviationsError(f"{path}: the {_TITLES[kind]} cannot be read: {error}") from None
        identities = [behaviour.id for behaviour in behaviours]
        places = {place for identity in identities for place in _places(identity)}
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
            elif selector.rstrip("/") not in places and not (
                is_pattern(selector) and any(names(selector, identity) for identity in identities)
            ):
                problems.append(f"{path}:{number}: {selector} names no behaviour; see 'luasocket-conformance list'")
            else:
                found[selector] = Deviation(selector, reason, number)
        if problems:
            raise DeviationsError("\n".join(problems))
        return cls(str(path), tuple(found.values()), kind)

    def find(self, identity: str) -> Deviation | None:
        """Return the line that speaks of a behaviour: the first that names it."""
        if not self.lines:
            return None
        found = [self._plain[place] for place in _places(identity) if place in self._plain]
        found.extend(line for line in self._patterns if names(line.selector, identity))
        return min(found, key=lambda line: line.line, default=None)

    def hold(self, result: Result) -> Result:
        """Return the result as it counts in the light of what is known."""
        entry = self.find(result.behaviour.id)
        if entry is None or result.verdict not in _DEVIATING | {Verdict.PASSED}:
            return result
        passed = result.verdict is Verdict.PASSED
        listed = Listed(self.kind, entry.selector, entry.reason, self.file, entry.line, entry.explained, passed)
        result = replace(result, listed=listed)
        if self.kind == "flaky":
            return replace(result, verdict=Verdict.FLAKY, reason=result.reason or "it passed this time")
        if passed:
            reason = f"it passes, but {self.file}:{entry.line} lists it as a known deviation: strike it from the list"
            return replace(result, verdict=Verdict.FAILED, reason=reason)
        return replace(result, verdict=Verdict.KNOWN)


@dataclass(frozen=True, slots=True)
class Lists:
    """Both lists of a port, and what it does not have at all."""

    known: Deviations = Deviations()
    flaky: Deviations = Deviations(kind="flaky")
    absences: Absences = field(default_factory=Absences)

    @classmethod
    def load(
        cls,
        known: Path | None,
        flaky: Path | None,
        behaviours: Sequence[Behaviour],
        terms: Terms = Terms(),  # noqa: B008 (it is immutable)
    ) -> Self:
        """Read the files that are given; the port's own terms say what they leave open, and what is absent from it.

        Raises
        ------
        DeviationsError
            When a file cannot be used, or when both name a behaviour: no verdict could satisfy both.
        """
        known, flaky = known or terms.known, flaky or terms.flaky
        try:
            absences = Absences() if terms.file is None else Absences.load(terms.file, terms.absent, behaviours)
        except AbsencesError as error:
            raise DeviationsError(str(error)) from None
        lists = cls(
            Deviations() if known is None else Deviations.load(known, behaviours),
            Deviations(kind="flaky") if flaky is None else Deviations.load(flaky, behaviours, "flaky"),
            absences,
        )
        problems = []
        for behaviour in behaviours:
            one, other = lists.known.find(behaviour.id), lists.flaky.find(behaviour.id)
            if one is not None and other is not None:
                problems.append(
                    f"{lists.flaky.file}:{other.line}: {behaviour.id} is flaky here, and a known deviation in "
                    f"{lists.known.file}:{one.line}; list it once"
                )
        if problems:
            raise DeviationsError("\n".join(problems))
        return lists

    def hold(self, result: Result) -> Result:
        """Return the result as it counts in the light of what is known."""
        return self.known.hold(self.flaky.hold(self.absences.hold(result)))

    def expects(self, result: Result) -> bool:
        """Tell whether a result conforms in the light of what is known."""
        return self.hold(result).verdict in CONFORMING


@dataclass(frozen=True, slots=True)
class Update:
    """What an update did: how many behaviours were added, and how many lines were struck."""

    added: int
    struck: int


def update(path: Path, lists: Lists, behaviours: Sequence[Behaviour], results: Sequence[Result], who: str) -> Update:
    """Bring the file of known deviations up to date with what was seen; it may not be there yet.

    What a person wrote is never lost: comments and lines stay where they are, byte for byte, and a line that has to be
    struck becomes a comment. Where only some of the behaviours that a line names pass, the others get lines of their
    own with its reason. What deviates and is not listed is added at the end, marked as unexplained, with what was seen.

    Parameters
    ----------
    lists
        What the files say now.
    behaviours
        All of the spec, also those that were not played: their lines stay.
    results
        What was seen, before it was held against the lists. Flaky, skipped and errored ones change nothing.
    who
        The port and the spec, in words; goes into the comment above what is added.

    Raises
    ------
    OSError
        When the file cannot be written; it is then as it was.
    """
    declared = map(lists.absences.hold, results)
    results = [result for result in declared if lists.flaky.find(result.behaviour.id) is None]
    who = notation.plain(who)
    text = path.read_bytes().decode("utf-8") if path.exists() else f"# Known deviations: {who}\n# ID: reason, link\n"
    lines = text.splitlines(keepends=True)
    end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    if lines and lines[-1] == lines[-1].rstrip("\r\n"):
        lines[-1] += end
    named: dict[int, list[str]] = {}
    for behaviour in behaviours:
        entry = lists.known.find(behaviour.id)
        if entry is not None:
            named.setdefault(entry.line, []).append(behaviour.id)
    passed = {result.behaviour.id for result in results if result.verdict is Verdict.PASSED}
    selectors = {entry.selector for entry in lists.known.lines}
    struck = [entry for entry in lists.known.lines if passed.intersection(named.get(entry.line, ()))]
    for entry in struck:
        left = [identity for identity in named[entry.line] if identity not in passed | selectors]
        split = [f"{identity}: {entry.reason}{end}" for identity in left]
        lines[entry.line - 1] = "".join([f"# struck, it passes: {lines[entry.line - 1]}", *split])
    new = [item for item in results if item.verdict in _DEVIATING and lists.known.find(item.behaviour.id) is None]
    if new:
        lines.append(f"# Seen with {who}. Say why, with a link, in place of the mark:{end}")
        lines.extend(f"{item.behaviour.id}: {UNEXPLAINED}: {notation.plain(item.reason)}{end}" for item in new)
    if new or struck or not path.exists():
        _replace(path, "".join(lines))
    return Update(len(new), len(struck))


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    path = path.resolve()  # a link stays one
    with tempfile.NamedTemporaryFile("wb", dir=path.parent, prefix=f".{path.name}.", delete=False) as new:
        made = Path(new.name)
        try:
            new.write(text.encode("utf-8"))
            new.close()
            if path.exists():
                shutil.copymode(path, made)
            else:
                made.chmod(0o644)  # a temporary file is its owner's alone
            made.replace(path)
        except BaseException:
            made.unlink(missing_ok=True)
            raise
