"""Parts of mistakes in sources and sinks, and the faults that both have."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeAlias

from luasocket_conformance.faults.factories import Decorator, failed
from luasocket_conformance.faults.mechanism import Faults, Mistake, Original, Values

Step: TypeAlias = Callable[..., Values]


class Stream(dict[Any, Any]):
    """A table with the fields of a stream, and a call of its own."""

    def __init__(self, fields: dict[Any, Any], step: Step) -> None:
        super().__init__(fields)
        self._step = step

    def __call__(self, *args: Any) -> Values:
        """Call the step."""
        return self._step(*args)


def is_end(values: Values) -> bool:
    """Tell whether a step was the last one."""
    return values[:1] in ((), (None,))


def changes_steps(change: Callable[..., Values]) -> Mistake:
    """Change a call of the stream: ``change(original, the original stream, its socket, *arguments of the call)``."""

    @wraps(change)
    def mistake(original: Original, *args: Any) -> Values:
        (made,) = original(*args)
        sock = next((value for value in args if value is not None and not isinstance(value, bytes)), None)

        def step(*values: Any) -> Values:
            return change(original, made, sock, *values)

        return (Stream(made, step),)

    return mistake


def changes_step_results(change: Callable[[Values], Values]) -> Mistake:
    """Change the results of a call of the stream: ``change(results)``."""

    @wraps(change)
    def mistake(_original: Original, made: Any, _sock: Any, *values: Any) -> Values:
        return change(made(*values))

    return changes_steps(mistake)


def after_each_step(action: Callable[[Original, Any, Values], object]) -> Mistake:
    """Do something after a call of the stream: ``action(original, its socket, the results)``."""

    @wraps(action)
    def mistake(original: Original, made: Any, sock: Any, *values: Any) -> Values:
        results: Values = made(*values)
        action(original, sock, results)
        return results

    return changes_steps(mistake)


def in_mode(mode: bytes) -> Decorator:
    """Make a mistake in one mode of the stream only."""

    def decorate(mistake: Mistake) -> Mistake:
        @wraps(mistake)
        def chosen(original: Original, *args: Any) -> Values:
            return mistake(original, *args) if args[:1] == (mode,) else original(*args)

        return chosen

    return decorate


def raises_failed_steps(original: Original, made: Any, _sock: Any, *values: Any) -> Values:
    """Raise the message of a step that fails."""
    results: Values = made(*values)
    if failed(results):
        raise original.api.LuaError(results[1])
    return results


def _takes_any_mode(original: Original, *args: Any) -> Values:
    try:
        return original(*args)
    except original.api.LuaError:
        return original(*args[1:])


def _returns_mode_error(original: Original, *args: Any) -> Values:
    try:
        return original(*args)
    except original.api.LuaError:
        return (None, b"unknown mode")


def _wants_mode(original: Original, *args: Any) -> Values:
    return original(*args) if isinstance(args[0], bytes) else original(b"", *args)


def _is_function(original: Original, *args: Any) -> Values:
    return (original(*args)[0].__call__,)


def _without_getfd(original: Original, *args: Any) -> Values:
    (made,) = original(*args)
    return (Stream({b"dirty": made[b"dirty"]}, made),)


def _with_field(name: bytes, value: Any) -> Mistake:
    """Replace a field of the stream by a function that always returns the same."""

    def mistake(original: Original, *args: Any) -> Values:
        (made,) = original(*args)
        return (Stream({**made, name: lambda *_args: (value,)}, made),)

    return mistake


def add_stream_faults(faults: Faults, kind: str, dirty: str) -> None:
    """Add the faults that sources and sinks have.

    Parameters
    ----------
    faults
        Where they are added.
    kind
        ``source`` or ``sink``.
    dirty
        The behaviour that looks at the field ``dirty``.
    """
    rows: tuple[tuple[str, str, Mistake, str], ...] = (
        ("takes-any-mode", "A mode that does not exist is the default one.", _takes_any_mode, "unknown-mode"),
        (
            "returns-an-error-for-a-mode",
            "A mode that does not exist gives nil and a message.",
            _returns_mode_error,
            "unknown-mode",
        ),
        ("wants-a-mode", "Without a mode it raises.", _wants_mode, "default/no-mode"),
        ("is-a-function", "It is a plain function, without getfd and dirty.", _is_function, "selectable"),
        ("has-no-getfd", "It has no getfd.", _without_getfd, "selectable"),
        ("is-never-dirty", "Its dirty is false, whatever its socket's is.", _with_field(b"dirty", False), dirty),
        ("has-another-descriptor", "Its getfd is -1.", _with_field(b"getfd", -1), "selectable"),
    )
    for name, says, mistake, behaviour in rows:
        faults.add(f"{kind}-{name}", says, f"socket.{kind}", mistake, detected_by=f"{kind}/{behaviour}")
