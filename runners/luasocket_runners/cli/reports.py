"""The options of ``run`` and ``report`` for reports in files, and the command ``report``."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from luasocket_runners.cli.failure import PASSED, CommandFailed
from luasocket_runners.cli.parser import AddCommand
from luasocket_runners.reports import Files, Report, ReportError, github, join, markdown, write
from luasocket_runners.result import Result

__all__ = ["add_commands", "add_forms", "annotate", "annotates", "files"]

_FORMS: Final = {
    "markdown": "a summary in Markdown, for a pull request or $GITHUB_STEP_SUMMARY (which is appended to)",
    "badge": "a badge: SVG if the name ends in .svg, otherwise the JSON of shields.io's endpoint badge",
    "html": "one page, ports × behaviours, that works without a network",
}

_REPORT: Final = """\
examples:
  luasocket-conformance report linux.json macos.json --html all.html
  luasocket-conformance report mine.json             print the summary in Markdown
  luasocket-conformance report mine.json --compatibility reports
                                                     write reports/mine.json, for the tables of 'explain' and 'docs'

exit status: 0 the reports are merged, whatever their results; 2 wrong usage, or a file that is not a report.
"""


def add_commands(add: AddCommand) -> None:
    """Add the command of this module."""
    joining = add("report", _report, "Merge the JSON reports of several runs, also of other machines.", _REPORT)
    joining.add_argument(
        "reports", nargs="+", type=Path, metavar="REPORT", help="a file that 'run --json' wrote; - is standard input"
    )
    joining.add_argument(
        "--compatibility",
        type=Path,
        metavar="DIR",
        help="write each report in condensed form into this directory, under its own name",
    )
    add_forms(joining, of_a_run=False)


def add_forms(parser: argparse.ArgumentParser, *, of_a_run: bool) -> None:
    """Add the options for files; JSON only for a run: a merged report is made from the JSON of its runs."""
    group = parser.add_argument_group(
        "reports",
        "Files that are written at the end, also if the port fails or the run is interrupted; FILE may be - for "
        "standard output. pytest writes JUnit XML: see the README."
        if of_a_run
        else "Without any of these, the Markdown summary is printed. FILE may be - for standard output.",
    )
    if of_a_run:
        group.add_argument("--json", type=Path, metavar="FILE", help="all results, for 'report' and other programs")
    for name, about in _FORMS.items():
        group.add_argument(f"--{name}", type=Path, metavar="FILE", help=about)
    if of_a_run:
        group.add_argument(
            "--annotations",
            choices=("auto", "github", "none"),
            default="auto",
            help="print failures as annotations of GitHub, beside the lines of a change (default: auto, which does so "
            "if GITHUB_ACTIONS is true)",
        )


def files(options: argparse.Namespace) -> Files:
    """Return the files that are asked for; raise :class:`CommandFailed` if one cannot be written."""
    asked = Files(getattr(options, "json", None), options.markdown, options.badge, options.html)
    if problem := asked.problem():
        raise CommandFailed(problem)
    return asked


def annotates(options: argparse.Namespace) -> bool:
    """Tell whether annotations are to be printed."""
    kind: str = options.annotations
    return kind == "github" or (kind == "auto" and os.environ.get("GITHUB_ACTIONS") == "true")


def annotate(options: argparse.Namespace, known: Path | None, results: Sequence[Result]) -> str:
    """Return the annotations of a run; ``known`` is its file of known deviations."""
    return github.render(
        results,
        known=str(known or ""),
        spec=options.spec,
        workspace=Path(os.environ.get("GITHUB_WORKSPACE") or "."),
    )


def _report(options: argparse.Namespace) -> int:
    asked = files(options)
    try:
        joined = join([Report.load(path) for path in options.reports])
        write(asked, joined)
    except ReportError as error:
        raise CommandFailed(str(error)) from None
    if options.compatibility is not None:
        for path in options.reports:
            print(_condensed(path, options.compatibility))
    elif not any(asked):
        print(markdown.render(joined), end="")
    return PASSED


def _condensed(path: Path, directory: Path) -> Path:
    """Write the condensed form of a report; return the file."""
    import json

    import luasocket_spec

    from luasocket_runners.files import write_text
    from luasocket_runners.lookup import compatibility
    from luasocket_runners.ports.port_file import PORT_FILE, PortFile
    from luasocket_runners.quirks import load_quirks

    data = json.loads(path.read_text(encoding="utf-8"))
    known: dict[str, Any] = {}
    place = Path(data["port"]["name"])
    if place.suffix == ".toml" or (place / PORT_FILE).is_file():
        file = PortFile.load(place)
        known = {"title": file.name, "install": file.install, "absent": file.absent}
        if file.config.quirks is not None:
            rules = load_quirks(file.config.quirks, luasocket_spec.load().behaviours).rules
            known["on"] = {rule.id: rule.on for rule in rules}
    found = compatibility.condense(data, name=path.stem, **known)
    out = directory / f"{path.stem}.json"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        write_text(out, json.dumps(found.as_json(), ensure_ascii=False, indent=1) + "\n")
    except OSError as error:
        raise CommandFailed(f"Cannot write {out}: {error.strerror or error}.") from None
    return out
