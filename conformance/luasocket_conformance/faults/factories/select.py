"""Parts of mistakes in ``socket.select``: changes of its lists, and of the tables that it returns."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from luasocket_conformance.faults.factories import first, is_number
from luasocket_conformance.faults.mechanism import Mistake, Original, Values


def listed(table: Any) -> list[Any]:
    """Return the values in the list part of a table."""
    return [table[key] for key in sorted(filter(is_number, table))] if isinstance(table, dict) else []


def numbered(values: list[Any]) -> dict[Any, Any]:
    """Return a list as Lua has it: a table that counts from 1."""
    return dict(enumerate(values, 1))


def filtered(table: Any, keep: Callable[[Any], bool]) -> Any:
    """Return a list without the values that fail a test; a value that is not a table as it is."""
    return numbered(list(filter(keep, listed(table)))) if isinstance(table, dict) else table


def first_result(original: Original, obj: Any, name: str) -> Any:
    """Return the first result of a method; None if there is none, or no such method."""
    if obj is None or isinstance(obj, bytes | int | float):
        return None
    method = original.api.index(obj, name)
    return first(method(obj)) if callable(method) else None


def descriptor_of(original: Original, obj: Any) -> float:
    """Return the descriptor of an object in a list; 0 if it has none."""
    number = first_result(original, obj, "getfd")
    return number if is_number(number) else 0


def without_descriptor(original: Original, table: Any, descriptor: float) -> Any:
    """Return a list without the objects that have this descriptor."""

    def keep(obj: Any) -> bool:
        return bool(first_result(original, obj, "getfd") != descriptor)

    return filtered(table, keep)


def raise_for(original: Original, tables: tuple[Any, ...], test: Callable[[Any], bool], message: bytes) -> None:
    """Raise if a value in one of the lists meets a test."""
    if any(test(obj) for table in tables for obj in listed(table)):
        raise original.api.LuaError(message)


def ready_table(original: Original, ready: list[Any]) -> dict[Any, Any]:
    """Return a table as ``select`` returns it: by number the objects, by object its number."""
    table: dict[Any, Any] = original.api.Table()
    for number, obj in enumerate(ready, 1):
        table[number] = obj
        table[obj] = number
    return table


def changes_lists(change: Callable[[Original, Any], Any]) -> Mistake:
    """Change both lists of objects: ``change(original, list)``."""

    @wraps(change)
    def mistake(original: Original, reading: Any = None, writing: Any = None, *rest: Any) -> Values:
        return original(change(original, reading), change(original, writing), *rest)

    return mistake


def changes_values(change: Callable[[list[Any]], list[Any]]) -> Mistake:
    """Change the values of both lists: ``change(values)``; lists that are not tables stay."""

    @changes_lists
    @wraps(change)
    def mistake(_original: Original, table: Any) -> Any:
        return numbered(change(listed(table))) if isinstance(table, dict) else table

    return mistake


def drops_class(name: bytes) -> Mistake:
    """Ignore the objects of a class in both lists."""

    @changes_lists
    def mistake(original: Original, table: Any) -> Any:
        def keep(obj: Any) -> bool:
            plain = isinstance(obj, dict | bytes | int | float | bool)
            return plain or bool(original.api.index(obj, "class") != name)

        return filtered(table, keep)

    return mistake


def changes_ready(change: Callable[[Original, list[Any]], list[Any]]) -> Mistake:
    """Change the objects in both tables that are returned: ``change(original, objects)``."""

    @wraps(change)
    def mistake(original: Original, *args: Any) -> Values:
        results = original(*args)
        tables = [ready_table(original, change(original, listed(table))) for table in results[:2]]
        return (*tables, *results[2:])

    return mistake


def keeps_keys(keep: Callable[[Any], object]) -> Mistake:
    """Drop the keys of the returned tables that fail a test: ``keep(key)``."""

    @wraps(keep)
    def mistake(original: Original, *args: Any) -> Values:
        results: list[Any] = []
        for value in original(*args):
            if isinstance(value, dict):
                table = original.api.Table()
                for key, entry in value.items():
                    if keep(key):
                        table[key] = entry
                results.append(table)
            else:
                results.append(value)
        return tuple(results)

    return mistake


def is_empty(table: Any) -> bool:
    """Tell whether a value is an empty table."""
    return isinstance(table, dict) and not table


def has_value(test: Callable[[Any], object]) -> Callable[[Any], bool]:
    """Return a test for being a list in which a value meets a test."""
    return lambda table: isinstance(table, dict) and any(map(test, listed(table)))
