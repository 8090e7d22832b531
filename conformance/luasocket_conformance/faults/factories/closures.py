"""Parts of mistakes in functions that return functions: ``newtry``, ``protect`` and ``choose``."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from luasocket_conformance.faults.mechanism import Mistake, Original, Values


def is_failure(values: Values) -> bool:
    """Tell whether a try function takes its arguments for a failure."""
    return values[:1] in ((), (None,)) or values[:1] == (False,)


def changes_try(change: Callable[..., Values]) -> Mistake:
    """Change a call of the try function: ``change(original, the try function, its finalizer, *arguments)``."""

    @wraps(change)
    def mistake(original: Original, finalizer: Any = None, *rest: Any) -> Values:
        (made,) = original(finalizer, *rest)

        def attempt(*values: Any) -> Values:
            return change(original, made, finalizer, *values)

        return (attempt,)

    return mistake


def changes_protected(change: Callable[..., Values]) -> Mistake:
    """Change a call of the protected function: ``change(original, protected, the function in it, *arguments)``."""

    @wraps(change)
    def mistake(original: Original, function: Any = None, *rest: Any) -> Values:
        (made,) = original(function, *rest)

        def protected(*values: Any) -> Values:
            return change(original, made, function, *values)

        return (protected,)

    return mistake


def entry_of(table: Any, name: Any) -> Any:
    """Return the entry of a table under a name; None if the name is not a string."""
    return table.get(name) if isinstance(name, bytes) else None


def changes_choice(change: Callable[..., Values]) -> Mistake:
    """Change a call of the function that choose returns: ``change(table, that function, *arguments)``."""

    @wraps(change)
    def mistake(original: Original, table: Any = None, *rest: Any) -> Values:
        (chosen,) = original(table, *rest)

        def choose(*values: Any) -> Values:
            return change(table, chosen, *values)

        return (choose,)

    return mistake
