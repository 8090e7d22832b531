"""Results as text for a terminal: one failure, and the summary of a run. Text of a port is escaped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from luasocket_spec.model import Behaviour, Disagreement

from luasocket_runners import notation
from luasocket_runners.notation import counted
from luasocket_runners.quirks import Quirk
from luasocket_runners.result import CONFORMING, Listed, Result, Verdict, conclude, outcome_label
from luasocket_runners.triage import Cause, causes_of

__all__ = [
    "OBSERVED", "ListedGroup", "about", "at", "disagreements", "explain", "judged_share", "listed_groups", "printable",
    "summary",
]  # fmt: skip

#: The authority of a behaviour that no statement of the documentation covers.
OBSERVED: Final = "every real LuaSocket of this dialect does it"

#: The column of the texts behind the labels of a failure, and that of the difference where the result leaves room.
_TEXT: Final = 15
_DIFFERENCE: Final = 50
#: The width of a line that has a difference behind the result.
_WIDTH: Final = 120

#: Causes that the summary of a run lists if it is not verbose.
_SHOWN_CAUSES: Final = 30

#: Verdicts for which a script is useful.
_REPRODUCED: Final = frozenset({Verdict.FAILED, Verdict.NOT_IMPLEMENTED})

#: Returns a function that a behaviour uses and that the port declares absent, if there is one.
AbsentIn: TypeAlias = Callable[[Behaviour], str | None]


def _nothing_absent(_: Behaviour) -> None:
    return None


def printable(text: str) -> str:
    """Return text that a port printed, each of its lines as printable ASCII."""
    return "\n".join(map(notation.plain, text.splitlines()))


def about(name: str, version: str, runtime: str) -> str:
    """Return a port's description of itself, on one line; a version that begins with the name includes it."""
    return " ".join(filter(None, ("" if version.startswith(name) else name, version, runtime)))


def at(result: Result) -> str:
    """Return the place of a behaviour in the spec, and that of the step, if the result has one."""
    source = str(result.behaviour.source)
    place = source.removeprefix("behaviours/")
    if result.at in ("", source):
        return place
    file, _, line = result.at.rpartition(":")
    step = f"line {line}" if file == result.behaviour.source.file else result.at.removeprefix("behaviours/")
    return f"{place} (step at {step})"


def explain(result: Result) -> str:
    """Return everything that a port author needs to know about one result: several lines, without a line end."""
    return "\n".join([*_difference(result), *_facts(result)])


def _line(indent: int, label: str, text: str) -> list[str]:
    """Return a label with its text, whose further lines stand below its first one."""
    first, *others = text.splitlines() or [""]
    return [f"{' ' * indent + label:<{_TEXT}}{first}".rstrip(), *(" " * _TEXT + line for line in others)]


def _difference(result: Result) -> list[str]:
    """Return the heading, the step, and the difference."""
    lines = [f"{result.verdict.value.upper()} {result.behaviour.id}"]
    if result.fixture is not None:
        lines.append(f"  while setting up the fixture {result.fixture!r}")
    if result.call:
        lines.append("  " + result.call)
    if result.expected is not None and result.verdict is not Verdict.NOT_IMPLEMENTED:
        lines += _line(4, "expected", result.expected)
    reason = result.reason
    if result.returned is not None:
        label, text = outcome_label(result.returned)
        lines += _line(4, label, text)
        room = max(_DIFFERENCE - len(lines[-1]), 2)
        if reason and "\n" not in text and len(lines[-1]) + room + len(reason) <= _WIDTH:
            lines[-1] += " " * room + reason
            reason = ""
    if reason and result.returned is not None:
        lines += _line(4, "difference", reason)
    elif reason:
        lines.append((" " * 4 if result.call else " " * 2) + reason)
    return lines


def _facts(result: Result) -> list[str]:
    """Return facts about the behaviour, and how to reproduce the result."""
    # they read the documentation's data, which a run without failures does not need
    from luasocket_runners.lookup.address import behaviour_address, function_address
    from luasocket_runners.lookup.index import main_function

    behaviour = result.behaviour
    lines = _line(2, "rule:", behaviour.says)
    if result.hint and result.verdict is not Verdict.NOT_IMPLEMENTED:
        lines += _line(2, "hint:", result.hint)
    if result.quirks:
        lines += _line(2, "quirks:", ", ".join(result.quirks))
    if result.printed:
        lines += _line(2, "printed:", printable(result.printed))
    lines += _line(2, "covers:", ", ".join(behaviour.covers)) if behaviour.covers else _line(2, "observed:", OBSERVED)
    address = behaviour_address(behaviour.subject, behaviour.entry)
    lines += _line(2, "at:", at(result) + (f"\n{address}" if address else ""))
    if result.verdict in _REPRODUCED:
        lines += _line(2, "reproduce:", f"luasocket-conformance show {behaviour.id} --as lua > repro.lua")
        function = main_function(behaviour)
        if function is not None:
            address = function_address(function.id)
            command = f"luasocket-conformance explain {function.id}"
            lines += _line(2, "read:", f"{command}, {address}" if address else command)
    return lines


def summary(
    results: Iterable[Result],
    seconds: float,
    *,
    complete: bool = True,
    verbose: bool = False,
    unneeded: Iterable[Quirk] = (),
    absent_in: AbsentIn = _nothing_absent,
) -> str:
    """Return the closing lines of a run: verdicts, causes, declared differences, and the conclusion."""
    results = list(results)
    counts = Counter(result.verdict for result in results)
    parts = [f"{counts[verdict]} {verdict.value}" for verdict in Verdict if counts[verdict]]
    lines = [f"{counted(len(results), 'behaviour')}: {', '.join(parts) or 'nothing was run'} in {seconds:.1f} s"]
    lines.extend(_causes([result for result in results if result.verdict in _REPRODUCED], verbose=verbose))
    flaky = sum(result.flaky_under_load for result in results)
    if flaky:
        lines.append(f"  {counted(flaky, 'behaviour')} flaky under parallel load")
    lines.extend(f"  {result.behaviour.id}: {result.note}" for result in results if result.note)
    lines.extend(
        f"  {group.count} {group.verdict.value}: {group.about}"
        for group in listed_groups((result.verdict, result.listed) for result in results)
    )
    not_tried = Counter(result.reason for result in results if result.verdict is Verdict.NOT_TRIED)
    lines.extend(f"  {count} not tried: {reason}" for reason, count in sorted(not_tried.items()))
    skipped = Counter(result.reason for result in results if result.verdict is Verdict.SKIPPED)
    lines.extend(f"  {count} skipped: {reason}" for reason, count in sorted(skipped.items()))
    readings = Counter(result.follows for result in results if result.follows is not None)
    if readings:
        counts_of = [f"the {reading} reading in {count}" for reading, count in sorted(readings.items())]
        lines.append(f"  {counted(sum(readings.values()), 'disagreement')}: follows {', '.join(counts_of)}")
    quirks = {quirk for result in results for quirk in result.quirks}
    if any(result.verdict not in (Verdict.PASSED, Verdict.SKIPPED) for result in results):
        lines.append(f"  {judged_share(results, absent_in)}")
    unneeded = list(unneeded)
    lines.extend(f"  {quirk.source}: the quirk {quirk.id} is not needed: remove it" for quirk in unneeded)
    lines.append(conclude(counts, len(quirks), complete=complete, unneeded=len(unneeded))[1])
    return "\n".join(lines)


def _causes(failures: Sequence[Result], *, verbose: bool) -> Iterable[str]:
    """Yield a line for each of the first causes, the most important first; none if there is only one failure."""
    if len(failures) < 2:
        return
    causes = causes_of(failures)
    hung = [result for result in failures if result.hung]
    if hung:
        waited = sum(result.duration for result in hung)
        yield f"  {counted(len(hung), 'behaviour')} hung, and took {waited:.0f} s; with --deadline 1, {len(hung)} s"
    # Causes that need different rules, but read the same, have one line.
    lines: dict[str, list[Cause]] = {}
    for cause in causes:
        lines.setdefault(cause.title, []).append(cause)
    yield f"  {counted(len(lines), 'cause')}:"
    shown = len(lines) if verbose else _SHOWN_CAUSES
    for title, same in list(lines.items())[:shown]:
        number = sum(len(cause.results) for cause in same)
        noun = "failure " if number == 1 else "failures"
        yield f"  {number:>5} {noun}  {title}  ({same[0].example.behaviour.id})"
    rest = list(lines.values())[shown:]
    if rest:
        number = sum(len(cause.results) for same in rest for cause in same)
        yield (
            f"  … and {counted(len(rest), 'more cause')} with {counted(number, 'failure')}: -v prints them, "
            "and 'luasocket-conformance triage' writes rules and lists for them"
        )


@dataclass(slots=True)
class ListedGroup:
    """The results that a port's lists explain with one and the same reason.

    ``entries`` are the selectors, each once; ``place`` is that of the first entry, for those without an explanation.
    """

    verdict: Verdict
    reason: str
    place: str
    explained: bool
    entries: list[str] = field(default_factory=list)
    count: int = 0

    @property
    def about(self) -> str:
        """The selectors and the reason, on one line."""
        others = len(self.entries) - 1
        if not self.explained:
            return f"not explained yet, see {self.place}"
        return f"{self.entries[0]}{f' and {others} more' if others else ''}: {self.reason}"


def listed_groups(listed: Iterable[tuple[Verdict, Listed | None]]) -> list[ListedGroup]:
    """Group the results that conform because a list names them, by reason; those without an explanation together."""
    groups: dict[tuple[Verdict, str], ListedGroup] = {}
    for verdict, entry in listed:
        if entry is None or verdict not in CONFORMING:
            continue
        reason = entry.reason if entry.explained else ""
        group = groups.setdefault(
            (verdict, reason), ListedGroup(verdict, reason, f"{entry.file}:{entry.line}", entry.explained)
        )
        if entry.entry not in group.entries:
            group.entries.append(entry.entry)
        group.count += 1
    return list(groups.values())


def judged_share(results: Iterable[Result], absent_in: AbsentIn = _nothing_absent) -> str:
    """Return how many of the behaviours whose functions exist ran to their last step, as a sentence.

    One that ended before it came to a function that the port declares absent is not among them; ``absent_in`` names
    such a function.
    """
    total = judged = 0
    for result in results:
        if result.verdict in (Verdict.SKIPPED, Verdict.ABSENT, Verdict.NOT_IMPLEMENTED):
            continue
        to_the_end = _ran_to_the_end(result)
        total += to_the_end or absent_in(result.behaviour) is None
        judged += to_the_end
    if not total:
        return "judged to the last step: none, because each behaviour needs a function that does not exist"
    share = 100 * judged / total
    return f"judged to the last step: {share:.1f} % of {counted(total, 'behaviour')} whose functions exist"


def _ran_to_the_end(result: Result) -> bool:
    if result.fixture is not None or result.verdict in (Verdict.ERRORED, Verdict.NOT_TRIED):
        return False
    # what ends after the last step is at none: a descriptor stays open, or a behaviour that is listed passes
    return result.at in ("", *(str(step.source) for step in result.behaviour.steps[-1:]))


def disagreements(behaviours: Iterable[Behaviour]) -> str:
    """Return the disagreements between documentation and library, each with its behaviours."""
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
        folded = Counter(behaviour.entry for behaviour in members)
        lines.extend(f"  {name}" + (f" ({count} cases)" if count > 1 else "") for name, count in folded.items())
        lines.append("")
    count = sum(map(len, together.values()))
    lines.append(f"{counted(len(together), 'disagreement')}, {counted(count, 'behaviour')}.")
    lines.append("A port may follow either reading; 'run --authority' accepts one only.")
    return "\n".join(lines)
