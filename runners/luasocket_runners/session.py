"""A run: many behaviours on one port.

What lives here: selection by id, several lanes at once, the order of results. What may not: one behaviour's playing
(``engine``), layout (``report``), the command line (``cli``).
"""

from __future__ import annotations

import contextlib
import fnmatch
import gc
import multiprocessing
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from functools import partial
from multiprocessing.connection import Connection
from typing import ClassVar, Final

from luasocket_spec.model import Authority, Behaviour, Dialect

from luasocket_runners.engine import DEADLINE, Engine
from luasocket_runners.ports import Port, PortUnavailable
from luasocket_runners.result import CONFORMING, Result, Verdict

#: Behaviours in flight at once where nobody says otherwise. Most of a behaviour's time is waiting, so more lanes than
#: cores pay; beyond this many the work of the runner itself is what a run waits for.
LANES: Final = 8
#: What makes a selector a pattern.
_PATTERN: Final = frozenset("*?[")
#: Behaviours for which another process pays: starting it and its port costs as much as playing some dozens.
WORTH_A_PROCESS: Final = 64
#: Calls that hang are played again alone until so many have hung there, too: each costs the whole deadline, and a port
#: that hung alone so often does not hang for want of time.
HANGS_PLAYED_AGAIN: Final = 3
#: Seconds between two rounds of playing again, alone, what has failed in company: as long as a person waits without
#: a doubt. Each round costs the time in which the lanes end what they have begun.
ROUND: Final = 5.0
#: Seconds that another process has to end its ports when its work is done, before it is killed.
GRACE: Final = 5.0


def select(behaviours: Iterable[Behaviour], selectors: Sequence[str]) -> tuple[list[Behaviour], list[str]]:
    """Return the behaviours that any selector names, in the order of the spec, and the selectors that name none.

    A selector is an id, the beginning of an id up to a slash (``tcp/receive``), or a pattern with ``*``, ``?``, ``[]``.
    No selectors: all of them.
    """
    everything = list(behaviours)
    if not selectors:
        return everything, []
    unused = set(selectors)
    chosen = []
    for behaviour in everything:
        hits = [selector for selector in selectors if names(selector, behaviour.id)]
        unused.difference_update(hits)
        if hits:
            chosen.append(behaviour)
    return chosen, [selector for selector in selectors if selector in unused]


def is_pattern(selector: str) -> bool:
    """Tell whether a selector is a pattern, and not the id of a behaviour or its beginning."""
    return not _PATTERN.isdisjoint(selector)


def names(selector: str, identity: str) -> bool:
    """Tell whether a selector names the behaviour with this id."""
    if not is_pattern(selector):  # a list has a thousand of them, to be held against thousands of ids
        prefix = selector.rstrip("/")
        return identity.startswith(prefix) and identity[len(prefix) :][:1] in ("", "/")
    return fnmatch.fnmatchcase(identity, selector)


class _Work:
    """What is to be played, shared by the lanes: each takes the next, and says what came of it."""

    def __init__(self, behaviours: Sequence[Behaviour], seen: Callable[[Result], None]) -> None:
        self._todo = iter(enumerate(behaviours))
        self._seen = seen
        self._changed = threading.Condition()
        self._playing = 0
        self._paused = False
        self._ended = False
        self.results: dict[int, Result] = {}
        self._doubtful: list[int] = []
        self._troubles: list[BaseException] = []

    def __iter__(self) -> Iterator[tuple[int, Behaviour]]:
        return self

    def __next__(self) -> tuple[int, Behaviour]:
        with self._changed:
            self._changed.wait_for(lambda: not self._paused or self._ended)
            if self._ended:
                raise StopIteration
            following = next(self._todo)
            self._playing += 1
            return following

    def done(self, place: int, result: Result) -> None:
        """Keep a result, and show it unless it is in doubt."""
        with self._changed:
            self.results[place] = result
            self._playing -= 1
            self._changed.notify_all()
            if _in_doubt(result):
                self._doubtful.append(place)
            else:
                self._seen(result)

    def settle(self, believed: Callable[[Result], Result]) -> None:
        """Have every result that is in doubt replaced by one that counts, and show it; the lanes pause."""
        if not self._doubtful:
            return
        with self.pause():
            places, self._doubtful = sorted(self._doubtful), []
            for place in places:
                self.results[place] = believed(self.results[place])
                self._seen(self.results[place])

    def guard(self, task: Callable[[], None]) -> None:
        """Do something in a lane; what it raises ends all lanes, and is kept."""
        try:
            task()
        except BaseException as trouble:
            self._troubles.append(trouble)
            self.end()

    def end(self) -> None:
        """Have the lanes take nothing more."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def check(self) -> None:
        """Raise what ended a lane, if anything did."""
        if self._troubles:
            raise self._troubles[0]

    def wait_for(self, place: int) -> Result:
        """Return the result of a place, once it is there; raise what ended a lane."""
        with self._changed:
            self._changed.wait_for(lambda: place in self.results or self._ended)
        self.check()
        return self.results[place]

    @contextlib.contextmanager
    def pause(self) -> Iterator[None]:
        """Have the lanes take nothing, from when they are done with what they have; raise what ended a lane."""
        with self._changed:
            self._paused = True
            self._changed.wait_for(lambda: not self._playing or self._ended)
        try:
            self.check()
            yield
        finally:
            with self._changed:
                self._paused = False
                self._changed.notify_all()


def _play_all(engine: Engine, work: _Work) -> None:
    for place, behaviour in work:
        work.done(place, engine.play(behaviour))


def _lane(engine: Engine, work: _Work) -> None:
    with engine:
        _play_all(engine, work)


class _Worker:
    """A lane in another process. It is told which behaviours to play by their places in the list."""

    #: Our ends of all pipes. A process that kept a copy of one would keep the lane from seeing that we were killed.
    ends: ClassVar[set[Connection]] = set()

    def __init__(self, make: Callable[[], Engine], behaviours: Sequence[Behaviour]) -> None:
        context = multiprocessing.get_context("fork")
        self._ours, theirs = context.Pipe()
        self.ends.add(self._ours)
        self._process = context.Process(target=_serve, args=(theirs, make, behaviours), name="lane", daemon=True)
        self._process.start()
        theirs.close()

    def play(self, work: _Work, places: Mapping[str, int]) -> None:
        """Have the process play what it can, until there is no more."""
        try:
            for place, behaviour in work:
                self._ours.send(places[behaviour.id])
                answer = self._ours.recv()
                if isinstance(answer, BaseException):
                    raise answer
                work.done(place, Result(behaviour, **answer))
        except (EOFError, OSError):
            raise RuntimeError("a process of the runner has ended before its work was done") from None

    def end(self) -> None:
        """End the process; its port ends with it."""
        with contextlib.suppress(OSError):
            self._ours.send(None)
        self._process.join(GRACE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()
        self.ends.discard(self._ours)
        self._ours.close()


def _serve(pipe: Connection, make: Callable[[], Engine], behaviours: Sequence[Behaviour]) -> None:
    """Play, in a process of our own, what is asked for through the pipe."""
    # Ctrl-C goes to all of us; the first process tells about it, and has us end
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for end in _Worker.ends:
        end.close()
    asked = False
    with contextlib.suppress(EOFError, OSError):  # the first process is gone
        try:
            with make() as engine:
                while (number := pipe.recv()) is not None:
                    asked = True
                    pipe.send(_fields(engine.play(behaviours[number])))
                    asked = False
        except PortUnavailable as trouble:
            if asked or pipe.recv() is not None:
                pipe.send(trouble)


def _fields(result: Result) -> dict[str, object]:
    """Return everything of a result but its behaviour, which the other process has."""
    return {field.name: getattr(result, field.name) for field in fields(result) if field.name != "behaviour"}


class Session:
    """Plays behaviours on a port in several lanes, each with a port instance of its own. Use as a context manager.

    Each lane has a process of its own, as far as there are enough behaviours to pay for it: in one process, lanes would
    mostly wait for each other, for one thread computes at a time.

    Parameters
    ----------
    behaviours
        What will be played, or more than that.
    lanes
        How many behaviours are in flight at once, at least 1; a port whose adapter serves one connection at a time has
        one lane.

    Raises
    ------
    PortUnavailable
        On entering, when the port cannot be run; while running, when it no longer starts.
    """

    def __init__(
        self,
        port: Port,
        behaviours: Sequence[Behaviour],
        dialect: Dialect | None = None,
        authority: Authority | None = None,
        *,
        lanes: int = 1,
        deadline: float = DEADLINE,
    ) -> None:
        self._port = port
        self._make = partial(Engine, port, dialect, authority, deadline=deadline)
        self._lanes = 1 if port.one_at_a_time else lanes
        self._behaviours = behaviours
        self._workers: list[_Worker] = []
        self._hung_alone = 0
        #: The first lane's engine: it tells the port's description and the dialect.
        self.engine = self._make()

    def __enter__(self) -> Session:
        try:
            self._fork()
            self.engine.__enter__()
        except BaseException:
            self._end_workers()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        try:
            self.engine.__exit__(None, None, None)
        finally:
            self._end_workers()

    def _fork(self) -> None:
        """Start the other lanes' processes. They are copies of this one, so it must be before there are threads."""
        if threading.active_count() > 1 or "fork" not in multiprocessing.get_all_start_methods():
            return
        processes = min(self._lanes, len(self._behaviours) // WORTH_A_PROCESS)
        if processes > 1:
            self._port.prepare()
        gc.freeze()  # what is there now is shared, and stays so when garbage is collected
        self._workers = [_Worker(self._make, self._behaviours) for _ in range(processes - 1)]

    def _end_workers(self) -> None:
        for worker in self._workers:
            worker.end()
        self._workers.clear()
        gc.unfreeze()

    def run(
        self, behaviours: Sequence[Behaviour], seen: Callable[[Result], None] = lambda result: None
    ) -> list[Result]:
        """Play the behaviours; return the results in the same order.

        ``seen`` is called with each result as it comes, from any thread, one at a time. A behaviour that failed in
        company is played once more alone, for the others may have kept the host busy; that result counts. This is done
        every few seconds: what fails is told long before the end.
        """
        work = _Work(behaviours, seen)
        with _threads(work, self._other_lanes(work, len(behaviours))) as threads:
            work.guard(partial(self._play_in_rounds, work))
            for thread in threads:
                thread.join()
        work.check()
        work.settle(self.believed)
        return [work.results[place] for place in range(len(behaviours))]

    def _play_in_rounds(self, work: _Work) -> None:
        """Play in our own lane, and settle between two behaviours, from time to time, what is in doubt."""
        settled = time.monotonic()
        for place, behaviour in work:
            work.done(place, self.engine.play(behaviour))
            if time.monotonic() - settled >= ROUND:
                work.settle(self.believed)
                settled = time.monotonic()

    def ahead(self, behaviours: Sequence[Behaviour]) -> Ahead:
        """Begin to play the behaviours; their results can be taken one by one, while the lanes play what follows."""
        work = _Work(behaviours, lambda result: None)
        lanes: list[Callable[[], None]] = [
            partial(_play_all, self.engine, work),
            *self._other_lanes(work, len(behaviours)),
        ]
        return Ahead(self, behaviours, work, lanes)

    def _other_lanes(self, work: _Work, count: int) -> list[Callable[[], None]]:
        """Return what the lanes do, but for that of our own engine; ``count`` behaviours are to be played."""
        places = {behaviour.id: place for place, behaviour in enumerate(self._behaviours)}
        own = min(self._lanes - len(self._workers), count)
        tasks: list[Callable[[], None]] = [partial(worker.play, work, places) for worker in self._workers]
        return tasks + [partial(_lane, self._make(), work) for _ in range(1, own)]

    def believed(self, result: Result) -> Result:
        """Return the result, or, where it is in doubt, that of playing the behaviour alone: no lane may play now."""
        if not _in_doubt(result) or self._lanes == 1 or (result.hung and self._hung_alone >= HANGS_PLAYED_AGAIN):
            return result
        alone = self.engine.play(result.behaviour)
        if alone.verdict in CONFORMING:
            alone = replace(
                alone, note=f"{result.verdict.value} in company ({result.reason}), {alone.verdict.value} alone"
            )
        self._hung_alone += alone.hung
        return alone


class Ahead:
    """Results of behaviours that the lanes of a session play ahead. Use as a context manager; one thread asks.

    Who takes them in the order of the behaviours waits the least. Leaving it early lets the lanes end what they have
    begun, and begin nothing more.
    """

    def __init__(
        self,
        session: Session,
        behaviours: Sequence[Behaviour],
        work: _Work,
        lanes: Sequence[Callable[[], None]],
    ) -> None:
        self._session = session
        self._untaken = {behaviour.id: place for place, behaviour in enumerate(behaviours)}
        self._work = work
        self._lanes = _threads(work, lanes)

    def __enter__(self) -> Ahead:
        self._lanes.__enter__()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._work.end()
        self._lanes.__exit__(None, None, None)

    @property
    def left(self) -> int:
        """How many results were not taken yet."""
        return len(self._untaken)

    def take(self, behaviour: Behaviour) -> Result:
        """Return the result of a behaviour. One that failed in company is played alone first, while the lanes pause.

        A behaviour whose result was taken, or that was not to be played, is played now, alone.

        Raises
        ------
        PortUnavailable
            When the port no longer starts.
        """
        place = self._untaken.pop(behaviour.id, None)
        if place is None:
            with self._work.pause():
                return self._session.engine.play(behaviour)
        result = self._work.wait_for(place)
        if not _in_doubt(result):
            return result
        with self._work.pause():
            return self._session.believed(result)


@contextlib.contextmanager
def _threads(work: _Work, tasks: Sequence[Callable[[], None]]) -> Iterator[list[threading.Thread]]:
    """Do each task in a thread. At the end they are waited for; after an error, they take no more work before."""
    threads = [threading.Thread(target=work.guard, args=(task,), name="lane") for task in tasks]
    for thread in threads:
        thread.start()
    try:
        yield threads
    except BaseException:
        work.end()
        raise
    finally:
        for thread in threads:
            thread.join()


def _in_doubt(result: Result) -> bool:
    """Tell whether company may have to do with a result. What a port does not have, it does not have alone either."""
    return result.verdict not in CONFORMING and result.verdict is not Verdict.NOT_IMPLEMENTED
