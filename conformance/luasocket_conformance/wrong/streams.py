"""What porters get wrong in the sources and sinks of the helper module, and in ``socket.choose``, which makes them.

What lives here: mistakes of ``socket.source``, ``socket.sink``, ``socket.choose`` and ``socket.try``. What may not:
mistakes of the sockets below.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from luasocket_conformance.wrong.factories import argument, failed, is_number
from luasocket_conformance.wrong.mechanism import ABSENT, Chapter, Mistake, Right, Values

_CHAPTER = Chapter(__name__)
_add = _CHAPTER.add

_SOURCE, _SINK, _CHOOSE, _TRY = "socket.source", "socket.sink", "socket.choose", "socket.try"

Step = Callable[..., Values]


class _Stream(dict[Any, Any]):
    """A table with the fields of another, and a call of its own."""

    def __init__(self, fields: dict[Any, Any], step: Step) -> None:
        super().__init__(fields)
        self._step = step

    def __call__(self, *args: Any) -> Values:
        return self._step(*args)


def _stepping(change: Callable[..., Values]) -> Mistake:
    """A call of the stream is changed: ``change(right, the right stream, its socket, *arguments of the call)``."""

    def mistake(right: Right, *args: Any) -> Values:
        (made,) = right(*args)
        held = next((value for value in args if value is not None and not isinstance(value, bytes)), None)
        return (_Stream(made, lambda *values: change(right, made, held, *values)),)

    return mistake


def _in_mode(mode: bytes, mistake: Mistake) -> Mistake:
    """The mistake is made in one mode only."""
    return lambda right, *args: mistake(right, *args) if args[:1] == (mode,) else right(*args)


def _results(change: Callable[[Values], Values]) -> Mistake:
    """What a call of the stream returns is changed."""
    return _stepping(lambda _right, made, _held, *values: change(made(*values)))


def _is_end(values: Values) -> bool:
    return values[:1] in ((), (None,))


def _then(what: Callable[[Right, Any, Values], Any]) -> Mistake:
    """After a call of the stream, something else is done: ``what(right, the socket, the results)``."""

    def change(right: Right, made: Any, held: Any, *values: Any) -> Values:
        results: Values = made(*values)
        what(right, held, results)
        return results

    return _stepping(change)


def _field(name: bytes, change: Callable[[Any], Values]) -> Mistake:
    """A field of the stream is a function that returns the same always: what the right one did at first, changed."""

    def mistake(right: Right, *args: Any) -> Values:
        (made,) = right(*args)
        at_first = change(made[name](made)[0])
        return (_Stream({**made, name: lambda *_args: at_first}, made),)

    return mistake


def _fixed_blocks(right: Right, *args: Any) -> Values:
    """Until the end, blocks of 2048 bytes are read."""
    (made,) = right(*args)
    over: list[bool] = []

    def step(*_values: Any) -> Values:
        if over:
            return (None,)
        results = right.method(args[1], "receive", 2048)
        if failed(results) and results[1] == b"closed":
            right.method(args[1], "close")
            over.append(True)
            return results[2:]
        return results[:2] if failed(results) else results[:1]

    return (_Stream(made, step),)


def _forgetful(right: Right, _made: Any, held: Any, *_values: Any) -> Values:
    """Read as until the end, but drop what comes with an error."""
    return right.method(held, "receive", 2048)[:2]


# -- sources ----------------------------------------------------------------------------------------------------------

_add(
    "source-is-missing",
    "The helper module makes no sources.",
    _SOURCE,
    ABSENT,
    caught_by=("source/unknown-mode",),
)
_add(
    "source-loses-what-came-before-the-end",
    'With "until-closed", what came right before the end is lost.',
    _SOURCE,
    _in_mode(b"until-closed", _stepping(_forgetful)),
    caught_by=("source/until-closed",),
)
_add(
    "source-tells-all-results",
    "A source returns all results of receive.",
    _SOURCE,
    _results(lambda results: (*results, None, None)[:3]),
    caught_by=("source/default",),
)
_add(
    "source-ends-with-the-empty-string",
    "The end is the empty string instead of nil.",
    _SOURCE,
    _results(lambda results: (b"",) if results == (None,) else results),
    caught_by=("source/by-length-in-blocks",),
)
_add(
    "source-error-is-the-end",
    "An error is told as the end, without a message.",
    _SOURCE,
    _results(lambda results: results[:1] if failed(results) else results),
    caught_by=("source/timeout",),
)


def _raising(right: Right, made: Any, _held: Any, *values: Any) -> Values:
    results: Values = made(*values)
    if failed(results):
        raise right.api.LuaError(results[1])
    return results


_add("source-raises-errors", "An error raises.", _SOURCE, _stepping(_raising), caught_by=("source/timeout",))
_add("sink-raises-errors", "An error raises.", _SINK, _stepping(_raising), caught_by=("sink/error-of-send",))
_add(
    "source-has-blocks-of-2048",
    "The field BLOCKSIZE is not looked at.",
    _SOURCE,
    _in_mode(b"until-closed", _fixed_blocks),
    caught_by=("source/blocksize-is-heard",),
)
_add(
    "source-leaves-its-socket-open",
    'With "until-closed", the socket is not closed at the end.',
    _SOURCE,
    _in_mode(
        b"until-closed",
        _stepping(
            lambda right, made, held, *_values: (
                results[2:] if (results := right.method(held, "receive", 2048))[1] == b"closed" else results[:1]
            )
        ),
    ),
    caught_by=("source/until-closed-closes",),
)
_add(
    "source-closes-at-any-error",
    "A source closes its socket at any error.",
    _SOURCE,
    _then(lambda right, held, results: failed(results) and right.method(held, "close")),
    caught_by=("source/timeout",),
)
_add(
    "source-closes-at-its-length",
    'With "by-length", the socket is closed when the length is reached.',
    _SOURCE,
    _then(lambda right, held, results: results == (None,) and right.method(held, "close")),
    caught_by=("source/by-length",),
)


def _ended_for_good(right: Right, *args: Any) -> Values:
    (made,) = right(*args)
    over: list[bool] = []

    def step(*values: Any) -> Values:
        if over:
            return (None,)
        results: Values = made(*values)
        if failed(results):
            over.append(True)
        return results

    return (_Stream(made, step),)


_add(
    "source-ends-with-an-error",
    "After an error a source is at its end.",
    _SOURCE,
    _ended_for_good,
    caught_by=("source/timeout",),
)


def _reads_whole_blocks(right: Right, mode: Any = None, held: Any = None, length: Any = None, *rest: Any) -> Values:
    (made,) = right(mode, held, length, *rest)
    if mode != b"by-length":
        return (made,)
    left = [length]

    def step(*_values: Any) -> Values:
        if left[0] <= 0:
            return (None,)
        results = right.method(held, "receive", 2048)
        if failed(results):
            return results[:2]
        left[0] -= len(results[0])
        return results[:1]

    return (_Stream(made, step) if is_number(length) else made,)


_add(
    "source-reads-beyond-its-length",
    'With "by-length", whole blocks are read, however little is left.',
    _SOURCE,
    _reads_whole_blocks,
    caught_by=("source/blocksize-is-heard",),
)


def _reads_first(right: Right, mode: Any = None, held: Any = None, length: Any = None, *rest: Any) -> Values:
    return right(mode, held, max(length, 1) if mode == b"by-length" and is_number(length) else length, *rest)


_add(
    "source-reads-before-it-looks",
    "A length of 0 is taken for 1.",
    _SOURCE,
    _reads_first,
    caught_by=("source/by-length-of-nothing",),
)
_add(
    "source-length-is-of-chunks",
    "The length counts chunks and not bytes.",
    _SOURCE,
    argument(3, lambda length: length * 2048 if is_number(length) else length),
    caught_by=("source/by-length-in-blocks",),
)
_add(
    "source-partial-is-a-chunk",
    'With "by-length", what came before the connection ended is a chunk.',
    _SOURCE,
    _in_mode(
        b"by-length",
        _stepping(
            lambda right, made, held, *values: (
                (results[2],)
                if (results := right.method(held, "receive", 5))[1:2] == (b"closed",) and results[2]
                else made(*values)
            )
        ),
    ),
    caught_by=("source/blocksize-is-heard",),
)
_add(
    "source-of-nothing-is-over",
    "Where no byte came before the end, there is no empty chunk.",
    _SOURCE,
    _results(lambda results: (None,) if results == (b"",) else results),
    caught_by=("source/until-closed-of-nothing",),
)
_add(
    "source-without-a-mode-wants-a-length",
    'Without a mode a source is one "by-length".',
    _SOURCE,
    lambda right, *args: (
        right(b"by-length", *args[args[:1] == (b"default",) :])
        if not isinstance(args[0] if args else None, bytes) or args[0] == b"default"
        else right(*args)
    ),
    caught_by=("source/default",),
)


def _any_mode(right: Right, *args: Any) -> Values:
    try:
        return right(*args)
    except right.api.LuaError:
        return right(*args[1:])


def _no_mode(right: Right, *args: Any) -> Values:
    try:
        return right(*args)
    except right.api.LuaError:
        return (None, b"unknown mode")


for _kind, _target, _dirty in (("source", _SOURCE, "source/selectable"), ("sink", _SINK, "sink/dirty")):
    _add(
        f"{_kind}-takes-any-mode",
        "A mode that does not exist is the default one.",
        _target,
        _any_mode,
        caught_by=(f"{_kind}/unknown-mode",),
    )
    _add(
        f"{_kind}-returns-an-error-for-a-mode",
        "A mode that does not exist gives nil and a message.",
        _target,
        _no_mode,
        caught_by=(f"{_kind}/unknown-mode",),
    )
    _add(
        f"{_kind}-wants-a-mode",
        "Without a mode it raises.",
        _target,
        lambda right, *args: right(*args) if isinstance(args[0], bytes) else right(b"", *args),
        caught_by=(f"{_kind}/default/no-mode",),
    )
    _add(
        f"{_kind}-is-a-function",
        "It is a plain function, without getfd and dirty.",
        _target,
        lambda right, *args: (right(*args)[0].__call__,),
        caught_by=(f"{_kind}/selectable",),
    )
    _add(
        f"{_kind}-has-no-getfd",
        "It has no getfd.",
        _target,
        lambda right, *args: (_Stream({b"dirty": made[b"dirty"]}, made),) if (made := right(*args)[0]) else (),
        caught_by=(f"{_kind}/selectable",),
    )
    _add(
        f"{_kind}-is-never-dirty",
        "Its dirty is false, whatever its socket's is.",
        _target,
        _field(b"dirty", lambda _dirty: (False,)),
        caught_by=(_dirty,),
    )
    _add(
        f"{_kind}-has-another-descriptor",
        "Its getfd is -1.",
        _target,
        _field(b"getfd", lambda _number: (-1,)),
        caught_by=(f"{_kind}/selectable",),
    )

# -- sinks ------------------------------------------------------------------------------------------------------------

_add("sink-is-missing", "The helper module makes no sinks.", _SINK, ABSENT, caught_by=("sink/unknown-mode",))
_add(
    "sink-returns-one",
    "A sink returns 1 for every chunk.",
    _SINK,
    _results(lambda results: results if failed(results) else (1,)),
    caught_by=("sink/empty-chunk",),
)
_add(
    "sink-tells-two-results-of-a-failure",
    "Of an error, the sink does not tell how much was sent.",
    _SINK,
    _results(lambda results: results[:2] if failed(results) else results),
    caught_by=("sink/error-of-send",),
)
_add(
    "sink-ends-with-the-empty-string",
    "An empty chunk is taken for the end.",
    _SINK,
    _stepping(lambda right, made, held, chunk=None, *rest: made(None if chunk == b"" else chunk, *rest)),
    caught_by=("sink/empty-chunk",),
)
_add(
    "sink-closes-always",
    "At the end, every sink closes its socket.",
    _SINK,
    _stepping(lambda right, made, held, *values: right.method(held, "close") if _is_end(values) else made(*values)),
    caught_by=("sink/keep-open",),
)
_add(
    "sink-never-closes",
    "At the end, no sink closes its socket.",
    _SINK,
    _stepping(lambda right, made, held, *values: (1,) if _is_end(values) else made(*values)),
    caught_by=("sink/close-when-done",),
)
_add(
    "sink-ends-its-side-only",
    'With "close-when-done", only the sending side ends.',
    _SINK,
    _in_mode(
        b"close-when-done",
        _stepping(
            lambda right, made, held, *values: (
                right.method(held, "shutdown", b"send") if _is_end(values) else made(*values)
            )
        ),
    ),
    caught_by=("sink/close-when-done-gives-the-descriptor-back",),
)
_add(
    "sink-closes-when-sending-fails",
    "A sink closes its socket at an error of send.",
    _SINK,
    _then(lambda right, held, results: failed(results) and right.method(held, "close")),
    caught_by=("sink/error-leaves-the-socket-open",),
)
_add(
    "sink-end-returns-nothing",
    "The end has no result.",
    _SINK,
    _stepping(lambda right, made, held, *values: made(*values) and () if _is_end(values) else made(*values)),
    caught_by=("sink/keep-open",),
)
_add(
    "sink-passes-the-error-on",
    "The error that comes with the end is returned.",
    _SINK,
    _stepping(
        lambda right, made, held, *values: (None, values[1]) if _is_end(values) and len(values) > 1 else made(*values)
    ),
    caught_by=("sink/end-with-an-error",),
)


def _ends_once(right: Right, *args: Any) -> Values:
    (made,) = right(*args)
    over: list[bool] = []

    def step(*values: Any) -> Values:
        if over:
            raise right.api.LuaError(b"attempt to use a sink that has ended")
        if _is_end(values):
            over.append(True)
        results: Values = made(*values)
        return results

    return (_Stream(made, step),)


_add("sink-ends-once", "A sink that had its end raises.", _SINK, _ends_once, caught_by=("sink/keep-open",))
_add(
    "sink-is-one-that-closes-by-default",
    'Without a mode a sink is one with "close-when-done".',
    _SINK,
    lambda right, *args: (
        right(b"close-when-done", *args[args[:1] == (b"default",) :])
        if not isinstance(args[0] if args else None, bytes) or args[0] == b"default"
        else right(*args)
    ),
    caught_by=("sink/default",),
)
_add(
    "sink-sends-lines",
    "A sink adds a line feed to each chunk.",
    _SINK,
    _stepping(
        lambda right, made, held, chunk=None, *rest: made(chunk + b"\n" if isinstance(chunk, bytes) else chunk, *rest)
    ),
    caught_by=("sink/close-when-done",),
)

# -- choose and try ---------------------------------------------------------------------------------------------------


def _chosen(change: Callable[..., Values]) -> Mistake:
    """A call of what choose returns is changed: ``change(table, right function, *arguments)``."""

    def mistake(right: Right, table: Any = None, *rest: Any) -> Values:
        (chosen,) = right(table, *rest)
        return (lambda *values: change(table, chosen, *values),)

    return mistake


def _entry(table: Any, name: Any) -> Any:
    return table.get(name) if isinstance(name, bytes) else None


_add("choose-is-missing", "There is no choose.", _CHOOSE, ABSENT, caught_by=("choose/unknown",))
_add(
    "choose-passes-all-arguments",
    "The entry gets all arguments, as many as there are.",
    _CHOOSE,
    _chosen(
        lambda table, chosen, *values: (
            entry(*values[1:]) if (entry := _entry(table, values[:1] and values[0])) else chosen(*values)
        )
    ),
    caught_by=("choose/passes-two-arguments",),
)
_add(
    "choose-passes-one-argument",
    "The entry gets the first argument only.",
    _CHOOSE,
    _chosen(lambda table, chosen, *values: chosen(*values[:2])),
    caught_by=("choose/default",),
)
_add(
    "choose-passes-one-result",
    "Only the first result of the entry is returned.",
    _CHOOSE,
    _chosen(lambda table, chosen, *values: chosen(*values)[:1]),
    caught_by=("choose/default",),
)
_add(
    "choose-has-no-default",
    "Without a name it raises.",
    _CHOOSE,
    _chosen(
        lambda table, chosen, *values: (
            chosen(*values) if isinstance((*values, None)[0], bytes) else chosen(b"", *values)
        )
    ),
    caught_by=("choose/unknown",),
)
_add(
    "choose-takes-nil-for-the-name",
    "A first argument that is nil is dropped for the default entry.",
    _CHOOSE,
    _chosen(lambda table, chosen, *values: chosen(*values[1:]) if values[:1] == (None,) else chosen(*values)),
    caught_by=("choose/default",),
)
_add(
    "choose-takes-numbers-for-names",
    "A number is the name of an entry.",
    _CHOOSE,
    _chosen(
        lambda table, chosen, *values: (
            chosen(str(values[0]).encode(), *values[1:]) if values and is_number(values[0]) else chosen(*values)
        )
    ),
    caught_by=("choose/default",),
)
_add(
    "choose-returns-nil-for-the-unknown",
    "An entry that does not exist gives nil.",
    _CHOOSE,
    _chosen(
        lambda table, chosen, *values: (
            (None,) if isinstance((*values, None)[0], bytes) and not _entry(table, values[0]) else chosen(*values)
        )
    ),
    caught_by=("choose/unknown",),
)
_add(
    "choose-falls-back-to-the-default",
    "An entry that does not exist is the default one.",
    _CHOOSE,
    _chosen(
        lambda table, chosen, *values: (
            chosen(b"default", *values[1:])
            if isinstance((*values, None)[0], bytes) and not _entry(table, values[0])
            else chosen(*values)
        )
    ),
    caught_by=("choose/unknown",),
)


def _chooses_once(right: Right, table: Any = None, *rest: Any) -> Values:
    (chosen,) = right(table, *rest)
    first: list[Any] = []

    def choose(*values: Any) -> Values:
        if values and isinstance(values[0], bytes):
            first.append(values[0])
            values = (first[0], *values[1:])
        results: Values = chosen(*values)
        return results

    return (choose,)


_add("choose-chooses-once", "The first name is kept.", _CHOOSE, _chooses_once, caught_by=("choose/chooses-anew",))
_add("try-is-missing", "The helper module makes no try function.", _TRY, ABSENT, caught_by=("try/passes",))
_add(
    "try-passes-the-first",
    "It returns its first argument only.",
    _TRY,
    lambda right, *args: right(*args)[:1],
    caught_by=("try/throws",),
)
_add(
    "try-passes-three",
    "It returns three values at most.",
    _TRY,
    lambda right, *args: right(*args)[:3],
    caught_by=("try/passes",),
)
_add(
    "try-drops-nils",
    "It drops the nils at the end.",
    _TRY,
    lambda right, *args: right(*args)[: max((i for i, v in enumerate(args, 1) if v is not None), default=0)],
    caught_by=("try/passes",),
)
_add(
    "try-raises-nothing-at-all",
    "A failure is returned.",
    _TRY,
    lambda _right, *args: args,
    caught_by=("try/outside-protect",),
)
_add(
    "try-passes-false",
    "The value false is a success.",
    _TRY,
    lambda right, *args: args if args[:1] == (False,) else right(*args),
    caught_by=("try/throws",),
)
_add(
    "try-takes-zero-for-a-failure",
    "The number 0 is a failure.",
    _TRY,
    lambda right, *args: right(None, *args[1:]) if args[:1] == (0,) else right(*args),
    caught_by=("try/passes",),
)
_add(
    "try-takes-the-empty-string-for-a-failure",
    "The empty string is a failure.",
    _TRY,
    lambda right, *args: right(None, *args[1:]) if args[:1] == (b"",) else right(*args),
    caught_by=("try/passes",),
)
_add(
    "try-makes-a-string-of-the-message",
    "A message that is no string becomes one.",
    _TRY,
    lambda right, *args: (
        right(args[0], right.api.tostring(args[1]))
        if len(args) > 1 and not args[0] and is_number(args[1])
        else right(*args)
    ),
    caught_by=("try/throws",),
)


def _plain_error(right: Right, *args: Any) -> Values:
    if args and (args[0] is None or args[0] is False):
        raise right.api.LuaError((*args, None)[1])
    return right(*args)


_add(
    "try-raises-the-message",
    "What it raises is the message itself, which protect does not catch.",
    _TRY,
    _plain_error,
    caught_by=("try/throws",),
)
