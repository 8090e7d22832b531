"""The workloads of ``bench.py`` on CPython's own sockets: ``cpython.py WORKLOAD PORT COUNT`` prints the seconds.

The steps are those of ``luasocket.lua`` and ``reference.py``.
"""

from __future__ import annotations

import select
import socket
import sys
import time
from collections.abc import Callable
from typing import BinaryIO

HOST = "127.0.0.1"
READERS: dict[str, Callable[[BinaryIO], Callable[[], bytes]]] = {
    "lines": lambda file: file.readline,
    "blocks": lambda file: lambda: file.read(8192),
    "all": lambda file: file.read,
}


def stream(workload: str, port: int, count: int) -> float:
    """Receive pieces until the connection ends."""
    with socket.create_connection((HOST, port)) as client, client.makefile("rb") as file:
        read = READERS[workload](file)
        began = time.perf_counter()
        pieces = 0
        while read():
            pieces += 1
        seconds = time.perf_counter() - began
    assert pieces >= count, "the connection ended early"
    return seconds


def datagram_socket() -> socket.socket:
    """Return a bound UDP socket."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind((HOST, 0))
    return made


def datagrams(count: int) -> float:
    """Send to ourselves and receive, one after the other."""
    with datagram_socket() as made:
        made.connect(made.getsockname())
        payload = b"x" * 100
        began = time.perf_counter()
        for _ in range(count):
            made.send(payload)
            made.recv(8192)
        return time.perf_counter() - began


def selected(count: int) -> float:
    """Ask 500 sockets of which one is readable."""
    sockets = [datagram_socket() for _ in range(500)]
    sockets[249].sendto(b"x", sockets[249].getsockname())
    began = time.perf_counter()
    for _ in range(count):
        assert select.select(sockets, [], [], 0)[0][0] is sockets[249]
    seconds = time.perf_counter() - began
    for each in sockets:
        each.close()
    return seconds


def main(workload: str, port: str, count: str) -> None:
    """Do one, and print the seconds."""
    match workload:
        case "datagrams":
            seconds = datagrams(int(count))
        case "select":
            seconds = selected(int(count))
        case _:
            seconds = stream(workload, int(port), int(count))
    print(f"{seconds:.6f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
