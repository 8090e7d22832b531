"""A badge: the JSON that shields.io reads from an address, and a picture (SVG). The name of a port is escaped."""

from __future__ import annotations

import json
from collections import Counter
from html import escape
from importlib import resources
from string import Template
from typing import Final

from luasocket_runners.reports.joined import Joined
from luasocket_runners.result import Conclusion, Verdict

#: The text on the left.
LABEL: Final = "LuaSocket API"

#: shields.io's names of colours, from the best conclusion to the worst, and the colours.
_COLOUR_NAMES: Final = {
    Conclusion.CONFORMS: "brightgreen",
    Conclusion.AS_DECLARED: "yellow",
    Conclusion.INCOMPLETE: "lightgrey",
    Conclusion.FAILS: "red",
}
_COLOURS: Final = {"brightgreen": "#3a7d1e", "yellow": "#8f6200", "lightgrey": "#626873", "red": "#b93a2c"}
#: The words for the conclusions of several runs.
_SEVERAL: Final = {
    Conclusion.CONFORMS: "conform",
    Conclusion.AS_DECLARED: "as declared",
    Conclusion.INCOMPLETE: "incomplete",
    Conclusion.FAILS: "fail",
}
#: The width of a character of 11 px Verdana, on average, and the margin beside the words, in pixels.
_CHARACTER: Final = 6.6
_MARGIN: Final = 12
#: The characters that XML 1.0 forbids even when they are escaped; they are replaced.
_FORBIDDEN: Final = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF], "\ufffd")


def words(joined: Joined) -> tuple[str, str]:
    """Return the text of the badge, and the name of its colour.

    One run: its conclusion with the share of behaviours that passed. Several: the conclusions with their numbers.
    Bright green means that every port conforms; yellow, that every difference is declared.
    """
    reports = [column.report for column in joined.columns]
    conclusions = Counter(report.conclusion for report in reports)
    colour = _COLOUR_NAMES[max(conclusions, key=list(_COLOUR_NAMES).index)]
    if len(reports) == 1:
        (report,) = reports
        total = len(report.results) - report.counts().get(Verdict.SKIPPED, 0)
        passed = report.counts().get(Verdict.PASSED, 0)
        return f"{report.conclusion.value}: {passed} of {total} passed", colour
    parts = [f"{conclusions[one]} {word}" for one, word in _SEVERAL.items() if conclusions[one]]
    return f"{len(reports)} ports: {', '.join(parts)}", colour


def endpoint(joined: Joined) -> str:
    """Return the JSON for shields.io's endpoint badge."""
    message, colour = words(joined)
    return json.dumps({"schemaVersion": 1, "label": LABEL, "message": message, "color": colour}) + "\n"


def svg(joined: Joined) -> str:
    """Return the badge as SVG, with a title for those who cannot see it."""
    message, colour = words(joined)
    left, right = (round(len(text) * _CHARACTER) + _MARGIN for text in (LABEL, message))
    about = ", ".join(column.label for column in joined.columns)
    template = resources.files(__package__).joinpath("assets", "badge.svg").read_text(encoding="utf-8")
    return Template(template).substitute(
        label=escape(LABEL, quote=False),
        message=escape(message, quote=False),
        title=escape(f"{LABEL}: {message} ({about})".translate(_FORBIDDEN), quote=False),
        colour=_COLOURS[colour],
        left=left,
        right=right,
        width=left + right,
        left_middle=left / 2,
        right_middle=left + right / 2,
    )
