"""Workers: processes or threads that run behaviours beside the main thread.

Which behaviours are queued, and what their results mean, is left to ``pool`` and ``session``.

One pipe, the queue, carries the indices of the behaviours: each worker that is free takes one out, so that no index has
to be assigned. Each worker has a pipe of its own for its results, and notes its current index in shared memory. The
main process needs no thread for this: it reads results when it has the time.

A worker may be killed, for example by a system that has run out of memory. Its behaviour is suspect: it is run once
more, after all others, in a process of its own, never in the main one. If that is killed, too, there is no verdict. The
process is a copy of the reserve, which was copied from the main process when that had no threads yet. A thread replaces
the worker, so that the others are run by as many as before.
"""

from __future__ import annotations

import contextlib
import mmap
import multiprocessing
import multiprocessing.connection
import os
import select
import selectors
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import MISSING, dataclass, fields
from multiprocessing.connection import Connection
from pathlib import Path
from typing import ClassVar, Final

from luasocket_spec.model import Behaviour

from luasocket_runners.engine.engine import Engine
from luasocket_runners.ports import PortUnavailable
from luasocket_runners.ports.descendants import own_process
from luasocket_runners.ports.inprocess import use_alarm
from luasocket_runners.result import Result, Verdict

#: Seconds that another process has to end its ports when its work is done, before it is killed.
GRACE: Final = 5.0
#: Bytes of an index in the queue. One write of at most `_BATCH` indices is atomic (``man 7 pipe``).
_INDEX: Final = 4
_BATCH: Final = select.PIPE_BUF // _INDEX
#: How many workers may be killed while they run the same behaviour, before it has no verdict.
MAX_DEATHS: Final = 2
#: What workers add to their badness for a system without memory (``man 5 proc``, ``oom_score_adj``, at most 1000), so
#: that it kills them, or their ports, and not the main process, which has the results.
_EXPENDABLE: Final = 500
#: Seconds between two looks for a behaviour that a worker was killed with before it could note the index.
LOOK: Final = 0.1
#: The fields of a result but for its behaviour, which both processes have; most have their defaults mostly.
_DEFAULTS: Final = {
    field.name: None if field.default is MISSING else field.default
    for field in fields(Result)
    if field.name != "behaviour"
}


class _Queue:
    """Indices of behaviours that no worker has begun. Any worker takes the next one from the pipe."""

    def __init__(self) -> None:
        self.outlet, self.inlet = multiprocessing.Pipe(duplex=False)
        for end in (self.outlet, self.inlet):
            os.set_blocking(end.fileno(), False)
        self._overflow: deque[int] = deque()  # more than the pipe has room for

    def put(self, indices: Iterable[int]) -> None:
        """Add indices, as many as the pipe has room for; the others follow later, or are taken from here."""
        self._overflow.extend(indices)
        with contextlib.suppress(BlockingIOError):
            while self._overflow:
                batch = [self._overflow[position] for position in range(min(_BATCH, len(self._overflow)))]
                os.write(self.inlet.fileno(), b"".join(index.to_bytes(_INDEX, "little") for index in batch))
                for _ in batch:
                    self._overflow.popleft()

    def take(self) -> int | None:
        """Take the next index; None: there is none now."""
        try:
            data = os.read(self.outlet.fileno(), _INDEX)
        except BlockingIOError:
            return self._overflow.popleft() if self._overflow else None
        self.put(())
        return int.from_bytes(data, "little")

    def wait(self, note: _Note) -> int | None:
        """Take and note the next index as soon as there is one; None: there will be no more. For workers."""
        poller = select.poll()
        poller.register(self.outlet, select.POLLIN)
        note.set(_Note.IDLE)
        while True:
            poller.poll()
            note.set(_Note.TAKING)
            try:
                data = os.read(self.outlet.fileno(), _INDEX)
            except BlockingIOError:  # another worker was faster
                note.set(_Note.IDLE)
                continue
            index = int.from_bytes(data, "little")
            note.set(index if data else _Note.IDLE)
            return index if data else None


class _Note:
    """The index of a worker's current behaviour, in memory that the main process can read when the worker is dead."""

    IDLE: Final = -1
    TAKING: Final = -2  #: may or may not have taken an index from the queue

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _INDEX)
        self.set(self.IDLE)

    def set(self, index: int) -> None:
        """Note an index."""
        self._memory[:] = index.to_bytes(_INDEX, "little", signed=True)

    def get(self) -> int:
        """Return the index, or one of the two marks."""
        return int.from_bytes(self._memory[:], "little", signed=True)

    def close(self) -> None:
        """Release the memory."""
        self._memory.close()


@dataclass(slots=True)
class _Worker:
    """A worker as the main process sees it: one of process and thread is None."""

    note: _Note
    process: multiprocessing.process.BaseProcess | None = None
    thread: threading.Thread | None = None
    trouble: str = ""  #: the error that ended it, as the worker itself says

    def end(self) -> str:
        """Wait until the worker has ended; return how it ended."""
        if self.thread is not None:
            self.thread.join()
            return self.trouble or "broke"
        how = "was not started" if self.process is None else _end(self.process)
        return self.trouble or how


def _end(process: multiprocessing.process.BaseProcess) -> str:
    """Wait until a process has ended, and kill it if that takes too long; return how it ended."""
    if process.pid is None:
        return "was not started"  # the system has refused it
    process.join(GRACE)
    if process.is_alive():
        process.kill()
        process.join()
    code = process.exitcode or 0
    if code >= 0:
        return f"exited with status {code}"
    try:
        return f"was killed by signal {-code} ({signal.Signals(-code).name})"
    except ValueError:
        return f"was killed by signal {-code}"


@dataclass(slots=True)
class _Reserve:
    """The process that runs suspects, each in a copy of itself, as the main process sees it."""

    process: multiprocessing.process.BaseProcess
    orders: Connection  #: takes the index of a behaviour
    results: Connection
    index: int | None = None  #: the suspect that it runs
    trouble: str = ""  #: the error that ended its copy, as that says itself

    def run(self, index: int) -> bool:
        """Begin to run a behaviour; False: the reserve has ended."""
        try:
            self.orders.send(index)
        except OSError:
            return False
        self.index, self.trouble = index, ""
        return True


class Workers:
    """Processes and threads that run behaviours. One thread uses this.

    Parameters
    ----------
    make_engine
        Makes the engine of a worker, with a port instance of its own.
    behaviours
        All behaviours that may be queued, which is done by their indices.
    enter_worker
        Is called in each worker that is a process, before it makes its engine, but not where suspects are run.

    Attributes
    ----------
    given_up
        The ids of behaviours without a verdict, because workers were killed while they ran them.
    """

    #: The main process' ends of all pipes. While a worker process has a copy of one, the other workers do not see that
    #: the main process was killed.
    _main_ends: ClassVar[set[Connection]] = set()

    def __init__(
        self,
        make_engine: Callable[[], Engine],
        behaviours: Sequence[Behaviour],
        enter_worker: Callable[[], None] = lambda: None,
    ) -> None:
        self._make_engine = make_engine
        self._enter_worker = enter_worker
        self._behaviours = behaviours
        self._queue = _Queue()
        self._main_ends.add(self._queue.inlet)
        self._selector = selectors.DefaultSelector()
        self._workers: dict[Connection, _Worker] = {}
        #: The indices that were queued and have no result yet.
        self._open: set[int] = set()
        self.given_up: set[str] = set()
        self._deaths: Counter[int] = Counter()  # by index
        self._suspects: deque[tuple[int, str]] = deque()  # and how the worker ended
        self._reserve: _Reserve | None = None
        self._lost_sight = False  # of the index of a worker that was killed while it took one

    def __len__(self) -> int:
        return len(self._workers)

    @property
    def pending(self) -> bool:
        """Whether any queued behaviour has no result yet."""
        return bool(self._open)

    def fork(self, count: int) -> None:
        """Start workers in processes of their own: copies of this process, which must have no other thread."""
        if count <= 0:
            return
        context = multiprocessing.get_context("fork")
        for _ in range(count):
            worker_end, worker = self._add()
            arguments = worker_end, worker.note
            worker.process = context.Process(target=self._run_in_process, args=arguments, name="worker", daemon=True)
            worker.process.start()
            worker_end.close()
        outlet, orders = multiprocessing.Pipe(duplex=False)
        results, inlet = multiprocessing.Pipe(duplex=False)
        self._main_ends.update((orders, results))
        # not a daemon, for those must not have children
        process = context.Process(target=self._wait_in_reserve, args=(outlet, inlet), name="reserve")
        self._reserve = _Reserve(process, orders, results)
        process.start()
        outlet.close()
        inlet.close()
        self._selector.register(results, selectors.EVENT_READ)

    def start_threads(self, count: int) -> None:
        """Start workers in threads, as many as the system allows.

        They overlap only while they wait, because one thread computes at a time.
        """
        for _ in range(count):
            worker_end, worker = self._add()
            arguments = worker_end, worker.note
            thread = threading.Thread(target=self._run_in_thread, args=arguments, name="worker", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # it lacks memory, or a limit is too low; its end, which is closed now, shows it
                worker_end.close()
                return
            worker.thread = thread

    def _add(self) -> tuple[Connection, _Worker]:
        """Make a worker and the pipe for its results; return the worker's end of the pipe, and the worker."""
        main_end, worker_end = multiprocessing.Pipe(duplex=False)
        self._main_ends.add(main_end)
        self._selector.register(main_end, selectors.EVENT_READ)
        worker = self._workers[main_end] = _Worker(_Note())
        return worker_end, worker

    # -- in the workers

    def _run_in_process(self, results: Connection, note: _Note) -> None:
        self._take_process()
        use_alarm()
        self._enter_worker()
        self._run(results, note)

    def _take_process(self) -> None:
        # Ctrl-C reaches all processes of the terminal; the main one reports it, and ends the workers
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        own_process()
        for end in self._main_ends:
            end.close()
        with contextlib.suppress(OSError):  # not Linux
            Path("/proc/self/oom_score_adj").write_text(str(_EXPENDABLE), encoding="ascii")

    def _run_in_thread(self, results: Connection, note: _Note) -> None:
        with results:  # its end shows the main thread that this one has ended
            self._run(results, note)

    def _run(self, results: Connection, note: _Note) -> None:
        with contextlib.suppress(BrokenPipeError), _reported(results):
            with self._make_engine() as engine:
                while (index := self._queue.wait(note)) is not None:
                    results.send((index, _changed_fields(engine.run(self._behaviours[index]))))

    def _wait_in_reserve(self, orders: Connection, results: Connection) -> None:
        """Run each behaviour that is ordered in a copy of this process, until the main process closes the pipe."""
        self._take_process()
        context = multiprocessing.get_context("fork")
        with contextlib.suppress(EOFError, OSError):
            while True:
                index = orders.recv()
                process = context.Process(target=self._run_suspect, args=(index, results), name="suspect", daemon=True)
                process.start()
                if process.sentinel not in multiprocessing.connection.wait([process.sentinel, orders]):
                    process.kill()  # the main process does not want the result any more
                    return
                results.send((None, _end(process)))  # the next order may come now

    def _run_suspect(self, index: int, results: Connection) -> None:
        own_process()
        use_alarm()
        with contextlib.suppress(BrokenPipeError), _reported(results):
            with self._make_engine() as engine:
                results.send((index, _changed_fields(engine.run(self._behaviours[index]))))

    # -- in the main process

    def submit(self, indices: Iterable[int]) -> None:
        """Queue behaviours, in this order."""
        indices = list(indices)
        self._open.update(indices)
        self._queue.put(indices)

    def claim(self) -> int | None:
        """Take the next behaviour from the queue, to run it in the main thread; None: there is none for it."""
        index = self._queue.take()
        self._open.discard(-1 if index is None else index)
        return index

    def withdraw(self) -> list[int]:
        """Empty the queue and return the behaviours in it, which no worker has begun."""
        withdrawn = []
        while (index := self.claim()) is not None:
            withdrawn.append(index)
        return withdrawn

    def results(self, *, wait: bool) -> list[Result]:
        """Return the new results; ``wait`` for the first one, if any is pending.

        Raises
        ------
        PortUnavailable
            When a worker's port no longer starts.
        """
        found: list[Result] = []
        if wait and self._suspects and (self._reserve is None or self._reserve.index is None):
            found += self._retry_suspect()
        can_wait = wait and self.pending and not found
        timeout = 0.0 if not can_wait else LOOK if self._lost_sight else None
        for key, _ in self._selector.select(timeout):
            assert isinstance(key.fileobj, Connection)
            try:
                message = key.fileobj.recv()
            except (EOFError, OSError):
                self._bury(key.fileobj)
                continue
            if isinstance(message, PortUnavailable):
                raise message
            index, outcome = message
            if isinstance(outcome, str):
                self._note_trouble(key.fileobj, outcome, has_ended=index is None)
            elif index in self._open:
                found.append(self._result(index, Result(self._behaviours[index], **outcome)))
        if self._lost_sight and not found:
            self._search()
        return found

    def _result(self, index: int, result: Result) -> Result:
        self._open.discard(index)
        return result

    # -- workers that were killed

    def _bury(self, end: Connection) -> None:
        """Remove a worker that has ended before its time; its current behaviour becomes suspect."""
        self._selector.unregister(end)
        self._close_end(end)
        if self._reserve is not None and self._reserve.results is end:
            self._bury_reserve(self._reserve)
            return
        worker = self._workers.pop(end)
        how = worker.end()
        index = worker.note.get()
        worker.note.close()
        if index == _Note.TAKING:
            self._lost_sight = True
        elif index in self._open:
            self._accuse(index, how)
        # a process cannot be copied from this one any more, which may have threads by now
        if worker.process is not None and len(self._open) > len(self._workers):
            self.start_threads(1)

    def _note_trouble(self, end: Connection, how: str, *, has_ended: bool) -> None:
        """Note the error that a worker reports of itself, or take the end of a copy of the reserve."""
        reserve = self._reserve
        if reserve is None or end is not reserve.results:
            self._workers[end].trouble = how  # its end follows
        elif not has_ended:
            reserve.trouble = how
        elif reserve.index is not None:
            index, reserve.index = reserve.index, None
            if index in self._open:
                self._accuse(index, reserve.trouble or how)

    def _bury_reserve(self, reserve: _Reserve) -> None:
        self._reserve = None
        self._close_end(reserve.orders)
        how = _end(reserve.process)
        reserve.process.close()
        if reserve.index is not None:
            self._accuse(reserve.index, how)

    def _accuse(self, index: int, how: str) -> None:
        self._deaths[index] += 1
        self._suspects.append((index, how))

    def _search(self) -> None:
        """Find behaviours that are open, but neither queued nor noted by a worker."""
        notes = [worker.note.get() for worker in self._workers.values()]
        if _Note.TAKING in notes:
            return
        queued = []
        while (index := self._queue.take()) is not None:
            queued.append(index)
        self._queue.put(queued)
        self._lost_sight = False
        suspects = {suspect for suspect, _ in self._suspects}
        if self._reserve is not None and self._reserve.index is not None:
            suspects.add(self._reserve.index)
        for index in self._open - {*notes, *queued, *suspects}:
            self._accuse(index, "was killed")

    def _retry_suspect(self) -> list[Result]:
        """Run the next suspect again, in the reserve; if there is none, or it was the second time, give up."""
        index, how = self._suspects.popleft()
        if index not in self._open:  # its result was on the way
            return []
        if self._reserve is not None and self._deaths[index] < MAX_DEATHS and self._reserve.run(index):
            return []
        times = "" if self._deaths[index] == 1 else f" {self._deaths[index]} times"
        reason = f"the worker process that ran it {how}{times}"
        self.given_up.add(self._behaviours[index].id)
        return [self._result(index, Result(self._behaviours[index], Verdict.ERRORED, reason))]

    def close(self) -> None:
        """End the workers and their ports, each as soon as it has finished its current behaviour."""
        self.withdraw()
        self._close_end(self._queue.inlet)
        for end in self._workers:
            self._close_end(end)
        self._selector.close()
        if self._reserve is not None:
            self._close_end(self._reserve.results)
            self._bury_reserve(self._reserve)
        for worker in self._workers.values():
            worker.end()
            if worker.process is not None:
                worker.process.close()
            worker.note.close()
        self._workers.clear()
        self._queue.outlet.close()

    def _close_end(self, end: Connection) -> None:
        self._main_ends.discard(end)
        end.close()


@contextlib.contextmanager
def _reported(results: Connection) -> Iterator[None]:
    """Send the main process the error that ends a worker."""
    try:
        yield
    except PortUnavailable as trouble:
        results.send(trouble)
    except BrokenPipeError:  # the main process has closed the pipe
        raise
    except Exception as error:
        results.send((_Note.IDLE, f"broke: {type(error).__name__}: {error}".removesuffix(": ")))


def _changed_fields(result: Result) -> dict[str, object]:
    """Return the fields of a result that do not have their defaults, but for the behaviour."""
    values = ((name, getattr(result, name), default) for name, default in _DEFAULTS.items())
    return {name: value for name, value, default in values if value != default}
