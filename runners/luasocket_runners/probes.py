"""Capabilities of a port that its adapter does not tell: the runner asks the port something, and sees.

What lives here: those questions. What may not: capabilities of the host (``host``), looking at a socket
(``inspection``), sending messages (the ``ask`` that is handed in does).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from luasocket_spec import CAPABILITIES

from luasocket_runners import inspection
from luasocket_runners.values import Handle, LuaValue, encode

#: Sends a request and returns what the port returned; None: it raised, or has no such thing.
Ask: TypeAlias = Callable[[Mapping[str, Any]], tuple[LuaValue, ...] | None]

#: What is before the name of the option in a capability.
_OPTION: Final = "option-"


def asked(capability: str) -> bool:
    """Tell whether a capability is one that is found out here."""
    return CAPABILITIES[capability].of == "runner"


def has_option(capability: str, ask: Ask) -> bool:
    """Tell whether the port's TCP objects know the option of a capability ``option-…``.

    An option that is not known raises. On a fresh object 0 changes nothing: it is what the option is, or there is no
    socket yet, or it is refused; and a refusal is returned.
    """
    master = _called(ask, None, "socket.tcp")
    if not isinstance(master, Handle):
        return False
    option = capability.removeprefix(_OPTION).encode("ascii")
    return _asked(ask, master, "setoption", option, 0) is not None


def inspected_process(leader: int | None, ask: Ask) -> int | None:
    """Return the process whose descriptors ``getfd`` tells, if we may look into it.

    A socket of the port is looked for, by the address that the port has bound it to: a number alone would be a
    descriptor of many a process.

    Parameters
    ----------
    leader
        The process that was started for the port (it may have started the port in turn); None: no process of this host.
    ask
        Asks the port. Its objects are left to the next ``reset``.
    """
    if leader is None:
        return None
    master = _called(ask, None, "socket.tcp")
    if not isinstance(master, Handle) or _called(ask, master, "bind", b"127.0.0.1", 0) != 1:
        return None
    name = _asked(ask, master, "getsockname") or ()
    descriptor = _called(ask, master, "getfd")
    if len(name) < 2 or not isinstance(name[1], bytes | int | float) or not isinstance(descriptor, int | float):
        return None
    address = "127.0.0.1", int(name[1])  # until LuaSocket 3.1 the port was a string
    found = (
        number for number in inspection.processes(leader) if inspection.is_bound_to(number, int(descriptor), address)
    )
    return next(found, None)


def _asked(ask: Ask, handle: Handle | None, name: str, *args: LuaValue) -> tuple[LuaValue, ...] | None:
    """Call a function of the module, or a method of a handle; return its results, None where it did not return."""
    target = {"target": name} if handle is None else {"handle": handle.number, "method": name}
    return ask({"op": "call", **target, "args": [encode(value) for value in args]})


def _called(ask: Ask, handle: Handle | None, name: str, *args: LuaValue) -> LuaValue:
    """Call likewise, and return the first result, nil where there is none."""
    results = _asked(ask, handle, name, *args)
    return results[0] if results else None
