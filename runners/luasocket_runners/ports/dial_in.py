"""A connection to a program that the runner starts and that connects back to the runner over TCP (``tcp-listen``)."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from functools import partial

from luasocket_runners.ports.admission import Admission
from luasocket_runners.ports.process import LOOK_INTERVAL, START_LIMIT, ProcessConnection
from luasocket_runners.ports.stream import READ_SIZE

__all__ = ["DialInConnection"]


class DialInConnection(ProcessConnection):
    """A connection to a program that was started and dials in. Both its output streams are kept as its stderr tail.

    Parameters
    ----------
    command, environment
        See `ProcessConnection`.
    listener
        The socket that the program connects to; the caller closes it.

    Raises
    ------
    PortUnavailable
        The program cannot be started.
    PortGone
        The program does not dial in.
    """

    _plumbing = (subprocess.DEVNULL, subprocess.PIPE, subprocess.STDOUT)
    _output = "the connection"

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], listener: socket.socket) -> None:
        self._listener = listener
        super().__init__(command, environment)

    def _take_streams(self) -> tuple[int, int, int]:
        self._errors = self._take(self._process.stdout)
        os.set_blocking(self._errors, False)
        try:
            connected = self._accept()
        except BaseException:
            self._kill()
            raise
        with contextlib.suppress(OSError):  # it may be reset already, which `wait` reports
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        incoming = connected.detach()
        return incoming, os.dup(incoming), self._errors

    def _accept(self) -> socket.socket:
        """Wait until the program dials in or ends; read its output meanwhile, because a full pipe would block it."""
        deadline = time.monotonic() + START_LIMIT
        ended: str | None = None
        with (
            selectors.DefaultSelector() as selector,
            Admission(self._listener, self.token, selector) as admission,
        ):
            selector.register(self._errors, selectors.EVENT_READ, partial(self._drain, selector))
            if self._death >= 0:
                selector.register(self._death, selectors.EVENT_READ)
            while (left := deadline - time.monotonic()) > 0:
                pending = False
                for key, _ in selector.select(0 if ended else min(left, LOOK_INTERVAL)):
                    if key.data is not None:
                        key.data()
                        pending = pending or key.fd != self._errors
                if admission.admitted is not None:
                    return admission.admitted
                if ended and not pending:
                    self._drain(selector)
                    sentence = f"The port ended before it dialled in: {ended}."
                    break
                # What the program sent before its end is read first.
                ended = ended or self._status()
            else:
                sentence = f"The port was started, but did not dial in within {START_LIMIT:g} s."
        if admission.refused:
            sentence += f" Connections without its token: {admission.refused}. See PROTOCOL.md, Over TCP."
        raise self._gone_with_words(sentence)

    def _drain(self, selector: selectors.BaseSelector) -> None:
        """Read the program's pending output; stop watching the pipe at its end."""
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self._errors, READ_SIZE):
                self._tail.add(data)
            if self._errors in selector.get_map():
                selector.unregister(self._errors)
