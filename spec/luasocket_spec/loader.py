"""Finds the data of the spec and loads it: ``load`` is the door of this room.

What lives here: which files there are, and whether they have been read before. What may not: what is in them
(``assembly``). What reads YAML is imported only when it is needed, so that a spec that is kept loads fast.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from luasocket_spec import cache
from luasocket_spec import model as m
from luasocket_spec.problems import Problem, SpecError

#: The version of the spec, which reports carry: a new behaviour is a minor release; a changed meaning is a new id.
__version__: Final = "0.1.0"


#: The subjects in the order in which they are played and told: what is simple first, and what others build on, so that
#: the first failure that a reader sees is the one to begin with. What is not named here comes last.
SUBJECTS: Final = (
    "module",
    *(f"tcp/{name}" for name in (
        "create", "connect", "send", "receive-line", "receive-number", "receive-all", "receive", "receive-prefix",
        "receive-arguments", "timeout", "close", "shutdown", "bind", "listen", "accept", "names", "states", "options",
        "system-options", "stats", "dirty", "descriptor",
    )),
    "connect", "helper", "select",
    *(f"udp/{name}" for name in (
        "create", "setsockname", "sendto", "receivefrom", "receive", "setpeername", "send", "timeout", "close", "names",
        "states", "options", "multicast", "system-options", "select", "descriptor",
    )),
    "dns", "try", "except", "choose", "sink", "source",
)  # fmt: skip


def _rank(name: str) -> int:
    """Return the place of a file in the order of its subject."""
    subject = m.subject_of(name)
    return SUBJECTS.index(subject) if subject in SUBJECTS else len(SUBJECTS)


def _files(directory: Traversable, prefix: str = "") -> Iterator[tuple[str, Traversable]]:
    """Yield what lies in a directory and below it, in the order of names."""
    for entry in sorted(directory.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            yield from _files(entry, f"{prefix}{entry.name}/")
        else:
            yield prefix + entry.name, entry


def data_files(directory: Traversable) -> dict[str, bytes]:
    """Return the bytes of all data files by their path relative to the directory, in a fixed order.

    Raises
    ------
    SpecError
        A file among them is not named as one of ours, or could not be read.
    """
    files: dict[str, bytes] = {}
    problems: list[Problem] = []
    found: list[tuple[str, Traversable]] = []
    for part in ("behaviours", "statements"):
        if (directory / part).is_dir():
            found.extend(sorted(_files(directory / part, f"{part}/"), key=lambda entry: _rank(entry[0])))
    if (directory / "fixtures.yaml").is_file():
        found.append(("fixtures.yaml", directory / "fixtures.yaml"))
    for name, entry in found:
        if not name.endswith(".yaml"):
            problems.append(Problem(name, 1, "Only files that end in .yaml belong here: rename or remove it."))
            continue
        try:
            files[name] = entry.read_bytes()
        except OSError as error:
            problems.append(Problem(name, 1, f"It cannot be read ({error.strerror}): mend its permissions."))
    if problems:
        raise SpecError(problems)
    return files


def load(path: Path | None = None) -> m.Spec:
    """Load the spec.

    Parameters
    ----------
    path
        A directory with ``behaviours/``, ``statements/`` and ``fixtures.yaml``; None: the data of this package.

    Raises
    ------
    SpecError
        Something in it is wrong. All problems are in it, not only the first.
    """
    directory = path if path is not None else resources.files("luasocket_spec")
    if not directory.is_dir():
        raise SpecError([Problem(str(path), 1, "There is no such directory: name one that holds behaviours/.")])
    files = data_files(directory)
    with _uncollected():
        if path is not None:  # what somebody is just writing is not worth keeping
            return _assembled(files)
        key = cache.key(files, _code(directory))
        spec = cache.find(key)
        if spec is None:
            spec = _assembled(files)
            cache.keep(key, spec)
        return spec


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Hold the garbage collector: a hundred thousand objects come to stay, looking among them costs."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _assembled(files: dict[str, bytes]) -> m.Spec:
    from luasocket_spec.assembly import assemble

    return assemble(__version__, files)


def _code(package: Traversable) -> dict[str, bytes]:
    """Return the source of this package, which decides what the data become."""
    modules = sorted((entry for entry in package.iterdir() if entry.name.endswith(".py")), key=lambda entry: entry.name)
    return {entry.name: entry.read_bytes() for entry in modules}
