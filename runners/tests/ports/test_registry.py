"""Ports are found by their names, and a port that cannot be started says why in a sentence."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from luasocket_runners.ports import PortUnavailable, UnknownPort, known_ports, resolve
from luasocket_runners.ports.process import DIALECT_VARIABLE, CommandPort

#: Seconds for any reply.
PATIENCE = 60.0


@pytest.mark.parametrize("name", ["", "nope", "lupa", "lupa:", "lupa:lua50", "lua6.1", "reference@x", "ftp:x"])
def test_an_unknown_name_is_reported_with_the_known_names(name: str) -> None:
    with pytest.raises(UnknownPort, match="lua54"):
        resolve(name)


@pytest.mark.parametrize(
    "name",
    [
        "command:", "command:'x", "lua:", "tcp:", "tcp:localhost", "tcp:h:99999", "tcp:h:x", "tcp:h:-1", "tcp:h:\u0663",
        "tcp:a..b:80", f"tcp:{'x' * 300}:80", "tcp:[::1:80", "tcp:::1:80", "tcp:[h]:80", "tcp:h\0:80",
        "tcp:h:" + "9" * 9999, "tcp-listen:a..b:80", "tcp-listen:.:0",
    ],
)  # fmt: skip
def test_an_invalid_name_is_reported(name: str) -> None:
    with pytest.raises(PortUnavailable, match=re.escape(name)):
        resolve(name)


def test_known_ports_resolve() -> None:
    names = [name for name in known_ports() if not any(map(str.isupper, name))]
    assert {"reference", "lua5.1", "luajit", "lupa:lua54"} <= set(names)
    assert [resolve(name).name for name in names] == names


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("command:no-such-program x", "there is no program no-such-program"),
        ("lua:no-such-lua", "there is no program no-such-lua"),
        ("lua:true", "exited with status 0"),
        ("lua5.4@no_such_module", "the Lua module 'no_such_module' is not installed for Lua 5.4"),
        ("lupa:lua54@no_such_module", "the Lua module 'no_such_module' is not installed for Lua 5.4"),
        ("lua5.4@/no/such/file.lua", "cannot open /no/such/file.lua"),
        ("tcp:127.0.0.1:1", "Connection refused"),
    ],
)
def test_a_port_that_cannot_be_started_is_unavailable(name: str, sentence: str) -> None:
    with pytest.raises(PortUnavailable, match=sentence):
        resolve(name).open(None)


@pytest.mark.usefixtures("nothing_left")
def test_a_failed_start_shows_the_first_lines_of_the_output(tmp_path: Path) -> None:
    module = tmp_path / "last.lua"
    module.write_text(
        "io.stderr:write('first\\27[1m\\n')\nfor i = 1, 99 do io.stderr:write(i, '\\n') end\nos.exit(9)\n"
    )
    lines = ["first\\x1b[1m", *map(str, range(1, 12)), "…"]
    with pytest.raises(PortUnavailable) as raised:
        resolve(f"lua5.4@{module}").open(None)
    shown = "".join(f"\n    {line}" for line in lines)
    assert str(raised.value) == f"lua5.4@{module}: The port died: it exited with status 9.{shown}"


@pytest.mark.usefixtures("nothing_left")
def test_a_program_that_cannot_be_executed_is_unavailable(tmp_path: Path) -> None:
    program = tmp_path / "adapter"
    program.write_bytes(b"\x7fELF nonsense")
    program.chmod(0o755)
    with pytest.raises(PortUnavailable, match="cannot be started"):
        resolve(f"command:{program}").open(None)


@pytest.mark.usefixtures("nothing_left")
def test_a_missing_lupa_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "lupa"
    package.mkdir()
    (package / "__init__.py").write_text("")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(PortUnavailable, match="this lupa carries no lua54"):
        resolve("lupa:lua54").open(None)
    (package / "__init__.py").write_text("raise ModuleNotFoundError('no lupa', name='lupa')")
    with pytest.raises(PortUnavailable, match="pip install"):
        resolve("lupa:lua54").open(None)


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("dialect", [None, "defold"])
def test_the_dialect_reaches_the_adapter(dialect: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    script = f'read x; echo "{{\\"dialect\\":\\"${DIALECT_VARIABLE}\\"}}"'
    port = CommandPort("sh", ["sh", "-c", script])
    monkeypatch.setenv(DIALECT_VARIABLE, "of somebody else")
    connection = port.open(dialect)
    connection.post({"id": 1, "op": "describe", "protocol": 1})
    assert connection.wait(PATIENCE) == {"dialect": dialect or ""}
    connection.close()
