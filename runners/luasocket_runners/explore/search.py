"""Searches for differences between a port and the reference, in programs that Hypothesis generates."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Final

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st
from hypothesis.database import DirectoryBasedExampleDatabase
from hypothesis.errors import Flaky
from luasocket_spec.model import Dialect

from luasocket_runners.explore.draw import Drawer
from luasocket_runners.explore.lockstep import Difference, Lockstep
from luasocket_runners.explore.renaming import renumbered
from luasocket_runners.explore.side import Side
from luasocket_runners.ports import Port
from luasocket_runners.quirks import NO_QUIRKS, Quirks

#: Programs of one batch. After each, the limits are looked at, and the next one gets a seed of its own; a batch that
#: found a difference ends early.
BATCH: Final = 50
#: Draws of a program, one of these: most add one step, some a few that belong together. In long ones, objects meet in
#: many states; short ones are about more different things.
DRAWS: Final = (25, 50, 100)
#: Draws the source of a program's steps.
_SEEDS: Final = st.integers(0, 2**64 - 1)
#: Seconds that the steps of one difference are left out for: a step that hangs costs seconds each time.
SHORTEN_LIMIT: Final = 30.0
#: How often a difference has to show again, in programs of its own, to count: under load, the system delivers late.
CONFIRMATIONS: Final = 3


@dataclass(slots=True)
class Found:
    """The results of a search.

    Attributes
    ----------
    differences
        One for each kind, as short as it could be made, in the order in which they were found.
    unconfirmed
        How many differences did not show again, and do not count.
    calls, programs
        How many steps and programs were run.
    absent
        The functions and methods that the port does not have.
    """

    differences: list[Difference] = field(default_factory=list)
    unconfirmed: int = 0
    calls: int = 0
    programs: int = 0
    absent: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Limits:
    """When a search ends: after so many calls, programs, seconds or differences; None: no limit of that kind."""

    calls: int | None = None
    programs: int | None = None
    seconds: float | None = None
    differences: int | None = None


class _DifferenceFound(Exception):
    """Ends a program with a difference."""


class Search:
    """A search on one port.

    Parameters
    ----------
    reference, port
        The implementation whose answers are right, and the one that is compared with it.
    dialect
        The dialect that both are asked to speak.
    seed
        Chooses the programs: the same seed, the same programs.
    profile
        One of `PROFILES`.
    quirks
        The rules by which the port differs.
    database
        A directory that keeps the programs that differed, which are tried first the next time; None keeps none.
    in_lua
        Whether the port runs in a Lua whose version is known, as which the reference answers.
    shorten
        Whether the steps that a difference does not need are left out.
    progress
        Called after each program, and after each difference, with the results so far.
    """

    def __init__(
        self,
        reference: Port,
        port: Port,
        dialect: Dialect,
        *,
        seed: int = 0,
        profile: str = "everything",
        quirks: Quirks = NO_QUIRKS,
        database: Path | None = None,
        in_lua: bool = True,
        shorten: bool = True,
        progress: Callable[[Found], None] = lambda found: None,
    ) -> None:
        self._ports = reference, port
        self.dialect: Dialect = dialect
        self._seed = seed
        self._profile = profile
        self._quirks = quirks
        self._database = None if database is None else DirectoryBasedExampleDatabase(database)
        self._in_lua = in_lua
        self._shorten = shorten
        self._batch = 0
        self._progress = progress
        self._known: set[tuple[str, str, str]] = set()
        self._target: tuple[str, str, str] | None = None
        self._smallest: Difference | None = None
        self.found = Found()

    def run(self, limits: Limits) -> Found:
        """Search until one of the limits is reached; return the results. A second call goes on with other programs.

        Raises
        ------
        PortUnavailable
            When the port cannot be started.
        """
        began = time.monotonic()
        with Side(self._ports[0], self.dialect) as reference, Side(self._ports[1], self.dialect) as port:
            lockstep = Lockstep(reference, port, self.dialect, self._quirks, in_lua=self._in_lua)
            lockstep.absent.update(self.found.absent)
            before = -1
            # a batch without a single call: the port has nothing of the profile
            while not self._reached(limits, time.monotonic() - began) and self.found.calls != before:
                before = self.found.calls
                self._run_batch(lockstep, self._batch, limits, began)
                self._batch += 1
        return self.found

    def _reached(self, limits: Limits, seconds: float) -> bool:
        found = self.found
        return (
            (limits.calls is not None and found.calls >= limits.calls)
            or (limits.programs is not None and found.programs >= limits.programs)
            or (limits.seconds is not None and seconds >= limits.seconds)
            or (limits.differences is not None and len(found.differences) >= limits.differences)
        )

    def _run_batch(self, lockstep: Lockstep, batch: int, limits: Limits, began: float) -> None:
        self._target = self._smallest = None

        def program(data: st.DataObject) -> None:
            if self._target is None and self._reached(limits, time.monotonic() - began):
                return
            lockstep.reset()
            difference = self._run_program(lockstep, Random(data.draw(_SEEDS)))
            self._count(lockstep)
            if difference is not None and self._counts(difference):
                raise _DifferenceFound

        config = settings(
            max_examples=BATCH,
            deadline=None,
            database=self._database,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.reuse, Phase.generate),  # see `_without_idle_steps`
            report_multiple_bugs=False,
            verbosity=Verbosity.quiet,
            print_blob=False,
        )
        seeded = seed(self._seed * 1_000_003 + batch)(given(st.data())(program))
        with contextlib.suppress(_DifferenceFound, Flaky):
            config(seeded)()  # in this order: a seed would take the database away
        self._confirm(lockstep)

    def _run_program(self, lockstep: Lockstep, source: Random) -> Difference | None:
        """Draw and run one program; return the first difference."""
        abilities = lockstep.abilities
        drawer = Drawer(source, lockstep.state, abilities, self._profile)
        draws = source.choice(DRAWS)
        for number in range(draws + 1):
            for step in drawer.steps() if number < draws else drawer.final_steps():
                if lockstep.label(step) in abilities.absent:
                    break
                difference = lockstep.run(step)
                if difference is not None:
                    return difference
                if lockstep.label(step) in lockstep.absent:
                    return None  # the steps that would follow need its result
        return None

    def _counts(self, difference: Difference) -> bool:
        """Tell whether a difference is to be shrunk: a new kind, and, while one is being shrunk, no other."""
        if difference.key in self._known or self._target not in (None, difference.key):
            return False
        self._target = difference.key
        if self._smallest is None or len(difference.steps) <= len(self._smallest.steps):
            self._smallest = difference
        return True

    def _count(self, lockstep: Lockstep) -> None:
        self.found.calls, lockstep.calls = self.found.calls + lockstep.calls, 0
        self.found.programs += 1
        self.found.absent = frozenset(lockstep.absent)
        self._progress(self.found)

    def _confirm(self, lockstep: Lockstep) -> None:
        """Run the smallest program again; only what differs every time counts."""
        smallest = self._smallest
        if smallest is None:
            return
        self._known.add(smallest.key)
        for _ in range(CONFIRMATIONS):
            if _replay(lockstep, smallest) is None:
                self.found.unconfirmed += 1
                self._known.discard(smallest.key)
                return
        if self._shorten:
            smallest = self._without_idle_steps(lockstep, smallest)
            renamed = replace(smallest, steps=renumbered(smallest.steps))
            smallest = _replay(lockstep, renamed) or smallest
        self.found.differences.append(smallest)
        lockstep.tolerate(smallest)
        self._progress(self.found)

    @staticmethod
    def _without_idle_steps(lockstep: Lockstep, difference: Difference) -> Difference:
        """Leave out the steps without which the difference stays: first many at once, then one after the other.

        Hypothesis would shrink the draws. Without one of them, all later ones mean something else, for what can be
        drawn depends on the state; and it may take five minutes. The steps themselves can be left out.
        """
        limit = time.monotonic() + SHORTEN_LIMIT
        size = len(difference.steps) // 2
        while size:
            end = len(difference.steps) - 1
            while end > 0 and time.monotonic() < limit:
                start = max(0, end - size)
                steps = (*difference.steps[:start], *difference.steps[end:])
                shorter = _replay(lockstep, replace(difference, steps=steps))
                if shorter is not None:
                    difference = shorter
                end = min(start, len(difference.steps) - 1)
            size //= 2
        return difference


def _replay(lockstep: Lockstep, difference: Difference) -> Difference | None:
    """Run the steps of a difference; return it as it shows now, None if it does not."""
    lockstep.reset()
    found = next(filter(None, map(lockstep.run, difference.steps)), None)
    return found if found is not None and found.key == difference.key else None
