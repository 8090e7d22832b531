"""Checks with a language server that no fault of existing annotations of LuaSocket is in ours.

The faults are those of the LuaCATS add-on that LuaLS offers (31) and of Teal's types (16), beside LuaSocket 3.1.0.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import luasocket_spec
import pytest
from luasocket_runners.lookup import Index
from luasocket_runners.lookup.annotations import files

PROGRAM = (Path(__file__).parent / "programs" / "faults_of_others.lua").read_text()
TEXT = files(Index(luasocket_spec.load()), "luasocket-3")["socket.lua"]

LUACATS = (
    "receive has no third result", "select has no results", "the timeout of select is an integer",
    "the time of sleep is an integer", "getstats is missing", "the numbers of setstats are required",
    "clients and servers have the methods of a master", "a master has no options", "bind makes a server of a master",
    "the backlog is required", "bind never fails", "the mode of shutdown is required",
    "close, settimeout and setfd have no results", "send and sendto of UDP return 1",
    "a timeout of UDP cannot be nil, and has no mode", "gettimeout of UDP returns one number",
    "receive of UDP fails with a timeout only", "receivefrom always returns a port",
    "udp returns an object that is perhaps connected", "the peer of an object cannot be changed",
    "setsockname takes anything", "there is no dns", "getfamily, choose, BLOCKSIZE and other names are missing",
    "options of TCP are missing, or cannot be got", "options of UDP are missing, or cannot be got",
    "an unknown option returns nil", "the finalizer of newtry is required", "_DEBUG is a constant",
    "source takes a timeout, and needs it", "send returns the number of bytes", "the mode r is missing",
)  # fmt: skip
TEAL = (
    "receive has no third result", "bind has no results", "the time is an integer", "timeouts are integers",
    "select takes lists of one kind", "methods are missing", "getpeername returns two results",
    "the size of receive is required", "receivefrom returns four results", "toip has no argument",
    "gethostname has an argument", "connect has no message", "options are missing", "newtry needs a function",
    "a timeout cannot be nil", "clients and servers have all methods",
)  # fmt: skip
FAULTS = {
    f"{project} {number}": says
    for project, faults in (("LuaCATS", LUACATS), ("Teal", TEAL))
    for number, says in enumerate(faults, 1)
}


def lines_of(fault: str) -> list[int]:
    """Return the numbers of the lines of a fault."""
    found: list[int] = []
    within = False
    for number, line in enumerate(PROGRAM.splitlines(), 1):
        if line.startswith("-- "):
            within = fault in re.split(", ", line.removeprefix("-- "))
        elif within:
            found.append(number)
    return found


@pytest.fixture(scope="module")
def diagnostics(
    tmp_path_factory: pytest.TempPathFactory, diagnose: Callable[..., dict[int, list[str]]]
) -> dict[int, list[str]]:
    """What the language server says of the lines of the program."""
    directory = tmp_path_factory.mktemp("faults")
    (directory / "library").mkdir()
    (directory / "library" / "socket.lua").write_text(TEXT)
    (directory / "program.lua").write_text(PROGRAM)
    return diagnose(directory, directory / "program.lua")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault}: {FAULTS[fault]}")
def test_a_fault_of_others_is_not_here(diagnostics: dict[int, list[str]], fault: str) -> None:
    lines = PROGRAM.splitlines()
    numbers = lines_of(fault)
    assert numbers
    accused = [(lines[n - 1], diagnostics[n]) for n in numbers if not lines[n - 1].endswith("--!") and n in diagnostics]
    missed = [lines[n - 1] for n in numbers if lines[n - 1].endswith("--!") and n not in diagnostics]
    assert accused == []
    assert missed == []
