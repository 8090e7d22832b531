"""The peers of one behaviour, for a Lua script that runs beside us (``luasocket-conformance peer ID``).

What lives here: the line between the script and the peers. What may not: what a peer does (``peers``), the script
(``lua_script``).

The script connects and sends a line for each action: its number in ``lua_script.peer_actions``, then the values of the
names that it uses, in hexadecimal. It is answered ``ok``, perhaps with an address and a port, or ``failed`` and a
sentence.
An action that belongs into a blocking call is answered at once and done later.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import TextIO

from luasocket_spec import model

from luasocket_runners.lua_script import full_name, peer_actions, peer_name, references
from luasocket_runners.matcher import Unbound, resolve
from luasocket_runners.peers import ACTIONS, Peer, PeerFailure
from luasocket_runners.values import LuaValue


def serve(behaviour: model.Behaviour, port: int, out: TextIO) -> None:
    """Play the peers for one script, then return.

    Parameters
    ----------
    port
        Where to wait for the script, on 127.0.0.1; 0: any.
    out
        Where the number of the port, and what the peers see, is printed.
    """
    with socket.create_server(("127.0.0.1", port)) as server:
        print(f"lua repro.lua {server.getsockname()[1]}", file=out, flush=True)
        control, _ = server.accept()
    with control, control.makefile("rwb") as lines:
        program = _Program(behaviour, lambda text: print(text, file=out, flush=True))
        try:
            for line in lines:
                lines.write(program.act(line.decode("ascii").split()).encode() + b"\n")
                lines.flush()
        finally:
            program.end()


class _Program:
    def __init__(self, behaviour: model.Behaviour, say: Callable[[str], None]) -> None:
        self._actions = peer_actions(behaviour)
        self._say = say
        self._peers: dict[str, Peer] = {}
        self._next_line = threading.Event()
        self._threads: list[threading.Thread] = []

    def act(self, words: list[str]) -> str:
        """Do what a line of the script asks for; return the answer."""
        self._next_line.set()
        number = int(words[0])
        prefix, action, after = self._actions[number - 1]
        values: dict[str, LuaValue] = {
            full_name(prefix, name): bytes.fromhex(word)
            for name, word in zip(references(action), words[1:], strict=True)
        }
        if after is None:
            return self._do(prefix, action, values)
        self._next_line = threading.Event()
        later = threading.Thread(target=self._later, args=(prefix, action, values, after, self._next_line), daemon=True)
        self._threads.append(later)
        later.start()
        return "ok"

    def _later(
        self, prefix: str, action: model.PeerAction, values: dict[str, LuaValue], after: float, over: threading.Event
    ) -> None:
        time.sleep(after)
        every, times = action.options.get("every"), action.options.get("times")
        self._do(prefix, action, values)
        if not isinstance(every, int | float):
            return
        done = 1
        while done != times and not over.wait(every):
            done += 1
            if self._do(prefix, action, values) != "ok":
                return

    def _do(self, prefix: str, action: model.PeerAction, values: dict[str, LuaValue]) -> str:
        name = peer_name(prefix, action.who)

        def look_up(wanted: str) -> LuaValue:
            try:
                return values[full_name(prefix, wanted)]
            except KeyError:
                raise Unbound(wanted) from None

        peer = self._peers.setdefault(name, Peer(name))
        options = {key: resolve(value, look_up) for key, value in action.options.items()}
        try:
            made = ACTIONS[action.verb](peer, resolve(action.value, look_up), options)
        except (PeerFailure, OSError) as failure:
            self._say(f"peer {name}: {action.verb}: {failure}")
            return f"failed {failure}"
        self._say(f"peer {name}: {action.verb}")
        if not isinstance(made, dict):
            return "ok"
        return " ".join(["ok", *(_text(made[key]) for key in ("ip", "port"))])

    def end(self) -> None:
        """Close every peer."""
        self._next_line.set()
        for thread in self._threads:
            with contextlib.suppress(RuntimeError):
                thread.join()
        for peer in self._peers.values():
            peer.end()


def _text(value: LuaValue) -> str:
    return value.decode("ascii") if isinstance(value, bytes) else str(value)
