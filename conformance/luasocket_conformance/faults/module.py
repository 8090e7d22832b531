"""Faulty ports that the behaviours of ``module.yaml`` detect."""

from __future__ import annotations

import math
import time
from typing import Any

from luasocket_conformance.faults.factories import (
    STREAMS,
    changes_argument,
    changes_result,
    changes_success,
    is_number,
    refuses_argument,
    returns_always,
)
from luasocket_conformance.faults.factories.families import add_missing_fields
from luasocket_conformance.faults.mechanism import Constant, Faults, Original, Values

FAULTS = Faults(
    __name__,
    also_fails=(*STREAMS, "udp", "numerals"),
)


FAULTS.add("version-is-false", "The version is false.", "socket._VERSION", Constant(False), violates="_VERSION/*")

FAULTS.add(
    "version-names-the-port",
    "The name of the port follows the version.",
    "socket._VERSION",
    Constant(b"LuaSocket 3.0.0 (in Python)"),
    detected_by="module/version-alone",
)
FAULTS.add("version-is-empty", "The version is empty.", "socket._VERSION", Constant(b""), violates="_VERSION/current")

FAULTS.add(
    "setsize-has-no-limit",
    "The number of sockets for select is a million.",
    "socket._SETSIZE",
    Constant(1000000),
    violates=("_SETSIZE/most-for-select", "select/limit-range"),
)


@FAULTS.fault("socket.skip", violates=("skip/drops", "skip/count-first", "skip/example", "skip/returns-rest"))
@changes_argument(1)
def skip_counts_itself(count: Any) -> Any:
    """The count is one of the arguments that are dropped."""
    if is_number(count):
        return count - 1
    return count


@FAULTS.fault("socket.skip", violates=("skip/returns-rest", "skip/example"))
@changes_success
def skip_returns_one(results: Values) -> Values:
    """Only the first of the remaining arguments is returned."""
    return results[:1]


@FAULTS.fault("socket.skip", violates="skip/returns-rest")
def skip_drops_nils(original: Original, *args: Any) -> Values:
    """Arguments that are nil are dropped as well."""
    return tuple(value for value in original(*args) if value is not None)


@FAULTS.fault("socket.gettime", detected_by="module/gettime-epoch", violates="gettime/epoch")
@changes_result(1)
def gettime_is_in_milliseconds(seconds: Any) -> Any:
    """The time is in milliseconds."""
    return seconds * 1000


@FAULTS.fault("socket.gettime", violates=("gettime/seconds", "gettime/difference"))
@changes_result(1)
def gettime_is_in_hundreds(seconds: Any) -> Any:
    """The time changes only every hundred seconds."""
    return seconds // 100 * 100


@FAULTS.fault("socket.gettime", violates="gettime/epoch")
@changes_result(1)
def gettime_counts_from_2000(seconds: Any) -> Any:
    """The time counts from another year."""
    return seconds - 946684800


FAULTS.add(
    "gettime-stands-still",
    "The time is always the same.",
    "socket.gettime",
    returns_always(1_700_000_000.5),
    violates="gettime/difference",
)


@FAULTS.fault("socket.sleep", detected_by="module/sleep-freezes", violates=("sleep/freezes", "sleep/seconds"))
@changes_argument(1)
def sleep_is_in_milliseconds(seconds: Any) -> Any:
    """The time to sleep is taken as milliseconds."""
    if is_number(seconds):
        return seconds / 1000
    return seconds


FAULTS.add("sleep-returns-at-once", "It does not wait.", "socket.sleep", returns_always(), violates="sleep/*")


@FAULTS.fault("socket.sleep", violates="sleep/seconds")
def sleep_wants_whole_seconds(original: Original, seconds: Any = None, *rest: Any) -> Values:
    """The fraction of the time to sleep is lost."""
    return original(int(seconds) if is_number(seconds) and abs(seconds) < 1e9 else seconds, *rest)


FAULTS.add(
    "setsize-is-64",
    "The constant has another value.",
    "socket._SETSIZE",
    Constant(64),
    detected_by="module/setsize-on-linux",
)

FAULTS.add(
    "setsize-is-a-string",
    "The constant is a string.",
    "socket._SETSIZE",
    Constant(b"1024"),
    detected_by="module/setsize",
)


@FAULTS.fault("socket.skip", detected_by="module/skip-nil")
def skip_counts_from_zero(original: Original, count: Any = None, *rest: Any) -> Values:
    """One argument fewer is dropped."""
    return original(max(count - 1, 0) if is_number(count) else count, *rest)


@FAULTS.fault("socket.skip", detected_by="module/skip-minus-one")
@refuses_argument(1)
def skip_refuses_negatives(count: Any) -> object:
    """A negative count raises."""
    return is_number(count) and count < 0


@FAULTS.fault("socket.skip", detected_by="module/skip-more-than-given")
def skip_refuses_large_counts(original: Original, *args: Any) -> Values:
    """A count beyond the arguments raises."""
    if args and is_number(args[0]) and args[0] >= len(args):
        raise original.api.LuaError(b"bad argument #1 to 'skip'")
    return original(*args)


@FAULTS.fault("socket.skip", detected_by="module/skip-numeric-string")
@refuses_argument(1)
def skip_wants_a_number(count: Any) -> object:
    """A count that is a string raises."""
    return isinstance(count, bytes)


@FAULTS.fault("socket.skip", detected_by="module/skip-minus-one")
def skip_counts_from_the_end(original: Original, count: Any = None, *rest: Any) -> Values:
    """A negative count counts from the end."""
    if is_number(count) and count < 0:
        return rest[count:]
    return original(count, *rest)


@FAULTS.fault("socket.skip", detected_by="module/skip-nil")
@changes_success
def skip_drops_the_last_nils(results: Values) -> Values:
    """Nils at the end are dropped."""
    return results[: max((number for number, value in enumerate(results, 1) if value is not None), default=0)]


@FAULTS.fault("socket.skip", detected_by="module/skip-wrong-count")
def skip_takes_nil_for_zero(original: Original, count: Any = None, *rest: Any) -> Values:
    """The count nil is 0."""
    return original(0 if count is None else count, *rest)


@FAULTS.fault("socket.gettime", detected_by="module/gettime-counts-seconds")
@changes_result(1)
def gettime_is_whole(seconds: Any) -> Any:
    """The time is in whole seconds."""
    return float(int(seconds))


@FAULTS.fault("socket.gettime", detected_by="module/gettime-epoch")
@changes_result(1)
def gettime_is_a_string(seconds: Any) -> Any:
    """The time is a string."""
    return str(seconds).encode()


@FAULTS.fault("socket.gettime", detected_by="module/gettime-epoch")
@changes_success
def gettime_has_two_results(results: Values) -> Values:
    """Seconds and microseconds are two results."""
    return (results[0] // 1, results[0] % 1)


@FAULTS.fault("socket.gettime", detected_by="module/gettime-epoch")
def gettime_counts_from_the_start(_original: Original, *_args: Any) -> Values:
    """The time counts from the start of the machine."""
    return (time.monotonic(),)


@FAULTS.fault("socket.gettime", detected_by="module/gettime-goes-on")
@changes_result(1)
def gettime_goes_back(seconds: Any) -> Any:
    """The time goes backwards."""
    return 3.5e9 - seconds


@FAULTS.fault("socket.sleep", detected_by="module/sleep-freezes")
def sleep_returns_one(original: Original, *args: Any) -> Values:
    """The result is 1."""
    original(*args)
    return (1,)


@FAULTS.fault("socket.sleep", detected_by="module/sleep-of-zero")
@refuses_argument(1)
def sleep_refuses_negatives(seconds: Any) -> object:
    """A negative time raises."""
    return is_number(seconds) and seconds < 0


@FAULTS.fault("socket.sleep", detected_by="module/sleep-of-zero", deadline=1.0)
@changes_argument(1)
def sleep_takes_the_absolute(seconds: Any) -> Any:
    """A negative time is taken for its absolute value."""
    if is_number(seconds):
        return min(abs(seconds), 9)
    return seconds


@FAULTS.fault("socket.sleep", detected_by="module/sleep-not-longer")
@changes_argument(1)
def sleep_rounds_the_time_up(seconds: Any) -> Any:
    """The time to sleep is rounded up to whole seconds."""
    return math.ceil(seconds) if is_number(seconds) and 0 < seconds < 1e6 else seconds


@FAULTS.fault("socket.sleep", detected_by="module/sleep-wrong-argument")
@refuses_argument(1)
def sleep_wants_a_number(seconds: Any) -> object:
    """A time that is a string raises."""
    return isinstance(seconds, bytes)


@FAULTS.fault("socket.sleep", detected_by="module/sleep-wrong-argument")
def sleep_needs_no_time(original: Original, seconds: Any = None, *rest: Any) -> Values:
    """Without a time it returns at once."""
    if seconds is None:
        return ()
    return original(seconds, *rest)


@FAULTS.fault("socket.sleep", detected_by="module/sleep-freezes", deadline=1.0)
@changes_argument(1)
def sleep_is_a_thousandfold(seconds: Any) -> Any:
    """It sleeps a thousand times as long."""
    if is_number(seconds):
        return seconds * 1000
    return seconds


add_missing_fields(
    FAULTS,
    {
        "gettime": "module/gettime-epoch",
        "sleep": "module/sleep-freezes",
        "skip": "module/skip",
        "_SETSIZE": "module/setsize",
        "_DATAGRAMSIZE": "module/datagramsize",
        "_SOCKETINVALID": "module/socketinvalid",
    },
)


for _name, _value in {"_DATAGRAMSIZE": 65507, "_SOCKETINVALID": 0}.items():
    FAULTS.add(
        f"{_name.strip('_').lower()}-is-{_value}",
        "The constant has another value.",
        f"socket.{_name}",
        Constant(_value),
        detected_by=f"module/{_name.strip('_').lower()}",
    )


@FAULTS.fault("socket.gettime", detected_by="module/extra-arguments/gettime")
def gettime_takes_no_arguments(original: Original, *args: Any) -> Values:
    """An argument of gettime raises an error."""
    if args:
        raise original.api.LuaError(b"wrong number of arguments")
    return original()


@FAULTS.fault("socket.sleep", detected_by="module/sleep-short/below-a-millisecond")
def sleep_counts_in_milliseconds(original: Original, seconds: Any = None, *rest: Any) -> Values:
    """A time below a millisecond is none."""
    return () if is_number(seconds) and 0 < seconds < 0.001 else original(seconds, *rest)


@FAULTS.fault("socket.sleep", detected_by="module/sleep-short/above-a-millisecond")
def sleep_cuts_milliseconds_off(original: Original, seconds: Any = None, *rest: Any) -> Values:
    """Fractions of a millisecond do not count."""
    if is_number(seconds) and 0 < seconds < 1:
        seconds = math.floor(seconds * 1000) / 1000
    return original(seconds, *rest)
