"""What porters get wrong in ``client:receive``.

What lives here: mistakes of that method, each of a few lines. What may not: how they are put in place (``mechanism``).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from luasocket_conformance.wrong.factories import (
    STREAMS,
    argument,
    failed,
    failure,
    instead,
    is_number,
    no_more_than,
    only,
    refuses,
    result,
    returns_what_raises,
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

# -- more patterns and counts -----------------------------------------------------------------------------------------


def _is_count(pattern: Any) -> bool:
    return is_number(pattern) or (isinstance(pattern, bytes) and pattern.isdigit())


def _of(test: Callable[[Any], bool], mistake: Mistake) -> Mistake:
    """The mistake is made with some patterns only; without a pattern it is a line."""

    def chosen(right: Right, thing: Any, pattern: Any = None, *rest: Any) -> Values:
        asked = b"*l" if pattern is None else pattern
        return mistake(right, thing, asked, *rest) if test(asked) else right(thing, pattern, *rest)

    return chosen


def _of_lines(mistake: Mistake) -> Mistake:
    return _of(lambda pattern: _is_pattern(pattern, b"*l"), mistake)


def _of_all(mistake: Mistake) -> Mistake:
    return _of(lambda pattern: _is_pattern(pattern, b"*a"), mistake)


def _of_counts(mistake: Mistake) -> Mistake:
    return _of(_is_count, mistake)


_add(
    "wants-a-number-that-is-none",
    "A string that holds a number is no count.",
    refuses(2, lambda pattern: isinstance(pattern, bytes) and pattern.isdigit(), b"invalid receive pattern"),
    caught_by=("tcp/receive-number/numeric-string",),
)
_add(
    "rounds-counts-up",
    "The fraction of a count makes it one more.",
    argument(2, lambda pattern: math.ceil(pattern) if isinstance(pattern, float) and abs(pattern) < 1e9 else pattern),
    caught_by=("tcp/receive-number/fraction-is-cut",),
)
_add(
    "refuses-fractions",
    "A count with a fraction raises.",
    refuses(2, lambda pattern: isinstance(pattern, float) and not pattern.is_integer()),
    caught_by=("tcp/receive-number/negative-raises",),
)
_add(
    "takes-negative-counts",
    "A negative count is 0.",
    argument(2, lambda pattern: 0 if is_number(pattern) and pattern < 0 else pattern),
    caught_by=("tcp/receive-number/negative-raises",),
)
_add(
    "negative-count-is-all",
    "A negative count reads until the end.",
    argument(2, lambda pattern: b"*a" if is_number(pattern) and pattern < 0 else pattern),
    caught_by=("tcp/receive-number/negative-raises",),
)
_add(
    "knows-patterns-without-the-asterisk",
    'The patterns "l" and "a" are known.',
    argument(2, lambda pattern: b"*" + pattern if pattern in (b"l", b"a") else pattern),
    caught_by=("tcp/receive-arguments/unknown-pattern",),
)
_add(
    "knows-patterns-in-capitals",
    'The patterns "*L" and "*A" are known.',
    argument(2, lambda pattern: pattern.lower() if pattern in (b"*L", b"*A") else pattern),
    caught_by=("tcp/receive-arguments/unknown-pattern",),
)
_add(
    "takes-any-pattern-for-a-line",
    "A pattern that does not exist is a line.",
    argument(
        2,
        lambda pattern: (
            b"*l"
            if isinstance(pattern, bytes) and pattern[:2] not in (b"*l", b"*a") and not _is_count(pattern)
            else pattern
        ),
    ),
    caught_by=("tcp/receive-number/numeric-string",),
)
_add(
    "returns-an-error-for-a-pattern",
    "A pattern that does not exist gives nil and a message.",
    returns_what_raises(None, b"invalid receive pattern", b""),
    caught_by=("tcp/receive-arguments/on-a-master",),
)
_add(
    "returns-what-is-there",
    "A count is the most that is read; less is a success.",
    _of_counts(
        lambda right, thing, *args: (
            (results[2], None, None) if failed(results := right(thing, *args)) and results[2] else results
        )
    ),
    caught_by=("tcp/receive-number/partial-on-poll",),
)
_add(
    "all-is-what-is-there",
    'The pattern "*a" does not wait for the end.',
    _of_all(
        lambda right, thing, *args: (
            (results[2], None, None) if failed(results := right(thing, *args)) and results[2] else results
        )
    ),
    caught_by=("tcp/receive-all/partial-on-poll",),
)
_add(
    "all-has-an-end-of-its-own",
    'After the end, "*a" returns the empty string, as files do.',
    _of_all(
        lambda right, thing, *args: (
            (b"", None, None) if failed(results := right(thing, *args)) and results[1:] == (b"closed", b"") else results
        )
    ),
    caught_by=("tcp/receive/reset-is-closed",),
)
_add(
    "line-is-stripped",
    "White space at the end of a line is dropped.",
    _of_lines(lambda right, *args: result(1, lambda line: line.rstrip())(right, *args)),
    caught_by=("tcp/receive-line/blanks-are-kept",),
)
_add(
    "line-begins-without-blanks",
    "White space at the beginning of a line is dropped.",
    _of_lines(lambda right, *args: result(1, lambda line: line.lstrip())(right, *args)),
    caught_by=("tcp/receive-line/blanks-are-kept",),
)
_add(
    "skips-empty-lines",
    "Empty lines are passed over.",
    _of_lines(
        lambda right, *args: right(*args) if (results := right(*args)) == (b"", None, None) else results  # one of them
    ),
    caught_by=("tcp/receive-line/empty-line",),
)
_add(
    "line-has-8192-bytes-at-most",
    "A line ends after 8192 bytes.",
    _of_lines(lambda right, *args: result(1, lambda line: line[:8192])(right, *args)),
    caught_by=("tcp/receive-prefix/long",),
)
_add(
    "line-has-65536-bytes-at-most",
    "A line ends after 65536 bytes.",
    _of_lines(lambda right, *args: result(1, lambda line: line[:65536])(right, *args)),
    caught_by=("tcp/receive-prefix/long",),
)
_add(
    "counts-up-to-65536",
    "A count is 65536 at most.",
    argument(2, lambda pattern: min(pattern, 65536) if is_number(pattern) else pattern),
    caught_by=("tcp/receive-prefix/long",),
)
_add(
    "all-has-65536-bytes-at-most",
    'With "*a", what is beyond 65536 bytes is lost.',
    _of_all(lambda right, *args: result(1, lambda data: data[:65536])(right, *args)),
    caught_by=("tcp/receive-prefix/long",),
)


def _ends_at(ends: tuple[bytes, ...]) -> Mistake:
    def mistake(right: Right, thing: Any, _pattern: Any, prefix: Any = b"", *_rest: Any) -> Values:
        line = b""
        while not line.endswith(ends):
            results = right(thing, 1)
            if failed(results):
                return (*results[:2], (prefix or b"") + line.replace(b"\r", b""))
            line += results[0]
        return (prefix or b"") + line[:-1].replace(b"\r", b""), None, None

    return _of_lines(mistake)


_add(
    "ends-a-line-at-a-carriage-return",
    "A carriage return ends a line, too.",
    _ends_at((b"\n", b"\r")),
    caught_by=("tcp/receive-line/drops-every-carriage-return",),
)
_add(
    "ends-a-line-at-nul",
    "A NUL byte ends a line, too.",
    _ends_at((b"\n", b"\0")),
    caught_by=("tcp/receive-line/any-byte",),
)
_add(
    "ends-a-line-at-a-form-feed",
    "A form feed ends a line, too.",
    _ends_at((b"\n", b"\f")),
    caught_by=("tcp/receive-line/any-byte",),
)


def _drops_cr_within_a_packet(right: Right, thing: Any, _pattern: Any, prefix: Any = b"", *_rest: Any) -> Values:
    line = prefix or b""
    while True:
        results = right(thing, 1)
        if failed(results):
            return (*results[:2], line)
        if results[0] == b"\n":
            return line, None, None
        if results[0] != b"\r" or right.method(thing, "dirty") == (False,):
            line += results[0]


_add(
    "drops-carriage-returns-before-something",
    "A carriage return that is the last byte of a packet is kept.",
    _of_lines(_drops_cr_within_a_packet),
    caught_by=("tcp/receive-line/drops-carriage-returns-of-a-partial",),
)


def _each_read_has_its_time(right: Right, thing: Any, pattern: Any, prefix: Any = None, *rest: Any) -> Values:
    data, wanted = b"", float(pattern)
    if prefix is not None or not 1 <= wanted < 1e7:
        return right(thing, pattern, prefix, *rest)
    while len(data) < wanted:
        results = right(thing, 1)
        if failed(results):
            return (*results[:2], data)
        data += results[0]
    return data, None, None


_add(
    "begins-the-time-anew-with-each-byte",
    "What arrives begins the timeout anew.",
    _of_counts(_each_read_has_its_time),
    caught_by=("tcp/receive-number/fraction-is-cut",),
)


def _loses_the_buffer(right: Right, thing: Any, *args: Any) -> Values:
    results = right(thing, *args)
    if right.method(thing, "dirty") == (True,):
        right.method(thing, "settimeout", 0, b"b")
        right(thing, b"*a")
        right.method(thing, "settimeout", None, b"b")
    return results


_add(
    "drops-what-is-behind-a-line",
    "What came in one packet with a line, and behind it, is lost.",
    _of_lines(_loses_the_buffer),
    caught_by=("tcp/receive-line/over-segments",),
)
_add(
    "prefix-is-a-pattern-of-its-own",
    "A prefix that is a number raises.",
    refuses(3, is_number),
    caught_by=("tcp/receive-prefix/number-becomes-string",),
)
_add(
    "cuts-the-prefix",
    "A prefix that is longer than the count is cut.",
    _of_counts(
        lambda right, thing, pattern, *args: result(1, lambda data: data[: int(pattern)])(right, thing, pattern, *args)
    ),
    caught_by=("tcp/receive-prefix/fills-the-count-without-waiting",),
)
_add(
    "prefix-comes-last",
    "The prefix stands behind what was received.",
    lambda right, thing, pattern=None, prefix=b"", *rest: (
        results
        if failed(results := right(thing, pattern, prefix, *rest)) or not isinstance(prefix, bytes)
        else (results[0][len(prefix) :] + prefix, *results[1:])
    ),
    caught_by=("tcp/receive-prefix/any-byte",),
)
_add(
    "refuses-more-arguments",
    "A fourth argument raises.",
    no_more_than(4),
    caught_by=("tcp/receive-arguments/further-arguments",),
)
_add(
    "expands-bytes-to-utf8",
    "Each byte from 128 on becomes two, as in UTF-8.",
    success(lambda results: (results[0].decode("latin-1").encode(), *results[1:])),
    caught_by=("tcp/receive-line/any-byte",),
)
_add(
    "timeout-is-wantread",
    'The message is "wantread".',
    reworded(b"timeout", b"wantread"),
    caught_by=("tcp/receive-all/nothing-at-timeout",),
)
_add(
    "partial-of-a-count-is-empty",
    "With a count, what had arrived is not told.",
    _of_counts(lambda right, *args: failure(lambda results: (*results[:2], b""))(right, *args)),
    caught_by=("tcp/receive-number/partial-on-poll",),
)
_add(
    "partial-of-all-is-empty",
    'With "*a", what had arrived is not told.',
    _of_all(lambda right, *args: failure(lambda results: (*results[:2], b""))(right, *args)),
    caught_by=("tcp/receive-all/partial-on-poll",),
)


def _keeps_cr_in_partials(right: Right, thing: Any, pattern: Any, prefix: Any = b"", *rest: Any) -> Values:
    if not isinstance(prefix, bytes):
        return right(thing, pattern, prefix, *rest)
    results = _by_bytes(right, thing, prefix, b"\n")
    return results if failed(results) else (results[0][:-1].replace(b"\r", b""), None, None)


_add(
    "keeps-carriage-returns-in-partial-lines",
    "The carriage returns in the partial result of a line are kept.",
    _of_lines(_keeps_cr_in_partials),
    caught_by=("tcp/receive-line/carriage-return-ends-no-line",),
)


def _counts_what_was_buffered(right: Right, thing: Any, *args: Any) -> Values:
    results = right(thing, *args)
    if failed(results) and results[1] == b"closed" and not results[2]:
        right.method(thing, "close")
    return results


_add(
    "closes-at-the-end",
    "When the peer has closed, the socket is closed.",
    _counts_what_was_buffered,
    caught_by=("tcp/send/half-closed-peer",),
)
_add(
    "count-of-zero-is-a-line",
    "A count of 0 reads a line.",
    argument(2, lambda pattern: b"*l" if pattern == 0 and is_number(pattern) else pattern),
    caught_by=("tcp/receive-number/zero",),
)
_add(
    "false-is-no-pattern-at-all",
    "The value false is taken for no pattern.",
    argument(2, lambda pattern: None if pattern is False else pattern),
    caught_by=("tcp/receive-arguments/pattern-of-wrong-type",),
)
_add(
    "false-is-no-prefix-at-all",
    "The value false is taken for no prefix.",
    argument(3, lambda prefix: None if prefix is False else prefix),
    caught_by=("tcp/receive-arguments/prefix-of-wrong-type",),
)

# -- at the edges of blocks, and in figures ---------------------------------------------------------------------------

#: Bytes that LuaSocket reads at once.
_BLOCK = 8192


def _at_block_ends(change: Callable[[bytes], bytes]) -> Mistake:
    """What is longer than a block is changed."""
    return lambda right, *args: tuple(
        change(value) if isinstance(value, bytes) and len(value) > _BLOCK else value for value in right(*args)
    )


_add(
    "partial-is-of-the-last-block",
    "Of a partial result, only what the last read gave is told.",
    failure(lambda results: (*results[:2], results[2][-_BLOCK:])),
    caught_by=("tcp/receive-all/partial-on-poll-long",),
)
_add(
    "loses-a-byte-between-blocks",
    "Between two blocks a byte is lost.",
    _at_block_ends(lambda data: data[:_BLOCK] + data[_BLOCK + 1 :]),
    caught_by=("tcp/receive-number/around-the-buffer",),
)
_add(
    "repeats-a-byte-between-blocks",
    "Between two blocks a byte comes twice.",
    _at_block_ends(lambda data: data[:_BLOCK] + data[_BLOCK - 1 :]),
    caught_by=("tcp/receive-number/around-the-buffer",),
)
_add(
    "line-needs-a-line-feed-in-its-block",
    "A line that is longer than a block is not found.",
    _of_lines(
        lambda right, *args: (
            (None, b"closed", results[0])
            if not failed(results := right(*args)) and len(results[0]) > _BLOCK
            else results
        )
    ),
    caught_by=("tcp/receive-prefix/long",),
)
_add(
    "all-is-one-block",
    'With "*a", no more than a block is returned.',
    _of_all(lambda right, *args: result(1, lambda data: data[:_BLOCK])(right, *args)),
    caught_by=("tcp/receive-all/around-the-buffer",),
)
_add(
    "count-is-one-block",
    "A count is a block at most.",
    _of_counts(lambda right, thing, pattern, *rest: right(thing, min(float(pattern), _BLOCK), *rest)),
    caught_by=("tcp/receive/data-before-close-are-not-lost",),
)


def _counted(change: Callable[[Values, Values, float], float]) -> Mistake:
    """The figure of received bytes is set anew: ``change(arguments, results, figure before)``."""

    def mistake(right: Right, thing: Any, *args: Any) -> Values:
        before = right.method(thing, "getstats")[0]
        results = right(thing, *args)
        right.method(thing, "setstats", change(args, results, before))
        return results

    return mistake


def _told(results: Values) -> bytes:
    data = results[2] if failed(results) else results[0]
    return data if isinstance(data, bytes) else b""


_add(
    "counts-what-it-returns",
    "The figure of received bytes is what was returned: no line ends, and the prefix.",
    _counted(lambda args, results, before: before + len(_told(results))),
    caught_by=("tcp/stats/line-ends-count",),
)
_add(
    "counts-nothing-of-failures",
    "What comes with a failure does not count as received.",
    lambda right, thing, *args: _uncounted(right, thing, *args),
    caught_by=("tcp/stats/partial-results-count",),
)


def _uncounted(right: Right, thing: Any, *args: Any) -> Values:
    before = right.method(thing, "getstats")[0]
    results = right(thing, *args)
    if failed(results):
        right.method(thing, "setstats", before)
    return results


def _ended(right: Right, thing: Any, *args: Any) -> Values:
    if right.memory.get(thing):
        return (None, b"closed", b"")
    results = right(thing, *args)
    right.memory[thing] = failed(results) and results[1] == b"timeout"
    return results


_add(
    "ends-with-a-timeout",
    "After a timeout nothing is received any more.",
    _ended,
    caught_by=("tcp/receive-number/partial-only-once",),
)
_add(
    "keeps-its-prefix",
    "The prefix of one call is that of the next one, too.",
    lambda right, thing, pattern=None, prefix=None, *rest: _prefixed(right, thing, pattern, prefix, *rest),
    caught_by=("tcp/receive-prefix/counts",),
)


def _prefixed(right: Right, thing: Any, pattern: Any, prefix: Any, *rest: Any) -> Values:
    if isinstance(prefix, bytes):
        right.memory[thing] = prefix
    return right(thing, pattern, right.memory.get(thing) if prefix is None else prefix, *rest)


_add(
    "closed-loses-what-was-read",
    "Where the connection ended, a partial line is lost.",
    _of_lines(
        lambda right, *args: failure(lambda results: (*results[:2], b"") if results[1] == b"closed" else results)(
            right, *args
        )
    ),
    caught_by=("tcp/receive-line/closed-while-waiting",),
)
_add(
    "timeout-loses-the-prefix",
    "Where the time is over, the prefix is missing from the partial result.",
    lambda right, thing, pattern=None, prefix=None, *rest: (
        (*results[:2], results[2][len(prefix) :])
        if failed(results := right(thing, pattern, prefix, *rest))
        and results[1] == b"timeout"
        and isinstance(prefix, bytes)
        else results
    ),
    caught_by=("tcp/receive-prefix/alone-at-timeout",),
)
_add(
    "closed-loses-the-prefix",
    "Where the connection ended, the prefix is missing from the partial result.",
    lambda right, thing, pattern=None, prefix=None, *rest: (
        (*results[:2], results[2][len(prefix) :])
        if failed(results := right(thing, pattern, prefix, *rest))
        and results[1] == b"closed"
        and isinstance(prefix, bytes)
        else results
    ),
    caught_by=("tcp/receive-prefix/alone-at-close",),
)
_add(
    "all-counts-the-prefix-as-data",
    'With "*a" and a prefix, the end without a byte is a success.',
    _of_all(
        lambda right, thing, pattern, prefix=None, *rest: (
            (prefix, None, None)
            if failed(results := right(thing, pattern, prefix, *rest))
            and isinstance(prefix, bytes)
            and results[1:] == (b"closed", prefix)
            else results
        )
    ),
    caught_by=("tcp/receive-all/partial-taken-before-close",),
)
_add(
    "count-that-the-prefix-fills-reads",
    "A count that the prefix has already reads a byte.",
    _of_counts(
        lambda right, thing, pattern, prefix=None, *rest: (
            right(thing, len(prefix) + 1, prefix, *rest)
            if isinstance(prefix, bytes) and prefix and float(pattern) <= len(prefix)
            else right(thing, pattern, prefix, *rest)
        )
    ),
    caught_by=("tcp/receive-prefix/fills-the-count-without-waiting",),
)
_add(
    "carriage-return-of-the-prefix-is-dropped",
    "Carriage returns in the prefix are dropped, too.",
    _of_lines(
        lambda right, thing, pattern, prefix=None, *rest: right(
            thing, pattern, prefix.replace(b"\r", b"") if isinstance(prefix, bytes) else prefix, *rest
        )
    ),
    caught_by=("tcp/receive-prefix/unchanged-in-a-line",),
)
_add(
    "all-drops-carriage-returns",
    'With "*a", carriage returns are dropped.',
    _of_all(lambda right, *args: result(1, lambda data: data.replace(b"\r", b""))(right, *args)),
    caught_by=("tcp/receive-all/any-byte",),
)
_add(
    "count-drops-carriage-returns",
    "With a count, carriage returns are dropped.",
    _of_counts(lambda right, *args: result(1, lambda data: data.replace(b"\r", b""))(right, *args)),
    caught_by=("tcp/receive/mixed-patterns",),
)
