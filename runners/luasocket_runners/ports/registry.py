"""Ports by name: the one table from what the command line calls a port to the class that runs it."""

from __future__ import annotations

from collections.abc import Callable

from luasocket_runners.ports.connection import Port, UnknownPort
from luasocket_runners.ports.inprocess import PythonPort, reference_api
from luasocket_runners.ports.process import CommandPort

__all__ = ["known_ports", "resolve"]

#: Ports that have no more to their name. Looked up with what stands before "@".
_PLAIN: dict[str, Callable[[str], Port]] = {"reference": lambda name: PythonPort(name, reference_api)}

#: Ports that are described by what follows the first colon: the form as people read it, and what makes the port.
_FAMILIES: dict[str, tuple[str, Callable[[str, str], Port]]] = {
    "command": ("command:PROGRAM ARGS…", CommandPort.parse),
}


def known_ports() -> list[str]:
    """Return the names of all ports; those of a family as the form that they have."""
    return [*_PLAIN, *(form for form, _ in _FAMILIES.values())]


def resolve(name: str) -> Port:
    """Return the port of a name. Nothing is started yet.

    Raises
    ------
    UnknownPort
        When no port has the name.
    PortUnavailable
        When what follows the name makes no sense.
    """
    if name in _PLAIN:
        return _PLAIN[name](name)
    family, colon, rest = name.partition(":")
    if colon and family in _FAMILIES:
        return _FAMILIES[family][1](name, rest)
    raise UnknownPort(f"There is no port {name!r}. The ports are: {', '.join(known_ports())}.")
