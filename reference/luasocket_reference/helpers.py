"""The law of the helper module: what LuaSocket writes in Lua, on top of the functions of the module.

It calls the module through its fields, so that whoever replaces one is heard, and it knows no more of objects than
their methods. Sources and sinks are tables that can be called, and that ``select`` accepts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from luasocket_reference.auxiliar import (
    Function,
    LuaError,
    Namespace,
    Table,
    Values,
    call,
    index,
    tostring,
    truth,
    type_name,
)
from luasocket_reference.dialect import Dialect
from luasocket_reference.except_ import newtry

__all__ = ["BLOCKSIZE", "install"]

#: Bytes that a source asks for at once, unless the module's field says otherwise.
BLOCKSIZE = 2048


def _method(value: Any, name: str, *arguments: Any) -> Values:
    """Call ``value:name(...)``."""
    method = index(value, name)
    if method is None:
        raise LuaError(f"attempt to call a nil value (method '{name}')")
    return call(method, value, *arguments)


def _three(results: Values) -> tuple[Any, Any, Any]:
    """Return three results, nil for those that there are not."""
    first, second, third, *_ = (*results, None, None, None)
    return first, second, third


class _Stream(Table):
    """A source or a sink: a table with ``getfd`` and ``dirty`` of its socket, and a call.

    Parameters
    ----------
    held
        The socket.
    step
        What a call does, without the table itself.
    """

    def __init__(self, held: Any, step: Function) -> None:
        super().__init__()
        self[b"getfd"] = lambda *_: _method(held, "getfd")
        self[b"dirty"] = lambda *_: _method(held, "dirty")
        self._step = step

    def __call__(self, *arguments: Any) -> Values:
        return self._step(*arguments)


def _sink(held: Any, finish: Callable[[], Values]) -> _Stream:
    """Return a sink that sends chunks, and does something when there are no more."""

    def step(chunk: Any = None, *_: Any) -> Values:
        return _method(held, "send", chunk) if truth(chunk) else finish()

    return _Stream(held, step)


def _close_when_done(held: Any = None, *_: Any) -> Values:
    """Return a sink that closes the socket at the end: ``socket.sinkt["close-when-done"]``."""

    def finish() -> Values:
        _method(held, "close")
        return (1,)

    return (_sink(held, finish),)


def _keep_open(held: Any = None, *_: Any) -> Values:
    """Return a sink that leaves the socket open at the end: ``socket.sinkt["keep-open"]``."""
    return (_sink(held, lambda: (1,)),)


def _is_over(left: Any) -> bool:
    """Tell whether a length is used up.

    Raises
    ------
    LuaError
        It is no number.
    """
    if isinstance(left, bool) or not isinstance(left, int | float):
        raise LuaError(f"attempt to compare {type_name(left)} with number")
    return left <= 0


def _by_length(module: Namespace) -> Function:
    """Return ``socket.sourcet["by-length"]``, a source of so many bytes."""

    def by_length(held: Any = None, length: Any = None, *_: Any) -> Values:
        left = length

        def step(*_: Any) -> Values:
            nonlocal left
            if _is_over(left):
                return (None,)
            chunk, failure, _partial = _three(_method(held, "receive", min(module[b"BLOCKSIZE"], left)))
            if truth(failure):
                return (None, failure)
            left -= len(chunk)
            return (chunk,)

        return (_Stream(held, step),)

    return by_length


def _until_closed(module: Namespace) -> Function:
    """Return ``socket.sourcet["until-closed"]``, a source of all bytes until the end, which closes its socket then."""

    def until_closed(held: Any = None, *_: Any) -> Values:
        done = False

        def step(*_: Any) -> Values:
            nonlocal done
            if done:
                return (None,)
            chunk, failure, partial = _three(_method(held, "receive", module[b"BLOCKSIZE"]))
            if not truth(failure):
                return (chunk,)
            if failure != b"closed":
                return (None, failure)
            _method(held, "close")
            done = True
            return (partial,)

        return (_Stream(held, step),)

    return until_closed


def _choose(table: Any = None, *_: Any) -> Values:
    """Return a function that calls the entry of a table: ``socket.choose``.

    Parameters
    ----------
    table
        Functions by name.

    Returns
    -------
    tuple
        A function of a name and two arguments for the entry of that name. Without a name it is "default".
    """

    def chosen(*arguments: Any) -> Values:
        name, one, other = _three(arguments)
        if not isinstance(name, bytes | str):
            name, one, other = b"default", name, one
        text = tostring(name)
        entry = index(table, text.decode("latin-1"))
        if not truth(entry):
            raise LuaError(b"unknown key (" + text + b")")
        return call(entry, one, other)

    return (chosen,)


def _connect(module: Namespace, family: bytes) -> Function:
    """Return ``socket.connect4`` or ``socket.connect6``: ``socket.connect`` with a family."""

    def connect(*arguments: Any) -> Values:
        return call(module[b"connect"], *(*arguments, None, None, None, None)[:4], family)

    return connect


def _bind(module: Namespace, ipv4_master: str) -> Function:
    """Return ``socket.bind``, which makes a server.

    Parameters
    ----------
    module
        The module.
    ipv4_master
        As in `Dialect`.
    """

    def listen(master: Any, host: Any, port: Any, backlog: Any) -> Any:
        """Make a server of a master; return an error, or None."""
        for name, arguments in (("bind", (host, port)), ("listen", (backlog,))):
            result, failure, _ = _three(_method(master, name, *arguments))
            if not truth(result):
                _method(master, "close")
                return failure
        return None

    def bind(*arguments: Any) -> Values:
        host, port, backlog = _three(arguments)
        if host in (b"*", "*"):
            host = b"0.0.0.0"
        found, failure, _ = _three(call(index(module[b"dns"], "getaddrinfo"), host))
        if not truth(found):
            return (None, failure)
        failure = b"no info on address"
        for address in found.values():
            make = ipv4_master if address[b"family"] == b"inet" else "tcp6"
            master, failure, _ = _three(call(index(module, make)))
            if not truth(master):
                return (None, failure)
            _method(master, "setoption", b"reuseaddr", True)
            failure = listen(master, address[b"addr"], port, backlog)
            if failure is None:
                return (master,)
        return (None, failure)

    return bind


def install(module: Namespace, dialect: Dialect) -> None:
    """Add the helper module's fields to the module.

    Parameters
    ----------
    module
        The module, with the functions of the C library.
    dialect
        Its dialect.

    References
    ----------
    ``helper/*``.
    """
    sinks = Namespace({"close-when-done": _close_when_done, "keep-open": _keep_open, "default": _keep_open})
    until_closed = _until_closed(module)
    sources = Namespace({"by-length": _by_length(module), "until-closed": until_closed, "default": until_closed})
    module |= {
        b"BLOCKSIZE": BLOCKSIZE,
        b"bind": _bind(module, dialect.ipv4_master),
        b"choose": _choose,
        b"connect4": _connect(module, b"inet"),
        b"connect6": _connect(module, b"inet6"),
        b"sink": _choose(sinks)[0],
        b"sinkt": sinks,
        b"source": _choose(sources)[0],
        b"sourcet": sources,
        b"try": newtry(dialect),
    }
