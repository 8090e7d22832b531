"""Measures what the judge finds in traces of real programs, on faulty implementations and on real LuaSocket.

    python programs/faults.py [--every N] [--write] [PATTERN ...]
    python programs/faults.py --real [--write]

Each faulty port of the catalogue (``luasocket-conformance faults``) runs those programs of this folder that call the
function with the mistake, in Lua 5.1, recorded. Between program and server stands the recording proxy. A fault *showed*
if a call with the mistake did anything else than the reference does, and is found if the judge has a finding in one of
the traces. Three kinds of faults are left out, because a trace cannot show them: those in functions of LuaSocket's Lua
layer, of which only the calls that they make are recorded; those in fields that are not functions; and functions that
are missing.

With --real the programs run on each installed Lua with real LuaSocket instead, where every finding is a false alarm.
PATTERN chooses faults by name, --every one in N of them; all of them take half an hour on two idle cores. --missed
lists those that showed and were not found, with the call. --write writes the table into RESULTS.md.

Exit status: 0 the real library had no finding, 1 it had one, 2 wrong usage.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from queue import Queue

sys.path.insert(0, str(Path(__file__).parent))
from faulty import DIALECT, Runner, forker
from luasocket_conformance.faults import FAULTY_PORTS, FaultyPort
from luasocket_conformance.faults.mechanism import Constant
from luasocket_reference import classes, core
from luasocket_runners.judge.finding import Finding
from luasocket_runners.judge.judging import judge
from luasocket_runners.judge.trace import TraceError, read
from luasocket_runners.recorder import RECORDER, TRACE_VARIABLE
from luasocket_runners.recorder.proxy import Proxy
from luasocket_runners.recorder.relayed import RelayTrace
from results import write_section
from run import HERE, RUNTIMES, Skipped, plain, server

#: The programs, the cheapest first; https hands the descriptor to OpenSSL and has nothing to judge.
PROGRAMS = ("debugger", "pipes", "redis", "smtp", "tftp", "ftp", "http", "chat", "copas")

#: Programs without a proxy: a TFTP server answers from other ports than its own.
DIRECT = ("tftp",)

# Runs


@dataclass
class Recorded:
    """A recorded run of a program."""

    output: str
    status: int
    findings: list[Finding]
    judged: tuple[int, int]
    showed: str = ""
    functions: set[str] = field(default_factory=set)


@contextmanager
def proxied(name: str, arguments: list[str], trace: Path) -> Iterator[list[str]]:
    """Put a proxy before the server of a program, if it has one; return the arguments for the program."""
    if not arguments or name in DIRECT:
        yield arguments
        return
    with trace.open("w") as file:
        proxy = Proxy(("127.0.0.1", 0), ("127.0.0.1", int(arguments[0])), RelayTrace(file))
        thread = threading.Thread(target=proxy.serve, daemon=True)
        thread.start()
        try:
            yield [str(proxy.address[1])]
        finally:
            proxy.stop()
            thread.join()


def record(name: str, arguments: list[str], runner: Runner) -> Recorded:
    """Run a program with the recorder, behind a proxy; judge it."""
    with tempfile.TemporaryDirectory() as directory:
        trace, relayed = Path(directory, "trace.jsonl"), Path(directory, "proxy.jsonl")
        with proxied(name, arguments, relayed) as given:
            output, status = runner(HERE / name / "program.lua", given, trace)
        try:
            traces = [read(trace)]
        except TraceError:
            return Recorded(output, status, [], (0, 0))  # it ended before its first call
        if relayed.exists():
            traces.append(read(relayed))
        judgement = judge(traces, DIALECT)
        made = Recorded(plain(output), status, [f for f in judgement.findings if not f.is_remark], judgement.judged)
        for call in traces[0].calls:
            owners = [call.class_name.partition("{")[0], call.class_name] if call.object is not None else []
            made.functions |= {f"{owner}:{call.function}" for owner in owners} or {f"socket.{call.function}"}
        mark = trace.with_suffix(".showed")
        made.showed = mark.read_text() if mark.exists() else ""
        return made


# Faults


def in_trace(faulty: FaultyPort) -> bool:
    """Return whether a function has the mistake, and its calls are recorded."""
    names = {f"socket.{name.decode()}" for name, value in core(DIALECT, "5.1").items() if callable(value)}
    names |= {f"socket.dns.{name.decode()}" for name in core(DIALECT, "5.1")[b"dns"]}
    names -= {"socket.newtry", "socket.protect", "socket.skip"}
    methods = {name for known in classes(DIALECT, "5.1").values() for name in known}
    if isinstance(faulty.mistake, Constant):
        return False
    for target in faulty.targets:
        owner, _, method = target.partition(":")
        if method and any(fnmatchcase(name, method) for name in methods):
            return True
        if not method and any(fnmatchcase(name, owner) for name in names):
            return True
    return False


@dataclass
class Tried:
    """How a fault fared: whether a program calls the function, whether the mistake showed, what was found and where."""

    faulty: FaultyPort
    reached: bool = False
    showed: str = ""
    program: str = ""
    finding: Finding | None = None


def attempt(faulty: FaultyPort, plainly: Mapping[str, Recorded], servers: Mapping[str, list[str]],
            runner: Runner) -> Tried:  # fmt: skip
    """Run the programs that call the function with the mistake, until one has a finding.

    `plainly` has the programs' runs on the reference, which show what each calls.
    """
    tried = Tried(faulty)
    for name, reference in plainly.items():
        if not any(faulty.targets_path(path) for path in reference.functions):
            continue
        tried.reached = True
        run = record(name, servers[name], runner)
        tried.showed = tried.showed or (run.showed and f"{name}: {run.showed}")
        if run.findings:
            tried.program, tried.finding = name, run.findings[0]
            return tried
    return tried


@contextmanager
def servers_of(names: Sequence[str]) -> Iterator[dict[str, list[str]]]:
    """Run the servers of programs; return the arguments of each."""
    if not names:
        yield {}
        return
    with server(HERE / names[0]) as arguments, servers_of(names[1:]) as rest:
        yield {names[0]: arguments, **rest}


def try_faults(patterns: Sequence[str], every: int, lists_missed: bool) -> list[Tried]:
    """Try the faults of the catalogue whose calls are recorded, or one in so many of them; list those missed."""
    faults = [
        f for f in FAULTY_PORTS if in_trace(f) and (not patterns or any(fnmatchcase(f.name, p) for p in patterns))
    ][::every]
    idle: Queue[Callable[[str], Runner]] = Queue()
    processes = []
    for _ in range(2 * (os.cpu_count() or 1)):  # many faults make a program wait
        process, for_fault = forker()
        processes.append(process)
        idle.put(for_fault)
    with servers_of(PROGRAMS) as servers:

        def one(faulty: FaultyPort) -> Tried:
            for_fault = idle.get()
            try:
                # all share the servers, which serve each connection apart: a faulty client disturbs no other
                return attempt(faulty, plainly, servers, for_fault(faulty.name))
            finally:
                idle.put(for_fault)

        for_fault = idle.get()
        plainly = {name: record(name, servers[name], for_fault("")) for name in PROGRAMS}
        idle.put(for_fault)
        for name, run in plainly.items():
            assert not run.findings, run.findings[0].text()
            assert run.status == 0, f"{name}: {run.output}"
        tried = []
        with ThreadPoolExecutor(len(processes)) as pool:
            for result in pool.map(one, faults):
                tried.append(result)
                if lists_missed and result.showed and result.finding is None:
                    about = result.faulty
                    print(f"{_group(about)}: {about.name}: {about.says}\n    {result.showed}", flush=True)
                print(f"\r{len(tried)} of {len(faults)}", end="", file=sys.stderr, flush=True)
    for process in processes:
        process.communicate()
    return tried


def faults_table(tried: Sequence[Tried]) -> str:
    """Return the table of faults by function."""
    rows: dict[str, Counter[str]] = {}
    for one in tried:
        for key in (_group(one.faulty), "all"):
            row = rows.setdefault(key, Counter())
            row["faults"] += 1
            row["reached"] += one.reached
            row["showed"] += bool(one.showed)
            row["found"] += one.finding is not None
            row["one"] += one.finding is not None and one.finding.level == 1
    lines = [
        "| function | faults | called by a program | showed | found | of these at level 1 |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for name, row in sorted(rows.items(), key=lambda item: (item[0] == "all", item[0])):
        counts = (row[key] for key in ("faults", "reached", "showed", "found", "one"))
        lines.append(f"| {name} | " + " | ".join(map(str, counts)) + " |")
    return "\n".join(lines)


def _group(faulty: FaultyPort) -> str:
    owner, _, method = faulty.targets[0].partition(":")
    if not method:
        return f"`{owner}`"
    kind = owner.partition("{")[0]
    return f"`{method}` of {'TCP' if kind == 'tcp' else 'UDP' if kind == 'udp' else 'both'}"


# Real LuaSocket


def on_real() -> tuple[str, list[Finding]]:
    """Run all programs on each Lua with real LuaSocket; return the table and the false alarms."""
    lines = ["| Lua | programs | results judged at level 0 | at level 1 | findings |", "|---|---:|---:|---:|---:|"]
    alarms: list[Finding] = []
    total = [0, 0]
    for interpreter in filter(shutil.which, RUNTIMES):
        judged, done, found = [0, 0], 0, 0
        for name in PROGRAMS:
            try:
                with server(HERE / name) as arguments:
                    run = record(name, arguments, _real(interpreter))
            except Skipped:
                continue
            if re.search(r"module '[^']+' not found", run.output):
                continue
            if run.output.endswith("end\n"):
                done += 1
            else:  # lua-redis has a bug on Lua 5.2; what it did until then is judged all the same
                print(f"{name} ends early on {interpreter}: {run.output.splitlines()[-1:]}", file=sys.stderr)
            found += len(run.findings)
            judged = [one + more for one, more in zip(judged, run.judged, strict=True)]
            alarms += run.findings
        total = [one + more for one, more in zip(total, judged, strict=True)]
        lines.append(f"| {interpreter} | {done} | {judged[0]:,} | {judged[1]:,} | {found} |")
    lines.append(f"| all | | {total[0]:,} | {total[1]:,} | {len(alarms)} |")
    return "\n".join(lines), alarms


def _real(interpreter: str) -> Runner:
    def run(file: Path, arguments: list[str], trace: Path) -> tuple[str, int]:
        environment = os.environ | {"LUA_INIT": f"@{RECORDER}", TRACE_VARIABLE: str(trace)}
        command = [interpreter, str(file), *arguments]
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            check=False, timeout=120,
        )  # fmt: skip
        return done.stdout.decode("latin-1"), done.returncode

    return run


def main() -> int:
    """Measure; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("patterns", nargs="*", metavar="PATTERN", help="which faults (default: all)")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only one in N faults")
    parser.add_argument("--real", action="store_true", help="run the programs on real LuaSocket")
    parser.add_argument("--write", action="store_true", help="write the table into RESULTS.md")
    parser.add_argument("--missed", action="store_true", help="list the faults that showed and were not found")
    options = parser.parse_args()
    if not options.real and options.every < 1:
        parser.error("--every takes a number from 1")
    if options.real:
        table, alarms = on_real()
        for finding in alarms:
            print(finding.text(), end="\n\n")
    else:
        try:
            tried = try_faults(options.patterns, options.every, options.missed)
        except Skipped as reason:
            parser.error(str(reason))
        if not tried:
            parser.error(f"no fault that a trace can show is named {' or '.join(options.patterns)}")
        table, alarms = faults_table(tried), []
    print(table)
    if options.write:
        write_section("real" if options.real else "faults", table)
    return 1 if alarms else 0


if __name__ == "__main__":
    sys.exit(main())
