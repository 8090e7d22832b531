#!/usr/bin/env python3
"""Creates the virtual environment ``.venv`` and runs the project, its tests and its checks in it.

It needs only the standard library. The environment is recreated when ``pyproject.toml`` or the Python has changed, so
it can be deleted at any time. A lock on this file keeps two calls from changing the environment at the same time.
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
usage: python3 dev.py test [PYTEST ARGUMENTS]   run the project's tests and the suite, on all cores
       python3 dev.py check                     formatting, lint and types: ruff, and mypy --strict
       python3 dev.py tox [TOX ARGUMENTS]       test the built wheel with each Python that is installed
       python3 dev.py COMMAND [ARGUMENTS]       run luasocket-conformance: run, list, show, coverage, ... or --help

  python3 dev.py run                                 run the whole specification on the reference
  python3 dev.py run --port lupa:lua54 tcp/receive   run some behaviours on real LuaSocket
  python3 dev.py test -k receive

The first call creates the environment .venv beside this file; later calls use it.
"""

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"
PYTHON = BIN / "python"
#: A fingerprint of the sources of the environment, and its dependency groups. Written last, so that an interrupted
#: installation has none.
STAMP = VENV / "made-from"
#: The dependency groups that each command needs; `luasocket-conformance` needs none, except for `explore`.
GROUPS = {"test": {"test"}, "check": {"test", "lint", "types"}, "tox": {"tox"}, "explore": {"test"}}
#: The commands of `check`.
CHECKS = (["ruff", "format", "--check"], ["ruff", "check"], ["mypy"])
#: The exit status for "could not be started", as in `luasocket-conformance run`.
CANNOT_RUN = 3


class CannotInstallError(Exception):
    """The environment cannot be created; the message gives the remedy."""


def main(arguments: list[str]) -> int:
    """Create the environment if it is missing or out of date, and run the command. Return the exit status."""
    if not arguments:
        sys.stderr.write(USAGE)
        return 2
    try:
        ensure_environment(GROUPS.get(arguments[0], set()))
        match arguments:
            case ["test", *rest]:
                os.chdir(ROOT)
                become([str(PYTHON), "-m", "pytest", "-n", "auto", *rest])
            case ["check"]:
                os.chdir(ROOT)
                return max(subprocess.call([BIN / tool, *options]) for tool, *options in CHECKS)
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
    """Replace this process, so that the command gets the signals and sets the exit status."""
    sys.stdout.flush()
    os.execv(command[0], command)


def ensure_environment(groups: set[str]) -> None:
    """Create or update the environment, and lock it against changes until this process ends.

    The lock is shared and survives ``exec``: other calls can use the environment meanwhile, but not change it.
    """
    lock = os.open(__file__, os.O_RDONLY)
    os.set_inheritable(lock, True)
    while True:
        acquire(lock, fcntl.LOCK_SH)
        if is_current(groups):
            return
        acquire(lock, fcntl.LOCK_EX)  # releases the shared lock first, so another call may have installed
        if not is_current(groups):
            install(groups)


def acquire(lock: int, kind: int) -> None:
    """Take the lock; print a line if that has to wait."""
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.stderr.write("dev.py: waiting for another dev.py in this checkout to finish\n")
        fcntl.flock(lock, kind)


def fingerprint() -> str:
    """Return a digest of the project's metadata, its directory and this Python."""
    digest = hashlib.sha256((ROOT / "pyproject.toml").read_bytes())
    digest.update(f"{ROOT}\0{sys.version}\0{sys.base_prefix}".encode())
    return digest.hexdigest()


def installed() -> set[str] | None:
    """Return the dependency groups in the environment; None if it is missing or out of date."""
    try:
        made_from, *groups = STAMP.read_text().split()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    # PYTHON.exists() follows the link: the Python that it was created with may have been removed.
    return set(groups) if made_from == fingerprint() and PYTHON.exists() else None


def is_current(groups: set[str]) -> bool:
    """Tell whether the environment is complete and up to date, and has these groups."""
    present = installed()
    return present is not None and groups <= present


def install(groups: set[str]) -> None:
    """Create the environment, or add groups to it. Raises `CannotInstallError`."""
    present = installed()
    STAMP.unlink(missing_ok=True)
    if present is None:
        sys.stderr.write(f"dev.py: creating the environment {VENV} (takes a minute, once)\n")
        make_venv()
        present = set()
    groups = groups | present
    install = [*pip(), "install", "--quiet", "--quiet"]  # errors only
    requirements = ["--editable", str(ROOT), *(line for group in sorted(groups) for line in requirements_of(group))]
    if subprocess.call([*install, *requirements], env=pip_environment()) != 0:
        raise CannotInstallError("pip could not install the project; its messages are above.")
    # Only as a wheel, and not required: the reference and all other ports work without it.
    lupa = [*install, "--only-binary", ":all:", *project()["project"]["optional-dependencies"]["lupa"]]
    if subprocess.call(lupa, env=pip_environment(), stderr=subprocess.DEVNULL) != 0:
        sys.stderr.write("dev.py: lupa has no wheel for this Python; the ports lupa:... are not available.\n")
    STAMP.write_text(" ".join([fingerprint(), *sorted(groups)]) + "\n")


def make_venv() -> None:
    """Create an empty environment, with pip if this Python has ensurepip. Raises `CannotInstallError`."""
    with_pip = importlib.util.find_spec("ensurepip") is not None
    # Debian keeps ensurepip in a package of its own. Without it, Debian's pip can install into a bare environment.
    if not with_pip and importlib.util.find_spec("pip") is None:
        raise CannotInstallError(
            f"{sys.executable} has neither the module ensurepip nor pip, so packages cannot be installed.\n"
            "On Debian and Ubuntu: apt-get install python3-venv"
        )
    try:
        if VENV.is_symlink():
            VENV.unlink()
        elif VENV.exists():
            shutil.rmtree(VENV)
        venv.create(VENV, with_pip=with_pip, symlinks=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise CannotInstallError(f"the environment {VENV} could not be created: {error}") from error


def pip() -> list[str]:
    """Return the command that runs pip for the environment: its own pip, or this Python's."""
    if (BIN / "pip").exists():
        return [str(PYTHON), "-m", "pip"]
    return [sys.executable, "-m", "pip", "--python", str(PYTHON)]


def pip_environment() -> dict[str, str]:
    """Return the environment variables for pip; a user's `--user` setting must not apply."""
    return os.environ | {"PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def project() -> dict[str, Any]:
    """Return the contents of ``pyproject.toml``."""
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
