"""The command ``luasocket-conformance init NAME``: a directory that a new port begins with.

What lives here: filling the templates beside this module, and writing them. What may not: what a description means
(``ports.described``).
"""

from __future__ import annotations

import shlex
from importlib.resources import files
from pathlib import Path
from typing import Final

from luasocket_runners.ports import UnknownPort, resolve
from luasocket_runners.ports.described import DescribedPort

__all__ = ["LANGUAGES", "InitError", "init"]

#: What the stub can be written in, with the file and the command, as TOML.
LANGUAGES: Final = {
    "lua": ("adapter.lua", '["lua5.4", "{directory}/adapter.lua", "{adapter}"]'),
    "python": ("adapter.py", '["{python}", "{directory}/adapter.py"]'),
}

#: Where a template is not called what it becomes: one in Python must not be taken for a module of ours.
_TEMPLATES: Final = {"adapter.py": "adapter.py.txt"}


class InitError(Exception):
    """Nothing was written; a sentence says why."""


def init(directory: Path, language: str) -> list[Path]:
    """Write a description, a stub of an adapter, an empty list of known deviations, and what to do next.

    Parameters
    ----------
    directory
        Where; it must not be there, or be empty. Its name is the port's.
    language
        One of `LANGUAGES`.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    InitError
        When there is something already, the name is that of another port, or the system refuses.
    """
    name = directory.resolve().name
    if not name or any(ord(letter) < 32 or letter in '"\\' for letter in str(directory)):
        raise InitError(f"{directory} is no name for a port: it goes into files as it is.")
    try:
        if not isinstance(resolve(str(directory)), DescribedPort):
            raise InitError(f"{directory} is the name of a port that is there already; choose another.")
    except UnknownPort:
        pass
    adapter, command = LANGUAGES[language]
    words = {"NAME": name, "COMMAND": command, "ADAPTER": adapter, "DIRECTORY": shlex.quote(str(directory))}
    written = []
    try:
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise InitError(f"{directory} is there already; nothing was written.")
        directory.mkdir(parents=True, exist_ok=True)
        for file in ("port.toml", adapter, "known-deviations.txt", "README.md"):
            text = files("luasocket_runners").joinpath("templates", _TEMPLATES.get(file, file)).read_text("utf-8")
            for word, value in words.items():
                text = text.replace(word, value)
            written.append(directory / file)
            written[-1].write_text(text, encoding="utf-8")
    except OSError as error:
        raise InitError(f"{directory} cannot be written: {error.strerror or error}.") from None
    return written
