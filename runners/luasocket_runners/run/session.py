"""Runs many behaviours on one port in parallel, and decides which result of each counts.

A behaviour that fails beside others is rerun alone, because they may have kept the machine busy. If it passes, it is
rerun after those that ran before it in the same process of the port, because they may have left a state behind; if it
passes again, it is flaky under load. So is an unexpected pass that fails alone as it is known to. The engines and the
workers are left to ``pool``.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Final

from luasocket_spec.model import Authority, Behaviour, Dialect

from luasocket_runners.capabilities.jitter import Jitter
from luasocket_runners.engine.engine import DEADLINE, Engine
from luasocket_runners.ports import Port, PortUnavailable
from luasocket_runners.quirks import NO_QUIRKS, Quirks
from luasocket_runners.result import CONFORMING, Result, Verdict
from luasocket_runners.run.patience import Patience
from luasocket_runners.run.pool import OnResult, Pool

#: The default number of workers. Some behaviours sleep for a second, so more workers than cores pay; beyond this
#: many, starting them costs as much as they gain (on two cores).
WORKERS: Final = 20
#: Behaviours that hang are rerun alone until this many have hung there, too: each costs the whole deadline, or a
#: peer's patience, and a port that hung alone so often does not hang for lack of time.
RERUNS_OF_HANGS: Final = 3
#: Seconds between two rounds of reruns: as long as people wait for a first failure without doubting that the run
#: goes on. Each round costs the time in which the workers finish their current behaviours.
ROUND: Final = 5.0


def _ignore(_result: Result) -> None:
    pass


class Session:
    """Runs behaviours on a port in several workers, each with a port instance of its own. Use as a context manager.

    Either :meth:`run` them all, or :meth:`start` them and :meth:`take` the results one by one.

    Parameters
    ----------
    behaviours
        All behaviours that may be started.
    workers
        How many behaviours run at the same time, at least 1; a port whose adapter serves one connection at a time has
        one worker.
    quirks
        The rules by which the port differs.
    expected
        Returns whether a result is as expected of the port: that it passes, or is a known deviation. All others are
        rerun, unexpected passes among them.
    shares_machine
        Whether other runs that this session does not know load the machine, as the processes of pytest-xdist do.
    patience
        The number of behaviours in which a function has to hang, and to return in none, before the other behaviours
        that call it are not tried; the same for its calls with one kind of outcome. None: all are tried.
    reruns_of_hangs
        The number of behaviours that have to hang alone, too, before others that hang are not rerun.
    records
        Whether results have all calls.

    Attributes
    ----------
    engine
        The engine of the first worker, which knows the port's description and the dialect.

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
        workers: int = 1,
        deadline: float = DEADLINE,
        quirks: Quirks = NO_QUIRKS,
        expected: Callable[[Result], bool] = lambda result: result.verdict in CONFORMING,
        shares_machine: bool = False,
        patience: int | None = None,
        reruns_of_hangs: int = RERUNS_OF_HANGS,
        records: bool = False,
    ) -> None:
        self._jitter = Jitter()
        make_engine = partial(
            Engine, port, dialect, authority, deadline=deadline, quirks=quirks, jitter=self._jitter, records=records
        )
        self._pool = Pool(port, make_engine, behaviours, 1 if port.one_at_a_time else workers)
        self._port = port
        self._by_id = {behaviour.id: behaviour for behaviour in behaviours}
        self._alone = (port.one_at_a_time or workers == 1) and not shares_machine
        self._shares_machine = shares_machine
        self._expected = expected
        self._hung_alone = 0
        self._reruns_of_hangs = reruns_of_hangs
        self._patience = Patience(behaviours, patience)
        self._on_result: OnResult = _ignore
        self._results: dict[str, Result] = {}
        self._not_taken: set[str] = set()
        self._to_rerun: list[str] = []
        self._open = ExitStack()
        self.engine = self._pool.engine

    def __enter__(self) -> Session:
        with ExitStack() as stack:
            stack.enter_context(self._pool)
            stack.enter_context(self._jitter)  # its thread must not be there yet when the pool forks
            self._open = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._open.close()

    def __len__(self) -> int:
        """Return the number of engines, which may run as many behaviours at the same time."""
        return len(self._pool)

    @property
    def remaining(self) -> int:
        """How many results have not been taken yet."""
        return len(self._not_taken)

    @property
    def given_up(self) -> frozenset[str]:
        """The ids of behaviours without a verdict, because the processes that ran them were killed."""
        return self._pool.given_up

    def run(self, behaviours: Sequence[Behaviour], on_result: OnResult = _ignore) -> list[Result]:
        """Run the behaviours; return the results in the same order.

        ``on_result`` is called with each result as soon as it is final. Reruns take place every few seconds, so that
        failures can be shown long before the end.
        """
        self.start(behaviours, on_result)
        count = len(self._not_taken)
        rerun_at = time.monotonic() + ROUND
        try:
            while len(self._results) < count:
                self._pool.step(self._keep)
                if time.monotonic() >= rerun_at:
                    self._rerun_doubtful()
                    rerun_at = time.monotonic() + ROUND
            self._rerun_doubtful()
        except BrokenPipeError:  # nobody reads the results any more
            raise
        except BaseException:
            self._report_doubtful()
            raise
        return [self.take(behaviour) for behaviour in behaviours]

    def start(self, behaviours: Sequence[Behaviour], on_result: OnResult = _ignore) -> None:
        """Begin to run the behaviours; those of an earlier start that are not done yet are dropped.

        The results can be taken one by one, while the workers go on. Taking them in the order of the behaviours waits
        the least.
        """
        self._on_result = on_result
        self._results, self._to_rerun = {}, []
        self._not_taken = {behaviour.id for behaviour in behaviours}
        self._pool.start(behaviours)

    def take(self, behaviour: Behaviour) -> Result:
        """Return the final result of a behaviour; if it failed beside others, it is rerun alone first.

        A behaviour that was not started, or whose result was taken already, is run now, alone.

        Raises
        ------
        PortUnavailable
            When the port no longer starts.
        """
        if behaviour.id not in self._not_taken:
            with self._pool.paused(self._keep):
                result = self.engine.run(behaviour)
                return self._rerun(result) if self._shares_machine and self._is_doubtful(result) else result
        while behaviour.id not in self._results:
            self._pool.step(self._keep)
        if behaviour.id in self._to_rerun:
            self._rerun_doubtful()
        self._not_taken.discard(behaviour.id)
        return self._results[behaviour.id]

    def cancel(self) -> None:
        """Let the workers finish their current behaviours and begin no others."""
        self._pool.cancel()

    def _keep(self, result: Result) -> None:
        """Keep a result; one that is not doubtful is final."""
        self._results[result.behaviour.id] = result
        # a hang that is declared uses up no patience
        hopeless = None if result.hung and self._expected(result) else self._patience.see(result)
        if hopeless is not None:
            for behaviour in self._pool.skip(hopeless.users):
                self._results[behaviour.id] = skipped = hopeless.not_tried(behaviour)
                self._on_result(skipped)
        if self._is_doubtful(result):
            self._to_rerun.append(result.behaviour.id)
        else:
            self._on_result(result)

    def _is_doubtful(self, result: Result) -> bool:
        """Return whether the load of others may explain a result: not if it is expected or not implemented."""
        if self._alone or result.behaviour.id in self.given_up:  # it must not run in this process
            return False
        if result.hung and self._hung_alone >= self._reruns_of_hangs:
            return False
        return result.verdict is not Verdict.NOT_IMPLEMENTED and not self._expected(result)

    def _rerun_doubtful(self) -> None:
        """Replace every doubtful result by a final one, while the workers pause."""
        if not self._to_rerun:
            return
        with self._pool.paused(self._keep):
            while self._to_rerun:
                identity = self._to_rerun[0]
                self._results[identity] = result = self._rerun(self._results[identity])
                self._to_rerun.remove(identity)
                self._on_result(result)

    def _report_doubtful(self) -> None:
        """Report the results of a run that ends early, those that cannot be rerun any more with a note."""
        with contextlib.suppress(PortUnavailable):
            self._pool.collect(self._keep)
        for identity in self._to_rerun:
            note = "not rerun alone, because the run ended early: the load of other behaviours may explain it"
            self._on_result(replace(self._results[identity], note=note))
        self._to_rerun.clear()

    def _rerun(self, result: Result) -> Result:
        """Return the final result in place of a doubtful one. No worker may run a behaviour now."""
        if result.hung and self._hung_alone >= self._reruns_of_hangs:
            return result
        alone = self.engine.run(result.behaviour)
        self._hung_alone += alone.hung
        if not self._expected(alone):
            return alone
        if result.after and result.verdict not in CONFORMING:
            again = self._rerun_after_others(result)
            if not self._expected(again):
                one = "passes" if alone.verdict in CONFORMING else "fails as listed"
                return replace(again, note=f"it {one} alone, and fails in one process after {', '.join(result.after)}")
        reason = f" ({result.reason})" if result.reason else ""
        difference = f"{result.verdict.value}{reason}, {alone.verdict.value} when rerun alone"
        # a machine under full load may use up any deadline
        if self._port.has_to_be_steady and not result.hung and not self._jitter.stood_still:
            reason = f"flaky under parallel load: {difference}"
            return replace(result, verdict=Verdict.FAILED, reason=reason, flaky_under_load=True)
        return replace(alone, flaky_under_load=True, note=f"flaky under parallel load: {difference}")

    def _rerun_after_others(self, result: Result) -> Result:
        """Return the result in a new process of the port, after the behaviours that had run before it."""
        self.engine.restart()
        for identity in result.after:
            if identity in self._by_id:
                self.engine.run(self._by_id[identity])
        return self.engine.run(result.behaviour)
