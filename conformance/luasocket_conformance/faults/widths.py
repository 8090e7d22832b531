"""Faulty ports that the behaviours of ``widths.yaml`` detect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from luasocket_conformance.faults.factories import STREAMS, changes_argument, is_number
from luasocket_conformance.faults.factories.objects import for_option
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(
    __name__,
    also_fails=(*STREAMS, "udp", "endpoints", "errors", "numerals", "subtypes"),
    deadline=1.0,
)


def _kept_in(bits: int) -> Callable[[Any], Any]:
    """Return what makes of a number that of an unsigned integer of so many bits, its fraction apart."""
    return lambda value: value % 2**bits if is_number(value) and 2**bits <= value < 2**60 else value


def _kept_with_sign(bits: int) -> Callable[[Any], Any]:
    """Return what makes of a number that of a signed integer of so many bits."""
    half = 2 ** (bits - 1)
    return lambda value: (value + half) % (2 * half) - half if is_number(value) and abs(value) < 2**60 else value


def _add(name: str, says: str, target: str, position: int, keep: Callable[[Any], Any], detected_by: str) -> None:
    FAULTS.add(name, says, target, changes_argument(position)(keep), detected_by=f"widths/{detected_by}")


for _bits in (8, 16, 32):
    _add(
        f"receive-counts-in-{_bits}-bits",
        f"The number of bytes to receive is kept in {_bits} bits.",
        "tcp:receive",
        2,
        _kept_in(_bits),
        f"bytes-to-receive/{_bits}",
    )
    _add(
        f"send-begins-in-{_bits}-bits",
        f"The first position of send is kept in {_bits} bits.",
        "tcp:send",
        3,
        _kept_with_sign(_bits),
        f"position-behind-the-data/{_bits}",
    )
    _add(
        f"send-ends-in-{_bits}-bits",
        f"The last position of send is kept in {_bits} bits.",
        "tcp:send",
        4,
        _kept_with_sign(_bits),
        f"position-to-send-to/{_bits}",
    )

_add(
    "send-begins-in-31-bits",
    "The first position of send is cut to C's int.",
    "tcp:send",
    3,
    lambda value: min(value, 2**31 - 1) if is_number(value) else value,
    "position-behind-the-data/31",
)

for _bits in (8, 16):
    _add(
        f"datagrams-have-{_bits}-bits",
        f"The size of a datagram is kept in {_bits} bits.",
        "udp:receive",
        2,
        _kept_in(_bits),
        f"size-of-a-datagram/receive-{_bits}",
    )
    _add(
        f"backlogs-have-{_bits}-bits",
        f"The backlog is kept in {_bits} bits.",
        "tcp:listen",
        2,
        _kept_in(_bits),
        f"backlog/{2**_bits}",
    )


def _in_units(per_second: int, bits: int) -> Callable[[Any], Any]:
    """Return what makes of a time one that was kept in so many bits, in parts of a second."""
    keep = _kept_in(bits)
    return lambda seconds: keep(seconds * per_second) / per_second if is_number(seconds) else seconds


for _unit, _per_second, _bits in (("seconds", 1, 16), ("milliseconds", 1000, 32), ("microseconds", 1_000_000, 32)):
    _add(
        f"timeouts-are-{_unit}-of-{_bits}-bits",
        f"Timeouts are kept as {_unit} in {_bits} bits.",
        "*:settimeout",
        2,
        _in_units(_per_second, _bits),
        f"time-to-receive/accepted-t-{_unit}",
    )
    _add(
        f"select-times-are-{_unit}-of-{_bits}-bits",
        f"The timeout of select is kept as {_unit} in {_bits} bits.",
        "socket.select",
        3,
        _in_units(_per_second, _bits),
        f"time-to-select/{_unit}",
    )


@FAULTS.fault("*:settimeout", detected_by="widths/timeout-that-is-returned/b-31")
@changes_argument(2)
def timeouts_have_an_end(seconds: Any) -> Any:
    """A timeout of more than C's int is its largest number."""
    return min(seconds, 2**31 - 1) if is_number(seconds) else seconds


@FAULTS.fault("tcp:setoption", detected_by="widths/number-of-an-option/client-tcp-keepidle-257")
@for_option("tcp-keepidle", "tcp-keepintvl")
@changes_argument(3)
def options_are_bytes(number: Any) -> Any:
    """Numbers of options are kept in 8 bits."""
    return _kept_in(8)(number)


@FAULTS.fault(
    "tcp:setoption",
    detected_by=("widths/seconds-of-linger/client-256", "widths/seconds-of-linger/server-257"),
)
@for_option("linger")
def lingering_is_a_byte(original: Original, obj: Any, name: Any, value: Any = None, *rest: Any) -> Values:
    """The seconds of linger are kept in 8 bits."""
    if not isinstance(value, dict) or not is_number(value.get(b"timeout")):
        return original(obj, name, value, *rest)
    return original(obj, name, {**value, b"timeout": value[b"timeout"] % 256}, *rest)


@FAULTS.fault("tcp:getoption", detected_by="widths/seconds-of-linger/accepted-32768")
@for_option("linger")
def lingering_is_a_short(original: Original, obj: Any, name: Any, *rest: Any) -> Values:
    """The seconds of linger are returned with a sign of 16 bits."""
    results = original(obj, name, *rest)
    if not isinstance(results[0], dict):
        return results
    return ({**results[0], b"timeout": _kept_with_sign(16)(results[0][b"timeout"])}, *results[1:])
