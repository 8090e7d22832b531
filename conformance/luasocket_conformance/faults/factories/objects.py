"""Parts of mistakes in TCP and UDP objects that several files of behaviours detect."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from luasocket_conformance.faults.factories import (
    Decorator,
    after_success,
    changes_argument,
    changes_success,
    descriptor_number,
    failed,
    first,
    is_ipv6,
    is_number,
)
from luasocket_conformance.faults.mechanism import Faults, Mistake, Original, Values


def port_number(value: Any) -> float:
    """Return a port that is given as a number or as digits; 0 for any other value."""
    if isinstance(value, bytes) and value.isdigit():
        return int(value)
    return value if is_number(value) else 0


def drop_buffer(original: Original, obj: Any) -> None:
    """Receive everything that is buffered."""
    while original.method(obj, "dirty") == (True,):
        original.method(obj, "receive", 1)


def make_blocking(original: Original, obj: Any) -> None:
    """Make the descriptor of an object a blocking one, if it has one."""
    descriptor = descriptor_number(original, obj)
    if descriptor >= 0:
        os.set_blocking(descriptor, True)


def ignores_timeouts(original: Original, obj: Any, *args: Any) -> Values:
    """Call the function as if no timeout were set."""
    block, total = original.method(obj, "gettimeout")
    original.method(obj, "settimeout", None, b"b")
    original.method(obj, "settimeout", None, b"t")
    try:
        return original(obj, *args)
    finally:
        original.method(obj, "settimeout", block, b"b")
        original.method(obj, "settimeout", total, b"t")


def returns_at_timeout(*instead: Any) -> Mistake:
    """Return other results instead of a timeout."""

    def mistake(original: Original, *args: Any) -> Values:
        results = original(*args)
        return instead if failed(results) and results[1] == b"timeout" else results

    return mistake


#: The address of no family: a socket of the system that is connected to it has no peer any more.
_NO_FAMILY: Final = bytes(16)


def disconnect_in_system(original: Original, _results: Values, obj: Any, address: Any = None, *_rest: Any) -> None:
    """Take the peer away from the socket of the system, so that it receives from everywhere."""
    if address != b"*":
        ctypes.CDLL(None).connect(descriptor_number(original, obj), _NO_FAMILY, len(_NO_FAMILY))


def changes_indices(change: Callable[[bytes, Any], Any]) -> Mistake:
    """Change both indices of ``send``: ``change(data, index)``."""

    @wraps(change)
    def mistake(original: Original, obj: Any, data: Any = None, *indices: Any) -> Values:
        if not isinstance(data, bytes):
            return original(obj, data, *indices)
        return original(obj, data, *(change(data, index) for index in indices))

    return mistake


def starts_at(default: int) -> Mistake:
    """Send from another index than the first, where none is given."""

    def mistake(original: Original, obj: Any, data: Any = None, *indices: Any) -> Values:
        if first(indices) is None:
            indices = (default, *indices[1:])
        return original(obj, data, *indices)

    return mistake


def ignores_mode(ignored: bytes) -> Mistake:
    """Return 1 for a mode of ``settimeout``, and do nothing."""

    def mistake(original: Original, obj: Any, seconds: Any = None, mode: Any = b"b", *_rest: Any) -> Values:
        if isinstance(mode, bytes) and mode[:1] == ignored:
            return (1,)
        return original(obj, seconds, mode)

    return mistake


def for_option(*names: str) -> Decorator:
    """Make a mistake for some options only."""
    wanted = {name.encode() for name in names}

    def decorate(mistake: Mistake) -> Mistake:
        @wraps(mistake)
        def chosen(original: Original, obj: Any, name: Any = None, *rest: Any) -> Values:
            if isinstance(name, bytes) and name in wanted:
                return mistake(original, obj, name, *rest)
            return original(obj, name, *rest)

        return chosen

    return decorate


def replaces_star(address: bytes) -> Mistake:
    """Take the local address ``*`` for another."""

    def change(host: Any) -> Any:
        return address if host == b"*" else host

    return changes_argument(2)(change)


def keeps_rest_of_datagram(original: Original, obj: Any, size: Any = None, *_rest: Any) -> Values:
    """Return bytes beyond the size with the next call."""
    kept = original.memory.pop(obj, None)
    whole: Values = kept or original(obj, 65507)
    if failed(whole) or not is_number(size) or size < 0:
        return whole
    if len(whole[0]) > size:
        original.memory[obj] = (whole[0][int(size) :], *whole[1:])
    return (whole[0][: int(size)], *whole[1:])


def fills_datagram(original: Original, obj: Any, size: Any = None, *rest: Any) -> Values:
    """Fill a short datagram up with NUL bytes."""
    results = original(obj, size, *rest)
    if failed(results) or not is_number(size) or size > 10000:
        return results
    return (results[0].ljust(int(size), b"\0"), *results[1:])


def ends_datagram_at_nul(results: Values) -> Values:
    """End a datagram at its first NUL byte."""
    return (results[0].partition(b"\0")[0][:2000], *results[1:])


def empty_datagram(_datagram: Any) -> Any:
    """Return an empty datagram."""
    return b""


def calls(function: str) -> Mistake:
    """Call another function of the module, without arguments."""
    return lambda original, *_args: original.call(function)


def takes_ipv4(original: Original, results: Values, *_args: Any) -> None:
    """Set the option "ipv6-v6only" of a new object to false."""
    original.method(results[0], "setoption", b"ipv6-v6only", False)


def add_wrong_objects(faults: Faults, kind: str, other: str) -> None:
    """Add that the functions which create objects of a kind create others: of the `other` kind, or another family."""
    rows: tuple[tuple[str, str, str, Mistake, str | tuple[str, ...]], ...] = (
        (f"{kind}-makes-{other}", f"a {other.upper()} object", kind, calls(other), f"{kind}/creates"),
        (f"{kind}6-makes-{other}", f"a {other.upper()} object", f"{kind}6", calls(f"{other}6"), f"{kind}6/creates"),
        (f"{kind}-is-ipv6", "an IPv6 object", kind, calls(f"{kind}6"), f"{kind}/ipv4"),
        (f"{kind}6-is-ipv4", "an IPv4 object", f"{kind}6", calls(f"{kind}4"), (f"{kind}6/ipv6", f"{kind}6/v6only")),
    )
    for name, made, function, mistake, violates in rows:
        faults.add(name, f"The function {function} makes {made}.", f"socket.{function}", mistake, violates=violates)
    faults.add(
        f"{kind}6-takes-ipv4",
        f'An object of {kind}6 does not have "ipv6-v6only".',
        f"socket.{kind}6",
        after_success(takes_ipv4),
        violates=f"{kind}6/v6only",
    )


@changes_success
def family_of_the_address(results: Values) -> Values:
    """Return the family of the address in a name, not that of the object."""
    return (*results[:2], b"inet6" if is_ipv6(results[0]) else b"inet")


def takes_the_family_of_its_descriptor(original: Original, obj: Any, *args: Any) -> Values:
    """Return in ``getsockname``, of an object of no family, that of the descriptor that ``setfd`` has given to it."""
    results = original(obj, *args)
    if original.name == "setfd":
        original.memory[obj] = True
    elif original.memory.get(obj) and results[2:] == (b"unspec",):
        return (*results[:2], b"inet6" if b":" in results[0] else b"inet")
    return results
