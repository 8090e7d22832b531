"""Faulty ports that the behaviours of ``subtypes.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import changes_result, is_number
from luasocket_conformance.faults.factories.streams import changes_step_results
from luasocket_conformance.faults.mechanism import Constant, Faults, Mistake, Original, Values

FAULTS = Faults(__name__, also_fails=("inheritance",))


def _integer(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _float(value: Any) -> Any:
    return float(value) if is_number(value) else value


def _returns_integers(original: Original, *args: Any) -> Values:
    return tuple(map(_integer, original(*args)))


def _returns_floats(original: Original, *args: Any) -> Values:
    return tuple(map(_float, original(*args)))


def _integers(name: str, says: str, targets: str | tuple[str, ...], *detected_by: str) -> None:
    FAULTS.add(name, says, targets, _returns_integers, detected_by=detected_by)


_integers(
    "send-returns-integers",
    "The index that send returns is an integer.",
    "tcp:send",
    "subtypes/send",
)
_integers("send-fails-with-an-integer", "Every number of send is an integer.", "tcp:send", "subtypes/send-fails")
_integers("stats-are-integers", "The numbers of getstats are integers.", "tcp:getstats", "subtypes/getstats")
_integers("descriptors-are-integers", "The descriptor is an integer.", ("tcp:getfd", "udp:getfd"), "subtypes/getfd")
_integers(
    "timeouts-are-integers", "Timeouts are integers.", ("tcp:gettimeout", "udp:gettimeout"), "subtypes/gettimeout"
)
_integers(
    "success-of-a-client-is-an-integer",
    "A method of a client that succeeds returns the integer 1.",
    ("tcp{client}:settimeout", "tcp{client}:setstats", "tcp{client}:shutdown", "tcp{client}:close"),
    "subtypes/client",
    "subtypes/shown",
)
_integers(
    "success-of-a-master-is-an-integer",
    "A method of a master that succeeds returns the integer 1.",
    ("tcp{master}:bind", "tcp{master}:listen", "tcp{master}:connect"),
    "subtypes/master",
)
_integers(
    "success-of-setoption-is-an-integer", "It returns 1, not 1.0.", ("tcp:setoption", "udp:setoption"),
    "subtypes/setoption",
)  # fmt: skip
_integers(
    "options-are-integers",
    "An option with a number returns an integer.",
    ("tcp:getoption", "udp:getoption"),
    "subtypes/number-option",
    "subtypes/hops",
)
_integers(
    "success-of-udp-is-an-integer",
    "A method of a UDP object that succeeds returns the integer 1.",
    ("udp:setsockname", "udp:setpeername", "udp:settimeout", "udp:close"),
    "subtypes/udp-made",
)
_integers(
    "udp-sends-integers",
    "The number of bytes that a UDP object has sent is an integer.",
    ("udp:send", "udp:sendto"),
    "subtypes/udp-sent",
)


def _floats(name: str, says: str, targets: str | tuple[str, ...], *detected_by: str) -> None:
    FAULTS.add(name, says, targets, _returns_floats, detected_by=detected_by)


_floats(
    "ports-of-peers-are-floats", "The port is a float.", ("tcp:getpeername", "udp:getpeername"), "subtypes/peer-port"
)
FAULTS.add(
    "ports-of-senders-are-floats",
    "The third result is a float.",
    "udp:receivefrom",
    _returns_floats,
    detected_by="subtypes/receivefrom",
    also_fails=("udp/receivefrom",),
)
_floats("skip-returns-floats", "Every number becomes a float.", "socket.skip", "subtypes/skip")
_integers("skip-returns-integers", "Every whole number becomes an integer.", "socket.skip", "subtypes/skip")
FAULTS.add(
    "own-ports-are-floats",
    "The port is a float.",
    ("tcp:getsockname", "udp:getsockname"),
    changes_result(2)(float),
    detected_by="subtypes/own-port",
    also_fails=("tcp", "udp", "select", "helper", "connect", "sequences", "errors"),
)

for _name, _value in (("_SETSIZE", 1024.0), ("_DATAGRAMSIZE", 8192.0), ("_SOCKETINVALID", -1.0), ("BLOCKSIZE", 2048.0)):
    FAULTS.add(
        f"{_name.strip('_').lower()}-is-a-float",
        f"{_name} is a float.",
        f"socket.{_name}",
        Constant(_value),
        detected_by=f"subtypes/constant/{_name.strip('_').lower()}",
    )


@FAULTS.fault("socket.gettime", detected_by="subtypes/gettime", also_fails=("module",))
@changes_result(1)
def gettime_is_an_integer(seconds: Any) -> Any:
    """The result is a number of whole seconds, as an integer."""
    return int(seconds)


@FAULTS.fault("tcp:getoption", detected_by="subtypes/linger")
@changes_result(1)
def linger_has_a_float(value: Any) -> Any:
    """The timeout in the table of linger is a float."""
    if isinstance(value, dict):
        value[b"timeout"] = float(value[b"timeout"])
    return value


@FAULTS.fault("socket.select", detected_by="subtypes/select")
def select_has_integers(original: Original, *args: Any) -> Values:
    """The positions under the objects are integers."""
    results = original(*args)
    for table in results[:2]:
        for key, position in list(table.items()):
            table[key] = _integer(position)
    return results


def _makes_functions(change: Mistake) -> Mistake:
    """Change what the functions that a function makes return."""

    def mistake(original: Original, *args: Any) -> Values:
        (made,) = original(*args)
        return (lambda *values: tuple(map(change, made(*values))),)

    return mistake


FAULTS.add(
    "protected-functions-return-floats",
    "Every number that goes through becomes a float.",
    ("socket.newtry", "socket.protect"),
    _makes_functions(_float),
    detected_by="subtypes/try-and-protect",
)


@FAULTS.fault("socket.sink", detected_by="subtypes/helpers")
@changes_step_results
def sinks_return_integers(results: Values) -> Values:
    """Every whole number that a sink returns is an integer."""
    return tuple(map(_integer, results))


@FAULTS.fault("tcp:accept", "tcp:getfd", "tcp:close", detected_by="subtypes/walk-of-a-client/accepted*")
def accepted_clients_have_integers(original: Original, obj: Any, *args: Any) -> Values:
    """The methods of an accepted client return integers."""
    results = original(obj, *args)
    if original.name == "accept":
        if results[0] is not None:
            original.memory[results[0]] = True
        return results
    return tuple(map(_integer, results)) if original.memory.get(obj) else results


@FAULTS.fault(
    "tcp:getfd",
    "udp:getfd",
    "udp:sendto",
    "udp:send",
    detected_by=("subtypes/walk-of-another-object/*6", "subtypes/sender-over-ipv6"),
)
def numbers_over_ipv6_are_integers(original: Original, obj: Any, *args: Any) -> Values:
    """The methods of an IPv6 object return integers."""
    results = original(obj, *args)
    return tuple(map(_integer, results)) if original.method(obj, "getfamily") == (b"inet6",) else results


@FAULTS.fault("socket.bind", "tcp:settimeout", detected_by="subtypes/helper-bind")
def servers_of_the_helper_return_integers(original: Original, *args: Any) -> Values:
    """A server of socket.bind returns an integer from settimeout."""
    results = original(*args)
    if original.name == "bind":
        if results[0] is not None:
            original.memory[results[0]] = True
        return results
    return tuple(map(_integer, results)) if original.memory.get(args[0]) else results


@FAULTS.fault(
    "udp:sendto", "udp:send", detected_by=("subtypes/udp-nothing-sent/sendto*", "subtypes/udp-nothing-sent/send")
)
def no_bytes_are_an_integer(original: Original, *args: Any) -> Values:
    """The number of bytes of a datagram of no bytes is an integer."""
    results = original(*args)
    return _returns_integers(original, *args) if results == (0,) else results


@FAULTS.fault("udp:receivefrom", detected_by="subtypes/udp-sender-of-a-part")
def senders_of_nothing_have_a_port_that_is_a_float(original: Original, *args: Any) -> Values:
    """The port of the sender is a float if no bytes were received."""
    results = original(*args)
    return tuple(map(_float, results)) if results[0] == b"" else results
