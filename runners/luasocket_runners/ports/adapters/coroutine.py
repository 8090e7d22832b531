"""Lua coroutines for adapters in Python: a coroutine is a thread that runs only while it is being resumed."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Final

__all__ = ["Abandoned", "Coroutine", "ignore_in_finalizers"]


class Abandoned(BaseException):
    """Ends a call or a coroutine whose results are not needed any more.

    It is not an Exception, so that no implementation catches it.
    """


def ignore_in_finalizers() -> None:
    """Have Python print nothing when an `Abandoned` from outside ends a finalizer, which cannot pass it on."""
    if getattr(sys.unraisablehook, "ignores_abandoned", False):
        return
    report = sys.unraisablehook

    def hook(unraisable: sys.UnraisableHookArgs) -> None:
        if not issubclass(unraisable.exc_type, Abandoned):
            report(unraisable)

    hook.ignores_abandoned = True  # type: ignore[attr-defined]
    sys.unraisablehook = hook


class Coroutine:
    """A coroutine.

    Parameters
    ----------
    function
        Its body.
    error
        The exception that stands for an error in Lua; raised when a dead coroutine is resumed.
    """

    _local: Final = threading.local()  # .coroutine: the one that this thread runs

    def __init__(self, function: Callable[..., tuple[Any, ...]], error: type[Exception]) -> None:
        self._function = function
        self._error = error
        self._into: SimpleQueue[tuple[Any, ...] | None] = SimpleQueue()
        self._out: SimpleQueue[tuple[tuple[Any, ...], BaseException | None]] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._dead = False

    @classmethod
    def running(cls) -> Coroutine | None:
        """Return the coroutine whose thread calls this; None outside of coroutines."""
        return getattr(cls._local, "coroutine", None)

    @property
    def thread(self) -> int | None:
        """The number of its thread, while it has one."""
        return None if self._thread is None or self._dead else self._thread.ident

    def resume(self, *values: Any) -> tuple[Any, ...]:
        """Run it until it yields or ends; return the values that it yielded or returned, or raise its error."""
        if self._dead:
            raise self._error(b"cannot resume dead coroutine")
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()
        self._into.put(values)
        results, error = self._out.get()
        if error is not None:
            raise error
        return results

    def yield_(self, *values: Any) -> tuple[Any, ...]:
        """Have `resume` return these values; return those of the next `resume`. Called in the coroutine's thread."""
        self._out.put((values, None))
        return self._next_values()

    def abandon(self) -> None:
        """Unwind a suspended coroutine, and wait for the end of its thread."""
        if self._thread is not None and not self._dead:
            self._into.put(None)
            self._thread.join()

    def _next_values(self) -> tuple[Any, ...]:
        values = self._into.get()
        if values is None:
            raise Abandoned
        return values

    def _run(self) -> None:
        self._local.coroutine = self
        results: tuple[tuple[Any, ...], BaseException | None]
        try:
            results = self._function(*self._next_values()), None
        except BaseException as error:
            results = (), error
        self._dead = True
        self._out.put(results)
