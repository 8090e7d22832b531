"""Bad inputs through the real command: a sentence that names what is wrong, and never the status of a failing port."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from luasocket_runners.cli.failure import PORT_UNAVAILABLE, USAGE

#: Characters of the longest sentence: an input that is quoted in it is cut.
LONGEST = 1200

HUGE = "9" * 5000
DEEP = 20000
NAME = "n" * 300
PATH = "/".join(["d" * 200] * 30)

GOOD_PORT = 'name = "x"\ncommand = ["lua5.4", "{adapter}"]\n'
GOOD_SPEC = """\
about: test
behaviours:
  - {id: good, says: It is one., authority: observed, steps: [{call: socket.skip, with: [0, 1], returns: [1]}]}
"""
QUIRK = """\
quirks:
  - id: one
    says: It differs.
    why: https://example.org
    on: [client:receive]
    expected: {returns: [$value, null, null]}
    returned: {returns: [$value]}
"""


def port(text: str) -> dict[str, str]:
    return {"p/port.toml": text}


def added(text: str) -> dict[str, str]:
    return port(GOOD_PORT + text)


def spec(old: str, new: str) -> dict[str, str]:
    assert old in GOOD_SPEC
    return {"s/behaviours/test.yaml": GOOD_SPEC.replace(old, new)}


def quirk(old: str, new: str) -> dict[str, str]:
    assert old in QUIRK
    return {"q.yaml": QUIRK.replace(old, new)}


RUN_PORT = ["run", "--port", "./p", "module/skip-identity"]
RUN_SPEC = ["--spec", "s", "run"]
RUN_QUIRKS = ["run", "--quirks", "q.yaml", "module/skip-identity"]
RUN_KNOWN = ["run", "--known", "k.txt", "module/skip-identity"]

#: name: the files, the arguments, and what the sentence names.
CASES: dict[str, tuple[dict[str, str], list[str], str]] = {
    # port.toml
    "toml-empty": (port(""), RUN_PORT, "p/port.toml: the key 'name' is missing"),
    "toml-binary": (port("\x00\x01"), RUN_PORT, "p/port.toml: it is not TOML"),
    "toml-not-toml": (port("name"), RUN_PORT, "p/port.toml: it is not TOML"),
    "toml-huge-integer": (port(f"name = {HUGE}"), RUN_PORT, "p/port.toml: it is not TOML"),
    "toml-big-integer": (added(f"dialect = {'9' * 4000}"), RUN_PORT, "p/port.toml: dialect is 999"),
    "toml-huge-hexadecimal": (added(f"dialect = 0x{'f' * 9999}"), RUN_PORT, "dialect is an integer that is too long"),
    "toml-many-values": (added(f"dialect = {[1] * 9999}"), RUN_PORT, "dialect is [1, 1"),
    "toml-bits": ({"p/port.toml": "\ufeff"}, RUN_PORT, "p/port.toml: the key 'name' is missing"),
    "toml-carriage-return": (port('name = "x"\rcommand = ["x"]'), RUN_PORT, "p/port.toml: it is not TOML"),
    "toml-huge-float": (added("dialect = 1e999999"), RUN_PORT, "dialect is inf"),
    "toml-deep-arrays": (port(f"name = {'[' * DEEP}{']' * DEEP}"), RUN_PORT, "p/port.toml: it is nested too deeply"),
    "toml-deep-tables": (port(f"name = {'{a=' * DEEP}1{'}' * DEEP}"), RUN_PORT, "p/port.toml: it is nested too deeply"),
    "toml-deep-keys": (port(f"{'.'.join(['a'] * DEEP)} = 1"), RUN_PORT, "p/port.toml"),
    "toml-deep-headers": (port(f"[{'.'.join(['a'] * DEEP)}]"), RUN_PORT, "p/port.toml"),
    "toml-deep-value": (added(f"needs = {'[' * 90}{']' * 90}"), RUN_PORT, "p/port.toml: needs is [["),
    "toml-unknown-key": (added("nane = 1"), RUN_PORT, "there is no key 'nane'"),
    "toml-long-key": (added(f"{'k' * 100000} = 1"), RUN_PORT, "there is no key 'kkk"),
    "toml-escaped-key": (added('"\\u001b[31m" = 1'), RUN_PORT, "there is no key '\\x1b[31m'"),
    "toml-name-table": (port('command = ["x"]\n[name]\na = 1'), RUN_PORT, "name is {'a': 1}"),
    "toml-name-date": (added("dialect = 1979-05-27"), RUN_PORT, "dialect is datetime.date"),
    "toml-name-nul": (port('name = "a\\u0000"\ncommand = ["x"]'), RUN_PORT, "name is 'a\\x00'"),
    "toml-command-text": (port('name = "x"\ncommand = "x"'), RUN_PORT, "command is 'x'"),
    "toml-command-empty": (port('name = "x"\ncommand = []'), RUN_PORT, "command is []"),
    "toml-command-nul": (port('name = "x"\ncommand = ["x", "\\u0000"]'), RUN_PORT, "command is ['x', '\\x00']"),
    "toml-command-absent": (port('name = "x"\ncommand = ["no-such-program"]'), RUN_PORT, "no-such-program"),
    "toml-command-directory": (port('name = "x"\ncommand = ["/"]'), RUN_PORT, "/"),
    "toml-command-long": (port(f'name = "x"\ncommand = ["{"c" * 300}"]'), RUN_PORT, "cccc"),
    "toml-argument-long": (port(f'name = "x"\ncommand = ["true", "{"c" * 3000000}"]'), RUN_PORT, "too long"),
    "toml-placeholder": (port('name = "x"\ncommand = ["{port}"]'), RUN_PORT, "the placeholder {port}"),
    "toml-transport": (added('transport = "udp"'), RUN_PORT, "transport is 'udp'"),
    "toml-dialect": (added("dialect = true"), RUN_PORT, "dialect is True"),
    "toml-dialect-array": (added("dialect = [1]"), RUN_PORT, "dialect is [1]"),
    "toml-dialect-table": (added("dialect = {a = 1}"), RUN_PORT, "dialect is {'a': 1}"),
    "toml-authority": (added('authority = ""'), RUN_PORT, "authority is ''"),
    "toml-known-absent": (added('known = "none.txt"'), RUN_PORT, "known is 'none.txt'"),
    "toml-known-long": (added(f'known = "{NAME}"'), RUN_PORT, "known is 'nnn"),
    "toml-known-path": (added(f'known = "{PATH}"'), RUN_PORT, "known is 'ddd"),
    "toml-known-nul": (added('known = "a\\u0000b"'), RUN_PORT, "known is 'a\\x00b'"),
    "toml-known-directory": (added('known = "."'), RUN_PORT, "known is '.'"),
    "toml-known-device": (added('known = "/dev/zero"'), RUN_PORT, "known is '/dev/zero'"),
    "toml-environment-equals": (added('environment = {"A=B" = "c"}'), RUN_PORT, "environment is {'A=B': 'c'}"),
    "toml-environment-empty": (added('environment = {"" = "c"}'), RUN_PORT, "environment is {'': 'c'}"),
    "toml-environment-nul": (added('environment = {"a\\u0000" = "c"}'), RUN_PORT, "environment is"),
    "toml-environment-number": (added("environment = {A = 1}"), RUN_PORT, "environment is {'A': 1}"),
    "toml-environment-long": (added(f'environment = {{A = "{"c" * 3000000}"}}'), RUN_PORT, "too long"),
    "toml-absent-number": (added('[absent]\n"socket.udp" = 1'), RUN_PORT, "absent is"),
    "toml-absent-unknown": (added('[absent]\n"socket.nothing" = "why"'), RUN_PORT, "socket.nothing"),
    "toml-absent-odd": (added('[absent]\n"[=*" = "why"'), RUN_PORT, "[=*"),
    "toml-device": ({}, ["run", "--port", "/dev/zero/port.toml"], "/dev/zero"),
    "toml-null": ({}, ["run", "--port", "/dev/null"], "/dev/null"),
    "port-directory": ({"p/x": ""}, RUN_PORT, "p/port.toml"),
    # names of ports
    "port-unknown": ({}, ["run", "--port", "nothing"], "nothing"),
    "port-empty": ({}, ["run", "--port", ""], "''"),
    "port-long": ({}, ["run", "--port", "x" * 100000], "xxx"),
    "port-path-long": ({}, ["run", "--port", f"./{NAME}"], "nnn"),
    "port-command-empty": ({}, ["run", "--port", "command:"], "command:"),
    "port-command-quote": ({}, ["run", "--port", "command:'x"], "command:"),
    "port-command-long": ({}, ["run", "--port", f"command:{NAME}"], "nnn"),
    "port-command-path": ({}, ["run", "--port", f"command:/{PATH}"], "ddd"),
    "port-lua-absent": ({}, ["run", "--port", "lua:no-such-lua"], "no-such-lua"),
    "port-lua-empty": ({}, ["run", "--port", "lua:"], "lua:"),
    "port-lua-wrong": ({}, ["run", "--port", "lua:true"], "true"),
    "port-tcp-empty": ({}, ["run", "--port", "tcp:"], "tcp:"),
    "port-tcp-huge": ({}, ["run", "--port", f"tcp:localhost:{HUGE}"], "tcp:"),
    "port-tcp-range": ({}, ["run", "--port", "tcp:localhost:65536"], "65536"),
    "port-tcp-label": ({}, ["run", "--port", f"tcp:{'a' * 64}.example:1"], "aaa"),
    "port-tcp-dots": ({}, ["run", "--port", "tcp:..:1"], "tcp:..:1"),
    "port-tcp-ipv6": ({}, ["run", "--port", "tcp:[::1:1"], "tcp:[::1:1"),
    "port-tcp-unicode": ({}, ["run", "--port", "tcp:\u2603:1"], "tcp:"),
    "port-tcp-surrogate": ({}, ["run", "--port", "tcp:\udc80:1"], "tcp:"),
    "port-tcp-refused": ({}, ["run", "--port", "tcp:127.0.0.1:1"], "127.0.0.1"),
    "port-listen-foreign": ({}, ["run", "--port", "tcp-listen:192.0.2.1:0"], "192.0.2.1"),
    "port-surrogate": ({}, ["run", "--port", "\udcff"], "\\udcff"),
    # numbers
    "deadline-huge": ({}, ["run", "--deadline", "1e308"], "--deadline"),
    "deadline-long": ({}, ["run", "--deadline", HUGE], "--deadline"),
    "deadline-nan": ({}, ["run", "--deadline", "nan"], "--deadline"),
    "deadline-inf": ({}, ["run", "--deadline", "inf"], "--deadline"),
    "deadline-negative": ({}, ["run", "--deadline=-1"], "--deadline"),
    "deadline-zero": ({}, ["run", "--deadline", "0"], "--deadline"),
    "deadline-tiny": ({}, ["run", "--deadline", "1e-300"], "--deadline"),
    "deadline-text": ({}, ["run", "--deadline", "soon"], "--deadline"),
    "workers-zero": ({}, ["run", "--workers", "0"], "--workers"),
    "workers-huge": ({}, ["run", "--workers", HUGE], "--workers"),
    "workers-many": ({}, ["run", "--workers", "1000000"], "--workers"),
    "workers-float": ({}, ["run", "--workers", "1.5"], "--workers"),
    "workers-digits": ({}, ["run", "--workers", "\u0663"], "--workers"),
    "patience-negative": ({}, ["run", "--patience", "-1"], "--patience"),
    "calls-huge": ({}, ["explore", "--port", "reference", "--calls", HUGE], "--calls"),
    "minutes-huge": ({}, ["explore", "--port", "reference", "--minutes", "1e308"], "--minutes"),
    "minutes-nan": ({}, ["explore", "--port", "reference", "--minutes", "nan"], "--minutes"),
    "seed-huge": ({}, ["explore", "--port", "reference", "--seed", HUGE], "--seed"),
    # the spec
    "spec-nowhere": ({}, ["--spec", "nowhere", "run"], "nowhere"),
    "spec-long": ({}, ["--spec", NAME, "run"], "nnn"),
    "spec-nothing": ({"s/x": ""}, RUN_SPEC, "s"),
    "spec-not-yaml": (spec("about: test", "about: [test"), RUN_SPEC, "test.yaml:"),
    "spec-huge-integer": (spec("with: [0", f"with: [{HUGE}"), RUN_SPEC, "test.yaml:3:"),
    "spec-huge-hexadecimal": (spec("with: [0", f"with: [0x{'f' * 100000}"), RUN_SPEC, "test.yaml:3:"),
    "spec-huge-sexagesimal": (spec("with: [0", f"with: [{':'.join(['1'] * 3000)}"), RUN_SPEC, "test.yaml"),
    "spec-huge-repeat": (spec("with: [0", f"with: [{{repeat: x, times: {HUGE}}}"), RUN_SPEC, "test.yaml:3:"),
    "spec-big-repeat": (spec("with: [0", "with: [{repeat: x, times: 99999999999}"), RUN_SPEC, "test.yaml:3:"),
    "spec-huge-id": (spec("id: good", f"id: {HUGE}"), RUN_SPEC, "test.yaml:3:"),
    "spec-deep-list": (spec("with: [0", f"with: [{'[' * DEEP}{']' * DEEP}"), RUN_SPEC, "test.yaml"),
    "spec-deep-table": (spec("with: [0", f"with: [{'{table: {a: ' * 5000}1{'}}' * 5000}"), RUN_SPEC, "test.yaml"),
    "spec-anchor": (spec("with: [0", "with: [&a [*a]"), RUN_SPEC, "test.yaml"),
    "spec-tag": (spec("with: [0", "with: [!!python/object/apply:os.system [id]"), RUN_SPEC, "test.yaml"),
    "spec-binary": (spec("about: test", "about: \x00"), RUN_SPEC, "test.yaml"),
    "spec-tab": (spec("  - {id", "\t- {id"), RUN_SPEC, "test.yaml"),
    "spec-date": (spec("with: [0", "with: [2001-13-45"), RUN_SPEC, "test.yaml"),
    "spec-twice": (spec("id: good,", "id: good, id: good,"), RUN_SPEC, "test.yaml:3"),
    "spec-null-key": (spec("id: good", "null: good"), RUN_SPEC, "test.yaml:3"),
    "spec-list-key": (spec("id: good", "[a]: good"), RUN_SPEC, "test.yaml:3"),
    # quirks
    "quirks-absent": ({}, RUN_QUIRKS, "q.yaml"),
    "quirks-empty": ({"q.yaml": ""}, RUN_QUIRKS, "q.yaml"),
    "quirks-not-yaml": (quirk("on: [", "on: [["), RUN_QUIRKS, "q.yaml:"),
    "quirks-huge-integer": (quirk("[$value]", f"[{HUGE}]"), RUN_QUIRKS, "q.yaml:7"),
    "quirks-huge-key": (quirk("id: one", f"{HUGE}: one"), RUN_QUIRKS, "q.yaml:2"),
    "quirks-huge-id": (quirk("id: one", f"id: {HUGE}"), RUN_QUIRKS, "q.yaml:2"),
    "quirks-deep": (quirk("[$value]", f"{'[' * DEEP}{']' * DEEP}"), RUN_QUIRKS, "q.yaml"),
    "quirks-unknown": (quirk("client:receive", "client:nothing"), RUN_QUIRKS, "q.yaml:2"),
    "quirks-long-name": ({}, ["run", "--quirks", NAME], "nnn"),
    "quirks-directory": ({"q.yaml/x": ""}, RUN_QUIRKS, "q.yaml"),
    "quirks-endless": ({}, ["run", "--quirks", "/dev/zero"], "/dev/zero"),
    # lists
    "known-absent": ({}, RUN_KNOWN, "k.txt"),
    "known-no-colon": ({"k.txt": "module"}, RUN_KNOWN, "k.txt:1"),
    "known-no-reason": ({"k.txt": "module:\n"}, RUN_KNOWN, "k.txt:1"),
    "known-number": ({"k.txt": f"{HUGE}: because\n"}, RUN_KNOWN, "k.txt:1"),
    "known-long": ({"k.txt": f"{'a' * 1000000}: because\n"}, RUN_KNOWN, "k.txt:1"),
    "known-pattern": ({"k.txt": "[[[*: because\n"}, RUN_KNOWN, "k.txt:1"),
    "known-twice": ({"k.txt": "module: a\nmodule: b\n"}, RUN_KNOWN, "k.txt:2"),
    "known-directory": ({"k.txt/x": ""}, RUN_KNOWN, "k.txt"),
    "known-long-name": ({}, ["run", "--known", NAME], "nnn"),
    "known-long-path": ({}, ["run", "--known", PATH], "ddd"),
    "known-surrogate": ({}, ["run", "--known", "\udcff"], "\\udcff"),
    "flaky-long-name": ({}, ["run", "--flaky", NAME], "nnn"),
    "flaky-endless": ({}, ["run", "--flaky", "/dev/zero"], "/dev/zero"),
    # outputs
    "json-long": ({}, ["run", "--json", NAME], "nnn"),
    "json-directory": ({"d/x": ""}, ["run", "--json", "d"], "d is a directory"),
    "html-nowhere": ({}, ["run", "--html", "nowhere/x.html"], "nowhere"),
    "badge-through-file": ({"f": ""}, ["run", "--badge", "f/x.svg"], "f/x.svg"),
    "json-twice": ({}, ["run", "--json", "x", "--html", "./x"], "x"),
    "init-long": ({}, ["init", NAME], "nnn"),
    "init-exists": ({"d/x": ""}, ["init", "d"], "d"),
    "init-empty": ({}, ["init", ""], "NAME"),
    "init-surrogate": ({"f": ""}, ["init", "f/\udcff"], "f"),
    "annotations-file": ({"f": ""}, ["annotations", "f"], "f"),
    "annotations-long": ({}, ["annotations", NAME], "nnn"),
    "docs-file": ({"f": ""}, ["docs", "f/x"], "f"),
    "docs-long": ({}, ["docs", NAME], "nnn"),
    "docs-report": ({"r.json": "[]"}, ["docs", "site", "--report", "r.json"], "r.json"),
    "triage-output": ({"f": ""}, ["triage", "--port", "reference", "--output", "f/x"], "f/x"),
    "triage-output-long": ({}, ["triage", "--port", "reference", "--output", NAME], "nnn"),
    "write-long": ({}, ["explore", "--port", "reference", "--calls", "10", "--write", NAME], "nnn"),
    "write-nowhere": ({}, ["explore", "--port", "reference", "--calls", "10", "--write", "no/x.yaml"], "no"),
    "database-file": ({"f": ""}, ["explore", "--port", "reference", "--calls", "10", "--database", "f/x"], "f"),
    "pipes-long": ({}, ["peer", "tcp/close/returns-one", "--pipes", NAME], "nnn"),
    "pipes-file": ({"f": ""}, ["peer", "tcp/close/returns-one", "--pipes", "f"], "f"),
    "trace-long": ({}, ["lua", "--trace", NAME, "-e", "return"], "nnn"),
    # reports and traces
    "report-absent": ({}, ["report", "r.json"], "r.json"),
    "report-empty": ({"r.json": ""}, ["report", "r.json"], "r.json"),
    "report-list": ({"r.json": "[]"}, ["report", "r.json"], "r.json"),
    "report-deep": ({"r.json": "[" * 100000}, ["report", "r.json"], "r.json"),
    "report-huge-integer": ({"r.json": HUGE}, ["report", "r.json"], "r.json"),
    "report-nan": ({"r.json": "NaN"}, ["report", "r.json"], "r.json"),
    "report-long": ({}, ["report", NAME], "nnn"),
    "report-endless": ({}, ["report", "/dev/zero"], "/dev/zero"),
    "report-directory": ({"r.json/x": ""}, ["report", "r.json"], "r.json"),
    "trace-absent": ({}, ["judge", "t"], "t"),
    "trace-not-json": ({"t": "hello\n"}, ["judge", "t"], "t:1"),
    "trace-deep": ({"t": "[" * 100000 + "\n"}, ["judge", "t"], "t:1"),
    "trace-huge-integer": ({"t": f"{HUGE}\n"}, ["judge", "t"], "t:1"),
    "trace-endless": ({}, ["judge", "/dev/zero"], "/dev/zero"),
    "trace-html": ({"t": ""}, ["judge", "t", "--html", NAME], ""),
    # selections and words
    "selector-none": ({}, ["run", "nothing/at-all"], "nothing/at-all"),
    "selector-empty": ({}, ["run", ""], "''"),
    "selector-long": ({}, ["run", "x" * 100000], "xxx"),
    "selector-pattern": ({}, ["run", "[" * 1000], "[["),
    "selector-surrogate": ({}, ["run", "\udcff"], "\\udcff"),
    "show-none": ({}, ["show", "x"], "x"),
    "show-long": ({}, ["show", "x" * 100000], "xxx"),
    "show-module": ({}, ["show", "tcp/close/again", "--as", "lua", "--module", "a\nb"], "'a\\nb'"),
    "explain-none": ({}, ["explain", "client:nothing"], "client:nothing"),
    "coverage-none": ({}, ["coverage", "nothing"], "nothing"),
    "faults-none": ({}, ["faults", "nothing"], "nothing"),
    "command-none": ({}, ["dance"], "dance"),
    "command-absent": ({}, [], "command"),
    "option-none": ({}, ["run", "--nothing"], "--nothing"),
    "dialect-none": ({}, ["run", "--dialect", "x" * 1000], "--dialect"),
}


@pytest.fixture(scope="module")
def server() -> Iterator[subprocess.Popen[str]]:
    """The process that runs the commands."""
    program = Path(__file__).with_name("command_server.py")
    with subprocess.Popen(
        [sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        yield process


@pytest.mark.parametrize("case", CASES)
def test_a_bad_input_is_one_sentence(case: str, tmp_path: Path, server: subprocess.Popen[str]) -> None:
    files, arguments, named = CASES[case]
    here = tmp_path / "here"
    here.mkdir()
    for name, text in files.items():
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_text(text, encoding="utf-8", newline="")
    out, err = tmp_path / "out", tmp_path / "err"
    assert server.stdin is not None
    assert server.stdout is not None
    print(
        json.dumps({"arguments": arguments, "directory": str(here), "out": str(out), "err": str(err)}),
        file=server.stdin,
    )
    status = int(server.stdout.readline())
    error = err.read_text("utf-8")
    assert status in (USAGE, PORT_UNAVAILABLE), (error[-LONGEST:], out.read_text("utf-8")[-LONGEST:])
    assert error.startswith("luasocket-conformance: "), error[:LONGEST]
    assert named in error, error[:LONGEST]
    assert "Traceback" not in error
    assert len(error) <= LONGEST, len(error)
