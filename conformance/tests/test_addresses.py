"""Behaviours for names with several addresses: none is skipped where the runner can have a table of hosts of its own.

That of these tests, in which localhost has two addresses, shows that it can.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

#: Seconds for one command.
PATIENCE = 120.0


def namespace(hosts: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command with its own table of hosts."""
    script = 'mount --bind "$0" /etc/hosts && exec "$@"'
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", script, str(hosts), *command],
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    """A table of hosts in which localhost has two addresses; skips where it cannot be used."""
    table = tmp_path / "hosts"
    table.write_text("::1 localhost\n127.0.0.1 localhost\n")
    if not shutil.which("unshare"):
        pytest.skip("there is no unshare")
    look = "import socket; print([entry[4][0] for entry in socket.getaddrinfo('localhost', 80, type=1)])"
    seen = namespace(table, sys.executable, "-c", look)
    if seen.stdout.strip() != "['::1', '127.0.0.1']":
        pytest.skip(f"this user cannot have a table of hosts of its own: {seen.stdout}{seen.stderr}")
    return table


@pytest.mark.parametrize("port", ["reference", "lua5.1", "lua5.4"])
def test_no_behaviour_is_skipped(hosts: Path, port: str) -> None:
    if port != "reference" and not shutil.which(port):
        pytest.skip(f"{port} is not installed")
    run = namespace(hosts, sys.executable, "-m", "luasocket_runners", "run", "--port", port, "addresses")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "skipped" not in run.stdout


def test_every_fault_is_detected(hosts: Path) -> None:
    run = namespace(hosts, sys.executable, "-m", "luasocket_runners", "faults", "addresses")
    assert run.returncode == 0, run.stdout + run.stderr
    assert "cannot run" not in run.stdout
