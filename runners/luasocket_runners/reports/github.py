"""Annotations that GitHub shows beside the lines of a change: workflow commands on a job's standard output.

The rules of escaping are GitHub's (actions/toolkit, ``core/command.ts``).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import luasocket_spec

from luasocket_runners.result import CONFORMING, Result, outcome_label

#: Annotations of one kind that GitHub keeps of a step; it drops the others silently.
KEPT: Final = 10

#: The directory to which ``Source.file`` is relative in the bundled specification.
_SHIPPED: Final = Path(luasocket_spec.__file__).parent


def escape_data(text: str) -> str:
    """Return text as the message of a command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escape_property(text: str) -> str:
    """Return text as the value of a property of a command."""
    return escape_data(text).replace(":", "%3A").replace(",", "%2C")


@contextmanager
def commands_stopped() -> Iterator[None]:
    """Keep GitHub from reading output as commands meanwhile: a port that prints ``::`` could give some.

    The word that ends it cannot be guessed.
    """
    word = secrets.token_hex(16)
    print(f"::stop-commands::{word}", flush=True)
    try:
        yield
    finally:
        print(f"::{word}::", flush=True)


def render(results: Sequence[Result], *, known: str, spec: Path | None, workspace: Path) -> str:
    """Return the commands for a run: an error for each failure, a warning for each deviation without an explanation.

    Each points at the entry of the port's list that names the behaviour; without one, at the behaviour if it lies in
    the repository; otherwise at the list of known deviations. GitHub shows only places in the repository.

    Parameters
    ----------
    known
        The file of known deviations, empty if there is none.
    spec
        The directory of the specification; None: the bundled one.
    workspace
        The directory of the repository.
    """
    errors = [result for result in results if result.verdict not in CONFORMING]
    warnings = [
        result
        for result in results
        if result.verdict in CONFORMING and result.listed is not None and not result.listed.explained
    ]
    lines = []
    for level, found in (("error", errors), ("warning", warnings)):
        shown = found if len(found) <= KEPT else found[: KEPT - 1]
        for result in shown:
            properties = _place(result, known, spec or _SHIPPED, workspace)
            properties["title"] = f"{result.verdict.value}: {result.behaviour.id}"
            written = ",".join(f"{name}={escape_property(value)}" for name, value in properties.items())
            lines.append(f"::{level} {written}::{escape_data(_message(result))}\n")
        if len(shown) < len(found):
            lines.append(f"::{level} title=luasocket-conformance::and {len(found) - len(shown)} more, see the log\n")
    return "".join(lines)


def _message(result: Result) -> str:
    lines = [result.behaviour.says]
    if result.call:
        lines.append(result.call)
    if result.expected is not None:
        lines.append(f"expected: {result.expected}")
    if result.returned is not None:
        lines.append(": ".join(outcome_label(result.returned)))
    if result.reason:
        lines.append(f"difference: {result.reason}")
    if result.listed is not None:
        lines.append(f"listed: {result.listed.reason}")
    return "\n".join(lines)


def _place(result: Result, known: str, spec: Path, workspace: Path) -> dict[str, str]:
    source = result.behaviour.source
    places = [(spec / source.file, source.line)]
    if result.listed is not None:
        places.insert(0, (Path(result.listed.file), result.listed.line))
    elif known:
        places.append((Path(known), 1))
    for file, line in places:
        whole = file.resolve()
        if whole.is_relative_to(workspace.resolve()):
            return {"file": whole.relative_to(workspace.resolve()).as_posix(), "line": str(line)}
    return {}
