"""The command ``python -m mutation``."""

from __future__ import annotations

import argparse
import math
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from mutation.equivalents import FILE, load_reasons
from mutation.making import HERE, Mutant, Place, file_name, mutant_at, places_of, reference_files
from mutation.page import results_page
from mutation.records import Record
from mutation.running import run_mutants


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 1 if a mutant survives without a reason, or a reason has no survivor."""
    parser = argparse.ArgumentParser(prog="python -m mutation", description="Run the specification on mutants.")
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="modules of the reference, as tcp.py or lua/numbers.py (default: all)"
    )
    parser.add_argument(
        "--minutes",
        type=float,
        default=math.inf,
        help="start no mutant after this time: a random sample; 0 only prints the recorded results (default: no limit)",
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of the random sample (default: 1)")
    parser.add_argument("--workers", type=int, default=2 * (os.cpu_count() or 1), help="mutants that run at once")
    parser.add_argument("--record", type=Path, metavar="FILE", help="keep the outcomes in FILE, and continue from it")
    parser.add_argument("--write", action="store_true", help="write RESULTS.md instead of printing it")
    options = parser.parse_args(arguments)
    modules = {file_name(path): path for path in reference_files()}
    unknown = [file for file in options.files if file not in modules]
    if unknown:
        parser.error(f"no such module: {', '.join(unknown)}; there are {', '.join(modules)}")
    until = time.monotonic() + 60 * options.minutes
    reasons = load_reasons()
    record = Record(options.record)
    everything = [place for path in modules.values() for place in places_of(path)]
    total: Counter[str] = Counter(file_name(path) for path, _operator, _occurrence in everything)
    todo = [
        place
        for place in everything
        if (not options.files or file_name(place[0]) in options.files) and not record.is_killed(place)
    ]
    if math.isfinite(options.minutes):
        random.Random(options.seed).shuffle(todo)
    places: dict[Mutant, Place] = {}

    def make() -> Iterator[Mutant]:
        while todo:
            place = todo.pop(0)
            mutant = mutant_at(place)
            if mutant is not None:
                places[mutant] = place
                yield mutant

    for outcome in run_mutants(make(), options.workers, until) if options.minutes > 0 else ():
        record.add(places.pop(outcome.mutant), outcome)
        mutant = outcome.mutant
        by = " ".join(outcome.killer or ())
        print(f"{outcome.fate} {mutant.file}:{mutant.line} {mutant.old} => {mutant.new}  {by}", file=sys.stderr)
    outcomes = list(record.outcomes.values())
    whole = all(place in record or mutant_at(place) is None for place in everything)
    page = results_page(outcomes, total, reasons, whole)
    if options.write:
        (HERE / "RESULTS.md").write_text(page, encoding="utf-8")
    else:
        print(page)
    survivors = {one.mutant.key for one in outcomes if one.fate != "killed"}
    idle = [key for key in reasons if key not in survivors] if whole else []
    for key in idle:
        print(f"{FILE.name} has a reason for a mutant that is killed or does not exist: {key}", file=sys.stderr)
    return 1 if idle or survivors - set(reasons) else 0


if __name__ == "__main__":
    sys.exit(main())
