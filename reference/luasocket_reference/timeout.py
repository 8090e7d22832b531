"""The law of time: what a timeout is, how much of it is left, what time it is, and how to wait for nothing.

A timeout has two limits, in seconds, negative for none: `block` for a wait and `total` for a call. With one of them
set, it is a deadline of the whole call. With both, each wait has `block` at most, and the waits together `total`.
Nobody else computes with times.
"""

from __future__ import annotations

import time

from luasocket_reference.auxiliar import Arguments, Values

__all__ = ["Timeout", "gettime", "global_gettime", "global_sleep"]

#: The longest that sleep can be asked for, in seconds: C's INT_MAX.
_LONGEST_SLEEP = 0x7FFF_FFFF

#: By the first character of a mode: the limit that it sets.
_MODES = {b"b": "block", b"t": "total", b"r": "total"}


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
        self.block = block
        self.total = total
        self.mark_start()

    def mark_start(self) -> None:
        """Note that a call begins now."""
        self._start = time.monotonic()  # a clock that nobody sets back

    @property
    def is_zero(self) -> bool:
        """Whether a call may not wait at all. A total of 0 alone does not say so: then one looks first."""
        return self.block == 0

    def remaining(self) -> float:
        """Return how long the next wait of this call can be, in seconds; negative for no limit.

        References
        ----------
        ``client:settimeout/mode-b``, ``client:settimeout/mode-t``, ``client:settimeout/modes-together``.
        """
        limit = self.block if self.total < 0 else self.total
        if limit < 0:
            return limit
        left = max(0.0, limit - time.monotonic() + self._start)  # a limit that is no number is none: 0
        return min(self.block, left) if self.block >= 0 else left

    def settimeout(self, arguments: Arguments) -> Values:
        """Set a limit: the method ``settimeout`` of all objects.

        Parameters
        ----------
        arguments
            2: seconds; nil or negative for no limit. 3: the mode, "b" (the default), "t", or its old name "r".

        Returns
        -------
        tuple
            1.

        Raises
        ------
        LuaError
            The value is no number, or the mode no mode.

        References
        ----------
        ``master:settimeout/*``, ``client:settimeout/*``, ``server:settimeout/*``, ``unconnected:settimeout/*``,
        ``connected:settimeout/*``.
        """
        seconds = arguments.number(2, -1)
        mode = _MODES.get(arguments.text(3, b"b")[:1])
        if mode is None:
            raise arguments.error(3, "invalid timeout mode")
        setattr(self, mode, float(seconds))
        return (1,)

    def gettimeout(self) -> Values:
        """Return both limits, in seconds: the method ``gettimeout`` of all objects.

        Returns
        -------
        tuple
            The limit of a wait and that of a call; -1 for none.
        """
        return (self.block, self.total)


def global_gettime(_arguments: Arguments) -> Values:
    """Return the time: ``socket.gettime``.

    Returns
    -------
    tuple
        Seconds since 1 January 1970, UTC.

    References
    ----------
    ``gettime/*``.
    """
    return (gettime(),)


def global_sleep(arguments: Arguments) -> Values:
    """Wait for nothing but time: ``socket.sleep``.

    Parameters
    ----------
    arguments
        1: seconds; a negative number is 0.

    Returns
    -------
    tuple
        Nothing.

    Raises
    ------
    LuaError
        The argument is no number.

    References
    ----------
    ``sleep/*``.
    """
    seconds = arguments.number(1)
    time.sleep(max(0, min(seconds, _LONGEST_SLEEP)))  # what is no number is 0
    return ()
