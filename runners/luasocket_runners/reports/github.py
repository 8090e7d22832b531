"""Annotations that GitHub shows beside the lines of a change.

What lives here: the workflow commands, which a job prints to its standard output, and keeping a port from printing any.
What may not: any other service's form. The rules of escaping are GitHub's (actions/toolkit, ``core/command.ts``).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import luasocket_spec

from luasocket_runners.result import CONFORMING, Result, answer

#: Annotations of one kind that GitHub keeps of a step; it drops the others without a word.
KEPT: Final = 10

#: What ``Source.file`` is relative to in the specification that is shipped.
_SHIPPED: Final = Path(luasocket_spec.__file__).parent


def escape_data(text: str) -> str:
    """Return text as the message of a command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def escape_property(text: str) -> str:
    """Return text as the value of a property of a command."""
    return escape_data(text).replace(":", "%3A").replace(",", "%2C")


@contextmanager
def commands_stopped() -> Iterator[None]:
    """Keep GitHub from reading what is printed inside as commands: a port that prints ``::`` could give some.

    The word that ends it cannot be guessed.
    """
    word = secrets.token_hex(16)
    print(f"::stop-commands::{word}", flush=True)
    try:
        yield
    finally:
        print(f"::{word}::", flush=True)


def render(results: Sequence[Result], *, known: str, spec: Path | None, workspace: Path) -> str:
    """Return the commands for a run: an error for what deviates, a warning for what nobody has explained yet.

    Each points at the line of the port's list that speaks of the behaviour; without one, at the behaviour where the
    repository has it; else at the list of known deviations. GitHub shows only what lies in the repository.

    Parameters
    ----------
    known
        The file of known deviations, empty if there is none.
    spec
        The directory of the specification; None: the one that is shipped.
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
            told = ",".join(f"{name}={escape_property(value)}" for name, value in properties.items())
            lines.append(f"::{level} {told}::{escape_data(_message(result))}\n")
        if len(shown) < len(found):
            lines.append(f"::{level} title=luasocket-conformance::and {len(found) - len(shown)} more; see the log\n")
    return "".join(lines)


def _message(result: Result) -> str:
    lines = [result.behaviour.says]
    if result.doing:
        lines.append(result.doing)
    if result.expected is not None:
        lines.append(f"expected: {result.expected}")
    if result.returned is not None:
        lines.append(": ".join(answer(result.returned)))
    if result.reason:
        lines.append(f"because: {result.reason}")
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
