"""Finds the files of the spec and loads them, from the cache where they are unchanged.

Reading their content is left to ``assembly``, which is imported only when needed: a cached spec loads without YAML.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from luasocket_spec import model as m
from luasocket_spec.reading import cache
from luasocket_spec.reading.problems import Problem, SpecError

#: The version of the spec, which reports carry: a new behaviour is a minor release; a changed meaning is a new id.
__version__: Final = "0.1.0"


#: The subjects in the order in which they are run and reported: simple ones first, and each before those that depend on
#: it, so that a porter can begin with the first failure. Subjects that are not listed come last.
SUBJECTS: Final = (
    "module",
    *(f"tcp/{name}" for name in (
        "create", "connect", "send", "receive-line", "receive-number", "receive-all", "receive", "receive-prefix",
        "receive-arguments", "timeout", "close", "shutdown", "bind", "listen", "accept", "names", "states", "options",
        "system-options", "option-scope", "stats", "dirty", "descriptor", "sequences", "waits", "again",
        "collection", "resets", "clients", "servers", "masters", "aliases",
    )),
    "connect", "helper", "select",
    *(f"udp/{name}" for name in (
        "create", "setsockname", "sendto", "receivefrom", "receive", "setpeername", "send", "timeout", "close", "names",
        "states", "options", "multicast", "system-options", "select", "descriptor", "sequences", "collection",
        "families", "unchanged", "ahead", "option-scope",
    )),
    "dns", "try", "except", "choose", "sink", "source", "sequences", "descriptors", "errors", "subtypes", "addresses",
    "interruptions", "endpoints", "texts", "readiness", "changes", "numerals", "widths", "inheritance", "reuse",
    "fields",
)  # fmt: skip


def _rank(name: str) -> int:
    """Return the position of a file's subject in :data:`SUBJECTS`."""
    subject = m.subject_of(name)
    return SUBJECTS.index(subject) if subject in SUBJECTS else len(SUBJECTS)


def _files(directory: Traversable, prefix: str = "") -> Iterator[tuple[str, Traversable]]:
    """Yield the files in a directory and below it, sorted by name."""
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
        The name of a file does not end in ``.yaml``, or a file cannot be read.
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
            problems.append(Problem(name, 1, f"It cannot be read ({error.strerror}): change its permissions."))
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
        The data are invalid. The exception has all problems.
    """
    directory = path if path is not None else resources.files("luasocket_spec")
    if not directory.is_dir():
        raise SpecError([Problem(str(path), 1, "There is no such directory: name one that contains behaviours/.")])
    files = data_files(directory)
    with _collector_paused():
        if path is not None:  # likely to be edited right now, so not worth caching
            return _assembled(files)
        key = cache.key(files, _code(directory))
        spec = cache.find(key)
        if spec is None:
            spec = _assembled(files)
            cache.keep(key, spec)
        return spec


@contextlib.contextmanager
def _collector_paused() -> Iterator[None]:
    """Pause the garbage collector: loading makes 100,000 objects that all stay, and each pass over them costs time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _assembled(files: dict[str, bytes]) -> m.Spec:
    from luasocket_spec.reading.assembly import assemble

    return assemble(__version__, files)


def _code(package: Traversable) -> dict[str, bytes]:
    """Return the source of this package, a part of the cache key: it decides how the data are read."""
    folders = {"": package, "reading/": package / "reading"}
    found = {
        prefix + entry.name: entry
        for prefix, folder in folders.items()
        for entry in folder.iterdir()
        if entry.name.endswith(".py")
    }
    return {name: found[name].read_bytes() for name in sorted(found)}
