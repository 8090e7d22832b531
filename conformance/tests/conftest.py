"""What the tests of this room share: the smallest implementation that can be served as a port."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from luasocket_runners.ports.python_adapter import Api


class ToyError(Exception):
    """What raises in Lua."""


class Toy:
    """An implementation whose module and objects are plain namespaces."""

    LuaError: type[Exception] = ToyError

    def __init__(self, **functions: Any) -> None:
        self._module = SimpleNamespace(_VERSION=b"Toy 1", **functions)

    def open(self, _dialect: str) -> Any:
        return self._module

    def index(self, value: Any, name: str) -> Any:
        return getattr(value, name, None)

    def setindex(self, value: Any, name: str, new: Any) -> None:
        setattr(value, name, new)

    def tostring(self, value: Any) -> bytes:
        return str(value).encode()


@pytest.fixture
def toy_api() -> Callable[..., Api]:
    """Makes an implementation of functions that are given by name; each returns a tuple."""
    return Toy
