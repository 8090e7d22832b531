"""What a run tells while it lasts: each result as soon as all before it are known, and that it goes on.

What lives here: the order of what is printed, the line that counts on a terminal, and the sentence that takes its place
in a file or in the log of a service. What may not: the words about a result (``report``), which results are worth any
(the command).
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

#: Seconds between two sentences in a log: seldom enough for a log, often enough for who wonders whether it hangs.
HEARTBEAT: Final = 15.0


class Progress:
    """Prints results in the order of the behaviours, whatever the order in which they come. Use as a context manager.

    Parameters
    ----------
    behaviours
        What is played, in the order in which it is told.
    tell
        Returns what is to be printed about a result, without a line end; empty: nothing. It is asked in the order of
        the behaviours.
    heartbeat
        Seconds between two sentences where standard error is no terminal.
    """

    def __init__(
        self, behaviours: Sequence[Behaviour], tell: Callable[[Result], str], *, heartbeat: float = HEARTBEAT
    ) -> None:
        self._order = [behaviour.id for behaviour in behaviours]
        self._tell = tell
        self._next = 0
        self._untold: dict[str, Result] = {}
        self._done = 0
        self._bad = 0
        self._lock = threading.Lock()
        self._counts = sys.stderr.isatty()
        self._heartbeat = heartbeat
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        if not self._counts:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if not self._counts:
            self._thread.join()
        self._clear()
        if kind is None or not issubclass(kind, BrokenPipeError):
            # of a run that breaks off: what is known, though something before it is not
            for identity in self._order[self._next :]:
                if identity in self._untold:
                    self._print(self._untold.pop(identity))

    def step(self, result: Result) -> None:
        """Take a result; print it, and all that waited for it, if nothing before it is missing."""
        with self._lock:
            self._done += 1
            self._bad += result.verdict not in CONFORMING
            self._untold[result.behaviour.id] = result
            while self._next < len(self._order) and self._order[self._next] in self._untold:
                self._print(self._untold.pop(self._order[self._next]))
                self._next += 1
            if self._counts:
                sys.stderr.write(f"\r{self._done}/{len(self._order)}, {self._bad} deviate ")
                sys.stderr.flush()

    def words(self) -> str:
        """Return how far the run is."""
        with self._lock:
            return f"{self._done} of {len(self._order)} played, {self._bad} deviate so far"

    def _print(self, result: Result) -> None:
        text = self._tell(result)
        if text:
            self._clear()
            print(text, flush=True)

    def _clear(self) -> None:
        if self._counts:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def _beat(self) -> None:
        while not self._ended.wait(self._heartbeat):
            print(f"still running: {self.words()}", file=sys.stderr, flush=True)
