"""What the tests of the engine, the matcher, the reports and the command share.

What lives here: specs that are made of a few lines of YAML, ports of a few lines of Python, and a look at what a test
leaves behind. What may not: any expectation.
"""

from __future__ import annotations

import gc
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import luasocket_spec
import pytest
from luasocket_runners.ports import guardian
from luasocket_runners.ports.inprocess import PythonPort
from luasocket_spec.model import Behaviour, Spec

STATEMENTS = """\
about: What the corpora cite.
statements:
  test/statement: It is so.
"""

#: A fixture that no port can make.
BROKEN_FIXTURE = """
  broken fixture:
    says: An object whose making fails.
    steps:
      - {call: socket.skip, with: [0, null, broken], succeeds: true, as: self}
"""


@pytest.fixture(autouse=True)
def not_on_github(monkeypatch: pytest.MonkeyPatch) -> None:
    """There, the command prints annotations by itself."""
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)


class ToyError(Exception):
    """What raises in Lua."""

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.value = value


class Toy:
    """An implementation that has the functions that it is given; each takes and returns Lua's values."""

    LuaError: type[Exception] = ToyError
    Table: type[dict[Any, Any]] = dict

    def __init__(self, **functions: Callable[..., Any]) -> None:
        self._module = {b"_VERSION": b"Toy 1", **{name.encode(): function for name, function in functions.items()}}

    def open(self, _dialect: str) -> Any:
        return self._module

    def index(self, value: Any, name: str) -> Any:
        return value.get(name.encode()) if isinstance(value, dict) else getattr(type(value), name, None)

    def setindex(self, value: Any, name: str, new: Any) -> None:
        value[name.encode()] = new

    def tostring(self, value: Any) -> bytes:
        return str(value).encode()


@pytest.fixture
def toy() -> Callable[..., PythonPort]:
    """Makes a port of functions that are given by name."""
    return lambda **functions: PythonPort("toy", lambda: Toy(**functions))


@pytest.fixture
def make_data(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a data directory of the shipped fixtures and one file of behaviours, ``test.yaml``."""

    def make(text: str) -> Path:
        data = tmp_path / "data"
        (data / "behaviours").mkdir(parents=True)
        (data / "statements").mkdir()
        (data / "behaviours" / "test.yaml").write_text(text, encoding="utf-8")
        (data / "statements" / "test.yaml").write_text(STATEMENTS, encoding="utf-8")
        shipped = Path(luasocket_spec.__file__).with_name("fixtures.yaml")
        shutil.copyfile(shipped, data / "fixtures.yaml")
        with (data / "fixtures.yaml").open("a", encoding="utf-8") as fixtures:
            fixtures.write(BROKEN_FIXTURE)
        return data

    return make


@pytest.fixture
def load(make_data: Callable[[str], Path]) -> Callable[[str], Spec]:
    """Loads a file of behaviours."""
    return lambda text: luasocket_spec.load(make_data(text))


@pytest.fixture
def behaviours(load: Callable[[str], Spec]) -> Callable[[str], list[Behaviour]]:
    """Loads behaviours that are written as the entries of a list, without what is the same in all of them."""

    def make(text: str) -> list[Behaviour]:
        return list(load("about: test\nbehaviours:\n" + text.replace("SO", "says: S., authority: observed")).behaviours)

    return make


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """Fails the test that leaves a descriptor or a thread behind."""
    guardian.forget(0)  # the guardian is started, and its pipe counted, before we look
    gc.collect()
    descriptors = set(os.listdir("/proc/self/fd"))  # noqa: PTH208 (names, not paths)
    threads = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= threads
    assert set(os.listdir("/proc/self/fd")) <= descriptors  # noqa: PTH208
