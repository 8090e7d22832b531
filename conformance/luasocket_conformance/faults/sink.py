"""Faulty ports that the behaviours of ``sink.yaml`` detect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from luasocket_conformance.faults.factories import failed
from luasocket_conformance.faults.factories.streams import (
    Stream,
    add_stream_faults,
    after_each_step,
    changes_step_results,
    changes_steps,
    in_mode,
    is_end,
    raises_failed_steps,
)
from luasocket_conformance.faults.mechanism import ABSENT, Faults, Original, Values

FAULTS = Faults(__name__, also_fails=("inheritance",))


FAULTS.add(
    "sink-raises-errors",
    "An error raises.",
    "socket.sink",
    changes_steps(raises_failed_steps),
    detected_by="sink/error-of-send",
)

FAULTS.add(
    "sink-is-missing", "The helper module makes no sinks.", "socket.sink", ABSENT, detected_by="sink/unknown-mode"
)


@FAULTS.fault("socket.sink", detected_by="sink/empty-chunk")
@changes_step_results
def sink_returns_one(results: Values) -> Values:
    """A sink returns 1 for every chunk."""
    if failed(results):
        return results
    return (1,)


@FAULTS.fault("socket.sink", detected_by="sink/error-of-send")
@changes_step_results
def sink_returns_two_results_of_a_failure(results: Values) -> Values:
    """A failure of the sink lacks the third result."""
    if failed(results):
        return results[:2]
    return results


@FAULTS.fault("socket.sink", detected_by="sink/empty-chunk")
@changes_steps
def sink_ends_with_the_empty_string(
    _original: Original, made: Callable[..., Values], _held: Any, chunk: Any = None, *rest: Any
) -> Values:
    """An empty chunk is taken for the end."""
    return made(None if chunk == b"" else chunk, *rest)


@FAULTS.fault("socket.sink", detected_by="sink/keep-open")
@changes_steps
def sink_closes_always(original: Original, made: Callable[..., Values], held: Any, *values: Any) -> Values:
    """At the end, every sink closes its socket."""
    if is_end(values):
        return original.method(held, "close")
    return made(*values)


@FAULTS.fault("socket.sink", detected_by="sink/close-when-done")
@changes_steps
def sink_never_closes(_original: Original, made: Callable[..., Values], _held: Any, *values: Any) -> Values:
    """At the end, no sink closes its socket."""
    if is_end(values):
        return (1,)
    return made(*values)


@FAULTS.fault("socket.sink", detected_by="sink/close-when-done-gives-the-descriptor-back")
@in_mode(b"close-when-done")
@changes_steps
def sink_ends_its_side_only(original: Original, made: Callable[..., Values], held: Any, *values: Any) -> Values:
    """With "close-when-done", only the sending direction is shut down."""
    if is_end(values):
        return original.method(held, "shutdown", b"send")
    return made(*values)


@FAULTS.fault("socket.sink", detected_by="sink/error-leaves-the-socket-open")
@after_each_step
def sink_closes_when_sending_fails(original: Original, held: Any, results: Values) -> None:
    """A sink closes its socket when send fails."""
    if failed(results):
        original.method(held, "close")


@FAULTS.fault("socket.sink", detected_by="sink/keep-open")
@changes_steps
def sink_end_returns_nothing(_original: Original, made: Callable[..., Values], _held: Any, *values: Any) -> Values:
    """The end has no result."""
    results = made(*values)
    return () if is_end(values) else results


@FAULTS.fault("socket.sink", detected_by="sink/end-with-an-error")
@changes_steps
def sink_passes_the_error_on(_original: Original, made: Callable[..., Values], _held: Any, *values: Any) -> Values:
    """An error that is passed with the end is returned."""
    if is_end(values) and len(values) > 1:
        return (None, values[1])
    return made(*values)


@FAULTS.fault("socket.sink", detected_by="sink/end-with-an-error/close-when-done")
@changes_steps
def sink_stays_open_after_an_error(
    _original: Original, made: Callable[..., Values], _held: Any, *values: Any
) -> Values:
    """The end closes the socket only if no error comes with it."""
    return (1,) if is_end(values) and len(values) > 1 else made(*values)


@FAULTS.fault("socket.sink", detected_by="sink/keep-open")
def sink_ends_once(original: Original, *args: Any) -> Values:
    """A sink that was ended raises."""
    (made,) = original(*args)
    over: list[bool] = []

    def step(*values: Any) -> Values:
        if over:
            raise original.api.LuaError(b"attempt to use a sink that has ended")
        if is_end(values):
            over.append(True)
        results: Values = made(*values)
        return results

    return (Stream(made, step),)


@FAULTS.fault("socket.sink", detected_by="sink/default")
def sink_is_one_that_closes_by_default(original: Original, *args: Any) -> Values:
    """The default mode of a sink is "close-when-done"."""
    if not isinstance(args[0] if args else None, bytes) or args[0] == b"default":
        return original(b"close-when-done", *args[args[:1] == (b"default",) :])
    return original(*args)


@FAULTS.fault("socket.sink", detected_by="sink/close-when-done")
@changes_steps
def sink_sends_lines(
    _original: Original, made: Callable[..., Values], _held: Any, chunk: Any = None, *rest: Any
) -> Values:
    """A sink adds a line feed to each chunk."""
    return made(chunk + b"\n" if isinstance(chunk, bytes) else chunk, *rest)


add_stream_faults(FAULTS, "sink", "dirty")
