"""Findings of the judge: a call, the rule that it breaks, and the statement of the documentation behind the rule."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from luasocket_runners.judge.trace import Call, show, show_values

__all__ = ["Finding", "Rule"]


@dataclass(frozen=True)
class Rule:
    """A rule that a result can break.

    Attributes
    ----------
    sentence
        What LuaSocket does.
    covers
        The statements of the documentation that say so; empty where only the library shows it.
    """

    sentence: str
    covers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """A result that LuaSocket could not have returned, or with `is_remark`, one that is merely unusual.

    Attributes
    ----------
    level
        0 if the calls of one program show it, 1 if it takes those of the other end.
    expected
        What the rule asks for, in words or in Lua's notation.
    about
        The number of the object that is left alone from here on; not always that of the call, which may be select.
    """

    file: Path
    call: Call
    level: int
    rule: Rule
    expected: str
    is_remark: bool = False
    about: int | None = None

    def text(self) -> str:
        """Return the finding in the form of a failed behaviour."""
        call = self.call
        if call.results is None:
            got = f"raised     {show(call.error)}"
        else:
            got = f"returned   {show_values(call.results) or 'nothing'}"
        rows = [
            f"{'REMARK' if self.is_remark else 'FINDING'} call {call.number}, level {self.level}",
            f"  {call.about}",
            f"    expected   {self.expected}",
            f"    {got}",
            f"  rule:        {self.rule.sentence}",
        ]
        if self.rule.covers:
            rows.append(f"  covers:      {', '.join(self.rule.covers)}")
        rows.append(f"  at:          {self.file}:{call.line}, {call.at:.6f} s, took {call.took:.6f} s")
        return "\n".join(rows)
