"""Functions of the module, which are made for a dialect and a name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from luasocket_reference.dialect import Dialect
from luasocket_reference.lua.arguments import Arguments
from luasocket_reference.lua.values import Function, Values

__all__ = ["Builtin"]


class Builtin:
    """A function of the module. ``Builtin("seconds")`` decorates the function that implements it.

    Parameters
    ----------
    parameters
        The names of its arguments.
    """

    def __init__(self, *parameters: str) -> None:
        self.parameters = parameters

    def __call__(self, body: Callable[[Arguments], Values]) -> Builtin:
        """Take the implementation, a function of the arguments."""
        self._body = body
        self.__doc__ = body.__doc__
        return self

    def of(self, dialect: Dialect, name: str) -> Function:
        """Return the function of a dialect, under a name."""
        body, parameters = self._body, self.parameters

        def builtin(*values: Any) -> Values:
            return body(Arguments(dialect, name, parameters, values))

        builtin.__name__ = builtin.__qualname__ = name
        builtin.__doc__ = self.__doc__
        return builtin
