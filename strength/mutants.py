"""Mutants of the reference: its code changed in one place at a time, and the specification played on each.

What lives here: making mutants (cosmic-ray does), playing on each the behaviours that run what was changed until one
fails, and the page of results. What may not: judging a survivor; ``equivalent.yaml`` says which are no mistakes, and
why.

Usage: python strength/mutants.py [--minutes M] [--seed N] [--jobs N] [--record FILE] [--write] [FILE ...]

cosmic-ray's own way, a command for each mutant, would start Python and load the specification each time, and changes
files in place. Here, one process loads everything but the reference and is forked for each mutant: the copy imports the
reference with one module changed, and nothing is written. Before, each behaviour is played once on the right reference,
to see how long it takes and which lines it runs. A mutant inside of a function is played only by behaviours that run
the changed statement; what killed a mutant of the same function comes first, then the fastest.

With ``--record``, what comes of each mutant is kept, and a later run goes on from there: those killed stay so while
their module is the same, survivors are played again. So the work can be split by file, and done again where something
was mended.
"""

from __future__ import annotations

import argparse
import ast
import gc
import hashlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import math
import os
import random
import re
import resource
import selectors
import signal
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, Final, Literal, TypeAlias

import luasocket_spec
import yaml
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names
from luasocket_runners.engine import Engine
from luasocket_runners.ports import resolve
from luasocket_runners.ports.inprocess import alarm_is_ours
from luasocket_runners.result import Result, Verdict
from luasocket_spec.model import DIALECTS, Behaviour, Call, Dialect, Takes

HERE: Final = Path(__file__).resolve().parent
PACKAGE: Final = "luasocket_reference"
REFERENCE: Final = HERE.parent / "reference" / PACKAGE

#: Seconds after which a call of a mutant counts as hanging: ten times what the longest takes on a quiet machine.
DEADLINE: Final = 3.0
#: Seconds that a mutant has in all. What plays every behaviour without a failure needs two minutes, and a busy machine
#: ten times that; a mutant that spins between calls needs an end.
LIMIT: Final = 1200.0
#: Bytes of memory that a mutant has: more than every behaviour together needs, less than what stops the machine.
MEMORY: Final = 4 << 30
#: Processes that play the right reference beforehand. They mostly wait.
FIRST_JOBS: Final = 6
#: How many behaviours that depend on time have to fail before a mutant is killed; what fails a single one has to do so
#: again in the end. All at once they are not late on a busy machine.
DOUBTS: Final = 3
#: How many of those that killed mutants of a function are tried first on the next one of it.
REMEMBERED: Final = 12

#: What came of a mutant. ``overdue``: its time was over before it failed, and ``broken``: we could not play; nobody
#: knows, so it counts as alive.
Fate: TypeAlias = Literal["killed", "survived", "overdue", "broken"]
#: What the process that plays a mutant ends with.
_FATES: Final[Mapping[int, Fate]] = {0: "killed", 1: "survived", 2: "broken"}
_KILLED, _SURVIVED, _BROKEN = _FATES

#: A behaviour in a dialect.
Played: TypeAlias = tuple[Dialect, str]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change.

    Attributes
    ----------
    file
        The name of the module's file.
    line
        Where the change is, from 1.
    where
        The class and function around it; "" outside of both.
    operator
        cosmic-ray's name of the change.
    old, new
        The lines that differ, without indentation.
    code
        The whole module, changed.
    """

    file: str
    line: int
    where: str
    operator: str
    old: str
    new: str
    code: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What ``equivalent.yaml`` calls it."""
        return self.file, self.where, self.old, self.new


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
    if get_operator(name).arguments():
        return False
    became = name.rpartition("_")[2]
    return became not in ("Is", "IsNot") or "_Is" in name.removesuffix(f"_{became}")


def _same(old: str, new: str) -> bool:
    """Tell whether code is the same: nothing here says that it equals None, so identity is no other question."""
    return old == re.sub(r"!= None\b", "is not None", re.sub(r"== None\b", "is None", new))


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
Place: TypeAlias = tuple[Path, str, int]


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
    if _same(old, new):
        return None
    where = _Layout(before).name_at(line)
    return Mutant(path.name, line, where, name.removeprefix("core/"), old, new, after)


_FUNCTION = ast.FunctionDef | ast.Lambda


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(one.lineno for one in decorators)])


class _Layout:
    """Which lines of a module belong together."""

    def __init__(self, code: str) -> None:
        tree = ast.parse(code)
        self._named = sorted(self._names(tree, ()))  # what is inside comes after what is around it
        self.functions = {
            range(_first_line(node), (node.end_lineno or 0) + 1): node
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef)
        }
        #: The lines of each statement, or of the head of one that has others inside.
        self.statements = {
            line: range(node.lineno, self._end(node) + 1)
            for node in ast.walk(tree)
            if isinstance(node, ast.stmt | ast.ExceptHandler) and not isinstance(node, ast.FunctionDef | ast.ClassDef)
            for line in range(node.lineno, self._end(node) + 1)
        }
        #: What is assigned outside of functions and classes, by line.
        self.constants = {
            line: {name.id for name in ast.walk(node) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)}
            for node in tree.body
            if isinstance(node, ast.Assign | ast.AnnAssign)
            for line in range(node.lineno, (node.end_lineno or 0) + 1)
        }
        #: On which lines a name is mentioned.
        self.mentions: dict[str, set[int]] = defaultdict(set)
        for node in ast.walk(tree):
            if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
                self.mentions[node.id if isinstance(node, ast.Name) else node.attr].add(node.lineno)

    @staticmethod
    def _end(node: ast.stmt | ast.ExceptHandler) -> int:
        body: list[ast.stmt] = getattr(node, "body", [])
        return max(node.lineno, body[0].lineno - 1) if body else node.end_lineno or node.lineno

    def _names(self, tree: ast.AST, around: tuple[str, ...]) -> Iterator[tuple[int, int, str]]:
        for node in ast.iter_child_nodes(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                name = (*around, node.name)
                yield _first_line(node), node.end_lineno or 0, ".".join(name)
                yield from self._names(node, name)

    def name_at(self, line: int) -> str:
        """Return the qualified name of the innermost class or function around a line."""
        return next((name for first, last, name in reversed(self._named) if first <= line <= last), "")

    def function_at(self, line: int) -> tuple[range, ast.FunctionDef] | None:
        """Return the innermost function around a line."""
        around = [(lines, node) for lines, node in self.functions.items() if line in lines]
        return max(around, key=lambda one: one[0].start, default=None)


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


#: A line of the reference: the file's name, and the number.
_Line: TypeAlias = tuple[str, int]


def _engine(dialect: Dialect, deadline: float) -> Engine:
    """Return what plays on the reference. Where documentation and library disagree, it is on the library's side."""
    return Engine(resolve("reference"), dialect, "observed", deadline=deadline)


def _observe(todo: Sequence[Played], by_key: Mapping[Played, Behaviour], out: int) -> None:
    """Play behaviours on the right reference; write how long each took and which lines it ran, first the start's."""
    ran: dict[str, set[int]] = defaultdict(set)

    def tracer(frame: FrameType, event: str, _argument: object) -> Any:
        if event == "line":
            ran[frame.f_code.co_filename].add(frame.f_lineno)
            return tracer
        return tracer if PACKAGE in frame.f_code.co_filename else None

    def write(key: Played | None, duration: float) -> None:
        found = {Path(name).name: sorted(lines) for name, lines in ran.items()}
        pipe.write(json.dumps([key, duration, found]) + "\n")
        ran.clear()

    alarm_is_ours()
    threading.settrace(tracer)
    sys.settrace(tracer)
    with os.fdopen(out, "w") as pipe:
        for dialect in DIALECTS:
            with _engine(dialect, DEADLINE * 3) as engine:
                write(None, 0)
                for key in todo:
                    if key[0] == dialect:
                        result = engine.play(by_key[key])
                        if result.verdict is Verdict.PASSED:
                            write(key, result.duration)
                        elif result.verdict is not Verdict.SKIPPED:
                            raise SystemExit(f"the reference itself fails {key[1]} in {dialect}: {result.reason}")


def _depends_on_time(behaviour: Behaviour) -> bool:
    """Tell whether a busy machine may fail a behaviour: a call of it is timed, or a peer acts in the middle of one."""
    calls = [step for step in behaviour.all_steps() if isinstance(step, Call)]
    return any(step.takes != Takes() or step.meanwhile for step in calls)


def _play(mutant: Mutant, order: Iterable[Played], by_key: Mapping[Played, Behaviour], out: int) -> int:
    """Play behaviours on a mutant until one fails, or several that depend on time; write which."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    alarm_is_ours()
    sys.meta_path.insert(0, _Changed(mutant))
    engines: dict[Dialect, Engine] = {}
    doubtful: list[Played] = []

    def failed(key: Played) -> Result | None:
        """Return the result of a behaviour that fails, and does so twice: once, a busy machine may be the reason."""
        dialect, _identity = key
        if dialect not in engines:
            engines[dialect] = _engine(dialect, DEADLINE).__enter__()
        for _ in range(2):
            result = engines[dialect].play(by_key[key])
            if result.verdict in (Verdict.PASSED, Verdict.SKIPPED):
                return None
        return result

    def killed(key: Played) -> int:
        os.write(out, json.dumps(key).encode())
        return _KILLED

    try:
        for key in order:
            result = failed(key)
            if result is None:
                continue
            if result.hung or _depends_on_time(by_key[key]):
                doubtful.append(key)
                if len(doubtful) < DOUBTS:
                    continue
            return killed(key)
        for key in doubtful:
            if failed(key) is not None:
                return killed(key)
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


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a mutant, and which behaviour killed it, if one did."""

    mutant: Mutant
    fate: Fate
    killer: Played | None = None


class _Looked:
    """What a first look on the right reference showed: which behaviours run a line, the fastest first."""

    def __init__(self, by_key: Mapping[Played, Behaviour]) -> None:
        self._layouts = {path.name: _Layout(path.read_text(encoding="utf-8")) for path in REFERENCE.glob("*.py")}
        self._at_start: set[_Line] = set()
        durations: dict[Played, float] = {}
        runs: dict[_Line, list[Played]] = defaultdict(list)
        for key, duration, found in _first_look(by_key):
            lines = [(file, number) for file, numbers in found.items() for number in numbers]
            if key is None:
                self._at_start.update(lines)
                continue
            durations[key] = duration
            for line in lines:
                runs[line].append(key)
        self._rank = {key: rank for rank, key in enumerate(sorted(durations, key=lambda key: durations[key]))}
        self._runs = {line: frozenset(keys) for line, keys in runs.items()}
        self._killers: dict[tuple[str, str], dict[Played, None]] = defaultdict(dict)

    def order(self, mutant: Mutant) -> list[Played]:
        """Return the behaviours that a mutant is played by."""
        keys = self._concerned(mutant)
        remembered = [key for key in self._killers[mutant.file, mutant.where] if keys is None or key in keys]
        if keys is not None:
            rest = sorted(keys, key=lambda key: self._rank[key])
        else:  # it concerns all, but first those that run anything of the file
            near = frozenset().union(*(found for line, found in self._runs.items() if line[0] == mutant.file))
            rest = sorted(self._rank, key=lambda key: (key not in near, self._rank[key]))
        return list(dict.fromkeys([*remembered[-1 : -1 - REMEMBERED : -1], *rest]))

    def note(self, outcome: Outcome) -> None:
        """Remember what killed a mutant, as the latest."""
        if outcome.killer is not None:
            killers = self._killers[outcome.mutant.file, outcome.mutant.where]
            killers.pop(outcome.killer, None)
            killers[outcome.killer] = None

    def _concerned(self, mutant: Mutant) -> frozenset[Played] | None:
        """Return the behaviours that run what is changed; None: nobody knows, it may be all."""
        layout = self._layouts[mutant.file]
        function = layout.function_at(mutant.line)
        if function is None:
            names = layout.constants.get(mutant.line)
            return None if names is None else self._using(names)
        lines, node = function
        if mutant.line < node.body[0].lineno:  # decorators and defaults
            return self._running(mutant.file, lines)
        return self._running(mutant.file, layout.statements.get(mutant.line, lines))

    def _running(self, file: str, lines: Iterable[int]) -> frozenset[Played] | None:
        found = [(file, line) for line in lines]
        if any(line in self._at_start for line in found) or self._is_cached(file, next(iter(lines))):
            return None
        return frozenset[Played]().union(*(self._runs.get(line, ()) for line in found))

    def _is_cached(self, file: str, line: int) -> bool:
        """Tell whether a function runs only once, and others use what it returned."""
        function = self._layouts[file].function_at(line)
        return function is not None and any(
            isinstance(one, ast.Name) and one.id == "cache" for one in function[1].decorator_list
        )

    def _using(self, names: set[str]) -> frozenset[Played] | None:
        """Return the behaviours that run what mentions constants of a module, or constants that are made of them."""
        todo, known = list(names), set(names)
        found: frozenset[Played] = frozenset()
        while todo:
            name = todo.pop()
            for file, layout in self._layouts.items():
                for line in layout.mentions.get(name, ()):
                    if layout.function_at(line) is not None:
                        keys = self._running(file, layout.statements.get(line, range(line, line + 1)))
                        if keys is None:
                            return None
                        found |= keys
                    elif line in layout.constants:
                        todo += layout.constants[line] - known
                        known |= layout.constants[line]
                    else:
                        return None
        return found


def _first_look(by_key: Mapping[Played, Behaviour]) -> Iterator[tuple[Played | None, float, dict[str, list[int]]]]:
    """Yield how long each behaviour takes, and the lines that it runs, by file; with None, those of a start."""
    everything = list(by_key)
    pipes = []
    for job in range(FIRST_JOBS):
        reader, writer = os.pipe()

        def work(part: Sequence[Played] = everything[job::FIRST_JOBS], out: int = writer) -> int:
            _observe(part, by_key, out)
            return 0

        child = _forked(work)
        os.close(writer)
        pipes.append((child, reader))
    texts = _read_all([reader for _child, reader in pipes])
    for child, reader in pipes:
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0:
            raise SystemExit("the reference itself does not pass: mend that first")
        for line in texts[reader].splitlines():
            key, duration, found = json.loads(line)
            yield None if key is None else (key[0], key[1]), duration, found


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


def run(mutants: Iterator[Mutant], jobs: int, until: float = math.inf) -> Iterator[Outcome]:
    """Play the specification on mutants, several at once, and begin none after `until`; yield what came of each."""
    spec = luasocket_spec.load()
    assert PACKAGE not in sys.modules, "the reference has to be imported after the fork"
    by_key = {(dialect, one.id): one for dialect in DIALECTS for one in spec.behaviours if dialect in one.dialects}
    looked = _Looked(by_key)
    gc.collect()
    gc.freeze()  # else each copy would go through all that is loaded, and copy it in memory
    running: dict[int, tuple[Mutant, float, int]] = {}
    more = True
    try:
        while more or running:
            while more and len(running) < jobs:
                mutant = next(mutants, None) if time.monotonic() < until else None
                if mutant is None:
                    more = False
                    break
                order = looked.order(mutant)
                if not order:
                    yield Outcome(mutant, "survived")
                    continue
                reader, writer = os.pipe()

                def work(mutant: Mutant = mutant, order: list[Played] = order, out: int = writer) -> int:
                    return _play(mutant, order, by_key, out)

                running[_forked(work)] = mutant, time.monotonic() + LIMIT, reader
                os.close(writer)
            if not running:
                break
            child, waited = os.waitpid(-1, os.WNOHANG)
            if child in running:
                outcome = _judged(*running.pop(child), os.waitstatus_to_exitcode(waited))
                looked.note(outcome)
                yield outcome
                continue
            for child, (_mutant, end, _reader) in running.items():
                if time.monotonic() > end:
                    os.killpg(child, signal.SIGKILL)
            time.sleep(0.02)  # nothing else tells the end of any child together with a limit of time
    finally:
        for child in running:
            os.killpg(child, signal.SIGKILL)


def _judged(mutant: Mutant, end: float, reader: int, status: int) -> Outcome:
    """Return what came of a mutant whose process has ended with a status, and tells by a pipe what killed it."""
    with os.fdopen(reader, "rb") as pipe:
        told = pipe.read()
    if told:
        dialect, identity = json.loads(told)
        return Outcome(mutant, "killed", (dialect, identity))
    if time.monotonic() > end and status < 0:
        return Outcome(mutant, "overdue")
    # one that dies of it is killed, too
    return Outcome(mutant, _FATES.get(status, "killed"))


# -- results


class Record:
    """What came of mutants, kept in a file of JSON lines; without one, only here.

    Parameters
    ----------
    path
        The file; None for none.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.outcomes: dict[tuple[str, str, int], Outcome] = {}
        self._digests = {
            one.name: hashlib.sha256(one.read_bytes()).hexdigest()[:16] for one in REFERENCE.glob("*.py")
        }
        for line in path.read_text(encoding="utf-8").splitlines() if path is not None and path.exists() else ():
            entry = json.loads(line)
            if self._digests.get(entry["mutant"]["file"]) == entry["digest"]:
                mutant = Mutant(**entry["mutant"], code="")
                killer = tuple(entry["killer"]) if entry["killer"] else None
                self.outcomes[tuple(entry["place"])] = Outcome(mutant, entry["fate"], killer)

    @staticmethod
    def _key(place: Place) -> tuple[str, str, int]:
        path, operator, occurrence = place
        return path.name, operator, occurrence

    def knows(self, place: Place) -> bool:
        """Tell whether the mutant of a place was played."""
        return self._key(place) in self.outcomes

    def is_killed(self, place: Place) -> bool:
        """Tell whether the mutant of a place is known to be killed."""
        outcome = self.outcomes.get(self._key(place))
        return outcome is not None and outcome.fate == "killed"

    def add(self, place: Place, outcome: Outcome) -> None:
        """Keep what came of the mutant of a place."""
        self.outcomes[self._key(place)] = outcome
        if self._path is not None:
            mutant = asdict(outcome.mutant)
            del mutant["code"]
            entry = {
                "place": self._key(place),
                "digest": self._digests[outcome.mutant.file],
                "mutant": mutant,
                "fate": outcome.fate,
                "killer": outcome.killer,
            }
            with self._path.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(entry) + "\n")


#: Why a mutant may live. ``equivalent``: no program can tell it from the reference. ``beyond``: one could, but no
#: behaviour can: it would have to break the host, or to wait for weeks, or to ask what implementations may choose.
KINDS: Final = ("equivalent", "beyond")


@dataclass(frozen=True, slots=True)
class _Excuse:
    kind: str
    because: str


def _excuses() -> dict[tuple[str, str, str, str], _Excuse]:
    """Return what ``equivalent.yaml`` says of each mutant."""
    entries: list[dict[str, Any]] = yaml.safe_load((HERE / "equivalent.yaml").read_text(encoding="utf-8")) or []
    found = {}
    for entry in entries:
        if entry["kind"] not in KINDS:
            raise SystemExit(f"equivalent.yaml: there is no kind {entry['kind']!r}, only {' and '.join(KINDS)}")
        for change in entry["changes"]:
            for new in change["becomes"]:
                key = change["file"], change.get("in", ""), change["line"], new
                if key in found:
                    raise SystemExit(f"equivalent.yaml: this is there twice: {key}")
                found[key] = _Excuse(entry["kind"], entry["because"])
    return found


def _page(outcomes: Sequence[Outcome], total: Counter[str], *, whole: bool) -> str:
    """Return the page of results."""
    excuses = _excuses()
    kind_of = {one: excuses.get(one.mutant.key, _Excuse("alive", "")).kind for one in outcomes if one.fate != "killed"}
    kinds = Counter(kind_of.values())
    killed = Counter(one.mutant.file for one in outcomes if one.fate == "killed")
    played = Counter(one.mutant.file for one in outcomes)
    by_file = Counter((one.mutant.file, kind) for one, kind in kind_of.items())
    if whole:
        which = f"at {len(outcomes)} of them that gives other code. All of those were played"
    else:
        which = f"{len(outcomes)} of them were played"
    lines = [
        "# Mutants of the reference",
        "",
        f"Made by `tox -e mutants`; {time.strftime('%Y-%m-%d')}, specification {luasocket_spec.__version__}.",
        f"There are {total.total()} places where cosmic-ray changes something;",
        f"{which}.",
        f"Killed: {killed.total()}. Equivalent, so that no program can tell: {kinds['equivalent']}.",
        f"Beyond what a behaviour can tell: {kinds['beyond']}. Alive: {kinds['alive']}.",
        "",
        "| file | places | played | killed | equivalent | beyond | alive |",
        "|---|---|---|---|---|---|---|",
    ]
    for file in sorted(total):
        counts = [total[file], played[file], killed[file], *(by_file[file, kind] for kind in (*KINDS, "alive"))]
        lines.append(f"| {file} | {' | '.join(map(str, counts))} |")
    sums = [total.total(), played.total(), killed.total(), *(kinds[kind] for kind in (*KINDS, "alive"))]
    lines.append(f"| all | {' | '.join(map(str, sums))} |")
    titles = {
        "alive": "Alive",
        "beyond": "Beyond what a behaviour can tell",
        "equivalent": "Equivalent: no program can tell",
    }
    for kind, title in titles.items():
        groups: dict[str, list[Mutant]] = defaultdict(list)
        for one, its in kind_of.items():
            if its == kind:
                excuse = excuses.get(one.mutant.key)
                groups[excuse.because if excuse else ""].append(one.mutant)
        lines += ["", f"## {title}", ""]
        lines += [] if groups else ["None."]
        for because, mutants in sorted(groups.items(), key=lambda group: min((one.file, one.line) for one in group[1])):
            lines += [f"- {because}"] if because else []
            indent = "  " if because else ""
            before = None
            for mutant in sorted(mutants, key=lambda one: (one.file, one.line, one.new)):
                if (mutant.file, mutant.line) != before:
                    lines.append(f"{indent}- {mutant.file}:{mutant.line}, {mutant.where or 'module'}: `{mutant.old}`")
                before = mutant.file, mutant.line
                lines.append(f"{indent}  - `{mutant.new}`")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit status: 1 if a mutant is alive, or excused that is not."""
    parser = argparse.ArgumentParser(description="Play the specification on mutants of the reference.")
    parser.add_argument("files", nargs="*", metavar="FILE", help="files of the reference (default: all)")
    parser.add_argument(
        "--minutes",
        type=float,
        default=math.inf,
        help="begin no mutant later: a random sample; 0: only the page of what is recorded (default: all mutants)",
    )
    parser.add_argument("--seed", type=int, default=1, help="what the order depends on (default: 1)")
    parser.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 1), help="mutants at once")
    parser.add_argument("--record", type=Path, metavar="FILE", help="keep what came of each, and go on from there")
    parser.add_argument("--write", action="store_true", help="write RESULTS.md instead of printing it")
    options = parser.parse_args(arguments)
    until = time.monotonic() + 60 * options.minutes
    excuses = _excuses()
    record = Record(options.record)
    everything = [place for path in sorted(REFERENCE.glob("*.py")) for place in places_of(path)]
    total: Counter[str] = Counter(path.name for path, _operator, _occurrence in everything)
    todo = [
        one
        for one in everything
        if (not options.files or one[0].name in options.files) and not record.is_killed(one)
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

    for outcome in run(make(), options.jobs, until) if options.minutes > 0 else ():
        record.add(places.pop(outcome.mutant), outcome)
        mutant = outcome.mutant
        by = " ".join(outcome.killer or ())
        print(f"{outcome.fate} {mutant.file}:{mutant.line} {mutant.old} => {mutant.new}  {by}", file=sys.stderr)
    outcomes = list(record.outcomes.values())
    whole = all(record.knows(place) or mutant_at(place) is None for place in everything)
    page = _page(outcomes, total, whole=whole)
    if options.write:
        (HERE / "RESULTS.md").write_text(page, encoding="utf-8")
    else:
        print(page)
    alive = {one.mutant.key for one in outcomes if one.fate != "killed"}
    idle = [key for key in excuses if key not in alive] if whole else []
    for key in idle:
        print(f"equivalent.yaml excuses what does not live: {key}", file=sys.stderr)
    return 1 if idle or alive - set(excuses) else 0


if __name__ == "__main__":
    sys.exit(main())
