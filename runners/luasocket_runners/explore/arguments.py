"""Draws the arguments of calls: sensible ones for a method and a state, and odd ones for any."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Final, TypeVar

from luasocket_spec.model import TableSpec

from luasocket_runners.capabilities import machine
from luasocket_runners.explore.state import Object, State
from luasocket_runners.explore.steps import StepValue

T = TypeVar("T")
Args = tuple[StepValue, ...]

#: Timeouts in seconds. The longer one is for calls that have something to wait for: long beside the time in which a
#: datagram crosses the loopback, and short beside a person's patience with ten thousand of them.
TIMEOUTS: Final[Args] = (0, 0.005)
#: Strings for the wire: lines, carriage returns, NUL, bytes beyond ASCII.
DATA: Final[Args] = (
    b"", b"a", b"hello", b"one\n", b"one\r\ntwo\n", b"\n", b"\r", b"\r\n", b"x\ry\n", b"part\rial", b"a\0b\n",
    b"\xff\xfe", b"no end",
    b"\n\n\n", b"l" * 100 + b"\n", b"0123456789" * 60, b"long" * 500,
    b"0123456789abcdef" * 600 + b"\n", bytes(range(256)) * 40, b"block of" * 1024, b"block of" * 1023 + b"8191 b\n",
    b"block of" * 1024 + b"\n", b"two blocks of" * 1260 + b"\r\n\r\n",
)  # fmt: skip
#: Datagrams of the most bytes, and of one more, over IPv4 and over IPv6.
_LARGE: Final[Args] = tuple(b"x" * size for size in (65507, 65508, 65527, 65528))
#: Values that no call asks for, and some that some calls do.
ODD: Final[Args] = (
    None, True, False, 0, 1, -1, 2.5, -0.5, 1e15, math.inf, -math.inf, math.nan, b"", b"x", b"5", b"0x10", b" 7 ",
    b"1e1", b"*x", b"\0", b"\xff", TableSpec(()), TableSpec(((1, b"a"),)),
)  # fmt: skip
#: The same for what is made a string of: the sign of NaN, which Lua writes out, is up to the processor.
ODD_DATA: Final[Args] = tuple(value for value in ODD if value is not math.nan)
#: The same for a number of bytes: the value of infinity is up to the processor, too.
_ODD_COUNTS: Final[Args] = tuple(value for value in ODD_DATA if value != math.inf)
_PATTERNS: Final[Args] = (
    b"*l", b"*a", b"*lines", b"*all", 0, 1, 2, 3, 5, 100, 600, 8191, 8192, 8193, 9000, 16384, b"3", b"2.9", 2.0, 0.5,
)  # fmt: skip
#: Numbers that are another one in 8, 16 or 32 bits.
_WIDE: Final[Args] = (258, 65538, 2147483650, 4294967298)
#: Texts like a pattern: only the letter behind the asterisk counts.
_NO_PATTERNS: Final[Args] = (b"l", b"a", b"*L", b"*A", b"*", b"*n", -1)
_PREFIXES: Final[Args] = (b"", b"p", b"pre\n", 7)
#: Numbers that are no timeouts to wait for: they raise, count as none, or as nothing to wait for.
_ODD_TIMEOUTS: Final[Args] = (b"0", b"0.005", True, b"x", TableSpec(()), 0.0, 1e-9, -0.0, -0.5, -1e9)
#: Port 0 in other forms, which the system's look-up reads.
_FORMS_OF_ZERO: Final[Args] = (65536, b"65536", b" 0", b"+0", b"00", b"0\0x", b"0x", b"0x0", b"0 ", b"0a", b"-0")
#: Positions in a string, from its beginning and its end, inside and outside.
_POSITIONS: Final[Args] = (1, 2, 3, 5, 0, -1, -2, 100, b"2", b"2.9", 1.0, 2.5)

#: Numbers as a string, and with a fraction, which is cut off.
_NUMERALS: Final[Args] = (b"4.9", b"0x7", b" 6 ", 7.9)

#: Each option, and values that it takes.
_TCP_OPTIONS: Final[Mapping[str, Args]] = {
    "keepalive": (True, False),
    "reuseaddr": (True, False),
    "reuseport": (True, False),
    "tcp-nodelay": (True, False),
    "linger": (
        TableSpec(((b"on", True), (b"timeout", 0))),
        TableSpec(((b"on", False), (b"timeout", 3))),
        TableSpec(((b"on", False), (b"timeout", 258))),
        TableSpec(((b"on", True), (b"timeout", b"4.9"))),
        TableSpec(((b"on", True),)),
        TableSpec(((b"timeout", b"x"),)),
        TableSpec(()),
    ),
    "recv-buffer-size": (20000, 70000),
    "send-buffer-size": (20000, 70000),
    "tcp-keepidle": (30, 7200, *_NUMERALS),
    "tcp-keepcnt": (3, *_NUMERALS),
    "tcp-keepintvl": (10, *_NUMERALS),
    "ipv6-v6only": (True, False),
    "error": (),
    "nonsense": (True,),
}
_GROUP: Final = TableSpec(((b"multiaddr", b"239.255.73.7"), (b"interface", b"127.0.0.1")))
_GROUP6: Final = TableSpec(((b"multiaddr", b"ff01::7307"), (b"interface", 1)))
_UDP_OPTIONS: Final[Mapping[str, Args]] = {
    "broadcast": (True, False),
    "dontroute": (True, False),
    "reuseaddr": (True, False),
    "reuseport": (True, False),
    "ip-multicast-loop": (True, False),
    "ip-multicast-ttl": (1, 5, *_NUMERALS),
    "ip-multicast-if": (b"127.0.0.1", b"0.0.0.0", b"*", b"x", b"127.0.0.1\0x"),
    "ip-add-membership": (_GROUP, TableSpec(((b"multiaddr", b"239.255.73.7"),)), TableSpec(())),
    "ip-drop-membership": (_GROUP, TableSpec(((b"multiaddr", b"x"), (b"interface", b"x"))), TableSpec(())),
    "ipv6-v6only": (True, False),
    "ipv6-unicast-hops": (1, 5, *_NUMERALS),
    "ipv6-multicast-hops": (1, 5, *_NUMERALS),
    "ipv6-multicast-loop": (True, False),
    "ipv6-add-membership": (_GROUP6, TableSpec(((b"multiaddr", b"ff01::7307"),)), TableSpec(())),
    "ipv6-drop-membership": (_GROUP6, TableSpec(())),
    "recv-buffer-size": (20000, 70000),
    "send-buffer-size": (20000, 70000),
    "error": (),
    "nonsense": (1,),
}
#: The names of all options.
OPTIONS: Final = tuple(sorted({*_TCP_OPTIONS, *_UDP_OPTIONS}))


class Picker:
    """Draws from sequences, each item as often as any other.

    Hypothesis draws no more than where ``source`` begins. It prefers simple examples (small numbers, the first item),
    and makes six of seven out of the one before: in a program of a hundred draws, that is the same again and again.
    """

    def __init__(self, source: Random, state: State) -> None:
        self._source = source
        self.state = state
        self.options: frozenset[str] = frozenset()  #: those that the program is about

    def pick(self, items: Sequence[T]) -> T:
        """Draw one of the items."""
        return items[self._source.randrange(len(items))]

    def one_in(self, chance: int) -> bool:
        """Return true one time in ``chance``."""
        return self.pick(range(chance)) == 0

    def some(self, items: Sequence[T], most: int) -> list[T]:
        """Draw up to ``most`` of the items, with repetitions."""
        return [self.pick(items) for _ in range(self.pick(range(most + 1)))]


def _settimeout(picker: Picker, _item: Object) -> Args:
    if picker.one_in(4):
        odd_modes: tuple[Args, ...] = ((), (b"b",), (b"t",), (b"x",), (True,), (b"total",), (b"t\0x",))
        return (picker.pick(_ODD_TIMEOUTS), *picker.pick(odd_modes))
    modes: tuple[Args, ...] = ((), (b"b",), (b"t",), (b"r",))
    if picker.one_in(20):
        return ()
    return (picker.pick([*TIMEOUTS, *TIMEOUTS, *TIMEOUTS, None, -1, -2]), *picker.pick(modes))


def hosts() -> Args:
    """Return the addresses and the name of this machine on the loopback."""
    ipv6: Args = (b"::1",) if machine.has("ipv6") else ()
    return (b"127.0.0.1", b"127.0.0.1", b"localhost", b"127.0.0.2", *ipv6)


#: The loopback's address in other forms, which the system's look-up reads by itself.
_FORMS_OF_LOOPBACK: Final[Args] = (b"127.1", b"2130706433", b"0x7f000001", b"0177.0.0.1", b"127.0.0.1\0x", 2130706433,
    b"::ffff:127.0.0.1",
)  # fmt: skip


def _bind(picker: Picker, item: Object) -> Args:
    free: Args = (0, 0, b"0") if not picker.one_in(6) else _FORMS_OF_ZERO
    taken = [port for _, port in picker.state.addresses(tcp=item.tcp)][:2]
    groups: Args = (b"239.255.73.7",) if not item.tcp and picker.one_in(12) else ()
    some = _FORMS_OF_LOOPBACK if picker.one_in(12) else [*hosts(), b"*"]
    return (picker.pick(groups or some), picker.pick([*free, *taken]))


def _connect(picker: Picker, _item: Object) -> Args:
    return address(picker, tcp=True) or picker.pick([(b"", 0), (b"127.0.0.1",), (None, 1), ()])


def address(picker: Picker, *, tcp: bool) -> Args:
    """Draw an address and a port that something has or had; none if nothing has."""
    found = picker.state.addresses(tcp=tcp)
    if not found:
        return ()
    ip, port = picker.pick(found)
    others = hosts() if not picker.one_in(3) else _FORMS_OF_LOOPBACK
    return (picker.pick(others) if picker.one_in(5) else ip, port)


def _receive(picker: Picker, item: Object) -> Args:
    if not item.tcp:
        return _receivefrom(picker, item)
    pattern = picker.pick(picker.pick([_NO_PATTERNS, _WIDE]) if picker.one_in(8) else _PATTERNS)
    return picker.pick([(), (pattern,), (pattern,), (pattern,), (pattern, picker.pick(_PREFIXES))])


def _receivefrom(picker: Picker, _item: Object) -> Args:
    return picker.pick(
        [(), (), (), (1,), (3,), (8192,), (b"4",), (b"2.9",), (b"0x3",), (0,), (10000,), (65538,), (b"*l",), (-1,)]
    )


def _send(picker: Picker, item: Object) -> Args:
    data = picker.pick([*DATA, 5, 1.5])
    if not item.tcp and picker.one_in(15):
        return (picker.pick(_LARGE),)
    if not item.tcp or not picker.one_in(3):
        return (data,)
    return (data, *picker.some(_WIDE if picker.one_in(8) else _POSITIONS, 2))


def _sendto(picker: Picker, _item: Object) -> Args:
    data = picker.pick(_LARGE if picker.one_in(15) else DATA)
    found = address(picker, tcp=False)
    if not found or picker.one_in(12):
        return picker.pick([(data, b"", 9), (data, b"127.0.0.1"), (data,), (data, None, 1)])
    return (data, *found)


def _setpeername(picker: Picker, _item: Object) -> Args:
    found = address(picker, tcp=False)
    others: list[Args] = [(b"*",), (b"*", 0), (b"",), (), (b"127.0.0.1", 65545), (b"127.0.0.1", b" 9")]
    return picker.pick(others) if not found or picker.one_in(4) else found


def _setoption(picker: Picker, item: Object) -> Args:
    name, known = _option(picker, item)
    values = (*known, *(ODD if not known or picker.one_in(4) else ()))
    return (name, picker.pick(values))


def _getoption(picker: Picker, item: Object) -> Args:
    return (_option(picker, item)[0],)


def options_of(item: Object) -> list[str]:
    """Return the names of the options of an object."""
    return sorted(_TCP_OPTIONS if item.tcp else _UDP_OPTIONS)


def _option(picker: Picker, item: Object) -> tuple[bytes, Args]:
    """Draw the name of an option, mostly one that the program is about, and return it with the values that it takes."""
    options = _TCP_OPTIONS if item.tcp else _UDP_OPTIONS
    favoured = sorted(picker.options & options.keys())
    name = picker.pick(sorted(options) if not favoured or picker.one_in(3) else favoured)
    if picker.one_in(12):
        return picker.pick([name.upper(), name.replace("-", "_"), f"{name} ", f"{name}\0x"]).encode(), options[name]
    return name.encode(), options[name]


#: How the arguments of a method are drawn, for the methods that take any.
ARGUMENTS: Final[Mapping[str, Callable[[Picker, Object], Args]]] = {
    "settimeout": _settimeout,
    "bind": _bind,
    "setsockname": _bind,
    "connect": _connect,
    "listen": lambda picker, item: picker.pick([(), (1,), (32,), (b"5",), (b"4.9",), (256,), (65536,)]),
    "receive": _receive,
    "receivefrom": _receivefrom,
    "send": _send,
    "sendto": _sendto,
    "setpeername": _setpeername,
    "shutdown": lambda picker, item: picker.pick(
        [(), (b"send",), (b"send",), (b"receive",), (b"both",), (b"send\0x",)]
    ),
    "setoption": _setoption,
    "getoption": _getoption,
    "setfd": lambda picker, item: picker.pick([(), (None,), (b"x",), (True,), (TableSpec(()),)]),
    "setstats": lambda picker, item: picker.pick(
        [
            (),
            (0,),
            (10, 20),
            (1, 2, 3),
            (b"7",),
            (b"4.9", b"0x7"),
            (None, 5),
            (30, b"x"),
            (None, 40, b"x"),
            (b"x", 50),
            (2147483640, 2147483640),
            (4294967290, 4294967290),
            (None, None, -100),
            (1, 2, 1000),
        ]
    ),
}
#: Odd arguments of methods that make strings or numbers of bytes of them.
_ODD_FOR: Final[Mapping[str, Args]] = {"send": ODD_DATA, "receive": _ODD_COUNTS, "receivefrom": _ODD_COUNTS}
#: Methods whose arguments are never made odd: any address that is not on the loopback would leave the machine, any
#: timeout would be waited for, and any descriptor may be one of the process itself.
NEVER_ODD: Final = frozenset({"settimeout", "connect", "bind", "setsockname", "setpeername", "sendto", "setfd"})


#: How many arguments a method takes, where it takes several; any other takes one or none.
_MOST: Final[Mapping[str, int]] = {
    "settimeout": 2, "bind": 2, "setsockname": 2, "connect": 2, "receive": 2, "send": 3, "sendto": 3,
    "setpeername": 2, "setoption": 2, "setstats": 3,
}  # fmt: skip


#: Values that no method takes for an argument, and more that few do.
_WRONG: Final[Args] = (True, TableSpec(()))
_MOSTLY_WRONG: Final[Args] = (*_WRONG, b"x", -1)


def _wrong(picker: Picker, method: str) -> Args:
    """Draw arguments several of which are wrong: which of them is blamed?"""
    values = _WRONG if method in NEVER_ODD else _MOSTLY_WRONG
    return tuple(picker.pick(values) for _ in range(_MOST[method]))


def arguments(picker: Picker, item: Object, method: str) -> Args:
    """Return the arguments of a method: sensible ones, of which now and then one or all are odd, or one is too much."""
    if method in _MOST and picker.one_in(30):
        return _wrong(picker, method)
    found = list(ARGUMENTS[method](picker, item)) if method in ARGUMENTS else []
    most = _MOST.get(method, 1 if method in ARGUMENTS else 0)
    if (len(found) >= most or method not in NEVER_ODD) and picker.one_in(12):
        found += [None] * (most - len(found))
        return (*found, *picker.some(ODD_DATA, 2), picker.pick(ODD_DATA))
    if method not in NEVER_ODD and picker.one_in(8):
        index = picker.pick(range(len(found) + 1))
        found[index : index + 1] = [picker.pick(_ODD_FOR.get(method, ODD))]
    return tuple(found)
