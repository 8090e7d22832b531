"""Deliberately wrong ports: the reference with one mistake each, to see that the specification tells them.

What lives here: the catalogue, put together from one module for each subject; beside them the mechanism
(:mod:`.mechanism`), and the mistakes that are made everywhere (:mod:`.factories`). What may not: what is right.

Each wrong port names its mistake, says it in a sentence, and tells the statements of the documentation that it
violates, and the behaviours that have to notice.
"""

from luasocket_conformance.wrong import (
    dns,
    exceptions,
    helper,
    module,
    options,
    receive,
    select,
    send,
    streams,
    system,
    tcp,
    timeouts,
    udp,
)
from luasocket_conformance.wrong.mechanism import CATALOGUE, Constant, Right, Values, WrongApi, WrongPort

__all__ = [
    "WRONG_PORTS",
    "Constant",
    "Right",
    "Values",
    "WrongApi",
    "WrongPort",
    "dns",
    "exceptions",
    "helper",
    "module",
    "options",
    "receive",
    "select",
    "send",
    "streams",
    "system",
    "tcp",
    "timeouts",
    "udp",
]

#: Every wrong port, in the order of the modules and then of each.
WRONG_PORTS: tuple[WrongPort, ...] = tuple(CATALOGUE.values())
