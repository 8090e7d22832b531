"""Results in words, for a terminal.

What lives here: the layout of one result and of the summary of a run. What may not: notation of values (``notation``),
files in other formats. What a port printed is escaped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from luasocket_spec.model import Behaviour, Disagreement

from luasocket_runners import notation
from luasocket_runners.result import Result, Verdict

#: The column at which the citation of a failure begins, where the id leaves room.
CITATION_COLUMN = 78

_HEADINGS = {
    Verdict.PASSED: "PASSED",
    Verdict.FAILED: "FAILED",
    Verdict.NOT_IMPLEMENTED: "NOT IMPLEMENTED",
    Verdict.ERRORED: "ERRORED",
    Verdict.SKIPPED: "SKIPPED",
    Verdict.KNOWN: "KNOWN DEVIATION",
    Verdict.FLAKY: "FLAKY",
}


#: Verdicts that a script can show to somebody else.
_REPRODUCED = frozenset({Verdict.FAILED, Verdict.NOT_IMPLEMENTED})


def printable(text: str) -> str:
    """Return text that a port printed, each of its lines as printable ASCII."""
    return "\n".join(map(notation.plain, text.splitlines()))


def about(name: str, version: str, host: str) -> str:
    """Return what a port says of itself, on one line; a version that begins with the name says it already."""
    return " ".join(filter(None, ("" if version.startswith(name) else name, version, host)))


def citation(result: Result) -> str:
    """Return where the behaviour comes from."""
    behaviour = result.behaviour
    if behaviour.authority == "observed":
        return "observed: every real LuaSocket does it"
    return f"documented: {', '.join(behaviour.cites)}"


def explain(result: Result) -> str:
    """Return everything that a porter needs to see about one result: several lines, without a line end."""
    behaviour = result.behaviour
    heading = f"{_HEADINGS[result.verdict]} {behaviour.id}"
    lines = [f"{heading:<{CITATION_COLUMN}} {citation(result)}"]
    indent = "  "
    if result.preparing is not None:
        lines.append(f"{indent}while preparing: {result.preparing}")
    if result.doing:
        lines.append(indent + result.doing)
        indent += "  "
    label_width = 10
    if result.expected is not None and result.verdict is Verdict.FAILED:
        first, *others = result.expected.splitlines()
        lines.append(f"{indent}{'expected':<{label_width}}{first}")
        lines.extend(f"{indent}{'':<{label_width}}{line}" for line in others)
    if result.returned is not None:
        error = result.returned.startswith("error: ")
        label, text = ("raised", result.returned[7:]) if error else ("returned", result.returned)
        lines.append(f"{indent}{label:<{label_width}}{text}")
    if result.reason:
        lines.append(
            f"{indent}{'because':<{label_width}}{result.reason}"
            if result.returned is not None
            else indent + result.reason
        )
    if result.verdict is Verdict.FAILED:
        lines.append(f"  so it is: {behaviour.says}")
        if behaviour.hint:
            lines.append(f"  hint: {behaviour.hint}")
    if result.printed:
        lines.append("  the port printed:")
        lines.extend("    | " + line for line in printable(result.printed).splitlines())
    if result.where:
        lines.append(f"  spec: {result.where}")
    if result.verdict in _REPRODUCED:
        lines.append(f"  reproduce: luasocket-conformance show {behaviour.id} --as lua > repro.lua")
    return "\n".join(lines)


def summary(results: Iterable[Result], seconds: float) -> str:
    """Return the closing lines of a run: verdicts counted, what was skipped and why, which side it takes."""
    results = list(results)
    counts = Counter(result.verdict for result in results)
    parts = [f"{counts[verdict]} {verdict.value}" for verdict in Verdict if counts[verdict]]
    lines = [f"{_count(len(results), 'behaviour')}: {', '.join(parts) or 'nothing'} in {seconds:.1f} s"]
    absent = Counter(result.reason for result in results if result.verdict is Verdict.SKIPPED)
    lines.extend(f"  {result.behaviour.id}: {result.note}" for result in results if result.note)
    lines.extend(
        f"  {result.verdict.value}: {result.behaviour.id}: {result.listed.reason}"
        + ("" if result.listed.explained else f" ({result.listed.file}:{result.listed.line})")
        for result in results
        if result.listed is not None
    )
    lines.extend(f"  skipped {count}: {reason}" for reason, count in sorted(absent.items()))
    sides = Counter(result.follows for result in results if result.follows is not None)
    if sides:
        total = sum(sides.values())
        told = ", ".join(f"{_count(count, 'time')} what is {side}" for side, count in sorted(sides.items()))
        lines.append(f"  where documentation and library part ({_count(total, 'behaviour')}) the port follows {told}")
    return "\n".join(lines)


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def disagreements(behaviours: Iterable[Behaviour]) -> str:
    """Return where documentation and real library part, the behaviours of one disagreement together."""
    together: dict[Disagreement, list[Behaviour]] = {}
    for behaviour in behaviours:
        if behaviour.disagrees is not None:
            together.setdefault(behaviour.disagrees, []).append(behaviour)
    lines = []
    for disagreement, members in together.items():
        issues = ", ".join(f"lunarmodules/luasocket#{number}" for number in disagreement.issues)
        lines.append(f"documented: {disagreement.documented}")
        lines.append(f"observed:   {disagreement.observed}")
        if disagreement.since:
            lines.append(f"since:      {disagreement.since}")
        if issues:
            lines.append(f"issues:     {issues}")
        lines.extend(f"  {behaviour.id}" for behaviour in members)
        lines.append("")
    count = sum(map(len, together.values()))
    lines.append(f"{len(together)} disagreements, {count} behaviours.")
    lines.append("A port may follow either side; 'run --authority' holds it to one.")
    return "\n".join(lines)
