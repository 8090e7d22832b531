"""The reference in a thread of this process."""

from __future__ import annotations

import subprocess
import sys
import threading
import weakref

import pytest
from luasocket_runners.ports import inprocess, resolve
from luasocket_runners.ports.adapters.python import PythonAdapter
from luasocket_runners.ports.inprocess import InProcessConnection, reference_api

#: Seconds for any reply.
PATIENCE = 60.0


class _Broken(PythonAdapter):
    def _release(self, handles: list[int]) -> None:
        raise RuntimeError(handles)


@pytest.mark.usefixtures("nothing_left")
def test_a_bug_of_the_implementation_is_a_fault(capsys: pytest.CaptureFixture[str]) -> None:
    connection = InProcessConnection(_Broken(reference_api()))
    connection.post({"id": 1, "op": "release", "handles": [5]})
    assert connection.wait(PATIENCE) == {"id": 1, "fault": "reference broke: RuntimeError: [5]"}
    connection.close()
    assert "RuntimeError" in capsys.readouterr().err


@pytest.mark.usefixtures("nothing_left")
def test_a_call_that_hangs_is_abandoned() -> None:
    """A wait for a datagram that never comes ends when the connection is closed; so does the thread."""
    connection = resolve("reference").open(None)
    connection.post({"id": 1, "op": "call", "target": "socket.udp4", "args": []})
    assert connection.wait(PATIENCE) == {"id": 1, "returns": [{"handle": 1, "type": "userdata"}]}
    connection.post({"id": 2, "op": "call", "handle": 1, "method": "receive", "args": []})
    assert connection.wait(0.05) is None
    connection.close()


class _FinalizerHangs(PythonAdapter):
    """Waits in a finalizer, and once more outside of it."""

    def __init__(self) -> None:
        super().__init__(reference_api())
        self.waits = threading.Event()

    def _release(self, handles: list[int]) -> None:
        assert not handles
        held = threading.Event()
        weakref.finalize(held, self._wait)
        del held
        self._wait()

    def _wait(self) -> None:
        self.waits.set()
        while True:
            pass


@pytest.mark.usefixtures("nothing_left")
def test_a_finalizer_that_hangs_is_abandoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """It drops the exception that ends it: nothing is printed of it, and the call is interrupted again."""
    printed: list[type[BaseException] | None] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: printed.append(unraisable.exc_type))
    monkeypatch.setattr(inprocess, "ABANDON_GRACE", PATIENCE)
    adapter = _FinalizerHangs()
    connection = InProcessConnection(adapter)
    connection.post({"id": 1, "op": "release", "handles": []})
    adapter.waits.wait(PATIENCE)
    connection.close()
    assert printed == []


@pytest.mark.usefixtures("nothing_left")
def test_an_adapter_in_the_middle_of_a_callback_is_closed() -> None:
    connection = resolve("reference").open(None)
    connection.post({"id": 1, "op": "call", "target": "coroutine.wrap", "args": [{"function": 1}]})
    connection.wait(PATIENCE)
    connection.post({"id": 2, "op": "call", "handle": 1, "args": []})
    assert connection.wait(PATIENCE) == {"id": 2, "callback": 1, "args": []}
    connection.close()


_ALARM = """
from luasocket_runners.ports import resolve
from luasocket_runners.ports.inprocess import use_alarm
use_alarm()
connection = resolve("reference").open(None)
def ask(seconds, **message):
    reply = connection.ask({"id": 1, "op": "call", "args": []} | message, seconds)
    return None if reply is None else len(reply["returns"])
print(ask(60, target="socket.udp4"), ask(0.05, handle=1, method="receive"), ask(60, target="socket.gettime"))
print(ask(0.2, target="socket.sleep", args=[0.01]), ask(60, target="socket.sleep", args=[0.3]))
print(ask(0.05, handle=1, method="receive"))
"""


def test_the_alarm_ends_the_call_that_hangs_and_no_other() -> None:
    """The timer of a call runs on after it: a later call with more time outlives it, one with less ends before it."""
    command = [sys.executable, "-c", _ALARM]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE)
    assert done.stdout.split() == ["1", "None", "1", "0", "0", "None"]


_LAST = """
import time
class Slow:
    def __del__(self, sleep=time.sleep):
        sleep(0.4)
slow = Slow()
print(ask(0.2, target="socket.gettime"))
"""


def test_the_alarm_does_not_end_a_process_that_ends() -> None:
    code = _ALARM.partition("print")[0] + _LAST
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert (done.returncode, done.stdout) == (0, "1\n")
