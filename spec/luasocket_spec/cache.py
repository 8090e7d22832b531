"""Keeps the parsed spec between runs, in the user's cache directory.

What lives here: storing and finding one pickled :class:`~luasocket_spec.model.Spec`. What may not: any rule about the
data. What is found is exactly what was stored for the same data, the same code and the same Python.

A pickle runs code when it is read, so nothing is read that somebody else could have written: the directory and the file
must be ours, no link, and not writable by others; and only the classes of the model are let in. Whatever goes wrong,
there is nothing kept, and the spec is parsed anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import pickle
import secrets
import stat
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Final

from luasocket_spec import model

#: Set to anything but the empty string, nothing is looked up and nothing is kept.
SWITCH: Final = "LUASOCKET_SPEC_NO_CACHE"

_KEY_BYTES: Final = hashlib.sha256().digest_size
#: One file for each Python, so that the cache does not grow: a new spec replaces the old one.
_FILE: Final = f"spec-{sys.implementation.cache_tag}.pickle"


def key(data: Mapping[str, bytes], code: Mapping[str, bytes]) -> bytes:
    """Return what identifies the result of reading ``data`` with ``code``, both by file name."""
    digest = hashlib.sha256(f"{sys.implementation.cache_tag} {sys.version}".encode())
    for files in (data, code):
        digest.update(f"{len(files)} files".encode())
        for name, content in files.items():
            digest.update(f"\0{name}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.digest()


def directory() -> Path | None:
    """Return where the spec is kept, or None where it cannot be kept safely or is not to be."""
    if os.environ.get(SWITCH) or not hasattr(os, "geteuid"):
        return None
    base = os.environ.get("XDG_CACHE_HOME", "")
    try:
        root = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
    except RuntimeError:  # nobody knows the home of this user
        return None
    return root / "luasocket-conformance"


def find(wanted: bytes) -> model.Spec | None:
    """Return the spec that was kept under this key, or None."""
    try:
        with _opened() as folder, open(_FILE, "rb", opener=_ours(folder)) as file:
            if file.read(_KEY_BYTES) != wanted:
                return None
            return _unpickled(file.read())
    except Exception:  # a damaged pickle raises anything; then nothing is kept, and it will be replaced
        return None


def keep(wanted: bytes, spec: model.Spec) -> None:
    """Keep the spec under this key, in place of any other. Where that is not possible, do nothing."""
    place = directory()
    if place is None:
        return
    with contextlib.suppress(OSError):
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _opened() as folder:
            # written beside and renamed, so that a reader sees all of it or none
            beside = f".{_FILE}.{secrets.token_hex(8)}"
            target = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder)
            try:
                with os.fdopen(target, "wb") as file:
                    file.write(wanted + _pickled(spec))
                os.rename(beside, _FILE, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(beside, dir_fd=folder)
                raise


@contextlib.contextmanager
def _opened() -> Iterator[int]:
    """Open the cache directory; raise `OSError` if it is not there or not ours alone."""
    place = directory()
    if place is None:
        raise FileNotFoundError
    folder = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _demand_ours(folder, stat.S_ISDIR)
        yield folder
    finally:
        os.close(folder)


def _ours(folder: int) -> Any:
    """Return an opener of files in that directory that refuses those that are not ours alone."""

    def opened(name: str, _flags: int) -> int:
        # not blocking: a pipe of that name would wait for a writer
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        try:
            _demand_ours(file, stat.S_ISREG)
        except BaseException:
            os.close(file)
            raise
        return file

    return opened


def _demand_ours(descriptor: int, kind: Any) -> None:
    found = os.fstat(descriptor)
    if not kind(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise PermissionError


class _Pickler(pickle.Pickler):
    """Writes an object of the model as a call of its class: frozen ones with slots are slow to restore otherwise."""

    def reducer_override(self, thing: object) -> Any:
        if is_dataclass(thing) and not isinstance(thing, type):
            return type(thing), tuple(getattr(thing, part.name) for part in fields(thing))
        return NotImplemented


class _Unpickler(pickle.Unpickler):
    """Lets in the classes of the model and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if module != model.__name__ or name.startswith("_"):
            raise pickle.UnpicklingError(f"{module}.{name}")
        return getattr(model, name)


def _pickled(spec: model.Spec) -> bytes:
    buffer = io.BytesIO()
    _Pickler(buffer, protocol=5).dump(spec)
    return buffer.getvalue()


def _unpickled(data: bytes) -> model.Spec:
    spec = _Unpickler(io.BytesIO(data)).load()
    if not isinstance(spec, model.Spec):
        raise pickle.UnpicklingError
    return spec
