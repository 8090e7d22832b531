"""What porters get wrong in ``client:receive``.

What lives here: mistakes of that method, each of a few lines. What may not: how they are put in place (``mechanism``).
"""

from __future__ import annotations

from functools import partial
from typing import Any

from luasocket_conformance.wrong.factories import (
    STREAMS,
    argument,
    failed,
    failure,
    instead,
    is_number,
    only,
    refuses,
    result,
    reworded,
    success,
)
from luasocket_conformance.wrong.mechanism import Chapter, Mistake, Right, Values

_RECEIVE = "tcp:receive"


def _is_pattern(pattern: Any, kind: bytes) -> bool:
    return isinstance(pattern, bytes) and pattern.startswith(kind)


_CHAPTER = Chapter(__name__, STREAMS)
_in_receive = partial(_CHAPTER.wrong, _RECEIVE)


def _add(name: str, says: str, mistake: Mistake, *statements: str, caught_by: tuple[str, ...] = ()) -> None:
    violates = (f"client:receive/{statement}" for statement in statements)
    _CHAPTER.add(f"receive-{name}", says, _RECEIVE, mistake, *violates, caught_by=caught_by)


# -- results ----------------------------------------------------------------------------------------------------------

_add(
    "success-is-one-value",
    "What was received comes alone, without the two nils.",
    success(lambda results: results[:1]),
    caught_by=("tcp/receive-line/success-is-three-values",),
)
_add(
    "success-has-an-error",
    "On success the message is the empty string.",
    result(2, lambda _nil: b""),
    "no-error",
)
_add(
    "success-has-a-partial",
    "On success the partial result is the empty string.",
    result(3, lambda _nil: b""),
    "no-partial",
)
_add(
    "failure-is-two-values",
    "The partial result is missing.",
    failure(lambda results: results[:2]),
    "partial",
    "partial-empty",
    caught_by=("tcp/receive-line/partial-on-timeout", "tcp/receive-line/nothing-at-close"),
)
_add(
    "failure-is-false",
    "The first result of a failure is false.",
    failure(lambda results: (False, *results[1:])),
    "error",
)
_add(
    "empty-partial-is-nil",
    "Where nothing had arrived, the partial result is nil instead of the empty string.",
    failure(lambda results: (*results[:2], results[2] or None)),
    "partial-empty",
    caught_by=("tcp/receive-line/nothing-at-timeout", "tcp/receive-all/nothing-at-close"),
)
_add(
    "partial-is-empty",
    "What had arrived before the failure is not told.",
    failure(lambda results: (*results[:2], b"")),
    "partial",
)
_add(
    "timeout-is-a-sentence",
    'The message is "Connection timed out".',
    reworded(b"timeout", b"Connection timed out"),
    "timeout",
)
_add(
    "closed-is-a-sentence",
    'The message is "connection closed.".',
    reworded(b"closed", b"connection closed."),
    "closed",
)
_add(
    "closed-is-told-as-timeout",
    "The end of the connection is told as a timeout.",
    reworded(b"closed", b"timeout"),
    "closed",
    caught_by=("tcp/receive-line/nothing-at-close",),
)
_add(
    "timeout-is-told-as-closed",
    "That the time is over is told as the end of the connection.",
    reworded(b"timeout", b"closed"),
    "timeout",
)
_add("returns-nothing-new", "The result is always the empty string.", instead(b"", None, None), "reads", "data")


@_in_receive(caught_by=("tcp/receive-line/partial-on-timeout", "tcp/receive-number/partial-on-timeout"))
def receive_partial_is_a_success(right: Right, *args: Any) -> Values:
    """What had arrived before the timeout is returned as if it were all."""
    results = right(*args)
    return (results[2], None, None) if failed(results) and results[1] == b"timeout" and results[2] else results


@_in_receive(caught_by=("tcp/receive-line/partial-only-once",))
def receive_partial_comes_again(right: Right, thing: Any, *args: Any) -> Values:
    """What was returned as the partial result is kept for the next call, too."""
    kept = right.memory.pop(thing, b"")
    results = right(thing, *args)
    if failed(results):
        right.memory[thing] = kept + results[2]
        return (*results[:2], kept + results[2])
    return (kept + results[0], *results[1:])


# -- arguments --------------------------------------------------------------------------------------------------------

_add(
    "default-pattern-is-all",
    "Without a pattern, everything is read.",
    lambda right, thing, *args: right(thing, *(args or (b"*a",))),
    "pattern-optional",
    caught_by=("tcp/receive-line/is-the-default",),
)
_add(
    "knows-exact-patterns-only",
    "A pattern with more than its two characters is an error.",
    refuses(2, lambda pattern: isinstance(pattern, bytes) and len(pattern) > 2 and not pattern.isdigit()),
    "file-format",
)
_add(
    "wants-a-prefix",
    "Without a prefix it raises.",
    refuses(3, lambda prefix: prefix is None, b"bad argument #3 to 'receive' (string expected)"),
    "prefix-optional",
)
_add("ignores-the-prefix", "The prefix is not looked at.", only(2), "prefix")
_add(
    "number-is-one-less",
    "Of a number of bytes, one fewer is read.",
    argument(2, lambda pattern: pattern - 1 if is_number(pattern) and pattern > 1 else pattern),
    "number",
)


@_in_receive(
    violates=("client:receive/prefix",),
    caught_by=("tcp/receive-prefix/before-the-partial", "tcp/receive-prefix/alone-at-timeout"),
)
def receive_loses_the_prefix_on_failure(
    right: Right, thing: Any, pattern: Any = b"*l", prefix: bytes = b"", *rest: Any
) -> Values:
    """The partial result lacks the prefix."""
    results = right(thing, pattern, prefix, *rest)
    return (*results[:2], results[2][len(prefix) :]) if failed(results) else results


@_in_receive(caught_by=("tcp/receive-prefix/counts", "tcp/receive-prefix/fills-the-count"))
def receive_does_not_count_the_prefix(
    right: Right, thing: Any, pattern: Any = b"*l", prefix: bytes = b"", *rest: Any
) -> Values:
    """A number of bytes is read besides the prefix."""
    counts = isinstance(pattern, int) and isinstance(prefix, bytes)
    return right(thing, pattern + len(prefix) if counts else pattern, prefix, *rest)


# -- patterns ---------------------------------------------------------------------------------------------------------


def _by_bytes(right: Right, thing: Any, prefix: bytes, ends: bytes) -> Values:
    """Read a line byte by byte, and return it raw, with its end; or what a failure returns."""
    line = b""
    while not line.endswith(ends):
        results = right(thing, 1)
        if failed(results):
            return (*results[:2], prefix + line)
        line += results[0]
    return prefix + line, None, None


@_in_receive(violates=("client:receive/line-cr-dropped",), caught_by=("tcp/receive-line/drops-every-carriage-return",))
def receive_keeps_inner_carriage_returns(
    right: Right, thing: Any, pattern: Any = b"*l", prefix: bytes = b"", *rest: Any
) -> Values:
    """Only the carriage return before the line feed is dropped from a line."""
    if not _is_pattern(pattern, b"*l") or not isinstance(prefix, bytes):
        return right(thing, pattern, prefix, *rest)
    results = _by_bytes(right, thing, prefix, b"\n")
    return results if failed(results) else (results[0][:-1].removesuffix(b"\r"), None, None)


@_in_receive(violates=("client:receive/line-crlf", "client:receive/line-end-dropped"))
def receive_keeps_the_carriage_return(
    right: Right, thing: Any, pattern: Any = b"*l", prefix: bytes = b"", *rest: Any
) -> Values:
    """A line that ends with CR LF comes with its carriage return."""
    if not _is_pattern(pattern, b"*l") or not isinstance(prefix, bytes):
        return right(thing, pattern, prefix, *rest)
    results = _by_bytes(right, thing, prefix, b"\n")
    return results if failed(results) else (results[0][:-1], None, None)


@_in_receive(violates=("client:receive/line",))
def receive_wants_crlf(right: Right, thing: Any, pattern: Any = b"*l", prefix: bytes = b"", *rest: Any) -> Values:
    """Only CR LF ends a line."""
    if not _is_pattern(pattern, b"*l") or not isinstance(prefix, bytes):
        return right(thing, pattern, prefix, *rest)
    results = _by_bytes(right, thing, prefix, b"\r\n")
    return results if failed(results) else (results[0][:-2], None, None)


@_in_receive(
    violates=("client:receive/line-end-dropped",),
    caught_by=("tcp/receive-line/ends-at-line-feed", "tcp/receive-line/empty-line"),
)
def receive_keeps_the_line_feed(right: Right, thing: Any, pattern: Any = b"*l", *rest: Any) -> Values:
    """A line comes with its line feed."""
    results = right(thing, pattern, *rest)
    if failed(results) or not _is_pattern(pattern, b"*l"):
        return results
    return (results[0] + b"\n", *results[1:])


@_in_receive(violates=("client:receive/all",), caught_by=("tcp/receive-all/until-closed",))
def receive_ends_all_with_closed(right: Right, thing: Any, pattern: Any = b"*l", *rest: Any) -> Values:
    """The pattern "*a" ends with nil, "closed" and the data, instead of the data."""
    results = right(thing, pattern, *rest)
    ended = _is_pattern(pattern, b"*a") and not failed(results)
    return (None, b"closed", results[0]) if ended else results


@_in_receive(violates=("client:receive/all-untranslated",))
def receive_translates_all(right: Right, thing: Any, pattern: Any = b"*l", *rest: Any) -> Values:
    """The pattern "*a" makes a line feed of each CR LF."""
    results = right(thing, pattern, *rest)
    ended = _is_pattern(pattern, b"*a") and not failed(results)
    return (results[0].replace(b"\r\n", b"\n"), *results[1:]) if ended else results


@_in_receive(caught_by=("tcp/receive-all/nothing-at-close",))
def receive_takes_nothing_for_a_success(right: Right, thing: Any, pattern: Any = b"*l", *rest: Any) -> Values:
    """The pattern "*a" returns the empty string where nothing came before the end."""
    results = right(thing, pattern, *rest)
    empty = _is_pattern(pattern, b"*a") and results == (None, b"closed", b"")
    return (b"", None, None) if empty else results


@_in_receive(violates=("client:receive/closed",), caught_by=("tcp/receive-line/partial-at-close",))
def receive_needs_no_end_of_the_last_line(right: Right, thing: Any, pattern: Any = b"*l", *rest: Any) -> Values:
    """A last line without a line feed is returned as a line."""
    results = right(thing, pattern, *rest)
    line = _is_pattern(pattern, b"*l") and failed(results)
    return (results[2], None, None) if line and results[1] == b"closed" and results[2] else results


_ANY_BYTE = ("tcp/receive-line/any-byte", "tcp/receive-number/any-byte", "tcp/receive-all/any-byte")

_add(
    "decodes-utf8",
    "Bytes that are not UTF-8 are replaced.",
    success(lambda results: (results[0].decode("utf-8", "replace").encode(), *results[1:])),
    "data",
    caught_by=_ANY_BYTE,
)
_add(
    "ends-at-nul",
    "A string ends at its first NUL byte, as in C.",
    success(lambda results: (results[0].partition(b"\0")[0], *results[1:])),
    "data",
    caught_by=_ANY_BYTE,
)
