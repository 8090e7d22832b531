"""Measures the cost of the recorder: the CPU time of a call of real LuaSocket with it and without it, as a ratio.

python benchmarks/recorder_cost.py [INTERPRETER ...]
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from luasocket_runners.recorder import RECORDER, TRACE_VARIABLE

WORKLOAD = Path(__file__).parent / "workloads" / "lines.lua"

#: Runs of each kind, of which the median counts; they alternate, so that the machine's load meets both.
RUNS = 5


def microseconds(interpreter: str, environment: dict[str, str]) -> float:
    """Return the CPU time of a call, in microseconds."""
    done = subprocess.run(
        [interpreter, str(WORKLOAD)], env=os.environ | environment, capture_output=True, text=True, check=True
    )
    return float(done.stderr)


def main() -> int:
    """Print a row for each interpreter; return the exit status."""
    interpreters = sys.argv[1:] or [name for name in ("lua5.1", "lua5.4", "luajit") if shutil.which(name)]
    with tempfile.TemporaryDirectory() as directory:
        recording = {"LUA_INIT": f"@{RECORDER}", TRACE_VARIABLE: str(Path(directory, "trace.jsonl"))}
        for interpreter in interpreters:
            runs = [(microseconds(interpreter, {}), microseconds(interpreter, recording)) for _ in range(RUNS)]
            plain, recorded = (statistics.median(times) for times in zip(*runs, strict=True))
            print(f"{interpreter:<8} {plain:6.2f} µs a call, recorded {recorded:6.2f} µs, ratio {recorded / plain:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
