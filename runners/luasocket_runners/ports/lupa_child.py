"""The program behind the ports ``lupa:…``: one of lupa's Lua runtimes, in a process of its own, runs the Lua adapter.

    python -P lupa_child.py RUNTIME ADAPTER MODULE

It is run as a file, not as a module of our package: it starts faster, with nothing imported that it does not need. Only
one Lua version may live in a process: LuaSocket's core finds the symbols of Lua only when lupa is loaded with
RTLD_GLOBAL, and two versions would then share them.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import NoReturn

__all__ = ["main"]


def unavailable(sentence: str) -> NoReturn:
    """Exit; the host shows the sentence."""
    print(f"unavailable: {sentence}", file=sys.stderr)
    sys.exit(69)


def triplets() -> list[str]:
    """Return the directories of /usr/lib that belong to an architecture, as Debian has them: ours first."""
    own = getattr(sys.implementation, "_multiarch", "")
    try:
        found = sorted(entry.name for entry in os.scandir("/usr/lib") if entry.name.count("-") >= 2)
    except OSError:
        found = []
    return sorted(found, key=lambda name: name != own)


def search_paths(version: str) -> tuple[str, str]:
    """Return what distributions add to Lua's ``package.path`` and ``package.cpath`` for a Lua version."""
    shared = [f"{root}/share/lua/{version}" for root in ("/usr/local", "/usr", "/opt/homebrew")]
    libraries = ["/usr/local/lib", "/usr/lib", "/usr/lib64", "/opt/homebrew/lib"]
    compiled = [f"{root}/lua/{version}" for root in (*libraries, *(f"/usr/lib/{triplet}" for triplet in triplets()))]
    path = ";".join(f"{directory}/{form}" for directory in shared for form in ("?.lua", "?/init.lua"))
    return path, ";".join(f"{directory}/?.so" for directory in compiled)


def main(runtime: str, adapter: str, module: str) -> None:
    """Run the adapter until its input ends."""
    sys.setdlopenflags(os.RTLD_NOW | os.RTLD_GLOBAL)
    try:
        library = importlib.import_module(f"lupa.{runtime}")
    except ModuleNotFoundError as error:
        if error.name == "lupa":
            unavailable("lupa is not installed: pip install 'luasocket-conformance[lupa]'.")
        unavailable(f"this lupa carries no {runtime}; the wheels of lupa 2.8 carry all that we know.")
    except ImportError as error:
        unavailable(f"lupa's {runtime} cannot be loaded: {error}.")
    # Python ignores SIGPIPE. A port that does not is to die as it does in a plain interpreter.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    lua = library.LuaRuntime(encoding=None, register_eval=False)
    # LuaJIT counts as 5.1.
    version = ".".join(map(str, lua.lua_version))
    path, cpath = search_paths(version)
    # What LUA_PATH and LUA_CPATH say is in the paths already, and comes first.
    lua.execute(
        b"local adapter, module, path, cpath = ...\n"
        b"package.path, package.cpath = package.path .. ';' .. path, package.cpath .. ';' .. cpath\n"
        b"python = nil\n"  # lupa's door to Python: nothing that a Lua program would find
        b"assert(loadfile(adapter))(module)\n",
        os.fsencode(adapter), os.fsencode(module), path.encode(), cpath.encode(),
    )  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
