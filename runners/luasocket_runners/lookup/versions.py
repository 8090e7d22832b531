"""Tells from the runs of LuaSocket's releases which release was the first in which a behaviour holds."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from luasocket_spec import model
from luasocket_spec.api import Function

from luasocket_runners.lookup.compatibility import RELEASES, Compatibility, shipped

__all__ = ["note", "releases"]


@cache
def releases() -> tuple[tuple[str, Compatibility], ...]:
    """Return the releases of which there is a report, in their order."""
    found = {report.name: report for report in shipped()}
    return tuple((release, found[name]) for name, release in RELEASES.items() if name in found)


def note(function: Function | None, cases: Iterable[model.Behaviour]) -> str | None:
    """Return a remark on the releases in which the behaviours of an entry do not hold: ``since 3.0-rc1``.

    It is None if they hold in all releases of their dialect, or if that is not known. Where some cases hold earlier
    than others, the remark says so.
    """
    if function is None:
        return None
    notes = {_note(function, case) for case in cases}
    if len(notes) == 1:
        return notes.pop()
    known = sorted(filter(None, notes))
    return f"some cases {known[0]}" if len(known) == 1 else "some cases in later releases only" if known else None


def _note(function: Function, behaviour: model.Behaviour) -> str | None:
    case = behaviour.id.removeprefix(f"{behaviour.entry}/") if behaviour.id != behaviour.entry else ""
    held = [
        (release, _holds(report, function, behaviour, case))
        for release, report in releases()
        if report.dialect in behaviour.dialects and report.dialect in function.dialects
    ]
    if any(answer is None for _, answer in held) or not held or not held[-1][1]:
        return None
    failed = [release for release, answer in held if not answer]
    if not failed:
        return None
    first = next(release for release, answer in held if answer)
    if failed == [release for release, _ in held[: len(failed)]]:
        return f"since {first}"
    return f"not in {', '.join(failed)}"


def _holds(report: Compatibility, function: Function, behaviour: model.Behaviour, case: str) -> bool | None:
    """Return whether a behaviour passes on a release; an option that is not there was skipped."""
    if behaviour.entry in report.skipped:
        return False if any(need.startswith("option-") for need in behaviour.needs) else None
    return report.holds(function, behaviour.entry, case)
