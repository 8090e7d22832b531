"""Caches the parsed spec between runs, as a pickle in the user's cache directory.

The key is made of the data, the code of this package and the version of Python.

Reading a pickle can run code. So the directory and the file must belong to the user, must not be symbolic links, and
must not be writable by others, and only classes of the model are unpickled. After any error the spec is parsed as if
there were no cache.
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
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

from luasocket_spec import model

#: The environment variable that turns the cache off, unless it is empty.
SWITCH: Final = "LUASOCKET_SPEC_NO_CACHE"

_KEY_BYTES: Final = hashlib.sha256().digest_size
#: One file for each Python, so that the cache does not grow: a new spec replaces the old one.
_FILE: Final = f"spec-{sys.implementation.cache_tag}.pickle"


def key(data: Mapping[str, bytes], code: Mapping[str, bytes]) -> bytes:
    """Return the cache key of ``data`` read with ``code``, both by file name."""
    digest = hashlib.sha256(f"{sys.implementation.cache_tag} {sys.version}".encode())
    for files in (data, code):
        digest.update(f"{len(files)} files".encode())
        for name, content in files.items():
            digest.update(f"\0{name}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.digest()


def directory() -> Path | None:
    """Return the cache directory, or None if the cache is off or cannot be safe."""
    if os.environ.get(SWITCH) or not hasattr(os, "geteuid"):
        return None
    base = os.environ.get("XDG_CACHE_HOME", "")
    try:
        root = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
    except RuntimeError:  # the user has no home directory
        return None
    return root / "luasocket-conformance"


def find(wanted: bytes) -> model.Spec | None:
    """Return the spec that is cached under this key, or None."""
    try:
        with _opened() as folder, open(_FILE, "rb", opener=_opener(folder)) as file:
            if file.read(_KEY_BYTES) != wanted:
                return None
            return _unpickled(file.read())
    except Exception:  # a damaged pickle can raise anything; it will be replaced
        return None


def keep(wanted: bytes, spec: model.Spec) -> None:
    """Cache the spec under this key, in place of any other. Do nothing if that is not possible."""
    place = directory()
    if place is None:
        return
    with contextlib.suppress(OSError):
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _opened() as folder:
            # written under another name and renamed, so that a reader sees all of it or none
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
    """Open the cache directory; raise `OSError` if it is absent or unsafe."""
    place = directory()
    if place is None:
        raise FileNotFoundError
    folder = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _require_owned(folder, stat.S_ISDIR)
        yield folder
    finally:
        os.close(folder)


def _opener(folder: int) -> Any:
    """Return an opener that refuses unsafe files of the directory."""

    def opened(name: str, _flags: int) -> int:
        # non-blocking: opening a named pipe would wait for a writer
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        try:
            _require_owned(file, stat.S_ISREG)
        except BaseException:
            os.close(file)
            raise
        return file

    return opened


def _require_owned(descriptor: int, kind: Any) -> None:
    """Raise `PermissionError` unless the file has this kind, belongs to the user, and only the user can write it."""
    found = os.fstat(descriptor)
    if not kind(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise PermissionError


class _Pickler(pickle.Pickler):
    """Writes an object of the model as a call of its class: frozen classes with slots are restored faster that way."""

    def reducer_override(self, thing: object) -> Any:
        if is_dataclass(thing) and not isinstance(thing, type):
            return type(thing), tuple(getattr(thing, name) for name in _field_names(type(thing)))
        return NotImplemented


class _Unpickler(pickle.Unpickler):
    """Restores the classes of the model and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if module != model.__name__ or name.startswith("_"):
            raise pickle.UnpicklingError(f"{module}.{name}")
        return getattr(model, name)


class _Sharing:
    """Replaces equal objects by a single one: three of four are equal to another, and each takes time to restore."""

    def __init__(self) -> None:
        self._shared: dict[object, Any] = {}
        self._of: dict[int, Any] = {}  # by the id() of objects that the spec keeps alive

    def share(self, thing: Any) -> Any:
        """Return an object that is equal to a part of the spec, and the same for all equal parts."""
        if id(thing) in self._of:
            return self._of[id(thing)]
        kind: Any = type(thing)
        key: object
        if is_dataclass(thing):
            parts = [self.share(getattr(thing, name)) for name in _field_names(kind)]
            key, made = (kind, *map(id, parts)), partial(kind, *parts)
        elif kind is tuple:
            parts = [self.share(part) for part in thing]
            key, made = (kind, *map(id, parts)), partial(tuple, parts)
        elif kind is dict:
            entries = [(self.share(key), self.share(value)) for key, value in thing.items()]
            key, made = id(thing), partial(dict, entries)
        else:  # equal numbers may differ in their types, and zeros in their signs
            key, made = (kind, repr(thing)), partial(_itself, thing)
        if key not in self._shared:
            self._shared[key] = made()
        found = self._of[id(thing)] = self._shared[key]
        return found


def _itself(thing: object) -> object:
    return thing


@cache
def _field_names(kind: Any) -> tuple[str, ...]:
    return tuple(part.name for part in fields(kind))


def _pickled(spec: model.Spec) -> bytes:
    buffer = io.BytesIO()
    _Pickler(buffer, protocol=5).dump(_Sharing().share(spec))
    return buffer.getvalue()


def _unpickled(data: bytes) -> model.Spec:
    spec = _Unpickler(io.BytesIO(data)).load()
    if not isinstance(spec, model.Spec):
        raise pickle.UnpicklingError
    return spec
