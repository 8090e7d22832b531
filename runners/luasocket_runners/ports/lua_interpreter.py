"""Ports that are a Lua interpreter running the shipped adapter: ``lua5.4``, ``luajit``, any other: ``lua:COMMAND``.

The module under test is ``socket``; ``NAME@MODULE`` names another: a module, or a path to a Lua file that returns a
table of the same shape (``lua5.4@wrapped.lua``).
"""

from __future__ import annotations

import shutil
from pathlib import Path

from luasocket_runners.ports.process import CheckedPort, split

__all__ = ["ADAPTER", "INTERPRETERS", "LuaPort", "split_module"]

#: The adapter in plain Lua.
ADAPTER = Path(__file__).parent / "adapters" / "adapter.lua"

#: The names of interpreters on different systems; the first one found is used.
INTERPRETERS = {
    **{f"lua5.{n}": (f"lua5.{n}", f"lua5{n}", f"lua-5.{n}") for n in range(1, 6)},
    "luajit": ("luajit",),
}


def split_module(name: str) -> tuple[str, str]:
    """Split ``NAME@MODULE``; the default module is ``socket``."""
    before, at, module = name.rpartition("@")
    return (before, module) if at else (name, "socket")


class LuaPort(CheckedPort):
    """An interpreter that runs the adapter."""

    @classmethod
    def known(cls, name: str) -> LuaPort:
        """Return the port of a name of `INTERPRETERS`, perhaps with a module."""
        interpreter, module = split_module(name)
        candidates = INTERPRETERS[interpreter]
        found = next((candidate for candidate in candidates if shutil.which(candidate)), candidates[0])
        return cls(name, [found, str(ADAPTER), module])

    @classmethod
    def parse(cls, name: str, words: str) -> LuaPort:
        """Return the port of ``lua:COMMAND``, perhaps with a module."""
        command, module = split_module(words)
        return cls(name, [*split(name, command), str(ADAPTER), module])
