"""What triage adds to a port's description."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from luasocket_runners.cli.init_port import init
from luasocket_runners.cli.port_toml import declare

FILES = {"known": "known-deviations.txt", "quirks": "quirks.yaml"}
ABSENT = {":shutdown": 'UNEXPLAINED: "3" behaviours', "socket.udp": "none"}


def test_the_description_of_a_new_port(tmp_path: Path) -> None:
    init(tmp_path / "new", "lua")
    file = tmp_path / "new" / "port.toml"
    comments = [line for line in file.read_text().splitlines() if line.startswith("#")]
    assert declare(file, FILES, ABSENT)
    text = file.read_text()
    made = tomllib.loads(text)
    assert {key: made[key] for key in FILES} == FILES
    assert made["absent"] == ABSENT
    kept = [line for line in comments if "[absent]" not in line and "quirks =" not in line]
    assert not [line for line in kept if line not in text]
    assert declare(file, FILES, ABSENT)
    assert file.read_text() == text


@pytest.mark.parametrize(
    "before",
    [
        'name = "x"\ncommand = ["x"]',
        'name = "x"\n\n# the port\n[environment]\nA = "b"\n',
        'name = "x"\n[absent] # by design\n"socket.dns" = "no"\n\n[environment]\nA = "b"\n',
        'name = "x"\n[absent]\n"socket.udp" = "kept"\n',
    ],
)
def test_the_rest_stays(tmp_path: Path, before: str) -> None:
    file = tmp_path / "port.toml"
    file.write_text(before)
    assert declare(file, FILES, ABSENT)
    was, made = tomllib.loads(before), tomllib.loads(file.read_text())
    assert made == {**was, **FILES, "absent": {**ABSENT, **was.get("absent", {})}}
    assert all(line in file.read_text().splitlines() for line in before.splitlines())


@pytest.mark.parametrize("before", ["name = ", 'absent."socket.x" = "y"\n'])
def test_what_is_not_understood_stays(tmp_path: Path, before: str) -> None:
    file = tmp_path / "port.toml"
    file.write_text(before)
    assert not declare(file, FILES, ABSENT)
    assert file.read_text() == before
