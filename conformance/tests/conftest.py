"""What the tests of this room share: the smallest implementation that can be served as a port."""

from collections.abc import Callable
from typing import Any

import pytest
from luasocket_runners.ports.python_adapter import Api


class ToyError(Exception):
    """What raises in Lua."""


class Toy:
    """An implementation whose objects are plain namespaces."""

    LuaError: type[Exception] = ToyError
    Table: type[dict[Any, Any]] = dict

    def __init__(self, **functions: Any) -> None:
        self._module = {b"_VERSION": b"Toy 1", **{name.encode(): function for name, function in functions.items()}}

    def open(self, _dialect: str) -> Any:
        return self._module

    def index(self, value: Any, name: str) -> Any:
        return value.get(name.encode()) if isinstance(value, dict) else getattr(value, name, None)

    def setindex(self, value: Any, name: str, new: Any) -> None:
        setattr(value, name, new)

    def tostring(self, value: Any) -> bytes:
        return str(value).encode()


@pytest.fixture
def toy_api() -> Callable[..., Api]:
    """Makes an implementation of functions that are given by name; each returns a tuple."""
    return Toy
