"""A badge: the form that shields.io reads from an address (JSON), and a picture of one's own (SVG).

What lives here: its few words and its colour. What may not: more words. Text is escaped: a port's name may be in it.
"""

from __future__ import annotations

import json
from html import escape
from importlib import resources
from string import Template
from typing import Final

from luasocket_runners.reports.joined import Joined
from luasocket_runners.result import Verdict

#: What stands on the left.
LABEL: Final = "LuaSocket API"

#: shields.io's names of colours, and what they are.
_COLOURS: Final = {"brightgreen": "#3a7d1e", "green": "#5f7a0c", "red": "#b93a2c"}
#: The width of a character of 11 px Verdana, on average, and what is left free beside the words; in pixels.
_CHARACTER: Final = 6.6
_MARGIN: Final = 12
#: The characters that XML 1.0 forbids even when they are escaped; they are replaced.
_FORBIDDEN: Final = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF], "\ufffd")


def words(joined: Joined) -> tuple[str, str]:
    """Return what the badge says, and the name of its colour.

    One run: how many behaviours passed of those that were not skipped. Several: how many of them conform. Bright green
    means that everything passed; green, that what did not is known.
    """
    reports = [column.report for column in joined.columns]
    bad = [report for report in reports if not report.conforms]
    total = sum(len(report.results) - report.counts().get(Verdict.SKIPPED, 0) for report in reports)
    passed = sum(report.counts().get(Verdict.PASSED, 0) for report in reports)
    colour = "red" if bad else "brightgreen" if passed == total else "green"
    if len(reports) == 1:
        return f"{passed} of {total}", colour
    return f"{len(reports) - len(bad)} of {len(reports)} ports conform", colour


def endpoint(joined: Joined) -> str:
    """Return the JSON for shields.io's endpoint badge."""
    message, colour = words(joined)
    return json.dumps({"schemaVersion": 1, "label": LABEL, "message": message, "color": colour}) + "\n"


def svg(joined: Joined) -> str:
    """Return the badge as SVG, with a title for those who do not see it."""
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
