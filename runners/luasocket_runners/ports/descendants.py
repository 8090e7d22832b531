"""Finds the processes that an adapter has started, also those that have left its process group.

A process is recognized as a descendant by its parents, or by the token that it inherited in its environment. On Linux,
a process of the suite also becomes the parent of those that lose theirs (``man 2 PR_SET_CHILD_SUBREAPER``), so that all
are found. A process that the suite does not own, such as that of pytest, does not: there, one that has lost its parent,
has a process group of its own and has emptied its environment is not found.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from luasocket_runners import processes

__all__ = ["TOKEN_VARIABLE", "beginning", "kill_all", "new_token", "own_process", "run_token"]

#: The variable of the environment that has the token. An adapter that dials in sends it back, see PROTOCOL.md.
TOKEN_VARIABLE = "LUASOCKET_CONFORMANCE_TOKEN"

#: How often the processes are looked for again: one may have started another between the look and the signal.
_ROUNDS = 10
#: Seconds in which a process may be in the middle of an exec, where its environment cannot be read: a page of the new
#: program may have to come from a disk. And seconds between two looks at it.
_EXEC_LIMIT: Final = 0.25
_LOOK: Final = 0.002

_PR_SET_CHILD_SUBREAPER: Final = 36

_run: tuple[int, str] = (0, "")  # the process that made it, and its token
_count = 0

#: The process that belongs to the suite, and that which takes orphans.
_owned = _taker = 0
#: The process, its living adapters, and its other children with sessions of their own.
_started: tuple[int, set[int], set[int]] = (0, set(), set())
#: Held while a child is started and put into the set above, so that it is not taken for an orphan.
_starting = threading.RLock()


def own_process() -> None:
    """Note that this process belongs to the suite: it may become the parent of orphans when it starts an adapter."""
    global _owned
    _owned = os.getpid()


@contextlib.contextmanager
def beginning(*, helper: bool = False) -> Iterator[set[int]]:
    """Guard the start of a child with a session of its own; its number is to be added to the set.

    The child is an adapter, or a ``helper``, which starts nothing itself.
    """
    global _started, _taker
    with _starting:
        process = os.getpid()
        if _started[0] != process:  # after a fork, the children are those of the parent
            _started = process, set(), set()
        if process == _owned != _taker:
            with contextlib.suppress(OSError, AttributeError):  # not Linux
                if not ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
                    _taker = process
        _, adapters, helpers = _started
        yield helpers if helper else adapters


def run_token() -> str:
    """Return the beginning of all tokens of this process; another program cannot guess it."""
    global _run
    if _run[0] != os.getpid():  # after a fork, the child has one of its own
        _run = os.getpid(), secrets.token_hex(16)
    return _run[1]


def new_token() -> str:
    """Return a token for one adapter."""
    global _count
    _count += 1
    return f"{run_token()}.{_count}."


def kill_all(leader: int, token: str) -> None:
    """Kill the process group of an adapter and all its descendants. The leader has not been reaped yet."""
    descendants = set(processes.descendants(leader))  # while their parents are alive
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: only a zombie is left
        os.killpg(leader, signal.SIGKILL)
    status = processes.read_status(leader)
    began = status.began if status else 0
    for _ in range(_ROUNDS):
        descendants |= set(_marked(token, began)) | set(_orphans(leader))
        descendants.discard(leader)
        if not descendants:
            break
        for process in descendants:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        descendants.clear()
    with beginning() as started:
        started.discard(leader)


def _orphans(leader: int) -> Iterator[int]:
    """Return the living processes that have lost their parents, and have this process as the parent, with descendants.

    They may be those of another adapter of this process, as long as there is one: then they are left to its end.
    """
    process = os.getpid()
    if process != _taker:
        return
    with beginning() as started:
        if started - {leader}:
            return
        session = os.getsid(0)
        for child in set(processes.children(process)).difference(started, _started[2]):
            with contextlib.suppress(OSError):
                if os.getsid(child) == session:
                    continue  # a worker, or another process of the suite: an orphan cannot come into this session
                if os.waitpid(child, os.WNOHANG)[0]:
                    continue  # it has ended
                yield child
                yield from processes.descendants(child)


def _marked(token: str, since: int) -> Iterator[int]:
    """Return the living processes that have the token in their environment; ``since`` is when the adapter began."""
    mark = f"{TOKEN_VARIABLE}={token}".encode("ascii")
    try:
        names = os.listdir("/proc")  # noqa: PTH208 (numbers, not paths)
    except OSError:  # not Linux
        return
    unclear = []
    for process in (int(name) for name in names if name.isdecimal()):
        environment = _environment(process)
        if environment is not None and mark in environment:
            yield process
        elif environment == b"":
            status = processes.read_status(process)
            if status and status.lives and status.began >= since:
                unclear.append(process)  # perhaps in the middle of an exec
    deadline = time.monotonic() + _EXEC_LIMIT
    while unclear and time.monotonic() < deadline:
        time.sleep(_LOOK)
        for process in list(unclear):
            environment = _environment(process)
            status = processes.read_status(process)
            if environment or not (status and status.lives):
                unclear.remove(process)
            if environment is not None and mark in environment:
                yield process


def _environment(process: int) -> bytes | None:
    """Return the environment of a process; None if it has ended, or is another user's."""
    try:
        return Path(f"/proc/{process}/environ").read_bytes()
    except OSError:
        return None
