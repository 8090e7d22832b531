"""The port ``reference``: the Python implementation in a thread of this process, behind the interface of all ports.

The messages are the same, without JSON. The thread is a daemon: a call that hangs cannot be killed as a process can, so
`close` shuts its sockets down and then abandons the thread.

Passing a message from thread to thread costs more than most calls do. A request during which the runner only waits is
therefore answered in the runner's thread, where a signal can end a call that hangs: see `use_alarm`.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import math
import os
import queue
import signal
import threading
import time
import traceback
from collections.abc import Callable
from types import FrameType
from typing import cast

from luasocket_runners.ports.adapters.coroutine import Abandoned, ignore_in_finalizers
from luasocket_runners.ports.adapters.python import Api, PythonAdapter
from luasocket_runners.ports.connection import Connection, Message, Port, PortGone, PortUnavailable

__all__ = ["DEFAULT_DIALECT", "InProcessConnection", "PythonPort", "reference_api", "use_alarm"]

#: The dialect of the reference where none is asked for.
DEFAULT_DIALECT = "luasocket-3"

#: Seconds that the thread has to end by itself. An idle one needs a millisecond.
CLOSE_GRACE = 0.25

#: Seconds that a thread has to end once its sockets were shut down; then it is left alone.
ABANDON_GRACE = 0.5

#: Seconds until a call is interrupted once more: a finalizer in which it was drops the interruption.
INTERRUPT_INTERVAL = 0.1

#: Seconds of the shortest wait: a timer of 0 never ends.
SHORTEST = 1e-6


def reference_api() -> Api:
    """Return the reference of this distribution."""
    return cast(Api, importlib.import_module("luasocket_reference"))


class _OverdueError(Abandoned):
    """A call has not returned in time."""


class _Alarm:
    """Ends a call in the main thread by SIGALRM.

    Setting the timer for each call, and stopping it, would cost more than many calls do. So it runs on when a call has
    returned, and what it finds when it fires decides: it is set again for a later call that is still in progress.
    """

    def __init__(self) -> None:
        self._thread: int | None = None  # the main thread, if the process uses the alarm
        self._end = math.inf  # of the call in progress
        self._fires = math.inf
        os.register_at_fork(after_in_child=self._stopped)  # a child does not inherit the timer

    def _stopped(self) -> None:
        self._end = self._fires = math.inf

    def use(self) -> None:
        """Use the signal from now on; to be called in the main thread."""
        signal.signal(signal.SIGALRM, self._fired)
        self._thread = threading.get_ident()
        atexit.register(signal.setitimer, signal.ITIMER_REAL, 0)  # Python gives up its handlers before it ends

    @property
    def is_usable(self) -> bool:
        """Whether calls of the current thread can be ended."""
        return threading.get_ident() == self._thread

    def start(self, timeout: float) -> None:
        """A call begins: after the timeout, raise `_OverdueError` in it, again and again until it ends."""
        self._end = time.monotonic() + timeout  # first, because the signal may come at any time
        if self._end < self._fires:
            self._set(timeout)

    def stop(self) -> None:
        """The call has ended."""
        self._end = math.inf

    def _set(self, seconds: float) -> None:
        self._fires = time.monotonic() + seconds
        signal.setitimer(signal.ITIMER_REAL, max(seconds, SHORTEST))

    def _fired(self, _signal: int, _frame: FrameType | None) -> None:
        self._fires = math.inf
        left = self._end - time.monotonic()
        if left <= 0:
            self._set(INTERRUPT_INTERVAL)
            raise _OverdueError
        if left < math.inf:
            self._set(left)


_alarm = _Alarm()


def use_alarm() -> None:
    """Use SIGALRM and the process' interval timer from now on. To be called in the main thread of a process of its own.

    A process that this package does not own may use the signal for something else.
    """
    ignore_in_finalizers()
    _alarm.use()


class InProcessConnection(Connection):
    """A connection to an adapter in a thread.

    Parameters
    ----------
    adapter
        The adapter, fresh.
    """

    def __init__(self, adapter: PythonAdapter) -> None:
        self._adapter = adapter
        self._requests: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._replies: queue.SimpleQueue[Message | PortGone] = queue.SimpleQueue()
        self._gone: PortGone | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="luasocket port", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        sentence = "The port said goodbye."
        try:
            self._adapter.serve(self._requests.get, self._replies.put)
        except BaseException:  # a bug of the adapter, which must not look like a hang
            sentence = _last_words()
        self._replies.put(PortGone(sentence))

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
            message = self._replies.get(timeout=timeout) if timeout > 0 else self._replies.get_nowait()
        except queue.Empty:
            return None
        if isinstance(message, PortGone):
            self._gone = message
            raise message
        return message

    def ask(self, message: Message, timeout: float) -> Message | None:
        """See `Connection.ask`."""
        if not _alarm.is_usable:
            return super().ask(message, timeout)
        if self._gone is not None:
            raise self._gone
        try:
            _alarm.start(timeout)
            try:
                return self._adapter.handle(message)
            finally:
                _alarm.stop()
        except _OverdueError:
            _alarm.stop()  # again: it may have come just before the same call above
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
        until = time.monotonic() + ABANDON_GRACE
        while self._thread.is_alive() and time.monotonic() < until:
            self._adapter.abandon()
            self._thread.join(INTERRUPT_INTERVAL)

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
    """A Python implementation in this process.

    Parameters
    ----------
    name
        The name on the command line.
    load
        Returns the implementation; an ImportError means that it is not installed.
    """

    def __init__(self, name: str, load: Callable[[], Api]) -> None:
        self.name = name
        self._load = load

    def prepare(self) -> None:
        """Import the implementation; where it is not installed, `open` reports it."""
        with contextlib.suppress(ImportError):
            self._load()

    def open(self, dialect: str | None) -> Connection:
        """Start the thread."""
        try:
            api = self._load()
        except ImportError as error:
            reason = f"it cannot be imported ({error}). Install luasocket-conformance again"
            raise PortUnavailable(f"{self.name}: {reason}.") from None
        return InProcessConnection(PythonAdapter(api, dialect or DEFAULT_DIALECT, self.name))
