"""Mutants of the reference: its code changed in one place at a time, and the specification played on each.

What lives here: making mutants (cosmic-ray does), playing on each the behaviours that run what was changed until one
fails, and the page of results. What may not: judging a survivor; ``equivalent.yaml`` says which are no mistakes, and
why.

Usage: python strength/mutants.py [--minutes M] [--seed N] [--jobs N] [--write] [FILE ...]

cosmic-ray's own way, a command for each mutant, would start Python and load the specification each time, and changes
files in place. Here, one process loads everything but the reference and is forked for each mutant: the copy imports the
reference with one module changed, and nothing is written. Before, each behaviour is played once on the right reference,
to see how long it takes and which functions it enters. A mutant inside of a function is played only by behaviours that
enter it, the fastest first.
"""

from __future__ import annotations

import argparse
import ast
import importlib.abc
import importlib.machinery
import importlib.util
import json
import math
import os
import random
import selectors
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, ModuleType
from typing import Final

import luasocket_spec
import yaml
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names
from luasocket_runners.engine import Engine
from luasocket_runners.ports import resolve
from luasocket_runners.result import Verdict
from luasocket_spec.model import DIALECTS, Behaviour, Dialect

HERE: Final = Path(__file__).resolve().parent
PACKAGE: Final = "luasocket_reference"
REFERENCE: Final = HERE.parent / "reference" / PACKAGE

#: Seconds after which a call of a mutant counts as hanging: ten times what the longest takes on a quiet machine.
DEADLINE: Final = 3.0
#: Seconds that a mutant has in all. What plays every behaviour without a failure needs a minute; a mutant that eats
#: memory or spins between calls needs an end.
LIMIT: Final = 240.0
#: Processes that play the right reference beforehand. They mostly wait.
FIRST_JOBS: Final = 6

_KILLED, _SURVIVED, _BROKEN = 0, 1, 2

#: A behaviour in a dialect.
Played = tuple[Dialect, str]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change.

    Attributes
    ----------
    file
        The name of the module's file.
    line
        Where the change is, from 1.
    operator
        cosmic-ray's name of the change.
    code
        The whole module, changed.
    old, new
        The lines that differ, without indentation.
    """

    file: str
    line: int
    operator: str
    code: str
    old: str
    new: str


# -- making


def _annotations(code: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Return where annotations begin and end (line, column). They are never evaluated here."""
    found = []
    for node in ast.walk(ast.parse(code)):
        held = getattr(node, "annotation", None) or getattr(node, "returns", None)
        if isinstance(held, ast.expr):
            found.append(((held.lineno, held.col_offset), (held.end_lineno or 0, held.end_col_offset or 0)))
    return found


def _counts(name: str) -> bool:
    """Tell whether mutants of an operator can be mistakes. That equal numbers are identical is an accident."""
    return not name.endswith(("Eq_Is", "Eq_IsNot", "NotEq_Is", "NotEq_IsNot")) and not get_operator(name).arguments()


def _difference(before: str, after: str) -> tuple[int, str, str]:
    """Return the number of the first line that differs, and both versions of what differs."""
    old, new = before.splitlines(), after.splitlines()
    first = next(index for index, (one, other) in enumerate(zip(old, new, strict=False)) if one != other)
    last = 0
    while last < min(len(old), len(new)) - first - 1 and old[-1 - last] == new[-1 - last]:
        last += 1

    def cut(lines: list[str]) -> str:
        return " ".join(line.strip() for line in lines[first : len(lines) - last])

    return first + 1, cut(old), cut(new)


#: A file, the operator, and which of its occurrences.
Place = tuple[Path, str, int]


def places_of(path: Path) -> list[Place]:
    """Return where a file can be changed, but for annotations."""
    before = path.read_text(encoding="utf-8")
    idle = _annotations(before)
    nodes = list(ast_nodes(get_ast(before)))
    places = []
    for name in filter(_counts, operator_names()):
        operator = get_operator(name)()
        found = [place for node in nodes for place in operator.mutation_positions(node)]
        places += [
            (path, name, occurrence)
            for occurrence, (begin, _end) in enumerate(found)
            if not any(first <= begin < last for first, last in idle)
        ]
    return places


def _is_code(text: str) -> bool:
    try:
        compile(text, "mutant", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True


def mutant_at(place: Place) -> Mutant | None:
    """Return the mutant of a place; None if it is the same code, or no code at all."""
    path, name, occurrence = place
    before = path.read_text(encoding="utf-8")
    after = mutate_code(before, get_operator(name)(), occurrence)
    if after is None or after == before or not _is_code(after):
        return None
    line, old, new = _difference(before, after)
    return Mutant(path.name, line, name.removeprefix("core/"), after, old, new)


def _first_line(node: ast.FunctionDef | ast.Lambda) -> int:
    decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
    return min([node.lineno, *(one.lineno for one in decorators)])


def _functions(code: str) -> list[tuple[int, int]]:
    """Return the first and last line of each function, decorators included; an inner one after the outer."""
    return sorted(
        (_first_line(node), node.end_lineno or node.lineno)
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.FunctionDef | ast.Lambda)
    )


# -- playing


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Imports one module from a string."""

    def __init__(self, mutant: Mutant) -> None:
        self._name = PACKAGE if mutant.file == "__init__.py" else f"{PACKAGE}.{Path(mutant.file).stem}"
        self._mutant = mutant

    def find_spec(
        self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self._name:
            return None
        return importlib.util.spec_from_loader(name, self, origin=str(REFERENCE / self._mutant.file))

    def get_source(self, _name: str) -> str:
        return self._mutant.code


def _spelled(key: Played) -> str:
    return " ".join(key)


def _observe(todo: Sequence[tuple[str, Behaviour]], out: int) -> None:
    """Play behaviours on the right reference; write how long each took and which functions it entered."""
    entered: set[str] = set()

    def tracer(frame: FrameType, event: str, _argument: object) -> None:
        code = frame.f_code
        if event == "call" and PACKAGE in code.co_filename:
            entered.add(f"{Path(code.co_filename).name}:{code.co_firstlineno}")

    threading.settrace(tracer)
    with os.fdopen(out, "w") as lines:
        for dialect in DIALECTS:
            with Engine(resolve("reference"), dialect, deadline=DEADLINE * 3) as engine:
                for wanted, behaviour in todo:
                    if wanted == dialect:
                        entered.clear()
                        result = engine.play(behaviour)
                        if result.verdict is Verdict.PASSED:
                            key = _spelled((dialect, behaviour.id))
                            lines.write(json.dumps([key, result.duration, sorted(entered)]) + "\n")
                        elif result.verdict is not Verdict.SKIPPED:
                            raise SystemExit(f"the reference itself fails {behaviour.id} in {dialect}: {result.reason}")


def _play(mutant: Mutant, order: Sequence[tuple[str, Behaviour]]) -> int:
    """Play behaviours on a mutant until one fails."""
    sys.meta_path.insert(0, _Changed(mutant))
    try:
        for dialect in DIALECTS:
            with Engine(resolve("reference"), dialect, deadline=DEADLINE) as engine:
                for wanted, behaviour in order:
                    if wanted != dialect or engine.play(behaviour).verdict is Verdict.PASSED:
                        continue
                    # a busy machine may make one wait too long: what kills does so twice
                    if engine.play(behaviour).verdict is not Verdict.PASSED:
                        return _KILLED
    except Exception:  # it cannot be imported, or does not start: anybody would notice
        return _KILLED
    return _SURVIVED


def _forked(work: Callable[[], int]) -> int:
    child = os.fork()
    if child:
        return child
    status = _BROKEN
    try:
        os.setpgid(0, 0)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)  # a mutant's tracebacks
        status = work()
    finally:
        os._exit(status)


def _first_look(spec: luasocket_spec.model.Spec) -> dict[Played, tuple[float, frozenset[str]]]:
    """Return how long each behaviour takes, and what it enters."""
    everything = [(dialect, one) for dialect in DIALECTS for one in spec.behaviours if dialect in one.dialects]
    pipes = []
    for job in range(FIRST_JOBS):
        reader, writer = os.pipe()

        def work(part: Sequence[tuple[str, Behaviour]] = everything[job::FIRST_JOBS], out: int = writer) -> int:
            _observe(part, out)
            return 0

        child = _forked(work)
        os.close(writer)
        pipes.append((child, reader))
    seen: dict[Played, tuple[float, frozenset[str]]] = {}
    texts = _read_all([reader for _child, reader in pipes])
    for child, reader in pipes:
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0:
            raise SystemExit("the reference itself does not pass: mend that first")
        for line in texts[reader].splitlines():
            key, duration, entered = json.loads(line)
            dialect, _, identity = key.partition(" ")
            seen[dialect, identity] = duration, frozenset(entered)
    return seen


def _read_all(readers: Sequence[int]) -> dict[int, str]:
    texts = {reader: bytearray() for reader in readers}
    with selectors.DefaultSelector() as selector:
        for reader in readers:
            selector.register(reader, selectors.EVENT_READ)
        while selector.get_map():
            for key, _events in selector.select():
                data = os.read(key.fd, 1 << 16)
                texts[key.fd] += data
                if not data:
                    selector.unregister(key.fd)
                    os.close(key.fd)
    return {reader: text.decode() for reader, text in texts.items()}


def run(
    mutants: Iterator[Mutant],
    jobs: int,
    until: float = math.inf,
    seen: Callable[[Mutant, int], None] = lambda mutant, status: None,
) -> list[tuple[Mutant, int]]:
    """Play the specification on mutants, several at once, and begin none after `until`; return what came of each."""
    spec = luasocket_spec.load()
    assert PACKAGE not in sys.modules, "the reference has to be imported after the fork"
    looked = _first_look(spec)
    by_key = {(dialect, one.id): one for dialect in DIALECTS for one in spec.behaviours}
    functions = {
        file: _functions((REFERENCE / file).read_text()) for file in (path.name for path in REFERENCE.glob("*.py"))
    }

    def order(mutant: Mutant) -> list[tuple[str, Behaviour]]:
        around = [first for first, last in functions[mutant.file] if first <= mutant.line <= last]
        place = f"{mutant.file}:{around[-1]}" if around else ""
        keys = [key for key, (_duration, entered) in looked.items() if place in entered]
        if not keys:  # what runs when the module is imported concerns all
            keys = list(looked)

        def rank(key: Played) -> tuple[bool, float]:
            duration, entered = looked[key]
            # outside of functions, what enters the file at all comes first
            return not any(one.startswith(f"{mutant.file}:") for one in entered), duration

        keys.sort(key=rank)
        return [(dialect, by_key[dialect, identity]) for dialect, identity in keys]

    done: list[tuple[Mutant, int]] = []
    running: dict[int, tuple[Mutant, float]] = {}
    more = True
    while more or running:
        while more and len(running) < jobs:
            mutant = next(mutants, None) if time.monotonic() < until else None
            if mutant is None:
                more = False
                break

            def work(mutant: Mutant = mutant) -> int:
                return _play(mutant, order(mutant))

            running[_forked(work)] = mutant, time.monotonic() + LIMIT
        if not running:
            break
        child, waited = os.waitpid(-1, os.WNOHANG)
        if child in running:
            mutant, _end = running.pop(child)
            # one that dies of it is killed, too
            status = os.waitstatus_to_exitcode(waited)
            done.append((mutant, status if status in (_SURVIVED, _BROKEN) else _KILLED))
            seen(*done[-1])
            continue
        for child, (_mutant, end) in running.items():
            if time.monotonic() > end:
                os.killpg(child, signal.SIGKILL)
        time.sleep(0.02)  # nothing else tells the end of any child together with a limit of time
    return done


# -- results


def _reasons() -> dict[tuple[str, str, str], str]:
    entries: list[dict[str, str]] = yaml.safe_load((HERE / "equivalent.yaml").read_text(encoding="utf-8")) or []
    return {(entry["file"], entry["line"], entry["becomes"]): entry["because"] for entry in entries}


def _page(results: Sequence[tuple[Mutant, int]], total: Counter[str], seconds: float, *, whole: bool) -> str:
    """Return the page of results."""
    reasons = _reasons()
    count: Counter[str] = Counter(mutant.file for mutant, _status in results)
    killed: Counter[str] = Counter(mutant.file for mutant, status in results if status == _KILLED)
    survivors = sorted(
        (mutant for mutant, status in results if status != _KILLED), key=lambda one: (one.file, one.line, one.new)
    )
    equivalent = [one for one in survivors if (one.file, one.old, one.new) in reasons]
    alive = [one for one in survivors if one not in equivalent]
    which = f"all {len(results)} that are code" if whole else f"a random sample of {len(results)}"
    spec = luasocket_spec.__version__
    lines = [
        "# Mutants of the reference",
        "",
        f"Made by `tox -e mutants`; {time.strftime('%Y-%m-%d')}, specification {spec}.",
        f"There are {total.total()} places where cosmic-ray changes something;",
        f"played were {which}, in {seconds / 60:.0f} minutes.",
        f"Killed: {killed.total()}. Excused, with reasons below: {len(equivalent)}. Alive: {len(alive)}.",
        "",
        "| file | places | played | killed | excused | alive |",
        "|---|---|---|---|---|---|",
    ]
    for file in sorted(total):
        same, left = (sum(one.file == file for one in some) for some in (equivalent, alive))
        lines.append(f"| {file} | {total[file]} | {count[file]} | {killed[file]} | {same} | {left} |")
    for title, some in (("Alive", alive), ("Excused: no mistakes, or beyond what a behaviour can tell", equivalent)):
        lines += ["", f"## {title}", ""]
        for one in some:
            because = reasons.get((one.file, one.old, one.new))
            lines += [f"- {one.file}:{one.line}, {one.operator}", f"  - `{one.old}`", f"  - `{one.new}`"]
            lines += [f"  - {because}"] if because else []
        if not some:
            lines.append("None.")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit status: 1 if a mutant is alive."""
    parser = argparse.ArgumentParser(description="Play the specification on mutants of the reference.")
    parser.add_argument("files", nargs="*", metavar="FILE", help="files of the reference (default: all)")
    parser.add_argument(
        "--minutes", type=float, default=math.inf, help="begin no mutant later: a random sample (default: all mutants)"
    )
    parser.add_argument("--seed", type=int, default=1, help="what the order depends on (default: 1)")
    parser.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 1), help="mutants at once")
    parser.add_argument("--write", action="store_true", help="write RESULTS.md instead of printing it")
    options = parser.parse_args(arguments)
    began = time.monotonic()
    names = options.files or sorted(path.name for path in REFERENCE.glob("*.py"))
    places = [place for name in names for place in places_of(REFERENCE / name)]
    total: Counter[str] = Counter(path.name for path, _operator, _occurrence in places)
    random.Random(options.seed).shuffle(places)
    mutants = filter(None, map(mutant_at, places))

    def tell(mutant: Mutant, status: int) -> None:
        word = {_KILLED: "killed", _SURVIVED: "SURVIVED", _BROKEN: "BROKEN"}[status]
        print(f"{word} {mutant.file}:{mutant.line} {mutant.old} => {mutant.new}", file=sys.stderr, flush=True)

    results = run(mutants, options.jobs, began + 60 * options.minutes, tell)
    page = _page(results, total, time.monotonic() - began, whole=next(mutants, None) is None)
    if options.write:
        (HERE / "RESULTS.md").write_text(page, encoding="utf-8")
    else:
        print(page)
    reasons = _reasons()
    alive = [one for one, status in results if status != _KILLED and (one.file, one.old, one.new) not in reasons]
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
