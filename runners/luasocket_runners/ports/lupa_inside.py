"""Real LuaSocket in lupa, inside of a worker process: each message is a call, without pipes and a second process.

The worker may be killed at any time, and whatever LuaSocket does, it does to the worker. A call that hangs is in C,
where nothing can interrupt it, so it ends the worker. As after a crash, the behaviour is then run again with a process
for the port, which gives the verdict.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from collections import deque
from typing import Any, Final

from luasocket_runners.ports.adapters.lupa import open_runtime
from luasocket_runners.ports.connection import Connection, Message, PortGone
from luasocket_runners.ports.stream import encode

__all__ = ["InsideConnection", "can_live_here", "take_standard_streams"]

#: Seconds that a call has to end, once the connection is closed, before the worker ends.
CLOSE_GRACE: Final = 0.25

#: Loads the adapter; `read` is called in callbacks only.
_LOADER: Final = b"""
local adapter, module, dialect, read, write = ...
return assert(loadfile(adapter))({ by_line = true, module = module, dialect = dialect, read = read, write = write })
"""


def can_live_here(runtime: str) -> bool:
    """Return whether this process can load a runtime: it has no other one, whose symbols would be used instead."""
    loaded = {name for name in sys.modules if name.startswith(("lupa.lua", "lupa._lupa"))}
    return hasattr(signal, "setitimer") and loaded <= {f"lupa.{runtime}"}


def take_standard_streams() -> None:
    """Connect the standard streams of this process, a worker, to nothing: the output of Lua must not be seen."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    if nothing > 2:
        os.close(nothing)


class InsideConnection(Connection):
    """A connection to the adapter in a Lua state of this process.

    Requests during which the runner only waits are answered in its thread. The others, during which LuaSocket may call
    a function of the runner, are answered in a thread of their own.

    Parameters
    ----------
    runtime, adapter, module, dialect
        See `adapters.lupa`.

    Raises
    ------
    ImportError
        This lupa has no such runtime.
    PortGone
        The module cannot be loaded.
    """

    def __init__(self, runtime: str, adapter: str, module: str, dialect: str | None) -> None:
        # objects that Lua holds must not refer to this one, which holds the state
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._messages: queue.SimpleQueue[bytes | PortGone] = queue.SimpleQueue()
        self._direct: deque[bytes] = deque()
        self._writes = [self._direct.append]  # where the replies go now
        self._gone: PortGone | None = None
        self._thread: threading.Thread | None = None
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # the end of a call that hangs, and of this process
        writes = self._writes
        lua = open_runtime(runtime)
        words = [os.fsencode(adapter), os.fsencode(module), None if dialect is None else dialect.encode()]
        try:
            self._answer: Any = lua.execute(_LOADER, *words, self._lines.get, lambda line: writes[0](line))
        except Exception as error:
            raise PortGone(f"The port does not start: {error}") from None

    def post(self, message: Message) -> None:
        """See `Connection.post`."""
        if self._gone is not None:
            raise self._gone
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name="luasocket port", daemon=True)
            self._thread.start()
        self._lines.put(encode(message))

    def _serve(self) -> None:
        """Answer the messages that are posted, in a thread of its own."""
        try:
            while (line := self._lines.get()) is not None:
                self._writes[0] = self._messages.put
                self._answer(line)
        except Exception as error:
            self._messages.put(PortGone(f"The adapter broke: {error}."))

    def wait(self, timeout: float) -> Message | None:
        """See `Connection.wait`."""
        if self._gone is not None:
            raise self._gone
        try:
            found = self._messages.get(timeout=timeout) if timeout > 0 else self._messages.get_nowait()
        except queue.Empty:
            return None
        if isinstance(found, PortGone):
            self._gone = found
            raise found
        return _message(found)

    def ask(self, message: Message, timeout: float) -> Message | None:
        """See `Connection.ask`. A call that does not return in time ends the process."""
        if threading.current_thread() is not threading.main_thread():
            return super().ask(message, timeout)
        if self._gone is not None:
            raise self._gone
        self._writes[0] = self._direct.append
        signal.setitimer(signal.ITIMER_REAL, timeout)
        try:
            self._answer(encode(message))
        except Exception as error:
            self._gone = PortGone(f"The adapter broke: {error}.")
            raise self._gone from None
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        return _message(self._direct.popleft())

    def close(self) -> None:
        """See `Connection.close`."""
        if self._gone is None:
            self._gone = PortGone("The connection to the port is closed.")
            self._lines.put(None)
            if self._thread is not None:
                self._thread.join(CLOSE_GRACE)
                if self._thread.is_alive():  # in a call that hangs, as in `ask`
                    os.kill(os.getpid(), signal.SIGKILL)
        self._answer = None

    @property
    def process_id(self) -> int | None:
        """See `Connection.process_id`."""
        return os.getpid()

    @property
    def stderr_tail(self) -> str:
        """See `Connection.stderr_tail`."""
        return ""


def _message(line: bytes) -> Message:
    message: Message = json.loads(line)
    return message
