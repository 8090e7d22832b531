"""Reads a list of behaviours that a port is known not to pass, or not always, and applies it to results.

A line is ``SELECTOR: reason, link``; selectors are those of ``run`` (an id, the beginning of ids up to a slash, or a
pattern). A line that begins with ``#`` is a comment. Where several entries name a behaviour, the first one counts. A
listed behaviour still runs.

In the list of known deviations, a selector may be followed by a fingerprint, ``ID @3fa9c2d1: reason``: the step and the
outcome of the failure, without addresses, ports, descriptors and times. A listed behaviour that fails in another way
has changed, and is a failure: a regression does not hide behind a known deviation. If a selector names behaviours that
fail in several ways, it has several, ``a/b @3fa9c2d1,00dcc77f: reason``. Lists that are written by hand may leave it
out.

*Known deviations* are strict both ways: a listed behaviour that fails is a known deviation; one that passes is an
unexpected pass, and a failure until the entry is removed. *Flaky* behaviours may pass or fail. In both lists, an entry
that names no behaviour is an error, and so is one without a reason; a behaviour is in one of the lists at most.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

from luasocket_spec.model import Behaviour

from luasocket_runners.files import lines_of, read_text
from luasocket_runners.result import PASSING, Listed, Result, Verdict
from luasocket_runners.selection import is_pattern, names
from luasocket_runners.triage import fingerprint

__all__ = ["DEVIATING", "UNEXPLAINED", "Deviations", "DeviationsError", "Entry"]

#: The beginning of the reason in an entry that ``--update-deviations`` wrote, until a person explains it.
UNEXPLAINED: Final = "UNEXPLAINED"

#: The verdicts that a list of known deviations may explain.
DEVIATING: Final = frozenset({Verdict.FAILED, Verdict.NOT_IMPLEMENTED})
_FINGERPRINT: Final = re.compile("[0-9a-f]{8}")
#: The name of each list in error messages.
_TITLES: Final = {"known": "known deviations", "flaky": "flaky behaviours"}


class DeviationsError(Exception):
    """A file cannot be used; the text has a line ``file:line: sentence`` for each problem."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a file, which is not a comment."""

    selector: str
    reason: str
    line: int
    fingerprints: tuple[str, ...] = ()  #: of the failures, if the entry has any

    @property
    def explained(self) -> bool:
        """Whether a person has written the reason."""
        return not self.reason.startswith(UNEXPLAINED)


def _prefixes(identity: str) -> Iterator[str]:
    """Yield the selectors without a pattern that name a behaviour: its id, and each beginning of it up to a slash."""
    while identity:
        yield identity
        identity = identity.rpartition("/")[0]


@dataclass(frozen=True, slots=True)
class Deviations:
    """The entries of a file; without a file, none."""

    file: str = ""
    entries: tuple[Entry, ...] = ()
    kind: Literal["known", "flaky"] = "known"
    #: The entries by their selectors, and those with patterns: a thousand are looked up for thousands of behaviours.
    _plain: dict[str, Entry] = field(default_factory=dict, init=False, repr=False, compare=False)
    _patterns: list[Entry] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for entry in self.entries:
            if is_pattern(entry.selector):
                self._patterns.append(entry)
            else:
                self._plain.setdefault(entry.selector.rstrip("/"), entry)

    @classmethod
    def load(cls, path: Path, behaviours: Iterable[Behaviour], kind: Literal["known", "flaky"] = "known") -> Deviations:
        """Read a file and check it against the behaviours; raise :class:`DeviationsError`."""
        try:
            text = read_text(path)
        except OSError as error:
            raise DeviationsError(f"{path}: the {_TITLES[kind]} cannot be read: {error.strerror or error}") from None
        except ValueError as error:  # BadFile, or a zero byte in the name
            raise DeviationsError(f"{path}: the {_TITLES[kind]} cannot be read: {error}") from None
        return cls.parse(text, path, behaviours, kind)

    @classmethod
    def parse(
        cls, text: str, path: Path, behaviours: Iterable[Behaviour], kind: Literal["known", "flaky"] = "known"
    ) -> Deviations:
        """Check the text of a file against the behaviours; raise :class:`DeviationsError`."""
        identities = dict.fromkeys(behaviour.id for behaviour in behaviours)
        prefixes = {prefix for identity in identities for prefix in _prefixes(identity)}
        found: dict[str, Entry] = {}
        problems = []
        for number, raw in enumerate(lines_of(text), 1):
            line = raw.strip()
            if not line or line.startswith("#"):
                continue
            selector, colon, reason = (part.strip() for part in line.partition(":"))
            selector, _, mark = (part.strip() for part in selector.partition(" @"))
            marks = tuple(mark.split(",")) if mark else ()
            if wrong := [one for one in marks if not _FINGERPRINT.fullmatch(one)]:
                problems.append(
                    f"{path}:{number}: @{wrong[0]} is not a fingerprint, which has eight hexadecimal digits"
                )
            elif marks and kind == "flaky":
                problems.append(f"{path}:{number}: a flaky behaviour has no fingerprint, only a known deviation")
            elif not colon or not reason:
                problems.append(f"{path}:{number}: the reason is missing; write 'ID: reason, link'")
            elif selector in found:
                problems.append(f"{path}:{number}: {selector} is already listed in line {found[selector].line}")
            elif selector.rstrip("/") not in prefixes and not (
                is_pattern(selector) and any(names(selector, identity) for identity in identities)
            ):
                problems.append(f"{path}:{number}: no behaviour matches {selector}; see 'luasocket-conformance list'")
            else:
                found[selector] = Entry(selector, reason, number, marks)
        if problems:
            raise DeviationsError("\n".join(problems))
        return cls(str(path), tuple(found.values()), kind)

    def find(self, identity: str) -> Entry | None:
        """Return the entry for a behaviour: the first that names it."""
        if not self.entries:
            return None
        found = [self._plain[prefix] for prefix in _prefixes(identity) if prefix in self._plain]
        found.extend(entry for entry in self._patterns if names(entry.selector, identity))
        return min(found, key=lambda entry: entry.line, default=None)

    def apply(self, result: Result) -> Result:
        """Return the result with the verdict that it has in view of this list."""
        entry = self.find(result.behaviour.id)
        if entry is None or result.verdict not in DEVIATING | PASSING:
            return result
        passed = result.verdict in PASSING
        listed = Listed(self.kind, entry.selector, entry.reason, self.file, entry.line, entry.explained, passed)
        result = replace(result, listed=listed)
        if self.kind == "flaky":
            return replace(result, verdict=Verdict.FLAKY, reason=result.reason or "passed this time")
        if passed:
            reason = f"unexpected pass: remove {self.file}:{entry.line}"
            return replace(result, verdict=Verdict.FAILED, reason=reason)
        if entry.fingerprints and fingerprint(result) not in entry.fingerprints:
            reason = f"changed: it fails in another way than {self.file}:{entry.line} records; {result.reason}"
            return replace(result, reason=reason)
        return replace(result, verdict=Verdict.KNOWN)
