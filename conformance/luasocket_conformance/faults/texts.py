"""Faulty ports that the behaviours of ``texts.yaml`` detect: strings that C reads do not end at a NUL."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from luasocket_conformance.faults.factories import STREAMS
from luasocket_conformance.faults.mechanism import Faults, Mistake, Original, Values

FAULTS = Faults(__name__, also_fails=(*STREAMS, "udp", "dns"))


def _has_nul(value: Any) -> bool:
    return isinstance(value, bytes) and b"\0" in value


def _fails(start: int) -> Mistake:
    """Fail for a NUL in an argument, from a position on."""

    def mistake(original: Original, *args: Any) -> Values:
        if any(map(_has_nul, args[start - 1 :])):
            return (None, b"host or service not provided, or not known")
        return original(*args)

    return mistake


def _raises(at: int, text: Callable[[bytes], bytes]) -> Mistake:
    """Raise for a NUL in an argument."""

    def mistake(original: Original, *args: Any) -> Values:
        if len(args) >= at and _has_nul(args[at - 1]):
            raise original.api.LuaError(text(args[at - 1]))
        return original(*args)

    return mistake


#: By a word for the functions: the functions, the position of the first address or port, and the behaviours.
_ADDRESSES: dict[str, tuple[tuple[str, ...], int, str]] = {
    "bind": (("tcp:bind",), 2, "texts/address-and-port/bind*"),
    "connect": (("tcp:connect",), 2, "texts/peer"),
    "setsockname": (("udp:setsockname",), 2, "texts/address-and-port/setsockname*"),
    "setpeername": (("udp:setpeername",), 2, "texts/address-and-port/setpeername"),
    "sendto": (("udp:sendto",), 3, "texts/address-of-a-datagram"),
    "socket-connect": (("socket.connect",), 1, "texts/arguments-of-connect"),
    "helper": (("socket.bind",), 1, "texts/helper"),
}

for _word, (_targets, _at, _selector) in _ADDRESSES.items():
    FAULTS.add(
        f"{_word}-fails-for-a-nul",
        "A NUL in an address or a port is an error.",
        _targets,
        _fails(_at),
        detected_by=_selector,
    )

FAULTS.add(
    "options-have-all-their-bytes",
    "A NUL in the name of an option makes it another one.",
    ("tcp:setoption", "tcp:getoption", "udp:setoption", "udp:getoption"),
    _raises(2, lambda name: b"unsupported option `" + name + b"'"),
    detected_by=("texts/name-of-an-option/client", "texts/name-of-an-option/udp"),
)

FAULTS.add(
    "modes-have-all-their-bytes",
    "A NUL in a mode makes it another one.",
    "tcp:shutdown",
    _raises(2, lambda name: b"invalid option '" + name + b"'"),
    detected_by="texts/mode",
)


@FAULTS.fault("udp:setpeername", detected_by="texts/no-peer")
def stars_have_to_be_alone(original: Original, obj: Any, address: Any = None, *rest: Any) -> Values:
    """A star before a NUL is an address."""
    if _has_nul(address) and address.startswith(b"*"):
        return (None, b"host or service not provided, or not known")
    return original(obj, address, *rest)


@FAULTS.fault("udp:setoption", detected_by=("texts/interface", "texts/membership"))
def addresses_of_options_have_all_their_bytes(original: Original, *args: Any) -> Values:
    """A NUL in the address of an interface or of a group makes it none."""
    values = args[2:3]
    fields = values[0].values() if values and isinstance(values[0], dict) else values
    if any(map(_has_nul, fields)):
        raise original.api.LuaError(b"bad argument #2 to 'setoption' (ip expected)")
    return original(*args)


@FAULTS.fault("socket.sink", "socket.source", detected_by="texts/names-of-lua")
def names_of_streams_end_at_a_nul(original: Original, name: Any = None, *rest: Any) -> Values:
    """The name of a sink or a source ends at its first NUL."""
    return original(name.partition(b"\0")[0] if isinstance(name, bytes) else name, *rest)
