"""The Sphinx extension: generates the pages before Sphinx reads its sources, and adds ``spec.json``."""

from __future__ import annotations

import ast
import json
import textwrap
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import luasocket_spec
from luasocket_spec.api import Function

from luasocket_runners.lookup import Index, compatibility, export
from luasocket_runners.site import examples, markdown, pages

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["setup", "write_pages"]


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx: pages are written when the builder is there, the JSON when it has finished."""
    app.add_config_value("luasocket_reports", [], "env", list)
    app.add_role("b", _behaviour_role)
    app.connect("config-inited", _generate)
    app.connect("build-finished", _export)
    return {"version": luasocket_spec.__version__, "parallel_read_safe": True, "parallel_write_safe": True}


def _behaviour_role(
    _name: str, rawtext: str, text: str, _line: int, inliner: Any, _options: Any = None, _content: Any = ()
) -> tuple[list[Any], list[Any]]:
    """Link a behaviour by its id; one that does not exist is a warning of Sphinx, as for any label."""
    from docutils import nodes
    from sphinx.addnodes import pending_xref

    environment = inliner.document.settings.env
    link = pending_xref(
        rawtext,
        nodes.inline(text, text),
        refdomain="std",
        reftype="ref",
        refexplicit=True,
        reftarget=markdown.label(text),
        refdoc=environment.docname,
        refwarn=True,
    )
    return [link], []


def _generate(app: Sphinx, config: Any) -> None:
    from sphinx.errors import ExtensionError

    source = Path(app.srcdir)
    wrong = write_pages(source, list(map(Path, config.luasocket_reports)))
    if wrong:
        raise ExtensionError("Examples print other results than their comments say:\n" + "\n".join(wrong))


def write_pages(directory: Path, reports: list[Path]) -> list[str]:
    """Write the generated pages into a directory of sources; return the wrong results of examples.

    A report of the user takes the place of the one of the same name that this distribution has.
    """
    index = Index(luasocket_spec.load())
    chosen = {function.id: examples.choose(index, function) for function in index.api.functions.values()}
    ran = examples.run_all({name: example for name, example in chosen.items() if example is not None})
    own = [compatibility.read(path) for path in reports]
    names = {port.name for port in own}
    ports = [*(port for port in compatibility.shipped() if port.name not in names), *own]
    sources = {name: found for name, found in _sources(index) if found is not None}
    for name, text in pages.generate(index, ran, ports, sources).items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    return [f"{name} ({example.behaviour}): {line}" for name, example in ran.items() for line in example.problems or ()]


def _export(app: Sphinx, exception: Exception | None) -> None:
    if exception is None and app.builder.format == "html":
        out = Path(app.outdir)
        index = Index(luasocket_spec.load())
        (out / "spec.json").write_text(json.dumps(export.export(index)) + "\n", encoding="utf-8")
        schema = resources.files("luasocket_runners").joinpath("schema/export.schema.json")
        (out / "spec.schema.json").write_text(schema.read_text(encoding="utf-8"), encoding="utf-8")


def _sources(index: Index) -> Iterator[tuple[str, tuple[str, str] | None]]:
    """Yield the reference's file and code of each function: the method or function of its name."""
    package = Path(str(resources.files("luasocket_reference")))
    modules = {path.stem: path.read_text(encoding="utf-8") for path in sorted(package.glob("*.py"))}
    for function in index.api.functions.values():
        names = [function.kind, "socket"] if function.is_method else list(modules)
        found = ((f"{name}.py", text) for name in names if (text := _source(modules[name], function)))
        yield function.id, next(found, None)


def _source(text: str, function: Function) -> str | None:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.name.strip("_") == function.name:
            is_method = bool(node.args.args) and node.args.args[0].arg == "self"
            if is_method == function.is_method:
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                return textwrap.dedent("\n".join(text.splitlines()[first - 1 : node.end_lineno]))
    return None
