"""Runs the steps of ``action.yml`` as GitHub's runner does, on a port that conforms and on one that does not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
ACTION: dict[str, Any] = yaml.safe_load((CHECKOUT / "action.yml").read_text(encoding="utf-8"))
INSTALL, RUN = ACTION["runs"]["steps"]

Step = Callable[..., subprocess.CompletedProcess[str]]


def evaluate(text: str, inputs: dict[str, str]) -> str:
    """Replace the expressions that the action uses; an unknown one is a KeyError."""
    values = {f"inputs.{name}": value for name, value in inputs.items()} | {"github.action_path": str(CHECKOUT)}
    return re.sub(r"\$\{\{ *([\w.]+) *\}\}", lambda match: values[match[1]], text)


@pytest.fixture
def step(tmp_path: Path) -> Step:
    """Run one step with inputs, in a directory that stands for the user's repository."""
    for name in ("temp", "work"):
        (tmp_path / name).mkdir(exist_ok=True)

    def run(step: dict[str, Any], **given: str) -> subprocess.CompletedProcess[str]:
        unknown = set(given) - set(ACTION["inputs"])
        assert not unknown
        inputs = {name: given.get(name, declared.get("default", "")) for name, declared in ACTION["inputs"].items()}
        environment = {name: evaluate(value, inputs) for name, value in step["env"].items()}
        runner = {"RUNNER_TEMP": str(tmp_path / "temp"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=tmp_path / "work",
            env=os.environ | environment | runner,
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


@pytest.fixture
def installed(tmp_path: Path) -> None:
    """The command where the first step would have installed it."""
    directory = tmp_path / "temp" / "luasocket-conformance" / "bin"
    directory.mkdir(parents=True)
    (directory / "luasocket-conformance").symlink_to(Path(sys.executable).parent / "luasocket-conformance")


def test_the_first_step_installs_the_suite(step: Step, tmp_path: Path) -> None:
    done = step(INSTALL, python=sys.executable, port="reference")
    if done.returncode and "connection" in done.stderr.lower() and not os.environ.get("LUASOCKET_REQUIRE_REAL"):
        pytest.skip("the package index cannot be reached")
    assert done.returncode == 0, done.stderr
    program = tmp_path / "temp" / "luasocket-conformance" / "bin" / "luasocket-conformance"
    assert subprocess.run([program, "--version"], capture_output=True, text=True).stdout.startswith(program.name)


@pytest.mark.usefixtures("installed")
def test_the_second_step_runs_behaviours_and_writes_the_summary(step: Step, tmp_path: Path) -> None:
    done = step(RUN, port="reference", behaviours="tcp/receive-line tcp/receive*/*timeout*", workers="2", json="r.json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "reference" in (tmp_path / "summary.md").read_text()
    assert (tmp_path / "work" / "r.json").is_file()


@pytest.mark.usefixtures("installed")
def test_the_second_step_fails_where_the_port_does(step: Step, tmp_path: Path) -> None:
    (tmp_path / "work" / "known.txt").write_text("tcp/receive-line/empty-line/lf: it passes, so this line is wrong\n")
    done = step(RUN, port="reference", behaviours="tcp/receive-line", known="known.txt")
    assert done.returncode == 1
    assert "known.txt:1" in done.stdout


@pytest.mark.usefixtures("installed")
def test_the_second_step_takes_quirks_and_writes_a_badge(step: Step, tmp_path: Path) -> None:
    """The reference does not follow the rule, and so does not conform to what the file declares."""
    (tmp_path / "work" / "quirks.yaml").write_text(
        "quirks:\n"
        "  - id: no-partial\n"
        "    says: A line that times out has no partial result.\n"
        "    why: It forgets what it received.\n"
        "    on: [client:receive]\n"
        "    expected: {returns: [null, timeout, $partial]}\n"
        "    returned: {returns: [null, timeout]}\n"
    )
    behaviour = "tcp/receive-line/partial-on-timeout"
    done = step(RUN, port="reference", behaviours=behaviour, quirks="quirks.yaml", badge="badge.svg")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "no-partial" in done.stdout
    assert (tmp_path / "work" / "badge.svg").read_text().startswith("<svg")


@pytest.mark.usefixtures("installed")
def test_a_port_that_cannot_be_started_fails_with_its_own_status(step: Step) -> None:
    done = step(RUN, port="command:./not-there", behaviours="tcp/create")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "not-there" in done.stderr
