"""Ports: everything between the engine and an implementation of the LuaSocket API.

The engine asks a port by name (`resolve`) for a connection, and exchanges with it the messages of PROTOCOL.md. How they
travel (in process, over pipes, over TCP), and what runs at the other end, is known here and nowhere else. No module
here knows what a behaviour is.
"""

from luasocket_runners.ports.connection import Connection, Message, Port, PortGone, PortUnavailable, Terms, UnknownPort
from luasocket_runners.ports.registry import known_ports, resolve

__all__ = [
    "Connection", "Message", "Port", "PortGone", "PortUnavailable", "Terms", "UnknownPort", "known_ports", "resolve",
]  # fmt: skip
