"""Exceptions: ``try`` raises the error of a call, and ``protect`` turns exceptions into results.

An exception travels as a table of its own kind. Whatever else is raised goes through ``protect``.
"""

from __future__ import annotations

from typing import Any

from luasocket_reference.dialect import Dialect, find
from luasocket_reference.lua.arguments import Arguments
from luasocket_reference.lua.functions import Builtin
from luasocket_reference.lua.objects import call
from luasocket_reference.lua.values import Function, LuaError, Table, Values, field, is_table, truth

__all__ = ["LuaException", "global_newtry", "global_protect", "newtry", "unwrap"]


class LuaException(Table):
    """What ``try`` raises: a table with the message at 1, of a kind of its own. (In 3.0-rc1 it is a plain table.)"""


def newtry(dialect: Dialect, finalizer: Any = None) -> Function:
    """Return a function ``try``.

    Parameters
    ----------
    dialect
        Decides whether an error of the finalizer is dropped.
    finalizer
        Called without arguments before an exception is raised; None for none.
    """

    @Builtin("result", "error")
    def lua_try(args: Arguments) -> Values:
        """try(result, error, ...) → result, error, ...

        Return all arguments if `result` is true. Otherwise call the finalizer, then raise `error` as an exception.
        """
        if truth(args["result"]):
            return args.values  # newtry/passes-results
        message = args["error"]
        try:
            if finalizer is not None:
                call(dialect.lua, finalizer)  # newtry/finalizer, newtry/finalizer-first, newtry/example
        except LuaError as error:
            # newtry/finalizer-protected. Disagreement: from 3.0.0 on, an error of the finalizer replaces the exception.
            if not dialect.finalizer_protected:
                raise
            if len(args.values) == 1:  # 3.0-rc1 takes what lies on the stack for the second argument
                message = error.value
        exception = Table() if dialect.catches_any_table else LuaException()
        if message is not None:
            exception[1] = message
        raise LuaError(exception)

    return lua_try.of(dialect, "try")


@Builtin("finalizer")
def global_newtry(args: Arguments) -> Values:
    """socket.newtry([finalizer]) → try

    Make a function ``try``, which returns its arguments if the first is true. Otherwise it calls `finalizer` and raises
    the second argument as an exception.
    """
    return (newtry(args.dialect, args["finalizer"]),)  # newtry/returns-try, newtry/finalizer-optional


def unwrap(value: Any, dialect: str = "luasocket-3") -> Values | None:
    """Return the results of ``protect`` for a value that was raised inside: for hosts that catch errors themselves.

    Parameters
    ----------
    value
        The value that was raised.
    dialect
        A key of `DIALECTS`.

    Returns
    -------
    tuple or None
        Nil and the message if the value is an exception of the dialect; None if ``protect`` raises it again.
    """
    return _unwrap(value, find(dialect))


def _unwrap(value: Any, dialect: Dialect) -> Values | None:
    if not (is_table(value) if dialect.catches_any_table else isinstance(value, LuaException)):
        # protect/lua-errors-pass. Disagreement: protect/lua-errors-as-string says that such errors are returned.
        return None
    return (None, field(value, 1))  # protect/nil-message


@Builtin("func")
def global_protect(args: Arguments) -> Values:
    """socket.protect(func) → function

    Make a function that does the same as `func`, but returns nil and the message for an exception of ``try``.
    """
    # 3.0-rc1 takes the last of its arguments.
    chosen = args.values[-1:] if args.dialect.protects_last_argument else args.values[:1]
    func = chosen[0] if chosen else None

    @Builtin()
    def protected(values: Arguments) -> Values:
        try:
            return call(args.dialect.lua, func, *values.values)  # protect/equivalent
        except LuaError as error:
            results = _unwrap(error.value, args.dialect)  # protect/catches-try, protect/assert-error, protect/example
            if results is None:
                raise
            return results

    return (protected.of(args.dialect, "protected"),)  # protect/returns-safe
