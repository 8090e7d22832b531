"""The commands that look things up or export them: ``list``, ``explain``, ``coverage``, ``export``, ``docs``, …"""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from luasocket_spec.model import DIALECTS

from luasocket_runners.cli.failure import FAILED, PASSED, CommandFailed
from luasocket_runners.cli.parser import SELECTORS_HELP, AddCommand
from luasocket_runners.cli.specification import load, selected

if TYPE_CHECKING:
    from luasocket_runners.lookup import Index

__all__ = ["add_commands"]

_LIST: Final = f"""\
examples:
  luasocket-conformance list tcp/receive-line
  luasocket-conformance list 'tcp/receive*/*timeout*'
  luasocket-conformance list --function client:receive --grep timeout
  luasocket-conformance list --covers client:receive/partial

Cases of one behaviour are joined. Several options select the behaviours that meet all of them.
{SELECTORS_HELP}
exit status: 0; 2 no behaviour matches.
"""
_EXPLAIN: Final = """\
examples:
  luasocket-conformance explain client:receive
  luasocket-conformance explain settimeout           all methods of that name
  luasocket-conformance explain socket.dns.toip
  luasocket-conformance explain peer closed          questions, topics and behaviours with these words
  luasocket-conformance explain                      all functions, one a line

exit status: 0; 2 no function has this name, and no question or topic has these words.
"""
_COVERAGE: Final = """\
examples:
  luasocket-conformance coverage                     a table: statements, and how many are covered
  luasocket-conformance coverage client:receive      its statements, and the behaviours that cover each
  luasocket-conformance coverage --missing           the statements that are not covered

exit status: 0 every statement is covered or waived, 1 one is not, 2 no function has this name.
"""
_EXPORT: Final = """\
examples:
  luasocket-conformance export > spec.json           all behaviours with their cases, statements, and the API
  luasocket-conformance export --schema > export.schema.json

exit status: 0.
"""
_ANNOTATIONS: Final = """\
examples:
  luasocket-conformance annotations lua-types        writes lua-types/socket.lua
  luasocket-conformance annotations lua-types --dialect defold

The files are for LuaLS and EmmyLua. Add the directory to "workspace.library" in the settings of the editor.

exit status: 0 the files are written; 2 wrong usage, or a file cannot be written.
"""
_DOCS: Final = """\
examples:
  luasocket-conformance docs site                    then open site/index.html
  luasocket-conformance docs site --report mine.json a report of 'run --json' in the tables of compatibility

It needs the extra [docs]: pip install '.[docs]'. The pages need no network.

exit status: 0 the site is built; 2 wrong usage, a package is missing, or it cannot be built.
"""


#: The name of a function or method, which is no word of a question: ``client:receive``, ``socket.dns.toip``.
_NAME: Final = re.compile(r"\w+([.:]\w+)+")


def add_commands(add: AddCommand) -> None:
    """Add the commands of this module."""
    listing = add("list", _list, "Print the ids of behaviours and their rules.", _LIST)
    listing.add_argument("selectors", nargs="*", metavar="SELECTOR", help="which behaviours (default: all)")
    listing.add_argument(
        "--function",
        action="append",
        default=[],
        metavar="NAME",
        help="behaviours of a function: client:receive, receive, socket.dns.toip",
    )
    listing.add_argument(
        "--grep",
        action="append",
        default=[],
        metavar="WORD",
        help="behaviours with this word in their rule, hint or values; can be given again",
    )
    listing.add_argument(
        "--covers", action="append", default=[], metavar="STATEMENT", help="behaviours that cover a statement"
    )

    explain = add(
        "explain",
        _explain,
        "Print what a function takes and returns in each situation, or answer a question.",
        _EXPLAIN,
    )
    explain.add_argument(
        "function",
        nargs="*",
        metavar="FUNCTION",
        help="client:receive, receive, …, or words of a question (default: list all functions)",
    )

    coverage = add("coverage", _coverage, "Show which statements of the documentation are covered.", _COVERAGE)
    coverage.add_argument("function", nargs="?", metavar="FUNCTION", help="print the statements of one function")
    coverage.add_argument("--missing", action="store_true", help="list the statements that no behaviour covers")

    export = add("export", _export, "Print the whole expanded specification as JSON.", _EXPORT)
    export.add_argument("--schema", action="store_true", help="print the JSON Schema of the document instead")

    annotations = add("annotations", _annotations, "Write editor annotations (LuaCATS) for the API.", _ANNOTATIONS)
    annotations.add_argument("out", type=Path, metavar="OUT", help="the directory for the files")
    annotations.add_argument(
        "--dialect", choices=DIALECTS, default="luasocket-3", help="the dialect (default: luasocket-3)"
    )

    docs = add("docs", _docs, "Build the documentation site.", _DOCS)
    docs.add_argument("out", type=Path, metavar="OUT", help="the directory for the site")
    docs.add_argument(
        "--report", action="append", default=[], type=Path, metavar="FILE", help="a report of 'run --json'"
    )


def _list(options: argparse.Namespace) -> int:
    from luasocket_runners.lookup import Index, NotFound, entries, search, terminal

    spec = load(options)
    chosen = selected(spec.behaviours, options.selectors)
    index = Index(spec)
    try:
        if options.function:
            chosen = list(filter(search.by_function(index, options.function), chosen))
        if options.covers:
            chosen = list(filter(search.by_statement(index, options.covers), chosen))
    except NotFound as error:
        raise CommandFailed(str(error)) from None
    if options.grep:
        chosen = list(filter(search.by_words(options.grep), chosen))
    if not chosen:
        found = search.statements_with(index, options.grep) if options.grep else []
        hint = "".join(f"\n  {item.id}: {' '.join(item.says.split())}" for item in found)
        hint = f" Statements of the documentation with these words, for 'coverage FUNCTION':{hint}" if found else ""
        raise CommandFailed(
            f"No behaviour meets all of these conditions. Leave one out, or try another word.{hint}{_ask(options.grep)}"
        )
    print("\n".join(terminal.listed(index, entries(chosen))))
    return PASSED


def _ask(words: list[str]) -> str:
    """Return the command that answers these words, after a line end; the empty string if none does."""
    from luasocket_runners.lookup import written

    found = written.find(words).best if words else ()
    return f"\n'luasocket-conformance explain {' '.join(words)}' answers: {found[0].title}" if found else ""


def _explain(options: argparse.Namespace) -> int:
    from luasocket_runners.lookup import Index, NotFound, terminal

    index = Index(load(options))
    if not options.function:
        print("\n".join(terminal.functions(index)))
        print("\nQuestions and topics: luasocket-conformance explain WORDS, such as 'explain peer closed'")
        return PASSED
    try:
        found = index.functions(" ".join(options.function))
    except NotFound as error:
        is_name = len(options.function) == 1 and _NAME.fullmatch(options.function[0])
        answer = [] if is_name else _answer(index, options.function)
        if not answer:
            raise CommandFailed(str(error)) from None
        print("\n".join(answer))
        return PASSED
    print("\n\n\n".join("\n".join(terminal.explain(index, function)) for function in found))
    return PASSED


def _answer(index: Index, words: list[str]) -> list[str]:
    """Return the lines that answer a question: sections of the written pages, then behaviours; none if nothing does."""
    from luasocket_runners.lookup import search, terminal, written

    sections = written.find(words)
    behaviours = search.about(index, " ".join(words), written.vocabulary())
    lines = list(written.printed(sections.best))
    if behaviours.best:
        if lines and lines[-1]:
            lines.append("")
        lines += ["Behaviours:", *terminal.rules(behaviours.best)]
        lines.append("As a script: luasocket-conformance show ID --as short-lua")
    unknown = [word for word in behaviours.unknown if word in sections.unknown]
    if lines and unknown:
        lines.append(f"not found: {', '.join(unknown)}")
    return lines


def _coverage(options: argparse.Namespace) -> int:
    from luasocket_runners.coverage import Coverage

    spec = load(options)
    coverage = Coverage.of(spec)
    missing = coverage.missing()
    if options.function is not None:
        from luasocket_runners.lookup import Index, NotFound, terminal

        index = Index(spec)
        try:
            found = index.functions(options.function)
        except NotFound as error:
            raise CommandFailed(str(error)) from None
        print("\n".join(line for function in found for line in terminal.coverage(index, function)))
        names = {name for function in found for name in function.statements}
        missing = [statement for statement in missing if statement.function in names]
    elif options.missing:
        for statement in missing:
            print(f"{statement.id}\n    {statement.says}")
    else:
        print(coverage.table())
    return FAILED if missing else PASSED


def _export(options: argparse.Namespace) -> int:
    import json
    import sys
    from importlib import resources

    if options.schema:
        schema = resources.files("luasocket_runners").joinpath("schema/export.schema.json")
        print(schema.read_text(encoding="utf-8"), end="")
        return PASSED
    from luasocket_runners.lookup import Index, export

    json.dump(export.export(Index(load(options))), sys.stdout, ensure_ascii=True, allow_nan=False)
    print()
    return PASSED


def _annotations(options: argparse.Namespace) -> int:
    from luasocket_runners.files import write_text
    from luasocket_runners.lookup import Index, annotations

    for name, text in annotations.files(Index(load(options)), options.dialect).items():
        path = options.out / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, text)
        except OSError as error:
            raise CommandFailed(f"Cannot write {path}: {error.strerror or error}.") from None
        print(path)
    return PASSED


def _docs(options: argparse.Namespace) -> int:
    from luasocket_runners.lookup.compatibility import read
    from luasocket_runners.site.build import SiteError, build

    for path in options.report:
        try:
            read(path)
        except OSError as error:
            raise CommandFailed(f"Cannot read {path}: {error.strerror or error}.") from None
        except (ValueError, KeyError, TypeError):
            raise CommandFailed(f"{path} is not a report of 'run --json'.") from None
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandFailed(f"{options.out} cannot be made: {error.strerror or error}.") from None
    try:
        build(options.out, options.report)
    except SiteError as error:
        raise CommandFailed(str(error)) from None
    print(options.out / "index.html")
    return PASSED
