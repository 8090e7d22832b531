"""Chooses the behaviours that run a mutant, by the lines that each executes on the unchanged reference."""

from __future__ import annotations

import ast
import json
import os
import sys
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Final, TypeAlias

from luasocket_runners.ports.inprocess import use_alarm
from luasocket_runners.result import Verdict
from luasocket_spec.model import DIALECTS, Behaviour

from mutation.forking import DEADLINE, Case, engine_on_reference, fork, read_all
from mutation.layout import Layout
from mutation.making import PACKAGE, REFERENCE, Mutant, file_name, reference_files

#: Processes that run the unchanged reference. They mostly wait.
PROCESSES: Final = 6
#: How often a behaviour may fail on the unchanged reference: the tracer is slow, and the machine may be busy.
ATTEMPTS: Final = 4
#: Number of behaviours that killed mutants of a function, and are tried first on the next one of it.
REMEMBERED: Final = 12

#: A line of the reference: the module's path below the package, and the number.
_Line: TypeAlias = tuple[str, int]


def _observe(todo: Sequence[Case], behaviours: Mapping[Case, Behaviour], out: int) -> None:
    """Run behaviours on the reference; write the duration and lines of each, and those of starting it.

    For a behaviour that fails, the duration is -1, and the reason comes instead of the lines.
    """
    executed: dict[str, set[int]] = defaultdict(set)

    def tracer(frame: FrameType, event: str, _argument: object) -> Any:
        if event == "line":
            executed[frame.f_code.co_filename].add(frame.f_lineno)
            return tracer
        return tracer if PACKAGE in frame.f_code.co_filename else None

    def write(case: Case | None, duration: float) -> None:
        found = {
            file_name(Path(name)): sorted(lines)
            for name, lines in executed.items()
            if Path(name).is_relative_to(REFERENCE)
        }
        pipe.write(json.dumps([case, duration, found]) + "\n")
        executed.clear()

    use_alarm()
    threading.settrace(tracer)
    sys.settrace(tracer)
    with os.fdopen(out, "w") as pipe:
        for dialect in DIALECTS:
            with engine_on_reference(dialect, DEADLINE * 3) as engine:
                write(None, 0)
                for case in todo:
                    if case[0] != dialect:
                        continue
                    for _ in range(ATTEMPTS):
                        result = engine.run(behaviours[case])
                        if result.verdict in (Verdict.PASSED, Verdict.SKIPPED):
                            break
                    if result.verdict is Verdict.PASSED:
                        write(case, result.duration)
                    elif result.verdict is not Verdict.SKIPPED:
                        pipe.write(json.dumps([case, -1, result.reason]) + "\n")


def _observations(
    behaviours: Mapping[Case, Behaviour],
) -> Iterator[tuple[Case | None, float, dict[str, list[int]]]]:
    """Yield the duration and the executed lines of each behaviour, by file; with None, those of starting.

    Raises
    ------
    SystemExit
        The unchanged reference fails a behaviour.
    """
    cases = list(behaviours)
    pipes = []
    for number in range(PROCESSES):
        reader, writer = os.pipe()

        def work(part: Sequence[Case] = cases[number::PROCESSES], out: int = writer) -> int:
            _observe(part, behaviours, out)
            return 0

        child = fork(work)
        os.close(writer)
        pipes.append((child, reader))
    texts = read_all([reader for _child, reader in pipes])
    for child, _reader in pipes:
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0:
            raise SystemExit("a process that runs the unchanged reference has died")
    lines = [json.loads(line) for text in texts.values() for line in text.splitlines()]
    if failures := [f"{case[1]} in {case[0]}: {reason}" for case, duration, reason in lines if duration < 0]:
        raise SystemExit("\n".join(["the unchanged reference fails behaviours; correct that first:", *failures]))
    for case, duration, found in lines:
        yield None if case is None else (case[0], case[1]), duration, found


class CoverageIndex:
    """The behaviours that execute each line of the unchanged reference, and those that killed mutants."""

    def __init__(self, behaviours: Mapping[Case, Behaviour]) -> None:
        self._layouts = {file_name(path): Layout(path.read_text(encoding="utf-8")) for path in reference_files()}
        self._at_start: set[_Line] = set()
        durations: dict[Case, float] = {}
        executing: dict[_Line, list[Case]] = defaultdict(list)
        for case, duration, found in _observations(behaviours):
            lines = [(file, number) for file, numbers in found.items() for number in numbers]
            if case is None:
                self._at_start.update(lines)
                continue
            durations[case] = duration
            for line in lines:
                executing[line].append(case)
        self._rank = {case: rank for rank, case in enumerate(sorted(durations, key=lambda case: durations[case]))}
        self._executing = {line: frozenset(cases) for line, cases in executing.items()}
        self._killers: dict[tuple[str, str], dict[Case, None]] = defaultdict(dict)

    def order(self, mutant: Mutant) -> list[Case]:
        """Return the behaviours that run a mutant, the most promising first."""
        cases = self._affected(mutant)
        remembered = [case for case in self._killers[mutant.file, mutant.where] if cases is None or case in cases]
        if cases is not None:
            rest = sorted(cases, key=lambda case: self._rank[case])
        else:  # all of them, those that execute anything of the file first
            near = frozenset().union(*(found for line, found in self._executing.items() if line[0] == mutant.file))
            rest = sorted(self._rank, key=lambda case: (case not in near, self._rank[case]))
        return list(dict.fromkeys([*remembered[-1 : -1 - REMEMBERED : -1], *rest]))

    def add_killer(self, mutant: Mutant, case: Case) -> None:
        """Remember the behaviour that killed a mutant."""
        killers = self._killers[mutant.file, mutant.where]
        killers.pop(case, None)  # the latest is the last one
        killers[case] = None

    def _affected(self, mutant: Mutant) -> frozenset[Case] | None:
        """Return the behaviours that execute the changed code; None if any behaviour may."""
        layout = self._layouts[mutant.file]
        function = layout.function_at(mutant.line)
        if function is None:
            names = layout.constants.get(mutant.line)
            return None if names is None else self._using(names)
        lines, node = function
        if mutant.line < node.body[0].lineno:  # decorators and defaults
            return self._running(mutant.file, lines)
        return self._running(mutant.file, layout.statements.get(mutant.line, lines))

    def _running(self, file: str, lines: Iterable[int]) -> frozenset[Case] | None:
        """Return the behaviours that execute one of the lines; None if starting the reference executes one."""
        found = [(file, line) for line in lines]
        if any(line in self._at_start for line in found) or self._is_cached(file, found[0][1]):
            return None
        return frozenset[Case]().union(*(self._executing.get(line, ()) for line in found))

    def _is_cached(self, file: str, line: int) -> bool:
        """Tell whether a function runs only once, and its callers share the result."""
        function = self._layouts[file].function_at(line)
        return function is not None and any(
            isinstance(decorator, ast.Name) and decorator.id == "cache" for decorator in function[1].decorator_list
        )

    def _using(self, names: set[str]) -> frozenset[Case] | None:
        """Return the behaviours that execute a use of constants of a module, or of constants made of them."""
        todo, known = list(names), set(names)
        found: frozenset[Case] = frozenset()
        while todo:
            name = todo.pop()
            for file, layout in self._layouts.items():
                for line in layout.mentions.get(name, ()):
                    if layout.function_at(line) is not None:
                        cases = self._running(file, layout.statements.get(line, range(line, line + 1)))
                        if cases is None:
                            return None
                        found |= cases
                    elif line in layout.constants:
                        todo += layout.constants[line] - known
                        known |= layout.constants[line]
                    else:
                        return None
        return found
