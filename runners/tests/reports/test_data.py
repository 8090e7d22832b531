"""The JSON of a report: it is what the schema says, it comes back as it was, and nothing else is taken for one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from luasocket_runners.reports import Report, ReportError, Run, data
from luasocket_runners.result import Listed, Result, Verdict

SCHEMA = json.loads(resources.files("luasocket_runners").joinpath("schema", "report.schema.json").read_text("utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def test_the_schema_is_one() -> None:
    VALIDATOR.check_schema(SCHEMA)


@pytest.mark.parametrize(
    ("shape", "name"),
    [
        (data.Port, "port"),
        (data.Machine, "machine"),
        (data.Disagreement, "disagreement"),
        (data.Entry, "entry"),
        (Listed, "listed"),
    ],
)
def test_the_schema_and_the_program_know_the_same_keys(shape: type, name: str) -> None:
    part = SCHEMA["$defs"][name]
    assert list(part["properties"]) == part["required"] == [field.name for field in fields(shape)]


def test_the_schema_and_the_program_know_the_same_keys_of_the_whole() -> None:
    own = {"format", "format_version", "conforms", "counts", "results", "lua_parts"}
    assert set(SCHEMA["properties"]) == set(SCHEMA["required"]) == own | {field.name for field in fields(Run)}


def test_the_schema_knows_every_verdict() -> None:
    assert SCHEMA["$defs"]["verdict"]["enum"] == [verdict.value for verdict in Verdict]


def test_a_report_is_as_the_schema_says_and_comes_back(
    report: Callable[..., Report], results: list[Result], tmp_path: Path
) -> None:
    made = report(results)
    file = tmp_path / "report.json"
    file.write_text(made.to_json(), encoding="utf-8")
    told = json.loads(made.to_json())
    VALIDATOR.validate(told)
    assert Report.load(file) == made
    assert told["started"] == "2026-11-22T08:41:43Z"
    assert told["counts"]["known deviation"] == 2
    assert told["conforms"] is False
    first = told["results"][0]
    assert (first["id"], first["verdict"], first["returned"]) == ("tcp/receive/partial", "failed", 'nil, "timeout"')
    assert told["results"][3]["listed"]["reason"] == "It is old, https://example.org/issues/12."


def test_a_report_has_the_lua_script(report: Callable[..., Report], results: list[Result]) -> None:
    made = report(results)
    script = made.script(made.results[1])
    assert script.startswith("-- tcp/receive/line (documented: ")
    assert 'local socket = require "socket"' in script
    assert sum('require "socket"' in part for part in made.lua_parts) == 1


def test_what_a_port_printed_comes_back_as_text(
    report: Callable[..., Report], results: list[Result], hostile: str, tmp_path: Path
) -> None:
    result = replace(results[0], reason=hostile, doing=hostile, expected=hostile, returned=hostile, printed=hostile)
    text = report([result], description={"name": hostile, "capabilities": [hostile]}).to_json()
    assert text.isascii()
    VALIDATOR.validate(json.loads(text))
    file = tmp_path / "report.json"
    file.write_text(text, encoding="utf-8")
    entry = Report.load(file).results[0]
    assert entry.returned == hostile.replace("\udcff", "\\udcff")
    assert entry.printed.replace("\n", "").isprintable()


def spoil(told: dict[str, Any], place: str, value: Any) -> None:
    *path, last = place.split(".")
    for key in path:
        told = told[int(key)] if key.isdigit() else told[key]  # type: ignore[call-overload]
    told[last] = value


@pytest.mark.parametrize(
    ("place", "value", "sentence"),
    [
        ("format", "other", "this is no report of luasocket-conformance: 'run --json FILE' writes one"),
        ("format_version", 2, "the report has format version 2; this program reads 1"),
        ("extra", 1, "the report may not have extra"),
        ("results", None, "results is no list"),
        ("results.0.verdict", "good", "results[0].verdict is none of 'passed', 'failed', "),
        ("results.0.verdict", ["passed"], "results[0].verdict is none of 'passed', 'failed', "),
        ("results.0.says", 1, "results[0].says is not a string"),
        ("results.0.says", "\udcff", "results[0].says has half a character of UTF-16"),
        ("results.0.more", 1, "results[0] may not have more"),
        ("results.0.seconds", True, "results[0].seconds is not a number"),
        ("results.0.seconds", float("nan"), "NaN is no number of JSON"),
        ("results.0.listed", {}, "results[0].listed lacks entry, explained, file, kind, line, passed, reason"),
        ("results.0.lua", [99999], "the script of tcp/receive/partial has a part that is not there"),
        ("results.0.lua", [-1], "the script of tcp/receive/partial has a part that is not there"),
        ("results.0.id", "tcp/receive/line", "tcp/receive/line has two results"),
        ("port", [], "the report.port is no object"),
        ("dialect", "klingon", "the report.dialect is none of 'defold', 'luasocket-3'"),
    ],
)
def test_what_is_no_report_is_told_apart(
    report: Callable[..., Report], results: list[Result], tmp_path: Path, place: str, value: object, sentence: str
) -> None:
    told = json.loads(report(results).to_json())
    spoil(told, place, value)
    file = tmp_path / "report.json"
    file.write_text(json.dumps(told), encoding="utf-8")
    with pytest.raises(ReportError) as caught:
        Report.load(file)
    assert str(caught.value).startswith(f"{file}: {sentence}")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "this is not JSON: "),
        (b"\xff", "this is not JSON: "),
        (b"[]", "this is no report of luasocket-conformance"),
        (b"[" * 100_000, "this is no report: it is nested too deeply"),
    ],
)
def test_what_is_not_even_json(tmp_path: Path, text: bytes, sentence: str) -> None:
    file = tmp_path / "report.json"
    file.write_bytes(text)
    with pytest.raises(ReportError) as caught:
        Report.load(file)
    assert str(caught.value).startswith(f"{file}: {sentence}")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="the report cannot be read: No such file or directory"):
        Report.load(tmp_path / "nothing.json")
