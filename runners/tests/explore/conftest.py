"""Ports for the tests of exploration: the reference with one method or function replaced."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import luasocket_spec
import pytest
from luasocket_runners.engine.engine import Engine
from luasocket_runners.ports import Port, resolve
from luasocket_runners.ports.adapters.python import Api
from luasocket_runners.ports.inprocess import PythonPort, reference_api
from luasocket_runners.result import Verdict

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


@pytest.fixture
def check_written(tmp_path: Path) -> Callable[[str, Port], None]:
    """Return what checks that a file of one behaviour passes on the reference, and fails on a port."""

    def check(text: str, port: Port) -> None:
        data = tmp_path / "data"
        source = Path(luasocket_spec.__file__).parent
        shutil.copytree(source, data, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
        (data / "behaviours" / "explored.yaml").write_text(text)
        (behaviour,) = [item for item in luasocket_spec.load(data).behaviours if item.id.startswith("explored/")]
        with Engine(resolve("reference"), "luasocket-3") as engine:
            assert engine.run(behaviour).verdict is Verdict.PASSED
        with Engine(port, "luasocket-3") as engine:
            assert engine.run(behaviour).verdict is Verdict.FAILED

    return check
