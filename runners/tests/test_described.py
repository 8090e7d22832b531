"""Ports that a file describes: what it may say, starting by it, what is absent, and the scaffold of a new one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import luasocket_spec
import pytest
from luasocket_runners.absences import Absences, AbsencesError
from luasocket_runners.cli import main
from luasocket_runners.deviations import Lists
from luasocket_runners.engine import Engine
from luasocket_runners.init_port import LANGUAGES
from luasocket_runners.ports import PortUnavailable, resolve
from luasocket_runners.ports.described import BadDescription, DescribedPort, Description
from luasocket_runners.ports.inprocess import PythonPort
from luasocket_runners.result import Result, Verdict
from luasocket_spec.model import Spec

GOOD = 'name = "x"\ncommand = ["{python}", "-c", "pass"]\n'

#: An adapter that dials in, and says who it is; `sys.argv[1]` is the port.
DIALS = """
import json, socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as line, line.makefile("rw") as stream:
    for text in stream:
        message = json.loads(text)
        told = {"name": "dialler", "protocol": 1} if message["op"] == "describe" else {"missing": "everything"}
        told = {"returns": []} if message["op"] == "reset" else told
        stream.write(json.dumps({"id": message["id"], **told}) + "\\n")
        stream.flush()
"""


@pytest.fixture(scope="module")
def spec() -> Spec:
    """The specification, loaded once."""
    return luasocket_spec.load()


def describe(directory: Path, text: str) -> str:
    """Write a description; return the name of its port."""
    (directory / "port.toml").write_text(text, encoding="utf-8")
    return str(directory)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name = ", "it is not TOML"),
        ('name = "x"\n', "the key 'command' is missing"),
        (GOOD + 'transprot = "stdio"\n', "there is no key 'transprot'"),
        (GOOD + 'transport = "tcp"\n', "'stdio' or 'tcp-listen'"),
        ('name = "x"\ncommand = "lua"\n', "a list of texts"),
        ('name = "x"\ncommand = []\n', "a list of texts"),
        (GOOD + 'dialect = "lua"\n', "'defold' or 'luasocket-3'"),
        (GOOD + 'authority = "me"\n', "'documented' or 'observed'"),
        (GOOD + 'known = "nowhere.txt"\n', "the name of a file that is there"),
        (GOOD + '[absent]\n"socket.udp" = ""\n', "each with a reason"),
        ('name = "x"\ncommand = ["lua", "{port}"]\n', "is for arguments under tcp-listen only"),
        ('name = "x"\ncommand = ["lua", "{prot}"]\n', "is not known"),
    ],
)
def test_a_bad_description_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, sentence: str
) -> None:
    name = describe(tmp_path, text)
    with pytest.raises(BadDescription, match=r"port\.toml"):
        Description.load(tmp_path)
    assert main(["run", "--port", name]) == 2
    told = capsys.readouterr().err
    assert sentence in told
    assert "port.toml" in told


def test_a_directory_without_a_description(tmp_path: Path) -> None:
    with pytest.raises(BadDescription, match="init"):
        resolve(str(tmp_path))


def test_what_is_missing_is_told_with_how_to_install_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = 'name = "x"\ncommand = ["{python}"]\nneeds = ["no-such-program"]\ninstall = "apt-get install it"\n'
    assert main(["run", "--port", describe(tmp_path, text)]) == 3
    told = capsys.readouterr().err
    assert "no-such-program" in told
    assert "apt-get install it" in told


def test_the_places_are_filled_in(tmp_path: Path) -> None:
    command = '["{python}", "{directory}/a", "{adapter}", "{host}:{port}"]'
    text = f'name = "x"\ncommand = {command}\ntransport = "tcp-listen"\n'
    description = Description.load(Path(describe(tmp_path, text)))
    words = [description.fill(word, ("h", 7)) for word in description.command]
    assert words[:2] == [sys.executable, f"{tmp_path.resolve()}/a"]
    assert Path(words[2]).name == "adapter.lua"
    assert words[3] == "h:7"


def dialler(directory: Path, program: str) -> str:
    """Describe a port whose program dials in; return its name."""
    (directory / "program.py").write_text(program, encoding="utf-8")
    command = '["{python}", "{directory}/program.py", "{port}"]'
    return describe(directory, f'name = "x"\ncommand = {command}\ntransport = "tcp-listen"\n')


def test_a_program_that_dials_in(tmp_path: Path) -> None:
    connection = resolve(dialler(tmp_path, DIALS)).open(None)
    try:
        connection.post({"id": 1, "op": "describe", "protocol": 1})
        assert connection.wait(30) == {"id": 1, "name": "dialler", "protocol": 1}
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        ("raise SystemExit('no licence')", "ended before it dialled in: it exited with status 1.*no licence"),
        ("import os; os.close(1); os.close(2); raise SystemExit(3)", "ended before it dialled in"),
    ],
)
def test_a_program_that_does_not_dial_in(tmp_path: Path, program: str, sentence: str) -> None:
    with pytest.raises(PortUnavailable, match=sentence):
        resolve(dialler(tmp_path, program)).open(None)


def test_a_program_that_dials_and_dies(tmp_path: Path) -> None:
    dies = "import socket, sys\nline = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\nline.recv(1)\n"
    with pytest.raises(PortUnavailable, match="died: it exited with status 0"):
        resolve(dialler(tmp_path, dies)).open(None)


PORTS = Path(__file__).parents[2] / "ports"


@pytest.mark.skipif(not PORTS.is_dir(), reason="the ports are not beside these tests")
@pytest.mark.parametrize("file", sorted(PORTS.glob("*/*.toml")), ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_the_descriptions_of_this_project_and_their_lists_can_be_used(file: Path, spec: Spec) -> None:
    description = Description.load(file)
    lists = Lists.load(None, None, spec.behaviours, description.terms)
    assert all(line.explained for line in lists.known.lines)
    assert description.install


# What is absent


def absences(directory: Path, spec: Spec, **reasons: str) -> Absences:
    """Declare names absent, in a file that is there."""
    named = {name.replace("__", ":").replace("_", "."): reason for name, reason in reasons.items()}
    lines = [f'"{name}" = "{reason}"' for name, reason in named.items()]
    (directory / "port.toml").write_text("[absent]\n" + "\n".join(lines), encoding="utf-8")
    return Absences.load(directory / "port.toml", named, spec.behaviours)


def result(spec: Spec, identity: str, verdict: Verdict, missing: str | None = None) -> Result:
    """Return a result of a behaviour of the specification."""
    found = next(item for item in spec.behaviours if item.id == identity)
    return Result(found, verdict, missing=missing)


def test_what_is_absent_is_a_known_deviation(tmp_path: Path, spec: Spec) -> None:
    declared = absences(tmp_path, spec, socket_udp="no UDP", __getstats="nobody counts")
    for missing, line in (("socket.udp", 2), (":getstats", 3)):
        held = declared.hold(result(spec, "module/tcp-and-udp", Verdict.NOT_IMPLEMENTED, missing))
        assert held.verdict is Verdict.KNOWN
        assert held.listed is not None
        assert held.listed.line == line
        assert "not implemented" in held.listed.reason


def test_a_constant_can_be_absent(tmp_path: Path, spec: Spec, toy: Callable[..., PythonPort]) -> None:
    file = tmp_path / "port.toml"
    reasons = {"socket._DATAGRAMSIZE": "there is no UDP", "socket.BLOCKSIZE": "there are no sources"}
    file.write_text("[absent]\n" + "\n".join(f'"{name}" = "{reason}"' for name, reason in reasons.items()))
    declared = Absences.load(file, reasons, spec.behaviours)
    chosen = {item.id: item for item in spec.behaviours if item.id in ("module/datagramsize", "source/blocksize")}
    assert len(chosen) == 2
    with Engine(toy(skip=lambda *args: args[1:])) as engine:
        for played in map(engine.play, chosen.values()):
            assert played.verdict is Verdict.NOT_IMPLEMENTED
            assert declared.hold(played).verdict is Verdict.KNOWN
    for there in chosen.values():
        assert declared.hold(Result(there, Verdict.PASSED)).verdict is Verdict.FAILED


def test_absence_excuses_nothing_else(tmp_path: Path, spec: Spec) -> None:
    declared = absences(tmp_path, spec, socket_udp="no UDP")
    for other in (
        result(spec, "module/tcp-and-udp", Verdict.FAILED),
        result(spec, "module/tcp-and-udp", Verdict.ERRORED),
        result(spec, "module/tcp-and-udp", Verdict.NOT_IMPLEMENTED, "socket.tcp"),
        result(spec, "module/skip-identity", Verdict.PASSED),
    ):
        assert declared.hold(other) is other


def test_what_is_there_must_not_be_declared_absent(tmp_path: Path, spec: Spec) -> None:
    held = absences(tmp_path, spec, socket_udp="no UDP").hold(result(spec, "module/tcp-and-udp", Verdict.PASSED))
    assert held.verdict is Verdict.FAILED
    assert "strike it" in held.reason


def test_a_name_that_nobody_calls_is_an_error(tmp_path: Path, spec: Spec) -> None:
    with pytest.raises(AbsencesError, match=r"socket\.upd"):
        absences(tmp_path, spec, socket_upd="no UDP")
    name = describe(tmp_path, GOOD + '[absent]\n"socket.upd" = "no"\n')
    assert main(["run", "--port", name]) == 2


# The scaffold


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_new_port_runs_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str], language: str) -> None:
    name = str(tmp_path / "my port")
    assert main(["init", name, "--language", language]) == 0
    assert isinstance(resolve(name), DescribedPort)
    assert main(["run", "--port", name, "module/skip"]) in (0, 3)  # 3: this machine has no lua5.4
    assert "--port" in capsys.readouterr().out
    readme = Path(name, "README.md").read_text(encoding="utf-8")
    assert f"--port '{name}' --update-deviations" in readme


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    kept = tmp_path / "port.toml"
    kept.write_text("mine", encoding="utf-8")
    assert main(["init", str(tmp_path)]) == 2
    assert main(["init", str(kept)]) == 2
    assert kept.read_text(encoding="utf-8") == "mine"
    assert list(tmp_path.iterdir()) == [kept]


def test_a_name_that_is_a_port_already() -> None:
    assert main(["init", "lua5.4"]) == 2


def test_the_shipped_adapter_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["adapter"]) == 0
    assert "luasocket-conformance" in capsys.readouterr().out.splitlines()[0]
