"""No descendant of an adapter survives a run of the command, whatever it does."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from luasocket_runners import processes
from luasocket_runners.ports import descendants

#: Seconds that a run may take; it needs one or two.
LONG = 60.0

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux finds all descendants")

_BEHAVIOUR = "  - {{id: n{n}, SO, steps: [{{call: socket.skip, with: [0, {n}], returns: [{n}]}}]}}\n"


def commands() -> list[bytes]:
    """Return the command lines of all processes."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        try:
            found.append((directory / "cmdline").read_bytes())
        except OSError:
            continue
    return found


@pytest.mark.parametrize("count", [1, 200], ids=["one-process", "workers"])
def test_an_orphan_without_an_environment_is_killed(make_data: Callable[[str], Path], count: int) -> None:
    behaviours = "".join(_BEHAVIOUR.format(n=n) for n in range(count)).replace("SO", "says: S., authority: observed")
    data = make_data(f"about: test\nbehaviours:\n{behaviours}")
    seconds = f"{1000 + secrets.randbelow(1000)}.{secrets.randbelow(10**9):09}"
    adapter = f"command:{sys.executable} {Path(__file__).with_name('leaving_adapter.py')} {seconds}"
    done = subprocess.run(
        [sys.executable, "-m", "luasocket_runners", "--spec", str(data), "run", "--workers", "3", "--port", adapter],
        capture_output=True, text=True, check=False, timeout=LONG,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert b"sleep\0" + seconds.encode() + b"\0" not in commands()


def test_a_process_in_the_middle_of_an_exec_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    token = descendants.new_token()
    read, looks = descendants._environment, []

    def environment(process: int) -> bytes | None:
        if process != child.pid:
            return read(process)
        looks.append(process)
        return b"" if len(looks) < 4 else read(process)

    monkeypatch.setattr(descendants, "_environment", environment)
    monkeypatch.setattr(descendants, "_EXEC_LIMIT", LONG)
    with subprocess.Popen(["sleep", "1000"], env={descendants.TOKEN_VARIABLE: token}) as child:
        status = processes.read_status(os.getpid())
        assert status is not None
        assert child.pid in descendants._marked(token, status.began)
        child.kill()
    assert len(looks) >= 4
