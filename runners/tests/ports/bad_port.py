"""An adapter that misbehaves in one way, named by its first argument, when ``socket.bad`` is called.

``socket.good`` returns 1. It is written without our adapters: it has to do what those never do.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from typing import Any


def send(message: Any) -> None:
    """Write a message."""
    write(json.dumps(message).encode() + b"\n")


def write(data: bytes) -> None:
    """Write bytes, all of them."""
    while data:
        data = data[os.write(1, data) :]


def misbehave(mode: str, number: int) -> None:
    """Do what the mode says, and then, where anybody still listens, answer rightly."""
    match mode:
        case "exit":
            print("I give up", file=sys.stderr)
            sys.exit(7)
        case "error with a traceback":
            print("lua: main.lua:3: oops\nstack traceback:\n\tmain.lua:3: in main chunk\n\t[C]: in ?", file=sys.stderr)
            sys.exit(1)
        case "unreadable":
            write(b'{"id":null,"fault":"this is not a message"}\n')
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "die in a message":
            write(b'{"id":')
            sys.exit(1)
        case "hang":
            signal.pause()
        case "late":
            time.sleep(1)
        case "twice":
            send({"id": number, "returns": [1]})
        case "garbage later":
            send({"id": number, "returns": [1]})
            write(b"bye\n")
            return
        case "another":
            number += 1000
        case "exit later":
            send({"id": number, "returns": [1]})
            sys.exit(7)
        case "garbage":
            write(b"lua: \x1b[31mwarning\n")
        case "garbage without an end":
            write(b"Segmentation fault")
            signal.pause()
        case "no object":
            send([1])
        case "not UTF-8":
            write(b'{"id":"\xff\xfe"}\n')
        case "NaN":
            write(b'{"id":NaN}\n')
        case "deep":
            write(b"[" * 100_000 + b"\n")
        case "long line":
            for _ in range(100):
                write(b"x" * 1_000_000)
            write(b"\n")
        case "repetitions":
            send({"id": number, "returns": [{"repeat": "x", "times": 60_000_000}] * 500})
        case "many values":
            send({"id": number, "returns": [0] * 300_000})
        case "many commas":
            send({"id": number, "returns": ["," * 300_000]})
        case "close":
            os.close(1)
            signal.pause()
        case "close the input":
            os.close(0)
            os.read(wake[0], 1)
        case "no line feed":
            write(json.dumps({"id": number, "returns": [1]}).encode())
            signal.pause()
        case "child in a session of its own":
            subprocess.Popen(["sleep", "1000"], start_new_session=True)
        case "grandchild without a parent":
            subprocess.Popen(["sh", "-c", "setsid sleep 1000 > /dev/null 2>&1 &"]).wait()
        case "child keeps the pipe":
            subprocess.Popen(["sleep", "1000"])
            sys.exit(3)
        case "child ignores the end":
            subprocess.Popen(["sh", "-c", "trap '' HUP TERM INT; sleep 1000"])
        case "flood of errors":
            for _ in range(200):
                os.write(2, b"e" * 99_999 + b"\n")
        case "flood of messages":
            while True:
                send({"id": number, "returns": [1]})
        case "leaks":
            leak(100)
        case "collects garbage and leaks":
            leak(2)
        case "opens once and collects garbage":
            leak(0 if leaked else 1)
    send({"id": number, "returns": [1]})


def leak(count: int) -> None:
    """Open sockets that are never closed."""
    leaked.extend(socket.socket() for _ in range(count))


def leaky_call(number: int, mode: str) -> None:
    """Open some sockets for ``socket.good``, and tell, hide or die of it when there is no descriptor left."""
    try:
        leak(20)
    except OSError as error:
        if mode == "leaks and tells":
            send({"id": number, "returns": [None, os.strerror(error.errno or 0)]})
        elif mode == "leaks and faults":
            send({"id": number, "fault": repr(error)})
        elif mode == "leaks and hides it":
            send({"id": number, "returns": [None, "unknown error"]})
        else:
            raise
    else:
        send({"id": number, "returns": [1]})


leaked: list[socket.socket] = []

#: Nothing is ever written to it.
wake = os.pipe()


def misbehave_at_reset(mode: str, number: int) -> None:
    """Do what the mode says in place of the reply to the ``reset`` after ``socket.bad``, or after it."""
    match mode:
        case "exit at reset":
            print("I give up", file=sys.stderr)
            sys.exit(7)
        case "hang at reset":
            signal.pause()
        case "garbage at reset":
            write(b"closing\n")
        case "fault at reset":
            send({"id": number, "fault": "an object is missing"})
        case "raise at reset":
            send({"id": number, "raises": "oops"})
        case "values at reset":
            send({"id": number, "returns": [1, "closed"]})
        case "no list at reset":
            send({"id": number, "returns": None})
        case "twice at reset":
            answer = json.dumps({"id": number, "returns": []}).encode() + b"\n"
            write(answer * 2)
        case "exit after reset":
            send({"id": number, "returns": []})
            sys.stdin.readline()
            sys.exit(7)
        case "stray message after reset":
            send({"id": number, "returns": []})
            sys.stdin.readline()
            send({"id": number, "returns": []})


def main(mode: str) -> None:
    """Serve."""
    if mode == "die at start":
        print("no licence", file=sys.stderr)
        sys.exit(4)
    if mode.startswith("leaks and "):
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    if mode == "garbage at start":
        print("Welcome to Lua!", flush=True)
    called_bad = False
    for line in sys.stdin:
        request = json.loads(line)
        number, op = request["id"], request["op"]
        if op == "describe":
            about = {"protocol": 1, "name": "bad", "version": "0", "dialect": "luasocket-3", "runtime": "Python"}
            send({"id": number, **about, "capabilities": ["gc"] if "collects garbage" in mode else []})
        elif request.get("target") == "socket.bad":
            called_bad = True
            misbehave(mode, number)
        elif op == "reset" and called_bad and mode.endswith(" reset"):
            misbehave_at_reset(mode, number)
        elif request.get("target") == "socket.good" and mode.startswith("leaks and "):
            leaky_call(number, mode)
        else:
            send({"id": number, "returns": [1] if op == "call" else []})
    if mode == "ignores the end":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.pause()


if __name__ == "__main__":
    main(sys.argv[1])
