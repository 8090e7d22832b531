"""Checks ``api.yaml`` against the specification and the reference: every shape, option and function."""

from __future__ import annotations

from collections.abc import Iterator

import luasocket_spec
import pytest
from luasocket_reference.dialect import DIALECTS
from luasocket_reference.options import OPTIONS
from luasocket_runners.lookup import Index, Observation
from luasocket_spec import model
from luasocket_spec.api import ApiError, load_api, parse, split_types

API = load_api()
INDEX = Index(luasocket_spec.load())


def accepts(declared: str, value: model.SpecValue) -> bool:
    """Tell whether a declared type admits a value; a matcher or a name is admitted where the type cannot exclude it."""
    return any(_accepts_one(part.strip(), value) for part in split_types(declared, "|"))


def _accepts_one(declared: str, value: model.SpecValue) -> bool:
    if isinstance(value, model.OneOf):
        return any(_accepts_one(declared, choice) for choice in value.choices)
    if isinstance(value, model.Subtype):
        return _accepts_one(declared, value.number)
    if isinstance(value, model.OfType):
        return any(_admits_type(declared, name) for name in value.types)
    if isinstance(value, model.Ref | model.Splice):
        return True
    kind = (
        "nil" if value is None
        else "boolean" if isinstance(value, bool)
        else "number" if isinstance(value, int | float | model.Between)
        else "string" if isinstance(value, bytes | model.Repeat | model.Concat | model.Pattern | model.Length)
        else "table"
    )  # fmt: skip
    if declared.startswith('"'):
        return value == declared.strip('"').encode()
    if declared == "1":
        return not isinstance(value, bool) and value == 1
    return _admits_type(declared, kind)


def _admits_type(declared: str, name: str) -> bool:
    if name == "any" or declared == "any":
        return True
    if declared.startswith("fun("):
        return name == "function"
    if declared in ("integer", "number", "1"):
        return name == "number"
    if declared.startswith('"'):
        return name == "string"
    if declared in ("nil", "boolean", "string"):
        return name == declared
    return name in ("table", "object", "function")  # a class, a list


def fits(observation: Observation) -> bool:
    """Tell whether the results of a call have one of the shapes of its function."""
    outcome = observation.outcome
    if not isinstance(outcome, model.Returns) or _open(observation):
        return True
    return any(
        len(shape) == len(outcome.values)
        and all(accepts(result.type, value) for result, value in zip(shape, outcome.values, strict=True))
        for shape in observation.function.returns
    )


def _open(observation: Observation) -> bool:
    return any(result.type == "..." for shape in observation.function.returns for result in shape)


def is_exception(observation: Observation) -> bool:
    """Tell whether the results are the documented reading of a disagreement, which no real LuaSocket gives."""
    return observation.reading.authority == "documented"


@pytest.mark.parametrize("name", API.functions)
def test_the_results_of_all_behaviours_have_a_declared_shape(name: str) -> None:
    function = API.functions[name]
    strays = [
        f"{item.behaviour.id}: {item.arguments} -> {item.results}"
        for item in INDEX.observations(function)
        if not item.through and not fits(item) and not is_exception(item)
    ]
    assert not strays, "\n".join(strays)


@pytest.mark.parametrize("name", API.functions)
def test_each_function_has_behaviours(name: str) -> None:
    assert INDEX.behaviours(API.functions[name])


def shapes() -> Iterator[tuple[str, int]]:
    for function in API.functions.values():
        yield from ((function.id, number) for number in range(len(function.returns)))


#: Shapes that no behaviour can bring about: an object is always made as long as there are descriptors.
UNSEEN = {(f"socket.{name}", 1) for name in ("tcp", "tcp4", "tcp6", "udp", "udp4", "udp6")}


@pytest.mark.parametrize(("name", "number"), sorted(set(shapes()) - UNSEEN))
def test_each_declared_shape_is_that_of_a_behaviour(name: str, number: int) -> None:
    function = API.functions[name]
    shape = function.returns[number]
    outcomes = [item.outcome for item in INDEX.observations(function) if not item.through and not _open(item)]
    seen = any(
        isinstance(outcome, model.Returns)
        and len(outcome.values) == len(shape)
        and all(accepts(result.type, value) for result, value in zip(shape, outcome.values, strict=True))
        for outcome in outcomes
    )
    assert seen or not outcomes


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("kind", ["tcp", "udp"])
@pytest.mark.parametrize("verb", ["set", "get"])
def test_options_are_those_of_the_reference(dialect: str, kind: str, verb: str) -> None:
    key = f"{verb} {kind}"
    expected = set(OPTIONS[key]) - set(DIALECTS[dialect].absent_options.get(key, ()))
    declared = API.options[kind].values()
    assert {option.name for option in declared if dialect in getattr(option, f"{verb}_in")} == expected


def test_every_statement_about_a_function_belongs_to_one() -> None:
    owned = {name for function in API.functions.values() for name in function.statements}
    owned |= {name for constant in API.constants.values() for name in constant.statements}
    functions = {statement.function for statement in INDEX.spec.statements.values()}
    assert functions - owned == {"module"}
    assert owned - functions == set()


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"says": "x", "returns": [], "nix": 1}, "unknown keys"),
        ({"says": "x"}, "missing keys"),
        ({"says": "x", "returns": [], "classes": ["client"]}, "`classes` lists the classes of a method"),
        ({"says": "x", "returns": [], "dialects": ["nix"]}, "`dialects` takes defold, luasocket-3"),
    ],
)
def test_a_wrong_entry_is_an_error(entry: dict[str, object], problem: str) -> None:
    with pytest.raises(ApiError, match=problem):
        parse({"classes": {}, "functions": {"socket.x": entry}, "constants": {}, "options": {}})
