"""The memory of the judge, with the results that later calls on an object must have: counts, addresses, options."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Any, Final

from luasocket_runners.judge.trace import Call, Host, host_of, number_of, show

__all__ = ["Addresses", "Counts", "Options"]

#: Options that are true or false, and that every system gives back as they were set.
_BOOLEANS: Final = frozenset(
    {b"keepalive", b"reuseaddr", b"reuseport", b"tcp-nodelay", b"dontroute", b"broadcast", b"ip-multicast-loop"}
)

#: Methods after which an object may have another descriptor, or something else may set its options.
_REPLACING: Final = frozenset(
    {"connect", "bind", "setsockname", "setpeername", "sendto", "listen", "close", "setfd", "getfd"}
)

#: The highest number of a port.
_LAST_PORT: Final = 65535


@dataclass
class Counts:
    """The bytes that a client has received and sent, and when it was made.

    Attributes
    ----------
    received
        Bytes that receive has returned, and a line feed for each line: at least so many were received.
    is_exact
        No byte was dropped from a line, so that not more were received either.
    are_set
        The program has set the counts, or a call was unclear: nothing is known of them.
    made
        The earliest and the latest moment at which the object can have been made.
    """

    received: int = 0
    sent: int = 0
    is_exact: bool = True
    are_set: bool = False
    made: tuple[float, float] | None = None

    def expected(self, call: Call, slack: float) -> str | None:
        """Return the results that getstats should have had; None if it had them."""
        received, sent, age = call.results or (0, 0, 0)
        if self.are_set:
            return None
        if received < self.received or (self.is_exact and received != self.received):
            return f"{self.received}{'' if self.is_exact else ' or more'}, and two more numbers"
        if sent != self.sent:
            return f"{self.sent} as the second number"
        if self.made is not None:
            least, most = call.at - self.made[1], call.at + call.took - self.made[0]
            if not least - slack <= age <= most + slack:
                return f"{least:.6f} to {most:.6f} as the age of the object"
        return None


@dataclass
class Addresses:
    """The addresses that the program gave an object, as far as they are numeric."""

    own: tuple[Host, int] | None = None
    peer: tuple[Host, int] | None = None

    def note(self, call: Call) -> None:
        """Note a call of the object, or the call of the module that made it."""
        succeeded = bool(call.results) and call.results is not None and call.results[0] is not None
        if call.function in ("connect", "setpeername", "close", "setfd"):
            self.peer = _numeric(call.arg(1), call.arg(2)) if succeeded and call.function != "close" else None
        if call.function in ("bind", "setsockname"):
            self.own = _numeric(call.arg(1), call.arg(2)) if succeeded else self.own
        elif call.function in ("close", "setfd") or (call.function == "connect" and not succeeded):
            self.own = None

    def expected(self, call: Call) -> str | None:
        """Return the address that getsockname or getpeername should have returned; None if it did."""
        host, port, _ = call.results or (None, None, None)
        number = number_of(port)
        if number is None or not 0 <= number <= _LAST_PORT or number != int(number):
            return "the number of a port as the second result"
        known = self.own if call.function == "getsockname" else self.peer
        if known is None:
            return None
        return (
            None
            if host_of(host) == known[0] and number == known[1]
            else f'"{known[0]}" and {known[1]}, which the program asked for'
        )


def _numeric(host: Any, port: Any) -> tuple[Host, int] | None:
    """Return an address if it stands for itself: no name, not all interfaces, no free port."""
    number = number_of(port)
    found = host_of(host)
    if found is None or number is None or not 0 < number <= _LAST_PORT:
        return None
    is_mapped = isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None
    return None if found.is_unspecified or is_mapped or number != int(number) else (found, int(number))


@dataclass
class Options:
    """The options that were set to true or false, and certainly are so still."""

    values: dict[bytes, bool] = field(default_factory=dict)

    def note(self, call: Call) -> None:
        """Note a call of the object."""
        if call.function in _REPLACING:
            self.values.clear()
        elif call.function == "setoption" and isinstance(name := call.arg(1), bytes):
            self.values.pop(name, None)
            if isinstance(call.arg(2), bool) and call.results is not None and call.results[:1] == (1,):
                self.values[name] = call.arg(2)

    def expected(self, call: Call) -> str | None:
        """Return the value that getoption should have returned; None if it did, or if the system decides."""
        name, results = call.arg(1), call.results or ()
        if name not in _BOOLEANS or (len(results) == 2 and results[0] is None):
            return None
        if len(results) != 1 or not isinstance(results[0], bool):
            return "true or false"
        known = self.values.get(name)
        return None if known in (None, results[0]) else f"{show(known)}, as it was set"
