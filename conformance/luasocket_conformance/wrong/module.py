"""What porters get wrong in the module as a whole, and in its functions that know no sockets.

What lives here: mistakes of the constants, ``skip``, ``gettime``, ``sleep`` and the helper module. What may not: how
they are put in place (``mechanism``).
"""

from __future__ import annotations

from typing import Any

from luasocket_conformance.wrong.factories import argument, instead, is_number, result, success
from luasocket_conformance.wrong.mechanism import ABSENT, Chapter, Constant, Right, Values

_CHAPTER = Chapter(__name__)
_add = _CHAPTER.add


_add(
    "udp-is-missing",
    "There is no UDP.",
    "socket.udp*",
    ABSENT,
    "module/tcp-udp",
    also=("udp", "select", "helper", "tcp"),
)
_add(
    "tcp-is-missing",
    "There is no TCP.",
    "socket.tcp*",
    ABSENT,
    "module/tcp-udp",
    "module/namespace",
    also=("tcp", "select", "helper", "except", "udp", "connect", "sink", "source"),
)
_add("version-is-false", "The version is false.", "socket._VERSION", Constant(False), "_VERSION/*")
_add("version-is-empty", "The version names nothing.", "socket._VERSION", Constant(b""), "_VERSION/current")
_add(
    "setsize-has-no-limit",
    "The number of sockets for select is a million.",
    "socket._SETSIZE",
    Constant(1_000_000),
    "_SETSIZE/most-for-select",
    "select/limit-range",
    also=("select", "udp/select"),
)

_add(
    "helper-bind-is-missing",
    "The helper module adds nothing: there is no bind.",
    "socket.bind",
    ABSENT,
    "helper/adds-functions",
    also=("tcp/system-options",),
)
_add("helper-connect4-is-missing", "There is no connect4.", "socket.connect4", ABSENT, "helper/adds-functions")
_add("helper-connect6-is-missing", "There is no connect6.", "socket.connect6", ABSENT, "helper/adds-functions")

_add(
    "skip-counts-itself",
    "The count is one of the arguments that are dropped.",
    "socket.skip",
    argument(1, lambda count: count - 1 if is_number(count) else count),
    "skip/drops",
    "skip/count-first",
    "skip/example",
    "skip/returns-rest",
    also=("except",),
)
_add(
    "skip-returns-one",
    "Only the first of the remaining arguments is returned.",
    "socket.skip",
    success(lambda results: results[:1]),
    "skip/returns-rest",
    "skip/example",
)
_add(
    "skip-drops-nils",
    "Arguments that are nil are dropped, too.",
    "socket.skip",
    lambda right, *args: tuple(value for value in right(*args) if value is not None),
    "skip/returns-rest",
)

_add(
    "gettime-is-in-milliseconds",
    "The time is in milliseconds.",
    "socket.gettime",
    result(1, lambda seconds: seconds * 1000),
    "gettime/epoch",
    caught_by=("module/gettime-epoch",),
)
_add(
    "gettime-is-in-hundreds",
    "The time goes on every hundred seconds.",
    "socket.gettime",
    result(1, lambda seconds: seconds // 100 * 100),
    "gettime/seconds",
    "gettime/difference",
)
_add(
    "gettime-counts-from-2000",
    "The time counts from another year.",
    "socket.gettime",
    result(1, lambda seconds: seconds - 946684800),
    "gettime/epoch",
)
_add(
    "gettime-stands-still",
    "The time is always the same.",
    "socket.gettime",
    instead(1_700_000_000.5),
    "gettime/difference",
)

_add(
    "sleep-is-in-milliseconds",
    "The time to sleep is taken as milliseconds.",
    "socket.sleep",
    argument(1, lambda seconds: seconds / 1000 if is_number(seconds) else seconds),
    "sleep/freezes",
    "sleep/seconds",
    caught_by=("module/sleep-freezes",),
)
_add("sleep-returns-at-once", "It does not wait.", "socket.sleep", instead(), "sleep/*")


@_CHAPTER.wrong("socket.sleep", violates=("sleep/seconds",))
def sleep_wants_whole_seconds(right: Right, seconds: Any = None, *rest: Any) -> Values:
    """The fraction of the time to sleep is lost."""
    return right(int(seconds) if is_number(seconds) and abs(seconds) < 1e9 else seconds, *rest)
