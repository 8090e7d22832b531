"""Forked processes, and the engine that they run behaviours with."""

from __future__ import annotations

import os
import selectors
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from luasocket_runners.engine.engine import Engine
from luasocket_runners.ports import resolve
from luasocket_spec.model import Dialect

#: Seconds after which a call of a mutant counts as hanging: ten times the longest call on a quiet machine.
DEADLINE: Final = 3.0
#: The exit status of a process whose work raised.
ERRORED: Final = 2

#: A behaviour in a dialect.
Case: TypeAlias = tuple[Dialect, str]


def engine_on_reference(dialect: Dialect, deadline: float) -> Engine:
    """Return an engine on the reference, which follows the library where it disagrees with the documentation."""
    return Engine(resolve("reference"), dialect, "observed", deadline=deadline)


def fork(work: Callable[[], int]) -> int:
    """Run `work` in a process group of its own; its result is the exit status. Return the number of the process."""
    child = os.fork()
    if child:
        return child
    status = ERRORED
    try:
        os.setpgid(0, 0)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)  # a mutant's tracebacks
        status = work()
    finally:
        os._exit(status)


def read_all(readers: Sequence[int]) -> dict[int, str]:
    """Read several pipes to their ends, and close them; return the text of each."""
    texts = {reader: bytearray() for reader in readers}
    with selectors.DefaultSelector() as selector:
        for reader in readers:
            selector.register(reader, selectors.EVENT_READ)
        while selector.get_map():
            for key, _events in selector.select():
                data = os.read(key.fd, 1 << 16)
                texts[key.fd] += data
                if not data:
                    selector.unregister(key.fd)
                    os.close(key.fd)
    return {reader: text.decode() for reader, text in texts.items()}
