"""What porters get wrong in ``socket.newtry`` and ``socket.protect``.

What lives here: mistakes of the two. What may not: how they are put in place (``mechanism``).
"""

from __future__ import annotations

from typing import Any

from luasocket_conformance.wrong.factories import instead, only, refuses
from luasocket_conformance.wrong.mechanism import Chapter, Right, Values

_CHAPTER = Chapter(__name__, ("try",))
_add, _wrong = _CHAPTER.add, _CHAPTER.wrong

_add("newtry-returns-nothing", "There is no try function.", "socket.newtry", instead(), "newtry/returns-try")
_add(
    "newtry-ignores-the-finalizer",
    "The finalizer is never called.",
    "socket.newtry",
    only(0),
    "newtry/finalizer",
    "newtry/finalizer-first",
    "newtry/example",
    "protect/example",
)
_add(
    "newtry-wants-a-finalizer",
    "Without a finalizer it raises.",
    "socket.newtry",
    refuses(1, lambda finalizer: finalizer is None),
    "newtry/finalizer-optional",
)
_add(
    "protect-returns-the-function",
    "Exceptions are not caught.",
    "socket.protect",
    lambda _right, function=None, *_rest: (function,),
    "protect/returns-safe",
    "protect/catches-try",
    "protect/nil-message",
    "protect/example",
)


@_wrong("socket.newtry", violates=("newtry/passes-results",))
def try_passes_one_result(right: Right, *args: Any) -> Values:
    """A try function returns the first of its arguments only."""
    results = right(*args)
    return (lambda *values: results[0](*values)[:1],)


@_wrong("socket.newtry", violates=("newtry/returns-try",))
def try_raises_nothing(right: Right, *args: Any) -> Values:
    """A try function returns its arguments, also those of a failure."""
    right(*args)
    return (lambda *values: values,)


@_wrong("socket.newtry", violates=("newtry/finalizer-first",))
def finalizer_runs_at_once(right: Right, *args: Any) -> Values:
    """The finalizer is called when the try function is made."""
    if args and callable(args[0]):
        args[0]()
    return right(*args)


@_wrong("socket.newtry", violates=("newtry/finalizer",))
def finalizer_runs_always(right: Right, *args: Any) -> Values:
    """The finalizer is called on success, too."""
    results = right(*args)

    def attempt(*values: Any) -> Values:
        passed: Values = results[0](*values)
        if args and callable(args[0]):
            args[0]()
        return passed

    return (attempt,)


@_wrong("socket.newtry", violates=("newtry/finalizer-protected",))
def finalizer_error_ends_the_try(right: Right, *args: Any) -> Values:
    """When the finalizer raises, the try function returns nothing, and there is no exception."""
    (plain,) = right()

    def attempt(*values: Any) -> Values:
        if args and args[0] is not None and values[:1] in ((), (None,), (False,)):
            try:
                if not callable(args[0]):
                    return ()
                args[0]()
            except right.api.LuaError:
                return ()
        passed: Values = plain(*values)
        return passed

    return (attempt,)


@_wrong("socket.protect", violates=("protect/equivalent",))
def safe_function_passes_one_value(right: Right, *args: Any) -> Values:
    """A protected function passes one argument and one result."""
    results = right(*args)
    return (lambda *values: results[0](*values[:1])[:1],)


@_wrong("socket.protect", violates=("protect/nil-message", "protect/catches-try"))
def exception_is_false(right: Right, *args: Any) -> Values:
    """An exception is returned as false and the message."""
    results = right(*args)

    def safe(*values: Any) -> Values:
        passed: Values = results[0](*values)
        return (False, *passed[1:]) if len(passed) == 2 and passed[0] is None else passed

    return (safe,)


@_wrong(
    "socket.protect",
    violates=("protect/lua-errors-pass", "protect/lua-errors-as-string", "protect/assert-error"),
)
def ordinary_errors_vanish(right: Right, *args: Any) -> Values:
    """A protected function returns nothing after an ordinary error."""
    results = right(*args)

    def safe(*values: Any) -> Values:
        try:
            passed: Values = results[0](*values)
        except right.api.LuaError:
            return ()
        return passed

    return (safe,)
