"""UDP objects: ``setpeername`` makes an unconnected object a connected one, and the reverse.

The table says which class a method works on. A datagram of length zero is data.
"""

from __future__ import annotations

import mmap
import socket
from collections.abc import Mapping
from typing import Any, ClassVar

from luasocket_reference import inet
from luasocket_reference.auxiliar import Method
from luasocket_reference.lua.arguments import Arguments
from luasocket_reference.lua.numbers import as_size
from luasocket_reference.lua.values import Values, results_or_error
from luasocket_reference.socket import SocketObject
from luasocket_reference.usocket import CLOSED, DONE, Address, describe_error, describe_system_resolver_error

__all__ = ["DATAGRAM_SIZE", "Udp"]

_ANY, _CONNECTED, _UNCONNECTED = "udp{any}", "udp{connected}", "udp{unconnected}"

#: Bytes of a datagram that are received by default.
DATAGRAM_SIZE = 8192

#: The most bytes that a datagram can have; a larger buffer receives nothing more.
_LARGEST_DATAGRAM = 65535

#: From this size on, malloc depends on how much memory the machine has.
_LARGE = 0x1000_0000


def _describe_error(outcome: int) -> bytes:
    """Return the name of an outcome: "closed" here means that the system refused the address."""
    return b"refused" if outcome == CLOSED else describe_error(outcome)


def _can_allocate(size: int) -> bool:
    """Return whether C's ``malloc`` has a buffer of a size."""
    if size < _LARGE:
        return True
    try:
        mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
    except (OSError, OverflowError, ValueError):
        return False
    return True


class Udp(SocketObject):
    """A UDP object, connected or unconnected."""

    CLASSES: ClassVar[Mapping[str, str]] = {
        "close": _ANY,  # {udp,udp6}/has-close
        "dirty": _ANY,
        "getfamily": _ANY,
        "getfd": _ANY,
        "getoption": _ANY,  # {udp,udp6}/has-getoption
        "getpeername": _CONNECTED,  # connected:getpeername/not-for-unconnected
        "getsockname": _ANY,  # {udp,udp6}/has-getsockname
        "gettimeout": _ANY,
        "receive": _ANY,  # {udp,udp6}/has-receive
        # {udp,udp6}/has-receivefrom, {unconnected,connected}:setpeername/must-receive
        "receivefrom": _UNCONNECTED,
        "send": _CONNECTED,
        "sendto": _UNCONNECTED,  # {udp,udp6}/has-sendto, {unconnected,connected}:setpeername/must-send
        "setfd": _ANY,
        "setoption": _ANY,  # {udp,udp6}/has-setoption
        "setpeername": _ANY,  # {udp,udp6}/has-setpeername
        "setsockname": _UNCONNECTED,  # {udp,udp6}/has-setsockname
        "settimeout": _ANY,  # {udp,udp6}/has-settimeout
    }
    NEW = _UNCONNECTED
    KIND = "udp"
    TYPE = socket.SOCK_DGRAM

    def _receive(self, args: Arguments) -> tuple[bytes | None, bytes, Any]:
        """Receive a datagram; return an error or None, the datagram, and its sender."""
        # {unconnected,connected}:receive/size-optional, {unconnected,connected}:receive/size-default,
        # unconnected:receivefrom/size-optional, unconnected:receivefrom/size
        size = as_size(args.number("size", DATAGRAM_SIZE))
        self._timeout.mark_start()
        if not self.dialect.datagrams_may_grow:
            size = min(size, DATAGRAM_SIZE)
        elif not _can_allocate(size):
            return b"out of memory", b"", None
        # {unconnected,connected}:receive/size-cuts, {unconnected,connected}:receive/size-discards,
        # {unconnected,connected}:receive/size-shorter, unconnected:receive/any-host, connected:receive/only-peer
        outcome, datagram, sender = self._descriptor.receive_datagram(min(size, _LARGEST_DATAGRAM), self._timeout)
        # An object without a descriptor answers as if a datagram of length zero had come.
        return (None if outcome in (DONE, CLOSED) else _describe_error(outcome)), datagram, sender

    @Method("size")
    def receive(self, args: Arguments) -> Values:
        """unconnected:receive([size]) → datagram | nil, error; connected:receive([size]) → datagram | nil, error

        Receive a datagram, cut to `size` bytes, 8192 by default; the rest is lost. An object without a descriptor
        returns "".
        """
        failure, datagram, _ = self._receive(args)
        # {unconnected,connected}:receive/datagram, {unconnected,connected}:receive/no-error,
        # {unconnected,connected}:receive/error, {unconnected,connected}:settimeout/fails-receive
        return results_or_error(failure, datagram)

    @Method("size")
    def receivefrom(self, args: Arguments) -> Values:
        """unconnected:receivefrom([size]) → datagram, ip, port | nil, error

        Receive a datagram as `receive` does, and return the address and the port of its sender, too.
        """
        failure, datagram, address = self._receive(args)  # unconnected:receivefrom/as-receive
        if failure is not None:
            # unconnected:receivefrom/error,
            # unconnected:receivefrom/no-port, unconnected:settimeout/fails-receivefrom
            return (None, failure)
        ip, port = inet.sender(address)
        # Without a descriptor there is no sender, and that is an error.
        # unconnected:receivefrom/datagram, unconnected:receivefrom/address, unconnected:receivefrom/port
        return (None, port) if ip is None else (datagram, ip, port)

    @Method("datagram")
    def send(self, args: Arguments) -> Values:
        """connected:send(datagram) → sent | nil, error

        Send a datagram to the peer. Disagreement: by the documentation the result is 1; it is the number of bytes.
        """
        datagram = args.bytes("datagram")
        self._timeout.mark_start()
        # connected:send/datagram, connected:send/peer, connected:send/largest, connected:send/never-blocks,
        # connected:settimeout/send-never-blocks, connected:settimeout/no-effect-on-send
        outcome, sent = self._descriptor.send(datagram, self._timeout)
        # connected:send/returns, connected:send/no-error, connected:send/error, connected:send/only-failure
        return (float(sent),) if outcome == DONE else (None, _describe_error(outcome))

    @Method("datagram", "ip", "port")
    def sendto(self, args: Arguments) -> Values:
        """unconnected:sendto(datagram, ip, port) → sent | nil, error

        Send a datagram to an IP address and a port; neither can be a name. Disagreement: by the documentation the
        result is 1; it is the number of bytes.
        """
        datagram, ip, port = args.bytes("datagram"), args.text("ip"), args.text("port")
        flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV  # unconnected:sendto/no-host-names
        try:
            found = socket.getaddrinfo(ip, port, self._endpoint.family, socket.SOCK_DGRAM, flags=flags)
        except OSError as error:
            return (None, describe_system_resolver_error(error))
        family, *_, address = found[0]
        if self._endpoint.family == socket.AF_UNSPEC and not self._descriptor.is_open:
            failure = self._endpoint.create(family, v6only=True)
            if failure is not None:
                return (None, failure)
            self._endpoint.family = family
        self._timeout.mark_start()
        # unconnected:sendto/datagram, unconnected:sendto/address,
        # unconnected:sendto/largest, unconnected:getsockname/bound-by-sendto
        # unconnected:setsockname/automatic, unconnected:sendto/never-blocks,
        # unconnected:settimeout/sendto-never-blocks, unconnected:settimeout/no-effect-on-sendto
        outcome, sent = self._descriptor.sendto(datagram, Address(family, address), self._timeout)
        # unconnected:sendto/returns, unconnected:sendto/no-error,
        # unconnected:sendto/error, unconnected:sendto/only-failure
        return (float(sent),) if outcome == DONE else (None, _describe_error(outcome))

    @Method("address", "port")
    def setpeername(self, args: Arguments) -> Values:
        """unconnected:setpeername(address, port) → 1 | nil, error; connected:setpeername("*") → 1

        Connect to a peer, or, with the address "*", disconnect. The port is not needed then.
        """
        address = args.text("address")  # unconnected:setpeername/ip-address, unconnected:setpeername/host-name
        if address == b"*":
            if self._endpoint.family != socket.AF_UNSPEC:
                self._descriptor.disconnect(self._endpoint.family)
            self.class_name = _UNCONNECTED  # connected:setpeername/disconnects
            return (1.0,)
        # unconnected:setpeername/port, {unconnected,connected}:setpeername/changes-peer,
        # {unconnected,connected}:setpeername/sends-to-peer, {unconnected,connected}:setpeername/filters
        failure = self._connect(address, args.text("port"))
        if failure is None:
            self.class_name = _CONNECTED  # {unconnected,connected}:setpeername/class, {udp,udp6}/connects
        # {unconnected,connected}:setpeername/returns, {unconnected,connected}:setpeername/no-error,
        # unconnected:setpeername/error, connected:setpeername/error
        return results_or_error(failure, 1.0)
