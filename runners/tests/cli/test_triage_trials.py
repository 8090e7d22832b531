"""The rules that `triage` tries, because no reply shows them: about the arguments of settimeout and send."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from luasocket_runners.cli.main import main


@pytest.mark.parametrize("factor", [1000, 1])
def test_timeouts_in_milliseconds_are_found(
    triage_arguments: Callable[..., list[str]],
    tmp_path: Path,
    factor: int,
) -> None:
    class Master:
        timeout = 0.0

        def settimeout(self, value: float) -> tuple[Any, ...]:
            self.timeout = value / factor
            return (1,)

        def receive(self) -> tuple[Any, ...]:
            time.sleep(self.timeout)
            return (None, b"timeout")

    steps = (
        "{call: socket.tcp, succeeds: true, as: one}",
        "{call: one:settimeout, with: [0.3], returns: [1]}",
        "{call: one:receive, returns: [null, timeout], takes: {at_least: 0.29}}",
    )
    corpus = "about: test\nbehaviours:\n" + "".join(
        f"  - id: wait{number}\n    says: S.\n    authority: observed\n    steps:\n"
        + "".join(f"      - {step}\n" for step in steps)
        for number in range(3)
    )
    arguments = triage_arguments(corpus, tcp=lambda: (Master(),))
    assert main(arguments) == 0
    found = "returned: {with: [{product: [$seconds, 1000]}, $...]}" in (tmp_path / "quirks.yaml").read_text()
    assert found is (factor == 1000)


@pytest.mark.parametrize(("shortest", "factor"), [(0.001, 1), (0.001, 1000), (0, 1)])
def test_a_timeout_of_0_that_waits_is_found(
    triage_arguments: Callable[..., list[str]], tmp_path: Path, shortest: float, factor: int
) -> None:
    class Master:
        timeout = 0.0

        def settimeout(self, value: float) -> tuple[Any, ...]:
            self.timeout = value / factor
            return (1,)

        def receive(self) -> tuple[Any, ...]:
            end = time.monotonic() + (self.timeout if self.timeout >= shortest else 30)
            while time.monotonic() < end:  # short sleeps: the thread can be ended in between
                time.sleep(0.002)
            return (None, b"timeout")

    corpus = "about: test\nbehaviours:\n" + "".join(
        f"  - id: {word}{letter}\n    says: S.\n    authority: observed\n    steps:\n"
        "      - {call: socket.tcp, succeeds: true, as: one}\n"
        f"      - {{call: one:settimeout, with: [{number}], returns: [1]}}\n"
        f"      - {{call: one:receive, returns: [null, timeout], takes: {{at_least: {number}}}}}\n"
        for word, number in (("poll", 0), ("wait", 0.02))
        for letter in "abc"
    )
    arguments = triage_arguments(corpus, tcp=lambda: (Master(),))
    assert main([*arguments, "--deadline", "1"]) == 0
    text = (tmp_path / "quirks.yaml").read_text()
    rule = "expected: {with: [0, $...]}\n    returned: {with: [0.01, $...]}"
    assert (rule in text) is (shortest > 0)
    assert ("[{product: [$seconds, 1000]}, $...]" in text) is (factor == 1000)
    assert text.count("  - id: ") == (shortest > 0) + (factor == 1000)  # and no rule that says that receive hangs
    assert "\ntest/" not in (tmp_path / "known-deviations.txt").read_text()


@pytest.mark.parametrize("whole", [True, False])
def test_a_send_without_positions_is_found(
    triage_arguments: Callable[..., list[str]], tmp_path: Path, whole: bool
) -> None:
    class Client:
        def __init__(self) -> None:
            self.socket = socket.socket()

        def connect(self, ip: bytes, port: int) -> tuple[int]:
            self.socket.connect((ip.decode(), port))
            return (1,)

        def send(self, data: bytes, first: int = 1, last: int = -1) -> tuple[object, ...]:
            part = data[first - 1 : last if last >= 0 else len(data) + last + 1]
            self.socket.sendall(data if whole else part[1:])
            return (first - 1 + len(part), None, None)

        def close(self) -> None:
            self.socket.close()

    parts = ("", ", 2", ", 3", ", 2, 3", ", 3, -2")
    corpus = "about: test\nbehaviours:\n" + "".join(
        f"  - id: part{number}\n    says: S.\n    authority: observed\n    steps:\n"
        '      - peer: {listen: "127.0.0.1", as: address}\n      - {call: socket.tcp, succeeds: true, as: c}\n'
        "      - {call: c:connect, with: [$address.ip, $address.port], succeeds: true}\n      - peer: {accept: true}\n"
        f"      - {{call: c:send, with: [abcdef{more}], succeeds: true}}\n"
        f"      - peer: {{receive: {'abcdef'[slice(*bounds)]}}}\n"
        for number, (more, bounds) in enumerate(zip(parts, ((0, 6), (1, 6), (2, 6), (1, 3), (2, 5)), strict=True))
    )
    assert main(triage_arguments(corpus, tcp=lambda: (Client(),))) == 0
    text = (tmp_path / "quirks.yaml").read_text()
    assert ("returned: {with: [{slice: [$data, $first, $...]}]}" in text) is whole
    assert (tmp_path / "known-deviations.txt").read_text().count("\ntest/") == (0 if whole else 5)
