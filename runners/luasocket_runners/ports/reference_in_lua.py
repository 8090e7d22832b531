"""The ports ``reference:lua51`` … ``reference:luajit21``: the reference as ``socket`` of a Lua that lupa carries.

The same behaviours as on the port ``reference``, but through Lua: userdata, positions in messages, coroutines. Each
connection is a child process, see `luasocket_runners.bridge`.
"""

from __future__ import annotations

import sys

from luasocket_runners.ports.connection import Connection, UnknownPort
from luasocket_runners.ports.inprocess import DEFAULT_DIALECT
from luasocket_runners.ports.lua_interpreter import ADAPTER
from luasocket_runners.ports.lupa import LupaPort
from luasocket_runners.ports.process import ProcessConnection

__all__ = ["PROGRAM", "RUNTIMES", "ReferenceInLuaPort"]

#: Lupa's runtimes with the reference; luajit20 answers as luajit21 does.
RUNTIMES = ("lua51", "lua52", "lua53", "lua54", "lua55", "luajit21")

#: The module of each dialect that has the functions of the Lua layer.
_MODULES = {"defold": "builtins.scripts.socket"}

#: The module that runs a Lua program on the reference.
PROGRAM = "luasocket_runners.bridge.program"


class ReferenceInLuaPort(LupaPort):
    """One of lupa's runtimes with the reference, which runs the adapter."""

    @classmethod
    def parse(cls, name: str, runtime: str) -> ReferenceInLuaPort:
        """Make the port of ``reference:RUNTIME``.

        Raises
        ------
        UnknownPort
            When there is no such runtime.
        """
        if runtime not in RUNTIMES:
            raise UnknownPort(f"{name}: lupa has no runtime {runtime!r}. Its runtimes are: {', '.join(RUNTIMES)}.")
        return cls(name, [sys.executable, "-P", "-m", PROGRAM, runtime])

    def start(self, dialect: str | None) -> Connection:
        """Start the program, which holds the module of the dialect."""
        chosen = dialect or DEFAULT_DIALECT
        adapter = [str(ADAPTER), _MODULES.get(chosen, "socket"), chosen]
        # "own": use the Lua layer of this package, never one that is installed
        return ProcessConnection([*self.command, chosen, "own", *adapter], self.environment(dialect))
