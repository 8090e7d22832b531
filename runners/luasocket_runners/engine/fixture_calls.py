"""The calls of fixtures on ports that cannot do all of them, or do them differently.

A fixture only prepares, so a port that has no `getsockname` still gets its server: it is bound to a port that the
runner chooses. And where a method returns an object instead of changing its own, the failure says so, rather than that
the old object lacks the methods of the new one.
"""

from __future__ import annotations

import errno
import random
import socket
from typing import Final, Literal

from luasocket_spec import model

from luasocket_runners.engine.bindings import Scope
from luasocket_runners.engine.failure import Failure
from luasocket_runners.engine.port_process import PortProcess
from luasocket_runners.engine.requests import Reply
from luasocket_runners.values import Handle, LuaValue

#: The methods that bind an object, with the kind of the object.
BINDING: Final[dict[str, Literal["tcp", "udp"]]] = {"bind": "tcp", "setsockname": "udp"}
#: Ports that no system gives out by itself: below the ephemeral ones, above those of services.
_CHOSEN: Final = range(20_000, 32_768)
#: How often a free port is looked for. Nearly every one is free.
_ATTEMPTS: Final = 100


def bound_kinds(behaviour: model.Behaviour) -> set[Literal["tcp", "udp"]]:
    """Return the kinds of objects that the fixtures of a behaviour bind."""
    calls = (step for _, fixture in behaviour.given for step in fixture.steps if isinstance(step, model.Call))
    methods = {call.target.method for call in calls if isinstance(call.target, model.MethodTarget)}
    return {kind for method, kind in BINDING.items() if method in methods}


class FixtureCalls:
    """Adapts the calls of the fixtures of one behaviour.

    Parameters
    ----------
    process
        The port.
    """

    def __init__(self, process: PortProcess) -> None:
        self._process = process
        self._addresses: dict[int, tuple[LuaValue, ...]] = {}  # by the handles that were bound to a chosen port

    def args(self, step: model.Call, args: tuple[LuaValue, ...], scope: Scope) -> tuple[LuaValue, ...]:
        """Return the arguments of a call: a port is chosen where the port under test could not say which it got."""
        if not isinstance(step.target, model.MethodTarget) or step.target.method not in BINDING or args[1:] != (0,):
            return args
        kind = BINDING[step.target.method]
        if self._process.names_sockets(kind):
            return args
        ip = args[0]
        assert isinstance(ip, bytes), "the fixtures bind to an address"
        shown = b"0.0.0.0" if ip == b"*" else ip
        number = free_port(shown.decode("ascii"), kind)
        self._addresses[scope.handle(step.target.name).number] = (shown, number, b"inet")
        return ip, number

    def reply(self, step: model.Call, scope: Scope) -> Reply | None:
        """Return the reply to a call that the port is not asked for; None: it has to be asked."""
        if not isinstance(step.target, model.MethodTarget) or step.target.method != "getsockname":
            return None
        address = self._addresses.get(scope.handle(step.target.name).number)
        return None if address is None else Reply(address, None, 0.0)

    @staticmethod
    def check(step: model.Call, reply: Reply, handle: LuaValue) -> None:
        """Check that a method whose results are not used returned no new object in the place of its own, ``handle``.

        Where it returns its own, the fixture is set up all the same.

        Raises
        ------
        Failure
            It returned another one.
        """
        first = reply.returns[0] if reply.returns else None
        is_own = isinstance(first, Handle) and isinstance(handle, Handle) and first.number == handle.number
        if isinstance(step.target, model.MethodTarget) and not step.binds and isinstance(first, Handle) and not is_own:
            raise Failure(
                f"{step.target.method} returned an object ({first.type}); LuaSocket's returns 1 and changes the object "
                "that it is called on"
            )


def free_port(ip: str, kind: Literal["tcp", "udp"]) -> int:
    """Return the number of a port that can be bound now."""
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    for number in random.sample(_CHOSEN, _ATTEMPTS):
        with socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((ip, number))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    continue
                raise
            return number
    raise OSError(errno.EADDRINUSE, f"no free port among {_ATTEMPTS} from {_CHOSEN.start} to {_CHOSEN.stop - 1}")
