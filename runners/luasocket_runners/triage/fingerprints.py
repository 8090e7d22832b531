"""Describes a failure so that the same failure in another run, or on another machine, has the same description."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator, Sequence
from typing import Final

from luasocket_spec.model import Returns, SpecValue, Subtype

from luasocket_runners import notation
from luasocket_runners.result import Observation, Result
from luasocket_runners.values import LuaTable, LuaValue

__all__ = ["fingerprint", "without_numbers", "without_varying_numbers"]

#: Hexadecimal digits of a fingerprint: two failures of one behaviour are not confused by accident.
_DIGITS: Final = 8
#: Addresses in memory, and paths with line numbers.
_PLACES: Final = r"0x[0-9a-fA-F]+|(?:\.{0,2}/[^\s:\"']+)(?::\d+)?|\[?[\w./=-]+\.lua\"?\]?:\d+"
#: These, IP addresses, and numbers.
_NUMBERS: Final = re.compile(rf"{_PLACES}|\d+(?:\.\d+)+|\d+(?:e[-+]?\d+)?")
#: Numbers in a text that differ from run to run, or from machine to machine: also IP addresses, fractions such as
#: times, whole seconds, descriptors, and how often a peer that goes on sending was received. The addresses of the
#: loopback interface, and of all interfaces, are the same everywhere.
_VARYING: Final = re.compile(
    rf"{_PLACES}"
    r"|(?<![\d.])(?!(?:127\.0\.0\.\d+|0\.0\.0\.0)(?![\d.]))\d+(?:\.\d+)+"
    r"|\d+(?:\.\d+)?e[-+]?\d+"
    r"|(?i:\b[0-9a-f]{1,4}(?::{1,2}[0-9a-f]{1,4}){3,}\b)"
    r"|\d+(?= ?(?:m?s|seconds?|milliseconds?)\b)"
    r"|(?i:(?<=fd)|(?<=descriptor)|(?<=socket)|(?<=port)|(?<=pid))\W{0,3}\d+"
    r"|(?<=:rep\()\d+"
    r"|(?<![\d.])\d{4,}"
)
#: Numbers from this one on may be ports: values that are compared with a constant count something up to here.
_LOWEST_EPHEMERAL_PORT: Final = 10_000
#: The beginning of the text for a step that asks the system for an option, and a number that it sets by itself.
_OF_THE_SYSTEM: Final = "the system's "
_UNTOUCHED: Final = re.compile(r"-?\d+(?=, as nobody has set it$)")
#: The methods that return a port, and the one that returns a descriptor: no number that they return is a count.
_WITHOUT_COUNTS: Final = frozenset({"getfd", "getpeername", "getsockname", "receivefrom"})
_MARK: Final = "#"


def without_numbers(text: str, mark: str = _MARK) -> str:
    """Return a text in which addresses, paths and numbers are replaced by a mark."""
    return _NUMBERS.sub(mark, text)


def without_varying_numbers(text: str, mark: str = _MARK) -> str:
    """Return a text in which addresses, paths, and numbers that may be ports, times or descriptors are replaced."""
    return _VARYING.sub(mark, text)


def fingerprint(result: Result) -> str:
    """Return a short text for the step at which a behaviour failed and the outcome there.

    Addresses, numbers of ports, descriptors, times and paths do not matter; names, texts of errors, the number of
    values and counts do.
    """
    outcome = result.returned if result.returned is not None else result.reason
    seen = result.observation
    if seen is not None and not seen.hangs and result.missing is None:
        # the values themselves show which numbers are counts, the text which objects they are
        outcome = "\n".join((without_numbers(outcome), *_values(seen)))
    else:
        outcome = _outcome(result.call, outcome)
    call = without_numbers(result.call) if ":setfd(" in result.call else without_varying_numbers(result.call)
    described = "\n".join((result.verdict.value, result.fixture or "", call, outcome))
    return hashlib.sha256(described.encode("utf-8", "surrogateescape")).hexdigest()[:_DIGITS]


def _outcome(call: str, outcome: str) -> str:
    """Return an outcome without the numbers that vary; the options that a program sets do not."""
    if call.startswith(_OF_THE_SYSTEM) and re.match(r"-?\d+(,|$)", outcome):
        return _UNTOUCHED.sub(_MARK, outcome)
    return without_varying_numbers(outcome)


def _values(seen: Observation) -> Iterator[str]:
    """Yield a description of each value in a reply."""
    if seen.returns is None:
        yield _value(seen.raises, None, counts=False)
        return
    counts = seen.function.rpartition(":")[2] not in _WITHOUT_COUNTS
    expected: Sequence[SpecValue] = seen.expected.values if isinstance(seen.expected, Returns) else ()
    for place, value in enumerate(seen.returns):
        # a number that LuaSocket does not return is a time, for all that is known
        is_known = place < len(expected)
        yield _value(value, expected[place] if is_known else None, counts=counts and is_known)


def _value(value: LuaValue, expected: SpecValue, *, counts: bool) -> str:
    if isinstance(value, bytes):
        return without_varying_numbers(notation.string(value))
    if isinstance(value, LuaTable):
        return " ".join(
            f"{_value(key, 0, counts=counts)}={_value(item, 0, counts=counts)}" for key, item in value.entries
        )
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    # a matcher allows several numbers, because they differ from run to run
    number = expected.number if isinstance(expected, Subtype) else expected
    has_constant = number is None or isinstance(number, bool | int | float | bytes)
    is_count = counts and has_constant and abs(value) < _LOWEST_EPHEMERAL_PORT and math.floor(value) == value
    return str(int(value)) if is_count else _MARK
