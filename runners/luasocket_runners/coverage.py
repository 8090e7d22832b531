"""Counts the statements of the documentation that behaviours cover."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from luasocket_spec.model import Spec, Statement


@dataclass(frozen=True, slots=True)
class Coverage:
    """The ids of the behaviours that cover each statement, for every statement."""

    statements: Mapping[str, Statement]
    covered_by: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, spec: Spec) -> Coverage:
        """Count the statements that the behaviours of a spec cover."""
        covered: dict[str, list[str]] = {name: [] for name in spec.statements}
        for behaviour in spec.behaviours:
            for name in behaviour.covers:
                covered[name].append(behaviour.id)
        return cls(spec.statements, {name: tuple(ids) for name, ids in covered.items()})

    def missing(self) -> list[Statement]:
        """Return the statements that no behaviour covers and that are not waived."""
        return [
            statement
            for name, statement in self.statements.items()
            if statement.waived is None and not self.covered_by[name]
        ]

    def table(self) -> str:
        """Return a table with a line for each function: statements, covered, waived, behaviours."""
        functions: dict[str, list[Statement]] = defaultdict(list)
        for statement in self.statements.values():
            functions[statement.function].append(statement)
        width = max((len(name) for name in functions), default=8)
        lines = [f"{'function':<{width}}  statements  covered  waived  behaviours"]
        for name, statements in functions.items():
            waived = sum(statement.waived is not None for statement in statements)
            covered = sum(bool(self.covered_by[statement.id]) for statement in statements)
            behaviours = len({identity for statement in statements for identity in self.covered_by[statement.id]})
            mark = "" if covered + waived == len(statements) else "  <- missing"
            lines.append(f"{name:<{width}}  {len(statements):>10}  {covered:>7}  {waived:>6}  {behaviours:>10}{mark}")
        due = sum(statement.waived is None for statement in self.statements.values())
        done = due - len(self.missing())
        share = 100 * done / due if due else 100
        lines.append(f"{done} of {due} statements covered ({share:.1f} %), {len(self.statements) - due} waived")
        return "\n".join(lines)
