"""The peers of one behaviour, for a Lua script that runs beside us (``luasocket-conformance peer ID``).

What lives here: the line between the script and the peers. What may not: what a peer does (``peers``), the script
(``lua_script``).

The script connects and sends a line for each action: its number in ``lua_script.peer_actions``, then the values of the
names that it uses, in hexadecimal after an ``x``. It is answered ``ok`` with what the action binds, likewise (an
address and a port, or bytes), or ``failed`` and a sentence. An action that belongs into a blocking call is answered at
once and done later; the number 0 says that the call has returned.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Final

from luasocket_spec import model

from luasocket_runners.lua_script import peer_actions, references
from luasocket_runners.matcher import Unbound, resolve
from luasocket_runners.peers import ACTIONS, Peer, PeerFailure, rhythm
from luasocket_runners.scoping import full_name, peer_name
from luasocket_runners.values import LuaValue

#: Seconds that we wait for the script: enough to start it by hand, and not for ever, should nobody do so.
COMING: Final = 600.0


class NobodyCame(Exception):
    """No script connected in time; the text is a sentence."""


def listen(port: int) -> socket.socket:
    """Return a listener for the script on 127.0.0.1; 0: on any port. Raises OSError where that cannot be."""
    return socket.create_server(("127.0.0.1", port))


def serve(
    behaviour: model.Behaviour, listener: socket.socket, say: Callable[[str], None], coming: float = COMING
) -> None:
    """Play the peers for one script, until it ends.

    Parameters
    ----------
    listener
        Where the script connects to.
    say
        Takes a line for the user: how to start the script, then what each peer did or saw.
    coming
        Seconds to wait for the script.

    Raises
    ------
    NobodyCame
        When no script connected in time.
    """
    say(f"lua repro.lua {listener.getsockname()[1]}")
    listener.settimeout(coming)
    try:
        control, _ = listener.accept()
    except TimeoutError:
        raise NobodyCame(f"No script came within {coming:g} s.") from None
    control.settimeout(None)
    program = _Program(behaviour, say)
    with control, control.makefile("rwb") as lines:
        try:
            for line in lines:
                lines.write(program.act(line).encode("ascii", "backslashreplace") + b"\n")
                lines.flush()
        except ConnectionError:
            say("the script has gone")
        finally:
            program.end()


class _Program:
    def __init__(self, behaviour: model.Behaviour, say: Callable[[str], None]) -> None:
        self._actions = peer_actions(behaviour)
        self._say = say
        self._peers: dict[str, Peer] = {}
        self._returned = threading.Event()  # the call that is under way, if any
        self._later: list[threading.Thread] = []

    def act(self, line: bytes) -> str:
        """Do what a line of the script asks for; return the answer."""
        try:
            number, *values = line.decode("ascii").split()
            if number == "0":
                self._call_returned()
                return "ok"
            place = int(number)
            if not 1 <= place <= len(self._actions):
                raise ValueError("no such action")
            prefix, action, after = self._actions[place - 1]
            bound: dict[str, LuaValue] = {
                full_name(prefix, name): bytes.fromhex(value.removeprefix("x"))
                for name, value in zip(references(action), values, strict=True)
            }
        except ValueError:
            return "failed this is no line of the script of this behaviour"
        if after is None:
            return self._do(prefix, action, bound)
        thread = threading.Thread(target=self._do_later, args=(prefix, action, bound, after, self._returned))
        self._later.append(thread)
        thread.start()
        return "ok"

    def _call_returned(self) -> None:
        """End what was to be done while the call blocks."""
        self._returned.set()
        for thread in self._later:
            thread.join()
        self._later.clear()
        self._returned = threading.Event()

    def _do_later(
        self,
        prefix: str,
        action: model.PeerAction,
        bound: dict[str, LuaValue],
        after: float,
        returned: threading.Event,
    ) -> None:
        wait: float | None = after
        every, times = rhythm(action)
        done = 0
        while wait is not None and done != times and not returned.wait(wait):
            if self._do(prefix, action, bound).startswith("failed"):
                return
            done += 1
            wait = every

    def _do(self, prefix: str, action: model.PeerAction, bound: dict[str, LuaValue]) -> str:
        name = peer_name(prefix, action.who)

        def look_up(wanted: str) -> LuaValue:
            try:
                return bound[full_name(prefix, wanted)]
            except KeyError:
                raise Unbound(f"nothing is bound to ${wanted}") from None

        peer = self._peers.setdefault(name, Peer(name))
        options = {key: resolve(value, look_up) for key, value in action.options.items()}
        try:
            made = ACTIONS[action.verb](peer, resolve(action.value, look_up), options)
        except (PeerFailure, OSError, ValueError) as failure:
            # ValueError: a script goes on after a difference, perhaps with a peer that nobody has connected to
            self._say(f"peer {name}: {action.verb}: {failure}")
            return f"failed {failure}"
        self._say(f"peer {name}: {action.verb}")
        values = [made] if isinstance(made, bytes) else [made["ip"], made["port"]] if made else []
        return " ".join(["ok", *map(_hexadecimal, values)])

    def end(self) -> None:
        """Close every peer."""
        self._call_returned()
        for peer in self._peers.values():
            peer.end()


def _hexadecimal(value: LuaValue) -> str:
    return "x" + (value if isinstance(value, bytes) else str(value).encode("ascii")).hex()
