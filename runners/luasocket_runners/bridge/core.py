"""Makes ``socket.core`` of the reference in a Lua runtime of lupa.

Objects are numbers on their way between Python and Lua; core.lua has userdata for them. Tables, functions and other
values of the program take part in calls as `HostValue`, and come back as the same value of Lua.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from luasocket_reference import BadArgument, LuaError, Object, classes, core
from luasocket_reference.auxiliar import GROUPS
from luasocket_reference.dialect import find

__all__ = ["CORE", "REFERENCE", "Bridge", "Guard", "HostValue", "Interrupted", "Library"]

#: The part that is written in Lua.
CORE = Path(__file__).parent / "core.lua"

#: The first result of a call from Lua, in place of the number of results; core.lua has the same numbers.
_CHANGED, _NEW, _MANY, _BAD_ARGUMENT, _MESSAGE, _RAISED = range(4, 10)

#: The most results that are returned as they are.
_FEW = 3

#: Values that are the same in Python and in Lua.
_PLAIN = frozenset({type(None), bool, int, float, bytes})

#: Functions that read tables of the program, which may have metamethods.
_READERS = frozenset({"select", "setoption"})

#: Classes that old programs look for in metatables; LuaSocket sets the field and never asks for it.
_SELECTABLE = {"udp": ["select{able}"], "tcp": []}

_Results: TypeAlias = "tuple[Any, ...]"


@dataclass(frozen=True)
class Library:
    """The parts of the module; each function takes the names of a dialect and of a version of Lua.

    Attributes
    ----------
    core
        Returns the fields of ``socket.core``.
    classes
        Returns the methods of each class.
    """

    core: Callable[[str, str], dict[bytes, Any]]
    classes: Callable[[str, str], Mapping[str, Mapping[str, Callable[..., Any]]]]


#: The reference.
REFERENCE: Final = Library(core, classes)


class Interrupted(BaseException):
    """Raised by a signal handler to end a call of the module; the program sees the error "interrupted!"."""


class Guard:
    """Says whether a signal handler may raise `Interrupted`.

    Attributes
    ----------
    inside
        A function of the reference runs.
    """

    __slots__ = ("inside",)

    def __init__(self) -> None:
        self.inside = False


class HostValue:
    """A value of the program that is none of Python's: a table or a userdata. It is a `Foreign` value.

    Parameters
    ----------
    value
        Lupa's object for it.
    lua_type
        The name of its type.
    bridge
        The bridge of its runtime.
    reader
        Functions of core.lua that read and call values, in the coroutine of the present call.
    """

    __slots__ = ("_bridge", "_reader", "lua_type", "value")

    def __init__(self, value: Any, lua_type: str, bridge: Bridge, reader: tuple[Any, Any] | None) -> None:
        self.value = value
        self.lua_type = lua_type
        self._bridge = bridge
        self._reader = reader

    @property
    def lua_name(self) -> str | None:
        """The field ``__name`` of its metatable, if that is a string."""
        name = self._bridge.builder[b"name_of"](self.value)
        return name.decode("latin-1") if isinstance(name, bytes) else None

    def lua_index(self, key: Any) -> Any:
        """Return ``value[key]``, metamethods included."""
        index = self._bridge.builder[b"index"] if self._reader is None else self._reader[0]
        ok, *rest = _results(index(self.value, key))
        return self._bridge.given(ok, rest, self._reader)


class HostFunction(HostValue):
    """A function of the program, or a value that can be called like one."""

    __slots__ = ()

    def __call__(self, *arguments: Any) -> _Results:
        """Call it; an error that it raises becomes a `LuaError` with the same value."""
        invoke = self._bridge.builder[b"invoke"] if self._reader is None else self._reader[1]
        ok, *results = _results(invoke(self.value, *map(self._bridge.to_lua, arguments)))
        if not ok:
            self._bridge.given(ok, results, self._reader)
        return tuple(self._bridge.to_python(value, self._reader) for value in results)


class HostCoroutine(HostValue):
    """Stands for any coroutine of the program, whose value stays in Lua."""

    __slots__ = ()

    def __init__(self, bridge: Bridge) -> None:
        super().__init__(None, "thread", bridge, None)

    @property
    def lua_name(self) -> str | None:
        """There is no metatable."""
        return None

    def lua_index(self, _key: Any) -> Any:
        """Raise what Lua raises for a value without a metatable."""
        raise LuaError(b"attempt to index a thread value")


def _results(returned: Any) -> _Results:
    """Return the results of a Lua function as a tuple; lupa gives a single one as it is."""
    return returned if isinstance(returned, tuple) else (returned,)


class Bridge:
    """The module in one runtime.

    Parameters
    ----------
    lua
        A ``LuaRuntime`` with ``encoding=None`` and ``unpack_returned_tuples=True``.
    lua_type
        Lupa's function of that name, of the same runtime.
    version
        Of the runtime: "5.1" to "5.5", or "luajit".
    dialect
        A name of the reference's dialects.
    guard
        Is kept up to date for a signal handler.
    library
        The reference, or a copy of it with a mistake.

    Attributes
    ----------
    module
        The table ``socket.core``.
    builder
        The functions of core.lua.
    """

    def __init__(
        self,
        lua: Any,
        lua_type: Callable[[Any], str | None],
        version: str,
        dialect: str,
        guard: Guard,
        library: Library = REFERENCE,
    ) -> None:
        self._library = library
        self._lua_type = lua_type
        self._guard = guard
        self._objects: dict[int, Object] = {}
        self._numbers: dict[int, int] = {}  # by id(); an object in _objects is alive, so its id is its own
        self._next = itertools.count(1)
        self._parts: list[Any] = []
        self.builder = self._load(lua, version, dialect)
        self.module = self._make_module(lua, version, dialect)

    def _load(self, lua: Any, version: str, dialect: str) -> dict[bytes, Any]:
        found = find(dialect, version)
        known = {
            "names_classes": found.lua.names_classes,
            "names_globals": version == "5.2",
            "names_loaded": version not in ("5.1", "5.2", "luajit"),
            "has_tail_field": version not in ("5.1", "luajit"),
            "catches_any_table": found.catches_any_table,
            "finalizer_protected": found.finalizer_protected,
            "protects_last_argument": found.protects_last_argument,
            # LuaJIT's pcall can be yielded across, but not one that C calls; rc1 calls one that cannot be.
            "protect_cannot_yield": found.catches_any_table or version == "luajit",
            "placeholder_metatable": lua.eval(b"debug.getmetatable(...)", object()),
        }
        traits = lua.table_from({name.encode(): value for name, value in known.items()})
        load = lua.eval(b"assert((loadstring or load)(..., '=socket.core'))", CORE.read_bytes())
        as_function = lua.eval(b"python.as_function")
        # looked up now, because lupa can look nothing up while a coroutine runs
        return dict(load(as_function, self._release, self._fetch, object, HostCoroutine(self), traits).items())

    def _make_module(self, lua: Any, version: str, dialect: str) -> Any:
        module = lua.table()
        self._fill(lua, module, self._library.core(dialect, version))
        module[b"protect"] = self.builder[b"protect"]
        module[b"newtry"] = self.builder[b"newtry"]
        methods_of = self._library.classes(dialect, version)
        for kind in ("tcp", "udp"):
            group = f"{kind}{{any}}"
            names = sorted(GROUPS[group])
            methods = [
                lua.table_from([name.encode(), self._method(function), name in _READERS])
                for name, function in methods_of[names[0]].items()
            ]
            groups = [name.encode() for name in (group, *_SELECTABLE[kind])]
            self.builder[b"add_classes"](*map(lua.table_from, ([n.encode() for n in names], groups, methods)))
        return module

    def _fill(self, lua: Any, module: Any, fields: dict[Any, Any]) -> None:
        """Put functions, constants and tables of the reference into a table."""
        for name, value in fields.items():
            if isinstance(value, dict):
                module[name] = lua.table()
                self._fill(lua, module[name], value)
            elif callable(value):
                self.builder[b"add_function"](module, name, self._function(value), name.decode() in _READERS)
            else:
                module[name] = value

    # Calls from Lua

    def _function(self, function: Callable[..., _Results]) -> Callable[..., _Results]:
        """Return Lua's callable for a function of the reference."""
        reads = function.__name__ in _READERS

        def call(*values: Any) -> _Results:
            reader = values[:2] if reads else None
            given = values[2:] if reads else values
            return self._run(function, [self.to_python(value, reader) for value in given])

        return call

    def _method(self, function: Callable[..., _Results]) -> Callable[..., _Results]:
        """Return Lua's callable for a method of the reference: the object comes as a number, False for none of ours."""
        reads = getattr(function, "__name__", "") in _READERS

        def call(number: int | bool, *values: Any) -> _Results:
            reader = values[:2] if reads else None
            given = [self.to_python(value, reader) for value in (values[2:] if reads else values)]
            if number is False:
                # `method()` and `method(nil)` look alike here; the first is likelier
                return self._run(function, [] if given == [None] else given)
            value = self._objects[number]
            before = value.class_name
            results = self._run(function, [value, *given])
            return results if value.class_name == before else (_CHANGED, value.class_name.encode(), *results)

        return call

    def _run(self, function: Callable[..., _Results], arguments: list[Any]) -> _Results:
        guard = self._guard
        try:
            guard.inside = True
            results = function(*arguments)
        except BadArgument as error:
            return (_BAD_ARGUMENT, error.position, error.reason.encode("latin-1"))
        except LuaError as error:
            return (_MESSAGE if error.located else _RAISED, self.to_lua(error.value))
        except Interrupted:
            return (_MESSAGE, b"interrupted!")
        finally:
            guard.inside = False
        if len(results) == 1 and isinstance(results[0], Object):
            return self._new(results[0])
        if len(results) <= _FEW and all(type(value) in _PLAIN for value in results):
            return (len(results), *results)
        return (_MANY, self._take_apart(results))

    def _take_apart(self, results: _Results) -> bytes:
        """Keep the parts of results for `_fetch`; return their form, as core.lua's ``build`` reads it.

        Lua makes the tables, since lupa calls functions of Lua in the main thread only: that clears a part of its
        stack, where there may be the only reference to a coroutine that waits for the running one.
        """
        form = bytearray()
        self._parts = []

        def add(value: Any) -> None:
            if isinstance(value, dict):
                form.extend(b"(")
                for key, item in value.items():
                    add(key)
                    add(item)
                form.extend(b")")
            elif isinstance(value, Object):
                form.extend(b"o")
                self._parts.append(self._numbers[id(value)])
            else:
                form.extend(b"v")
                self._parts.append(self.to_lua(value))

        for value in results:
            add(value)
        return bytes(form)

    def _fetch(self) -> _Results:
        """Return the parts of the results that were taken apart last."""
        return tuple(self._parts)

    def _new(self, value: Object) -> _Results:
        number = next(self._next)
        self._objects[number], self._numbers[id(value)] = value, number
        return (_NEW, number, value.class_name.encode())

    def _release(self, number: int) -> None:
        """Let an object go whose userdata is no more."""
        value = self._objects.pop(number)
        del self._numbers[id(value)]

    # Values

    def to_python(self, value: Any, reader: tuple[Any, Any] | None) -> Any:
        """Return a value of the program as the reference takes it."""
        if type(value) in _PLAIN or isinstance(value, HostValue):
            return value
        kind = self._lua_type(value) or "userdata"
        return (HostFunction if kind == "function" else HostValue)(value, kind, self, reader)

    def to_lua(self, value: Any) -> Any:
        """Return a value of the reference as the program takes it: one of its own, or a plain one."""
        if isinstance(value, HostValue):
            return value.value
        return value

    def given(self, ok: bool, rest: list[Any], reader: tuple[Any, Any] | None) -> Any:
        """Return the result of core.lua's ``index``, or raise the error.

        A second value is an object's number, or False for a value that can be called.
        """
        if not ok:
            raise LuaError(self.to_python(rest[0] if rest else None, reader))
        if len(rest) > 1:
            value, number = rest
            if number is False:
                return HostFunction(value, self._lua_type(value) or "userdata", self, reader)
            return self._objects[number]
        return self.to_python(rest[0] if rest else None, reader)
