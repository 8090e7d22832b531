"""Mistakes that are made again and again, whatever the function: a result too many, an argument that is not looked at.

What lives here: functions that return a mistake, and what mistakes need to look at values. What may not: a wrong port
(the modules named for subjects). Positions of arguments and results count from 1; the first argument of a method is its
object, as in LuaSocket's own messages.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from luasocket_conformance.wrong.mechanism import Mistake, Right, Values

Change = Callable[[Any], Any]
Test = Callable[[Any], bool]


def failed(results: Values) -> bool:
    """Tell whether results are those of a failure: nil and a message."""
    return len(results) > 1 and results[0] is None


def is_number(value: Any) -> bool:
    """Tell whether a value is a number of Lua."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_closed(right: Right, thing: Any) -> bool:
    """Tell whether an object has no descriptor (any more)."""
    return right.method(thing, "getfd") == (-1,)


def _at(values: Values, position: int, change: Change) -> Values:
    return tuple(change(value) if number == position else value for number, value in enumerate(values, 1))


# -- results


def success(change: Callable[[Values], Values]) -> Mistake:
    """Results other than a failure are changed."""
    return lambda right, *args: results if failed(results := right(*args)) else change(results)


def failure(change: Callable[[Values], Values]) -> Mistake:
    """The results of a failure are changed."""
    return lambda right, *args: change(results) if failed(results := right(*args)) else results


def result(position: int, change: Change) -> Mistake:
    """One result of a success is changed."""
    return success(lambda results: _at(results, position, change))


def reworded(old: bytes, new: bytes) -> Mistake:
    """The message `old` of a failure is another."""
    return failure(lambda results: _at(results, 2, lambda message: new if message == old else message))


def without_error(*instead: Any) -> Mistake:
    """What raises, or fails, returns something else."""

    def mistake(right: Right, *args: Any) -> Values:
        try:
            results = right(*args)
        except right.api.LuaError:
            return instead
        return instead if failed(results) else results

    return mistake


def raises(right: Right, *args: Any) -> Values:
    """A failure raises its message."""
    results = right(*args)
    if failed(results):
        raise right.api.LuaError(results[1])
    return results


# -- arguments


def argument(position: int, change: Change) -> Mistake:
    """One argument, if it is given, is taken for another."""
    return lambda right, *args: right(*_at(args, position, change))


def only(count: int) -> Mistake:
    """Only so many arguments are looked at."""
    return lambda right, *args: right(*args[:count])


def refuses(position: int, test: Test, message: bytes = b"not supported") -> Mistake:
    """An argument that meets the test (nil, if it is not given) is an error."""

    def mistake(right: Right, *args: Any) -> Values:
        given = args[position - 1] if len(args) >= position else None
        if test(given):
            raise right.api.LuaError(message)
        return right(*args)

    return mistake


# -- doing nothing


def instead(*results: Any) -> Mistake:
    """Nothing is done, and always the same returned."""
    return lambda _right, *_args: results


def ignored_if(test: Callable[..., bool], *results: Any) -> Mistake:
    """Nothing is done with arguments that meet the test, and always the same returned."""
    return lambda right, *args: results if test(*args) else right(*args)


def then(what: Callable[..., None]) -> Mistake:
    """After a success, something else is done: ``what(right, results, *args)``."""

    def mistake(right: Right, *args: Any) -> Values:
        results = right(*args)
        if not failed(results):
            what(right, results, *args)
        return results

    return mistake
