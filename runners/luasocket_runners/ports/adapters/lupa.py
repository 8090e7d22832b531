"""The program behind the ports ``lupa:…``: runs the Lua adapter in one of lupa's Lua runtimes.

    python -P lupa.py RUNTIME ADAPTER MODULE

It is run as a file, not as a module of the package: so it starts faster, without imports that it does not need. A
process can contain one Lua version only: LuaSocket's core finds the symbols of Lua only when lupa is loaded with
RTLD_GLOBAL, and two versions would then share them.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import Any, NoReturn

__all__ = ["main", "open_runtime", "search_paths"]


def unavailable(sentence: str) -> NoReturn:
    """Exit; the runner shows the sentence."""
    print(f"unavailable: {sentence}", file=sys.stderr)
    sys.exit(69)


def triplets() -> list[str]:
    """Return the directories of /usr/lib that belong to an architecture, as Debian has them: the own one first."""
    own = getattr(sys.implementation, "_multiarch", "")
    try:
        found = sorted(entry.name for entry in os.scandir("/usr/lib") if entry.name.count("-") >= 2)
    except OSError:
        found = []
    return sorted(found, key=lambda name: name != own)


def search_paths(version: str) -> tuple[str, str]:
    """Return the directories that distributions add to ``package.path`` and ``package.cpath`` for a Lua version."""
    shared = [f"{root}/share/lua/{version}" for root in ("/usr/local", "/usr", "/opt/homebrew")]
    libraries = ["/usr/local/lib", "/usr/lib", "/usr/lib64", "/opt/homebrew/lib"]
    compiled = [f"{root}/lua/{version}" for root in (*libraries, *(f"/usr/lib/{triplet}" for triplet in triplets()))]
    path = ";".join(f"{directory}/{form}" for directory in shared for form in ("?.lua", "?/init.lua"))
    return path, ";".join(f"{directory}/?.so" for directory in compiled)


def open_runtime(runtime: str) -> Any:
    """Return a Lua state that finds the modules that a plain interpreter finds.

    Raises
    ------
    ImportError
        This lupa has no such runtime.
    """
    sys.setdlopenflags(os.RTLD_NOW | os.RTLD_GLOBAL)
    library = importlib.import_module(f"lupa.{runtime}")
    lua = library.LuaRuntime(encoding=None, register_eval=False)
    # LuaJIT counts as 5.1.
    version = ".".join(map(str, lua.lua_version))
    path, cpath = search_paths(version)
    # The directories of LUA_PATH and LUA_CPATH are in the paths already, and come first.
    lua.execute(
        b"local path, cpath = ...\n"
        b"package.path, package.cpath = package.path .. ';' .. path, package.cpath .. ';' .. cpath\n"
        b"python = nil\n",  # lupa's access to Python, which a plain interpreter does not have
        path.encode(), cpath.encode(),
    )  # fmt: skip
    return lua


def main(runtime: str, adapter: str, module: str) -> None:
    """Run the adapter until its input ends."""
    try:
        lua = open_runtime(runtime)
    except ModuleNotFoundError as error:
        if error.name == "lupa":
            unavailable("lupa is not installed: pip install 'luasocket-conformance[lupa]'.")
        unavailable(f"this lupa carries no {runtime}; the wheels of lupa 2.8 carry all known ones.")
    except ImportError as error:
        unavailable(f"lupa's {runtime} cannot be loaded: {error}.")
    # Python ignores SIGPIPE. In a plain interpreter it ends the process, and so it does here.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    # Interruptions end poll, too, if this signal is handled; the adapter's reading goes on.
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.siginterrupt(signal.SIGCHLD, False)
    lua.execute(
        b"local adapter, module = ...\nassert(loadfile(adapter))(module)\n", os.fsencode(adapter), os.fsencode(module)
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
