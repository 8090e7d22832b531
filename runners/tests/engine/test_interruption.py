"""Interruptions: the port's process is stopped and continued while it waits, and its peers act afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from luasocket_runners.capabilities import interruption
from luasocket_runners.engine.engine import Engine
from luasocket_runners.ports import resolve
from luasocket_runners.repro import lua_script, short_script
from luasocket_runners.result import Result, Verdict
from luasocket_spec.model import Behaviour

pytestmark = [
    pytest.mark.usefixtures("nothing_left"),
    pytest.mark.skipif(sys.platform != "linux", reason="interruptions are those of Linux"),
]

Behaviours = Callable[[str], list[Behaviour]]

#: The port waits for ever; then a signal, then a peer.
WAITING = """
  - id: waiting
    says: S.
    authority: observed
    needs: [interruption]
    steps:
      - {call: socket.udp, succeeds: true, as: udp}
      - {call: "udp:setsockname", with: ["127.0.0.1", 0], succeeds: true}
      - {call: "udp:getsockname", succeeds: true, as: [null, port]}
      - peer: {udp: "127.0.0.1"}
      - call: udp:receive
        while: [{after: 0.03, interrupt: true}, {after: 0.05, peer: {send: one, to: $port}}]
        returns: [one]
"""

#: An adapter of the reference that says on standard error how often it was continued.
COUNTING = """
import signal, sys
from luasocket_runners.ports.adapters.reference import main
signal.signal(signal.SIGCONT, lambda *_: open(sys.argv[1], "a").write("continued "))
main()
"""


def run(port: str, behaviour: Behaviour) -> Result:
    with Engine(resolve(port), "luasocket-3") as engine:
        return engine.run(behaviour)


def test_the_port_is_interrupted_once_and_the_call_goes_on(behaviours: Behaviours, tmp_path: Path) -> None:
    program, seen = tmp_path / "adapter.py", tmp_path / "seen"
    program.write_text(COUNTING, encoding="utf-8")
    result = run(f"command:{sys.executable} {program} {seen}", behaviours(WAITING)[0])
    assert (result.verdict, result.reason) == (Verdict.PASSED, "")
    assert seen.read_text(encoding="utf-8") == "continued "


def test_a_port_in_this_process_cannot_be_interrupted(behaviours: Behaviours) -> None:
    result = run("reference", behaviours(WAITING)[0])
    assert (result.verdict, result.reason) == (Verdict.SKIPPED, "needs interruption, which is not available")


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        yield process
        process.kill()


def test_a_process_goes_on_after_an_interruption(child: subprocess.Popen[bytes]) -> None:
    assert interruption.can_interrupt([child.pid])
    interruption.interrupt([child.pid])
    assert child.poll() is None
    state = Path(f"/proc/{child.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    assert state != "T"


def test_a_process_that_has_ended_is_left_alone(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()
    began = time.monotonic()
    interruption.interrupt([child.pid])
    assert time.monotonic() - began < interruption._PATIENCE
    assert not interruption.can_interrupt([child.pid])


def test_what_cannot_be_interrupted(monkeypatch: pytest.MonkeyPatch, child: subprocess.Popen[bytes]) -> None:
    assert not interruption.can_interrupt([])
    assert not interruption.can_interrupt([os.getpid(), child.pid])
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not interruption.can_interrupt([child.pid])


def test_scripts_and_exports_say_when_the_process_is_interrupted(behaviours: Behaviours) -> None:
    (behaviour,) = behaviours(WAITING)
    text = lua_script.script(behaviour, "luasocket-3")
    assert 'os.execute("(sleep 0.03; kill -STOP $PPID; sleep 0.01; kill -CONT $PPID) &")' in text
    with pytest.raises(short_script.NoShortScript, match="is interrupted by signals"):
        short_script.script(behaviour, "luasocket-3")
