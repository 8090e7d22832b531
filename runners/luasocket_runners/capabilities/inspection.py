"""Reads options of a port's sockets from the system: duplicates a descriptor of its process and asks the duplicate.

A duplicate is the same socket, so it shows the options that the port has really set. It exists only while the port
waits for the runner's next request, so that it never keeps a connection open that the port closes.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
from collections.abc import Callable, Mapping
from typing import Final

from luasocket_runners.values import LuaTable, LuaValue

#: The number of Linux's system call pidfd_getfd, the same on every architecture but alpha; Python has no name for it.
_PIDFD_GETFD: Final = 438
#: Descriptors are below this number: the system keeps them in an int.
DESCRIPTORS: Final = 2**31
#: Bytes of a name of an interface, its NUL included (IFNAMSIZ).
_INTERFACE_BYTES: Final = 16
#: Constants of Linux that Python has no name for.
_NAMELESS: Final[Mapping[str, int]] = {"TCP_FASTOPEN_CONNECT": 30}

#: An option of Linux since 5.14: which sizes of buffers were set, as bits. Others follow what comes and goes.
_SO_BUF_LOCK: Final = 72
_BUFFER_LOCKS: Final[Mapping[str, int]] = {"SO_SNDBUF": 1, "SO_RCVBUF": 2}

_LINGER: Final = struct.Struct("@ii")


class NotSeen(Exception):
    """The descriptor has no such option: it is not open, or not a socket, or of another kind. The text says which."""


def _number(held: socket.socket, level: int, option: int) -> LuaValue:
    return held.getsockopt(level, option)


def _linger(held: socket.socket, level: int, option: int) -> LuaValue:
    onoff, seconds = _LINGER.unpack(held.getsockopt(level, option, _LINGER.size))
    return LuaTable(((b"onoff", onoff), (b"linger", seconds)))


def _address(held: socket.socket, level: int, option: int) -> LuaValue:
    return socket.inet_ntoa(held.getsockopt(level, option, 4)).encode("ascii")


def _interface(held: socket.socket, level: int, option: int) -> LuaValue:
    return held.getsockopt(level, option, _INTERFACE_BYTES).partition(b"\0")[0]


_LEVELS: Final[Mapping[str, int]] = {
    "SO": socket.SOL_SOCKET,
    "TCP": socket.IPPROTO_TCP,
    "IP": socket.IPPROTO_IP,
    "IPV6": socket.IPPROTO_IPV6,
}
#: Readers of options that are not numbers; the prefix of an option's name is its level.
_READERS: Final[Mapping[str, Callable[[socket.socket, int, int], LuaValue]]] = {
    "SO_LINGER": _linger,
    "SO_BINDTODEVICE": _interface,
    "IP_MULTICAST_IF": _address,
}


def read(descriptor: int, option: str) -> LuaValue:
    """Return an option of a descriptor of this process.

    Parameters
    ----------
    descriptor
        Any descriptor. It is closed in any case.
    option
        One of ``luasocket_spec.model.SYSTEM_OPTIONS``, which lists the form of each value.

    Raises
    ------
    NotSeen
        The descriptor is not a socket, or its kind of socket has no such option.
    LookupError
        This system has no such option.
    """
    try:
        if option == "O_NONBLOCK":
            return int(not os.get_blocking(descriptor))
        number = getattr(socket, option, _NAMELESS.get(option))
        if number is None:
            raise LookupError(f"this system has no {option}")
        held = socket.socket(fileno=descriptor)
        descriptor = -1  # that object closes it now
        with held:
            return _READERS.get(option, _number)(held, _LEVELS[option.partition("_")[0]], number)
    except OSError as error:
        raise NotSeen(f"the system does not report {option} for it: {error.strerror}") from None
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def is_untouched(descriptor: int, option: str) -> bool:
    """Tell whether an option is as the system sets it: that of a new socket, or a buffer whose size no program has set.

    ``descriptor`` is one of this process, and is closed in any case.
    """
    try:
        held = socket.socket(fileno=descriptor)
    except OSError:
        os.close(descriptor)
        return False
    with held, socket.socket(held.family, held.type) as new:
        number = getattr(socket, option, _NAMELESS.get(option))
        try:
            lock = _BUFFER_LOCKS.get(option)
            if lock is not None:
                return not held.getsockopt(socket.SOL_SOCKET, _SO_BUF_LOCK) & lock
            level = _LEVELS[option.partition("_")[0]]
            return number is not None and held.getsockopt(level, number) == new.getsockopt(level, number)
        except (KeyError, OSError):
            return False


def duplicate(process: int, descriptor: int) -> int:
    """Return a new descriptor for the same open file as a descriptor of a process; the caller closes it.

    Parameters
    ----------
    process
        The number of the process; it may be this one.
    descriptor
        Its descriptor.

    Raises
    ------
    NotSeen
        The process has no such descriptor.
    OSError
        The runner may not look into the process, or the system has no means for it.
    """
    try:
        if process == os.getpid():
            return os.dup(descriptor)
        return _fetch(process, descriptor)
    except OSError as error:
        if error.errno != errno.EBADF:
            raise
        raise NotSeen(f"the descriptor {descriptor} is not open") from None


def _fetch(process: int, descriptor: int) -> int:
    """Duplicate a descriptor of another process; the duplicate is closed on exec."""
    if not hasattr(os, "pidfd_open"):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    handle = os.pidfd_open(process)
    try:
        fetched: int = ctypes.CDLL(None, use_errno=True).syscall(_PIDFD_GETFD, handle, descriptor, 0)
        if fetched < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return fetched
    finally:
        os.close(handle)


def is_bound_to(process: int, descriptor: int, address: tuple[str, int]) -> bool:
    """Return whether the descriptor can be seen and is a socket with this local address (IPv4)."""
    try:
        double = duplicate(process, descriptor)
    except (NotSeen, OSError):
        return False
    try:
        held = socket.socket(fileno=double)
    except OSError:
        os.close(double)
        return False
    with held:
        return held.family == socket.AF_INET and held.getsockname() == address
