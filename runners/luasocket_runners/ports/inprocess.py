"""The port ``reference``: the Python implementation in a thread of our own process, behind the interface of all ports.

The messages are the same; only their way through JSON is spared. The thread is a daemon: a call that hangs cannot be
killed as a process can, so `close` unblocks what it can and then abandons the thread.

Passing a message from thread to thread costs more than most calls do. So a request during which there is nothing to do
but to wait is answered by the thread that asks, where a signal can end a call that hangs: see `alarm_is_ours`.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import queue
import signal
import threading
import traceback
from collections.abc import Callable
from types import FrameType
from typing import ClassVar, cast

from luasocket_runners.ports.connection import Connection, Message, Port, PortGone, PortUnavailable
from luasocket_runners.ports.python_adapter import Api, PythonAdapter

__all__ = ["DEFAULT_DIALECT", "InProcessConnection", "PythonPort", "alarm_is_ours", "reference_api"]

#: What the reference speaks when nobody asks for a dialect.
DEFAULT_DIALECT = "luasocket-3"

#: Seconds that the thread has to end by itself. One that is idle needs a millisecond.
CLOSE_GRACE = 0.25

#: Seconds that a thread has to end once its sockets were shut down; then it is left to itself.
ABANDON_GRACE = 0.5

#: Seconds of the shortest wait: the timer takes nought for never.
SHORTEST = 1e-6


def reference_api() -> Api:
    """Return the reference of this distribution."""
    return cast(Api, importlib.import_module("luasocket_reference"))


class _OverdueError(BaseException):
    """A call has not returned in time. No Exception, so that no implementation catches it."""


def _overdue(_signal: int, _frame: FrameType | None) -> None:
    raise _OverdueError


def alarm_is_ours() -> None:
    """Take SIGALRM and the process' interval timer for us. Whoever owns the process may say so, in its main thread."""
    signal.signal(signal.SIGALRM, _overdue)
    InProcessConnection.alarm_is_ours = True


class InProcessConnection(Connection):
    """A connection to an adapter in a thread.

    Parameters
    ----------
    adapter
        The adapter, fresh.
    """

    #: Whether calls in the main thread may be ended by SIGALRM.
    alarm_is_ours: ClassVar[bool] = False

    def __init__(self, adapter: PythonAdapter) -> None:
        self._adapter = adapter
        self._requests: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Message | PortGone] = queue.SimpleQueue()
        self._gone: PortGone | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="luasocket port", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        sentence = "The port said goodbye."
        try:
            self._adapter.serve(self._requests.get, self._answers.put)
        except BaseException:  # a bug of the adapter: it must be seen, and not as a hang
            sentence = _last_words()
        self._answers.put(PortGone(sentence))

    def post(self, message: Message) -> None:
        """See `Connection.post`."""
        if self._gone is not None:
            raise self._gone
        self._requests.put(message)

    def wait(self, timeout: float) -> Message | None:
        """See `Connection.wait`."""
        if self._gone is not None:
            raise self._gone
        try:
            message = self._answers.get(timeout=max(timeout, 0))
        except queue.Empty:
            return None
        if isinstance(message, PortGone):
            self._gone = message
            raise message
        return message

    def ask(self, message: Message, timeout: float) -> Message | None:
        """See `Connection.ask`."""
        if not self.alarm_is_ours or threading.get_ident() != threading.main_thread().ident:
            return super().ask(message, timeout)
        if self._gone is not None:
            raise self._gone
        try:
            signal.setitimer(signal.ITIMER_REAL, max(timeout, SHORTEST))
            try:
                return self._adapter.answer(message)
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
        except _OverdueError:
            return None
        except KeyboardInterrupt:
            raise
        except BaseException:
            self._gone = PortGone(_last_words())
            raise self._gone from None

    def close(self) -> None:
        """See `Connection.close`."""
        if self._closed:
            return
        self._closed = True
        if self._gone is None:
            self._gone = PortGone("The connection to the port is closed.")
        self._requests.put(None)
        self._thread.join(CLOSE_GRACE)
        if self._thread.is_alive():
            self._adapter.abandon()
            self._thread.join(ABANDON_GRACE)

    @property
    def process_id(self) -> int | None:
        """See `Connection.process_id`."""
        return os.getpid()

    @property
    def stderr_tail(self) -> str:
        """See `Connection.stderr_tail`."""
        return ""


def _last_words() -> str:
    """Return a sentence about the exception that is being handled."""
    return f"The adapter broke: {traceback.format_exc().strip().splitlines()[-1]}."


class PythonPort(Port):
    """A Python implementation in our process.

    Parameters
    ----------
    name
        What the command line calls it.
    load
        Returns the implementation; an ImportError means that it is not there.
    """

    def __init__(self, name: str, load: Callable[[], Api]) -> None:
        self.name = name
        self._load = load

    def prepare(self) -> None:
        """Import the implementation; where it is not there, `open` tells."""
        with contextlib.suppress(ImportError):
            self._load()

    def open(self, dialect: str | None) -> Connection:
        """Start the thread."""
        try:
            api = self._load()
        except ImportError as error:
            reason = f"it cannot be imported ({error}). Install luasocket-conformance anew"
            raise PortUnavailable(f"{self.name}: {reason}.") from None
        return InProcessConnection(PythonAdapter(api, dialect or DEFAULT_DIALECT, self.name))
