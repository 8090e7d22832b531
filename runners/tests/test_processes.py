"""Tests of what is read of processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from luasocket_runners import processes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has /proc")


def test_the_status_of_a_process_that_has_ended_and_was_not_reaped_is_that_of_one_that_does_not_live() -> None:
    with subprocess.Popen(["true"]) as child:
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        status = processes.read_status(child.pid)
        assert status is not None
        assert (status.state, status.lives) == ("Z", False)
    assert processes.read_status(child.pid) is None


def test_this_process_lives_and_began_before_its_child() -> None:
    own = processes.read_status(os.getpid())
    with subprocess.Popen(["sleep", "1000"]) as child:
        other = processes.read_status(child.pid)
        child.kill()
    assert own is not None
    assert other is not None
    assert own.lives
    assert own.began <= other.began


def test_descendants_are_the_children_and_theirs() -> None:
    command = ["sh", "-c", "sh -c 'sleep 1000 & echo; wait' & wait"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as shell:
        assert shell.stdout is not None
        shell.stdout.readline()  # the grandchild has been started
        (child,) = processes.children(shell.pid)
        (grandchild,) = processes.children(child)
        assert list(processes.descendants(shell.pid)) == [child, grandchild]
        os.killpg(shell.pid, signal.SIGKILL)
