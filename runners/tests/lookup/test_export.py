"""Checks the exported specification against its schema, and that nothing of the spec is lost in it."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import luasocket_spec
import pytest
from luasocket_runners.cli.main import main
from luasocket_runners.lookup import Index
from luasocket_runners.lookup.export import export


def test_the_document_has_the_form_of_its_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "--schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert main(["export"]) == 0
    document = json.loads(capsys.readouterr().out)
    sample = document["behaviours"]
    # every behaviour of every file once, and each twentieth case: the validator is slow
    first = {behaviour["entry"]: behaviour for behaviour in reversed(sample)}
    document["behaviours"] = [*first.values()][::4] + sample[::40]
    assert [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(document)] == []


def test_everything_is_in_it() -> None:
    index = Index(luasocket_spec.load())
    document = export(index)
    assert [behaviour["id"] for behaviour in document["behaviours"]] == list(index.by_id)
    assert set(document["statements"]) == set(index.spec.statements)
    assert set(document["functions"]) == set(index.api.functions)


def test_bytes_matchers_and_peers_are_written() -> None:
    found: dict[str, Any] = {entry["id"]: entry for entry in export(Index(luasocket_spec.load()))["behaviours"]}
    behaviour = found["tcp/receive-line/partial-on-timeout"]
    assert behaviour["situation"] == "timeout-some"
    *_, call = behaviour["steps"]
    assert call["call"] == {"object": "client", "method": "receive"}
    assert call["with"] == ["*l"]
    assert call["expect"] == [{"dialect": None, "authority": None, "returns": [None, "timeout", "hel"]}]
    assert {"who": "client", "do": "send", "value": "hel", "options": {}, "as": None} in [
        step.get("peer") for step in behaviour["steps"]
    ]
    assert "\xff" in json.dumps(found["tcp/receive-line/any-byte/high-bytes"], ensure_ascii=False)
