"""Runs redis-server on a free port, without files; prints the port first."""

from __future__ import annotations

import socket
import subprocess
import sys
import time

QUIET = ["--save", "", "--appendonly", "no", "--loglevel", "warning", "--logfile", "/dev/null", "--dir", "/tmp"]

for _ in range(5):  # another program may take the port before redis does
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(["redis-server", "--port", str(port), "--bind", "127.0.0.1", *QUIET])
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
            continue
        print(port, flush=True)
        sys.exit(process.wait())
sys.exit("redis-server does not start")
