#!/usr/bin/env python3
"""Everything from a fresh checkout, with nothing but Python: makes ``.venv`` and runs the project in it.

What lives here: making the environment. What may not: anything that an installed wheel needs, and any import from
outside the standard library. The environment is made again whenever ``pyproject.toml`` or the Python has changed, so it
can be thrown away at any time. One lock (on this very file) keeps two of these from working in it at once.
"""

import os
import sys

if sys.version_info < (3, 11) or os.name != "posix":
    sys.stderr.write("dev.py needs Python 3.11 or later on a POSIX system; this is " + sys.version + "\n")
    sys.exit(3)

import fcntl
import hashlib
import importlib.util
import shutil
import subprocess
import tomllib
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

USAGE = """\
usage: python3 dev.py test [PYTEST ARGUMENTS]   run our own tests, and the suite, on several cores
       python3 dev.py check                     lint and types: ruff, and mypy --strict
       python3 dev.py tox [TOX ARGUMENTS]       test the built wheel, under every Python that is there
       python3 dev.py COMMAND [ARGUMENTS]       run luasocket-conformance: run, list, show, coverage, ... or --help

  python3 dev.py run                                 the whole specification on the reference
  python3 dev.py run --port lupa:lua54 tcp/receive   a part of it on real LuaSocket
  python3 dev.py test -k receive

The first call makes the environment .venv beside this file; later calls use it.
"""

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"
PYTHON = BIN / "python"
#: Written last: what the environment was made from, and the groups in it. An interrupted installation has none.
STAMP = VENV / "made-from"
#: The dependency groups that our own commands need beside the project; `luasocket-conformance` needs none.
GROUPS = {"test": {"test"}, "check": {"test", "lint", "types"}, "tox": {"tox"}}
#: The status for "it could not be run at all"; the same as that of `luasocket-conformance run`.
CANNOT_RUN = 3


class CannotInstallError(Exception):
    """The environment cannot be made; the message says what to do."""


def main(arguments: list[str]) -> int:
    """Make the environment, if it is not there, and run what was asked for. Return the exit status."""
    if not arguments:
        sys.stderr.write(USAGE)
        return 2
    try:
        hold_environment(GROUPS.get(arguments[0], set()))
        match arguments:
            case ["test", *rest]:
                os.chdir(ROOT)
                become([str(PYTHON), "-m", "pytest", "-n", "auto", *rest])
            case ["check"]:
                os.chdir(ROOT)
                return max(subprocess.call([BIN / tool, *rest]) for tool, *rest in (["ruff", "check"], ["mypy"]))
            case ["tox", *rest]:
                os.chdir(ROOT)
                become([str(BIN / "tox"), *rest])
            case _:
                become([str(BIN / "luasocket-conformance"), *arguments])
    except CannotInstallError as problem:
        sys.stderr.write(f"dev.py: {problem}\n")
        return CANNOT_RUN
    except KeyboardInterrupt:
        return 130


def become(command: list[str]) -> NoReturn:
    """Replace this process: signals and the exit status are then the program's own."""
    sys.stdout.flush()
    os.execv(command[0], command)


def hold_environment(groups: set[str]) -> None:
    """Return with an environment that is up to date and stays so: a shared lock is held until this process ends.

    The lock lives on through ``exec``. Others may then run in the environment, but not change it.
    """
    lock = os.open(__file__, os.O_RDONLY)
    os.set_inheritable(lock, True)
    while True:
        acquire(lock, fcntl.LOCK_SH)
        if is_current(groups):
            return
        acquire(lock, fcntl.LOCK_EX)  # lets go of the shared lock first: look again whether another has done it
        if not is_current(groups):
            install(groups)


def acquire(lock: int, kind: int) -> None:
    """Take the lock; say so if that means to wait."""
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.stderr.write("dev.py: waiting for another dev.py in this checkout to end\n")
        fcntl.flock(lock, kind)


def fingerprint() -> str:
    """What an environment is made from: this project's metadata, this place, this Python."""
    digest = hashlib.sha256((ROOT / "pyproject.toml").read_bytes())
    digest.update(f"{ROOT}\0{sys.version}\0{sys.base_prefix}".encode())
    return digest.hexdigest()


def installed() -> set[str] | None:
    """Return the dependency groups in the environment; None if it is not there, or was made from something else."""
    try:
        made_from, *groups = STAMP.read_text().split()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    # PYTHON.exists() follows the link: the Python that it was made with may have been removed.
    return set(groups) if made_from == fingerprint() and PYTHON.exists() else None


def is_current(groups: set[str]) -> bool:
    """Whether the environment is there, complete, and has these groups."""
    there = installed()
    return there is not None and groups <= there


def install(groups: set[str]) -> None:
    """Make the environment, or add groups to it. Raises `CannotInstallError`."""
    there = installed()
    STAMP.unlink(missing_ok=True)
    if there is None:
        sys.stderr.write(f"dev.py: making the environment {VENV} (this takes a minute, once)\n")
        make_venv()
        there = set()
    groups = groups | there
    install = [*pip(), "install", "--quiet", "--quiet"]  # errors only
    requirements = ["--editable", str(ROOT), *(line for group in sorted(groups) for line in requirements_of(group))]
    if subprocess.call([*install, *requirements], env=pip_environment()) != 0:
        raise CannotInstallError("pip could not install the project; what it said is above.")
    # Binary only, and no failure: the reference and every other port work without it.
    lupa = [*install, "--only-binary", ":all:", *project()["project"]["optional-dependencies"]["lupa"]]
    if subprocess.call(lupa, env=pip_environment(), stderr=subprocess.DEVNULL) != 0:
        sys.stderr.write("dev.py: there is no wheel of lupa for this Python; the ports lupa:... will not be there.\n")
    STAMP.write_text(" ".join([fingerprint(), *sorted(groups)]) + "\n")


def make_venv() -> None:
    """Make an empty environment, with pip if this Python has the means. Raises `CannotInstallError`."""
    with_pip = importlib.util.find_spec("ensurepip") is not None
    # Debian keeps ensurepip in a package of its own. Without it, Debian's pip can install into a bare environment.
    if not with_pip and importlib.util.find_spec("pip") is None:
        raise CannotInstallError(
            f"{sys.executable} can neither make an environment with pip (no module ensurepip) nor has it pip.\n"
            "On Debian and Ubuntu: apt-get install python3-venv"
        )
    try:
        if VENV.is_symlink():
            VENV.unlink()
        elif VENV.exists():
            shutil.rmtree(VENV)
        venv.create(VENV, with_pip=with_pip, symlinks=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise CannotInstallError(f"the environment {VENV} could not be made: {error}") from error


def pip() -> list[str]:
    """Return the command of a pip that installs into the environment: its own, or this Python's."""
    if (BIN / "pip").exists():
        return [str(PYTHON), "-m", "pip"]
    return [sys.executable, "-m", "pip", "--python", str(PYTHON)]


def pip_environment() -> dict[str, str]:
    """The environment variables for pip: a user's habit of `--user` must not reach the environment."""
    return os.environ | {"PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def project() -> dict[str, Any]:
    """Return what ``pyproject.toml`` says."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def requirements_of(group: str) -> Iterator[str]:
    """Yield the requirements of a dependency group (`pip install --group` is younger than Debian 12's pip)."""
    for entry in project()["dependency-groups"][group]:
        if isinstance(entry, str):
            yield entry
        else:
            yield from requirements_of(entry["include-group"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
