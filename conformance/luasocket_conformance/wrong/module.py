"""What porters get wrong in the module as a whole, and in its functions that know no sockets.

What lives here: mistakes of the constants, ``skip``, ``gettime``, ``sleep`` and the helper module. What may not: how
they are put in place (``mechanism``).
"""

from __future__ import annotations

import time
from typing import Any

from luasocket_conformance.wrong.factories import (
    STREAMS,
    argument,
    instead,
    is_number,
    refuses,
    result,
    success,
)
from luasocket_conformance.wrong.mechanism import ABSENT, Chapter, Constant, Right, Values

_CHAPTER = Chapter(__name__, ("except", "select"))
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


# -- more of the module -----------------------------------------------------------------------------------------------

#: By function and constant: where it is missed.
_FIELDS = {
    "tcp4": "tcp/create",
    "tcp6": "tcp/create",
    "udp4": "udp/create",
    "udp6": "udp/create",
    "select": "select",
    "gettime": "module/gettime-epoch",
    "sleep": "module/sleep-freezes",
    "skip": "module/skip",
    "connect": "connect",
    "_SETSIZE": "module/setsize",
    "_DATAGRAMSIZE": "module/datagramsize",
    "_SOCKETINVALID": "module/socketinvalid",
    "BLOCKSIZE": "source/blocksize",
}
for _name, _noticed in _FIELDS.items():
    _add(
        f"{_name.strip('_').lower()}-is-absent",
        "It is not there.",
        f"socket.{_name}",
        ABSENT,
        caught_by=(_noticed,),
        also=(*STREAMS, "udp"),
    )
for _name, _value in {"_DATAGRAMSIZE": 65507, "_SOCKETINVALID": 0, "BLOCKSIZE": 8192}.items():
    _add(
        f"{_name.strip('_').lower()}-is-{_value}",
        "The constant has another value.",
        f"socket.{_name}",
        Constant(_value),
        caught_by=(_FIELDS[_name],),
    )
_add(
    "setsize-is-64",
    "The constant has another value.",
    "socket._SETSIZE",
    Constant(64),
    caught_by=("module/setsize-on-linux",),
)
_add(
    "setsize-is-a-string",
    "The constant is a string.",
    "socket._SETSIZE",
    Constant(b"1024"),
    caught_by=("module/setsize",),
)
_add(
    "skip-counts-from-zero",
    "One argument fewer is dropped.",
    "socket.skip",
    lambda right, count=None, *rest: right(max(count - 1, 0) if is_number(count) else count, *rest),
    caught_by=("module/skip-nil",),
)
_add(
    "skip-refuses-negatives",
    "A negative count raises.",
    "socket.skip",
    refuses(1, lambda count: is_number(count) and count < 0),
    caught_by=("module/skip-minus-one",),
)
_add(
    "skip-refuses-large-counts",
    "A count beyond the arguments raises.",
    "socket.skip",
    lambda right, *args: right(*args) if not args or not is_number(args[0]) or args[0] < len(args) else _raise(right),
    caught_by=("module/skip-more-than-given",),
)
_add(
    "skip-wants-a-number",
    "A count that is a string raises.",
    "socket.skip",
    refuses(1, lambda count: isinstance(count, bytes)),
    caught_by=("module/skip-numeric-string",),
)
_add(
    "skip-counts-from-the-end",
    "A negative count counts from the end.",
    "socket.skip",
    lambda right, count=None, *rest: rest[count:] if is_number(count) and count < 0 else right(count, *rest),
    caught_by=("module/skip-minus-one",),
)
_add(
    "skip-drops-the-last-nils",
    "Nils at the end are dropped.",
    "socket.skip",
    success(
        lambda results: results[
            : max((number for number, value in enumerate(results, 1) if value is not None), default=0)
        ]
    ),
    caught_by=("module/skip-nil",),
)
_add(
    "skip-takes-nil-for-zero",
    "The count nil is 0.",
    "socket.skip",
    lambda right, count=None, *rest: right(0 if count is None else count, *rest),
    caught_by=("module/skip-wrong-count",),
)
_add(
    "gettime-is-whole",
    "The time is in whole seconds.",
    "socket.gettime",
    result(1, lambda seconds: float(int(seconds))),
    caught_by=("module/gettime-counts-seconds",),
)
_add(
    "gettime-is-a-string",
    "The time is a string.",
    "socket.gettime",
    result(1, lambda seconds: str(seconds).encode()),
    caught_by=("module/gettime-epoch",),
)
_add(
    "gettime-has-two-results",
    "Seconds and microseconds are two results.",
    "socket.gettime",
    success(lambda results: (results[0] // 1, results[0] % 1)),
    caught_by=("module/gettime-epoch",),
)
_add(
    "gettime-counts-from-the-start",
    "The time counts from the start of the machine.",
    "socket.gettime",
    lambda right, *args: (time.monotonic(),),
    caught_by=("module/gettime-epoch",),
)
_add(
    "gettime-goes-back",
    "The time goes backwards.",
    "socket.gettime",
    result(1, lambda seconds: 3.5e9 - seconds),
    caught_by=("module/gettime-goes-on",),
)
_add(
    "sleep-returns-one",
    "The result is 1.",
    "socket.sleep",
    lambda right, *args: (right(*args), (1,))[1],
    caught_by=("module/sleep-freezes",),
)
_add(
    "sleep-refuses-negatives",
    "A negative time raises.",
    "socket.sleep",
    refuses(1, lambda seconds: is_number(seconds) and seconds < 0),
    caught_by=("module/sleep-not-at-all",),
)
_add(
    "sleep-takes-the-absolute",
    "A negative time is taken for its absolute value.",
    "socket.sleep",
    argument(1, lambda seconds: min(abs(seconds), 3) if is_number(seconds) else seconds),
    caught_by=("module/sleep-not-at-all",),
)
_add(
    "sleep-wants-a-number",
    "A time that is a string raises.",
    "socket.sleep",
    refuses(1, lambda seconds: isinstance(seconds, bytes)),
    caught_by=("module/sleep-wrong-argument",),
)
_add(
    "sleep-needs-no-time",
    "Without a time it returns at once.",
    "socket.sleep",
    lambda right, seconds=None, *rest: () if seconds is None else right(seconds, *rest),
    caught_by=("module/sleep-wrong-argument",),
)
_add(
    "sleep-is-a-thousandfold",
    "The time to sleep is taken for milliseconds by the caller, and made a thousand times as long.",
    "socket.sleep",
    argument(1, lambda seconds: seconds * 1000 if is_number(seconds) else seconds),
    caught_by=("module/sleep-freezes",),
    deadline=1.0,
)


def _raise(right: Right) -> Values:
    raise right.api.LuaError(b"bad argument #1 to 'skip'")
