"""The program behind the command ``lua`` and the ports ``reference:…``: a Lua runtime of lupa with the reference in it.

    python -P -m luasocket_runners.bridge.program [--preload=FILE] RUNTIME DIALECT LAYER [OPTIONS] [FILE [ARGS]]

RUNTIME is one of lupa's. FILE after --preload is a Lua file that is run first. LAYER says where the Lua layer of
``socket`` comes from: "machine" takes the machine's LuaSocket where it is installed, "own" always takes ours. The rest
is a Lua interpreter's command line.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from luasocket_runners.bridge.core import REFERENCE, Bridge, Guard, Interrupted, Library
from luasocket_runners.bridge.options import Options, UsageError, parse
from luasocket_runners.ports.adapters.lupa import search_paths

__all__ = ["LAYER", "main"]

_HERE = Path(__file__).parent

#: The Lua layer that we wrote.
LAYER = _HERE / "socket.lua"

_INTERPRETER = _HERE / "interpreter.lua"

#: The exit status if lupa or its runtime is missing; standard error has a sentence behind "unavailable: ".
_UNAVAILABLE = 69

#: The exit status for a mistake of ours.
_BROKEN = 70

#: Begins the option that names a Lua file to run before the program: the recorder.
_PRELOAD = "--preload="

#: Runs in the new runtime: sets the paths of modules, and makes `require` find the module of a dialect.
_SETUP = b"""
local core, read_layer, on_load, dialect, own, path, cpath = ...
package.path, package.cpath = package.path .. ';' .. path, package.cpath .. ';' .. cpath
python = nil -- lupa's door to Python: nothing that a Lua program would find
local function layer()
    on_load()
    return read_layer(core, dialect)
end
local function module()
    on_load()
    return core
end
if dialect == 'defold' then
    -- Defold has the module as a global, and its Lua layer as a module of its own
    socket, package.loaded.socket, package.loaded['socket.core'] = core, core, core
    package.preload['builtins.scripts.socket'] = layer
else
    package.preload['socket.core'] = module
    local found = false
    for template in package.path:gmatch('[^;]+') do
        local file = not own and io.open((template:gsub('%?', 'socket')))
        if file then
            file:close()
            found = true
            break
        end
    end
    if not found then
        package.preload.socket = layer
    end
end
-- The last searcher only explains what is missing.
local searchers = package.searchers or package.loaders
local parts = { ltn12 = true, mime = true, ['mime.core'] = true }
searchers[#searchers + 1] = function(name)
    if parts[name] or name:find('^socket%.') then
        local is_new = _VERSION > 'Lua 5.3' -- which begins the lines itself
        return (is_new and '' or '\\n\\t') .. name
            .. ' is a part of LuaSocket that the oracle takes from an installed one,'
            .. '\\n\\tfor ' .. _VERSION .. ': luarocks install luasocket, or apt-get install lua-socket'
    end
end
"""


def unavailable(sentence: str) -> NoReturn:
    """Exit; the host shows the sentence."""
    print(f"unavailable: {sentence}", file=sys.stderr)
    sys.exit(_UNAVAILABLE)


def load(runtime: str) -> Any:
    """Return lupa's module of a runtime."""
    sys.setdlopenflags(os.RTLD_NOW | os.RTLD_GLOBAL)  # C modules of Lua look for its functions
    try:
        return importlib.import_module(f"lupa.{runtime}")
    except ModuleNotFoundError as error:
        if error.name == "lupa":
            unavailable("lupa is not installed: pip install 'luasocket-conformance[lupa]'.")
        unavailable(f"this lupa carries no {runtime}; the wheels of lupa 2.8 carry all that we know.")
    except ImportError as error:
        unavailable(f"lupa's {runtime} cannot be loaded: {error}.")


def ignore_sigpipe() -> None:
    """Do as LuaSocket does when it is loaded: a connection without a reader is an error, not a signal."""
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)


class Interrupt:
    """The handler of Ctrl-C: it ends a call of the module with an error, and a program that computes at once.

    Python runs signal handlers in the main thread between two steps of Python. While Lua computes there is none, so a
    thread waits for the signal, too.
    """

    def __init__(self) -> None:
        self.guard = Guard()
        readable, writable = os.pipe()
        os.set_blocking(writable, False)
        signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
        signal.signal(signal.SIGINT, self._handle)
        threading.Thread(target=self._watch, args=(readable,), daemon=True).start()

    def _handle(self, _number: int, _frame: object) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # as in lua: a second one ends the program for sure
        if self.guard.inside:
            raise Interrupted
        # a call that begins only now would hide the signal from `_watch`
        self._end()

    def _watch(self, readable: int) -> None:
        while os.read(readable, 1):
            if not self.guard.inside:
                self._end()

    @staticmethod
    def _end() -> NoReturn:
        import ctypes  # rarely needed, and slow to import

        ctypes.CDLL(None).fflush(None)
        os.write(2, b"lua: interrupted!\n")
        os._exit(1)


def _version(runtime: str, version: str) -> str:
    """Return the reference's name for the Lua of a runtime."""
    return "luajit" if runtime.startswith("luajit") else version


def _line_reader() -> Any:
    if sys.stdin.isatty():
        with suppress(ImportError):
            importlib.import_module("readline")

    def read(prompt: bytes) -> bytes | None:
        try:
            return os.fsencode(input(os.fsdecode(prompt)))
        except EOFError:
            print(flush=True)  # Lua ends the process without Python's help
            return None

    return read


def _init(options: Options, version: str, layer: str) -> list[tuple[str, ...]]:
    """Return the actions that the environment asks for first."""
    names = ["LUA_INIT"] if version == "5.1" else [f"LUA_INIT_{version.replace('.', '_')}", "LUA_INIT"]
    text = next((os.environ[name] for name in names if name in os.environ), None)
    # a port runs in an environment that is meant for real interpreters
    return [] if text is None or options.ignores_environment or layer == "own" else [("init", text)]


def _about(action: tuple[str, ...], lua: Any, dialect: str) -> tuple[str, ...]:
    """Return an action with the text of the version."""
    if action != ("version",):
        return action
    return ("version", f"{lua.lua_implementation.decode()}, on the reference of {dialect}")


def main(argv: Sequence[str], reference: Library = REFERENCE) -> NoReturn:
    """Run a program, and end with its exit status; `reference` may be one with a mistake."""
    preload = argv[0].removeprefix(_PRELOAD) if argv[0].startswith(_PRELOAD) else None
    runtime, dialect, layer, *words = argv if preload is None else argv[1:]
    try:
        options = parse(words, interactive=sys.stdin.isatty())
    except UsageError as error:
        print(f"lua: {error}", file=sys.stderr)
        sys.exit(1)
    library = load(runtime)
    # Python ignores SIGPIPE; a Lua interpreter does not, until LuaSocket is loaded.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    interrupt = Interrupt()
    lua = library.LuaRuntime(encoding=None, register_eval=False, unpack_returned_tuples=True)
    version = ".".join(map(str, lua.lua_version))
    bridge = Bridge(lua, library.lua_type, _version(runtime, version), dialect, interrupt.guard, reference)
    interpreter = lua.eval(b"assert((loadstring or load)(..., '=lua'))", _INTERPRETER.read_bytes())
    read_layer = lua.eval(b"assert((loadstring or load)(..., '=socket'))", LAYER.read_bytes())
    path, cpath = (text.encode() for text in search_paths(version))
    lua.execute(_SETUP, bridge.module, read_layer, ignore_sigpipe, dialect.encode(), layer == "own", path, cpath)
    if preload is not None:
        lua.eval(b"assert(loadfile(...))", os.fsencode(preload))()
    known = [*_init(options, version, layer), *(_about(action, lua, dialect) for action in options.actions)]
    actions = lua.table_from([lua.table_from([os.fsencode(word) for word in action]) for action in known])
    arguments = lua.table_from({number: os.fsencode(word) for number, word in options.arguments.items()})
    if not options.has_script and version in ("5.1", "5.2") and not runtime.startswith("luajit"):
        arguments = None  # these have no table arg without a script
    try:
        interpreter(actions, arguments, _line_reader())
    except BaseException:
        # a mistake of ours; closing the state while Python unwinds would crash
        traceback.print_exc()
    os._exit(_BROKEN)


if __name__ == "__main__":
    main(sys.argv[1:])
