"""Ports that a ``port.toml`` configures: started as the file says, with hints on installing missing programs."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from luasocket_runners.ports.connection import Connection, PortUnavailable
from luasocket_runners.ports.dial_in import DialInConnection
from luasocket_runners.ports.port_file import PortFile
from luasocket_runners.ports.process import CheckedPort, ProcessConnection

__all__ = ["ConfiguredPort", "is_path"]

#: The address at which the runner listens for a program that it has started.
_ADDRESS: Final = "127.0.0.1"


class ConfiguredPort(CheckedPort):
    """The port of a ``port.toml``.

    Parameters
    ----------
    name
        The name on the command line: the path of the directory or of the file.
    file
        The contents of the file.
    """

    def __init__(self, name: str, file: PortFile) -> None:
        super().__init__(name, file.command)
        self.file = file
        self.config = file.config

    @classmethod
    def load(cls, name: str) -> ConfiguredPort:
        """Return the port of a path; `PortFile.load` lists the errors."""
        return cls(name, PortFile.load(Path(name)))

    def open(self, dialect: str | None) -> Connection:
        """Start the program; where it cannot be run, say how to install it."""
        try:
            return super().open(dialect)
        except PortUnavailable as error:
            install = self.file.install
            advice = f" What it needs: {install}" if install else ""
            raise PortUnavailable(f"{error}{advice}") from None

    def programs(self) -> Sequence[str]:
        """See `CommandPort.programs`."""
        return [self.file.fill(word) for word in (*self.file.command[:1], *self.file.needs)]

    def start(self, dialect: str | None) -> Connection:
        """Start the program; with ``tcp-listen``, wait until it dials in."""
        if self.file.transport == "stdio":
            return ProcessConnection(*self._filled(dialect, None))
        # A listener for each start: a late program of an earlier start cannot be taken for this one.
        with socket.create_server((_ADDRESS, 0)) as listener:
            listener.setblocking(False)
            return DialInConnection(*self._filled(dialect, listener.getsockname()), listener)

    def _filled(self, dialect: str | None, address: tuple[str, int] | None) -> tuple[list[str], dict[str, str]]:
        """Return the command and the environment with all placeholders replaced."""
        own = {key: self.file.fill(value, address) for key, value in self.file.environment.items()}
        return [self.file.fill(word, address) for word in self.file.command], {**self.environment(dialect), **own}


def is_path(name: str) -> bool:
    """Return whether the name of a port is the path of a ``port.toml`` or of its directory."""
    return name.endswith(".toml") or os.sep in name or (name != "" and Path(name).is_dir())
