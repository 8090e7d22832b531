"""Gives this process a table of hosts of its own, with names that have several addresses, or that stand for others.

The table is mounted over ``/etc/hosts`` in a mount namespace of this process, so that it exists for the processes that
this one starts, and for no others. The names end in ``.test``, which no name server knows (RFC 6761).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
import tempfile
from pathlib import Path
from typing import Final

#: The names, each with its addresses in the order of the table. `ALIAS` stands for `OFFICIAL`, with its one address.
DUAL: Final = "dual-loopback.luasocket.test"
PAIR: Final = "pair.luasocket.test"
OFFICIAL: Final = "official.luasocket.test"
ALIAS: Final = "alias.luasocket.test"
_LINES: Final = (
    f"::1 {DUAL}",
    f"127.0.0.1 {DUAL}",
    f"127.0.0.2 {PAIR}",
    f"127.0.0.1 {PAIR}",
    f"127.0.0.3 {OFFICIAL} {ALIAS}",
)
_TABLE: Final = Path("/etc/hosts")
#: Constants of Linux.
_CLONE_NEWNS: Final = 0x20000
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x40000


def install() -> bool:
    """Mount the table; return whether it is there. It needs Linux, and the rights of an administrator."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    if are_known():  # a process that has the table has started this one
        return True
    try:
        text = _TABLE.read_text(encoding="utf-8", errors="surrogateescape")
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", errors="surrogateescape") as table:
            table.write("\n".join((text.rstrip("\n"), *_LINES, "")))
            table.flush()
            Path(table.name).chmod(0o644)
            _mount(table.name)
    except OSError:
        return False
    return True


def _mount(table: str) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    for name, *arguments in (
        ("unshare", _CLONE_NEWNS),
        ("mount", b"none", b"/", None, ctypes.c_ulong(_MS_REC | _MS_PRIVATE), None),
        ("mount", os.fsencode(table), os.fsencode(_TABLE), None, ctypes.c_ulong(_MS_BIND), None),
    ):
        if getattr(library, str(name))(*arguments):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


def are_known() -> bool:
    """Return whether the table of hosts that this process sees has the names."""
    with contextlib.suppress(OSError):
        return DUAL in _TABLE.read_text(encoding="utf-8", errors="replace")
    return False
