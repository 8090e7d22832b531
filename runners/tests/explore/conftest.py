"""Ports for the tests of exploration: the reference with one method or function replaced."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from luasocket_runners.ports.adapters.python import Api
from luasocket_runners.ports.inprocess import PythonPort, reference_api

#: Takes the original function; returns the one in its place, or None for none.
Replace = Callable[[Callable[..., Any]], Callable[..., Any] | None]


@pytest.fixture
def faulty() -> Callable[..., PythonPort]:
    """Return what makes a port of the reference with some methods replaced, by their names.

    ``lacking`` is a class and a method that it does not have.
    """

    def make(lacking: tuple[str, str] = ("", ""), **replaced: Replace) -> PythonPort:
        api = reference_api()

        def index(value: Any, name: str) -> Any:
            found = api.index(value, name)
            if name == lacking[1] and api.index(value, "class") == lacking[0].encode():
                return None
            return replaced[name](found) if name in replaced and callable(found) else found

        names = ("LuaError", "Table", "open", "setindex", "tostring", "invoke")
        parts = {name: getattr(api, name) for name in names if hasattr(api, name)}
        return PythonPort("faulty", lambda: cast(Api, SimpleNamespace(**parts, index=index)))

    return make
