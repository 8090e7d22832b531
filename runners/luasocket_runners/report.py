"""Results in words, for a terminal.

What lives here: the layout of one result and of the summary of a run. What may not: notation of values (``notation``),
files in other formats. What a port printed is escaped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from luasocket_spec.model import Behaviour, Disagreement

from luasocket_runners import notation
from luasocket_runners.result import CONFORMING, Listed, Result, Verdict, answer

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


#: Of the causes why behaviours deviate, those that a summary tells, and how often one has to be there: a port that has
#: one habit wrong deviates in hundreds of behaviours.
_CAUSES = 5
_OFTEN = 3
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


def place(result: Result) -> str:
    """Return where the behaviour is written, or its row among the cases, and where the step that was played is."""
    source = result.behaviour.source
    if result.where in ("", str(source)):
        return str(source)
    file, _, line = result.where.rpartition(":")
    return f"{source} (the step: {f'line {line}' if file == source.file else result.where})"


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
        label, text = answer(result.returned)
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
    lines.append(f"  spec: {place(result)}")
    if result.verdict in _REPRODUCED:
        lines.append(f"  reproduce: luasocket-conformance show {behaviour.id} --as lua > repro.lua")
    return "\n".join(lines)


def summary(results: Iterable[Result], seconds: float) -> str:
    """Return the closing lines of a run: verdicts counted, what was skipped and why, which side it takes."""
    results = list(results)
    counts = Counter(result.verdict for result in results)
    parts = [f"{counts[verdict]} {verdict.value}" for verdict in Verdict if counts[verdict]]
    lines = [f"{counted(len(results), 'behaviour')}: {', '.join(parts) or 'nothing'} in {seconds:.1f} s"]
    absent = Counter(result.reason for result in results if result.verdict is Verdict.SKIPPED)
    causes = Counter(result.reason for result in results if result.verdict in _REPRODUCED)
    lines.extend(f"  deviate {count}: {cause}" for cause, count in causes.most_common(_CAUSES) if count >= _OFTEN)
    lines.extend(f"  {result.behaviour.id}: {result.note}" for result in results if result.note)
    lines.extend(
        f"  {group.verdict.value} {group.count}: {group.about}"
        for group in listed_groups((result.verdict, result.listed) for result in results)
    )
    lines.extend(f"  skipped {count}: {reason}" for reason, count in sorted(absent.items()))
    sides = Counter(result.follows for result in results if result.follows is not None)
    if sides:
        total = sum(sides.values())
        told = ", ".join(f"{counted(count, 'time')} what is {side}" for side, count in sorted(sides.items()))
        lines.append(f"  where documentation and library part ({counted(total, 'behaviour')}) the port follows {told}")
    return "\n".join(lines)


@dataclass(slots=True)
class ListedGroup:
    """What the lists of a port say of results for one and the same reason.

    ``entries`` are what the lines name, each once; ``line`` is where the first of them stands, for those that nobody
    has explained.
    """

    verdict: Verdict
    reason: str
    line: str
    explained: bool
    entries: list[str] = field(default_factory=list)
    count: int = 0

    @property
    def about(self) -> str:
        """The reason with what it is said of, on one line."""
        others = len(self.entries) - 1
        if not self.explained:
            return f"without an explanation, from {self.line} on"
        return f"{self.entries[0]}{f' and {others} more' if others else ''}: {self.reason}"


def listed_groups(listed: Iterable[tuple[Verdict, Listed | None]]) -> list[ListedGroup]:
    """Return what conforms because a list says so, one group a reason; what nobody has explained is one group."""
    groups: dict[tuple[Verdict, str], ListedGroup] = {}
    for verdict, line in listed:
        if line is None or verdict not in CONFORMING:
            continue
        reason = line.reason if line.explained else ""
        group = groups.setdefault(
            (verdict, reason), ListedGroup(verdict, reason, f"{line.file}:{line.line}", line.explained)
        )
        if line.entry not in group.entries:
            group.entries.append(line.entry)
        group.count += 1
    return list(groups.values())


def counted(number: int, what: str) -> str:
    """Return a number with what it counts: ``1 behaviour``, ``2 behaviours``."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def without_case(behaviour: Behaviour) -> str:
    """Return the id without that of a case: the path of the file, and the id that is written in it."""
    subject = behaviour.subject
    name = behaviour.id.removeprefix(f"{subject}/").partition("/")[0]
    return f"{subject}/{name}" if behaviour.id.startswith(f"{subject}/") else behaviour.id


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
        folded = Counter(without_case(behaviour) for behaviour in members)
        lines.extend(f"  {name}" + (f" ({count} cases)" if count > 1 else "") for name, count in folded.items())
        lines.append("")
    count = sum(map(len, together.values()))
    lines.append(f"{counted(len(together), 'disagreement')}, {counted(count, 'behaviour')}.")
    lines.append("A port may follow either side; 'run --authority' holds it to one.")
    return "\n".join(lines)
