"""The command ``luasocket-conformance faults``.

The runners find it as an entry point, because they may not import this package.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from fnmatch import fnmatchcase
from random import Random

from luasocket_runners.cli import specification
from luasocket_runners.selection import names
from luasocket_spec.model import Spec

from luasocket_conformance.faults import FAULTY_PORTS, FaultyPort
from luasocket_conformance.faults.judge import (
    Judgement,
    judge_all,
    subjects_without_fault,
    violating,
    without_fault,
)
from luasocket_conformance.faults.mechanism import module_name
from luasocket_conformance.faults.table import table

__all__ = ["main"]


def main(options: argparse.Namespace) -> int:
    """Run the command and return its exit status: 0 if every faulty port is detected, 1 if not, 2 for wrong usage."""
    spec = specification.load(options)
    if options.covers is not None:
        return _print_faults_of(options.covers, spec)
    chosen = [
        faulty
        for faulty in FAULTY_PORTS
        if not options.selectors or any(names(selector, faulty.id) for selector in options.selectors)
    ]
    if not chosen:
        print(f"luasocket-conformance: no faulty port matches {', '.join(options.selectors)}", file=sys.stderr)
        return 2
    if options.explore:
        if options.sample is not None and options.sample < len(chosen):
            chosen = Random(options.seed or 0).sample(chosen, options.sample)
        return _explore(chosen, options.calls, options.seed)
    judgements = judge_all(chosen, spec, thoroughly=options.all)
    print(_table(judgements))
    bad = [judgement for judgement in judgements if judgement.survived or judgement.errors or judgement.unexpected]
    for judgement in bad:
        print(f"\n{judgement.faulty.id}: {judgement.faulty.says}")
        for due in judgement.survived:
            print(f"  survived: {due}")
        for reason in judgement.errors:
            print(f"  error: {reason}")
        for identity in judgement.unexpected:
            print(f"  unexpected failure: {identity}")
    for judgement in judgements:
        for due in judgement.unavailable:
            print(f"\n{judgement.faulty.id}: {due} cannot run on this machine")
    statements = [] if options.selectors else without_fault(spec, FAULTY_PORTS)
    for statement in statements:
        print(f"\nno faulty port violates {statement}")
    subjects = [] if options.selectors else subjects_without_fault(spec, FAULTY_PORTS)
    for subject in subjects:
        print(f"\nno faulty port is detected by {subject}")
    return 1 if bad or statements or subjects else 0


def _explore(chosen: Sequence[FaultyPort], calls: int | None, seed: int | None) -> int:
    """Explore faulty ports, and print how many of them show a difference."""
    from luasocket_conformance.faults.exploring import CALLS, explore_all, report  # it needs Hypothesis

    shown = sys.stderr.isatty()
    explorations = []
    for exploration in explore_all(chosen, calls or CALLS, seed or 0):
        explorations.append(exploration)
        if shown:
            detected = sum(one.detected for one in explorations)
            print(f"\r{len(explorations)} of {len(chosen)} explored, {detected} detected ", end="", file=sys.stderr)
    if shown:
        print("\r\x1b[K", end="", file=sys.stderr)
    print(report(explorations, calls or CALLS, seed or 0))
    return 0


def _print_faults_of(pattern: str, spec: Spec) -> int:
    """Print the faulty ports of the statements that a pattern matches."""
    statements = [name for name in spec.statements if fnmatchcase(name, pattern)]
    if not statements:
        print(f"luasocket-conformance: no statement matches {pattern}", file=sys.stderr)
        return 2
    for statement in statements:
        print(statement)
        for faulty in violating(statement, spec, FAULTY_PORTS):
            print(f"  {faulty.id}: {faulty.says}")
            print(f"    in faults/{module_name(faulty.subject).replace('.', '/')}.py")
    return 0


def _table(judgements: Sequence[Judgement]) -> str:
    """Return the detected and all faulty ports by subject."""
    total = Counter(judgement.faulty.subject for judgement in judgements)
    return table(total, Counter(judgement.faulty.subject for judgement in judgements if not judgement.survived))
