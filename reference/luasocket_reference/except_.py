"""The law of exceptions: ``try`` raises what a call failed with, and ``protect`` returns it.

An exception travels as a table of its own kind, which nobody but ``protect`` looks into. All else that is raised goes
through it.
"""

from __future__ import annotations

from typing import Any

from luasocket_reference.auxiliar import Arguments, Function, LuaError, Table, Values, call, function, truth
from luasocket_reference.dialect import Dialect

__all__ = ["global_newtry", "global_protect", "newtry"]


class _Exception(Table):
    """What ``try`` raises: a table with the message at 1."""


def newtry(dialect: Dialect, finalizer: Any = None) -> Function:
    """Return a function ``try``.

    Parameters
    ----------
    dialect
        Decides what becomes of an error of the finalizer.
    finalizer
        Called without arguments before an exception is raised; None for none.
    """

    def lua_try(arguments: Arguments) -> Values:
        """Return all arguments if the first is true; else raise the second as an exception."""
        if truth(arguments[1]):
            return arguments.values
        try:
            if finalizer is not None:
                call(finalizer)
        except LuaError:
            if not dialect.finalizer_protected:
                raise
        raise LuaError(_Exception() if arguments[2] is None else _Exception({1: arguments[2]}))

    return function(dialect, "try", lua_try)


def global_newtry(arguments: Arguments) -> Values:
    """Make a function ``try``: ``socket.newtry``.

    Parameters
    ----------
    arguments
        1: a finalizer, or nil.

    Returns
    -------
    tuple
        The function. It returns its arguments if the first is true; else it calls the finalizer and raises the second.

    References
    ----------
    ``newtry/*``.
    """
    return (newtry(arguments.dialect, arguments[1]),)


def global_protect(arguments: Arguments) -> Values:
    """Make a function that returns exceptions: ``socket.protect``.

    Parameters
    ----------
    arguments
        1: a function.

    Returns
    -------
    tuple
        A function that does the same, but for an exception of ``try`` returns nil and the message.

    References
    ----------
    ``protect/*``.
    """
    body = arguments[1]
    kind = dict if arguments.dialect.catches_any_table else _Exception

    def protected(values: Arguments) -> Values:
        """Call the function, and return nil and the message for an exception."""
        try:
            return call(body, *values.values)
        except LuaError as error:
            if not isinstance(error.value, kind):
                raise
            return (None, error.value.get(1))

    return (function(arguments.dialect, "protected", protected),)
