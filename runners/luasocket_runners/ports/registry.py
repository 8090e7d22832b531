"""Ports by name: the one table from what the command line calls a port to the class that runs it."""

from __future__ import annotations

from collections.abc import Callable

from luasocket_runners.ports.connection import Port, UnknownPort
from luasocket_runners.ports.described import DescribedPort, names_description
from luasocket_runners.ports.inprocess import PythonPort, reference_api
from luasocket_runners.ports.lua_interpreter import INTERPRETERS, LuaPort, split_module
from luasocket_runners.ports.lupa import RUNTIMES, LupaPort
from luasocket_runners.ports.process import CommandPort
from luasocket_runners.ports.tcp import DialPort, ListenPort

__all__ = ["known_ports", "resolve"]

#: Ports whose whole name is known.
_PLAIN: dict[str, Callable[[str], Port]] = {
    "reference": lambda name: PythonPort(name, reference_api),
    **dict.fromkeys(INTERPRETERS, LuaPort.known),
}

#: Ports that are described by what follows the first colon: the forms as people read them, and what makes the port.
_FAMILIES: dict[str, tuple[tuple[str, ...], Callable[[str, str], Port]]] = {
    "lupa": (tuple(f"lupa:{runtime}" for runtime in RUNTIMES), LupaPort.parse),
    "lua": (("lua:COMMAND",), LuaPort.parse),
    "command": (("command:PROGRAM ARGS…",), CommandPort.parse),
    "tcp": (("tcp:HOST:PORT",), DialPort.parse),
    "tcp-listen": (("tcp-listen:HOST:PORT",), ListenPort.parse),
}


def known_ports() -> list[str]:
    """Return the names of all ports; where the name has a part that is the user's, that part in capitals."""
    return [*_PLAIN, *(form for forms, _ in _FAMILIES.values() for form in forms), "DIRECTORY with a port.toml"]


def resolve(name: str) -> Port:
    """Return the port of a name. Nothing is started yet.

    Raises
    ------
    UnknownPort
        When no port has the name, or the description that it names cannot be used.
    PortUnavailable
        When what follows the name makes no sense.
    """
    family, colon, rest = name.partition(":")
    if colon and family in _FAMILIES:
        return _FAMILIES[family][1](name, rest)
    plain = name if name in _PLAIN else split_module(name)[0]
    if plain in INTERPRETERS or name in _PLAIN:
        return _PLAIN[plain](name)
    if names_description(name):
        return DescribedPort.load(name)
    raise UnknownPort(f"There is no port {name!r}. The ports are: {', '.join(known_ports())}.")
