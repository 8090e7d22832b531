"""The soak: the whole specification again and again, on several ports at once, on a host that is kept busy.

    python benchmarks/soak.py [--rounds 50] [--port NAME]… [SELECTOR…]

What lives here: that one experiment, and the table that tells what came of it. What may not: any judgement of a port
(the runners'). A result that differs from round to round is a defect of ours, and so is a descriptor, a thread or a
process that is left: either makes the exit status 1. It needs Linux, whose ``/proc`` tells what is left.
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
from luasocket_runners.ports import guardian, resolve
from luasocket_runners.result import CONFORMING, Result, Verdict
from luasocket_runners.session import LANES, Session, select

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
    """What came of a behaviour in one round; the words say more, and do not tell rounds apart."""

    verdict: Verdict
    follows: str | None
    words: str = field(compare=False)

    @classmethod
    def of(cls, result: Result) -> Outcome:
        """Take what counts from a result."""
        words = "; ".join(filter(None, (result.doing, result.reason, result.returned, result.printed)))
        return cls(result.verdict, result.follows, words)


@dataclass(frozen=True)
class Left:
    """How much a process holds."""

    descriptors: int
    threads: int
    children: int

    @classmethod
    def now(cls) -> Left:
        """Count what this process holds."""
        tasks = list(Path("/proc/self/task").iterdir())
        children = sum(len((task / "children").read_text().split()) for task in tasks)
        return cls(len(os.listdir("/proc/self/fd")), len(tasks), children)  # noqa: PTH208 (names, not paths)


@dataclass
class Round:
    """One playing of everything: seconds, outcomes by id, and what was said about those played again alone."""

    seconds: float
    outcomes: dict[str, Outcome]
    notes: dict[str, str]


@dataclass
class Soaked:
    """All rounds of a port, and what its process held before the first and after the last."""

    port: str
    rounds: list[Round] = field(default_factory=list)
    before: Left | None = None
    after: Left | None = None
    trouble: str | None = None

    def differing(self) -> dict[str, Counter[Outcome]]:
        """Return the behaviours whose outcome was not the same in all rounds, with how often each came."""
        counts: dict[str, Counter[Outcome]] = {}
        for played in self.rounds:
            for identity, outcome in played.outcomes.items():
                counts.setdefault(identity, Counter())[outcome] += 1
        return {identity: count for identity, count in counts.items() if len(count) > 1}

    def notes(self) -> Counter[str]:
        """Return what was said about behaviours that were played again alone, with how often."""
        return Counter(f"{identity}: {note}" for played in self.rounds for identity, note in played.notes.items())

    def steady(self) -> bool:
        """Tell whether all is as it should be."""
        return self.trouble is None and not self.differing() and self.before == self.after


def play(pipe: Connection, name: str, rounds: int, lanes: int, selectors: Sequence[str]) -> None:
    """Play the rounds on one port, in a process of their own; send what is held, each round, what is held then."""
    try:
        chosen, unused = select(luasocket_spec.load().behaviours, selectors)
        if unused:
            raise ValueError(f"no behaviour is named by {', '.join(unused)}")
        port = resolve(name)
        guardian.forget(0)  # the guardian stays as long as we do: have it started before we count
        pipe.send(Left.now())
        for _ in range(rounds):
            began = time.monotonic()
            with Session(port, chosen, lanes=lanes) as session:
                results = session.run([behaviour for behaviour in chosen if session.engine.applies(behaviour)])
            outcomes = {result.behaviour.id: Outcome.of(result) for result in results}
            notes = {result.behaviour.id: result.note for result in results if result.note}
            pipe.send(Round(time.monotonic() - began, outcomes, notes))
        pipe.send(Left.now())
    except Exception as trouble:
        pipe.send(f"{type(trouble).__name__}: {trouble}")


def soak(ports: Sequence[str], rounds: int, lanes: int, selectors: Sequence[str]) -> list[Soaked]:
    """Play the rounds on all ports at once; tell each round on standard error as it ends."""
    context = multiprocessing.get_context("spawn")  # the new processes begin with nothing of ours
    soaked: dict[Connection, Soaked] = {}
    processes = []
    for name in ports:
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=play, args=(theirs, name, rounds, lanes, selectors), name=name)
        process.start()
        theirs.close()
        processes.append(process)
        soaked[ours] = Soaked(name)
    open_pipes = set(soaked)
    while open_pipes:
        for pipe in wait(list(open_pipes)):
            assert isinstance(pipe, Connection)
            try:
                hear(soaked[pipe], pipe.recv())
            except EOFError:
                open_pipes.discard(pipe)
                pipe.close()
    for process in processes:
        process.join()
    for told in soaked.values():
        if told.trouble is None and told.after is None:
            told.trouble = "its process ended before its work was done"
    return list(soaked.values())


def hear(soaked: Soaked, told: object) -> None:
    """Keep what the process of a port has sent."""
    match told:
        case Left() if soaked.before is None:
            soaked.before = told
        case Left():
            soaked.after = told
        case Round():
            soaked.rounds.append(told)
            deviating = sum(outcome.verdict not in CONFORMING for outcome in told.outcomes.values())
            print(
                f"{soaked.port} round {len(soaked.rounds)}: {len(told.outcomes)} behaviours, {deviating} deviate, "
                f"{len(told.notes)} played again alone, {told.seconds:.1f} s",
                file=sys.stderr,
                flush=True,
            )
        case str():
            soaked.trouble = told


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
    """Return the table of ports, and what is to be said of each."""
    head = ("port", "rounds", "behaviours", "differing", "median s", "worst s", "descriptors", "threads", "children")
    rows = [head]
    for told in soaked:
        seconds = [played.seconds for played in told.rounds] or [0.0]
        before, after = told.before, told.after
        held = (
            ("?",) * 3
            if before is None or after is None
            else (
                f"{before.descriptors} → {after.descriptors}",
                f"{before.threads} → {after.threads}",
                f"{before.children} → {after.children}",
            )
        )
        behaviours = len(told.rounds[0].outcomes) if told.rounds else 0
        rows.append(
            (
                *(told.port, str(len(told.rounds)), str(behaviours), str(len(told.differing()))),
                *(f"{statistics.median(seconds):.1f}", f"{max(seconds):.1f}"),
                *held,
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    for told in soaked:
        lines += ["", *remarks(told)]
    return "\n".join(lines).rstrip()


def remarks(told: Soaked) -> Iterator[str]:
    """Yield what is to be said of a port beyond its row."""
    if told.trouble is not None:
        yield f"{told.port}: {told.trouble}"
    for identity, counts in told.differing().items():
        yield f"{told.port} DIFFERS {identity}"
        for outcome, count in counts.most_common():
            follows = f", follows {outcome.follows}" if outcome.follows else ""
            yield f"    {count} times {outcome.verdict.value}{follows}{': ' if outcome.words else ''}{outcome.words}"
    for note, count in told.notes().most_common():
        yield f"{told.port} {count} times {note}"


def count(text: str) -> int:
    """Return a number from 0 on."""
    if not text.isascii() or not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!a} is not a number from 0 on")
    return int(text)


def main() -> int:
    """Soak, print what came of it, and return the exit status."""
    parser = argparse.ArgumentParser(description="Play the specification again and again on a busy host.")
    parser.add_argument("--rounds", type=count, default=ROUNDS, help=f"how often (default: {ROUNDS})")
    parser.add_argument("--port", action="append", help=f"can be given again (default: {' '.join(DEFAULT_PORTS)})")
    parser.add_argument("--hogs", type=count, default=os.cpu_count(), help="busy processes (default: one a core)")
    parser.add_argument("--lanes", type=count, default=LANES, help=f"lanes of each port (default: {LANES})")
    parser.add_argument("selectors", nargs="*", metavar="SELECTOR", help="which behaviours (default: all)")
    options = parser.parse_args()
    with hogs(options.hogs):
        soaked = soak(options.port or DEFAULT_PORTS, options.rounds, max(options.lanes, 1), options.selectors)
    print(table(soaked))
    return 0 if all(told.steady() for told in soaked) else 1


if __name__ == "__main__":
    sys.exit(main())
