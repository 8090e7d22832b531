"""The ports ``lupa:lua51`` … ``lupa:luajit21``: real LuaSocket in a Lua that Python's package lupa carries.

Each connection is a child process (see `adapters.lupa`): a process can contain one Lua version only, a crash leaves
the runner alone, and a call that hangs can be killed. A worker, which may be killed itself, needs none: see
`lupa_inside`.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from luasocket_runners.ports import lupa_inside
from luasocket_runners.ports.connection import Connection, PortGone, UnknownPort
from luasocket_runners.ports.lua_interpreter import ADAPTER, split_module
from luasocket_runners.ports.process import CheckedPort

__all__ = ["RUNTIMES", "LupaPort"]

#: lupa's runtimes. LuaSocket must be installed for the same Lua version; LuaJIT uses that of 5.1.
RUNTIMES = ("lua51", "lua52", "lua53", "lua54", "lua55", "luajit20", "luajit21")

_CHILD = Path(__file__).parent / "adapters" / "lupa.py"


class LupaPort(CheckedPort):
    """One of lupa's runtimes, which runs the adapter."""

    _runtime = ""
    _module = ""

    @classmethod
    def parse(cls, name: str, words: str) -> LupaPort:
        """Return the port of ``lupa:RUNTIME``, perhaps with a module.

        Raises
        ------
        UnknownPort
            There is no such runtime.
        """
        runtime, module = split_module(words)
        if runtime not in RUNTIMES:
            raise UnknownPort(f"{name}: lupa has no runtime {runtime!r}. Its runtimes are: {', '.join(RUNTIMES)}.")
        # -P: the directory of the child's file has a module `lupa`, which must not hide the package.
        port = cls(name, [sys.executable, "-P", str(_CHILD), runtime, str(ADAPTER), module])
        port._runtime, port._module = runtime, module
        return port

    def enter_worker(self) -> None:
        """LuaSocket itself lives in the worker from now on; other modules may print, and crash, and have a process."""
        if self._module != "socket" or not lupa_inside.can_live_here(self._runtime):
            return
        lupa_inside.take_standard_streams()
        with contextlib.suppress(ImportError, PortGone):  # the program says what is missing
            self._open_here(None).close()
            self.lives_here = True

    def open(self, dialect: str | None) -> Connection:
        """Load Lua into this process, or start the program."""
        return self._open_here(dialect) if self.lives_here else super().open(dialect)

    def _open_here(self, dialect: str | None) -> Connection:
        return lupa_inside.InsideConnection(self._runtime, str(ADAPTER), self._module, dialect)

    def environment(self, dialect: str | None) -> dict[str, str]:
        """Return the environment of the adapter, without a variable that would make each byte a system call."""
        return {key: value for key, value in super().environment(dialect).items() if key != "PYTHONUNBUFFERED"}
