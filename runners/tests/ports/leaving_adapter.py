"""An adapter that leaves a process behind: orphaned, in a session of its own, without an environment.

``leaving_adapter.py SECONDS``: the process is ``sleep SECONDS``.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

#: Seconds between two looks.
LOOK = 0.01


def runs(command: bytes) -> bool:
    """Return whether a process with this command line runs without an environment."""
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            if (directory / "cmdline").read_bytes() == command and (directory / "environ").read_bytes() == b"":
                return True
        except OSError:
            continue
    return False


def main(seconds: str) -> None:
    """Leave the process, then reply that every call returns its first argument."""
    command = ["env", "-i", "sleep", seconds]
    subprocess.run(["sh", "-c", 'setsid "$@" > /dev/null 2>&1 < /dev/null &', "sh", *command], check=True)
    while not runs(b"sleep\0" + seconds.encode() + b"\0"):
        time.sleep(LOOK)
    for line in sys.stdin:
        request = json.loads(line)
        reply: dict[str, object] = {"id": request["id"], "returns": request.get("args", [])[1:2]}
        if request["op"] == "describe":
            reply = {"id": request["id"], "protocol": 1, "name": "leaver", "version": "", "runtime": "",
                     "dialect": "luasocket-3", "capabilities": []}  # fmt: skip
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
