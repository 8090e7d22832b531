"""Ports that a file describes: a ``port.toml`` in a directory says how the port is run and what is known of it.

What lives here: reading the description, starting what it says, and awaiting the adapter where that dials in. What may
not: the form of the files that the description names (`luasocket_runners.deviations`), what is absent from a port once
the description is read (`luasocket_runners.absences`).

    name = "core.tcp of HAProxy"                  # what people call it
    command = ["haproxy", "-db", "-f", "{directory}/haproxy.cfg"]
    transport = "tcp-listen"                      # or "stdio", the default
    needs = ["openssl"]                           # programs that have to be there beside the command's own
    install = "apt-get install haproxy"           # how to get them
    dialect = "luasocket-3"                       # what it is held to; without it, what the adapter says
    authority = "observed"                        # likewise, where documentation and library part
    known = "known-deviations.txt"                # beside the description; so is `flaky`
    [environment]
    ADAPTER_PORT = "{port}"
    [absent]                                      # not implemented, each with its reason; see `absences`
    "socket.udp*" = "there is no UDP"

In the command and in the environment, ``{directory}`` is where the description lies, ``{adapter}`` our adapter in plain
Lua, ``{python}`` the Python that runs us; under ``tcp-listen``, where we listen and the adapter dials in, ``{host}``
and ``{port}`` are what it has to dial.
"""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from luasocket_spec.model import AUTHORITIES, DIALECTS, Authority, Dialect

from luasocket_runners.ports.connection import Connection, PortGone, PortUnavailable, Terms, UnknownPort
from luasocket_runners.ports.lua_interpreter import ADAPTER
from luasocket_runners.ports.process import LOOK_INTERVAL, START_LIMIT, CheckedPort, ProcessConnection
from luasocket_runners.ports.stream import READ_SIZE

__all__ = ["DESCRIPTION", "BadDescription", "DescribedPort", "Description", "DiallingConnection", "names_description"]

#: The file in a port's directory.
DESCRIPTION: Final = "port.toml"

_TRANSPORTS: Final = ("stdio", "tcp-listen")
_HOST: Final = "127.0.0.1"
_PLACEHOLDER: Final = re.compile(r"\{([a-z]+)\}")
#: Under both transports, and under ``tcp-listen`` alone.
_PLACES: Final = ("directory", "adapter", "python")
_ADDRESS: Final = ("host", "port")


class BadDescription(UnknownPort):
    """The description cannot be used: ``file: sentence``."""


@dataclass(frozen=True, slots=True)
class Description:
    """What a ``port.toml`` says; see the module."""

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
    environment: Mapping[str, str] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)

    @property
    def terms(self) -> Terms:
        """To what the port is held."""
        return Terms(self.file, self.dialect, self.authority, self.known, self.flaky, self.absent)

    @classmethod
    def load(cls, path: Path) -> Description:
        """Read a description.

        Parameters
        ----------
        path
            The file, or the directory that has it as ``port.toml``.

        Raises
        ------
        BadDescription
            When it cannot be read, has an unknown key or a wrong value.
        """
        file = path / DESCRIPTION if path.is_dir() else path
        try:
            with file.open("rb") as stream:
                data = tomllib.load(stream)
        except FileNotFoundError:
            raise BadDescription(f"There is no {file}. 'luasocket-conformance init NAME' writes one.") from None
        except OSError as error:
            raise BadDescription(f"{file}: it cannot be read: {error.strerror}.") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BadDescription(f"{file}: it is not TOML: {error}.") from None
        description = cls(**{"file": file, **_Reader(file, data).everything()})
        description._check_placeholders()
        return description

    def _check_placeholders(self) -> None:
        programs = (*self.command[:1], *self.needs)
        for text in (*programs, *self.command, *self.environment.values()):
            known = _PLACES + (_ADDRESS if self.transport == "tcp-listen" and text not in programs else ())
            for name in _PLACEHOLDER.findall(text):
                if name not in known:
                    reason = "is for arguments under tcp-listen only" if name in _ADDRESS else "is not known"
                    braced = ", ".join(f"{{{place}}}" for place in known)
                    raise BadDescription(f"{self.file}: {{{name}}} {reason}. Here one can write {braced}.")

    def fill(self, text: str, address: tuple[str, int] | None = None) -> str:
        """Return a word of the command or of the environment with the places filled in."""
        places = {
            "directory": str(self.file.parent.resolve()), "adapter": str(ADAPTER), "python": sys.executable,
        }  # fmt: skip
        if address is not None:
            places |= {"host": address[0], "port": str(address[1])}
        return _PLACEHOLDER.sub(lambda match: places[match[1]], text)


class _Reader:
    """Takes the keys of a description one after the other, and tells what is wrong with them."""

    def __init__(self, file: Path, data: dict[str, Any]) -> None:
        self._file = file
        self._data = data

    def everything(self) -> dict[str, Any]:
        """Return what is there, under the names of `Description`."""
        forms: dict[str, tuple[str, Callable[[Any], bool], Callable[[Any], Any]]] = {
            "name": ("a text", _is_text, str),
            "command": ("a list of texts, the first one the program", _is_words, tuple),
            "transport": (_choices(_TRANSPORTS), lambda value: value in _TRANSPORTS, str),
            "needs": ("a list of programs", _is_words, tuple),
            "install": ("a text", _is_text, str),
            "dialect": (_choices(DIALECTS), lambda value: value in DIALECTS, str),
            "authority": (_choices(AUTHORITIES), lambda value: value in AUTHORITIES, str),
            "known": ("the name of a file that is there", self._is_file, self._beside),
            "flaky": ("the name of a file that is there", self._is_file, self._beside),
            "environment": ("a table of texts", _is_texts, dict),
            "absent": ("a table of names, each with a reason", _is_texts, dict),
        }
        unknown = next((key for key in self._data if key not in forms), None)
        if unknown is not None:
            raise BadDescription(f"{self._file}: there is no key {unknown!r}. The keys are: {', '.join(forms)}.")
        for key in ("name", "command"):
            if key not in self._data:
                raise BadDescription(f"{self._file}: the key {key!r} is missing; it is {forms[key][0]}.")
        found = {}
        for key, value in self._data.items():
            form, fits, make = forms[key]
            if not fits(value):
                raise BadDescription(f"{self._file}: {key} is {value!r}, but it has to be {form}.")
            found[key] = make(value)
        return found

    def _beside(self, name: str) -> Path:
        return self._file.parent / name

    def _is_file(self, value: Any) -> bool:
        return _is_text(value) and self._beside(value).is_file()


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value.strip() != "" and "\0" not in value


def _is_words(value: Any) -> bool:
    return isinstance(value, list) and value != [] and all(map(_is_text, value))


def _is_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value)) and all(map(_is_text, value.values()))


def _choices(words: Sequence[str]) -> str:
    return " or ".join(map(repr, words))


class DiallingConnection(ProcessConnection):
    """A connection to a program that was started and dials in. What it prints, on both streams, goes into the tail.

    Parameters
    ----------
    command, environment
        See `ProcessConnection`.
    listener
        Where it dials; stays the caller's.

    Raises
    ------
    PortUnavailable
        When it cannot be started.
    PortGone
        When it does not dial in.
    """

    _plumbing = (subprocess.DEVNULL, subprocess.PIPE, subprocess.STDOUT)

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], listener: socket.socket) -> None:
        self._listener = listener
        super().__init__(command, environment)

    def _take_streams(self) -> tuple[int, int, int]:
        self._errors = self._take(self._process.stdout)
        os.set_blocking(self._errors, False)
        try:
            connected = self._accept()
        except BaseException:
            self._kill()
            raise
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        incoming = connected.detach()
        return incoming, os.dup(incoming), self._errors

    def _accept(self) -> socket.socket:
        """Wait for the program to dial in, no longer than it lives; drain what it prints, which could hold it up."""
        deadline = time.monotonic() + START_LIMIT
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._errors, selectors.EVENT_READ)
            if self._death >= 0:
                selector.register(self._death, selectors.EVENT_READ)
            while (left := deadline - time.monotonic()) > 0:
                ready = [key.fileobj for key, _ in selector.select(min(left, LOOK_INTERVAL))]
                if self._listener in ready:
                    return self._listener.accept()[0]
                self._drain(selector)
                if status := self._status():
                    raise PortGone(f"The port ended before it dialled in: {status}.{self._tail.last_words()}")
        words = self._tail.last_words()
        raise PortGone(f"The port was started, but did not dial in within {START_LIMIT:g} s.{words}")

    def _drain(self, selector: selectors.BaseSelector) -> None:
        """Fetch what the program has printed; once it prints no more, wait for it no more."""
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self._errors, READ_SIZE):
                self._tail.add(data)
            if self._errors in selector.get_map():
                selector.unregister(self._errors)

    def _why_ended(self) -> str:
        return super()._why_ended().replace("closed its standard output", "closed the connection")


class DescribedPort(CheckedPort):
    """The port that a description tells of.

    Parameters
    ----------
    name
        What the command line calls it: the path of the directory or of the file.
    description
        What is to be run.
    """

    def __init__(self, name: str, description: Description) -> None:
        super().__init__(name, description.command)
        self.description = description
        self.terms = description.terms

    @classmethod
    def load(cls, name: str) -> DescribedPort:
        """Make the port of a path; see `Description.load` for the errors."""
        return cls(name, Description.load(Path(name)))

    def open(self, dialect: str | None) -> Connection:
        """Start the program; say how to install what is missing."""
        try:
            return super().open(dialect)
        except PortUnavailable as error:
            install = self.description.install
            advice = f" What it needs: {install}" if install else ""
            raise PortUnavailable(f"{error}{advice}") from None

    def programs(self) -> Sequence[str]:
        """See `CommandPort.programs`."""
        told = self.description
        return [told.fill(word) for word in (*told.command[:1], *told.needs)]

    def start(self, dialect: str | None) -> Connection:
        """Start the program, and await it where it dials in."""
        told = self.description
        if told.transport == "stdio":
            return ProcessConnection(*self._filled(dialect, None))
        # every start has a port of its own: a program that is late cannot be taken for the next one
        with socket.create_server((_HOST, 0)) as listener:
            listener.setblocking(False)
            return DiallingConnection(*self._filled(dialect, listener.getsockname()), listener)

    def _filled(self, dialect: str | None, address: tuple[str, int] | None) -> tuple[list[str], dict[str, str]]:
        told = self.description
        own = {key: told.fill(value, address) for key, value in told.environment.items()}
        return [told.fill(word, address) for word in told.command], {**self.environment(dialect), **own}


def names_description(name: str) -> bool:
    """Tell whether the name of a port is the path of a description, or of its directory."""
    return name.endswith(".toml") or os.sep in name or (name != "" and Path(name).is_dir())
