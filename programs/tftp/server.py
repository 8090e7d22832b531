"""Serves files by TFTP from memory, each transfer on a socket of its own; prints its port first."""

from __future__ import annotations

import socket
import struct
import threading

files: dict[str, bytes] = {}


def transfer(kind: int, name: str, client: tuple[str, int]) -> None:
    """Send or take a file."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.settimeout(30)
        connection.connect(client)
        if kind == 2:
            connection.send(struct.pack("!HH", 4, 0))
            content = b""
            while True:
                packet = connection.recv(1024)
                content += packet[4:]
                if len(packet) < 516:
                    break
                connection.send(b"\0\4" + packet[2:4])
            files[name] = content
            connection.send(b"\0\4" + packet[2:4])
            connection.send(b"done")
        elif name not in files:
            connection.send(struct.pack("!HH", 5, 1) + b"no such file\0")
        else:
            content = files[name]
            for number in range(len(content) // 512 + 1):
                connection.send(struct.pack("!HH", 3, number + 1) + content[number * 512 : number * 512 + 512])
                connection.recv(1024)


with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
    server.bind(("127.0.0.1", 0))
    print(server.getsockname()[1], flush=True)
    while True:
        packet, client = server.recvfrom(1024)
        name = packet[2:].split(b"\0")[0].decode()
        threading.Thread(target=transfer, args=(packet[1], name, client), daemon=True).start()
