"""The JSON of a report: it obeys the schema and can be read back, and other documents are refused."""

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


def test_the_schema_is_valid() -> None:
    VALIDATOR.check_schema(SCHEMA)


@pytest.mark.parametrize(
    ("shape", "name"),
    [
        (data.PortInfo, "port"),
        (data.MachineInfo, "machine"),
        (data.DisagreementInfo, "disagreement"),
        (data.CauseInfo, "cause"),
        (data.QuirkInfo, "quirk"),
        (data.Entry, "entry"),
        (Listed, "listed"),
    ],
)
def test_the_schema_and_the_program_know_the_same_keys(shape: type, name: str) -> None:
    part = SCHEMA["$defs"][name]
    assert list(part["properties"]) == part["required"] == [field.name for field in fields(shape)]


def test_the_schema_and_the_program_know_the_same_keys_of_the_whole() -> None:
    own = {"format", "format_version", "conclusion", "counts", "causes", "declared_quirks", "results", "lua_parts"}
    assert set(SCHEMA["properties"]) == set(SCHEMA["required"]) == own | {field.name for field in fields(Run)}


def test_the_schema_knows_every_verdict() -> None:
    assert SCHEMA["$defs"]["verdict"]["enum"] == [verdict.value for verdict in Verdict]


def test_a_report_obeys_the_schema_and_can_be_read_back(
    report: Callable[..., Report], results: list[Result], tmp_path: Path
) -> None:
    made = report(results)
    file = tmp_path / "report.json"
    file.write_text(made.to_json(), encoding="utf-8")
    document = json.loads(made.to_json())
    VALIDATOR.validate(document)
    assert Report.load(file) == made
    assert document["started"] == "2026-11-22T08:41:43Z"
    assert document["counts"]["known deviation"] == 2
    assert document["conclusion"] == "fails"
    first = document["results"][0]
    assert (first["id"], first["verdict"], first["returned"]) == ("tcp/receive/partial", "failed", 'nil, "timeout"')
    assert document["results"][3]["listed"]["reason"] == "It is old, https://example.org/issues/12."


def test_a_report_has_the_lua_script(report: Callable[..., Report], results: list[Result]) -> None:
    made = report(results)
    script = made.script(made.results[1])
    assert script.startswith("-- tcp/receive/line (documented: ")
    assert 'local socket = require "socket"' in script
    assert sum('require "socket"' in part for part in made.lua_parts) == 1


def test_hostile_output_is_read_back_as_text(
    report: Callable[..., Report], results: list[Result], hostile: str, tmp_path: Path
) -> None:
    result = replace(results[0], reason=hostile, call=hostile, expected=hostile, returned=hostile, printed=hostile)
    text = report([result], description={"name": hostile, "capabilities": [hostile]}).to_json()
    assert text.isascii()
    VALIDATOR.validate(json.loads(text))
    file = tmp_path / "report.json"
    file.write_text(text, encoding="utf-8")
    entry = Report.load(file).results[0]
    assert entry.returned == hostile.replace("\udcff", "\\udcff")
    assert entry.printed.replace("\n", "").isprintable()


def spoil(document: dict[str, Any], place: str, value: Any) -> None:
    *path, last = place.split(".")
    for key in path:
        document = document[int(key)] if key.isdigit() else document[key]  # type: ignore[call-overload]
    document[last] = value


@pytest.mark.parametrize(
    ("place", "value", "sentence"),
    [
        ("format", "other", "not a report of luasocket-conformance, which 'run --json FILE' writes"),
        ("format_version", 2, "the report has format version 2; this program reads 1"),
        ("extra", 1, "the report has unknown keys: extra"),
        ("results", None, "results is not a list"),
        ("results.0.verdict", "good", "results[0].verdict is not one of 'passed', 'passed with quirks', "),
        ("results.0.verdict", ["passed"], "results[0].verdict is not one of 'passed', 'passed with quirks', "),
        ("results.0.says", 1, "results[0].says is not a string"),
        ("results.0.says", "\udcff", "results[0].says has an unpaired surrogate"),
        ("results.0.more", 1, "results[0] has unknown keys: more"),
        ("results.0.seconds", True, "results[0].seconds is not a number"),
        ("results.0.seconds", float("nan"), "NaN is not a number in JSON"),
        ("results.0.listed", {}, "results[0].listed lacks entry, explained, file, kind, line, passed, reason"),
        ("results.0.lua", [99999], "the script of tcp/receive/partial refers to a part that does not exist"),
        ("results.0.lua", [-1], "the script of tcp/receive/partial refers to a part that does not exist"),
        ("results.0.id", "tcp/receive/line", "tcp/receive/line has two results"),
        ("port", [], "the report.port is not an object"),
        ("dialect", "klingon", "the report.dialect is not one of 'defold', 'luasocket-3'"),
    ],
)
def test_other_documents_are_no_reports(
    report: Callable[..., Report], results: list[Result], tmp_path: Path, place: str, value: object, sentence: str
) -> None:
    document = json.loads(report(results).to_json())
    spoil(document, place, value)
    file = tmp_path / "report.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(ReportError) as caught:
        Report.load(file)
    assert str(caught.value).startswith(f"{file}: {sentence}")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "not JSON: "),
        (b"\xff", "not a report: it is not UTF-8: "),
        (b"[]", "not a report of luasocket-conformance"),
        (b"[" * 100_000, "not a report: it is nested too deeply"),
    ],
)
def test_files_that_are_not_json(tmp_path: Path, text: bytes, sentence: str) -> None:
    file = tmp_path / "report.json"
    file.write_bytes(text)
    with pytest.raises(ReportError) as caught:
        Report.load(file)
    assert str(caught.value).startswith(f"{file}: {sentence}")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="the report cannot be read: No such file or directory"):
        Report.load(tmp_path / "nothing.json")
