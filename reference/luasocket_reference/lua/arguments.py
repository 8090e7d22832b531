"""The arguments of a call: looked up by name, and checked as Lua's auxiliary library does, with the same messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from luasocket_reference.dialect import Dialect
from luasocket_reference.lua.numbers import as_long, to_number
from luasocket_reference.lua.objects import class_or_type
from luasocket_reference.lua.values import BadArgument, Values, is_table, to_bytes, to_string, type_name

__all__ = ["SELF", "Arguments"]

#: The name of the argument that is the object, in methods.
SELF = "self"

_MISSING: Any = object()


class Arguments:
    """The arguments of one call, checked one by one, in the order in which the function asks for them.

    Parameters
    ----------
    dialect
        The LuaSocket, and the Lua, whose messages are used.
    function
        The function's name, for errors.
    parameters
        The names of the arguments, as in the documentation; in a method, the first is `SELF`.
    values
        The arguments. A str is taken for a string in Latin-1.
    by_colon
        Whether the call is ``object:function(...)``, for errors.
    """

    __slots__ = ("_parameters", "by_colon", "dialect", "function", "values")

    def __init__(
        self, dialect: Dialect, function: str, parameters: Sequence[str], values: Values, *, by_colon: bool = False
    ) -> None:
        self.dialect = dialect
        self.function = function
        self._parameters = parameters
        self.by_colon = by_colon
        self.values = values
        for value in values:
            if isinstance(value, str):
                self.values = tuple(map(to_bytes, values))
                break

    def _position(self, name: str) -> int:
        return self._parameters.index(name) + 1

    def __getitem__(self, name: str) -> Any:
        """Return an argument, None if there are fewer."""
        position = self._position(name)
        return self.values[position - 1] if position <= len(self.values) else None

    def error(self, name: str, reason: str) -> BadArgument:
        """Return the error for a bad argument."""
        return self.error_at(self._position(name), reason)

    def error_at(self, position: int, reason: str) -> BadArgument:
        """Return the error for a bad argument, given its position."""
        return BadArgument(position, self.function, reason, by_colon=self.by_colon)

    def type_error(self, name: str, expected: str, *, names_class: bool = True) -> BadArgument:
        """Return the error for an argument of a wrong type.

        Parameters
        ----------
        name
            Which one.
        expected
            The type that was expected.
        names_class
            False where LuaSocket's C code words the message, which does not know the classes of objects.
        """
        return self.error(name, f"{expected} expected, got {self._describe(name, names_class)}")

    def _describe(self, name: str, names_class: bool) -> str:
        if self._position(name) > len(self.values):
            return "no value"
        value = self[name]
        return class_or_type(value, self.dialect.lua) if names_class else type_name(value)

    def number(self, name: str, default: float = _MISSING) -> float:
        """Return an argument that must be a number or a numeral, as a double.

        Parameters
        ----------
        name
            Which one.
        default
            What it is if it is nil or not given. Without a default, that raises.

        Raises
        ------
        BadArgument
            It is something else.
        """
        value = self[name]
        if value is None and default is not _MISSING:
            return default
        return float(self._number(name))

    def _number(self, name: str) -> int | float:
        number = to_number(self[name], self.dialect.lua)
        if number is None:
            raise self.type_error(name, "number")
        return number

    def integer(self, name: str) -> int:
        """Return an argument that must be an integer; a fraction raises only where Lua has integers."""
        number = self._number(name)
        if isinstance(number, int):
            return number
        if self.dialect.lua.has_integers and as_long(number) != number:
            raise self.error(name, "number has no integer representation")
        return as_long(number)

    def bytes(self, name: str, default: Any = _MISSING) -> Any:
        """Return an argument that must be a string or a number; as `number` otherwise."""
        value = self[name]
        if value is None and default is not _MISSING:
            return default
        text = to_string(value, self.dialect.lua)
        if text is None:
            raise self.type_error(name, "string")
        return text

    def text(self, name: str, default: Any = _MISSING) -> Any:
        """Return a string as C reads it: `bytes` up to the first NUL."""
        value = self.bytes(name, default)
        return value if value is None else value.partition(b"\0")[0]

    def option(self, name: str, default: str, options: Mapping[str, Any]) -> Any:
        """Return the value of an argument that must be one of several names.

        Raises
        ------
        BadArgument
            It is no string, or none of those.
        """
        if self.dialect.lua.defaults_for_other_types and to_string(self[name], self.dialect.lua) is None:
            choice = default
        else:
            choice = self.text(name, default.encode("ascii")).decode("latin-1")
        if choice not in options:
            raise self.error(name, f"invalid option '{choice}'")
        return options[choice]

    def boolean(self, name: str) -> bool:
        """Return an argument that must be true or false."""
        value = self[name]
        if not isinstance(value, bool):
            raise self.type_error(name, "boolean", names_class=False)
        return value

    def table(self, name: str, *, names_class: bool = True) -> Any:
        """Return an argument that must be a table; `names_class` as in `type_error`."""
        value = self[name]
        if not is_table(value):
            raise self.type_error(name, "table", names_class=names_class)
        return value
