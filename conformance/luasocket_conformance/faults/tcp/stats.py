"""Faulty ports that the behaviours of ``tcp/stats.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import (
    STREAMS,
    after_success,
    changes_result,
    changes_success,
    failed,
    is_number,
    refuses_argument,
    returns_always,
    takes_only,
)
from luasocket_conformance.faults.factories.families import add_missing_methods, add_returns_nothing, add_returns_true
from luasocket_conformance.faults.factories.receive import changes_received_count, data_of
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(
    __name__,
    also_fails=(*STREAMS, "udp/names", "udp/options"),
)


@FAULTS.fault("tcp:receive", detected_by="tcp/stats/line-ends-count")
@changes_received_count
def receive_counts_what_it_returns(_args: Any, results: Any, before: Any) -> Any:
    """Received bytes are counted as returned: without line ends, and with the prefix."""
    return before + len(data_of(results))


@FAULTS.fault("tcp:receive", detected_by="tcp/stats/partial-results-count")
def receive_counts_nothing_of_failures(original: Original, obj: Any, *args: Any) -> Values:
    """Bytes of a partial result do not count as received."""
    before = original.method(obj, "getstats")[0]
    results = original(obj, *args)
    if failed(results):
        original.method(obj, "setstats", before)
    return results


@FAULTS.fault("tcp:getstats", detected_by="tcp/stats", violates=("client:getstats/received", "client:getstats/sent"))
@changes_success
def stats_are_swapped(results: Values) -> Values:
    """Bytes sent come before bytes received."""
    return (results[1], results[0], *results[2:])


@FAULTS.fault("tcp:getstats", violates=("client:getstats/received", "client:getstats/sent"))
@changes_success
def stats_count_calls(results: Values) -> Values:
    """Both counts are one too high."""
    return (results[0] + 1, results[1] + 1, *results[2:])


@FAULTS.fault("tcp:getstats", violates="client:getstats/age")
@changes_result(3)
def stats_age_is_the_time(age: Any) -> Any:
    """The age is the time of day."""
    return age + 1_700_000_000


FAULTS.add(
    "stats-are-not-set",
    "It returns 1, and sets nothing.",
    "tcp:setstats",
    returns_always(1),
    violates=("client:setstats/received", "client:setstats/sent", "client:setstats/age"),
)


@FAULTS.fault("tcp{client}:close", detected_by="tcp/stats/of-a-closed-client")
@after_success
def tcp_close_forgets_the_figures(original: Original, _results: Values, obj: Any, *_args: Any) -> None:
    """Closing sets the counts to 0."""
    original.method(obj, "setstats", 0, 0, 0)


@FAULTS.fault("tcp:getstats", detected_by="tcp/stats/received-counts-bytes")
def stats_count_what_is_buffered(original: Original, obj: Any, *args: Any) -> Values:
    """Bytes in the buffer count as received."""
    results = original(obj, *args)
    more = 1 if original.method(obj, "dirty") == (True,) else 0
    return (results[0] + more, *results[1:])


@FAULTS.fault("tcp:getstats", detected_by="tcp/stats/set-large")
@changes_success
def stats_tell_two(results: Values) -> Values:
    """The age is missing."""
    return results[:2]


@FAULTS.fault("tcp:getstats", detected_by="tcp/stats/set-large")
@changes_success
def stats_are_strings(results: Values) -> Values:
    """The counts are strings."""
    return tuple(str(value).encode() for value in results)


@FAULTS.fault("tcp:getstats", detected_by="tcp/stats/set-some")
@changes_result(3)
def stats_age_is_in_milliseconds(age: Any) -> Any:
    """The age is in milliseconds."""
    return age * 1000


@FAULTS.fault("tcp:getstats", detected_by="tcp/stats/age-grows")
@changes_result(3)
def stats_age_is_whole(age: Any) -> Any:
    """The age is in whole seconds."""
    return float(int(age))


@FAULTS.fault("tcp:getstats", detected_by="tcp/stats/asking-changes-nothing")
@after_success
def reading_resets_the_counts(original: Original, _results: Values, obj: Any, *_args: Any) -> None:
    """Reading the counts sets them to 0."""
    original.method(obj, "setstats", 0, 0)


@FAULTS.fault("tcp:setstats", detected_by="tcp/stats/set-some")
def stats_nil_is_zero(original: Original, obj: Any, *values: Any) -> Values:
    """A count that is not given is set to 0."""
    return original(obj, *(0 if value is None else value for value in (*values, None, None, None)[:3]))


@FAULTS.fault("tcp:setstats", detected_by="tcp/stats/set-wrong-bytes-raises")
@refuses_argument(2)
def stats_want_numbers(value: Any) -> object:
    """A count that is a string raises."""
    return isinstance(value, bytes)


FAULTS.add(
    "stats-age-cannot-be-set",
    "The age cannot be set.",
    "tcp:setstats",
    takes_only(3),
    detected_by="tcp/stats/set-some",
)


@FAULTS.fault("tcp:setstats", detected_by="tcp/stats/set-large")
def stats_are_swapped_when_set(original: Original, obj: Any, one: Any = None, two: Any = None, *rest: Any) -> Values:
    """The two counts are swapped."""
    return original(obj, two, one, *rest)


@FAULTS.fault("tcp:setstats", detected_by="tcp/stats/set-to-zero")
def stats_are_added(original: Original, obj: Any, one: Any = None, *rest: Any) -> Values:
    """A count is added instead of set."""
    return original(obj, one + original.method(obj, "getstats")[0] if is_number(one) else one, *rest)


@FAULTS.fault("tcp:setstats", detected_by="tcp/stats/set-until-the-wrong-argument/sent")
def stats_are_set_together(original: Original, obj: Any, *args: Any) -> Values:
    """No figure is set if one of them is wrong."""
    received = original.method(obj, "getstats")[0]
    try:
        return original(obj, *args)
    except original.api.LuaError:
        original.method(obj, "setstats", received)
        raise


@FAULTS.fault("tcp:setstats", detected_by="tcp/stats/set-until-the-wrong-argument/received")
def stats_are_set_from_the_end(original: Original, obj: Any, *args: Any) -> Values:
    """The last figure is set first."""
    original(obj, None, None, *args[2:3])
    return original(obj, *args)


@FAULTS.fault("tcp:accept", detected_by="tcp/stats/age-of-an-accepted-client-begins-with-it")
@after_success
def accepted_clients_are_old(original: Original, results: Values, *_args: Any) -> None:
    """The age of an accepted client is that of a server, made some time ago."""
    original.method(results[0], "setstats", None, None, 60)


@FAULTS.fault("tcp:send", detected_by="tcp/stats/sent-counts-until-the-timeout")
def stats_count_what_was_to_be_sent(original: Original, obj: Any, data: Any = None, *places: Any) -> Values:
    """All data given to send counts as sent."""
    before = original.method(obj, "getstats")[1]
    results = original(obj, data, *places)
    if failed(results) and isinstance(data, bytes) and not places:
        original.method(obj, "setstats", None, before + len(data))
    return results


add_returns_true(FAULTS, "tcp:setstats", "client:setstats/returns")
add_returns_nothing(FAULTS, "tcp:setstats", "client:setstats/returns")
add_missing_methods(FAULTS, "tcp", {"getstats": "tcp/stats/of-a-master", "setstats": "tcp/stats/set-returns-one"})


for _class in ("master", "server"):
    FAULTS.add(
        f"stats-of-a-{_class}-are-nil",
        f"The counts of a {_class} are nil.",
        f"tcp{{{_class}}}:getstats",
        returns_always(None, None, None),
        violates=f"{_class}:getstats/*",
    )
    FAULTS.add(
        f"stats-of-a-{_class}-are-lost",
        f"No counts of a {_class} can be set.",
        f"tcp{{{_class}}}:setstats",
        returns_always(None, b"not supported"),
        violates=f"{_class}:setstats/*",
    )


@FAULTS.fault("tcp:send", detected_by="tcp/stats/counts-past/int")
@after_success
def sent_bytes_are_counted_in_an_int(original: Original, _results: Values, obj: Any, *_args: Any) -> None:
    """The count of sent bytes becomes negative beyond C's int."""
    sent = original.method(obj, "getstats")[1]
    if 0x8000_0000 <= sent < 0x1_0000_0000:
        original.method(obj, "setstats", None, sent - 0x1_0000_0000)


@FAULTS.fault("tcp:receive", detected_by="tcp/stats/counts-past/unsigned")
@after_success
def received_bytes_are_counted_in_32_bits(original: Original, _results: Values, obj: Any, *_args: Any) -> None:
    """The count of received bytes begins again beyond 32 bits."""
    received = original.method(obj, "getstats")[0]
    if 0x1_0000_0000 <= received < 0x1_0001_0000:
        original.method(obj, "setstats", received - 0x1_0000_0000)
