"""Checks the commands, ids, options and files that documents, ``--help`` and docstrings mention, and runs the commands.

A command in an ``sh`` block is run, in a directory that has the files of its examples; one in a ``console`` block, in
running text or in a docstring is only checked: its name, its options and its ids must exist.
"""

from __future__ import annotations

import ast
import io
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import luasocket_spec
import pytest
from luasocket_conformance.faults import FAULTY_PORTS
from luasocket_runners.cli.main import main
from luasocket_runners.lookup import Index, NotFound, written
from luasocket_runners.ports import PortUnavailable, resolve
from luasocket_runners.selection import select

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGES = ("luasocket_spec", "luasocket_reference", "luasocket_runners", "luasocket_conformance")

#: Selected in commands that would run everything, because test_conformance does that.
SUBJECT = "tcp/receive-line"
#: Seconds that a command may take; the longest need some seconds, and a loaded machine fifty times that.
LONG = 300
#: Seconds that a command which took too long has to end its adapters and workers, before it is killed.
GRACE = 20
#: Words that stand for something of the user's: `NAME`, `FILE`, `my-port`, `…`.
PLACEHOLDER = re.compile(r"[A-Z]{2}|\bmy-|…|\.\.\.|\bmine\b")
#: Options of other programs that documents mention.
FOREIGN_OPTIONS = {
    "--no-deps",
    "--wheel-dir",
    "--pyargs",
    "--junitxml",
    "--dist",
    "--tx",
    "--cov",
    "--import-mode",
    "--lf",
    "--ff",
    "--help",
    "--record",
}
#: The pages of the site that are generated when it is built; runners/tests/site follows the links to them.
GENERATED = {
    "functions/index.md", "behaviours/index.md", "errors.md", "disagreements.md", "dialects.md", "releases.md",
    "ports/index.md",
}  # fmt: skip
#: A directory with a slash at its end, or a file in a directory.
PATH = re.compile(r"[\w.-]+(/[\w.-]+)*/|[\w.-]*(/[\w.-]+)+\.[a-z]+")
#: Where a path in running text may start.
BASES = (
    CHECKOUT,
    *(CHECKOUT / package / f"luasocket_{package}" for package in ("spec", "reference", "runners", "conformance")),
    *(CHECKOUT / package for package in ("spec", "reference", "runners", "conformance")),
    CHECKOUT / "spec/luasocket_spec/behaviours",
    CHECKOUT / "spec/luasocket_spec/statements",
)


@dataclass(frozen=True, slots=True)
class Document:
    """A text that mentions commands; ``directory`` is where its relative links start, None where it has none."""

    name: str
    text: str
    directory: Path | None = None
    #: The ids of behaviours that the document itself shows as new ones.
    shown: frozenset[str] = field(default=frozenset())

    @property
    def is_markdown(self) -> bool:
        return self.directory is not None


def documents() -> list[Document]:
    """Return all documents, the help of all commands, and the docstrings of all modules."""
    paths = [path for glob in ("*.md", "docs/**/*.md", "*/*.md", ".github/**/*.md") for path in CHECKOUT.glob(glob)]
    found = []
    for path in sorted(set(paths)):
        if ".venv" in path.parts or ".tox" in path.parts:
            continue
        text = path.read_text(encoding="utf-8")
        shown = frozenset(re.findall(r"^\s*- id: ([a-z0-9-]+)$", text, re.MULTILINE))
        found.append(Document(str(path.relative_to(CHECKOUT)), text, path.parent, shown))
    found += [Document(f"{name or 'luasocket-conformance'} --help", help_of(name)) for name in ("", *commands())]
    for package in PACKAGES:
        for path in package_directory(package).rglob("*.py"):
            docstrings = [
                ast.get_docstring(node) or ""
                for node in ast.walk(ast.parse(path.read_bytes()))
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            ]
            found.append(Document(f"{package}/{path.name}", "\n".join(docstrings)))
    return found


def package_directory(package: str) -> Path:
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


@cache
def help_of(command: str) -> str:
    """Return the help text of a command, without line breaks in its usage."""
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(printed), suppress(SystemExit):
        patch.setenv("COLUMNS", "1000")
        main([command, "--help"] if command else ["--help"])
    return printed.getvalue()


@cache
def commands() -> tuple[str, ...]:
    """Return the names of the commands, as the help lists them."""
    listed = help_of("").partition("\ncommands:")[2].partition("\n\n")[0]
    return tuple(re.findall(r"^    ([a-z-]+)(?:\s{2,}|$)", listed, re.MULTILINE))


@cache
def options(command: str) -> dict[str, bool]:
    """Return the options of a command; the value says whether the option takes an argument."""
    usage = help_of(command).partition("\n\n")[0]
    found = {name: bool(value) for name, value in re.findall(r"\[(--?[a-z-]+)( [^\]]+)?\]", usage)}
    return found | {name: bool(value) for name, value in re.findall(r"(--[a-z-]+)( [A-Z{]\S*)?", usage)}


@cache
def spec() -> luasocket_spec.Spec:
    return luasocket_spec.load()


def code_spans(document: Document) -> Iterator[str]:
    """Yield the code in running text: between backticks, outside of blocks."""
    text = re.sub(r"^ *```.*?^ *```", "", document.text, flags=re.MULTILINE | re.DOTALL)
    yield from (match[2].replace("\n", " ") for match in re.finditer(r"(`{1,2})([^`]+)\1", text))


def command_lines(document: Document) -> Iterator[str]:
    """Yield the lines with commands: of blocks, of running text, and of the examples of a help text."""
    for language, block in re.findall(r"^ *```(\w+)\n(.*?)^ *```", document.text, re.MULTILINE | re.DOTALL):
        if language in ("sh", "console", "yaml"):
            lines = block.replace("\\\n", " ").splitlines()
            yield from (line.strip().removeprefix("- run: ").removeprefix("$ ") for line in lines)
    yield from code_spans(document)
    if not document.is_markdown:
        yield from (line.strip() for line in document.text.splitlines() if line.startswith("  luasocket-conformance "))


def problems_of_command(line: str, document: Document) -> Iterator[str]:
    """Yield what is wrong with a command: no such command, option or behaviour."""
    try:
        words = shlex.split(re.split(r"  +#| > | \| ", line)[0].replace("…", " … "))
    except ValueError:
        return
    match words:
        case ["python3", "dev.py", "test" | "check" | "tox", *rest]:
            yield from problems_of_tox(rest, line) if words[2] == "tox" else ()
            return
        case ["python3", "dev.py", *rest] | ["luasocket-conformance", *rest]:
            words = rest
        case ["tox", *rest]:
            yield from problems_of_tox(rest, line)
            return
        case [".venv/bin/python", "-m", "pytest", *rest] | ["pytest", *rest]:
            named = (word.partition("::")[0] for word in rest)
            yield from (
                f"`{line}`: no file {path}" for path in named if path.endswith(".py") and not is_file(path, document)
            )
            return
        case _:
            return
    while words and words[0].startswith("--"):
        if words[0] not in options(""):
            yield f"`{line}`: no option {words[0]}"
        words = words[2:] if options("").get(words[0]) else words[1:]
    if not words or PLACEHOLDER.search(words[0]):
        return
    command, *arguments = words
    if command not in commands():
        yield f"`{line}`: no command {command}"
        return
    if not document.is_markdown:  # in a help text, the columns after the command are an explanation
        arguments = shlex.split(re.split(r"\s{2,}| > ", line.removeprefix("luasocket-conformance "))[0])[1:]
    skip = False
    for word in arguments:
        if skip:
            skip = False
        elif word.startswith("-"):
            name = word.partition("=")[0]
            if name not in options(command):
                yield f"`{line}`: {command} has no option {name}"
            skip = options(command).get(name, False) and "=" not in word
        elif command in ("run", "list", "show", "peer", "disagreements", "faults"):
            yield from problems_of_id(word, document)
        elif command == "coverage":
            yield from problems_of_function(word)
    if command == "explain" and (words := [word for word in arguments if not word.startswith("-")]):
        yield from () if len(words) > 1 and written.find(words) else problems_of_function(" ".join(words))


def problems_of_tox(arguments: list[str], line: str) -> Iterator[str]:
    tox = (CHECKOUT / "tox.ini").read_text()
    known = set(re.findall(r"^\[testenv:([a-z0-9]+)\]", tox, re.MULTILINE)) | {"py311", "py312", "py313", "py314"}
    ports = re.search(r"^\[testenv:ports-\{(.*)\}\]", tox, re.MULTILINE)
    assert ports is not None
    known |= {f"ports-{name}" for name in ports[1].split(",")}
    for option, value in pairwise(arguments):
        if option == "-e" and value not in known and not PLACEHOLDER.search(value):
            yield f"`{line}`: tox.ini has no environment {value}"
        if option == "-m" and f"labels = {value}" not in tox:
            yield f"`{line}`: tox.ini has no label {value}"


def problems_of_id(text: str, document: Document) -> Iterator[str]:
    """Yield a sentence if a text is written like a selector of behaviours and selects none."""
    if PLACEHOLDER.search(text) or text.rpartition("/")[2] in document.shown:
        return
    if select(spec().behaviours, [text])[1] and text not in {port.id for port in FAULTY_PORTS}:
        yield f"{text}: selects no behaviour"


def problems_of_function(name: str) -> Iterator[str]:
    """Yield a sentence if no function has the name."""
    try:
        Index(spec()).functions(name)
    except NotFound as error:
        yield str(error)


def problems_of_span(span: str, document: Document) -> Iterator[str]:
    """Yield what is wrong with code in running text: ids, statements, options and files that do not exist."""
    subjects = {behaviour.subject.partition("/")[0] for behaviour in spec().behaviours}
    functions = {statement.function for statement in spec().statements.values()}
    if PLACEHOLDER.search(span) or " " in span:
        return
    head, _, rest = span.partition("/")
    if head in functions and re.fullmatch(r"[a-z][a-z0-9-]*", rest):
        if span not in spec().statements and select(spec().behaviours, [span])[1]:
            yield f"`{span}`: no such statement"
    elif head in subjects and re.fullmatch(r"[a-z0-9/-]*[a-z0-9]", rest) and not is_file(span, document):
        yield from problems_of_id(span, document)
    elif re.fullmatch(r"--[a-z][a-z-]+", span):
        if span not in FOREIGN_OPTIONS and not any(span in options(name) for name in ("", *commands())):
            plugin = package_directory("luasocket_conformance") / "plugin.py"
            if f'"{span}"' not in plugin.read_text():
                yield f"`{span}`: no command has this option"
    elif document.is_markdown and PATH.fullmatch(span) and not is_file(span, document):
        yield f"`{span}`: no such file or directory"


def is_file(path: str, document: Document) -> bool:
    bases = (*BASES, document.directory) if document.directory is not None else BASES
    return any((base / path).exists() for base in bases)


def problems_of_links(document: Document) -> Iterator[str]:
    assert document.directory is not None
    text = re.sub(r"^ *```.*?^ *```", "", document.text, flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path = target.partition("#")[0]
        if path.removeprefix("../") in GENERATED and document.name.startswith("docs/"):
            continue
        if path and "://" not in path and not (document.directory / path).exists():
            yield f"link to {target}: no such file"


def problems(document: Document) -> list[str]:
    found = [problem for line in command_lines(document) for problem in problems_of_command(line, document)]
    for span in code_spans(document):
        found += problems_of_span(span, document)
    if document.is_markdown:
        found += problems_of_links(document)
    return found


@pytest.mark.parametrize("document", documents(), ids=lambda document: document.name)
def test_commands_ids_options_and_files_that_a_document_names_exist(document: Document) -> None:
    found = problems(document)
    assert not found, "\n".join([f"{document.name}:", *found])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("`luasocket-conformance dance`", "no command dance"),
        ("`luasocket-conformance explain client:nix`", "No function has the name"),
        ("```sh\nluasocket-conformance run --lanes 4\n```", "run has no option --lanes"),
        ("```console\n$ luasocket-conformance show tcp/receive-line/nix\n```", "selects no behaviour"),
        ("`python3 dev.py run tcp/nix`", "selects no behaviour"),
        ("`tox -e nix`", "no environment nix"),
        ("`.venv/bin/python -m pytest runners/tests/test_nix.py`", "no file runners/tests/test_nix.py"),
        ("`tcp/receive-line/nix`", "selects no behaviour"),
        ("`client:receive/nix`", "no such statement"),
        ("`--lanes`", "no command has this option"),
        ("`spec/nix.md`", "no such file"),
        ("[text](nix.md)", "no such file"),
    ],
)
def test_a_stale_mention_is_found(text: str, problem: str) -> None:
    assert problem in "\n".join(problems(Document("stale", f"{text}\n", CHECKOUT)))


# -- commands that are run


def runnable() -> list[str]:
    """Return the commands of all ``sh`` blocks, continuation lines joined, that need no development environment."""
    found = []
    for document in documents():
        if document.is_markdown:
            blocks = re.findall(r"^ *```sh\n(.*?)^ *```", document.text, re.MULTILINE | re.DOTALL)
            lines = "".join(blocks).replace("\\\n", " ").splitlines()
            found += [line.strip() for line in lines if line.strip().startswith(("luasocket-conformance ", "pytest "))]
    return list(dict.fromkeys(found))


def is_available(port: str) -> bool:
    try:
        resolve(port).open(None).close()
    except PortUnavailable:
        return False
    return True


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory with the files of the documents' examples: adapters, lists, ports."""
    adapter = f"#!/bin/sh\nexec {shlex.quote(sys.executable)} -m luasocket_runners.ports.adapters.reference\n"
    (tmp_path / "my-adapter").write_text(adapter)
    (tmp_path / "my-adapter").chmod(0o755)
    (tmp_path / "known-deviations.txt").write_text("# none\n")
    shutil.copytree(CHECKOUT / "ports", tmp_path / "ports")
    return tmp_path


def run_in_shell(
    command: str, directory: Path, environment: dict[str, str], seconds: float
) -> subprocess.CompletedProcess[str]:
    """Run a command in a process group of its own, which is ended if it takes too long: the test fails then."""
    process = start_in_shell(command, cwd=directory, env=environment)
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        out, err = end_group(process, GRACE)
        raise AssertionError(f"{command} took longer than {seconds} s: {out}{err}") from None
    except BaseException:
        end_group(process, 0)
        raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def start_in_shell(command: str, **options: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        shell=True,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        **options,
    )


def end_group(process: subprocess.Popen[str], grace: float) -> tuple[str, str]:
    """End a process group; return its output, whose end shows that all of its processes have ended.

    ``luasocket-conformance`` ends its adapters, which have groups of their own, when SIGTERM ends it.
    """
    os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=grace)
    with suppress(ProcessLookupError):  # all have ended
        os.killpg(process.pid, signal.SIGKILL)
    return process.communicate()


@pytest.mark.parametrize("line", runnable())
def test_a_command_of_a_document_works(line: str, directory: Path) -> None:
    words = shlex.split(line.partition("  #")[0])
    port = next((after for word, after in pairwise(words) if word.endswith("-port")), "reference")
    if port in ("./my-port", "ports/NAME"):
        assert main(["init", str(directory / port)]) == 0
    optional = port.startswith(("lu", "ports/", "./my-port"))
    if optional and not (port.startswith("lu") and os.environ.get("LUASOCKET_REQUIRE_REAL")):
        try:
            available = is_available(str(directory / port) if "/" in port else port)
        except OSError:
            available = False
        if not available:
            pytest.skip(f"{port} is not installed here")
    selects = any(word in ("tcp", "udp") or word.startswith(("tcp/", "udp/")) for word in words[2:])
    if words[:2] == ["luasocket-conformance", "run"] and not selects and "--update-deviations" not in words:
        words.append(SUBJECT)
    for joined in words[2:] if words[1] == "report" else ():
        if joined.endswith(".json"):
            assert main(["run", SUBJECT, "--json", str(directory / joined)]) == 0
    redirection = line.partition(" > ")[2].partition("  #")[0].strip()
    command = words[: words.index(">")] if ">" in words else words
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    shell = shlex.join(command) + (f" > {redirection}" if redirection else "")
    done = run_in_shell(shell, directory, os.environ | {"PATH": path}, LONG)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_command_that_takes_too_long_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"sleep 1000 took longer than 0\.01 s"):
        run_in_shell("sleep 1000", tmp_path, dict(os.environ), 0.01)


def test_a_command_is_ended_with_the_processes_that_it_has_started() -> None:
    process = start_in_shell("(trap '' TERM; echo started; exec sleep 1000) & sleep 1000")
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    assert end_group(process, 0.1) == ("", "")
    assert process.returncode == -signal.SIGTERM


def test_documents_show_commands_that_are_run() -> None:
    assert len(runnable()) > 15


def test_the_behaviour_of_contributing_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    block = re.search(r"^   ```yaml\n(.*?)^   ```", text, re.MULTILINE | re.DOTALL)
    assert block is not None
    data = tmp_path / "spec"
    shutil.copytree(package_directory("luasocket_spec"), data)
    with (data / "behaviours/tcp/receive-line.yaml").open("a", encoding="utf-8") as file:
        file.write("\n" + re.sub(r"^   ", "", block[1], flags=re.MULTILINE))
    status = main(["--spec", str(data), "run", "tcp/receive-line/line-with-nul"])
    assert status == 0, capsys.readouterr()
    assert "1 behaviour: 1 passed" in capsys.readouterr().out
