"""Faulty ports that the behaviours of ``udp/timeout.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import (
    STREAMS,
    changes_argument,
    changes_failure,
    changes_result,
    changes_success,
    is_number,
    refuses_argument,
)
from luasocket_conformance.faults.factories.families import (
    add_missing_methods,
    add_more_arguments,
    add_uses_after_close,
)
from luasocket_conformance.faults.mechanism import Faults, Original, Values

#: Seconds that are more than any behaviour waits.
LONG = 1000.0

FAULTS = Faults(
    __name__,
    also_fails=(*STREAMS, "udp", "tcp/options", "tcp/states"),
    deadline=1.0,
)


@FAULTS.fault("udp:receive", detected_by="udp/timeout/limits")
@changes_failure
def udp_receive_failure_has_a_partial(results: Values) -> Values:
    """A failure has the empty string as its third result."""
    return (*results, b"")


@FAULTS.fault("*:settimeout", detected_by="udp/timeout/wrong-type")
@refuses_argument(2)
def timeout_wants_a_number(seconds: Any) -> object:
    """A string that holds a number raises."""
    return isinstance(seconds, bytes)


@FAULTS.fault("*:settimeout", detected_by="udp/timeout/wrong-type")
@changes_argument(2)
def timeout_takes_anything(seconds: Any) -> Any:
    """What is no number is no limit."""
    if is_number(seconds) or isinstance(seconds, bytes):
        return seconds
    return None


@FAULTS.fault("*:settimeout", detected_by="udp/timeout/values")
@refuses_argument(2)
def timeout_refuses_negatives(seconds: Any) -> object:
    """A negative value raises."""
    return is_number(seconds) and seconds < 0


@FAULTS.fault("*:settimeout", detected_by="udp/timeout/wrong-type")
@changes_argument(3)
def timeout_takes_any_mode(mode: Any) -> Any:
    """A mode that does not exist is the default one."""
    if isinstance(mode, bytes) and mode[:1] in (b"b", b"t", b"r"):
        return mode
    return b"b"


@FAULTS.fault("*:gettimeout", detected_by="udp/timeout/get-default")
@changes_result(2)
def gettimeout_is_nil_without_a_total(limit: Any) -> Any:
    """No limit of a call is nil."""
    if limit < 0:
        return None
    return limit


@FAULTS.fault("*:gettimeout", detected_by="udp/timeout/get")
@changes_success
def gettimeout_is_minus_one_for_all_negatives(results: Values) -> Values:
    """A negative limit is -1."""
    return tuple(-1.0 if limit < 0 else limit for limit in results)


add_missing_methods(FAULTS, "udp", {"gettimeout": "udp/timeout/get"})
add_more_arguments(FAULTS, "udp", {"settimeout": (3, "udp/timeout/values")})
add_uses_after_close(FAULTS, "udp", {"settimeout": "udp/timeout/returns-one", "gettimeout": "udp/timeout/get-both"})


@FAULTS.fault("udp:settimeout", detected_by="udp/timeout/text-and-extremes")
@changes_argument(2)
def udp_settimeout_takes_text_for_milliseconds(value: Any) -> Any:
    """A timeout that is a string is a number of milliseconds."""
    return float(value) / 1000 if isinstance(value, bytes) and value.replace(b".", b"").isdigit() else value


@FAULTS.fault("udp:settimeout", detected_by="udp/timeout/text-and-extremes")
def negative_total_is_zero(original: Original, obj: Any, value: Any = None, mode: Any = None, *rest: Any) -> Values:
    """A total timeout that is negative is 0."""
    if mode == b"t" and is_number(value) and value < 0:
        value = 0
    return original(obj, value, mode, *rest)


@FAULTS.fault("udp:settimeout", detected_by="udp/timeout/without-arguments")
def udp_settimeout_without_arguments_does_nothing(original: Original, obj: Any, *args: Any) -> Values:
    """Without arguments, the timeout stays."""
    return original(obj, *args) if args else (1,)


@FAULTS.fault("udp:settimeout", detected_by="udp/timeout/text-and-extremes")
@changes_argument(2)
def udp_timeouts_are_hundredths(value: Any) -> Any:
    """A timeout is cut to hundredths of a second."""
    return int(value * 100) / 100 if is_number(value) and 0 < value < 1e9 else value


@FAULTS.fault("*:settimeout", detected_by=("udp/timeout/get/not-whole-thousandths", "tcp/timeout/text-and-extremes"))
@changes_argument(2)
def timeouts_are_whole_milliseconds(value: Any) -> Any:
    """A timeout is cut to milliseconds."""
    return int(value * 1000) / 1000 if is_number(value) and 0 < value < 1e12 else value


@FAULTS.fault("udp:receive*", detected_by="udp/timeout/whole-and-fraction", deadline=4.0)
def fractions_of_longer_times_do_not_count(original: Original, obj: Any, *args: Any) -> Values:
    """Of a timeout of more than a second, only the whole seconds count."""
    seconds = original.method(obj, "gettimeout")[0]
    if not 1 < seconds < LONG:
        return original(obj, *args)
    original.method(obj, "settimeout", int(seconds))
    try:
        return original(obj, *args)
    finally:
        original.method(obj, "settimeout", seconds)
