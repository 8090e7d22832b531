"""The probes of a port: its C library, its garbage collection, its dialect."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from luasocket_runners.capabilities import probes
from luasocket_runners.ports import Port, resolve
from luasocket_runners.ports.lua_interpreter import ADAPTER
from luasocket_runners.values import LuaValue, decode_list

pytestmark = [
    pytest.mark.usefixtures("nothing_left"),
    pytest.mark.skipif(not shutil.which("lua5.4"), reason="lua5.4 is not installed"),
]

#: Seconds for any reply.
PATIENCE = 60.0

LIBC = ("strerror-glibc", "lookup-star", "lookup-any-case", "lookup-port-modulo")

MUSL = f"command:lua5.4 {Path(__file__).with_name('musl_like.lua')} {ADAPTER}"


@contextmanager
def asking(port: Port, dialect: str | None = None) -> Iterator[probes.Ask]:
    """Start a port; yield the function that asks it."""
    connection = port.open(dialect)
    numbers = iter(range(1, 1000))

    def ask(message: Mapping[str, Any]) -> tuple[LuaValue, ...] | None:
        reply = connection.ask({"id": next(numbers), **message}, PATIENCE)
        assert reply is not None
        return decode_list(reply["returns"], "returns") if "returns" in reply else None

    try:
        yield ask
    finally:
        connection.close()


@pytest.mark.parametrize("capability", LIBC)
@pytest.mark.parametrize(("name", "there"), [("reference", True), ("lua5.4", True), (MUSL, False)])
def test_the_c_library_of_the_port_is_probed(name: str, there: bool, capability: str) -> None:
    """On a machine with glibc, a port may have musl."""
    with asking(resolve(name)) as ask:
        assert probes.has(capability, ask) is there


@pytest.mark.parametrize(("name", "there"), [("reference", True), ("lua5.4", True), ("lua5.1", False)])
def test_subtypes_are_probed(name: str, there: bool) -> None:
    if shutil.which(name) is None and name != "reference":
        pytest.skip(f"{name} is not installed")
    with asking(resolve(name)) as ask:
        assert probes.has("subtypes", ask) is there


def wrapped(directory: Path, text: str) -> Port:
    """Make a port of a Lua file that changes a copy of LuaSocket, `copy`, and returns it."""
    module = directory / "wrapped.lua"
    begin = "local socket = require 'socket'\nlocal copy = {}\nfor k, v in pairs(socket) do copy[k] = v end\n"
    module.write_text(f"{begin}{text}\nreturn copy\n")
    return resolve(f"lua5.4@{module}")


@pytest.mark.parametrize(
    ("text", "dialect"),
    [
        ("", "luasocket-3"),
        # as wrappers do that pass on the functions that they know
        ("copy.tcp4, copy.udp4 = nil, nil", "luasocket-3"),
        ("copy.tcp4, copy.udp4, copy._DATAGRAMSIZE, copy._SOCKETINVALID = nil, nil, nil, nil", "luasocket-3"),
        # as wrappers do whose objects pass on the methods that they know
        (
            """copy.tcp4, copy.udp4, copy._DATAGRAMSIZE, copy._SOCKETINVALID = nil
        copy.tcp = function() local tcp = socket.tcp() return { getfd = function() return tcp:getfd() end } end
        """,
            "luasocket-3",
        ),
        (
            """copy.tcp4, copy.udp4, copy._DATAGRAMSIZE, copy._SOCKETINVALID = nil
        copy._VERSION = "LuaSocket 3.0-rc1"
        copy.tcp = function() local tcp = socket.tcp() return { getfd = function() return tcp:getfd() end } end
        """,
            "defold",
        ),
        # incomplete, so nothing can be concluded
        ("copy.tcp4, copy.udp4, copy._DATAGRAMSIZE, copy._SOCKETINVALID, copy.tcp, copy.udp = nil", "luasocket-3"),
    ],
)
def test_the_dialect_is_guessed_from_several_traits(tmp_path: Path, text: str, dialect: str) -> None:
    with asking(wrapped(tmp_path, text)) as ask:
        assert probes.guess_dialect(ask) == dialect


@pytest.mark.parametrize(
    ("capability", "function", "text"),
    [
        ("lookup-any-case", "getaddrinfo", "copy.dns = { toip = socket.dns.toip, getaddrinfo = function() end }"),
        ("lookup-any-case", "toip", "copy.dns = { toip = function() end, getaddrinfo = socket.dns.getaddrinfo }"),
        ("lookup-star", "sendto", "copy.udp = function() return nil, 'none left' end"),
        ("strerror-glibc", "sendto", "copy.udp = function() return nil, 'none left' end"),
        ("strerror-glibc", "getpeername", "copy.tcp = function() return nil, 'none left' end"),
        ("service-names", "getnameinfo", "copy.dns = { getnameinfo = function() end }"),
        ("service-names", "bind", "copy.tcp = function() return nil, 'none left' end"),
        ("several-addresses", "getaddrinfo", "copy.dns = { getaddrinfo = function() end }"),
        ("several-addresses", "connect", "copy.connect = function() return nil, 'none left' end"),
    ],
)
def test_one_function_that_fails_hides_no_other(tmp_path: Path, capability: str, function: str, text: str) -> None:
    with asking(resolve("lua5.4")) as ask:
        if not probes.has(capability, ask):
            pytest.skip(f"this machine has no {capability}")
    with asking(wrapped(tmp_path, text)) as ask:
        assert probes.has(capability, ask), f"{function} hides it"


@pytest.mark.parametrize("dialect", ["defold", "luasocket-3"])
def test_the_dialect_of_the_reference_is_guessed_right(dialect: str) -> None:
    with asking(resolve("reference"), dialect) as ask:
        assert probes.guess_dialect(ask) == dialect


class Replies:
    """Replies to requests from a list."""

    def __init__(self, *replies: tuple[LuaValue, ...] | None) -> None:
        self._replies = list(replies)

    def __call__(self, _message: Any) -> tuple[LuaValue, ...] | None:
        return self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]


@pytest.mark.parametrize("capability", LIBC)
@pytest.mark.parametrize("reply", [None, (), (None,), (b"no object",), (7, 8)], ids=repr)
def test_a_port_that_cannot_do_what_a_probe_asks_has_no_capability(
    capability: str, reply: tuple[LuaValue, ...] | None
) -> None:
    found = probes.has(capability, Replies(reply))
    assert not found or (capability == "lookup-any-case" and reply not in (None, (), (None,)))
