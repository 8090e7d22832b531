"""Level 0 for select: shapes, and which objects it cannot leave out or return by what the program did before."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Final

from luasocket_runners.judge.ends import Intervals
from luasocket_runners.judge.finding import Finding
from luasocket_runners.judge.rules import LATE, RULES, SLACK
from luasocket_runners.judge.trace import Call, Other, Ref, Trace, is_number, listed, number_of

__all__ = ["Selecting"]

#: Methods that take nothing from an object: it stays ready for reading.
_HARMLESS: Final = frozenset({"dirty", "getsockname", "getpeername", "getstats", "gettimeout", "settimeout", "getfd"})

#: Classes of objects that stay ready until something is read. A server is not among them: on some systems a client that
#: goes away takes its connection out of the queue.
_LASTING: Final = ("tcp{client}", "udp{unconnected}", "udp{connected}")


class Selecting:
    """Knows which objects are closed, and which have something to read."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._by_select = Intervals(trace)
        self._ready: set[int] = set()
        self._closed: set[int] = set()
        self._shared: set[int] = set()  # something else may read from their descriptors

    def note(self, call: Call) -> None:
        """Note a call of an object."""
        number = call.object
        if number is None:
            return
        if call.function in ("close", "__gc"):
            self._closed.add(number)
        elif call.function != "close" and call.class_name and self._reopens(call):
            self._closed.discard(number)
        if call.function in ("setfd", "getfd") and not self._by_select.contain(call):
            self._shared.add(number)
        if call.function == "dirty" and call.results and call.results[0] is True and call.class_name == "tcp{client}":
            self._ready.add(number)
        elif call.function not in _HARMLESS and (call.function != "send" or call.class_name != "tcp{client}"):
            self._ready.discard(number)

    @staticmethod
    def _reopens(call: Call) -> bool:
        """Return whether a call may give a closed object a descriptor again."""
        return call.function in (
            "setfd",
            "connect",
            "bind",
            "listen",
            "sendto",
            "setsockname",
            "setpeername",
            "setoption",
        )

    def judge(self, call: Call, left_alone: Collection[int]) -> Finding | None:
        """Judge a call of select; note its facts about objects."""
        if call.results is None:
            return self._raised(call)
        results = call.results
        tables = results[:2]
        if len(results) not in (2, 3) or not all(isinstance(table, tuple) for table in tables):
            return self._finding(call, "select-tables", "two tables")
        if (len(results) == 3) != (not any(tables)) or (len(results) == 3 and results[2] != b"timeout"):
            return self._finding(call, "select-tables", '"timeout" if both tables are empty')
        for position, table in enumerate(tables, 1):
            found = self._table(call, table, call.arg(position), left_alone)
            if found is not None:
                return found
        found = self._stays(call, listed(call.arg(1)), listed(tables[0]), left_alone)
        return found or self._time(call, is_timeout=len(results) == 3)

    def _raised(self, call: Call) -> Finding | None:
        """Judge an error: those of the program's own functions pass through select."""
        words = (b"bad argument", b"select failed", b"interrupted!", b"not enough memory")
        if isinstance(call.error, bytes) and any(word in call.error for word in words):
            return None
        tables = [dict(value) for value in call.args[:2] if isinstance(value, tuple)]
        is_known = all(isinstance(value, Ref) for table in tables for value in table.values())
        is_plain = not any(isinstance(value, Other) for value in call.args)
        return self._finding(call, "raises", "two tables") if is_known and is_plain else None

    def _finding(
        self, call: Call, rule: str, expected: str, *, about: int | None = None, is_remark: bool = False
    ) -> Finding:
        return Finding(self._trace.file, call, 0, RULES[rule], expected, is_remark, about)

    def _table(self, call: Call, table: Any, given: Any, left_alone: Collection[int]) -> Finding | None:
        """Judge one of the tables that it returned."""
        entries = dict(table)
        for value, position in entries.items():
            if isinstance(value, Ref) and value.number not in left_alone and entries.get(position) != value:
                return self._finding(call, "select-keys", "each object under a position, too", about=value.number)
        known = {value.number for value in dict(given).values() if isinstance(value, Ref)} if given else set()
        for position, value in entries.items():
            if not is_number(position) or not isinstance(value, Ref) or value.number in left_alone:
                continue
            under = entries.get(value)
            if not is_number(under) or entries.get(under) != value:  # one of its positions, if it is there twice
                return self._finding(call, "select-keys", f"the position {position:g} under the object, too")
            if value.number not in known:
                return self._finding(call, "select-given", "objects of the list", about=value.number)
            if value.number in self._closed:
                expected = f"a table without <{value.class_name} {value.number}>, which is closed"
                return self._finding(call, "select-closed", expected, about=value.number)
        return None

    def _stays(
        self, call: Call, given: Iterable[Ref], returned: Iterable[Ref], left_alone: Collection[int]
    ) -> Finding | None:
        """Judge whether objects that were ready are so still."""
        numbers = {ref.number for ref in returned}
        for ref in given:
            if ref.number in self._ready - self._shared - self._closed - numbers and ref.number not in left_alone:
                self._ready.discard(ref.number)
                expected = (
                    f"<{ref.class_name} {ref.number}> in the first table, as nothing was received since it was ready"
                )
                return self._finding(call, "select-stays", expected, about=ref.number)
        self._ready |= {ref.number for ref in given if ref.number in numbers and ref.class_name in _LASTING}
        return None

    def _time(self, call: Call, *, is_timeout: bool) -> Finding | None:
        if not is_timeout:
            return None
        seconds = number_of(call.arg(3))
        if seconds is None or seconds < 0:
            return self._finding(call, "select-timeout", "no timeout")
        if call.took < seconds - SLACK - self._trace.resolution:
            return self._finding(call, "select-timeout", f"a call of at least {seconds:g} s")
        if call.took > seconds + LATE:
            return self._finding(call, "select-timeout", f"a call of about {seconds:g} s", is_remark=True)
        return None
