"""A difference is written as a behaviour that the loader reads, the reference passes and the faulty port fails."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import luasocket_spec
import pytest

pytest.importorskip("hypothesis")

from luasocket_runners.cli.main import main
from luasocket_runners.engine.engine import Engine
from luasocket_runners.explore.lockstep import Difference, Lockstep, show_outcome
from luasocket_runners.explore.search import Limits, Search
from luasocket_runners.explore.side import Side
from luasocket_runners.explore.steps import Call, Outcome, PeerAct
from luasocket_runners.explore.write import file_of, listing
from luasocket_runners.notation import Names
from luasocket_runners.ports import Port, resolve
from luasocket_runners.ports.inprocess import PythonPort, reference_api
from luasocket_runners.result import Verdict
from luasocket_spec.model import Ref, Repeat

Replace = Callable[[Callable[..., Any]], Callable[..., Any]]


def one_too_many(send: Callable[..., Any]) -> Callable[..., Any]:
    def send_of_a_faulty_port(*args: Any) -> Any:
        last, *rest = send(*args)
        return (last if last is None else last + 1, *rest)

    return send_of_a_faulty_port


def keeps_the_carriage_return(receive: Callable[..., Any]) -> Callable[..., Any]:
    def receive_of_a_faulty_port(*args: Any) -> Any:
        data, *rest = receive(*args)
        return (data + b"\r" if isinstance(data, bytes) else data, *rest)

    return receive_of_a_faulty_port


def ignores_the_mode(settimeout: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, value=None, mode=None, *rest: settimeout(self, value, *rest)


def never_moves(setfd: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, descriptor=None, *rest: setfd(self, descriptor, *rest) if descriptor == -1 else ()


def takes_no_tables(select: Callable[..., Any]) -> Callable[..., Any]:
    def select_of_a_faulty_port(readers: Any = None, writers: Any = None, *rest: Any) -> Any:
        def without_tables(values: Any) -> Any:
            if not isinstance(values, dict):
                return values
            return dict(enumerate((value for value in values.values() if not isinstance(value, dict)), 1))

        return select(without_tables(readers), without_tables(writers), *rest)

    return select_of_a_faulty_port


def reads_its_lists_raw(select: Callable[..., Any]) -> Callable[..., Any]:
    def select_of_a_faulty_port(readers: Any = None, writers: Any = None, *rest: Any) -> Any:
        def raw(values: Any) -> Any:
            return dict(dict.items(values)) if isinstance(values, dict) else values

        return select(raw(readers), raw(writers), *rest)

    return select_of_a_faulty_port


@pytest.mark.parametrize(
    "replaced",
    [
        {"send": one_too_many},
        {"receive": keeps_the_carriage_return},
        {"settimeout": ignores_the_mode},
        {"setfd": never_moves},
        {"select": takes_no_tables},
        {"select": reads_its_lists_raw},
    ],
    ids=lambda replaced: next(iter(replaced.values())).__name__,
)
def test_a_difference_is_written_as_a_behaviour(
    faulty: Callable[..., PythonPort], check_written: Callable[[str, Port], None], replaced: dict[str, Replace]
) -> None:
    port = faulty(**replaced)
    found = Search(resolve("reference"), port, "luasocket-3").run(Limits(calls=20000, differences=1))
    assert found.differences
    check_written(file_of(found.differences, "luasocket-3"), port)


def drops_its_input(send: Callable[..., Any]) -> Callable[..., Any]:
    def send_of_a_faulty_port(self: Any, *args: Any) -> Any:
        results = send(self, *args)
        if results[1] == b"timeout":
            reference_api().index(self, "receive")(self, 2)
        return results

    return send_of_a_faulty_port


def test_a_flood_is_written_without_the_numbers_of_this_run(
    faulty: Callable[..., PythonPort], check_written: Callable[[str, Port], None]
) -> None:
    port = faulty(send=drops_its_input)
    steps = (
        PeerAct("peer1", "listen", b"127.0.0.1", (("small_buffers", True),), bind="peer1"),
        Call(None, "socket.tcp", (), ("tcp1",)),
        Call("tcp1", "settimeout", (0.01,)),
        Call("tcp1", "connect", (Ref("peer1.ip"), Ref("peer1.port"))),
        PeerAct("peer1", "accept"),
        PeerAct("peer1", "send", b"hello\n"),
        Call("tcp1", "send", (Repeat(b"0123456789abc", 500_000),), (None, None, "sent1")),
        PeerAct("peer1", "collect"),
        Call("tcp1", "receive"),
    )
    with Side(resolve("reference"), "luasocket-3") as reference, Side(port, "luasocket-3") as other:
        (difference,) = filter(None, map(Lockstep(reference, other, "luasocket-3").run, steps))
    text = file_of([difference], "luasocket-3")
    assert "needs: [buffers-fill]" in text
    assert "[null, timeout, {type: number}]" in text
    check_written(text, port)


def test_the_listing_has_the_calls_and_both_outcomes(faulty: Callable[..., PythonPort]) -> None:
    found = Search(resolve("reference"), faulty(settimeout=ignores_the_mode), "luasocket-3").run(
        Limits(calls=8000, differences=1)
    )
    (difference,) = found.differences
    text = listing(difference, "faulty")
    call = difference.steps[-1]
    assert isinstance(call, Call)
    # The mode that is ignored shows in what gettimeout returns, or in an error that is not raised.
    assert call.path in ("gettimeout", "settimeout")
    assert text.startswith(f"DIFFERENCE in :{call.path}: ")
    assert f"  {call.object}:{call.path}(" in text
    assert ":settimeout(" in text
    assert f"    reference  {difference.expected}" in text
    assert f"    faulty     {difference.actual}" in text


BUGGY = """\
local socket = require "socket"
local methods = debug.getregistry()["tcp{client}"].__index
local receive = methods.receive
methods.receive = function(...)
  local data, message, partial = receive(...)
  return data, message, partial == "" and "x" or partial
end
return socket
"""


@pytest.mark.parametrize(
    ("outcome", "shown"),
    [
        (Outcome("saw", (b"ab", "closed")), 'it received "ab"; the connection is closed'),
        (Outcome("saw", (b"", None)), 'it received ""'),
        (Outcome("saw"), "the peer did it"),
        (Outcome("saw", (b"failure",), sentence="nothing listens"), "nothing listens"),
        (Outcome("returned", (None, b"timeout")), 'nil, "timeout"'),
        (Outcome("raised", (b"oops",)), 'error: "oops"'),
    ],
)
def test_outcomes_are_shown(outcome: Outcome, shown: str) -> None:
    assert show_outcome(outcome, Names({})) == shown


@pytest.mark.skipif(shutil.which("lua5.4") is None, reason="needs lua5.4")
def test_the_file_that_is_written_runs_as_a_spec(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("buggy.lua").write_text(BUGGY)
    Path("found/behaviours").mkdir(parents=True)
    arguments = ["--calls", "8000", "--differences", "1", "--write", "found/behaviours/buggy.yaml"]
    assert main(["explore", "--port", "lua5.4@buggy.lua", *arguments]) == 1
    out = capsys.readouterr().out
    listed = out.index("DIFFERENCE in :receive: result 3 differs\n")
    command = f"--spec {tmp_path / 'found'} run --port lua5.4@buggy.lua"
    assert listed < out.index(f"written to found/behaviours/buggy.yaml; to run it: luasocket-conformance {command}")
    assert out.endswith(" programs: 1 kind of difference\n")
    assert main(command.split()) == 1
    assert "FAILED buggy/explored-1" in capsys.readouterr().out
    assert main(["--spec", "found", "run", "--port", "lua5.4"]) == 0
    assert "1 behaviour: 1 passed" in capsys.readouterr().out


def test_the_command_says_what_it_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explore", "--port", "reference", "--calls", "200", "--seed", "4"]) == 0
    heading, _, summary = capsys.readouterr().out.splitlines()
    assert heading == "port reference, dialect luasocket-3, seed 4, profile everything"
    assert summary.endswith("0 kinds of differences")


@pytest.mark.parametrize(
    ("arguments", "status", "sentence"),
    [
        (["--port", "nonsense"], 2, "nonsense"),
        (["--port", "command:/no/such/program"], 3, "/no/such/program"),
        (["--port", "reference", "--minutes", "soon"], 2, "'soon' is not a number of minutes"),
        (["--port", "reference", "--minutes", "0"], 2, "'0' is not a number of minutes"),
        (["--port", "reference", "--calls", "many"], 2, "'many' is not a number from 0 on"),
        (["--port", "reference", "--write", "/no/such/directory/x.yaml"], 2, "/no/such/directory"),
    ],
)
def test_bad_input_gets_a_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, sentence: str
) -> None:
    assert main(["explore", *arguments]) == status
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "calls", "programs"),
    [(["--minutes", "0.05"], (1, 20000), (1, 500)), (["--examples", "3"], (20, 1000), (3, 3))],
)
def test_the_limits_of_the_command(
    capsys: pytest.CaptureFixture[str], arguments: list[str], calls: tuple[int, int], programs: tuple[int, int]
) -> None:
    assert main(["explore", "--port", "reference", *arguments]) == 0
    *_, summary = capsys.readouterr().out.splitlines()
    numbers = [int(word) for word in summary.split() if word.isdigit()]
    assert calls[0] <= numbers[0] <= calls[1]
    assert programs[0] <= numbers[1] <= programs[1]


def test_without_hypothesis_the_command_says_how_to_install_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("luasocket_runners.cli.explore.find_spec", lambda name: None)
    assert main(["explore", "--port", "reference"]) == 2
    assert "pip install hypothesis" in capsys.readouterr().err


def test_long_values_are_broken_into_lines_that_the_loader_takes(tmp_path: Path) -> None:
    data = b"0123456789" * 60
    values = (*range(300), b"l" * 100 + b"\n", b"a  b " * 30)
    skip = Call(None, "socket.skip", (0, *values, data))
    outcome = Outcome("returned", (*values, data))
    difference = Difference((skip,), (outcome,), "", "", "302 values instead of 303", ("socket.skip", "", ""))
    spec = tmp_path / "data"
    shutil.copytree(Path(luasocket_spec.__file__).parent, spec, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    (spec / "behaviours" / "explored.yaml").write_text(file_of([difference], "luasocket-3"))
    (behaviour,) = [item for item in luasocket_spec.load(spec).behaviours if item.id.startswith("explored/")]
    with Engine(resolve("reference"), "luasocket-3") as engine:
        assert engine.run(behaviour).verdict is Verdict.PASSED
