"""Every command that the README shows is played, in a directory that has what it speaks of: an adapter and its list."""

import os
import re
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from luasocket_runners.cli import main
from luasocket_runners.ports import PortUnavailable, resolve

README = Path(__file__).resolve().parents[2] / "README.md"

#: What a command that plays everything is limited to here; the whole is played elsewhere (test_conformance).
SUBJECT = "tcp/receive-line"


def commands() -> list[str]:
    """Return the command lines of the README's shell blocks, continuation lines joined."""
    blocks = re.findall(r"^```sh\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.startswith(("luasocket-conformance ", "pytest "))]


def is_available(port: str) -> bool:
    try:
        resolve(port).open(None).close()
    except PortUnavailable:
        return False
    return True


@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_readme_works(command: str, tmp_path: Path) -> None:
    adapter = tmp_path / "my-adapter"
    adapter.write_text(f"#!/bin/sh\nexec {shlex.quote(sys.executable)} -m luasocket_runners.ports.reference_child\n")
    adapter.chmod(0o755)
    (tmp_path / "known-deviations.txt").write_text("# none\n")
    line = command.partition("  #")[0]
    words = shlex.split(line)
    port = next((after for word, after in pairwise(words) if word.endswith("-port")), "reference")
    if port.startswith("lu") and not os.environ.get("LUASOCKET_REQUIRE_REAL") and not is_available(port):
        pytest.skip(f"{port} is not installed here")
    if words[:2] == ["luasocket-conformance", "run"] and not words[-1].startswith("tcp/"):
        line += " " + SUBJECT
    for joined in words[2:] if words[1] == "report" else ():
        if joined.endswith(".json"):
            assert main(["run", SUBJECT, "--json", str(tmp_path / joined)]) == 0
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        line, shell=True, cwd=tmp_path, env=os.environ | {"PATH": path}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_readme_shows_commands() -> None:
    assert len(commands()) > 8
