"""Whether a call of a method has to raise: the reference's own checks of class and arguments are asked."""

from __future__ import annotations

import re
import socket
from typing import Any, Final

from luasocket_reference import LuaError
from luasocket_reference.auxiliar import GROUPS
from luasocket_reference.dialect import Dialect, find
from luasocket_reference.socket import SocketObject
from luasocket_reference.tcp import Tcp
from luasocket_reference.udp import Udp

from luasocket_runners.judge.trace import Call

__all__ = ["Refusals", "is_of_another_class", "is_plain"]

#: Values that have no metamethods, so that reading them cannot run code of the program.
_PLAIN: Final = (type(None), bool, int, float, bytes)

#: Methods that do nothing but check their arguments on an object without a descriptor.
_ASKED: Final = frozenset(
    {"accept", "close", "dirty", "getfamily", "getfd", "getoption", "getpeername", "getsockname", "getstats",
     "gettimeout", "receive", "receivefrom", "send", "setoption", "setstats", "settimeout", "shutdown"}
)  # fmt: skip


class Refusals:
    """Knows which calls raise.

    Parameters
    ----------
    dialect
        A name of the reference's dialects.
    lua
        The interpreter, as the trace's header names it.
    """

    def __init__(self, dialect: str, lua: str) -> None:
        found = re.match(r"Lua (5\.[1-5])\b|(LuaJIT)\b", lua)
        self._dialect: Dialect | None = None
        if found is not None:
            self._dialect = find(dialect, "luajit" if found[2] else found[1])

    def ask(self, call: Call) -> str | None:
        """Return the message with which a call of a method raises, "" if it returns; None if that is unknown."""
        kind: type[SocketObject] = Udp if call.class_name.startswith("udp") else Tcp
        expected = kind.CLASSES.get(call.function)
        if expected is None:
            return None
        if call.class_name not in GROUPS.get(expected, {expected}):
            return f"{expected} expected"
        if call.function not in _ASKED or self._dialect is None or not is_plain(call):
            return None
        value: Any = kind(self._dialect, call.class_name, socket.AF_UNSPEC)
        if call.function not in value.methods:
            return None
        try:
            value.methods[call.function].by_colon(value, *call.args)
        except LuaError as error:
            return error.value.decode("latin-1") if isinstance(error.value, bytes) else None
        return ""


def is_of_another_class(call: Call) -> bool:
    """Return whether an error says that a method got an object of another class, as when it was taken from one."""
    found = re.search(rb"\(((?:tcp|udp)\{\w+\}) expected", call.error) if isinstance(call.error, bytes) else None
    if found is None:
        return False
    expected = found[1].decode()
    return call.class_name not in GROUPS.get(expected, {expected})


def is_plain(call: Call) -> bool:
    """Return whether no argument can run code of the program."""
    return all(isinstance(value, _PLAIN) for value in call.args)
