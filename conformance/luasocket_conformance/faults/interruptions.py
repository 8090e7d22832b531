"""Faulty ports that the behaviours of ``interruptions.yaml`` detect.

They wait with the system's ``epoll_wait``, as schedulers and event loops do. Python's own calls do not fail when a
signal interrupts them, so the mistakes call the C library.
"""

from __future__ import annotations

import ctypes
import errno
import select
import struct
import time
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

from luasocket_conformance.faults.mechanism import Faults, Mistake, Original, Values

FAULTS = Faults(__name__, also_fails=("inheritance",), own_process=True)

#: The message of EINTR.
_EINTR: Final = b"Interrupted system call"
#: Bytes of the C library's ``struct epoll_event``, with room to spare.
_EVENT: Final = 16

#: What a mistake makes of an interruption: the results of the call, or None to go on.
OnInterruption: TypeAlias = Callable[[], Values | None]


def wait(descriptors: dict[int, int], seconds: float | None) -> bool:
    """Wait for events of descriptors, each with its mask; return whether a signal ended the wait."""
    with select.epoll() as poller:
        for descriptor, events in descriptors.items():
            poller.register(descriptor, events)
        library = ctypes.CDLL(None, use_errno=True)
        milliseconds = -1 if seconds is None else max(0, int(seconds * 1000) + 1)
        found = library.epoll_wait(poller.fileno(), ctypes.create_string_buffer(_EVENT), 1, milliseconds)
        return found < 0 and ctypes.get_errno() == errno.EINTR


def _seconds(original: Original, obj: Any) -> float | None:
    """Return the seconds that a call of an object may wait; None: for ever."""
    limits = [limit for limit in original.method(obj, "gettimeout") if limit >= 0]
    return min(limits, default=None)


@contextmanager
def _without_waiting(original: Original, obj: Any) -> Any:
    """Let calls of an object return at once."""
    block, total = original.method(obj, "gettimeout")
    original.method(obj, "settimeout", 0)
    try:
        yield
    finally:
        original.method(obj, "settimeout", block, b"b")
        original.method(obj, "settimeout", total, b"t")


def _in_parts(original: Original, obj: Any, events: int, part: Callable[[], Values | None], late: Callable[[], Values],
              interrupted: OnInterruption) -> Values:  # fmt: skip
    """Call `part`, which does not wait, until it has results; wait before each call, within the object's timeout."""
    seconds = _seconds(original, obj)
    end = None if seconds is None else time.monotonic() + seconds
    descriptor = int(original.method(obj, "getfd")[0])
    while True:
        left = None if end is None else end - time.monotonic()
        if left is not None and left < 0:
            return late()
        if wait({descriptor: events}, left):
            results = interrupted()
        else:
            with _without_waiting(original, obj):
                results = part()
        if results is not None:
            return results


def receives_in_parts(interrupted: Callable[[list[bytes]], Values | None]) -> Mistake:
    """Return a mistake of a receive that is handed the parts that have come when a signal interrupts it."""

    def mistake(original: Original, obj: Any, pattern: Any = b"*l", *rest: Any) -> Values:
        parts: list[bytes] = []

        def part() -> Values | None:
            got = sum(map(len, parts))
            results = original(obj, pattern - got if isinstance(pattern, int) else pattern)
            if results[0] is not None:
                return (b"".join(parts) + results[0], None, None)
            parts.append(results[2])
            if results[1] == b"timeout":
                return None
            all_of_it = results[1] == b"closed" and pattern == b"*a" and any(parts)
            return (b"".join(parts), None, None) if all_of_it else (None, results[1], b"".join(parts))

        if original.method(obj, "getfd")[0] < 0 or rest or original.method(obj, "dirty")[0]:
            return original(obj, pattern, *rest)
        return _in_parts(
            original, obj, select.EPOLLIN, part, lambda: (None, b"timeout", b"".join(parts)), lambda: interrupted(parts)
        )  # fmt: skip

    return mistake


def _loses(parts: list[bytes]) -> None:
    parts.clear()


def _twice() -> Callable[[list[bytes]], Values | None]:
    """Return an answer to interruptions that goes on after the first one."""
    seen: list[int] = []

    def answer(_parts: list[bytes]) -> Values | None:
        seen.append(1)
        return (None, _EINTR, b"") if len(seen) % 2 == 0 else None

    return answer


FAULTS.add(
    "an-interrupted-receive-is-an-error", "A signal ends a receive with the error of the system.",
    "tcp{client}:receive", receives_in_parts(lambda parts: (None, _EINTR, b"".join(parts))),
    detected_by=(
        "interruptions/receive-goes-on", "interruptions/receive-all-goes-on",
        "interruptions/receive-goes-on-with-a-timeout", "interruptions/receive-keeps-its-beginning",
        "interruptions/receive-waits-for-its-timeout",
    ),
)  # fmt: skip
FAULTS.add(
    "an-interrupted-receive-times-out", "A signal ends a receive as if its time were over.",
    "tcp{client}:receive", receives_in_parts(lambda parts: (None, b"timeout", b"".join(parts))),
    detected_by=("interruptions/receive-goes-on-with-a-timeout", "interruptions/receive-waits-for-its-timeout"),
)  # fmt: skip
FAULTS.add(
    "an-interrupted-receive-loses-bytes", "A receive that a signal interrupts forgets what it has got.",
    "tcp{client}:receive", receives_in_parts(_loses),
    detected_by="interruptions/receive-keeps-its-beginning",
)  # fmt: skip
FAULTS.add(
    "a-receive-goes-on-once", "The second signal ends a receive with the error of the system.",
    "tcp{client}:receive", receives_in_parts(_twice()), detected_by="interruptions/receive-goes-on-after-each-signal",
)  # fmt: skip


def ends_when_interrupted(*results: Any) -> Mistake:
    """Return a mistake of a method that waits until it can read, and returns these results if a signal comes first."""

    def mistake(original: Original, obj: Any, *args: Any) -> Values:
        descriptor = int(original.method(obj, "getfd")[0])
        if descriptor >= 0 and wait({descriptor: select.EPOLLIN}, _seconds(original, obj)):
            return results
        return original(obj, *args)

    return mistake


FAULTS.add(
    "an-interrupted-accept-is-an-error", "A signal ends an accept with the error of the system.",
    "tcp{server}:accept", ends_when_interrupted(None, _EINTR),
    detected_by=("interruptions/accept-goes-on", "interruptions/accept-waits-for-its-timeout"),
)  # fmt: skip
FAULTS.add(
    "an-interrupted-accept-times-out", "A signal ends an accept as if its time were over.",
    "tcp{server}:accept", ends_when_interrupted(None, b"timeout"),
    detected_by=("interruptions/accept-goes-on", "interruptions/accept-waits-for-its-timeout"),
)  # fmt: skip
for _method in ("receive", "receivefrom"):
    FAULTS.add(
        f"an-interrupted-{_method}-of-udp-is-an-error", f"A signal ends a {_method} with the error of the system.",
        f"udp:{_method}", ends_when_interrupted(None, _EINTR),
        detected_by=(
            f"interruptions/udp-receive-goes-on/{_method}", f"interruptions/udp-receive-waits-for-its-timeout/{_method}"
        ),
    )  # fmt: skip


def sends_in_parts(interrupted: Callable[[int], int | None]) -> Mistake:
    """Return a mistake of a send: the bytes that count as sent once a signal interrupts it, or None for an error."""

    def mistake(original: Original, obj: Any, data: Any, *rest: Any) -> Values:
        if rest or not isinstance(data, bytes) or original.method(obj, "getfd")[0] < 0:
            return original(obj, data, *rest)
        sent = 0

        def part() -> Values | None:
            nonlocal sent
            results = original(obj, data[sent:])
            sent += results[0] if results[0] is not None else results[2]
            return None if results[1] == b"timeout" else (sent, None, None)

        def answer() -> Values | None:
            nonlocal sent
            counted = interrupted(sent)
            if counted is None:
                return (None, _EINTR, sent)
            sent = counted
            return None

        return _in_parts(original, obj, select.EPOLLOUT, part, lambda: (None, b"timeout", sent), answer)

    return mistake


FAULTS.add(
    "an-interrupted-send-is-an-error", "A signal ends a send with the error of the system.", "tcp{client}:send",
    sends_in_parts(lambda _sent: None),
    detected_by=("interruptions/send-goes-on", "interruptions/send-counts-what-was-sent"),
)  # fmt: skip
FAULTS.add(
    "an-interrupted-send-begins-again", "A send that a signal interrupts sends everything once more.",
    "tcp{client}:send", sends_in_parts(lambda _sent: 0), detected_by="interruptions/send-counts-what-was-sent",
)  # fmt: skip


@FAULTS.fault(
    "socket.select", detected_by=("interruptions/select-goes-on", "interruptions/select-waits-for-its-timeout")
)
def an_interrupted_select_times_out(original: Original, *args: Any) -> Values:
    """A signal ends a select as if its time were over."""
    receivers = [obj for key, obj in (args[0] or {}).items() if isinstance(key, int)] if args else []
    descriptors = {int(original.method(obj, "getfd")[0]): select.EPOLLIN for obj in receivers}
    if -1 not in descriptors and (len(args) < 2 or not args[1]):
        seconds = args[2] if len(args) > 2 and args[2] is not None else None
        if wait(descriptors, seconds):
            return (original.api.Table(), original.api.Table(), b"timeout")
    return original(*args)


@FAULTS.fault("tcp{master}:connect", detected_by="interruptions/connect-waits-for-its-timeout")
def an_interrupted_connect_is_an_error(original: Original, obj: Any, *args: Any) -> Values:
    """A signal ends a connect with the error of the system."""
    with _without_waiting(original, obj):
        results = original(obj, *args)
    if results[0] is not None or results[1] != b"timeout":
        return results
    descriptor, seconds = int(original.method(obj, "getfd")[0]), _seconds(original, obj)
    if wait({descriptor: select.EPOLLOUT}, seconds):
        return (None, _EINTR)
    return original(obj, *args)


@FAULTS.fault("socket.sleep", detected_by="interruptions/sleep-goes-on")
def a_signal_ends_a_sleep(_original: Original, seconds: Any = 0, *_: Any) -> Values:
    """A signal ends a sleep."""
    wait({}, seconds)
    return ()


# -- calls that a signal interrupts only where the process handles one


@FAULTS.fault("tcp{server}:accept", detected_by=("interruptions/accept-goes-on",))
def an_accept_polls_once(original: Original, obj: Any, *args: Any) -> Values:
    """A signal that the process handles ends an accept with the error of the system."""
    seconds, descriptor = _seconds(original, obj), int(original.method(obj, "getfd")[0])
    library = ctypes.CDLL(None, use_errno=True)
    polled = ctypes.create_string_buffer(struct.pack("ihh", descriptor, select.POLLIN, 0))
    found = library.poll(polled, 1, -1 if seconds is None else int(seconds * 1000) + 1)
    return (None, _EINTR) if found < 0 and ctypes.get_errno() == errno.EINTR else original(obj, *args)


@FAULTS.fault("socket.sleep", detected_by="interruptions/sleep-goes-on")
def a_sleep_does_not_go_on(_original: Original, seconds: Any = 0, *_: Any) -> Values:
    """A signal that the process handles ends a sleep."""
    ctypes.CDLL(None).poll(None, 0, int(seconds * 1000) + 1)
    return ()
