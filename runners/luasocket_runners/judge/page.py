"""One HTML page of traces: a lane for each object or connection, the calls on a common time line, findings marked."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from luasocket_runners.judge.finding import Finding
from luasocket_runners.judge.trace import Call, Event, Trace, show, show_values

__all__ = ["page"]

_STYLE: Final = """
body { font: 14px/1.4 system-ui, sans-serif; margin: 2em; color-scheme: light dark }
.lanes { overflow-x: auto }
.lane { display: flex; border-top: 1px solid #8884; align-items: center; min-width: calc(100% * var(--zoom)) }
.lane > b { width: 12em; flex: none; font-weight: 500; position: sticky; left: 0; z-index: 1; background: Canvas }
.line { position: relative; height: 1.9em; flex: auto }
.axis { color: #888; font-size: 12px }
.axis span { position: absolute; border-left: 1px solid #8886; padding-left: 3px; white-space: nowrap }
.call { position: absolute; top: .25em; height: 1.3em; min-width: 3px; background: #4a86c8; border-radius: 2px }
.call.event { background: #6a9a5a }
.call.remark { background: #e0a030; z-index: 1 }
.call.finding { background: #c62828; outline: 2px solid #c62828; z-index: 2 }
.call:focus, .call:hover, .call:target { outline: 2px solid currentColor }
#shown { min-height: 4.5em; position: sticky; bottom: 0; white-space: pre-wrap; background: Canvas; z-index: 3 }
pre { background: #8881; padding: .6em; overflow: auto }
"""

#: Shows the text of a call below the lanes, and sets how wide they are. Without it, the texts are titles.
_SCRIPT: Final = """
const shown = document.getElementById('shown')
for (const type of ['mouseover', 'focusin', 'click'])
  addEventListener(type, event => {
    if (event.target.classList?.contains('call')) shown.textContent = event.target.title
  })
document.getElementById('zoom').addEventListener('input', event =>
  document.documentElement.style.setProperty('--zoom', 2 ** event.target.value))
"""

#: Marks on the time line.
_TICKS: Final = 10


class _TimeLine:
    """The time that all traces share: places in per cent of it."""

    def __init__(self, traces: Sequence[Trace]) -> None:
        self.begun = min((trace.started for trace in traces), default=0.0)
        self.seconds = max((trace.ended for trace in traces), default=0.0) - self.begun or 1.0

    def place(self, trace: Trace, at: float, took: float = 0.0) -> str:
        """Return the place of a call as CSS."""
        left = 100 * (trace.started - self.begun + at) / self.seconds
        return f"left:{left:.4f}%;width:{100 * took / self.seconds:.4f}%"

    def axis(self) -> str:
        """Return a lane with marks."""
        marks = (
            f'<span style="left:{100 * tick / _TICKS:g}%">{self.seconds * tick / _TICKS:.4g} s</span>'
            for tick in range(_TICKS)
        )
        return f'<div class="lane axis"><b></b><div class="line">{"".join(marks)}</div></div>'


def _bar(line: _TimeLine, trace: Trace, place: int, call: Call, found: Sequence[Finding]) -> str:
    is_finding = any(not finding.is_remark for finding in found)
    kind = " finding" if is_finding else " remark" if found else ""
    outcome = f"raised {show(call.error)}" if call.results is None else show_values(call.results) or "nothing"
    title = f"{call.number}: {call.about} → {outcome} ({call.took * 1000:.3f} ms)"
    for finding in found:
        title += f"\nexpected {finding.expected}\n{finding.rule.sentence}"
    style = line.place(trace, call.at, call.took)
    anchor = _anchor(place, call.line)
    return f'<span class="call{kind}" id="{anchor}" tabindex="0" style="{style}" title="{escape(title)}"></span>'


def _event(line: _TimeLine, trace: Trace, event: Event) -> str:
    about = show(event.data) if event.kind in ("data", "datagram") else event.reason
    title = " ".join(part for part in (event.kind, event.source and f"from the {event.source}", about) if part)
    style = line.place(trace, event.at)
    return f'<span class="call event" tabindex="0" style="{style}" title="{escape(title)}"></span>'


def _anchor(place: int, line: int) -> str:
    return f"trace-{place}-{line}"


def _lanes(line: _TimeLine, place: int, trace: Trace, findings: Sequence[Finding]) -> str:
    found: dict[int, list[Finding]] = {}
    for finding in findings:
        if finding.file == trace.file:
            found.setdefault(finding.call.line, []).append(finding)
    lanes: dict[str, list[str]] = {}
    for call in trace.calls:
        name = "socket" if call.object is None else f"{call.class_name.split('{')[0]} {call.object}"
        lanes.setdefault(name, []).append(_bar(line, trace, place, call, found.get(call.line, ())))
    for event in trace.events:
        lanes.setdefault(f"connection {event.connection}", []).append(_event(line, trace, event))
    rows = [f'<div class="lane"><b>{escape(n)}</b><div class="line">{"".join(b)}</div></div>' for n, b in lanes.items()]
    what = f"{len(trace.events)} events" if trace.protocol else f"{len(trace.calls)} calls"
    about = f"{trace.module}, {trace.lua}; {what} in {trace.ended - trace.started:.3f} s"
    return f"<h2>{escape(str(trace.file))}</h2><p>{escape(about)}</p>{line.axis()}{''.join(rows)}"


def page(traces: Sequence[Trace], findings: Sequence[Finding]) -> str:
    """Return the page; what the programs passed and returned is escaped."""
    places = {trace.file: place for place, trace in enumerate(traces, 1)}
    listed = "".join(
        f'<pre><a href="#{_anchor(places[finding.file], finding.call.line)}">show</a>\n{escape(finding.text())}</pre>'
        for finding in findings
    )
    line = _TimeLine(traces)
    lanes = "".join(_lanes(line, place, trace, findings) for place, trace in enumerate(traces, 1))
    return (
        '<!DOCTYPE html><html lang="en" style="--zoom: 1"><meta charset="utf-8">'
        "<title>Traces of LuaSocket calls</title>"
        f"<style>{_STYLE}</style><h1>Traces of LuaSocket calls</h1>{listed or '<p>No finding.</p>'}"
        '<p><label>Zoom <input id="zoom" type="range" min="0" max="12" step="0.5" value="0"></label></p>'
        f'<div class="lanes">{lanes}</div><pre id="shown">Point at a call to see it.</pre>'
        f"<script>{_SCRIPT}</script></html>\n"
    )
