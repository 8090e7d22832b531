"""The workloads of ``bench.py`` on the reference: ``reference.py WORKLOAD PORT COUNT`` prints the seconds that it took.

The steps are those of ``luasocket.lua`` and ``cpython.py``.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import luasocket_reference

HOST = "127.0.0.1"
PATTERNS: dict[str, bytes | int] = {"lines": b"*l", "blocks": 8192, "all": b"*a"}
socket = luasocket_reference.open()


def stream(pattern: bytes | int, port: int, count: int) -> float:
    """Receive pieces until the connection ends."""
    (client,) = socket.tcp()
    assert client.connect(HOST, port)[0] == 1
    began = time.perf_counter()
    pieces = 0
    while client.receive(pattern)[0] is not None:
        pieces += 1
    seconds = time.perf_counter() - began
    assert pieces >= count, "the connection ended early"
    client.close()
    return seconds


def datagram_socket() -> tuple[Any, int]:
    """Return a UDP object and its port."""
    (made,) = socket.udp4()
    assert made.setsockname(HOST, 0)[0] == 1
    return made, int(made.getsockname()[1])


def datagrams(count: int) -> float:
    """Send to ourselves and receive, one after the other."""
    made, own = datagram_socket()
    assert made.setpeername(HOST, own)[0] == 1
    payload = b"x" * 100
    began = time.perf_counter()
    for _ in range(count):
        made.send(payload)
        made.receive()
    seconds = time.perf_counter() - began
    made.close()
    return seconds


def select(count: int) -> float:
    """Ask 500 objects of which one is readable."""
    objects = {index: datagram_socket()[0] for index in range(1, 501)}
    objects[250].sendto(b"x", HOST, int(objects[250].getsockname()[1]))
    began = time.perf_counter()
    for _ in range(count):
        assert socket.select(objects, None, 0)[0][1] is objects[250]
    seconds = time.perf_counter() - began
    for each in objects.values():
        each.close()
    return seconds


def main(workload: str, port: str, count: str) -> None:
    """Do one, and print the seconds."""
    match workload:
        case "datagrams":
            seconds = datagrams(int(count))
        case "select":
            seconds = select(int(count))
        case _:
            seconds = stream(PATTERNS[workload], int(port), int(count))
    print(f"{seconds:.6f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
