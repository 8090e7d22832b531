"""Runs the steps of a program on one implementation, with peers of its own."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Final

from luasocket_spec import model

from luasocket_runners.capabilities import probes
from luasocket_runners.explore.steps import (
    Call,
    Drop,
    Function,
    Get,
    Make,
    Outcome,
    PeerAct,
    Step,
    StepValue,
    bound_by,
    functions_of,
)
from luasocket_runners.peers import arrival
from luasocket_runners.peers.actions import Peer
from luasocket_runners.peers.endpoint import PeerFailure
from luasocket_runners.ports import Connection, Port, PortGone, PortUnavailable
from luasocket_runners.values import BadMessage, FunctionRef, Handle, LuaTable, LuaValue, decode, decode_list, encode

#: Seconds after which a call counts as hanging: every timeout of a program is a hundredth of that.
CALL_LIMIT: Final = 5.0
#: Seconds that a port has to start and to describe itself, as in a run.
START_LIMIT: Final = 10.0
#: Seconds that the system gets to deliver what was sent over the loopback. It takes microseconds; the limit only keeps
#: a full buffer, which is not read, from holding up the program.
ARRIVAL: Final = 0.2
#: Seconds that a peer waits for as many bytes as the other implementation's peer has got.
PATIENCE: Final = 1.0
#: Seconds between two looks at something that the system gives no event for.
LOOK: Final = 0.0002

#: A pair of addresses: the two ends of a connection, the object's own one first.
Ends = tuple[arrival.Address, arrival.Address]


def describe(port: Port, dialect: model.Dialect | None) -> Mapping[str, Any]:
    """Start a port and return its description: see ``describe`` in PROTOCOL.md.

    Raises
    ------
    PortUnavailable
        When it cannot be started, or says nothing.
    """
    try:
        connection = port.open(dialect)
        try:
            description = connection.ask({"id": 0, "op": "describe", "protocol": 1}, START_LIMIT)
        finally:
            connection.close()
    except PortGone as gone:
        raise PortUnavailable(f"The port {port.name} does not start: {gone}") from None
    if description is None:
        raise PortUnavailable(f"The port {port.name} did not reply to describe within {START_LIMIT:g} s.")
    return description


class Side:
    """One implementation that runs steps. Use as a context manager.

    Parameters
    ----------
    port
        The implementation.
    dialect
        The dialect that it is asked to speak; None leaves it to the port.

    Raises
    ------
    PortUnavailable
        When the port cannot be started.
    """

    def __init__(self, port: Port, dialect: model.Dialect | None) -> None:
        self._port = port
        self._dialect = dialect
        self._connection: Connection | None = None
        self._number = 0
        self.description: Mapping[str, Any] = {}
        self.bound: dict[str, LuaValue] = {}
        self.limit: float | None = None  #: seconds after which a call counts as hanging, if not the usual ones
        self.unread: dict[str, bytearray] = {}  #: by peer: the bytes for it that calls have reported, until it reads
        self._functions: dict[str, tuple[int, Function]] = {}
        self._inner: list[tuple[Call, Outcome]] = []  # what functions of the program did in the call in progress
        self._peers: dict[str, Peer] = {}

    def __enter__(self) -> Side:
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end_peers()
        self._stop()

    # -- the port

    def _start(self) -> Connection:
        self._connection = connection = self._port.open(self._dialect)
        self.description = self._request({"op": "describe", "protocol": 1}, [])
        return connection

    def _stop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _request(self, message: dict[str, Any], calls: list[tuple[str, tuple[object, ...]]]) -> dict[str, Any]:
        """Send a request, answer the port's calls of functions meanwhile, and return the reply."""
        connection = self._connection
        assert connection is not None
        self._number += 1
        number = self._number
        connection.post({"id": number, **message})
        end = time.monotonic() + self._patience()
        while True:
            reply = connection.wait(end - time.monotonic())
            if reply is None:
                raise TimeoutError
            if "callback" in reply:
                connection.post(self._called(reply, calls))
            elif reply.get("id") == number:
                return reply
            else:
                raise BadMessage("a reply to another request")

    def _patience(self) -> float:
        return CALL_LIMIT if self.limit is None else self.limit

    def _called(self, message: dict[str, Any], calls: list[tuple[str, tuple[object, ...]]]) -> dict[str, Any]:
        """Return the message that ends a call of a function of the program."""
        args = decode_list(message.get("args"), "args")
        function = next(
            (function for number, function in self._functions.values() if number == message["callback"]), None
        )
        if function is None:
            raise BadMessage("a call of a function that does not exist")
        calls.append((function.name, args))
        if function.asks is not None:
            return self._asked(*function.asks, calls)
        for call in function.does:
            if (ending := self._made_inside(call, calls)) is not None:
                return ending
        if function.raises:
            return {"op": "raise", "value": encode(self.resolve(function.raises[0]))}
        values = args if function.returns is None else tuple(map(self.resolve, function.returns))
        return {"op": "return", "values": [encode(value) for value in values]}

    def _made_inside(self, call: Call, calls: list[tuple[str, tuple[object, ...]]]) -> dict[str, Any] | None:
        """Make a call for a function of the program; return the message that ends the function, None if it goes on."""
        message = self._message(call)
        if message is None:
            return {"op": "return", "values": []}
        outcome = self._outcome(self._request(message, calls), ())
        self._inner.append((call, outcome))
        if outcome.kind == "raised":
            return {"op": "raise", "value": encode(outcome.values[0])}  # type: ignore[arg-type]
        if outcome.kind != "returned":
            return {"op": "return", "values": []}
        self.bind(call, outcome.values)  # type: ignore[arg-type]
        return None

    def _asked(self, name: str, method: str, calls: list[tuple[str, tuple[object, ...]]]) -> dict[str, Any]:
        """Call a method for a function of the program; return the message that ends the function."""
        handle = self.bound.get(name)
        if not isinstance(handle, Handle):
            return {"op": "return", "values": []}
        reply = self._request({"op": "call", "handle": handle.number, "method": method, "args": []}, calls)
        if "raises" in reply:
            return {"op": "raise", "value": reply["raises"]}
        return {"op": "return", "values": reply.get("returns", [])[:1]}

    # -- a program

    def reset(self) -> None:
        """Forget everything: close all objects and peers, so that the next program finds nothing of this one."""
        self._end_peers()
        self.unread.clear()
        self.bound.clear()
        self._functions.clear()
        try:
            if self._connection is None:
                self._start()
            self._request({"op": "reset"}, [])
        except (PortGone, TimeoutError, BadMessage):
            self._stop()
            self._start()

    def run(self, step: Step, other: Outcome | None = None) -> Outcome:
        """Run a step.

        Parameters
        ----------
        other
            The outcome on the other side: a peer waits for as much as the other side's peer has seen.
        """
        if isinstance(step, PeerAct):
            return self._act(step, other)
        return self._call(step)

    def ask(self, name: str, method: str, *args: StepValue) -> tuple[LuaValue, ...]:
        """Call a method that changes nothing; return its results, none if it raised."""
        outcome = self._call(Call(name, method, args))
        return outcome.values if outcome.kind == "returned" else ()  # type: ignore[return-value]

    def adopt(self, descriptor: str) -> None:
        """Give a descriptor that no object has to a new one, which the end of the program closes."""
        if self._connection is None:
            return  # its process has ended, and the descriptor with it
        for step in (
            Call(None, "socket.udp", (), ("adopter",)),
            Call("adopter", "close"),
            Call("adopter", "setfd", (model.Ref(descriptor),)),
        ):
            self._call(step)

    def _call(self, step: Call | Get | Make | Drop) -> Outcome:
        for function in functions_of(step):
            self._functions[function.name] = (len(self._functions) + 1, function)
            self.bound[function.name] = FunctionRef(len(self._functions))
        message = self._message(step)
        if message is None:
            return Outcome("missing", sentence="the program has no such object")
        calls: list[tuple[str, tuple[object, ...]]] = []
        self._inner = []
        try:
            if self._connection is None:
                self._start()
            reply = self._request(message, calls)
            outcome = replace(self._outcome(reply, tuple(calls)), inner=tuple(self._inner))
        except TimeoutError:
            self._stop()
            return Outcome("hung", sentence=f"it did not return within {self._patience():g} s")
        except (PortGone, BadMessage) as gone:
            self._stop()
            return Outcome("died", sentence=str(gone))
        if outcome.kind == "returned":
            self.bind(step, outcome.values)  # type: ignore[arg-type]
        return outcome

    def _message(self, step: Call | Get | Make | Drop) -> dict[str, Any] | None:
        """Return the request of a step, without its number; None if the program has not got the object."""
        if isinstance(step, Make):
            made = {"op": "make", "value": encode(self.resolve(step.table))}
            return made if step.inherits is None else {**made, "inherits": encode(self.resolve(step.inherits))}
        message: dict[str, Any] = {"op": "get" if isinstance(step, Get) else "call"}
        if isinstance(step, Call):
            repeats = "repeat" in self.description.get("capabilities", ())
            message["args"] = [encode(self.resolve(value), repeats=repeats) for value in step.args]
        if step.object is None:
            return {**message, "target": step.path}
        handle = self.bound.get(step.object)
        if not isinstance(handle, Handle):
            return None
        if isinstance(step, Drop):
            del self.bound[step.object]
            return {"op": "release", "handles": [handle.number]}
        message["handle"] = handle.number
        if step.path:
            message["field" if isinstance(step, Get) else "method"] = step.path
        return message

    def bind(self, step: Call | Get | Make | Drop, results: tuple[LuaValue, ...]) -> None:
        """Bind the names of a step's results."""
        for index, name in enumerate(bound_by(step)):
            if name is not None:
                self.bound[name] = results[index] if index < len(results) else None

    @staticmethod
    def _outcome(reply: dict[str, Any], calls: tuple[tuple[str, tuple[object, ...]], ...]) -> Outcome:
        if "returns" in reply:
            return Outcome("returned", decode_list(reply["returns"], "returns"), calls)
        if "raises" in reply:
            return Outcome("raised", (decode(reply["raises"]),), calls)
        if "missing" in reply:
            return Outcome("missing", sentence=str(reply["missing"]))
        raise BadMessage(f"the adapter could not run the request: {reply.get('fault', reply)}")

    def resolve(self, value: StepValue) -> LuaValue:
        """Return the run-time value of a value in a step."""
        if isinstance(value, model.Ref):
            return self.bound.get(value.name)
        if isinstance(value, model.TableSpec):
            return LuaTable(tuple((self.resolve(key), self.resolve(item)) for key, item in value.entries))
        if isinstance(value, model.Repeat):
            return value.text * value.times
        if isinstance(value, model.Value):
            raise TypeError(f"a step cannot have the value {value!r}")
        return value

    # -- peers

    def _act(self, step: PeerAct, other: Outcome | None) -> Outcome:
        peer = self._peers.setdefault(step.peer, Peer(step.peer))
        if step.verb in ("collect", "end"):
            reported = len(self.unread.get(step.peer, b""))
            return self._collect(peer, other, reported, until_end=step.verb == "end")
        options = {key: self.resolve(value) for key, value in step.options}
        try:
            made = peer.act(step.verb, self.resolve(step.value), options)
        except (PeerFailure, ValueError, OSError) as failure:
            # a ValueError: it has no connection to act on; an OSError: it is of another family, say
            return Outcome("saw", (b"failure",), sentence=str(failure))
        if step.bind is not None and isinstance(made, dict):
            for key, value in made.items():
                self.bound[f"{step.bind}.{key}"] = value
        return Outcome("saw")

    def has(self, capability: str) -> bool:
        """Tell whether the implementation has a capability that is found out by asking it; forget what it made."""

        def ask(message: Mapping[str, Any]) -> tuple[LuaValue, ...] | None:
            reply = self._request(dict(message), [])
            return decode_list(reply["returns"], "returns") if "returns" in reply else None

        try:
            return probes.has(capability, ask)
        except (PortGone, TimeoutError, BadMessage):
            return False
        finally:
            self.reset()

    def has_visitor(self, name: str) -> bool:
        """Tell whether a peer has a connection to accept."""
        peer = self._peers.get(name)
        return peer is not None and peer.tcp.has_visitor(ARRIVAL)

    @staticmethod
    def _collect(peer: Peer, other: Outcome | None, reported: int, *, until_end: bool) -> Outcome:
        """Read the data that have arrived; wait for all that were reported as sent, or as the other side's peer saw.

        A reset is always told, because it explains why data are missing; any other end only if it is asked for.
        """
        wanted = len(other.values[0]) if other is not None and isinstance(other.values[0], bytes) else 0
        wanted = max(wanted, reported)
        end_wanted = other.values[1] if other is not None and len(other.values) > 1 else None
        data, ended = bytearray(), None
        limit = time.monotonic() + PATIENCE
        while True:
            more, ended = peer.current.arrived(wanted - len(data))
            data += more
            if ended is not None or (len(data) >= wanted and (not until_end or end_wanted in (None, ended))):
                break
            if time.monotonic() >= limit:
                break
            time.sleep(LOOK)
        return Outcome("saw", (bytes(data), ended if until_end or ended == "reset" else None))

    def _end_peers(self) -> None:
        for peer in self._peers.values():
            peer.end()
        self._peers.clear()

    def settle(self, ends: Ends) -> None:
        """Wait until everything that one end of a connection has sent has arrived at the other end."""
        limit = time.monotonic() + ARRIVAL
        while time.monotonic() < limit:
            with contextlib.suppress(OSError):
                if not arrival.unacknowledged(*ends):
                    return
            time.sleep(LOOK)

    def peer_at(self, ends: Ends) -> str | None:
        """Return the name of the peer at the second end of a connection; None if there is none."""
        return next((name for name, peer in self._peers.items() if peer.tcp.ends == ends), None)

    def ends_of(self, name: str) -> Ends | None:
        """Return the two addresses of an object's connection; None where the port does not say."""
        local, remote = self.ask(name, "getsockname")[:2], self.ask(name, "getpeername")[:2]
        try:
            return _address(local), _address(remote)
        except (ValueError, TypeError):
            return None


def _address(values: tuple[LuaValue, ...]) -> tuple[str, int]:
    ip, port = values
    if not isinstance(ip, bytes) or not isinstance(port, bytes | int | float):
        raise ValueError("no address")
    text = ip.decode("latin-1")
    socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)
    return text, int(port)
