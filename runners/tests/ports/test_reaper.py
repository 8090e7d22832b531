"""Adapters and their descendants end when the runner is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

#: Seconds for an event that comes at once: a hundred times longer than it takes.
SOON = 10.0

_RUNNER = """
import time
from luasocket_runners.ports.process import CommandPort
script = 'trap "" HUP INT TERM; sleep 1000 & setsid sleep 1000 & echo {}; wait'
connection = CommandPort("sh", ["sh", "-c", script]).open(None)
connection.wait(60)
print(connection.pid, connection.token, flush=True)
time.sleep(1000)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_no_adapter_survives_the_runner(
    number: signal.Signals,
    members_become: Callable[[int, int], bool],
    is_gone: Callable[[int], bool],
    carriers_become: Callable[[str, int], bool],
    is_extinct: Callable[[str], bool],
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _RUNNER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as runner:
        assert runner.stdout is not None
        try:
            number_of_group, token = runner.stdout.readline().decode().split()
            group = int(number_of_group)
            # The shell answers before its children are in their places.
            assert members_become(group, 2)
            assert carriers_become(token, 3)
            runner.send_signal(number)
            runner.wait(SOON)
        finally:
            runner.kill()
    assert is_gone(group)
    assert is_extinct(token)
