"""The law of Lua's values: what a value is, what an argument may be, and what is raised when it is not.

Lua's values are None, bool, int and float, bytes, dict (a table), functions, and `Object`. `Arguments` holds those of
one call and checks them as ``lauxlib`` does, with the same messages. `Method` is a function of a kind of objects: it
checks what it is called on, then runs. Nothing here knows of sockets.

Numbers become C's integers as x86-64 does it, also where C leaves it open.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from types import MethodType
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

from luasocket_reference.dialect import Dialect

__all__ = [
    "GROUPS",
    "SIZES",
    "Arguments",
    "Function",
    "LuaError",
    "Method",
    "Namespace",
    "Object",
    "Table",
    "Values",
    "answer",
    "as_int",
    "as_long",
    "as_size",
    "call",
    "field",
    "format_number",
    "from_size",
    "function",
    "index",
    "to_number",
    "to_string",
    "tostring",
    "truth",
    "type_name",
]

#: The results of a call: exactly so many.
Values: TypeAlias = tuple[Any, ...]

#: Anything that can be called from Lua.
Function: TypeAlias = Callable[..., Values]

#: The classes of a group: what `Method` accepts where it asks for the group.
GROUPS: Mapping[str, frozenset[str]] = {
    "tcp{any}": frozenset({"tcp{master}", "tcp{client}", "tcp{server}"}),
    "udp{any}": frozenset({"udp{connected}", "udp{unconnected}"}),
}


class LuaError(Exception):
    """What Lua raises.

    Parameters
    ----------
    value
        The error's value: bytes for a message, but any value of Lua can be raised.
    """

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.value = value.encode("latin-1") if isinstance(value, str) else value

    def __str__(self) -> str:
        return self.value.decode("latin-1") if isinstance(self.value, bytes) else repr(self.value)


# Numbers

_NUMERAL = re.compile(
    rb"""[ \f\n\r\t\v]*
    (?P<sign>[-+]?)
    (?: (?P<hexadecimal>0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)(?:[pP][-+]?[0-9]+)?)
      | (?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)? )
    [ \f\n\r\t\v]*""",
    re.VERBOSE,
)

#: How many values C's ``size_t`` has.
SIZES = 0x1_0000_0000_0000_0000

#: The first numbers that are too large for C's ``int`` and ``long``.
_INT_END, _LONG_END = 0x8000_0000, 0x8000_0000_0000_0000


def _parse_number(text: bytes) -> float | None:
    """Return the number that a string is, None if it is none. None of them wraps, as hexadecimal ones do in Lua 5.3."""
    match = _NUMERAL.fullmatch(text)
    if match is None:
        return None
    if match["hexadecimal"] is None:
        return float(text)
    try:
        return float.fromhex(text.decode("ascii"))
    except OverflowError:
        return -math.inf if match["sign"] == b"-" else math.inf


def to_number(value: Any) -> int | float | None:
    """Return a value as a number: a number itself, or a string that is a numeral; None for all else."""
    if isinstance(value, (int, float)):
        return None if isinstance(value, bool) else value
    return _parse_number(value) if isinstance(value, bytes) else None


def format_number(number: int | float, has_integers: bool) -> bytes:
    """Return a number as Lua writes it.

    Parameters
    ----------
    number
        The number.
    has_integers
        As in `Dialect`: whether a float without a fraction shows that it is one.
    """
    if isinstance(number, int) and has_integers:
        return b"%d" % number
    text = f"{float(number):.14g}"
    if has_integers and text.lstrip("-").isdigit():
        text += ".0"
    return text.encode("ascii")


def _truncate(number: int | float, end: int) -> int:
    """Return a number as a signed C integer that is less than `end`; what does not fit becomes the least one."""
    return int(number) if -end <= number < end else -end


def as_int(number: int | float) -> int:
    """Return a number as C's ``int``."""
    return _truncate(number, _INT_END)


def as_long(number: int | float) -> int:
    """Return a number as C's ``long``."""
    return _truncate(number, _LONG_END)


def as_size(number: int | float) -> int:
    """Return a number as C's ``size_t``: negative ones wrap around, infinity is 0; what no memory has is only large."""
    return 0 if number >= SIZES else as_long(number) % SIZES


def from_size(number: int) -> float:
    """Return C's ``size_t`` as a number of Lua, which is a double."""
    return float(number)


# Values

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
    return "function" if callable(value) else "userdata"


def answer(failure: bytes | None, *results: Any) -> Values:
    """Return the results of a success, or nil and an error if there is one."""
    return results if failure is None else (None, failure)


def truth(value: Any) -> bool:
    """Tell whether Lua takes a value for true: all but nil and false."""
    return value is not None and value is not False


def call(value: Any, *arguments: Any) -> Values:
    """Call a value as Lua does.

    Raises
    ------
    LuaError
        It cannot be called, or it raised this itself.
    """
    if not callable(value):
        raise LuaError(f"attempt to call a {type_name(value)} value")
    results: Values = value(*arguments)
    return results


def field(table: Mapping[Any, Any], name: str) -> Any:
    """Return the field of a table under a string, which Python callers may have written as str; None without one."""
    value = table.get(name.encode("latin-1"), table.get(name))
    return value.encode("latin-1") if isinstance(value, str) else value


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
        return _Identity(key) if isinstance(key, (dict, bool)) else key

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
        """Return what is under a key, or the default."""
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
    """A table of named things, which Python callers reach as attributes; ``try_`` is the field ``try``.

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


# Arguments

_MISSING: Any = object()


class Arguments:
    """The arguments of one call, checked one by one, as the function gets to them.

    Parameters
    ----------
    dialect
        Decides how numbers are written and what errors say.
    name
        The function's name, for errors.
    values
        The arguments. A str is taken for a string in Latin-1.

    Notes
    -----
    Positions count from 1. In a method, 1 is the object.
    """

    __slots__ = ("dialect", "name", "values")

    def __init__(self, dialect: Dialect, name: str, values: Values) -> None:
        self.dialect = dialect
        self.name = name
        self.values = values
        for value in values:
            if type(value) is str:
                self.values = tuple(each.encode("latin-1") if type(each) is str else each for each in values)
                break

    def __getitem__(self, position: int) -> Any:
        """Return an argument, None if there are fewer."""
        return self.values[position - 1] if position <= len(self.values) else None

    def error(self, position: int, message: str) -> LuaError:
        """Return what is raised for a bad argument."""
        return LuaError(f"bad argument #{position} to '{self.name}' ({message})")

    def type_error(self, position: int, expected: str) -> LuaError:
        """Return what is raised for an argument of a wrong type."""
        actual = type_name(self[position]) if position <= len(self.values) else "no value"
        return self.error(position, f"{expected} expected, got {actual}")

    def number(self, position: int, default: int | float = _MISSING) -> int | float:
        """Return an argument that must be a number or a numeral.

        Parameters
        ----------
        position
            Which one.
        default
            What it is if it is nil or not given. Without a default, that raises.

        Raises
        ------
        LuaError
            It is something else.
        """
        value = self[position]
        if value is None and default is not _MISSING:
            return default
        number = to_number(value)
        if number is None:
            raise self.type_error(position, "number")
        return number

    def integer(self, position: int) -> int:
        """Return an argument that must be an integer; a fraction raises only where Lua has integers."""
        number = self.number(position)
        if isinstance(number, int):
            return number
        if self.dialect.has_integers and not number.is_integer():
            raise self.error(position, "number has no integer representation")
        return as_long(number)

    def bytes(self, position: int, default: Any = _MISSING) -> Any:
        """Return an argument that must be a string or a number; as `number` otherwise."""
        value = self[position]
        if value is None and default is not _MISSING:
            return default
        text = to_string(value, self.dialect.has_integers)
        if text is None:
            raise self.type_error(position, "string")
        return text

    def text(self, position: int, default: Any = _MISSING) -> Any:
        """Return what C sees of a string: `bytes` up to the first NUL."""
        value = self.bytes(position, default)
        return value if value is None else value.partition(b"\0")[0]

    def option(self, position: int, default: str, options: Mapping[str, Any]) -> Any:
        """Return the value of an argument that must be one of several names.

        Raises
        ------
        LuaError
            It is no string, or none of those.
        """
        name = self.text(position, default.encode("ascii")).decode("latin-1")
        if name not in options:
            raise self.error(position, f"invalid option '{name}'")
        return options[name]

    def boolean(self, position: int) -> bool:
        """Return an argument that must be true or false."""
        value = self[position]
        if not isinstance(value, bool):
            raise self.type_error(position, "boolean")
        return value

    def table(self, position: int) -> dict[Any, Any]:
        """Return an argument that must be a table."""
        value = self[position]
        if not isinstance(value, dict):
            raise self.type_error(position, "table")
        return value

    def class_error(self, position: int, expected: str) -> LuaError:
        """Return what is raised for an argument that is no object of a class or of a group of classes."""
        if self.dialect.class_error_names_type and expected not in GROUPS:
            return self.type_error(position, expected)
        return self.error(position, f"{expected} expected")


def to_string(value: Any, has_integers: bool) -> bytes | None:
    """Return a string, or a number as it is written; None for all else."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return format_number(value, has_integers)


# Functions and objects

_T = TypeVar("_T", bound="Object")


class Object:
    """A value with a class: what Lua calls userdata.

    Parameters
    ----------
    dialect
        That of the module which made it.
    class_name
        Its class at first; methods may change it.

    Attributes
    ----------
    CLASSES
        By method name: the class or group of the object that it works on.
    methods
        By method name: the function, which takes the object first. What the dialect lacks is not there.
    """

    CLASSES: ClassVar[Mapping[str, str]] = {}

    _addresses = itertools.count(0x5555_0000_0010, 0x10)

    def __init__(self, dialect: Dialect, class_name: str) -> None:
        self.dialect = dialect
        self.class_name = class_name
        self.methods = _methods(type(self), dialect)  # type: ignore[arg-type]  # a class is hashable
        self._address = next(self._addresses)  # an address of our own: unlike id(), it is never given twice

    def __repr__(self) -> str:
        return f"{self.class_name}: 0x{self._address:x}"


class Method(Generic[_T]):
    """A method of a kind of objects; as a decorator, it makes one of what it does.

    Parameters
    ----------
    body
        What it does, once the object is known to be of the right class: a function of the object and the `Arguments`.
    """

    def __init__(self, body: Callable[[_T, Arguments], Values]) -> None:
        self._body = body
        self.__doc__ = body.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def alias(self) -> Method[_T]:
        """Return the same method, for another name."""
        return Method(self._body)

    def of(self, expected: str, dialect: Dialect) -> Function:
        """Return the function of a dialect that takes an object of a class or of a group of classes first."""
        name, body = self._name, self._body
        accepted = GROUPS.get(expected, frozenset({expected}))

        def method(*values: Any) -> Values:
            arguments = Arguments(dialect, name, values)
            value = arguments[1]
            if not isinstance(value, Object) or value.class_name not in accepted:
                raise arguments.class_error(1, expected)
            return body(value, arguments)  # type: ignore[arg-type]  # its class says that it is of the kind

        method.__name__ = method.__qualname__ = name
        method.__doc__ = self.__doc__
        return method

    def __get__(self, instance: _T | None, owner: type) -> Any:
        if instance is None:
            return self
        if self._name not in instance.methods:
            raise AttributeError(f"the dialect {instance.dialect.name} has no method {self._name}", name=self._name)
        return MethodType(instance.methods[self._name], instance)


@cache
def _methods(kind: type[Object], dialect: Dialect) -> Mapping[str, Function]:
    """Return the methods of a kind of objects."""
    return {
        name: getattr(kind, name).of(expected, dialect)
        for name, expected in kind.CLASSES.items()
        if name not in dialect.absent_methods
    }


def function(dialect: Dialect, name: str, body: Callable[[Arguments], Values]) -> Function:
    """Return a function of the module.

    Parameters
    ----------
    dialect, name
        As in `Arguments`.
    body
        What it does with its arguments.
    """

    def lua_function(*values: Any) -> Values:
        return body(Arguments(dialect, name, values))

    lua_function.__name__ = lua_function.__qualname__ = name
    lua_function.__doc__ = body.__doc__
    return lua_function


def index(value: Any, name: str) -> Any:
    """Return a field of an object, a table or a string, as Lua does; None if there is none.

    Raises
    ------
    LuaError
        The value cannot be indexed.
    """
    if isinstance(value, Object):
        return value.class_name.encode("ascii") if name == "class" else value.methods.get(name)
    if isinstance(value, dict):
        return field(value, name)
    if isinstance(value, bytes | str):
        return None  # the methods of strings are none of ours
    raise LuaError(f"attempt to index a {type_name(value)} value")


_NAMES: Mapping[Any, bytes] = {None: b"nil", True: b"true", False: b"false"}


def tostring(value: Any, has_integers: bool = True) -> bytes:
    """Return a value as Lua's ``tostring`` does: ``b"tcp{client}: 0x55550010"`` for an object."""
    if value is None or isinstance(value, bool):
        return _NAMES[value]
    if isinstance(value, str):
        return value.encode("latin-1")
    text = to_string(value, has_integers)
    if text is not None:
        return text
    if isinstance(value, Object):
        return repr(value).encode("ascii")
    return f"{type_name(value)}: 0x{id(value):x}".encode("ascii")
