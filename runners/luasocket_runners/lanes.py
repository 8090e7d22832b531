"""Lanes: processes, or threads, that play behaviours beside our own.

What lives here: starting and ending them, handing out what is to be played, hearing what came of it. What may not: the
order of results and what is played again (``session``), playing (``engine``).

One pipe carries the places of the behaviours that are to be played: whoever is free takes one out, so nobody has to be
told what to do. Each lane has a pipe of its own for its results. The process that hands out needs no thread for that:
it listens when it has the time.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import select
import selectors
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import MISSING, fields
from multiprocessing.connection import Connection
from typing import ClassVar, Final

from luasocket_spec.model import Behaviour

from luasocket_runners.engine import Engine
from luasocket_runners.ports import PortUnavailable
from luasocket_runners.ports.inprocess import alarm_is_ours
from luasocket_runners.result import Result

#: Seconds that another process has to end its ports when its work is done, before it is killed.
GRACE: Final = 5.0
#: Bytes of a place in the pipe. What is read and written at once is small enough to be one piece (``man 7 pipe``).
_PLACE: Final = 4
_PIECE: Final = select.PIPE_BUF // _PLACE
#: What a result is but for its behaviour, which both sides have; most fields are mostly what they are by default.
_DEFAULTS: Final = {
    field.name: None if field.default is MISSING else field.default
    for field in fields(Result)
    if field.name != "behaviour"
}


class _Places:
    """The places that nobody has taken yet; who takes one plays it."""

    def __init__(self) -> None:
        self.outlet, self.inlet = multiprocessing.Pipe(duplex=False)
        for end in (self.outlet, self.inlet):
            os.set_blocking(end.fileno(), False)
        self._waiting: deque[int] = deque()  # for room in the pipe

    def put(self, places: Iterable[int]) -> None:
        """Add places, as many as there is room for; the others follow with later ones, or are taken from here."""
        self._waiting.extend(places)
        with contextlib.suppress(BlockingIOError):
            while self._waiting:
                piece = [self._waiting[index] for index in range(min(_PIECE, len(self._waiting)))]
                os.write(self.inlet.fileno(), b"".join(place.to_bytes(_PLACE, "little") for place in piece))
                for _ in piece:
                    self._waiting.popleft()

    def take(self) -> int | None:
        """Take the next place, if there is one now."""
        try:
            data = os.read(self.outlet.fileno(), _PLACE)
        except BlockingIOError:
            return self._waiting.popleft() if self._waiting else None
        self.put(())
        return int.from_bytes(data, "little")

    def wait(self) -> int | None:
        """Take the next place when there is one; None: there will be no more. For lanes."""
        poller = select.poll()
        poller.register(self.outlet, select.POLLIN)
        while True:
            poller.poll()
            with contextlib.suppress(BlockingIOError):  # another one took it
                data = os.read(self.outlet.fileno(), _PLACE)
                return int.from_bytes(data, "little") if data else None


class Lanes:
    """The lanes beside our own. One thread uses this.

    Parameters
    ----------
    make
        Makes the engine of a lane, with a port instance of its own.
    behaviours
        What will be played, or more than that: a place is an index in here.
    """

    #: Our ends of all pipes. A process that kept a copy of one would keep lanes from seeing that we were killed.
    _ours: ClassVar[set[Connection]] = set()

    def __init__(self, make: Callable[[], Engine], behaviours: Sequence[Behaviour]) -> None:
        self._make = make
        self._behaviours = behaviours
        self._places = _Places()
        self._ours.add(self._places.inlet)
        self._heard = selectors.DefaultSelector()
        self._processes: list[multiprocessing.process.BaseProcess] = []
        self._threads: list[threading.Thread] = []
        #: How many behaviours were handed out that nobody has answered for.
        self.open = 0

    def __len__(self) -> int:
        return len(self._processes) + len(self._threads)

    def fork(self, count: int) -> None:
        """Start lanes in processes of their own. They are copies of this one, so it must have no other thread."""
        context = multiprocessing.get_context("fork")
        for _ in range(count):
            theirs = self._listen()
            process = context.Process(target=self._in_a_process, args=(theirs,), name="lane", daemon=True)
            process.start()
            theirs.close()
            self._processes.append(process)

    def thread(self, count: int) -> None:
        """Start lanes in threads. They are not at work all at once, for one thread computes at a time."""
        for _ in range(count):
            thread = threading.Thread(target=self._in_a_thread, args=(self._listen(),), name="lane", daemon=True)
            thread.start()
            self._threads.append(thread)

    def _listen(self) -> Connection:
        """Make the pipe of a lane; return the lane's end."""
        ours, theirs = multiprocessing.Pipe(duplex=False)
        self._ours.add(ours)
        self._heard.register(ours, selectors.EVENT_READ)
        return theirs

    # -- in the lanes

    def _in_a_process(self, answers: Connection) -> None:
        # Ctrl-C goes to all of us; the first process tells about it, and has us end
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        alarm_is_ours()
        for end in self._ours:
            end.close()
        self._play(answers)

    def _in_a_thread(self, answers: Connection) -> None:
        with answers:  # what ends us is seen by its end
            self._play(answers)

    def _play(self, answers: Connection) -> None:
        with contextlib.suppress(BrokenPipeError):  # nobody listens any more
            try:
                with self._make() as engine:
                    while (place := self._places.wait()) is not None:
                        answers.send((place, _told(engine.play(self._behaviours[place]))))
            except PortUnavailable as trouble:
                answers.send(trouble)

    # -- with the lanes

    def hand_out(self, places: Iterable[int]) -> None:
        """Have these behaviours played, in this order, by whoever is free."""
        places = list(places)
        self.open += len(places)
        self._places.put(places)

    def take(self) -> int | None:
        """Take the place of a behaviour, to play it ourselves; None: nobody has to begin one now."""
        place = self._places.take()
        if place is not None:
            self.open -= 1
        return place

    def take_back(self) -> list[int]:
        """Take back all that nobody has begun."""
        taken = []
        while (place := self.take()) is not None:
            taken.append(place)
        return taken

    def hear(self, *, wait: bool) -> list[Result]:
        """Return results that have come; wait for the first, if there is one to wait for.

        Raises
        ------
        PortUnavailable
            When a lane's port no longer starts.
        RuntimeError
            When a lane has ended before its work was done.
        """
        heard = []
        for key, _ in self._heard.select(None if wait and self.open else 0):
            assert isinstance(key.fileobj, Connection)
            try:
                answer = key.fileobj.recv()
            except (EOFError, OSError):
                raise RuntimeError("a process of the runner has ended before its work was done") from None
            if isinstance(answer, PortUnavailable):
                raise answer
            place, told = answer
            heard.append(Result(self._behaviours[place], **told))
        self.open -= len(heard)
        return heard

    def end(self) -> None:
        """End the lanes, each when it is done with what it has begun; their ports end with them."""
        self.take_back()
        self._close(self._places.inlet)
        for key in list(self._heard.get_map().values()):
            assert isinstance(key.fileobj, Connection)
            self._close(key.fileobj)
        self._heard.close()
        for thread in self._threads:
            thread.join()
        for process in self._processes:
            process.join(GRACE)
            if process.is_alive():
                process.kill()
                process.join()
            process.close()
        self._places.outlet.close()

    def _close(self, end: Connection) -> None:
        self._ours.discard(end)
        end.close()


def _told(result: Result) -> dict[str, object]:
    """Return what of a result has to be told: all but its behaviour, and but what it is by default."""
    values = ((name, getattr(result, name), default) for name, default in _DEFAULTS.items())
    return {name: value for name, value, default in values if value != default}
