"""Reads ``port.toml``: the file in which a port says how it is run, and what is known about it.

    name = "core.tcp of HAProxy"                  # the name in reports
    command = ["haproxy", "-db", "-f", "{directory}/haproxy.cfg"]
    transport = "tcp-listen"                      # or "stdio", the default
    needs = ["openssl"]                           # programs that must be installed, besides the command itself
    install = "apt-get install haproxy"           # how to install them
    dialect = "luasocket-3"                       # default: the dialect that the adapter reports
    authority = "observed"                        # the reading to check where documentation and library disagree
    known = "known-deviations.txt"                # a file in the same directory; so are `flaky` and `quirks`
    quirks = "quirks.yaml"                        # rules by which the port differs
    [environment]
    ADAPTER_PORT = "{port}"
    [absent]                                      # functions that are not implemented, each with the reason
    "socket.udp*" = "there is no UDP"

Placeholders in the command and in the environment: ``{directory}`` is the directory of the file, ``{adapter}`` the path
of the shipped Lua adapter, ``{python}`` the Python interpreter of the runner; with ``tcp-listen``, where the runner
listens and the adapter connects to it, ``{address}`` and ``{port}`` are where the adapter has to connect.
``schema/port.schema.json`` describes the same file for editors.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from luasocket_spec.model import AUTHORITIES, DIALECTS, Authority, Dialect

from luasocket_runners.files import BadFile, read_text
from luasocket_runners.ports.connection import PortConfig, UnknownPort
from luasocket_runners.ports.lua_interpreter import ADAPTER

__all__ = ["PORT_FILE", "PORT_SCHEMA", "BadPortFile", "PortFile"]

#: The name of the file in a port's directory.
PORT_FILE: Final = "port.toml"
#: Its JSON Schema, for editors.
PORT_SCHEMA: Final = Path(__file__).parents[1] / "schema" / "port.schema.json"

_TRANSPORTS: Final = ("stdio", "tcp-listen")
_PLACEHOLDER: Final = re.compile(r"\{([a-z]+)\}")
#: The form of the keys that name a file; a list that was removed starts again without its line.
_A_FILE: Final = "the name of an existing file: write it, or remove this line"
#: Characters of the longest value that is shown in a sentence.
_LONGEST: Final = 200
#: Placeholders that every transport has, and those that only ``tcp-listen`` has.
_PATHS: Final = ("directory", "adapter", "python")
_ADDRESS: Final = ("address", "port")


class BadPortFile(UnknownPort):
    """The file cannot be used: ``file: sentence``."""


@dataclass(frozen=True, slots=True)
class PortFile:
    """The contents of a ``port.toml``; the module's docstring explains each key."""

    file: Path
    name: str
    command: tuple[str, ...]
    transport: str = "stdio"
    needs: tuple[str, ...] = ()
    install: str = ""
    dialect: Dialect | None = None
    authority: Authority | None = None
    known: Path | None = None
    flaky: Path | None = None
    quirks: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)

    @property
    def config(self) -> PortConfig:
        """The defaults and expectations that the file gives a run."""
        return PortConfig(self.file, self.dialect, self.authority, self.known, self.flaky, self.quirks, self.absent)

    @classmethod
    def load(cls, path: Path) -> PortFile:
        """Read a file.

        Parameters
        ----------
        path
            The file, or the directory that contains it as ``port.toml``.

        Raises
        ------
        BadPortFile
            It cannot be read, or has an unknown key or a wrong value.
        """
        file = path / PORT_FILE if path.is_dir() else path
        try:
            data = tomllib.loads(read_text(file))
        except FileNotFoundError:
            raise BadPortFile(f"There is no {file}. 'luasocket-conformance init NAME' writes one.") from None
        except OSError as error:
            raise BadPortFile(f"{file}: it cannot be read: {error.strerror}.") from None
        except BadFile as error:
            raise BadPortFile(f"{file}: {error}.") from None
        except ValueError as error:  # also a number that is too long
            raise BadPortFile(f"{file}: it is not TOML: {error}.") from None
        except RecursionError:
            raise BadPortFile(f"{file}: it is nested too deeply.") from None
        found = cls(**{"file": file, **_Reader(file, data).read()})
        found._check_placeholders()
        return found

    def _check_placeholders(self) -> None:
        programs = (*self.command[:1], *self.needs)
        for text in (*programs, *self.command, *self.environment.values()):
            known = _PATHS + (_ADDRESS if self.transport == "tcp-listen" and text not in programs else ())
            for name in _PLACEHOLDER.findall(text):
                if name not in known:
                    reason = "is for arguments under tcp-listen only" if name in _ADDRESS else "is not known"
                    braced = ", ".join(f"{{{placeholder}}}" for placeholder in known)
                    raise BadPortFile(f"{self.file}: the placeholder {{{name}}} {reason}. Possible here: {braced}.")

    def fill(self, text: str, address: tuple[str, int] | None = None) -> str:
        """Return a word of the command or a value of the environment with its placeholders replaced."""
        values = {"directory": str(self.file.parent.resolve()), "adapter": str(ADAPTER), "python": sys.executable}
        if address is not None:
            values |= {"address": address[0], "port": str(address[1])}
        return _PLACEHOLDER.sub(lambda match: values[match[1]], text)


class _Reader:
    """Converts the keys of a file into the fields of `PortFile`, and reports the first wrong one."""

    def __init__(self, file: Path, data: dict[str, Any]) -> None:
        self._file = file
        self._data = data

    def read(self) -> dict[str, Any]:
        """Return the values by the field names of `PortFile`."""
        forms: dict[str, tuple[str, Callable[[Any], bool], Callable[[Any], Any]]] = {
            "name": ("a text", _is_text, str),
            "command": ("a list of texts, the first one the program", _is_words, tuple),
            "transport": (_choices(_TRANSPORTS), lambda value: value in _TRANSPORTS, str),
            "needs": ("a list of programs", _is_words, tuple),
            "install": ("a text", _is_text, str),
            "dialect": (_choices(DIALECTS), lambda value: value in DIALECTS, str),
            "authority": (_choices(AUTHORITIES), lambda value: value in AUTHORITIES, str),
            "known": (_A_FILE, self._is_file, self._beside),
            "flaky": (_A_FILE, self._is_file, self._beside),
            "quirks": (_A_FILE, self._is_file, self._beside),
            "environment": ("a table of texts, whose names have no '='", _is_environment, dict),
            "absent": ("a table of names, each with a reason", _is_texts, dict),
        }
        unknown = next((key for key in self._data if key not in forms), None)
        if unknown is not None:
            raise BadPortFile(f"{self._file}: there is no key {unknown!r}. The keys are: {', '.join(forms)}.")
        for key in ("name", "command"):
            if key not in self._data:
                raise BadPortFile(f"{self._file}: the key {key!r} is missing; it is {forms[key][0]}.")
        found = {}
        for key, value in self._data.items():
            form, fits, make = forms[key]
            if not fits(value):
                raise BadPortFile(f"{self._file}: {key} is {_shown(value)}, but it has to be {form}.")
            found[key] = make(value)
        return found

    def _beside(self, name: str) -> Path:
        return self._file.parent / name

    def _is_file(self, value: Any) -> bool:
        try:
            return _is_text(value) and self._beside(value).is_file()
        except OSError:  # the name is too long
            return False


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:
        return "an integer that is too long"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != "" and "\0" not in value


def _is_words(value: Any) -> bool:
    return isinstance(value, list) and value != [] and all(map(_is_text, value))


def _is_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value)) and all(map(_is_text, value.values()))


def _is_environment(value: Any) -> bool:
    return _is_texts(value) and not any("=" in name for name in value)


def _choices(words: Sequence[str]) -> str:
    return " or ".join(map(repr, words))
