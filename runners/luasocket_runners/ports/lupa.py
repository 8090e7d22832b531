"""The ports ``lupa:lua51`` … ``lupa:luajit21``: real LuaSocket in a Lua that Python's package lupa carries.

Each connection is a child process (see `adapters.lupa`): a process can contain one Lua version only, a crash leaves
the runner alone, and a call that hangs can be killed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from luasocket_runners.ports.connection import UnknownPort
from luasocket_runners.ports.lua_interpreter import ADAPTER, split_module
from luasocket_runners.ports.process import CheckedPort

__all__ = ["RUNTIMES", "LupaPort"]

#: lupa's runtimes. LuaSocket must be installed for the same Lua version; LuaJIT uses that of 5.1.
RUNTIMES = ("lua51", "lua52", "lua53", "lua54", "lua55", "luajit20", "luajit21")

_CHILD = Path(__file__).parent / "adapters" / "lupa.py"


class LupaPort(CheckedPort):
    """One of lupa's runtimes, which runs the adapter."""

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
        return cls(name, [sys.executable, "-P", str(_CHILD), runtime, str(ADAPTER), module])

    def environment(self, dialect: str | None) -> dict[str, str]:
        """Return the environment of the adapter, without a variable that would make each byte a system call."""
        return {key: value for key, value in super().environment(dialect).items() if key != "PYTHONUNBUFFERED"}
