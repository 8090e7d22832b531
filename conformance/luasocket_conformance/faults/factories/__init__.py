"""Parts that mistakes are made of, whatever the function: changes of results and arguments, and tests of values.

The modules beside this one have the parts for one kind of function, and families of faults that several functions have.
Positions of arguments and results count from 1; the first argument of a method is its object, as in LuaSocket's own
messages.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeAlias

from luasocket_conformance.faults.mechanism import Mistake, Original, Values

#: Subjects whose behaviours receive from streams, or send to them.
STREAMS = (
    "tcp",
    "connect",
    "select",
    "helper",
    "except",
    "sink",
    "source",
    "module",
    "errors",
    "sequences",
    "subtypes",
    "descriptors",
    "inheritance",
)

Change: TypeAlias = Callable[[Any], Any]
Test: TypeAlias = Callable[[Any], object]
#: Makes a mistake of the function below it.
Decorator: TypeAlias = Callable[[Callable[..., Any]], Mistake]


# -- values


def failed(results: Values) -> bool:
    """Tell whether results are those of a failure: nil and a message."""
    return len(results) > 1 and results[0] is None


def first(values: Values) -> Any:
    """Return the first value; None if there is none."""
    return values[0] if values else None


def is_number(value: Any) -> bool:
    """Tell whether a value is a number of Lua."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def descriptor_number(original: Original, obj: Any) -> int:
    """Return the descriptor of an object; -1 if it has none."""
    return int(original.method(obj, "getfd")[0])


def is_closed(original: Original, obj: Any) -> bool:
    """Tell whether an object has no descriptor."""
    return descriptor_number(original, obj) == -1


def is_one_of(*values: Any) -> Test:
    """Return a test for being one of some values."""
    return lambda value: value in values


def is_ipv4(text: Any) -> bool:
    """Tell whether a value looks like an IPv4 address."""
    return isinstance(text, bytes) and text.replace(b".", b"").isdigit()


def is_ipv6(text: Any) -> bool:
    """Tell whether a value looks like an IPv6 address."""
    return isinstance(text, bytes) and b":" in text


def is_host_name(text: Any) -> bool:
    """Tell whether a value may be the name of a host."""
    return isinstance(text, bytes) and not is_ipv4(text) and not is_ipv6(text)


def replace_at(values: Values, position: int, change: Change) -> Values:
    """Return values with the one at a position changed, if there is one."""
    return tuple(change(value) if number == position else value for number, value in enumerate(values, 1))


# -- results


def changes_success(change: Callable[[Values], Values]) -> Mistake:
    """Change the results of a success: ``change(results)``."""

    @wraps(change)
    def mistake(original: Original, *args: Any) -> Values:
        results = original(*args)
        return results if failed(results) else change(results)

    return mistake


def changes_failure(change: Callable[[Values], Values]) -> Mistake:
    """Change the results of a failure: ``change(results)``."""

    @wraps(change)
    def mistake(original: Original, *args: Any) -> Values:
        results = original(*args)
        return change(results) if failed(results) else results

    return mistake


def changes_result(position: int) -> Decorator:
    """Change one result of a success: ``change(value)``."""

    def decorate(change: Change) -> Mistake:
        @wraps(change)
        def mistake(original: Original, *args: Any) -> Values:
            results = original(*args)
            return results if failed(results) else replace_at(results, position, change)

        return mistake

    return decorate


def rewords(old: bytes, new: bytes) -> Mistake:
    """Replace the message `old` of a failure."""

    def mistake(original: Original, *args: Any) -> Values:
        results = original(*args)
        if not failed(results):
            return results
        return replace_at(results, 2, lambda message: new if message == old else message)

    return mistake


def success_has_empty_error(results: Values) -> Values:
    """Add an empty message to the results of a success."""
    return (*results, b"")


def failure_starts_with_false(results: Values) -> Values:
    """Make the first result of a failure false."""
    return (False, *results[1:])


def never_fails(*instead: Any) -> Mistake:
    """Return other results instead of failing or raising."""

    def mistake(original: Original, *args: Any) -> Values:
        try:
            results = original(*args)
        except original.api.LuaError:
            return instead
        return instead if failed(results) else results

    return mistake


def raises_failures(original: Original, *args: Any) -> Values:
    """Raise the message of a failure."""
    results = original(*args)
    if failed(results):
        raise original.api.LuaError(results[1])
    return results


def never_raises(*instead: Any) -> Mistake:
    """Return other results instead of raising; failures stay."""

    def mistake(original: Original, *args: Any) -> Values:
        try:
            return original(*args)
        except original.api.LuaError:
            return instead

    return mistake


def returns_afterwards(*results: Any) -> Mistake:
    """Call the function, and always return the same."""

    def mistake(original: Original, *args: Any) -> Values:
        original(*args)
        return results

    return mistake


# -- arguments


def changes_argument(position: int, only: type = object) -> Decorator:
    """Change one argument, if it is given and of a type: ``change(value)``."""

    def decorate(change: Change) -> Mistake:
        @wraps(change)
        def mistake(original: Original, *args: Any) -> Values:
            return original(
                *replace_at(args, position, lambda value: change(value) if isinstance(value, only) else value)
            )

        return mistake

    return decorate


def takes_only(count: int) -> Mistake:
    """Ignore all but the first arguments."""
    return lambda original, *args: original(*args[:count])


def refuses_more_than(count: int) -> Mistake:
    """Raise when there are more arguments."""

    def mistake(original: Original, *args: Any) -> Values:
        if len(args) > count:
            raise original.api.LuaError(b"too many arguments")
        return original(*args)

    return mistake


def refuses_argument(position: int, message: bytes = b"not supported") -> Decorator:
    """Raise for an argument that meets a test; one that is not given is nil: ``test(value)``."""

    def decorate(test: Test) -> Mistake:
        @wraps(test)
        def mistake(original: Original, *args: Any) -> Values:
            given = args[position - 1] if len(args) >= position else None
            if test(given):
                raise original.api.LuaError(message)
            return original(*args)

        return mistake

    return decorate


# -- doing something else


def returns_always(*results: Any) -> Mistake:
    """Do nothing, and always return the same."""
    return lambda _original, *_args: results


def ignores_if(*results: Any) -> Decorator:
    """Do nothing for arguments that meet a test, and return these results: ``test(*args)``."""

    def decorate(test: Callable[..., object]) -> Mistake:
        @wraps(test)
        def mistake(original: Original, *args: Any) -> Values:
            return results if test(*args) else original(*args)

        return mistake

    return decorate


def after_success(action: Callable[..., object]) -> Mistake:
    """Do something after a success: ``action(original, results, *args)``."""

    @wraps(action)
    def mistake(original: Original, *args: Any) -> Values:
        results = original(*args)
        if not failed(results):
            action(original, results, *args)
        return results

    return mistake


# -- objects


def keep(original: Original, *values: Any) -> None:
    """Keep values as long as the connection, so that they are not collected."""
    original.memory.setdefault(original.api, []).extend(values)


def keeps_every_result(original: Original, *args: Any) -> Values:
    """Keep every result, so that it is not collected."""
    results = original(*args)
    keep(original, *results)
    return results


def keeps_its_number_after(method: str) -> Mistake:
    """Return in ``getfd`` of a closed object the number that it had in its last call of `method`, the other target."""

    def mistake(original: Original, obj: Any, *args: Any) -> Values:
        if original.name == method:
            original.memory[obj] = original.method(obj, "getfd")
            return original(obj, *args)
        results = original(obj, *args)
        return original.memory.get(obj, results) if results == (-1,) else results

    return mistake


def fails_after_the_end(*instead: Any) -> Mistake:
    """Return other results once ``receive``, which is the other target, has returned "closed" for the object."""

    def mistake(original: Original, obj: Any, *args: Any) -> Values:
        if original.name != "receive":
            return instead if original.memory.get(obj) else original(obj, *args)
        results = original(obj, *args)
        if results[1:2] == (b"closed",):
            original.memory[obj] = True
        return results

    return mistake


def raises_the_second_time(original: Original, obj: Any, *args: Any) -> Values:
    """Raise at the second call for an object."""
    if original.memory.get(obj):
        raise original.api.LuaError(b"attempt to use a closed socket")
    original.memory[obj] = True
    return original(obj, *args)


def stays_closed(original: Original, obj: Any, *args: Any) -> Values:
    """Fail on an object that was closed, even if it was opened again. Put into ``close``, too, to notice it."""
    if original.name == "close":
        original.memory[obj] = True
    elif original.memory.get(obj):
        return (None, b"closed")
    return original(obj, *args)


def raises_when_closed(original: Original, obj: Any, *args: Any) -> Values:
    """Raise on an object that was closed. Put into ``close``, too, to notice it."""
    if original.name == "close":
        original.memory[obj] = True
    elif original.memory.get(obj) and is_closed(original, obj):
        raise original.api.LuaError(b"attempt to use a closed socket")
    return original(obj, *args)
