"""Faulty ports that the behaviours of ``endpoints.yaml`` detect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from luasocket_conformance.faults.factories import STREAMS, is_host_name
from luasocket_conformance.faults.factories.objects import port_number
from luasocket_conformance.faults.mechanism import Faults, Mistake, Original, Values

FAULTS = Faults(__name__, also_fails=(*STREAMS, "udp"), deadline=1.0)

#: By a word for the functions: the functions, and the position of the port among their arguments.
_PORTS: dict[str, tuple[tuple[str, ...], int]] = {
    "bind": (("tcp:bind",), 3),
    "connect": (("tcp:connect",), 3),
    "setsockname": (("udp:setsockname",), 3),
    "setpeername": (("udp:setpeername",), 3),
    "sendto": (("udp:sendto",), 4),
    "module": (("socket.connect", "socket.bind"), 2),
}

#: By a word for the functions: the behaviours of ports in forms that are taken, and of those that are not.
_TAKEN: dict[str, str | tuple[str, ...]] = {
    "bind": "endpoints/form-of-port-zero/bind-*",
    "connect": "endpoints/form-of-a-port/connect-*",
    "setsockname": "endpoints/form-of-port-zero/setsockname-*",
    "setpeername": "endpoints/form-of-a-port/setpeername-*",
    "sendto": "endpoints/form-of-a-port-to-send-to",
    "module": ("endpoints/form-of-a-port-for-the-module", "endpoints/form-of-port-zero-for-the-module"),
}
_REFUSED = {
    **{
        method: f"endpoints/no-form-of-a-port/{method}-*"
        for method in ("bind", "connect", "setsockname", "setpeername")
    },
    "sendto": "endpoints/no-form-of-a-port-to-send-to",
}


def _refuses(at: int, test: Callable[[Any], object]) -> Mistake:
    """Fail for a port that meets a test."""

    def mistake(original: Original, *args: Any) -> Values:
        if len(args) >= at and test(args[at - 1]):
            return (None, b"service not supported for socket type")
        return original(*args)

    return mistake


def _is_no_plain_numeral(port: Any) -> bool:
    return (
        isinstance(port, bytes) and not (port.isdigit() and (port == b"0" or port[:1] != b"0")) and not port.isalpha()
    )


def _is_too_large(port: Any) -> bool:
    return port_number(port) > 65535


def _reads(at: int, read: Callable[[bytes], bytes]) -> Mistake:
    """Read a port that is a string in another way than the system does."""

    def mistake(original: Original, *args: Any) -> Values:
        return original(*(read(arg) if n == at and isinstance(arg, bytes) else arg for n, arg in enumerate(args, 1)))

    return mistake


def _leading_digits(port: bytes) -> bytes:
    digits = port[: len(port) - len(port.lstrip(b"0123456789"))]
    return digits or port


for _word, (_targets, _at) in _PORTS.items():
    FAULTS.add(
        f"{_word}-wants-plain-numerals",
        f"The port of {_word} is a numeral without a blank, a sign and zeros before it, or fails.",
        _targets,
        _refuses(_at, _is_no_plain_numeral),
        detected_by=_TAKEN[_word],
    )
    if _word in _REFUSED:
        FAULTS.add(
            f"{_word}-reads-leading-digits",
            f"The port of {_word} is what the digits at the beginning of a string say.",
            _targets,
            _reads(_at, _leading_digits),
            detected_by=_REFUSED[_word],
        )
    if _word in ("setsockname", "module"):
        FAULTS.add(
            f"{_word}-refuses-large-ports",
            f"{_word} refuses ports above 65535.",
            _targets,
            _refuses(_at, _is_too_large),
            detected_by="endpoints/form-of-port-zero-for-the-module" if _word == "module" else _TAKEN[_word],
        )


@FAULTS.fault(
    "tcp:bind",
    "udp:setsockname",
    "udp:setpeername",
    detected_by="endpoints/name-despite-the-timeout",
)
def names_time_out(original: Original, obj: Any, *args: Any) -> Values:
    """A host name cannot be looked up by an object with a timeout of 0."""
    if args and is_host_name(args[0]) and args[0].isalpha() and original.method(obj, "gettimeout")[0] == 0:
        return (None, b"timeout")
    return original(obj, *args)


@FAULTS.fault(
    "tcp:bind",
    "tcp:connect",
    "udp:setsockname",
    "udp:setpeername",
    detected_by="endpoints/no-name-despite-the-timeout",
)
def failed_lookups_time_out(original: Original, obj: Any, *args: Any) -> Values:
    """With a timeout of 0, a look-up that fails is a timeout."""
    results = original(obj, *args)
    if results[1:2] == (b"host or service not provided, or not known",) and original.method(obj, "gettimeout")[0] == 0:
        return (None, b"timeout")
    return results


@FAULTS.fault("tcp:connect", "tcp:bind", detected_by="endpoints/name-keeps-the-timeouts")
def names_clear_the_timeouts(original: Original, obj: Any, *args: Any) -> Values:
    """After the look-up of a host name, an object has no timeouts."""
    results = original(obj, *args)
    if args and is_host_name(args[0]) and results[0] == 1:
        original.method(obj, "settimeout", None)
        original.method(obj, "settimeout", None, b"t")
    return results
