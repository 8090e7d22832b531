"""Values, handles, functions and coroutines: the adapters in Lua and in Python answer alike."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from luasocket_runners.ports import Connection, Port, PortGone, PortUnavailable, resolve
from luasocket_runners.ports.process import CommandPort
from luasocket_runners.values import decode, encode

pytestmark = pytest.mark.usefixtures("nothing_left")

#: Seconds for any answer.
PATIENCE = 60.0

PORTS = ["reference", "child", "lua5.1", "lua5.2", "lua5.3", "lua5.4", "luajit", "lupa:lua54", "lupa:luajit21"]


class Line:
    """A connection, with numbers for its requests."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._number = 0

    def post(self, **message: Any) -> int:
        self._number += 1
        self._connection.post({"id": self._number, **message})
        return self._number

    def end(self, **message: Any) -> None:
        self._connection.post(message)

    def hear(self) -> dict[str, Any]:
        message = self._connection.wait(PATIENCE)
        assert message is not None
        return message

    def ask(self, **message: Any) -> dict[str, Any]:
        """Return the answer without its id."""
        number = self.post(**message)
        answer = self.hear()
        assert answer.pop("id") == number
        return answer

    def call(self, target: str | int, *args: Any, method: str | None = None) -> list[Any]:
        """Return the results of a call."""
        what: dict[str, Any] = {"target": target} if isinstance(target, str) else {"handle": target}
        if method is not None:
            what["method"] = method
        answer = self.ask(op="call", args=list(args), **what)
        assert "returns" in answer, answer
        return list(answer["returns"])

    def handle(self, target: str | int, *args: Any) -> int:
        """Return the handle that a call returns."""
        return int(self.call(target, *args)[0]["handle"])


def find(name: str) -> Port:
    if name == "child":
        return CommandPort(name, [sys.executable, "-m", "luasocket_runners.ports.adapters.reference"])
    return resolve(name)


@pytest.fixture(params=PORTS)
def line(request: pytest.FixtureRequest, nothing_left: None) -> Iterator[Line]:  # noqa: ARG001
    try:
        connection = find(request.param).open(None)
    except PortUnavailable as unavailable:
        pytest.skip(str(unavailable))
    yield Line(connection)
    connection.close()


@pytest.mark.parametrize(
    "value",
    [
        None, True, False, 0, -1, 2**53, 0.1, -1e300, 5e-324, "", "".join(map(chr, range(256))), '\\"\\\\u0041\\n/',
        {"number": "inf"}, {"number": "-inf"}, {"number": "nan"},
        {"table": []}, {"table": [["k", {"table": [[1, "x"]]}]]}, {"table": [[False, 1]]}, {"function": 9},
    ],
    ids=repr,
)  # fmt: skip
def test_values_are_returned_unchanged(line: Line, value: Any) -> None:
    assert line.call("socket.skip", 0, value, None) == [value, None]


@pytest.mark.parametrize(("text", "times"), [("x", 10_000_000), ("\xff", 1_000_000), ('"\\\n', 300_000)])
def test_long_strings(line: Line, text: str, times: int) -> None:
    assert line.call("socket.skip", 0, text * times + "!") == [text * times + "!"]


@pytest.mark.parametrize(("text", "times"), [("x", 10_000_000), ("\xff", 1_000_000), ("0123456789abcde\n", 5000)])
def test_long_strings_may_go_as_repetitions(line: Line, text: str, times: int) -> None:
    data = (text * times).encode("latin-1")
    form = encode(data, repeats=True)
    assert form == {"repeat": text, "times": times}
    for sent in (form, encode(data)):
        (answer,) = line.call("socket.skip", 0, sent)
        assert decode(answer) == data


def test_the_longest_message_passes() -> None:
    """Ten million bytes, six characters each, both ways at once: a program that writes before it has read all."""
    connection = CommandPort("cat", ["cat"]).open(None)
    message = {"x": "\xff" * 10_000_000}
    connection.post(message)
    connection.post({"y": 1})
    assert connection.wait(PATIENCE) == message
    assert connection.wait(PATIENCE) == {"y": 1}
    connection.close()


def test_a_message_to_a_port_that_does_not_read_does_not_block() -> None:
    connection = CommandPort("sleep", ["sleep", "1000"]).open(None)
    connection.post({"x": "x" * 10_000_000})
    assert connection.wait(0.05) is None
    connection.close()
    connection.close()
    with pytest.raises(PortGone, match="closed"):
        connection.post({})


def test_results_are_counted_exactly(line: Line) -> None:
    assert line.call("socket.skip", 0) == []
    assert line.call("socket.skip", 0, None, None) == [None, None]
    assert line.call("socket.skip", 1, None, None) == [None]


def test_one_object_has_one_handle(line: Line) -> None:
    handle = line.handle("socket.tcp")
    assert line.call("socket.skip", 0, {"handle": handle})[0]["handle"] == handle
    assert line.handle("socket.tcp") != handle
    function = line.handle("socket.newtry")
    assert line.call("socket.skip", 0, {"handle": function}) == [{"handle": function, "type": "function"}]


def test_a_table_made_by_the_runner_keeps_its_identity(line: Line) -> None:
    made = line.ask(op="make", value={"table": [[1, {"table": []}]]})["returns"]
    assert made == [{"handle": 1, "type": "table"}]
    assert line.call("socket.skip", 0, {"handle": 1}) == made
    assert line.call("rawequal", {"handle": 1}, {"handle": 1}) == [True]
    assert line.call("rawequal", {"table": []}, {"table": []}) == [False]
    key = {"table": [[{"handle": 1}, "x"]]}
    assert line.call("socket.skip", 0, key) == [{"table": [[made[0], "x"]]}]


def test_a_table_that_holds_a_function_is_an_object(line: Line) -> None:
    (value,) = line.call("socket.skip", 0, {"table": [["f", {"function": 1}]]})
    assert value["type"] == "table"
    assert line.ask(op="get", handle=value["handle"], field="f") == {"returns": [{"function": 1}]}
    assert line.ask(op="get", handle=value["handle"], field="g") == {"returns": [None]}


def test_a_table_with_a_callable_table_is_plain(line: Line) -> None:
    client = line.handle("socket.tcp4")
    sink = line.handle("socket.sink", "keep-open", {"handle": client})
    held = [{"handle": sink, "type": "table"}]
    assert line.call("socket.skip", 0, {"table": [[1, {"handle": sink}]]}) == [{"table": [[1, *held]]}]


def test_a_table_can_be_called(line: Line) -> None:
    made = line.ask(op="make", value={"table": [["x", 1]]}, calls={"function": 1})["returns"][0]
    assert made == {"handle": 1, "type": "table"}
    assert line.ask(op="get", handle=1, field="x") == {"returns": [1]}
    protected = line.handle("socket.protect", {"handle": 1})
    number = line.post(op="call", handle=protected, args=["a", None])
    assert line.hear() == {"id": number, "callback": 1, "args": [made, "a", None]}
    line.end(op="return", values=["b"])
    assert line.hear() == {"id": number, "returns": ["b"]}


def test_a_table_inherits_from_a_table(line: Line) -> None:
    parent = line.ask(op="make", value={"table": [["x", 1], ["y", 2]]})["returns"][0]["handle"]
    for inherits in ({"handle": parent}, {"table": [["x", 1], ["y", 2]]}):
        heir = line.ask(op="make", value={"table": [["x", 0]]}, inherits=inherits)["returns"][0]
        assert heir["type"] == "table"
        found = [line.ask(op="get", handle=heir["handle"], field=field)["returns"] for field in ("x", "y", "z")]
        assert found == [[0], [2], [None]]
        assert line.call("socket.skip", 0, {"handle": heir["handle"]}) == [heir], "it has a metatable"


def test_a_table_inherits_from_an_object(line: Line) -> None:
    heir = line.ask(op="make", value={"table": []}, inherits={"handle": line.handle("socket.tcp4")})["returns"][0]
    assert line.ask(op="get", handle=heir["handle"], field="class") == {"returns": ["tcp{master}"]}
    assert line.ask(op="get", handle=heir["handle"], field="nonsense") == {"returns": [None]}
    assert "tcp{any} expected" in line.ask(op="call", handle=heir["handle"], method="close", args=[])["raises"]


def test_a_table_inherits_from_a_function(line: Line) -> None:
    heir = line.ask(op="make", value={"table": [[1, "x"]]}, inherits={"function": 1})["returns"][0]
    number = line.post(op="call", target="socket.select", args=[None, {"handle": heir["handle"]}, 0])
    assert line.hear() == {"id": number, "callback": 1, "args": [heir, 2]}
    line.end(op="return", values=[None, "second"])
    assert line.hear() == {"id": number, "returns": [{"table": []}, {"table": []}, "timeout"]}


def test_release_forgets_and_closes(line: Line) -> None:
    """The descriptor's number is free again: the system gives the lowest that is."""
    handle = line.handle("socket.tcp4")
    numbers = [line.call(handle, method="getfd")]
    assert line.ask(op="release", handles=[handle]) == {"returns": []}
    again = line.handle("socket.tcp4")
    numbers.append(line.call(again, method="getfd"))
    assert numbers[0] == numbers[1]
    assert "fault" in line.ask(op="call", handle=handle, method="getfd", args=[])


def test_reset_closes_what_is_open(line: Line) -> None:
    numbers = []
    for _ in range(2):
        handle = line.handle("socket.tcp4")
        line.call("socket.skip", 0, {"table": [["close", {"function": 1}]]})  # which is not the port's to close
        numbers.append(line.call(handle, method="getfd"))
        assert line.ask(op="reset") == {"returns": []}
    assert numbers[0] == numbers[1]
    assert "fault" in line.ask(op="call", handle=handle, method="getfd", args=[])


def test_a_function_is_forgotten_by_reset(line: Line) -> None:
    line.call("socket.skip", 0, {"function": 1})
    line.ask(op="reset")
    line.post(op="call", target="socket.protect", args=[{"function": 1}])
    handle = line.hear()["returns"][0]["handle"]
    number = line.post(op="call", handle=handle, args=[])
    assert line.hear() == {"id": number, "callback": 1, "args": []}
    line.end(op="return", values=[1, None])
    assert line.hear() == {"id": number, "returns": [1, None]}


@pytest.mark.parametrize("value", ["text", None, 7, True, {"table": [["code", 7]]}])
def test_any_value_can_be_raised(line: Line, value: Any) -> None:
    protected = line.handle("socket.protect", {"function": 1})
    number = line.post(op="call", handle=protected, args=[])
    assert line.hear() == {"id": number, "callback": 1, "args": []}
    line.end(op="raise", value=value)
    assert line.hear() == {"id": number, "raises": value}


def test_callbacks_nest_and_name_the_innermost_request(line: Line) -> None:
    handle = line.handle("socket.protect", {"function": 1})
    outer = line.post(op="call", handle=handle, args=[1])
    assert line.hear() == {"id": outer, "callback": 1, "args": [1]}
    assert line.call("socket.skip", 0, "between") == ["between"]
    inner = line.post(op="call", handle=handle, args=[2])
    assert line.hear() == {"id": inner, "callback": 1, "args": [2]}
    line.end(op="return", values=["inner"])
    assert line.hear() == {"id": inner, "returns": ["inner"]}
    line.end(op="return", values=["outer"])
    assert line.hear() == {"id": outer, "returns": ["outer"]}


def test_a_coroutine_yields_twice_while_its_own_request_is_in_progress(line: Line) -> None:
    """The callback inside a resumed coroutine names the request that is under way there, then the one that resumed."""
    capabilities = line.ask(op="describe", protocol=1)["capabilities"]
    if "yield-across-pcall" not in capabilities:
        pytest.skip("this Lua cannot yield across pcall")
    body = line.handle("coroutine.wrap", {"function": 1})
    inside = line.handle("coroutine.wrap", {"function": 3})
    first = line.post(op="call", handle=body, args=[])
    assert line.hear() == {"id": first, "callback": 1, "args": []}
    called = line.post(op="call", target="socket.skip", args=[0])
    assert line.hear() == {"id": called, "returns": []}
    yielded = line.post(op="call", target="coroutine.yield", args=[1])
    assert line.hear() == {"id": first, "returns": [1]}
    assert line.call("socket.skip", 0, "free") == ["free"]  # the coroutine sleeps
    second = line.post(op="call", handle=body, args=[2])
    assert line.hear() == {"id": yielded, "returns": [2]}
    nested = line.post(op="call", handle=inside, args=["in"])
    assert line.hear() == {"id": nested, "callback": 3, "args": ["in"]}
    deep = line.post(op="call", target="coroutine.yield", args=["deep"])
    assert line.hear() == {"id": nested, "returns": ["deep"]}
    again = line.post(op="call", target="coroutine.yield", args=[3])
    assert line.hear() == {"id": second, "returns": [3]}
    third = line.post(op="call", handle=body, args=[])
    assert line.hear() == {"id": again, "returns": []}
    last = line.post(op="call", handle=inside, args=["out"])
    assert line.hear() == {"id": deep, "returns": ["out"]}
    line.end(op="return", values=["inside"])
    assert line.hear() == {"id": last, "returns": ["inside"]}
    line.end(op="return", values=["body"])
    assert line.hear() == {"id": third, "returns": ["body"]}


def test_an_impossible_yield_raises_and_the_callback_continues(line: Line) -> None:
    assert "raises" in line.ask(op="call", target="coroutine.yield", args=[])
    handle = line.handle("socket.protect", {"function": 1})
    number = line.post(op="call", handle=handle, args=[])
    assert line.hear() == {"id": number, "callback": 1, "args": []}
    assert "raises" in line.ask(op="call", target="coroutine.yield", args=[])
    line.end(op="return", values=["still here"])
    assert line.hear() == {"id": number, "returns": ["still here"]}


def test_a_sleeping_coroutine_is_forgotten_by_reset(line: Line) -> None:
    body = line.handle("coroutine.wrap", {"function": 1})
    number = line.post(op="call", handle=body, args=[])
    assert line.hear() == {"id": number, "callback": 1, "args": []}
    line.post(op="call", target="coroutine.yield", args=[])
    assert line.hear() == {"id": number, "returns": []}
    assert line.ask(op="reset") == {"returns": []}
    assert line.call("socket.skip", 0, 1) == [1]


@pytest.mark.parametrize(
    "request_",
    [
        {"op": "dance"}, {"op": "call", "target": "socket.skip"}, {"op": "call", "handle": 99, "args": []},
        {"op": "call", "target": "socket.skip", "args": [{"nonsense": 1}]}, {"op": "make", "value": 1},
    ],
    ids=str,
)  # fmt: skip
def test_an_invalid_request_is_a_fault(line: Line, request_: dict[str, Any]) -> None:
    assert list(line.ask(**request_)) == ["fault"]
    assert line.call("socket.skip", 0, 1) == [1]


@pytest.mark.parametrize("target", ["socket.nix", "socket.nix.nix", "socket.dns.nix", "os.exit", "coroutine.nix"])
def test_an_absent_function_is_missing(line: Line, target: str) -> None:
    assert list(line.ask(op="call", target=target, args=[])) == ["missing"]


#: A module whose objects are structs of LuaJIT, as those of ports without a compiled part.
STRUCTS = """
local ffi = require "ffi"
local module = { closed = 0 }
local Object = ffi.metatype("struct { int descriptor; }", { __index = {
    getfd = function(self) return self.descriptor end,
    close = function(self) module.closed = module.closed + 1 end,
} })
module.tcp = function() return Object(7) end
return module
"""


def test_structs_of_luajit_are_objects(tmp_path: Path) -> None:
    (tmp_path / "structs.lua").write_text(STRUCTS)
    try:
        connection = resolve(f"luajit@{tmp_path / 'structs.lua'}").open(None)
    except PortUnavailable as unavailable:
        pytest.skip(str(unavailable))
    try:
        line = Line(connection)
        made = line.handle("socket.tcp")
        assert line.call(made, method="getfd") == [7]
        assert "missing" in line.ask(op="call", handle=made, method="accept", args=[])
        assert line.ask(op="get", handle=made, field="gettimeout") == {"returns": [None]}
        line.ask(op="reset")
        assert line.ask(op="get", target="socket.closed") == {"returns": [1]}
    finally:
        connection.close()
