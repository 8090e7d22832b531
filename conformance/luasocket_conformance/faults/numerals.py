"""Faulty ports that the behaviours of ``numerals.yaml`` detect: strings are read otherwise than Lua reads them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from luasocket_conformance.faults.factories import STREAMS, replace_at
from luasocket_conformance.faults.factories.select import first_result, listed, numbered
from luasocket_conformance.faults.mechanism import Faults, Mistake, Original, Values

FAULTS = Faults(__name__, also_fails=(*STREAMS, "udp", "endpoints", "module", "select"), deadline=1.0)


class _Argument(NamedTuple):
    """A number among the arguments of functions.

    Attributes
    ----------
    targets
        The functions.
    at
        Its position.
    numerals, others
        The behaviours of strings that are numerals, and of those that are not.
    cuts
        Whether its fraction is cut off.
    option
        The names of options, if it is the value of one; of ``linger`` it is the field timeout.
    """

    targets: tuple[str, ...]
    at: int
    numerals: str
    others: str
    cuts: bool = True
    option: tuple[bytes, ...] = ()


_ARGUMENTS: Final = {
    "size": _Argument(
        ("udp:receive",), 2, "numerals/size-of-a-datagram", "numerals/no-numeral-for-one-argument/receive-udp-*"
    ),
    "size-from": _Argument(
        ("udp:receivefrom",),
        2,
        "numerals/size-of-a-datagram-from",
        "numerals/no-numeral-for-one-argument/receivefrom-*",
    ),
    "number-of-bytes": _Argument(("tcp:receive",), 2, "numerals/bytes-to-receive", ""),
    "first-position": _Argument(("tcp:send",), 3, "numerals/position-to-send-from", "numerals/no-numeral-to-send-from"),
    "last-position": _Argument(("tcp:send",), 4, "numerals/position-to-send-to", "numerals/no-numeral-to-send-to"),
    "keepalive": _Argument(
        ("tcp:setoption",),
        3,
        "numerals/number-of-an-option",
        "",
        option=(b"tcp-keepidle", b"tcp-keepcnt", b"tcp-keepintvl"),
    ),
    "hops": _Argument(
        ("udp:setoption",),
        3,
        "numerals/number-of-hops",
        "numerals/no-numeral-is-option-zero",
        option=(b"ipv6-unicast-hops", b"ipv6-multicast-hops"),
    ),
    "ttl": _Argument(("udp:setoption",), 3, "numerals/time-to-live", "", option=(b"ip-multicast-ttl",)),
    "linger": _Argument(
        ("tcp:setoption",), 3, "numerals/seconds-of-linger", "numerals/no-numeral-for-linger", option=(b"linger",)
    ),
    "descriptor": _Argument(("tcp:setfd", "udp:setfd"), 2, "numerals/number-of-a-descriptor", ""),
    "timeout": _Argument(
        ("tcp:settimeout", "udp:settimeout"),
        2,
        "numerals/seconds-of-a-timeout",
        "numerals/no-numeral-for-one-argument/settimeout*",
        cuts=False,
    ),
    "timeout-of-select": _Argument(
        ("socket.select",), 3, "numerals/timeout-of-select", "numerals/no-numeral-for-select", cuts=False
    ),
    "skip": _Argument(
        ("socket.skip",), 1, "numerals/arguments-to-skip", "numerals/no-numeral-for-the-module/skip-*", cuts=False
    ),
    "sleep": _Argument(
        ("socket.sleep",), 1, "numerals/seconds-to-sleep", "numerals/no-numeral-for-the-module/sleep-*", cuts=False
    ),
    "backlog": _Argument(("tcp:listen",), 2, "", "numerals/no-numeral-for-one-argument/listen-*"),
}


def _reads(argument: _Argument, read: Callable[[Original, bytes], Any]) -> Mistake:
    """Read a string in place of the number in another way."""

    def mistake(original: Original, *args: Any) -> Values:
        def change(value: Any) -> Any:
            if isinstance(value, dict):
                table = original.api.Table(value)
                for key in (b"timeout", "timeout"):
                    if isinstance(value.get(key), bytes):
                        table[key] = read(original, value[key])
                return table
            return read(original, value) if isinstance(value, bytes) else value

        if argument.option and args[1:2] and args[1] not in argument.option:
            return original(*args)
        return original(*replace_at(args, argument.at, change))

    return mistake


def _rounded(_original: Original, text: bytes) -> Any:
    """Round a decimal fraction instead of cutting it off."""
    return math.floor(float(text) + 0.5) if re.fullmatch(rb"[0-9]+\.[0-9]+", text) else text


def _decimal(original: Original, text: bytes) -> Any:
    """Take digits alone, perhaps with a point among them."""
    if re.fullmatch(rb"-?(0|[1-9][0-9]*)(\.[0-9]+)?", text) or not re.search(rb"[0-9]", text):
        return text
    raise original.api.LuaError(b"number expected, got string")


def _leading_digits(_original: Original, text: bytes) -> Any:
    """Take the number at the beginning of a string, and 0 if there is none."""
    try:
        float(text)
    except ValueError:
        found = re.match(rb"\s*([-+]?[0-9]+)", text)
        return int(found[1]) if found else 0
    return text


for _word, _argument in _ARGUMENTS.items():
    if _argument.numerals:
        FAULTS.add(
            f"{_word}-wants-decimal-digits",
            "A numeral is refused if there is more in it than decimal digits and a point.",
            _argument.targets,
            _reads(_argument, _decimal),
            detected_by=_argument.numerals,
        )
    if _argument.numerals and _argument.cuts:
        FAULTS.add(
            f"{_word}-rounds-numerals",
            "The fraction of a numeral is rounded, not cut off.",
            _argument.targets,
            _reads(_argument, _rounded),
            detected_by=_argument.numerals,
        )
    if _argument.others:
        FAULTS.add(
            f"{_word}-reads-leading-digits",
            "A string that is no numeral counts as the digits at its beginning, or as 0.",
            _argument.targets,
            _reads(_argument, _leading_digits),
            detected_by=_argument.others,
        )


def _reads_getfd(read: Callable[[Original, bytes], Any]) -> Mistake:
    """Read a string that the getfd of an object returns in another way."""

    def mistake(original: Original, readers: Any = None, writers: Any = None, *rest: Any) -> Values:
        kept = []
        for value in listed(writers):
            found = first_result(original, value, "getfd")
            if isinstance(found, bytes) and not isinstance(read(original, found), bytes):
                continue
            kept.append(value)
        return original(readers, numbered(kept) if isinstance(writers, dict) else writers, *rest)

    return mistake


FAULTS.add(
    "select-wants-numbers",
    "An object whose getfd returns a string is passed over.",
    "socket.select",
    _reads_getfd(lambda _original, text: None),
    detected_by="numerals/descriptor-of-a-foreign-object",
)


@FAULTS.fault("socket.select", detected_by="numerals/no-descriptor-of-a-foreign-object")
def select_reads_leading_digits(original: Original, readers: Any = None, writers: Any = None, *rest: Any) -> Values:
    """A string that getfd returns is the descriptor that its first digits say."""
    ready = [
        value
        for value in listed(writers)
        if isinstance(found := first_result(original, value, "getfd"), bytes)
        and not re.fullmatch(rb"[ \t]*\+?[0-9]+(\.[0-9]+|e[0-9]+)?\s*", found)
    ]
    if ready:
        table = original.api.Table()
        table[1], table[ready[0]] = ready[0], 1.0
        return (original.api.Table(), table)
    return original(readers, writers, *rest)
