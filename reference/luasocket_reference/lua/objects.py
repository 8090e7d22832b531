"""Objects and functions, and Lua's operations on them: indexing, calling, conversion to a string."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

from luasocket_reference.dialect import Dialect
from luasocket_reference.lua.values import Foreign, LuaError, Values, field, to_bytes, to_string, type_name
from luasocket_reference.lua_version import LUA_VERSIONS, LuaVersion

__all__ = ["MethodFunction", "Object", "call", "class_or_type", "index", "invoke", "tostring"]


class Object:
    """A value with a class: Lua's userdata.

    Parameters
    ----------
    dialect
        That of the module that made it.
    class_name
        Its class at first; methods may change it.
    methods
        By name: its methods, which are functions that take the object first. What the dialect lacks is not there.
    """

    _addresses = itertools.count(0x5555_0000_0010, 0x10)

    def __init__(self, dialect: Dialect, class_name: str, methods: Mapping[str, MethodFunction]) -> None:
        self.dialect = dialect
        self.class_name = class_name
        self.methods = methods
        self._address = next(self._addresses)  # made up, so that, unlike id(), no two objects ever share one

    def __repr__(self) -> str:
        return f"{self.class_name}: 0x{self._address:x}"


class MethodFunction:
    """A method as a function that takes the object first.

    Parameters
    ----------
    name
        Its name.
    run
        What it does with the arguments, the object included, and whether it is called by colon.
    """

    def __init__(self, name: str, run: Callable[[Values, bool], Values], doc: str | None) -> None:
        self.__name__ = self.__qualname__ = name
        self.__doc__ = doc
        self._run = run

    def __call__(self, *values: Any) -> Values:
        """Call it as ``method(object, ...)``."""
        return self._run(values, False)

    def by_colon(self, *values: Any) -> Values:
        """Call it as ``object:method(...)``; only errors show the difference."""
        return self._run(values, True)


def class_or_type(value: Any, lua: LuaVersion) -> str:
    """Return the name of a value's class, where this version of Lua knows it, else of its type."""
    if lua.names_classes:
        if isinstance(value, Object):
            return value.class_name
        if isinstance(value, Foreign) and isinstance(known := getattr(value, "lua_name", None), str):
            return known
    return type_name(value)


def call(lua: LuaVersion, value: Any, *arguments: Any) -> Values:
    """Call a value as Lua does.

    Raises
    ------
    LuaError
        It cannot be called, or it raised this itself, or it returned no tuple.
    """
    if not callable(value):
        raise LuaError(f"attempt to call a {class_or_type(value, lua)} value")
    results = value(*arguments)
    if not isinstance(results, tuple):
        raise LuaError(f"a function returned one value of Python ({type(results).__name__}), not a tuple of results")
    return results


def index(value: Any, name: str) -> Any:
    """Return a field of an object, a table or a string, as Lua does; None if there is none.

    Raises
    ------
    LuaError
        The value cannot be indexed.
    """
    if isinstance(value, Object):
        return value.class_name.encode("ascii") if name == "class" else value.methods.get(name)
    if isinstance(value, dict):
        return field(value, name)
    if isinstance(value, Foreign):
        return to_bytes(value.lua_index(to_bytes(name)))
    if isinstance(value, bytes | str):
        return None  # Lua's own methods of strings have none of the names that are looked up
    raise LuaError(f"attempt to index a {type_name(value)} value")


def invoke(value: Any, name: str, *arguments: Any) -> Values:
    """Call a method as Lua does in ``value:name(...)``.

    Raises
    ------
    LuaError
        There is no such method, or it raised this itself.
    """
    method = index(value, name)
    if isinstance(method, MethodFunction):
        return method.by_colon(value, *arguments)
    if method is None:
        raise LuaError(f"attempt to call a nil value (method '{name}')")
    return call(LUA_VERSIONS["5.4"], method, value, *arguments)


_NAMES: Mapping[Any, bytes] = {None: b"nil", True: b"true", False: b"false"}


def tostring(value: Any, lua: str = "5.4") -> bytes:
    """Return a value as Lua's ``tostring`` does: ``b"tcp{client}: 0x55550010"`` for an object.

    Parameters
    ----------
    value
        The value.
    lua
        The version of Lua, which decides on the form of numbers.
    """
    if value is None or isinstance(value, bool):
        return _NAMES[value]
    text = to_string(to_bytes(value), LUA_VERSIONS[lua])
    if text is not None:
        return text
    if isinstance(value, Object):
        return repr(value).encode("ascii")
    return f"{type_name(value)}: 0x{id(value):x}".encode("ascii", "replace")
