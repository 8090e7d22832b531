"""The engines that run behaviours in parallel: one in this thread, the others in workers.

Which results count, and in which order they are returned, is left to ``session``.
"""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import threading
from collections.abc import Callable, Container, Iterator, Sequence
from typing import Final

from luasocket_spec.model import Behaviour

from luasocket_runners.engine.engine import Engine
from luasocket_runners.engine.steps import waiting_time
from luasocket_runners.ports import Port
from luasocket_runners.result import Result
from luasocket_runners.run.workers import Workers

#: Behaviours for which another process pays: starting it and its port costs as much as running some dozens.
WORTH_A_PROCESS: Final = 64
#: Seconds from which on a behaviour counts as waiting for long: a whole run takes a few seconds. So few behaviours
#: wait longer that they do not occupy all workers at the beginning.
LONG: Final = 0.5

OnResult = Callable[[Result], None]


class Pool:
    """An engine in this thread, and workers beside it. Use as a context manager, from one thread.

    Each worker has a process of its own if there are enough behaviours to pay for it: in one process, workers would
    mostly wait for each other, because one thread computes at a time.

    Parameters
    ----------
    port
        The port that all engines run behaviours on, each in an instance of its own.
    make_engine
        Makes an engine.
    behaviours
        All behaviours that may be started.
    size
        How many engines there are at most, at least 1.

    Attributes
    ----------
    engine
        The engine of this thread.
    """

    def __init__(self, port: Port, make_engine: Callable[[], Engine], behaviours: Sequence[Behaviour], size: int):
        self._port = port
        self._behaviours = behaviours
        self._indices = {behaviour.id: index for index, behaviour in enumerate(behaviours)}
        self._size = size
        self._workers = Workers(make_engine, behaviours, port.enter_worker)
        self.engine = make_engine()
        self._held: list[int] = []  # behaviours that were queued before a pause

    def __enter__(self) -> Pool:
        try:
            self._fork()
            self.engine.__enter__()
        except BaseException:
            self._close_workers()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        try:
            self.engine.__exit__(None, None, None)
        finally:
            self._close_workers()

    def __len__(self) -> int:
        return 1 + len(self._workers)

    def _fork(self) -> None:
        if threading.active_count() > 1 or "fork" not in multiprocessing.get_all_start_methods():
            return
        processes = min(self._size, len(self._behaviours) // WORTH_A_PROCESS)
        if processes > 1:
            self._port.prepare()
        gc.freeze()  # all objects up to now are shared between the processes, and stay so during collections
        self._workers.fork(processes - 1)

    def _close_workers(self) -> None:
        self._workers.close()
        gc.unfreeze()

    @property
    def given_up(self) -> frozenset[str]:
        """The ids of behaviours without a verdict, because workers were killed while they ran them."""
        return frozenset(self._workers.given_up)

    def collect(self, on_result: OnResult) -> None:
        """Pass on the results that the workers have sent, without waiting."""
        for result in self._workers.results(wait=False):
            on_result(result)

    def start(self, behaviours: Sequence[Behaviour]) -> None:
        """Queue these behaviours for all engines, in place of those that are still queued."""
        self._stop(lambda result: None)
        self._held = []
        self._workers.start_threads(min(self._size, len(behaviours)) - len(self))
        # those that only wait begin first, beside those that compute, so that the run does not end by waiting
        order = sorted(behaviours, key=lambda behaviour: waiting_time(behaviour.steps) < LONG)
        self._workers.submit(self._indices[behaviour.id] for behaviour in order)

    def step(self, on_result: OnResult) -> None:
        """Run the next behaviour of the queue, or, if it is empty, wait for a worker; pass on all new results."""
        index = self._workers.claim()
        if index is not None:
            on_result(self.engine.run(self._behaviours[index]))
        for result in self._workers.results(wait=index is None):
            on_result(result)

    def skip(self, behaviours: Container[str]) -> list[Behaviour]:
        """Take behaviours with these ids out of the queue, as far as they have not begun; return them."""
        queued, held = self._workers.withdraw(), self._held
        self._workers.submit(index for index in queued if self._behaviours[index].id not in behaviours)
        self._held = [index for index in held if self._behaviours[index].id not in behaviours]
        return [self._behaviours[index] for index in (*queued, *held) if self._behaviours[index].id in behaviours]

    def cancel(self) -> None:
        """Empty the queue: the workers finish their current behaviours and begin no others."""
        self._workers.withdraw()

    @contextlib.contextmanager
    def paused(self, on_result: OnResult) -> Iterator[None]:
        """Let the workers finish their current behaviours; inside, no worker runs one; afterwards, they go on."""
        self._stop(on_result)
        yield
        held, self._held = self._held, []
        self._workers.submit(held)

    def _stop(self, on_result: OnResult) -> None:
        """Wait until no worker runs a behaviour, and hold those that are still queued."""
        self._held = self._workers.withdraw()
        while True:  # at least once: a worker reports its trouble even if it has not begun any behaviour
            for result in self._workers.results(wait=True):
                on_result(result)
            if not self._workers.pending:
                return
