"""Tests ``dev.py``: its messages where it cannot create an environment, and when it recreates one.

Each CI run creates an environment, because it starts with ``python3 dev.py``.
"""

import fcntl
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A directory with the script and the metadata, and nothing else."""
    for name in ("dev.py", "pyproject.toml"):
        shutil.copy(CHECKOUT / name, tmp_path)
    return tmp_path


@pytest.fixture
def dev(checkout: Path) -> ModuleType:
    """The script of that directory, as a module."""
    spec = importlib.util.spec_from_file_location("dev_under_test", checkout / "dev.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make(dev: ModuleType, groups: str = "") -> None:
    """Write the files that a finished installation leaves."""
    dev.BIN.mkdir(parents=True)
    dev.PYTHON.symlink_to(sys.executable)
    dev.STAMP.write_text(f"{dev.fingerprint()} {groups}\n")


def run(checkout: Path, *arguments: str, without: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run the script as a user does, with a Python that lacks some modules."""
    code = (
        f"import runpy, sys\nsys.modules.update(dict.fromkeys({without!r}))\n"
        f"sys.argv = ['dev.py', *{arguments!r}]\nrunpy.run_path('dev.py', run_name='__main__')"
    )
    return subprocess.run([sys.executable, "-c", code], cwd=checkout, capture_output=True, text=True, timeout=60)


def test_without_a_command_it_prints_its_usage(checkout: Path) -> None:
    done = run(checkout)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: python3 dev.py test")


def test_where_no_environment_can_be_created_it_says_which_package_to_install(checkout: Path) -> None:
    done = run(checkout, "run", without=("ensurepip", "pip"))
    assert done.returncode == 3
    assert "apt-get install python3-venv" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_environment_is_used_until_its_sources_change(dev: ModuleType, checkout: Path) -> None:
    assert not dev.is_current(set())
    make(dev)
    assert dev.is_current(set())
    with (checkout / "pyproject.toml").open("a") as file:
        file.write("\n# changed\n")
    assert not dev.is_current(set())


def test_an_environment_has_the_groups_that_were_asked_for(dev: ModuleType) -> None:
    make(dev, "test")
    assert dev.is_current(set())
    assert dev.is_current(dev.GROUPS["test"])
    assert not dev.is_current(dev.GROUPS["check"])


def test_an_environment_whose_python_is_gone_is_recreated(dev: ModuleType) -> None:
    make(dev)
    dev.PYTHON.unlink()
    dev.PYTHON.symlink_to("/nonexistent/python")
    assert not dev.is_current(set())


def test_an_installation_that_was_interrupted_does_not_count(dev: ModuleType) -> None:
    make(dev)
    dev.STAMP.write_text("")
    assert not dev.is_current(set())


def test_a_group_that_includes_another_has_its_requirements(dev: ModuleType) -> None:
    names = {re.split("[>=]", line)[0] for line in dev.requirements_of("dev")}
    assert {"ruff", "mypy", "jsonschema", "tox"} <= names


def test_another_call_waits_while_an_environment_is_created(dev: ModuleType, checkout: Path) -> None:
    make(dev)
    (dev.BIN / "luasocket-conformance").write_text("#!/bin/sh\necho ran\n")
    (dev.BIN / "luasocket-conformance").chmod(0o755)
    lock = os.open(checkout / "dev.py", os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with subprocess.Popen(
            [sys.executable, "dev.py", "list"], cwd=checkout, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as other:
            assert other.stderr is not None
            assert "waiting for another dev.py" in other.stderr.readline()
            fcntl.flock(lock, fcntl.LOCK_UN)
            output, _ = other.communicate(timeout=60)
    finally:
        os.close(lock)
    assert output == "ran\n"
    assert other.returncode == 0
