"""Fixtures for the tests of ports: they find processes, descriptors and threads that a test leaves behind."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from luasocket_runners.ports import reaper
from luasocket_runners.ports.process import ProcessConnection

#: Seconds for what has to happen at once: a hundred times longer than it takes.
SOON = 10.0


def members(group: int) -> list[int]:
    """Return the living processes of a process group."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                state, _, leader = (entry / "stat").read_text().rpartition(")")[2].split()[:3]
            except OSError:  # it ended while we looked
                continue
            if int(leader) == group and state != "Z":
                found.append(int(entry.name))
    return found


def until(condition: Callable[[], bool]) -> bool:
    """Wait for a condition that nothing tells of; False when it does not come."""
    deadline = time.monotonic() + SOON
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def carriers(token: str) -> list[int]:
    """Return the living processes that have inherited an adapter's token."""
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if token.encode() in environ.read_bytes():
                found.append(int(environ.parent.name))
        except OSError:  # it ended while the test looked, or belongs to another user
            continue
    return found


@pytest.fixture
def carriers_become() -> Callable[[str, int], bool]:
    """Wait until so many living processes have inherited a token; False when that does not come."""
    return lambda token, number: until(lambda: len(carriers(token)) == number)


@pytest.fixture
def is_extinct() -> Callable[[str], bool]:
    """Wait until no living process has inherited a token; False when that does not come."""
    return lambda token: until(lambda: not carriers(token))


@pytest.fixture
def members_become() -> Callable[[int, int], bool]:
    """Wait until a process group has so many living processes; False when that does not come."""
    return lambda group, number: until(lambda: len(members(group)) == number)


@pytest.fixture
def is_gone() -> Callable[[int], bool]:
    """Wait until a process group has no living process; False when that does not come."""
    return lambda group: until(lambda: not members(group))


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The process groups of all children that are started during the test."""
    found: list[int] = []
    original = ProcessConnection.__init__

    def init(self: ProcessConnection, *args: object) -> None:
        original(self, *args)  # type: ignore[arg-type]
        found.append(self.pid)

    monkeypatch.setattr(ProcessConnection, "__init__", init)
    return found


@pytest.fixture
def nothing_left(groups: list[int]) -> Iterator[None]:
    """Fails the test that leaves a process, a descriptor or a thread behind."""
    reaper.forget(0)  # the reaper is started, and its pipe counted, before we look
    gc.collect()
    descriptors = set(os.listdir("/proc/self/fd"))  # noqa: PTH208 (names, not paths)
    threads = set(threading.enumerate())
    yield
    for group in groups:
        assert until(lambda group=group: not members(group)), f"processes are left: {members(group)}"  # type: ignore[misc]
    assert set(threading.enumerate()) <= threads
    assert set(os.listdir("/proc/self/fd")) <= descriptors  # noqa: PTH208
