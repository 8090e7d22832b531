"""The command: exit statuses, and a sentence on standard error for each wrong usage."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from luasocket_runners.cli import main as cli
from luasocket_runners.cli.failure import INTERRUPTED, UNREAD
from luasocket_runners.cli.main import main
from luasocket_runners.ports import PortUnavailable, known_ports
from luasocket_runners.repro import peer_program

#: Seconds that a process has; it needs one or two.
LONG = 60.0

#: The commands; empty: none of them.
COMMANDS = [
    "",
    "run",
    "report",
    "list",
    "show",
    "peer",
    "disagreements",
    "coverage",
    "faults",
    "ports",
    "adapter",
    "init",
]

CORPUS = """\
about: test
behaviours:
  - {id: good, says: "It is caf\xe9.", authority: observed, steps: [{call: socket.skip, with: [0, 1], returns: [1]}]}
  - {id: bad, says: It is two., authority: observed, steps: [{call: socket.skip, with: [0, 1], returns: [2]}]}
  - {id: old, says: S., authority: observed, dialects: [defold], steps: [{call: socket.skip, with: [0], returns: []}]}
  - id: peers
    says: S.
    authority: observed
    given: {client: connected client}
    steps: [{peer: {drain: true}}, {call: client:send, with: [x], returns: [1, null, null]}]
"""


@pytest.fixture
def spec(make_data: Callable[[str], Path]) -> list[str]:
    """The arguments for a small spec: one behaviour that passes, one that does not, one of the other dialect."""
    return ["--spec", str(make_data(CORPUS))]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Give a command, such as 'run'."),
        (["dance"], "invalid choice: 'dance'"),
        (["run", "--parallel"], "unrecognized arguments: --parallel\nusage: luasocket-conformance run "),
        (["show", "--parallel", "x"], "unrecognized arguments: --parallel\nusage: luasocket-conformance show "),
        (["run", "--port", "moonsocket"], "There is no port 'moonsocket'. The ports are: reference, "),
        (["run", "--port", "lupa:lua99"], "lupa has no runtime 'lua99'"),
        (["run", "tcp/teleport", "select"], "No behaviour matches 'tcp/teleport'."),
        (["run", "*no-such-behaviour*"], "No behaviour matches '*no-such-behaviour*'."),
        (["list", "tcp/teleport"], "No behaviour matches 'tcp/teleport'."),
        (["run", "--workers", "0"], "argument --workers: '0' is not a number from 1 to 256"),
        (["run", "--workers", "many"], "argument --workers: 'many' is not a number from 1 to 256"),
        (["run", "--workers", "-3"], "--workers"),
        (["run", "--workers", "9" * 5000], "is not a number from 1 to 256"),
        (["run", "--deadline", "1e300"], "argument --deadline: '1e300' is not a number of seconds from 0.1 to 86400"),
        (["run", "--deadline", "-1"], "--deadline"),
        (["run", "--deadline", "1e-9"], "argument --deadline: '1e-9' is not a number of seconds from 0.1 to 86400"),
        (["run", "--deadline", "0"], "argument --deadline: '0' is not a number of seconds from 0.1"),
        (["run", "--deadline", "nan"], "argument --deadline: 'nan' is not"),
        (["run", "--deadline", "inf"], "argument --deadline: 'inf' is not"),
        (["run", "--deadline", "soon"], "argument --deadline: 'soon' is not"),
        (["run", "--dialect", "klingon"], "invalid choice: 'klingon'"),
        (["run", "--authority", "mine"], "invalid choice: 'mine'"),
        (["run", "--known", "/nonexistent/list"], "/nonexistent/list"),
        (["--spec", "/nonexistent/spec", "list"], "/nonexistent/spec"),
        (["show"], "the following arguments are required: ID"),
        (["show", "tcp/teleport"], "No behaviour has the id 'tcp/teleport'."),
        (["peer", "tcp/teleport"], "No behaviour has the id 'tcp/teleport'."),
        (["show", "module/skip-identity", "--as", "lua", "--module", "a'b"], "cannot be the name of a Lua module"),
    ],
)
def test_wrong_usage(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("luasocket-conformance: ")
    assert sentence in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "test/old"], "No selected behaviour applies to the dialect luasocket-3."),
        (
            ["show", "test/old", "--as", "lua", "--dialect", "luasocket-3"],
            "test/old applies to the dialect defold only.",
        ),
        (["peer", "test/good"], "test/good has no peers: run its script alone."),
    ],
)
def test_options_that_a_behaviour_cannot_have(
    spec: list[str], arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*spec, *arguments]) == 2
    assert capsys.readouterr().err == f"luasocket-conformance: {sentence}\n"


def test_a_broken_spec(spec: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    (Path(spec[1]) / "behaviours" / "test.yaml").write_text("about: x\nbehaviours: {}\n", encoding="utf-8")
    assert main([*spec, "list"]) == 2
    assert "behaviours/test.yaml:2: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("test/bad\n", ":1: the reason is missing"),
        ("# why\n\ntest/worse: because\n", ":3: "),
        ("test/bad: a\ntest/bad: b\n", ":2: "),
        (b"\xff\xfe", "cannot be read"),
    ],
)
def test_a_bad_list_of_deviations(
    spec: list[str], tmp_path: Path, text: str | bytes, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    known = tmp_path / "known"
    known.write_bytes(text.encode() if isinstance(text, str) else text)
    assert main([*spec, "run", "--known", str(known)]) == 2
    err = capsys.readouterr().err
    assert str(known) in err
    assert sentence in err


def test_a_port_that_conforms(spec: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*spec, "run", "-v", "test/good"]) == 0
    out = capsys.readouterr().out
    assert "1 behaviour: 1 passed in " in out
    assert out.endswith("\nconforms\n")


def test_a_port_that_deviates(spec: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*spec, "run"]) == 1
    out, err = capsys.readouterr()
    assert "\nFAILED test/bad\n  socket.skip(0, 1)\n    expected   2\n    returned   1  " in out
    assert "3 behaviours: 2 passed, 1 failed in " in out
    assert out.endswith("\nfails: 1 undeclared failure\n")
    assert err == ""


def test_known_deviations_are_strict_both_ways(
    spec: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = tmp_path / "known"
    known.write_text("test/bad: it is one here, https://example.org/7\n", encoding="utf-8")
    assert main([*spec, "run", "--known", str(known)]) == 0
    out = capsys.readouterr().out
    assert "1 known deviation in" in out
    assert out.endswith("\nas declared: 1 known deviation\n")
    known.write_text("test/bad: it is one here\ntest/good: gone\n", encoding="utf-8")
    assert main([*spec, "run", "--known", str(known)]) == 1
    out = capsys.readouterr().out
    assert f"FAILED test/good\n  unexpected pass: remove {known}:2\n" in out


def test_a_port_that_cannot_be_run(spec: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*spec, "run", "--port", "command:/nonexistent/adapter"]) == 3
    assert "/nonexistent/adapter" in capsys.readouterr().err


def test_a_port_that_dies_during_the_run(
    spec: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*_args: object) -> None:
        raise PortUnavailable("It does not start any more.")

    monkeypatch.setattr("luasocket_runners.run.session.Session.run", run)
    assert main([*spec, "run"]) == 3
    assert capsys.readouterr().err == "luasocket-conformance: It does not start any more.\n"


def test_list_show_coverage_ports(spec: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*spec, "list", "test/ba*"]) == 0
    assert capsys.readouterr().out == "test/bad  (observed)\n    It is two.\n"
    assert main([*spec, "show", "test/bad"]) == 0
    assert "returns: [2]" in capsys.readouterr().out
    assert main([*spec, "show", "test/bad", "--as", "lua"]) == 0
    assert 'local socket = require "socket"' in capsys.readouterr().out
    assert main([*spec, "show", "test/old", "--as", "lua"]) == 0
    assert "dialect defold" in capsys.readouterr().out
    assert main([*spec, "coverage"]) == 1
    assert "0 of 1 statements covered (0.0 %), 0 waived" in capsys.readouterr().out
    assert main([*spec, "coverage", "--missing"]) == 1
    assert capsys.readouterr().out == "test/statement\n    It is so.\n"
    assert main(["ports", "--names"]) == 0
    assert {"reference", "lupa:lua54", "tcp:HOST:PORT"} <= set(capsys.readouterr().out.split("\n"))


def test_ports_runs_those_that_are_named(spec: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    port = tmp_path / "port"
    port.mkdir()
    (port / "port.toml").write_text('name = "port"\ncommand = ["lua5.4", "{adapter}", "socket"]\nknown = "known.txt"\n')
    (port / "known.txt").write_text("test/nothing: no such behaviour, https://example.org/1\n")
    assert main([*spec, "ports", "reference", str(port)]) == 3
    reference, other = capsys.readouterr().out.splitlines()
    assert re.fullmatch(
        r"reference +0 quirks, 0 lines; judged to the last step: 100\.0 % of \d behaviours whose functions exist; "
        r"fails: 1 undeclared failure",
        reference,
    )
    assert "unavailable: " in other
    assert "no behaviour matches test/nothing" in other


def test_ports_says_which_are_available(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert main(["ports"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [name.split()[0] for name in known_ports()]
    rows = {line.split()[0]: line.split(maxsplit=1)[1:] for line in lines}
    assert rows["reference"][0].startswith("reference LuaSocket 3.0.0 Python 3.")
    for name in ("lua5.1", "luajit"):
        assert rows[name] == [f"unavailable: there is no program {name}. Install it, or give its whole path."]
    assert rows["tcp:HOST:PORT"] == []


def test_the_shipped_specification_has_full_coverage() -> None:
    assert main(["coverage"]) == 0


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert re.fullmatch(r"luasocket-conformance \d\S*, spec \d\S*\n", capsys.readouterr().out)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command has examples of its own, which the command line understands."""
    with pytest.raises(SystemExit) as end:
        main([*command.split(), "--help"])
    assert end.value.code == 0
    out = capsys.readouterr().out
    assert "exit status: 0" in out
    examples = re.findall(r"^  (luasocket-conformance .*?)(?:  .*)?$", out.partition("examples:")[2], re.MULTILINE)
    assert examples
    for example in examples:
        words = shlex.split(example.partition(" > ")[0])[1:]
        if "COMMAND" not in words:
            cli.parser().parse_args(words)
    assert not command or any(example.split()[1] == command for example in examples)


def test_a_missing_script_is_reported(
    spec: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def serve(*_args: object) -> None:
        raise peer_program.ScriptMissing("No script was started.")

    monkeypatch.setattr(peer_program, "serve", serve)
    assert main([*spec, "peer", "test/peers"]) == 3
    assert capsys.readouterr().err == "luasocket-conformance: No script was started.\n"


def test_pipes_that_cannot_be_created(spec: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "requests").touch()
    for directory, reason in ((tmp_path, "File exists"), (tmp_path / "requests", "File exists")):
        assert main([*spec, "peer", "test/peers", "--pipes", str(directory)]) == 2
        assert f"{reason}. Choose another directory with --pipes." in capsys.readouterr().err
    assert (tmp_path / "requests").exists()


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "luasocket_runners", *arguments]


def test_a_pipe_that_is_closed_during_the_output() -> None:
    process = subprocess.Popen(command("list"), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    with process.stderr:
        assert process.stderr.read() == b""
    assert process.wait(LONG) == UNREAD


def test_a_pipe_that_is_closed_before_the_output() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            command("ports", "--names"), stdout=writer, stderr=subprocess.PIPE, check=False, timeout=LONG
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (UNREAD, b"")


def test_a_terminal_that_knows_only_ascii(spec: list[str]) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        command(*spec, "list"), env=environment, capture_output=True, check=True, text=True, timeout=LONG
    )
    assert "caf\\xe9" in done.stdout


def test_an_interrupt(make_data: Callable[[str], Path]) -> None:
    data = make_data(
        "about: test\nbehaviours:\n"
        "  - {id: long, says: S., authority: observed, steps: [{call: socket.sleep, with: [30], returns: []}]}\n"
        "  - {id: longer, says: S., authority: observed, steps: [{call: socket.sleep, with: [30], returns: []}]}\n"
    )
    process = subprocess.Popen(
        command("--spec", str(data), "run", "--workers", "1"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("luasocket-conformance ")
    assert process.stdout.readline().startswith("port reference ")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LONG)
    assert out.endswith("\nincomplete: the run ended early\n") or out == ""
    assert re.fullmatch(r"luasocket-conformance: interrupted(: 0/2 done, 0 failed)?\n", err)
    assert process.returncode == INTERRUPTED
