"""Runs real Lua programs on real LuaSocket and on the oracle, and compares their outputs.

    python programs/run.py [--lua lua5.4 ...] [--write] [NAME ...]

Each folder has ``program.lua`` and, where it needs one, ``server.py``, which prints its port and serves until it is
ended. A program whose modules are missing is skipped, with the reason; with the variable LUASOCKET_REQUIRE_REAL of the
environment set, that counts as a failure on Lua 5.1, for which Debian has all of them. Both outputs must be equal,
standard error included. A table shows the results with the CPU time of the oracle's process as a ratio to that of the
interpreter. Traces of both runs are judged, too: real LuaSocket and the oracle must have no finding. --write writes the
tables into RESULTS.md.

Exit status: 0 all outputs are equal, 1 one differs or has a finding, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from luasocket_runners.judge.judging import judge
from luasocket_runners.judge.trace import read
from luasocket_runners.recorder import RECORDER, TRACE_VARIABLE
from results import write_section

HERE = Path(__file__).parent

#: Seconds that a program may take; each takes less than one on an idle machine.
LIMIT = 120

#: The interpreters, and the oracle's runtime for each.
RUNTIMES = {"lua5.1": "lua51", "lua5.2": "lua52", "lua5.3": "lua53", "lua5.4": "lua54", "luajit": "luajit21"}

_MISSING = re.compile(r"module '([^']+)' not found")


class Skipped(Exception):
    """A program cannot be run here: the reason."""


@dataclass(frozen=True)
class Outcome:
    """The output of a program, the seconds of CPU time it took, and the results that were judged and found wrong."""

    output: str
    seconds: float
    judged: int = 0
    findings: tuple[str, ...] = ()


@contextmanager
def server(folder: Path) -> Iterator[list[str]]:
    """Run the server of a program, if it has one; return the arguments for the program."""
    file = folder / "server.py"
    if not file.exists():
        yield []
        return
    process = subprocess.Popen(
        [sys.executable, str(file)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        port = process.stdout.readline().strip()
        if not port:
            words = process.stderr.read().strip().splitlines()
            raise Skipped(f"the server does not start: {words[-1] if words else 'it printed nothing'}")
        yield [port]
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)  # it is a session of its own, with what it started
        process.communicate()


def run(command: Sequence[str], folder: Path, environment: dict[str, str]) -> Outcome:
    """Run a program once, with its server."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with server(folder) as arguments:
        process = subprocess.Popen(
            [*command, str(folder / "program.lua"), *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment,
        )  # fmt: skip
        try:
            output = process.communicate(timeout=LIMIT)[0].decode("latin-1")
        except subprocess.TimeoutExpired:
            process.kill()
            output = process.communicate()[0].decode("latin-1") + f"it was ended after {LIMIT} s\n"
        # the server is not reaped yet, so the difference is the program's
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    missing = _MISSING.search(output)
    if missing and not output.endswith("end\n"):
        raise Skipped(f"the module {missing[1]} is not installed for {Path(command[0]).name}")
    return Outcome(plain(output), sum(after[:2]) - sum(before[:2]))


def judged(command: Sequence[str], folder: Path) -> Outcome:
    """Run a program once plainly for its output and time, once with the recorder, whose trace is judged."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("LUA_INIT")}
    plainly = run(command, folder, environment)
    with tempfile.TemporaryDirectory() as directory:
        trace = Path(directory, "trace.jsonl")
        if len(command) == 1:  # an interpreter
            environment |= {"LUA_INIT": f"@{RECORDER}", TRACE_VARIABLE: str(trace)}
            recorded = run(command, folder, environment)
        else:
            recorded = run([*command, "--trace", str(trace)], folder, environment)
        judgement = judge([read(trace)], "luasocket-3")
    found = [finding.text() for finding in judgement.findings if not finding.is_remark]
    if recorded.output != plainly.output:
        found.append(f"with the recorder the program prints something else:\n{recorded.output}")
    return Outcome(plainly.output, plainly.seconds, sum(judgement.judged), tuple(found))


def plain(output: str) -> str:
    """Replace parts that differ from run to run: addresses of objects, ports, the interpreter's name, tracebacks."""
    output = re.sub("0x[0-9a-f]+", "ADDRESS", output)
    output = re.sub(r"\b[1-9]\d{4}\b", "PORT", output)
    return re.sub(r"\nstack traceback:\n(?:\t.*\n)*", "\n", output)


@dataclass(frozen=True)
class Row:
    """A program on an interpreter: whether all is well, and the cells of the table, or a text about what is wrong."""

    name: str
    fine: bool
    cells: tuple[str, ...] = ()
    text: str = ""

    def __str__(self) -> str:
        return f"{self.name:<10} {self.text or ', '.join(self.cells)}"


def compare(folder: Path, interpreter: str) -> Row:
    """Run a program on both sides."""
    try:
        real = judged([interpreter], folder)
        other = judged(oracle(interpreter), folder)
    except Skipped as reason:
        needed = "LUASOCKET_REQUIRE_REAL" in os.environ and interpreter == "lua5.1"
        return Row(folder.name, not needed, text=f"skipped: {reason}")
    if not real.output.endswith("end\n"):
        return Row(folder.name, False, text=f"FAILED on {interpreter} itself:\n{real.output}")
    if real.output != other.output:
        return Row(folder.name, False, text=f"DIFFERS\n--- {interpreter}\n{real.output}--- oracle\n{other.output}")
    findings = [*real.findings, *other.findings]
    if findings:
        return Row(folder.name, False, text="FINDINGS\n" + "\n".join(findings))
    return Row(folder.name, True, ("equal", *times(real, other), f"{real.judged + other.judged:,}"))


def oracle(interpreter: str) -> list[str]:
    """Return the command that runs a program on the oracle in the same Lua."""
    return [sys.executable, "-P", "-m", "luasocket_runners", "lua", "--lua", RUNTIMES[interpreter]]


def times(real: Outcome, other: Outcome) -> tuple[str, str, str]:
    """Return the CPU times of both sides, and their ratio."""
    ratio = f"{other.seconds / real.seconds:.0f}" if real.seconds else ""
    return f"{real.seconds * 1000:.0f} ms", f"{other.seconds * 1000:.0f} ms", ratio


def start(interpreter: str) -> Row:
    """Measure a program that does nothing but load the module, which is most of the time of short programs."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("LUA_INIT")}
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, "program.lua").write_text('require "socket"\n')
        real, other = (run(each, Path(directory), environment) for each in ([interpreter], oracle(interpreter)))
    return Row("(start)", True, ("", *times(real, other), ""))


def table(interpreter: str, rows: Sequence[Row]) -> str:
    """Return the rows in Markdown."""
    head = ("program", "outputs", interpreter, "oracle", "ratio", "results judged, without a finding")
    lines: list[tuple[str, ...]] = [head, ("---", "---", "---:", "---:", "---:", "---:")]
    lines += [(row.name, *(row.cells or (row.text.splitlines()[0], "", "", "", ""))) for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> int:
    """Run the programs that are asked for; return the exit status."""
    names = sorted(path.parent.name for path in HERE.glob("*/program.lua"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", choices=[*names, []], metavar="NAME", help=f"which (default: {names})")
    parser.add_argument("--lua", action="append", choices=RUNTIMES, help="an interpreter (default: lua5.4)")
    parser.add_argument("--write", action="store_true", help="write the tables into RESULTS.md")
    options = parser.parse_args()
    passed = True
    tables = []
    for interpreter in options.lua or ["lua5.4"]:
        if shutil.which(interpreter) is None:
            parser.error(f"{interpreter} is not installed")
        print(f"{interpreter}:", flush=True)
        rows = [start(interpreter)]
        for name in options.names or names:
            rows.append(compare(HERE / name, interpreter))
            print(rows[-1], flush=True)
        passed = passed and all(row.fine for row in rows)
        tables.append(table(interpreter, rows))
    if options.write:
        write_section("programs", "\n\n".join(tables))
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
