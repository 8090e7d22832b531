"""Writing reports to files.

What lives here: which form goes into which file, and refusing early what cannot be written. What may not: the forms.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from luasocket_runners.reports import badge, markdown, page
from luasocket_runners.reports.joined import Joined


@dataclass(frozen=True, slots=True)
class Files:
    """The files that are asked for; None: not this form. ``json`` holds one run."""

    json: Path | None = None
    markdown: Path | None = None
    badge: Path | None = None
    html: Path | None = None

    def __iter__(self) -> Iterator[Path]:
        return (file for file in (self.json, self.markdown, self.badge, self.html) if file is not None)

    def problem(self) -> str:
        """Return a sentence about the first file that cannot be written, empty if there is none.

        It is asked before a run, so that a typing error does not cost its results.
        """
        asked = list(self)
        for place, file in enumerate(asked):
            if file in asked[:place]:
                return f"{file} is asked for twice: each report needs a file of its own."
            if file.is_dir():
                return f"{file} is a directory: name a file for the report."
            if not os.access(file if file.exists() else file.parent, os.W_OK):
                return f"The report {file} cannot be written: there is no directory {file.parent} that we may write to."
        return ""


def write(files: Files, joined: Joined) -> None:
    """Write each form that is asked for; ``json`` is that of the first run. Raises OSError."""
    if files.json is not None:
        _write(files.json, joined.columns[0].report.to_json())
    if files.markdown is not None:
        _write(files.markdown, markdown.render(joined))
    if files.badge is not None:
        is_picture = files.badge.suffix.lower() == ".svg"
        _write(files.badge, badge.svg(joined) if is_picture else badge.endpoint(joined))
    if files.html is not None:
        _write(files.html, page.render(joined))


def _write(file: Path, text: str) -> None:
    # the summary of a job's step belongs to all of the step's commands: each adds to it
    adds = str(file) == os.environ.get("GITHUB_STEP_SUMMARY")
    with file.open("a" if adds else "w", encoding="utf-8", newline="\n") as out:
        out.write(text)
