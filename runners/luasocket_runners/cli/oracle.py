"""The commands about Lua programs: ``lua`` runs one; ``recorder``, ``record`` and ``judge`` are for traces."""

from __future__ import annotations

import argparse
import os
import re
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from luasocket_spec.model import DIALECTS

from luasocket_runners.bridge.command import DEFAULT_RUNTIMES, RUNTIMES, run_lua
from luasocket_runners.cli.failure import FAILED, PASSED, PORT_UNAVAILABLE, CommandFailed
from luasocket_runners.cli.parser import AddCommand
from luasocket_runners.files import problem_with_output, write_text
from luasocket_runners.notation import counted
from luasocket_runners.ports.connection import PortUnavailable
from luasocket_runners.recorder import RECORDER, TRACE_VARIABLE

__all__ = ["add_commands"]

_LUA: Final = """\
examples:
  luasocket-conformance lua program.lua              the program, with the reference as its LuaSocket
  luasocket-conformance lua                          a prompt
  luasocket-conformance lua -e 'print(require("socket")._VERSION)'
  luasocket-conformance lua --dialect defold -e 'print(socket._VERSION)'
  luasocket-conformance lua --trace trace.jsonl program.lua

exit status: that of the program, as of a Lua interpreter; 2 wrong usage, 3 lupa or its runtime is missing.
"""
_RECORDER: Final = """\
examples:
  luasocket-conformance recorder > recorder.lua
  LUA_INIT=@recorder.lua LUASOCKET_TRACE=trace.jsonl lua program.lua

exit status: 0.
"""
_RECORD: Final = """\
examples:
  luasocket-conformance record --listen 127.0.0.1:8080 --to 127.0.0.1:80 --trace proxy.jsonl
  LUA_INIT=@recorder.lua LUASOCKET_TRACE=client.jsonl lua client.lua 127.0.0.1 8080
  luasocket-conformance judge client.jsonl proxy.jsonl

It relays until Ctrl-C. Port 0 of --listen stands for a free one, which is printed.

exit status: 0; 2 wrong usage, or an address that cannot be used.
"""
_JUDGE: Final = """\
examples:
  luasocket-conformance judge trace.jsonl
  luasocket-conformance judge client.jsonl server.jsonl --html trace.html
  luasocket-conformance judge --rules                the rules, and the calls that no rule judges

exit status: 0 LuaSocket could have returned everything, 1 a finding, 2 wrong usage, or a file that is no trace.
"""


def add_commands(add: AddCommand) -> None:
    """Add the commands of this module."""
    lua = add("lua", _lua, "Run a Lua program with the reference as its LuaSocket, without LuaSocket itself.", _LUA)
    lua.add_argument("--lua", choices=RUNTIMES, help="the Lua of the program (default: lua54; of defold: lua51)")
    lua.add_argument("--dialect", choices=DIALECTS, default="luasocket-3", help="the LuaSocket (default: luasocket-3)")
    lua.add_argument("--trace", metavar="FILE", help="record every call of the module into FILE, for 'judge'")
    lua.add_argument("-e", dest="words", metavar="CODE", action=_Words, help="run this code")
    lua.add_argument("-l", dest="words", metavar="MODULE", action=_Words, help="require this module")
    lua.add_argument("-i", dest="words", nargs=0, action=_Words, help="show a prompt when all else is done")
    lua.add_argument("-v", dest="words", nargs=0, action=_Words, help="print the versions")
    lua.add_argument("-E", dest="words", nargs=0, action=_Words, help="ignore LUA_INIT")
    lua.add_argument("-W", dest="words", nargs=0, action=_Words, help="print warnings (Lua 5.4 and later)")
    lua.add_argument("rest", nargs=argparse.REMAINDER, metavar="FILE", help="the program, '-' for standard input")

    add("recorder", _recorder, "Print a recorder of LuaSocket calls in plain Lua, for any implementation.", _RECORDER)

    recording = add("record", _record, "Relay connections to a server, and record what both ends send.", _RECORD)
    recording.add_argument("--listen", type=_endpoint, required=True, metavar="HOST:PORT", help="where clients connect")
    recording.add_argument("--to", type=_endpoint, required=True, metavar="HOST:PORT", help="the server")
    recording.add_argument("--trace", type=Path, required=True, metavar="FILE", help="the trace to write")
    recording.add_argument("--udp", action="store_true", help="relay datagrams instead of connections")

    judging = add("judge", _judge, "Report which recorded results LuaSocket could not have returned.", _JUDGE)
    judging.add_argument(
        "traces", nargs="*", type=Path, metavar="TRACE", help="a file that the recorder or the proxy wrote"
    )
    judging.add_argument("--dialect", choices=DIALECTS, default="luasocket-3", help="(default: luasocket-3)")
    judging.add_argument("--html", type=Path, metavar="FILE", help="write a page with a time line of all calls")
    judging.add_argument("--rules", action="store_true", help="print the rules, and the calls that no rule judges")


class _Words(argparse.Action):
    """Keeps an option of the Lua interpreter as it was written, in the order of the command line."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002  # argparse passes it by position
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        given = [values] if isinstance(values, str) else []
        namespace.words = [*(namespace.words or []), option_string, *given]


def _lua(options: argparse.Namespace) -> int:
    runtime = options.lua or DEFAULT_RUNTIMES[options.dialect]
    preload = None
    if options.trace is not None:
        if problem := problem_with_output(Path(options.trace)):
            raise CommandFailed(problem)
        Path(options.trace).write_bytes(b"")  # a program without a call leaves nothing of an earlier trace
        preload = RECORDER
        os.environ[TRACE_VARIABLE] = options.trace
    try:
        run_lua([*(options.words or []), *options.rest], runtime, options.dialect, preload)
    except PortUnavailable as error:
        raise CommandFailed(str(error), PORT_UNAVAILABLE) from None


def _recorder(_options: argparse.Namespace) -> int:
    print(RECORDER.read_text(encoding="utf-8"), end="")
    return PASSED


_HOST_AND_PORT = re.compile(r"(?:\[(?P<ipv6>[0-9a-fA-F:.]+)\]|(?P<host>[^\[\]:]+)):(?P<port>[0-9]{1,5})")


def _endpoint(text: str) -> tuple[str, int]:
    """Read an address: ``host:80`` or ``[::1]:80``."""
    found = _HOST_AND_PORT.fullmatch(text)
    if found is None or int(found["port"]) >= 1 << 16:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT, as in 127.0.0.1:8080 or [::1]:8080")
    return found["ipv6"] or found["host"], int(found["port"])


def _record(options: argparse.Namespace) -> int:
    from luasocket_runners.recorder.datagram_proxy import DatagramProxy
    from luasocket_runners.recorder.proxy import Proxy
    from luasocket_runners.recorder.relayed import AddressError, RelayTrace

    if problem := problem_with_output(options.trace):
        raise CommandFailed(problem)
    with options.trace.open("w", encoding="ascii") as file:
        try:
            proxy = (DatagramProxy if options.udp else Proxy)(options.listen, options.to, RelayTrace(file))
        except AddressError as error:
            raise CommandFailed(str(error)) from None
        # stopped between two events, so that the trace is whole
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda _number, _frame: proxy.stop())
        print(f"{_colon(proxy.address)} to {_colon(options.to)}, recorded in {options.trace}", flush=True)
        proxy.serve()
    what = "client" if options.udp else "connection"
    print(f"{counted(proxy.connections, what)}, {counted(proxy.relayed, 'byte')}")
    return PASSED


def _colon(address: tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _judge(options: argparse.Namespace) -> int:
    from luasocket_runners.judge import judging, page, trace  # not needed to run a program

    if options.rules:
        print(judging.rules())
        return PASSED
    if not options.traces:
        raise CommandFailed("Give a trace, or --rules. 'luasocket-conformance recorder' prints a recorder.")
    if options.html is not None and (problem := problem_with_output(options.html)):
        raise CommandFailed(problem)
    try:
        traces = [trace.read(file) for file in options.traces]
    except trace.TraceError as error:
        raise CommandFailed(str(error)) from None
    judgement = judging.judge(traces, options.dialect)
    for finding in judgement.findings:
        print(f"{finding.text()}\n")
    print(judgement.summary)
    if options.html is not None:
        write_text(options.html, page.page(traces, judgement.findings))
    return FAILED if any(not finding.is_remark for finding in judgement.findings) else PASSED
