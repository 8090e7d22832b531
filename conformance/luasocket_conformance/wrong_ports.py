"""Deliberately wrong ports: the reference with one mistake each, to see that the specification tells them.

What lives here: the mechanism (an :class:`Api` that wraps single functions of another) and the catalogue of mistakes.
What may not: what is right. A mistake is a function of a few lines that is called in place of the right one, and its
name and docstring say what a porter got wrong. ``caught_by`` lists selectors as ``run`` takes them: at least one
behaviour of each has to fail on that port.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, Final, TypeAlias
from weakref import WeakKeyDictionary

from luasocket_runners.ports import Port
from luasocket_runners.ports.inprocess import PythonPort, reference_api
from luasocket_runners.ports.python_adapter import Api

#: Lua's results, or its arguments: bytes for strings, None for nil, dict for tables.
Values: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Right:
    """The right function, as a mistake sees it. Calling it does the right thing.

    Attributes
    ----------
    function
        What the right port has under that name; the first argument of a method is its object.
    name
        The name under which it was called, without its object: ``receive``.
    api
        The right implementation, for what else is needed of it.
    memory
        What the mistake remembers of an object between calls; each connection has its own.
    """

    function: Callable[..., Values]
    name: str
    api: Api
    memory: MutableMapping[Any, Any]

    def __call__(self, *args: Any) -> Values:
        """Call the right function."""
        return self.function(*args)

    def method(self, thing: Any, name: str, *args: Any) -> Values:
        """Call a method of an object as the right port has it."""
        results: Values = self.api.index(thing, name)(thing, *args)
        return results


Mistake: TypeAlias = Callable[..., Values]


@dataclass(frozen=True, slots=True)
class WrongPort:
    """The reference with one mistake.

    Attributes
    ----------
    name
        The mistake in a few words, joined by ``-``.
    says
        The mistake in a sentence.
    targets
        The functions it is made in: ``tcp:receive`` (a method of a kind of object), ``socket.select``; ``*`` as in file
        names.
    mistake
        Called as ``mistake(right, *args)`` in place of each.
    caught_by
        Selectors; at least one behaviour of each has to fail.
    """

    name: str
    says: str
    targets: tuple[str, ...]
    mistake: Mistake
    caught_by: tuple[str, ...]

    def port(self) -> Port:
        """Return the port; each connection that it opens forgets what others did."""
        return PythonPort(f"wrong:{self.name}", lambda: WrongApi(reference_api(), self))


class WrongApi:
    """The API of a wrong port: that of the right one, but for the functions that a mistake is made in."""

    def __init__(self, right: Api, wrong: WrongPort) -> None:
        self.LuaError = right.LuaError
        self.Table = right.Table
        self._right = right
        self._wrong = wrong
        self._memory: MutableMapping[Any, Any] = WeakKeyDictionary()  # what is collected, is forgotten
        self._made: dict[Any, Mistake] = {}  # the same function has to be the same value each time

    def open(self, dialect: str) -> Any:
        """Return the module with its mistakes put in."""
        module = self._right.open(dialect)
        self._spoil(module, "socket")
        return module

    def _spoil(self, table: dict[Any, Any], path: str) -> None:
        for key, value in table.items():
            inner = f"{path}.{key.decode('latin-1')}"
            if isinstance(value, dict):
                self._spoil(value, inner)
            elif callable(value) and self._is_wrong(inner):
                table[key] = partial(self._wrong.mistake, self._seen(value, inner))

    def index(self, value: Any, name: str) -> Any:
        """Return the field of an object, or the mistake that stands in its place."""
        right = self._right.index(value, name)
        if not callable(right) or not self._is_wrong_method(value, name):
            return right
        if right not in self._made:
            self._made[right] = partial(self._call_method, self._seen(right, name))
        return self._made[right]

    def _call_method(self, right: Right, *args: Any) -> Values:
        # Called without an object, or with one of another kind, the method does not come as far as its mistake.
        mistaken = bool(args) and self._is_wrong_method(args[0], right.name)
        return self._wrong.mistake(right, *args) if mistaken else right(*args)

    def _is_wrong_method(self, value: Any, name: str) -> bool:
        kind = self._kind(value)
        return kind != "" and self._is_wrong(f"{kind}:{name}")

    def _is_wrong(self, path: str) -> bool:
        return any(fnmatchcase(path, target) for target in self._wrong.targets)

    def _seen(self, right: Callable[..., Values], path: str) -> Right:
        return Right(right, path.rpartition(".")[2], self._right, self._memory)

    def _kind(self, value: Any) -> str:
        """Return ``tcp`` or ``udp``; what is not an object has no kind."""
        if isinstance(value, dict):
            return ""
        try:
            described = self._right.index(value, "class")
        except self.LuaError:  # it cannot be indexed
            return ""
        return described.decode("latin-1").partition("{")[0] if isinstance(described, bytes) else ""

    def setindex(self, value: Any, name: str, new: Any) -> None:
        """Write a field, rightly."""
        self._right.setindex(value, name, new)

    def tostring(self, value: Any) -> bytes:
        """Return a value as a string, rightly."""
        return self._right.tostring(value)


_catalogue: dict[str, WrongPort] = {}


def wrong(*targets: str, caught_by: tuple[str, ...]) -> Callable[[Mistake], Mistake]:
    """Put a mistake into the catalogue, under the function's name and with its docstring."""

    def register(mistake: Mistake) -> Mistake:
        name = mistake.__name__.replace("_", "-")
        assert name not in _catalogue, f"{name} is there twice"
        assert mistake.__doc__, f"{name} does not say what the mistake is"
        _catalogue[name] = WrongPort(name, mistake.__doc__.strip(), targets, mistake, caught_by)
        return mistake

    return register


def failed(results: Values) -> bool:
    """Tell whether results are those of a failure: nil and a message."""
    return len(results) > 1 and results[0] is None


def is_pattern(pattern: Any, kind: bytes) -> bool:
    """Tell whether the argument of `receive` is a pattern of that kind."""
    return isinstance(pattern, bytes) and pattern.startswith(kind)


def is_dirty(right: Right, thing: Any) -> bool:
    """Tell whether an object has data in its buffer."""
    return callable(right.api.index(thing, "dirty")) and right.method(thing, "dirty")[:1] not in ((), (None,), (False,))


def thousandth(seconds: Any) -> Any:
    """Return seconds that were taken as milliseconds; what is no number stays."""
    return seconds / 1000 if isinstance(seconds, int | float) and not isinstance(seconds, bool) else seconds


def is_closed(right: Right, thing: Any) -> bool:
    """Tell whether an object has no descriptor any more."""
    return right.method(thing, "getfd") == (-1,)


# -- results ----------------------------------------------------------------------------------------------------------


@wrong("tcp:receive", caught_by=("tcp/receive-line/success-is-three-values",))
def receive_success_is_one_value(right: Right, *args: Any) -> Values:
    """What was received comes alone, without the two nils."""
    results = right(*args)
    return results if failed(results) else results[:1]


@wrong("tcp:send", caught_by=("tcp/send/range", "tcp/send/bytes"))
def send_success_is_one_value(right: Right, *args: Any) -> Values:
    """The index comes alone, without the two nils."""
    results = right(*args)
    return results if failed(results) else results[:1]


@wrong("tcp:receive", caught_by=("tcp/receive-line/partial-on-timeout", "tcp/receive-line/nothing-at-close"))
def receive_failure_is_two_values(right: Right, *args: Any) -> Values:
    """The partial result is missing."""
    results = right(*args)
    return results[:2] if failed(results) else results


@wrong("tcp:receive", caught_by=("tcp/receive-line/nothing-at-timeout", "tcp/receive-all/nothing-at-close"))
def empty_partial_is_nil(right: Right, *args: Any) -> Values:
    """Where nothing had arrived, the partial result is nil instead of the empty string."""
    results = right(*args)
    return (*results[:2], results[2] or None) if failed(results) else results


@wrong("tcp:receive", caught_by=("tcp/receive-line/partial-on-timeout", "tcp/receive-number/partial-on-timeout"))
def partial_is_a_success(right: Right, *args: Any) -> Values:
    """What had arrived before the timeout is returned as if it were all."""
    results = right(*args)
    return (results[2], None, None) if failed(results) and results[1] == b"timeout" and results[2] else results


@wrong("tcp:receive", caught_by=("tcp/receive-line/partial-only-once",))
def partial_comes_again(right: Right, thing: Any, *args: Any) -> Values:
    """What was returned as the partial result is kept for the next call, too."""
    kept = right.memory.pop(thing, b"")
    results = right(thing, *args)
    if failed(results):
        right.memory[thing] = kept + results[2]
        return (*results[:2], kept + results[2])
    return (kept + results[0], *results[1:])


@wrong("tcp:receive", caught_by=("tcp/receive-prefix/before-the-partial", "tcp/receive-prefix/alone-at-timeout"))
def prefix_is_lost_on_failure(
    right: Right, thing: Any, pattern: Any = b"*l", prefix: bytes = b"", *rest: Any
) -> Values:
    """The partial result lacks the prefix."""
    results = right(thing, pattern, prefix, *rest)
    return (*results[:2], results[2][len(prefix) :]) if failed(results) else results


@wrong("tcp:receive", caught_by=("tcp/receive-prefix/counts", "tcp/receive-prefix/fills-the-count"))
def prefix_is_not_counted(right: Right, thing: Any, pattern: Any = b"*l", prefix: bytes = b"", *rest: Any) -> Values:
    """A number of bytes is read besides the prefix."""
    counts = isinstance(pattern, int) and isinstance(prefix, bytes)
    return right(thing, pattern + len(prefix) if counts else pattern, prefix, *rest)


# -- receive: patterns ------------------------------------------------------------------------------------------------


@wrong("tcp:receive", caught_by=("tcp/receive-line/drops-every-carriage-return",))
def inner_carriage_returns_are_kept(
    right: Right, thing: Any, pattern: Any = b"*l", prefix: bytes = b"", *rest: Any
) -> Values:
    """Only the carriage return before the line feed is dropped from a line."""
    if not is_pattern(pattern, b"*l") or not isinstance(prefix, bytes):
        return right(thing, pattern, prefix, *rest)
    line = b""
    while True:
        results = right(thing, 1)
        if failed(results):
            return (*results[:2], prefix + line)
        if results[0] == b"\n":
            return prefix + line.removesuffix(b"\r"), None, None
        line += results[0]


@wrong("tcp:receive", caught_by=("tcp/receive-line/ends-at-line-feed", "tcp/receive-line/empty-line"))
def line_feed_is_kept(right: Right, thing: Any, pattern: Any = b"*l", *rest: Any) -> Values:
    """A line comes with its line feed."""
    results = right(thing, pattern, *rest)
    if failed(results) or not is_pattern(pattern, b"*l"):
        return results
    return (results[0] + b"\n", *results[1:])


@wrong("tcp:receive", caught_by=("tcp/receive-all/until-closed",))
def all_ends_with_closed(right: Right, thing: Any, pattern: Any = b"*l", *rest: Any) -> Values:
    """The pattern "*a" ends with nil, "closed" and the data, instead of the data."""
    results = right(thing, pattern, *rest)
    ended = is_pattern(pattern, b"*a") and not failed(results)
    return (None, b"closed", results[0]) if ended else results


@wrong("tcp:receive", caught_by=("tcp/receive-all/nothing-at-close",))
def nothing_is_a_success(right: Right, thing: Any, pattern: Any = b"*l", *rest: Any) -> Values:
    """The pattern "*a" returns the empty string where nothing came before the end."""
    results = right(thing, pattern, *rest)
    empty = is_pattern(pattern, b"*a") and results == (None, b"closed", b"")
    return (b"", None, None) if empty else results


@wrong("tcp:receive", caught_by=("tcp/receive-line/partial-at-close",))
def last_line_needs_no_end(right: Right, thing: Any, pattern: Any = b"*l", *rest: Any) -> Values:
    """A last line without a line feed is returned as a line."""
    results = right(thing, pattern, *rest)
    line = is_pattern(pattern, b"*l") and failed(results)
    return (results[2], None, None) if line and results[1] == b"closed" and results[2] else results


@wrong("tcp:receive", caught_by=("tcp/receive-line/is-the-default",))
def default_pattern_is_all(right: Right, thing: Any, *args: Any) -> Values:
    """Without a pattern, everything is read."""
    return right(thing, *(args or (b"*a",)))


@wrong(
    "tcp:receive", caught_by=("tcp/receive-line/any-byte", "tcp/receive-number/any-byte", "tcp/receive-all/any-byte")
)
def data_is_decoded_as_utf8(right: Right, *args: Any) -> Values:
    """Bytes that are not UTF-8 are replaced."""
    return tuple(
        value.decode("utf-8", "replace").encode() if isinstance(value, bytes) else value for value in right(*args)
    )


@wrong(
    "tcp:receive", caught_by=("tcp/receive-line/any-byte", "tcp/receive-number/any-byte", "tcp/receive-all/any-byte")
)
def data_ends_at_nul(right: Right, *args: Any) -> Values:
    """A string ends at its first NUL byte, as in C."""
    return tuple(value.partition(b"\0")[0] if isinstance(value, bytes) else value for value in right(*args))


# -- send -------------------------------------------------------------------------------------------------------------


@wrong("tcp:send", caught_by=("tcp/send/range",))
def send_returns_the_count(right: Right, thing: Any, data: Any = None, first: Any = 1, *rest: Any) -> Values:
    """The number of bytes sent is returned, not the index of the last one."""
    results = right(thing, data, first, *rest)
    skipped = first - 1 if isinstance(first, int) and first > 1 else 0
    return results if failed(results) else (results[0] - skipped, *results[1:])


@wrong("tcp:send", caught_by=("tcp/send/range", "tcp/send/bytes"))
def send_returns_one_less(right: Right, *args: Any) -> Values:
    """The index counts from 0."""
    results = right(*args)
    return results if failed(results) else (results[0] - 1, *results[1:])


@wrong("tcp:send", caught_by=("tcp/send/range", "tcp/send/bytes"))
def send_returns_true(right: Right, *args: Any) -> Values:
    """A success is told as true."""
    results = right(*args)
    return results if failed(results) else (True, *results[1:])


@wrong("tcp:send", caught_by=("tcp/send/range", "tcp/send/empty-range"))
def send_ignores_the_range(right: Right, thing: Any, data: Any = None, *_range: Any) -> Values:
    """The whole string is sent, whatever part of it was asked for."""
    return right(thing, data)


@wrong("tcp:send", caught_by=("tcp/send/timeout-partial", "tcp/send/on-a-closed-client"))
def send_failure_tells_no_index(right: Right, *args: Any) -> Values:
    """A failure does not tell how far it came."""
    results = right(*args)
    return results[:2] if failed(results) else results


# -- messages ---------------------------------------------------------------------------------------------------------


def _reworded(results: Values, old: bytes, new: bytes) -> Values:
    return (None, new, *results[2:]) if failed(results) and results[1] == old else results


@wrong("tcp:*", caught_by=("tcp/receive-line/partial-on-timeout", "tcp/accept/timeout", "tcp/send/timeout-partial"))
def timeout_has_a_capital(right: Right, *args: Any) -> Values:
    """The message is "Timeout"."""
    return _reworded(right(*args), b"timeout", b"Timeout")


@wrong("tcp:*", caught_by=("tcp/receive-line/nothing-at-close", "tcp/send/on-a-closed-client"))
def closed_is_a_sentence(right: Right, *args: Any) -> Values:
    """The message is "connection closed."."""
    return _reworded(right(*args), b"closed", b"connection closed.")


@wrong("tcp:receive", caught_by=("tcp/receive-line/nothing-at-close",))
def closed_is_told_as_timeout(right: Right, *args: Any) -> Values:
    """The end of the connection is told as a timeout."""
    return _reworded(right(*args), b"closed", b"timeout")


@wrong("tcp:connect", caught_by=("tcp/connect/refused",))
def refused_has_a_capital(right: Right, *args: Any) -> Values:
    """The message is the system's, "Connection refused"."""
    return _reworded(right(*args), b"connection refused", b"Connection refused")


# -- timeouts ---------------------------------------------------------------------------------------------------------


@wrong("tcp:settimeout", caught_by=("tcp/receive/waits-for-the-timeout", "tcp/connect/timeout", "tcp/accept/timeout"))
def timeout_is_in_milliseconds(right: Right, thing: Any, seconds: Any = None, *rest: Any) -> Values:
    """The timeout is taken as milliseconds."""
    return right(thing, thousandth(seconds), *rest)


@wrong("tcp:settimeout", caught_by=("tcp/timeout/returns-one",))
def settimeout_returns_nothing(right: Right, *args: Any) -> Values:
    """There is no result, instead of 1."""
    right(*args)
    return ()


@wrong("tcp:settimeout", "tcp:accept", caught_by=("tcp/timeout/accepted-client-has-none",))
def accepted_client_inherits_the_timeout(right: Right, thing: Any, *args: Any) -> Values:
    """An accepted client has the timeout of its server."""
    results = right(thing, *args)
    if right.name == "settimeout":
        right.memory[thing] = args
    elif not failed(results):
        right.method(results[0], "settimeout", *right.memory.get(thing, ()))
    return results


# -- the life of an object --------------------------------------------------------------------------------------------


@wrong("tcp:close", caught_by=("tcp/close/returns-one", "tcp/close/again"))
def close_returns_nothing(right: Right, *args: Any) -> Values:
    """There is no result, instead of 1."""
    right(*args)
    return ()


@wrong("tcp:close", caught_by=("tcp/close/again",))
def second_close_raises(right: Right, thing: Any, *args: Any) -> Values:
    """What is closed cannot be closed again."""
    if is_closed(right, thing):
        raise right.api.LuaError(b"attempt to use a closed socket")
    return right(thing, *args)


@wrong("tcp:receive", "tcp:send", caught_by=("tcp/receive/on-a-closed-object", "tcp/send/on-a-closed-client"))
def use_after_close_raises(right: Right, thing: Any, *args: Any) -> Values:
    """What is closed raises, instead of returning "closed"."""
    if is_closed(right, thing):
        raise right.api.LuaError(b"attempt to use a closed socket")
    return right(thing, *args)


@wrong("tcp:accept", caught_by=("tcp/accept",))
def accept_returns_the_server(right: Right, thing: Any, *args: Any) -> Values:
    """The result of accept is the server itself."""
    results = right(thing, *args)
    return results if failed(results) else (thing, *results[1:])


@wrong("tcp:shutdown", caught_by=("tcp/shutdown",))
def shutdown_is_always_both(right: Right, thing: Any, *_mode: Any) -> Values:
    """Both directions are shut down, whichever was asked for."""
    return right(thing, b"both")


@wrong("tcp:getpeername", caught_by=("tcp/names", "tcp/connect/connects-to-that-address"))
def getpeername_is_our_own_name(right: Right, thing: Any, *_args: Any) -> Values:
    """The address of our own side is returned."""
    return right.method(thing, "getsockname")


@wrong("tcp:getstats", caught_by=("tcp/stats",))
def stats_are_swapped(right: Right, thing: Any, *args: Any) -> Values:
    """Bytes sent come before bytes received."""
    received, sent, *rest = right(thing, *args)
    return sent, received, *rest


# -- select -----------------------------------------------------------------------------------------------------------


def _with_keys(right: Right, results: Values, kept: Callable[[Any], bool]) -> Values:
    """Return results whose tables have only the keys that are kept."""
    thinned = []
    for value in results:
        if isinstance(value, dict):
            thin = right.api.Table()
            for key, item in value.items():
                if kept(key):
                    thin[key] = item
            thinned.append(thin)
        else:
            thinned.append(value)
    return tuple(thinned)


@wrong("socket.select", caught_by=("select/keyed-by-integer-and-socket", "select/readable-when-data-arrived"))
def select_keys_by_integer_only(right: Right, *args: Any) -> Values:
    """The tables of ready sockets are plain lists."""
    return _with_keys(right, right(*args), lambda key: isinstance(key, int | float))


@wrong("socket.select", caught_by=("select/keyed-by-integer-and-socket", "select/readable-when-data-arrived"))
def select_keys_by_socket_only(right: Right, *args: Any) -> Values:
    """The tables of ready sockets have no list part."""
    return _with_keys(right, right(*args), lambda key: not isinstance(key, int | float))


@wrong("socket.select", caught_by=("select/timeout-zero", "select/nothing-to-watch"))
def select_has_no_tables_on_timeout(right: Right, *args: Any) -> Values:
    """A timeout is nil, nil, "timeout"."""
    results = right(*args)
    return (None, None, results[2]) if len(results) > 2 else results


@wrong("socket.select", caught_by=("select/buffered-data-is-readable", "select/buffered-data-does-not-wait"))
def select_forgets_the_buffer(right: Right, reading: Any = None, *rest: Any) -> Values:
    """Data that is buffered already does not make a socket readable."""
    if isinstance(reading, dict):
        listed = [reading[index] for index in sorted(key for key in reading if isinstance(key, int))]
        clean = [
            thing
            for thing in listed
            if not callable(right.api.index(thing, "dirty")) or not right.method(thing, "dirty")[0]
        ]
        reading = dict(enumerate(clean, 1))
    return right(reading, *rest)


@wrong("socket.select", caught_by=("select/timeout-in-seconds",))
def select_waits_in_milliseconds(
    right: Right, reading: Any = None, writing: Any = None, seconds: Any = None, *rest: Any
) -> Values:
    """The timeout is taken as milliseconds."""
    return right(reading, writing, thousandth(seconds), *rest)


# -- the module -------------------------------------------------------------------------------------------------------


@wrong("socket.gettime", caught_by=("module/gettime-epoch",))
def gettime_is_in_milliseconds(right: Right, *args: Any) -> Values:
    """The time is in milliseconds."""
    return (right(*args)[0] * 1000,)


@wrong("socket.sleep", caught_by=("module/sleep-freezes",))
def sleep_is_in_milliseconds(right: Right, seconds: Any = None, *rest: Any) -> Values:
    """The time to sleep is taken as milliseconds."""
    return right(thousandth(seconds), *rest)


#: Every wrong port, in the order above.
WRONG_PORTS: Final = tuple(_catalogue.values())
