"""The actions of peers as the specification names them, with the conversion of their values.

A value may come from the port (the number of the port that it bound, say), so each is checked before it is used. Every
address is on the loopback, every port ephemeral.
"""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

from luasocket_spec.model import PeerAction

from luasocket_runners.notation import Names, show
from luasocket_runners.peers.endpoint import PeerFailure
from luasocket_runners.peers.tcp import BACKLOG, TcpPeer
from luasocket_runners.peers.udp import UdpPeer
from luasocket_runners.values import LuaValue

#: Actions that check the port's behaviour: they can fail through its fault, also while a call blocks.
JUDGING: Final = frozenset({"accept", "receive", "receive_bytes", "nothing_for", "expect"})

Options = Mapping[str, LuaValue]
Bound = dict[str, LuaValue] | bytes | None


class Peer:
    """A named peer of a behaviour; its first action decides whether it is a TCP or a UDP peer.

    Actions fail with `PeerFailure` where the port does not do its part; an error of the system stays an OSError, and an
    action that the peer is not ready for is a ValueError.
    """

    def __init__(self, name: str) -> None:
        called = "the peer" if name == "peer" else f"the peer {name}"
        self.tcp = TcpPeer(called)
        self.udp = UdpPeer(called)
        self._uses_udp = False

    @property
    def current(self) -> TcpPeer | UdpPeer:
        """The one of the two that was used last."""
        return self.udp if self._uses_udp else self.tcp

    def act(self, verb: str, value: LuaValue, options: Options, *, hurried: bool = False) -> Bound:
        """Perform an action of the format; return the values that its ``as`` binds.

        A ``hurried`` peer waits a second for the port, and not five.
        """
        self.tcp.hurried = self.udp.hurried = hurried
        self._uses_udp = verb in ("udp", "refuse_udp") or (
            self._uses_udp and verb not in ("listen", "accept", "connect", "refuse")
        )
        return ACTIONS[verb](self, value, options)

    def end(self) -> None:
        """Close everything."""
        self.tcp.end()
        self.udp.end()


def rhythm(action: PeerAction) -> tuple[float | None, int | None]:
    """Return the seconds between two repetitions of an action, and its number of times; None: not, and no limit."""
    every, times = action.options.get("every"), action.options.get("times")
    return (
        float(every) if isinstance(every, int | float) else None,
        int(times) if isinstance(times, int | float) else None,
    )


def _number(value: LuaValue, needed: str) -> float:
    """Return a number; a port may give one as a string."""
    if isinstance(value, int | float | bytes) and not isinstance(value, bool):
        # a string that is not a number, a number that is too large
        with contextlib.suppress(ValueError, OverflowError):
            return float(value)
    raise PeerFailure(f"a peer needs {needed}, and was given {show(value, Names({}))}")


def _whole(value: LuaValue, needed: str) -> int:
    number = _number(value, needed)
    if not number.is_integer():
        raise PeerFailure(f"a peer needs {needed}, and was given {show(value, Names({}))}")
    return int(number)


def _port(value: LuaValue) -> int:
    number = _whole(value, "the number of a port")
    if not 0 < number < 1 << 16:
        raise PeerFailure(f"a peer needs the number of a port, from 1 to 65535, and was given {number}")
    return number


def _ip(value: LuaValue) -> str:
    """Return an address of this machine: a port must not be able to send a peer out into the network."""
    address = _own_address(_bytes(value))
    if address is None:
        raise PeerFailure(f"a peer needs an address of the loopback, and was given {show(value, Names({}))}")
    return address


@lru_cache(maxsize=64)  # nearly all peers use the same few; a port may send any number of others
def _own_address(text: bytes) -> str | None:
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(text.decode("latin-1"))
        if address.is_loopback or address.is_unspecified:
            return str(address)
    return None


def _bytes(value: LuaValue) -> bytes:
    if isinstance(value, bytes):
        return value
    raise PeerFailure(f"a peer needs a string, and was given {show(value, Names({}))}")


def _word(value: LuaValue) -> str:
    return _bytes(value).decode("latin-1")


def _send(peer: Peer, value: LuaValue, options: Options) -> None:
    if "to" in options:
        peer.udp.send_datagram(_bytes(value), (_ip(options.get("ip", b"127.0.0.1")), _port(options["to"])))
    else:
        peer.tcp.send(_bytes(value))


def _listen(peer: Peer, value: LuaValue, options: Options) -> dict[str, LuaValue]:
    backlog = _whole(options.get("backlog", BACKLOG), "a number of connections")
    small_buffers, apart = bool(options.get("small_buffers")), bool(options.get("apart"))
    return peer.tcp.listen(_ip(value), backlog=backlog, small_buffers=small_buffers, apart=apart)


def _connect(peer: Peer, value: LuaValue, options: Options) -> dict[str, LuaValue]:
    ip = _ip(options.get("to", b"127.0.0.1"))
    return peer.tcp.connect(_port(value), ip, small_buffers=bool(options.get("small_buffers")))


#: The actions of the format. Each takes the peer, its value and its options, and returns the values that ``as`` binds.
ACTIONS: Final[Mapping[str, Callable[[Peer, LuaValue, Options], Bound]]] = {
    "listen": _listen,
    "accept": lambda peer, value, options: peer.tcp.accept(),
    "connect": _connect,
    "refuse": lambda peer, value, options: peer.tcp.refuse(_ip(value)),
    "udp": lambda peer, value, options: peer.udp.udp(_ip(value), apart=bool(options.get("apart"))),
    "refuse_udp": lambda peer, value, options: peer.udp.refuse_udp(_ip(value)),
    "send": _send,
    "drip": _send,
    "receive": lambda peer, value, options: peer.current.receive(_bytes(value)),
    "receive_bytes": lambda peer, value, options: peer.tcp.receive_bytes(_whole(value, "a number of bytes")),
    "drain": lambda peer, value, options: peer.tcp.drain(),
    "nothing_for": lambda peer, value, options: peer.current.nothing_for(_number(value, "a number of seconds")),
    "expect": lambda peer, value, options: peer.tcp.expect(_word(value)),
    "shutdown": lambda peer, value, options: peer.tcp.shutdown(_word(value)),
    "close": lambda peer, value, options: peer.current.close(),
    "reset": lambda peer, value, options: peer.tcp.reset(),
}
