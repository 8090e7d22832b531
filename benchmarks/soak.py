"""Runs the whole specification many times, on several ports at once, on a machine that is kept busy.

    python benchmarks/soak.py [--rounds 50] [--port NAME]… [SELECTOR…]

A result that differs from round to round is a defect of the suite, and so is a descriptor, a thread or a process that
is left behind: either makes the exit status 1. It needs Linux, because it counts them in ``/proc``.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Final

import luasocket_spec
from luasocket_runners.ports import reaper, resolve
from luasocket_runners.result import CONFORMING, Result, Verdict
from luasocket_runners.run.session import WORKERS, Session
from luasocket_runners.selection import select

DEFAULT_PORTS: Final = ("reference", "lupa:lua54")
ROUNDS: Final = 50
#: A busy core: it ends with the process that started it, however that ends.
_HOG: Final = """\
import os
parent = os.getppid()
while os.getppid() == parent:
    for _ in range(10 ** 6):
        pass
"""


@dataclass(frozen=True)
class Outcome:
    """The result of a behaviour in one round; rounds are compared without the words."""

    verdict: Verdict
    follows: str | None
    words: str = field(compare=False)

    @classmethod
    def of(cls, result: Result) -> Outcome:
        """Return the outcome of a result."""
        words = "; ".join(filter(None, (result.call, result.reason, result.returned, result.printed)))
        return cls(result.verdict, result.follows, words)


@dataclass(frozen=True)
class Left:
    """How much a process holds."""

    descriptors: int
    threads: int
    children: int

    @classmethod
    def now(cls) -> Left:
        """Count the resources of this process."""
        tasks = list(Path("/proc/self/task").iterdir())
        children = sum(len((task / "children").read_text().split()) for task in tasks)
        return cls(len(os.listdir("/proc/self/fd")), len(tasks), children)  # noqa: PTH208 (names, not paths)


@dataclass
class Round:
    """One run of everything: seconds, outcomes by id, and the notes on behaviours that were rerun alone."""

    seconds: float
    outcomes: dict[str, Outcome]
    notes: dict[str, str]


@dataclass
class Soaked:
    """All rounds of a port, and the resources of its process before the first and after the last."""

    port: str
    rounds: list[Round] = field(default_factory=list)
    before: Left | None = None
    after: Left | None = None
    trouble: str | None = None

    def differing(self) -> dict[str, Counter[Outcome]]:
        """Return the behaviours whose outcome was not the same in all rounds, with how often each came."""
        counts: dict[str, Counter[Outcome]] = {}
        for each in self.rounds:
            for identity, outcome in each.outcomes.items():
                counts.setdefault(identity, Counter())[outcome] += 1
        return {identity: count for identity, count in counts.items() if len(count) > 1}

    def notes(self) -> Counter[str]:
        """Return the notes on behaviours that were rerun alone, with their numbers."""
        return Counter(f"{identity}: {note}" for each in self.rounds for identity, note in each.notes.items())

    def steady(self) -> bool:
        """Return whether nothing differs and nothing is left behind."""
        return self.trouble is None and not self.differing() and self.before == self.after


def run_rounds(pipe: Connection, name: str, rounds: int, workers: int, selectors: Sequence[str]) -> None:
    """Run the rounds on one port, in a process of their own; send each round, and the resources before and after."""
    try:
        chosen, unused = select(luasocket_spec.load().behaviours, selectors)
        if unused:
            raise ValueError(f"no behaviour is named by {', '.join(unused)}")
        port = resolve(name)
        reaper.forget(0)  # the reaper stays as long as we do: have it started before we count
        pipe.send(Left.now())
        for _ in range(rounds):
            began = time.monotonic()
            with Session(port, chosen, workers=workers) as session:
                results = session.run([behaviour for behaviour in chosen if session.engine.applies(behaviour)])
            outcomes = {result.behaviour.id: Outcome.of(result) for result in results}
            notes = {result.behaviour.id: result.note for result in results if result.note}
            pipe.send(Round(time.monotonic() - began, outcomes, notes))
        pipe.send(Left.now())
    except Exception as trouble:
        pipe.send(f"{type(trouble).__name__}: {trouble}")


def soak(ports: Sequence[str], rounds: int, workers: int, selectors: Sequence[str]) -> list[Soaked]:
    """Run the rounds on all ports at once; print each round on standard error when it ends."""
    context = multiprocessing.get_context("spawn")  # the new processes begin with nothing of ours
    soaked: dict[Connection, Soaked] = {}
    processes = []
    for name in ports:
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=run_rounds, args=(theirs, name, rounds, workers, selectors), name=name)
        process.start()
        theirs.close()
        processes.append(process)
        soaked[ours] = Soaked(name)
    open_pipes = set(soaked)
    while open_pipes:
        for pipe in wait(list(open_pipes)):
            assert isinstance(pipe, Connection)
            try:
                store(soaked[pipe], pipe.recv())
            except EOFError:
                open_pipes.discard(pipe)
                pipe.close()
    for process in processes:
        process.join()
    for soaked_port in soaked.values():
        if soaked_port.trouble is None and soaked_port.after is None:
            soaked_port.trouble = "its process ended before its work was done"
    return list(soaked.values())


def store(soaked: Soaked, soaked_port: object) -> None:
    """Store a message of the process of a port."""
    match soaked_port:
        case Left() if soaked.before is None:
            soaked.before = soaked_port
        case Left():
            soaked.after = soaked_port
        case Round():
            soaked.rounds.append(soaked_port)
            failed = sum(outcome.verdict not in CONFORMING for outcome in soaked_port.outcomes.values())
            print(
                f"{soaked.port} round {len(soaked.rounds)}: {len(soaked_port.outcomes)} behaviours, {failed} failed, "
                f"{len(soaked_port.notes)} rerun alone, {soaked_port.seconds:.1f} s",
                file=sys.stderr,
                flush=True,
            )
        case str():
            soaked.trouble = soaked_port


@contextlib.contextmanager
def hogs(count: int) -> Iterator[None]:
    """Keep so many cores busy."""
    started = [subprocess.Popen([sys.executable, "-c", _HOG]) for _ in range(count)]
    try:
        yield
    finally:
        for hog in started:
            hog.kill()
            hog.wait()


def table(soaked: Sequence[Soaked]) -> str:
    """Return the table of ports, and the remarks on each."""
    head = ("port", "rounds", "behaviours", "differing", "median s", "worst s", "descriptors", "threads", "children")
    rows = [head]
    for soaked_port in soaked:
        seconds = [each.seconds for each in soaked_port.rounds] or [0.0]
        before, after = soaked_port.before, soaked_port.after
        held = (
            ("?",) * 3
            if before is None or after is None
            else (
                f"{before.descriptors} → {after.descriptors}",
                f"{before.threads} → {after.threads}",
                f"{before.children} → {after.children}",
            )
        )
        behaviours = len(soaked_port.rounds[0].outcomes) if soaked_port.rounds else 0
        rows.append(
            (
                *(soaked_port.port, str(len(soaked_port.rounds)), str(behaviours), str(len(soaked_port.differing()))),
                *(f"{statistics.median(seconds):.1f}", f"{max(seconds):.1f}"),
                *held,
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    for soaked_port in soaked:
        lines += ["", *remarks(soaked_port)]
    return "\n".join(lines).rstrip()


def remarks(soaked_port: Soaked) -> Iterator[str]:
    """Yield remarks on a port beyond its row."""
    if soaked_port.trouble is not None:
        yield f"{soaked_port.port}: {soaked_port.trouble}"
    for identity, counts in soaked_port.differing().items():
        yield f"{soaked_port.port} DIFFERS {identity}"
        for outcome, count in counts.most_common():
            follows = f", follows {outcome.follows}" if outcome.follows else ""
            yield f"    {count} times {outcome.verdict.value}{follows}{': ' if outcome.words else ''}{outcome.words}"
    for note, count in soaked_port.notes().most_common():
        yield f"{soaked_port.port} {count} times {note}"


def count(text: str) -> int:
    """Return a number from 0 on."""
    if not text.isascii() or not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!a} is not a number from 0 on")
    return int(text)


def main() -> int:
    """Run all rounds, print the results, and return the exit status."""
    parser = argparse.ArgumentParser(description="Run the specification many times on a busy machine.")
    parser.add_argument("--rounds", type=count, default=ROUNDS, help=f"how often (default: {ROUNDS})")
    parser.add_argument("--port", action="append", help=f"can be given again (default: {' '.join(DEFAULT_PORTS)})")
    parser.add_argument("--hogs", type=count, default=os.cpu_count(), help="busy processes (default: one a core)")
    parser.add_argument("--workers", type=count, default=WORKERS, help=f"workers of each port (default: {WORKERS})")
    parser.add_argument("selectors", nargs="*", metavar="SELECTOR", help="which behaviours (default: all)")
    options = parser.parse_args()
    with hogs(options.hogs):
        soaked = soak(options.port or DEFAULT_PORTS, options.rounds, max(options.workers, 1), options.selectors)
    print(table(soaked))
    return 0 if all(soaked_port.steady() for soaked_port in soaked) else 1


if __name__ == "__main__":
    sys.exit(main())
