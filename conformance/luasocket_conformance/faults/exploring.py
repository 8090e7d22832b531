"""Explores faulty ports, to measure what random exploration detects without the specification.

Each port is explored in a process of its own: a mistake in descriptors may close those of the process.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Final

from luasocket_runners.explore.search import Limits
from luasocket_runners.explore.session import search_for

from luasocket_conformance.faults.mechanism import CATALOGUE, FaultyPort
from luasocket_conformance.faults.table import table

__all__ = ["CALLS", "Exploration", "explore_all", "report"]

#: The most calls on each port, unless the command says otherwise: as in a search without limits.
CALLS: Final = 8000
#: Numbers of calls within which the report says how many ports were detected.
_STAGES: Final = (100, 300, 1000, 3000, 8000, 20000, 50000)
#: Seconds for each thousand calls, and at least, after which a process is given up: it hangs.
_LIMIT: Final = 60.0
#: The modules that each process needs; loading them once is enough.
_MODULES: Final = ["luasocket_conformance.faults", "luasocket_conformance.faults.exploring"]


@dataclass(frozen=True, slots=True)
class Exploration:
    """What came of exploring a faulty port.

    Attributes
    ----------
    faulty
        The port.
    calls
        How many calls were made, until the first difference or until the limit.
    seen
        What differed, in a few words; empty if nothing did.
    """

    faulty: FaultyPort
    calls: int
    seen: str

    @property
    def detected(self) -> bool:
        """Whether exploring shows that the port is faulty."""
        return self.seen != ""


def explore_all(catalogue: Sequence[FaultyPort], calls: int, seed: int) -> Iterator[Exploration]:
    """Explore faulty ports, one on each processor at a time; yield the results in their order.

    Parameters
    ----------
    calls
        The most calls on each port.
    seed
        Chooses the programs, the same ones for each port.
    """
    # not "fork", which copies a process whose threads hold locks
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_MODULES)

    def explore(faulty: FaultyPort) -> Exploration:
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=_explore, args=(faulty.name, calls, seed, sender), daemon=True)
        process.start()
        sender.close()
        try:
            made, seen = receiver.recv() if receiver.poll(_LIMIT * max(1, calls / 1000)) else (calls, "it hung")
        except EOFError:
            made, seen = calls, "the process ended"
        process.kill()
        process.join()
        receiver.close()
        return Exploration(faulty, made, seen)

    with ThreadPoolExecutor(os.cpu_count() or 1) as workers:
        yield from workers.map(explore, catalogue)


def _explore(name: str, calls: int, seed: int, results: Connection) -> None:
    """Explore one faulty port, and send how many calls were made, and what differed."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())  # tracebacks of the mistake
    faulty = CATALOGUE[name]
    search = search_for(faulty.port(), faulty.dialect, seed=seed, shorten=False, in_lua=True)
    found = search.found
    while not found.differences and not found.absent and found.calls < calls:
        before = found.calls
        search.run(Limits(calls=min(calls, found.calls + 500), differences=1))
        if found.calls == before:
            break
    seen = f"{found.differences[0].key[0]}: {found.differences[0].words}" if found.differences else ""
    results.send((found.calls, seen or ", ".join(f"{label} is missing" for label in sorted(found.absent))))


def report(explorations: Sequence[Exploration], calls: int, seed: int) -> str:
    """Return the detected and all faulty ports by subject, after how many calls, and those that showed nothing."""
    total = Counter(one.faulty.subject for one in explorations)
    detected = [one for one in explorations if one.detected]
    lines = [table(total, Counter(one.faulty.subject for one in detected))]
    stages = [stage for stage in _STAGES if stage < calls] + [calls]
    counts = [sum(one.calls <= stage for one in detected) for stage in stages]
    lines.append(f"by exploring, with seed {seed}:")
    lines += [f"  within {stage} calls: {count}" for stage, count in zip(stages, counts, strict=True)]
    if len(detected) < len(explorations):
        lines.append("without a difference:")
        lines += [f"  {one.faulty.id}: {one.faulty.says}" for one in explorations if not one.detected]
    return "\n".join(lines)
