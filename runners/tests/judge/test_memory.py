"""Level 0: what calls have to return after others, and which calls have to raise, with traces written by hand."""

import json
from pathlib import Path
from typing import Any

import pytest
from luasocket_runners.judge.finding import Finding
from luasocket_runners.judge.judging import judge
from luasocket_runners.judge.trace import read

CLIENT, SERVER = {"object": 1, "class": "tcp{client}"}, {"object": 1, "class": "tcp{server}"}
MASTER = {"object": 1, "class": "tcp{master}"}
UNCONNECTED, CONNECTED = {"object": 1, "class": "udp{unconnected}"}, {"object": 1, "class": "udp{connected}"}
MADE = {"function": "tcp", "results": [MASTER]}


def call(of: dict[str, Any], function: str, *results: Any, args: tuple[Any, ...] = (), **more: Any) -> dict[str, Any]:
    return {**of, "function": function, "args": list(args), "results": list(results), **more}


def raised(of: dict[str, Any], function: str, error: Any, *args: Any) -> dict[str, Any]:
    return {**of, "function": function, "args": list(args), "error": error}


def table(*pairs: tuple[Any, Any]) -> dict[str, Any]:
    return {"table": [list(pair) for pair in pairs]}


def found(tmp_path: Path, *calls: dict[str, Any], **header: Any) -> list[Finding]:
    """Judge a trace in which a call begins each second and takes no time."""
    lines: list[dict[str, Any]] = [{"trace": 1, "lua": "Lua 5.4", "module": "toy", "started": 0, **header}]
    lines += [{"call": n, "at": float(n), "took": 0, "args": [], **fields} for n, fields in enumerate(calls, 1)]
    trace = tmp_path / "trace.jsonl"
    trace.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return list(judge([read(trace)], "luasocket-3").findings)


def expected(tmp_path: Path, *calls: dict[str, Any], **header: Any) -> str:
    """Return what the only finding, which is about the last call, asks for."""
    (finding,) = found(tmp_path, *calls, **header)
    assert finding.call.number == len(calls)
    assert not finding.is_remark
    return finding.expected


RECEIVE_LINE = call(CLIENT, "receive", "ab", None, None)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (call(CLIENT, "receive", "x", None, None, args=("*x",)), 'an error with "bad argument #1'),
        (call(CLIENT, "receive", "x", None, None, args=(-1,)), "invalid receive pattern"),
        (call(CLIENT, "settimeout", 1, args=("soon",)), "number expected"),
        (call(CLIENT, "shutdown", 1, args=("all",)), "an error with"),
        (call(SERVER, "receive", None, "closed", ""), "tcp{client} expected"),
        (call(UNCONNECTED, "getpeername", None, "not connected"), "udp{connected} expected"),
        (call(CONNECTED, "sendto", 1, args=("x", "127.0.0.1", 9)), "udp{unconnected} expected"),
        (raised(CLIENT, "receive", "bad argument #1 to 'receive' (string expected)", 10), "results"),
        (raised(CLIENT, "getstats", "attempt to use a closed socket"), "results"),
        (raised(CLIENT, "send", {"type": "userdata"}, "x"), "results"),
        (raised(MASTER, "connect", {"type": "table"}, "127.0.0.1", 9), "results"),
        (raised(UNCONNECTED, "getpeername", "bad argument #1 to 'getpeername'"), "udp{connected} expected"),
        (call(SERVER, "accept", None, "closed"), "the server is open"),
        (call({}, "select", table((CLIENT, 1)), table(), args=(table((1, CLIENT)), None)), "under a position"),
        (raised({}, "select", "not supported", table((1, CLIENT)), None, 0), "two tables"),
    ],
)
def test_results_that_cannot_be(tmp_path: Path, wrong: dict[str, Any], text: str) -> None:
    assert text in expected(tmp_path, wrong)


@pytest.mark.parametrize(
    "right",
    [
        raised(CLIENT, "receive", "bad argument #1 to 'receive' (invalid receive pattern)", "*x"),
        raised(SERVER, "receive", "calling 'receive' on bad self (tcp{client} expected)"),
        raised(CLIENT, "receive", "interrupted!", 10),
        raised(CONNECTED, "receive", "not enough memory", 1e9),
        # another system, or another release, may have other options
        raised(CLIENT, "setoption", "bad argument #1 to 'setoption' (unsupported option `reuseport')", "reuseport", 1),
        call(CLIENT, "getoption", True, args=("of-a-later-release",)),
        # the program's own objects raise what they like
        raised({}, "select", {"type": "table"}, table((1, {"type": "userdata"}))),
    ],
)  # fmt: skip
def test_errors_that_are_no_findings(tmp_path: Path, right: dict[str, Any]) -> None:
    assert found(tmp_path, right) == []


def test_a_server_that_is_closed_says_so(tmp_path: Path) -> None:
    closed = call(SERVER, "accept", None, "closed")
    assert found(tmp_path, call(SERVER, "close", 1), closed) == []
    assert found(tmp_path, call(SERVER, "setfd", args=(-1,)), closed) == []


def test_arguments_are_judged_for_the_lua_of_the_trace(tmp_path: Path) -> None:
    refused = raised(CLIENT, "settimeout", "bad argument #1 to 'settimeout' (number expected, got string)", "inf")
    assert found(tmp_path, refused) == []
    assert expected(tmp_path, refused, lua="Lua 5.1") == "results"
    assert found(tmp_path, refused, lua="another language") == []


def test_counts(tmp_path: Path) -> None:
    sent = call(CLIENT, "send", 5, None, None, args=("abcde", 4))
    partly = call(CLIENT, "send", None, "timeout", 3, args=("abcde",))
    counted = call(CLIENT, "receive", "abc", None, None, args=(3,))
    assert found(tmp_path, MADE, sent, partly, counted, call(CLIENT, "getstats", 3, 5, 4)) == []
    assert expected(tmp_path, counted, call(CLIENT, "getstats", 4, 0, 1)) == "3, and two more numbers"
    assert expected(tmp_path, sent, partly, call(CLIENT, "getstats", 0, 7, 1)) == "5 as the second number"
    # carriage returns may have been dropped from a line
    assert found(tmp_path, RECEIVE_LINE, call(CLIENT, "getstats", 4, 0, 1)) == []
    assert expected(tmp_path, RECEIVE_LINE, call(CLIENT, "getstats", 2, 0, 1)) == "3 or more, and two more numbers"
    assert "as the age" in expected(tmp_path, MADE, call(CLIENT, "getstats", 0, 0, 1.7e9))
    setting = call(CLIENT, "setstats", 1, args=(0, 0, 0))
    assert found(tmp_path, MADE, counted, setting, call(CLIENT, "getstats", 0, 9, 77)) == []


def connect(host: str, port: Any, *results: Any) -> dict[str, Any]:
    return call(MASTER, "connect", *results, args=(host, port), becomes="tcp{client}")


def test_addresses(tmp_path: Path) -> None:
    peer = call(CLIENT, "getpeername", "127.0.0.1", 80, "inet")
    assert found(tmp_path, connect("127.0.0.1", 80, 1), peer) == []
    assert found(tmp_path, connect("127.0.0.1", "80", 1), peer) == []
    assert found(tmp_path, connect("localhost", 80, 1), peer) == []
    # nobody knows whether an attempt that failed has left something behind
    assert found(tmp_path, connect("127.0.0.1", 81, None, "connection refused"), peer) == []
    assert expected(tmp_path, connect("127.0.0.1", 81, 1), peer) == '"127.0.0.1" and 81, which the program asked for'
    assert "asked for" in expected(tmp_path, connect("127.0.0.2", 80, 1), peer)
    by_module = {"function": "connect", "args": ["127.0.0.1", 81], "results": [CLIENT]}
    assert "asked for" in expected(tmp_path, by_module, peer)
    bind = call(UNCONNECTED, "setsockname", 1, args=("127.0.0.1", 80))
    own = call(UNCONNECTED, "getsockname", "127.0.0.1", "80", "inet")
    assert found(tmp_path, bind, own) == []
    assert found(tmp_path, bind | {"args": ["*", 0]}, own) == []
    assert "asked for" in expected(tmp_path, bind | {"args": ["127.0.0.1", 8080]}, own)
    assert "number of a port" in expected(tmp_path, call(UNCONNECTED, "getsockname", "127.0.0.1", "http", "inet"))


def test_options(tmp_path: Path) -> None:
    setting = call(CLIENT, "setoption", 1, args=("keepalive", True))
    reading = call(CLIENT, "getoption", False, args=("keepalive",))
    assert expected(tmp_path, setting, reading) == "true, as it was set"
    assert expected(tmp_path, reading | {"results": [0]}) == "true or false"
    assert found(tmp_path, reading) == []
    assert found(tmp_path, setting, setting | {"args": ["keepalive", False]}, reading) == []
    assert found(tmp_path, setting, call(CLIENT, "setfd", args=(5,)), reading) == []
    assert found(tmp_path, setting, reading | {"results": [None, "getsockopt failed"]}) == []


def test_limits_are_returned_as_they_were_set(tmp_path: Path) -> None:
    block, total = call(CLIENT, "settimeout", 1, args=(2,)), call(CLIENT, "settimeout", 1, args=(3, "t"))
    assert found(tmp_path, call(CLIENT, "gettimeout", -1, -1), block, total, call(CLIENT, "gettimeout", 2, 3)) == []
    assert expected(tmp_path, block, total, call(CLIENT, "gettimeout", 3, 3)) == "2, 3"


RESOLVED = table(("name", "host"), ("alias", table()), ("ip", table((1, "127.0.0.1"))))
ADDRESS = table(("family", "inet"), ("addr", "127.0.0.1"))


@pytest.mark.parametrize(
    ("function", "argument", "results", "text"),
    [
        ("toip", "host", ("127.0.0.1", RESOLVED), None),
        ("toip", "host", ("127.0.0.1",), "name, alias and ip"),
        ("toip", "host", ("127.0.0.2", RESOLVED), "the first address"),
        ("toip", "127.0.0.2", ("127.0.0.1", RESOLVED), "127.0.0.2"),
        ("tohostname", "127.0.0.1", ("host", RESOLVED), None),
        ("tohostname", "127.0.0.1", ("127.0.0.1", RESOLVED), "the name of the table"),
        ("getaddrinfo", "127.0.0.1", (table((1, ADDRESS)),), None),
        ("getaddrinfo", "127.0.0.1", (table((0, ADDRESS)),), "begins at 1"),
        ("getaddrinfo", "host", (table((1, table(("addr", "::1")))),), "family and addr"),
        ("getaddrinfo", "host", (table((1, table(("family", "inet"), ("addr", "::1")))),), '"inet6" for ::1'),
        ("getaddrinfo", "127.0.0.3", (table((1, ADDRESS)),), "127.0.0.3"),
        ("getnameinfo", "127.0.0.1", (table((1, "host")),), None),
        ("getnameinfo", "127.0.0.1", ("host",), "a list of names"),
        ("gethostname", None, ("host",), None),
        ("gethostname", None, (True,), "a string"),
        ("toip", "host", (None, "host not found"), None),
    ],
)
def test_answers(tmp_path: Path, function: str, argument: Any, results: tuple[Any, ...], text: str | None) -> None:
    one = call({}, f"dns.{function}", *results, args=(argument,))
    if text is None:
        assert found(tmp_path, one) == []
    else:
        assert text in expected(tmp_path, one)


def test_times_of_a_module_without_gettime_are_whole_seconds(tmp_path: Path) -> None:
    limit, timeout = call(CLIENT, "settimeout", 1, args=(0.5,)), call(CLIENT, "receive", None, "timeout", "")
    assert expected(tmp_path, limit, timeout) == "a call of at least 0.5 s"
    assert found(tmp_path, limit, timeout, resolution=1) == []
