"""Reads files that users give and writes files that users ask for, whole or not at all."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path
from typing import Final

__all__ = [
    "LIMIT",
    "STANDARD_STREAM",
    "BadFile",
    "lines_of",
    "problem_with_output",
    "read_text",
    "same_file",
    "write_text",
]

#: The name that stands for standard output, or for standard input.
STANDARD_STREAM: Final = Path("-")
#: Bytes of the largest file that is read: far more than any list or report has, and small enough for the memory.
LIMIT: Final = 256 * 1024 * 1024


class BadFile(ValueError):
    """The contents of a file cannot be used; the text is a sentence without the file's name."""


def read_text(path: Path) -> str:
    """Return the text of a UTF-8 file, without a byte order mark; ``-`` is standard input.

    Raises
    ------
    OSError
        When it cannot be read.
    BadFile
        When it is not UTF-8, or has more than :data:`LIMIT` bytes: a device may have no end.
    """
    if path == STANDARD_STREAM:
        data = sys.stdin.buffer.read(LIMIT + 1) if sys.stdin is not None else b""
    else:
        with path.open("rb") as stream:
            data = stream.read(LIMIT + 1)
    if len(data) > LIMIT:
        raise BadFile(f"it has more than {LIMIT} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFile(f"it is not UTF-8: {error.reason} at byte {error.start + 1}") from None


def lines_of(text: str) -> list[str]:
    """Split a text into lines, which end with LF or CR LF and nothing else; the ends are not part of the lines."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if lines[-1] == "":
        lines.pop()
    return lines


def same_file(one: Path, other: Path) -> bool:
    """Tell whether two names, however they are spelt, are of one file."""
    if STANDARD_STREAM in (one, other):
        return one == other
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        return Path(os.path.realpath(one)) == Path(os.path.realpath(other))


def problem_with_output(path: Path) -> str:
    """Return why a file cannot be written, as a sentence with its name; empty if nothing speaks against it."""
    if path == STANDARD_STREAM:
        return ""
    try:
        if stat.S_ISDIR(path.stat().st_mode):
            return f"{path} is a directory: name a file."
        return "" if os.access(path, os.W_OK) else f"{path} cannot be written: permission denied."
    except FileNotFoundError:
        parent = Path(os.path.realpath(path)).parent
        if not parent.is_dir():
            return f"{path} cannot be written: there is no directory {parent}."
        if not os.access(parent, os.W_OK | os.X_OK):
            return f"{path} cannot be written: the directory {parent} is not writable."
        return ""
    except (OSError, ValueError) as error:  # a name that is too long, has a zero byte, or goes through a file
        return f"{path} cannot be written: {getattr(error, 'strerror', None) or error}."


def write_text(path: Path, text: str, *, append: bool = False) -> None:
    """Write a file as UTF-8, whole or not at all: to a temporary file first, which then takes its name.

    A link stays a link, and an existing file keeps its mode. Devices and pipes are written directly, and so is a file
    in a directory that is not writable. ``-`` is standard output. With ``append``, the text is added to the file.

    Raises
    ------
    OSError
        When it cannot be written; the file is then as it was.
    """
    if path == STANDARD_STREAM:
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    target = Path(os.path.realpath(path))
    data = text.encode("utf-8")
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        mode = None
    if mode is not None and (append or not stat.S_ISREG(mode) or not os.access(target.parent, os.W_OK | os.X_OK)):
        with target.open("ab" if append else "wb") as out:
            out.write(data)
        return
    with tempfile.NamedTemporaryFile("wb", dir=target.parent, prefix=".luasocket-conformance-", delete=False) as new:
        made = Path(new.name)
        try:
            new.write(data)
            new.close()
            if mode is None:
                made.chmod(0o666 & ~_umask())  # a temporary file is readable by its owner only
            else:
                shutil.copymode(target, made)
            made.replace(target)
        except BaseException:
            made.unlink(missing_ok=True)
            raise


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
