"""Writes reports to the files that were asked for, and finds out early which of them cannot be written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from luasocket_runners.files import STANDARD_STREAM, problem_with_output, same_file, write_text
from luasocket_runners.reports import badge, markdown, page
from luasocket_runners.reports.data import ReportError
from luasocket_runners.reports.joined import Joined


@dataclass(frozen=True, slots=True)
class Files:
    """The files for each form; None where a form was not asked for. ``json`` is the form of one run."""

    json: Path | None = None
    markdown: Path | None = None
    badge: Path | None = None
    html: Path | None = None

    def __iter__(self) -> Iterator[Path]:
        return (file for file in (self.json, self.markdown, self.badge, self.html) if file is not None)

    @property
    def use_standard_output(self) -> bool:
        """Whether a report goes to standard output, which must then have nothing else."""
        return STANDARD_STREAM in self

    def problem(self) -> str:
        """Return a sentence about the first file that cannot be written; empty if there is none.

        It is asked for before a run, so that a typing error does not cost the results.
        """
        asked = list(self)
        for place, file in enumerate(asked):
            twin = next((other for other in asked[:place] if same_file(file, other)), None)
            if twin is not None:
                also = "" if file == twin else f" ({file} is the same file)"
                return f"Two reports cannot be written to {twin}{also}: name a file for each."
            if problem := problem_with_output(file):
                return f"The report {problem}"
        return ""


def write(files: Files, joined: Joined) -> None:
    """Write each form that was asked for, each by itself: one that fails does not keep the others from being written.

    Raises
    ------
    ReportError
        When some could not be written, with a sentence for each.
    """
    problems = []
    for file, render in _forms(files, joined):
        try:
            # the summary of a job's step belongs to all commands of the step: each adds to it
            write_text(file, render(), append=str(file) == os.environ.get("GITHUB_STEP_SUMMARY"))
        except BrokenPipeError:
            raise
        except OSError as error:
            problems.append(f"The report {file} cannot be written: {error.strerror or error}.")
    if problems:
        raise ReportError("\n".join(problems))


def _forms(files: Files, joined: Joined) -> Iterator[tuple[Path, Callable[[], str]]]:
    if files.json is not None:
        yield files.json, joined.columns[0].report.to_json
    if files.markdown is not None:
        yield files.markdown, lambda: markdown.render(joined)
    if files.badge is not None:
        is_picture = files.badge.suffix.lower() == ".svg"
        yield files.badge, lambda: badge.svg(joined) if is_picture else badge.endpoint(joined)
    if files.html is not None:
        yield files.html, lambda: page.render(joined)
