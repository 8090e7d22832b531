"""Parts of mistakes in ``receive`` of TCP objects: those made for some patterns only, and for long data."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from luasocket_conformance.faults.factories import failed, is_number
from luasocket_conformance.faults.mechanism import Mistake, Original, Values

#: Bytes that LuaSocket reads at once.
BLOCK: Final = 8192


def is_pattern(pattern: Any, kind: bytes) -> bool:
    """Tell whether a pattern is of a kind, as ``*l``."""
    return isinstance(pattern, bytes) and pattern.startswith(kind)


def is_count(pattern: Any) -> bool:
    """Tell whether a pattern is a count, as a number or as digits."""
    return is_number(pattern) or (isinstance(pattern, bytes) and pattern.isdigit())


def _for_patterns(test: Callable[[Any], bool], mistake: Mistake) -> Mistake:
    """Make a mistake with some patterns only; without a pattern it is a line."""

    @wraps(mistake)
    def chosen(original: Original, obj: Any, pattern: Any = None, *rest: Any) -> Values:
        asked = b"*l" if pattern is None else pattern
        return mistake(original, obj, asked, *rest) if test(asked) else original(obj, pattern, *rest)

    return chosen


def for_lines(mistake: Mistake) -> Mistake:
    """Make a mistake only where a line is received."""
    return _for_patterns(lambda pattern: is_pattern(pattern, b"*l"), mistake)


def for_all(mistake: Mistake) -> Mistake:
    """Make a mistake only with ``*a``."""
    return _for_patterns(lambda pattern: is_pattern(pattern, b"*a"), mistake)


def for_counts(mistake: Mistake) -> Mistake:
    """Make a mistake only with a count."""
    return _for_patterns(is_count, mistake)


def changes_long_data(change: Callable[[bytes], bytes]) -> Mistake:
    """Change data that is longer than a block, in a success or a failure: ``change(data)``."""

    @wraps(change)
    def mistake(original: Original, *args: Any) -> Values:
        return tuple(
            change(value) if isinstance(value, bytes) and len(value) > BLOCK else value for value in original(*args)
        )

    return mistake


def data_of(results: Values) -> bytes:
    """Return the data or the partial result of ``receive``."""
    data = results[2] if failed(results) else results[0]
    return data if isinstance(data, bytes) else b""


def changes_received_count(change: Callable[[Values, Values, float], float]) -> Mistake:
    """Change the count of received bytes: ``change(arguments, results, count before)``."""

    @wraps(change)
    def mistake(original: Original, obj: Any, *args: Any) -> Values:
        before = original.method(obj, "getstats")[0]
        results = original(obj, *args)
        original.method(obj, "setstats", change(args, results, before))
        return results

    return mistake


def read_raw_line(original: Original, obj: Any, prefix: bytes, end: bytes) -> Values:
    """Read a line byte by byte, and return it with its end; or the results of a failure."""
    line = b""
    while not line.endswith(end):
        results = original(obj, 1)
        if failed(results):
            return (*results[:2], prefix + line)
        line += results[0]
    return prefix + line, None, None


def ends_lines_at(ends: tuple[bytes, ...]) -> Mistake:
    """End a line at other bytes."""

    def mistake(original: Original, obj: Any, _pattern: Any, prefix: Any = b"", *_rest: Any) -> Values:
        line = b""
        while not line.endswith(ends):
            results = original(obj, 1)
            if failed(results):
                return (*results[:2], (prefix or b"") + line.replace(b"\r", b""))
            line += results[0]
        return (prefix or b"") + line[:-1].replace(b"\r", b""), None, None

    return for_lines(mistake)
