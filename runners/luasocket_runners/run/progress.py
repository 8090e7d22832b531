"""Shows the progress of a run: each result as soon as all before it are known, and how far the run is.

The text of a result is left to the caller.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, Self

from luasocket_spec.model import Behaviour

from luasocket_runners.result import CONFORMING, Result

__all__ = ["Progress"]

#: Seconds between two lines about the progress in a log: rare enough for a log, frequent enough to see that nothing
#: hangs.
HEARTBEAT: Final = 15.0


class Progress:
    """Prints results in the order of the behaviours, whatever the order in which they come. Use as a context manager.

    A terminal has a counter below the results; where standard error is no terminal, a line now and then says how far
    the run is.

    Parameters
    ----------
    behaviours
        The behaviours of the run, in the order in which their results are printed.
    render
        Returns the text about a result, without a line end; nothing is printed if it is empty. It is called in the
        order of the behaviours.
    heartbeat
        Seconds between two lines about the progress where standard error is no terminal.
    """

    def __init__(
        self, behaviours: Sequence[Behaviour], render: Callable[[Result], str], *, heartbeat: float = HEARTBEAT
    ) -> None:
        self._order = [behaviour.id for behaviour in behaviours]
        self._render = render
        self._next = 0
        self._waiting: dict[str, Result] = {}
        self._done = 0
        self._failed = 0
        self._lock = threading.Lock()
        self._has_counter = sys.stderr.isatty()
        self._heartbeat = heartbeat
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._log_progress, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        if not self._has_counter:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if not self._has_counter:
            self._thread.join()
        self._clear_counter()
        if kind is None or not issubclass(kind, BrokenPipeError):
            # an interrupted run: print the known results, though some before them are missing
            for identity in self._order[self._next :]:
                if identity in self._waiting:
                    self._print(self._waiting.pop(identity))

    def add(self, result: Result) -> None:
        """Print a result, and all that waited for it, if none before it is missing; otherwise keep it."""
        with self._lock:
            self._done += 1
            self._failed += result.verdict not in CONFORMING
            self._waiting[result.behaviour.id] = result
            while self._next < len(self._order) and self._order[self._next] in self._waiting:
                self._print(self._waiting.pop(self._order[self._next]))
                self._next += 1
            if self._has_counter:
                sys.stderr.write(f"\r{self._counts()} ")
                sys.stderr.flush()

    def status(self) -> str:
        """Return how far the run is: ``3/5 done, 1 failed``."""
        with self._lock:
            return self._counts()

    def _counts(self) -> str:
        return f"{self._done}/{len(self._order)} done, {self._failed} failed"

    def _print(self, result: Result) -> None:
        text = self._render(result)
        if text:
            self._clear_counter()
            print(text, flush=True)

    def _clear_counter(self) -> None:
        if self._has_counter:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def _log_progress(self) -> None:
        while not self._ended.wait(self._heartbeat):
            print(f"running: {self.status()}", file=sys.stderr, flush=True)
