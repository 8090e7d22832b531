"""Ports with a ``port.toml``: its keys, starting the port, absent functions, and the directory that `init` writes."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import luasocket_spec
import pytest
from luasocket_runners.cli.init_port import LANGUAGES
from luasocket_runners.cli.main import main
from luasocket_runners.engine.engine import Engine
from luasocket_runners.expectations.absent import AbsentNames, AbsentNamesError
from luasocket_runners.expectations.expectations import Expectations
from luasocket_runners.ports import PortUnavailable, resolve
from luasocket_runners.ports.admission import Admission
from luasocket_runners.ports.configured import ConfiguredPort
from luasocket_runners.ports.dial_in import DialInConnection
from luasocket_runners.ports.inprocess import PythonPort
from luasocket_runners.ports.port_file import PORT_SCHEMA, BadPortFile, PortFile
from luasocket_runners.result import Result, Verdict
from luasocket_spec.model import Spec

GOOD = 'name = "x"\ncommand = ["{python}", "-c", "pass"]\n'

#: An adapter that dials in and sends its token; `sys.argv[1]` is the port.
DIALS = """
import json, os, socket, sys
token = os.environ["LUASOCKET_CONFORMANCE_TOKEN"]
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as line, line.makefile("rw") as stream:
    for text in stream:
        message = json.loads(text)
        reply = {"missing": "everything"}
        if message["op"] == "describe":
            reply = {"name": "dialler", "protocol": 1, "token": token}
        elif message["op"] == "reset":
            reply = {"returns": []}
        stream.write(json.dumps({"id": message["id"], **reply}) + "\\n")
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
        (GOOD + 'known = "nowhere.txt"\n', "the name of an existing file: write it, or remove this line"),
        (GOOD + '[absent]\n"socket.udp" = ""\n', "each with a reason"),
        ('name = "x"\ncommand = ["lua", "{port}"]\n', "is for arguments under tcp-listen only"),
        ('name = "x"\ncommand = ["lua", "{prot}"]\n', "is not known"),
    ],
)
def test_a_bad_description_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, sentence: str
) -> None:
    name = describe(tmp_path, text)
    with pytest.raises(BadPortFile, match=r"port\.toml"):
        PortFile.load(tmp_path)
    assert main(["run", "--port", name]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert "port.toml" in error


def test_a_directory_without_a_description(tmp_path: Path) -> None:
    with pytest.raises(BadPortFile, match="init"):
        resolve(str(tmp_path))


def test_a_missing_program_is_reported_with_how_to_install_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = 'name = "x"\ncommand = ["{python}"]\nneeds = ["no-such-program"]\ninstall = "apt-get install it"\n'
    assert main(["run", "--port", describe(tmp_path, text)]) == 3
    error = capsys.readouterr().err
    assert "no-such-program" in error
    assert "apt-get install it" in error


def test_placeholders_in_the_command_are_replaced(tmp_path: Path) -> None:
    command = '["{python}", "{directory}/a", "{adapter}", "{address}:{port}"]'
    text = f'name = "x"\ncommand = {command}\ntransport = "tcp-listen"\n'
    description = PortFile.load(Path(describe(tmp_path, text)))
    words = [description.fill(word, ("h", 7)) for word in description.command]
    assert words[:2] == [sys.executable, f"{tmp_path.resolve()}/a"]
    assert Path(words[2]).name == "adapter.lua"
    assert words[3] == "h:7"


def dialler(directory: Path, program: str) -> str:
    """Describe a port whose program dials in; return its name."""
    (directory / "program.py").write_text(program, encoding="utf-8")
    command = '["{python}", "{directory}/program.py", "{port}"]'
    return describe(directory, f'name = "x"\ncommand = {command}\ntransport = "tcp-listen"\n')


def test_a_program_that_connects_to_the_runner(tmp_path: Path) -> None:
    connection = resolve(dialler(tmp_path, DIALS)).open(None)
    try:
        connection.post({"id": 1, "op": "describe", "protocol": 1})
        described = connection.wait(30)
        assert described is not None
        assert described["name"] == "dialler"
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        ("raise SystemExit('no licence')", "ended before it dialled in: it exited with status 1\\.\n    no licence"),
        ("import os; os.close(1); os.close(2); raise SystemExit(3)", "ended before it dialled in"),
    ],
)
def test_a_program_that_never_connects_to_the_runner(tmp_path: Path, program: str, sentence: str) -> None:
    with pytest.raises(PortUnavailable, match=sentence):
        resolve(dialler(tmp_path, program)).open(None)


DIES = DIALS + "        raise SystemExit(7)\n"


def test_a_program_that_connects_and_dies(tmp_path: Path) -> None:
    with pytest.raises(PortUnavailable, match="died: it exited with status 7"):
        resolve(dialler(tmp_path, DIES)).open(None)


def test_a_program_that_replies_and_dies_before_its_reply_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A runner that is not scheduled in between sees the reply and the end at once."""
    accepted: list[Admission] = []
    accept, status = Admission._accept, DialInConnection._status

    def note(admission: Admission) -> None:
        accept(admission)
        accepted.append(admission)

    def wait_for_the_end(connection: DialInConnection) -> str | None:
        if accepted:
            os.waitid(os.P_PID, connection.pid, os.WEXITED | os.WNOWAIT)
        return status(connection)

    monkeypatch.setattr(Admission, "_accept", note)
    monkeypatch.setattr(DialInConnection, "_status", wait_for_the_end)
    with pytest.raises(PortUnavailable, match="died: it exited with status 7"):
        resolve(dialler(tmp_path, DIES)).open(None)
    assert len(accepted) == 1


STRANGER = """
import socket, sys, threading
def come(reply):
    with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as line, line.makefile("rwb") as stream:
        stream.readline()
        stream.write(reply)
        stream.flush()
        stream.read()
come(b'{"id":0,"name":"x","protocol":1}\\n')
come(b'{"id":0,"token":"x"}\\n')
come(b'{"id":0,"token":null}\\n')
come(b"[" * 99999)
come(b"\\n")
silent = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
"""


def test_only_the_program_that_was_started_may_connect(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Strangers come first: without the token, with another one, with garbage, or silent."""
    connection = resolve(dialler(tmp_path, STRANGER + DIALS)).open(None)
    try:
        connection.post({"id": 1, "op": "describe", "protocol": 1})
        described = connection.wait(30)
        assert described is not None
        assert described["name"] == "dialler"
    finally:
        connection.close()
    assert capsys.readouterr().err.count("refused a connection from 127.0.0.1:") == 5


def test_an_adapter_without_the_token_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(PortUnavailable, match=r"ended before it dialled in: .* Connections without its token: [456]\."):
        resolve(dialler(tmp_path, STRANGER)).open(None)


PORTS = Path(__file__).parents[3] / "ports"


@pytest.mark.skipif(not PORTS.is_dir(), reason="the ports are not beside these tests")
@pytest.mark.parametrize("file", sorted(PORTS.glob("*/*.toml")), ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_the_descriptions_of_this_project_and_their_lists_can_be_used(file: Path, spec: Spec) -> None:
    description = PortFile.load(file)
    expectations = Expectations.load(None, None, spec.behaviours, description.config)
    assert all(line.explained for line in expectations.known.entries)
    assert description.install


# What is absent


def absent(directory: Path, spec: Spec, **reasons: str) -> AbsentNames:
    """Declare names absent, in a file that is there."""
    named = {name.replace("__", ":").replace("_", "."): reason for name, reason in reasons.items()}
    lines = [f'"{name}" = "{reason}"' for name, reason in named.items()]
    (directory / "port.toml").write_text("[absent]\n" + "\n".join(lines), encoding="utf-8")
    return AbsentNames.load(directory / "port.toml", named, spec.behaviours)


def result(spec: Spec, identity: str, verdict: Verdict, missing: str | None = None) -> Result:
    """Return a result of a behaviour of the specification."""
    found = next(item for item in spec.behaviours if item.id == identity)
    return Result(found, verdict, missing=missing)


def test_a_declared_function_is_absent(tmp_path: Path, spec: Spec) -> None:
    declared = absent(tmp_path, spec, socket_udp="no UDP", __getstats="nobody counts")
    for missing, line in (("socket.udp", 2), (":getstats", 3)):
        held = declared.apply(result(spec, "module/tcp-and-udp", Verdict.NOT_IMPLEMENTED, missing))
        assert held.verdict is Verdict.ABSENT
        assert held.listed is not None
        assert (held.listed.kind, held.listed.line) == ("absent", line)


def test_a_constant_can_be_absent(tmp_path: Path, spec: Spec, toy_port: Callable[..., PythonPort]) -> None:
    file = tmp_path / "port.toml"
    reasons = {"socket._DATAGRAMSIZE": "there is no UDP", "socket.BLOCKSIZE": "there are no sources"}
    file.write_text("[absent]\n" + "\n".join(f'"{name}" = "{reason}"' for name, reason in reasons.items()))
    declared = AbsentNames.load(file, reasons, spec.behaviours)
    chosen = {item.id: item for item in spec.behaviours if item.id in ("module/datagramsize", "source/blocksize")}
    assert len(chosen) == 2
    with Engine(toy_port(skip=lambda *args: args[1:])) as engine:
        for played in map(engine.run, chosen.values()):
            assert played.verdict is Verdict.NOT_IMPLEMENTED
            assert declared.apply(played).verdict is Verdict.ABSENT
    for there in chosen.values():
        assert declared.apply(Result(there, Verdict.PASSED)).verdict is Verdict.FAILED


def test_absence_excuses_nothing_else(tmp_path: Path, spec: Spec) -> None:
    declared = absent(tmp_path, spec, socket_udp="no UDP")
    for other in (
        result(spec, "module/tcp-and-udp", Verdict.FAILED),
        result(spec, "module/tcp-and-udp", Verdict.ERRORED),
        result(spec, "module/tcp-and-udp", Verdict.NOT_IMPLEMENTED, "socket.tcp"),
        result(spec, "module/skip-identity", Verdict.PASSED),
    ):
        assert declared.apply(other) is other


def test_a_function_that_exists_must_not_be_declared_absent(tmp_path: Path, spec: Spec) -> None:
    held = absent(tmp_path, spec, socket_udp="no UDP").apply(result(spec, "module/tcp-and-udp", Verdict.PASSED))
    assert held.verdict is Verdict.FAILED
    assert held.reason == f"unexpected pass: socket.udp is there; remove socket.udp from {tmp_path / 'port.toml'}:2"


def test_an_absent_name_that_no_behaviour_calls_is_an_error(tmp_path: Path, spec: Spec) -> None:
    with pytest.raises(AbsentNamesError, match=r"socket\.upd"):
        absent(tmp_path, spec, socket_upd="no UDP")
    name = describe(tmp_path, GOOD + '[absent]\n"socket.upd" = "no"\n')
    assert main(["run", "--port", name]) == 2


# The scaffold


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_new_port_runs_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str], language: str) -> None:
    name = str(tmp_path / "my port")
    assert main(["init", name, "--language", language]) == 0
    assert isinstance(resolve(name), ConfiguredPort)
    assert main(["run", "--port", name, "module/skip"]) in (0, 3)  # 3: this machine has no lua5.4
    assert "--port" in capsys.readouterr().out
    readme = Path(name, "README.md").read_text(encoding="utf-8")
    assert f"--port '{name}' --update-deviations" in readme


def test_a_new_list_has_none_of_the_entries_of_the_ports_own_list(tmp_path: Path) -> None:
    directory = tmp_path / "port"
    assert main(["init", str(directory), "--language", "python"]) == 0
    Path(directory, "known-deviations.txt").write_text("#\n" * 9 + "module/skip: a reason\n", encoding="utf-8")
    new = tmp_path / "new.txt"
    assert main(["run", "--port", str(directory), "module/skip", "--known", str(new), "--update-deviations"]) == 0
    assert "module/skip/" not in new.read_text(encoding="utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_line_of_the_template_can_be_used(tmp_path: Path, language: str) -> None:
    """With all comments that show a key turned into lines, names that look like placeholders included."""
    directory = tmp_path / "my NAME @ADAPTER@"
    assert main(["init", str(directory), "--language", language]) == 0
    file = directory / "port.toml"
    keys = r'^# (\[\w+\]|(?:[\w]+|"[^"]+") = .*)$'
    text, count = re.subn(keys, r"\1", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert count >= 9
    file.write_text(text, encoding="utf-8")
    (directory / "quirks.yaml").touch()
    found = PortFile.load(directory)
    assert found.name == "my NAME @ADAPTER@"
    assert found.environment == {"MY_NAME_ADAPTER_PORT": "{port}"}
    assert set(found.absent) == {"socket.udp*", ":getstats"}
    assert found.dialect == "luasocket-3"
    assert (directory / "port.schema.json").read_bytes() == PORT_SCHEMA.read_bytes()


def test_the_dialect_of_a_new_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["init", str(tmp_path / "a"), "--dialect", "defold"]) == 0
    assert PortFile.load(tmp_path / "a").dialect == "defold"
    assert main(["init", str(tmp_path / "b")]) == 0
    assert PortFile.load(tmp_path / "b").dialect is None
    for stream in (sys.stdin, sys.stdout):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    replies = iter(["defold", "", "lua"])
    monkeypatch.setattr("builtins.input", lambda _prompt: next(replies))
    assert main(["init", str(tmp_path / "c")]) == 0
    assert PortFile.load(tmp_path / "c").dialect == "defold"
    assert main(["init", str(tmp_path / "d")]) == 0
    assert PortFile.load(tmp_path / "d").dialect is None
    assert main(["init", str(tmp_path / "e")]) == 2
    assert not (tmp_path / "e").exists()


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
