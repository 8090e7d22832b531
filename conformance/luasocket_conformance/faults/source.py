"""Faulty ports that the behaviours of ``source.yaml`` detect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from luasocket_conformance.faults.factories import STREAMS, changes_argument, failed, is_number
from luasocket_conformance.faults.factories.families import add_missing_fields
from luasocket_conformance.faults.factories.streams import (
    Stream,
    add_stream_faults,
    after_each_step,
    changes_step_results,
    changes_steps,
    in_mode,
    raises_failed_steps,
)
from luasocket_conformance.faults.mechanism import ABSENT, Constant, Faults, Original, Values

FAULTS = Faults(__name__, also_fails=(*STREAMS, "udp"))


FAULTS.add(
    "source-is-missing",
    "The helper module makes no sources.",
    "socket.source",
    ABSENT,
    detected_by="source/unknown-mode",
)


@FAULTS.fault("socket.source", detected_by="source/until-closed")
@in_mode(b"until-closed")
@changes_steps
def source_loses_what_came_before_the_end(original: Original, _made: Any, held: Any, *_values: Any) -> Values:
    """With "until-closed", what came right before the end is lost."""
    return original.method(held, "receive", 2048)[:2]


@FAULTS.fault("socket.source", detected_by="source/default")
@changes_step_results
def source_returns_all_results(results: Values) -> Values:
    """A source returns all results of receive."""
    return (*results, None, None)[:3]


@FAULTS.fault("socket.source", detected_by="source/by-length-in-blocks")
@changes_step_results
def source_ends_with_the_empty_string(results: Values) -> Values:
    """The end is the empty string instead of nil."""
    if results == (None,):
        return (b"",)
    return results


@FAULTS.fault("socket.source", detected_by="source/timeout")
@changes_step_results
def source_error_is_the_end(results: Values) -> Values:
    """An error looks like the end, without a message."""
    if failed(results):
        return results[:1]
    return results


FAULTS.add(
    "source-raises-errors",
    "An error raises.",
    "socket.source",
    changes_steps(raises_failed_steps),
    detected_by="source/timeout",
)


@FAULTS.fault("socket.source", detected_by="source/blocksize-of-the-module")
@in_mode(b"until-closed")
def source_has_blocks_of_2048(original: Original, *args: Any) -> Values:
    """The field BLOCKSIZE is not looked at."""
    (made,) = original(*args)
    over: list[bool] = []

    def step(*_values: Any) -> Values:
        if over:
            return (None,)
        results = original.method(args[1], "receive", 2048)
        if failed(results) and results[1] == b"closed":
            original.method(args[1], "close")
            over.append(True)
            return results[2:]
        return results[:2] if failed(results) else results[:1]

    return (Stream(made, step),)


@FAULTS.fault("socket.source", detected_by="source/until-closed-closes")
@in_mode(b"until-closed")
@changes_steps
def source_leaves_its_socket_open(original: Original, _made: Callable[..., Values], held: Any, *_values: Any) -> Values:
    """With "until-closed", the socket is not closed at the end."""
    results = original.method(held, "receive", 2048)
    if results[1] == b"closed":
        return results[2:]
    return results[:1]


@FAULTS.fault("socket.source", detected_by="source/timeout")
@after_each_step
def source_closes_at_any_error(original: Original, held: Any, results: Values) -> None:
    """A source closes its socket at any error."""
    if failed(results):
        original.method(held, "close")


@FAULTS.fault("socket.source", detected_by="source/by-length")
@after_each_step
def source_closes_at_its_length(original: Original, held: Any, results: Values) -> None:
    """With "by-length", the socket is closed when the length is reached."""
    if results == (None,):
        original.method(held, "close")


@FAULTS.fault("socket.source", detected_by="source/timeout")
def source_ends_with_an_error(original: Original, *args: Any) -> Values:
    """After an error a source ends."""
    (made,) = original(*args)
    over: list[bool] = []

    def step(*values: Any) -> Values:
        if over:
            return (None,)
        results: Values = made(*values)
        if failed(results):
            over.append(True)
        return results

    return (Stream(made, step),)


@FAULTS.fault("socket.source", detected_by="source/blocksize-of-the-module")
def source_reads_beyond_its_length(
    original: Original, mode: Any = None, held: Any = None, length: Any = None, *rest: Any
) -> Values:
    """With "by-length", whole blocks are read, however little is left."""
    (made,) = original(mode, held, length, *rest)
    if mode != b"by-length":
        return (made,)
    left = [length]

    def step(*_values: Any) -> Values:
        if left[0] <= 0:
            return (None,)
        results = original.method(held, "receive", 2048)
        if failed(results):
            return results[:2]
        left[0] -= len(results[0])
        return results[:1]

    return (Stream(made, step) if is_number(length) else made,)


@FAULTS.fault("socket.source", detected_by="source/by-length-of-nothing")
def source_reads_before_it_looks(
    original: Original, mode: Any = None, held: Any = None, length: Any = None, *rest: Any
) -> Values:
    """A length of 0 is taken for 1."""
    return original(mode, held, max(length, 1) if mode == b"by-length" and is_number(length) else length, *rest)


@FAULTS.fault("socket.source", detected_by="source/by-length-in-blocks")
@changes_argument(3)
def source_length_is_of_chunks(length: Any) -> Any:
    """The length counts chunks and not bytes."""
    if is_number(length):
        return length * 2048
    return length


@FAULTS.fault("socket.source", detected_by="source/blocksize-of-the-module")
@in_mode(b"by-length")
@changes_steps
def source_partial_is_a_chunk(original: Original, made: Callable[..., Values], held: Any, *values: Any) -> Values:
    """With "by-length", the data before the end of the connection is a chunk."""
    results = original.method(held, "receive", 5)
    if results[1:2] == (b"closed",) and results[2]:
        return (results[2],)
    return made(*values)


@FAULTS.fault("socket.source", detected_by="source/until-closed-of-nothing")
@changes_step_results
def source_of_nothing_is_over(results: Values) -> Values:
    """If no byte came before the end, the empty chunk is missing."""
    if results == (b"",):
        return (None,)
    return results


@FAULTS.fault("socket.source", detected_by="source/default")
def source_without_a_mode_wants_a_length(original: Original, *args: Any) -> Values:
    """The default mode of a source is "by-length"."""
    if not isinstance(args[0] if args else None, bytes) or args[0] == b"default":
        return original(b"by-length", *args[args[:1] == (b"default",) :])
    return original(*args)


add_missing_fields(FAULTS, {"BLOCKSIZE": "source/blocksize"})
add_stream_faults(FAULTS, "source", "selectable")

FAULTS.add(
    "blocksize-is-8192",
    "The constant has another value.",
    "socket.BLOCKSIZE",
    Constant(8192),
    detected_by="source/blocksize",
)


@FAULTS.fault("socket.source", detected_by="source/by-length-of-a-fraction")
@in_mode(b"by-length")
@changes_argument(3, float)
def source_rounds_its_length(length: Any) -> Any:
    """A length with a fraction is cut to a whole number."""
    return float(int(length))
