"""The judge has no finding in what real LuaSocket does while the specification is run on it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from luasocket_runners.judge.judging import judge
from luasocket_runners.judge.trace import read
from luasocket_runners.recorder import RECORDER

#: Subjects with calls that no program would make: wrong classes, bad arguments, lists of any kind.
SUBJECTS = (
    "select",
    "descriptors",
    "dns",
    "errors",
    "tcp/options",
    "tcp/receive-prefix",
    "tcp/send",
    "udp/receivefrom",
)

#: Stands for the interpreter: each process of the port has a trace of its own.
SCRIPT = """#!/bin/sh
LUASOCKET_TRACE={traces}/$$.jsonl LUA_INIT=@{recorder} exec {program} "$@"
"""


@pytest.mark.parametrize("interpreter", ["lua5.1", "lua5.4"])
def test_no_false_alarm_under_the_specification(tmp_path: Path, interpreter: str) -> None:
    program = shutil.which(interpreter)
    if program is None:
        pytest.skip(f"{interpreter} is not installed")
    traces = tmp_path / "traces"
    traces.mkdir()
    recorded = tmp_path / interpreter
    recorded.write_text(SCRIPT.format(traces=traces, recorder=RECORDER, program=program))
    recorded.chmod(0o755)
    command = [sys.executable, "-P", "-m", "luasocket_runners", "run", "--port", interpreter, *SUBJECTS]
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode == 3:
        pytest.skip(done.stderr)
    judgements = [judge([read(file)], "luasocket-3") for file in traces.iterdir() if file.stat().st_size]
    assert sum(sum(judgement.judged) for judgement in judgements) > 1000, done.stdout
    findings = [finding.text() for judgement in judgements for finding in judgement.findings if not finding.is_remark]
    assert findings == []
