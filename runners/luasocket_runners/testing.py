"""Provides a toy implementation of the API, made of a few Python functions, for tests of the suite itself."""

from collections.abc import Callable
from typing import Any

__all__ = ["ToyApi", "ToyError"]


class ToyError(Exception):
    """An error in Lua, raised by a function of the toy implementation."""

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.value = value


class ToyApi:
    """An implementation with the given functions. Each takes and returns values of Lua, the results as a tuple.

    Its objects are of any Python class: a method is an attribute of the class, or of the object itself.
    """

    LuaError: type[Exception] = ToyError
    Table: type[dict[Any, Any]] = dict

    def __init__(self, **functions: Callable[..., Any]) -> None:
        self._module = {b"_VERSION": b"Toy 1", **{name.encode(): function for name, function in functions.items()}}

    def open(self, _dialect: str) -> Any:
        """Return the module, a dict."""
        return self._module

    def index(self, value: Any, name: str) -> Any:
        """Return a field of the module, or a function that takes the object first."""
        if isinstance(value, dict):
            return value.get(name.encode())
        return getattr(type(value), name, None) or getattr(value, name, None)

    def setindex(self, value: Any, name: str, new: Any) -> None:
        """Set a field of the module or of an object."""
        if isinstance(value, dict):
            value[name.encode()] = new
        else:
            setattr(value, name, new)

    def tostring(self, value: Any) -> bytes:
        """Return Python's form of a value."""
        return str(value).encode()
