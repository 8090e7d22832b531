"""Chooses a short example for each function, runs it on the reference, and compares its output with its comments."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from luasocket_spec import model
from luasocket_spec.api import Function

from luasocket_runners.lookup import Index
from luasocket_runners.repro.short_script import NoShortScript, checked, mismatches, script

__all__ = ["Example", "choose", "run_all"]

#: Situations whose behaviours make the best examples, first the most telling.
_PREFERRED: Final = ("timeout-some", "available", "ready", "succeeds", "ended-some", "refused", "closed-here")
#: Examples that run at once, and seconds after which one has failed: most print within one.
_AT_ONCE, _DEADLINE = 4, 60


@dataclass(frozen=True, slots=True)
class Example:
    """A Lua script with the behaviour that it shows; ``problems`` has wrong results, None if it was not run."""

    behaviour: str
    text: str
    problems: tuple[str, ...] | None = None


def choose(index: Index, function: Function) -> Example | None:
    """Return an example of a function: the first short script of a typical behaviour."""
    for behaviour in _candidates(index, function):
        if not behaviour.needs and "luasocket-3" in behaviour.dialects:
            try:
                return Example(behaviour.id, script(behaviour, "luasocket-3"))
            except NoShortScript:
                continue
    return None


def _candidates(index: Index, function: Function) -> Iterator[model.Behaviour]:
    """Yield behaviours of a function, the best examples first."""
    found = index.situations(function)
    for situation in [*(name for name in _PREFERRED if name in found), *found]:
        yield from (observation.behaviour for observation in found[situation])
    for behaviour in index.behaviours(function):
        last = index.last_observations(behaviour)
        if last and last[-1].function == function:
            yield behaviour
    yield from index.behaviours(function)


def run_all(examples: Mapping[str, Example]) -> dict[str, Example]:
    """Run examples on the reference; without lupa they come back as they are."""
    if importlib.util.find_spec("lupa") is None:
        return dict(examples)
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        return dict(zip(examples, pool.map(_run, examples.values()), strict=True))


def _run(example: Example) -> Example:
    command = [sys.executable, "-m", "luasocket_runners", "lua", "-"]
    try:
        done = subprocess.run(
            command, input=checked(example.text).encode("latin-1", "replace"), capture_output=True, timeout=_DEADLINE
        )
    except subprocess.TimeoutExpired:
        return Example(example.behaviour, example.text, (f"it did not end within {_DEADLINE} s",))
    problems = mismatches(example.text, done.stdout.decode("latin-1"))
    if done.returncode:
        problems.append(done.stderr.decode("utf-8", "replace").strip())
    return Example(example.behaviour, example.text, tuple(problems))
