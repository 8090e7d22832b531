"""The reaper: a small process that kills the adapters that are left when the runner ends, however it ends.

It reads a pipe whose other end only the runner holds. The runner writes the groups that it starts and ends; when the
pipe closes, because the runner ended or was killed, the reaper kills the groups that are left, and the processes that
left a group but have a token of the runner in their environment. (Linux's PR_SET_PDEATHSIG would be sent when the
*thread* that started the child ends, and needs code between fork and exec.) It is a shell, because a shell starts
within a millisecond.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import subprocess
import threading

from luasocket_runners.ports.descendants import TOKEN_VARIABLE, beginning, run_token

__all__ = ["forget", "watch"]

# A signal that ends the runner must not end the reaper first: it has a session of its own and ignores the signals that
# a terminal or a supervisor sends to a whole group.
_SCRIPT = r"""
trap '' HUP INT TERM QUIT
groups=' '
while read -r sign group; do
  case $sign in
    +) groups="$groups$group " ;;
    -) case $groups in *" $group "*) groups="${groups%% "$group" *} ${groups#* "$group" }" ;; esac ;;
  esac
done
[ "$groups" = ' ' ] && exit
for group in $groups; do kill -s KILL -- "-$group"; done 2>/dev/null
for file in $(grep -lasF "$0" /proc/[0-9]*/environ); do
  process=${file#/proc/}
  kill -s KILL "${process%/environ}"
done 2>/dev/null
"""

_lock = threading.Lock()
_reaper: subprocess.Popen[bytes] | None = None
_owner = 0  # the process that started it: after a fork, the child starts one of its own


def _stop() -> None:
    global _reaper
    if _reaper is not None and _owner == os.getpid():
        _reaper.communicate()
        _reaper = None


def _write(line: str) -> None:
    global _reaper, _owner
    with _lock:
        if _reaper is None or _owner != os.getpid():
            command = ["/bin/sh", "-c", _SCRIPT, f"{TOKEN_VARIABLE}={run_token()}"]
            with beginning(helper=True) as helpers:
                _reaper = subprocess.Popen(
                    command, stdin=subprocess.PIPE, bufsize=0, start_new_session=True,
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )  # fmt: skip
                helpers.add(_reaper.pid)
            if not _owner:
                atexit.register(_stop)
            _owner = os.getpid()
        assert _reaper.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # the reaper was killed: a run without it is better than none
            _reaper.stdin.write(line.encode("ascii"))


def watch(group: int) -> None:
    """Have a process group killed if the runner ends before it has called `forget`."""
    _write(f"+ {group}\n")


def forget(group: int) -> None:
    """Stop watching a group. Call it before its leader is reaped: then the number may become another group's."""
    _write(f"- {group}\n")
