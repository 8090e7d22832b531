"""Faulty ports that the behaviours of ``except.yaml`` detect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from luasocket_conformance.faults.factories import STREAMS, first, refuses_argument, returns_always, takes_only
from luasocket_conformance.faults.factories.closures import changes_protected, changes_try, is_failure
from luasocket_conformance.faults.mechanism import ABSENT, Faults, Original, Values

FAULTS = Faults(__name__, also_fails=(*STREAMS, "try", "udp"))


FAULTS.add(
    "newtry-returns-nothing",
    "There is no try function.",
    "socket.newtry",
    returns_always(),
    violates="newtry/returns-try",
)

FAULTS.add(
    "newtry-ignores-the-finalizer",
    "The finalizer is never called.",
    "socket.newtry",
    takes_only(0),
    violates=("newtry/finalizer", "newtry/finalizer-first", "newtry/example", "protect/example"),
)


@FAULTS.fault("socket.newtry", violates="newtry/finalizer-optional")
@refuses_argument(1)
def newtry_wants_a_finalizer(finalizer: Any) -> object:
    """Without a finalizer it raises."""
    return finalizer is None


@FAULTS.fault(
    "socket.protect", violates=("protect/returns-safe", "protect/catches-try", "protect/nil-message", "protect/example")
)
def protect_returns_the_function(_original: Original, function: Any = None, *_rest: Any) -> Values:
    """Exceptions are not caught."""
    return (function,)


@FAULTS.fault("socket.newtry", violates="newtry/passes-results")
def try_passes_one_result(original: Original, *args: Any) -> Values:
    """A try function returns the first of its arguments only."""
    results = original(*args)

    def attempt(*values: Any) -> Values:
        passed: Values = results[0](*values)
        return passed[:1]

    return (attempt,)


@FAULTS.fault("socket.newtry", violates="newtry/returns-try")
def try_raises_nothing(original: Original, *args: Any) -> Values:
    """A try function returns its arguments even for a failure."""
    original(*args)

    def attempt(*values: Any) -> Values:
        return values

    return (attempt,)


@FAULTS.fault("socket.newtry", violates="newtry/finalizer-first")
def finalizer_runs_at_once(original: Original, *args: Any) -> Values:
    """The finalizer is called when the try function is made."""
    if args and callable(args[0]):
        args[0]()
    return original(*args)


@FAULTS.fault("socket.newtry", violates="newtry/finalizer")
def finalizer_runs_always(original: Original, *args: Any) -> Values:
    """The finalizer is also called on success."""
    results = original(*args)

    def attempt(*values: Any) -> Values:
        passed: Values = results[0](*values)
        if args and callable(args[0]):
            args[0]()
        return passed

    return (attempt,)


@FAULTS.fault("socket.newtry", violates="newtry/finalizer-protected")
def finalizer_error_ends_the_try(original: Original, *args: Any) -> Values:
    """When the finalizer raises, the try function returns nothing, and there is no exception."""
    (plain,) = original()

    def attempt(*values: Any) -> Values:
        if args and args[0] is not None and values[:1] in ((), (None,), (False,)):
            try:
                if not callable(args[0]):
                    return ()
                args[0]()
            except original.api.LuaError:
                return ()
        passed: Values = plain(*values)
        return passed

    return (attempt,)


@FAULTS.fault("socket.protect", violates="protect/equivalent")
def safe_function_passes_one_value(original: Original, *args: Any) -> Values:
    """A protected function passes one argument and one result."""
    results = original(*args)

    def protected(*values: Any) -> Values:
        passed: Values = results[0](*values[:1])
        return passed[:1]

    return (protected,)


@FAULTS.fault("socket.protect", violates=("protect/nil-message", "protect/catches-try"))
def exception_is_false(original: Original, *args: Any) -> Values:
    """An exception is returned as false and the message."""
    results = original(*args)

    def safe(*values: Any) -> Values:
        passed: Values = results[0](*values)
        return (False, *passed[1:]) if len(passed) == 2 and passed[0] is None else passed

    return (safe,)


@FAULTS.fault(
    "socket.protect", violates=("protect/lua-errors-pass", "protect/lua-errors-as-string", "protect/assert-error")
)
def ordinary_errors_vanish(original: Original, *args: Any) -> Values:
    """A protected function returns nothing after an ordinary error."""
    results = original(*args)

    def safe(*values: Any) -> Values:
        try:
            passed: Values = results[0](*values)
        except original.api.LuaError:
            return ()
        return passed

    return (safe,)


@FAULTS.fault("socket.newtry", detected_by="except/exception-is-no-string")
@changes_try
def try_raises_the_plain_message(
    original: Original, made: Callable[..., Values], _finalizer: Any, *values: Any
) -> Values:
    """The try function raises the message itself."""
    if is_failure(values):
        raise original.api.LuaError(first(values[1:]))
    return made(*values)


@FAULTS.fault("socket.newtry", detected_by="except/try-raises")
@changes_try
def try_takes_false_for_a_success(
    _original: Original, made: Callable[..., Values], _finalizer: Any, *values: Any
) -> Values:
    """The value false is a success."""
    if values[:1] == (False,):
        return values
    return made(*values)


@FAULTS.fault("socket.newtry", detected_by="except/try-raises")
@changes_try
def try_takes_nothing_for_a_success(
    _original: Original, made: Callable[..., Values], _finalizer: Any, *values: Any
) -> Values:
    """No arguments are a success."""
    if values:
        return made(*values)
    return ()


@FAULTS.fault("socket.newtry", detected_by="except/try-raises")
@changes_try
def try_needs_a_message(_original: Original, made: Callable[..., Values], _finalizer: Any, *values: Any) -> Values:
    """Without a message, nil is a success."""
    if values == (None,):
        return values
    return made(*values)


@FAULTS.fault("socket.newtry", detected_by="except/finalizer-raises-an-exception")
@changes_try
def try_returns_a_message_always(
    _original: Original, made: Callable[..., Values], _finalizer: Any, *values: Any
) -> Values:
    """Without a message, one is invented."""
    if is_failure(values) and first(values[1:]) is None:
        return made(None, b"error")
    return made(*values)


@FAULTS.fault("socket.newtry", detected_by="except/exception-of")
@changes_try
def try_makes_a_string_of_every_message(
    original: Original, made: Callable[..., Values], _finalizer: Any, *values: Any
) -> Values:
    """A message that is not a string is converted to one."""
    if is_failure(values) and len(values) > 1 and (values[1] is not None):
        return made(None, original.api.tostring(values[1]))
    return made(*values)


@FAULTS.fault("socket.newtry", detected_by="except/try-passes")
@changes_try
def try_drops_trailing_nils(_original: Original, made: Callable[..., Values], _finalizer: Any, *values: Any) -> Values:
    """The nils at the end are dropped."""
    return made(*values)[: max((number for number, value in enumerate(values, 1) if value is not None), default=0)]


@FAULTS.fault("socket.newtry", detected_by="except/finalizer-before-the-exception")
def finalizer_gets_the_message(original: Original, finalizer: Any = None, *rest: Any) -> Values:
    """The finalizer gets the message."""
    message: list[Any] = []
    (made,) = original((lambda: finalizer(*message)) if callable(finalizer) else finalizer, *rest)

    def attempt(*values: Any) -> Values:
        message[:] = values[1:2]
        results: Values = made(*values)
        return results

    return (attempt,)


@FAULTS.fault("socket.newtry", detected_by="except/finalizer-on-false")
def finalizer_runs_once(original: Original, finalizer: Any = None, *rest: Any) -> Values:
    """The finalizer is called for the first exception only."""
    over: list[bool] = []

    def finalize() -> Values:
        if over:
            return ()
        over.append(True)
        results: Values = finalizer()
        return results

    return original(finalize if callable(finalizer) else finalizer, *rest)


@FAULTS.fault("socket.newtry", detected_by="except/finalizer-of-its-own")
def finalizer_runs_twice(original: Original, finalizer: Any = None, *rest: Any) -> Values:
    """The finalizer is called twice."""

    def finalize(*args: Any) -> Any:
        finalizer(*args)
        return finalizer(*args)

    return original(finalize if callable(finalizer) else finalizer, *rest)


@FAULTS.fault("socket.newtry", detected_by="except/finalizer-result")
@changes_try
def finalizer_replaces_the_message(
    original: Original, made: Callable[..., Values], finalizer: Any, *values: Any
) -> Values:
    """The result of the finalizer replaces the message."""
    if is_failure(values) and callable(finalizer):
        plain: Callable[..., Values] = original.function()[0]
        return plain(None, *finalizer())
    return made(*values)


@FAULTS.fault("socket.newtry", detected_by="except/finalizer-not-callable")
@refuses_argument(1)
def finalizer_has_to_be_a_function(finalizer: Any) -> object:
    """A finalizer that is not a function raises when the try function is made."""
    return finalizer is not None and not callable(finalizer)


@FAULTS.fault("socket.protect", detected_by="except/protect-of-no-function")
@refuses_argument(1)
def protect_wants_a_function(function: Any) -> object:
    """Protecting a value that is not a function raises."""
    return not callable(function)


@FAULTS.fault("socket.protect", detected_by="except/protect-of-no-function")
def protect_takes_nil_for_a_function(original: Original, function: Any = None, *rest: Any) -> Values:
    """Without a function it returns nil."""
    if function is None:
        return (None,)
    return original(function, *rest)


def _caught(original: Original, made: Any, *values: Any, kind: type = object) -> Values:
    try:
        results: Values = made(*values)
    except original.api.LuaError as error:
        value = error.args[0]
        if not isinstance(value, kind):
            raise
        return (None, value.get(1) if isinstance(value, dict) else value)
    return results


@FAULTS.fault("socket.protect", detected_by="except/ordinary-error-of-another-type")
@changes_protected
def protect_catches_all(original: Original, made: Callable[..., Values], _function: Any, *values: Any) -> Values:
    """Every error is an exception."""
    return _caught(original, made, *values)


@FAULTS.fault("socket.protect", detected_by="except/error-after-a-yield")
@changes_protected
def protect_catches_strings(original: Original, made: Callable[..., Values], _function: Any, *values: Any) -> Values:
    """An error that is a string is an exception."""
    return _caught(original, made, *values, kind=bytes)


@FAULTS.fault("socket.protect", detected_by="except/finalizer-raises")
@changes_protected
def protect_catches_tables(original: Original, made: Callable[..., Values], _function: Any, *values: Any) -> Values:
    """An error that is a table is an exception."""
    return _caught(original, made, *values, kind=dict)


@FAULTS.fault("socket.protect", detected_by="except/protect-passes")
@changes_protected
def protect_drops_trailing_nils(
    _original: Original, made: Callable[..., Values], _function: Any, *values: Any
) -> Values:
    """The nils at the end of the results are dropped."""
    results = made(*values)
    if len(results) == 2:
        return results
    return results[: max((number for number, value in enumerate(results, 1) if value is not None), default=0)]


@FAULTS.fault("socket.protect", detected_by="except/protect-passes")
@changes_protected
def protect_drops_arguments(_original: Original, made: Callable[..., Values], _function: Any, *values: Any) -> Values:
    """No more than two arguments are passed."""
    return made(*values[:2])


@FAULTS.fault("socket.protect", detected_by="except/any-try")
def protect_works_once(original: Original, *args: Any) -> Values:
    """A protected function can be called only once."""
    (made,) = original(*args)
    over: list[bool] = []

    def call(*values: Any) -> Values:
        if over:
            raise original.api.LuaError(b"cannot resume dead coroutine")
        over.append(True)
        results: Values = made(*values)
        return results

    return (call,)


def _quiet(original: Original, function: Any) -> Callable[..., Values]:
    def call(*args: Any) -> Values:
        try:
            results: Values = function(*args)
        except original.api.LuaError:
            return ()
        return results

    return call


@FAULTS.fault("socket.protect", detected_by="except/protect-passes")
def protect_calls_at_once(original: Original, function: Any = None, *rest: Any) -> Values:
    """The function is called when it is protected."""
    if callable(function):
        _quiet(original, function)()
    return original(function, *rest)


FAULTS.add("protect-is-missing", "There is no protect.", "socket.protect", ABSENT, detected_by="except/ordinary-error")

FAULTS.add(
    "newtry-is-missing", "There is no newtry.", "socket.newtry", ABSENT, detected_by="except/newtry-does-not-call"
)


@FAULTS.fault("socket.newtry", detected_by="except/newtry-of-two-functions", deadline=1.0)
def newtry_takes_the_last_argument(original: Original, *args: Any) -> Values:
    """The finalizer is the last argument, not the first."""
    return original(*args[-1:])


@FAULTS.fault("socket.protect", detected_by=("except/callable-in-protect", "except/callable-that-throws"))
@refuses_argument(1)
def protect_refuses_callable_tables(value: Any) -> object:
    """A table that can be called is refused."""
    return isinstance(value, dict) and callable(value)


@FAULTS.fault("socket.newtry", detected_by="except/callable-finalizer")
def newtry_calls_functions_only(original: Original, finalizer: Any = None, *rest: Any) -> Values:
    """A finalizer that is a table is never called."""
    return original(None if isinstance(finalizer, dict) else finalizer, *rest)


@FAULTS.fault("socket.protect", detected_by="except/callable-in-protect")
def protect_calls_without_the_table(original: Original, value: Any = None, *rest: Any) -> Values:
    """A table that can be called does not get itself as its first argument."""
    if not (isinstance(value, dict) and callable(value)):
        return original(value, *rest)

    def called(*args: Any) -> Values:
        results: Values = value(*args[1:])
        return results

    return original(called, *rest)


@FAULTS.fault("socket.protect", detected_by="except/callable-that-raises")
@changes_protected
def errors_of_tables_are_exceptions(
    original: Original, protected: Callable[..., Values], value: Any, *args: Any
) -> Values:
    """An ordinary error in a table that can be called is returned."""
    try:
        return protected(*args)
    except original.api.LuaError as error:
        if isinstance(value, dict):
            return (None, error.args[0])
        raise


@FAULTS.fault("socket.newtry", detected_by="except/finalizer-calls-the-same-try")
def try_raises_the_message_of_its_last_call(original: Original, finalizer: Any = None, *_rest: Any) -> Values:
    """The message is kept in the try function, where a call in its finalizer replaces it."""
    (plain,) = original()
    last: list[Any] = []

    def attempt(*values: Any) -> Values:
        last[:] = values
        if is_failure(values) and finalizer is not None:
            finalizer()
        results: Values = plain(*values[:1], *last[1:])
        return results

    return (attempt,)


@FAULTS.fault("socket.newtry", "socket.protect", detected_by="except/exception-of-another-place")
def exceptions_end_with_the_protected_function(original: Original, function: Any = None, *rest: Any) -> Values:
    """An exception that was thrown in a protected function is an ordinary error once that function has returned."""
    places, running = original.memory.setdefault(original.api, ({}, []))

    if original.name == "newtry":
        (made,) = original(function, *rest)

        def attempt(*values: Any) -> Values:
            try:
                results: Values = made(*values)
            except original.api.LuaError as error:
                if running:
                    places[id(error.args[0])] = (running[-1], error.args[0])  # with the value, so that its id() stays
                raise
            return results

        return (attempt,)

    def checked(*values: Any) -> Values:
        try:
            results: Values = function(*values)
        except original.api.LuaError as error:
            place, _ = places.get(id(error.args[0]), (None, None))
            if place is not None and place not in running:
                raise original.api.LuaError(b"an exception of another function") from None
            raise
        return results

    (guarded,) = original(checked, *rest)

    def protected(*values: Any) -> Values:
        place = object()
        running.append(place)
        try:
            results: Values = guarded(*values)
        finally:
            running.remove(place)
        return results

    return (protected,)
