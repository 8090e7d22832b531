"""Imports of packages and of their folders, docstrings, and the files that a wheel needs.

Imports are read from the source with ``ast``, those inside functions too, so that a forbidden import is found even
where it never runs.
"""

import ast
import os
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

#: Each package, and the packages that it may import. Every other one is forbidden to it.
ALLOWED: dict[str, set[str]] = {
    "luasocket_spec": set(),
    "luasocket_reference": set(),
    "luasocket_runners": {"luasocket_spec", "luasocket_reference"},
    "luasocket_conformance": {"luasocket_spec", "luasocket_runners"},
}

#: The packages from outside the standard library that a package may import. The reference needs none.
FOREIGN: dict[str, set[str]] = {
    "luasocket_spec": {"yaml"},
    "luasocket_reference": set(),
    "luasocket_runners": {"docutils", "hypothesis", "lupa", "sphinx"},
    "luasocket_conformance": {"pytest", "xdist"},
}

#: The folders and modules of each package in layers, from the top down: each may import from the layers below its own,
#: and from nothing beside or above it. ``__init__`` is the package itself. A new folder or module gets a place here.
LAYERS: dict[str, list[str]] = {
    "luasocket_spec": [
        "__main__",
        "__init__",
        "reading api",
        "model capabilities situations manual versions",
    ],
    "luasocket_reference": [
        "__init__",
        "luasocket",
        "helpers tcp udp select",
        "except_ socket",
        "auxiliar options inet buffer",
        "usocket",
        "timeout",
        "lua",
        "dialect",
        "lua_version",
    ],
    "luasocket_runners": [
        "__main__",
        "cli",
        "bridge explore judge recorder site testing",
        "run",
        "expectations reports",
        "triage",
        "repro",
        "engine",
        "quirks",
        "capabilities peers ports",
        "lookup result",
        "coverage files function_names processes scoping selection",
        "notation",
        "values",
        "__init__",
    ],
    "luasocket_conformance": [
        "plugin",
        "suite faults",
        "crashes",
        "__init__",
    ],
}

STANDARD_LIBRARY = sys.stdlib_module_names


@cache
def package_directory(package: str) -> Path:
    """Return the directory that a package is imported from: the checkout, or the wheel under tox."""
    spec = find_spec(package)
    assert spec is not None, f"{package} cannot be imported"
    assert spec.origin is not None, f"{package} has no __init__.py"
    return Path(spec.origin).parent


def modules(package: str) -> list[Path]:
    """Return the files of a package's modules; templates of other projects are not among them."""
    return sorted(path for path in package_directory(package).rglob("*.py") if "templates" not in path.parts)


def module_name(package: str, path: Path) -> str:
    """Return the full name of a module."""
    parts = path.relative_to(package_directory(package)).with_suffix("").parts
    return ".".join([package, *(part for part in parts if part != "__init__")])


@cache
def imports(path: Path) -> list[tuple[int, str]]:
    """Return the line and the name of every absolute import; ``from a import b`` is ``a.b``."""
    return list(_imports(path))


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_bytes(), str(path))):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=str(module), level=0, names=names):
                yield from ((node.lineno, f"{module}.{alias.name}") for alias in names)
            case ast.Call(
                func=ast.Name(id="import_module" | "__import__") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(module)), *_],
            ):
                yield node.lineno, module


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_allowed_packages(package: str) -> None:
    allowed = {package} | ALLOWED[package] | FOREIGN[package] | STANDARD_LIBRARY
    found = modules(package)
    assert found, f"{package} has no modules"
    strays = [
        f"{path}:{line}: {package} may not import {name}"
        for path in found
        for line, name in imports(path)
        if name.partition(".")[0] not in allowed
    ]
    assert not strays, "\n".join(strays)


@cache
def part_of(package: str, name: str) -> str:
    """Return the folder or module below a package that an imported name belongs to."""
    part = name.removeprefix(package).lstrip(".").partition(".")[0]
    directory = package_directory(package)
    return part if (directory / part).is_dir() or (directory / f"{part}.py").is_file() else "__init__"


@pytest.mark.parametrize("package", LAYERS)
def test_imports_inside_a_package_go_downward(package: str) -> None:
    layer_of = {part: number for number, layer in enumerate(LAYERS[package]) for part in layer.split()}
    strays = []
    for path in modules(package):
        own = path.relative_to(package_directory(package)).with_suffix("").parts[0]
        if own not in layer_of:
            strays.append(f"{path}: {own} is in no layer of {package}; add it to LAYERS in {__file__}")
            continue
        for line, name in imports(path):
            if name.partition(".")[0] != package:
                continue
            other = part_of(package, name)
            if other != own and layer_of.get(other, -1) <= layer_of[own]:
                strays.append(f"{path}:{line}: {own} may not import {other}, which is not in a layer below it")
    assert not strays, "\n".join(strays)


@pytest.mark.parametrize("package", ALLOWED)
def test_no_modules_import_each_other_in_a_circle(package: str) -> None:
    names = {module_name(package, path): path for path in modules(package)}
    graph = {
        name: {found if found in names else found.rpartition(".")[0] for _line, found in imports(path)}
        & set(names) - {name}
        for name, path in names.items()
    }
    circles = [name for name in graph if name in reachable(graph, name)]
    assert not circles, f"these modules import themselves, by way of others: {', '.join(circles)}"


def reachable(graph: dict[str, set[str]], start: str) -> set[str]:
    """Return the modules that a module imports, by way of others too."""
    found: set[str] = set()
    todo = [start]
    while todo:
        new = graph[todo.pop()] - found
        found |= new
        todo += new
    return found


@pytest.mark.parametrize("package", ALLOWED)
def test_every_module_has_a_docstring(package: str) -> None:
    silent = [str(path) for path in modules(package) if not ast.get_docstring(ast.parse(path.read_bytes()))]
    assert not silent, "no docstring in " + ", ".join(silent)


@pytest.mark.parametrize("package", ALLOWED)
def test_every_package_ships_its_types(package: str) -> None:
    assert (package_directory(package) / "py.typed").is_file()


def test_all_packages_come_from_the_checkout_or_all_from_the_wheel() -> None:
    checkout = Path(__file__).resolve().parents[2]
    from_checkout = {
        package
        for package in ALLOWED
        if package_directory(package).resolve().is_relative_to(checkout / package.removeprefix("luasocket_"))
    }
    # tox installs the wheel; everywhere else either is right, but never a mixture.
    allowed = [set()] if "TOX_ENV_NAME" in os.environ else [set(), set(ALLOWED)]
    assert from_checkout in allowed, f"these packages come from the checkout, not from the wheel: {from_checkout}"


def test_every_form_of_an_import_is_found(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        "import a.b, c as d\nfrom e.f import g\nfrom . import h\n"
        "def late():\n    import i\n    importlib.import_module('j.k')\n    return __import__('l')\n"
    )
    assert [name for _, name in sorted(imports(module))] == ["a.b", "c", "e.f.g", "i", "j.k", "l"]


def test_a_circle_is_found() -> None:
    assert "a" in reachable({"a": {"b"}, "b": {"c"}, "c": {"a"}}, "a")
    assert reachable({"a": {"b"}, "b": {"c"}, "c": set()}, "a") == {"b", "c"}
