"""Level 0: rules about the calls of one program, whatever its peers did.

Each rule is checked with the state that the calls before have left: an object's class, its timeouts, and how many
bytes it has returned. After a finding, an object is left alone, because its state is not known any more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from luasocket_runners.judge import answers
from luasocket_runners.judge.finding import Finding
from luasocket_runners.judge.memory import Addresses, Counts, Options
from luasocket_runners.judge.refusals import Refusals, is_of_another_class, is_plain
from luasocket_runners.judge.rules import LATE, RULES, SLACK
from luasocket_runners.judge.selecting import Selecting
from luasocket_runners.judge.trace import Call, Ref, Trace, is_number, number_of

__all__ = ["OneEnd"]

#: Bytes of a datagram that receive returns at most if no size is given.
_DEFAULT_SIZE: Final = 8192

_CLIENT, _SERVER = "tcp{client}", "tcp{server}"


@dataclass
class _State:
    """What is known of an object."""

    block: float = -1.0
    total: float = -1.0
    has_limits: bool = True  # the timeouts are known
    is_closed: bool = False
    is_foreign: bool = False  # its descriptor was given to it by setfd
    counts: Counts = field(default_factory=Counts)
    addresses: Addresses = field(default_factory=Addresses)
    options: Options = field(default_factory=Options)

    def note(self, call: Call) -> None:
        """Note a call of the object."""
        self.addresses.note(call)
        self.options.note(call)

    @property
    def limit(self) -> float:
        """Seconds after which a call times out, negative for none; two limits together bound waits, not the call."""
        return max(self.block, self.total) if min(self.block, self.total) < 0 else min(self.block, self.total)


def _is_one(results: tuple[Any, ...]) -> bool:
    """Return whether the only result is the number 1; true is another value in Lua, but not in Python."""
    return len(results) == 1 and is_number(results[0]) and results[0] == 1


def _is_stopped(call: Call) -> bool:
    """Return whether a call ended for a reason that has nothing to do with it."""
    words = (b"interrupted!", b"not enough memory")
    return isinstance(call.error, bytes) and any(word in call.error for word in words)


def _is_unsupported(refused: str, error: Any) -> bool:
    """Return whether an option is one that a system, or another release, may lack."""
    return "unsupported option" in refused or (isinstance(error, bytes) and b"unsupported option" in error)


def _failed(results: tuple[Any, ...]) -> bool:
    return len(results) == 2 and results[0] is None and isinstance(results[1], bytes)


class OneEnd:
    """Judges the calls of one trace, in order.

    Parameters
    ----------
    trace
        Of a program.
    dialect
        A name of the reference's dialects.
    """

    def __init__(self, trace: Trace, dialect: str = "luasocket-3") -> None:
        self._trace = trace
        self._slack = SLACK + trace.resolution
        self._refusals = Refusals(dialect, trace.lua)
        self._states: dict[int, _State] = {}
        self._left_alone: set[int] = set()
        self._selecting = Selecting(trace)
        self.judged = 0  #: results that a rule was applied to

    def findings(self) -> Iterator[Finding]:
        """Judge all calls."""
        for call in self._trace.calls:
            if call.function == "select":
                self.judged += 1
                found = self._selecting.judge(call, self._left_alone)
            elif call.object in self._left_alone:
                continue
            else:
                found = self._judge(call)
                self._selecting.note(call)
            if found is not None:
                yield found
                if found.about is not None and not found.is_remark:
                    self._left_alone.add(found.about)

    def _finding(self, call: Call, rule: str, expected: str, *, is_remark: bool = False) -> Finding:
        return Finding(self._trace.file, call, 0, RULES[rule], expected, is_remark, call.object)

    def _judge(self, call: Call) -> Finding | None:
        check = _CHECKS.get(("method " if call.object is not None else "") + call.function)
        if call.object is None:
            self._made(call)
            if check is None:
                return None
            self.judged += 1
            return self._raised(call) or check(self, call, _State(), call.results or ())
        state = self._states.setdefault(call.object, _State())
        try:
            refused = self._refusals.ask(call)
            if check is None and refused is None:
                return None
            self.judged += 1
            found = self._refused(call, refused)
            if found is not None or call.results is None or check is None:
                return found
            return check(self, call, state, call.results) or self._timeouts(call, state)
        finally:
            state.note(call)

    def _made(self, call: Call) -> None:
        """Note an object that a function of the module has made."""
        made = call.results[0] if call.results else None
        if isinstance(made, Ref) and made.number not in self._states:
            state = self._states.setdefault(made.number, _State())
            state.counts.made = (call.at, call.at + call.took)
            state.note(call)

    def _refused(self, call: Call, refused: str | None) -> Finding | None:
        """Judge whether a call of a method raised; `refused` is the reference's message, "" for none."""
        is_about_options = call.function in ("getoption", "setoption")
        if refused is None or (is_about_options and _is_unsupported(refused, call.error)):
            return self._raised(call)
        if call.results is None:
            if _is_stopped(call) or is_of_another_class(call):
                return None
            if refused.endswith(" expected") and isinstance(call.error, bytes):  # of the wrong class
                is_named = refused.encode() in call.error
                return None if is_named else self._finding(call, "raises", f'an error with "{refused}"')
            return None if refused else self._finding(call, "raises", "results")
        return self._finding(call, "raises", f'an error with "{refused}"') if refused else None

    def _raised(self, call: Call) -> Finding | None:
        """Judge an error of a call whose arguments are not judged: it has to be one about them."""
        if call.results is not None or _is_stopped(call):
            return None
        if not isinstance(call.error, bytes):
            return self._finding(call, "raises", "results, or an error with a message") if is_plain(call) else None
        words = (b"bad argument", b"bad self", b"select failed", b"cannot be both nil")
        if any(word in call.error for word in words) or (b"attempt to" in call.error and not is_plain(call)):
            return None
        return self._finding(call, "raises", "results")

    # Checks: each gets the call, the object's state, and the results

    def _timeouts(self, call: Call, state: _State) -> Finding | None:
        results = call.results or ()
        if len(results) < 2 or results[1] != b"timeout" or call.function in ("getoption", "setoption"):
            return None
        limit = state.limit
        if not state.has_limits:
            return None
        if limit < 0:
            # the system has limits of its own for connections, which LuaSocket also calls "timeout"
            waits = call.function in ("accept", "receivefrom") or call.class_name.startswith("udp")
            return self._finding(call, "timeout-unset", "no timeout") if waits else None
        if call.took < limit - self._slack and call.function != "connect":
            return self._finding(call, "timeout-least", f"a call of at least {limit:g} s")
        if call.took > limit + LATE:
            return self._finding(call, "timeout-most", f"a call of about {limit:g} s", is_remark=True)
        return None

    def receive(self, call: Call, state: _State, results: tuple[Any, ...]) -> Finding | None:
        """Judge ``client:receive``."""
        if len(results) != 3:
            return self._finding(call, "receive-shape", "3 values")
        data, message, partial = results
        prefix = call.arg(2) if isinstance(call.arg(2), bytes) else b""
        succeeded = isinstance(data, bytes) and message is None and partial is None
        failed = data is None and isinstance(message, bytes) and isinstance(partial, bytes)
        if not (succeeded or failed):
            return self._finding(call, "receive-shape", "data, nil, nil, or nil, a message, and a string")
        text: bytes = data if succeeded else partial
        if call.arg(2) is None or isinstance(call.arg(2), bytes):
            if not text.startswith(prefix):
                return self._finding(call, "receive-prefix", "a result that begins with the prefix")
        else:
            state.counts.are_set = True  # a number as prefix is written as Lua writes it
            return None
        if state.is_closed and failed and message != b"closed":
            return self._finding(call, "closed", 'nil, "closed", and a string')
        state.counts.received += len(text) - len(prefix)
        return self._pattern(call, state, text, prefix, succeeded=succeeded)

    def _pattern(self, call: Call, state: _State, text: bytes, prefix: bytes, *, succeeded: bool) -> Finding | None:
        pattern = b"*l" if call.arg(1) is None else call.arg(1)
        wanted = number_of(pattern)
        if wanted is not None:
            size = max(math.trunc(wanted), len(prefix))
            if succeeded and len(text) != size:
                return self._finding(call, "receive-number", f"{size} bytes")
            if not succeeded and len(text) >= size and size > len(prefix):
                return self._finding(call, "receive-number", f"fewer than {size} bytes")
        elif isinstance(pattern, bytes) and pattern[:2] == b"*l":
            state.counts.is_exact = False
            state.counts.received += succeeded  # the line feed
            line = text[len(prefix) :]
            if b"\n" in line or b"\r" in line:
                return self._finding(call, "receive-line", "a line without line feed and carriage return")
        return None

    def send(self, call: Call, state: _State, results: tuple[Any, ...]) -> Finding | None:
        """Judge ``client:send``."""
        data = call.arg(1)
        first, last = (
            number_of(default if call.arg(position) is None else call.arg(position))
            for position, default in ((2, 1), (3, -1))
        )
        if len(results) != 3:
            return self._finding(call, "send-shape", "3 values")
        index = results[0] if results[0] is not None else results[2]
        succeeded = results[0] is not None
        if not is_number(index) or (succeeded and results[1:] != (None, None)):
            return self._finding(call, "send-shape", "index, nil, nil, or nil, a message, and an index")
        if not succeeded and not isinstance(results[1], bytes):
            return self._finding(call, "send-shape", "nil, a message, and an index")
        if not isinstance(data, bytes) or first is None or last is None or not math.isfinite(first + last):
            state.counts.are_set = True
            return None
        first, last = math.trunc(first), math.trunc(last)
        start = max(first + len(data) + 1 if first < 0 else first, 1)
        stop = min(last + len(data) + 1 if last < 0 else last, len(data))
        if succeeded and index != float(max(stop, start - 1)):
            return self._finding(call, "send-index", f"{max(stop, start - 1)}")
        if not succeeded and not start - 1 <= index <= max(stop - 1, start - 1):
            return self._finding(call, "send-index", f"nil, a message, and {start - 1} to {stop - 1}")
        if state.is_closed and (succeeded and stop >= start):
            return self._finding(call, "closed", 'nil, "closed"')
        state.counts.sent += int(index) - start + 1
        return None

    def accept(self, call: Call, state: _State, results: tuple[Any, ...]) -> Finding | None:
        """Judge ``server:accept``."""
        is_client = len(results) == 1 and isinstance(results[0], Ref) and results[0].class_name == _CLIENT
        if not is_client and not _failed(results):
            return self._finding(call, "accept-shape", "a client, or nil and a message")
        if results[1:] == (b"closed",) and not (state.is_closed or state.is_foreign):
            return self._finding(call, "accept-closed", "a client, or another message, as the server is open")
        self._made(call)
        return None

    def status(self, call: Call, state: _State, results: tuple[Any, ...]) -> Finding | None:
        """Judge a function that returns 1, or nil and a message."""
        if not _is_one(results) and not _failed(results):
            return self._finding(call, "status", "1, or nil and a message")
        if call.function == "connect" and call.becomes != _CLIENT:
            return self._finding(call, "connect-class", "an object that is a client afterwards")
        if call.function == "listen" and _is_one(results) and call.becomes != _SERVER:
            return self._finding(call, "listen-class", "an object that is a server afterwards")
        if call.function != "setoption":
            state.is_closed = False  # also a failure may have opened a descriptor
        return None

    def one(self, call: Call, state: _State, results: tuple[Any, ...]) -> Finding | None:
        """Judge a function that returns 1, and note what it sets."""
        if not _is_one(results):
            return self._finding(call, "one", "1")
        if call.function == "close":
            state.is_closed = True
        elif call.function == "setstats":
            state.counts.are_set = True
        elif call.function == "settimeout":
            seconds = number_of(call.arg(1))
            mode = call.arg(2)[:1] if isinstance(call.arg(2), bytes) else b"b"
            state.has_limits = state.has_limits and (call.arg(1) is None or seconds is not None)
            value = -1.0 if seconds is None else seconds
            if mode == b"b":
                state.block = value
            else:
                state.total = value
        return None

    def setfd(self, _call: Call, state: _State, _results: tuple[Any, ...]) -> Finding | None:
        """Note that an object has another descriptor, of which nothing is known."""
        state.is_closed, state.is_foreign, state.counts.are_set = False, True, True
        return None

    def getfd(self, call: Call, state: _State, results: tuple[Any, ...]) -> Finding | None:
        """Judge ``getfd``."""
        if len(results) != 1 or not is_number(results[0]) or (state.is_closed and results[0] != -1):
            return self._finding(call, "getfd", "-1" if state.is_closed else "a number")
        return None

    def dirty(self, call: Call, _state: _State, results: tuple[Any, ...]) -> Finding | None:
        """Judge ``dirty``."""
        return (
            None
            if len(results) == 1 and isinstance(results[0], bool)
            else self._finding(call, "dirty", "true or false")
        )

    def getstats(self, call: Call, state: _State, results: tuple[Any, ...]) -> Finding | None:
        """Judge ``client:getstats``."""
        if len(results) != 3 or not all(map(is_number, results)):
            return self._finding(call, "getstats", "3 numbers")
        expected = state.counts.expected(call, self._slack)
        return None if expected is None else self._finding(call, "getstats", expected)

    def gettimeout(self, call: Call, state: _State, results: tuple[Any, ...]) -> Finding | None:
        """Judge ``gettimeout``."""
        if len(results) != 2 or not all(map(is_number, results)):
            return self._finding(call, "gettimeout", "2 numbers")
        if state.has_limits and results != (state.block, state.total):
            return self._finding(call, "gettimeout", f"{state.block:g}, {state.total:g}")
        return None

    def option(self, call: Call, state: _State, _results: tuple[Any, ...]) -> Finding | None:
        """Judge ``getoption``."""
        expected = state.options.expected(call)
        return None if expected is None else self._finding(call, "option", expected)

    def name(self, call: Call, state: _State, results: tuple[Any, ...]) -> Finding | None:
        """Judge ``getsockname`` and ``getpeername``."""
        named = len(results) == 3 and isinstance(results[0], bytes) and results[2] in (b"inet", b"inet6", b"unspec")
        if not named and not _failed(results):
            return self._finding(call, "name", "an address, a port and a family, or nil and a message")
        expected = state.addresses.expected(call) if named else None
        return None if expected is None else self._finding(call, "name", expected)

    def new(self, call: Call, _state: _State, results: tuple[Any, ...]) -> Finding | None:
        """Judge functions that make objects."""
        names = {"tcp": "tcp{master}", "udp": "udp{unconnected}", "connect": _CLIENT}
        wanted = names[call.function.rstrip("46")]
        made = len(results) == 1 and isinstance(results[0], Ref) and results[0].class_name == wanted
        if call.results is not None and not made and not _failed(results):
            return self._finding(call, "new", f"a new {wanted}, or nil and a message")
        return None

    def sleep(self, call: Call, _state: _State, results: tuple[Any, ...]) -> Finding | None:
        """Judge ``socket.sleep``."""
        seconds = number_of(call.arg(1))
        if call.results is not None and (results or (seconds is not None and call.took < seconds - self._slack)):
            return self._finding(call, "sleep", f"no result, after {seconds or 0:g} s")
        if seconds is not None and call.took > max(seconds, 0) + LATE:
            return self._finding(call, "sleep", f"a call of about {seconds:g} s", is_remark=True)
        return None

    def gettime(self, call: Call, _state: _State, results: tuple[Any, ...]) -> Finding | None:
        """Judge ``socket.gettime``."""
        return None if len(results) == 1 and is_number(results[0]) else self._finding(call, "gettime", "a number")

    def datagram(self, call: Call, _state: _State, results: tuple[Any, ...]) -> Finding | None:
        """Judge ``receive`` and ``receivefrom`` of UDP."""
        count = 3 if call.function == "receivefrom" else 1
        size = _DEFAULT_SIZE if call.arg(1) is None else number_of(call.arg(1))
        if _failed(results):
            return None
        if len(results) != count or not isinstance(results[0], bytes):
            return self._finding(call, "datagram", f"{count} values, or nil and a message")
        if count > 1 and not (isinstance(results[1], bytes) and is_number(results[2])):
            return self._finding(call, "datagram", "a datagram, an address and the number of a port")
        if size is not None and len(results[0]) > max(size, 0):
            return self._finding(call, "datagram", f"at most {size:g} bytes")
        return None

    def datagram_sent(self, call: Call, state: _State, results: tuple[Any, ...]) -> Finding | None:
        """Judge ``send`` and ``sendto`` of UDP."""
        state.is_closed = False  # sendto may open a descriptor
        data = call.arg(1)
        if _failed(results) or (isinstance(data, bytes) and results == (len(data),) and is_number(results[0])):
            return None
        if not isinstance(data, bytes) and len(results) == 1 and is_number(results[0]):
            return None
        return self._finding(call, "datagram-sent", f"{len(data) if isinstance(data, bytes) else 'a number'}")

    def answer(self, call: Call, _state: _State, results: tuple[Any, ...]) -> Finding | None:
        """Judge ``socket.dns``: a result, or nil and a message."""
        if call.results is None or _failed(results):
            return None
        expected = answers.expected(call)
        return None if expected is None else self._finding(call, "answer", f"{expected}, or nil and a message")

    def by_kind(self, call: Call, state: _State, results: tuple[Any, ...]) -> Finding | None:
        """Judge ``receive`` and ``send``, which are different functions of TCP and of UDP."""
        if call.class_name.startswith("udp"):
            return (self.datagram if call.function == "receive" else self.datagram_sent)(call, state, results)
        return (self.receive if call.function == "receive" else self.send)(call, state, results)


_Check = Callable[[OneEnd, Call, _State, "tuple[Any, ...]"], "Finding | None"]

_CHECKS: Final[Mapping[str, _Check]] = {
    "method receive": OneEnd.by_kind, "method send": OneEnd.by_kind, "method accept": OneEnd.accept,
    "method receivefrom": OneEnd.datagram, "method sendto": OneEnd.datagram_sent,
    **dict.fromkeys(("method connect", "method listen", "method bind", "method setsockname", "method setpeername",
                     "method setoption"), OneEnd.status),
    **dict.fromkeys(("method close", "method settimeout", "method shutdown", "method setstats"), OneEnd.one),
    "method setfd": OneEnd.setfd, "method getfd": OneEnd.getfd, "method dirty": OneEnd.dirty,
    "method getstats": OneEnd.getstats, "method gettimeout": OneEnd.gettimeout, "method getoption": OneEnd.option,
    "method getsockname": OneEnd.name, "method getpeername": OneEnd.name,
    **dict.fromkeys(("tcp", "tcp4", "tcp6", "udp", "udp4", "udp6", "connect"), OneEnd.new),
    "sleep": OneEnd.sleep, "gettime": OneEnd.gettime,
    **dict.fromkeys(("dns.toip", "dns.tohostname", "dns.getaddrinfo", "dns.getnameinfo", "dns.gethostname"),
                    OneEnd.answer),
}  # fmt: skip
