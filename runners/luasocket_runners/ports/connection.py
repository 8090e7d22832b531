"""The interface between the engine and a port: a name, and connections to running adapters that carry messages.

A message is the decoded JSON object of PROTOCOL.md. Its transport is left to the modules beside this one, its meaning
to the engine.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from luasocket_spec.model import Authority, Dialect

__all__ = ["Connection", "Message", "Port", "PortConfig", "PortGone", "PortUnavailable", "UnknownPort"]

Message: TypeAlias = dict[str, Any]


class PortUnavailable(Exception):
    """The port cannot be run at all; the text says what is missing and how to get it."""


class UnknownPort(PortUnavailable, ValueError):
    """No port has this name; the text lists the known names."""


class PortGone(Exception):
    """The connection cannot be used any more, because the adapter died or broke the protocol; the text says how.

    Parameters
    ----------
    sentence
        The reason.
    words
        A further sentence with the end of its standard error, which follows the reason in the text.
    head
        The first lines of its standard error, which are shown instead where the adapter did not even start.
    """

    def __init__(self, sentence: str, words: str = "", head: str = "") -> None:
        super().__init__(sentence + words)
        self.at_start = sentence + head


class Connection(ABC):
    """A connection to one running adapter. One thread uses it at a time."""

    @abstractmethod
    def post(self, message: Message) -> None:
        """Send a message, without waiting for the port to read it: a rest is sent during `wait`.

        Raises
        ------
        PortGone
            The connection was closed or broken before. A port that ends during the call is reported by `wait`.
        """

    @abstractmethod
    def wait(self, timeout: float) -> Message | None:
        """Return the next message, or None when `timeout` seconds have passed without one.

        Messages that came before the end of the port are returned first.

        Raises
        ------
        PortGone
            No further message can come. Every later call raises it again.
        """

    def ask(self, message: Message, timeout: float) -> Message | None:
        """Send a message and return the next one that comes, as `post` and `wait` do.

        For requests during which the runner only waits: the port has no function of the runner to call.
        """
        self.post(message)
        return self.wait(timeout)

    @abstractmethod
    def close(self) -> None:
        """End the adapter and every process that it started; release all resources. Idempotent."""

    @property
    def process_id(self) -> int | None:
        """The process that was started for the port, or this one if it contains the port; None: it is not known."""
        return None

    @property
    def unfinished(self) -> str:
        """The beginning of a message that has not ended yet, quoted; empty if there is none."""
        return ""

    @property
    @abstractmethod
    def stderr_tail(self) -> str:
        """The last lines of the port's standard error, escaped; empty where there are none, or they cannot be read."""


@dataclass(frozen=True, slots=True)
class PortConfig:
    """A port's own defaults for a run, and its expectations; the command line comes before them.

    Attributes
    ----------
    file
        The file that they come from; None: there is none.
    dialect, authority
        The dialect and the reading to check; None: the adapter's dialect, and either reading.
    known, flaky
        The lists of known and of flaky deviations.
    quirks
        The file of the rules by which it differs.
    absent
        Names that the port does not have, each with the reason.
    """

    file: Path | None = None
    dialect: Dialect | None = None
    authority: Authority | None = None
    known: Path | None = None
    flaky: Path | None = None
    quirks: Path | None = None
    absent: Mapping[str, str] = field(default_factory=dict)


class Port(ABC):
    """An implementation of the LuaSocket API that can be started any number of times."""

    #: Its defaults for a run.
    config: PortConfig = PortConfig()

    #: Its name on the command line: ``reference``, ``lupa:lua54``…
    name: str
    #: Whether a behaviour that is flaky under load fails: for a port of this project, which has to be steady.
    has_to_be_steady: bool = False
    #: Whether its next connection lives in this process, a worker: see `enter_worker`.
    lives_here: bool = False
    #: Whether a second connection has to wait for the end of the first.
    one_at_a_time: bool = False

    def prepare(self) -> None:
        """Do the work that all connections share, once, before the runner forks its workers."""
        return

    def enter_worker(self) -> None:
        """Take note that this process is a worker, a copy of the runner, in which the port may live and may crash.

        A behaviour that ends a worker is run again in another process, in which this was not called.
        """
        return

    @abstractmethod
    def open(self, dialect: str | None) -> Connection:
        """Start a fresh adapter.

        Parameters
        ----------
        dialect
            The dialect that the adapter is asked to claim; None leaves it to the adapter.

        Raises
        ------
        PortUnavailable
            It cannot be started.
        """
