"""Adds the results of triage to a port's description: the names of its files, and the functions that are missing."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from luasocket_runners.files import write_text

__all__ = ["declare"]


def declare(file: Path, files: Mapping[str, str], absent: Mapping[str, str]) -> bool:
    """Add files and absent functions to a ``port.toml``, whose other lines stay; tell whether that was possible.

    Parameters
    ----------
    files
        Names of files, by key: ``{"quirks": "quirks.yaml"}``. A key that is there stays as it is.
    absent
        Reasons, by the name of the function.
    """
    before = file.read_text(encoding="utf-8")
    try:
        known = tomllib.loads(before)
        text = before
        for key, name in files.items():
            if key not in known:
                text = _with_key(text, key, f"{key} = {_string(name)}")
        new = [
            f"{_string(name)} = {_string(why)}" for name, why in absent.items() if name not in known.get("absent", {})
        ]
        if new:
            text = _with_absent(text, new)
        made = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    if not (files.keys() <= made.keys() and absent.keys() <= made.get("absent", {}).keys()):
        return False  # the file is written in a way that this module does not know
    if text != before:
        write_text(file, text)
    return True


def _with_key(text: str, key: str, line: str) -> str:
    """Return a description with a key: in the place of a comment about it, or before the first table."""
    comment = re.compile(rf"^# *{key} *=.*$", re.MULTILINE)
    if comment.search(text):
        return comment.sub(lambda _: line, text, count=1)
    table = re.search(r"^(#.*\n)*\[", text, re.MULTILINE)
    place = len(text) if table is None else table.start()
    return f"{_ended(text[:place])}{line}\n{text[place:]}"


def _with_absent(text: str, lines: list[str]) -> str:
    added = "\n".join(lines)
    for header in (r"^\[absent\].*$", r"^# *\[absent\] *$"):
        if found := re.search(header, text, re.MULTILINE):
            return f"{text[: found.start()]}{found[0].lstrip('# ')}\n{added}{text[found.end() :]}"
    return f"{_ended(text)}\n[absent]\n{added}\n"


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"


def _string(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in escaped) + '"'
