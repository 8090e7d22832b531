"""The table of ports: from a name on the command line to the class that runs the port."""

from __future__ import annotations

from collections.abc import Callable

from luasocket_runners.ports.configured import ConfiguredPort, is_path
from luasocket_runners.ports.connection import Port, UnknownPort
from luasocket_runners.ports.inprocess import PythonPort, reference_api
from luasocket_runners.ports.lua_interpreter import INTERPRETERS, LuaPort, split_module
from luasocket_runners.ports.lupa import RUNTIMES, LupaPort
from luasocket_runners.ports.process import CommandPort
from luasocket_runners.ports.reference_in_lua import RUNTIMES as REFERENCE_RUNTIMES
from luasocket_runners.ports.reference_in_lua import ReferenceInLuaPort
from luasocket_runners.ports.tcp import DialPort, ListenPort

__all__ = ["known_ports", "resolve"]


def _reference(name: str) -> Port:
    port = PythonPort(name, reference_api)
    port.has_to_be_steady = True
    return port


#: Ports whose whole name is known.
_PLAIN: dict[str, Callable[[str], Port]] = {
    "reference": _reference,
    **dict.fromkeys(INTERPRETERS, LuaPort.known),
}

#: Ports that take an argument after a colon: the forms for people, and the function that makes the port.
_FAMILIES: dict[str, tuple[tuple[str, ...], Callable[[str, str], Port]]] = {
    "reference": (tuple(f"reference:{runtime}" for runtime in REFERENCE_RUNTIMES), ReferenceInLuaPort.parse),
    "lupa": (tuple(f"lupa:{runtime}" for runtime in RUNTIMES), LupaPort.parse),
    "lua": (("lua:COMMAND",), LuaPort.parse),
    "command": (("command:PROGRAM ARGS…",), CommandPort.parse),
    "tcp": (("tcp:HOST:PORT",), DialPort.parse),
    "tcp-listen": (("tcp-listen:HOST:PORT",), ListenPort.parse),
}


def known_ports() -> list[str]:
    """Return the names of all ports; the parts that the user chooses are in capitals."""
    return [*_PLAIN, *(form for forms, _ in _FAMILIES.values() for form in forms), "DIRECTORY with a port.toml"]


def resolve(name: str) -> Port:
    """Return the port of a name. Nothing is started yet.

    Raises
    ------
    UnknownPort
        No port has the name, or the ``port.toml`` that it names cannot be used.
    PortUnavailable
        The part after the colon is wrong.
    """
    family, colon, rest = name.partition(":")
    if colon and family in _FAMILIES:
        return _FAMILIES[family][1](name, rest)
    plain = name if name in _PLAIN else split_module(name)[0]
    if plain in INTERPRETERS or name in _PLAIN:
        return _PLAIN[plain](name)
    if is_path(name):
        return ConfiguredPort.load(name)
    raise UnknownPort(f"There is no port {name!r}. The ports are: {', '.join(known_ports())}.")
