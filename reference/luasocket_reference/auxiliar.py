"""Classes of objects: which class a method works on, and the error for an object of another one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, ClassVar

from luasocket_reference.dialect import Dialect
from luasocket_reference.lua.arguments import SELF, Arguments
from luasocket_reference.lua.objects import MethodFunction, Object, tostring
from luasocket_reference.lua.values import BadArgument, Function, Values

__all__ = ["GROUPS", "ClassedObject", "Method", "metatables"]

#: The classes of a group: `Method` accepts each of them where it asks for the group.
GROUPS: Mapping[str, frozenset[str]] = {
    "tcp{any}": frozenset({"tcp{master}", "tcp{client}", "tcp{server}"}),
    "udp{any}": frozenset({"udp{connected}", "udp{unconnected}"}),
}


class ClassedObject(Object):
    """An object whose class decides which of its methods work.

    Parameters
    ----------
    dialect
        That of the module that made it.
    class_name
        Its class at first; methods may change it.

    Attributes
    ----------
    CLASSES
        By method name: the class or group of the object that it works on.
    """

    CLASSES: ClassVar[Mapping[str, str]] = {}

    def __init__(self, dialect: Dialect, class_name: str) -> None:
        super().__init__(dialect, class_name, _methods(type(self), dialect))  # type: ignore[arg-type]  # it is hashable


class Method:
    """A method of a kind of objects. ``Method("data", "i")`` decorates the function that implements it.

    Parameters
    ----------
    parameters
        The names of its arguments, the object apart.
    """

    def __init__(self, *parameters: str) -> None:
        self.parameters = (SELF, *parameters)

    def __call__(self, body: Callable[[Any, Arguments], Values]) -> Method:
        """Take the implementation, which is called once the object is known to be of the right class."""
        self._body = body
        self.__doc__ = body.__doc__
        return self

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def alias(self) -> Method:
        """Return the same method, for another name."""
        return Method(*self.parameters[1:])(self._body)

    def of(self, expected: str, dialect: Dialect) -> MethodFunction:
        """Return the function of a dialect that takes an object of a class or of a group of classes first."""
        name, body, parameters = self._name, self._body, self.parameters
        accepted = GROUPS.get(expected, frozenset({expected}))

        def run(values: Values, by_colon: bool) -> Values:
            args = Arguments(dialect, name, parameters, values, by_colon=by_colon)
            value = args[SELF]
            if not isinstance(value, Object) or value.class_name not in accepted:
                raise _class_error(args, expected)
            return body(value, args)

        return MethodFunction(name, run, self.__doc__)

    def __get__(self, instance: ClassedObject | None, owner: type) -> Any:
        if instance is None:
            return self
        if self._name not in instance.methods:
            raise AttributeError(f"the dialect {instance.dialect.name} has no method {self._name}", name=self._name)
        method = instance.methods[self._name]

        def bound(*values: Any) -> Values:
            return method.by_colon(instance, *values)

        bound.__name__ = bound.__qualname__ = self._name
        bound.__doc__ = self.__doc__
        return bound


def _class_error(args: Arguments, expected: str) -> BadArgument:
    """Return the error for an object that is not of a class or of a group of classes."""
    if args.dialect.class_error_names_type and expected not in GROUPS:
        return args.type_error(SELF, expected, names_class=False)
    return args.error(SELF, f"{expected} expected")


@cache
def _methods(kind: type[ClassedObject], dialect: Dialect) -> Mapping[str, MethodFunction]:
    """Return the methods of a kind of objects."""
    return {
        name: getattr(kind, name).of(expected, dialect)
        for name, expected in kind.CLASSES.items()
        if name not in dialect.absent_methods
    }


def metatables(kind: type[ClassedObject], dialect: Dialect) -> dict[str, dict[str, Function]]:
    """Return, by the name of each class of a kind of objects: its methods, and metamethods with their underscores."""
    methods: dict[str, Function] = {**_methods(kind, dialect)}  # type: ignore[arg-type]  # it is hashable
    methods["__gc"] = methods["close"]
    methods["__tostring"] = lambda value, *_: (tostring(value),)
    return {name: dict(methods) for name in sorted(GROUPS[kind.CLASSES["close"]])}
