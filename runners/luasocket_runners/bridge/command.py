"""Starts a Lua program on the reference: replaces the present process by the interpreter of `program`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from luasocket_runners.ports.connection import PortUnavailable
from luasocket_runners.ports.reference_in_lua import PROGRAM, RUNTIMES

__all__ = ["DEFAULT_RUNTIMES", "RUNTIMES", "run_lua"]

#: The runtime of each dialect if none is chosen; Defold has Lua 5.1 and LuaJIT.
DEFAULT_RUNTIMES = {"luasocket-3": "lua54", "defold": "lua51"}


def run_lua(words: Sequence[str], runtime: str, dialect: str, preload: Path | None = None) -> NoReturn:
    """Run a Lua program instead of the present one.

    It keeps the standard streams and the process's number, so that Ctrl-C, pipes and the exit status are the program's.

    Parameters
    ----------
    words
        A Lua interpreter's command line, without its name.
    runtime
        One of `RUNTIMES`.
    dialect
        A dialect of the reference.

    preload
        A Lua file that is run before the program.

    Raises
    ------
    PortUnavailable
        Lupa is not installed, or lacks the runtime.
    """
    if find_spec("lupa") is None:
        raise PortUnavailable("lupa is not installed: pip install 'luasocket-conformance[lupa]'.")
    if find_spec(f"lupa.{runtime}") is None:
        raise PortUnavailable(f"This lupa has no {runtime}; the wheels of lupa 2.8 have all runtimes.")
    options = [] if preload is None else [f"--preload={preload}"]
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    # -P: nothing of the current directory hides a module
    os.execv(sys.executable, [sys.executable, "-P", "-m", PROGRAM, *options, runtime, dialect, "machine", *words])
