"""Faulty ports that the behaviours of ``try.yaml`` detect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from luasocket_conformance.faults.factories import is_number
from luasocket_conformance.faults.factories.closures import changes_protected
from luasocket_conformance.faults.mechanism import ABSENT, Faults, Original, Values

FAULTS = Faults(__name__, also_fails=("try", "except"))


FAULTS.add("try-is-missing", "The helper module makes no try function.", "socket.try", ABSENT, detected_by="try/passes")


@FAULTS.fault("socket.try", detected_by="try/throws")
def try_passes_the_first(original: Original, *args: Any) -> Values:
    """It returns its first argument only."""
    return original(*args)[:1]


@FAULTS.fault("socket.try", detected_by="try/passes")
def try_passes_three(original: Original, *args: Any) -> Values:
    """It returns three values at most."""
    return original(*args)[:3]


@FAULTS.fault("socket.try", detected_by="try/passes")
def try_drops_nils(original: Original, *args: Any) -> Values:
    """It drops the nils at the end."""
    return original(*args)[: max((i for i, v in enumerate(args, 1) if v is not None), default=0)]


@FAULTS.fault("socket.try", detected_by="try/outside-protect")
def try_raises_nothing_at_all(_original: Original, *args: Any) -> Values:
    """A failure is returned."""
    return args


@FAULTS.fault("socket.try", detected_by="try/throws")
def try_passes_false(original: Original, *args: Any) -> Values:
    """The value false is a success."""
    if args[:1] == (False,):
        return args
    return original(*args)


@FAULTS.fault("socket.try", detected_by="try/passes")
def try_takes_zero_for_a_failure(original: Original, *args: Any) -> Values:
    """The number 0 is a failure."""
    if args[:1] == (0,):
        return original(None, *args[1:])
    return original(*args)


@FAULTS.fault("socket.try", detected_by="try/passes")
def try_takes_the_empty_string_for_a_failure(original: Original, *args: Any) -> Values:
    """The empty string is a failure."""
    if args[:1] == (b"",):
        return original(None, *args[1:])
    return original(*args)


@FAULTS.fault("socket.try", detected_by="try/throws")
def try_makes_a_string_of_the_message(original: Original, *args: Any) -> Values:
    """A message that is not a string is converted to one."""
    if len(args) > 1 and (not args[0]) and is_number(args[1]):
        return original(args[0], original.api.tostring(args[1]))
    return original(*args)


@FAULTS.fault("socket.try", detected_by="try/throws")
def try_raises_the_message(original: Original, *args: Any) -> Values:
    """It raises the message itself, which protect does not catch."""
    if args and (args[0] is None or args[0] is False):
        raise original.api.LuaError((*args, None)[1])
    return original(*args)


@FAULTS.fault("socket.protect", detected_by="try/throws")
@changes_protected
def try_returns_all_that_failed(
    _original: Original, made: Callable[..., Values], _function: Any, *values: Any
) -> Values:
    """The protected function returns all arguments of the try function."""
    results = made(*values)
    if len(results) == 2 and results[0] is None:
        return (*results, None)
    return results


@FAULTS.fault("socket.protect", detected_by="try/throws")
@changes_protected
def protect_returns_true_first(
    _original: Original, made: Callable[..., Values], _function: Any, *values: Any
) -> Values:
    """A protected function returns true before its results, as pcall does."""
    return (True, *made(*values))


@FAULTS.fault("socket.protect", detected_by="try/throws")
@changes_protected
def protect_returns_the_message_alone(
    _original: Original, made: Callable[..., Values], _function: Any, *values: Any
) -> Values:
    """An exception is returned as its message."""
    results = made(*values)
    if len(results) == 2 and results[0] is None:
        return results[1:]
    return results
