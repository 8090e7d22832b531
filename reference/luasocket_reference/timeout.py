"""Time: the timeouts of an object and how much of them is left, the time of day, and sleep.

A timeout has two limits, in seconds, negative for none: `block` for a wait and `total` for a call. With one of them
set, it is a deadline of the whole call. With both, each wait has `block` at most, and the waits together `total`.
"""

from __future__ import annotations

import time

from luasocket_reference.lua.arguments import Arguments
from luasocket_reference.lua.functions import Builtin
from luasocket_reference.lua.values import Values

__all__ = ["Timeout", "gettime", "global_gettime", "global_sleep"]

#: The longest sleep, in seconds: C's INT_MAX.
_LONGEST_SLEEP = 0x7FFF_FFFF

#: By the first character of a mode: the limit that it sets.
_MODES = {
    b"b": "block",  # {master,client,server}:settimeout/mode-b
    b"t": "total",  # {master,client,server}:settimeout/mode-t
    b"r": "total",  # an old name of "t", which the documentation does not have
}


def gettime() -> float:
    """Return the time in seconds since 1 January 1970, UTC."""
    return time.time()


class Timeout:
    """The limits of the calls of one object.

    Attributes
    ----------
    block
        Seconds that one wait can last; negative for no limit.
    total
        Seconds that a call can last; negative for no limit.
    """

    __slots__ = ("_start", "block", "total")

    def __init__(self, block: float = -1.0, total: float = -1.0) -> None:
        # {client,master}:settimeout/default-send, {client,master,unconnected,connected}:settimeout/default-receive,
        # {master,server}:settimeout/default-accept, unconnected:settimeout/default-receivefrom
        self.block = block
        self.total = total
        self.mark_start()

    def mark_start(self) -> None:
        """Note that a call begins now."""
        self._start = time.monotonic()  # not the time of day, which can be set back

    @property
    def is_zero(self) -> bool:
        """Whether a call may not wait at all. A total of 0 alone does not say so: then the system is asked first."""
        return self.block == 0

    def remaining(self) -> float:
        """Return how long the next wait of this call can be, in seconds; -1 for no limit. A limit of NaN is 0.

        Disagreement: by the documentation, mode "b" limits each single wait. Where it is the only limit, the library
        takes it for a deadline of the whole call.
        """
        limit = self.block if self.total < 0 else self.total
        if limit < 0:  # {client,master,server,unconnected,connected}:settimeout/negative
            return -1.0
        left = limit - time.monotonic() + self._start
        left = left if left > 0 else 0.0
        if self.total < 0:
            return left
        return self.block if 0 <= self.block < left else left  # {master,client,server}:settimeout/modes-together

    def settimeout(self, args: Arguments) -> Values:
        """object:settimeout([value [, mode]]) → 1

        Limit how long the calls of an object can block. `value` is in seconds; nil or a negative number takes the
        limit away. `mode` says which limit: "b" (the default) or "t". Raises "invalid timeout mode" for anything else.
        """
        # {client,master,server,unconnected,connected}:settimeout/nil
        value = args.number("value", -1.0)  # {client,master,server,unconnected,connected}:settimeout/seconds
        name = args.text("mode", b"b")  # {master,client,server}:settimeout/mode-optional
        mode = _MODES.get(name[:1])
        if mode is None:
            raise args.error("mode", "invalid timeout mode")
        setattr(self, mode, value)
        return (1.0,)

    def gettimeout(self) -> Values:
        """object:gettimeout() → block, total

        Return both limits in seconds, -1 for none. The documentation does not have this method.
        """
        return (self.block, self.total)


@Builtin()
def global_gettime(_args: Arguments) -> Values:
    """socket.gettime() → seconds

    Return the time in seconds, with their fraction, since 1 January 1970, UTC.
    """
    return (gettime(),)  # gettime/seconds, gettime/epoch, gettime/difference


@Builtin("time")
def global_sleep(args: Arguments) -> Values:
    """socket.sleep(time) → nothing

    Sleep for `time` seconds; a negative number is 0.
    """
    seconds = args.number("time")  # sleep/seconds
    time.sleep(min(seconds, _LONGEST_SLEEP) if seconds > 0 else 0)  # sleep/freezes
    return ()
