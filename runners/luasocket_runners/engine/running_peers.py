"""The peers of one run of a behaviour: their actions, the names that these bind, and the failures that they see."""

from __future__ import annotations

import errno
from functools import partial
from typing import Final

from luasocket_spec import model

from luasocket_runners import notation
from luasocket_runners.engine.bindings import Scope
from luasocket_runners.engine.failure import Failure, LazyText, Position
from luasocket_runners.peers.actions import Peer
from luasocket_runners.peers.endpoint import PeerFailure
from luasocket_runners.result import SEEN, Verdict
from luasocket_runners.scoping import peer_name

__all__ = ["RunningPeers"]

#: Errors of the system that a port does not cause: the machine has too few resources, or lacks an address or a right.
_ERRORS_OF_THE_MACHINE: Final = frozenset({
    errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL, errno.EADDRINUSE, errno.ENETDOWN,
    errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.EACCES, errno.EPERM,
})  # fmt: skip


class RunningPeers:
    """The peers of one run of a behaviour, made at their first actions."""

    def __init__(self, position: Position) -> None:
        self._position = position
        self._peers: dict[str, Peer] = {}

    def act(self, action: model.PeerAction, scope: Scope, *, hurried: bool = False) -> None:
        """Have a peer act, and bind the results of the action.

        Raises
        ------
        PeerFailure
            When the port does not do its part.
        Failure
            When the machine cannot do the peer's part: there is no verdict about the port.
        OSError
            When the system reports anything else, which the port may have caused, by a reset say.
        """
        name = peer_name(scope.prefix, action.who)
        peer = self._peers.get(name)
        if peer is None:
            peer = self._peers[name] = Peer(name)
        options = {key: scope.resolve(value) for key, value in action.options.items()}
        value = scope.resolve(action.value)
        try:
            made = peer.act(action.verb, value, options, hurried=hurried)
        except OSError as error:
            if error.errno not in _ERRORS_OF_THE_MACHINE:
                raise
            self._position.at(self.shown(action, scope), action.source)
            reason = f"the runner's peer could not act: {error.strerror}; this says nothing about the port"
            raise Failure(reason, verdict=Verdict.ERRORED, restart=True) from None
        if action.bind is None:
            return
        if isinstance(made, bytes):
            scope.bind(action.bind, made)
        elif made is not None:
            for key, value in made.items():
                scope.bind(f"{action.bind}.{key}", value)

    @staticmethod
    def shown(action: model.PeerAction, scope: Scope) -> LazyText:
        """Return how an action is shown: ``peer: send "x"``."""
        return partial(_show_action, action, scope)

    def failure(self, failure: PeerFailure) -> Failure:
        """Return the failure of a port that does not do what a peer waits for."""
        self._position.expected = failure.wanted
        seen = None if failure.seen is None else f"{SEEN}{failure.seen}"
        return Failure(str(failure), returned=seen, hung=failure.waited)

    def close(self) -> None:
        """Close every peer."""
        for peer in self._peers.values():
            peer.end()


def _show_action(action: model.PeerAction, scope: Scope) -> str:
    name = peer_name(scope.prefix, action.who)
    value = "" if action.value is True else f" {notation.show(scope.resolve(action.value), scope.names())}"
    return f"{'peer' if name == 'peer' else f'peer {name}'}: {action.verb}{value}"
