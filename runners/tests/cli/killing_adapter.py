"""An adapter that kills the worker which runs it, as a system without memory might: ``killing_adapter.py HOW MARK``.

It kills workers when a call has 50 or 100 as its argument: each time (HOW is ``always``), or once for each (``once``).
MARK is a directory for notes. It never kills the main process, whose first call waits until a worker was killed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path

KILLERS = (50, 100)
#: Seconds between two looks for a note.
LOOK = 0.01


def command_of(process: int) -> bytes:
    return Path(f"/proc/{process}/cmdline").read_bytes()


def parent_of(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()[1])


def main(how: str, mark: str) -> None:
    """Reply to each request with its argument, or 1."""
    notes = Path(mark)
    worker = os.getppid()
    is_copy = command_of(worker) == command_of(parent_of(worker))
    for line in sys.stdin:
        request = json.loads(line)
        reply: dict[str, object] = {"id": request["id"], "returns": [1]}
        match request:
            case {"op": "reset"}:
                reply["returns"] = []
            case {"op": "describe"}:
                reply |= {"protocol": 1, "name": "killer", "version": "killer", "dialect": "luasocket-3",
                          "runtime": "", "capabilities": []}  # fmt: skip
            case {"op": "call", "target": "socket.skip", "args": [0, number]}:
                if not is_copy:
                    while not list(notes.iterdir()):
                        time.sleep(LOOK)
                elif number in KILLERS and (how == "always" or not (notes / str(number)).exists()):
                    (notes / str(number)).touch()
                    os.kill(worker, signal.SIGKILL)
        print(json.dumps(reply), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
