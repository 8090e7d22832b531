"""Checks the editor annotations: with a language server, against the behaviours, and against faults of others."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import luasocket_spec
import pytest
from luasocket_runners.cli.main import main
from luasocket_runners.lookup import Index
from luasocket_runners.lookup.annotations import files, union
from luasocket_spec.model import DIALECTS, Dialect

PROGRAMS = Path(__file__).parent / "programs"
INDEX = Index(luasocket_spec.load())
TEXT = files(INDEX, "luasocket-3")["socket.lua"]
DEFOLD = files(INDEX, "defold")["socket.lua"]


@pytest.fixture(params=DIALECTS)
def workspace(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A project with the annotations of a dialect and the two programs."""
    dialect: Dialect = request.param
    assert main(["annotations", str(tmp_path / "library"), "--dialect", dialect]) == 0
    for name in ("right.lua", "wrong.lua"):
        text = (PROGRAMS / name).read_text()
        if dialect == "defold":  # the module is a global there
            text = text.replace('local socket = require "socket"', "")
        (tmp_path / name).write_text(text)
    return tmp_path


Diagnose = Callable[[Path, Path], dict[int, list[str]]]


def test_a_right_program_has_no_diagnostic(workspace: Path, diagnose: Diagnose) -> None:
    assert diagnose(workspace, workspace / "right.lua") == {}


def test_each_mistake_has_a_diagnostic(workspace: Path, diagnose: Diagnose) -> None:
    found = diagnose(workspace, workspace / "wrong.lua")
    lines = (workspace / "wrong.lua").read_text().splitlines()
    missed = [line for number, line in enumerate(lines, 1) if number >= 7 and number not in found]
    assert missed == []
    assert len(lines) - 6 >= 30


@pytest.mark.parametrize("program", ["lua5.1", "lua5.4", "luajit"])
def test_the_files_are_lua(program: str, tmp_path: Path) -> None:
    (tmp_path / "socket.lua").write_text(TEXT)
    try:
        done = subprocess.run([program, tmp_path / "socket.lua"], capture_output=True, text=True, timeout=60)
    except FileNotFoundError:
        pytest.skip(f"{program} is not installed here")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", [name for name, f in INDEX.api.functions.items() if "luasocket-3" in f.dialects])
def test_each_function_is_declared(name: str) -> None:
    function = INDEX.api.functions[name]
    pattern = rf"^function [\w.]+:{function.name}\(" if function.is_method else rf"^function {re.escape(name)}\("
    assert re.search(pattern, TEXT, re.MULTILINE)


def test_functions_of_one_dialect_are_not_in_the_other() -> None:
    for name in ("function socket.tcp4", "gettimeout", "_SOCKETINVALID", "recv-buffer-size", "tcp-keepidle"):
        assert name in TEXT
        assert name not in DEFOLD


def declared(function: str, text: str = TEXT) -> str:
    """Return the comment and the line of a function."""
    block = re.search(rf"((?:^---.*\n)+)^function {re.escape(function)}\(.*", text, re.MULTILINE)
    assert block is not None, function
    return block[0]


#: Faults of existing annotations, each as a function and a text that ours has there.
HAS = [
    ("TCPClient:receive", "---@return string? partial"),
    ("TCPClient:receive", '---@param pattern? "*l"|"*a"|integer|string'),
    ("TCPClient:receive", '---@return_overload nil, "timeout"|"closed"|string, string'),
    ("socket.select", "---@return socket.SelectResult readable"),
    ("socket.select", '---@return "timeout"? err'),
    ("socket.select", "---@param timeout? number?"),
    ("socket.select", "---@param recvt socket.Selectable[]?"),
    ("socket.sleep", "---@param time number"),
    ("TCPClient:getstats", "---@return integer received\n---@return integer sent\n---@return number age"),
    ("TCPClient:setstats", "---@param received? number"),
    ("TCPClient:setstats", "---@param age? number"),
    ("TCPMaster:listen", "---@param backlog? integer"),
    ("TCPMaster:bind", "---@return 1?"),
    ("TCPMaster:bind", '---@return ("address already in use"|string)? err'),
    ("socket.bind", "---@return socket.TCPServer? server"),
    ("socket.bind", '---@return ("address already in use"|string)? err'),
    ("socket.connect", '("timeout"|"connection refused"|string)? err'),
    ("socket.connect", "---@param locaddr? string"),
    ("socket.connect", "---@param locport? integer|string"),
    ("TCPClient:shutdown", "---@param mode?"),
    ("TCPObject:close", "---@return 1"),
    ("TCPObject:settimeout", "---@return 1"),
    ("TCPObject:settimeout", '---@param mode? "b"|"t"|"r"'),
    ("TCPObject:settimeout", "---@param value? number?"),
    ("TCPObject:dirty", "---@return boolean dirty"),
    ("TCPObject:getfd", "---@return integer fd"),
    ("TCPObject:gettimeout", "---@return number block\n---@return number total"),
    ("TCPObject:getfamily", '---@return "inet4"|"inet6"|"unspec" family'),
    ("TCPObject:setoption", '"reuseaddr"'),
    ("TCPObject:setoption", '"reuseport"'),
    ("TCPObject:setoption", '"recv-buffer-size"'),
    ("TCPObject:getoption", '"error"'),
    ("TCPObject:getsockname", '---@return ("inet"|"inet6"|"unspec")? family'),
    ("UDPConnected:send", "---@return integer? bytes"),
    ("UDPUnconnected:sendto", "---@return integer? bytes"),
    ("UDPObject:settimeout", "---@param value? number?"),
    ("UDPObject:gettimeout", "---@return number total"),
    ("UDPObject:receive", "---@param size? integer"),
    ("UDPObject:receive", '"connection refused"|"refused"'),
    ("UDPUnconnected:receivefrom", "---@return integer? port"),
    ("UDPUnconnected:receivefrom", "---@return_overload string, string, integer"),
    ("socket.udp", "---@return socket.UDPUnconnected? udp"),
    ("UDPObject:setpeername", "---@param port? integer|string"),
    ("UDPObject:setoption", '"ipv6-unicast-hops"'),
    ("UDPObject:getoption", '"dontroute"'),
    ("socket.dns.toip", "---@param address string"),
    ("socket.dns.tohostname", '---@return_overload nil, "host not found"|string'),
    ("socket.dns.getaddrinfo", "---@return socket.Address[]? addresses"),
    ("socket.dns.getnameinfo", "---@return string[]? names"),
    ("socket.dns.gethostname", "---@return string hostname"),
    ("socket.gettime", "---@return number seconds"),
    ("socket.newtry", "---@param finalizer? fun()"),
    ("socket.source", "---@param length? integer"),
    ("socket.skip", "---@return any ..."),
    ("socket.choose", "---@return function chooser"),
    ("TCPClient:send", "---@return integer? last"),
    ("TCPServer:accept", "---@return socket.TCPClient? client"),
]  # fmt: skip


@pytest.mark.parametrize(("function", "text"), HAS)
def test_faults_of_other_annotations_are_not_here(function: str, text: str) -> None:
    assert text in declared(function)


def test_options_that_cannot_be_got_are_not_offered() -> None:
    got = declared("TCPObject:getoption") + declared("UDPObject:getoption")
    for name in ("tcp-defer-accept", "tcp-fastopen", "ip-multicast-ttl", "ip-add-membership"):
        assert f'"{name}"' not in got


def test_clients_and_servers_do_not_inherit_from_masters() -> None:
    assert "---@class socket.TCPClient: socket.TCPObject\n" in TEXT
    assert "---@class socket.TCPServer: socket.TCPObject\n" in TEXT
    assert "function TCPObject:listen" not in TEXT
    assert "_DEBUG" not in TEXT


def test_a_union_says_nil_once() -> None:
    assert union(["string", "nil"]) == "string?"
    assert union(["nil", 'integer|"a"', "string|nil"]) == '(integer|"a"|string)?'
    assert union(["nil"]) == "nil"


def test_a_directory_that_cannot_be_written_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["annotations", str(tmp_path / "file")]) == 2
    assert "Cannot write" in capsys.readouterr().err
