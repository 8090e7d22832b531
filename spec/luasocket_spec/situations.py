"""The situations that a behaviour may name: the state in which a call finds connection, system and arguments.

The key ``situation`` of a behaviour names the situation of its last checked call. ``explain`` lists them in this order.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["SITUATIONS"]

#: Situations by name, each as a heading.
SITUATIONS: Final[Mapping[str, str]] = MappingProxyType({
    "available": "everything that was asked for is there",
    "arrives": "the rest arrives while the call waits",
    "succeeds": "the call succeeds",
    "ready": "at least one object is ready",
    "buffered": "data is left in the object's buffer",
    "timeout-some": "the time is over, and something was transferred",
    "timeout-none": "the time is over, and nothing was transferred",
    "ended-all": "the peer ended the connection, which completes the call",
    "ended-some": "the peer ended the connection, and something was left",
    "ended-none": "the peer ended the connection, and nothing was left",
    "reset": "the peer reset the connection",
    "closed-here": "the program closed the object before",
    "refused": "the peer refuses",
    "unconnected": "there is no connection, or no peer",
    "in-use": "the address is in use",
    "no-such-address": "the address or the host does not exist",
    "fails": "the system refuses the call",
    "again": "the same call again, or a call after a failure",
    "exception": "a call failed, which throws an exception",
    "error": "an ordinary error is raised",
    "bad-argument": "an argument has a wrong type or value",
    "wrong-class": "the object has another class",
})  # fmt: skip
