"""The messages between the steps of a behaviour and its message loop: requests to the port, and its replies."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeAlias

from luasocket_spec import model

from luasocket_runners.engine.failure import Failure, LazyText
from luasocket_runners.result import Observation
from luasocket_runners.values import LuaValue


@dataclass(slots=True)
class Request:
    """A request to the port, and the actions of peers while it is in progress.

    Attributes
    ----------
    message
        The message, without its id.
    call, source, expected
        The step, for failures, like ``function``; see :class:`luasocket_runners.engine.failure.Position`.
    meanwhile
        Actions while the request is in progress; ``prefix`` is that of the peers' names.
    waits
        Seconds that a correct port may wait before it replies.
    hanging
        The quirks by which the request may get no reply.
    quirked
        Whether quirks are about the function: they may also say that it is not there.
    observe
        Returns a call without a reply as data: with the error that was raised instead, or None if it hangs.
    """

    message: dict[str, Any]
    call: LazyText
    source: model.Source
    expected: LazyText | None = None
    meanwhile: tuple[model.While, ...] = ()
    prefix: str = ""
    waits: float = 0.0
    function: str = ""
    hanging: tuple[str, ...] = ()
    quirked: bool = False
    observe: Callable[[bytes | None], Observation] | None = None


@dataclass(slots=True)
class Reply:
    """A port's reply. ``returns`` is None if an error was raised; ``duration`` is in seconds.

    ``missing`` is the failure of a port that does not have the function; ``raises`` is Lua's error for such a call.
    """

    returns: tuple[LuaValue, ...] | None
    raises: LuaValue
    duration: float
    missing: Failure | None = None


#: A generator that yields requests and is sent the replies.
StepGenerator: TypeAlias = Generator[Request, Reply, None]
#: The same for a call of a function: it returns the message that ends the call.
CallGenerator: TypeAlias = Generator[Request, Reply, dict[str, Any]]


@dataclass(slots=True)
class ScheduledAction:
    """An action at a time (of the monotonic clock); with ``every``, again and again, ``times`` times."""

    at: float
    action: model.PeerAction | model.Interruption
    prefix: str
    every: float | None
    times: int | None
