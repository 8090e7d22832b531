"""Runs ports and writes their condensed reports, from which ``explain`` and the site make the tables of compatibility.

    python ports/reports.py                    every port of this directory and of releases/ that can be started here
    python ports/reports.py love haproxy       these
    python ports/reports.py luasocket-2.0.2    a release, after ports/releases/build

Run it in the root of a checkout, with the project installed in editable form: the reports are data of the package.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "runners" / "luasocket_runners" / "lookup" / "reports"
#: Calls of these hang until the deadline; more workers run other behaviours meanwhile.
WORKERS = {"copas": 32, "nginx": 32}
#: The status of a run whose port could not be started.
UNAVAILABLE = 3


def places() -> dict[str, Path]:
    """Return the directories of the ports by name, relative to the root."""
    found = sorted((*ROOT.glob("ports/*/port.toml"), *ROOT.glob("ports/releases/*/port.toml")))
    return {path.parent.name: path.parent.relative_to(ROOT) for path in found}


def main(names: list[str]) -> int:
    """Write the reports of these ports, or of all; return a status."""
    known = places()
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"There are no such ports: {', '.join(unknown)}. There are {', '.join(known)}.", file=sys.stderr)
        return 2
    command = [sys.executable, "-m", "luasocket_runners"]
    status = 0
    for name in names or known:
        with tempfile.TemporaryDirectory() as directory:
            report = Path(directory) / f"{name}.json"
            workers = ["--workers", str(WORKERS[name])] if name in WORKERS else []
            run = [*command, "run", "--port", str(known[name]), "--json", str(report), *workers]
            done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True)
            print(f"{name}: {(done.stdout.strip().splitlines() or ['no output'])[-1]}", flush=True)
            if done.returncode == UNAVAILABLE:
                print(f"    {done.stderr.strip()}", flush=True)
                continue
            status = max(status, done.returncode)
            subprocess.run([*command, "report", str(report), "--compatibility", str(OUT)], cwd=ROOT, check=True)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
