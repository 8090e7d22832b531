"""Tests the cache: a cached spec is found again, and a file that another user could have written is never read."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from luasocket_spec import Spec, load
from luasocket_spec.model import Call, Make, Source, TableSpec
from luasocket_spec.reading import cache

KEY = bytes(32)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache directory for one test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv(cache.SWITCH, raising=False)
    return tmp_path / "luasocket-conformance"


@pytest.fixture
def spec(valid: Path) -> Spec:
    return load(valid)


def kept(home: Path) -> Path:
    (file,) = home.iterdir()
    return file


def test_a_cached_specification_is_found(spec: Spec, home: Path) -> None:
    assert cache.find(KEY) is None
    cache.keep(KEY, spec)
    assert cache.find(KEY) == spec
    assert cache.find(b"\1" * 32) is None, "another key"
    assert home.stat().st_mode & 0o777 == 0o700
    assert kept(home).stat().st_mode & 0o777 == 0o600


def test_shared_fixtures_stay_shared(spec: Spec) -> None:
    cache.keep(KEY, spec)
    found = cache.find(KEY)
    assert found is not None
    assert found.behaviours[0].given[0][1] is found.fixtures["client"]


def test_equal_parts_become_one(spec: Spec) -> None:
    cache.keep(KEY, spec)
    found = cache.find(KEY)
    assert found is not None
    steps = [step for behaviour in found.behaviours for step in behaviour.steps if isinstance(step, Call)]
    assert len({id(step.expect) for step in steps}) == len(set(map(repr, (step.expect for step in steps))))


def test_values_keep_their_types(spec: Spec) -> None:
    table = TableSpec(((1, 1.0), (True, 0), (0.0, -0.0), (False, None), (b"1", 1)))
    behaviour = replace(spec.behaviours[0], steps=(Make("name", table, Source("f", 1)),))
    cache.keep(KEY, replace(spec, behaviours=(behaviour,)))
    found = cache.find(KEY)
    assert found is not None
    assert repr(found.behaviours[0].steps) == repr(behaviour.steps)


def test_a_new_entry_replaces_the_old_one(spec: Spec, home: Path) -> None:
    cache.keep(KEY, spec)
    cache.keep(b"\1" * 32, spec)
    assert cache.find(KEY) is None
    assert cache.find(b"\1" * 32) == spec
    kept(home)


def test_the_key_depends_on_names_and_contents() -> None:
    keys = {
        cache.key({}, {}),
        cache.key({"a": b"b"}, {}),
        cache.key({"a": b"c"}, {}),
        cache.key({"b": b"b"}, {}),
        cache.key({}, {"a": b"b"}),
    }
    assert len(keys) == 5


def test_an_environment_variable_switches_the_cache_off(
    spec: Spec, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.keep(KEY, spec)
    monkeypatch.setenv(cache.SWITCH, "1")
    assert cache.find(KEY) is None
    kept(home).unlink()
    cache.keep(KEY, spec)
    assert list(home.iterdir()) == []


def _others_may_write_the_file(home: Path) -> None:
    kept(home).chmod(0o620)


def _others_may_write_the_directory(home: Path) -> None:
    home.chmod(0o777)


def _file_is_a_link(home: Path) -> None:
    file = kept(home)
    elsewhere = home.parent / "elsewhere"
    file.rename(elsewhere)
    file.symlink_to(elsewhere)


def _directory_is_a_link(home: Path) -> None:
    elsewhere = home.parent / "elsewhere"
    home.rename(elsewhere)
    home.symlink_to(elsewhere)


def _file_is_a_pipe(home: Path) -> None:
    file = kept(home)
    file.unlink()
    os.mkfifo(file)


def _cut(home: Path) -> None:
    file = kept(home)
    file.write_bytes(file.read_bytes()[:-100])


def _another_class(home: Path) -> None:
    kept(home).write_bytes(KEY + pickle.dumps(subprocess.Popen))


def _no_spec(home: Path) -> None:
    kept(home).write_bytes(KEY + pickle.dumps(5))


@pytest.mark.parametrize(
    "spoil",
    [
        _others_may_write_the_file,
        _others_may_write_the_directory,
        _file_is_a_link,
        _directory_is_a_link,
        _file_is_a_pipe,
        _cut,
        _another_class,
        _no_spec,
    ],
)
def test_an_untrusted_file_is_not_read(spoil: Callable[[Path], None], spec: Spec, home: Path) -> None:
    cache.keep(KEY, spec)
    spoil(home)
    assert cache.find(KEY) is None


def test_the_file_of_another_user_is_not_read(spec: Spec, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.keep(KEY, spec)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert cache.find(KEY) is None


def test_a_directory_that_cannot_be_written(spec: Spec, home: Path) -> None:
    home.write_bytes(b"a file, where the directory should be")
    cache.keep(KEY, spec)
    assert cache.find(KEY) is None


def test_a_failed_write_leaves_no_file(spec: Spec, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError

    monkeypatch.setattr(os, "rename", full)
    cache.keep(KEY, spec)
    assert list(home.iterdir()) == []


def test_a_cached_specification_loads_without_reading_yaml(home: Path, tmp_path: Path) -> None:
    """The second process finds the spec cached by the first, and does not import the parser."""
    script = "import sys, luasocket_spec; print(len(luasocket_spec.load().behaviours), 'yaml' in sys.modules)"
    # a copy, so that it cannot change between the two
    shutil.copytree(Path(cache.__file__).parents[1], tmp_path / "room/luasocket_spec")
    command = [sys.executable, "-c", script]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "room")}
    first, second = (
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()
        for _ in range(2)
    )
    kept(home)
    assert first[1] == "True"
    assert second == [first[0], "False"]
