"""Faulty ports that the behaviours of ``tcp/receive-line.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import (
    STREAMS,
    changes_failure,
    changes_result,
    changes_success,
    failed,
    refuses_argument,
    returns_always,
    rewords,
)
from luasocket_conformance.faults.factories.receive import ends_lines_at, for_lines, is_pattern, read_raw_line
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(__name__, also_fails=STREAMS)


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-line/success-is-three-values")
@changes_success
def receive_success_is_one_value(results: Values) -> Values:
    """The data is the only result, without the two nils."""
    return results[:1]


@FAULTS.fault("tcp:receive", violates="client:receive/no-error")
@changes_result(2)
def receive_success_has_an_error(_nil: Any) -> Any:
    """On success the message is the empty string."""
    return b""


@FAULTS.fault("tcp:receive", violates="client:receive/no-partial")
@changes_result(3)
def receive_success_has_a_partial(_nil: Any) -> Any:
    """On success the partial result is the empty string."""
    return b""


@FAULTS.fault(
    "tcp:receive",
    detected_by=("tcp/receive-line/partial-on-timeout", "tcp/receive-line/nothing-at-close"),
    violates=("client:receive/partial", "client:receive/partial-empty"),
)
@changes_failure
def receive_failure_is_two_values(results: Values) -> Values:
    """The partial result is missing."""
    return results[:2]


@FAULTS.fault("tcp:receive", violates="client:receive/error")
@changes_failure
def receive_failure_is_false(results: Values) -> Values:
    """The first result of a failure is false."""
    return (False, *results[1:])


@FAULTS.fault(
    "tcp:receive",
    detected_by=("tcp/receive-line/nothing-at-timeout", "tcp/receive-all/nothing-at-close"),
    violates="client:receive/partial-empty",
)
@changes_failure
def receive_empty_partial_is_nil(results: Values) -> Values:
    """If nothing had arrived, the partial result is nil instead of the empty string."""
    return (*results[:2], results[2] or None)


@FAULTS.fault("tcp:receive", violates="client:receive/partial")
@changes_failure
def receive_partial_is_empty(results: Values) -> Values:
    """The partial result is always empty."""
    return (*results[:2], b"")


FAULTS.add(
    "receive-closed-is-a-sentence",
    'The message is "connection closed.".',
    "tcp:receive",
    rewords(b"closed", b"connection closed."),
    violates="client:receive/closed",
)

FAULTS.add(
    "receive-closed-is-timeout",
    'The end of the connection is reported as "timeout".',
    "tcp:receive",
    rewords(b"closed", b"timeout"),
    detected_by="tcp/receive-line/nothing-at-close",
    violates="client:receive/closed",
)

FAULTS.add(
    "receive-returns-nothing-new",
    "The result is always the empty string.",
    "tcp:receive",
    returns_always(b"", None, None),
    violates=("client:receive/reads", "client:receive/data"),
)


@FAULTS.fault(
    "tcp:receive", detected_by=("tcp/receive-line/partial-on-timeout", "tcp/receive-number/partial-on-timeout")
)
def receive_partial_is_a_success(original: Original, *args: Any) -> Values:
    """At the timeout the partial result is returned as a success."""
    results = original(*args)
    return (results[2], None, None) if failed(results) and results[1] == b"timeout" and results[2] else results


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-line/partial-only-once")
def receive_partial_comes_again(original: Original, obj: Any, *args: Any) -> Values:
    """A partial result is returned again by the next call."""
    kept = original.memory.pop(obj, b"")
    results = original(obj, *args)
    if failed(results):
        original.memory[obj] = kept + results[2]
        return (*results[:2], kept + results[2])
    return (kept + results[0], *results[1:])


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-line/is-the-default", violates="client:receive/pattern-optional")
def receive_default_pattern_is_all(original: Original, obj: Any, *args: Any) -> Values:
    """Without a pattern, everything is read."""
    return original(obj, *(args or (b"*a",)))


@FAULTS.fault("tcp:receive", violates="client:receive/file-format")
@refuses_argument(2)
def receive_knows_exact_patterns_only(pattern: Any) -> object:
    """A pattern with more than its two characters is an error."""
    return isinstance(pattern, bytes) and len(pattern) > 2 and not pattern.isdigit()


@FAULTS.fault("tcp:receive", violates="client:receive/prefix-optional")
@refuses_argument(3, b"bad argument #3 to 'receive' (string expected)")
def receive_wants_a_prefix(prefix: Any) -> object:
    """Without a prefix it raises."""
    return prefix is None


@FAULTS.fault(
    "tcp:receive", detected_by="tcp/receive-line/drops-every-carriage-return", violates="client:receive/line-cr-dropped"
)
def receive_keeps_inner_carriage_returns(
    original: Original, obj: Any, pattern: Any = b"*l", prefix: bytes = b"", *rest: Any
) -> Values:
    """Only the carriage return before the line feed is dropped from a line."""
    if not is_pattern(pattern, b"*l") or not isinstance(prefix, bytes):
        return original(obj, pattern, prefix, *rest)
    results = read_raw_line(original, obj, prefix, b"\n")
    return results if failed(results) else (results[0][:-1].removesuffix(b"\r"), None, None)


@FAULTS.fault("tcp:receive", violates=("client:receive/line-crlf", "client:receive/line-end-dropped"))
def receive_keeps_the_carriage_return(
    original: Original, obj: Any, pattern: Any = b"*l", prefix: bytes = b"", *rest: Any
) -> Values:
    """A line that ends with CR LF comes with its carriage return."""
    if not is_pattern(pattern, b"*l") or not isinstance(prefix, bytes):
        return original(obj, pattern, prefix, *rest)
    results = read_raw_line(original, obj, prefix, b"\n")
    return results if failed(results) else (results[0][:-1], None, None)


@FAULTS.fault("tcp:receive", violates="client:receive/line")
def receive_wants_crlf(original: Original, obj: Any, pattern: Any = b"*l", prefix: bytes = b"", *rest: Any) -> Values:
    """Only CR LF ends a line."""
    if not is_pattern(pattern, b"*l") or not isinstance(prefix, bytes):
        return original(obj, pattern, prefix, *rest)
    results = read_raw_line(original, obj, prefix, b"\r\n")
    return results if failed(results) else (results[0][:-2], None, None)


@FAULTS.fault(
    "tcp:receive",
    detected_by=("tcp/receive-line/ends-at-line-feed", "tcp/receive-line/empty-line"),
    violates="client:receive/line-end-dropped",
)
def receive_keeps_the_line_feed(original: Original, obj: Any, pattern: Any = b"*l", *rest: Any) -> Values:
    """A line comes with its line feed."""
    results = original(obj, pattern, *rest)
    if failed(results) or not is_pattern(pattern, b"*l"):
        return results
    return (results[0] + b"\n", *results[1:])


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-line/partial-at-close", violates="client:receive/closed")
def receive_needs_no_end_of_the_last_line(original: Original, obj: Any, pattern: Any = b"*l", *rest: Any) -> Values:
    """A last line without a line feed is returned as a line."""
    results = original(obj, pattern, *rest)
    line = is_pattern(pattern, b"*l") and failed(results)
    return (results[2], None, None) if line and results[1] == b"closed" and results[2] else results


@FAULTS.fault(
    "tcp:receive",
    detected_by=("tcp/receive-line/any-byte", "tcp/receive-number/any-byte", "tcp/receive-all/any-byte"),
    violates="client:receive/data",
)
@changes_success
def receive_decodes_utf8(results: Values) -> Values:
    """Bytes that are not UTF-8 are replaced."""
    return (results[0].decode("utf-8", "replace").encode(), *results[1:])


@FAULTS.fault(
    "tcp:receive",
    detected_by=("tcp/receive-line/any-byte", "tcp/receive-number/any-byte", "tcp/receive-all/any-byte"),
    violates="client:receive/data",
)
@changes_success
def receive_ends_at_nul(results: Values) -> Values:
    """A string ends at its first NUL byte, as in C."""
    return (results[0].partition(b"\x00")[0], *results[1:])


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-line/blanks-are-kept")
@for_lines
@changes_result(1)
def receive_line_is_stripped(line: Any) -> Any:
    """White space at the end of a line is dropped."""
    return line.rstrip()


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-line/blanks-are-kept")
@for_lines
@changes_result(1)
def receive_line_begins_without_blanks(line: Any) -> Any:
    """White space at the beginning of a line is dropped."""
    return line.lstrip()


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-line/empty-line")
@for_lines
def receive_skips_empty_lines(original: Original, *args: Any) -> Values:
    """Empty lines are skipped."""
    results = original(*args)
    if results == (b"", None, None):
        return original(*args)
    return results


FAULTS.add(
    "receive-ends-a-line-at-a-carriage-return",
    "A carriage return ends a line, too.",
    "tcp:receive",
    ends_lines_at((b"\n", b"\r")),
    detected_by="tcp/receive-line/drops-every-carriage-return",
)

FAULTS.add(
    "receive-ends-a-line-at-nul",
    "A NUL byte ends a line, too.",
    "tcp:receive",
    ends_lines_at((b"\n", b"\x00")),
    detected_by="tcp/receive-line/any-byte",
)

FAULTS.add(
    "receive-ends-a-line-at-a-form-feed",
    "A form feed ends a line, too.",
    "tcp:receive",
    ends_lines_at((b"\n", b"\x0c")),
    detected_by="tcp/receive-line/any-byte",
)


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-line/drops-carriage-returns-of-a-partial")
@for_lines
def receive_drops_carriage_returns_before_something(
    original: Original, obj: Any, _pattern: Any, prefix: Any = b"", *_rest: Any
) -> Values:
    """A carriage return that is the last byte of a packet is kept."""
    line = prefix or b""
    while True:
        results = original(obj, 1)
        if failed(results):
            return (*results[:2], line)
        if results[0] == b"\n":
            return line, None, None
        if results[0] != b"\r" or original.method(obj, "dirty") == (False,):
            line += results[0]


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-line/over-segments")
@for_lines
def receive_drops_what_is_behind_a_line(original: Original, obj: Any, *args: Any) -> Values:
    """Data that arrived in one packet with a line, behind it, is lost."""
    results = original(obj, *args)
    if original.method(obj, "dirty") == (True,):
        original.method(obj, "settimeout", 0, b"b")
        original(obj, b"*a")
        original.method(obj, "settimeout", None, b"b")
    return results


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-line/any-byte")
@changes_success
def receive_expands_bytes_to_utf8(results: Values) -> Values:
    """Each byte from 128 on becomes two, as in UTF-8."""
    return (results[0].decode("latin-1").encode(), *results[1:])


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-line/carriage-return-ends-no-line")
@for_lines
def receive_keeps_carriage_returns_in_partial_lines(
    original: Original, obj: Any, pattern: Any, prefix: Any = b"", *rest: Any
) -> Values:
    """The carriage returns in the partial result of a line are kept."""
    if not isinstance(prefix, bytes):
        return original(obj, pattern, prefix, *rest)
    results = read_raw_line(original, obj, prefix, b"\n")
    return results if failed(results) else (results[0][:-1].replace(b"\r", b""), None, None)


@FAULTS.fault("tcp:receive", detected_by="tcp/receive-line/closed-while-waiting")
@for_lines
@changes_failure
def receive_closed_loses_what_was_read(results: Values) -> Values:
    """At the end of the connection a partial line is lost."""
    if results[1] == b"closed":
        return (*results[:2], b"")
    return results
