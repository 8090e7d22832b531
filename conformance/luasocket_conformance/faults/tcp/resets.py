"""Faulty ports that the behaviours of ``tcp/resets.yaml`` detect."""

from __future__ import annotations

from typing import Any

from luasocket_conformance.faults.factories import STREAMS, after_success, failed
from luasocket_conformance.faults.factories.objects import drop_buffer, for_option
from luasocket_conformance.faults.mechanism import Faults, Original, Values

FAULTS = Faults(
    __name__,
    also_fails=(*STREAMS, "sequences", "errors", "collection", "addresses", "subtypes"),
    deadline=1.0,
)

_CLOSED = b"closed"


def _is_closed(results: Values) -> bool:
    return results[:2] == (None, _CLOSED)


def _notes_closed(original: Original, obj: Any, results: Values) -> Values:
    """Note for the object that a call returned "closed"."""
    if _is_closed(results):
        original.memory[obj] = True
    return results


def _error_is_pending(original: Original, obj: Any) -> bool:
    """Read the pending error of the socket, which takes it."""
    return original.method(obj, "getoption", b"error") == (_CLOSED,)


@FAULTS.fault(
    "tcp{client}:receive", "tcp{client}:send", "tcp{client}:getoption", detected_by="tcp/resets/error-is-taken"
)
def errors_are_remembered(original: Original, obj: Any, *args: Any) -> Values:
    """Once receive or send has returned "closed", getoption("error") is "closed", too."""
    if original.name == "getoption" and args[:1] == (b"error",) and original.memory.get(obj):
        return (_CLOSED,)
    results = original(obj, *args)
    return results if original.name == "getoption" else _notes_closed(original, obj, results)


@FAULTS.fault("tcp{client}:getoption", detected_by="tcp/resets/error-stays")
@for_option("keepalive", "linger")
def other_options_take_the_error(original: Original, obj: Any, *args: Any) -> Values:
    """Reading any option takes the pending error."""
    _error_is_pending(original, obj)
    return original(obj, *args)


@FAULTS.fault("tcp{client}:getpeername", "tcp{client}:shutdown", detected_by="tcp/resets/error-stays")
def names_and_shutdown_take_the_error(original: Original, obj: Any, *args: Any) -> Values:
    """Functions that ask for the peer take the pending error."""
    _error_is_pending(original, obj)
    return original(obj, *args)


@FAULTS.fault("tcp{client}:send", detected_by="tcp/resets/error-stays")
def sending_nothing_looks_for_errors(original: Original, obj: Any, data: Any = None, *args: Any) -> Values:
    """A send of the empty string takes the pending error."""
    if data == b"":
        _error_is_pending(original, obj)
    return original(obj, data, *args)


@FAULTS.fault("tcp{client}:send", detected_by="tcp/resets/buffered-data-stay")
def failed_send_empties_the_buffer(original: Original, obj: Any, *args: Any) -> Values:
    """A send that fails with "closed" empties the buffer for receiving."""
    results = original(obj, *args)
    if _is_closed(results):
        drop_buffer(original, obj)
    return results


@FAULTS.fault("tcp{client}:getoption", detected_by="tcp/resets/buffered-data-stay")
@for_option("error")
def reported_error_empties_the_buffer(original: Original, obj: Any, *args: Any) -> Values:
    """Reporting the error by getoption empties the buffer."""
    results = original(obj, *args)
    if results == (_CLOSED,):
        drop_buffer(original, obj)
    return results


@FAULTS.fault("tcp{client}:send", "tcp{client}:receive", detected_by="tcp/resets/waiting-data-stay")
def nothing_is_received_after_a_failed_send(original: Original, obj: Any, *args: Any) -> Values:
    """After a send that failed with "closed", receive reads nothing more."""
    if original.name == "send":
        return _notes_closed(original, obj, original(obj, *args))
    if original.memory.get(obj) and original.method(obj, "dirty") == (False,):
        return (None, _CLOSED, b"")
    return original(obj, *args)


@FAULTS.fault("tcp{client}:receive", detected_by="tcp/resets/all-of-it")
def reset_completes_all(original: Original, obj: Any, pattern: Any = b"*l", *args: Any) -> Values:
    """For the pattern "*a", a reset after some data is the proper end of the connection."""
    results = original(obj, pattern, *args)
    complete = pattern == b"*a" and _is_closed(results) and results[2] != b""
    return (results[2], None, None) if complete else results


@FAULTS.fault("tcp{client}:send", "tcp{client}:receive", detected_by="tcp/resets/all-of-it")
def failed_send_makes_all_incomplete(original: Original, obj: Any, *args: Any) -> Values:
    """After a send that failed with "closed", "*a" fails with "closed", although the system reports an end."""
    results = original(obj, *args)
    if original.name == "send":
        return _notes_closed(original, obj, results)
    if original.memory.get(obj) and args[:1] == (b"*a",) and not failed(results):
        return (None, _CLOSED, results[0])
    return results


@FAULTS.fault("tcp{client}:receive", detected_by="tcp/resets/much-data")
def reset_keeps_one_block(original: Original, *args: Any) -> Values:
    """What a reset interrupts is cut to the size of the buffer."""
    results = original(*args)
    return (*results[:2], results[2][:8192]) if _is_closed(results) else results


@FAULTS.fault("tcp{client}:receive", detected_by="tcp/resets/limits", deadline=3.0)
def complete_receive_looks_for_errors(original: Original, obj: Any, *args: Any) -> Values:
    """After a receive that is complete, the pending error is read, for the next call."""
    results = original(obj, *args)
    if not failed(results):
        _error_is_pending(original, obj)
    return results


@FAULTS.fault("tcp{client}:receive", detected_by=("tcp/resets/limits", "tcp/resets/waiting-data-stay"))
def error_comes_before_the_data(original: Original, obj: Any, *args: Any) -> Values:
    """Receive looks for a pending error before it reads."""
    if original.method(obj, "dirty") == (False,) and _error_is_pending(original, obj):
        return (None, _CLOSED, b"")
    return original(obj, *args)


@FAULTS.fault("tcp{client}:send", "tcp{client}:receive", detected_by="tcp/resets/one-after-another")
def second_call_after_a_reset_raises(original: Original, obj: Any, *args: Any) -> Values:
    """A receive after one that returned "closed" with nothing raises."""
    if original.name == "receive" and original.memory.get(obj):
        raise original.api.LuaError(b"attempt to use a closed connection")
    results = original(obj, *args)
    return _notes_closed(original, obj, results) if original.name == "send" else results


@FAULTS.fault("tcp{client}:receive", detected_by="tcp/resets/one-after-another")
def failed_receive_gives_the_descriptor_back(original: Original, obj: Any, *args: Any) -> Values:
    """A receive that finds the connection closed with nothing to read closes the object."""
    results = original(obj, *args)
    if results == (None, _CLOSED, b""):
        original.method(obj, "close")
    return results


@FAULTS.fault("tcp{client}:send", detected_by="tcp/resets/one-after-another")
def second_send_is_broken_pipe(original: Original, obj: Any, *args: Any) -> Values:
    """The second send after a reset fails with the system's words."""
    before = original.memory.get(obj)
    results = _notes_closed(original, obj, original(obj, *args))
    return (None, b"Broken pipe", *results[2:]) if before and _is_closed(results) else results


@FAULTS.fault("tcp{client}:shutdown", "tcp{client}:getoption", detected_by="tcp/resets/after-shutdown-of-sending")
def shutdown_hides_errors(original: Original, obj: Any, *args: Any) -> Values:
    """After a shutdown no error is reported."""
    if original.name == "shutdown":
        original.memory[obj] = True
    elif args == (b"error",) and original.memory.get(obj):
        return (None,)
    return original(obj, *args)


@FAULTS.fault("tcp{client}:receive", detected_by="tcp/resets/after-the-end")
def end_takes_the_error(original: Original, obj: Any, *args: Any) -> Values:
    """A receive that comes to the end of the connection takes the pending error."""
    results = original(obj, *args)
    if _is_closed(results):
        original.method(obj, "getoption", b"error")
    return results


@FAULTS.fault("tcp{client}:receive", detected_by="tcp/resets/data-before-end-and-reset")
def error_spoils_the_end(original: Original, obj: Any, *args: Any) -> Values:
    """What "*a" reads up to the end is incomplete if there is a pending error."""
    results = original(obj, *args)
    if args[:1] == (b"*a",) and not failed(results) and original.method(obj, "getoption", b"error") != (None,):
        return (None, _CLOSED, results[0])
    return results


@FAULTS.fault("tcp*:connect", "tcp{client}:send", "tcp{client}:receive", detected_by="tcp/resets/connect-again")
def reset_objects_stay_closed(original: Original, obj: Any, *args: Any) -> Values:
    """An object whose connection was reset reports "closed" after it was connected again, once."""
    if original.name == "connect":
        return (None, _CLOSED) if original.memory.pop(obj, None) else original(obj, *args)
    return _notes_closed(original, obj, original(obj, *args))


@FAULTS.fault("tcp{client}:receive", "tcp{client}:send", detected_by="tcp/resets/another-connection")
def reset_ends_all_connections(original: Original, obj: Any, *args: Any) -> Values:
    """After a reset of one connection the next send over another one fails."""
    if original.name == "send" and original.memory.get(original.api) not in (None, id(obj)):
        return (None, _CLOSED, 0)
    results = original(obj, *args)
    if _is_closed(results):
        original.memory[original.api] = id(obj)
    return results


@FAULTS.fault("tcp{client}:receive", "tcp{server}:accept", detected_by="tcp/resets/server-goes-on")
def reset_ends_the_server(original: Original, obj: Any, *args: Any) -> Values:
    """After a reset of an accepted connection, accept fails once."""
    if original.name == "accept":
        return (None, _CLOSED) if original.memory.pop(original.api, None) else original(obj, *args)
    results = original(obj, *args)
    if _is_closed(results):
        original.memory[original.api] = True
    return results


@FAULTS.fault("socket.select", detected_by="tcp/resets/error-stays")
@after_success
def select_takes_errors(original: Original, _results: Values, *lists: Any) -> None:
    """Select reads the pending error of each object."""
    for table in lists[:2]:
        for obj in table.values() if isinstance(table, dict) else ():
            if original.api.index(obj, "class") == b"tcp{client}":
                original.method(obj, "getoption", b"error")
