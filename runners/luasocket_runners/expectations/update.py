"""Brings a file of known deviations up to date with the results of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from luasocket_spec.model import Behaviour

from luasocket_runners import notation
from luasocket_runners.expectations.deviations import DEVIATING, UNEXPLAINED, Deviations, Entry
from luasocket_runners.expectations.expectations import Expectations
from luasocket_runners.files import write_text
from luasocket_runners.result import PASSING, Result
from luasocket_runners.triage import fingerprint

__all__ = ["Update", "new_entry", "update"]

_BYTE_ORDER_MARK: Final = "\ufeff"


def new_entry(result: Result) -> str:
    """Return the entry of a failure without an explanation, and without a line end."""
    return f"{result.behaviour.id} @{fingerprint(result)}: {UNEXPLAINED}: {notation.plain(result.reason)}"


def _split(comment: str, entry: Entry, left: Sequence[str], end: str) -> str:
    """Return a comment in the place of an entry, and entries for the behaviours that are left of it."""
    marks = f" @{','.join(entry.fingerprints)}" if entry.fingerprints else ""
    return "".join([comment, *(f"{identity}{marks}: {entry.reason}{end}" for identity in left)])


@dataclass(frozen=True, slots=True)
class Update:
    """The number of behaviours that were added, of entries that were removed, and the expectations afterwards."""

    added: int
    removed: int
    expectations: Expectations


def update(
    path: Path, expectations: Expectations, behaviours: Sequence[Behaviour], results: Sequence[Result], port: str
) -> Update:
    """Bring the file of known deviations up to date with results; it may not exist yet.

    Nothing that a person wrote is lost: comments and entries stay where they are, byte for byte, and an entry that is
    removed becomes a comment. An entry whose behaviour fails in another way than its fingerprint says becomes a
    comment, too, and is added again. If only some of the behaviours that an entry names pass, the others get entries of
    their own with its reason. New deviations are added at the end, marked as unexplained, with the difference.

    Parameters
    ----------
    path
        The file.
    expectations
        The expectations of the port so far.
    behaviours
        All of the spec; entries of those without a result stay.
    results
        The results, before expectations were applied. Flaky, skipped and errored behaviours change nothing.
    port
        The port and the spec, for the comment above new entries.

    Raises
    ------
    OSError
        When the file cannot be written; it is then as it was.
    """
    with_absent = map(expectations.absent.apply, results)
    results = [result for result in with_absent if expectations.flaky.find(result.behaviour.id) is None]
    port = notation.plain(port)
    exists = path.exists()
    text = path.read_bytes().decode("utf-8") if exists else f"# Known deviations: {port}\n# ID: reason, link\n"
    mark = _BYTE_ORDER_MARK if text.startswith(_BYTE_ORDER_MARK) else ""
    text = text.removeprefix(mark)
    end = "\r\n" if text.partition("\n")[0].endswith("\r") else "\n"
    if text and not text.endswith("\n"):
        text += end
    lines = [line + "\n" for line in text.split("\n")[:-1]]
    named: dict[int, list[str]] = {}
    for behaviour in behaviours:
        entry = expectations.known.find(behaviour.id)
        if entry is not None:
            named.setdefault(entry.line, []).append(behaviour.id)
    passed = {result.behaviour.id for result in results if result.verdict in PASSING}
    selectors = {entry.selector for entry in expectations.known.entries}
    new = []
    changed: set[str] = set()
    for item in results:
        if item.verdict not in DEVIATING:
            continue
        entry = expectations.known.find(item.behaviour.id)
        if entry is None:
            new.append(item)
        elif entry.fingerprints and fingerprint(item) not in entry.fingerprints:
            changed.add(item.behaviour.id)
            new.append(item)
    removed = []
    for entry in expectations.known.entries:
        ids = named.get(entry.line, [])
        left = [identity for identity in ids if identity not in passed | changed | selectors]
        if passed.intersection(ids):
            removed.append(entry)
            lines[entry.line - 1] = _split(f"# removed, it passes: {lines[entry.line - 1]}", entry, left, end)
        elif changed.intersection(ids):
            lines[entry.line - 1] = _split(f"# changed, it was: {lines[entry.line - 1]}", entry, left, end)
    if new:
        lines.append(f"# Found with {port}. Replace {UNEXPLAINED} by the reason, with a link:{end}")
        lines.extend(f"{new_entry(item)}{end}" for item in new)
    text = "".join(lines)
    if new or removed or not exists:
        write_text(path, mark + text)
    known = Deviations.parse(text, path, behaviours)
    return Update(len(new), len(removed), replace(expectations, known=known))
