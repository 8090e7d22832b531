"""Measures how long runs, calls and transfers take, and prints the tables of RESULTS.md in Markdown.

    python benchmarks/bench.py [--repeat 3] [workers] [calls] [throughput]

The workloads are in ``workloads/``. Times are printed and never asserted, because they depend on the machine. Ratios
are of one run; of several repetitions the shortest counts, because every disturbance makes a measurement longer.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from luasocket_runners.ports import PortUnavailable, resolve

WORKERS: Final = (1, 2, 4, 8, 12)
PORTS: Final = ("reference", "lupa:lua54", "lua5.4")
#: Kinds of ports by how a message travels to them, with their names in the table.
CALLED: Final[Mapping[str, str]] = {
    "reference": "`reference`, in our process",
    f"command:{sys.executable} -m luasocket_runners.ports.adapters.reference": "the reference as a program",
    "lupa:lua54": "`lupa:lua54`",
    "lua5.4": "`lua5.4`",
}
#: Calls whose mean is one measurement: about a second's work on the slowest kind.
CALLS: Final = 5000
#: Seconds that a port may take for a call of `socket.gettime`; one that takes longer is broken.
PATIENCE: Final = 10.0

_HERE: Final = Path(__file__).parent
IMPLEMENTATIONS: Final[Mapping[str, Sequence[str]]] = {
    "reference": (sys.executable, str(_HERE / "workloads" / "reference.py")),
    "LuaSocket (lua5.4)": ("lua5.4", str(_HERE / "workloads" / "luasocket.lua")),
    "CPython": (sys.executable, str(_HERE / "workloads" / "cpython.py")),
}
#: The bytes that are sent, the number of pieces in which they are received, and the name in the table.
STREAMS: Final[Mapping[str, tuple[bytes, int, str]]] = {
    "lines": (b"x" * 60 + b"\n", 200_000, "200 000 lines of 60 bytes"),
    "blocks": (b"x" * 8192, 8_000, "8 000 blocks of 8192 bytes"),
    "all": (b"x" * 50_000_000, 1, '50 MB in one, `"*a"`'),
}
OTHERS: Final[Mapping[str, tuple[int, str]]] = {
    "datagrams": (20_000, "20 000 datagrams of 100 bytes, sent and received"),
    "select": (500, "`select` over 500 sockets, 500 times"),
}


def shortest(measure: Callable[[], float], repeat: int) -> float:
    """Return the shortest of several measurements, in seconds."""
    return min(measure() for _ in range(repeat))


def row(*cells: str) -> str:
    """Return a line of a table in Markdown."""
    return f"| {' | '.join(cells)} |"


def head(*cells: str) -> str:
    """Return the first two lines of a table in Markdown."""
    return f"{row(*cells)}\n{row(*['---'] * len(cells))}"


# -- the whole specification


def whole(port: str, workers: int) -> tuple[float, float]:
    """Run the command on everything; return its seconds of wall time and of processors, start-up included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "luasocket_runners", "run", "--port", port, "--workers", str(workers)],
        stdout=subprocess.DEVNULL,
        check=False,
    )
    seconds = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1):
        raise PortUnavailable(f"{port}: the run ended with status {done.returncode}.")
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def workers_table(repeat: int) -> Iterator[str]:
    """Yield the table of wall times by workers, line by line."""
    yield head("seconds (of processors)", *(f"{workers} worker{'s'[: workers > 1]}" for workers in WORKERS))
    for port in PORTS:
        cells = []
        for workers in WORKERS:
            runs = [whole(port, workers) for _ in range(repeat)]
            cells.append(f"{min(wall for wall, _ in runs):.1f} ({min(cpu for _, cpu in runs):.1f})")
        yield row(f"`{port}`", *cells)


# -- one call


def one_call(name: str) -> float:
    """Return the mean seconds of one call of `socket.gettime` through a port."""
    connection = resolve(name).open(None)
    try:
        began = 0.0
        for number in range(1, CALLS + 2):
            connection.post({"id": number, "op": "call", "target": "socket.gettime", "args": []})
            if connection.wait(PATIENCE) is None:
                raise PortUnavailable(f"{name}: a call took more than {PATIENCE:g} s.")
            if number == 1:  # the start is not counted
                began = time.perf_counter()
        return (time.perf_counter() - began) / CALLS
    finally:
        connection.close()


def calls_table(repeat: int) -> Iterator[str]:
    """Yield the table of the cost of one call, line by line."""
    plain_calls = 1_000_000
    plain = shortest(partial(workload, "call", 0, plain_calls, "LuaSocket (lua5.4)"), repeat) / plain_calls
    yield head("`socket.gettime()`", "microseconds", "ratio to plain Lua")
    yield row("plain Lua (`lua5.4`)", f"{plain * 1e6:.2f}", "1")
    for name, shown in CALLED.items():
        seconds = shortest(partial(one_call, name), repeat)
        yield row(shown, f"{seconds * 1e6:.0f}", f"{seconds / plain:.0f}")


# -- throughput


@contextmanager
def sender(piece: bytes, count: int) -> Iterator[int]:
    """Send so many pieces to each connection, then close it; yield the port."""
    payload = memoryview(piece * count)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(payload)

        thread = threading.Thread(target=serve, name="sender")
        thread.start()
        yield int(listener.getsockname()[1])
        thread.join()


def workload(name: str, port: int, count: int, implementation: str) -> float:
    """Run a workload in a process of its own; return the seconds that it prints."""
    command = [*IMPLEMENTATIONS[implementation], name, str(port), str(count)]
    return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def streamed(name: str, implementation: str) -> float:
    """Return the seconds of a workload that receives what this process sends."""
    piece, count, _ = STREAMS[name]
    with sender(piece, count) as port:
        return workload(name, port, count, implementation)


def throughput_table(repeat: int) -> Iterator[str]:
    """Yield the table of throughput, line by line: seconds of the reference, and its ratios to the others."""
    measures: dict[str, Callable[[str], float]] = {}
    for name, (_, _, about) in STREAMS.items():
        measures[about] = partial(streamed, name)
    for name, (count, about) in OTHERS.items():
        measures[about] = partial(workload, name, 0, count)
    yield head("workload", "reference, seconds", *(f"ratio to {name}" for name in list(IMPLEMENTATIONS)[1:]))
    for about, measure in measures.items():
        own, *others = (shortest(partial(measure, name), repeat) for name in IMPLEMENTATIONS)
        yield row(about, f"{own:.2f}", *(f"{own / other:.1f}" for other in others))


PARTS: Final[Mapping[str, tuple[str, Callable[[int], Iterator[str]]]]] = {
    "workers": ("The whole specification, by port and workers", workers_table),
    "calls": ("One call, by kind of port", calls_table),
    "throughput": ("Throughput of the reference", throughput_table),
}


def main() -> int:
    """Print the requested tables; return the exit status."""
    parser = argparse.ArgumentParser(description="Measure runs, calls and transfers; print tables in Markdown.")
    parser.add_argument("--repeat", type=int, default=3, help="of so many measurements the shortest (default: 3)")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} (default: all)")
    options = parser.parse_args()
    unknown = [name for name in options.parts if name not in PARTS]
    if unknown or options.repeat < 1:
        parser.error(f"there is no part {unknown[0]!r}" if unknown else "--repeat is a number from 1 on")
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores, load {load}")
    for name in options.parts or PARTS:
        title, measure = PARTS[name]
        print(f"\n### {title}\n", flush=True)
        for line in measure(options.repeat):
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
