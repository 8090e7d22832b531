"""What the engine sees of a port: a name, and lines to running adapters that carry messages.

A message is the decoded JSON object of PROTOCOL.md. Here live the two abstract classes and the errors, nothing else:
how a message travels is the business of the modules beside this one, what it means is the engine's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from luasocket_spec.model import Authority, Dialect

__all__ = ["Connection", "Message", "Port", "PortGone", "PortUnavailable", "Terms", "UnknownPort"]

Message: TypeAlias = dict[str, Any]


class PortUnavailable(Exception):
    """The port cannot be run at all: what is missing, and what to do, in one or two sentences."""


class UnknownPort(PortUnavailable, ValueError):
    """No port has this name; the sentence lists the names that are known."""


class PortGone(Exception):
    """The connection is of no more use: the adapter died, wrote garbage, flooded us… A sentence says which."""


class Connection(ABC):
    """A line to one running adapter. One thread uses it at a time."""

    @abstractmethod
    def post(self, message: Message) -> None:
        """Send a message, without waiting for the port to read it: what does not fit now is sent during `wait`.

        Raises
        ------
        PortGone
            When the connection was closed or found useless before. A port that goes away during the call shows in
            `wait`.
        """

    @abstractmethod
    def wait(self, timeout: float) -> Message | None:
        """Return the next message, or None when `timeout` seconds have passed without one.

        Messages that came before the port went away are returned first.

        Raises
        ------
        PortGone
            When no further message can come. Every later call raises it again.
        """

    def ask(self, message: Message, timeout: float) -> Message | None:
        """Send a message and return the next one that comes, as `post` and `wait` do.

        For requests during which there is nothing to do but to wait: the port has no function of ours to call.
        """
        self.post(message)
        return self.wait(timeout)

    @abstractmethod
    def close(self) -> None:
        """Ask nothing more: end the adapter and all that it started, give every resource back. Idempotent."""

    @property
    def process_id(self) -> int | None:
        """The process of this host that was started for the port, ours if it lives in it; None where we know none."""
        return None

    @property
    @abstractmethod
    def stderr_tail(self) -> str:
        """The last lines that the port wrote to its standard error, as far as we can see it; escaped, may be empty."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a port brings along beside itself: to what it is held, where nobody says otherwise.

    Attributes
    ----------
    file
        Where they are written; None where nothing is.
    dialect, authority
        What it is held to; None leaves it to the adapter, or to either.
    known, flaky
        Its lists of deviations.
    absent
        What it does not have, each with the reason.
    """

    file: Path | None = None
    dialect: Dialect | None = None
    authority: Authority | None = None
    known: Path | None = None
    flaky: Path | None = None
    absent: Mapping[str, str] = field(default_factory=dict)


class Port(ABC):
    """An implementation of the LuaSocket API that can be run, again and again."""

    #: What it is held to.
    terms: Terms = Terms()

    #: What the command line calls it: ``reference``, ``lupa:lua54``…
    name: str
    #: Whether a second connection has to wait for the end of the first.
    one_at_a_time: bool = False

    def prepare(self) -> None:
        """Do what all connections share, before the runner's process is copied: each copy would do it again."""
        return

    @abstractmethod
    def open(self, dialect: str | None) -> Connection:
        """Start a fresh adapter.

        Parameters
        ----------
        dialect
            What the adapter shall say that it speaks; None leaves it to the adapter.

        Raises
        ------
        PortUnavailable
            When it cannot be started.
        """
