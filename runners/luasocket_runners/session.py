"""A run: many behaviours on one port.

What lives here: selection by id, several lanes at once, the order of results. What may not: one behaviour's playing
(``engine``), layout (``report``), the command line (``cli``).
"""

from __future__ import annotations

import fnmatch
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from luasocket_spec.model import Authority, Behaviour, Dialect

from luasocket_runners.engine import DEADLINE, Engine
from luasocket_runners.ports import Port
from luasocket_runners.result import CONFORMING, Result, Verdict


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


def names(selector: str, identity: str) -> bool:
    """Tell whether a selector names the behaviour with this id."""
    prefix = selector.rstrip("/")
    return identity == prefix or identity.startswith(prefix + "/") or fnmatch.fnmatchcase(identity, selector)


class Session:
    """Plays behaviours on a port in several lanes, each with a port instance of its own. Use as a context manager.

    Parameters
    ----------
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
        dialect: Dialect | None = None,
        authority: Authority | None = None,
        *,
        lanes: int = 1,
        deadline: float = DEADLINE,
    ) -> None:
        self._make = partial(Engine, port, dialect, authority, deadline=deadline)
        self._lanes = 1 if port.one_at_a_time else lanes
        #: The first lane's engine: it tells the port's description and the dialect.
        self.engine = self._make()

    def __enter__(self) -> Session:
        self.engine.__enter__()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.engine.__exit__(None, None, None)

    def run(
        self, behaviours: Sequence[Behaviour], seen: Callable[[Result], None] = lambda result: None
    ) -> list[Result]:
        """Play the behaviours; return the results in the same order.

        ``seen`` is called with each result as it comes, from any thread, one at a time. A behaviour that failed in
        company is played once more alone, for the others may have kept the host busy; that result counts.
        """
        lanes = min(self._lanes, len(behaviours))
        if lanes <= 1:
            return [self._seen(self.engine.play(behaviour), seen) for behaviour in behaviours]
        results: list[Result | None] = [None] * len(behaviours)
        todo = iter(enumerate(behaviours))
        lock = threading.Lock()
        troubles: list[BaseException] = []

        def take() -> Iterator[tuple[int, Behaviour]]:
            while not troubles:
                with lock:
                    item = next(todo, None)
                if item is None:
                    return
                yield item

        def lane(engine: Engine) -> None:
            try:
                with engine:
                    work(engine)
            except BaseException as trouble:
                troubles.append(trouble)

        def work(engine: Engine) -> None:
            for index, behaviour in take():
                result = engine.play(behaviour)
                results[index] = result
                if not _in_doubt(result):
                    with lock:
                        seen(result)

        threads = [threading.Thread(target=lane, args=(self._make(),), name=f"lane {n}") for n in range(2, lanes + 1)]
        for thread in threads:
            thread.start()
        try:
            work(self.engine)
        except BaseException as trouble:
            troubles.append(trouble)
        for thread in threads:
            thread.join()
        if troubles:
            raise troubles[0]
        return [self._believed(result, seen) for result in results if result is not None]

    def _seen(self, result: Result, seen: Callable[[Result], None]) -> Result:
        seen(result)
        return result

    def _believed(self, result: Result, seen: Callable[[Result], None]) -> Result:
        """Return the result, or, where it is in doubt, that of playing the behaviour alone."""
        if not _in_doubt(result):
            return result
        alone = self.engine.play(result.behaviour)
        if alone.verdict in CONFORMING:
            alone = replace(
                alone, note=f"{result.verdict.value} in company ({result.reason}), {alone.verdict.value} alone"
            )
        return self._seen(alone, seen)


def _in_doubt(result: Result) -> bool:
    """Tell whether company may have to do with a result. What a port does not have, it does not have alone either."""
    return result.verdict not in CONFORMING and result.verdict is not Verdict.NOT_IMPLEMENTED
