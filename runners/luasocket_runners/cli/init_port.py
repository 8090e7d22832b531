"""Writes the directory of a new port from the templates beside this module, for ``luasocket-conformance init``."""

from __future__ import annotations

import re
import shlex
from importlib.resources import files
from pathlib import Path
from typing import Final

from luasocket_spec.model import Dialect

from luasocket_runners.ports import UnknownPort, resolve
from luasocket_runners.ports.configured import ConfiguredPort
from luasocket_runners.ports.port_file import PORT_SCHEMA

__all__ = ["LANGUAGES", "InitError", "init"]

#: The languages of the adapter, each with its file and the command, as TOML.
LANGUAGES: Final = {
    "lua": ("adapter.lua", '["lua5.4", "{directory}/adapter.lua", "{adapter}"]'),
    "python": ("adapter.py", '["{python}", "{directory}/adapter.py"]'),
}

#: Templates with another name than their file: one in Python must not be taken for a module of this package.
_TEMPLATES: Final = {"adapter.py": "adapter.py.txt"}


class InitError(Exception):
    """Nothing was written; the text is a sentence."""


def init(directory: Path, language: str, dialect: Dialect | None = None) -> list[Path]:
    """Write a ``port.toml`` with its schema, the stub of an adapter, an empty list of deviations, and a README.

    Parameters
    ----------
    directory
        The directory, which must not exist, or be empty. Its name becomes the port's.
    language
        One of `LANGUAGES`.
    dialect
        The dialect that the port implements; None: it is guessed at each run.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    InitError
        When the directory is not empty, the name is that of a known port, or it cannot be written.
    """
    name = directory.resolve().name
    if not name or any(ord(letter) < 32 or letter in '"\\' for letter in str(directory)):
        raise InitError(f"{str(directory)!a} cannot be the name of a port: quotes, backslashes and control characters.")
    try:
        if not isinstance(resolve(str(directory)), ConfiguredPort):
            raise InitError(f"{directory} is the name of a known port; choose another.")
    except UnknownPort:
        pass
    adapter, command = LANGUAGES[language]
    known = f'dialect = "{dialect}"'
    guessed = '# dialect = "luasocket-3"      # or "defold"; without this line, every run guesses it'
    words = {
        "NAME": name,
        "COMMAND": command,
        "ADAPTER": adapter,
        "DIALECT": guessed if dialect is None else known,
        "DIRECTORY": shlex.quote(str(directory)),
        "VARIABLE": re.sub("[^A-Z0-9]+", "_", name.upper()).strip("_") or "ADAPTER",
    }
    written = []
    try:
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise InitError(f"{directory} exists and is not empty; nothing was written.")
        directory.mkdir(parents=True, exist_ok=True)
        for file in ("port.toml", adapter, "known-deviations.txt", "README.md"):
            text = files(__package__).joinpath("templates", _TEMPLATES.get(file, file)).read_text("utf-8")
            text = re.sub("@([A-Z]+)@", lambda placeholder: words[placeholder[1]], text)
            written.append(directory / file)
            written[-1].write_text(text, encoding="utf-8")
        written.append(directory / PORT_SCHEMA.name)
        written[-1].write_bytes(PORT_SCHEMA.read_bytes())
    except OSError as error:
        raise InitError(f"{directory} cannot be written: {error.strerror or error}.") from None
    return written
