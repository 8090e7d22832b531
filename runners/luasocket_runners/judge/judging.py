"""Judges traces at both levels, and lists the rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from luasocket_runners.judge import both_ends, datagrams, one_end
from luasocket_runners.judge.finding import Finding
from luasocket_runners.judge.rules import RULES, UNJUDGED
from luasocket_runners.judge.trace import Trace
from luasocket_runners.notation import counted

__all__ = ["Judgement", "judge", "rules"]


@dataclass(frozen=True)
class Judgement:
    """What was found in traces.

    Attributes
    ----------
    findings
        In the order of the traces and calls, remarks included.
    judged
        Results that a rule of level 0 was applied to, and of level 1.
    connections
        Ends of connections in programs whose other end is recorded.
    """

    findings: tuple[Finding, ...]
    judged: tuple[int, int]
    connections: int

    @property
    def summary(self) -> str:
        """One line about the whole."""
        found = sum(not finding.is_remark for finding in self.findings)
        one, both = self.judged
        ends = f"{counted(self.connections, 'end')} of connections whose other end is known"
        return (
            f"{counted(found, 'finding')}, {counted(len(self.findings) - found, 'remark')}: judged "
            f"{counted(one, 'result')} at level 0, {both} at level 1 ({ends})"
        )


def judge(traces: Sequence[Trace], dialect: str) -> Judgement:
    """Judge traces; those of both ends of a connection are to be passed together."""
    findings: list[Finding] = []
    judged = 0
    for trace in traces:
        one = one_end.OneEnd(trace, dialect)
        findings += one.findings()
        judged += one.judged
    # an object with a finding is left alone
    known = {(f.file, f.about) for f in findings if not f.is_remark and f.about is not None}
    both = both_ends.BothEnds(traces, dialect, known)
    between = datagrams.Datagrams(traces, known)
    findings += both.findings()
    findings += between.findings()
    return Judgement(tuple(findings), (judged, both.judged + between.judged), both.connections)


def rules() -> str:
    """Return the rules, and the calls that no rule judges."""
    rows = []
    for level, known in ((0, RULES), (1, {**both_ends.RULES, **datagrams.RULES})):
        rows.append(f"level {level}:")
        for rule in known.values():
            rows.append(f"  {rule.sentence}")
            if rule.covers:
                rows.append(f"      covers {', '.join(rule.covers)}")
    rows.append("not judged:")
    rows += [f"  {what}: {why}" for what, why in UNJUDGED.items()]
    return "\n".join(rows)
