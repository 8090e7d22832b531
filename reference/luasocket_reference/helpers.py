"""The helper module: the part of LuaSocket that is written in Lua, on top of the functions of the module.

It calls the module through its fields, so that a replaced function is called, and objects through their methods.
Sources and sinks are tables that can be called, and that ``select`` accepts.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from luasocket_reference.dialect import Dialect
from luasocket_reference.except_ import newtry
from luasocket_reference.lua.numbers import to_number
from luasocket_reference.lua.objects import call, class_or_type, index, invoke, tostring
from luasocket_reference.lua.values import (
    Function,
    LuaError,
    Namespace,
    Table,
    Values,
    field,
    is_table,
    to_bytes,
    to_string,
    truth,
    type_name,
)

__all__ = ["BLOCKSIZE", "install"]

#: Bytes that a source asks for at once, unless the module's field says otherwise.
BLOCKSIZE = 2048


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
        self[b"getfd"] = lambda *_: invoke(held, "getfd")
        self[b"dirty"] = lambda *_: invoke(held, "dirty")
        self._step = step

    def __call__(self, *arguments: Any) -> Values:
        return self._step(*arguments)


def _sink(held: Any, finish: Callable[[], Values]) -> _Stream:
    """Return a sink that sends chunks, and does something when there are no more."""

    def step(chunk: Any = None, *_: Any) -> Values:
        return invoke(held, "send", chunk) if truth(chunk) else finish()

    return _Stream(held, step)


def _close_when_done(held: Any = None, *_: Any) -> Values:
    """Return a sink that closes the socket at the end: ``socket.sinkt["close-when-done"]``."""

    def finish() -> Values:
        invoke(held, "close")
        return (1,)

    return (_sink(held, finish),)


def _keep_open(held: Any = None, *_: Any) -> Values:
    """Return a sink that leaves the socket open at the end: ``socket.sinkt["keep-open"]``."""
    return (_sink(held, lambda: (1,)),)


def _is_over(left: Any, dialect: Dialect) -> bool:
    """Return whether a length is used up.

    Raises
    ------
    LuaError
        It is not a number.
    """
    if isinstance(left, bool) or not isinstance(left, int | float):
        raise LuaError(f"attempt to compare {class_or_type(left, dialect.lua)} with number", located=True)
    return left <= 0


def _block_size(module: Namespace, left: int | float, dialect: Dialect) -> int | float:
    """Return the lesser of the module's block size and a length, as ``math.min`` does."""
    size = to_number(field(module, "BLOCKSIZE"), dialect.lua)
    if size is None:
        got = type_name(field(module, "BLOCKSIZE"))
        raise LuaError(f"bad argument #1 to 'min' (number expected, got {got})", located=True)
    return min(size, left)


def _length(chunk: Any, dialect: Dialect) -> int:
    """Return the length of a string, as ``string.len`` does."""
    text = to_string(to_bytes(chunk), dialect.lua)
    if text is None:
        raise LuaError(f"bad argument #1 to 'len' (string expected, got {type_name(chunk)})", located=True)
    return len(text)


def _by_length(module: Namespace, dialect: Dialect) -> Function:
    """Return ``socket.sourcet["by-length"]``, a source of a number of bytes."""

    def by_length(held: Any = None, length: Any = None, *_: Any) -> Values:
        left = length

        def step(*_: Any) -> Values:
            nonlocal left
            if _is_over(left, dialect):
                return (None,)
            chunk, failure, _partial = _three(invoke(held, "receive", _block_size(module, left, dialect)))
            if truth(failure):
                return (None, failure)
            left -= _length(chunk, dialect)
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
            chunk, failure, partial = _three(invoke(held, "receive", field(module, "BLOCKSIZE")))
            if not truth(failure):
                return (chunk,)
            if failure not in (b"closed", "closed"):
                return (None, failure)
            invoke(held, "close")
            done = True
            return (partial,)

        return (_Stream(held, step),)

    return until_closed


def _choose(dialect: Dialect, table: Any = None, *_: Any) -> Values:
    """socket.choose(table) → function

    Return a function ``choose(name, one, other)`` that calls the entry `name` of a table with the other two arguments.
    Without a name it is "default".
    """

    def chosen(*arguments: Any) -> Values:
        name, one, other = _three(arguments)
        if not isinstance(name, bytes | str):
            name, one, other = b"default", name, one
        text = tostring(name)
        entry = index(table, text.decode("latin-1"))
        if not truth(entry):
            raise LuaError(b"unknown key (" + text + b")", located=True)
        return call(dialect.lua, entry, one, other)

    return (chosen,)


def _connect(module: Namespace, family: bytes, dialect: Dialect) -> Function:
    """Return ``socket.connect4`` or ``socket.connect6``: ``socket.connect`` with a family."""

    def connect(*arguments: Any) -> Values:
        return call(dialect.lua, field(module, "connect"), *(*arguments, None, None, None, None)[:4], family)

    return connect


def _values(table: Any) -> Iterator[Any]:
    """Return the values of a list, as ``ipairs`` gives them."""
    if not is_table(table):
        raise LuaError(f"bad argument #1 to 'ipairs' (table expected, got {type_name(table)})", located=True)
    for number in itertools.count(1):
        value = field(table, number)
        if value is None:
            return
        yield value


def _bind(module: Namespace, dialect: Dialect) -> Function:
    """Return ``socket.bind(host, port [, backlog]) → server | nil, error``, which makes a server."""

    def listen(master: Any, host: Any, port: Any, backlog: Any) -> Any:
        """Make a server of a master; return an error, or None."""
        for name, arguments in (("bind", (host, port)), ("listen", (backlog,))):
            result, failure, _ = _three(invoke(master, name, *arguments))
            if not truth(result):
                invoke(master, "close")
                return failure
        return None

    def bind(*arguments: Any) -> Values:
        host, port, backlog = _three(arguments)
        if host in (b"*", "*"):
            host = b"0.0.0.0"
        found, failure, _ = _three(call(dialect.lua, index(field(module, "dns"), "getaddrinfo"), host))
        if not truth(found):
            return (None, failure)
        failure = b"no info on address"
        for address in _values(found):
            make = dialect.ipv4_master if index(address, "family") in (b"inet", "inet") else "tcp6"
            master, failure, _ = _three(call(dialect.lua, field(module, make)))
            if not truth(master):
                return (None, failure)
            invoke(master, "setoption", b"reuseaddr", True)
            failure = listen(master, index(address, "addr"), port, backlog)
            if failure is None:
                return (master,)
        return (None, failure)

    return bind


def install(module: Namespace, dialect: Dialect) -> None:
    """Add the helper module's fields to the module, which has the functions of the C library."""
    sinks = Namespace({"close-when-done": _close_when_done, "keep-open": _keep_open, "default": _keep_open})
    until_closed = _until_closed(module)
    sources = Namespace({
        "by-length": _by_length(module, dialect),
        "until-closed": until_closed,
        "default": until_closed,
    })  # fmt: skip
    module |= {  # helper/adds-functions
        b"BLOCKSIZE": BLOCKSIZE,
        b"bind": _bind(module, dialect),
        b"choose": partial(_choose, dialect),
        b"connect4": _connect(module, b"inet", dialect),
        b"connect6": _connect(module, b"inet6", dialect),
        b"sink": _choose(dialect, sinks)[0],
        b"sinkt": sinks,
        b"source": _choose(dialect, sources)[0],
        b"sourcet": sources,
        b"try": newtry(dialect),
    }
