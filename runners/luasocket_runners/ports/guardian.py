"""No adapter survives us, however we die: one small process, the guardian, kills the process groups that we leave.

The guardian reads a pipe whose other end only we hold. We tell it which groups there are; when the pipe ends, because
we ended or were killed, it kills those that are left. (Linux's PR_SET_PDEATHSIG would be sent when the *thread* that
started the child ends, and needs code in the child between fork and exec.) It is a shell, because that starts within a
millisecond.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import subprocess
import threading

__all__ = ["forget", "watch"]

# Nothing that ends us may end the guardian first: it has a session of its own and ignores what a terminal or a
# supervisor sends to everybody.
_SCRIPT = r"""
trap '' HUP INT TERM QUIT
groups=' '
while read -r sign group; do
  case $sign in
    +) groups="$groups$group " ;;
    -) case $groups in *" $group "*) groups="${groups%% "$group" *} ${groups#* "$group" }" ;; esac ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group"; done 2>/dev/null
"""

_lock = threading.Lock()
_guardian: subprocess.Popen[bytes] | None = None
_owner = 0  # the process that started it: after a fork the child needs one of its own


def _stop() -> None:
    global _guardian
    if _guardian is not None and _owner == os.getpid():
        _guardian.communicate()
        _guardian = None


def _tell(line: str) -> None:
    global _guardian, _owner
    with _lock:
        if _guardian is None or _owner != os.getpid():
            _guardian = subprocess.Popen(
                ["/bin/sh", "-c", _SCRIPT], stdin=subprocess.PIPE, bufsize=0, start_new_session=True,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            if not _owner:
                atexit.register(_stop)
            _owner = os.getpid()
        assert _guardian.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # somebody killed it: we do without rather than fail
            _guardian.stdin.write(line.encode("ascii"))


def watch(group: int) -> None:
    """Have the process group `group` killed when we end without having called `forget`."""
    _tell(f"+ {group}\n")


def forget(group: int) -> None:
    """Take the group from the list; before its leader is reaped, for then its number may become another's."""
    _tell(f"- {group}\n")
