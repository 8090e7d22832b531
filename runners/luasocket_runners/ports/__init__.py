"""Connections to implementations of the LuaSocket API.

The engine gets a port by its name (`resolve`), opens a connection, and exchanges the messages of PROTOCOL.md with it.
Their transport (in process, over pipes, over TCP) is hidden here; behaviours are left to the engine.
"""

from luasocket_runners.ports.connection import (
    Connection,
    Message,
    Port,
    PortConfig,
    PortGone,
    PortUnavailable,
    UnknownPort,
)
from luasocket_runners.ports.registry import known_ports, resolve

__all__ = [
    "Connection",
    "Message",
    "Port",
    "PortConfig",
    "PortGone",
    "PortUnavailable",
    "UnknownPort",
    "known_ports",
    "resolve",
]  # fmt: skip
