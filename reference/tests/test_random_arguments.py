"""Random calls with random arguments: the reference raises LuaError and no other exception.

Random values go to every function and method, in every dialect and under every version of Lua. Waits, name servers and
sleep are cut short, but the values that Python's own functions get are the real ones.
"""

import math
import select as system_select
import socket as system_socket
from types import SimpleNamespace

import luasocket_reference
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from luasocket_reference import LuaError, Table, index, inet, invoke, setindex, timeout, udp, usocket
from luasocket_reference import select as reference_select
from luasocket_reference.options import OPTIONS
from luasocket_reference.tcp import Tcp
from luasocket_reference.udp import Udp

#: Strings that some function takes, or nearly takes.
STRINGS = [
    "*l", "*a", "*", "127.0.0.1", "::1", "localhost", "127.1", "::ffff:127.0.0.1", "fe80::1%lo", "224.0.0.7", "ff02::7",
    "0", "1", "0x10", "1e5", "http", "both", "send", "inet", "inet6", "unspec", "b", "t", "", "\0", "1\0", "inf", "nan",
    "0xffffffffffffffff", "9" * 5000, "keep-open", "by-length", "until-closed", "close-when-done", "Ā", "\ud800",
    b"\xff" * 300, *sorted({name for options in OPTIONS.values() for name in options}),
]  # fmt: skip
NUMBERS = [
    0, 1, -1, 0.5, 2**31, -(2**31), 2**32, 2**53 + 1, 2**63, -(2**63), 2**64, 10**400, -(10**400), 1e16, 1e300, -1e300,
    math.inf, -math.inf, math.nan, -math.nan, 65536, 70000,
]  # fmt: skip
#: Numbers for setfd: none is a descriptor of this process.
DESCRIPTORS = [-1, -5, "-1", math.nan, math.inf, 2**31, -(2**40), None, "x", True, 10**400]
FIELDS = [
    "on",
    "timeout",
    "multiaddr",
    "interface",
    "getfd",
    "dirty",
    "receive",
    "send",
    "close",
    "family",
    "addr",
    "x",
]
REPLACED = ["BLOCKSIZE", "connect", "dns", "tcp", "tcp4", "tcp6"]


class Foreign:
    """A table of an embedding program."""

    lua_type = "table"

    def __init__(self, fields):
        self.fields = fields

    def lua_index(self, key):
        if key == b"x":
            raise LuaError("no x")
        return self.fields.get(key)


class Raising:
    """A function of Lua that raises a value."""

    def __init__(self, value):
        self.value = value

    def __call__(self, *_):
        raise LuaError(self.value)


class Returning:
    """A function of Lua that returns results, or, which it must not, something else than a tuple."""

    def __init__(self, results):
        self.results = results

    def __call__(self, *_):
        return self.results


def is_reference_function(value):
    """Return whether a value is a function, and not one of those that the test passes in."""
    return callable(value) and not isinstance(value, Returning | Raising)


def values(objects):
    """Return a strategy of values of Lua, among them objects."""
    plain = st.one_of(
        st.sampled_from(objects), st.sampled_from(STRINGS), st.sampled_from(NUMBERS), st.none(), st.booleans(),
        st.integers(), st.floats(), st.binary(max_size=20), st.text(max_size=5),
    )  # fmt: skip
    keys = st.one_of(st.sampled_from(FIELDS), st.sampled_from([name.encode() for name in FIELDS]), st.integers(1, 3))
    return st.recursive(
        plain,
        lambda inner: st.one_of(
            st.dictionaries(keys, inner, max_size=3),
            st.dictionaries(keys, inner, max_size=3).map(Table),
            st.dictionaries(keys, inner, max_size=3).map(Foreign),
            st.lists(inner, max_size=3).map(lambda items: Table(enumerate(items, 1))),
            st.lists(inner, max_size=3).map(tuple).map(Returning),
            inner.map(Returning),
            inner.map(Raising),
        ),
        max_leaves=4,
    )


class Poll:
    """The system's poll, which does not wait."""

    def __init__(self):
        self._poll = system_select.poll()
        self.register = self._poll.register

    def poll(self, milliseconds):
        assert milliseconds is None or -(2**31) <= milliseconds < 2**31
        return self._poll.poll(0)


@pytest.fixture
def hurried(monkeypatch):
    """Have nothing wait, and no name server asked."""

    def select(readable, writable, errors, seconds):
        assert seconds is None or 0 <= seconds < 2**31
        return system_select.select(readable, writable, errors, 0)

    def sleep(seconds):
        assert 0 <= seconds < 2**31

    def getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):  # noqa: A002  # as in socket
        return system_socket.getaddrinfo(host, port, family, type, proto, flags | system_socket.AI_NUMERICHOST)

    def getnameinfo(address, flags):
        return system_socket.getnameinfo(address, flags | system_socket.NI_NUMERICHOST)

    quick = SimpleNamespace(**{**vars(system_socket), "getaddrinfo": getaddrinfo, "getnameinfo": getnameinfo})
    look_up = usocket.look_up
    monkeypatch.setattr(usocket, "select", SimpleNamespace(**{**vars(system_select), "poll": Poll}))
    monkeypatch.setattr(reference_select, "select", SimpleNamespace(select=select))
    monkeypatch.setattr(inet, "socket", quick)
    monkeypatch.setattr(udp, "socket", quick)
    monkeypatch.setattr(
        inet, "look_up", lambda host: look_up(host) if host in (b"127.0.0.1", b"127.1") else (1, b"", [], [])
    )
    monkeypatch.setattr(timeout.time, "sleep", sleep)


def call_one(data, module, resolver, objects):
    """Draw a call and make it; return the results."""
    some = values(objects)
    kind = data.draw(st.sampled_from(["function", "method", "replace"]))
    if kind == "replace":
        setindex(module, data.draw(st.sampled_from(REPLACED)), data.draw(some))
        return ()
    if kind == "function":
        name = data.draw(st.sampled_from(sorted([key for key in module if key not in (b"dns", b"sinkt", b"sourcet")])))
        function = index(module, name.decode())
        if data.draw(st.booleans()):
            function = data.draw(st.sampled_from(resolver))
        arguments = data.draw(st.lists(some, max_size=5))
        return function(*arguments) if is_reference_function(function) else ()
    name = data.draw(st.sampled_from(sorted({*Tcp.CLASSES, *Udp.CLASSES, "class"})))
    held = data.draw(st.one_of(st.sampled_from(objects), st.sampled_from(objects), some))
    arguments = data.draw(st.lists(st.sampled_from(DESCRIPTORS) if name == "setfd" else some, max_size=4))
    if data.draw(st.booleans()):
        return invoke(held, name, *arguments)
    method = index(data.draw(st.sampled_from(objects)), name)
    return method(held, *arguments) if is_reference_function(method) else ()


@pytest.mark.usefixtures("hurried")
def test_random_calls():
    # The same calls each time, so that a failure is never a matter of luck. They are few and need no shrinking, which
    # takes minutes where each step makes sockets.
    @settings(max_examples=100, deadline=None, database=None, derandomize=True, phases=[Phase.generate])
    @given(st.data())
    def run(data):
        dialect = data.draw(st.sampled_from(sorted(luasocket_reference.DIALECTS)))
        lua = data.draw(st.sampled_from(sorted(luasocket_reference.LUA_VERSIONS)))
        module = luasocket_reference.open(dialect, lua)
        resolver = list(module.dns.values())
        objects = [made for name in ("tcp", "udp", "tcp6", "udp6") for made in getattr(module, name)()]
        (server,) = module.bind("127.0.0.1", 0)
        objects += [server, *module.connect("127.0.0.1", server.getsockname()[1])]
        errors = []
        try:
            for _ in range(data.draw(st.integers(1, 8))):
                try:
                    results = call_one(data, module, resolver, objects)
                    assert isinstance(results, tuple)
                    for result in filter(is_reference_function, results):
                        arguments = data.draw(st.lists(values(objects), max_size=3))
                        assert isinstance(result(*arguments), tuple)
                    objects += [result for result in results if isinstance(result, luasocket_reference.Object)]
                except LuaError as error:
                    errors.append(error)
        finally:
            for made in objects:
                made.close()
        assert all(str(error) or error.value == b"" for error in errors)

    run()
