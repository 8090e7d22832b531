"""Tests the JSON Schemas: they accept the data of the package, and refuse the invalid files as far as schemas can."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import referencing
from luasocket_spec import CAPABILITIES, model
from luasocket_spec.reading import assembly, cases
from luasocket_spec.reading.actions import ACTIONS
from luasocket_spec.reading.nodes import Mapping, Node, Scalar, read
from luasocket_spec.reading.values import VALUE_KEYS

PACKAGE = Path(str(resources.files("luasocket_spec")))
KINDS = ("behaviours", "statements", "fixtures", "api", "versions", "manual")
SCHEMAS = {kind: json.loads((PACKAGE / f"schema/{kind}.schema.json").read_text(encoding="utf-8")) for kind in KINDS}
REGISTRY: Any = referencing.Registry().with_resources(
    (f"{kind}.schema.json", referencing.Resource.from_contents(schema)) for kind, schema in SCHEMAS.items()
)
DEFS = SCHEMAS["behaviours"]["$defs"]
SHIPPED = sorted((*PACKAGE.rglob("*.yaml"), *(Path(__file__).parent / "valid").rglob("*.yaml")))


def kind_of(path: Path) -> str:
    return next(kind for kind in KINDS if kind in path.with_suffix("").parts)


def plain(node: Node) -> Any:
    """Return the node as the YAML reader of an editor does; a key is a string in JSON."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Mapping):
        return {key.text: plain(value) for key, value in node.pairs.values()}
    return [plain(item) for item in node.items]


def errors(path: Path, kind: str) -> list[str]:
    reports: list[str] = []
    root = read(path.read_bytes(), lambda line, sentence: reports.append(f"{line}: {sentence}"))
    assert not reports, f"{path.name} says what a schema thinks of it, but is not YAML as we read it: {reports}"
    assert root is not None
    validator = jsonschema.Draft202012Validator({"$ref": f"{kind}.schema.json"}, registry=REGISTRY)
    return [f"{list(error.absolute_path)}: {error.message}" for error in validator.iter_errors(plain(root))]


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_is_valid(kind: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[kind])


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_schema_accepts_valid_files(path: Path) -> None:
    assert errors(path, kind_of(path)) == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_each_file_names_its_schema(path: Path) -> None:
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    prefix = "# yaml-language-server: $schema="
    assert first.startswith(prefix)
    target = path.parent / first.removeprefix(prefix)
    # compare content: under tox the package is the wheel's, while the tests' data name the checkout's
    assert target.name == f"{kind_of(path)}.schema.json"
    assert target.read_bytes() == (PACKAGE / "schema" / target.name).read_bytes()


def test_the_schema_refuses_invalid_files(case: Any) -> None:
    if case.schema is None:  # not valid in our subset of YAML
        reports: list[str] = []
        read(case.path.read_bytes(), lambda _, sentence: reports.append(sentence))
        assert reports, "the case does not say what a schema thinks of it"
        return
    assert case.schema in {"refuses", "cannot tell"}
    assert bool(errors(case.path, case.kind)) == (case.schema == "refuses")


# -- the schema and the loader have the same words


def properties(alternatives: list[dict[str, Any]]) -> dict[str, set[str]]:
    """Return the keys of each alternative by its first one."""
    return {next(iter(entry["properties"])): set(entry["properties"]) for entry in alternatives}


def test_actions() -> None:
    known = properties(DEFS["action"]["anyOf"][0]["oneOf"])
    assert known == {
        verb: {verb, "who", *action.options, *(["as"] if action.bind else [])} for verb, action in ACTIONS.items()
    }


def test_values_and_matchers() -> None:
    tagged = [entry for entry in DEFS["expected"]["anyOf"] if "properties" in entry]
    assert set(properties(tagged)) == set(VALUE_KEYS)
    assert tuple(DEFS["lua_type"]["enum"]) == model.TYPES


def test_keys_of_a_behaviour() -> None:
    assert set(DEFS["behaviour"]["properties"]) == set(assembly.BEHAVIOUR_KEYS)
    assert set(DEFS["row"]["properties"]) == set(cases.ROW_KEYS)


def test_capabilities() -> None:
    known = {entry["const"]: entry["description"] for entry in DEFS["needs"]["items"]["oneOf"]}
    assert known == {name: capability.says for name, capability in CAPABILITIES.items()}


def descriptions(schema: Any) -> list[str]:
    """Return the places of properties without a description."""
    missing: list[str] = []
    if isinstance(schema, dict):
        for name, entry in schema.get("properties", {}).items():
            target = DEFS[entry["$ref"].rpartition("/")[2]] if "$ref" in entry else entry
            if isinstance(target, dict) and not target.get("description") and "const" not in target:
                missing.append(name)
        for entry in schema.values():
            missing.extend(descriptions(entry))
    elif isinstance(schema, list):
        for entry in schema:
            missing.extend(descriptions(entry))
    return missing


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_is_explained(kind: str) -> None:
    assert descriptions(SCHEMAS[kind]) == []
