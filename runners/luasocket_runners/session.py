"""A run: many behaviours on one port.

What lives here: selection by id, the order of results, what is played once more alone. What may not: the processes and
threads of lanes (``lanes``), one behaviour's playing (``engine``), layout (``report``), the command line (``cli``).
"""

from __future__ import annotations

import contextlib
import fnmatch
import gc
import multiprocessing
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from luasocket_spec.model import Authority, Behaviour, Dialect

from luasocket_runners.engine import DEADLINE, Engine, waits
from luasocket_runners.lanes import Lanes
from luasocket_runners.ports import Port
from luasocket_runners.result import CONFORMING, Result, Verdict

#: Behaviours in flight at once where nobody says otherwise. Some are asleep for a second, so more lanes than cores pay;
#: beyond this many, to start them costs what they gain (on two cores).
LANES: Final = 12
#: What makes a selector a pattern.
_PATTERN: Final = frozenset("*?[")
#: Behaviours for which another process pays: starting it and its port costs as much as playing some dozens.
WORTH_A_PROCESS: Final = 64
#: What hangs is played again alone until so much has hung there, too: each costs the whole deadline, or a peer's
#: patience, and a port that hung alone so often does not hang for want of time.
HANGS_PLAYED_AGAIN: Final = 3
#: Seconds from which on waiting is long: a run is a few seconds. Few are so long that not all lanes begin by sleeping.
LONG: Final = 0.5
#: Seconds between two rounds of playing again, alone, what has failed in company: as long as a person waits without
#: a doubt. Each round costs the time in which the lanes end what they have begun.
ROUND: Final = 5.0


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
    expected
        Tells of a result that fails whether that is known of the port: then it is no reason to play it again.
    company
        Whether others play on this host that we know nothing of, as the processes of pytest-xdist do.

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
        expected: Callable[[Result], bool] = lambda result: False,
        company: bool = False,
    ) -> None:
        self._port = port
        self._company = company
        self._expected = expected
        self._make = partial(Engine, port, dialect, authority, deadline=deadline)
        self._lanes = 1 if port.one_at_a_time else lanes
        self._behaviours = behaviours
        self._places = {behaviour.id: place for place, behaviour in enumerate(behaviours)}
        self._hung_alone = 0
        #: The first lane's engine: it tells the port's description and the dialect.
        self.engine = self._make()

    def __enter__(self) -> Session:
        self._others = Lanes(self._make, self._behaviours)
        try:
            self._fork()
            self.engine.__enter__()
        except BaseException:
            self._end_others()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        try:
            self.engine.__exit__(None, None, None)
        finally:
            self._end_others()

    def _fork(self) -> None:
        if threading.active_count() > 1 or "fork" not in multiprocessing.get_all_start_methods():
            return
        processes = min(self._lanes, len(self._behaviours) // WORTH_A_PROCESS)
        if processes > 1:
            self._port.prepare()
        gc.freeze()  # what is there now is shared, and stays so when garbage is collected
        self._others.fork(processes - 1)

    def _end_others(self) -> None:
        self._others.end()
        gc.unfreeze()

    def run(
        self, behaviours: Sequence[Behaviour], seen: Callable[[Result], None] = lambda result: None
    ) -> list[Result]:
        """Play the behaviours; return the results in the same order.

        ``seen`` is called with each result as it comes. A behaviour that failed in company is played once more alone,
        for the others may have kept the host busy; that result counts. This is done every few seconds: what fails is
        told long before the end.
        """
        with self.ahead(behaviours, seen) as ahead:
            ahead.finish()
            return [ahead.take(behaviour) for behaviour in behaviours]

    def ahead(self, behaviours: Sequence[Behaviour], seen: Callable[[Result], None] = lambda result: None) -> Ahead:
        """Begin to play the behaviours; their results can be taken one by one, while the lanes play what follows."""
        return Ahead(self, behaviours, seen)

    def _begin(self, behaviours: Sequence[Behaviour]) -> None:
        """Have all lanes play these behaviours."""
        self._end_what_was_begun(lambda result: None)
        self._others.thread(min(self._lanes, len(behaviours)) - 1 - len(self._others))
        # what only waits begins first, beside what computes: a run is not to end with it
        order = sorted(behaviours, key=lambda behaviour: waits(behaviour.steps) < LONG)
        self._others.hand_out(self._places[behaviour.id] for behaviour in order)

    def _step(self, done: Callable[[Result], None]) -> None:
        """Play a behaviour that nobody has begun, or else wait for a lane; pass on the results that are there."""
        place = self._others.take()
        if place is not None:
            done(self.engine.play(self._behaviours[place]))
        for result in self._others.hear(wait=place is None):
            done(result)

    def _end_what_was_begun(self, done: Callable[[Result], None]) -> list[int]:
        """Have the lanes end what they have begun; return the places of the rest, which they will not begin now."""
        left = self._others.take_back()
        while True:  # once at least: a lane that has trouble says so though it has begun nothing
            for result in self._others.hear(wait=True):
                done(result)
            if not self._others.open:
                break
        return left

    def _in_doubt(self, result: Result) -> bool:
        """Tell whether company may have to do with a result: not with what is known, nor with what is not there."""
        surprise = result.verdict not in CONFORMING and result.verdict is not Verdict.NOT_IMPLEMENTED
        return surprise and not self._expected(result)

    def _believed(self, result: Result) -> Result:
        """Return what counts instead of a result in doubt: that of playing alone. No lane may play now."""
        if (self._lanes == 1 and not self._company) or (result.hung and self._hung_alone >= HANGS_PLAYED_AGAIN):
            return result
        alone = self.engine.play(result.behaviour)
        if alone.verdict in CONFORMING:
            alone = replace(
                alone, note=f"{result.verdict.value} in company ({result.reason}), {alone.verdict.value} alone"
            )
        self._hung_alone += alone.hung
        return alone


class Ahead:
    """Behaviours that the lanes of a session play ahead of who takes the results. Use as a context manager.

    Who takes them in the order of the behaviours waits the least; our own lane plays while one waits. Leaving it early
    lets the lanes end what they have begun, and begin nothing more.
    """

    def __init__(self, session: Session, behaviours: Sequence[Behaviour], seen: Callable[[Result], None]) -> None:
        self._session = session
        self._behaviours = behaviours
        self._untaken = {behaviour.id for behaviour in behaviours}
        self._seen = seen
        self._results: dict[str, Result] = {}
        self._doubtful: list[str] = []

    def __enter__(self) -> Ahead:
        self._session._begin(self._behaviours)
        return self

    def __exit__(self, *_exc: object) -> None:
        self.leave()

    @property
    def left(self) -> int:
        """How many results were not taken yet."""
        return len(self._untaken)

    def leave(self) -> None:
        """Have the lanes begin nothing more."""
        self._session._others.take_back()

    def finish(self) -> None:
        """Wait until everything was played; what is in doubt is settled every few seconds."""
        count = len({behaviour.id for behaviour in self._behaviours})
        settled = time.monotonic()
        while len(self._results) < count:
            self._session._step(self._done)
            if time.monotonic() - settled >= ROUND:
                self._settle()
                settled = time.monotonic()
        self._settle()

    def take(self, behaviour: Behaviour) -> Result:
        """Return the result of a behaviour. One that failed in company is played alone first, while the lanes pause.

        A behaviour whose result was taken, or that was not to be played, is played now, alone.

        Raises
        ------
        PortUnavailable
            When the port no longer starts.
        """
        if behaviour.id not in self._untaken:
            with self._pause():
                result = self._session.engine.play(behaviour)
                doubtful = self._session._company and self._session._in_doubt(result)
                return self._session._believed(result) if doubtful else result
        while behaviour.id not in self._results:
            self._session._step(self._done)
        if behaviour.id in self._doubtful:
            self._settle()
        self._untaken.discard(behaviour.id)
        return self._results[behaviour.id]

    def _done(self, result: Result) -> None:
        """Keep a result, and show it unless it is in doubt."""
        self._results[result.behaviour.id] = result
        if self._session._in_doubt(result):
            self._doubtful.append(result.behaviour.id)
        else:
            self._seen(result)

    def _settle(self) -> None:
        """Replace every result that is in doubt by one that counts, and show it."""
        if not self._doubtful:
            return
        with self._pause():
            doubtful, self._doubtful = self._doubtful, []
            for identity in doubtful:
                self._results[identity] = result = self._session._believed(self._results[identity])
                self._seen(result)

    @contextlib.contextmanager
    def _pause(self) -> Iterator[None]:
        """Have the lanes play nothing, from when they are done with what they have."""
        left = self._session._end_what_was_begun(self._done)
        yield
        self._session._others.hand_out(left)
