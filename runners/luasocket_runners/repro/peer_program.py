"""Runs the peers of one behaviour for a Lua script beside it (``luasocket-conformance peer ID``).

The script and this program talk over two named pipes in a directory, so that the script asks nothing of the port but
the calls under test: a port may have no listeners, or no sockets of its own. The script writes a line for each action
to ``requests``: its number in ``lua_script.peer_actions``, then the values of the names that it uses, in hexadecimal
after an ``x``. The reply in ``replies`` is ``ok`` with the values that the action binds, likewise (an address and a
port, or bytes), or ``failed`` and a sentence. An action that belongs into a blocking call is answered at once and done
later; the number 0 says that the call has returned.
"""

from __future__ import annotations

import os
import select
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from luasocket_spec import model

from luasocket_runners.peers.actions import Peer, rhythm
from luasocket_runners.peers.endpoint import PeerFailure
from luasocket_runners.repro.lua_script import peer_actions, references
from luasocket_runners.scoping import Unbound, full_name, peer_name, resolve
from luasocket_runners.values import LuaValue

__all__ = ["Pipes", "ScriptMissing", "serve"]

#: Seconds to wait for the script: enough to start it by hand, and an end otherwise.
COMING: Final = 600.0
#: Bytes of a line: an action of the spec needs some hundred.
_LINE: Final = 1 << 20


class ScriptMissing(Exception):
    """No script was started in time; the text is a sentence."""


class Pipes:
    """The two pipes between a script and its peers. Use as a context manager.

    Parameters
    ----------
    directory
        Where they are made; None: in a new directory, which is removed at the end.

    Raises
    ------
    OSError
        When they cannot be made.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._is_own = directory is None
        self.directory = Path(tempfile.mkdtemp(prefix="luasocket-conformance-")) if directory is None else directory
        self._made: list[Path] = []
        self._requests = self._replies = -1

    def __enter__(self) -> Self:
        try:
            self.directory.mkdir(exist_ok=True)
            for name in ("requests", "replies"):
                _make(self.directory / name)
                self._made.append(self.directory / name)
            self._requests = os.open(self.directory / "requests", os.O_RDONLY | os.O_NONBLOCK)
            # for both directions, so that the script can open its end without waiting for the other one
            self._replies = os.open(self.directory / "replies", os.O_RDWR)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for descriptor in (self._requests, self._replies):
            if descriptor >= 0:
                os.close(descriptor)
        self._requests = self._replies = -1
        for pipe in self._made:
            pipe.unlink(missing_ok=True)
        self._made.clear()
        if self._is_own:
            shutil.rmtree(self.directory, ignore_errors=True)

    def lines(self, coming: float) -> Iterator[bytes]:
        """Yield the lines of a script until it ends; raise :class:`ScriptMissing` if it does not start in time."""
        poller = select.poll()
        poller.register(self._requests, select.POLLIN)
        limit: float | None = coming
        waiting = b""
        while True:
            events = poller.poll(None if limit is None else limit * 1000)
            if not events:
                raise ScriptMissing(f"No script was started within {coming:g} s.")
            limit = None
            data = os.read(self._requests, 4096)
            if not data:
                return
            waiting += data
            *lines, waiting = waiting.split(b"\n")
            if len(waiting) > _LINE:
                return
            yield from lines

    def reply(self, line: bytes) -> None:
        """Send a line to the script."""
        os.write(self._replies, line + b"\n")


def _make(pipe: Path) -> None:
    """Make a named pipe; unlike mkfifo, name it in the error."""
    try:
        os.mkfifo(pipe)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(pipe)) from None


def serve(behaviour: model.Behaviour, pipes: Pipes, say: Callable[[str], None], coming: float = COMING) -> None:
    """Run the peers for one script, until it ends.

    Parameters
    ----------
    pipes
        The connection to the script.
    say
        Takes a line for the user: how to start the script, then what each peer did or saw.
    coming
        Seconds to wait for the script.

    Raises
    ------
    ScriptMissing
        When no script was started in time.
    """
    say(f"lua repro.lua {pipes.directory}")
    program = _Program(behaviour, say)
    try:
        for line in pipes.lines(coming):
            pipes.reply(program.act(line).encode("ascii", "backslashreplace"))
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
        """Do the action of a line of the script; return the reply."""
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
            return "failed this line is not of the script of this behaviour"
        if after is None:
            return self._do(prefix, action, bound)
        thread = threading.Thread(target=self._do_later, args=(prefix, action, bound, after, self._returned))
        self._later.append(thread)
        thread.start()
        return "ok"

    def _call_returned(self) -> None:
        """End the actions that belong into the call."""
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
            made = peer.act(action.verb, resolve(action.value, look_up), options)
        except (PeerFailure, OSError, ValueError) as failure:
            # ValueError: a script goes on after a difference, perhaps with a peer without a connection
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
