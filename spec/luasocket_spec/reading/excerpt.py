"""Extracts the text of a behaviour from its file, for display."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from luasocket_spec.model import Behaviour


def source_text(behaviour: Behaviour, path: Path | None = None) -> str:
    """Return the lines of a behaviour, its table of cases included, without a line end.

    Parameters
    ----------
    path
        The data directory that it was loaded from; None: the data of this package.
    """
    root = resources.files("luasocket_spec") if path is None else path
    lines = root.joinpath(behaviour.source.file).read_text(encoding="utf-8").splitlines()
    first = behaviour.source.line - 1
    behaviours = next(number for number, line in enumerate(lines) if line.startswith("behaviours:"))
    indent = next(_indent(line) for line in lines[behaviours:] if line.lstrip().startswith("- "))
    # the source of a case is its row, which comes after the first line of the behaviour
    while not lines[first].startswith(" " * indent + "- "):
        first -= 1
    last = first + 1
    while last < len(lines) and (not lines[last].strip() or _indent(lines[last]) > indent):
        last += 1
    text = "\n".join(line[indent:] for line in lines[first:last]).rstrip()
    return f"# {behaviour.source.file}:{first + 1}\n{text}"


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
