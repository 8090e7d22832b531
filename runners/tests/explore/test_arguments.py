"""What is drawn: options that the program is about, arguments too many, and nothing that would leave the machine."""

from __future__ import annotations

from random import Random

import pytest
from luasocket_runners.explore.arguments import _MOST, ARGUMENTS, OPTIONS, Picker, arguments
from luasocket_runners.explore.state import Object, State


def picker() -> Picker:
    return Picker(Random(1), State())


TCP = Object("tcp1", "tcp{client}")
UDP = Object("udp1", "udp{unconnected}")


@pytest.mark.parametrize("method", sorted({*ARGUMENTS, "close", "getfd"}))
def test_a_call_has_an_argument_too_many_now_and_then(method: str) -> None:
    drawn, item = picker(), UDP if method in ("sendto", "setpeername", "setsockname", "receivefrom") else TCP
    lengths = [len(arguments(drawn, item, method)) for _ in range(3000)]
    most = _MOST.get(method, 1 if method in ARGUMENTS else 0)
    assert max(lengths) > most or method in ("connect", "sendto")  # which have no address here
    assert sum(length > most for length in lengths) < 1000


def test_a_descriptor_is_never_made_up() -> None:
    drawn = picker()
    for _ in range(2000):
        for value in arguments(drawn, UDP, "setfd")[:1]:
            assert isinstance(value, bool) or not isinstance(value, int | float)


def test_options_are_mostly_those_that_the_program_is_about() -> None:
    drawn = picker()
    drawn.options = frozenset({"keepalive", "broadcast"})
    names = [arguments(drawn, TCP, "getoption")[:1] for _ in range(1000)]
    assert names.count((b"keepalive",)) > 400
    assert (b"broadcast",) not in names
    assert len(set(names)) > len(OPTIONS) // 2
