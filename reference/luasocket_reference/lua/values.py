"""Lua's values, the errors that are raised with them, and tables.

Lua's values are None, bool, int and float, bytes (a str is taken for Latin-1), dict, functions, and
`luasocket_reference.Object`. Any other value takes part if it has the attributes of `Foreign`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, TypeGuard, runtime_checkable

from luasocket_reference.lua.numbers import format_number
from luasocket_reference.lua_version import LuaVersion

__all__ = [
    "BadArgument",
    "Foreign",
    "Function",
    "LuaError",
    "Namespace",
    "Table",
    "Values",
    "field",
    "is_table",
    "results_or_error",
    "to_bytes",
    "to_string",
    "truth",
    "type_name",
]

#: The results of a call, trailing nils included.
Values: TypeAlias = tuple[Any, ...]

#: Anything that can be called from Lua.
Function: TypeAlias = Callable[..., Values]


class LuaError(Exception):
    """What Lua raises.

    Parameters
    ----------
    value
        The error's value: bytes for a message, but any value of Lua can be raised.
    located
        Whether Lua puts the place of the call, "file:line:", before the message, as ``luaL_error`` does. The
        reference knows no place; an embedder may add it.
    """

    def __init__(self, value: Any, *, located: bool = False) -> None:
        super().__init__(value)
        self.value = value.encode("latin-1", "replace") if isinstance(value, str) else value
        self.located = located

    def __str__(self) -> str:
        return self.value.decode("latin-1") if isinstance(self.value, bytes) else repr(self.value)


class BadArgument(LuaError):
    """What Lua raises for an argument that a function does not take.

    Parameters
    ----------
    position
        Which argument, from 1; in a method, 1 is the object.
    name
        The name of the function.
    reason
        What is wrong with it: "number expected, got nil".
    by_colon
        Whether `value` is worded for a call ``object:function(...)``.
    """

    def __init__(self, position: int, name: str, reason: str, *, by_colon: bool = False) -> None:
        self.position = position
        self.name = name
        self.reason = reason
        super().__init__(self.message(by_colon=by_colon), located=True)

    def message(self, *, by_colon: bool) -> bytes:
        """Return the message for a call of one form: by colon, the object is not counted as an argument."""
        if by_colon and self.position == 1:
            text = f"calling '{self.name}' on bad self ({self.reason})"
        else:
            text = f"bad argument #{self.position - by_colon} to '{self.name}' ({self.reason})"
        return text.encode("latin-1", "replace")


@runtime_checkable
class Foreign(Protocol):
    """A value of an embedding program, as a table of a Lua interpreter. It is returned as the same Python object.

    Attributes
    ----------
    lua_type
        The name of its type in Lua: "table", "userdata", "thread" or "function". A foreign value that can be called
        from Lua is a callable of Python, too, and returns a tuple.

    Notes
    -----
    The attribute ``lua_name`` may give the ``__name`` of its metatable.
    """

    lua_type: str

    def lua_index(self, key: Any) -> Any:
        """Return ``value[key]``, metamethods included, or raise `LuaError`."""


_TYPES: Sequence[tuple[type | tuple[type, ...], str]] = (
    (type(None), "nil"),
    (bool, "boolean"),
    ((int, float), "number"),
    ((bytes, str), "string"),
    (dict, "table"),
)


def type_name(value: Any) -> str:
    """Return the name of Lua's type of a value."""
    for kind, name in _TYPES:
        if isinstance(value, kind):
            return name
    if isinstance(value, Foreign):
        return value.lua_type
    return "function" if callable(value) else "userdata"


def is_table(value: Any) -> TypeGuard[dict[Any, Any] | Foreign]:
    """Return whether Lua takes a value for a table."""
    return type_name(value) == "table"


def truth(value: Any) -> bool:
    """Return whether Lua takes a value for true: all but nil and false."""
    return value is not None and value is not False


def to_bytes(value: Any) -> Any:
    """Return a str as bytes, and any other value as it is.

    Raises
    ------
    LuaError
        The str has a character that is not in Latin-1.
    """
    if not isinstance(value, str):
        return value
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError as error:
        raise LuaError(f"a string of Lua has bytes only, not U+{ord(value[error.start]):04X}") from None


def to_string(value: Any, lua: LuaVersion) -> bytes | None:
    """Return a string, or a number as it is written; None for all else."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return format_number(value, lua)


def field(table: Any, key: Any) -> Any:
    """Return ``table[key]`` of a table, None if there is nothing; a str as key stands for the string in Latin-1."""
    if not isinstance(table, dict):
        return to_bytes(table.lua_index(to_bytes(key)))
    if isinstance(key, str):
        return to_bytes(table.get(key.encode("latin-1"), table.get(key)))
    return to_bytes(table.get(key))


def results_or_error(failure: bytes | None, *results: Any) -> Values:
    """Return the results of a success, or nil and an error if there is one."""
    return results if failure is None else (None, failure)


class _Identity:
    """A key that equals only itself: a table, which Python cannot hash, or a boolean, which to Python is a number."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Identity) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)


class Table(dict[Any, Any]):
    """A table with keys as Lua has them: tables can be keys, by identity, and ``True`` is another key than 1."""

    @staticmethod
    def _key(key: Any) -> Any:
        return _Identity(key) if isinstance(key, bool) or type(key).__hash__ is None else key

    @staticmethod
    def _given(key: Any) -> Any:
        return key.value if isinstance(key, _Identity) else key

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(self._key(key), value)

    def __getitem__(self, key: Any) -> Any:
        return super().__getitem__(self._key(key))

    def __contains__(self, key: object) -> bool:
        return super().__contains__(self._key(key))

    def get(self, key: Any, default: Any = None) -> Any:
        """Return the value under a key, or the default."""
        return super().get(self._key(key), default)

    def __iter__(self) -> Iterator[Any]:
        return map(self._given, super().__iter__())

    def keys(self) -> Any:
        """Return the keys as they were given."""
        return list(self)

    def items(self) -> Any:
        """Return the pairs of key and value, the keys as they were given."""
        return [(self._given(key), value) for key, value in super().items()]


class Namespace(Table):
    """A table of named values, which Python callers reach as attributes; ``try_`` is the field ``try``.

    Parameters
    ----------
    fields
        What is in it, by name.
    """

    def __init__(self, fields: Mapping[str, Any]) -> None:
        super().__init__({name.encode("latin-1"): value for name, value in fields.items()})

    def __getattr__(self, name: str) -> Any:
        value = field(self, name.removesuffix("_"))
        if value is None:
            raise AttributeError(f"there is no field {name!r}", name=name, obj=self)
        return value
