"""Numbers: how Lua reads and writes them, and how C converts them to integers on x86-64.

C does not define the conversion of a number that is out of range. Here it is that of x86-64.
"""

from __future__ import annotations

import math
import re
from typing import Any

from luasocket_reference.lua_version import LuaVersion

__all__ = ["SIZES", "as_int", "as_long", "as_size", "format_number", "from_size", "to_int", "to_number"]

_NUMERAL = re.compile(
    rb"""[ \f\n\r\t\v]*
    (?P<sign>[-+]?)
    (?: 0[xX](?P<hexadecimal>[0-9a-fA-F]+)
      | (?P<hexadecimal_float>0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)(?:[pP][-+]?[0-9]+)?)
      | 0[bB](?P<binary>[01]+)
      | (?P<decimal>[0-9]+)
      | (?P<decimal_float>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)
      | (?P<infinity>inf(?:inity)?)
      | (?P<nan>nan(?P<payload>\([0-9a-zA-Z_]*\))?) )
    [ \f\n\r\t\v]*""",
    re.VERBOSE | re.IGNORECASE,
)

#: The number of values that C's ``size_t`` has.
SIZES = 0x1_0000_0000_0000_0000

#: The first numbers that are too large for C's ``int`` and ``long``.
_INT_END, _LONG_END = 0x8000_0000, 0x8000_0000_0000_0000

#: The most digits, leading zeros apart, of a decimal numeral that can be an integer of Lua.
_INTEGER_DIGITS = 19


def _in_double(number: int) -> float:
    """Return an integer as a double, which is infinite where the integer is too large."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def _parse(text: bytes, lua: LuaVersion) -> int | float | None:
    """Return the number that a string is a numeral of; None if it is no numeral."""
    if lua.numerals_of_c:
        text = text.partition(b"\0")[0]
    match = _NUMERAL.fullmatch(text)
    if match is None:
        return None
    magnitude = _magnitude(match, lua)
    if magnitude is None or match["sign"] != b"-":
        return magnitude
    if isinstance(magnitude, int):
        return _wrap(-magnitude)
    return -magnitude


def _magnitude(match: re.Match[bytes], lua: LuaVersion) -> int | float | None:
    """Return the number of a numeral without its sign; None if this version of Lua does not have the numeral."""
    if match["hexadecimal"] is not None:
        number = int(match["hexadecimal"], 16)
        return _wrap(number) if lua.has_integers else _in_double(number)
    if match["hexadecimal_float"] is not None:
        try:
            return float.fromhex(match["hexadecimal_float"].decode("ascii"))
        except OverflowError:
            return math.inf
    if match["binary"] is not None:
        return _in_double(int(match["binary"], 2)) if lua.special_numerals else None
    if match["decimal"] is not None:
        digits = match["decimal"].lstrip(b"0")
        if lua.has_integers and len(digits) <= _INTEGER_DIGITS:
            number = int(digits or b"0")
            # The least integer is the only one whose magnitude is none.
            if number < _LONG_END + (match["sign"] == b"-"):
                return number
        return float(match["decimal"])
    if match["decimal_float"] is not None:
        return float(match["decimal_float"])
    if not (lua.numerals_of_c or lua.special_numerals) or (match["payload"] is not None and not lua.numerals_of_c):
        return None
    return math.nan if match["infinity"] is None else math.inf


def _wrap(number: int) -> int:
    """Return an integer as Lua's integers hold it: modulo 2^64, from -2^63 on."""
    return (number + _LONG_END) % SIZES - _LONG_END


def to_number(value: Any, lua: LuaVersion) -> int | float | None:
    """Return a value as a number: a number itself, or a string that is a numeral; None for all else."""
    if isinstance(value, float):
        return value
    if isinstance(value, int):
        if isinstance(value, bool):
            return None
        return value if -_LONG_END <= value < _LONG_END else _in_double(value)
    return _parse(value, lua) if isinstance(value, bytes) else None


def format_number(number: int | float, lua: LuaVersion) -> bytes:
    """Return a number as Lua writes it."""
    if isinstance(number, int) and lua.has_integers and -_LONG_END <= number < _LONG_END:
        return b"%d" % number
    number = _in_double(number) if isinstance(number, int) else number
    if math.isnan(number):
        return b"-nan" if lua.shows_sign_of_nan and math.copysign(1, number) < 0 else b"nan"
    text = f"{number:.{lua.digits}g}"
    if lua.needed_digits and float(text) != number:
        text = f"{number:.17g}"
    if lua.has_integers and text.lstrip("-").isdigit():
        text += ".0"
    return text.encode("ascii")


def _truncate(number: int | float, end: int) -> int:
    """Return a number as a signed C integer that is less than `end`; a number out of range becomes the least one."""
    return int(number) if -end <= number < end else -end


def as_int(number: int | float) -> int:
    """Return a double as C's ``int``."""
    return _truncate(number, _INT_END)


def as_long(number: int | float) -> int:
    """Return a double as C's ``long``."""
    return _truncate(number, _LONG_END)


def as_size(number: int | float) -> int:
    """Return a double as C's ``size_t``: negative numbers wrap around, and infinity is 0."""
    return 0 if number >= SIZES else as_long(number) % SIZES


def to_int(number: int) -> int:
    """Return an integer as C's ``int``: its lower 32 bits."""
    return (number + _INT_END) % (2 * _INT_END) - _INT_END


def from_size(number: int) -> float:
    """Return C's ``size_t`` as LuaSocket gives it to Lua: as a double."""
    return float(number)
