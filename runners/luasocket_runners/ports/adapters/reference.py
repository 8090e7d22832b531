"""The reference as an external port: ``python -m luasocket_runners.ports.adapters.reference`` serves stdin and stdout.

It proves that the protocol carries everything that the port ``reference`` exchanges in process, and is an example of an
adapter. The environment names the dialect, see PROTOCOL.md.
"""

from __future__ import annotations

import json
import os
import signal
import sys

from luasocket_runners.ports.adapters.python import Api, PythonAdapter
from luasocket_runners.ports.connection import Message
from luasocket_runners.ports.inprocess import DEFAULT_DIALECT, reference_api
from luasocket_runners.ports.process import DIALECT_VARIABLE
from luasocket_runners.ports.stream import encode

__all__ = ["main", "serve"]


def main() -> None:
    """Serve the reference until ``bye`` or the end of standard input."""
    serve(reference_api())


def serve(api: Api) -> None:
    """Serve an implementation in Python likewise; interruptions also end ``poll``, because a signal is handled."""
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.siginterrupt(signal.SIGCHLD, False)
    requests = sys.stdin.buffer
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    sys.stdout = sys.stderr  # standard output belongs to the protocol

    def receive() -> Message | None:
        line = requests.readline()
        return json.loads(line) if line else None

    def send(message: Message) -> None:
        replies.write(encode(message))
        replies.flush()

    adapter = PythonAdapter(api, os.environ.get(DIALECT_VARIABLE, DEFAULT_DIALECT))
    adapter.serve(receive, send)


if __name__ == "__main__":
    main()
