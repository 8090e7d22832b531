"""The options of ``run`` and ``report`` that ask for reports in files.

What lives here: declaring them, and turning them into what ``reports`` understands. What may not: the forms
(``reports``), other options and exit statuses (``cli``).
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from luasocket_runners.reports import Files, Joined, Report, ReportError, github, join, markdown, write
from luasocket_runners.result import Result

_FORMS: Final = {
    "markdown": "a summary in Markdown, for a pull request or $GITHUB_STEP_SUMMARY (to which it is added)",
    "badge": "a badge: SVG where the name ends in .svg, else the JSON of shields.io's endpoint badge",
    "html": "one page with everything, ports × behaviours; it needs no network",
}


def add_forms(parser: argparse.ArgumentParser, *, of_a_run: bool) -> None:
    """Declare the files; JSON only of a run: a joined report is made from those of its runs."""
    group = parser.add_argument_group(
        "reports",
        "Written when the run is over, also where the port deviates. JUnit XML is pytest's: see the README."
        if of_a_run
        else "Without any of these, the Markdown summary is printed.",
    )
    if of_a_run:
        group.add_argument("--json", type=Path, metavar="FILE", help="every result, for 'report' and other programs")
    for name, about in _FORMS.items():
        group.add_argument(f"--{name}", type=Path, metavar="FILE", help=about)
    if of_a_run:
        group.add_argument(
            "--annotations",
            choices=("auto", "github", "none"),
            default="auto",
            help="print what deviates so that GitHub shows it beside the lines of a change "
            "(default: auto, where GITHUB_ACTIONS is true)",
        )


def files(options: argparse.Namespace) -> Files:
    """Return the files that are asked for; raise :class:`ReportError` where one cannot be written."""
    asked = Files(getattr(options, "json", None), options.markdown, options.badge, options.html)
    problem = asked.problem()
    if problem:
        raise ReportError(problem)
    return asked


def save(asked: Files, joined: Joined) -> None:
    """Write the files; raise :class:`ReportError` where one cannot be written after all."""
    try:
        write(asked, joined)
    except OSError as error:
        raise ReportError(f"The report {error.filename} cannot be written: {error.strerror or error}.") from None


def annotates(options: argparse.Namespace) -> bool:
    """Tell whether annotations are to be printed."""
    kind: str = options.annotations
    return kind == "github" or (kind == "auto" and os.environ.get("GITHUB_ACTIONS") == "true")


def annotate(options: argparse.Namespace, results: Sequence[Result]) -> str:
    """Return the annotations of a run."""
    return github.render(
        results,
        known=str(options.known or ""),
        spec=options.spec,
        workspace=Path(os.environ.get("GITHUB_WORKSPACE") or "."),
    )


def join_files(options: argparse.Namespace) -> str:
    """Join the reports that are named and write what is asked for; return what is to be printed.

    That is the Markdown summary where no file is asked for, else nothing. Raises :class:`ReportError`.
    """
    asked = files(options)
    joined = join([Report.load(path) for path in options.reports])
    save(asked, joined)
    return "" if any(asked) else markdown.render(joined)
