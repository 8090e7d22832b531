"""The JSON Schemas of the protocol's messages and of ``port.toml``, beside real messages and the loader."""

from __future__ import annotations

import json
import re
import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import luasocket_spec
import pytest
from luasocket_runners.engine.engine import Engine
from luasocket_runners.ports import Connection, Message, Port, resolve
from luasocket_runners.ports.port_file import PORT_SCHEMA, BadPortFile, PortFile
from luasocket_runners.ports.process import CommandPort
from luasocket_runners.result import Verdict

PROJECT = Path(__file__).parents[3]


def validator(name: str, part: str | None = None) -> jsonschema.Draft202012Validator:
    """Return the validator of a schema, or of one of its definitions."""
    schema = json.loads(PORT_SCHEMA.with_name(name).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    if part is not None:
        schema = {"$defs": schema["$defs"], "$ref": f"#/$defs/{part}"}
    return jsonschema.Draft202012Validator(schema)


#: They use every kind of message together.
SUBJECTS = ("module/", "except/", "select/", "source/", "sink/", "tcp/create/", "tcp/receive-line/", "udp/sendto/")

FROM_RUNNER = validator("protocol.schema.json", "fromRunner")
FROM_ADAPTER = validator("protocol.schema.json", "fromAdapter")


class Recorded(Connection):
    """A connection that checks each message."""

    def __init__(self, inner: Connection, seen: list[str]) -> None:
        self._inner = inner
        self._seen = seen

    def post(self, message: Message) -> None:
        FROM_RUNNER.validate(message)
        self._seen.append(message["op"])
        self._inner.post(message)

    def wait(self, timeout: float) -> Message | None:
        message = self._inner.wait(timeout)
        if message is not None:
            FROM_ADAPTER.validate(message)
            self._seen += message.keys() - {"id"}
        return message

    def close(self) -> None:
        self._inner.close()

    @property
    def process_id(self) -> int | None:
        return self._inner.process_id

    @property
    def stderr_tail(self) -> str:
        return self._inner.stderr_tail


class RecordedPort(Port):
    """A port whose messages are checked."""

    def __init__(self, inner: Port) -> None:
        self.name = inner.name
        self.config = inner.config
        self.seen: list[str] = []
        self._inner = inner

    def open(self, dialect: str | None) -> Connection:
        return Recorded(self._inner.open(dialect), self.seen)


@pytest.mark.parametrize("name", ["reference", "a child", "lua5.1", "lua5.4", "luajit", "ports/perl"])
def test_real_messages_obey_the_schema(name: str) -> None:
    program = "perl" if name == "ports/perl" else name
    if name.startswith(("lua", "ports/")) and not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    if name == "a child":
        port: Port = CommandPort(name, [sys.executable, "-m", "luasocket_runners.ports.adapters.reference"])
    else:
        port = resolve(str(PROJECT / name) if "/" in name else name)
    recorded = RecordedPort(port)
    with Engine(recorded) as engine:
        chosen = [item for item in luasocket_spec.load().behaviours if item.id.startswith(SUBJECTS)]
        results = [engine.run(behaviour) for behaviour in chosen if engine.applies(behaviour)]
    assert {result.verdict for result in results} >= {Verdict.PASSED}
    seen = {"describe", "call", "get", "reset", "returns", "raises", "missing"}
    if name != "ports/perl":
        seen = (seen - {"missing"}) | {"set", "make", "callback", "return", "raise", "release"}
    assert seen <= set(recorded.seen)


def test_the_transcript_obeys_the_schema() -> None:
    text = (PROJECT / "PROTOCOL.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```transcript\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    assert len(lines) > 50
    for line in lines:
        message = json.loads(line[2:].replace('"capabilities":"…"', '"capabilities":[]').replace("…", "x"))
        if message.get("op") == "dance":
            continue  # it shows an unknown operation
        (FROM_RUNNER if line[0] == ">" else FROM_ADAPTER).validate(message)


@pytest.mark.parametrize(
    "message",
    [
        {"op": "call", "target": "socket.tcp", "args": []},
        {"id": 1, "op": "dance"},
        {"id": 1, "op": "call", "target": "socket.tcp"},
        {"id": 1, "op": "call", "target": "os.exit", "args": []},
        {"id": 1, "op": "call", "target": "socket.skip", "args": ["\u20ac"]},
        {"id": 1, "op": "call", "target": "socket.skip", "args": [{"handle": 1, "type": "userdata"}]},
        {"id": 1, "op": "return", "values": []},
    ],
)
def test_the_schema_refuses_other_requests(message: Message) -> None:
    assert not FROM_RUNNER.is_valid(message)


@pytest.mark.parametrize(
    "message",
    [
        {"returns": []},
        {"id": 1, "returns": [{"handle": 1}]},
        {"id": 1, "returns": [[1]]},
        {"id": 1, "returns": ["\u20ac"]},
        {"id": 1},
        {"id": None, "returns": []},
    ],
)
def test_the_schema_refuses_other_replies(message: Message) -> None:
    assert not FROM_ADAPTER.is_valid(message)


PORT_FILES = sorted((PROJECT / "ports").glob("*/*.toml"))


@pytest.mark.skipif(not PORT_FILES, reason="the ports are not beside these tests")
@pytest.mark.parametrize("file", PORT_FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_the_files_of_the_ports_name_the_schema_and_obey_it(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    named = re.match(r"#:schema (\S+)\n", text)
    assert named is not None
    # The checkout's schema: the tests themselves may run on the wheel.
    assert (file.parent / named[1]).read_bytes() == PORT_SCHEMA.read_bytes()
    validator(PORT_SCHEMA.name).validate(tomllib.loads(text))


@pytest.mark.parametrize(
    "changed",
    [
        {"name": ""}, {"name": 1}, {"command": []}, {"command": "lua"}, {"command": [""]}, {"command": ["a\0b"]},
        {"transport": "udp"}, {"needs": []}, {"needs": "x"}, {"install": " "}, {"dialect": "lua"}, {"authority": 1},
        {"known": 1}, {"environment": {"A": 1}}, {"environment": []}, {"absent": {"socket.udp": ""}}, {"other": 1},
        {"name": None}, {"command": None},
    ],
    ids=str,
)  # fmt: skip
def test_the_schema_and_the_loader_refuse_the_same_files(tmp_path: Path, changed: dict[str, Any]) -> None:
    data: dict[str, Any] = {"name": "x", "command": ["lua"]}
    validator(PORT_SCHEMA.name).validate(data)
    data |= changed
    data = {key: value for key, value in data.items() if value is not None}
    assert not validator(PORT_SCHEMA.name).is_valid(data)
    (tmp_path / "port.toml").write_text("".join(f"{key} = {toml(value)}\n" for key, value in data.items()))
    with pytest.raises(BadPortFile):
        PortFile.load(tmp_path)


def toml(value: Any) -> str:
    """Return a value as TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + "}"
    return json.dumps(value)


def test_the_schema_has_the_keys_of_the_loader(tmp_path: Path) -> None:
    (tmp_path / "port.toml").write_text("none = 1\n")
    with pytest.raises(BadPortFile, match="The keys are: ") as raised:
        PortFile.load(tmp_path)
    keys = str(raised.value).rpartition("The keys are: ")[2].rstrip(".").split(", ")
    assert keys == list(json.loads(PORT_SCHEMA.read_text(encoding="utf-8"))["properties"])
