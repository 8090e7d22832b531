"""The table of hosts: it is there for a process and its children, and for nobody else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from luasocket_runners.capabilities import machine, names
from luasocket_runners.repro import lua_script
from luasocket_spec import load

#: Prints whether the table could be mounted, what this process sees, and what one that it starts sees.
LOOK = """
import subprocess, sys
from luasocket_runners.capabilities import names
look = "import socket; print(socket.gethostbyname_ex('alias.luasocket.test'))"
print(names.install(), names.install(), names.are_known(), flush=True)
subprocess.run([sys.executable, "-c", look])
"""


def run(program: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_the_table_is_that_of_a_process_and_its_children() -> None:
    before = Path("/etc/hosts").read_bytes()
    outcome, *seen = run(LOOK)
    assert Path("/etc/hosts").read_bytes() == before
    assert not names.are_known()
    if outcome == "False False False":
        pytest.skip("this user, or this system, cannot have a table of hosts of its own")
    assert outcome == "True True True"
    assert seen == ["('official.luasocket.test', ['alias.luasocket.test'], ['127.0.0.3'])"]


def test_a_system_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_table: str) -> None:
        raise PermissionError

    monkeypatch.setattr(names, "_mount", refuse)
    assert not names.install()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert not names.install()


def test_without_the_table_localhost_has_two_addresses() -> None:
    assert machine.names_of_hosts()["host.dual"] == b"localhost"


def test_scripts_define_the_names() -> None:
    behaviours = {behaviour.id: behaviour for behaviour in load().behaviours}
    text = lua_script.script(behaviours["addresses/connect/second"], "luasocket-3")
    assert 'local host_dual = "localhost"' in text
    text = lua_script.script(behaviours["addresses/toip-of-an-alias/alias"], "luasocket-3")
    assert "-- 127.0.0.3 official.luasocket.test alias.luasocket.test" in text
    assert "socket.dns.toip(host_alias)" in text
