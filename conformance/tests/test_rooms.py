"""The law of the rooms: who may import whom, and that every module states its law.

The arrows are read from the source with ``ast``, imports inside functions included, so that a forbidden import is found
even where it never runs.
"""

import ast
import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

#: Each room, and the rooms that it may import. Every other room is forbidden to it.
ARROWS: dict[str, set[str]] = {
    "luasocket_spec": set(),
    "luasocket_reference": set(),
    "luasocket_runners": {"luasocket_spec", "luasocket_reference"},
    "luasocket_conformance": {"luasocket_spec", "luasocket_runners"},
}

#: What a room may import from outside the standard library. The oracle stands on plain Python alone.
FOREIGN: dict[str, set[str]] = {
    "luasocket_spec": {"yaml"},
    "luasocket_reference": set(),
    "luasocket_runners": {"lupa"},
    "luasocket_conformance": {"pytest", "xdist"},
}

STANDARD_LIBRARY = sys.stdlib_module_names


def room_directory(room: str) -> Path:
    """Where the room is imported from: the checkout, or the wheel under tox."""
    spec = find_spec(room)
    assert spec is not None, f"{room} cannot be imported"
    assert spec.origin is not None, f"{room} has no __init__.py"
    return Path(spec.origin).parent


def modules(room: str) -> list[Path]:
    return sorted(room_directory(room).rglob("*.py"))


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """The line and the top-level package of every absolute import, ``import_module("…")`` included."""
    for node in ast.walk(ast.parse(path.read_bytes(), str(path))):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name.partition(".")[0]) for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield node.lineno, module.partition(".")[0]
            case ast.Call(
                func=ast.Name(id="import_module" | "__import__") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(module)), *_],
            ):
                yield node.lineno, module.partition(".")[0]


@pytest.mark.parametrize("room", ARROWS)
def test_a_room_imports_only_what_its_arrows_allow(room: str) -> None:
    allowed = {room} | ARROWS[room] | FOREIGN[room] | STANDARD_LIBRARY
    found = modules(room)
    assert found, f"{room} has no modules"
    strays = [
        f"{path}:{line}: {room} may not import {package}"
        for path in found
        for line, package in imports(path)
        if package not in allowed
    ]
    assert not strays, "\n".join(strays)


@pytest.mark.parametrize("room", ARROWS)
def test_every_module_opens_with_its_law(room: str) -> None:
    silent = [str(path) for path in modules(room) if not ast.get_docstring(ast.parse(path.read_bytes()))]
    assert not silent, "no docstring in " + ", ".join(silent)


@pytest.mark.parametrize("room", ARROWS)
def test_every_room_ships_its_types(room: str) -> None:
    assert (room_directory(room) / "py.typed").is_file()


def test_the_tests_test_one_thing_the_checkout_or_the_wheel() -> None:
    checkout = Path(__file__).resolve().parents[2]
    from_checkout = {
        room
        for room in ARROWS
        if room_directory(room).resolve().is_relative_to(checkout / room.removeprefix("luasocket_"))
    }
    # tox installs the wheel; everywhere else either is right, but never a mixture.
    allowed = [set()] if "TOX_ENV_NAME" in os.environ else [set(), set(ARROWS)]
    assert from_checkout in allowed, f"these rooms come from the checkout, not from the wheel: {from_checkout}"


def test_the_parser_of_imports_sees_every_form(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        "import a.b, c as d\nfrom e.f import g\nfrom . import h\n"
        "def late():\n    import i\n    importlib.import_module('j.k')\n    return __import__('l')\n"
    )
    assert [package for _, package in sorted(imports(module))] == ["a", "c", "e", "i", "j", "l"]
