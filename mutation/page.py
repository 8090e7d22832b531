"""Writes the page of results, ``RESULTS.md``."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import luasocket_spec

from mutation.equivalents import Reason
from mutation.making import Key, Mutant
from mutation.running import Outcome

#: The groups of mutants that were not killed, with their titles.
_GROUPS: Final = {
    "survived": "Survived",
    "not observable": "Not observable by a behaviour",
    "equivalent": "Equivalent",
}


def results_page(outcomes: Sequence[Outcome], total: Counter[str], reasons: Mapping[Key, Reason], whole: bool) -> str:
    """Return the page in Markdown.

    Parameters
    ----------
    outcomes
        The outcomes.
    total
        By file: the number of places where cosmic-ray changes something.
    reasons
        The reasons of ``equivalent.yaml``.
    whole
        Whether every mutant has an outcome.
    """
    group_of = {
        one.mutant.key: reasons[one.mutant.key].kind if one.mutant.key in reasons else "survived"
        for one in outcomes
        if one.fate != "killed"
    }
    survivors = [one.mutant for one in outcomes if one.fate != "killed"]
    killed = Counter(one.mutant.file for one in outcomes if one.fate == "killed")
    run = Counter(one.mutant.file for one in outcomes)
    by_file = Counter((mutant.file, group_of[mutant.key]) for mutant in survivors)
    groups = Counter(group_of[mutant.key] for mutant in survivors)
    if whole:
        which = f"at {len(outcomes)} of them it makes a different program. All of those were run"
    else:
        which = f"{len(outcomes)} of them were run"
    lines = [
        "# Mutants of the reference",
        "",
        f"Made by `tox -e mutants`; {time.strftime('%Y-%m-%d')}, specification {luasocket_spec.__version__}.",
        f"cosmic-ray changes the reference at {total.total()} places;",
        f"{which}.",
        f"Killed: {killed.total()}. Equivalent: {groups['equivalent']}. Not observable: {groups['not observable']}.",
        f"Survived: {groups['survived']}.",
        "",
        "No program can distinguish an equivalent mutant from the reference. A mutant that is not observable could be",
        "distinguished, but not by a behaviour: it would have to break the machine, wait for weeks, or require what",
        "implementations may choose.",
        "",
        "| file | places | run | killed | equivalent | not observable | survived |",
        "|---|---|---|---|---|---|---|",
    ]
    columns = ("equivalent", "not observable", "survived")
    for file in sorted(total):
        counts = [total[file], run[file], killed[file], *(by_file[file, group] for group in columns)]
        lines.append(f"| {file} | {' | '.join(map(str, counts))} |")
    sums = [total.total(), run.total(), killed.total(), *(groups[group] for group in columns)]
    lines.append(f"| all | {' | '.join(map(str, sums))} |")
    for group, title in _GROUPS.items():
        lines += ["", f"## {title}", ""]
        lines += _list([mutant for mutant in survivors if group_of[mutant.key] == group], reasons) or ["None."]
    return "\n".join(lines) + "\n"


def _list(mutants: Sequence[Mutant], reasons: Mapping[Key, Reason]) -> list[str]:
    """Return the lines for mutants, grouped by their reasons."""
    by_reason: dict[str, list[Mutant]] = defaultdict(list)
    for mutant in mutants:
        by_reason[reasons[mutant.key].because if mutant.key in reasons else ""].append(mutant)
    lines = []
    for because, group in sorted(by_reason.items(), key=lambda item: min((one.file, one.line) for one in item[1])):
        lines += [f"- {because}"] if because else []
        indent = "  " if because else ""
        before = None
        for mutant in sorted(group, key=lambda one: (one.file, one.line, one.new)):
            if (mutant.file, mutant.line) != before:
                lines.append(f"{indent}- {mutant.file}:{mutant.line}, {mutant.where or 'module'}: `{mutant.old}`")
            before = mutant.file, mutant.line
            lines.append(f"{indent}  - `{mutant.new}`")
    return lines
