"""What porters get wrong in ``socket.newtry`` and ``socket.protect``.

What lives here: mistakes of the two. What may not: how they are put in place (``mechanism``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from luasocket_conformance.wrong.factories import (
    instead,
    only,
    refuses,
)
from luasocket_conformance.wrong.mechanism import ABSENT, Chapter, Mistake, Right, Values

_CHAPTER = Chapter(__name__, ("try", "except"))
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


# -- more of both -----------------------------------------------------------------------------------------------------

_NEWTRY, _PROTECT = "socket.newtry", "socket.protect"


def _trying(change: Callable[..., Values]) -> Mistake:
    """A call of the try function is changed: ``change(right, try function, finalizer, *arguments)``."""

    def mistake(right: Right, finalizer: Any = None, *rest: Any) -> Values:
        (made,) = right(finalizer, *rest)
        return (lambda *values: change(right, made, finalizer, *values),)

    return mistake


def _safe(change: Callable[..., Values]) -> Mistake:
    """A call of the protected function is changed: ``change(right, protected, the function in it, *arguments)``."""

    def mistake(right: Right, function: Any = None, *rest: Any) -> Values:
        (made,) = right(function, *rest)
        return (lambda *values: change(right, made, function, *values),)

    return mistake


def _is_failure(values: Values) -> bool:
    return values[:1] in ((), (None,)) or values[:1] == (False,)


def _raise(right: Right, value: Any) -> Values:
    raise right.api.LuaError(value)


_add(
    "try-raises-the-plain-message",
    "What the try function raises is the message itself.",
    _NEWTRY,
    _trying(
        lambda right, made, finalizer, *values: (
            _raise(right, (*values, None, None)[1]) if _is_failure(values) else made(*values)
        )
    ),
    caught_by=("except/exception-is-no-string",),
)
_add(
    "try-takes-false-for-a-success",
    "The value false is a success.",
    _NEWTRY,
    _trying(lambda right, made, finalizer, *values: values if values[:1] == (False,) else made(*values)),
    caught_by=("except/try-raises",),
)
_add(
    "try-takes-nothing-for-a-success",
    "No arguments are a success.",
    _NEWTRY,
    _trying(lambda right, made, finalizer, *values: made(*values) if values else ()),
    caught_by=("except/try-raises",),
)
_add(
    "try-needs-a-message",
    "Without a message, nil is a success.",
    _NEWTRY,
    _trying(lambda right, made, finalizer, *values: values if values == (None,) else made(*values)),
    caught_by=("except/try-raises",),
)
_add(
    "try-tells-a-message-always",
    "Without a message, one is made up.",
    _NEWTRY,
    _trying(
        lambda right, made, finalizer, *values: (
            made(None, b"error") if _is_failure(values) and (*values, None, None)[1] is None else made(*values)
        )
    ),
    caught_by=("except/finalizer-raises-an-exception",),
)
_add(
    "try-makes-a-string-of-every-message",
    "A message that is no string becomes one.",
    _NEWTRY,
    _trying(
        lambda right, made, finalizer, *values: (
            made(None, right.api.tostring(values[1]))
            if _is_failure(values) and len(values) > 1 and values[1] is not None
            else made(*values)
        )
    ),
    caught_by=("except/exception-of",),
)
_add(
    "try-drops-trailing-nils",
    "The nils at the end are dropped.",
    _NEWTRY,
    _trying(
        lambda right, made, finalizer, *values: made(*values)[
            : max((number for number, value in enumerate(values, 1) if value is not None), default=0)
        ]
    ),
    caught_by=("except/try-passes",),
)
_add(
    "try-tells-all-that-failed",
    "What protect returns is nil and all arguments of the try function.",
    _PROTECT,
    _safe(
        lambda right, made, function, *values: (
            (*results, None) if len(results := made(*values)) == 2 and results[0] is None else results
        )
    ),
    caught_by=("try/throws",),
)
_add(
    "finalizer-gets-the-message",
    "The finalizer gets the message.",
    _NEWTRY,
    lambda right, finalizer=None, *rest: _with_arguments(right, finalizer, *rest),
    caught_by=("except/finalizer-before-the-exception",),
)
_add(
    "finalizer-runs-once",
    "The finalizer is called for the first exception only.",
    _NEWTRY,
    lambda right, finalizer=None, *rest: _once(right, finalizer, *rest),
    caught_by=("except/finalizer-on-false",),
)
_add(
    "finalizer-runs-twice",
    "The finalizer is called twice.",
    _NEWTRY,
    lambda right, finalizer=None, *rest: right(
        (lambda *args: (finalizer(*args), finalizer(*args))[1]) if callable(finalizer) else finalizer, *rest
    ),
    caught_by=("except/finalizer-of-its-own",),
)
_add(
    "finalizer-replaces-the-message",
    "What the finalizer returns is the message.",
    _NEWTRY,
    _trying(
        lambda right, made, finalizer, *values: (
            right.function()[0](None, *finalizer()) if _is_failure(values) and callable(finalizer) else made(*values)
        )
    ),
    caught_by=("except/finalizer-result",),
)
_add(
    "finalizer-has-to-be-a-function",
    "A finalizer that is no function raises when the try function is made.",
    _NEWTRY,
    refuses(1, lambda finalizer: finalizer is not None and not callable(finalizer)),
    caught_by=("except/finalizer-not-callable",),
)
_add(
    "protect-wants-a-function",
    "What is no function raises when it is protected.",
    _PROTECT,
    refuses(1, lambda function: not callable(function)),
    caught_by=("except/protect-of-no-function",),
)
_add(
    "protect-takes-nil-for-a-function",
    "Without a function it returns nil.",
    _PROTECT,
    lambda right, function=None, *rest: (None,) if function is None else right(function, *rest),
    caught_by=("except/protect-of-no-function",),
)
_add(
    "protect-returns-true-first",
    "What is protected returns true before its results, as pcall does.",
    _PROTECT,
    _safe(lambda right, made, function, *values: (True, *made(*values))),
    caught_by=("try/throws",),
)
_add(
    "protect-catches-all",
    "Every error is an exception.",
    _PROTECT,
    _safe(lambda right, made, function, *values: _caught(right, made, *values)),
    caught_by=("except/ordinary-error-of-another-type",),
)
_add(
    "protect-catches-strings",
    "An error that is a string is an exception.",
    _PROTECT,
    _safe(lambda right, made, function, *values: _caught(right, made, *values, kind=bytes)),
    caught_by=("except/error-after-a-yield",),
)
_add(
    "protect-catches-tables",
    "An error that is a table is an exception.",
    _PROTECT,
    _safe(lambda right, made, function, *values: _caught(right, made, *values, kind=dict)),
    caught_by=("except/finalizer-raises",),
)
_add(
    "protect-drops-trailing-nils",
    "The nils at the end of the results are dropped.",
    _PROTECT,
    _safe(
        lambda right, made, function, *values: (
            results
            if len(results := made(*values)) == 2
            else results[: max((number for number, value in enumerate(results, 1) if value is not None), default=0)]
        )
    ),
    caught_by=("except/protect-passes",),
)
_add(
    "protect-drops-arguments",
    "No more than two arguments are passed.",
    _PROTECT,
    _safe(lambda right, made, function, *values: made(*values[:2])),
    caught_by=("except/protect-passes",),
)
_add(
    "protect-returns-the-message-alone",
    "An exception is returned as its message.",
    _PROTECT,
    _safe(
        lambda right, made, function, *values: (
            results[1:] if len(results := made(*values)) == 2 and results[0] is None else results
        )
    ),
    caught_by=("try/throws",),
)
_add(
    "protect-works-once",
    "What is protected can be called once.",
    _PROTECT,
    lambda right, *args: _works_once(right, *args),
    caught_by=("except/any-try",),
)
_add(
    "protect-calls-at-once",
    "The function is called when it is protected.",
    _PROTECT,
    lambda right, function=None, *rest: (callable(function) and _quiet(right, function)(), right(function, *rest))[1],
    caught_by=("except/protect-passes",),
)
_add("protect-is-missing", "There is no protect.", _PROTECT, ABSENT, caught_by=("except/ordinary-error",))
_add("newtry-is-missing", "There is no newtry.", _NEWTRY, ABSENT, caught_by=("except/newtry-does-not-call",))


def _with_arguments(right: Right, finalizer: Any, *rest: Any) -> Values:
    message: list[Any] = []
    (made,) = right((lambda: finalizer(*message)) if callable(finalizer) else finalizer, *rest)

    def attempt(*values: Any) -> Values:
        message[:] = values[1:2]
        results: Values = made(*values)
        return results

    return (attempt,)


def _once(right: Right, finalizer: Any, *rest: Any) -> Values:
    over: list[bool] = []

    def finalize() -> Values:
        if over:
            return ()
        over.append(True)
        results: Values = finalizer()
        return results

    return right(finalize if callable(finalizer) else finalizer, *rest)


def _quiet(right: Right, function: Any) -> Callable[..., Values]:
    def call(*args: Any) -> Values:
        try:
            results: Values = function(*args)
        except right.api.LuaError:
            return ()
        return results

    return call


def _caught(right: Right, made: Any, *values: Any, kind: type = object) -> Values:
    try:
        results: Values = made(*values)
    except right.api.LuaError as error:
        value = error.args[0]
        if not isinstance(value, kind):
            raise
        return (None, value.get(1) if isinstance(value, dict) else value)
    return results


def _works_once(right: Right, *args: Any) -> Values:
    (made,) = right(*args)
    over: list[bool] = []

    def call(*values: Any) -> Values:
        if over:
            _raise(right, b"cannot resume dead coroutine")
        over.append(True)
        results: Values = made(*values)
        return results

    return (call,)
