"""The names of functions in quirks: ``socket.select``, ``client:receive``, and words for several of them."""

from __future__ import annotations

import fnmatch
from typing import Final

__all__ = ["ALL_CLASSES", "CLASSES", "GROUPS", "PEER", "concerns"]

#: The classes of LuaSocket's objects, by the words of the documentation.
CLASSES: Final = ("master", "client", "server", "connected", "unconnected")
#: Words for several classes.
GROUPS: Final = {"tcp": ("master", "client", "server"), "udp": ("connected", "unconnected")}
ALL_CLASSES: Final = (*CLASSES, *GROUPS)
#: The owner of the actions of peers, ``peer:send``. They are no functions of the port: only this name means them.
PEER: Final = "peer"


def concerns(name: str, function: str) -> bool:
    """Tell whether a name under ``on`` means a function or a field: ``socket.select``, ``client:receive``."""
    owner, colon, method = function.partition(":")
    if not colon:
        owner, _, field_name = function.partition(".")
        if field_name and owner in ("", *CLASSES):
            return name == "*" or _is_field(name, owner, field_name)
        return ":" not in name and name not in ALL_CLASSES and fnmatch.fnmatchcase(function, name)
    wanted, with_method, wanted_method = name.partition(":")
    if PEER in (owner, wanted):
        return owner == wanted and fnmatch.fnmatchcase(method, wanted_method or "*")
    if not with_method:
        wanted_method = "*"
        if wanted != "*" and wanted not in ALL_CLASSES:
            return False
    classes = ("*",) if wanted in ("", "*") else GROUPS.get(wanted, (wanted,))
    return ("*" in classes or owner in classes) and fnmatch.fnmatchcase(method, wanted_method)


def _is_field(name: str, owner: str, field_name: str) -> bool:
    """Tell whether a name means the field of an object of a class: ``client.class``, or ``.class`` of any class."""
    wanted, dot, wanted_field = name.partition(".")
    if not dot or wanted not in ("", *ALL_CLASSES):
        return False
    return (wanted == "" or owner in GROUPS.get(wanted, (wanted,))) and fnmatch.fnmatchcase(field_name, wanted_field)
